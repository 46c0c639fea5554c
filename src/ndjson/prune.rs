//! Which parts of a range cannot hold a row that a filter keeps, by the bounds of time columns: those are not read.
//!
//! What the bounds mean for a filter is the engine's word. Of a filter only such conditions are asked that follow the order of
//! times: comparisons of a column with a value, also through casts between kinds of times. It reads nothing but a file's identity.

use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, Int64Array, UInt64Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::{Column as Name, ScalarValue};
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CastExpr, Column, DynamicFilterTracking, InListExpr, IsNotNullExpr, IsNullExpr, Literal, TryCastExpr,
    lit,
};
use datafusion::physical_expr_common::physical_expr::snapshot_physical_expr;
use datafusion::physical_optimizer::pruning::{PruningPredicate, PruningPredicateBuilder};

use super::bounds::{Block, Extent};
use super::facts::Blocks;
use super::input;
use super::listing::{Compression, InputFile};

/// Tells by a filter what need not be read.
pub(super) struct Pruner {
    filter: Arc<dyn PhysicalExpr>,
    schema: SchemaRef,
    blocks: Arc<Blocks>,
    /// The question that the filter asks of bounds; `None` while parts of the filter may still change.
    question: Option<Question>,
}

/// `None` if it rules nothing out.
type Question = Option<Arc<PruningPredicate>>;

impl Pruner {
    /// Of rows with `schema`; `None` where nothing is known of their files.
    pub(super) fn new(filter: &Arc<dyn PhysicalExpr>, schema: &SchemaRef, blocks: &Arc<Blocks>) -> Option<Self> {
        if blocks.is_empty() {
            return None;
        }
        let question =
            (!DynamicFilterTracking::classify(filter).contains_dynamic_filter()).then(|| question(filter, schema));
        let (filter, schema) = (Arc::clone(filter), Arc::clone(schema));
        Some(Self { filter, schema, blocks: Arc::clone(blocks), question })
    }

    /// What has to be read of a range of `file`: whole blocks of it, neighbours as one. All of it where the file is not what taught
    /// the bounds.
    pub(super) fn kept(&self, file: &InputFile, range: &Range<u64>) -> Vec<Range<u64>> {
        self.known(file, range).unwrap_or_else(|| vec![range.clone()])
    }

    fn known(&self, file: &InputFile, range: &Range<u64>) -> Option<Vec<Range<u64>>> {
        let blocks = self.blocks.of(&file.path)?;
        let question = match &self.question {
            Some(question) => question.clone(),
            None => question(&self.filter, &self.schema),
        }?;
        // Blocks lie behind each other: the first that ends behind the start of the range has it.
        let first = blocks.partition_point(|block| block.end <= range.start);
        let last = blocks.partition_point(|block| block.end < range.end).saturating_add(1).min(blocks.len());
        let blocks = blocks.get(first..last).filter(|blocks| !blocks.is_empty())?;
        let bounds = Bounds { blocks, times: &self.blocks.times, schema: &self.schema };
        // What cannot be asked rules nothing out.
        let may_match = question.prune(&bounds).ok()?;
        if may_match.iter().all(|may| *may) || !input::is_as_listed(file) {
            return None;
        }
        let mut start = range.start;
        let mut kept: Vec<Range<u64>> = Vec::new();
        for (block, may_match) in blocks.iter().zip(may_match) {
            let end = block.end.min(range.end);
            match kept.last_mut() {
                _ if !may_match => {}
                Some(before) if before.end == start => before.end = end,
                _ => kept.push(start..end),
            }
            start = end;
        }
        // There is no way into the middle of a compressed file.
        let is_plain = file.compression == Compression::None;
        (is_plain || kept.is_empty()).then_some(kept)
    }
}

fn question(filter: &Arc<dyn PhysicalExpr>, schema: &SchemaRef) -> Question {
    let filter = snapshot_physical_expr(Arc::clone(filter)).ok()?;
    PruningPredicateBuilder::new().with_file_schema(Arc::clone(schema)).build(ordered(&filter))
}

