//! Aggregates of the engine that keep each group on its own, kept for all groups at once.
//!
//! What the engine does for each group and batch is repeated for each of very many groups: counting the different pages of 90,000
//! visitors took 3 GB, putting their countries in order ten times as long as reading them, and the greatest object of each 7 GB. What they answer, and what is passed
//! between the stages of a plan, stays the engine's. It knows nothing of statements.

mod compact;
mod distinct;
mod firsts;
mod lists;
mod one;
mod plain;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray, ListArray};
use datafusion::arrow::datatypes::{DataType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::execution::FunctionRegistry;
use datafusion::functions_aggregate::{array_agg, count, first_last, min_max, string_agg};
use datafusion::logical_expr::expr::{AggregateFunction, AggregateFunctionParams, WindowFunctionParams};
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Documentation, Expr, GroupsAccumulator, Operator, ReversedUDAF,
    SetMonotonicity, Signature, StatisticsArgs,
};

use distinct::{Different, DistinctCounts};
use firsts::{Extremes, FirstRows};
use lists::{DistinctLists, OrderedLists};
use one::{OneGroup, OnlyGroup};
use plain::{CompactList, CompactLists};

/// Puts them in the place of the engine's.
///
/// **Errors**: the engine's, if it takes no more functions.
pub(super) fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    let engines = [
        (count::count_udaf(), Kept::Distinct),
        (array_agg::array_agg_udaf(), Kept::Lists),
        (string_agg::string_agg_udaf(), Kept::Lists),
        (first_last::first_value_udaf(), Kept::Firsts),
        (first_last::last_value_udaf(), Kept::Firsts),
        (min_max::min_udaf(), Kept::Extremes),
        (min_max::max_udaf(), Kept::Extremes),
    ];
    for (engines, kept) in engines {
        registry.register_udaf(Arc::new(AggregateUDF::from(Grouped { engines, kept })))?;
    }
    Ok(())
}

/// How all groups are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kept {
    Distinct,
    Lists,
    Firsts,
    Extremes,
}

/// The engine's aggregate, but for how groups are kept.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Grouped {
    engines: Arc<AggregateUDF>,
    kept: Kept,
}

impl Grouped {
    fn is_ours(&self, args: &AccumulatorArgs<'_>) -> bool {
        match self.kept {
            Kept::Distinct => {
                args.is_distinct
                    && args.exprs.len() == 1
                    && distinct::takes(args)
                    && !self.engines.groups_accumulator_supported(again(args))
            }
            Kept::Lists if args.is_distinct => distinct::takes(args) && lists::is_by_itself(args),
            Kept::Lists => !args.order_bys.is_empty() || !self.is_text(),
            Kept::Firsts => firsts::takes(args),
            Kept::Extremes => args.return_field.data_type().is_nested() && firsts::takes(args),
        }
    }

    fn groups(&self, args: &AccumulatorArgs<'_>) -> Result<Box<dyn OnlyGroup>> {
        Ok(match self.kept {
            Kept::Distinct => Box::new(DistinctCounts(Different::try_new(args, false)?)),
            Kept::Lists if args.is_distinct => Box::new(DistinctLists::try_new(args, self.is_text())?),
            Kept::Lists if self.is_plain(args) => {
                Box::new(CompactLists(self.engines.create_groups_accumulator(again(args))?))
            }
            Kept::Lists => Box::new(OrderedLists::try_new(args, self.is_text())?),
            Kept::Firsts => Box::new(FirstRows::try_new(args, self.name() == "last_value")?),
            Kept::Extremes => Box::new(Extremes::try_new(args, self.name() == "max")?),
        })
    }

    /// Whether it lists what comes, as it comes.
    fn is_plain(&self, args: &AccumulatorArgs<'_>) -> bool {
        self.kept == Kept::Lists && !self.is_text() && !args.is_distinct && args.order_bys.is_empty()
    }

    fn is_text(&self) -> bool {
        self.name() == "string_agg"
    }
}

