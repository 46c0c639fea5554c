//! A bar on the terminal while a statement is under way; nothing anywhere else.
//!
//! A thread of its own draws it: the engine's threads may all be busy, and their clocks stand still then.

use std::future::Future;
use std::io::{IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossterm::cursor::{MoveDown, MoveLeft, MoveRight, MoveUp};
use crossterm::terminal::{Clear, ClearType};
use crossterm::{Command, queue};
use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::run::Progress;

/// How often the bar is drawn: often enough to look alive. What takes less time needs no bar.
const TICK: Duration = Duration::from_millis(100);

/// Runs `work` and draws how far it is.
pub async fn shown<T>(name: &str, progress: &Arc<Progress>, work: impl Future<Output = T>) -> T {
    Meter::new(name, progress).during(work).await
}

/// A bar that is there while something is waited for, and gone in between.
pub struct Meter {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Since when something is waited for.
    since: Option<Instant>,
    bar: Option<ProgressBar>,
    is_over: bool,
}

impl Meter {
    /// A bar called `name`; none where standard error is no terminal.
    pub fn new(name: &str, progress: &Arc<Progress>) -> Self {
        let shared = Arc::<Shared>::default();
        let thread = std::io::stderr().is_terminal().then(|| {
            let (name, progress, shared) = (name.to_owned(), Arc::clone(progress), Arc::clone(&shared));
            // Without a thread there is no bar.
            std::thread::Builder::new().name("progress".to_owned()).spawn(move || shared.draw(&name, &progress)).ok()
        });
        Self { shared, thread: thread.flatten() }
    }

    /// Runs `work` and draws how far it is.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let _waiting = Waiting::begin(&self.shared);
        work.await
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.shared.change(|state| state.is_over = true);
        if let Some(thread) = self.thread.take() {
            // It has nothing left to fail at.
            let _ = thread.join();
        }
    }
}

/// Something is waited for; the bar goes away with it, also where the work is dropped.
struct Waiting<'a>(&'a Shared);

impl<'a> Waiting<'a> {
    fn begin(shared: &'a Shared) -> Self {
        shared.change(|state| state.since = Some(Instant::now()));
        Self(shared)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.change(|state| {
            state.since = None;
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.changed.notify_all();
    }

    /// Draws while something is waited for, until it is over.
    fn draw(&self, name: &str, progress: &Progress) {
        let begun = Instant::now();
        let mut state = self.lock();
        while !state.is_over {
            let rest = match state.since {
                None => Duration::MAX,
                Some(since) => TICK.saturating_sub(since.elapsed()),
            };
            if rest.is_zero() {
                draw(state.bar.get_or_insert_with(|| bar(name).with_elapsed(begun.elapsed())), progress);
            }
            let rest = if rest.is_zero() { TICK } else { rest };
            state = match rest {
                Duration::MAX => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                rest => self.changed.wait_timeout(state, rest).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
    }
}

/// Standard error as a terminal that is a little narrower than it is. A bar fills its line, and the `^C` that a terminal shows
/// when it is pressed would begin a new one; then the bar would stay when its line is cleared.
#[derive(Debug)]
struct Narrow;

/// Columns that are left for `^C`, pressed more than once.
const ROOM: u16 = 8;

impl Narrow {
    fn act(command: impl Command) -> std::io::Result<()> {
        queue!(std::io::stderr(), command)
    }
}

impl TermLike for Narrow {
    fn width(&self) -> u16 {
        // A terminal that was never told its size says zero.
        let columns = crossterm::terminal::size().map_or(0, |(columns, _)| columns);
        if columns == 0 { 80 } else { columns.saturating_sub(ROOM).max(1) }
    }

    fn move_cursor_up(&self, n: usize) -> std::io::Result<()> {
        if n == 0 { Ok(()) } else { Self::act(MoveUp(n as u16)) }
    }

    fn move_cursor_down(&self, n: usize) -> std::io::Result<()> {
        if n == 0 { Ok(()) } else { Self::act(MoveDown(n as u16)) }
    }

    fn move_cursor_right(&self, n: usize) -> std::io::Result<()> {
        if n == 0 { Ok(()) } else { Self::act(MoveRight(n as u16)) }
    }

    fn move_cursor_left(&self, n: usize) -> std::io::Result<()> {
        if n == 0 { Ok(()) } else { Self::act(MoveLeft(n as u16)) }
    }

    fn write_line(&self, text: &str) -> std::io::Result<()> {
        writeln!(std::io::stderr(), "{text}")
    }

    fn write_str(&self, text: &str) -> std::io::Result<()> {
        std::io::stderr().write_all(text.as_bytes())
    }

    fn clear_line(&self) -> std::io::Result<()> {
        self.write_str("\r")?;
        Self::act(Clear(ClearType::CurrentLine))
    }

    fn flush(&self) -> std::io::Result<()> {
        std::io::stderr().flush()
    }
}

fn bar(name: &str) -> ProgressBar {
    let style = "{msg} {bar:30} {percent}% {bytes}/{total_bytes} {prefix}";
    let target = ProgressDrawTarget::term_like(Box::new(Narrow));
    let bar = ProgressBar::with_draw_target(Some(0), target).with_message(name.to_owned());
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

#[expect(clippy::cast_precision_loss, reason = "rates and times on a terminal need no more than a double holds")]
fn draw(bar: &ProgressBar, progress: &Progress) {
    let now = progress.snapshot();
    // How much there is to read is not known yet.
    if now.bytes_total == 0 {
        return;
    }
    let seconds = bar.elapsed().as_secs_f64().max(0.001);
    let rate = HumanCount((now.lines as f64 / seconds) as u64);
    let left = now.bytes_total.saturating_sub(now.bytes) as f64 / now.bytes.max(1) as f64 * seconds;
    bar.set_length(now.bytes_total);
    bar.set_position(now.bytes.min(now.bytes_total));
    let left = Duration::try_from_secs_f64(left.ceil()).map(HumanDuration).map(|left| format!(", {left:#} left"));
    bar.set_prefix(format!("{rate} rows/s{}", left.unwrap_or_default()));
}
