//! What was typed, across sessions, in a database that nobody else may read.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use reedline::{History, SearchDirection, SearchQuery, SqliteBackedHistory};

use crate::error::{Error, Result};

/// Who may read it: the person alone. What is typed may hold names and numbers of others.
const MODE: u32 = 0o600;

/// Opens what was typed; makes a new one where there is none.
///
/// **Errors**: `Machine`, if it cannot be read or written.
pub(in crate::repl) fn open(path: &Path) -> Result<SqliteBackedHistory> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|error| Error::unwritable(folder, error))?;
    }
    let made = OpenOptions::new().append(true).create(true).mode(MODE).open(path);
    // One that was there may be anybody's to read.
    let kept = made.and_then(|file| file.set_permissions(Permissions::from_mode(MODE)));
    kept.map_err(|error| Error::unwritable(path, error))?;
    SqliteBackedHistory::with_file(path.to_owned(), None, None).map_err(|_| unusable(path))
}

/// The last `count` texts, the latest last.
///
/// **Errors**: as [`open`].
pub(in crate::repl) fn last(path: &Path, count: usize) -> Result<Vec<String>> {
    let history = open(path)?;
    let query = SearchQuery {
        limit: Some(i64::try_from(count).unwrap_or(i64::MAX)),
        ..SearchQuery::everything(SearchDirection::Backward, None)
    };
    let found = history.search(query).map_err(|_| unusable(path))?;
    Ok(found.into_iter().rev().map(|item| item.command_line).collect())
}

/// Without what SQLite says, which is for those who debug it.
fn unusable(path: &Path) -> Error {
    Error::machine(format!("`{}` is no history of this shell, or in use by something else", path.display()))
        .with_hint("move it away, or close what uses it")
}