/// The filter with `true` in the place of all conditions that bounds say nothing certain about. It keeps whatever the filter
/// keeps: the condition stands below nothing but AND and OR. Recurses as deep as the filter is, which the dialect bounds.
fn ordered(filter: &Arc<dyn PhysicalExpr>) -> Arc<dyn PhysicalExpr> {
    if let Some(binary) = filter.downcast_ref::<BinaryExpr>()
        && matches!(binary.op(), Operator::And | Operator::Or)
    {
        return Arc::new(BinaryExpr::new(ordered(binary.left()), *binary.op(), ordered(binary.right())));
    }
    if is_ordered(filter) { Arc::clone(filter) } else { lit(true) }
}

fn is_ordered(condition: &Arc<dyn PhysicalExpr>) -> bool {
    let is_comparison = match condition.downcast_ref::<BinaryExpr>() {
        Some(binary) => {
            use Operator::{Eq, Gt, GtEq, Lt, LtEq};
            matches!(binary.op(), Eq | Lt | LtEq | Gt | GtEq)
        }
        None => {
            condition.downcast_ref::<InListExpr>().is_some_and(|list| !list.negated())
                || condition.downcast_ref::<IsNullExpr>().is_some()
                || condition.downcast_ref::<IsNotNullExpr>().is_some()
        }
    };
    is_comparison && condition.children().into_iter().all(is_time)
}

/// Whether an expression follows the order of the column in it: casts to times of day do not, nor do those to other zones.
fn is_time(expr: &Arc<dyn PhysicalExpr>) -> bool {
    let cast = match (expr.downcast_ref::<CastExpr>(), expr.downcast_ref::<TryCastExpr>()) {
        (Some(cast), _) => Some((cast.expr(), cast.cast_type())),
        (_, Some(cast)) => Some((cast.expr(), cast.cast_type())),
        _ => None,
    };
    match cast {
        Some((inner, DataType::Timestamp(_, None) | DataType::Date32)) => is_time(inner),
        Some(_) => false,
        None => expr.downcast_ref::<Column>().is_some() || expr.downcast_ref::<Literal>().is_some(),
    }
}

/// Bounds as the engine asks for them.
struct Bounds<'a> {
    blocks: &'a [Block],
    times: &'a [String],
    schema: &'a SchemaRef,
}

impl Bounds<'_> {
    fn extents(&self, column: &Name) -> Option<impl Iterator<Item = Extent>> {
        let number = self.times.iter().position(|name| *name == column.name)?;
        Some(
            self.blocks.iter().map(move |block| block.times.get(number).copied().unwrap_or(Some((i64::MIN, i64::MAX)))),
        )
    }

    /// One end of all extents as values of the column.
    fn values(&self, column: &Name, end: fn((i64, i64)) -> i64) -> Option<ArrayRef> {
        let values = self.extents(column)?.map(|extent| extent.map(end));
        let data_type = self.schema.field_with_name(&column.name).ok()?.data_type();
        let numbers: ArrayRef = match data_type {
            DataType::Timestamp(_, None) => Arc::new(values.collect::<Int64Array>()),
            DataType::Date32 => {
                // What is no day rules nothing out.
                let days = values.map(|days| days.map(i32::try_from).transpose());
                Arc::new(Int32Array::from(days.collect::<Result<Vec<_>, _>>().ok()?))
            }
            _ => return None,
        };
        cast(&numbers, data_type).ok()
    }
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &Name) -> Option<ArrayRef> {
        self.values(column, |(min, _)| min)
    }

    fn max_values(&self, column: &Name) -> Option<ArrayRef> {
        self.values(column, |(_, max)| max)
    }

    fn num_containers(&self) -> usize {
        self.blocks.len()
    }

    /// Known only where no row has a value.
    fn null_counts(&self, column: &Name) -> Option<ArrayRef> {
        let counts = self.extents(column)?.zip(self.blocks).map(|(extent, block)| match extent {
            Some(_) => None,
            None => Some(block.rows),
        });
        Some(Arc::new(counts.collect::<UInt64Array>()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(self.blocks.iter().map(|block| Some(block.rows)).collect::<UInt64Array>()))
    }

    fn contained(&self, _: &Name, _: &std::collections::HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}
