//! What happened: each run of a saved query, what it read and what it published, in `.tidemill/state.db`.
//!
//! It is SQLite, so any SQLite shell reads it. It knows nothing of SQL statements, sessions or how results are written:
//! it is told. Losing it loses history and what was kept, never a result that stands. Beside it, `facts.db` keeps what files taught, which can be learned again.

mod facts;
mod kept;
mod lock;
mod memory;
mod record;
mod rejects;
mod runs;
mod tables;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension};

pub use facts::{Fact, Owner, keep, recall};
pub use kept::{Kept, Shelf, has_run, place_of, tidy};
pub use lock::{Lock, Turn};
pub use memory::{Change, Columns, Definition, Memory, Taken};
pub use record::{Record, last_runs, record};
pub use rejects::{KeptReject, RejectedLine, Rejects, rejects_not_kept};
pub use runs::{Begun, Finished, Identity, InputFile, OutputFile, Placed, Recorded, SourceCounts};
pub use tables::{TABLES, read};

use crate::error::{Error, Result};

/// The folder of what is kept between runs, in the project's.
const FOLDER: &str = ".tidemill";
const FILE: &str = "state.db";
/// Another process writes a few rows at a time.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two attempts where SQLite does not wait.
const PAUSE: Duration = Duration::from_millis(5);

/// What changes the tables from one version, which is the position here, to the next.
const MIGRATIONS: [&str; 7] = [
    include_str!("v1.sql"),
    include_str!("v2.sql"),
    include_str!("v3.sql"),
    include_str!("v4.sql"),
    include_str!("v5.sql"),
    include_str!("v6.sql"),
    include_str!("v7.sql"),
];

/// A project's ledger, open for writing.
pub struct Ledger {
    db: Connection,
    path: PathBuf,
}

impl Ledger {
    /// Opens the ledger of the project at `root`, and makes it where there is none.
    ///
    /// **Errors**: `Machine`, if it cannot be read or written, or was written by a later version.
    pub fn open(root: &Path) -> Result<Self> {
        let path = path_of(root);
        make_folder(root)?;
        let failed = |error| unusable(&path, error);
        let mut db = Connection::open(&path).map_err(failed)?;
        db.busy_timeout(PATIENCE).map_err(failed)?;
        write_ahead(&db).map_err(failed)?;
        db.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
        db.pragma_update(None, "foreign_keys", true).map_err(failed)?;
        migrate(&mut db, &path)?;
        follow(&mut db, root).map_err(failed)?;
        Ok(Self { db, path })
    }
}

/// The ledger of the project at `root`, for reading; `None` where there is none.
fn open_to_read(root: &Path) -> Result<Option<Connection>> {
    let path = path_of(root);
    if !path.exists() {
        return Ok(None);
    }
    let failed = |error| unusable(&path, error);
    let open = || {
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(PATIENCE)?;
        Ok(db)
    };
    let db = open().map_err(failed)?;
    if check_version(&db, &path)? == MIGRATIONS.len() {
        return Ok(Some(db));
    }
    // Written by an earlier version, which had other tables.
    drop(Ledger::open(root)?);
    open().map(Some).map_err(failed)
}

/// The folder of what `query` keeps of groups, in which there is nothing but the file `kept`.
///
/// **Errors**: `Machine`, if it cannot be made, or anything cannot be removed.
pub fn states(root: &Path, query: &str, kept: Option<&str>) -> Result<PathBuf> {
    let folder = make_folder(root)?.join("states").join(query);
    only(&folder, |name| kept.is_some_and(|kept| name == kept)).map_err(|error| Error::unwritable(&folder, error))?;
    Ok(folder)
}

/// An empty folder for lines of `query` that are read once more.
///
/// **Errors**: `Machine`, if it cannot be made, or anything cannot be removed.
pub fn replays(root: &Path, query: &str) -> Result<PathBuf> {
    let folder = make_folder(root)?.join("replays").join(query);
    only(&folder, |_| false).map_err(|error| Error::unwritable(&folder, error))?;
    Ok(folder)
}

/// Makes `folder`, and removes what is in it but for what is `known` by its name.
fn only(folder: &Path, known: impl Fn(&OsStr) -> bool) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if known(&entry.file_name()) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            fs::remove_dir_all(entry.path())?;
        } else {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// The folder of all that is noted of a project's runs; it need not be there.
pub fn folder(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// The folder in which results for object stores are staged; it need not be there.
pub fn uploads(root: &Path) -> PathBuf {
    root.join(FOLDER).join("uploads")
}

fn path_of(root: &Path) -> PathBuf {
    root.join(FOLDER).join(FILE)
}

fn make_folder(root: &Path) -> Result<PathBuf> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder).map_err(|error| Error::unwritable(&folder, error))?;
    Ok(folder)
}

/// Has a ledger written ahead of itself. Of several that make it at the same time SQLite refuses some at once, whatever their patience:
/// they try again.
fn write_ahead(db: &Connection) -> rusqlite::Result<()> {
    let begun = Instant::now();
    loop {
        match db.pragma_update(None, "journal_mode", "WAL") {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && begun.elapsed() < PATIENCE => {
                std::thread::sleep(PAUSE);
            }
            done => return done,
        }
    }
}

/// Has results stand where the project is now, if it was moved or is mounted elsewhere since.
fn follow(db: &mut Connection, root: &Path) -> rusqlite::Result<()> {
    let known =
        |db: &Connection| db.query_row("SELECT root FROM project", [], |row| row.get::<_, String>(0)).optional();
    let root = root.to_string_lossy();
    if known(db)?.is_some_and(|known| known == root) {
        return Ok(());
    }
    let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if let Some(before) = known(&step)? {
        step.execute(
            "UPDATE runs SET path = ?2 || substr(path, length(?1) + 1) WHERE substr(path, 1, length(?1) + 1) = ?1 || '/'",
            [before.as_str(), &root],
        )?;
    }
    step.execute("DELETE FROM project", [])?;
    step.execute("INSERT INTO project VALUES (?1)", [&root])?;
    step.commit()
}

