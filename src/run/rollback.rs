//! Earlier outputs: kept when they are replaced, and brought back.
//!
//! It knows nothing of how results are copied (`sink`), nor of how it is remembered which are kept (`ledger`).

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::history::{self, History};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::ledger::{self, Finished, Kept, OutputFile, Placed, Recorded, Shelf};
use crate::project::Project;
use crate::sink::{self, Returning, WasPublished};

/// What came of bringing an earlier output back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rollback {
    /// The query's name.
    pub query: String,
    /// Its number in the ledger.
    pub run: i64,
    /// The run that made what stands there now.
    pub restores: i64,
    /// The run that made what stood there, if that is kept.
    pub keeps: Option<i64>,
    /// The file, or the folder.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// How many files it is.
    pub files: u64,
    /// What else is worth telling; one line each.
    pub notes: Vec<String>,
}

/// Keeps what stands at `path`, where the result of a `recorded` run of `query` is put next. Returns the run that made it; what no
/// run is known to have made is not kept, which is told.
///
/// **Errors**: `Machine`, if it cannot be kept; nothing is replaced then.
pub(super) fn keep(
    recorded: &Recorded<'_>,
    root: &Path,
    query: &str,
    path: &Path,
    notes: &mut Vec<String>,
) -> Result<Option<i64>> {
    if !path.exists() {
        return Ok(None);
    }
    // Another file may have got the number in its file system that tells it.
    let made = match recorded.maker_of(query, path)? {
        Some(made) if check(path, &sizes(recorded.outputs_of(made)?)).is_ok() => Some(made),
        _ => None,
    };
    let Some(made) = made else {
        notes.push("what stood there is not what a run of this query published last, and is not kept".to_owned());
        return Ok(None);
    };
    // What a run that was killed has left would be in the way.
    let known = recorded.ledger().kept(query)?;
    ledger::tidy(root, query, &known)?;
    sink::keep(path, &ledger::place_of(root, query, made)).inspect_err(|_| {
        // Half of a copy takes room where there may be none; what stays is removed by the next run.
        let _ = ledger::tidy(root, query, &known);
    })?;
    failpoint::pass("kept");
    Ok(Some(made))
}

/// Brings back what the run numbered `run` of `query` published, or what was published before what stands there.
///
/// **Errors**: `Request`, if there is nothing to bring back, or it is not what was published any more; `Machine`, if it cannot be
/// brought back. What stands there is then untouched.
pub fn rollback(project: &Project, query: &str, run: Option<i64>) -> Result<Rollback> {
    let root = &project.root;
    if !ledger::has_run(root, query)? {
        project.query(query)?;
        return Err(nothing(query, &[]));
    }
    let mut history = History::open(project, query)?;
    let shelf = history.ledger()?.shelf(query)?;
    let kept = choose(query, &shelf, run)?;
    let name = kept.path.file_name().unwrap_or_default();
    let copy = ledger::place_of(root, query, kept.run).join(name);
    check(&copy, &kept.files).map_err(|error| {
        Error::request(format!("what run {} of `{query}` published cannot be brought back", kept.run))
            .with_source(error)
            .with_hint(match shelf.kept.len() {
                1 => "no other output of it is kept".to_owned(),
                _ => choices(query, shelf.kept.iter().filter(|other| other.run != kept.run)),
            })
    })?;
    let mut recorded = history.ledger()?.begin_rollback(kept.run, &kept.path)?;
    failpoint::pass("begun");
    let done = bring_back(&mut recorded, root, query, kept, &copy);
    let told = match &done {
        Ok(_) => recorded.commit(),
        Err(error) => recorded.fail(error),
    };
    failpoint::pass("committed");
    let mut rollback = done?;
    rollback.notes.extend(told.err().map(|error| history::missing(&error)));
    rollback.notes.extend(history.tidy(root, query));
    Ok(rollback)
}

fn bring_back(recorded: &mut Recorded<'_>, root: &Path, query: &str, kept: &Kept, copy: &Path) -> Result<Rollback> {
    let Kept { run: made, path, files } = kept;
    super::sweep(path, &ledger::uploads(root))?;
    let mut notes = Vec::new();
    let staged = Returning::create(copy, path)?;
    let identity = staged.identity()?;
    let keeps = keep(recorded, root, query, path, &mut notes)?;
    let rows = files.iter().map(|file| file.rows).sum();
    let bytes = files.iter().map(|file| file.bytes).sum();
    let finished = Finished { rows, bytes, outputs: files.clone(), ..Finished::default() };
    recorded.prepare(&finished, Some(&Placed { keeps, ..history::placed(path, identity) }), None)?;
    failpoint::pass("prepared");
    staged.publish()?;
    failpoint::pass("published");
    let (run, files) = (recorded.run(), files.len() as u64);
    Ok(Rollback { query: query.to_owned(), run, restores: *made, keeps, path: path.clone(), rows, bytes, files, notes })
}

/// Checks that the result at `path` is what was published.
///
/// **Errors**: those of [`sink::check`].
pub(super) fn check(path: &Path, published: &[OutputFile]) -> Result<()> {
    let was =
        |file: &OutputFile| WasPublished { name: file.file.clone(), bytes: file.bytes, blake3: file.blake3.clone() };
    sink::check(path, &published.iter().map(was).collect::<Vec<_>>())
}

/// The files of a result, told by their sizes alone, which takes no time to compare.
fn sizes(published: Vec<OutputFile>) -> Vec<OutputFile> {
    published.into_iter().map(|file| OutputFile { blake3: None, ..file }).collect()
}

fn choose<'a>(query: &str, shelf: &'a Shelf, run: Option<i64>) -> Result<&'a Kept> {
    match run {
        None => {
            let before = |kept: &&Kept| shelf.present.is_none_or(|present| kept.run < present);
            shelf.kept.iter().find(before).ok_or_else(|| nothing(query, &shelf.kept))
        }
        Some(run) if shelf.present == Some(run) => {
            Err(Error::request(format!("what run {run} of `{query}` published was published last"))
                .with_hint(choices(query, shelf.kept.iter())))
        }
        Some(run) => shelf.kept.iter().find(|kept| kept.run == run).ok_or_else(|| {
            Error::request(format!("what run {run} of `{query}` published is not kept"))
                .with_hint(choices(query, shelf.kept.iter()))
        }),
    }
}

fn nothing(query: &str, kept: &[Kept]) -> Error {
    Error::request(format!("there is no earlier output of `{query}`")).with_hint(choices(query, kept.iter()))
}

/// What can be brought back, in words.
fn choices<'a>(query: &str, kept: impl Iterator<Item = &'a Kept>) -> String {
    let runs: Vec<String> = kept.map(|kept| kept.run.to_string()).collect();
    if runs.is_empty() {
        return format!(
            "a query without `mode` keeps what its runs replace if it says `--@ keep = 5`; see its runs: tidemill history {query}"
        );
    }
    format!("those of these runs can be brought back: {}", runs.join(", "))
}
