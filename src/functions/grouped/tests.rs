//! All groups at once against the engine's accumulators of one group each, over any rows and any way through the stages of a plan.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Float64Array, Int64Array, StringViewArray, StructArray, UInt32Array,
};
use datafusion::arrow::compute::{SortOptions, filter, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::ScalarValue;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{AggregateUDF, EmitTo};
use datafusion::physical_expr::expressions::{col, lit};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};
use proptest::prelude::*;

use super::*;

const GROUPS: usize = 5;

/// A row: its group, its value, its key, and whether a filter lets it through.
type Row = (usize, Option<u8>, Option<u8>, Option<bool>);

/// A call of an aggregate over the columns `value` and `key`.
struct Call {
    schema: Schema,
    order: Vec<PhysicalSortExpr>,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    fields: Vec<FieldRef>,
    return_field: FieldRef,
    is_distinct: bool,
    ignores_nulls: bool,
    is_reversed: bool,
}

impl Call {
    fn new(function: &AggregateUDF, value: &DataType, is_ordered: bool) -> Self {
        let schema = Schema::new(vec![
            Field::new("value", value.clone(), true),
            Field::new("key", DataType::Int64, true),
            Field::new("place", DataType::Int64, true),
        ]);
        let by = |name: &str, descending| {
            let options = SortOptions { descending, nulls_first: descending };
            PhysicalSortExpr { expr: col(name, &schema).unwrap(), options }
        };
        // No two rows are equal: which comes first of those that are is not told.
        let order = if is_ordered { vec![by("key", true), by("place", false)] } else { Vec::new() };
        let mut exprs = vec![col("value", &schema).unwrap()];
        if function.name() == "string_agg" {
            exprs.push(lit("; "));
        }
        let fields: Vec<_> = exprs.iter().map(|expr| expr.return_field(&schema).unwrap()).collect();
        let return_field = function.return_field(&fields).unwrap();
        Self {
            order,
            exprs,
            fields,
            return_field,
            schema,
            is_distinct: false,
            ignores_nulls: false,
            is_reversed: false,
        }
    }

    fn args(&self) -> AccumulatorArgs<'_> {
        AccumulatorArgs {
            return_field: Arc::clone(&self.return_field),
            schema: &self.schema,
            ignore_nulls: self.ignores_nulls,
            order_bys: &self.order,
            is_reversed: self.is_reversed,
            name: "call",
            is_distinct: self.is_distinct,
            exprs: &self.exprs,
            expr_fields: &self.fields,
        }
    }
}

/// Values of one of the kinds that events have, long ones and equal ones among them.
fn values(kind: u8, rows: &[Row]) -> ArrayRef {
    let ids = || rows.iter().map(|(_, value, ..)| *value);
    let text =
        || ids().map(|id| id.map(|id| "a page that is not short ".repeat(usize::from(id % 3)) + &id.to_string()));
    match kind % 3 {
        0 => Arc::new(StringViewArray::from_iter(text())),
        1 => Arc::new(Float64Array::from_iter(ids().map(|id| id.map(f64::from)))),
        _ => {
            let columns = [
                Arc::new(StringViewArray::from_iter(text())) as ArrayRef,
                Arc::new(Int64Array::from_iter(ids().map(|id| id.map(i64::from)))),
            ];
            let fields = [("text", 0), ("id", 1)]
                .map(|(name, column): (_, usize)| Field::new(name, columns[column].data_type().clone(), true));
            let nulls = ids().map(|id| id.is_some()).collect::<Vec<_>>().into();
            Arc::new(StructArray::new(fields.into_iter().collect(), columns.to_vec(), Some(nulls)))
        }
    }
}

/// What an aggregate is given of some rows, and the filter of them.
fn arguments(call: &Call, kind: u8, rows: &[Row], first: usize) -> (Vec<ArrayRef>, BooleanArray) {
    let mut columns = vec![values(kind, rows)];
    if call.exprs.len() > 1 {
        columns.push(Arc::new(StringViewArray::from(vec!["; "; rows.len()])));
    }
    if call.is_distinct && !call.order.is_empty() {
        columns.push(Arc::clone(&columns[0]));
    } else if !call.order.is_empty() {
        columns
            .push(Arc::new(Int64Array::from_iter(rows.iter().map(|(_, _, key, _)| key.map(|key| i64::from(key % 4))))));
        let places = (0_i64..).skip(first).take(rows.len());
        columns.push(Arc::new(Int64Array::from_iter_values(places)));
    }
    (columns, rows.iter().map(|(.., passes)| *passes).collect())
}

