//! What a person sees while events are written, and the line at the end.
//!
//! All of it goes to standard error, the bar only to a terminal.

use std::io::Write;
use std::time::Instant;

use indicatif::{DecimalBytes, HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Output;
use super::plan::Plan;
use crate::generate::{Atlas, Generator};

pub(super) struct Progress {
    /// Events written so far.
    pub(super) num_events: u64,
    bar: ProgressBar,
    started: Instant,
}

impl Progress {
    /// `is_watched`: the lines themselves appear on the terminal, where a bar would stand in between.
    pub(super) fn start(num_events: Option<u64>, is_watched: bool) -> Self {
        let target = if is_watched { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let template = match num_events {
            Some(_) => "{bar:30} {human_pos} of {human_len} events, {per_sec}, {eta} left",
            None => "{spinner} {human_pos} events, {per_sec}, Ctrl-C ends",
        };
        let style = ProgressStyle::with_template(template).expect("the templates are valid");
        let bar = ProgressBar::with_draw_target(num_events, target).with_style(style);
        Self { num_events: 0, bar, started: Instant::now() }
    }

    pub(super) fn advance(&mut self, num_events: u64) {
        self.num_events += num_events;
        self.bar.inc(num_events);
    }

    /// Says what was written. Standard error that cannot be written to is no reason to fail.
    pub(super) fn report(&self, plan: &Plan, generator: &Generator, output: &Output) {
        self.bar.finish_and_clear();
        let mut stderr = anstream::stderr().lock();
        if matches!(plan.atlas, Atlas::Database(_)) && generator.num_located_users() == 0 {
            let _ = writeln!(stderr, "note: the geographic database knows none of the addresses: is it one of cities?");
        }
        let _ = writeln!(stderr, "{}", self.summary(output, plan.seed_is_drawn.then_some(plan.settings.seed)));
    }

    fn summary(&self, output: &Output, seed: Option<u64>) -> String {
        let events = if self.num_events == 1 { "event" } else { "events" };
        let seed = seed.map(|seed| format!(" (seed {seed})")).unwrap_or_default();
        format!(
            "wrote {} {events}, {}, to {} in {:.2} s{seed}",
            HumanCount(self.num_events),
            DecimalBytes(output.size_bytes),
            output.name(),
            self.started.elapsed().as_secs_f64(),
        )
    }
}
