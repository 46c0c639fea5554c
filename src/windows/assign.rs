//! Tumbling and hopping windows: what each row belongs to is told by its event time alone.

use std::sync::Arc;

use datafusion::arrow::array::{Int64Array, RecordBatch, UInt32Array};
use datafusion::arrow::compute::take_record_batch;
use datafusion::arrow::datatypes::{IntervalMonthDayNano, SchemaRef, TimeUnit};
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::{StreamExt, TryStreamExt};

use super::exec::{Events, unit_of, with_times};
use super::functions::beyond;
use super::grid::Grid;

/// The rows of `input`, each as often as it has windows; slide, size and offset of these.
pub(super) fn stream(
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    events: Events,
    (slide, size, offset): (IntervalMonthDayNano, IntervalMonthDayNano, IntervalMonthDayNano),
    context: &TaskContext,
) -> Result<SendableRecordBatchStream> {
    let unit = unit_of(schema.field(input.schema().fields().len()))?;
    let grid = Grid::new(slide, size, offset, unit).map_err(|flaw| internal_datafusion_err!("windows: {flaw:?}"))?;
    let rows = context.session_config().batch_size();
    let out = Arc::clone(&schema);
    let batches = input.map(move |batch| {
        let (batch, times) = events.of(batch?)?;
        if slide == size {
            let starts = times.try_unary(|at| grid.start(at).ok_or_else(|| beyond(at, unit)))?;
            return Ok::<_, DataFusionError>(
                futures::stream::iter(vec![with_times(&out, &batch, vec![starts])]).left_stream(),
            );
        }
        let schema = Arc::clone(&out);
        Ok(futures::stream::iter(Hops { schema, grid, unit, rows, batch, times, row: 0, next: None }).right_stream())
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten())))
}

/// The rows of a batch, as often as they have windows, in batches that are no longer than others.
struct Hops {
    schema: SchemaRef,
    grid: Grid,
    unit: TimeUnit,
    /// The length of a batch.
    rows: usize,
    batch: RecordBatch,
    times: Int64Array,
    row: usize,
    /// The start of the next window of `row`, if that is not its last.
    next: Option<i64>,
}

impl Iterator for Hops {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.some().transpose()
    }
}

impl Hops {
    fn some(&mut self) -> Result<Option<RecordBatch>> {
        let (mut rows, mut starts) = (Vec::<u32>::new(), Vec::<i64>::new());
        while self.row < self.times.len() && rows.len() < self.rows {
            let at = self.times.value(self.row);
            let beyond = || beyond(at, self.unit);
            let start = match self.next.take() {
                Some(start) => start,
                None => self.grid.start(at).ok_or_else(beyond)?,
            };
            if self.grid.end(start).ok_or_else(beyond)? <= at {
                self.row += 1;
                continue;
            }
            rows.push(u32::try_from(self.row).map_err(|_| internal_datafusion_err!("a batch of very many rows"))?);
            starts.push(start);
            self.next = Some(self.grid.before(start).ok_or_else(beyond)?);
        }
        if rows.is_empty() {
            return Ok(None);
        }
        let batch = take_record_batch(&self.batch, &UInt32Array::from(rows))?;
        with_times(&self.schema, &batch, vec![Int64Array::from(starts)]).map(Some)
    }
}
