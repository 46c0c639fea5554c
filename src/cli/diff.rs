//! `tidemill diff`: what differs between two runs.

use crate::display::diff;
use crate::display::standard::print;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::run;

use super::block_on;

/// Show what differs between two runs: SQL, parameters, inputs, counts, outputs and rows.
///
/// Rows are compared where the outputs of both are still there, in their place or kept (`--@ keep = 5`), each row as often as it
/// is there and whatever their order.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: tidemill diff opted_in; tidemill diff 17 19")]
pub(super) struct Args {
    /// A saved query, whose last two runs that published are compared; or the number of a run, as `tidemill history` shows it
    #[arg(value_name = "QUERY|RUN")]
    one: String,

    /// The number of the other run
    #[arg(value_name = "RUN")]
    other: Option<i64>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, project: &Project) -> Result<()> {
    let (before, after) = match args.other {
        None => run::diff::last_two(project, &args.one)?,
        Some(other) => {
            let one = args.one.parse::<i64>().map_err(|error| {
                Error::request(format!("`{}` is no number of a run", args.one))
                    .with_source(error)
                    .with_hint("tidemill diff QUERY, or tidemill diff RUN RUN; tidemill history shows the numbers")
            })?;
            (one, other)
        }
    };
    let found = block_on(project.limits.num_threads(), run::diff::diff(project, before, after))?;
    if args.json {
        return print(&format!("{}\n", serde_json::to_value(&found).unwrap_or_default()));
    }
    print(&diff::text(&found))
}
