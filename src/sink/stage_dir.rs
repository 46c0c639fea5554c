//! The folder in which a file is made before it is published, and the sweeping of those whose maker died.
//!
//! It knows nothing of what stands in them.
//!
//! A stage is a folder `.stage-<uuid>` with a lock file that its maker holds locked for as long as it lives; the
//! system lets go of the lock when the process ends, however it ends. No sweeper removes the stage of a maker that
//! lives, in any interleaving, because both keep these rules:
//!
//! - A sweeper takes the lock before it removes anything but an empty folder, and holds it until the folder is gone.
//!   The lock file is the last file that it removes.
//! - A maker puts nothing into the folder before it has the lock *and* has seen, with the lock held, that the lock
//!   file still has its name. From then on no sweeper can take the lock.
//! - If a maker finds the folder or the lock file gone, or the lock taken, a sweeper was faster; it leaves the folder
//!   to the sweeper and makes another.
//!
//! A maker that dies between its steps leaves an empty folder, or one with a free lock: both are swept. Folders of
//! another name, or with files and no lock file, are not stages and are left alone. Where a file system has no locks,
//! nothing is swept.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::{swap, upload};
use crate::error::{Error, Result};

const PREFIX: &str = ".stage-";
const LOCK: &str = ".stage.lock";

/// A stage of a process that lives: this one. Removed when dropped.
#[derive(Debug)]
pub(super) struct StageDir {
    path: PathBuf,
    /// Whether a sweeper is to have it.
    is_left: bool,
    _lock: File,
}

impl StageDir {
    /// A new, empty stage in `parent`, open to its owner alone.
    pub(super) fn create(parent: &Path) -> io::Result<Self> {
        // A sweeper must meet a folder within microseconds of its birth to take it; not many times in a row.
        for _ in 0..16 {
            let path = parent.join(format!("{PREFIX}{}", Uuid::new_v4()));
            private_folder(&path)?;
            match claim(&path) {
                Ok(Some(lock)) => return Ok(Self { path, is_left: false, _lock: lock }),
                Ok(None) => {}
                Err(error) => {
                    remove(&path);
                    return Err(error);
                }
            }
        }
        Err(io::Error::new(ErrorKind::ResourceBusy, "other processes keep removing new stages"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Has it stay when it is dropped, for the next sweeper.
    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }
}

impl Drop for StageDir {
    fn drop(&mut self) {
        if !self.is_left {
            remove(&self.path);
        }
    }
}

/// Removes the stages directly in `folder` whose makers are dead, and returns how many there were.
///
/// A stage that cannot be removed (it may belong to another user) is left, and not counted: that is no reason not to
/// run. A folder that does not exist holds no stages.
///
/// **Errors**: [`Error::Machine`] if `folder` cannot be listed.
pub fn sweep(folder: &Path) -> Result<usize> {
    let unlisted = |error| Error::machine(format!("cannot list `{}`", folder.display())).with_source(error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries.map_err(unlisted)?,
    };
    let mut swept = 0;
    for entry in entries {
        let entry = entry.map_err(unlisted)?;
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && is_stage(&entry.file_name()) && sweep_one(&entry.path()) {
            swept += 1;
        }
    }
    Ok(swept)
}

fn is_stage(name: &OsStr) -> bool {
    name.to_str().and_then(|name| name.strip_prefix(PREFIX)).is_some_and(|id| Uuid::try_parse(id).is_ok())
}

fn sweep_one(stage: &Path) -> bool {
    let lock = match File::options().read(true).write(true).open(stage.join(LOCK)) {
        Ok(lock) => lock,
        // Removes it only if it is empty.
        Err(error) if error.kind() == ErrorKind::NotFound => return fs::remove_dir(stage).is_ok(),
        Err(_) => return false,
    };
    // What cannot be put in its place now, or removed from a store, may be next time.
    let is_ours = lock.try_lock().is_ok();
    is_ours && swap::complete(stage).is_ok() && upload::clean_up(stage).is_ok() && remove(stage)
}

/// Locks a new stage; `None` if a sweeper was faster.
fn claim(stage: &Path) -> io::Result<Option<File>> {
    let path = stage.join(LOCK);
    match File::create_new(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        lock => hold(&path, lock?),
    }
}

/// Takes the lock that the new lock file at `path` stands for; `None` if a sweeper was faster.
fn hold(path: &Path, lock: File) -> io::Result<Option<File>> {
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // No locks here: no sweeper gets one either, and so none removes anything.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error),
    }
    Ok(path.try_exists()?.then_some(lock))
}

/// Removes a stage whose lock is held, the lock file last; whether all of it is gone.
fn remove(stage: &Path) -> bool {
    let Ok(entries) = fs::read_dir(stage) else { return false };
    for entry in entries.flatten().filter(|entry| entry.file_name() != LOCK) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        // What stays makes the removal of the folder fail, and that is reported.
        let _ = if is_folder { fs::remove_dir_all(entry.path()) } else { fs::remove_file(entry.path()) };
    }
    let only_the_lock =
        fs::read_dir(stage).is_ok_and(|mut rest| rest.all(|entry| entry.is_ok_and(|e| e.file_name() == LOCK)));
    if !only_the_lock {
        return false;
    }
    let _ = fs::remove_file(stage.join(LOCK));
    fs::remove_dir(stage).is_ok()
}

