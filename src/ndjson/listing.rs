//! From patterns to the files that they name, at this moment: nothing is remembered between calls.
//!
//! A pattern is relative to the root or absolute. It may hold `*`, `?`, `[..]` and `{a,b}`, none of which crosses a
//! `/`, and `**` for any number of folders; `\` takes the meaning from the character behind it.
//!
//! - A folder, or a pattern that ends in `/`, `/*` or `/**`, names the files with an event file's extension:
//!   `.out .json .ndjson .jsonl`, each also compressed (`.gz`, `.zst`). Any other pattern names what it matches,
//!   whatever the extension.
//! - Files and folders whose names start with a dot are skipped, unless a part of the pattern starts with a dot.
//! - Links are followed. A file that is reached by several ways is read once. A link to a folder above itself is
//!   passed over: that folder is being listed already. A link to nothing is an error if its name is that of a file
//!   to read.
//! - Nothing matching is no error here: the caller knows whether there is a table without files.
//! - `s3://bucket/` and a pattern names objects by the same rules; see `objects` for what is different there.
//!
//! It opens no file: what is in them is the reader's matter.

mod objects;
mod partitions;
mod pattern;
mod walk;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::ffi::OsStr;
use std::fs::{self, Metadata};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use chrono::{DateTime, TimeDelta, Utc};

use self::pattern::{Names, Pattern};
use self::walk::{dangling, walk};
use crate::error::{Error, Result};
use crate::paths;
use crate::store::{Location, Object};

/// A file to read, as it was when it was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputFile {
    /// The path to open.
    pub path: PathBuf,
    /// The path as shown to people and in the column `_file`: relative to the root if it is below it, else absolute.
    pub shown: String,
    /// How it is compressed, by its name.
    pub compression: Compression,
    /// What tells whether a file is still the same; holds its size.
    pub identity: Identity,
    /// What of it is read.
    pub window: Window,
    /// The object that it is, if it is in a store.
    pub object: Option<Object>,
}

/// The lines of a file that are read: all of them, unless somebody has read some before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its bytes, of what is decompressed. It begins with a line. What a compressed file holds has no known end.
    pub bytes: Range<u64>,
    /// How many lines stand before it.
    pub lines_before: u64,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// `.gz`, `.gzip`
    Gzip,
    /// `.zst`, `.zstd`
    Zstd,
}

/// Tells one state of one file from any other, as far as a file system can. Of an object the first two tell its content.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// Number of the file system.
    pub device: u64,
    /// Number of the file in it.
    pub inode: u64,
    /// Bytes, as stored.
    pub size: u64,
    /// Last change: seconds since 1970, and nanoseconds.
    pub modified: (i64, i64),
    /// Last change of the file or of what is said of it, which nobody can set back; in the same units.
    pub changed: (i64, i64),
    /// When it was made, where the file system says so: nanoseconds since 1970.
    pub born: Option<i64>,
}

impl From<&Metadata> for Identity {
    fn from(file: &Metadata) -> Self {
        let (modified, changed) = ((file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec()));
        let born = file.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
        let born = born.and_then(|born| i64::try_from(born.as_nanos()).ok());
        Self { device: file.dev(), inode: file.ino(), size: file.size(), modified, changed, born }
    }
}

/// Clocks of file systems move in steps: within one, a file may change again and look as it did. The slowest steps of those that
/// count nanoseconds take 10 ms, and of those that count seconds 2 s.
const STEP: (TimeDelta, TimeDelta) = (TimeDelta::milliseconds(50), TimeDelta::seconds(3));

impl Identity {
    /// Whether any change after `now` gives the file another identity: the last one lies far enough back, by a step of the
    /// clock and by `rest`. False also where its times make no sense.
    pub(crate) fn is_settled(&self, rest: Duration, now: DateTime<Utc>) -> bool {
        let rest = TimeDelta::from_std(rest).unwrap_or(TimeDelta::MAX);
        [self.modified, self.changed].into_iter().all(|(seconds, nanoseconds)| {
            let step = if nanoseconds == 0 { STEP.1 } else { STEP.0 };
            let last = u32::try_from(nanoseconds).ok().and_then(|rest| DateTime::from_timestamp(seconds, rest));
            last.is_some_and(|last| now.signed_duration_since(last) > step.max(rest))
        })
    }
}

impl Compression {
    /// By the last extension of the name; case does not count.
    pub fn of(path: &Path) -> Self {
        match extension(path).as_str() {
            "gz" | "gzip" => Self::Gzip,
            "zst" | "zstd" => Self::Zstd,
            _ => Self::None,
        }
    }
}

