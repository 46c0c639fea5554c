//! The rejects of a file as record batches.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BinaryViewArray, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions, StringViewArray,
};
use arrow::datatypes::SchemaRef;
use datafusion::error::Result as EngineResult;

use super::super::careful::Kept;
use super::super::listing::InputFile;
use super::{BATCH_BYTES, Opened, State, engine_error};
use crate::error::{Error, Result};

/// Lines that were not accepted on their way into batches.
pub(super) struct Rejects {
    range: Opened,
    schema: SchemaRef,
    projection: Vec<usize>,
}

impl Iterator for Rejects {
    type Item = EngineResult<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.range.is_done() {
            return None;
        }
        let batch = self.batch().map_err(engine_error).transpose();
        if !matches!(batch, Some(Ok(_))) {
            self.range.state = State::Done;
        }
        batch
    }
}

impl Rejects {
    /// Batches have `schema`, which is the table's by `projection`.
    pub(super) fn new(range: Opened, schema: SchemaRef, projection: Vec<usize>) -> Self {
        Self { range, schema, projection }
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let mut kept = Vec::new();
        let mut bytes = 0;
        while kept.len() < self.range.scan.batch_size && bytes < BATCH_BYTES {
            let Some(unit) = self.range.unit()? else { break };
            let more = unit.next()?.map(|block| block.bytes);
            kept.extend(unit.take_rejects());
            let Some(more) = more else {
                self.range.finish()?;
                break;
            };
            bytes += more;
            self.range.count(more);
        }
        if kept.is_empty() && self.range.is_done() {
            return Ok(None);
        }
        self.columns(&kept).map(Some)
    }

    fn columns(&self, kept: &[Kept]) -> Result<RecordBatch> {
        let InputFile { shown: file, window, .. } = &self.range.scan.file;
        let column = |index: &usize| -> ArrayRef {
            match index {
                0 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|_| file.as_str()))),
                1 => {
                    let line = |reject: &Kept| (window.lines_before + reject.line) as i64;
                    Arc::new(Int64Array::from_iter_values(kept.iter().map(line)))
                }
                2 => Arc::new(Int64Array::from_iter_values(kept.iter().map(|reject| reject.offset as i64))),
                3 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| reject.fault.reason.code()))),
                4 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| &reject.fault.detail))),
                5 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| &reject.raw.text))),
                6 => Arc::new(kept.iter().map(|reject| reject.raw.bytes.as_ref()).collect::<BinaryViewArray>()),
                _ => Arc::new(kept.iter().map(|reject| Some(reject.raw.cut)).collect::<BooleanArray>()),
            }
        };
        let options = RecordBatchOptions::new().with_row_count(Some(kept.len()));
        let columns = self.projection.iter().map(column).collect();
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)
            .map_err(|error| Error::internal("the columns of a batch do not fit its schema").with_source(error))
    }
}
