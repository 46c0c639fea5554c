//! What queries that read only what is new have read, and what their output is made of.
//!
//! A run says what it changes of that before its result is put in its place, and the change takes hold with the run itself: so
//! what was read and what was published cannot differ. It knows nothing of how files are told apart.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::{Deserialize, Serialize};

use super::rejects;
use super::runs::int;

/// Texts by what they are about: what a result was made by.
pub type Definition = BTreeMap<String, String>;

/// Columns with their types.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Columns {
    /// Those of the output, and what is in them.
    pub result: Definition,
    /// What was read for it, as `source.column.field`.
    pub reads: Definition,
}

/// What is known of a query's runs so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Memory {
    /// What the last run was made by.
    pub definition: Definition,
    /// What was read and what is in the output.
    pub columns: Columns,
    /// What later runs add to: a file in the ledger's folder.
    pub state: Option<String>,
    /// What was read, by source.
    pub taken: BTreeMap<String, Vec<Taken>>,
    /// Files that were written anew, by source: lines that were read of them are in no file any more.
    pub lost: BTreeMap<String, BTreeSet<String>>,
    /// What was learned of each source, as JSON.
    pub learned: BTreeMap<String, String>,
    /// The folders that the output is made of.
    pub pieces: BTreeSet<String>,
}

/// What was read of a file, and what the file was then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taken {
    /// The file, as it is shown.
    pub file: String,
    /// Number of its file system, and its own number there.
    pub place: (u64, u64),
    /// Its size, as stored, and its last change: nanoseconds since 1970.
    pub state: (u64, i64),
    /// When it was made, where its file system says so: nanoseconds since 1970. Numbers of files are given again.
    #[serde(default)]
    pub born: Option<i64>,
    /// How many bytes were read, of what is decompressed.
    pub bytes: u64,
    /// How many lines, where they were counted.
    pub lines: Option<u64>,
    /// Whether they were read as those of another file, of which this one is a copy.
    #[serde(default)]
    pub is_copy: bool,
    /// Hashes of the first and of the last of these bytes.
    pub ends: (String, String),
}

/// What a run changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Whether nothing of before holds any more.
    pub anew: bool,
    /// What it was made by.
    pub definition: Definition,
    /// What was read and what is in the output, by runs before, too.
    pub columns: Columns,
    /// What later runs add to.
    pub state: Option<String>,
    /// Files, by source, of which nothing needs to be known any more under this name.
    pub gone: BTreeMap<String, Vec<String>>,
    /// What was read, by source.
    pub taken: BTreeMap<String, Vec<Taken>>,
    /// Files that were written anew, by source, those of runs before, too.
    #[serde(default)]
    pub lost: BTreeMap<String, BTreeSet<String>>,
    /// What was learned.
    pub learned: BTreeMap<String, String>,
    /// The folder that the output has gained.
    pub piece: Option<String>,
}

/// `None` where there is no memory of the query.
pub(super) fn read(db: &Connection, query: &str) -> rusqlite::Result<Option<Memory>> {
    let row = db
        .query_row("SELECT definition, columns, state, lost FROM increments WHERE query = ?1", [query], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get(2)?, row.get::<_, String>(3)?))
        })
        .optional()?;
    let Some((definition, columns, state, lost)) = row else { return Ok(None) };
    // A text that is no definition is none that any run is made by.
    let definition = serde_json::from_str(&definition).unwrap_or_default();
    let columns = serde_json::from_str(&columns).unwrap_or_default();
    let lost = serde_json::from_str(&lost).unwrap_or_default();
    let mut memory = Memory { definition, columns, state, lost, ..Memory::default() };
    let mut rows = db.prepare(
        "SELECT source, file, device, inode, size, modified_ns, bytes, lines, head, tail, born_ns, is_copy \
         FROM taken WHERE query = ?1",
    )?;
    let mut rows = rows.query([query])?;
    while let Some(row) = rows.next()? {
        let number = |at: usize| row.get::<_, i64>(at).map(i64::cast_unsigned);
        let taken = Taken {
            file: row.get(1)?,
            place: (number(2)?, number(3)?),
            state: (number(4)?, row.get(5)?),
            bytes: number(6)?,
            lines: row.get::<_, Option<i64>>(7)?.map(i64::cast_unsigned),
            ends: (row.get(8)?, row.get(9)?),
            born: row.get(10)?,
            is_copy: row.get(11)?,
        };
        memory.taken.entry(row.get(0)?).or_default().push(taken);
    }
    let mut rows = db.prepare("SELECT source, columns FROM learned WHERE query = ?1")?;
    memory.learned = rows.query_map([query], |row| Ok((row.get(0)?, row.get(1)?)))?.collect::<Result<_, _>>()?;
    let mut rows = db.prepare("SELECT folder FROM pieces WHERE query = ?1")?;
    memory.pieces = rows.query_map([query], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(Some(memory))
}

