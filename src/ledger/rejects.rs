//! Lines that are no rows, kept by queries that read each line once: what their files hold may be gone when somebody looks.
//!
//! They come with the run that read them, and go when it is forgotten. One that was read again, corrected, says by which run; that
//! changes with the run being committed. It knows nothing of why a line is no row.

use rusqlite::{Connection, Transaction, params};

use super::record::number;
use super::runs::{Recorded, int};
use super::{open_to_read, path_of, unusable};
use crate::error::Result;

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RejectedLine {
    /// The source's name.
    pub source: String,
    /// The file, as it is shown.
    pub file: String,
    /// Its number in the file, 1-based.
    pub line: u64,
    /// Where it begins.
    pub offset: u64,
    /// Why it is no row, as a code.
    pub reason: String,
    /// Why, in words.
    pub detail: String,
    /// The line, or what is kept of it; as text.
    pub raw: String,
    /// The same as it stood in the file, if that is not UTF-8.
    pub bytes: Option<Vec<u8>>,
    /// Whether the line went on.
    pub cut: bool,
}

/// What a run does to rejects.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rejects {
    /// Those that it found.
    pub found: Vec<RejectedLine>,
    /// How many more it found, which are not kept.
    pub not_kept: u64,
    /// Numbers of those that it has read, corrected.
    pub replayed: Vec<i64>,
}

/// A reject that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptReject {
    /// Its number.
    pub reject: i64,
    /// The source's name.
    pub source: String,
    /// The file, as it was shown.
    pub file: String,
    /// The line, as text.
    pub raw: String,
    /// Whether that has U+FFFD where the line has bytes that are not UTF-8.
    pub lossy: bool,
    /// The run that has read it, corrected.
    pub replayed_by: Option<i64>,
}

/// How many rejects of `query`, or of all, were over the bounds when they were found, and are not kept.
///
/// **Errors**: `Machine`, if the ledger cannot be read.
pub fn rejects_not_kept(root: &std::path::Path, query: Option<&str>) -> Result<u64> {
    let Some(db) = open_to_read(root)? else { return Ok(0) };
    let sql = "SELECT coalesce(sum(rejects_not_kept), 0) FROM runs WHERE status = 'committed' AND query = coalesce(?1, query)";
    db.query_row(sql, [query], |row| number(row, 0)).map_err(|error| unusable(&path_of(root), error))
}

impl Recorded<'_> {
    /// How many rejects of `query` are kept that were not replayed, and how many bytes of lines they are.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn rejects_held(&self, query: &str) -> Result<(u64, u64)> {
        let sql = "SELECT count(*), coalesce(sum(length(CAST(raw AS BLOB)) + coalesce(length(rejects.bytes), 0)), 0) FROM rejects JOIN runs USING (run) WHERE query = ?1 AND replayed_by IS NULL";
        let held = self.ledger().db.query_row(sql, [query], |row| Ok((number(row, 0)?, number(row, 1)?)));
        held.map_err(|error| unusable(&self.ledger().path, error))
    }

    /// How many rejects of `query` were replayed.
    ///
    /// **Errors**: as [`Recorded::rejects_held`].
    pub fn rejects_replayed(&self, query: &str) -> Result<u64> {
        let sql = "SELECT count(*) FROM rejects JOIN runs USING (run) WHERE query = ?1 AND replayed_by IS NOT NULL";
        let replayed = self.ledger().db.query_row(sql, [query], |row| number(row, 0));
        replayed.map_err(|error| unusable(&self.ledger().path, error))
    }

    /// Whether there was a reject of this number, which is no longer remembered: it was replayed, or there were too many.
    ///
    /// **Errors**: as [`Recorded::rejects_held`].
    pub fn has_forgotten(&self, reject: i64) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'rejects' AND seq >= ?1 AND ?1 > 0) \
            AND NOT EXISTS (SELECT 1 FROM rejects WHERE reject = ?1)";
        let forgotten = self.ledger().db.query_row(sql, [reject], |row| row.get(0));
        forgotten.map_err(|error| unusable(&self.ledger().path, error))
    }

    /// The rejects of `query` that are kept.
    ///
    /// **Errors**: as [`Recorded::rejects_held`].
    pub fn kept_rejects(&self, query: &str) -> Result<Vec<KeptReject>> {
        read(&self.ledger().db, query).map_err(|error| unusable(&self.ledger().path, error))
    }
}

fn read(db: &Connection, query: &str) -> rusqlite::Result<Vec<KeptReject>> {
    let sql = "SELECT reject, source, file, raw, rejects.bytes IS NOT NULL, replayed_by FROM rejects JOIN runs USING (run) WHERE query = ?1";
    let mut rejects = db.prepare(sql)?;
    let rejects = rejects.query_map([query], |row| {
        Ok(KeptReject {
            reject: row.get(0)?,
            source: row.get(1)?,
            file: row.get(2)?,
            raw: row.get(3)?,
            lossy: row.get(4)?,
            replayed_by: row.get(5)?,
        })
    })?;
    rejects.collect()
}

/// Notes what a run does to rejects once its result stands in its place.
pub(super) fn intend(db: &Transaction<'_>, run: i64, rejects: &Rejects) -> rusqlite::Result<()> {
    let Rejects { found, not_kept, replayed } = rejects;
    db.execute("UPDATE runs SET rejects_not_kept = ?2 WHERE run = ?1", params![run, int(*not_kept)])?;
    let mut add = db.prepare(
        "INSERT INTO rejects (run, source, file, line, \"offset\", reason, detail, raw, bytes, cut) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    for RejectedLine { source, file, line, offset, reason, detail, raw, bytes, cut } in found {
        add.execute(params![run, source, file, int(*line), int(*offset), reason, detail, raw, bytes, cut])?;
    }
    let mut replay = db.prepare("UPDATE rejects SET replayed_by = ?2 WHERE reject = ?1")?;
    replayed.iter().try_for_each(|reject| replay.execute([*reject, run]).map(drop))
}

/// `run` has published nothing.
pub(super) fn abandon(db: &Transaction<'_>, run: i64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM rejects WHERE run = ?1", [run])?;
    db.execute("UPDATE rejects SET replayed_by = NULL WHERE replayed_by = ?1", [run]).map(drop)
}

/// `run` has read all lines of `query` anew: what was found before is found again.
pub(super) fn begin_anew(db: &Transaction<'_>, run: i64, query: &str) -> rusqlite::Result<()> {
    let sql = "DELETE FROM rejects WHERE run <> ?1 AND run IN (SELECT run FROM runs WHERE query = ?2)";
    db.execute(sql, params![run, query])?;
    let sql = "UPDATE runs SET rejects_not_kept = NULL WHERE run <> ?1 AND query = ?2";
    db.execute(sql, params![run, query]).map(drop)
}
