//! Lengths of time, added and compared as SQL does, where the engine does otherwise.
//!
//! It compares intervals part by part, so that 48 hours are less than a day; drops hours that are added to a date; and counts the
//! nanoseconds of a difference of times in 32 bits. Here lengths are compared as a whole, a day being 24 hours and a month 30 days; a
//! date with hours added is a timestamp. It knows nothing of windows.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Decimal128Array};
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Int64Type, IntervalMonthDayNanoType, IntervalUnit, TimeUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, cast, lit,
};
use datafusion::optimizer::AnalyzerRule;

use crate::functions::rewrite_expressions;

const DAY: i128 = 24 * 60 * 60 * 1_000_000_000;
const WIDE: DataType = DataType::Decimal128(38, 0);

/// The rule that does so. It stands before those of the engine that make types fit.
#[derive(Debug)]
pub(super) struct Spans;

impl AnalyzerRule for Spans {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| rewrite_expressions(plan, in_expr)).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "spans"
    }
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    // What has no type is told by the rules that need one.
    let type_of = |expr: &Expr| expr.get_type(schema).unwrap_or(DataType::Null);
    let are_spans = |exprs: &[&Expr]| {
        let mut types = exprs.iter().map(|expr| type_of(expr));
        types.all(|of| is_span(&of) || of.is_null()) && exprs.iter().any(|expr| is_interval(&type_of(expr)))
    };
    Ok(match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right })
            if op.supports_propagation() && are_spans(&[&*left, &*right]) =>
        {
            let (left, right) = (Box::new(whole(*left)), Box::new(whole(*right)));
            Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right }))
        }
        Expr::Between(Between { expr, negated, low, high }) if are_spans(&[&*expr, &*low, &*high]) => {
            let (expr, low, high) = (Box::new(whole(*expr)), Box::new(whole(*low)), Box::new(whole(*high)));
            Transformed::yes(Expr::Between(Between { expr, negated, low, high }))
        }
        Expr::InList(InList { expr, list, negated })
            if are_spans(&std::iter::once(&*expr).chain(&list).collect::<Vec<_>>()) =>
        {
            let (expr, list) = (Box::new(whole(*expr)), list.into_iter().map(whole).collect());
            Transformed::yes(Expr::InList(InList { expr, list, negated }))
        }
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::Plus | Operator::Minus), right }) => {
            // The right side first: a long chain goes down on the left.
            let (left, right, is_changed) = match type_of(&right) {
                of if is_span(&of) && !is_of_days(&right) && type_of(&left) == DataType::Date32 => {
                    (Box::new(midnight(*left)), right, true)
                }
                DataType::Date32 if is_span(&type_of(&left)) && !is_of_days(&left) => {
                    (left, Box::new(midnight(*right)), true)
                }
                _ => (left, right, false),
            };
            Transformed::new_transformed(Expr::BinaryExpr(BinaryExpr { left, op, right }), is_changed)
        }
        Expr::ScalarFunction(call) if call.name() == "date_part" => match part(&call, type_of) {
            Some(part) => Transformed::yes(part),
            None => Transformed::no(Expr::ScalarFunction(call)),
        },
        other => Transformed::no(other),
    })
}

fn is_interval(of: &DataType) -> bool {
    matches!(of, DataType::Interval(_))
}

fn is_span(of: &DataType) -> bool {
    matches!(of, DataType::Interval(_) | DataType::Duration(_))
}

/// Whether an interval surely has no hours: a date with days added is a date.
fn is_of_days(interval: &Expr) -> bool {
    match interval {
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(length)), _) => length.nanoseconds == 0,
        Expr::Literal(ScalarValue::IntervalDayTime(Some(length)), _) => length.milliseconds == 0,
        Expr::Literal(value, _) => value.is_null() || matches!(value, ScalarValue::IntervalYearMonth(_)),
        Expr::Negative(inner) => is_of_days(inner),
        _ => false,
    }
}

fn midnight(date: Expr) -> Expr {
    cast(date, DataType::Timestamp(TimeUnit::Microsecond, None))
}

/// A part of a duration. What the engine calls its hours, minutes and seconds are all of them, not those beyond its days, hours and
/// minutes, and it counts smaller parts in too few bits.
fn part(call: &ScalarFunction, type_of: impl Fn(&Expr) -> DataType) -> Option<Expr> {
    let [Expr::Literal(name, _), span] = call.args.as_slice() else { return None };
    let DataType::Duration(unit) = type_of(span) else { return None };
    let name = name.try_as_str()??.to_lowercase();
    let count = |unit| cast(cast(span.clone(), DataType::Duration(unit)), DataType::Int64);
    let within = |unit, of: i64| count(unit) % lit(of);
    Some(match name.trim_end_matches('s') {
        "epoch" => cast(count(unit), DataType::Float64) / lit(per_second(unit)),
        "hour" => within(TimeUnit::Second, 24 * 60 * 60) / lit(60_i64 * 60),
        "minute" => within(TimeUnit::Second, 60 * 60) / lit(60_i64),
        "second" => within(TimeUnit::Second, 60),
        "millisecond" => within(TimeUnit::Millisecond, 60_000),
        "microsecond" => within(TimeUnit::Microsecond, 60_000_000),
        "nanosecond" => within(TimeUnit::Nanosecond, 60_000_000_000),
        _ => return None,
    })
}

fn per_second(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1.0,
        TimeUnit::Millisecond => 1e3,
        TimeUnit::Microsecond => 1e6,
        TimeUnit::Nanosecond => 1e9,
    }
}

fn whole(span: Expr) -> Expr {
    let function = Whole { signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![span]))
}

/// A length of time in nanoseconds.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Whole {
    signature: Signature,
}

impl ScalarUDFImpl for Whole {
    fn name(&self) -> &'static str {
        "nanoseconds_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(WIDE)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let is_scalar = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [array] = arrays.as_slice() else { return internal_err!("there is one length") };
        let nanoseconds: Decimal128Array = match array.data_type() {
            DataType::Interval(_) => {
                let lengths = cast_array(array, &DataType::Interval(IntervalUnit::MonthDayNano))?;
                lengths.as_primitive::<IntervalMonthDayNanoType>().unary(|length| {
                    let days = i128::from(length.months) * 30 + i128::from(length.days);
                    days * DAY + i128::from(length.nanoseconds)
                })
            }
            DataType::Duration(unit) => {
                let step = DAY / (24 * 60 * 60) / per_second(*unit) as i128;
                let lengths = cast_array(array, &DataType::Int64)?;
                lengths.as_primitive::<Int64Type>().unary(|length| i128::from(length) * step)
            }
            _ => return Ok(ColumnarValue::Scalar(ScalarValue::Decimal128(None, 38, 0))),
        };
        let nanoseconds = nanoseconds.with_data_type(WIDE);
        match is_scalar {
            true => ScalarValue::try_from_array(&nanoseconds, 0).map(ColumnarValue::Scalar),
            false => Ok(ColumnarValue::Array(Arc::new(nanoseconds))),
        }
    }
}
