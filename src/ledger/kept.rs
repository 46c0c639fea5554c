//! Which earlier outputs can be brought back, and which one stands in its place.
//!
//! What is kept changes in one transaction with the run that replaces it, so that it is never said to be kept while it stands
//! in its place, nor the other way round. It knows nothing of how outputs are kept.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::record::number;
use super::runs::{OutputFile, Recorded, int, settle};
use super::{FOLDER, Ledger, only, open_to_read, path_of, unusable};
use crate::clock;
use crate::error::{Error, Result};
use crate::sink::{self, WasPublished};

/// An output that can be brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// The run that made it.
    pub run: i64,
    /// Where it stood, absolute.
    pub path: PathBuf,
    /// Its files.
    pub files: Vec<OutputFile>,
}

/// The earlier outputs of a query, as far as they are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// Those that can be brought back, what was replaced last first.
    pub kept: Vec<Kept>,
    /// The run that made the one that was published last.
    pub present: Option<i64>,
}

/// The folder of what the run `made` published, if that is kept.
pub fn place_of(root: &Path, query: &str, made: i64) -> PathBuf {
    shelf(root, query).join(format!("{made:08}"))
}

/// Removes all that was kept of `query`, but for what these runs made.
///
/// **Errors**: `Machine`, if anything cannot be removed.
pub fn tidy(root: &Path, query: &str, runs: &[i64]) -> Result<()> {
    let folder = shelf(root, query);
    if !folder.exists() {
        return Ok(());
    }
    let known: Vec<PathBuf> = runs.iter().map(|run| place_of(root, query, *run)).collect();
    only(&folder, |name| known.iter().any(|known| known.file_name() == Some(name)))
        .map_err(|error| Error::unwritable(&folder, error))
}

fn shelf(root: &Path, query: &str) -> PathBuf {
    root.join(FOLDER).join("kept").join(query)
}

/// Whether any run of `query` is known.
///
/// **Errors**: `Machine`, if the ledger cannot be read.
pub fn has_run(root: &Path, query: &str) -> Result<bool> {
    let Some(db) = open_to_read(root)? else { return Ok(false) };
    db.query_row("SELECT EXISTS (SELECT 1 FROM runs WHERE query = ?1)", [query], |row| row.get(0))
        .map_err(|error| unusable(&path_of(root), error))
}

impl Ledger {
    /// The earlier outputs of `query`, once it is settled what became of runs whose process died; the caller holds the query's lock.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be used.
    pub fn shelf(&mut self, query: &str) -> Result<Shelf> {
        let root = self.root();
        let ended = self.ended(query)?;
        self.write(|db| {
            settle(db, &ended)?;
            let mut kept = db.prepare("SELECT run, path FROM kept WHERE query = ?1 ORDER BY since DESC")?;
            let kept = kept.query_map([query], |row| {
                let (run, path): (i64, String) = (row.get(0)?, row.get(1)?);
                Ok(Kept { run, path: root.join(path), files: files_of(db, run)? })
            })?;
            let present = "SELECT coalesce(restores, run) FROM runs WHERE query = ?1 AND status = 'committed' \
                AND inode IS NOT NULL ORDER BY run DESC LIMIT 1";
            Ok(Shelf {
                kept: kept.collect::<Result<_, _>>()?,
                present: db.query_row(present, [query], |row| row.get(0)).optional()?,
            })
        })
    }

    /// An output of `query` that stands elsewhere than at `path`, as a run has published it, with the number of that run.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn elsewhere(&self, query: &str, path: &Path) -> Result<Option<(i64, PathBuf)>> {
        let failed = |error| unusable(&self.path, error);
        let sql = "SELECT max(run), path, device, inode FROM runs WHERE query = ?1 AND status = 'committed' \
            AND inode IS NOT NULL GROUP BY path ORDER BY 1 DESC";
        let mut found = self.db.prepare(sql).map_err(failed)?;
        let found = found.query_map([query], |row| {
            let identity: (i64, i64) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, PathBuf::from(row.get::<_, String>(1)?), identity))
        });
        let found: Vec<(i64, PathBuf, (i64, i64))> =
            found.map_err(failed)?.collect::<Result<_, _>>().map_err(failed)?;
        let stands = |path: &Path, identity| {
            fs::metadata(path).is_ok_and(|file| (file.dev().cast_signed(), file.ino().cast_signed()) == identity)
        };
        let other = found.into_iter().find(|(_, other, identity)| !other.starts_with(path) && stands(other, *identity));
        Ok(other.map(|(run, other, _)| (run, other)))
    }

    /// Begins a run of `query` that brings back what the run `made` published at `path`.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be written.
    pub fn begin_rollback(&mut self, made: i64, path: &Path) -> Result<Recorded<'_>> {
        let run = self.write(|db| {
            db.execute(
                "INSERT INTO runs (query, status, started_ms, sql_hash, params, version, path, format, restores) \
                 SELECT query, 'started', ?2, sql_hash, params, ?3, ?4, format, run FROM runs WHERE run = ?1",
                params![made, clock::now().timestamp_millis(), env!("CARGO_PKG_VERSION"), path.to_string_lossy()],
            )?;
            Ok(db.last_insert_rowid())
        })?;
        Ok(Recorded::new(self, run, None))
    }

    /// The runs of `query` whose outputs are kept.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn kept(&self, query: &str) -> Result<Vec<i64>> {
        let kept = |db: &Connection| -> rusqlite::Result<Vec<i64>> {
            db.prepare("SELECT run FROM kept WHERE query = ?1")?.query_map([query], |row| row.get(0))?.collect()
        };
        kept(&self.db).map_err(|error| unusable(&self.path, error))
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path.parent().and_then(Path::parent).unwrap_or(Path::new("/")).to_owned()
    }
}

