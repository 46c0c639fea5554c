//! One query from its file to its published output, with an account of every line that it read.
//!
//! It parses no arguments and prints nothing: it returns a [`Report`], and tells how far it is through [`Progress`].

mod answer;
mod columns;
pub mod diff;
mod history;
mod increment;
mod partitions;
mod progress;
mod rejects;
mod report;
mod rollback;
mod standing;
mod target;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt;

pub use answer::{Answer, answer};
pub use increment::Extent;
pub use progress::{Progress, Snapshot};
pub use rejects::{Correction, corrections};
pub use report::{Outcome, Report, ScanReport, SourceReport};
pub use rollback::{Rollback, rollback};
pub use target::{Mode, Options, Target};

use crate::catalog::{Look, Source};
use crate::clock;
use crate::dialect::{self, Given, Parameters, Script, Statement, Step};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::ledger::{self, Definition, Recorded};
use crate::ndjson::listing;
use crate::paths;
use crate::query::{self, Files, SavedQuery};
use crate::session::{Fold, Planned, Running, Session, Touched, reads};
use crate::sink::{self, Placing, Staging};
use crate::store::Location;
use history::History;
use increment::Increment;

/// Runs a saved query and publishes its result at `target`; `given` are values of its parameters, by name.
///
/// **Errors**: `Sql` for what the query gets wrong, and if it is not one SELECT, behind definitions; `Request` for a value that
/// is not of its parameter's type; those of [`publish`].
pub async fn query(
    session: &Session,
    query: &SavedQuery,
    target: &Target,
    given: &BTreeMap<String, String>,
    extent: Extent,
    progress: &Progress,
) -> Result<Report> {
    rejects::check_mode(query, target.mode, &extent)?;
    let script = Script { name: query.path.display().to_string(), text: query.sql.clone() };
    let parameters = Parameters::new(&query.settings.params, given, clock::now())?;
    let step = only_step(session, &script, &parameters)?;
    let session = session.with_options(&step.options)?;
    let order = &query.settings.files.order_by;
    let statement = dialect::arranged(&step.statement, &target.keys, order);
    let statement = statement.map_err(|error| error.at(query.place_of("order_by")))?;
    let mut history = History::open(session.catalog().project(), &query.name)?;
    let (options, script) = (step.options.as_slice(), &script);
    let increment = Increment {
        session: &session,
        query,
        script,
        statement: &statement,
        options,
        parameters: &parameters,
        target,
        extent,
        progress,
    };
    let passed_over = (increment.extent.since.is_some() && target.mode == Mode::Replace)
        .then(|| "--since does not hold here: without a `mode` all lines are read each time".to_owned());
    if increment.extent.dry_run {
        let mut report = increment.dry_run(&mut history).map_err(|error| placed(error, query))?;
        report.notes.extend(passed_over);
        return Ok(report);
    }
    // What a run that was killed was about to do is done or undone before it is asked what became of it.
    let _ = sweep(&target.path, &ledger::uploads(&session.catalog().project().root));
    let mut recorded = history.begin(query, target, parameters.values());
    failpoint::pass("begun");
    let published = match recorded.as_mut() {
        recorded if target.mode == Mode::Replace && (recorded.is_some() || target.keep == 0) => {
            let work = publish(&session, &query.name, script, &statement, Some(target), recorded, progress);
            Box::pin(work).await
        }
        Some(recorded) if target.mode == Mode::ReplacePartitions => Box::pin(increment.run_partitions(recorded)).await,
        Some(recorded) => Box::pin(increment.run(recorded)).await,
        None => {
            drop(recorded);
            return Err(history.trouble().unwrap_or_else(|| Error::internal("there is no ledger")));
        }
    };
    let published = published.map_err(|error| placed(error, query));
    let run = recorded.as_ref().map(Recorded::run);
    let told = recorded.map_or(Ok(()), |recorded| match &published {
        Ok(_) => recorded.commit(),
        Err(error) => recorded.fail(error),
    });
    failpoint::pass("committed");
    let mut report = published?;
    report.run = run;
    report.notes.extend(passed_over);
    report.notes.extend(told.err().or(history.trouble()).map(|error| history::missing(&error)));
    report.notes.extend(history.elsewhere(&query.name, &target.place()));
    report.notes.extend(history.tidy(&session.catalog().project().root, &query.name));
    report.params = parameters.values().clone();
    Ok(report)
}

