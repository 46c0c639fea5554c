//! What differs between two runs, as the ledger knows them, and between their results, where those are still there.
//!
//! It says what differs, and nothing of why: whoever sees that an input has grown and the SQL has not can tell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path};
use std::str::FromStr;

use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use similar::TextDiff;

use super::rollback;
use crate::dialect::BUILT_IN;
use crate::error::{Error, Result};
use crate::ledger::{self, InputFile, OutputFile, Record, SourceCounts};
use crate::project::Project;
use crate::session::{ResultFiles, rows_apart};
use crate::sink::Format;

/// What differs between two runs. Its JSON is an interface.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// The one run.
    pub before: Summary,
    /// The other.
    pub after: Summary,
    /// What else is not the same, by name; parameters as `param NAME`.
    pub settings: BTreeMap<String, Pair<Option<String>>>,
    /// The text of the query's file, if it is not the same.
    pub sql: Option<SqlDiff>,
    /// What sources gave, by name.
    pub sources: BTreeMap<String, Pair<Option<SourceCounts>>>,
    /// The files that were read.
    pub inputs: Files,
    /// The files that were published.
    pub outputs: Files,
    /// The rows that were published.
    pub rows: Rows,
}

/// A value of each run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair<T> {
    /// Of the one.
    pub before: T,
    /// Of the other.
    pub after: T,
}

/// What there is to say of a run by itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Its number.
    pub run: i64,
    /// The query's name.
    pub query: String,
    /// What became of it.
    pub status: String,
    /// When it began, UTC.
    pub started_at: String,
    /// How long it took.
    pub seconds: Option<f64>,
    /// Rows of its result.
    pub rows: Option<u64>,
    /// Bytes of it.
    pub bytes: Option<u64>,
    /// How many files it is.
    pub files: u64,
}

/// How the text of a query's file differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SqlDiff {
    /// Hashes of the texts.
    pub sql_hash: Pair<String>,
    /// The lines that differ, as `diff -u` shows them; `None` if a text is not known.
    pub lines: Option<String>,
}

/// How two lists of files differ.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// How many are the same.
    pub same: u64,
    /// Those of the run after only.
    pub added: Vec<String>,
    /// Those of the run before only.
    pub removed: Vec<String>,
    /// Those whose content is not the same, with their sizes.
    pub changed: BTreeMap<String, Pair<u64>>,
}

/// How the rows of two results differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// Each row counts as often as it is there; their order does not.
    Compared {
        /// Rows of the run after only.
        added: u64,
        /// Rows of the run before only.
        removed: u64,
    },
    /// They were not compared, for this reason.
    NotCompared(String),
}

/// The numbers of the last two runs of `query` that published something, the earlier first.
///
/// **Errors**: `Request`, if there are not two.
pub fn last_two(project: &Project, query: &str) -> Result<(i64, i64)> {
    let last = ledger::last_runs(&project.root, query, 2)?;
    match last[..] {
        [after, before] => Ok((before, after)),
        [] if !ledger::has_run(&project.root, query)? => {
            project.query(query)?;
            Err(Error::request(format!("`{query}` was never run")).with_hint(format!("tidemill run {query}")))
        }
        _ => Err(Error::request(format!("`{query}` has not published twice, so there is nothing to compare"))
            .with_hint(format!("see its runs: tidemill history {query}"))),
    }
}

/// What differs between the runs of these numbers.
///
/// **Errors**: `Request`, if there is no such run; `Machine`, if the ledger cannot be read.
pub async fn diff(project: &Project, before: i64, after: i64) -> Result<Diff> {
    let (before, after) = (find(project, before)?, find(project, after)?);
    Ok(Diff {
        settings: settings(&before, &after),
        sql: sql(&before, &after),
        sources: sources(&before, &after),
        inputs: files(&before.inputs, &after.inputs, input_of),
        outputs: files(&before.outputs, &after.outputs, output_of),
        rows: rows(project, &before, &after).await?,
        before: summary(&before),
        after: summary(&after),
    })
}

fn find(project: &Project, run: i64) -> Result<Record> {
    ledger::record(&project.root, run)?.ok_or_else(|| {
        Error::request(format!("there is no run {run} in the ledger"))
            .with_hint("see those that there are: tidemill history")
    })
}

fn summary(record: &Record) -> Summary {
    let started = DateTime::from_timestamp_millis(record.started_ms).unwrap_or_default();
    Summary {
        run: record.run,
        query: record.query.clone(),
        status: record.status.clone(),
        started_at: started.to_rfc3339_opts(SecondsFormat::Millis, true),
        seconds: record.seconds,
        rows: record.rows,
        bytes: record.bytes,
        files: record.outputs.len() as u64,
    }
}

fn settings(before: &Record, after: &Record) -> BTreeMap<String, Pair<Option<String>>> {
    let of = |record: &Record| {
        let params = record.params.iter().filter(|(name, _)| !BUILT_IN.contains(&name.as_str()));
        let mut all: BTreeMap<String, String> =
            params.map(|(name, value)| (format!("param {name}"), value.clone())).collect();
        all.insert("query".to_owned(), record.query.clone());
        all.insert("version".to_owned(), record.version.clone());
        all.insert("path".to_owned(), record.path.display().to_string());
        all.insert("format".to_owned(), record.format.clone());
        all.extend(record.restores.map(|run| ("restores".to_owned(), run.to_string())));
        all
    };
    let mut pairs = pairs(of(before), of(after));
    pairs.retain(|_, pair| pair.before != pair.after);
    pairs
}

