//! Work that somebody waits for: how far it is, and that it ends when nobody waits any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

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