/// The one statement of a saved query that asks, behind what it defines.
fn only_step(session: &Session, script: &Script, parameters: &Parameters) -> Result<Step> {
    let default_source = session.catalog().project().default_source().map(|source| source.name.as_str());
    let mut steps = dialect::program(script, parameters, default_source)?;
    if steps.len() != 1 {
        let hint = "a saved query is one SELECT, behind any CREATE VIEW, CREATE FUNCTION and SET that it needs";
        let what = match steps.len() {
            0 => format!("`{}` defines things, and asks nothing", script.name),
            count => format!("`{}` holds {count} statements that ask, a saved query is one", script.name),
        };
        let error = Error::sql(what).with_hint(hint);
        return Err(error.at(steps.get(1).and_then(|step| step.place(script))));
    }
    let step = steps.remove(0);
    if !is_select(&step.statement) {
        let error = Error::sql(format!("`{}` is no SELECT", script.name))
            .with_hint("a saved query is one SELECT, whose rows are published; ask others with: tidemill sql");
        return Err(error.at(step.place(script)));
    }
    Ok(step)
}

/// An error about a name that has no place in the SQL, with its place in the settings that arrange the rows.
fn placed(error: Error, query: &SavedQuery) -> Error {
    let Error::Sql(problem) = &error else { return error };
    let Some(name) = error.to_string().split('`').nth(1).map(str::to_owned).filter(|_| problem.excerpt.is_none())
    else {
        return error;
    };
    let Files { partition_by, order_by, .. } = &query.settings.files;
    let named = [("partition_by", partition_by), ("order_by", order_by)];
    let named = named.into_iter().find(|(_, texts)| texts.iter().any(|text| text.contains(&name)));
    let place = named.and_then(|(setting, _)| query.place_of(setting));
    error.at(place)
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
/// rejects. Dropping the future leaves the previous output as it was, and nothing else. Where the run is `recorded`, its
/// result is in the ledger before it is in its place.
///
/// **Errors**: those of [`Session::plan`] and [`Session::start`]; `Data` for a source over its budget; `Machine` if the
/// output cannot be written.
pub async fn publish(
    session: &Session,
    name: &str,
    script: &Script,
    statement: &Statement,
    target: Option<&Target>,
    mut recorded: Option<&mut Recorded<'_>>,
    progress: &Progress,
) -> Result<Report> {
    let begun = Instant::now();
    let work = Work::of(session, script, statement, target, &Placing::Whole, progress);
    let Written { mut staged, target, sources, mut notes, .. } = work.write(|_| Ok(())).await?;
    let sealed = staged.seal().await?;
    failpoint::pass("sealed");
    if let Some(recorded) = &mut recorded {
        let finished = history::finished(Some(&sealed), &sources);
        let place = target.place();
        let mut placed = history::placed(&place, sealed.identity);
        if target.keep > 0 {
            let root = &session.catalog().project().root;
            placed.keeps = rollback::keep(recorded, root, name, &target.path, &mut notes)?;
        }
        match recorded.prepare(&finished, Some(&placed), None) {
            // What is kept would be lost.
            Err(error) if target.keep > 0 => return Err(error),
            told => notes.extend(told.err().map(|error| history::missing(&error))),
        }
    }
    failpoint::pass("prepared");
    let published = staged.publish(sealed).await?;
    failpoint::pass("published");
    Ok(Report { notes, ..Report::of(name, &target, begun, Some(&published), &sources, progress) })
}

/// A statement whose rows are to be written.
struct Work<'a> {
    session: &'a Session,
    script: &'a Script,
    statement: &'a Statement,
    target: Option<&'a Target>,
    placing: &'a Placing,
    fold: Option<&'a Fold>,
    only: Option<&'a Touched>,
    progress: &'a Progress,
}

