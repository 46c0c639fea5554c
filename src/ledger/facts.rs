//! What event files taught, kept from one statement to the next, in `.tidemill/facts.db`.
//!
//! It is a file of its own, for it is worth nothing but time: it is written without waiting for the disk, and what is damaged in it
//! is not believed. Where it cannot be read or written for want of room or rights, there are no facts. It knows neither what
//! facts are nor how files are told apart.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, params};

use super::{FOLDER, make_folder};
use crate::error::{Error, Result};

const FILE: &str = "facts.db";
/// What tells this file from any other database: `tmfa`.
const APPLICATION: i64 = 0x746d_6661;
const VERSION: i64 = 1;
/// Facts are not worth waiting for.
const PATIENCE: Duration = Duration::from_millis(300);

/// Whose facts they are.
#[derive(Debug, Clone, Copy)]
pub struct Owner<'a> {
    /// Name of the source.
    pub source: &'a str,
    /// All that decides what its files teach.
    pub definition: &'a str,
}

/// What one file taught.
#[derive(Debug)]
pub struct Fact<'a> {
    /// The file, as it is shown.
    pub file: &'a str,
    /// What tells its state.
    pub identity: String,
    /// What it taught.
    pub bytes: Vec<u8>,
}

/// Gives what is kept of files, each with its state, to `take`, with the position of the file.
///
/// **Errors**: `Machine`, if the file is damaged, or is none of ours; and those of `take`.
pub fn recall<'a>(
    root: &Path,
    owner: Owner<'_>,
    files: impl Iterator<Item = (&'a str, String)>,
    mut take: impl FnMut(usize, &[u8]) -> Result<()>,
) -> Result<()> {
    let path = path_of(root);
    if !path.exists() {
        return Ok(());
    }
    let recall = || -> rusqlite::Result<Result<()>> {
        let db = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        db.busy_timeout(PATIENCE)?;
        if kind(&db)? != Kind::Ours {
            return Ok(Ok(()));
        }
        // One look at the disk for all files.
        let db = db.unchecked_transaction()?;
        let definition = hash(owner.definition);
        let sql =
            "SELECT facts, checksum FROM facts WHERE source = ?1 AND definition = ?2 AND file = ?3 AND identity = ?4";
        let mut kept = db.prepare(sql)?;
        for (number, (file, identity)) in files.enumerate() {
            let row = kept
                .query_row(params![owner.source, definition, file, identity], |row| {
                    Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))
                })
                .optional()?;
            let Some((bytes, sum)) = row else { continue };
            if checksum(owner.source, &definition, file, &identity, &bytes) == *sum
                && let Err(error) = take(number, &bytes)
            {
                return Ok(Err(error));
            }
        }
        Ok(Ok(()))
    };
    match recall() {
        Ok(done) => done,
        Err(error) if is_damage(&error) => Err(damaged(&path, error)),
        Err(_) => Ok(()),
    }
}

/// Keeps what files taught in the place of what was kept of them, and forgets what is of no use any more: facts by another definition of the
/// same source, and those of files that are not among `all`.
///
/// **Errors**: `Machine`, if the file is none of ours.
pub fn keep(root: &Path, owner: Owner<'_>, facts: &[Fact<'_>], all: Option<&HashSet<&str>>) -> Result<()> {
    let path = path_of(root);
    if make_folder(root).is_err() {
        return Ok(());
    }
    let mut kept = try_to_keep(&path, owner, facts, all);
    if kept.as_ref().is_err_and(is_damage) {
        // What was in it is learned again.
        let _ = fs::remove_file(&path);
        let _ = fs::remove_file(path.with_extension("db-journal"));
        kept = try_to_keep(&path, owner, facts, all);
    }
    match kept {
        Ok(Kind::Foreign) => Err(Error::machine(format!("`{}` holds no facts of this version", path.display()))
            .with_hint("what files taught is not kept; move that file away, and it is")),
        // A folder that nobody may write in, a full disk, another process that takes long: it is kept another time.
        _ => Ok(()),
    }
}

