//! A thread that goes behind a file which is being written: it reads back what is there, and has the disk take it. When the file is
//! whole, little is left to do, and what is read back still is in memory.
//!
//! It knows nothing of what is written, nor of what is made of an error.

use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::verify::ReadBack;

/// So much is read back at a time: small results have no thread.
pub(super) const STEP_BYTES: u64 = 16 << 20;

/// Goes behind a file. Dropped, it ends.
pub(super) struct Follower {
    written: Arc<Written>,
    thread: Option<JoinHandle<Followed>>,
}

/// How far it came.
pub(super) struct Followed {
    /// What was read back so far.
    pub(super) read_back: io::Result<ReadBack>,
    /// Whether the disk took all that it was asked to take. What failed once is not asked again, for it may well succeed then.
    pub(super) synced: io::Result<()>,
}

/// What the writer tells.
#[derive(Default)]
struct Written {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default, Clone, Copy)]
struct State {
    bytes: u64,
    is_over: bool,
}

impl Follower {
    /// Goes behind `file`, of which `read_back` has read nothing. `None` if the system has no thread for that.
    pub(super) fn start(file: File, read_back: ReadBack) -> Option<Self> {
        let written = Arc::<Written>::default();
        let told = Arc::clone(&written);
        let thread = Builder::new().name("tidemill-follow".to_owned()).spawn(move || follow(&file, read_back, &told));
        Some(Self { written, thread: Some(thread.ok()?) })
    }

    /// So many bytes have been written.
    pub(super) fn reach(&self, bytes: u64) {
        self.written.tell(|state| state.bytes = bytes);
    }

    /// Nothing more is written; waits until what was begun is done.
    pub(super) fn end(mut self) -> Option<Followed> {
        self.written.tell(|state| state.is_over = true);
        self.thread.take().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.written.tell(|state| state.is_over = true);
        if let Some(thread) = self.thread.take() {
            // A panic was told when it happened, and there is no result that it could spoil.
            let _ = thread.join();
        }
    }
}

impl Written {
    fn tell(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
    }

    /// Waits until there is a step more than `done`; `None` once nothing more is written.
    fn more_than(&self, done: u64) -> Option<u64> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |state: &mut State| !state.is_over && state.bytes < done + STEP_BYTES;
        let state = self.changed.wait_while(state, waits).unwrap_or_else(PoisonError::into_inner);
        (!state.is_over).then_some(state.bytes)
    }
}

fn follow(file: &File, read_back: ReadBack, written: &Written) -> Followed {
    let mut followed = Followed { read_back: Ok(read_back), synced: Ok(()) };
    let mut done = 0;
    while let (Ok(read_back), Ok(())) = (&mut followed.read_back, &followed.synced) {
        let Some(bytes) = written.more_than(done) else { break };
        if let Err(error) = read_back.read_to(bytes) {
            followed.read_back = Err(error);
        }
        followed.synced = file.sync_data();
        done = bytes;
    }
    followed
}
