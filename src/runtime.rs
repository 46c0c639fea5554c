//! Threads for the engine, stacks deep enough for its planner, and the signals that ask to stop: Ctrl-C, SIGTERM and SIGHUP.
//!
//! What a signal means is decided by the caller.

use std::future::Future;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::task::JoinSet;

use crate::error::{Error, Result};

/// Stack for planning a statement as deep as `dialect` lets it be, which recurses once per level. The usual 8 MiB end,
/// without optimisation, soon behind what is allowed. Memory that is not touched is not taken.
const STACK_BYTES: usize = 64 << 20;

/// The number of SIGINT.
pub const CTRL_C: u8 = 2;
const TERMINATE: u8 = 15;
/// The terminal was closed.
const HANG_UP: u8 = 1;
/// What a process that was asked to end may take for it.
pub const GRACE: Duration = Duration::from_secs(2);

/// What one that was at work may take.
const LONG_GRACE: Duration = Duration::from_secs(10);

/// After which signals the process ends by itself, when it has had a little time to go.
#[derive(Debug, Clone, Copy)]
pub enum Insistence {
    /// After none.
    Never,
    /// Those that ask it to end: something may be waited for that hears no signal, such as a terminal that is gone.
    WhenEnded,
    /// Any: it may be in a computation that does not give way, such as planning a very large statement. What a run was at counts as
    /// interrupted then, as when the process is killed.
    Always,
}

impl Insistence {
    fn grace(self, signal: u8) -> Option<Duration> {
        match self {
            Self::WhenEnded if signal != CTRL_C => Some(GRACE),
            Self::Always => Some(LONG_GRACE),
            Self::Never | Self::WhenEnded => None,
        }
    }
}

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

/// Threads that are not waited for once they had a little time: one may be in a computation that never gives way.
#[derive(Debug)]
pub struct Threads(Option<Runtime>);

impl Threads {
    /// As [`start`].
    ///
    /// **Errors**: as [`start`].
    pub fn start(threads: usize) -> Result<Self> {
        start(threads).map(|runtime| Self(Some(runtime)))
    }
}

impl Deref for Threads {
    type Target = Runtime;

    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("it is taken when it is dropped")
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(GRACE);
        }
    }
}

/// Does `work` on the engine's threads, so that whoever waits for it can stop waiting at any time; then it is dropped where
/// it next gives way. A panic in it becomes an error.
///
/// **Errors**: those of `work`; `Internal` for a panic.
pub async fn apart<T: Send + 'static>(work: impl Future<Output = Result<T>> + Send + 'static) -> Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn(work);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(failure)) if failure.is_panic() => Err(panicked()),
        Some(Err(_)) | None => Err(Error::Stopped),
    }
}

/// What is told of a panic in a statement.
pub fn panicked() -> Error {
    Error::internal("the engine came to grief over the statement")
        .with_hint("this is a fault of tidemill or its engine, not of your data; please report it")
}

/// The signals that ask to stop.
///
/// A thread of its own waits for them: the engine's threads may all be busy, and whoever presses Ctrl-C is not to wait for one.
pub struct Interrupts {
    numbers: UnboundedReceiver<u8>,
    /// The number of the signal that ends the process, once there was one; Ctrl-C is none.
    end: Arc<AtomicU8>,
    /// Whether there was one.
    has_ended: Arc<AtomicBool>,
}

impl Interrupts {
    /// From now on these signals no longer end the process by themselves.
    ///
    /// **Errors**: `Machine`, if they cannot be listened for.
    pub fn listen(insistence: Insistence) -> Result<Self> {
        let failed = |source| Error::machine("cannot listen for signals").with_source(source);
        let (sender, numbers) = unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().map_err(failed)?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::listen().map_err(failed)?
        };
        let (end, has_ended) = (Arc::<AtomicU8>::default(), Arc::<AtomicBool>::default());
        let (ends, ended) = (Arc::clone(&end), Arc::clone(&has_ended));
        let wait = move || {
            runtime.block_on(async {
                loop {
                    let number = signals.next().await;
                    if number != CTRL_C {
                        ends.store(number, Ordering::Release);
                        ended.store(true, Ordering::Release);
                    }
                    if let Some(grace) = insistence.grace(number) {
                        leave_after(grace, number);
                    }
                    if sender.send(number).is_err() {
                        break;
                    }
                }
            });
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait).map_err(failed)?;
        Ok(Self { numbers, end, has_ended })
    }

    /// The number of a signal that has come, if there is one.
    pub fn pending(&mut self) -> Option<u8> {
        match self.end.load(Ordering::Acquire) {
            0 => self.numbers.try_recv().ok(),
            end => Some(end),
        }
    }

    /// Whether the process was asked to end, for those who wait for something else meanwhile.
    pub fn has_ended(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.has_ended)
    }

    /// Waits for a signal and returns its number.
    pub async fn next(&mut self) -> u8 {
        let end = self.end.load(Ordering::Acquire);
        if end != 0 {
            return end;
        }
        // The thread that sends them ends with the process.
        self.numbers.recv().await.unwrap_or(TERMINATE)
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

    /// Forgets a Ctrl-C that came and was waited for by nobody: another program, such as a pager, had the terminal then. What
    /// asked the process to end is not forgotten.
    pub fn forget(&mut self) {
        while self.numbers.try_recv().is_ok() {}
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

/// The number of the signal for a file that would be larger than `ulimit -f` allows.
const FILE_SIZE: i32 = 25;

/// Ends the process as if by a signal, if it has not ended by then.
fn leave_after(pause: Duration, number: u8) {
    let leave = move || {
        std::thread::sleep(pause);
        std::process::exit(128 + i32::from(number));
    };
    let _ = std::thread::Builder::new().spawn(leave);
}

struct Signals {
    ctrl_c: Signal,
    terminate: Signal,
    /// `None` where whoever started the process has it ignore that, as `nohup` does.
    hang_up: Option<Signal>,
}

impl Signals {
    /// Needs a runtime around it.
    fn listen() -> std::io::Result<Self> {
        // With anyone listening, a file that may not grow is an error of the write, and does not end the process without a word.
        drop(signal(SignalKind::from_raw(FILE_SIZE))?);
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: if is_ignored(HANG_UP) { None } else { Some(signal(SignalKind::hangup())?) },
        })
    }

    async fn next(&mut self) -> u8 {
        let hang_up = async {
            match &mut self.hang_up {
                Some(hang_up) => hang_up.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            _ = self.ctrl_c.recv() => CTRL_C,
            _ = self.terminate.recv() => TERMINATE,
            _ = hang_up => HANG_UP,
        }
    }
}

/// Whether the process was started so that it ignores a signal, where the system tells.
///
/// **Source**: `proc_pid_status(5)`: the line `SigIgn`, a bit for each signal, in hexadecimal digits.
fn is_ignored(signal: u8) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok()).unwrap_or(0);
    ignored >> (signal - 1) & 1 == 1
}
