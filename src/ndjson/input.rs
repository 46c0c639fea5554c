//! The bytes of an input file as it was when it was listed, decompressed.
//!
//! A file that has grown since is read up to its listed size; one that shrank or was replaced fails the run, for its
//! counts and its schema were another file's. It knows nothing of lines.

use std::fs::{File, Metadata};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Take};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::listing::{Compression, Identity, InputFile};
use crate::error::Error;

/// Opens `file` at byte `from`, which must be 0 for a compressed file.
///
/// **Errors**: `Input`, if it cannot be opened or is not the file that was listed. Later faults come out of the reader
/// as an [`io::Error`] that [`failure`] turns into ours.
pub(crate) fn open(file: &InputFile, from: u64) -> Result<Box<dyn Read + Send>, Error> {
    let unreadable = |source| Error::unreadable(&file.path, source);
    let mut opened = File::open(&file.path).map_err(unreadable)?;
    compare(file, &opened.metadata().map_err(unreadable)?)?;
    if from > 0 {
        opened.seek(SeekFrom::Start(from)).map_err(unreadable)?;
    }
    let listed = Listed { reader: opened.take(file.size().saturating_sub(from)), file: file.clone() };
    match file.compression {
        Compression::None => Ok(Box::new(listed)),
        // An empty file has no rows, whatever its name.
        _ if file.size() == 0 => Ok(Box::new(io::empty())),
        Compression::Gzip => {
            let (counted, at) = Counted::new(listed);
            Ok(Decoded::boxed(
                flate2::bufread::MultiGzDecoder::new(BufReader::with_capacity(1 << 16, counted)),
                file,
                at,
            ))
        }
        Compression::Zstd => {
            let (counted, at) = Counted::new(listed);
            let decoder = zstd::stream::read::Decoder::new(counted).map_err(unreadable)?;
            Ok(Decoded::boxed(decoder, file, at))
        }
    }
}

/// Whether `file` is still what it was when it was listed, or has only grown. Asked when a part of it has been read:
/// what was written over before is noticed here, and before it could be published.
///
/// **Errors**: `Input`, if it is not.
pub(crate) fn check_unchanged(file: &InputFile) -> Result<(), Error> {
    let found = std::fs::metadata(&file.path).map_err(|source| Error::unreadable(&file.path, source))?;
    compare(file, &found)
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
    fn boxed(decoder: D, file: &InputFile, at: Arc<AtomicU64>) -> Box<dyn Read + Send> {
        Box::new(Self { decoder, file: file.clone(), at, out: 0 })
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
