//! A result of one file on its way to its place: written beside it, checked, and put there in one step.
//!
//! It knows nothing of how a format is written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Writing;
use super::part::{Part, Whole};
use super::place::{self, Place};
use super::stage_dir::StageDir;
use crate::error::Result;

/// A result that is being written. Dropped before it is published, it leaves nothing behind.
pub struct Staged {
    part: Part,
    place: Place,
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
    /// Bytes of its files.
    pub bytes: u64,
    /// Its files.
    pub files: Vec<PublishedFile>,
}

/// A file of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishedFile {
    /// Its path within the result, if that is a folder; else its name.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// The hash of its bytes, in hexadecimal digits.
    pub blake3: String,
}

/// A result that is whole, and on the disk, and not yet in its place.
#[derive(Debug)]
pub struct Sealed {
    /// Its files.
    pub files: Vec<PublishedFile>,
    /// Numbers of its file system, and of its file or folder in it: the same here and in its place.
    pub identity: (u64, u64),
    /// How many files there are and their bytes, with those that were taken over.
    pub contents: (u64, u64),
}

impl Sealed {
    pub(super) fn new(files: Vec<PublishedFile>, metadata: &fs::Metadata) -> Self {
        let contents = (files.len() as u64, files.iter().map(|file| file.bytes).sum());
        Self { files, identity: (metadata.dev(), metadata.ino()), contents }
    }

    /// Rows of the result.
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }

    /// Bytes of its files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }

    pub(super) fn published(self, path: PathBuf) -> Published {
        Published { path, rows: self.rows(), bytes: self.bytes(), files: self.files }
    }
}

impl Staged {
    /// Begins a result that is to stand at `target`, in a stage beside it; folders that lack are made.
    ///
    /// Where `target` is a symbolic link, the file that it leads to is replaced and the link stays. A file that is
    /// replaced passes its permissions on; another gets those of any new file. Up to `threads` threads encode.
    ///
    /// **Errors**: [`Error::Request`](crate::error::Error::Request) if `target` is a folder, a device or the like;
    /// [`Error::Machine`](crate::error::Error::Machine) if nothing can be written there; those of
    /// [`encoder`](super::encoder). In each case no stage is left.
    pub fn create(target: &Path, writing: impl Into<Writing>, schema: &SchemaRef, threads: usize) -> Result<Self> {
        Self::create_through(target, writing.into(), schema, threads, |file| Box::new(file))
    }

    /// As [`Staged::create`], with a writer of the test's own between the encoder and the file.
    fn create_through(
        target: &Path,
        writing: impl Into<Writing>,
        schema: &SchemaRef,
        threads: usize,
        through: impl FnOnce(File) -> Box<dyn Write + Send>,
    ) -> Result<Self> {
        let place = Place::find(target)?;
        let staged = place::make_folder(&place.folder).and_then(|()| StageDir::create(&place.folder));
        let stage = staged.map_err(|error| place.unwritable(error))?;
        let path = stage.path().join(&place.name);
        let part = Part::create(path, writing.into(), schema, threads, &place, through)?;
        Ok(Self { part, place, stage })
    }

