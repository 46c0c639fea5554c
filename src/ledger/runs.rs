//! Runs, from their beginning to their end, and what became of those whose process died.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;

use super::kept;
use super::memory::{self, Change, Memory};
use super::rejects::{self, Rejects};
use super::{Ledger, PATIENCE, unusable};
use crate::clock;
use crate::error::{Error, Fate, Result};
use crate::store::{self, Location};

/// What is known of a run when it begins.
#[derive(Debug, Clone)]
pub struct Begun<'a> {
    /// The query's name.
    pub query: &'a str,
    /// The whole text of its file: what is kept is a hash.
    pub sql: &'a str,
    /// Values of its parameters.
    pub params: &'a BTreeMap<String, String>,
    /// Where its result goes, absolute.
    pub path: &'a Path,
    /// The format of its result.
    pub format: String,
    /// How many outputs that were replaced are kept once it is over.
    pub keep: usize,
}

/// A run whose result is whole, and not yet in its place.
#[derive(Debug, Clone, Default)]
pub struct Finished {
    /// Rows of the result.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// Its files.
    pub outputs: Vec<OutputFile>,
    /// What it was made of.
    pub sources: Vec<SourceCounts>,
    /// And of which files.
    pub inputs: Vec<InputFile>,
    /// What becomes of lines that are no rows.
    pub rejects: Rejects,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputFile {
    /// Within the result, if that is a folder; else its name.
    pub file: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, in hexadecimal digits; `None` of runs before hashes were noted.
    pub blake3: Option<String>,
}

/// What a source gave.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SourceCounts {
    /// Its name.
    #[serde(skip)]
    pub source: String,
    /// Files, their bytes, and lines = rows + rejects + blank.
    pub files: u64,
    /// Bytes of lines.
    pub bytes: u64,
    /// All lines.
    pub lines: u64,
    /// Lines that are rows.
    pub rows: u64,
    /// Lines that are none.
    pub rejects: u64,
    /// Lines of spaces.
    pub blank: u64,
}

/// A file that was read.
#[derive(Debug, Clone)]
pub struct InputFile {
    /// The source's name.
    pub source: String,
    /// The file, as it is shown.
    pub file: String,
    /// What tells it.
    pub identity: Identity,
    /// Its size when it was listed.
    pub bytes: u64,
    /// Its last change: nanoseconds since 1970.
    pub modified_ns: i64,
}

/// What tells a file or folder, wherever it is moved within its file system. A result for an object store is told by what stood in
/// its place before: as long as that stands there, it is not published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Number of the file system.
    pub device: u64,
    /// Number in it.
    pub inode: u64,
}

/// Where a result is put, and what tells it there and on its way.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'a> {
    /// The file or folder.
    pub path: &'a Path,
    /// What tells it.
    pub identity: Identity,
    /// The run that made what it replaces, if that is kept.
    pub keeps: Option<i64>,
}

/// A run that is under way. Dropped before it is committed, it counts as interrupted.
pub struct Recorded<'a> {
    pub(super) ledger: &'a mut Ledger,
    run: i64,
    keep: Option<usize>,
    is_over: bool,
    is_prepared: bool,
}

