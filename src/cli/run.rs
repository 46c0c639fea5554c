//! `tidemill run`: saved queries, one after the other, each published whole or not at all.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::params::Params;
use super::{block_on, here};
use crate::display::standard::{print, say, tell_failure};
use crate::display::{progress, report};
use crate::error::{Error, Fate, Result};
use crate::paths;
use crate::project::Project;
use crate::query::{self, SavedQuery};
use crate::run::{self, Correction, Extent, Options, Progress, Report, Target};
use crate::session::{Access, Session};
use crate::sink::Format;

/// The version of the JSON report; it rises when a field changes its meaning or goes.
const REPORT_VERSION: u64 = 1;

/// Run saved queries and publish their results.
///
/// A saved query is a file in queries/: one SELECT, behind what it defines, and after optional settings in lines that start with `--@`, such as
/// `--@ format = "parquet"`. Its result replaces outputs/NAME.json in one step, or nothing is changed.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Example: tidemill run opted_in --format parquet")]
pub(super) struct Args {
    /// Names of saved queries, or paths of .sql files; all of queries/ without any
    #[arg(value_name = "QUERY")]
    queries: Vec<String>,

    /// json, parquet, csv or arrow, instead of what the queries say
    #[arg(long, value_name = "FORMAT", value_parser = |word: &str| Format::from_str(word).map_err(|e| e.chain()))]
    format: Option<Format>,

    /// The folder for results, instead of outputs/
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,

    #[command(flatten)]
    params: Params,

    /// Compute everything again: queries with a `mode` forget what they have read
    #[arg(long)]
    full_refresh: bool,

    /// Queries with `mode = "append"` or `"merge"`, the first time: files last changed before TIME count as read
    #[arg(long, value_name = "TIME", value_parser = instant)]
    since: Option<DateTime<Utc>>,

    /// Say what would be read, and do nothing
    #[arg(long)]
    dry_run: bool,

    /// Say how the input was read, too
    #[arg(short, long, conflicts_with = "json")]
    verbose: bool,

    /// Print the report as one JSON object on standard output
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    run_over(args, None, project)
}

/// Has a query read corrected rejects.
pub(super) fn replay(
    query: &str,
    corrections: Vec<Correction>,
    params: &Params,
    json: bool,
    project: Arc<Project>,
) -> Result<()> {
    let args = Args { queries: vec![query.to_owned()], params: params.clone(), json, ..Args::default() };
    run_over(&args, Some(corrections), project)
}

fn run_over(args: &Args, corrections: Option<Vec<Correction>>, project: Arc<Project>) -> Result<()> {
    let options = Options { format: args.format, output_dir: args.output.clone() };
    let jobs = jobs(args, &project, &options)?;
    let queries = jobs.iter().filter_map(|job| job.ready.as_ref().ok());
    let declared: Vec<_> = queries.flat_map(|(query, _)| &query.settings.params).collect();
    let given = args.params.given();
    // What a file that cannot be read declares is not known.
    if jobs.iter().all(|job| job.ready.is_ok()) {
        given.check(&declared)?;
    }
    let given = given.values(declared.iter().map(|parameter| parameter.name.as_str()))?;
    let Args { full_refresh, since, dry_run, .. } = *args;
    let extent = Extent { full_refresh, since, dry_run, corrections };
    let session = Session::new(Arc::clone(&project), Access::ReadOnly)?;
    let mut outcomes = Vec::with_capacity(jobs.len());
    let ended = block_on(project.limits.num_threads(), async {
        for job in jobs {
            let outcome = run_one(&session, &job, &given, extent.clone()).await;
            if !args.json {
                tell(&job.name, &outcome, args.verbose);
            }
            outcomes.push((job.name, outcome));
        }
        Ok(())
    });
    // Those that were done before a signal stopped another are told, too.
    if args.json {
        print(&format!("{}\n", as_json(&outcomes)))?;
    }
    ended?;
    conclude(outcomes)
}

/// An instant, or a day, which begins at midnight UTC.
fn instant(text: &str) -> std::result::Result<DateTime<Utc>, String> {
    let day = text.parse::<NaiveDate>().ok().and_then(|day| day.and_hms_opt(0, 0, 0)).map(|day| day.and_utc());
    day.or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc()))
        .ok_or_else(|| "write 2026-05-01, or 2026-05-01T06:30:00Z".to_owned())
}

/// A saved query that is to be run, or the reason why it cannot be.
struct Job {
    name: String,
    ready: Result<(SavedQuery, Target)>,
}

async fn run_one(session: &Session, job: &Job, given: &BTreeMap<String, String>, extent: Extent) -> Result<Report> {
    let (query, target) = job.ready.as_ref().map_err(Error::told_again)?;
    let progress = Arc::new(Progress::default());
    progress::shown(&job.name, &progress, run::query(session, query, target, given, extent, &progress)).await
}

