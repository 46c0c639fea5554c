//! What the ledger is told of a run. A ledger that cannot be written is told of, and stops no run: what it would lose is
//! history, and no result.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Target;
use crate::catalog::Source;
use crate::error::{Error, Result};
use crate::ledger::{Begun, Finished, Identity, InputFile, Ledger, Lock, OutputFile, Recorded, SourceCounts, Turn};
use crate::project::{Keep, Project};
use crate::query::SavedQuery;
use crate::sink::Sealed;

/// The ledger, and the right to run a query.
pub(super) struct History {
    ledger: Option<Ledger>,
    keep: Keep,
    trouble: Option<Error>,
    _lock: Option<Lock>,
}

impl History {
    /// Of a project, for a run of `query`.
    ///
    /// **Errors**: `Machine`, if another process runs the query.
    pub(super) fn open(project: &Project, query: &SavedQuery) -> Result<Self> {
        let keep = project.history.clone();
        let lock = match Lock::take(&project.root, &query.name) {
            Ok(Turn::Ours(lock)) => lock,
            Ok(Turn::Theirs(who)) => {
                return Err(Error::machine(format!("`{}` is being run by {who}", query.name))
                    .with_hint("wait until it has ended: two runs of one query would replace each other's result"));
            }
            Err(error) => return Ok(Self { ledger: None, keep, trouble: Some(error), _lock: None }),
        };
        let (ledger, trouble) = match Ledger::open(&project.root) {
            Ok(ledger) => (Some(ledger), None),
            Err(error) => (None, Some(error)),
        };
        Ok(Self { ledger, keep, trouble, _lock: Some(lock) })
    }

    /// Begins a run.
    pub(super) fn begin(
        &mut self,
        query: &SavedQuery,
        target: &Target,
        params: &BTreeMap<String, String>,
    ) -> Option<Recorded<'_>> {
        let ledger = self.ledger.as_mut()?;
        let path = std::path::absolute(&target.path).unwrap_or_else(|_| target.path.clone());
        let format = target.writing.format.to_string();
        let begun = Begun { query: &query.name, sql: &query.sql, params, path: &path, format };
        match ledger.begin(&begun, self.keep.runs, self.keep.age()) {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                self.trouble = Some(error);
                None
            }
        }
    }

    /// Why the run is not in the ledger.
    pub(super) fn trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }
}

/// Tells that the result is whole.
pub(super) fn prepare(recorded: &mut Recorded<'_>, sealed: &Sealed, sources: &[Arc<Source>], notes: &mut Vec<String>) {
    let outputs = sealed.files.iter();
    let outputs = outputs.map(|file| OutputFile { file: file.name.clone(), rows: file.rows, bytes: file.bytes });
    let counts = sources.iter().map(|source| {
        let counts = &source.survey.counts;
        SourceCounts {
            source: source.config.name.clone(),
            files: source.files.len() as u64,
            bytes: counts.bytes,
            lines: counts.lines,
            rows: counts.rows,
            rejects: counts.rejects(),
            blank: counts.blank,
        }
    });
    let inputs = sources.iter().flat_map(|source| {
        source.files.iter().map(|file| InputFile {
            source: source.config.name.clone(),
            file: file.shown.clone(),
            identity: Identity { device: file.identity.device, inode: file.identity.inode },
            bytes: file.size(),
            modified_ns: file
                .identity
                .modified
                .0
                .saturating_mul(1_000_000_000)
                .saturating_add(file.identity.modified.1),
        })
    });
    let finished = Finished {
        rows: sealed.rows(),
        bytes: sealed.bytes(),
        outputs: outputs.collect(),
        sources: counts.collect(),
        inputs: inputs.collect(),
    };
    let (device, inode) = sealed.identity;
    if let Err(error) = recorded.prepare(&finished, Identity { device, inode }) {
        notes.push(missing(&error));
    }
}

/// What is told of a run that is not in the ledger, or not all of it.
pub(super) fn missing(error: &Error) -> String {
    format!("not in the history: {}", error.chain())
}