/// What each side has under each name.
fn pairs<T: Clone>(before: BTreeMap<String, T>, after: BTreeMap<String, T>) -> BTreeMap<String, Pair<Option<T>>> {
    let names: BTreeSet<String> = before.keys().chain(after.keys()).cloned().collect();
    let pair = |name: &String| Pair { before: before.get(name).cloned(), after: after.get(name).cloned() };
    names.iter().map(|name| (name.clone(), pair(name))).collect()
}

fn sql(before: &Record, after: &Record) -> Option<SqlDiff> {
    if before.sql_hash == after.sql_hash {
        return None;
    }
    let lines = before.sql.as_deref().zip(after.sql.as_deref()).map(|(one, other)| {
        let header = [before, after].map(|record| format!("{} (run {})", record.query, record.run));
        TextDiff::from_lines(one, other).unified_diff().header(&header[0], &header[1]).to_string()
    });
    Some(SqlDiff { sql_hash: Pair { before: before.sql_hash.clone(), after: after.sql_hash.clone() }, lines })
}

fn sources(before: &Record, after: &Record) -> BTreeMap<String, Pair<Option<SourceCounts>>> {
    let of = |record: &Record| record.sources.iter().map(|counts| (counts.source.clone(), counts.clone())).collect();
    pairs(of(before), of(after))
}

/// A file's name, what tells its content, and its size.
type Told = (String, String, u64);

fn input_of(file: &InputFile) -> Told {
    let InputFile { file, identity, bytes, modified_ns, .. } = file;
    (file.clone(), format!("{identity:?} {bytes} {modified_ns}"), *bytes)
}

fn output_of(file: &OutputFile) -> Told {
    let OutputFile { file, rows, bytes, blake3 } = file;
    (file.clone(), blake3.clone().unwrap_or_else(|| format!("{rows} {bytes}")), *bytes)
}

fn files<T>(before: &[T], after: &[T], told: impl Fn(&T) -> Told) -> Files {
    let by_name = |files: &[T]| -> BTreeMap<String, (String, u64)> {
        files.iter().map(&told).map(|(name, content, bytes)| (name, (content, bytes))).collect()
    };
    let mut files = Files::default();
    for (name, pair) in pairs(by_name(before), by_name(after)) {
        match (pair.before, pair.after) {
            (Some((one, before)), Some((other, after))) if one != other => {
                files.changed.insert(name, Pair { before, after });
            }
            (Some(_), Some(_)) => files.same += 1,
            (Some(_), None) => files.removed.push(name),
            (None, _) => files.added.push(name),
        }
    }
    files
}

async fn rows(project: &Project, before: &Record, after: &Record) -> Result<Rows> {
    // Folders of `partition_by` are values, too.
    let folder = |file: &OutputFile| Path::new(&file.file).parent().map(Path::to_path_buf);
    let hashes = |record: &Record| -> Option<Vec<_>> {
        record.outputs.iter().map(|file| Some((folder(file), file.blake3.clone()?))).collect()
    };
    if before.format == after.format && hashes(before).is_some_and(|one| !one.is_empty() && hashes(after) == Some(one))
    {
        return Ok(Rows::Compared { added: 0, removed: 0 });
    }
    if let Some(record) = [before, after].into_iter().find(|record| record.outputs.is_empty()) {
        return Ok(Rows::NotCompared(format!("run {} published nothing", record.run)));
    }
    let (one, other) = match (result(project, before), result(project, after)) {
        (Ok(one), Ok(other)) => (one, other),
        (Err(why), _) | (_, Err(why)) => return Ok(Rows::NotCompared(why)),
    };
    match (before.rows.unwrap_or(0), after.rows.unwrap_or(0)) {
        // A file without rows may not say which columns it has.
        (removed, added) if removed == 0 || added == 0 => Ok(Rows::Compared { added, removed }),
        _ => match rows_apart(project, &one, &other).await {
            Ok(apart) => Ok(Rows::Compared { added: apart.added, removed: apart.removed }),
            Err(error @ (Error::Interrupted(_) | Error::Stopped)) => Err(error),
            Err(error) => Ok(Rows::NotCompared(error.chain())),
        },
    }
}

/// The files of a run's result, if they are what was published.
fn result(project: &Project, record: &Record) -> std::result::Result<ResultFiles, String> {
    let run = record.run;
    let path = record.result(&project.root).ok_or_else(|| format!("what run {run} published is not there any more"))?;
    rollback::check(&path, &record.outputs).map_err(|error| error.chain())?;
    let format = Format::from_str(&record.format).map_err(|error| error.chain())?;
    let first = record.outputs.first().map_or("", |file| file.file.as_str());
    let levels = Path::new(first).components().filter_map(|part| match part {
        Component::Normal(name) => name.to_str()?.split_once('=').map(|(name, _)| name.to_owned()),
        _ => None,
    });
    let folders = if path.is_dir() { levels.collect() } else { Vec::new() };
    let first = if path.is_dir() { path.join(first) } else { path.clone() };
    Ok(ResultFiles { path, folders, first, format })
}
