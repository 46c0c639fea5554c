//! A result of many files on its way to its place: a folder, written beside the one before and put in its place in one step.
//!
//! It knows nothing of how a format is written.

use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema, SchemaRef};

use super::earlier::link;
use super::part::{Part, Whole};
use super::place::{self, Place};
use super::shape::{self, Placing, Shape};
use super::spool::Spool;
use super::stage::{Published, PublishedFile, Sealed};
use super::stage_dir::StageDir;
use super::swap;
use super::{Recast, Texts, Writing};
use crate::error::{Error, Result};

/// A result that is being written. Dropped before it is published, it leaves nothing behind.
///
/// One file is open at a time, however many there will be: rows come in the order of the files.
pub struct StagedFolder {
    writing: Writing,
    shape: Shape,
    threads: usize,
    /// Of the files.
    schema: SchemaRef,
    /// Makes columns whose values have texts.
    plain: Recast,
    spool: Option<Spool>,
    open: Option<Part>,
    /// The folder of the open file, and those of its files that are whole.
    at: PathBuf,
    whole: Vec<Whole>,
    /// All files that have their names.
    files: Vec<PublishedFile>,
    /// How many files were taken over, and their bytes.
    carried: (u64, u64),
    place: Place,
    /// The folder of all its files.
    base: PathBuf,
    /// What is put in its place.
    root: PathBuf,
    // Dropped last: it removes the files.
    stage: StageDir,
}

impl StagedFolder {
    /// Begins a result that is to stand at `target`, in a stage beside it; folders that lack are made.
    ///
    /// **Errors**: [`Error::Request`] if `target` is a file, or a folder with something in it that is no part of a result;
    /// [`Error::Sql`] for columns that are no keys for folders; [`Error::Machine`] if nothing can be written there; those
    /// of [`encoder`](super::encoder). In each case no stage is left.
    pub fn create(
        target: &Path,
        writing: impl Into<Writing>,
        shape: Shape,
        placing: &Placing,
        schema: &SchemaRef,
        threads: usize,
    ) -> Result<Self> {
        let writing = writing.into();
        let whole = Place::find_folder(target)?;
        // Never within the folder that people read.
        let beside = whole.folder.clone();
        let place = match placing {
            Placing::More(name) => Place::find_folder(&target.join(name))?,
            Placing::Whole | Placing::First(_) => whole,
        };
        swap::check_replaceable(&place)?;
        let staged = place::make_folder(&place.folder).and_then(|()| {
            let stage = StageDir::create(&beside)?;
            let root = stage.path().join(&place.name);
            let at = match placing {
                Placing::First(name) => root.join(name),
                Placing::Whole | Placing::More(_) => root.clone(),
            };
            fs::create_dir_all(&at)?;
            Ok((stage, root, at))
        });
        let (stage, root, base) = staged.map_err(|error| place.unwritable(error))?;
        let count = schema.fields().len().saturating_sub(shape.keys().len());
        let keys = Schema::new(schema.fields()[count..].to_vec());
        for (name, field) in shape.keys().iter().zip(keys.fields()) {
            shape::check_key(name, field.data_type())?;
        }
        let mut schema = Arc::new(Schema::new(schema.fields()[..count].to_vec()));
        let spool = match shape {
            Shape::Shards(_) => Some(Spool::new(&schema, stage.path()).map_err(|error| place.name_in(error))?),
            _ => None,
        };
        if let Some(spool) = &spool {
            schema = spool.schema().clone();
        }
        let plain = Recast::plain(&Arc::new(keys));
        let (open, whole, files) = (None, Vec::new(), Vec::new());
        let at = base.clone();
        let staged = Self {
            writing,
            shape,
            threads,
            schema,
            plain,
            spool,
            open,
            at,
            base,
            whole,
            files,
            carried: (0, 0),
            place,
            root,
            stage,
        };
        // What a format cannot hold is told before the rows are there.
        super::encoder(writing, &staged.schema, 1, Box::new(std::io::sink()))?;
        Ok(staged)
    }

