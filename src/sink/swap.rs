//! A folder put in the place of the one before, in one step; and what may be replaced like that.
//!
//! Where the system can exchange two folders, that is the step. Where it cannot, the folder before is moved into the stage,
//! and then the new one into its place: whoever is killed between the two leaves a stage that says so, and the next to sweep
//! it does the second move first.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::Path;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::place::{self, Place};
use super::stage_dir::StageDir;
use crate::error::{Error, Result};
use crate::failpoint;

/// A file of a stage: the folder of this name in it is whole, and belongs beside the stage.
const WHOLE: &str = ".whole";
/// What a stage calls the folder before.
const BEFORE: &str = ".before";

/// **Errors**: [`Error::Request`] if something in the folder that stands in the place is no part of a result: nobody asked
/// for it to be removed.
pub(super) fn check_replaceable(place: &Place) -> Result<()> {
    let folder = place.folder.join(&place.name);
    let foreign = foreign_in(&folder).map_err(|error| place.unwritable(error))?;
    match foreign {
        None => Ok(()),
        Some(name) => {
            let name = Path::new(&name).display().to_string();
            Err(Error::request(format!("`{}` holds `{name}`, which is no part of a result", place.target.display()))
                .with_hint(
                    "a result replaces its whole folder: move that away, or choose another folder with `output`",
                ))
        }
    }
}

/// The first thing in `folder`, or in a folder `name=value` or `run-00000001` in it, that [`super::StagedFolder`] does not write.
fn foreign_in(folder: &Path) -> io::Result<Option<std::ffi::OsString>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let (name, kind) = (entry.file_name(), entry.file_type()?);
        let foreign = if kind.is_dir() && (is_partition(&name) || is_run(&name)) {
            foreign_in(&entry.path())?
        } else if kind.is_file() && is_part(&name) {
            None
        } else {
            Some(name)
        };
        if foreign.is_some() {
            return Ok(foreign);
        }
    }
    Ok(None)
}

fn is_partition(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.split_once('=').is_some_and(|(key, _)| !key.is_empty()))
}

