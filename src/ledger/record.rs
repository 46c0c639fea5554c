//! One run as the ledger knows it, whole.
//!
//! It asks, and writes nothing.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Row};

use super::kept::files_of;
use super::runs::{Identity, InputFile, OutputFile, SourceCounts};
use super::{open_to_read, path_of, place_of, unusable};
use crate::error::Result;

/// What is known of a run.
#[derive(Debug, Clone)]
pub struct Record {
    /// Its number.
    pub run: i64,
    /// The query's name.
    pub query: String,
    /// What became of it.
    pub status: String,
    /// When it began: milliseconds since 1970.
    pub started_ms: i64,
    /// How long it took, if it ended.
    pub seconds: Option<f64>,
    /// The hash of the text of the query's file.
    pub sql_hash: String,
    /// That text, if it is known.
    pub sql: Option<String>,
    /// Values of parameters.
    pub params: BTreeMap<String, String>,
    /// The version of tidemill.
    pub version: String,
    /// Where its result went.
    pub path: PathBuf,
    /// The format of that.
    pub format: String,
    /// Rows of the result, if there is one.
    pub rows: Option<u64>,
    /// Its bytes.
    pub bytes: Option<u64>,
    /// The run whose result it brought back.
    pub restores: Option<i64>,
    /// Whether its result is kept.
    pub is_kept: bool,
    /// What tells its result in its place.
    pub identity: Option<Identity>,
    /// What each source gave.
    pub sources: Vec<SourceCounts>,
    /// The files that were read.
    pub inputs: Vec<InputFile>,
    /// The files that were published.
    pub outputs: Vec<OutputFile>,
}

impl Record {
    /// Where its result is now: in its place, or where it is kept. `None` if it is in neither.
    pub fn result(&self, root: &Path) -> Option<PathBuf> {
        if self.is_kept {
            return Some(place_of(root, &self.query, self.restores.unwrap_or(self.run)).join(self.path.file_name()?));
        }
        let identity = self.identity?;
        let stands = fs::metadata(&self.path).ok()?;
        ((identity.device, identity.inode) == (stands.dev(), stands.ino())).then(|| self.path.clone())
    }
}

/// The run of this number in the ledger of the project at `root`; `None` if there is none.
///
/// **Errors**: `Machine`, if the ledger cannot be read.
pub fn record(root: &Path, run: i64) -> Result<Option<Record>> {
    let Some(db) = open_to_read(root)? else { return Ok(None) };
    read(&db, run).map_err(|error| unusable(&path_of(root), error))
}

/// The last runs of `query` that published something, the latest first, at most so many.
///
/// **Errors**: as [`record`].
pub fn last_runs(root: &Path, query: &str, count: u32) -> Result<Vec<i64>> {
    let Some(db) = open_to_read(root)? else { return Ok(Vec::new()) };
    let last = || -> rusqlite::Result<Vec<i64>> {
        let sql = "SELECT run FROM runs WHERE query = ?1 AND status = 'committed' AND inode IS NOT NULL \
            ORDER BY run DESC LIMIT ?2";
        db.prepare(sql)?.query_map((query, count), |row| row.get(0))?.collect()
    };
    last().map_err(|error| unusable(&path_of(root), error))
}

fn read(db: &Connection, run: i64) -> rusqlite::Result<Option<Record>> {
    let sql = "SELECT run, query, status, started_ms, (finished_ms - started_ms) / 1000.0, sql_hash, text, params, version, path, \
        format, rows, bytes, restores, coalesce(restores, run) IN (SELECT run FROM kept WHERE replaced_by IS NULL), \
        coalesce(back.device, runs.device), coalesce(back.inode, runs.inode) \
        FROM runs LEFT JOIN texts USING (sql_hash) LEFT JOIN (SELECT device, inode FROM runs \
        WHERE restores = ?1 AND status = 'committed' AND inode IS NOT NULL ORDER BY run DESC LIMIT 1) AS back WHERE run = ?1";
    let Some(record) = db.query_row(sql, [run], of_row).optional()? else { return Ok(None) };
    let sql =
        "SELECT source, files, bytes, lines, rows, rejects, blank FROM run_sources WHERE run = ?1 ORDER BY source";
    let sources = db
        .prepare(sql)?
        .query_map([run], |row| {
            Ok(SourceCounts {
                source: row.get(0)?,
                files: number(row, 1)?,
                bytes: number(row, 2)?,
                lines: number(row, 3)?,
                rows: number(row, 4)?,
                rejects: number(row, 5)?,
                blank: number(row, 6)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    let sql =
        "SELECT source, file, device, inode, bytes, modified_ns FROM run_inputs WHERE run = ?1 ORDER BY source, file";
    let inputs = db
        .prepare(sql)?
        .query_map([run], |row| {
            Ok(InputFile {
                source: row.get(0)?,
                file: row.get(1)?,
                identity: Identity { device: number(row, 2)?, inode: number(row, 3)? },
                bytes: number(row, 4)?,
                modified_ns: row.get(5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Some(Record { sources, inputs, outputs: files_of(db, run)?, ..record }))
}

fn of_row(row: &Row<'_>) -> rusqlite::Result<Record> {
    let params: String = row.get(7)?;
    let path: String = row.get(9)?;
    let identity = row.get::<_, Option<i64>>(15)?.zip(row.get::<_, Option<i64>>(16)?);
    let identity =
        identity.map(|(device, inode)| Identity { device: device.cast_unsigned(), inode: inode.cast_unsigned() });
    Ok(Record {
        run: row.get(0)?,
        query: row.get(1)?,
        status: row.get(2)?,
        started_ms: row.get(3)?,
        seconds: row.get(4)?,
        sql_hash: row.get(5)?,
        sql: row.get(6)?,
        // A text that is no object says nothing.
        params: serde_json::from_str(&params).unwrap_or_default(),
        version: row.get(8)?,
        path: path.into(),
        format: row.get(10)?,
        rows: row.get::<_, Option<i64>>(11)?.map(i64::cast_unsigned),
        bytes: row.get::<_, Option<i64>>(12)?.map(i64::cast_unsigned),
        restores: row.get(13)?,
        is_kept: row.get(14)?,
        identity,
        sources: Vec::new(),
        inputs: Vec::new(),
        outputs: Vec::new(),
    })
}

/// A count, as it is stored.
pub(super) fn number(row: &Row<'_>, at: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(at).map(i64::cast_unsigned)
}