impl InputFile {
    /// All of a file.
    pub fn whole(path: PathBuf, shown: String, identity: Identity) -> Self {
        let compression = Compression::of(&path);
        let end = if compression == Compression::None { identity.size } else { u64::MAX };
        let window = Window { bytes: 0..end, lines_before: 0 };
        Self { path, shown, compression, identity, window, object: None }
    }

    /// Whether all of it is read.
    pub(super) fn is_whole(&self) -> bool {
        let Window { bytes, lines_before } = &self.window;
        let end = if self.compression == Compression::None { self.identity.size } else { u64::MAX };
        *bytes == (0..end) && *lines_before == 0
    }

    /// All of an object.
    fn of_object(object: Object) -> Self {
        let (shown, (device, inode)) = (object.location.to_string(), object.identity());
        let modified = (object.modified.timestamp(), i64::from(object.modified.timestamp_subsec_nanos()));
        let identity = Identity { device, inode, size: object.size, modified, changed: modified, born: None };
        Self { object: Some(object), ..Self::whole(PathBuf::from(&shown), shown, identity) }
    }

    /// How much of it is read: bytes, as stored. Of a compressed file it is always all.
    pub fn size(&self) -> u64 {
        self.stored(&self.window.bytes)
    }

    /// How many bytes are stored of a range of it; a compressed file has no ranges.
    pub(super) fn stored(&self, range: &Range<u64>) -> u64 {
        if self.compression == Compression::None { range.end - range.start } else { self.identity.size }
    }

    /// The columns that its folders name, in the order of the path: `date=2024-05-01/` is (`date`, `2024-05-01`).
    /// Every folder of the shown path counts. Percent signs are decoded as Hive writes them, and
    /// `__HIVE_DEFAULT_PARTITION__` is NULL.
    ///
    /// **Errors**: [`Error::Input`] if two folders name the same column, or a name decodes to no UTF-8.
    pub fn partitions(&self) -> Result<Vec<(String, Option<String>)>> {
        partitions::of(&self.shown)
    }
}

/// The files that `patterns` name, sorted by [`InputFile::shown`] in byte order.
///
/// **Errors**: [`Error::Request`] for a pattern that is none. [`Error::Input`] for a folder that cannot be read, a link
/// to nothing, and for a name that is not UTF-8, what is no regular file, or a compression that cannot be read, where a
/// pattern names it.
pub fn list(root: &Path, patterns: &[String]) -> Result<Vec<InputFile>> {
    let canonical_root = fs::canonicalize(root).unwrap_or_default();
    let mut found = Found { root, canonical_root, files: BTreeMap::new() };
    for pattern in patterns {
        match Location::parse(pattern)? {
            Some(url) => found.add_objects(&url, pattern)?,
            None => found.add(&Pattern::parse(pattern)?)?,
        }
    }
    let mut files: Vec<InputFile> = found.files.into_values().map(|(_, file)| file).collect();
    files.sort_by(|a, b| a.shown.cmp(&b.shown));
    Ok(files)
}

/// Whether `pattern` is one; [`list`] gives the same error. One with a secret in it is left to [`list`]: who asks may show where
/// it stands.
pub fn check(pattern: &str) -> Result<()> {
    if Location::holds_secret(pattern) {
        return Ok(());
    }
    match Location::parse(pattern)? {
        Some(url) => objects::parse(&url, pattern).map(drop),
        None => Pattern::parse(pattern).map(drop),
    }
}

/// Whether `path` is named by one of `patterns`: a file there would be read. It need not exist, and is what `paths::real` makes
/// of it.
pub fn names(root: &Path, patterns: &[String], path: &Path) -> bool {
    let named = |pattern: &String| {
        match (Location::parse(pattern), Location::of(path)) {
            (Ok(None), Ok(None)) => {}
            (Ok(Some(url)), Ok(Some(object))) => return objects::names(&url, pattern, &object),
            _ => return false,
        }
        let Ok(pattern) = Pattern::parse(pattern) else { return false };
        let base = paths::real(&root.join(&pattern.fixed));
        let Ok(below) = path.strip_prefix(&base) else { return false };
        match &pattern.names {
            Names::Exactly => below.as_os_str().is_empty() || Pattern::everything_below().matches(below),
            Names::Matching(names) => names.matches(below),
        }
    };
    patterns.iter().any(named)
}

/// The folder in which a pattern starts to look, so that a failure can say which one is missing. A store has none.
pub fn folder_of(root: &Path, pattern: &str) -> Option<PathBuf> {
    if Location::is_url(Path::new(pattern)) {
        return None;
    }
    let pattern = Pattern::parse(pattern).ok()?;
    let base = root.join(&pattern.fixed);
    match pattern.names {
        Names::Exactly => base.parent().map(Path::to_owned),
        Names::Matching(_) => Some(base),
    }
}

