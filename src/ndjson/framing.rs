//! The lines of a byte range of a file, however the range was cut, in blocks of many.
//!
//! A raw newline cannot occur inside valid JSON, so every `\n` ends a line and framing never looks at content.
//! A line belongs to the range that holds its first byte; its end may lie beyond the range. A block holds whole lines
//! only, and where one line ends within it is found by whoever reads it: a reader that knows JSON needs no search.
//! It knows nothing of JSON, and of files only that bytes come from a [`Read`].

#[cfg(any(test, feature = "internals"))]
pub(super) mod testing;

use std::io::{self, Read};
use std::ops::Range;

use super::reject::Reject;

/// How much is read at once: enough to amortise the call, and little enough that what was read is still in a second-level
/// cache when it is looked at.
const BLOCK_BYTES: usize = 256 << 10;

/// More room than this is not kept from range to range.
const MOST_KEPT_BYTES: usize = 4 * BLOCK_BYTES;

/// How much is read at once behind the range: more than most lines have.
pub(super) const TAIL_BYTES: u64 = 16 << 10;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How much of a line that is too long is handed out, however it was read: what a reject keeps, a byte order mark, and
/// the byte that tells whether a cut there goes through a character.
const KEPT_BYTES: usize = Reject::RAW_BYTES + BYTE_ORDER_MARK.len() + 1;

/// One line, without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    /// Offset of the first byte within the (decompressed) file.
    pub(crate) offset: u64,
    /// The line's bytes; of a line that is too long only the first ones.
    pub(crate) bytes: &'a [u8],
    /// Whether a newline ended it; only the last line of a file may lack one. Not looked for in a line that is too long.
    pub(crate) terminated: bool,
    /// Whether it is longer than the limit.
    pub(crate) too_long: bool,
}

impl<'a> Line<'a> {
    /// Whether it holds only spaces.
    pub(crate) fn is_blank(&self) -> bool {
        !self.too_long && self.bytes.iter().all(|byte| matches!(byte, b' ' | b'\t' | b'\r'))
    }

    fn cut(offset: u64, bytes: &'a [u8], terminated: bool, max_line_bytes: usize) -> Self {
        let too_long = bytes.len() > max_line_bytes;
        let bytes = if too_long { &bytes[..bytes.len().min(KEPT_BYTES)] } else { bytes };
        let bytes = if offset == 0 { bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes) } else { bytes };
        Line { offset, bytes, terminated: terminated || too_long, too_long }
    }
}

/// Some of the lines of a range, in their order.
#[derive(Debug)]
pub(crate) enum Block<'a> {
    /// At least one line, each with its newline; the last of a file may lack it. They are [`Blocks::current`].
    Lines,
    /// A line that was too long to be held.
    TooLong(Line<'a>),
}

/// The line that starts at `start` of a block's bytes, and where the next one does.
pub(crate) fn line_at(bytes: &[u8], start: usize, offset: u64, max_line_bytes: usize) -> (Line<'_>, usize) {
    let rest = &bytes[start..];
    let newline = memchr::memchr(b'\n', rest);
    let line = &rest[..newline.unwrap_or(rest.len())];
    let next = start + newline.map_or(rest.len(), |length| length + 1);
    (Line::cut(offset + start as u64, line, newline.is_some(), max_line_bytes), next)
}

/// Reads the lines of one range.
pub(crate) struct Blocks<R> {
    reader: R,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that hold data; those before `start` are done with.
    filled: usize,
    start: usize,
    /// Offset in the file of `buffer[0]`.
    origin: u64,
    range: Range<u64>,
    max_line_bytes: usize,
    /// Where in `buffer` the lines stand that were handed out last.
    lines: Range<usize>,
    ended: bool,
}

impl<R: Read> Blocks<R> {
    /// `reader` must yield the file's bytes from [`Blocks::first_byte`] of the range to the end of the file. `buffer` is room that is used
    /// again, whatever it holds.
    pub(crate) fn new(reader: R, range: Range<u64>, max_line_bytes: usize, buffer: Vec<u8>) -> Self {
        let origin = Self::first_byte(&range);
        Self { reader, buffer, filled: 0, start: 0, origin, range, max_line_bytes, lines: 0..0, ended: false }
    }