/// The engine's accumulators of one group each, over the whole.
fn one_by_one(engines: &AggregateUDF, call: &Call, kind: u8, rows: &[Row]) -> Vec<ScalarValue> {
    let (columns, passes) = arguments(call, kind, rows, 0);
    let last = rows.iter().map(|(group, ..)| *group).max().map_or(0, |group| group + 1);
    let of = |group| {
        let is_in = rows
            .iter()
            .enumerate()
            .map(|(row, (other, ..))| Some(*other == group && passes.is_valid(row) && passes.value(row)));
        let is_in = is_in.collect();
        let columns: Vec<_> = columns.iter().map(|column| filter(column, &is_in).unwrap()).collect();
        let mut accumulator = engines.accumulator(call.args()).unwrap();
        accumulator.update_batch(&columns).unwrap();
        accumulator.evaluate().unwrap()
    };
    (0..last).map(of).collect()
}

/// Ways through the stages of a plan.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Way {
    /// One stage.
    Alone,
    /// Each batch in a first stage of its own.
    States,
    /// Each row as a state of its own, the last first where an order is asked for.
    Rows,
    /// Groups are emitted as soon as they are done.
    Emitted,
    /// Groups are passed on as soon as they are done.
    EmittedStates,
}

impl Way {
    fn emits(self) -> bool {
        matches!(self, Self::Emitted | Self::EmittedStates)
    }
}

fn all_at_once(ours: &Grouped, call: &Call, kind: u8, rows: &[Row], every: usize, way: Way) -> Vec<ScalarValue> {
    let make = || ours.create_groups_accumulator(call.args()).unwrap();
    let (mut first, mut last, mut emitted, mut results) = (make(), make(), 0, Vec::new());
    let mut seen = 0;
    for (batch, rows_of_batch) in rows.chunks(every).enumerate() {
        let (columns, passes) = arguments(call, kind, rows_of_batch, batch * every);
        let passes = Some(&passes).filter(|passes| passes.true_count() < passes.len());
        let groups: Vec<usize> = rows_of_batch.iter().map(|(group, ..)| group - emitted).collect();
        seen = groups.iter().fold(seen, |seen, group| seen.max(group + 1));
        if way == Way::Rows {
            let order: UInt32Array = if call.order.is_empty() {
                (0..).take(groups.len()).collect()
            } else {
                (0..groups.len() as u32).rev().collect()
            };
            let states = first.convert_to_state(&columns, passes).unwrap();
            let states: Vec<_> = states.iter().map(|state| take(state, &order, None).unwrap()).collect();
            let groups: Vec<_> = order.values().iter().map(|row| groups[*row as usize]).collect();
            last.merge_batch(&states, &groups, seen).unwrap();
            continue;
        }
        first.update_batch(&columns, &groups, passes, seen).unwrap();
        let next = rows.get((batch + 1) * every).map_or(emitted + seen, |(next, ..)| *next);
        let done = if way.emits() { seen.min(next - emitted) } else { 0 };
        match way {
            Way::Alone | Way::Rows => {}
            Way::States => {
                let states = first.state(EmitTo::All).unwrap();
                last.merge_batch(&states, &(0..seen).collect::<Vec<_>>(), seen).unwrap();
                first = make();
            }
            Way::Emitted => results.extend(scalars(&first.evaluate(EmitTo::First(done)).unwrap())),
            Way::EmittedStates => {
                let states = first.state(EmitTo::First(done)).unwrap();
                let groups: Vec<_> = (emitted..emitted + done).collect();
                last.merge_batch(&states, &groups, emitted + done).unwrap();
            }
        }
        emitted += done;
        seen -= done;
    }
    let whole = match way {
        Way::Alone => first.evaluate(EmitTo::All).unwrap(),
        Way::Emitted => return results,
        Way::States | Way::Rows | Way::EmittedStates => last.evaluate(EmitTo::All).unwrap(),
    };
    scalars(&whole)
}

fn scalars(array: &ArrayRef) -> Vec<ScalarValue> {
    (0..array.len()).map(|row| ScalarValue::try_from_array(array, row).unwrap()).collect()
}

