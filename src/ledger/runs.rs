//! Runs, from their beginning to their end, and what became of those whose process died.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{OptionalExtension, Transaction, params};

use super::memory::{self, Change, Memory};
use super::{Ledger, PATIENCE, unusable};
use crate::clock;
use crate::error::{Error, Result};
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
}

/// What a source gave.
#[derive(Debug, Clone)]
pub struct SourceCounts {
    /// Its name.
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
}

/// A run that is under way. Dropped before it is committed, it counts as interrupted.
pub struct Recorded<'a> {
    ledger: &'a mut Ledger,
    run: i64,
    is_over: bool,
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
            forget(db, begun.query, kept, age)?;
            Ok(run)
        })?;
        Ok(Recorded { ledger: self, run, is_over: false })
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
    fn ended(&self, query: &str) -> Result<Vec<(i64, bool)>> {
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
                let is_there = identity.is_some_and(|identity| is_prepared && stands(&path, identity, bytes));
                Ok((run, is_there))
            })
            .collect()
    }

    fn write<T>(&mut self, act: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>) -> Result<T> {
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
fn settle(db: &Transaction<'_>, ended: &[(i64, bool)]) -> rusqlite::Result<()> {
    for (run, is_published) in ended {
        let status = if *is_published { "committed" } else { "interrupted" };
        if *is_published {
            memory::apply(db, *run)?;
        }
        db.execute("UPDATE runs SET status = ?2 WHERE run = ?1", params![run, status])?;
    }
    Ok(())
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
    db.execute(
        "DELETE FROM runs WHERE query = ?1 AND (run <= ?2 OR started_ms < ?3)",
        params![query, last.unwrap_or(0), before],
    )?;
    Ok(())
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

    /// Its result is whole, and is put in its place next: at `path`, if that is another than was said, and `identity` tells it,
    /// here and there. There may be nothing to put anywhere. `change` takes hold with it.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be written.
    pub fn prepare(&mut self, finished: &Finished, placed: Option<&Placed<'_>>, change: Option<&Change>) -> Result<()> {
        let run = self.run;
        self.ledger.write(|db| {
            db.execute(
                "UPDATE runs SET status = 'prepared', rows = ?2, bytes = ?3 WHERE run = ?1",
                params![run, int(finished.rows), int(finished.bytes)],
            )?;
            if let Some(Placed { path, identity }) = placed {
                db.execute(
                    "UPDATE runs SET path = ?2, device = ?3, inode = ?4 WHERE run = ?1",
                    params![run, path.to_string_lossy(), int(identity.device), int(identity.inode)],
                )?;
            }
            if let Some(change) = change {
                memory::intend(db, run, change)?;
            }
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
            let mut add = db.prepare("INSERT INTO run_outputs VALUES (?1, ?2, ?3, ?4)")?;
            for OutputFile { file, rows, bytes } in &finished.outputs {
                add.execute(params![run, file, int(*rows), int(*bytes)])?;
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

    /// It published nothing, for this reason.
    ///
    /// **Errors**: as [`Recorded::commit`].
    pub fn fail(mut self, error: &Error) -> Result<()> {
        let status = if matches!(error, Error::Interrupted(_)) { "interrupted" } else { "failed" };
        self.end(status, Some(error.chain()))
    }

    fn end(&mut self, status: &str, error: Option<String>) -> Result<()> {
        self.is_over = true;
        let (run, now) = (self.run, clock::now().timestamp_millis());
        self.ledger.write(|db| {
            if status == "committed" {
                memory::apply(db, run)?;
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
        if !self.is_over {
            // The next run of the query would see it, too.
            let _ = self.end("interrupted", None);
        }
    }
}

/// Counts and numbers of files fit, but for inodes of the upper half, which only need to stay different.
pub(super) fn int(number: u64) -> i64 {
    number.cast_signed()
}
