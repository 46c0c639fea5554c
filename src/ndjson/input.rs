//! The bytes of an input file as it was when it was listed, decompressed.
//!
//! A file that has grown since is read up to its listed size; one that shrank or was replaced fails the run, for its
//! counts and its schema were another file's. It knows nothing of lines.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::Ahead;
use super::listing::{Compression, Identity, InputFile};
use crate::error::Error;
use crate::store::Reader;

/// Opens `file` at the start of `range` of what is decompressed; of a compressed file all before it is read as well. The reader
/// goes on behind the range, up to the file's end; an object is asked for ahead up to the range's.
///
/// **Errors**: `Input`, if it cannot be opened or is not the file that was listed. Later faults come out of the reader
/// as an [`io::Error`] that [`failure`] turns into ours.
pub(crate) fn open(file: &InputFile, range: Range<u64>) -> Result<Box<dyn Read + Send>, Error> {
    let size = file.identity.size;
    let is_plain = file.compression == Compression::None;
    let from = range.start;
    let mut decoded = match &file.object {
        Some(object) if is_plain => return Ok(Box::new(Reader::new(object, range)?)),
        Some(object) => decode(file, Reader::new(object, 0..size)?)?,
        None => {
            let unreadable = |source| Error::unreadable(&file.path, source);
            let mut opened = File::open(&file.path).map_err(unreadable)?;
            compare(file, &opened.metadata().map_err(unreadable)?)?;
            if is_plain {
                opened.seek(SeekFrom::Start(from)).map_err(unreadable)?;
                return Ok(Box::new(Listed { reader: opened.take(size.saturating_sub(from)), file: file.clone() }));
            }
            decode(file, Listed { reader: opened.take(size), file: file.clone() })?
        }
    };
    io::copy(&mut decoded.by_ref().take(from), &mut io::sink()).map_err(|error| failure(error, file))?;
    Ok(decoded)
}

/// What a compressed file holds.
fn decode(file: &InputFile, stored: impl Read + Send + 'static) -> Result<Box<dyn Read + Send>, Error> {
    let unreadable = |source| Error::unreadable(&file.path, source);
    match file.compression {
        Compression::None => Ok(Box::new(stored)),
        // An empty file has no rows, whatever its name.
        _ if file.identity.size == 0 => Ok(Box::new(io::empty())),
        Compression::Gzip => {
            let (counted, at) = Counted::new(stored);
            let buffered = BufReader::with_capacity(1 << 16, counted);
            Decoded::ahead(flate2::bufread::MultiGzDecoder::new(buffered), file, at).map_err(unreadable)
        }
        Compression::Zstd => {
            let (counted, at) = Counted::new(stored);
            let decoder = zstd::stream::read::Decoder::new(counted).map_err(unreadable)?;
            Decoded::ahead(decoder, file, at).map_err(unreadable)
        }
    }
}

/// Whether `file` is still what it was when it was listed, or has only grown. Asked when a part of it has been read:
/// what was written over before is noticed here, and before it could be published. Of an object each piece is of the state that
/// was listed.
///
/// **Errors**: `Input`, if it is not.
pub(crate) fn check_unchanged(file: &InputFile) -> Result<(), Error> {
    if file.object.is_some() {
        return Ok(());
    }
    let found = std::fs::metadata(&file.path).map_err(|source| Error::unreadable(&file.path, source))?;
    compare(file, &found)
}

/// Whether `file` can be read and is what it was when it was listed: nothing was added to it either. Asked of the opened file, for which
/// file systems of other machines look again and do not answer from memory.
pub(crate) fn is_as_listed(file: &InputFile) -> bool {
    let found = File::open(&file.path).and_then(|opened| opened.metadata());
    found.is_ok_and(|found| Identity::from(&found) == file.identity)
}

fn compare(file: &InputFile, found: &Metadata) -> Result<(), Error> {
    let (listed, found) = (&file.identity, Identity::from(found));
    if (found.device, found.inode) != (listed.device, listed.inode) {
        return Err(changed(file, "was replaced"));
    }
    if found.size < listed.size {
        return Err(changed(file, "shrank"));
    }
    if found.size == listed.size && found.modified != listed.modified {
        return Err(changed(file, "was written over"));
    }
    Ok(())
}

/// What went wrong while `file` was read.
pub(crate) fn failure(error: io::Error, file: &InputFile) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => ours,
        Err(other) => Error::unreadable(&file.path, other),
    }
}

/// The file is not what it was when the run listed it.
pub(crate) fn changed(file: &InputFile, how: &str) -> Error {
    Error::input(format!("`{}` {how} while it was read", file.shown))
        .with_hint("nothing was published; run again when the file is at rest, or have its writer create new files")
}

/// The first `size` bytes of a file, all of them or an error.
struct Listed {
    reader: Take<File>,
    file: InputFile,
}

impl Read for Listed {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        if count == 0 && !into.is_empty() && self.reader.limit() > 0 {
            return Err(io::Error::other(changed(&self.file, "shrank")));
        }
        Ok(count)
    }
}

/// Counts the compressed bytes that went into a decoder.
struct Counted<R> {
    reader: R,
    at: Arc<AtomicU64>,
}

