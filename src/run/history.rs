//! What the ledger is told of a run. A ledger that cannot be written is told of, and stops no run: what it would lose is
//! history, and no result.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::Target;
use crate::catalog::Source;
use crate::error::{Error, Result};
use crate::intake::nanoseconds;
use crate::ledger::{
    self, Begun, Finished, Identity, InputFile, Ledger, Lock, Memory, OutputFile, Placed, Recorded, Rejects,
    SourceCounts, Turn,
};
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
    /// Of a project, for a run of the query called `query`.
    ///
    /// **Errors**: `Machine`, if another process runs the query.
    pub(super) fn open(project: &Project, query: &str) -> Result<Self> {
        let keep = project.history.clone();
        let lock = match Lock::take(&project.root, query) {
            Ok(Turn::Ours(lock)) => lock,
            Ok(Turn::Theirs(who)) => {
                return Err(Error::machine(format!("`{query}` is being run by {who}"))
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
        let path = target.place();
        let format = target.writing.format.to_string();
        let begun = Begun { query: &query.name, sql: &query.sql, params, path: &path, format, keep: target.keep };
        match ledger.begin(&begun, self.keep.runs, self.keep.age()) {
            Ok(recorded) => Some(recorded),
            Err(error) => {
                self.trouble = Some(error);
                None
            }
        }
    }

    /// What runs of a query have read and published.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be used.
    pub(super) fn memory(&mut self, query: &str) -> Result<Option<Memory>> {
        self.ledger()?.memory(query)
    }

    /// What is told of an output of `query` that stands elsewhere than at `path`, where nothing replaces it any more.
    pub(super) fn elsewhere(&self, query: &str, path: &Path) -> Option<String> {
        let (run, other) = self.ledger.as_ref()?.elsewhere(query, path).ok()??;
        Some(format!("`{}` stands there since run {run}, and is not replaced any more", other.display()))
    }

    /// The ledger.
    ///
    /// **Errors**: `Machine`, if it cannot be used.
    pub(super) fn ledger(&mut self) -> Result<&mut Ledger> {
        let Self { ledger, trouble, .. } = self;
        ledger.as_mut().ok_or_else(|| trouble.take().unwrap_or_else(|| Error::internal("there is no ledger")))
    }

    /// Removes copies of outputs of `query` that are not kept any more. One that cannot be removed is in the way of nothing, and told.
    pub(super) fn tidy(&mut self, root: &Path, query: &str) -> Option<String> {
        let kept = self.ledger.as_ref()?.kept(query);
        let error = kept.and_then(|kept| ledger::tidy(root, query, &kept)).err()?;
        Some(format!("what is not kept any more is still there: {}", error.chain()))
    }

    /// Why the run is not in the ledger.
    pub(super) fn trouble(&mut self) -> Option<Error> {
        self.trouble.take()
    }
}

/// What is to be remembered of a run whose result is whole, or that has none.
pub(super) fn finished(sealed: Option<&Sealed>, sources: &[Arc<Source>]) -> Finished {
    let outputs = sealed.into_iter().flat_map(|sealed| &sealed.files);
    let outputs = outputs.map(|file| OutputFile {
        file: file.name.clone(),
        rows: file.rows,
        bytes: file.bytes,
        blake3: Some(file.blake3.clone()),
    });
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
            bytes: file.identity.size,
            modified_ns: nanoseconds(&file.identity),
        })
    });
    Finished {
        rows: sealed.map_or(0, Sealed::rows),
        bytes: sealed.map_or(0, Sealed::bytes),
        outputs: outputs.collect(),
        sources: counts.collect(),
        inputs: inputs.collect(),
        rejects: Rejects::default(),
    }
}

/// Where a result is put, and what tells it.
pub(super) fn placed(path: &Path, (device, inode): (u64, u64)) -> Placed<'_> {
    Placed { path, identity: Identity { device, inode }, keeps: None }
}

/// What is told of a run that is not in the ledger, or not all of it.
pub(super) fn missing(error: &Error) -> String {
    format!("not in the history: {}", error.chain())
}
