//! How much of a file is whole lines, and what tells whether a file begins with what was read of another.
//!
//! What was read is told by its length and by hashes of its first and last bytes, of what is decompressed: so a file is known
//! again when it has grown, was moved, or was compressed. It knows nothing of who has read what.

use std::collections::HashMap;
use std::io::Read;

use super::input;
use super::listing::{Compression, InputFile};
use crate::error::Result;

/// How much is hashed at each end.
const END_BYTES: u64 = 4 << 10;
/// How much is looked at in one go for the last newline.
const STEP_BYTES: u64 = 64 << 10;

/// What tells the first bytes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fingerprint {
    /// How many bytes, of what is decompressed.
    pub bytes: u64,
    /// Of the first of them, at most 4 KiB.
    pub head: String,
    /// Of the last of them, at most 4 KiB.
    pub tail: String,
}

impl Fingerprint {
    /// Of the first `bytes` of `file`, which has as many.
    ///
    /// **Errors**: `Input`, if it cannot be read, or is not what was listed.
    pub fn of(file: &InputFile, bytes: u64) -> Result<Option<Self>> {
        let Some(head) = exactly(file, 0, end_bytes(bytes))? else { return Ok(None) };
        let tail_bytes = end_bytes(bytes);
        let tail = exactly(file, bytes - tail_bytes, tail_bytes)?;
        Ok(tail.map(|tail| Self { bytes, head: hash(&head), tail: hash(&tail) }))
    }

    /// Whether a file begins with these bytes, as far as the ends of them tell.
    ///
    /// **Errors**: as [`Fingerprint::of`].
    pub fn begins(&self, beginning: &mut Beginning<'_>) -> Result<bool> {
        let file = beginning.file;
        let is_long_enough = file.compression != Compression::None || file.identity.size >= self.bytes;
        Ok(is_long_enough
            && beginning.hash(self.bytes)? == Some(self.head.as_str())
            && Self::of(file, self.bytes)?.as_ref() == Some(self))
    }
}

/// How much is hashed of either end of so many bytes.
pub fn end_bytes(bytes: u64) -> u64 {
    bytes.min(END_BYTES)
}

/// The first bytes of a file, read once and compared with many.
pub struct Beginning<'a> {
    file: &'a InputFile,
    bytes: Option<Vec<u8>>,
    /// Hashes by length.
    hashes: HashMap<usize, String>,
}

impl<'a> Beginning<'a> {
    /// Of a file that is read when it is needed.
    pub fn of(file: &'a InputFile) -> Self {
        Self { file, bytes: None, hashes: HashMap::new() }
    }

    /// Of as much as is hashed of so many bytes; `None` if there are fewer.
    ///
    /// **Errors**: `Input`, if the file cannot be read.
    pub fn hash(&mut self, bytes: u64) -> Result<Option<&str>> {
        let head = match self.bytes.take() {
            Some(head) => head,
            None => at_most(self.file, 0, END_BYTES)?,
        };
        let head = self.bytes.insert(head);
        let length = end_bytes(bytes) as usize;
        let Some(head) = head.get(..length) else { return Ok(None) };
        Ok(Some(self.hashes.entry(length).or_insert_with(|| hash(head))))
    }
}

/// Whether a line begins at byte `at` of `file`.
///
/// **Errors**: as [`whole_lines`].
pub fn begins_line(file: &InputFile, at: u64) -> Result<bool> {
    Ok(at == 0 || exactly(file, at - 1, 1)?.is_some_and(|before| before == b"\n"))
}

