//! Threads for the engine, stacks deep enough for its planner, and the signals that ask to stop: Ctrl-C, SIGTERM and SIGHUP.
//!
//! What a signal means is decided by the caller.

use std::future::Future;
use std::time::Duration;

use futures::FutureExt;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::error::{Error, Result};

/// Stack for planning a statement as deep as `dialect` lets it be, which recurses once per level. The usual 8 MiB end,
/// without optimisation, soon behind what is allowed. Memory that is not touched is not taken.
const STACK_BYTES: usize = 64 << 20;

/// The number of SIGINT.
pub const CTRL_C: u8 = 2;
const TERMINATE: u8 = 15;
/// The terminal was closed.
const HANG_UP: u8 = 1;

/// Does `work` on a thread whose stack is deep enough for any statement.
///
/// **Errors**: `Machine`, if there is no memory for the thread; those of `work`.
pub fn on_a_deep_stack(work: impl FnOnce() -> Result<()> + Send) -> Result<()> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        let thread = thread.map_err(|source| Error::machine("cannot start a thread").with_source(source))?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// So many threads for the engine, all with deep stacks.
///
/// **Errors**: `Machine`, if they cannot be started.
pub fn start(threads: usize) -> Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .worker_threads(threads.max(1))
        .thread_stack_size(STACK_BYTES)
        .build()
        .map_err(|source| Error::machine("cannot start threads").with_source(source))
}

/// The signals that ask to stop.
pub struct Interrupts {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Interrupts {
    /// From now on these signals no longer end the process by themselves. Needs a runtime around it.
    pub fn listen() -> Result<Self> {
        let listen =
            |kind| signal(kind).map_err(|source| Error::machine("cannot listen for signals").with_source(source));
        Ok(Self {
            ctrl_c: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hang_up: listen(SignalKind::hangup())?,
        })
    }

    /// Waits for a signal and returns its number.
    pub async fn next(&mut self) -> u8 {
        tokio::select! {
            biased;
            _ = self.ctrl_c.recv() => CTRL_C,
            _ = self.terminate.recv() => TERMINATE,
            _ = self.hang_up.recv() => HANG_UP,
        }
    }

    /// Does `work` until it is done or a signal comes; then `work` is dropped, which cleans up.
    ///
    /// **Errors**: `Interrupted` with the signal's number; those of `work`.
    pub async fn end<T>(&mut self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            signal = self.next() => Err(Error::Interrupted(signal)),
            done = work => done,
        }
    }

    /// Forgets signals that came and were waited for by nobody: another program, such as a pager, had the terminal then.
    pub fn forget(&mut self) {
        while self.next().now_or_never().is_some() {}
    }

    /// Waits for `pause`, or until a signal comes, whose number it returns.
    pub async fn during(&mut self, pause: Duration) -> Option<u8> {
        tokio::select! {
            biased;
            signal = self.next() => Some(signal),
            () = rest(pause) => None,
        }
    }
}

/// Without a pause it still gives the runtime a turn, which is when it notices signals.
async fn rest(pause: Duration) {
    if pause.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}