    /// The room, to be used again; none after a line of several blocks, so that nobody holds what that took for good.
    pub(crate) fn into_buffer(self) -> Vec<u8> {
        if self.buffer.len() <= MOST_KEPT_BYTES { self.buffer } else { Vec::new() }
    }

    /// Where reading must begin for a range: one byte early, to see whether a line starts right at its start.
    pub(crate) fn first_byte(range: &Range<u64>) -> u64 {
        range.start.saturating_sub(1)
    }

    /// The next lines that start within the range; `None` after the last.
    ///
    /// **Errors**: those of the reader.
    pub(crate) fn next(&mut self) -> io::Result<Option<Block<'_>>> {
        if self.at() < self.range.start && !self.ended {
            // What comes before the first newline belongs to the range before.
            self.skip_past_newline(0)?;
        }
        let offset = self.at();
        if offset >= self.range.end {
            return Ok(None);
        }
        let mut searched = self.start;
        loop {
            if let Some(end) = self.end_of_lines(searched) {
                return Ok(Some(self.hand_out(end)));
            }
            searched = self.filled;
            if self.filled - self.start > self.max_line_bytes.max(KEPT_BYTES) {
                return self.too_long(offset).map(Some);
            }
            let moved = self.start;
            if self.fill()? == 0 {
                return Ok((self.start < self.filled).then(|| self.hand_out(self.filled)));
            }
            searched -= moved - self.start;
        }
    }

    /// The lines that were handed out last: the offset of the first one's first byte, and their bytes.
    pub(crate) fn current(&self) -> (u64, &[u8]) {
        (self.origin + self.lines.start as u64, &self.buffer[self.lines.clone()])
    }

    fn hand_out(&mut self, end: usize) -> Block<'_> {
        self.lines = self.start..end;
        self.start = end;
        Block::Lines
    }

    /// Behind the newline of the last line that starts within the range and is held whole; there is none before
    /// `searched`.
    fn end_of_lines(&self, searched: usize) -> Option<usize> {
        let held = &self.buffer[searched..self.filled];
        // A line that starts right behind the newline at the range's last byte is another range's.
        let left = self.range.end - 1 - self.origin;
        let last = usize::try_from(left).unwrap_or(usize::MAX).max(searched) - searched;
        let marked = self.at() == 0 && self.buffer[self.start..self.filled].starts_with(BYTE_ORDER_MARK);
        let newline = match held.get(last..) {
            // Only a line by itself can begin behind its offset.
            _ if marked => memchr::memchr(b'\n', held),
            Some(beyond) => match memchr::memchr(b'\n', beyond) {
                Some(length) => Some(last + length),
                None => memchr::memrchr(b'\n', &held[..last]),
            },
            None => memchr::memrchr(b'\n', held),
        };
        newline.map(|length| searched + length + 1)
    }

    /// Steps over a line without holding it; keeps its beginning at the front of the buffer.
    fn too_long(&mut self, offset: u64) -> io::Result<Block<'_>> {
        self.buffer.copy_within(self.start..self.start + KEPT_BYTES, 0);
        self.origin += self.filled as u64 - KEPT_BYTES as u64;
        self.filled = KEPT_BYTES;
        self.start = KEPT_BYTES;
        self.skip_past_newline(KEPT_BYTES)?;
        let line = Line::cut(offset, &self.buffer[..KEPT_BYTES], true, self.max_line_bytes);
        Ok(Block::TooLong(Line { too_long: true, ..line }))
    }

    /// Moves `start` behind the next newline, or to the end of the range: no line that starts there is of interest.
    /// Keeps only the first `kept` bytes of the buffer.
    fn skip_past_newline(&mut self, kept: usize) -> io::Result<()> {
        loop {
            if let Some(length) = memchr::memchr(b'\n', &self.buffer[self.start..self.filled]) {
                self.start += length + 1;
                return Ok(());
            }
            self.origin += (self.filled - kept) as u64;
            self.filled = kept;
            self.start = kept;
            if self.at() >= self.range.end || self.read_block()? == 0 {
                return Ok(());
            }
        }
    }

    /// The offset in the file of what comes next.
    fn at(&self) -> u64 {
        self.origin + self.start as u64
    }

    /// Moves what is not done with to the front and reads one block behind it. Zero at the end of the file.
    fn fill(&mut self) -> io::Result<usize> {
        if self.start > 0 {
            self.buffer.copy_within(self.start..self.filled, 0);
            self.origin += self.start as u64;
            self.filled -= self.start;
            self.start = 0;
        }
        self.read_block()
    }

    fn read_block(&mut self) -> io::Result<usize> {
        if self.ended {
            return Ok(0);
        }
        // Behind the range only the end of its last line is of interest.
        let left = self.range.end.saturating_sub(self.origin + self.filled as u64);
        let wanted = BLOCK_BYTES.min(usize::try_from(left).unwrap_or(BLOCK_BYTES).max(TAIL_BYTES as usize));
        if self.buffer.len() < self.filled + wanted {
            self.buffer.resize(self.filled + wanted, 0);
        }
        loop {
            match self.reader.read(&mut self.buffer[self.filled..self.filled + wanted]) {
                Ok(count) => {
                    self.filled += count;
                    self.ended = count == 0;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::testing::{Owned, check_cuts, read};
    use super::*;

    fn check(file: &[u8], expected: &[(u64, &[u8], bool)]) {
        let expected: Vec<Owned> = expected.iter().map(|(o, b, t)| (*o, b.to_vec(), *t, false)).collect();
        assert_eq!(read(file, 0..file.len() as u64, 1 << 20, 1 << 20), expected);
    }

    #[test]
    fn every_newline_ends_a_line() {
        check(b"", &[]);
        check(b"a", &[(0, b"a", false)]);
        check(b"a\n", &[(0, b"a", true)]);
        check(b"\n\nb", &[(0, b"", true), (1, b"", true), (2, b"b", false)]);
        check(b"a\r\nb\r\n", &[(0, b"a\r", true), (3, b"b\r", true)]);
    }

    #[test]
    fn a_byte_order_mark_is_skipped_at_the_start_only() {
        check(b"\xef\xbb\xbfa\n\xef\xbb\xbfb\n", &[(0, b"a", true), (5, b"\xef\xbb\xbfb", true)]);
    }

    #[test]
    fn a_long_line_is_not_held() {
        let mut file = vec![b'x'; 5 << 20];
        file.extend(b"\nok\n");
        let mut blocks = Blocks::new(file.as_slice(), 0..file.len() as u64, 1 << 10, Vec::new());
        let Some(Block::TooLong(line)) = blocks.next().unwrap() else { panic!("it is held") };
        assert!(line.too_long && line.terminated && line.bytes.len() == KEPT_BYTES);
        assert!(matches!(blocks.next().unwrap(), Some(Block::Lines)));
        assert_eq!(blocks.current().1, b"ok\n");
        assert!(blocks.next().unwrap().is_none());
        assert!(blocks.buffer.len() <= 2 * BLOCK_BYTES + KEPT_BYTES);
    }

    /// Mostly short lines, and some that are longer than what is kept of one.
    fn piece() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            30 => Just(vec![b'\n']),
            70 => Just(vec![b'a']),
            10 => any::<u8>().prop_map(|byte| vec![byte]),
            1 => (1000..1050usize).prop_map(|length| vec![b'x'; length]),
        ]
    }

    proptest! {
        #[test]
        fn any_split_gives_the_same_lines(
            pieces in proptest::collection::vec(piece(), 0..200),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..6),
            step in 1..30usize,
            max in prop_oneof![1..12usize, 1020..1040usize],
        ) {
            let file = pieces.concat();
            let cuts = cuts.into_iter().map(|cut| cut.index(file.len() + 1) as u64);
            check_cuts(&file, cuts.collect(), step, max);
        }
    }
}