impl AggregateUDFImpl for Grouped {
    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        self.is_ours(&args) || self.engines.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        if !self.is_ours(&args) {
            return self.engines.create_groups_accumulator(args);
        }
        Ok(self.groups(&args)?)
    }

    fn with_beneficial_ordering(self: Arc<Self>, is_ordered: bool) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        if self.order_sensitivity().is_beneficial() && !self.engines.order_sensitivity().is_beneficial() {
            return Ok(Some(self));
        }
        let engines = AggregateUDF::clone(&self.engines).with_beneficial_ordering(is_ordered)?;
        Ok(engines.map(|engines| Arc::new(Self { engines: Arc::new(engines), kept: self.kept }) as _))
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.engines.reverse_udf() {
            ReversedUDAF::Reversed(engines) => {
                let reversed = Self { engines, kept: self.kept };
                ReversedUDAF::Reversed(Arc::new(AggregateUDF::from(reversed)))
            }
            same_or_none => same_or_none,
        }
    }

    fn name(&self) -> &str {
        self.engines.name()
    }

    fn aliases(&self) -> &[String] {
        self.engines.aliases()
    }

    fn schema_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engines.schema_name(params)
    }

    fn human_display(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engines.human_display(params)
    }

    fn window_function_schema_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.engines.window_function_schema_name(params)
    }

    fn display_name(&self, params: &AggregateFunctionParams) -> Result<String> {
        self.engines.display_name(params)
    }

    fn window_function_display_name(&self, params: &WindowFunctionParams) -> Result<String> {
        self.engines.window_function_display_name(params)
    }

    fn signature(&self) -> &Signature {
        self.engines.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.engines.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.engines.return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.engines.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let is_ours = match self.kept {
            Kept::Lists if self.is_plain(&args) => return Ok(Box::new(CompactList(self.engines.accumulator(args)?))),
            // Over windows there are no keys: they are the window's.
            Kept::Lists => !args.order_bys.is_empty(),
            // The engine's are as good, but for objects and lists.
            Kept::Distinct => args.expr_fields.iter().any(|field| field.data_type().is_nested()),
            Kept::Extremes => true,
            Kept::Firsts => false,
        };
        if !is_ours || !self.is_ours(&args) {
            return self.engines.accumulator(args);
        }
        Ok(Box::new(OneGroup::try_new(self.groups(&args)?, &args)?))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.engines.state_fields(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let is_plain = self.is_plain(&args);
        let engines = self.engines.create_sliding_accumulator(args)?;
        Ok(if is_plain { Box::new(CompactList(engines)) } else { engines })
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.kept {
            // Whoever keeps lists puts them in order. All rows need not be in order before.
            Kept::Lists => AggregateOrderSensitivity::Beneficial,
            Kept::Distinct | Kept::Firsts | Kept::Extremes => self.engines.order_sensitivity(),
        }
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        self.engines.simplify()
    }

    fn simplify_expr_op_literal(
        &self,
        function: &AggregateFunction,
        arg: &Expr,
        op: Operator,
        literal: &Expr,
        is_left: bool,
    ) -> Result<Option<Expr>> {
        self.engines.simplify_expr_op_literal(function, arg, op, literal, is_left)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.engines.coerce_types(types)
    }

    fn is_descending(&self) -> Option<bool> {
        self.engines.is_descending()
    }

    fn value_from_stats(&self, args: &StatisticsArgs<'_>) -> Option<ScalarValue> {
        self.engines.value_from_stats(args)
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.engines.default_value(data_type)
    }

    fn supports_null_handling_clause(&self) -> bool {
        self.engines.supports_null_handling_clause()
    }

    fn supports_within_group_clause(&self) -> bool {
        self.engines.supports_within_group_clause()
    }

    fn documentation(&self) -> Option<&Documentation> {
        self.engines.documentation()
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.engines.inner().set_monotonicity(data_type)
    }
}

/// The same arguments once more: the engine takes them by value.
fn again<'a>(args: &AccumulatorArgs<'a>) -> AccumulatorArgs<'a> {
    AccumulatorArgs {
        return_field: Arc::clone(&args.return_field),
        schema: args.schema,
        ignore_nulls: args.ignore_nulls,
        order_bys: args.order_bys,
        is_reversed: args.is_reversed,
        name: args.name,
        is_distinct: args.is_distinct,
        exprs: args.exprs,
        expr_fields: args.expr_fields,
    }
}

/// Whether values of a type come back from the engine's encoded rows as they were.
fn comes_back(data_type: &DataType) -> bool {
    match data_type {
        DataType::List(element) | DataType::LargeList(element) | DataType::FixedSizeList(element, _) => {
            comes_back(element.data_type())
        }
        DataType::Struct(fields) => fields.iter().all(|field| comes_back(field.data_type())),
        other => !other.is_nested() && !matches!(other, DataType::Dictionary(..)),
    }
}

/// Whether a row counts that a `FILTER` has looked at.
fn passes(filter: Option<&BooleanArray>, row: usize) -> bool {
    filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row))
}

/// The rows that count, by their `FILTER` and whether they are NULL; `None`, if all do.
fn mask(values: &ArrayRef, filter: Option<&BooleanArray>, skips_nulls: bool) -> Option<BooleanArray> {
    let nulls = skips_nulls.then(|| values.logical_nulls()).flatten();
    if nulls.is_none() && filter.is_none() {
        return None;
    }
    let is_value = |row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row));
    Some((0..values.len()).map(|row| Some(is_value(row) && passes(filter, row))).collect())
}

/// The group of each value in lists that belong to groups.
///
/// **Shape**: as many as the lists hold together; lists that are NULL hold none.
fn groups_of_values(lists: &ListArray, groups: &[usize]) -> Vec<usize> {
    let ends = lists.value_offsets().windows(2);
    let length = |ends: &[i32]| usize::try_from(ends[1] - ends[0]).unwrap_or_default();
    ends.zip(groups).flat_map(|(ends, group)| std::iter::repeat_n(*group, length(ends))).collect()
}