fn try_to_keep(
    path: &Path,
    owner: Owner<'_>,
    facts: &[Fact<'_>],
    all: Option<&HashSet<&str>>,
) -> rusqlite::Result<Kind> {
    let mut db = Connection::open(path)?;
    db.busy_timeout(PATIENCE)?;
    db.pragma_update(None, "synchronous", "OFF")?;
    let step = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    match kind(&step)? {
        Kind::Foreign => return Ok(Kind::Foreign),
        Kind::Empty => {
            step.pragma_update(None, "application_id", APPLICATION)?;
            step.pragma_update(None, "user_version", VERSION)?;
            step.execute_batch(include_str!("facts.sql"))?;
        }
        Kind::Ours => {}
    }
    let (source, definition) = (owner.source, hash(owner.definition));
    step.execute("DELETE FROM facts WHERE source = ?1 AND definition <> ?2", [source, definition.as_str()])?;
    {
        let mut put = step.prepare("INSERT OR REPLACE INTO facts VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        for Fact { file, identity, bytes } in facts {
            let sum = checksum(source, &definition, file, identity, bytes);
            put.execute(params![source, definition, file, identity, bytes, sum])?;
        }
        if let Some(all) = all {
            let mut named = step.prepare("SELECT file FROM facts WHERE source = ?1")?;
            let named: Vec<String> = named.query_map([source], |row| row.get(0))?.collect::<Result<_, _>>()?;
            let mut forget = step.prepare("DELETE FROM facts WHERE source = ?1 AND file = ?2")?;
            for gone in named.iter().filter(|file| !all.contains(file.as_str())) {
                forget.execute([source, gone])?;
            }
        }
    }
    step.commit()?;
    Ok(Kind::Ours)
}

/// What a database is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ours,
    /// Nothing was ever written in it.
    Empty,
    /// Another program's, or of another version.
    Foreign,
}

fn kind(db: &Connection) -> rusqlite::Result<Kind> {
    let pragma = |name| db.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    Ok(match (pragma("application_id")?, pragma("user_version")?) {
        (APPLICATION, VERSION) => Kind::Ours,
        (0, 0) if db.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))? == 0 => {
            Kind::Empty
        }
        _ => Kind::Foreign,
    })
}

/// Whether an error says that what is there is not what was written: its bytes, its tables or its values.
fn is_damage(error: &rusqlite::Error) -> bool {
    use ErrorCode::{ConstraintViolation, DatabaseCorrupt, NotADatabase, TypeMismatch, Unknown};
    // SQL that is not understood is `Unknown`: then a table is not as it was made.
    let of_what_is_there = [NotADatabase, DatabaseCorrupt, Unknown, TypeMismatch, ConstraintViolation];
    error.sqlite_error_code().is_none_or(|code| of_what_is_there.contains(&code))
}

fn damaged(path: &Path, error: rusqlite::Error) -> Error {
    Error::machine(format!("`{}` is damaged, and is not used", path.display())).with_source(error)
}

