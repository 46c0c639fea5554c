//! Sessions: what a row belongs to is told by all rows of its key.
//!
//! Rows are held, or written to disk where memory does not suffice, until all have come; only the sessions themselves stay
//! in memory. Then each row is given its session. There is no sorting of rows, and no order is needed or kept.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch, UInt32Array};
use datafusion::arrow::datatypes::{
    DataType, Field, Int64Type, IntervalMonthDayNano, Schema, SchemaRef, TimeUnit, UInt32Type,
};
use datafusion::common::utils::memory::get_record_batch_memory_size;
use datafusion::common::{DataFusionError, Result, internal_datafusion_err};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, SpillFile, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_plan::SpillManager;
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;
use datafusion::physical_plan::metrics::SpillMetrics;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use super::exec::{Events, unit_of, with_times};
use super::functions::beyond;
use super::grid;
use super::intervals::{Complete, Intervals};

/// The rows of `input`, each with the start and end of its session; rows that wait take of `memory`, or go to files that
/// `metrics` tells of.
pub(super) fn stream(
    schema: SchemaRef,
    input: SendableRecordBatchStream,
    events: Events,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    gap: IntervalMonthDayNano,
    context: &TaskContext,
    metrics: SpillMetrics,
) -> Result<SendableRecordBatchStream> {
    let unit = unit_of(schema.field(input.schema().fields().len()))?;
    let gap = grid::positive(gap, unit).map_err(|flaw| internal_datafusion_err!("a gap: {flaw:?}"))?;
    // What can be spilled has a share of the memory; the sessions cannot, and may have all that others leave.
    let rows = MemoryConsumer::new("rows of SESSION").with_can_spill(true).register(context.memory_pool());
    let sessions = MemoryConsumer::new("SESSION").register(context.memory_pool());
    let held = held_schema(&input.schema());
    let spill = SpillManager::new(context.runtime_env(), metrics, Arc::clone(&held));
    let gathering = Gathering {
        events,
        numbers: Numbers::try_new(keys, &input.schema())?,
        intervals: Intervals::new(gap),
        held: Held { schema: held, batches: Vec::new(), bytes: 0, spill, files: Vec::new(), memory: rows },
        memory: sessions,
    };
    let out = Arc::clone(&schema);
    let batches = futures::stream::once(async move {
        let (held, sessions, memory) = gathering.gather(input).await?;
        let (held, rows) = held.into_stream();
        let give = move |batch: Result<RecordBatch>| {
            // They are given back with the last row.
            let _held = (&memory, &rows);
            give(&out, &sessions, &batch?, unit)
        };
        Ok::<_, DataFusionError>(held.map(give))
    });
    Ok(Box::pin(RecordBatchStreamAdapter::new(schema, batches.try_flatten())))
}

/// The columns of rows that are held: their own, the number of their key, their event time.
fn held_schema(schema: &Schema) -> SchemaRef {
    let own = schema.fields().iter().cloned();
    let added = [("__key", DataType::UInt32), ("__at", DataType::Int64)];
    let added = added.map(|(name, data_type)| Arc::new(Field::new(name, data_type, false)));
    Arc::new(Schema::new(own.chain(added).collect::<Vec<_>>()))
}

/// The rows of a batch that was held, with their sessions.
fn give(schema: &SchemaRef, sessions: &Complete, held: &RecordBatch, unit: TimeUnit) -> Result<RecordBatch> {
    let own = held.num_columns() - 2;
    let keys = held.column(own).as_primitive::<UInt32Type>().values();
    let times = held.column(own + 1).as_primitive::<Int64Type>().values();
    let (mut starts, mut ends) = (Vec::with_capacity(times.len()), Vec::with_capacity(times.len()));
    for (first, last) in sessions.of(keys, times) {
        starts.push(first);
        ends.push(sessions.end(last).ok_or_else(|| beyond(last, unit))?);
    }
    let batch = held.project(&(0..own).collect::<Vec<_>>())?;
    with_times(schema, &batch, vec![Int64Array::from(starts), Int64Array::from(ends)])
}

/// All rows on their way to be held.
struct Gathering {
    events: Events,
    numbers: Numbers,
    intervals: Intervals,
    held: Held,
    memory: MemoryReservation,
}

