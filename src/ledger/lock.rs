//! One run of a query at a time: a lock that dies with its process.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::make_folder;
use crate::error::{Error, Result};

/// The right to run a query; let go of when dropped, and when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Who may run a query now.
#[derive(Debug)]
pub enum Turn {
    /// Whoever asked.
    Ours(Lock),
    /// Another, who is told as `process 17`.
    Theirs(String),
}

impl Lock {
    /// Asks for the right to run the query `name` in the project at `root`. Where a file system has no locks, nobody is kept
    /// out.
    ///
    /// **Errors**: `Machine`, if the lock's file cannot be made.
    pub fn take(root: &Path, name: &str) -> Result<Turn> {
        let folder = make_folder(root)?.join("locks");
        let path = folder.join(format!("{name}.lock"));
        let unwritable = |error| Error::unwritable(&path, error);
        std::fs::create_dir_all(&folder).map_err(unwritable)?;
        let mut file =
            File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(unwritable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut owner = String::new();
                // It may not have said yet who it is.
                let _ = file.read_to_string(&mut owner);
                let owner = owner.trim();
                let who = if owner.is_empty() { "another process".to_owned() } else { format!("process {owner}") };
                return Ok(Turn::Theirs(who));
            }
            Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {}
            Err(TryLockError::Error(error)) => return Err(unwritable(error)),
        }
        let id = std::process::id();
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| writeln!(file, "{id}"))
            .map_err(unwritable)?;
        Ok(Turn::Ours(Self { _file: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_run_once_at_a_time() {
        let root = tempfile::tempdir().unwrap();
        let take = |name| Lock::take(root.path(), name).unwrap();
        let Turn::Ours(lock) = take("daily") else { panic!("nobody has it") };
        let us = format!("process {}", std::process::id());
        assert!(matches!(take("daily"), Turn::Theirs(who) if who == us));
        assert!(matches!(take("hourly"), Turn::Ours(_)));
        drop(lock);
        assert!(matches!(take("daily"), Turn::Ours(_)));
    }
}