impl Ledger {
    /// Begins a run, and settles what became of earlier ones whose process died; the caller holds the query's lock. Of each
    /// query the last `kept` runs are kept, of no more than `age`.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be written.
    pub fn begin(&mut self, begun: &Begun<'_>, kept: usize, age: Duration) -> Result<Recorded<'_>> {
        let ended = self.ended(begun.query)?;
        let run = self.write(|db| {
            settle(db, &ended)?;
            let hash = blake3::hash(begun.sql.as_bytes()).to_hex();
            let values = params![
                begun.query,
                clock::now().timestamp_millis(),
                hash.as_str(),
                serde_json::to_string(begun.params).unwrap_or_default(),
                env!("CARGO_PKG_VERSION"),
                begun.path.to_string_lossy(),
                begun.format,
            ];
            db.execute(
                "INSERT INTO runs (query, status, started_ms, sql_hash, params, version, path, format) \
                 VALUES (?1, 'started', ?2, ?3, ?4, ?5, ?6, ?7)",
                values,
            )?;
            let run = db.last_insert_rowid();
            db.execute("INSERT OR IGNORE INTO texts VALUES (?1, ?2)", [hash.as_str(), begun.sql])?;
            forget(db, begun.query, kept, age)?;
            Ok(run)
        })?;
        Ok(Recorded::new(self, run, Some(begun.keep)))
    }

    /// What runs of `query` have read and published, once it is settled what became of those whose process died; the caller
    /// holds the query's lock.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be used.
    pub fn memory(&mut self, query: &str) -> Result<Option<Memory>> {
        let ended = self.ended(query)?;
        self.write(|db| {
            settle(db, &ended)?;
            memory::read(db, query)
        })
    }

    /// Runs of `query` that are not over, each of a process that died, and whether its result stands in its place: then it was
    /// published. A store is asked before anything is written, for others wait for that.
    pub(super) fn ended(&self, query: &str) -> Result<Vec<(i64, bool)>> {
        let failed = |error| unusable(&self.path, error);
        let mut open = self
            .db
            .prepare(
                "SELECT run, path, device, inode, bytes, status = 'prepared' FROM runs \
                 WHERE query = ?1 AND status IN ('started', 'prepared')",
            )
            .map_err(failed)?;
        let rows = open.query_map([query], |row| {
            let number = |at: usize| row.get::<_, Option<i64>>(at).map(|number| number.map(i64::cast_unsigned));
            let (run, path): (i64, String) = (row.get(0)?, row.get(1)?);
            let identity = number(2)?.zip(number(3)?).map(|(device, inode)| Identity { device, inode });
            Ok((run, path, identity, number(4)?.unwrap_or_default(), row.get::<_, bool>(5)?))
        });
        rows.map_err(failed)?
            .map(|row| {
                let (run, path, identity, bytes, is_prepared) = row.map_err(failed)?;
                let is_there = is_prepared
                    && identity.is_some_and(|identity| {
                        stands(&path, identity, bytes) || kept::holds(&self.db, run, Path::new(&path))
                    });
                Ok((run, is_there))
            })
            .collect()
    }

    pub(super) fn write<T>(&mut self, act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
        let failed = |error| unusable(&self.path, error);
        let step = self.db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        let done = act(&step).map_err(failed)?;
        step.commit().map_err(failed)?;
        Ok(done)
    }
}

/// Whether a result that was to be put at `path` stands there.
fn stands(path: &str, identity: Identity, bytes: u64) -> bool {
    let Ok(Some(location)) = Location::parse(path) else {
        return fs::metadata(path).is_ok_and(|found| (found.dev(), found.ino()) == (identity.device, identity.inode));
    };
    let is_folder = path.ends_with('/');
    let found = store::wait(PATIENCE, async move { store::published(&location, is_folder).await });
    // What the store does not say is not claimed.
    let found = found.ok().flatten();
    found.is_some_and(|found| found.identity != (identity.device, identity.inode) && found.bytes == bytes)
}

/// Ends runs, of which it is known whether they were published.
pub(super) fn settle(db: &Transaction<'_>, ended: &[(i64, bool)]) -> rusqlite::Result<()> {
    for (run, is_published) in ended {
        let status = if *is_published { "committed" } else { "interrupted" };
        if *is_published {
            memory::apply(db, *run)?;
            kept::apply(db, *run, None)?;
        } else {
            abandon(db, *run)?;
        }
        db.execute("UPDATE runs SET status = ?2 WHERE run = ?1", params![run, status])?;
    }
    Ok(())
}

/// What `run` meant to change stays as it is.
fn abandon(db: &Transaction<'_>, run: i64) -> rusqlite::Result<()> {
    kept::abandon(db, run)?;
    rejects::abandon(db, run)
}

fn forget(db: &Transaction<'_>, query: &str, kept: usize, age: Duration) -> rusqlite::Result<()> {
    let last: Option<i64> = db
        .query_row(
            "SELECT run FROM runs WHERE query = ?1 ORDER BY run DESC LIMIT 1 OFFSET ?2",
            params![query, i64::try_from(kept).unwrap_or(i64::MAX)],
            |row| row.get(0),
        )
        .optional()?;
    let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    let before = clock::now().timestamp_millis().saturating_sub(age);
    let forgotten = db.execute(
        // What is kept and what stands in its place is told by the runs that made it.
        // So is what was rejected and not yet corrected, of which the bounds of rejects leave so much.
        "DELETE FROM runs WHERE query = ?1 AND (started_ms < ?3 \
         OR run <= ?2 AND run NOT IN (SELECT run FROM rejects WHERE replayed_by IS NULL)) \
         AND run NOT IN (SELECT run FROM kept WHERE query = ?1) \
         AND run NOT IN (SELECT coalesce(max(run), 0) FROM runs WHERE query = ?1 AND status = 'committed' AND inode IS NOT NULL) \
         AND run NOT IN (SELECT restores FROM runs WHERE query = ?1 AND restores IS NOT NULL)",
        params![query, last.unwrap_or(0), before],
    )?;
    if forgotten > 0 {
        db.execute("DELETE FROM texts WHERE sql_hash NOT IN (SELECT sql_hash FROM runs)", [])?;
    }
    Ok(())
}

impl<'a> Recorded<'a> {
    /// A run that has this number; so many outputs are kept once it is over, or as many as there are.
    pub(super) fn new(ledger: &'a mut Ledger, run: i64, keep: Option<usize>) -> Self {
        Self { ledger, run, keep, is_over: false, is_prepared: false }
    }
}

impl Recorded<'_> {
    /// Its number.
    pub fn run(&self) -> i64 {
        self.run
    }

