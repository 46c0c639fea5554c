//! Goes behind a file that is being written: a thread of its own reads back what is there, and has the disk take it. When the file
//! is whole, little is left to do, and what is read back still is in memory.
//!
//! It knows nothing of what is written, nor of what is made of an error.

use std::fs::File;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::Format;
use super::verify::ReadBack;

/// So much is read back at a time: small results have no thread.
const STEP_BYTES: u64 = 16 << 20;

/// Goes behind a file. Dropped, it ends.
pub(super) struct Follower {
    written: Arc<Written>,
}

/// How far it came.
pub(super) struct Followed {
    /// What was read back so far.
    pub(super) read_back: io::Result<ReadBack>,
    /// Whether the disk took all that it was asked to take. What failed once is not asked again, for it may well succeed then.
    pub(super) synced: io::Result<()>,
}

/// What has been written of a file, known to who writes it, on whichever thread, and to who goes behind it.
struct Written {
    file: File,
    path: PathBuf,
    format: Format,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    bytes: u64,
    /// How many bytes there were when the thread was told last.
    told: u64,
    is_over: bool,
    /// None as long as the file is small, and while the system has none.
    thread: Option<JoinHandle<Followed>>,
}

/// Counts what passes to the file.
struct Counted {
    out: Box<dyn Write + Send>,
    written: Arc<Written>,
}

impl Follower {
    /// Is to go behind `file`, which stands at `path` and is empty.
    pub(super) fn new(file: File, path: PathBuf, format: Format) -> Self {
        Self { written: Arc::new(Written { file, path, format, state: Mutex::default(), changed: Condvar::new() }) }
    }

    /// What is to be written to instead of `out`, by which the file is written.
    pub(super) fn before(&self, out: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        Box::new(Counted { out, written: Arc::clone(&self.written) })
    }

    pub(super) fn file(&self) -> &File {
        &self.written.file
    }

    /// Bytes that have been written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.written.state().bytes
    }

    /// Whether something is read back already.
    #[cfg(test)]
    pub(super) fn is_at_work(&self) -> bool {
        self.written.state().thread.is_some()
    }

    /// Has it believe that there is more.
    #[cfg(test)]
    pub(super) fn spoil(&self, bytes: u64) {
        self.written.state().bytes += bytes;
    }

    /// Nothing more is written; waits until what was begun is done. `None` if nothing was.
    pub(super) fn end(&self) -> Option<Followed> {
        self.written.end().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)))
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        if let Some(thread) = self.written.end() {
            // A panic was told when it happened, and there is no result that it could spoil.
            let _ = thread.join();
        }
    }
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.out.write(buffer)?;
        Written::add(&self.written, count as u64);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Written {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// So many bytes more have been written.
    fn add(written: &Arc<Self>, bytes: u64) {
        let mut state = written.state();
        state.bytes += bytes;
        if state.bytes - state.told < STEP_BYTES {
            return;
        }
        state.told = state.bytes;
        if state.thread.is_none()
            && let Ok(read_back) = ReadBack::open(&written.path, written.format)
        {
            let told = Arc::clone(written);
            let thread = Builder::new().name("tidemill-follow".to_owned()).spawn(move || follow(read_back, &told));
            state.thread = thread.ok();
        }
        written.changed.notify_one();
    }

    fn end(&self) -> Option<JoinHandle<Followed>> {
        let mut state = self.state();
        state.is_over = true;
        self.changed.notify_one();
        state.thread.take()
    }

    /// Waits until there is a step more than `done`; `None` once nothing more is written.
    fn more_than(&self, done: u64) -> Option<u64> {
        let waits = |state: &mut State| !state.is_over && state.bytes < done + STEP_BYTES;
        let state = self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        (!state.is_over).then_some(state.bytes)
    }
}

fn follow(read_back: ReadBack, written: &Written) -> Followed {
    let mut followed = Followed { read_back: Ok(read_back), synced: Ok(()) };
    let mut done = 0;
    while let (Ok(read_back), Ok(())) = (&mut followed.read_back, &followed.synced) {
        let Some(bytes) = written.more_than(done) else { break };
        if let Err(error) = read_back.read_to(bytes) {
            followed.read_back = Err(error);
        }
        followed.synced = written.file.sync_data();
        done = bytes;
    }
    followed
}
