//! The step that gives rows their windows, as the engine runs it.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array, RecordBatch};
use datafusion::arrow::compute::{cast, filter_record_batch, is_not_null};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Int64Type, Schema, SchemaRef, TimeUnit};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Result, internal_err};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::{Distribution, EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, EmissionType, ReplaceChildrenOptions};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, MetricsSet, SpillMetrics};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, InputDistributionRequirements, PlanProperties,
};

use super::node::Kind;
use super::{assign, session};

/// The metric that counts rows without an event time.
pub const NULL_EVENT_TIMES: &str = "null_event_times";

/// Gives rows the start of their window, and of a session also its end, as columns behind their own.
#[derive(Debug, Clone)]
pub(super) struct WindowExec {
    kind: Kind,
    event_time: Arc<dyn PhysicalExpr>,
    keys: Vec<Arc<dyn PhysicalExpr>>,
    /// The columns that are added.
    added: Vec<FieldRef>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
    metrics: ExecutionPlanMetricsSet,
}

impl WindowExec {
    pub(super) fn new(
        kind: Kind,
        event_time: Arc<dyn PhysicalExpr>,
        keys: Vec<Arc<dyn PhysicalExpr>>,
        added: Vec<FieldRef>,
        input: Arc<dyn ExecutionPlan>,
    ) -> Result<Self> {
        let fields: Vec<FieldRef> = input.schema().fields().iter().chain(&added).cloned().collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, input.schema().metadata().clone()));
        let emission = match kind {
            Kind::Hopping { .. } => EmissionType::Incremental,
            Kind::Session { .. } => EmissionType::Final,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            input.properties().output_partitioning().clone(),
            emission,
            input.properties().boundedness,
        );
        Ok(Self {
            kind,
            event_time,
            keys,
            added,
            input,
            properties: Arc::new(properties),
            metrics: ExecutionPlanMetricsSet::new(),
        })
    }
}

impl DisplayAs for WindowExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WindowExec: {} of {}", self.kind, self.event_time)?;
        let keys: Vec<String> = self.keys.iter().map(ToString::to_string).collect();
        if keys.is_empty() { Ok(()) } else { write!(f, ", per {}", keys.join(", ")) }
    }
}

impl ExecutionPlan for WindowExec {
    fn name(&self) -> &'static str {
        "WindowExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        for expr in std::iter::once(&self.event_time).chain(&self.keys) {
            if f(expr)? == TreeNodeRecursion::Stop {
                return Ok(TreeNodeRecursion::Stop);
            }
        }
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(input) = children.pop() else { return internal_err!("windows have an input") };
        let Self { kind, event_time, keys, added, .. } = self.as_ref().clone();
        Ok(Arc::new(Self::new(kind, event_time, keys, added, input)?))
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> Result<Arc<dyn ExecutionPlan>> {
        self.replace_children(children, ReplaceChildrenOptions::new(ChildrenPropertiesMode::Recompute))
    }

    fn input_distribution_requirements(&self) -> InputDistributionRequirements {
        InputDistributionRequirements::new(vec![match self.kind {
            Kind::Hopping { .. } => Distribution::UnspecifiedDistribution,
            // All rows of a key are needed to say what its sessions are.
            Kind::Session { .. } if self.keys.is_empty() => Distribution::SinglePartition,
            Kind::Session { .. } => Distribution::KeyPartitioned(self.keys.clone()),
        }])
    }

    fn execute(&self, partition: usize, context: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, Arc::clone(&context))?;
        let events = Events {
            event_time: Arc::clone(&self.event_time),
            nulls: MetricBuilder::new(&self.metrics).counter(NULL_EVENT_TIMES, partition),
        };
        let schema = self.schema();
        match self.kind {
            Kind::Hopping { slide, size, offset } => {
                assign::stream(schema, input, events, (slide, size, offset), &context)
            }
            Kind::Session { gap } => {
                let metrics = SpillMetrics::new(&self.metrics, partition);
                session::stream(schema, input, events, self.keys.clone(), gap, &context, metrics)
            }
        }
    }

    fn metrics(&self) -> Option<MetricsSet> {
        Some(self.metrics.clone_inner())
    }
}

/// Rows with their event times.
pub(super) struct Events {
    event_time: Arc<dyn PhysicalExpr>,
    nulls: Count,
}

impl Events {
    /// The rows of a batch that have an event time, and those times as integers.
    pub(super) fn of(&self, batch: RecordBatch) -> Result<(RecordBatch, Int64Array)> {
        let times = self.event_time.evaluate(&batch)?.into_array(batch.num_rows())?;
        let times = cast(&times, &DataType::Int64)?.as_primitive::<Int64Type>().clone();
        if times.null_count() == 0 {
            return Ok((batch, times));
        }
        self.nulls.add(times.null_count());
        let present = is_not_null(&times)?;
        let times = datafusion::arrow::compute::filter(&times, &present)?;
        Ok((filter_record_batch(&batch, &present)?, times.as_primitive::<Int64Type>().clone()))
    }
}

/// The unit of the windows' start, which is that of the event times.
pub(super) fn unit_of(field: &Field) -> Result<TimeUnit> {
    match field.data_type() {
        DataType::Timestamp(unit, _) => Ok(*unit),
        other => internal_err!("a window starts at {other}"),
    }
}

/// A batch with columns of times behind its own.
pub(super) fn with_times(schema: &SchemaRef, batch: &RecordBatch, times: Vec<Int64Array>) -> Result<RecordBatch> {
    let fields = schema.fields().iter().skip(batch.num_columns());
    let times = times.into_iter().zip(fields).map(|(times, field)| cast(&times, field.data_type()));
    let mut columns = batch.columns().to_vec();
    columns.extend(times.collect::<Result<Vec<_>, _>>()?);
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
