//! A result on its way to its place: written beside it, checked, and put there in one step.
//!
//! It knows nothing of how a format is written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::place::{self, Place};
use super::stage_dir::StageDir;
use super::verify::count_rows;
use super::{Encoder, Format, encoder};
use crate::error::{Error, Result};

/// A result that is being written. Dropped before it is published, it leaves nothing behind.
pub struct Staged {
    /// `None` after a failure: what was written may end anywhere, and is never published.
    encoder: Option<Box<dyn Encoder>>,
    file: File,
    path: PathBuf,
    place: Place,
    format: Format,
    rows: u64,
    bytes: Arc<AtomicU64>,
    // Dropped last: it removes the files.
    stage: StageDir,
}

/// A result that stands in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The target as it was named.
    pub path: PathBuf,
    /// Rows of the result.
    pub rows: u64,
    /// Size of the file.
    pub bytes: u64,
}

impl Staged {
    /// Begins a result that is to stand at `target`, in a stage beside it; folders that lack are made.
    ///
    /// Where `target` is a symbolic link, the file that it leads to is replaced and the link stays. A file that is
    /// replaced passes its permissions on; another gets those of any new file. Up to `threads` threads encode.
    ///
    /// **Errors**: [`Error::Request`] if `target` is a folder, a device or the like; [`Error::Machine`] if nothing can
    /// be written there; those of [`encoder`]. In each case no stage is left.
    pub fn create(target: &Path, format: Format, schema: &SchemaRef, threads: usize) -> Result<Self> {
        Self::create_through(target, format, schema, threads, |file| Box::new(file))
    }

