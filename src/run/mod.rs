//! One query from its file to its published output, with an account of every line that it read.
//!
//! It parses no arguments and prints nothing: it returns a [`Report`], and tells how far it is through [`Progress`].

mod answer;
mod progress;
mod report;

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;

pub use answer::{Answer, answer};
pub use progress::{Progress, Snapshot};
pub use report::{Report, ScanReport, SourceReport};

use crate::catalog::{Look, Source};
use crate::clock;
use crate::dialect::{self, Given, Parameters, Script, Statement};
use crate::error::{Error, Result};
use crate::ndjson::listing;
use crate::project::Project;
use crate::query::{self, SavedQuery};
use crate::session::{Planned, Running, Session};
use crate::sink::{self, Format, Staged};

/// What the person who starts a run may say about its outputs.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Instead of the query's own format.
    pub format: Option<Format>,
    /// Instead of the folder of outputs.
    pub output_dir: Option<PathBuf>,
}

/// Where a query's result goes, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The file.
    pub path: PathBuf,
    /// Its format.
    pub format: Format,
}

impl Target {
    /// The target of a saved query: what the options say, else its settings, else `outputs/<name>.json`.
    ///
    /// A format that nobody names is told by the extension of the output, if that is one.
    ///
    /// **Errors**: `Request` with the place, if the query's settings name no format, or an output whose extension does
    /// not tell one.
    pub fn of(query: &SavedQuery, project: &Project, options: &Options) -> Result<Self> {
        let named = match &query.settings.format {
            Some(word) => Some(Format::from_str(word).map_err(|error| error.at(query.place_of("format")))?),
            None => None,
        };
        let output = query.settings.output.as_deref();
        let format = match (options.format.or(named), output) {
            (Some(format), _) => format,
            (None, Some(output)) => format_of(output).map_err(|error| error.at(query.place_of("output")))?,
            (None, None) => Format::Json,
        };
        let default_name = PathBuf::from(format!("{}.{}", query.name, format.extension()));
        let path = match (&options.output_dir, output) {
            (Some(dir), output) => dir.join(output.and_then(Path::file_name).map_or(default_name, PathBuf::from)),
            (None, Some(output)) => project.root.join(output),
            (None, None) => project.outputs_dir.join(default_name),
        };
        Ok(Self { path, format })
    }

    /// The target that a person named by its path: its extension tells the format, unless `format` does.
    ///
    /// **Errors**: `Request`, if neither does.
    pub fn at(path: &Path, format: Option<Format>) -> Result<Self> {
        let format = match format {
            Some(format) => format,
            // A folder is refused in better words when it comes to writing.
            None if path.is_dir() => Format::Json,
            None => format_of(path)?,
        };
        Ok(Self { path: path.to_owned(), format })
    }
}

/// A file named `.gz` that holds plain lines would be refused by the next reader, so nothing is guessed here.
fn format_of(path: &Path) -> Result<Format> {
    let shown = path.display();
    if path.to_str().is_some_and(|path| path.contains("://")) {
        return Err(Error::request(format!("`{shown}` is a URL, and results are local files")));
    }
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    Format::from_str(extension).map_err(|_| {
        Error::request(format!("the name `{shown}` does not tell a format"))
            .with_hint("end it in .json, .parquet, .csv or .arrow, or name the format too")
    })
}

/// Runs a saved query and publishes its result at `target`; `given` are values of its parameters, by name.
///
/// **Errors**: `Sql` for what the query gets wrong, and if it is not one SELECT, behind definitions; `Request` for a value that
/// is not of its parameter's type; those of [`publish`].
pub async fn query(
    session: &Session,
    query: &SavedQuery,
    target: &Target,
    given: &BTreeMap<String, String>,
    progress: &Progress,
) -> Result<Report> {
    let script = Script { name: query.path.display().to_string(), text: query.sql.clone() };
    let parameters = Parameters::new(&query.settings.params, given, clock::now())?;
    let default_source = session.catalog().project().default_source().map(|source| source.name.as_str());
    let steps = dialect::program(&script, &parameters, default_source)?;
    let [step] = steps.as_slice() else {
        let hint = "a saved query is one SELECT, behind any CREATE VIEW, CREATE FUNCTION and SET that it needs";
        let what = match steps.len() {
            0 => format!("`{}` defines things, and asks nothing", script.name),
            count => format!("`{}` holds {count} statements that ask, a saved query is one", script.name),
        };
        let error = Error::sql(what).with_hint(hint);
        return Err(error.at(steps.get(1).and_then(|step| step.place(&script))));
    };
    if !is_select(&step.statement) {
        let error = Error::sql(format!("`{}` is no SELECT", script.name))
            .with_hint("a saved query is one SELECT, whose rows are published; ask others with: tidemill sql");
        return Err(error.at(step.place(&script)));
    }
    let session = session.with_options(&step.options)?;
    let mut report = publish(&session, &query.name, &script, &step.statement, Some(target), progress).await?;
    report.params = parameters.values().clone();
    Ok(report)
}

/// The parameters of a script that is asked once: those that its `--@` lines declare, and those that it uses and that have
/// a value, which need no declaration.
///
/// **Errors**: `Request`, for settings that are wrong, a value that is not of its parameter's type, and values of parameters
/// that are neither declared nor used.
pub fn parameters(script: &Script, given: &Given) -> Result<Parameters> {
    let mut declared = query::params(&script.name, &script.text)?;
    let given = given.declare(&mut declared, &dialect::parameters_in(script))?;
    let given = given.values(declared.iter().map(|parameter| parameter.name.as_str()))?;
    Parameters::new(&declared, &given, clock::now())
}

