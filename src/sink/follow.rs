//! Goes behind a file that is being written: a thread of its own reads back what is there, and has the disk take it. When the file
//! is whole, little is left to do, and what is read back still is in memory.
//!
//! It knows nothing of rows, nor of what is made of an error.

use std::fs::File;
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::Format;
use super::verify::ReadBack;

/// So much is read back at a time at least: small results have no thread. With 4 and 8 MiB, 100 MB of JSON took as long.
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
    /// How many there were when the thread was told last: so far it goes.
    told: u64,
    is_over: bool,
    /// `None` as long as the file is small, and where the system has none.
    thread: Option<JoinHandle<Followed>>,
}

/// Counts what passes to the file.
struct Counted {
    out: Box<dyn Write + Send>,
    written: Arc<Written>,
}

impl Follower {
    /// For `file`, which stands at `path` and is empty.
    pub(super) fn new(file: File, path: PathBuf, format: Format) -> Self {
        Self { written: Arc::new(Written { file, path, format, state: Mutex::default(), changed: Condvar::new() }) }
    }

    /// Writes to `out`, which writes the file, and counts.
    pub(super) fn counting(&self, out: Box<dyn Write + Send>) -> Box<dyn Write + Send> {
        Box::new(Counted { out, written: Arc::clone(&self.written) })
    }

    pub(super) fn file(&self) -> &File {
        &self.written.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.written.path
    }

    /// Bytes that have been written so far.
    pub(super) fn bytes(&self) -> u64 {
        self.written.state().bytes
    }

    /// Whether it has begun.
    #[cfg(test)]
    pub(super) fn has_begun(&self) -> bool {
        self.written.state().thread.is_some()
    }

    /// Has it believe that there is more.
    #[cfg(test)]
    pub(super) fn spoil(&self, bytes: u64) {
        self.written.state().bytes += bytes;
    }

    /// Nothing more is written; waits until what was begun is done.
    pub(super) fn end(&self) -> Followed {
        match self.written.end() {
            Some(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            None => Followed { read_back: self.written.read_back(), synced: Ok(()) },
        }
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
        self.written.add(count as u64);
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

    fn read_back(&self) -> io::Result<ReadBack> {
        ReadBack::open(&self.path, self.format)
    }

    /// So many bytes more have been written.
    fn add(self: &Arc<Self>, bytes: u64) {
        let mut state = self.state();
        state.bytes += bytes;
        if state.is_over || state.bytes - state.told < STEP_BYTES {
            return;
        }
        state.told = state.bytes;
        if state.thread.is_none()
            && let Ok(read_back) = self.read_back()
        {
            let written = Arc::clone(self);
            let thread = Builder::new().name("tidemill-follow".to_owned()).spawn(move || follow(read_back, &written));
            state.thread = thread.ok();
        }
        self.changed.notify_one();
    }

    fn end(&self) -> Option<JoinHandle<Followed>> {
        let mut state = self.state();
        state.is_over = true;
        self.changed.notify_one();
        state.thread.take()
    }

    /// Waits until it is told of more than `done` bytes, and how many; `None` once nothing more is written.
    fn more_than(&self, done: u64) -> Option<u64> {
        let waits = |state: &mut State| !state.is_over && state.told <= done;
        let state = self.changed.wait_while(self.state(), waits).unwrap_or_else(PoisonError::into_inner);
        (!state.is_over).then_some(state.told)
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
        // If nothing more comes, the disk takes it while the rest is read back.
        if !written.state().is_over {
            followed.synced = written.file.sync_data();
        }
        done = bytes;
    }
    followed
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A follower of an empty file, and what writes to that.
    fn follower(folder: &Path) -> (Follower, Box<dyn Write + Send>) {
        let path = folder.join("file");
        let file = File::create_new(&path).unwrap();
        let follower = Follower::new(file.try_clone().unwrap(), path, Format::Json);
        let out = follower.counting(Box::new(file));
        (follower, out)
    }

    #[test]
    fn a_small_file_has_no_thread() {
        let folder = tempfile::tempdir().unwrap();
        let (follower, mut out) = follower(folder.path());
        out.write_all(b"{}\n").unwrap();
        assert!(!follower.has_begun());
        let Followed { read_back, synced } = follower.end();
        synced.unwrap();
        assert_eq!((follower.bytes(), read_back.unwrap().finish().unwrap().rows), (3, 1));
    }

    #[test]
    fn it_goes_as_far_as_it_is_told_step_by_step() {
        let folder = tempfile::tempdir().unwrap();
        let (follower, mut out) = follower(folder.path());
        let line = "x".repeat((STEP_BYTES / 4) as usize) + "\n";
        for lines in 1..=10 {
            out.write_all(line.as_bytes()).unwrap();
            let told = lines / 4 * 4 * line.len() as u64;
            assert_eq!(follower.written.state().told, told);
            if told > 0 {
                assert_eq!(follower.written.more_than(told - 1), Some(told));
            }
        }
        let Followed { read_back, synced } = follower.end();
        synced.unwrap();
        assert_eq!(follower.written.more_than(0), None);
        // What comes when it is over is counted, and begins nothing.
        (0..4).for_each(|_| out.write_all(line.as_bytes()).unwrap());
        assert!(!follower.has_begun());
        assert_eq!(read_back.unwrap().finish().unwrap().rows, 14);
    }

    #[test]
    fn what_cannot_be_read_back_or_synced_is_told_at_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let follow = |synced: &Path, read: &Path| {
            let follower = Follower::new(File::open(synced).unwrap(), read.to_owned(), Format::Json);
            let mut out = follower.counting(Box::new(io::sink()));
            out.write_all(&vec![b'\n'; STEP_BYTES as usize]).unwrap();
            // It ends by itself where something fails.
            while !follower.written.state().thread.as_ref().unwrap().is_finished() {
                std::thread::yield_now();
            }
            follower.end()
        };
        // A folder can be opened, and not be read.
        let Followed { read_back, synced } = follow(folder.path(), folder.path());
        assert!(read_back.is_err());
        synced.unwrap();
        // A device of memory has nothing to sync.
        let Followed { read_back, synced } = follow(Path::new("/dev/null"), Path::new("/dev/null"));
        assert_eq!(read_back.unwrap().finish().unwrap().rows, 0);
        assert_eq!(synced.unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }
}