/// Whether it is `run-00000017`, what one run has added.
fn is_run(name: &OsStr) -> bool {
    let number = name.to_str().and_then(|name| name.strip_prefix("run-"));
    number.is_some_and(|number| number.len() >= 8 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether it is `part-00000-of-00001.json`.
fn is_part(name: &OsStr) -> bool {
    let is_number = |text: &str| text.len() >= 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts = name.to_str().and_then(|name| name.strip_prefix("part-")?.split_once("-of-"));
    let parts = parts.and_then(|(number, rest)| Some((number, rest.split_once('.')?)));
    parts.is_some_and(|(number, (count, extension))| {
        is_number(number) && is_number(count) && extension.parse::<super::Format>().is_ok()
    })
}

/// Puts the folder `root` of the stage in its place. What stood there is in the stage then, and goes with it.
///
/// **Errors**: [`Error::Machine`]; what stood there is then untouched, or the error says that it is not.
pub(super) fn into_place(stage: &mut StageDir, root: &Path, place: &Place) -> Result<()> {
    let unwritable = |error| place.unwritable(error);
    if let Some(permissions) = &place.replaces {
        fs::set_permissions(root, permissions.clone()).map_err(unwritable)?;
    }
    sync_tree(root).map_err(unwritable)?;
    let target = place.folder.join(&place.name);
    match exchange(root, &target) {
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => {
            in_two_steps(stage.path(), root, &target, |from, to| fs::rename(from, to))
        }
        done => done.map_err(|error| Failed::Untouched(error.into())),
    }
    .map_err(|failed| failed.told(stage, place))?;
    failpoint::pass("placed");
    place::sync_folder(&place.folder).map_err(|error| place.unsynced(error))
}

/// Why a folder is not in its place.
#[derive(Debug)]
enum Failed {
    /// What stood there still does.
    Untouched(io::Error),
    /// Neither does: both are in the stage, and the next to sweep it does the second step.
    Between(io::Error),
}

impl Failed {
    fn told(self, stage: &mut StageDir, place: &Place) -> Error {
        match self {
            Self::Untouched(error) => place.unwritable(error),
            Self::Between(error) => {
                stage.leave();
                place.between(error, stage.path())
            }
        }
    }
}

fn exchange(root: &Path, target: &Path) -> Result<(), Errno> {
    match renameat_with(CWD, root, CWD, target, RenameFlags::EXCHANGE) {
        // Nothing stands there. If something does by now, it is not replaced unseen.
        Err(Errno::NOENT) => renameat_with(CWD, root, CWD, target, RenameFlags::NOREPLACE),
        done => done,
    }
}

fn in_two_steps(
    stage: &Path,
    root: &Path,
    target: &Path,
    rename: impl Fn(&Path, &Path) -> io::Result<()>,
) -> std::result::Result<(), Failed> {
    let name = root.file_name().unwrap_or_default();
    let before = stage.join(BEFORE);
    let first = || {
        File::create_new(stage.join(WHOLE)).and_then(|mut file| {
            io::Write::write_all(&mut file, name.as_encoded_bytes())?;
            file.sync_all()
        })?;
        place::sync_folder(stage)?;
        match rename(target, &before) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            moved => moved.map(|()| true),
        }
    };
    let moved = first().map_err(Failed::Untouched)?;
    rename(root, target).map_err(|error| match moved && rename(&before, target).is_err() {
        true => Failed::Between(error),
        false => Failed::Untouched(error),
    })
}

/// Does the second of the two steps for a maker that was killed between them.
pub(super) fn complete(stage: &Path) -> io::Result<()> {
    let name = match fs::read_to_string(stage.join(WHOLE)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        name => name?,
    };
    if name.contains('/') {
        return Ok(());
    }
    let (root, beside) = (stage.join(&name), stage.parent().unwrap_or(Path::new(".")));
    let target = beside.join(&name);
    if !target.try_exists()? && root.try_exists()? && stage.join(BEFORE).try_exists()? {
        fs::rename(root, &target)?;
        place::sync_folder(beside)?;
    }
    Ok(())
}

/// Has the disk keep the names in `folder`, and in those in it.
pub(super) fn sync_tree(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_tree(&entry.path())?;
        }
    }
    place::sync_folder(folder)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files that a test finds there are not outputs")]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::error::Fate;
    use crate::sink::sweep;

    /// A stage with a whole folder `result` in it, beside one that may stand there.
    fn staged(folder: &Path, stands: bool) -> StageDir {
        let stage = StageDir::create(folder).unwrap();
        fs::create_dir(stage.path().join("result")).unwrap();
        fs::write(stage.path().join("result/part-00000-of-00001.json"), "new").unwrap();
        if stands {
            fs::create_dir(folder.join("result")).unwrap();
            fs::write(folder.join("result/part-00000-of-00001.json"), "old").unwrap();
        }
        stage
    }

    fn text(folder: &Path) -> String {
        fs::read_to_string(folder.join("result/part-00000-of-00001.json")).unwrap()
    }

    #[test]
    fn one_step_or_two_have_the_same_end() {
        for (stands, in_one) in [(true, true), (true, false), (false, true), (false, false)] {
            let folder = tempfile::tempdir().unwrap();
            let stage = staged(folder.path(), stands);
            let (root, target) = (stage.path().join("result"), folder.path().join("result"));
            match in_one {
                true => exchange(&root, &target).unwrap(),
                false => in_two_steps(stage.path(), &root, &target, |from, to| fs::rename(from, to)).unwrap(),
            }
            assert_eq!(text(folder.path()), "new");
            drop(stage);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn a_second_step_that_fails_loses_neither_result() {
        for (failing, text_then, text_in_the_end) in [(1, Some("old"), "old"), (2, None, "new")] {
            let folder = tempfile::tempdir().unwrap();
            let mut stage = staged(folder.path(), true);
            let place = Place::find_folder(&folder.path().join("result")).unwrap();
            let (root, target) = (stage.path().join("result"), folder.path().join("result"));
            let done = Cell::new(0);
            let rename = |from: &Path, to: &Path| {
                done.set(done.get() + 1);
                if (2..2 + failing).contains(&done.get()) { Err(io::Error::other("no")) } else { fs::rename(from, to) }
            };
            let error = in_two_steps(stage.path(), &root, &target, rename).unwrap_err().told(&mut stage, &place);
            let untouched = error
                .problem()
                .and_then(|problem| problem.hint.as_deref())
                .unwrap()
                .contains("the previous result is untouched");
            assert_eq!(untouched, text_then.is_some(), "{error:?}");
            assert_eq!(error.fate(), if untouched { Fate::Unpublished } else { Fate::Unknown });
            drop(stage);
            assert_eq!(target.exists().then(|| text(folder.path())).as_deref(), text_then);
            assert_eq!(sweep(folder.path()).unwrap(), usize::from(!untouched));
            assert_eq!(text(folder.path()), text_in_the_end);
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
    }

    #[test]
    fn whoever_sweeps_does_the_second_step() {
        let folder = tempfile::tempdir().unwrap();
        let stage = staged(folder.path(), true);
        fs::write(stage.path().join(WHOLE), "result").unwrap();
        fs::rename(folder.path().join("result"), stage.path().join(BEFORE)).unwrap();
        // The maker is killed: its lock is free, and nothing is cleaned up.
        let path = stage.path().to_owned();
        let dead = folder.path().join(format!(".stage-{}", uuid::Uuid::new_v4()));
        fs::create_dir(&dead).unwrap();
        for entry in fs::read_dir(&path).unwrap().flatten() {
            fs::rename(entry.path(), dead.join(entry.file_name())).unwrap();
        }
        drop(stage);
        assert_eq!(sweep(folder.path()).unwrap(), 1);
        assert_eq!(text(folder.path()), "new");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn names_of_parts_are_known() {
        for (name, is) in [
            ("part-00000-of-00001.json", true),
            ("part-123456-of-123457.parquet", true),
            ("part-0-of-1.json", false),
            ("part-00000-of-00001.txt", false),
            ("part-00000.json", false),
            (".DS_Store", false),
        ] {
            assert_eq!(is_part(OsStr::new(name)), is, "{name}");
        }
        assert!(is_partition(OsStr::new("a=b")) && !is_partition(OsStr::new("=b")) && !is_partition(OsStr::new("ab")));
    }
}
