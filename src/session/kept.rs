//! A result that is kept, to be shown again, drawn, or asked by later statements.
//!
//! It is held in memory as long as it is small, then in a file that has no name, and not at all when it is too large even
//! for that: then the statement is what to ask again. Who calls it what is not its business.

use std::fs::File;
use std::io::{BufReader, BufWriter, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, RecordBatchOptions, StructArray};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::StreamWriter;
use datafusion::catalog::TableProvider;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::datasource::MemTable;
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStream;
use datafusion::physical_plan::streaming::PartitionStream;

use crate::error::{Error, Result};

/// Rows beyond these bytes go to a file: as many as a statement holds until its types are certain.
const MEMORY_BYTES: usize = 64 << 20;
/// A result of more is not kept: temporary folders are often small, and often memory.
const FILE_BYTES: usize = 1 << 30;

/// All rows of a result.
#[derive(Debug)]
pub struct Kept {
    /// Its columns, each under a name of its own.
    pub schema: SchemaRef,
    /// How many rows it has.
    pub rows: usize,
    /// What it takes, in memory or in a file.
    pub bytes: usize,
    rest: Rest,
}

#[derive(Debug)]
enum Rest {
    Memory(Vec<RecordBatch>),
    /// A reader has a place of its own in it only while it reads a batch.
    File(Arc<Mutex<File>>),
}

/// A result that is being kept.
pub struct Keeping {
    schema: SchemaRef,
    rows: usize,
    bytes: usize,
    state: State,
}

enum State {
    Memory(Vec<RecordBatch>),
    File(Box<StreamWriter<BufWriter<File>>>),
    /// For this reason it is not kept.
    Given(String),
}

impl Keeping {
    /// Of a result with these columns; where several have one name, the later ones get numbers: `a`, `a_1`.
    pub fn new(schema: &SchemaRef) -> Self {
        let mut fields: Vec<Arc<Field>> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let taken = |name: &str| {
                let is_it = |other: &Arc<Field>| other.name() == name;
                fields.iter().any(is_it) || name != field.name() && schema.fields().iter().any(is_it)
            };
            let numbered = || (1..).map(|n| format!("{}_{n}", field.name())).find(|name| !taken(name));
            let name = if taken(field.name()) { numbered() } else { None };
            fields.push(match name {
                Some(name) => Arc::new(field.as_ref().clone().with_name(name)),
                None => Arc::clone(field),
            });
        }
        let schema = Arc::new(Schema::new(fields));
        Self { schema, rows: 0, bytes: 0, state: State::Memory(Vec::new()) }
    }

    /// Adds rows; of one that is not kept any more, nothing.
    pub fn add(&mut self, batch: &RecordBatch) {
        if matches!(self.state, State::Given(_)) || batch.num_rows() == 0 {
            return;
        }
        let columns: Vec<ArrayRef> = batch.columns().iter().map(compact).collect();
        self.rows += batch.num_rows();
        self.bytes += columns.iter().map(own_bytes).sum::<usize>();
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options);
        if let Err(error) = batch.and_then(|batch| self.put(batch)) {
            self.state = State::Given(match error {
                ArrowError::MemoryError(why) => why,
                other => other.to_string(),
            });
        }
    }

    fn put(&mut self, batch: RecordBatch) -> Result<(), ArrowError> {
        if self.bytes > FILE_BYTES {
            return Err(ArrowError::MemoryError(format!("it has more than {} MiB", FILE_BYTES >> 20)));
        }
        match &mut self.state {
            State::Memory(batches) if self.bytes <= MEMORY_BYTES => batches.push(batch),
            State::Memory(batches) => {
                let file = BufWriter::new(tempfile::tempfile()?);
                let mut writer = Box::new(StreamWriter::try_new(file, &self.schema)?);
                batches.iter().chain([&batch]).try_for_each(|batch| writer.write(batch))?;
                self.state = State::File(writer);
            }
            State::File(writer) => writer.write(&batch)?,
            State::Given(_) => {}
        }
        Ok(())
    }

    /// The result, when all of its rows were added.
    ///
    /// **Errors**: why it could not be kept, as a fragment.
    pub fn finish(self) -> Result<Kept, String> {
        let rest = match self.state {
            State::Memory(batches) => Rest::Memory(batches),
            State::File(writer) => {
                let file = writer.into_inner().map_err(|error| error.to_string())?;
                let file = file.into_inner().map_err(|error| error.to_string())?;
                Rest::File(Arc::new(Mutex::new(file)))
            }
            State::Given(why) => return Err(why),
        };
        Ok(Kept { schema: self.schema, rows: self.rows, bytes: self.bytes, rest })
    }
}

