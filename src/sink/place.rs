//! Where a result goes: the path that was named, what stands there, and the folders above it.
//!
//! It knows nothing of what is written there.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::fault::io_cause;
use crate::error::{Error, Fate, Result};
use crate::failpoint;
use crate::paths::{folder_of, follow};

/// Where a result goes.
pub(super) struct Place {
    /// As it was named.
    pub(super) target: PathBuf,
    /// The folder and the name of the file, symbolic links followed.
    pub(super) folder: PathBuf,
    pub(super) name: OsString,
    /// The permissions of the file that stands there.
    pub(super) replaces: Option<Permissions>,
}

impl Place {
    /// What stands at `target`.
    ///
    /// **Errors**: [`Error::Request`] if that is not a file, [`Error::Machine`] if it cannot be found out.
    pub(super) fn find(target: &Path) -> Result<Self> {
        let unwritable = |error: io::Error| {
            let hint = hint(error.kind(), false);
            Error::unwritable(target, error).with_hint(hint)
        };
        let file = follow(target).map_err(unwritable)?;
        let replaces = match fs::metadata(&file) {
            Ok(metadata) if metadata.is_dir() => return Err(is_folder(target)),
            Ok(metadata) if !metadata.is_file() => return Err(is_special(target)),
            Ok(metadata) => Some(metadata.permissions()),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        let ends_as_folder = file.as_os_str().as_encoded_bytes().ends_with(b"/");
        match file.file_name() {
            Some(name) if !ends_as_folder => Ok(Self {
                target: target.to_owned(),
                folder: folder_of(&file).to_owned(),
                name: name.to_owned(),
                replaces,
            }),
            _ => Err(is_folder(target)),
        }
    }

    /// What stands at `target`, where a folder is to stand.
    ///
    /// **Errors**: [`Error::Request`] if that is no folder, [`Error::Machine`] if it cannot be found out.
    pub(super) fn find_folder(target: &Path) -> Result<Self> {
        let unwritable = |error: io::Error| {
            let hint = hint(error.kind(), false);
            Error::unwritable(target, error).with_hint(hint)
        };
        let named = target.components().as_path();
        let folder = follow(named).map_err(unwritable)?;
        let replaces = match fs::metadata(&folder) {
            Ok(metadata) if metadata.is_dir() => Some(metadata.permissions()),
            Ok(_) => return Err(is_no_folder(target)),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(unwritable(error)),
        };
        match folder.file_name() {
            Some(name) => Ok(Self {
                target: target.to_owned(),
                folder: folder_of(&folder).to_owned(),
                name: name.to_owned(),
                replaces,
            }),
            None => Err(Error::request(format!("output path `{}` has no name", target.display()))
                .with_hint("name a folder of the result's own, for example outputs/daily")),
        }
    }

    /// Puts the file at `path`, which is on the disk, in the place of the one that stands there.
    ///
    /// **Errors**: [`Error::Machine`]; what stood there is then untouched, or the error says that it is not.
    pub(super) fn replace_by(&self, path: &Path) -> Result<()> {
        fs::rename(path, self.folder.join(&self.name)).map_err(|error| self.unwritable(error))?;
        failpoint::pass("placed");
        sync_folder(&self.folder).map_err(|error| self.unsynced(error))
    }

    /// Names the target in an error of the encoder, which only knows that its writer failed.
    pub(super) fn name_in(&self, error: Error) -> Error {
        let Error::Machine(problem) = error else { return error };
        let kind = problem.source.as_deref().and_then(|source| io_cause(source)).map(io::Error::kind);
        let named = Error::machine(format!("cannot write `{}`", self.target.display()));
        let named = named.with_hint(hint(kind.unwrap_or(ErrorKind::Other), self.replaces.is_some()));
        match problem.source {
            Some(source) => named.with_source(source),
            None => named,
        }
    }

    /// The target could not be written.
    pub(super) fn unwritable(&self, error: io::Error) -> Error {
        let hint = hint(error.kind(), self.replaces.is_some());
        Error::unwritable(&self.target, error).with_hint(hint)
    }

    /// The target is not there, and neither is what stood there before: both are in `stage`, and whoever sweeps it puts the target
    /// in its place.
    pub(super) fn between(&self, error: io::Error, stage: &Path) -> Error {
        Error::unwritable(&self.target, error)
            .with_hint(format!(
                "the new result and the one before it are in `{}`: the next run that publishes beside it puts the new one in its \
                 place",
                stage.display()
            ))
            .with_fate(Fate::Unknown)
    }

    /// The target was written, and may yet not outlast a power cut.
    pub(super) fn unsynced(&self, error: io::Error) -> Error {
        Error::machine(format!("cannot sync the folder of `{}`", self.target.display()))
            .with_hint("a power cut could still undo what was published")
            .with_source(error)
            .with_fate(Fate::InPlace)
    }
}

/// What to do about a failure of the file system, and what became of the result before, if there is one.
fn hint(kind: ErrorKind, replaces: bool) -> String {
    let what_next = match kind {
        ErrorKind::StorageFull => "free some space on its disk",
        ErrorKind::QuotaExceeded => "free some of your quota on its disk",
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => "choose a folder that you may write to",
        ErrorKind::NotADirectory | ErrorKind::AlreadyExists => "a part of the path before the name is a file",
        _ => "choose another place, or try again",
    };
    let before = if replaces { "; the previous result is untouched" } else { "" };
    format!("{what_next}{before}")
}

fn is_folder(target: &Path) -> Error {
    let example = target.join("result.json");
    Error::request(format!("output path `{}` is a directory", target.display()))
        .with_hint(format!("name a file in it, for example `{}`", example.display()))
}

fn is_no_folder(target: &Path) -> Error {
    Error::request(format!("output path `{}` is a file, and the result is a folder", target.display()))
        .with_hint("move the file away, or choose another path with `output`")
}

fn is_special(target: &Path) -> Error {
    Error::request(format!("output path `{}` is not a regular file", target.display()))
        .with_hint("devices and pipes cannot be replaced by a file; choose another path, or write to standard output")
}

/// Makes `folder` and those above it, so that they outlast a power cut.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = folder_of(folder);
    make_folder(above)?;
    match fs::create_dir(folder) {
        // Another process made it meanwhile.
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {}
        made => made?,
    }
    sync_folder(above)
}

/// Has the disk keep the names in `folder`. Some network file systems refuse; they have nothing better.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match File::open(folder)?.sync_all() {
        Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::Unsupported) => Ok(()),
        synced => synced,
    }
}
