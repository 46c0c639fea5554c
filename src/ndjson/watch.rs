//! Work that somebody waits for: how far it is, and that it ends when nobody waits any more.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crate::error::Error;

/// What surveys tell while they run.
#[derive(Debug, Default)]
pub struct Watch {
    /// Stored bytes that there are to read.
    pub bytes_total: AtomicU64,
    /// Stored bytes that are done with.
    pub bytes: AtomicU64,
    /// Lines that are done with.
    pub lines: AtomicU64,
}

/// Stops the work of one who has gone away.
pub(super) struct StopOnDrop(pub(super) Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Looks at each block whether it is still wanted.
pub(super) struct Stoppable<'a, R> {
    pub(super) reader: R,
    pub(super) stop: &'a AtomicBool,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(io::Error::other(Error::Stopped));
        }
        self.reader.read(into)
    }
}