/// Notes what a run is going to change.
pub(super) fn intend(db: &Transaction<'_>, run: i64, change: &Change) -> rusqlite::Result<()> {
    let text = serde_json::to_string(change).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    db.execute("INSERT INTO pending VALUES (?1, ?2)", params![run, text]).map(drop)
}

/// Has the change of a run take hold, if it has one: its result stands in its place.
pub(super) fn apply(db: &Transaction<'_>, run: i64) -> rusqlite::Result<()> {
    let row = db
        .query_row("SELECT query, change FROM pending JOIN runs USING (run) WHERE run = ?1", [run], |row| {
            Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?))
        })
        .optional()?;
    let Some((query, change)) = row else { return Ok(()) };
    let change: Change = serde_json::from_str(&change)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, error.into()))?;
    if change.anew {
        forget(db, &query)?;
        rejects::begin_anew(db, run, &query)?;
    }
    let definition = serde_json::to_string(&change.definition).unwrap_or_default();
    let columns = serde_json::to_string(&change.columns).unwrap_or_default();
    let lost = serde_json::to_string(&change.lost).unwrap_or_default();
    let values = params![query, definition, columns, change.state, lost];
    db.execute(
        "INSERT OR REPLACE INTO increments (query, definition, columns, state, lost) VALUES (?1, ?2, ?3, ?4, ?5)",
        values,
    )?;
    let mut remove = db.prepare("DELETE FROM taken WHERE query = ?1 AND source = ?2 AND file = ?3")?;
    for (source, files) in &change.gone {
        for file in files {
            remove.execute(params![query, source, file])?;
        }
    }
    let mut add = db.prepare(
        "INSERT OR REPLACE INTO taken \
         (query, source, file, device, inode, size, modified_ns, bytes, lines, head, tail, born_ns, is_copy) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?;
    for (source, files) in &change.taken {
        for Taken { file, place, state, born, bytes, lines, is_copy, ends } in files {
            let [device, inode, size, bytes] = [place.0, place.1, state.0, *bytes].map(int);
            let (lines, (head, tail)) = (lines.map(int), ends);
            let values =
                params![query, source, file, device, inode, size, state.1, bytes, lines, head, tail, born, is_copy];
            add.execute(values)?;
        }
    }
    for (source, columns) in &change.learned {
        db.execute("INSERT OR REPLACE INTO learned VALUES (?1, ?2, ?3)", params![query, source, columns])?;
    }
    if let Some(folder) = &change.piece {
        db.execute("INSERT OR REPLACE INTO pieces VALUES (?1, ?2)", params![query, folder])?;
    }
    db.execute("DELETE FROM pending WHERE run = ?1", [run]).map(drop)
}

fn forget(db: &Transaction<'_>, query: &str) -> rusqlite::Result<()> {
    for table in ["increments", "taken", "learned", "pieces"] {
        db.execute(&format!("DELETE FROM {table} WHERE query = ?1"), [query])?;
    }
    Ok(())
}
