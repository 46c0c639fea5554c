//! Batches under the schema that the plan has for them.
//!
//! The engine puts the values of folder columns in as constants, so that whether such a column may be NULL is one thing in the
//! batches of one file and another in those of the next; who puts batches of several files together takes the first for all. It
//! knows nothing of files.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileOpenFuture, FileOpener};
use datafusion::error::Result as EngineResult;
use futures::{FutureExt, StreamExt};

/// Opens files as another does.
pub(super) struct Planned {
    pub(super) inner: Arc<dyn FileOpener>,
    /// Of all batches: that of the inner ones, but for what may be NULL.
    pub(super) schema: SchemaRef,
}

impl FileOpener for Planned {
    fn open(&self, file: PartitionedFile) -> EngineResult<FileOpenFuture> {
        let (opened, schema) = (self.inner.open(file)?, Arc::clone(&self.schema));
        let under = move |batch: RecordBatch| {
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            let (_, columns, _) = batch.into_parts();
            Ok(RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &options)?)
        };
        Ok(opened.map(|stream| Ok(stream?.map(move |batch| batch.and_then(&under)).boxed())).boxed())
    }
}