fn any_rows() -> impl Strategy<Value = Vec<Row>> {
    let row = (
        0..GROUPS,
        prop::option::weighted(0.8, 0u8..12),
        prop::option::weighted(0.9, any::<u8>()),
        prop::option::weighted(0.9, prop::bool::weighted(0.8)),
    );
    prop::collection::vec(row, 0..120)
}

proptest! {
    #[test]
    fn groups_are_what_they_are_one_by_one(
        mut rows in any_rows(),
        (kind, function) in (0u8..3, 0usize..15),
        (ignores_nulls, is_reversed, every) in (any::<bool>(), any::<bool>(), 1usize..40),
        way in prop::sample::select(vec![Way::Alone, Way::States, Way::Rows, Way::Emitted, Way::EmittedStates]),
    ) {
        let firsts = |engines| Grouped { engines, kept: Kept::Firsts };
        let lists = |engines| Grouped { engines, kept: Kept::Lists };
        let is_distinct = matches!(function, 0 | 1 | 8..=11);
        let (ours, is_ordered) = match function {
            0 | 1 => (Grouped { engines: count::count_udaf(), kept: Kept::Distinct }, false),
            2 => (lists(array_agg::array_agg_udaf()), true),
            3 => (lists(string_agg::string_agg_udaf()), true),
            4 | 5 => (firsts(first_last::first_value_udaf()), function == 4),
            6 | 7 => (firsts(first_last::last_value_udaf()), function == 6),
            8 | 9 => (lists(array_agg::array_agg_udaf()), true),
            10 | 11 => (lists(string_agg::string_agg_udaf()), true),
            // In the order in which they came.
            14 => (lists(array_agg::array_agg_udaf()), false),
            12 => (Grouped { engines: min_max::min_udaf(), kept: Kept::Extremes }, false),
            _ => (Grouped { engines: min_max::max_udaf(), kept: Kept::Extremes }, false),
        };
        let kind = match ours.kept {
            Kept::Extremes => 2,
            _ if ours.is_text() => 0,
            _ => kind,
        };
        if way.emits() {
            rows.sort_by_key(|(group, ..)| *group);
        }
        let mut call = Call::new(&ours.engines, values(kind, &[]).data_type(), is_ordered);
        call.is_distinct = is_distinct;
        if is_distinct && is_ordered {
            // The engine's do not keep the order in which they came.
            let options = SortOptions { descending: is_reversed, nulls_first: ignores_nulls };
            call.order = vec![PhysicalSortExpr { expr: Arc::clone(&call.exprs[0]), options }];
        }
        call.ignores_nulls = ignores_nulls && matches!(ours.kept, Kept::Lists | Kept::Firsts);
        call.is_reversed = is_reversed && ours.kept == Kept::Lists && is_ordered && !is_distinct;
        prop_assert!(ours.is_ours(&call.args()));
        let expected = one_by_one(&ours.engines, &call, kind, &rows);
        prop_assert_eq!(all_at_once(&ours, &call, kind, &rows, every, way), expected);
        // One group, without GROUP BY, in two stages.
        rows.iter_mut().for_each(|(group, ..)| *group = 0);
        let expected = one_by_one(&ours.engines, &call, kind, &rows);
        if let Some(expected) = expected.into_iter().next() {
            let make = || ours.accumulator(call.args()).unwrap();
            let mut last = make();
            for (batch, rows) in rows.chunks(every).enumerate() {
                let (columns, passes) = arguments(&call, kind, rows, batch * every);
                let passes = passes.iter().map(|passes| Some(passes == Some(true))).collect();
                let columns: Vec<_> = columns.iter().map(|column| filter(column, &passes).unwrap()).collect();
                let mut first = make();
                first.update_batch(&columns).unwrap();
                let states: Vec<_> = first.state().unwrap().iter().map(|state| state.to_array().unwrap()).collect();
                last.merge_batch(&states).unwrap();
            }
            prop_assert_eq!(last.evaluate().unwrap(), expected);
        }
    }
}

#[test]
fn they_stand_in_the_place_of_the_engines() {
    let mut state = SessionStateBuilder::new().with_default_features().build();
    register(&mut state).unwrap();
    for name in ["count", "array_agg", "string_agg", "first_value", "last_value", "min", "max"] {
        let function = state.udaf(name).unwrap();
        assert!((function.inner().as_ref() as &dyn std::any::Any).is::<Grouped>(), "{name}");
    }
}