impl Gathering {
    async fn gather(mut self, mut input: SendableRecordBatchStream) -> Result<(Held, Complete, MemoryReservation)> {
        while let Some(batch) = input.next().await {
            let (batch, times) = self.events.of(batch?)?;
            if batch.num_rows() > 0 {
                self.add(&batch, times)?;
            }
        }
        drop(input);
        let keys = self.numbers.len();
        let sessions = self.intervals.complete(keys);
        drop(self.numbers);
        self.memory.try_resize(sessions.size())?;
        Ok((self.held, sessions, self.memory))
    }

    fn add(&mut self, batch: &RecordBatch, times: Int64Array) -> Result<()> {
        let keys = self.numbers.of(batch)?;
        for (key, at) in keys.values().iter().zip(times.values()) {
            self.intervals.add(*key, *at);
        }
        self.held.push(batch, keys, times)?;
        let needed = self.intervals.size() + self.numbers.size();
        if self.memory.try_resize(needed).is_err() {
            // The rows may make room.
            self.held.write_out()?;
            self.memory.try_resize(needed)?;
        }
        Ok(())
    }
}

/// Keys as numbers, in the order in which they come.
struct Numbers {
    keys: Vec<Arc<dyn PhysicalExpr>>,
    values: Option<Box<dyn GroupValues>>,
    groups: Vec<usize>,
}

impl Numbers {
    fn try_new(keys: Vec<Arc<dyn PhysicalExpr>>, input: &Schema) -> Result<Self> {
        let field = |(at, key): (usize, &Arc<dyn PhysicalExpr>)| {
            Ok(Field::new(format!("key_{at}"), key.data_type(input)?, true))
        };
        let fields = keys.iter().enumerate().map(field).collect::<Result<Vec<_>>>()?;
        let values = match fields.is_empty() {
            true => None,
            false => Some(new_group_values(Arc::new(Schema::new(fields)), &GroupOrdering::None)?),
        };
        Ok(Self { keys, values, groups: Vec::new() })
    }

    fn len(&self) -> usize {
        self.values.as_ref().map_or(1, |values| values.len())
    }

    fn size(&self) -> usize {
        self.values.as_ref().map_or(0, |values| values.size())
    }

    fn of(&mut self, batch: &RecordBatch) -> Result<UInt32Array> {
        let Some(values) = &mut self.values else { return Ok(UInt32Array::from(vec![0; batch.num_rows()])) };
        let keys = self.keys.iter().map(|key| key.evaluate(batch)?.into_array(batch.num_rows()));
        values.intern(&keys.collect::<Result<Vec<ArrayRef>>>()?, &mut self.groups)?;
        let number = |group: &usize| u32::try_from(*group);
        let numbers = self.groups.iter().map(number).collect::<Result<Vec<_>, _>>();
        numbers
            .map(UInt32Array::from)
            .map_err(|_| DataFusionError::ResourcesExhausted("too many keys for sessions".into()))
    }
}

/// Rows that wait for their sessions.
struct Held {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    /// Of `batches`.
    bytes: usize,
    memory: MemoryReservation,
    spill: SpillManager,
    /// Of those that memory did not hold.
    files: Vec<Arc<dyn SpillFile>>,
}

impl Held {
    fn push(&mut self, batch: &RecordBatch, keys: UInt32Array, times: Int64Array) -> Result<()> {
        let mut columns = batch.columns().to_vec();
        columns.extend([Arc::new(keys) as ArrayRef, Arc::new(times) as ArrayRef]);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)?;
        self.bytes += get_record_batch_memory_size(&batch);
        self.batches.push(batch);
        match self.memory.try_resize(self.bytes) {
            Ok(()) => Ok(()),
            Err(_) => self.write_out(),
        }
    }

    fn write_out(&mut self) -> Result<()> {
        self.files.extend(self.spill.spill_record_batch_and_finish(&self.batches, "sessions")?);
        self.batches.clear();
        self.bytes = 0;
        self.memory.free();
        Ok(())
    }

    /// The rows, and the memory that they take until all are given. One file is open at a time.
    fn into_stream(self) -> (BoxStream<'static, Result<RecordBatch>>, MemoryReservation) {
        let Self { batches, memory, spill, files, .. } = self;
        let held = futures::stream::iter(batches.into_iter().map(Ok));
        let read = move |file| std::future::ready(spill.read_spill_as_stream(file, None));
        let written = futures::stream::iter(files.into_iter().map(Ok)).and_then(read).try_flatten();
        (written.chain(held).boxed(), memory)
    }
}