    /// What earlier runs of the query have read and published; `None` where nothing is known of it.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn memory(&self, query: &str) -> Result<Option<Memory>> {
        memory::read(&self.ledger.db, query).map_err(|error| unusable(&self.ledger.path, error))
    }

    /// The run that published the query's output last, with what tells that and its bytes; `None` where that is not known.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn last_output(&self, query: &str) -> Result<Option<(i64, Identity, u64)>> {
        let sql = "SELECT run, device, inode, bytes FROM runs \
            WHERE query = ?1 AND status = 'committed' AND inode IS NOT NULL ORDER BY run DESC LIMIT 1";
        let number = |row: &rusqlite::Row<'_>, at| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let found = self.ledger.db.query_row(sql, [query], |row| {
            Ok((row.get(0)?, Identity { device: number(row, 1)?, inode: number(row, 2)? }, number(row, 3)?))
        });
        found.optional().map_err(|error| unusable(&self.ledger.path, error))
    }

    /// Its result is whole, and is put in its place next: at `path`, if that is another than was said, and `identity` tells it,
    /// here and there. There may be nothing to put anywhere. `change` takes hold with it.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be written.
    pub fn prepare(&mut self, finished: &Finished, placed: Option<&Placed<'_>>, change: Option<&Change>) -> Result<()> {
        let (run, root) = (self.run, self.ledger.root());
        self.is_prepared = true;
        self.ledger.write(|db| {
            db.execute(
                "UPDATE runs SET status = 'prepared', rows = ?2, bytes = ?3 WHERE run = ?1",
                params![run, int(finished.rows), int(finished.bytes)],
            )?;
            if let Some(Placed { path, identity, keeps }) = placed {
                db.execute(
                    "UPDATE runs SET path = ?2, device = ?3, inode = ?4 WHERE run = ?1",
                    params![run, path.to_string_lossy(), int(identity.device), int(identity.inode)],
                )?;
                if let Some(made) = keeps {
                    kept::intend(db, run, *made, path.strip_prefix(&root).unwrap_or(path))?;
                }
            }
            if let Some(change) = change {
                memory::intend(db, run, change)?;
            }
            rejects::intend(db, run, &finished.rejects)?;
            let mut add = db.prepare("INSERT INTO run_sources VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?;
            for SourceCounts { source, files, bytes, lines, rows, rejects, blank } in &finished.sources {
                let counts = [files, bytes, lines, rows, rejects, blank].map(|count| int(*count));
                let [files, bytes, lines, rows, rejects, blank] = counts;
                add.execute(params![run, source, files, bytes, lines, rows, rejects, blank])?;
            }
            let mut add = db.prepare("INSERT INTO run_inputs VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?;
            for InputFile { source, file, identity, bytes, modified_ns } in &finished.inputs {
                let (device, inode) = (int(identity.device), int(identity.inode));
                add.execute(params![run, source, file, int(*bytes), modified_ns, device, inode])?;
            }
            let mut add = db.prepare("INSERT INTO run_outputs VALUES (?1, ?2, ?3, ?4, ?5)")?;
            for OutputFile { file, rows, bytes, blake3 } in &finished.outputs {
                add.execute(params![run, file, int(*rows), int(*bytes), blake3])?;
            }
            Ok(())
        })
    }

    /// Its result stands in its place.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be written: the next run of the query sees by itself what is so.
    pub fn commit(mut self) -> Result<()> {
        self.end("committed", None)
    }

    /// It failed for this reason. Where nobody knows whether its result stands in its place, the next run of the query finds out.
    ///
    /// **Errors**: as [`Recorded::commit`].
    pub fn fail(mut self, error: &Error) -> Result<()> {
        let status = match (error, error.fate()) {
            (Error::Interrupted(_), _) => "interrupted",
            (_, Fate::Unpublished) => "failed",
            (_, Fate::InPlace) => "committed",
            (_, Fate::Unknown) => {
                let (run, now) = (self.run, clock::now().timestamp_millis());
                let values = params![run, now, error.chain()];
                let sql = "UPDATE runs SET finished_ms = ?2, error = ?3 WHERE run = ?1";
                return self.ledger.write(|db| db.execute(sql, values).map(drop));
            }
        };
        self.end(status, Some(error.chain()))
    }

    fn end(&mut self, status: &str, error: Option<String>) -> Result<()> {
        self.is_over = true;
        let (run, keep, now) = (self.run, self.keep, clock::now().timestamp_millis());
        self.ledger.write(|db| {
            if status == "committed" {
                memory::apply(db, run)?;
                kept::apply(db, run, keep)?;
            } else {
                abandon(db, run)?;
            }
            db.execute(
                "UPDATE runs SET status = ?2, finished_ms = ?3, error = ?4 WHERE run = ?1",
                params![run, status, now, error],
            )
        })?;
        Ok(())
    }
}

impl Drop for Recorded<'_> {
    fn drop(&mut self) {
        // The next run of the query would see it, too; and it alone sees whether what was to be put in its place stands there.
        if !self.is_over && !self.is_prepared {
            let _ = self.end("interrupted", None);
        }
    }
}

/// Counts and numbers of files fit, but for inodes of the upper half, which only need to stay different.
pub(super) fn int(number: u64) -> i64 {
    number.cast_signed()
}
