//! Results that were replaced: kept aside, checked, and brought back.
//!
//! A copy of a result is made of links to its files, so it takes no room and little time; where the file system has none, or the
//! copy is on another, the files are copied. It knows nothing of which results are kept, or for how long.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::place::{self, Place};
use super::stage_dir::StageDir;
use super::swap;
use super::verify::hash_of;
use crate::error::{Error, Result};
use crate::failpoint;

/// Has a copy of the result at `target` stand in the folder `aside`, which is made, under its own name.
///
/// **Errors**: [`Error::Machine`]; the result is untouched, and what was copied so far is left.
pub fn keep(target: &Path, aside: &Path) -> Result<()> {
    let place = if target.is_dir() { Place::find_folder(target)? } else { Place::find(target)? };
    let copy = || {
        place::make_folder(aside)?;
        let copy = aside.join(target.file_name().unwrap_or_default());
        link_tree(&place.folder.join(&place.name), &copy)?;
        if copy.is_dir() {
            swap::sync_tree(&copy)?
        }
        place::sync_folder(aside)
    };
    copy().map_err(|error: io::Error| {
        Error::machine(format!("cannot keep `{}` in `{}`", target.display(), aside.display()))
            .with_source(error)
            .with_hint("nothing was published; to publish without keeping what is there, set keep = 0")
    })
}

/// A copy of an earlier result on its way to its place. Dropped before it is published, it leaves nothing behind.
pub struct Returning {
    place: Place,
    root: PathBuf,
    // Dropped last: it removes the files.
    stage: StageDir,
}

impl Returning {
    /// Makes a copy of the result `kept` that is to stand at `target`, in a stage beside it.
    ///
    /// **Errors**: [`Error::Request`] if what stands at `target` is not to be replaced by it; [`Error::Machine`] if nothing can be
    /// written there.
    pub fn create(kept: &Path, target: &Path) -> Result<Self> {
        let is_folder = kept.is_dir();
        let place = if is_folder { Place::find_folder(target)? } else { Place::find(target)? };
        if is_folder {
            swap::check_replaceable(&place)?;
        }
        let staged = place::make_folder(&place.folder).and_then(|()| {
            let stage = StageDir::create(&place.folder)?;
            let root = stage.path().join(&place.name);
            link_tree(kept, &root)?;
            Ok((stage, root))
        });
        let (stage, root) = staged.map_err(|error| place.unwritable(error))?;
        failpoint::pass("staged");
        Ok(Self { place, root, stage })
    }

    /// Numbers of its file system, and of its file or folder in it: the same here and in its place.
    ///
    /// **Errors**: [`Error::Machine`].
    pub fn identity(&self) -> Result<(u64, u64)> {
        let metadata = fs::metadata(&self.root).map_err(|error| self.place.unwritable(error))?;
        Ok((metadata.dev(), metadata.ino()))
    }

    /// Puts it in place of the result there.
    ///
    /// **Errors**: those of [`Staging::publish`](super::Staging::publish).
    pub fn publish(mut self) -> Result<()> {
        if self.root.is_dir() {
            swap::into_place(&mut self.stage, &self.root, &self.place)
        } else {
            self.place.replace_by(&self.root)
        }
    }
}

/// A file of a result, as it was when it was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WasPublished {
    /// Its path within the result, if that is a folder; else its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, in hexadecimal digits, if it was noted.
    pub blake3: Option<String>,
}

/// Checks that the result `kept` is made of these files, and of no others.
///
/// **Errors**: [`Error::Input`] with the first file that is missing, other than it was, or too many.
pub fn check(kept: &Path, files: &[WasPublished]) -> Result<()> {
    let base = if kept.is_dir() { kept } else { kept.parent().unwrap_or(kept) };
    let mut found = Vec::new();
    names(kept, base, &mut found).map_err(|error| Error::unreadable(kept, error))?;
    if let Some(name) = found.iter().find(|name| !files.iter().any(|file| file.name == **name)) {
        return Err(Error::input(format!("`{}` was not published", base.join(name).display())));
    }
    for WasPublished { name, bytes, blake3 } in files {
        let path = base.join(name);
        let refused = |why: String| Err(Error::input(format!("`{}` {why}", path.display())));
        match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return refused("is gone".to_owned()),
            Err(error) => return Err(Error::unreadable(&path, error)),
            Ok(found) if found.len() != *bytes => {
                return refused(format!("has {} bytes, and {bytes} were published", found.len()));
            }
            Ok(_) => {}
        }
        let Some(blake3) = blake3 else { continue };
        let hash = hash_of(&path).map_err(|error| Error::unreadable(&path, error))?;
        if hash.to_hex().as_str() != blake3 {
            return refused("holds other bytes than were published".to_owned());
        }
    }
    Ok(())
}

/// The names within `base` of the files at or below `path`.
fn names(path: &Path, base: &Path, found: &mut Vec<String>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        found.push(path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned());
        return Ok(());
    }
    fs::read_dir(path)?.try_for_each(|entry| names(&entry?.path(), base, found))
}

/// A link to a file, or a copy of it.
pub(super) fn link(from: &Path, to: &Path) -> io::Result<()> {
    if fs::hard_link(from, to).is_err() {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()?;
    }
    Ok(())
}

/// The same for a folder, and all that is in it.
fn link_tree(from: &Path, to: &Path) -> io::Result<()> {
    let metadata = fs::metadata(from)?;
    if !metadata.is_dir() {
        return link(from, to);
    }
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        link_tree(&entry.path(), &to.join(entry.file_name()))?;
    }
    fs::set_permissions(to, metadata.permissions())
}