    /// As [`Staged::create`], with a writer of the test's own between the encoder and the file.
    fn create_through(
        target: &Path,
        format: Format,
        schema: &SchemaRef,
        threads: usize,
        through: impl FnOnce(File) -> Box<dyn Write + Send>,
    ) -> Result<Self> {
        let place = Place::find(target)?;
        let staged = place::make_folder(&place.folder).and_then(|()| {
            let stage = StageDir::create(&place.folder)?;
            let path = stage.path().join(&place.name);
            let file = File::create_new(&path)?;
            Ok((through(file.try_clone()?), file, path, stage))
        });
        let (out, file, path, stage) = staged.map_err(|error| place.unwritable(error))?;
        let bytes = Arc::default();
        let counted = Counted { out, bytes: Arc::clone(&bytes) };
        let encoder = encoder(format, schema, threads, Box::new(counted)).map_err(|error| place.name_in(error))?;
        Ok(Self { encoder: Some(encoder), file, path, place, format, rows: 0, bytes, stage })
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Encoder::write`]. After one, the result can no longer be published.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut encoder = self.encoder.take().ok_or_else(|| self.failed_before())?;
        encoder.write(batch).map_err(|error| self.place.name_in(error))?;
        self.encoder = Some(encoder);
        self.rows += batch.num_rows() as u64;
        Ok(())
    }

    /// Completes the result, checks that all of it is on the disk, and puts it in place of the one before.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be written or put in place, [`Error::Internal`] if what is read
    /// back is not what was written. The result before is then untouched, but for one case that says so: the new
    /// result is in place and the folder cannot be synced.
    pub fn publish(mut self) -> Result<Published> {
        let encoder = self.encoder.take().ok_or_else(|| self.failed_before())?;
        encoder.finish().map_err(|error| self.place.name_in(error))?;
        let bytes = self.verify_and_sync()?;
        self.replace().map_err(|error| self.place.unwritable(error))?;
        place::sync_folder(&self.place.folder).map_err(|error| self.place.unsynced(error))?;
        drop(self.stage);
        Ok(Published { path: self.place.target, rows: self.rows, bytes })
    }

    /// Reads back what was written while the disk takes it, and returns its size.
    fn verify_and_sync(&self) -> Result<u64> {
        let (verified, synced) = thread::scope(|scope| {
            let file = &self.file;
            let sync = || file.sync_data();
            let syncing = thread::Builder::new().spawn_scoped(scope, sync);
            let verified = self.verify();
            // A sync that failed is not tried again: the second one may well claim success.
            let synced = match syncing {
                Ok(syncing) => syncing.join().unwrap_or_else(|panic| resume_unwind(panic)),
                Err(_) => sync(),
            };
            (verified, synced)
        });
        synced.map_err(|error| self.place.unwritable(error))?;
        verified
    }

    /// Reads back what was written, and returns its size.
    fn verify(&self) -> Result<u64> {
        let broken = |what| Error::internal(format!("the file staged for `{}` {what}", self.place.target.display()));
        let written = self.bytes.load(Ordering::Relaxed);
        let size = self.file.metadata().map_err(|error| self.place.unwritable(error))?.len();
        if size != written {
            return Err(broken(format!("has {size} bytes where {written} were written")));
        }
        let rows = count_rows(&self.path, self.format)
            .map_err(|error| broken("cannot be read back".to_owned()).with_source(error))?;
        if rows != self.rows {
            return Err(broken(format!("holds {rows} rows where {} were written", self.rows)));
        }
        Ok(size)
    }

    fn replace(&self) -> io::Result<()> {
        if let Some(permissions) = &self.place.replaces {
            self.file.set_permissions(permissions.clone())?;
        }
        self.file.sync_all()?;
        fs::rename(&self.path, self.place.folder.join(&self.place.name))
    }

    fn failed_before(&self) -> Error {
        Error::internal(format!("`{}` is still being written after a failure", self.place.target.display()))
    }
}

/// Counts what passes.
struct Counted {
    out: Box<dyn Write + Send>,
    bytes: Arc<AtomicU64>,
}

impl Write for Counted {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buffer)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files that a test finds there are not outputs")]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::super::testing::{FailAfter, batch, column, encode};
    use super::*;

    fn rows(count: i64) -> RecordBatch {
        let texts = (0..count).map(|n| format!("say \"{n}\",\nthen {}", n * 7919 % 2003));
        batch([
            ("n", Arc::new(Int64Array::from_iter_values(0..count))),
            ("t", Arc::new(StringArray::from_iter_values(texts))),
        ])
    }

    fn publish(target: &Path, format: Format, batches: &[RecordBatch]) -> Result<Published> {
        let mut staged = Staged::create(target, format, &batches[0].schema(), 2)?;
        batches.iter().try_for_each(|batch| staged.write(batch))?;
        staged.publish()
    }

    fn names(folder: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_result_is_published_whole_in_every_format() {
        let folder = tempfile::tempdir().unwrap();
        for format in Format::ALL {
            // Folders that lack are made.
            let target = folder.path().join(format!("a/{format}/result.{format}"));
            for batches in [vec![rows(3000), rows(1)], vec![rows(0)]] {
                let published = publish(&target, format, &batches).unwrap();
                let expected = encode(format, &batches).unwrap();
                assert_eq!(fs::read(&target).unwrap(), expected, "{format}");
                let count = batches.iter().map(RecordBatch::num_rows).sum::<usize>() as u64;
                assert_eq!(published, Published { path: target.clone(), rows: count, bytes: expected.len() as u64 });
                assert_eq!(names(target.parent().unwrap()), [format!("result.{format}")]);
            }
        }
    }

    #[test]
    fn a_result_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.json");
        fs::write(&target, "before").unwrap();
        let mut staged = Staged::create(&target, Format::Json, &rows(1).schema(), 1).unwrap();
        staged.write(&rows(1)).unwrap();
        assert_eq!(names(folder.path()).len(), 2);
        drop(staged);
        assert_eq!(names(folder.path()), ["result.json"]);
        assert_eq!(fs::read_to_string(&target).unwrap(), "before");
    }

    #[test]
    fn a_failed_write_leaves_the_result_before_wherever_it_fails() {
        let folder = tempfile::tempdir().unwrap();
        let batches = [rows(500), rows(500)];
        for format in Format::ALL {
            let target = folder.path().join("result");
            fs::write(&target, "before").unwrap();
            let whole = encode(format, &batches).unwrap().len();
            for left in (0..whole).step_by(whole / 60 + 1).chain([1, whole - 1]) {
                let through = |out| Box::new(FailAfter { out, left, kind: ErrorKind::StorageFull }) as _;
                let error = Staged::create_through(&target, format, &batches[0].schema(), 2, through)
                    .and_then(|mut staged| {
                        batches.iter().try_for_each(|batch| staged.write(batch))?;
                        staged.publish()
                    })
                    .unwrap_err();
                check_full(&error, &target);
                assert_eq!(names(folder.path()), ["result"], "{format} after {left} bytes");
                assert_eq!(fs::read_to_string(&target).unwrap(), "before");
            }
        }
    }

    fn check_full(error: &Error, target: &Path) {
        assert_eq!(error.kind(), "machine");
        assert!(error.chain().starts_with(&format!("cannot write `{}`: ", target.display())), "{}", error.chain());
        assert_eq!(
            error.problem().unwrap().hint.as_deref(),
            Some("free some space on its disk; the previous result is untouched")
        );
    }

    /// A small disk, where the test may mount one.
    struct SmallDisk(tempfile::TempDir);

    impl SmallDisk {
        fn mount() -> Option<Self> {
            let folder = tempfile::tempdir().unwrap();
            let mount =
                Command::new("mount").args(["-t", "tmpfs", "-o", "size=128k", "tmpfs"]).arg(folder.path()).output();
            mount.is_ok_and(|output| output.status.success()).then(|| Self(folder))
        }
    }

    impl Drop for SmallDisk {
        fn drop(&mut self) {
            Command::new("umount").arg(self.0.path()).status().unwrap();
        }
    }

    #[test]
    #[expect(clippy::print_stderr, reason = "a test that is skipped must say so")]
    fn a_full_disk_leaves_the_result_before() {
        let Some(disk) = SmallDisk::mount() else {
            eprintln!("skipped: no small disk can be mounted here; the failing writer stands in for it");
            return;
        };
        for format in Format::ALL {
            let target = disk.0.path().join("result");
            // The larger fail while they are written, the smaller perhaps only when they are finished.
            let mut failures = 0;
            for count in [10_000, 20_000, 100_000] {
                fs::write(&target, "before").unwrap();
                let Err(error) = publish(&target, format, &[rows(count)]) else { continue };
                check_full(&error, &target);
                assert_eq!(names(disk.0.path()), ["result"]);
                assert_eq!(fs::read_to_string(&target).unwrap(), "before");
                failures += 1;
            }
            assert!(failures > 0, "{format}");
        }
    }

    #[test]
    fn bad_data_leaves_the_result_before_and_cannot_be_published() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.json");
        fs::write(&target, "before").unwrap();
        let bad = column(Float64Array::from(vec![1.0, f64::NAN]));
        let mut staged = Staged::create(&target, Format::Json, &bad.schema(), 1).unwrap();
        assert_eq!(staged.write(&bad).unwrap_err().kind(), "data");
        assert_eq!(staged.write(&bad.slice(0, 1)).unwrap_err().kind(), "internal");
        assert_eq!(staged.publish().unwrap_err().kind(), "internal");
        assert_eq!(names(folder.path()), ["result.json"]);
        assert_eq!(fs::read_to_string(&target).unwrap(), "before");
    }

    #[test]
    fn a_file_that_is_not_what_was_written_is_not_published() {
        let folder = tempfile::tempdir().unwrap();
        for format in Format::ALL {
            let target = folder.path().join("result");
            let check = |spoil: fn(&mut Staged)| {
                let mut staged = Staged::create(&target, format, &rows(1).schema(), 1).unwrap();
                staged.write(&rows(10)).unwrap();
                spoil(&mut staged);
                let error = staged.publish().unwrap_err();
                assert_eq!(error.kind(), "internal", "{format}");
                assert!(error.to_string().contains("result`"), "{error}");
                assert_eq!(names(folder.path()), [""; 0]);
            };
            check(|staged| staged.rows += 1);
            check(|staged| _ = staged.bytes.fetch_add(1, Ordering::Relaxed));
        }
    }

    #[test]
    fn a_target_that_is_no_file_is_refused_before_any_work() {
        let folder = tempfile::tempdir().unwrap();
        let check = |target: &Path, kind: &str, expected: &str| {
            let error = Staged::create(target, Format::Json, &rows(1).schema(), 1).err().unwrap();
            assert_eq!(
                (error.kind(), error.to_string()),
                (kind, expected.replace("{}", &target.display().to_string()))
            );
            assert!(error.problem().unwrap().hint.is_some());
            assert_eq!(names(folder.path()), ["file"]);
        };
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        check(folder.path(), "request", "output path `{}` is a directory");
        check(&folder.path().join("new/"), "request", "output path `{}` is a directory");
        check(Path::new("/dev/null"), "request", "output path `{}` is not a regular file");
        check(&file.join("result.json"), "machine", "cannot write `{}`");
        check(&file.join("deep/result.json"), "machine", "cannot write `{}`");
        #[cfg(target_os = "linux")]
        check(Path::new("/proc/result.json"), "machine", "cannot write `{}`");
    }

    #[test]
    fn a_refused_schema_leaves_no_stage() {
        let folder = tempfile::tempdir().unwrap();
        let field = arrow::datatypes::Field::new("a", arrow::datatypes::DataType::Null, true);
        let twice = Arc::new(arrow::datatypes::Schema::new(vec![field.clone(), field]));
        let error = Staged::create(&folder.path().join("x.csv"), Format::Csv, &twice, 1).err().unwrap();
        assert_eq!(error.kind(), "sql");
        assert_eq!(names(folder.path()), [""; 0]);
    }

    #[test]
    fn a_name_without_a_folder_goes_into_the_current_one() {
        let place = Place::find(Path::new("result-that-nobody-has.json")).unwrap();
        assert_eq!(place.folder, Path::new("."));
    }

    #[test]
    #[cfg(unix)]
    fn permissions_are_those_of_the_file_before_or_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let target = folder.path().join("result.json");
        let other = folder.path().join("other");
        fs::write(&other, "").unwrap();
        publish(&target, Format::Json, &[rows(1)]).unwrap();
        assert_eq!(mode(&target), mode(&other));
        fs::set_permissions(&target, fs::Permissions::from_mode(0o640)).unwrap();
        publish(&target, Format::Json, &[rows(2)]).unwrap();
        assert_eq!(mode(&target), 0o640);
    }

    #[test]
    #[cfg(unix)]
    fn a_symbolic_link_stays_and_its_file_is_replaced() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link.json");
        fs::create_dir(folder.path().join("real")).unwrap();
        // At first the file that the link leads to is not there yet.
        symlink("second.json", &link).unwrap();
        symlink("real/result.json", folder.path().join("second.json")).unwrap();
        for count in [1, 2] {
            let published = publish(&link, Format::Json, &[rows(count)]).unwrap();
            assert_eq!(published.path, link);
            assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
            let lines = fs::read_to_string(folder.path().join("real/result.json")).unwrap().lines().count();
            assert_eq!(lines as i64, count);
            assert_eq!(names(&folder.path().join("real")), ["result.json"]);
        }
        symlink("loop.json", folder.path().join("loop.json")).unwrap();
        let error = publish(&folder.path().join("loop.json"), Format::Json, &[rows(1)]).unwrap_err();
        assert_eq!(error.kind(), "machine");
    }

    #[test]
    fn two_results_for_one_target_do_not_meet() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result.json");
        let mut first = Staged::create(&target, Format::Json, &rows(1).schema(), 1).unwrap();
        let mut second = Staged::create(&target, Format::Json, &rows(1).schema(), 1).unwrap();
        first.write(&rows(1)).unwrap();
        second.write(&rows(2)).unwrap();
        assert_eq!(super::super::sweep(folder.path()).unwrap(), 0);
        assert_eq!(second.publish().unwrap().rows, 2);
        assert_eq!(first.publish().unwrap().rows, 1);
        assert_eq!(names(folder.path()), ["result.json"]);
        assert_eq!(fs::read_to_string(&target).unwrap().lines().count(), 1);
    }
}
