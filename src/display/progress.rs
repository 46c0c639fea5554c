//! A bar on the terminal while a statement is under way; nothing anywhere else.

use std::future::Future;
use std::io::IsTerminal;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use crate::run::Progress;

/// How often the bar is drawn: often enough to look alive.
const TICK: Duration = Duration::from_millis(100);

/// Runs `work` and draws how far it is.
pub async fn shown<T>(name: &str, progress: &Progress, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let bar = bar(name);
    tokio::pin!(work);
    let mut ticks = tokio::time::interval(TICK);
    // The first tick comes at once; what is done by then needs no bar.
    ticks.tick().await;
    let done = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            _ = ticks.tick() => draw(&bar, progress),
        }
    };
    bar.finish_and_clear();
    done
}

fn bar(name: &str) -> ProgressBar {
    let style = "{msg} {bar:30} {bytes}/{total_bytes} {prefix} {eta}";
    let bar = ProgressBar::new(0).with_message(name.to_owned());
    match ProgressStyle::with_template(style) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

fn draw(bar: &ProgressBar, progress: &Progress) {
    let now = progress.snapshot();
    let seconds = bar.elapsed().as_secs_f64().max(0.001);
    #[expect(clippy::cast_precision_loss, reason = "a rate on a terminal needs no more than a double holds")]
    let rate = now.lines as f64 / seconds;
    bar.set_length(now.bytes_total);
    bar.set_position(now.bytes.min(now.bytes_total));
    bar.set_prefix(format!("{} rows/s", indicatif::HumanCount(rate as u64)));
}
