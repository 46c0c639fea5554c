//! Where results go: standard output, or a file that was named instead.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::display::standard;
use crate::error::{Error, Result};

/// Where text goes.
#[derive(Debug, Default)]
pub(super) struct Output {
    file: Option<(PathBuf, File)>,
}

impl Output {
    /// From now on text goes to a new file; one that is there is emptied.
    ///
    /// **Errors**: `Machine`, if it cannot be made. Then all stays as it was.
    pub(super) fn redirect(&mut self, path: &Path) -> Result<()> {
        let file = File::create(path).map_err(|error| Error::unwritable(path, error))?;
        self.file = Some((path.to_owned(), file));
        Ok(())
    }

    /// From now on text goes to standard output.
    pub(super) fn restore(&mut self) {
        self.file = None;
    }

    /// Whether text goes to a file.
    pub(super) fn is_file(&self) -> bool {
        self.file.is_some()
    }

    /// **Errors**: `ClosedPipe`, or `Machine`.
    pub(super) fn write(&mut self, text: &str) -> Result<()> {
        match &mut self.file {
            _ if text.is_empty() => Ok(()),
            Some((path, file)) => file.write_all(text.as_bytes()).map_err(|error| Error::unwritable(path, error)),
            None => standard::print(text),
        }
    }
}
