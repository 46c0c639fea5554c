//! `tidemill history`: what saved queries did, from the ledger.

use std::sync::Arc;

use super::check_query;
use super::sql::{self, Reply};
use crate::dialect::Script;
use crate::error::Result;
use crate::project::Project;

/// Show the runs of saved queries, the latest first.
///
/// What a run published is `kept` if `tidemill rollback` can bring it back.
/// All that is known of them are the tables tidemill.runs, tidemill.run_sources, tidemill.run_inputs and
/// tidemill.run_outputs, for `tidemill sql`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill history opted_in -n 5")]
pub(super) struct Args {
    /// Runs of this saved query; of all without
    #[arg(value_name = "QUERY")]
    query: Option<String>,

    /// How many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    runs: u32,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let of = match &args.query {
        Some(query) => {
            check_query(&project, query)?;
            format!("WHERE query = '{}' ", query.replace('\'', "''"))
        }
        None => String::new(),
    };
    let text = format!(
        "SELECT run, query, status, started_at, seconds, rows, bytes, files, kept, restores, error FROM tidemill.runs {of}\
         ORDER BY run DESC LIMIT {}",
        args.runs
    );
    sql::ask(Script { name: "history".to_owned(), text }, project, &Reply::Here)
}