    pub(super) fn path(&self) -> &Path {
        &self.root
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Encoder::write`](super::Encoder::write), and [`Error::Data`] for a key that makes no name of
    /// a folder. After one, the result can no longer be published.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let keys = self.shape.keys().len();
        match (&mut self.spool, keys) {
            (Some(spool), _) => spool.write(batch).map_err(|error| self.place.name_in(error)),
            (None, 0) => self.add(batch),
            (None, _) => self.add_partitioned(batch, batch.num_columns() - keys),
        }
    }

    /// Adds rows to the folder where we are.
    fn add(&mut self, batch: &RecordBatch) -> Result<()> {
        if self.open.is_none() {
            self.begin()?;
        }
        if let Some(part) = &mut self.open {
            part.write(batch, &self.place)?;
            if self.shape.file_bytes().is_some_and(|limit| part.bytes() >= limit) {
                self.end()?;
            }
        }
        Ok(())
    }

    fn add_partitioned(&mut self, batch: &RecordBatch, first_key: usize) -> Result<()> {
        let internal = |error| Error::internal("rows cannot be told apart by their keys").with_source(error);
        let ranges = arrow::compute::partition(&batch.columns()[first_key..]).map_err(internal)?.ranges();
        let rows = batch.project(&(0..first_key).collect::<Vec<_>>()).map_err(internal)?;
        let keys = batch.project(&(first_key..batch.num_columns()).collect::<Vec<_>>()).map_err(internal)?;
        let keys = self.plain.apply(&keys)?;
        for range in ranges {
            let folder = self.folder_of(&keys, range.start)?;
            if folder != self.at {
                self.leave()?;
                self.enter(folder)?;
            }
            self.add(&rows.slice(range.start, range.len()))?;
        }
        Ok(())
    }

    /// Makes the folder that the next rows go to.
    ///
    /// **Errors**: [`Error::Data`] if rows were put there before: what they are told apart by is not seen in its name.
    fn enter(&mut self, folder: PathBuf) -> Result<()> {
        let above = folder.parent().unwrap_or(&self.base);
        match fs::create_dir_all(above).and_then(|()| fs::create_dir(&folder)) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                let shown = folder.strip_prefix(&self.base).unwrap_or(&folder).display();
                let message = format!("rows with keys that differ would both go to the folder `{shown}`");
                return Err(Error::data(message).with_hint(
                    "NaN has two signs that no name shows, and some disks do not tell capital letters: make them one, with lower(x) \
                     or CASE WHEN isnan(x) THEN NULL ELSE x END",
                ));
            }
            made => made.map_err(|error| self.place.unwritable(error))?,
        }
        self.at = folder;
        Ok(())
    }

    /// The folder of the keys in `row`.
    fn folder_of(&self, keys: &RecordBatch, row: usize) -> Result<PathBuf> {
        let Shape::Partitions { names, .. } = &self.shape else { return Ok(self.base.clone()) };
        let mut folder = self.base.clone();
        for (name, column) in names.iter().zip(keys.columns()) {
            folder.push(named_after(name, &Texts::new(column.as_ref(), name)?, row)?);
        }
        Ok(folder)
    }

    /// Begins a file in the folder where we are.
    fn begin(&mut self) -> Result<()> {
        let path = self.at.join(format!("part-{:05}", self.whole.len()));
        let part = Part::create(path, self.writing, &self.schema, self.threads, &self.place, |file| Box::new(file))?;
        self.open = Some(part);
        Ok(())
    }

    /// Completes the open file.
    fn end(&mut self) -> Result<()> {
        let Some(mut part) = self.open.take() else { return Ok(()) };
        self.whole.push(part.finish(&self.place)?);
        Ok(())
    }

    /// Completes the folder where we are: how many files it has is known now, and stands in their names.
    fn leave(&mut self) -> Result<()> {
        self.end()?;
        let whole = std::mem::take(&mut self.whole);
        let (count, extension) = (whole.len(), self.writing.format.extension());
        for (number, Whole { path, rows, bytes, blake3 }) in whole.into_iter().enumerate() {
            let named = path.with_file_name(format!("part-{number:05}-of-{count:05}.{extension}"));
            fs::rename(path, &named).map_err(|error| self.place.unwritable(error))?;
            let name = named.strip_prefix(&self.root).unwrap_or(&named).to_string_lossy().into_owned();
            self.files.push(PublishedFile { name, rows, bytes, blake3 });
        }
        Ok(())
    }

    /// Deals the rows that waited to the shards, in their order.
    fn deal(&mut self, spool: Spool, shards: usize) -> Result<()> {
        let (rows, batches) = spool.read().map_err(|error| self.place.name_in(error))?;
        let end_of = |shard: usize| (rows as u128 * (shard as u128 + 1) / shards as u128) as u64;
        let (mut shard, mut done) = (0, 0);
        self.begin()?;
        for batch in batches {
            let batch = batch.map_err(|error| self.place.name_in(error))?;
            let mut start = 0;
            while start < batch.num_rows() {
                while done == end_of(shard) && shard + 1 < shards {
                    self.next_shard()?;
                    shard += 1;
                }
                let count = (end_of(shard) - done).min((batch.num_rows() - start) as u64);
                self.add(&batch.slice(start, count as usize))?;
                start += count as usize;
                done += count;
            }
        }
        (shard + 1..shards).try_for_each(|_| self.next_shard())
    }

    fn next_shard(&mut self) -> Result<()> {
        self.end()?;
        self.begin()
    }

    /// Takes over the files of the result before, but for those in folders that are `replaced`: whose every part is among those
    /// of its column, or of any name where there are none. Files take no room again where the file system has links.
    /// Returns how many files there were.
    ///
    /// **Errors**: [`Error::Machine`].
    pub fn carry(&mut self, replaced: &[Option<HashSet<String>>]) -> Result<u64> {
        let from = self.place.folder.join(&self.place.name);
        self.carried = carry(&from, &self.base, replaced, true).map_err(|error| self.place.unwritable(error))?;
        Ok(self.carried.0)
    }

    /// Completes the result, and checks that all of it is on the disk; no more rows can be added.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be written, [`Error::Internal`] if what is read back is not what was
    /// written.
    pub fn seal(&mut self) -> Result<Sealed> {
        match (self.spool.take(), &self.shape) {
            (Some(spool), Shape::Shards(shards)) => self.deal(spool, *shards)?,
            // A file without rows says which columns there are.
            (None, Shape::Sized(_)) if self.open.is_none() && self.whole.is_empty() => self.begin()?,
            _ => {}
        }
        self.leave()?;
        let metadata = fs::metadata(&self.root).map_err(|error| self.place.unwritable(error))?;
        let sealed = Sealed::new(std::mem::take(&mut self.files), &metadata);
        let ((files, bytes), (more_files, more_bytes)) = (sealed.contents, self.carried);
        Ok(Sealed { contents: (files + more_files, bytes + more_bytes), ..sealed })
    }

    /// Puts a sealed result in place of the one before.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be put in place; [`Error::Request`] if something stands there now that is
    /// no result. What stood there is then untouched, but for one case that says so: the new result is in place and the
    /// folder cannot be synced.
    pub fn publish(mut self, sealed: Sealed) -> Result<Published> {
        swap::check_replaceable(&self.place)?;
        swap::into_place(&mut self.stage, &self.root, &self.place)?;
        drop(self.stage);
        Ok(sealed.published(self.place.target))
    }
}

/// Takes over what is in `from`, folders `name=value` as many levels deep as `replaced` has columns, unless all above it
/// `is_replaced` and it is, too. Returns how many files that were, and their bytes.
fn carry(from: &Path, to: &Path, replaced: &[Option<HashSet<String>>], is_replaced: bool) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (name, source) = (entry.file_name(), entry.path());
        match replaced.split_first() {
            Some((column, rest)) => {
                let name = name.to_string_lossy();
                let is_one = column.as_ref().is_none_or(|names| names.contains(&*name));
                let below = carry(&source, &to.join(&*name), rest, is_replaced && is_one)?;
                (files, bytes) = (files + below.0, bytes + below.1);
            }
            None if is_replaced => {}
            None => {
                fs::create_dir_all(to)?;
                link(&source, &to.join(name))?;
                (files, bytes) = (files + 1, bytes + entry.metadata()?.len());
            }
        }
    }
    Ok((files, bytes))
}

/// How many files are in a folder and those in it, and their bytes.
///
/// **Errors**: the system's, if one cannot be listed.
pub fn contents(folder: &Path) -> io::Result<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let more = match entry.file_type()?.is_dir() {
            true => contents(&entry.path())?,
            false => (1, entry.metadata()?.len()),
        };
        (files, bytes) = (files + more.0, bytes + more.1);
    }
    Ok((files, bytes))
}

/// What the folders of these values are called, for each column.
///
/// **Errors**: those of [`StagedFolder::write`] for keys.
pub fn folder_names(columns: &[(&str, Option<ArrayRef>)]) -> Result<Vec<Option<HashSet<String>>>> {
    let names = |(name, values): &(&str, Option<ArrayRef>)| {
        let Some(values) = values else { return Ok(None) };
        let schema = Arc::new(Schema::new(vec![Field::new(*name, values.data_type().clone(), true)]));
        let batch = RecordBatch::try_new(Arc::clone(&schema), vec![Arc::clone(values)])
            .map_err(|error| Error::internal("keys make no column").with_source(error))?;
        let plain = Recast::plain(&schema).apply(&batch)?;
        let texts = Texts::new(plain.column(0).as_ref(), name)?;
        (0..plain.num_rows()).map(|row| named_after(name, &texts, row)).collect::<Result<_>>().map(Some)
    };
    columns.iter().map(names).collect()
}

/// The name of the folder of a value.
fn named_after(name: &str, texts: &Texts<'_>, row: usize) -> Result<String> {
    if texts.is_null(row) {
        return shape::folder(name, None);
    }
    let mut text = Vec::new();
    texts.write(row, &mut text)?;
    let text = str::from_utf8(&text).map_err(|error| Error::internal("a key is not UTF-8").with_source(error))?;
    shape::folder(name, Some(text))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Float64Array, Int64Array, StringArray};

    use super::super::Format;
    use super::super::testing::batch;
    use super::*;

    fn rows(numbers: std::ops::Range<i64>) -> RecordBatch {
        batch([("n", Arc::new(Int64Array::from_iter_values(numbers)))])
    }

    fn partitioned(values: &[(i64, Option<&str>)]) -> RecordBatch {
        batch([
            ("n", Arc::new(Int64Array::from_iter_values(values.iter().map(|(n, _)| *n)))),
            ("folder 0", Arc::new(StringArray::from_iter(values.iter().map(|(_, key)| *key)))),
        ])
    }

    fn by_key() -> Shape {
        Shape::Partitions { names: vec!["k".to_owned()], file_bytes: None }
    }

    fn publish(target: &Path, shape: Shape, batches: &[RecordBatch]) -> Result<Published> {
        let mut staged = StagedFolder::create(target, Format::Json, shape, &Placing::Whole, &batches[0].schema(), 2)?;
        batches.iter().try_for_each(|batch| staged.write(batch))?;
        let sealed = staged.seal()?;
        staged.publish(sealed)
    }

    /// The files below `folder` with their texts, sorted.
    fn files(folder: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().into_string().unwrap();
            if entry.path().is_dir() {
                found.extend(files(&entry.path()).into_iter().map(|(path, text)| (format!("{name}/{path}"), text)));
            } else {
                found.push((name, fs::read_to_string(entry.path()).unwrap()));
            }
        }
        found.sort();
        found
    }

    fn line(n: i64) -> String {
        format!("{{\"n\":{n}}}\n")
    }

    fn lines(numbers: std::ops::Range<i64>) -> String {
        numbers.map(line).collect()
    }

    #[test]
    fn shards_have_as_many_rows_each_and_no_stale_one_remains() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("a/result");
        let published = publish(&target, Shape::Shards(3), &[rows(0..4), rows(4..10)]).unwrap();
        assert_eq!((published.rows, published.files.len(), published.path.as_path()), (10, 3, target.as_path()));
        let name = |number, count| format!("part-{number:05}-of-{count:05}.json");
        let expected = [(name(0, 3), lines(0..3)), (name(1, 3), lines(3..6)), (name(2, 3), lines(6..10))];
        assert_eq!(files(&target), expected);
        publish(&target, Shape::Shards(2), &[rows(0..1)]).unwrap();
        assert_eq!(files(&target), [(name(0, 2), String::new()), (name(1, 2), lines(0..1))]);
        publish(&target, Shape::Shards(2), &[rows(0..0)]).unwrap();
        assert_eq!(files(&target), [(name(0, 2), String::new()), (name(1, 2), String::new())]);
        assert_eq!(files(folder.path()).len(), 2, "no stage is left");
    }

    #[test]
    fn files_end_at_their_size_and_hold_the_rows_in_order() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result");
        let batches: Vec<RecordBatch> = (0..40).map(|at| rows(at * 20_000..(at + 1) * 20_000)).collect();
        let published = publish(&target, Shape::Sized(2 << 20), &batches).unwrap();
        let found = files(&target);
        assert!(published.files.len() > 2 && published.files.len() == found.len(), "{published:?}");
        assert!(found[0].0.ends_with(&format!("-of-{:05}.json", found.len())));
        assert!(found.iter().all(|(_, text)| text.len() < 4 << 20));
        assert!(found.into_iter().map(|(_, text)| text).collect::<String>() == lines(0..800_000));
        publish(&target, Shape::Sized(1 << 20), &[rows(0..0)]).unwrap();
        assert_eq!(files(&target), [("part-00000-of-00001.json".to_owned(), String::new())]);
    }

    #[test]
    fn each_value_has_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result");
        let first = [(1, None), (2, None), (3, Some("")), (4, Some("a/b"))];
        let batches = [partitioned(&first), partitioned(&[(5, Some("a/b")), (6, Some("__HIVE_DEFAULT_PARTITION__"))])];
        publish(&target, by_key(), &batches).unwrap();
        let part = |folder: &str| format!("{folder}/part-00000-of-00001.json");
        let mut expected = vec![
            (part("k=__HIVE_DEFAULT_PARTITION__"), lines(1..3)),
            (part("k="), lines(3..4)),
            (part("k=a%2Fb"), lines(4..6)),
            (part("k=%5F_HIVE_DEFAULT_PARTITION__"), lines(6..7)),
        ];
        expected.sort();
        assert_eq!(files(&target), expected);
        publish(&target, by_key(), &[partitioned(&[])]).unwrap();
        assert_eq!(files(&target), []);
    }

    #[test]
    fn keys_with_one_name_do_not_replace_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let keys = Float64Array::from(vec![-f64::NAN.abs(), -0.0, 0.0, 1.0, f64::NAN.abs()]);
        let rows = batch([
            ("n", Arc::new(Int64Array::from_iter_values(0..5)) as ArrayRef),
            ("folder 0", Arc::new(keys) as ArrayRef),
        ]);
        let target = folder.path().join("result");
        publish(&target, by_key(), &[rows.slice(1, 4)]).unwrap();
        let before = files(&target);
        assert_eq!(before.len(), 4, "{before:?}");
        let error = publish(&target, by_key(), &[rows]).unwrap_err();
        assert_eq!((error.kind(), files(&target)), ("data", before), "{error}");
        assert!(error.to_string().ends_with("the folder `k=NaN`"), "{error}");
        assert_eq!(files(folder.path()).len(), 4, "no stage is left");
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a file of somebody else")]
    fn what_is_no_result_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("result");
        publish(&target, by_key(), &[partitioned(&[(1, Some("a"))])]).unwrap();
        fs::write(target.join("k=a/notes.txt"), "mine").unwrap();
        let before = files(&target);
        let error = publish(&target, by_key(), &[partitioned(&[(2, Some("b"))])]).unwrap_err();
        assert!(error.to_string().ends_with("result` holds `notes.txt`, which is no part of a result"), "{error}");
        assert_eq!(files(&target), before);
        let error = publish(&target.join("k=a/notes.txt"), by_key(), &[partitioned(&[])]).unwrap_err();
        assert_eq!(error.kind(), "request");
        let error = publish(Path::new("/"), by_key(), &[partitioned(&[])]).unwrap_err();
        assert_eq!(error.kind(), "request");
        assert_eq!(files(folder.path()).len(), before.len(), "no stage is left");
    }

    #[test]
    fn a_key_without_text_is_refused() {
        let list = arrow::datatypes::Field::new_list(
            "l",
            arrow::datatypes::Field::new("item", arrow::datatypes::DataType::Int64, true),
            true,
        );
        let schema: SchemaRef = Arc::new(Schema::new(vec![
            arrow::datatypes::Field::new("n", arrow::datatypes::DataType::Int64, true),
            list,
        ]));
        let folder = tempfile::tempdir().unwrap();
        let error = StagedFolder::create(&folder.path().join("x"), Format::Json, by_key(), &Placing::Whole, &schema, 1)
            .err()
            .unwrap();
        assert_eq!((error.kind(), fs::read_dir(folder.path()).unwrap().count()), ("sql", 0));
    }
}
