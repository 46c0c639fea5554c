//! What was typed, across sessions, in a database that nobody else may read.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use reedline::{History, ReedlineError, SearchDirection, SearchQuery, SqliteBackedHistory};

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
    made.map_err(|error| Error::unwritable(path, error))?;
    SqliteBackedHistory::with_file(path.to_owned(), None, None).map_err(|error| unusable(path, error))
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
    let found = history.search(query).map_err(|error| unusable(path, error))?;
    Ok(found.into_iter().rev().map(|item| item.command_line).collect())
}

fn unusable(path: &Path, error: ReedlineError) -> Error {
    Error::machine(format!("cannot use `{}`", path.display())).with_source(error)
}
