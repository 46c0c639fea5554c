//! The files below a folder that a pattern means, with each failure at its path.
//!
//! `walkdir` is not used: where it cannot follow a link, its error does not say which link, and comes before one can
//! ask whether the pattern leads there.

use std::fs::{self, DirEntry, Metadata};
use std::io;
use std::path::{Path, PathBuf};
use std::vec::IntoIter;

use rustix::io::Errno;

use super::pattern::Below;
use crate::error::{Error, Result};

/// Gives each file that is meant below `base` to `each`, in no order: its path, its canonical path, and its facts.
pub(super) fn walk(
    base: &Path,
    canonical_base: PathBuf,
    below: &Below,
    mut each: impl FnMut(&Path, PathBuf, &Metadata) -> Result<()>,
) -> Result<()> {
    // The folders from the base to where the walk stands.
    let mut open: Vec<Folder> = Folder::read(base, canonical_base)?.into_iter().collect();
    while let Some(folder) = open.last_mut() {
        let Some(entry) = folder.entries.next() else {
            open.pop();
            continue;
        };
        let path = entry.path();
        let name = entry.file_name();
        let depth = open.len();
        let as_file = below.admits(depth, &name, false) && below.matches(path.strip_prefix(base).unwrap_or(&path));
        let as_folder = below.admits(depth, &name, true) && depth < below.max_depth;
        if !as_file && !as_folder {
            continue;
        }
        let Some((linked, metadata)) = look(&entry, &path, as_file)? else { continue };
        let canonical = match open.last() {
            Some(folder) if !linked => folder.canonical.join(&name),
            _ => fs::canonicalize(&path).map_err(|source| Error::unreadable(&path, source))?,
        };
        if !metadata.is_dir() {
            if as_file {
                each(&path, canonical, &metadata)?;
            }
        } else if as_folder && open.iter().all(|folder| folder.canonical != canonical) {
            open.extend(Folder::read(&path, canonical)?);
        }
    }
    Ok(())
}

/// A link that leads to nothing that could be read.
pub(super) fn dangling(path: &Path) -> Error {
    Error::input(format!("the link `{}` leads to nothing", path.display()))
        .with_hint("remove it, or bring back the file that it stands for")
}

struct Folder {
    canonical: PathBuf,
    entries: IntoIter<DirEntry>,
}

impl Folder {
    /// Its entries are read at once, so that depth costs no open files. `None` if it is gone.
    fn read(path: &Path, canonical: PathBuf) -> Result<Option<Self>> {
        match fs::read_dir(path).and_then(Iterator::collect::<io::Result<Vec<DirEntry>>>) {
            Ok(entries) => Ok(Some(Self { canonical, entries: entries.into_iter() })),
            Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::unreadable(path, source)
                .with_hint("a pattern leads through it, and files in it would be missing from the table")),
        }
    }
}

/// Whether the entry is a link, and what stands there; `None` if nothing does.
///
/// A link to nothing is an error only `as_file`: nobody can tell that it was to be a folder.
fn look(entry: &DirEntry, path: &Path, as_file: bool) -> Result<Option<(bool, Metadata)>> {
    match entry.file_type().and_then(|kind| Ok((kind.is_symlink(), fs::metadata(path)?))) {
        Ok(found) => Ok(Some(found)),
        Err(source)
            if source.kind() == io::ErrorKind::NotFound || Errno::from_io_error(&source) == Some(Errno::LOOP) =>
        {
            // Without a link, the entry is gone since the folder was read: it was not there at this listing.
            if as_file && path.is_symlink() { Err(dangling(path).with_source(source)) } else { Ok(None) }
        }
        Err(source) => Err(Error::unreadable(path, source)
            .with_hint("a pattern names it or leads through it, and its events would be missing from the table")),
    }
}
