//! `tidemill generate`: fake web-site visits into a file or a pipe, at full speed or one by one.
//!
//! It reads what was typed, asks the generator for lines and says at the end what was written. What an event is,
//! `crate::generate` knows.

mod output;
mod plan;
mod progress;

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::error::{Error, Result};
use crate::generate::{Generator, Rate};
use crate::runtime::{self, Insistence, Interrupts};
use output::Output;
use plan::Plan;
use progress::Progress;

/// Write fake web-site visits, one JSON object per line
///
/// A batch goes to a new file below `inputs/` as fast as the disk takes it; a stream goes to standard output, line
/// by line. The same `--seed` and `--start` give the same bytes. Ctrl-C ends with whole lines only, and is how a
/// run without `--num-events` ends.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Example: a million events over one day, one in a thousand of them broken:\n  \
    tidemill generate -e 1000000 --seed 1 --start 2024-03-01 -l 86400 --malformed-rate 0.001")]
pub struct Args {
    /// Write all at once, or one by one with a delay
    #[arg(short, long, value_enum, default_value_t = Source::Batch)]
    source: Source,

    /// How many visitors there are (1 to 1000000)
    #[arg(
        short = 'u',
        long,
        alias = "num_users",
        value_name = "N",
        default_value_t = 50,
        allow_negative_numbers = true
    )]
    num_users: u32,

    /// How many lines to write; endless without
    #[arg(short = 'e', long, alias = "num_events", value_name = "N", allow_negative_numbers = true)]
    num_events: Option<u64>,

    /// Event time lies up to this long after its instant
    #[arg(short = 'l', long = "max-lag-seconds", alias = "max_lag_seconds", value_name = "SECONDS", default_value = "0",
        value_parser = plan::parse_seconds, allow_negative_numbers = true)]
    max_lag: Duration,

    /// Pause between the events of a stream [default: 0]
    #[arg(short = 'd', long = "delay-seconds", alias = "delay_seconds", value_name = "SECONDS",
        value_parser = plan::parse_seconds, allow_negative_numbers = true)]
    delay: Option<Duration>,

    /// What everything random comes from [default: another one each time]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,

    /// Instant of the first event, as 2024-03-01T05:51:22Z or 2024-03-01 (UTC where no zone is given); a stream goes
    /// on from it by its delay [default: now]
    #[arg(long, value_name = "INSTANT", value_parser = plan::parse_instant, allow_hyphen_values = true)]
    start: Option<DateTime<Utc>>,

    /// A new file to write, or `-` for standard output [default: inputs/<uuid>.out, and `-` for a stream]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,

    /// Share of lines that are no valid JSON (0 to 1)
    #[arg(long, alias = "malformed_rate", value_name = "RATE", default_value_t, allow_negative_numbers = true)]
    malformed_rate: Rate,

    /// Share of lines that repeat the line before
    #[arg(long, alias = "duplicate_rate", value_name = "RATE", default_value_t, allow_negative_numbers = true)]
    duplicate_rate: Rate,

    /// Share of events up to an hour late
    #[arg(long, alias = "late_rate", value_name = "RATE", default_value_t, allow_negative_numbers = true)]
    late_rate: Rate,

    /// Share of events with an extra key or a value of another type
    #[arg(long, alias = "drift_rate", value_name = "RATE", default_value_t, allow_negative_numbers = true)]
    drift_rate: Rate,

    /// Look coordinates up in this city database instead of making them up
    #[arg(long, alias = "geo_db", value_name = "FILE.mmdb")]
    geo_db: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Source {
    Batch,
    Streaming,
}

/// Writes events as `args` say; a default output lies below `project_root`.
///
/// To be called outside of an async runtime: it has one of its own for signals and pauses.
///
/// **Errors**: [`Error::Request`] for arguments that contradict each other or an output that exists,
/// [`Error::Input`] for an unusable geographic database, [`Error::Machine`] if writing fails,
/// [`Error::Interrupted`] if a signal came before the last event, [`Error::ClosedPipe`].
pub fn run(args: &Args, project_root: &Path) -> Result<()> {
    let plan = Plan::try_new(args)?;
    let mut generator = Generator::try_new(&plan.settings, &plan.atlas)?;
    plan.check_instants(&generator)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| Error::machine("cannot listen for signals").with_source(source))?;

    let mut output = Output::create(&plan.target, project_root)?;
    let mut progress = Progress::start(plan.num_events, output.is_terminal());
    let interrupt = runtime.block_on(write_events(&plan, &mut generator, &mut output, &mut progress))?;

    progress.report(&plan, &generator, &output);
    match interrupt {
        Some(runtime::CTRL_C) if plan.num_events.is_none() => Ok(()),
        Some(signal) => Err(Error::Interrupted(signal)),
        None => Ok(()),
    }
}

/// Writes until the last event or a signal, whose number it returns. Each write holds whole lines.
async fn write_events(
    plan: &Plan,
    generator: &mut Generator,
    output: &mut Output,
    progress: &mut Progress,
) -> Result<Option<u8>> {
    let mut interrupts = Interrupts::listen(Insistence::Never)?;
    let mut lines = Vec::new();
    let num_events = plan.num_events.unwrap_or(u64::MAX);
    while progress.num_events < num_events {
        let first = progress.num_events;
        let past = num_events.min(first.saturating_add(plan.events_per_write));
        lines.clear();
        for number in first..past {
            generator.next_line(plan.instants.base_ms(number), &mut lines)?;
        }
        output.write(&lines)?;
        progress.advance(past - first);
        let pause = if past < num_events { plan.delay } else { Duration::ZERO };
        if let Some(signal) = interrupts.during(pause).await {
            return Ok((progress.num_events < num_events).then_some(signal));
        }
    }
    Ok(None)
}
