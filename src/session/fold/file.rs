//! States of groups in a file, in Arrow's format. It knows nothing of what they mean.

use std::fs::File;
use std::io::{BufReader, BufWriter};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::reader::FileReader;
use datafusion::arrow::ipc::writer::FileWriter;
use datafusion::common::DataFusionError;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::unusable;
use crate::error::{Error, Result};

/// A file that is being written.
pub(super) struct Writer {
    path: PathBuf,
    writer: FileWriter<BufWriter<File>>,
}

impl Writer {
    /// **Errors**: `Machine`, as all of its.
    pub(super) fn create(path: &Path, schema: &Schema) -> Result<Self> {
        let file = File::create(path).map_err(|error| Error::unwritable(path, error))?;
        let writer = FileWriter::try_new_buffered(file, schema).map_err(|error| unwritten(path, error))?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.writer.write(batch).map_err(|error| unwritten(&self.path, error))
    }

    /// Has the disk keep it.
    pub(super) fn finish(self) -> Result<()> {
        let Self { path, writer } = self;
        let buffered = writer.into_inner().map_err(|error| unwritten(&path, error))?;
        let file = buffered.into_inner().map_err(|error| Error::unwritable(&path, error.into_error()))?;
        file.sync_all().map_err(|error| Error::unwritable(&path, error))?;
        let folder = path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all());
        folder.map_err(|error| Error::unwritable(&path, error))
    }
}

fn unwritten(path: &Path, error: ArrowError) -> Error {
    Error::machine(format!("cannot write `{}`", path.display())).with_source(error)
}

/// The states in a file, as columns of `schema`.
///
/// **Errors**: `Request`, if it is no such file, or has other columns.
pub(super) fn scan(path: &Path, schema: &SchemaRef) -> Result<Arc<dyn ExecutionPlan>> {
    let states = States { path: path.to_owned(), schema: Arc::clone(schema) };
    let found = states.open().map_err(|error| unusable(path, &format!("cannot be read: {error}")))?.schema();
    let types = |schema: &Schema| -> Vec<_> { schema.fields().iter().map(|field| field.data_type().clone()).collect() };
    if types(&found) != types(schema) {
        let differs = schema.fields().iter().zip(found.fields()).find(|(now, was)| now.data_type() != was.data_type());
        let what = differs.map_or_else(
            || "has other columns".to_owned(),
            |(now, was)| {
                let (now, name, was) =
                    (super::super::type_name(now.data_type()), was.name(), super::super::type_name(was.data_type()));
                format!("has `{name}` as {was}, and it is {now} now")
            },
        );
        return Err(unusable(path, &what));
    }
    let scan = StreamingTableExec::try_new(Arc::clone(schema), vec![Arc::new(states)], None, [], false, None);
    scan.map(|scan| Arc::new(scan) as _).map_err(|error| Error::internal("states cannot be scanned").with_source(error))
}

#[derive(Debug)]
struct States {
    path: PathBuf,
    schema: SchemaRef,
}

impl States {
    fn open(&self) -> Result<FileReader<BufReader<File>>, ArrowError> {
        FileReader::try_new_buffered(File::open(&self.path)?, None)
    }
}

impl PartitionStream for States {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let schema = Arc::clone(&self.schema);
        let named = move |batch: RecordBatch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec());
        let batches: Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send> = match self.open() {
            Ok(reader) => Box::new(reader.map(move |batch| batch.and_then(&named))),
            Err(error) => Box::new(std::iter::once(Err(error))),
        };
        let batches = futures::stream::iter(batches.map(|batch| batch.map_err(DataFusionError::from)));
        Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), batches))
    }
}
