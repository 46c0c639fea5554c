//! `tidemill replay`: rejects of a saved query, corrected, are read once.

use std::fs::File;
use std::io::BufReader;
use std::path::PathBuf;
use std::sync::Arc;

use super::params::Params;
use super::run as saved;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::run;

/// Read corrected rejects of a saved query, and add their rows to its output.
///
/// FILE holds what `tidemill rejects QUERY --json` prints, with `raw` corrected. It is one more run of the query. Each reject is
/// replayed once; lines that are as they were, and those that are still no rows, stay rejects. One whose `raw` is empty is done with.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill replay opted_in_log rejects.json")]
pub(super) struct Args {
    /// The saved query, with mode = "append" or "merge"
    #[arg(value_name = "QUERY")]
    query: String,

    /// The corrected rejects; standard input without it, or with `-`
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    #[command(flatten)]
    params: Params,

    /// Print the report as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let corrections = match args.file.as_ref().filter(|file| file.as_os_str() != "-") {
        Some(path) => {
            let file = File::open(path)
                .map_err(|error| Error::request(format!("cannot read `{}`", path.display())).with_source(error))?;
            run::corrections(&path.display().to_string(), BufReader::new(file))?
        }
        None => run::corrections("standard input", std::io::stdin().lock())?,
    };
    saved::replay(&args.query, corrections, &args.params, args.json, project)
}