impl Kept {
    /// Its rows, in their order.
    ///
    /// **Errors**: `Machine`, of each, if its file cannot be read.
    pub fn batches(&self) -> Box<dyn Iterator<Item = Result<RecordBatch>> + Send + '_> {
        match &self.rest {
            Rest::Memory(batches) => Box::new(batches.iter().cloned().map(Ok)),
            Rest::File(file) => match Batches::open(Arc::clone(file)) {
                Ok(batches) => Box::new(batches.map(|batch| batch.map_err(unreadable))),
                Err(error) => Box::new(std::iter::once(Err(unreadable(error)))),
            },
        }
    }

    /// It as a table.
    pub(super) fn table(self: &Arc<Self>) -> EngineResult<Arc<dyn TableProvider>> {
        let schema = Arc::clone(&self.schema);
        Ok(match &self.rest {
            Rest::Memory(batches) => Arc::new(MemTable::try_new(schema, vec![batches.clone()])?),
            Rest::File(file) => Arc::new(StreamingTable::try_new(
                schema,
                vec![Arc::new(OfFile { schema: Arc::clone(&self.schema), file: Arc::clone(file) })],
            )?),
        })
    }
}

/// An array that holds on to nothing but its own values: views of texts point into blocks that many batches share.
fn compact(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => Arc::new(array.as_string_view().gc()),
        DataType::BinaryView => Arc::new(array.as_binary_view().gc()),
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter().map(compact).collect();
            let whole = StructArray::try_new_with_length(fields.clone(), columns, array.nulls().cloned(), array.len());
            whole.map_or_else(|_| Arc::clone(array), |whole| Arc::new(whole))
        }
        DataType::List(item) => {
            let list = array.as_list::<i32>();
            let values = compact(list.values());
            let whole = ListArray::try_new(Arc::clone(item), list.offsets().clone(), values, array.nulls().cloned());
            whole.map_or_else(|_| Arc::clone(array), |whole| Arc::new(whole))
        }
        _ => Arc::clone(array),
    }
}

/// What the values of an array take, without the rest of a longer one that it may be a part of.
fn own_bytes(array: &ArrayRef) -> usize {
    match array.data_type() {
        DataType::Utf8View | DataType::BinaryView => array.get_array_memory_size(),
        DataType::Struct(_) => array.as_struct().columns().iter().map(own_bytes).sum(),
        DataType::List(_) => own_bytes(array.as_list::<i32>().values()) + 4 * array.len(),
        _ => array.to_data().get_slice_memory_size().unwrap_or_else(|_| array.get_array_memory_size()),
    }
}

fn unreadable(error: ArrowError) -> Error {
    Error::machine("a result that was kept cannot be read").with_source(error)
}

/// The batches of a file that others read, too.
struct Batches(StreamReader<BufReader<Shared>>);

/// A file with a place in it of one's own.
struct Shared {
    file: Arc<Mutex<File>>,
    at: u64,
}

impl std::io::Read for Shared {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Batches {
    fn open(file: Arc<Mutex<File>>) -> Result<Self, ArrowError> {
        let shared = BufReader::with_capacity(1 << 20, Shared { file, at: 0 });
        StreamReader::try_new(shared, None).map(Self)
    }
}

impl Iterator for Batches {
    type Item = Result<RecordBatch, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next()
    }
}

#[derive(Debug)]
struct OfFile {
    schema: SchemaRef,
    file: Arc<Mutex<File>>,
}

impl PartitionStream for OfFile {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut stream = RecordBatchReceiverStream::builder(Arc::clone(&self.schema), 2);
        let (rows, file) = (stream.tx(), Arc::clone(&self.file));
        stream.spawn_blocking(move || {
            for batch in Batches::open(file)? {
                // Nobody waits for the rest.
                if rows.blocking_send(batch.map_err(Into::into)).is_err() {
                    break;
                }
            }
            Ok(())
        });
        stream.build()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    fn batch(values: Vec<i64>) -> RecordBatch {
        RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(values)) as ArrayRef)]).unwrap()
    }

    fn kept(batches: &[RecordBatch]) -> Kept {
        let mut keeping = Keeping::new(&batches[0].schema());
        batches.iter().for_each(|batch| keeping.add(batch));
        keeping.finish().unwrap()
    }

    #[test]
    fn a_small_result_comes_back_as_it_was() {
        let batches = [batch(vec![1, 2]), batch(vec![3])];
        let kept = kept(&batches);
        assert_eq!((kept.rows, kept.batches().collect::<Result<Vec<_>>>().unwrap()), (3, batches.to_vec()));
    }

    #[test]
    fn a_large_one_is_in_a_file_that_several_may_read() {
        let text = "x".repeat(1 << 20);
        let column: ArrayRef = Arc::new(StringArray::from(vec![text.as_str(); 8]));
        let batches = vec![RecordBatch::try_from_iter([("t", column)]).unwrap(); 10];
        let kept = kept(&batches);
        assert!(matches!(kept.rest, Rest::File(_)));
        let (mut one, mut other) = (kept.batches(), kept.batches());
        for batch in &batches {
            assert_eq!(&one.next().unwrap().unwrap(), batch);
            assert_eq!(&other.next().unwrap().unwrap(), batch);
        }
        assert!(one.next().is_none() && other.next().is_none());
    }

    #[test]
    fn columns_of_one_name_get_numbers() {
        let field = |name: &str| Field::new(name, datafusion::arrow::datatypes::DataType::Int64, true);
        let schema = Arc::new(Schema::new(vec![field("a"), field("a"), field("a_1"), field("a")]));
        let names = Keeping::new(&schema).schema.fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
        assert_eq!(names, ["a", "a_2", "a_1", "a_3"]);
    }
}
