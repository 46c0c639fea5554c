//! The account of a run, as data. Its JSON is an interface; `cli` says it in words.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;

use super::{Progress, Target};
use crate::catalog::Source;
use crate::ndjson::{Reason, Reject};
use crate::sink::Published;

/// What came of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Its result stands in its place.
    Published,
    /// No line was new that made a row: what stands there stays as it is.
    NothingNew,
    /// It only looked at what there is to do.
    DryRun,
}

/// What a run did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// The query's name.
    pub query: String,
    /// What came of it.
    pub status: Outcome,
    /// Its number in the ledger, if it is there.
    pub run: Option<i64>,
    /// The published file, or the folder of its files.
    pub path: PathBuf,
    /// Its format.
    pub format: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// How many files it is.
    pub files: u64,
    /// Wall time from reading the query to publishing.
    pub seconds: f64,
    /// The values of its parameters, as text, those of the run itself among them.
    pub params: BTreeMap<String, String>,
    /// What was read.
    pub sources: Vec<SourceReport>,
    /// How it was read.
    pub scan: ScanReport,
    /// Rows that belong to no window, for want of an event time.
    pub null_event_times: u64,
    /// What else is worth telling; one line each.
    pub notes: Vec<String>,
}

/// What the scans of a statement did. Times are those of all threads, added up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScanReport {
    /// Bytes of lines, decompressed.
    pub bytes: u64,
    /// Bytes, as stored, that no row of interest stands in by what their files taught: they were not read.
    pub bytes_skipped: u64,
    /// Lines of all kinds; none where everything was known from a statement before.
    pub lines: u64,
    /// Those that were not like lines before.
    pub lines_careful: u64,
    /// Getting bytes.
    pub seconds_reading: f64,
    /// Making lines of them.
    pub seconds_parsing: f64,
    /// Filtering rows and making columns of their values.
    pub seconds_decoding: f64,
}

/// What became of the lines of a source: `lines = rows + blank + rejects`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SourceReport {
    /// The source's name.
    pub source: String,
    /// How many files it has.
    pub files: u64,
    /// Their size, as stored.
    pub bytes: u64,
    /// Lines of all kinds.
    pub lines: u64,
    /// Lines that are rows.
    pub rows: u64,
    /// Lines of spaces only.
    pub blank: u64,
    /// Lines that were not accepted.
    pub rejects: u64,
    /// Those by reason, where there are any.
    pub rejects_by_reason: BTreeMap<&'static str, u64>,
    /// Rows in which a key stood twice in one object; the last one won.
    pub duplicate_keys: u64,
    /// How many `""` were read as NULL, per column, where there are any.
    pub empty_as_null: BTreeMap<String, u64>,
    /// The first few rejects.
    pub first_rejects: Vec<RejectReport>,
}

/// One rejected line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RejectReport {
    /// The file, as the column `_file` shows it.
    pub file: String,
    /// Line number, 1-based.
    pub line: u64,
    /// Offset of the line's first byte.
    pub offset: u64,
    /// Why, as a code.
    pub reason: &'static str,
    /// Why, in words.
    pub detail: String,
}

impl Report {
    /// Of what was published, if anything was, of these sources.
    pub(super) fn of(
        query: &str,
        target: &Target,
        begun: Instant,
        published: Option<&Published>,
        sources: &[Arc<Source>],
        progress: &Progress,
    ) -> Self {
        Self {
            query: query.to_owned(),
            status: if published.is_some() { Outcome::Published } else { Outcome::NothingNew },
            run: None,
            path: published.map_or_else(|| target.path.clone(), |published| published.path.clone()),
            format: target.writing.format.to_string(),
            rows: published.map_or(0, |published| published.rows),
            bytes: published.map_or(0, |published| published.bytes),
            files: published.map_or(0, |published| published.files.len() as u64),
            seconds: begun.elapsed().as_secs_f64(),
            sources: sources.iter().map(|source| SourceReport::of(source)).collect(),
            scan: progress.scanned(),
            null_event_times: progress.null_event_times(),
            params: BTreeMap::new(),
            notes: Vec::new(),
        }
    }
}

impl SourceReport {
    /// What became of the lines of `source`.
    pub fn of(source: &Source) -> Self {
        let counts = &source.survey.counts;
        let by_reason = Reason::ALL.into_iter().zip(counts.by_reason);
        Self {
            source: source.config.name.clone(),
            files: source.files.len() as u64,
            bytes: counts.bytes,
            lines: counts.lines,
            rows: counts.rows,
            blank: counts.blank,
            rejects: counts.rejects(),
            rejects_by_reason: by_reason.filter(|(_, n)| *n > 0).map(|(reason, n)| (reason.code(), n)).collect(),
            duplicate_keys: counts.duplicate_keys,
            empty_as_null: source.survey.empties.iter().cloned().collect(),
            first_rejects: source.survey.first_rejects.iter().map(RejectReport::of).collect(),
        }
    }
}

impl RejectReport {
    fn of(reject: &Reject) -> Self {
        let Reject { file, line, offset, reason, detail, .. } = reject.clone();
        Self { file, line, offset, reason: reason.code(), detail }
    }
}
