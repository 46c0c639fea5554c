//! Lines of a text that was cut anywhere, held to those of the whole one.

use super::*;

/// Offset, bytes, whether terminated, whether too long.
pub(super) type Owned = (u64, Vec<u8>, bool, bool);

/// Reads at most `step` bytes a call, to meet every boundary.
struct Slow<'a>(&'a [u8], usize);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.1.min(self.0.len()).min(into.len());
        into[..count].copy_from_slice(&self.0[..count]);
        self.0 = &self.0[count..];
        Ok(count)
    }
}

pub(super) fn read(file: &[u8], range: Range<u64>, step: usize, max: usize) -> Vec<Owned> {
    let from = (Blocks::<Slow>::first_byte(&range) as usize).min(file.len());
    // What the room was used for before is of no account.
    let used = vec![b'\n'; 40 << 10];
    let mut blocks = Blocks::new(Slow(&file[from..], step), range, max, used);
    let mut out = Vec::new();
    let mut take = |line: Line| out.push((line.offset, line.bytes.to_vec(), line.terminated, line.too_long));
    while let Some(block) = blocks.next().expect("memory can be read") {
        match block {
            Block::TooLong(line) => take(line),
            Block::Lines => {
                let (offset, bytes) = blocks.current();
                let mut start = 0;
                while start < bytes.len() {
                    let (line, next) = line_at(bytes, start, offset, max);
                    take(line);
                    start = next;
                }
            }
        }
    }
    out
}

/// Holds the lines of a file read in parts, so many bytes a call, to those of the whole, and these to what a line is.
pub(crate) fn check_cuts(file: &[u8], mut cuts: Vec<u64>, step: usize, max: usize) {
    let size = file.len() as u64;
    let whole = read(file, 0..size, 1 << 20, max);
    cuts.extend([0, size]);
    cuts.sort_unstable();
    let parts: Vec<Owned> = cuts.windows(2).flat_map(|cut| read(file, cut[0]..cut[1], step, max)).collect();
    assert_eq!(parts, whole);
    // And against the plain meaning of a line.
    let mut offset = 0;
    let mut plain = Vec::new();
    for piece in file.split_inclusive(|byte| *byte == b'\n') {
        let body = piece.strip_suffix(b"\n").unwrap_or(piece);
        plain.push((offset, body.len() > max, body.len() > max || piece.len() > body.len()));
        offset += piece.len() as u64;
    }
    let found: Vec<_> = whole.iter().map(|line| (line.0, line.3, line.2)).collect();
    assert_eq!(found, plain);
    assert!(whole.iter().all(|line| !line.3 || line.1.len() <= KEPT_BYTES));
}