impl Recorded<'_> {
    /// The run that made what stands at `path`, if it is what a run of `query` published there last.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn maker_of(&self, query: &str, path: &Path) -> Result<Option<i64>> {
        let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
        let last = "SELECT coalesce(restores, run), device, inode, path FROM runs AS last WHERE query = ?1 AND status = 'committed' \
            AND inode IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs AS later WHERE later.query = last.query \
            AND later.path = last.path AND later.status = 'committed' AND later.inode IS NOT NULL AND later.run > last.run)";
        let makers = |db: &Connection| -> rusqlite::Result<Vec<Maker>> {
            let mut makers = db.prepare(last)?;
            let found = makers.query_map([query], |row| {
                let path = PathBuf::from(row.get::<_, String>(3)?);
                Ok(Maker { run: row.get(0)?, identity: (row.get(1)?, row.get(2)?), path })
            })?;
            found.collect()
        };
        let makers = makers(&self.ledger.db).map_err(|error| unusable(&self.ledger.path, error))?;
        let identity = (int(metadata.dev()), int(metadata.ino()));
        let by_content = || {
            let named = makers.iter().find(|maker| maker.path == path);
            named.filter(|maker| holds(&self.ledger.db, maker.run, path))
        };
        Ok(makers.iter().find(|maker| maker.identity == identity).or_else(by_content).map(|maker| maker.run))
    }

    /// The files that the run `made` has published.
    ///
    /// **Errors**: `Machine`, if the ledger cannot be read.
    pub fn outputs_of(&self, made: i64) -> Result<Vec<OutputFile>> {
        files_of(&self.ledger.db, made).map_err(|error| unusable(&self.ledger.path, error))
    }

    /// The ledger that it is in.
    pub fn ledger(&self) -> &Ledger {
        self.ledger
    }
}

/// A run that published last at a path, or what it brought back there.
struct Maker {
    run: i64,
    /// Numbers of the file system, and in it.
    identity: (i64, i64),
    path: PathBuf,
}

/// Whether the output of `run` stands at `path`, byte for byte. What tells a file is another where its file system was mounted anew, or
/// the project came back from a copy.
pub(super) fn holds(db: &Connection, run: i64, path: &Path) -> bool {
    let files = files_of(db, run).unwrap_or_default().into_iter();
    let files: Vec<WasPublished> =
        files.map(|OutputFile { file, bytes, blake3, .. }| WasPublished { name: file, bytes, blake3 }).collect();
    !files.is_empty() && files.iter().all(|file| file.blake3.is_some()) && sink::check(path, &files).is_ok()
}

/// The files that a run has published.
pub(super) fn files_of(db: &Connection, run: i64) -> rusqlite::Result<Vec<OutputFile>> {
    let mut files = db.prepare("SELECT file, rows, bytes, blake3 FROM run_outputs WHERE run = ?1 ORDER BY file")?;
    let files = files.query_map([run], |row| {
        Ok(OutputFile { file: row.get(0)?, rows: number(row, 1)?, bytes: number(row, 2)?, blake3: row.get(3)? })
    })?;
    files.collect()
}

/// Notes that `run` is about to replace at `path` what the run `made` published.
pub(super) fn intend(db: &Transaction<'_>, run: i64, made: i64, path: &Path) -> rusqlite::Result<()> {
    db.execute(
        "INSERT OR REPLACE INTO kept SELECT run, query, ?2, ?3, ?3 FROM runs WHERE run = ?1",
        params![made, path.to_string_lossy(), run],
    )
    .map(drop)
}

/// The result of `run` stands in its place: what it replaced is kept, and what it brought back is not any more. Of its query so
/// many outputs are kept, if that is known.
pub(super) fn apply(db: &Transaction<'_>, run: i64, keep: Option<usize>) -> rusqlite::Result<()> {
    db.execute("UPDATE kept SET replaced_by = NULL WHERE replaced_by = ?1", [run])?;
    db.execute("DELETE FROM kept WHERE run = (SELECT restores FROM runs WHERE run = ?1)", [run])?;
    let Some(keep) = keep else { return Ok(()) };
    db.execute(
        "DELETE FROM kept WHERE query = (SELECT query FROM runs WHERE run = ?1) AND run NOT IN \
         (SELECT run FROM kept WHERE query = (SELECT query FROM runs WHERE run = ?1) ORDER BY since DESC LIMIT ?2)",
        params![run, i64::try_from(keep).unwrap_or(i64::MAX)],
    )
    .map(drop)
}

/// `run` has replaced nothing.
pub(super) fn abandon(db: &Transaction<'_>, run: i64) -> rusqlite::Result<()> {
    db.execute("DELETE FROM kept WHERE replaced_by = ?1", [run]).map(drop)
}