fn is_select(statement: &Statement) -> bool {
    use datafusion::sql::sqlparser::ast::Statement as Sql;
    matches!(statement, Statement::Statement(sql) if matches!(sql.as_ref(), Sql::Query(_)))
}

/// Runs one statement and publishes its rows at `target`, or where it says itself, being a `COPY`.
///
/// The rows are written aside, checked, and put in place in one step, and only if every source is within its budget of
/// rejects. Dropping the future leaves the previous output as it was, and nothing else.
///
/// **Errors**: those of [`Session::plan`] and [`Session::start`]; `Data` for a source over its budget; `Machine` if the
/// output cannot be written.
pub async fn publish(
    session: &Session,
    name: &str,
    script: &Script,
    statement: &Statement,
    target: Option<&Target>,
    progress: &Progress,
) -> Result<Report> {
    let begun = Instant::now();
    let mut notes = Vec::new();
    let mut look = Look::Guess;
    loop {
        let planned = session.plan(script, statement, look, progress.watch()).await?;
        let target = target_of(target, &planned)?;
        check_target(&target.path, session.catalog().project())?;
        let sources = planned.sources.clone();
        sources.iter().filter(|source| source.survey.is_whole).try_for_each(|source| source.check_budget())?;
        let written = write(session, planned, &target, progress).await;
        if let Err(Error::Machine(problem)) = written {
            return Err(Error::Machine(problem));
        }
        // What failed by a guess may not fail by what is so.
        let settled = session.settle(&sources, progress.watch()).await?;
        if !settled.drift.is_empty() || matches!(written, Err(Error::Drift)) {
            notes.extend(settled.drift.iter().map(|(source, what)| format!("{source}: read again, for {what}")));
            look = Look::Whole;
            continue;
        }
        settled.sources.iter().try_for_each(|source| source.check_budget())?;
        let published = written?.publish()?;
        return Ok(Report {
            query: name.to_owned(),
            path: published.path,
            format: target.format.to_string(),
            rows: published.rows,
            bytes: published.bytes,
            seconds: begun.elapsed().as_secs_f64(),
            sources: settled.sources.iter().map(|source| SourceReport::of(source)).collect(),
            scan: progress.scanned(),
            null_event_times: progress.null_event_times(),
            params: BTreeMap::new(),
            notes,
        });
    }
}

fn target_of(target: Option<&Target>, planned: &Planned) -> Result<Target> {
    match (target, &planned.copy_to) {
        (Some(target), None) => Ok(target.clone()),
        (None, Some(copy)) => {
            let format = copy.format.as_deref().map(|word| Format::from_str(&word.to_lowercase())).transpose()?;
            Target::at(&copy.path, format)
        }
        _ => Err(Error::request("the statement has no place for its rows, or two")
            .with_hint("either COPY (SELECT …) TO 'file', or a SELECT and --output FILE")),
    }
}

/// **Errors**: `Request`, if a result at `path` would replace what results are made of.
fn check_target(path: &Path, project: &Project) -> Result<()> {
    let absolute = std::path::absolute(path).map_err(|error| Error::unwritable(path, error))?;
    // Links and `..` in the folders are resolved as far as those are there.
    let folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
    let real = match (folder, absolute.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => absolute,
    };
    let root = project.root.canonicalize().unwrap_or_else(|_| project.root.clone());
    let input_of = project.sources.iter().find(|source| listing::names(&root, &source.paths, &real));
    let what = match input_of {
        Some(source) => format!("an input of source `{}`", source.name),
        None if Some(&real) == project.file.as_ref() => "the project file".to_owned(),
        None if real.starts_with(&project.queries_dir) => "in the folder of saved queries".to_owned(),
        None => return Ok(()),
    };
    Err(Error::request(format!("the result cannot go to `{}`, which is {what}", path.display()))
        .with_hint("results have a folder of their own, outputs/"))
}

/// Writes all rows aside.
async fn write(session: &Session, planned: Planned, target: &Target, progress: &Progress) -> Result<Staged> {
    // What a run that was killed has left is of no use to anyone.
    sink::sweep(target.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new(".")))?;
    let mut running = start(session, planned, progress).await?;
    let threads = session.catalog().project().limits.num_threads();
    let mut staged = Staged::create(&target.path, target.format, &running.schema, threads)?;
    while let Some(batch) = running.batches.next().await {
        let batch = batch?;
        staged.write(&batch)?;
        progress.wrote(batch.num_rows());
    }
    Ok(staged)
}

async fn start(session: &Session, planned: Planned, progress: &Progress) -> Result<Running> {
    let files = planned.sources.iter().flat_map(|source| &source.files);
    progress.plans_to_read(files.map(listing::InputFile::size).sum());
    let running = session.start(planned).await?;
    progress.runs(Arc::clone(&running.plan));
    Ok(running)
}

/// What should be said of rows that have no event time, if there are any.
pub fn windowless(rows: u64) -> Option<String> {
    match rows {
        0 => None,
        1 => Some("1 row has no event time, and is in no window".to_owned()),
        rows => Some(format!("{rows} rows have no event time, and are in no window")),
    }
}

/// What should be said of the rejects of a statement's sources where nothing stops for them; one line each.
pub fn warnings(sources: &[Arc<Source>]) -> Vec<String> {
    let warning = |source: &Arc<Source>| {
        let (rejects, lines, name) = (source.survey.counts.rejects(), source.survey.counts.lines, &source.config.name);
        let verb = if rejects == 1 { "was" } else { "were" };
        format!("{rejects} of {lines} lines of `{name}` {verb} rejected; SELECT * FROM rejects.{name} shows them")
    };
    sources.iter().filter(|source| source.survey.counts.rejects() > 0).map(warning).collect()
}