/// **Errors**: a query that does not exist, or two with one output; what is wrong inside of a file stops that one only.
fn jobs(args: &Args, project: &Project, options: &Options) -> Result<Vec<Job>> {
    let paths = match args.queries.as_slice() {
        [] => project.queries()?,
        named => {
            let mut named = named.iter().map(|name| path_of(name, project)).collect::<Result<Vec<_>>>()?;
            let mut seen = HashSet::new();
            // Naming a query twice is no reason to run it twice.
            named.retain(|path| seen.insert((query::name_of(path).ok(), paths::real(path))));
            named
        }
    };
    if paths.is_empty() {
        return Err(Error::request(format!("there is no saved query in `{}`", project.queries_dir.display()))
            .with_hint("a saved query is a .sql file with one SELECT"));
    }
    let mut targets: HashMap<PathBuf, String> = HashMap::new();
    let mut jobs = Vec::with_capacity(paths.len());
    for path in paths {
        let name = query::name_of(&path)?;
        let ready = load(&path, project, options);
        if let Ok((_, target)) = &ready
            && let Some(other) = targets.insert(target.real_place(), name.clone())
        {
            let shown = target.path.display();
            return Err(Error::request(format!("`{other}` and `{name}` would both be published at `{shown}`"))
                .with_hint("give one of them another: --@ output = \"outputs/other.json\""));
        }
        jobs.push(Job { name, ready });
    }
    Ok(jobs)
}

fn path_of(name: &str, project: &Project) -> Result<PathBuf> {
    let path = PathBuf::from(name);
    match name.strip_suffix(".sql") {
        _ if name.contains(std::path::MAIN_SEPARATOR) => Ok(path),
        Some(_) if path.exists() => Ok(path),
        // `opted_in.sql` typed beside the folder of queries.
        Some(stem) => project.query(stem),
        None => project.query(name),
    }
}

fn load(path: &Path, project: &Project, options: &Options) -> Result<(SavedQuery, Target)> {
    let shown = path.strip_prefix(&project.root).unwrap_or(path);
    let query = query::load(path, shown)?;
    let target = Target::of(&query, project, options)?;
    Ok((query, target))
}

fn tell(name: &str, outcome: &Result<Report>, verbose: bool) {
    match outcome {
        Ok(done) if verbose => say(&format!("{}\n{}", report::text(done, &here()), report::scan(&done.scan))),
        Ok(done) => say(&report::text(done, &here())),
        Err(error) => {
            let what = match error.fate() {
                Fate::Unpublished => "nothing was published",
                Fate::InPlace => "its result is in place, but not safe",
                Fate::Unknown => "its result may be in place: the next run finds out",
            };
            say(&format!("{name}: {what}"));
            tell_failure(error);
        }
    }
}

/// The exit code of a run is that of its gravest failure, which the others were told before.
fn conclude(outcomes: Vec<(String, Result<Report>)>) -> Result<()> {
    let failures = outcomes.into_iter().filter_map(|(_, outcome)| outcome.err());
    match failures.max_by_key(Error::exit_code) {
        Some(gravest) => Err(Error::Told(gravest.exit_code())),
        None => Ok(()),
    }
}

fn as_json(outcomes: &[(String, Result<Report>)]) -> Value {
    let queries: Vec<Value> = outcomes
        .iter()
        .map(|(name, outcome)| match outcome {
            Ok(report) => serde_json::to_value(report).unwrap_or_default(),
            Err(error) => {
                json!({ "query": name, "status": "failed", "result": error.fate(), "error": error_json(error) })
            }
        })
        .collect();
    json!({ "version": REPORT_VERSION, "queries": queries })
}

fn error_json(error: &Error) -> Value {
    let hint = error.problem().and_then(|problem| problem.hint.clone());
    let place = error.problem().and_then(|problem| problem.excerpt.as_ref()).map(|excerpt| {
        let (line, column) = excerpt.line_and_column();
        json!({ "file": excerpt.name, "line": line, "column": column })
    });
    json!({ "kind": error.kind(), "message": error.chain(), "place": place, "hint": hint })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_says_what_became_of_the_result_of_each_failure() {
        let failed = |fate| ("q".to_owned(), Err(Error::machine("the disk is gone").with_fate(fate)));
        let report = as_json(&[Fate::Unpublished, Fate::InPlace, Fate::Unknown].map(failed));
        for (number, result) in ["unpublished", "in-place", "unknown"].into_iter().enumerate() {
            let query = &report["queries"][number];
            assert_eq!((&query["status"], &query["result"]), (&json!("failed"), &json!(result)));
            assert_eq!(query["error"]["message"], "the disk is gone");
        }
    }
}
