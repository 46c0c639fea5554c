//! Lines of text on their way out: whole ones only, in large pieces.
//!
//! It does not look into them.

use std::io::{self, Write};

use super::fault::cannot_write;
use crate::error::Result;

/// What is collected before it is handed on. Of 32 KiB to 1 MiB, a million events went to a file fastest in pieces of
/// this size and above, and those were alike.
const PIECE_BYTES: usize = 256 * 1024;

/// A buffer of whole lines in front of a writer.
pub(super) struct Lines {
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out, buffer: Vec::with_capacity(PIECE_BYTES + PIECE_BYTES / 4) }
    }

    /// Adds the line that `fill` appends, without its line end. If `fill` fails, nothing of the line is kept.
    pub(super) fn push(&mut self, fill: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let start = self.buffer.len();
        if let Err(error) = fill(&mut self.buffer) {
            self.buffer.truncate(start);
            return Err(error);
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= PIECE_BYTES { self.drain().map_err(cannot_write) } else { Ok(()) }
    }

    /// Hands everything on, and has the writer do the same.
    pub(super) fn flush(&mut self) -> Result<()> {
        self.drain().and_then(|()| self.out.flush()).map_err(cannot_write)
    }

    fn drain(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }
}