/// How many bytes at the start of `file` are whole lines: up to its last newline. A compressed file is whole, and so is an object:
/// nobody adds to the last line of it.
///
/// **Errors**: `Input`, if it cannot be read, or is not what was listed.
pub fn whole_lines(file: &InputFile) -> Result<u64> {
    if file.compression != Compression::None {
        let mut all = input::open(file, 0..u64::MAX)?;
        return std::io::copy(&mut all, &mut std::io::sink()).map_err(|error| input::failure(error, file));
    }
    let mut end = file.identity.size;
    if file.object.is_some() {
        return Ok(end);
    }
    while end > 0 {
        let start = end.saturating_sub(STEP_BYTES);
        let bytes = exactly(file, start, end - start)?.unwrap_or_default();
        if let Some(at) = memchr::memrchr(b'\n', &bytes) {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// How many lines the first `bytes` of `file` are.
///
/// **Errors**: as [`whole_lines`].
pub fn lines_in(file: &InputFile, bytes: u64) -> Result<u64> {
    let mut reader = input::open(file, 0..bytes)?.take(bytes);
    let (mut lines, mut block) = (0, vec![0; STEP_BYTES as usize]);
    loop {
        match reader.read(&mut block).map_err(|error| input::failure(error, file))? {
            0 => return Ok(lines),
            read => lines += memchr::memchr_iter(b'\n', &block[..read]).count() as u64,
        }
    }
}

/// So many bytes from `start` on; `None` if there are fewer.
fn exactly(file: &InputFile, start: u64, count: u64) -> Result<Option<Vec<u8>>> {
    let bytes = at_most(file, start, count)?;
    Ok((bytes.len() as u64 == count).then_some(bytes))
}

fn at_most(file: &InputFile, start: u64, count: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = input::open(file, start..start.saturating_add(count))?.take(count);
    reader.read_to_end(&mut bytes).map_err(|error| input::failure(error, file))?;
    Ok(bytes)
}

fn hash(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use std::io::Write;

    use super::super::listing::list;
    use super::*;

    fn files(named: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, Vec<InputFile>) {
        let folder = tempfile::tempdir().unwrap();
        named.iter().for_each(|(name, bytes)| std::fs::write(folder.path().join(name), bytes).unwrap());
        let files = list(folder.path(), &["*".to_owned()]).unwrap();
        (folder, files)
    }

    fn lines(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| format!("{{\"n\":{number}}}\n").into_bytes()).collect()
    }

    #[test]
    fn whole_lines_end_with_the_last_newline() {
        let open = [b"1\n2".repeat(3), b"x".repeat(200_000)].concat();
        let named = [("a.out", Vec::new()), ("b.out", b"1".to_vec()), ("c.out", lines(50_000)), ("d.out", open)];
        let (_folder, files) = files(&named);
        let ends: Vec<u64> = files.iter().map(|file| whole_lines(file).unwrap()).collect();
        assert_eq!(ends, [0, 0, lines(50_000).len() as u64, 8]);
    }

    #[test]
    fn what_was_read_is_known_again_grown_and_compressed() {
        let all = lines(20_000);
        let part = lines(9_000).len() as u64;
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&all).unwrap();
        let mut other = all.clone();
        other[part as usize - 3] = b'x';
        let mut late = all.clone();
        late[part as usize + 3] = b'x';
        let named = [
            ("a.out", all.clone()),
            ("b.out.gz", gz.finish().unwrap()),
            ("c.out.zst", zstd::encode_all(all.as_slice(), 1).unwrap()),
            ("d.out", late),
            ("e.out", other),
            ("f.out", lines(8_999)),
            ("g.out", Vec::new()),
        ];
        let (_folder, files) = files(&named);
        let read = Fingerprint::of(&files[0], part).unwrap().unwrap();
        let begins: Vec<bool> = files.iter().map(|file| read.begins(&mut Beginning::of(file)).unwrap()).collect();
        assert_eq!(begins, [true, true, true, true, false, false, false]);
        assert_eq!(whole_lines(&files[1]).unwrap(), all.len() as u64);
        assert_eq!(Fingerprint::of(&files[5], part).unwrap(), None);
        let nothing = Fingerprint::of(&files[6], 0).unwrap().unwrap();
        assert!(nothing.begins(&mut Beginning::of(&files[0])).unwrap());
    }
}