/// Rows, all of them, and what they were made of.
struct Written {
    staged: Staging,
    target: Target,
    schema: SchemaRef,
    /// What was read for it, with types.
    reads: Definition,
    sources: Vec<Arc<Source>>,
    notes: Vec<String>,
}

impl<'a> Work<'a> {
    /// All rows, by the statement as it stands.
    fn of(
        session: &'a Session,
        script: &'a Script,
        statement: &'a Statement,
        target: Option<&'a Target>,
        placing: &'a Placing,
        progress: &'a Progress,
    ) -> Self {
        Self { session, script, statement, target, placing, fold: None, only: None, progress }
    }

    /// Writes all rows aside, by types that are those of all lines, if `check` lets the plan pass and every source is within
    /// its budget of rejects.
    async fn write(&self, check: impl Fn(&Planned) -> Result<()>) -> Result<Written> {
        let Self { session, script, statement, target, progress, .. } = self;
        let mut notes = Vec::new();
        let mut look = Look::Guess;
        loop {
            let planned = session.plan(script, statement, look, progress.watch()).await?;
            check(&planned)?;
            let planned = match self.only {
                Some(touched) => planned.only(touched)?,
                None => planned,
            };
            let target = Target::of_statement(*target, &planned)?;
            target.check(session.catalog().project())?;
            let sources = planned.sources.clone();
            target.check_apart(sources.iter().flat_map(|source| &source.files))?;
            sources.iter().filter(|source| source.survey.is_whole).try_for_each(|source| source.check_budget())?;
            let written = self.aside(planned, &target).await;
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
            notes.extend(session.catalog().take_notes());
            let (staged, schema, reads) = written?;
            return Ok(Written { staged, target, schema, reads, sources: settled.sources, notes });
        }
    }

    async fn aside(&self, planned: Planned, target: &Target) -> Result<(Staging, SchemaRef, Definition)> {
        let Self { session, placing, progress, .. } = self;
        let spool = ledger::uploads(&session.catalog().project().root);
        sweep(&target.path, &spool)?;
        let mut running = match self.fold {
            None => start(session, planned, progress).await?,
            Some(fold) => {
                progress.plans_to_read(to_read(&planned));
                session.start_fold(planned, fold, |plan| progress.runs(plan)).await?
            }
        };
        let threads = session.catalog().project().limits.num_threads();
        let schema = Arc::clone(&running.schema);
        let Target { path, writing, shape, .. } = target;
        let mut staged = Staging::create(path, *writing, shape, placing, &schema, threads, &spool).await?;
        failpoint::pass("staged");
        while let Some(batch) = running.batches.next().await {
            let batch = batch?;
            staged.write(&batch)?;
            progress.wrote(batch.num_rows());
        }
        failpoint::pass("written");
        Ok((staged, schema, reads(running.plan.as_ref())))
    }
}

/// Removes what a run that was killed has left beside the result at `path`, or where results for stores are staged: it is of no
/// use to anyone.
fn sweep(path: &Path, spool: &Path) -> Result<()> {
    if Location::is_url(path) {
        return sink::sweep(spool).map(drop);
    }
    // A stage is beside what a link leads to.
    let end = paths::follow(path).unwrap_or_else(|_| path.to_owned());
    sink::sweep(paths::folder_of(&end)).map(drop)
}

/// Bytes that a statement will read, as stored.
fn to_read(planned: &Planned) -> u64 {
    planned.sources.iter().flat_map(|source| &source.files).map(listing::InputFile::size).sum()
}

async fn start(session: &Session, planned: Planned, progress: &Progress) -> Result<Running> {
    progress.plans_to_read(to_read(&planned));
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
