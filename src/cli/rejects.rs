//! `tidemill rejects`: lines that queries have read once and that are no rows, from the ledger.

use std::path::PathBuf;
use std::sync::Arc;

use super::check_query;
use super::sql::{self, Reply};
use crate::dialect::Script;
use crate::display::standard::say;
use crate::error::Result;
use crate::ledger;
use crate::project::Project;

/// Show the lines that are no rows, of queries that read each line once.
///
/// Queries with `mode = "append"` and the like keep them when they find them, as many as `[rejects]` in tidemill.toml allows. Those
/// that were replayed are not shown; all are in the table tidemill.rejects.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill rejects opted_in_log --json > rejects.json")]
pub(super) struct Args {
    /// Rejects of this saved query; of all without
    #[arg(value_name = "QUERY")]
    query: Option<String>,

    /// Print them as JSON lines, which `tidemill replay` reads once `raw` is corrected in them
    #[arg(long)]
    json: bool,

    /// Write those lines to FILE
    #[arg(short, long, value_name = "FILE", conflicts_with = "json")]
    output: Option<PathBuf>,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let query = args.query.as_deref();
    if let Some(query) = query {
        check_query(&project, query)?;
    }
    let of = query.map_or_else(String::new, |query| format!("AND query = '{}' ", query.replace('\'', "''")));
    let text = format!(
        "SELECT reject, query, run, source, file, line, reason, detail, raw, cut FROM tidemill.rejects \
         WHERE replayed_by IS NULL {of}ORDER BY reject"
    );
    let not_kept = ledger::rejects_not_kept(&project.root, query)?;
    let reply = match &args.output {
        Some(path) => Reply::File(path.clone()),
        None if args.json => Reply::Lines,
        None => Reply::Here,
    };
    sql::ask(Script { name: "rejects".to_owned(), text }, project, &reply)?;
    if not_kept > 0 {
        say(&format!("{not_kept} more were over the bounds of [rejects] when they were found, and are not kept"));
    }
    Ok(())
}
