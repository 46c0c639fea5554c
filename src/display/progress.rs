//! A bar on the terminal while a statement is under way; nothing anywhere else.

use std::future::Future;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{HumanCount, HumanDuration, ProgressBar, ProgressStyle};

use crate::run::Progress;

/// How often the bar is drawn: often enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// Runs `work` and draws how far it is.
pub async fn shown<T>(name: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    Meter::new(name).during(progress, work).await
}

/// A bar that is there while something is waited for, and gone in between.
pub struct Meter {
    name: String,
    begun: Instant,
    is_watched: bool,
}

impl Meter {
    /// A bar called `name`; none where standard error is no terminal.
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), begun: Instant::now(), is_watched: std::io::stderr().is_terminal() }
    }

    /// Runs `work` and draws how far it is.
    pub async fn during<T>(&self, progress: &Progress, work: impl Future<Output = T>) -> T {
        if !self.is_watched {
            return work.await;
        }
        tokio::pin!(work);
        let mut ticks = tokio::time::interval(TICK);
        // The first tick comes at once; what is done by then needs no bar.
        ticks.tick().await;
        let mut shown: Option<Drawn> = None;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return done,
                _ = ticks.tick() => {
                    let bar = shown.get_or_insert_with(|| Drawn(bar(&self.name).with_elapsed(self.begun.elapsed())));
                    draw(&bar.0, progress);
                }
            }
        }
    }
}

/// Takes the bar away, also where the work is dropped.
struct Drawn(ProgressBar);

impl Drop for Drawn {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

fn bar(name: &str) -> ProgressBar {
    let style = "{msg} {bar:30} {percent}% {bytes}/{total_bytes} {prefix}";
    let bar = ProgressBar::new(0).with_message(name.to_owned());
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
