//! `approx_top_k`: the most frequent values of a group of rows.
//!
//! It turns values into bytes that compare as they do, and back; `counters` counts them.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, LargeBinaryArray, LargeBinaryBuilder, StructArray,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int64Type};
use datafusion::arrow::row::{RowConverter, SortField};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_datafusion_err, not_impl_err, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs};
use datafusion::logical_expr::utils::format_state_name;
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Coercion, Documentation, Expr, Signature, TypeSignatureClass, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::counters::{CAPACITY, Counters, KEPT};
use super::documented;
use super::scalar::bigint;

/// The largest `k`.
const MOST: i64 = 1000;

/// `approx_top_k(value, k)`: the `k` values that come most often, and how often.
///
/// **Shape**: a list of structs `value`, `count` (bigint), the most frequent first, of equally frequent ones the smallest
/// first; NULLs do not count, and the list is NULL where there is nothing else. **Memory**: up to [`CAPACITY`] (8192)
/// values for each group. Counts are exact as long as a group has no more different ones; beyond, a count may be too large
/// by rows / [`KEPT`] (4096) at most, never too small, and which of the rarer values are told may depend on the number of
/// threads. **Errors**: `Plan`, if `k` is not written in the statement as a number from 1 to 1000; `NotImplemented` for
/// `DISTINCT`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct ApproxTopK {
    signature: Signature,
    documentation: Documentation,
}

impl ApproxTopK {
    pub(super) fn new() -> Self {
        let takes = vec![Coercion::new_exact(TypeSignatureClass::Any), bigint()];
        let description = format!(
            "The k most frequent values, most frequent first, as a list of structs `value`, `count`. Of values that come \
             equally often the smallest is first; NULLs are not counted. Exact as long as a group has no more than \
             {CAPACITY} different values; beyond, a count may be too large by 1 for every {KEPT} rows of the group, and \
             is never too small."
        );
        let documentation = documented(
            "approx_top_k(value, k)",
            &description,
            &[("value", "Values of any type."), ("k", "How many to tell: a number from 1 to 1000.")],
            "SELECT approx_top_k(age_bracket, 2) FROM events",
        );
        Self { signature: Signature::coercible(takes, Volatility::Immutable), documentation }
    }
}

impl AggregateUDFImpl for ApproxTopK {
    fn name(&self) -> &str {
        "approx_top_k"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let value = types.first().cloned().unwrap_or(DataType::Null);
        Ok(DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields(value)), true))))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return not_impl_err!("DISTINCT in `approx_top_k` would make every value come once");
        }
        let literal = args.exprs.get(1).and_then(|k| k.downcast_ref::<Literal>());
        let k = k_of(literal.map(Literal::value))?;
        let value = args.expr_fields.first().ok_or_else(|| internal_datafusion_err!("no value"))?;
        Ok(Box::new(MostFrequent::try_new(value.data_type(), k)?))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let list =
            |name, of| Field::new_list(format_state_name(args.name, name), Field::new_list_field(of, true), true);
        let floor = Field::new(format_state_name(args.name, "floor"), DataType::Int64, true);
        Ok([list("values", DataType::LargeBinary), list("counts", DataType::Int64), floor].map(Arc::new).into())
    }

    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        // A wrong `k` is the statement's fault, also where there are no rows.
        Some(Box::new(|call: AggregateFunction, _| {
            let literal = call.params.args.get(1).and_then(Expr::as_literal);
            k_of(literal)?;
            Ok(Expr::AggregateFunction(call))
        }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

fn fields(value: DataType) -> Fields {
    Fields::from(vec![Field::new("value", value, true), Field::new("count", DataType::Int64, true)])
}

fn k_of(literal: Option<&ScalarValue>) -> Result<usize> {
    match literal {
        Some(ScalarValue::Int64(Some(k))) if (1..=MOST).contains(k) => Ok(usize::try_from(*k).unwrap_or_default()),
        Some(k) => plan_err!("`approx_top_k` tells 1 to {MOST} values, not {k}"),
        None => {
            plan_err!("the second argument of `approx_top_k` has to be a number from 1 to {MOST}, not an expression")
        }
    }
}

/// The counters of one group, over values of one type.
#[derive(Debug)]
struct MostFrequent {
    k: usize,
    value_type: DataType,
    converter: RowConverter,
    counters: Counters,
}

impl MostFrequent {
    fn try_new(value_type: &DataType, k: usize) -> Result<Self> {
        let converter = RowConverter::new(vec![SortField::new(value_type.clone())])?;
        Ok(Self { k, value_type: value_type.clone(), converter, counters: Counters::default() })
    }
}

impl Accumulator for MostFrequent {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let nulls = values[0].logical_nulls();
        let rows = self.converter.convert_columns(&values[..1])?;
        for (row, value) in rows.iter().enumerate() {
            if nulls.as_ref().is_none_or(|nulls| nulls.is_valid(row)) {
                self.counters.add(value.as_ref());
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let top = self.counters.top(self.k);
        let fields = fields(self.value_type.clone());
        if top.is_empty() {
            let list = DataType::List(Arc::new(Field::new_list_field(DataType::Struct(fields), true)));
            return ScalarValue::try_from(&list);
        }
        let parser = self.converter.parser();
        let mut columns = self.converter.convert_rows(top.iter().map(|(value, _)| parser.parse(value)))?;
        // A dictionary comes back as its values.
        columns[0] = cast(&columns[0], &self.value_type)?;
        columns.push(Arc::new(top.iter().map(|(_, count)| *count).collect::<Int64Array>()));
        let entries = StructArray::try_new(fields, columns, None)?;
        Ok(SingleRowListArrayBuilder::new(Arc::new(entries)).build_list_scalar())
    }

    fn size(&self) -> usize {
        size_of_val(self) - size_of::<RowConverter>() + self.converter.size() + self.counters.size()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        // A builder takes room for a thousand by itself, and there may be very many groups.
        let mut values = LargeBinaryBuilder::with_capacity(self.counters.len(), self.counters.value_bytes());
        let mut counts = Vec::with_capacity(self.counters.len());
        for (value, count) in self.counters.iter() {
            values.append_value(value);
            counts.push(count);
        }
        let list = |array: ArrayRef| SingleRowListArrayBuilder::new(array).build_list_scalar();
        let (values, counts) = (Arc::new(values.finish()), Arc::new(Int64Array::from(counts)));
        Ok(vec![list(values), list(counts), ScalarValue::Int64(Some(self.counters.floor()))])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (values, counts) = (states[0].as_list::<i32>(), states[1].as_list::<i32>());
        let floors = states[2].as_primitive::<Int64Type>();
        for row in (0..values.len()).filter(|row| values.is_valid(*row)) {
            let (values, counts) = (values.value(row), counts.value(row));
            let values: &LargeBinaryArray = values.as_binary();
            let counts = counts.as_primitive::<Int64Type>();
            let entries = (0..values.len()).map(|at| (values.value(at), counts.value(at)));
            self.counters.merge(entries, floors.value(row));
        }
        Ok(())
    }
}