impl<R> Counted<R> {
    fn new(reader: R) -> (Self, Arc<AtomicU64>) {
        let at = Arc::default();
        (Self { reader, at: Arc::clone(&at) }, at)
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(into)?;
        self.at.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// A decoder whose failures name the file and the byte.
struct Decoded<D> {
    decoder: D,
    file: InputFile,
    at: Arc<AtomicU64>,
    out: u64,
}

impl<D: Read + Send + 'static> Decoded<D> {
    fn ahead(decoder: D, file: &InputFile, at: Arc<AtomicU64>) -> io::Result<Box<dyn Read + Send>> {
        Ok(Box::new(Ahead::new(Self { decoder, file: file.clone(), at, out: 0 })?))
    }
}

impl<D: Read> Read for Decoded<D> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.decoder.read(into) {
            Ok(count) => {
                self.out += count as u64;
                Ok(count)
            }
            Err(error) if error.get_ref().is_some_and(|inner| inner.is::<Error>()) => Err(error),
            // The machine's failures are not the file's.
            Err(error) if error.kind() == io::ErrorKind::Interrupted || error.raw_os_error().is_some() => Err(error),
            Err(error) => Err(io::Error::other(self.broken(error))),
        }
    }
}

impl<D> Decoded<D> {
    fn broken(&self, cause: io::Error) -> Error {
        let (shown, at) = (&self.file.shown, self.at.load(Ordering::Relaxed));
        let name = match self.file.compression {
            Compression::Gzip => "gzip",
            _ => "zstd",
        };
        let what = match cause.kind() {
            io::ErrorKind::UnexpectedEof => format!("`{shown}` is cut short: its {name} data ends at byte {at}"),
            _ if self.out == 0 => format!("`{shown}` is not {name} as its name says, seen by byte {at}"),
            _ => format!("`{shown}` has broken {name} data before byte {at}"),
        };
        Error::input(what)
            .with_source(cause)
            .with_hint("nothing of it was used; fetch the file again, or move it out of the source's pattern")
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;

    use super::*;

    /// A folder with one file, listed.
    fn file(name: &str, bytes: &[u8]) -> (TempDir, InputFile) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let listed = super::super::listing::list(folder.path(), &[name.to_owned()]).unwrap().remove(0);
        (folder, listed)
    }

    fn read(file: &InputFile, from: u64) -> Result<Vec<u8>, String> {
        let mut bytes = Vec::new();
        let mut reader = open(file, from..u64::MAX).map_err(|error| error.chain())?;
        reader.read_to_end(&mut bytes).map_err(|error| failure(error, file).chain())?;
        Ok(bytes)
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zst(bytes: &[u8]) -> Vec<u8> {
        zstd::encode_all(bytes, 0).unwrap()
    }

    #[test]
    fn all_members_and_frames_are_read() {
        for (name, pack) in [("a.gz", gzip as fn(&[u8]) -> Vec<u8>), ("a.zst", zst)] {
            let whole = [pack(b"one"), pack(b""), pack(b"two")].concat();
            assert_eq!(read(&file(name, &whole).1, 0).unwrap(), b"onetwo");
            assert_eq!(read(&file(name, b"").1, 0).unwrap(), b"");
        }
        assert_eq!(read(&file("a", b"onetwo").1, 3).unwrap(), b"two");
    }

    #[test]
    fn every_cut_of_a_compressed_file_is_seen() {
        let text: Vec<u8> = (0..2_000_u32).flat_map(u32::to_le_bytes).collect();
        for (name, packed) in [("a.gz", gzip(&text)), ("a.zst", zst(&text))] {
            for cut in (1..packed.len()).step_by(97).chain([packed.len() - 1]) {
                let told = read(&file(name, &packed[..cut]).1, 0).unwrap_err();
                assert!(told.starts_with(&format!("`{name}` is cut short: ")), "{cut}: {told}");
                assert!(told.contains(&format!("ends at byte {cut}: ")), "{told}");
            }
        }
    }

    #[test]
    fn a_file_is_read_as_it_was_listed() {
        let (folder, listed) = file("a", b"12345");
        let path = folder.path().join("a");
        File::options().append(true).open(&path).unwrap().write_all(b"67").unwrap();
        assert_eq!((read(&listed, 0).unwrap(), read(&listed, 4).unwrap()), (b"12345".to_vec(), b"5".to_vec()));
        std::fs::write(&path, b"12").unwrap();
        assert_eq!(read(&listed, 0).unwrap_err(), "`a` shrank while it was read");
        assert_eq!(check_unchanged(&listed).unwrap_err().chain(), "`a` shrank while it was read");
        std::fs::write(folder.path().join("b"), b"12345").unwrap();
        std::fs::rename(folder.path().join("b"), &path).unwrap();
        assert_eq!(read(&listed, 0).unwrap_err(), "`a` was replaced while it was read");
    }

    #[test]
    fn a_file_that_shrinks_behind_the_reader_is_seen() {
        let (folder, listed) = file("a", &[b'x'; 100]);
        let mut reader = open(&listed, 0..100).unwrap();
        reader.read_exact(&mut [0; 40]).unwrap();
        File::options().write(true).open(folder.path().join("a")).unwrap().set_len(50).unwrap();
        let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(failure(error, &listed).chain(), "`a` shrank while it was read");
    }
}