fn migrate(db: &mut Connection, path: &Path) -> Result<()> {
    let failed = |error| unusable(path, error);
    loop {
        let version = check_version(db, path)?;
        let Some(migration) = MIGRATIONS.get(version) else { return Ok(()) };
        // Another process may be at it as well: whoever comes second looks again.
        let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
        if check_version(&step, path)? == version {
            step.execute_batch(migration).map_err(failed)?;
            step.pragma_update(None, "user_version", version as u32 + 1).map_err(failed)?;
        }
        step.commit().map_err(failed)?;
    }
}

/// The version of the tables.
fn check_version(db: &Connection, path: &Path) -> Result<usize> {
    let version: u32 =
        db.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(|error| unusable(path, error))?;
    let version = version as usize;
    if version <= MIGRATIONS.len() {
        return Ok(version);
    }
    Err(Error::machine(format!("`{}` was written by a later version of tidemill", path.display()))
        .with_hint("run that version, or move the file away: history and kept outputs are lost then, and no result"))
}

fn unusable(path: &Path, error: rusqlite::Error) -> Error {
    Error::machine(format!("cannot use the ledger `{}`", path.display()))
        .with_source(error)
        .with_hint("check the disk and who may write there; without the file history begins anew, and queries that add to their output ask for --full-refresh")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_is_made_once_and_opened_again() {
        let root = tempfile::tempdir().unwrap();
        assert!(open_to_read(root.path()).unwrap().is_none());
        drop(Ledger::open(root.path()).unwrap());
        drop(Ledger::open(root.path()).unwrap());
        assert!(open_to_read(root.path()).unwrap().is_some());
    }

    #[test]
    fn a_ledger_of_an_earlier_version_is_asked_and_written_with_all_that_it_holds() {
        for version in 1..MIGRATIONS.len() {
            let root = tempfile::tempdir().unwrap();
            make_folder(root.path()).unwrap();
            let db = Connection::open(path_of(root.path())).unwrap();
            MIGRATIONS[..version].iter().for_each(|migration| db.execute_batch(migration).unwrap());
            db.pragma_update(None, "user_version", version as u32).unwrap();
            let values = "'q', 'committed', 1, '', '{}', '', '/q.json', 'json'";
            let columns = "query, status, started_ms, sql_hash, params, version, path, format";
            db.execute_batch(&format!(
                "INSERT INTO runs ({columns}) VALUES ({values}); INSERT INTO run_outputs (run, file, rows, bytes) VALUES (1, 'q.json', 2, 3)"
            ))
            .unwrap();
            drop(db);
            for table in &TABLES {
                let rows = read(root.path(), table).unwrap().num_rows();
                assert_eq!(
                    rows,
                    usize::from(["runs", "run_outputs"].contains(&table.name)),
                    "{version}: {}",
                    table.name
                );
            }
            let record = record(root.path(), 1).unwrap().unwrap();
            let was = OutputFile { file: "q.json".to_owned(), rows: 2, bytes: 3, blake3: None };
            assert_eq!((record.sql, record.is_kept, record.outputs), (None, false, vec![was]));
        }
    }

    #[test]
    fn what_an_earlier_version_has_read_stays_read() {
        let root = tempfile::tempdir().unwrap();
        make_folder(root.path()).unwrap();
        let db = Connection::open(path_of(root.path())).unwrap();
        MIGRATIONS[..3].iter().for_each(|migration| db.execute_batch(migration).unwrap());
        db.pragma_update(None, "user_version", 3).unwrap();
        db.execute_batch(
            "INSERT INTO increments VALUES ('q', '{}', '{}', NULL);
             INSERT INTO taken VALUES ('q', 's', 'a', 1, 2, 3, 4, 50, 6, 'h', 't'), ('q', 's', 'b', 1, 3, 3, 4, 50, 0, 'h', 't'),
                 ('q', 's', 'c', 1, 4, 0, 4, 0, 0, 'h', 't')",
        )
        .unwrap();
        drop(db);
        let memory = Ledger::open(root.path()).unwrap().memory("q").unwrap().unwrap();
        let taken: Vec<_> = memory.taken["s"].iter().map(|taken| (taken.lines, taken.is_copy, taken.born)).collect();
        assert_eq!(taken, [(Some(6), false, None), (None, true, None), (Some(0), false, None)]);
    }

    #[test]
    fn many_may_make_it_at_once() {
        for _ in 0..40 {
            let root = tempfile::tempdir().unwrap();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| Ledger::open(root.path()).unwrap());
                }
            });
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file that is no ledger")]
    fn what_is_no_ledger_or_a_later_one_is_told() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join(FOLDER)).unwrap();
        fs::write(path_of(root.path()), "no database, but long enough to be taken for one by its size".repeat(20))
            .unwrap();
        let error = Ledger::open(root.path()).err().unwrap();
        assert!(error.to_string().starts_with("cannot use the ledger"), "{error}");
        fs::remove_file(path_of(root.path())).unwrap();
        let ledger = Ledger::open(root.path()).unwrap();
        ledger.db.pragma_update(None, "user_version", 99).unwrap();
        let error = Ledger::open(root.path()).err().unwrap();
        assert!(error.to_string().ends_with("was written by a later version of tidemill"), "{error}");
    }
}
