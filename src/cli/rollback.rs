//! `tidemill rollback`: an earlier output of a saved query is put in its place again.

use super::here;
use crate::display::report;
use crate::display::standard::{print, say};
use crate::error::Result;
use crate::project::Project;
use crate::run;

/// Bring back what an earlier run of a saved query published.
///
/// The query keeps what its runs replace: `--@ keep = 5` in its file, or `[outputs] keep = 5` in tidemill.toml. What stands there
/// now is kept in its turn, so it can be brought back, too.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill rollback opted_in 17")]
pub(super) struct Args {
    /// The saved query
    #[arg(value_name = "QUERY")]
    query: String,

    /// The run that published it, of those that `tidemill history` shows as kept; the one before what stands there without
    #[arg(value_name = "RUN")]
    run: Option<i64>,

    /// Print what was done as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, project: &Project) -> Result<()> {
    let done = run::rollback(project, &args.query, args.run)?;
    if args.json {
        return print(&format!("{}\n", serde_json::to_value(&done).unwrap_or_default()));
    }
    say(&report::rollback(&done, &here()));
    Ok(())
}