fn private_folder(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files that a test finds there are not outputs")]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// A stage as a maker leaves it that was killed: with a file, and a lock that nobody holds.
    fn dead_stage(folder: &Path) -> PathBuf {
        let path = folder.join(format!("{PREFIX}{}", Uuid::new_v4()));
        fs::create_dir(&path).unwrap();
        fs::write(path.join(LOCK), "").unwrap();
        fs::write(path.join("result.json"), "{").unwrap();
        path
    }

    #[test]
    fn a_dropped_stage_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let stage = StageDir::create(folder.path()).unwrap();
        fs::write(stage.path().join("result.json"), "{").unwrap();
        drop(stage);
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    #[cfg(unix)]
    fn a_stage_is_private() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let stage = StageDir::create(folder.path()).unwrap();
        assert_eq!(fs::metadata(stage.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_dead_are_swept_and_the_living_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let living = StageDir::create(folder.path()).unwrap();
        dead_stage(folder.path());
        dead_stage(folder.path());
        // Died between the folder and its lock file.
        fs::create_dir(folder.path().join(format!("{PREFIX}{}", Uuid::new_v4()))).unwrap();
        assert_eq!(sweep(folder.path()).unwrap(), 3);
        assert_eq!(sweep(folder.path()).unwrap(), 0);
        assert_eq!(names(folder.path()), [living.path().file_name().unwrap().to_str().unwrap()]);
    }

    #[test]
    fn what_is_not_a_stage_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        for name in [".stage-mine", ".stage", "stage-1"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        fs::write(folder.path().join(format!("{PREFIX}{}", Uuid::new_v4())), "a file").unwrap();
        let unlocked = dead_stage(folder.path());
        fs::remove_file(unlocked.join(LOCK)).unwrap();
        let before = names(folder.path());
        assert_eq!(sweep(folder.path()).unwrap(), 0);
        assert_eq!(names(folder.path()), before);
        assert_eq!(names(&unlocked), ["result.json"]);
    }

    #[test]
    fn a_folder_that_is_not_there_holds_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sweep(&folder.path().join("outputs")).unwrap(), 0);
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert_eq!(sweep(&file).unwrap_err().kind(), "machine");
    }

    #[test]
    fn a_maker_yields_to_a_sweeper_that_was_faster() {
        let folder = tempfile::tempdir().unwrap();
        let begun = |name: &str| {
            let stage = folder.path().join(name);
            fs::create_dir(&stage).unwrap();
            let lock = File::create_new(stage.join(LOCK)).unwrap();
            (stage, lock)
        };
        // The sweeper removed the folder before there was a lock file.
        assert!(claim(&folder.path().join("swept")).unwrap().is_none());
        // It has the lock.
        let (stage, lock) = begun("being-swept");
        let sweeper = File::open(stage.join(LOCK)).unwrap();
        sweeper.try_lock().unwrap();
        assert!(hold(&stage.join(LOCK), lock).unwrap().is_none());
        // It had the lock, and is done.
        let (stage, lock) = begun("swept");
        assert!(sweep_one(&stage));
        assert!(hold(&stage.join(LOCK), lock).unwrap().is_none());
        // There was no sweeper.
        let (stage, lock) = begun("held");
        let held = hold(&stage.join(LOCK), lock).unwrap();
        assert!(held.is_some() && !sweep_one(&stage));
    }

    #[test]
    fn makers_and_sweepers_do_not_hurt_each_other() {
        /// Also when the maker panics, so that the sweepers end.
        struct DoneWhenDropped<'a>(&'a AtomicBool);
        impl Drop for DoneWhenDropped<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let _done = DoneWhenDropped(&done);
            for _ in 0..2 {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        sweep(folder.path()).unwrap();
                    }
                });
            }
            for _ in 0..300 {
                let stage = StageDir::create(folder.path()).unwrap();
                let file = stage.path().join("result.json");
                fs::write(&file, "{}").unwrap();
                std::thread::yield_now();
                assert_eq!(fs::read_to_string(&file).unwrap(), "{}");
            }
        });
        assert_eq!(names(folder.path()), [""; 0]);
    }
}