struct Found<'a> {
    root: &'a Path,
    /// Empty if the root does not exist.
    canonical_root: PathBuf,
    /// By canonical path, so that no link makes a file count twice; with whether the listed path runs over a link.
    /// Not by inode: those of some network file systems are not unique, and a file would be lost.
    files: BTreeMap<PathBuf, (bool, InputFile)>,
}

impl Found<'_> {
    fn add(&mut self, pattern: &Pattern) -> Result<()> {
        let mut base = self.root.join(&pattern.fixed);
        let unreadable = |source| Error::unreadable(&base, source);
        let Some(metadata) = present(fs::metadata(&base)).map_err(unreadable)? else {
            return match pattern.names {
                Names::Exactly if base.is_symlink() => Err(dangling(&base)),
                _ => Ok(()),
            };
        };
        let canonical = fs::canonicalize(&base).map_err(unreadable)?;
        if pattern.fixed.components().any(|part| part == Component::ParentDir) {
            base.clone_from(&canonical);
        }
        let everything = Pattern::everything_below();
        let below = match &pattern.names {
            Names::Exactly if metadata.is_dir() => &everything,
            Names::Matching(below) if metadata.is_dir() => below,
            Names::Exactly => return self.insert(&base, canonical, &metadata),
            Names::Matching(_) => return Ok(()),
        };
        walk(&base, canonical, below, |path, canonical, metadata| self.insert(path, canonical, metadata))
    }

    fn add_objects(&mut self, url: &Location, pattern: &str) -> Result<()> {
        for object in objects::list(url, pattern)? {
            let file = InputFile::of_object(object);
            decodable(&file.shown)?;
            self.files.insert(file.path.clone(), (false, file));
        }
        Ok(())
    }

    fn insert(&mut self, path: &Path, canonical: PathBuf, metadata: &Metadata) -> Result<()> {
        let from_root = path.strip_prefix(self.root).map(|below_root| self.canonical_root.join(below_root));
        let linked = from_root.as_deref().unwrap_or(path) != canonical;
        let identity = Identity::from(metadata);
        let file = InputFile::whole(path.to_owned(), self.shown(path)?, identity);
        readable(&file.shown, metadata)?;
        match self.files.entry(canonical) {
            Entry::Vacant(place) => drop(place.insert((linked, file))),
            Entry::Occupied(mut place) => {
                let (was_linked, was) = place.get();
                if (linked, &file.shown) < (*was_linked, &was.shown) {
                    place.insert((linked, file));
                }
            }
        }
        Ok(())
    }

    fn shown(&self, path: &Path) -> Result<String> {
        let below_root = path.strip_prefix(self.root).or_else(|_| path.strip_prefix(&self.canonical_root));
        let shown = below_root.unwrap_or(path);
        shown.to_str().map(str::to_owned).ok_or_else(|| {
            Error::input(format!("the name of {shown:?} is not UTF-8"))
                .with_hint("rename it: the name is a value of the column `_file`")
        })
    }
}

/// `None` if there is nothing at the path.
fn present<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses what the reader could not split, read again or decode.
fn readable(shown: &str, metadata: &Metadata) -> Result<()> {
    let kind = metadata.file_type();
    if !kind.is_file() {
        let what = if kind.is_fifo() {
            "a pipe"
        } else if kind.is_socket() {
            "a socket"
        } else {
            "a device"
        };
        return Err(Error::input(format!("`{shown}` is {what}, not a regular file"))
            .with_hint("inputs have a size and are read more than once: copy what it gives into a file"));
    }
    decodable(shown)
}

fn decodable(shown: &str) -> Result<()> {
    match foreign_compression(Path::new(shown)) {
        Some(extension) => Err(Error::input(format!("`{shown}` is compressed as `.{extension}`, which is not read"))
            .with_hint("compress it as `.zst` or `.gz`")),
        None => Ok(()),
    }
}

fn foreign_compression(path: &Path) -> Option<String> {
    let extension = extension(path);
    ["7z", "br", "bz2", "lz4", "lzma", "rar", "snappy", "sz", "xz", "z", "zip"]
        .contains(&extension.as_str())
        .then_some(extension)
}

/// Whether the name of a file says that it holds events; compressions that are not read count, so that such a file
/// is refused and not overlooked.
fn is_event_file(path: &Path) -> bool {
    let compressed = Compression::of(path) != Compression::None || foreign_compression(path).is_some();
    let stem = path.file_stem().map(Path::new).filter(|_| compressed).unwrap_or(path);
    ["out", "json", "ndjson", "jsonl"].contains(&extension(stem).as_str())
}

/// The last extension in lower case; empty if there is none.
fn extension(path: &Path) -> String {
    path.extension().map(OsStr::to_string_lossy).unwrap_or_default().to_ascii_lowercase()
}

#[cfg(test)]
mod tests;