    pub(super) fn path(&self) -> &Path {
        self.part.path()
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Encoder::write`](super::Encoder::write). After one, the result can no longer be published.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.part.write(batch, &self.place)
    }

    /// Completes the result, and checks that all of it is on the disk; no more rows can be added.
    ///
    /// **Errors**: [`Error::Machine`](crate::error::Error::Machine) if it cannot be written,
    /// [`Error::Internal`](crate::error::Error::Internal) if what is read back is not what was written.
    pub fn seal(&mut self) -> Result<Sealed> {
        let Whole { rows, bytes, blake3, .. } = self.part.finish(&self.place)?;
        let metadata = self.part.file().metadata().map_err(|error| self.place.unwritable(error))?;
        // As it was named, also where that is a link.
        let name = self.place.target.file_name().unwrap_or(&self.place.name).to_string_lossy().into_owned();
        Ok(Sealed::new(vec![PublishedFile { name, rows, bytes, blake3 }], &metadata))
    }

    /// Puts a sealed result in place of the one before.
    ///
    /// **Errors**: [`Error::Machine`](crate::error::Error::Machine) if it cannot be put in place. The result before is then
    /// untouched, but for one case that says so: the new result is in place and the folder cannot be synced.
    pub fn publish(self, sealed: Sealed) -> Result<Published> {
        self.complete().map_err(|error| self.place.unwritable(error))?;
        self.place.replace_by(self.part.path())?;
        drop(self.stage);
        Ok(sealed.published(self.place.target))
    }

    fn complete(&self) -> io::Result<()> {
        if let Some(permissions) = &self.place.replaces {
            self.part.file().set_permissions(permissions.clone())?;
        }
        self.part.file().sync_all()
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "the files that a test finds there are not outputs")]
mod tests {
    use std::io::ErrorKind;
    use std::process::Command;
    use std::sync::Arc;

    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::super::Format;
    use super::super::testing::{FailAfter, batch, column, encode};
    use super::super::writing::Compression;
    use super::*;
    use crate::error::Error;

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
        let sealed = staged.seal()?;
        staged.publish(sealed)
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
                let bytes = expected.len() as u64;
                let blake3 = blake3::hash(&expected).to_hex().to_string();
                let files = vec![PublishedFile { name: format!("result.{format}"), rows: count, bytes, blake3 }];
                assert_eq!(published, Published { path: target.clone(), rows: count, bytes, files });
                assert_eq!(names(target.parent().unwrap()), [format!("result.{format}")]);
            }
        }
    }

    #[test]
    fn a_large_result_is_read_back_while_it_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let batches: Vec<_> = (0..5_u8)
            .map(|number| {
                let texts = (0..8).map(|row| format!("{number}{row}\n").repeat(1 << 18));
                column(StringArray::from_iter_values(texts))
            })
            .collect();
        for format in Format::ALL {
            let target = folder.path().join("result");
            let writing = Writing { compression: Compression::None, row_group_rows: Some(8), ..format.into() };
            for is_published in [true, false] {
                let mut staged = Staged::create(&target, writing, &batches[0].schema(), 2).unwrap();
                batches.iter().for_each(|batch| staged.write(batch).unwrap());
                assert!(staged.part.is_followed(), "{format}");
                if !is_published {
                    continue;
                }
                let sealed = staged.seal().unwrap();
                let published = staged.publish(sealed).unwrap();
                let held = fs::read(&target).unwrap();
                assert_eq!((published.rows, published.bytes), (40, held.len() as u64), "{format}");
                assert_eq!(published.files[0].blake3, blake3::hash(&held).to_hex().as_str(), "{format}");
            }
            assert_eq!(names(folder.path()), ["result"]);
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
                        let sealed = staged.seal()?;
                        staged.publish(sealed)
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
        assert_eq!(staged.seal().unwrap_err().kind(), "internal");
        drop(staged);
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
                let error = staged.seal().unwrap_err();
                assert_eq!(error.kind(), "internal", "{format}");
                assert!(error.to_string().contains("result`"), "{error}");
                drop(staged);
                assert_eq!(names(folder.path()), [""; 0]);
            };
            check(|staged| staged.part.spoil(1, 0));
            check(|staged| staged.part.spoil(0, 1));
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
        let (sealed_first, sealed_second) = (first.seal().unwrap(), second.seal().unwrap());
        assert_eq!(second.publish(sealed_second).unwrap().rows, 2);
        assert_eq!(first.publish(sealed_first).unwrap().rows, 1);
        assert_eq!(names(folder.path()), ["result.json"]);
        assert_eq!(fs::read_to_string(&target).unwrap().lines().count(), 1);
    }
}