fn checksum(source: &str, definition: &str, file: &str, identity: &str, bytes: &[u8]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for part in [source.as_bytes(), definition.as_bytes(), file.as_bytes(), identity.as_bytes(), bytes] {
        // No two ways to cut a text into parts are the same.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    *hasher.finalize().as_bytes()
}

fn hash(text: &str) -> String {
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

fn path_of(root: &Path) -> PathBuf {
    root.join(FOLDER).join(FILE)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "files that are no facts")]
mod tests {
    use super::*;

    const OWNER: Owner<'_> = Owner { source: "events", definition: "d" };

    fn fact(file: &str) -> Fact<'_> {
        Fact { file, identity: format!("state of {file}"), bytes: format!("facts of {file}").into_bytes() }
    }

    /// What is kept of files that are what they were.
    fn recalled(root: &Path, owner: Owner<'_>, files: &[&str]) -> Result<Vec<String>, String> {
        let states = files.iter().map(|file| (*file, format!("state of {file}")));
        let mut found = Vec::new();
        let take = |number: usize, bytes: &[u8]| {
            found.push(format!("{number} {}", String::from_utf8_lossy(bytes)));
            Ok(())
        };
        recall(root, owner, states, take).map_err(|error| error.to_string())?;
        Ok(found)
    }

    #[test]
    fn what_is_kept_is_recalled_of_the_same_state_only() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        assert_eq!(recalled(root, OWNER, &["a"]).unwrap(), [""; 0]);
        keep(root, OWNER, &[fact("a"), fact("b"), fact("c")], None).unwrap();
        assert_eq!(recalled(root, OWNER, &["x", "a", "c"]).unwrap(), ["1 facts of a", "2 facts of c"]);
        keep(root, OWNER, &[Fact { identity: "another".into(), ..fact("a") }], None).unwrap();
        assert_eq!(recalled(root, OWNER, &["a", "b"]).unwrap(), ["1 facts of b"]);
        // Files that are gone, and other definitions, are forgotten.
        keep(root, OWNER, &[fact("d")], Some(&HashSet::from(["c", "d"]))).unwrap();
        assert_eq!(recalled(root, OWNER, &["b", "c", "d"]).unwrap(), ["1 facts of c", "2 facts of d"]);
        let other = Owner { definition: "e", ..OWNER };
        assert_eq!(recalled(root, other, &["c"]).unwrap(), [""; 0]);
        keep(root, other, &[fact("a")], None).unwrap();
        assert_eq!(recalled(root, OWNER, &["c"]).unwrap(), [""; 0]);
        assert_eq!(recalled(root, other, &["a"]).unwrap(), ["0 facts of a"]);
    }

    #[test]
    fn what_is_damaged_is_told_and_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        keep(root, OWNER, &[fact("a")], None).unwrap();
        // A byte of what was learned: the checksum tells.
        let mut bytes = fs::read(path_of(root)).unwrap();
        let at = bytes.windows(10).position(|part| part == b"facts of a").unwrap();
        bytes[at] = b'F';
        fs::write(path_of(root), &bytes).unwrap();
        assert_eq!(recalled(root, OWNER, &["a"]).unwrap(), [""; 0]);
        fs::write(path_of(root), "no database".repeat(1000)).unwrap();
        let told = recalled(root, OWNER, &["a"]).unwrap_err();
        assert!(told.ends_with("facts.db` is damaged, and is not used"), "{told}");
        keep(root, OWNER, &[fact("b")], None).unwrap();
        assert_eq!(recalled(root, OWNER, &["a", "b"]).unwrap(), ["1 facts of b"]);
        // It is a database of ours, without its table.
        Connection::open(path_of(root)).unwrap().execute_batch("DROP TABLE facts").unwrap();
        let told = recalled(root, OWNER, &["b"]).unwrap_err();
        assert!(told.ends_with("facts.db` is damaged, and is not used"), "{told}");
        keep(root, OWNER, &[fact("c")], None).unwrap();
        assert_eq!(recalled(root, OWNER, &["b", "c"]).unwrap(), ["1 facts of c"]);
    }

    #[test]
    fn what_is_another_programs_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        make_folder(root).unwrap();
        Connection::open(path_of(root)).unwrap().execute_batch("CREATE TABLE t (a INTEGER)").unwrap();
        let before = fs::read(path_of(root)).unwrap();
        assert_eq!(recalled(root, OWNER, &["a"]).unwrap(), [""; 0]);
        let told = keep(root, OWNER, &[fact("a")], None).unwrap_err().to_string();
        assert!(told.ends_with("facts.db` holds no facts of this version"), "{told}");
        assert!(fs::read(path_of(root)).unwrap() == before);
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        // A file stands where the folder would be.
        fs::write(folder.path().join(FOLDER), "").unwrap();
        keep(folder.path(), OWNER, &[fact("a")], None).unwrap();
        assert_eq!(recalled(folder.path(), OWNER, &["a"]).unwrap(), [""; 0]);
    }
}
