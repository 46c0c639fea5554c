//! Comparisons that the engine would simplify to ones that mean something else.
//!
//! From `CAST(x AS BIGINT) = 1` it takes the cast, and compares `x` itself with 1: where values become equal by the cast, as decimals
//! do, that finds others. To compare seconds with half a second it cuts that half off. And it puts two lists of one expression together as
//! if that were never NULL. Where that would be so, a call that gives back its argument stands around the cast, which the engine does not
//! look into; and what seconds are compared with is rounded to the side that keeps the answer. It knows nothing of what is compared.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility,
};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

use crate::functions::rewrite_expressions;

/// The rule that does so. It stands before those of the engine that simplify, and is asked each time anew: what is compared may come
/// together only when conditions have been moved.
#[derive(Debug)]
pub(super) struct ExactComparisons;

impl OptimizerRule for ExactComparisons {
    fn name(&self) -> &'static str {
        "exact_comparisons"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, _: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        match plan {
            // Sources of ours take no conditions there.
            LogicalPlan::TableScan(_) => Ok(Transformed::no(plan)),
            plan => rewrite_expressions(plan, in_expr),
        }
    }
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            compared(*left, op, *right, schema)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if loses_null(&left, op, &right) => {
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right: Box::new(with_held_subject(*right)) })))
        }
        Expr::InList(InList { expr, list, negated })
            if is_lost_to(&expr, &list.iter().collect::<Vec<_>>(), schema)? =>
        {
            Ok(Transformed::yes(Expr::InList(InList { expr: Box::new(held(*expr)), list, negated })))
        }
        Expr::Between(Between { expr, negated, low, high }) if is_lost_to(&expr, &[&low, &high], schema)? => {
            Ok(Transformed::yes(Expr::Between(Between { expr: Box::new(held(*expr)), negated, low, high })))
        }
        other => Ok(Transformed::no(other)),
    }
}

/// The same comparison, as the engine cannot get wrong.
fn compared(left: Expr, op: Operator, right: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    let comparison = |left, right| Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) });
    // What a cast makes NULL is not NULL without it.
    let tells_null = matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom);
    let is_lost = |subject: &Expr, other: &Expr| {
        Ok::<_, DataFusionError>(
            is_lost_to(subject, &[other], schema)? || tells_null && matches!(subject, Expr::TryCast(_)),
        )
    };
    if is_lost(&left, &right)? {
        let (subject, other) = match rounded(&left, Some(op), &right, schema)? {
            Some(sides) => sides,
            None => (held(left), right),
        };
        return Ok(Transformed::yes(comparison(subject, other)));
    }
    if is_lost(&right, &left)? {
        let (subject, other) = match rounded(&right, op.swap(), &left, schema)? {
            Some(sides) => sides,
            None => (held(right), left),
        };
        return Ok(Transformed::yes(comparison(other, subject)));
    }
    Ok(Transformed::no(comparison(left, right)))
}

/// Whether a comparison of `subject` with one of `others` may come out otherwise without the cast that `subject` is.
fn is_lost_to(subject: &Expr, others: &[&Expr], schema: &DFSchema) -> Result<bool> {
    // It is taken from none that is compared with another column.
    if others.iter().any(|other| other.any_column_refs()) {
        return Ok(false);
    }
    let Some((inner, to)) = parts(subject, schema)? else { return Ok(false) };
    let from = inner.get_type(schema)?;
    let is_lost = match times(&from, &to) {
        Some((unit, finer)) => !others.iter().all(|other| is_whole(other, unit, finer)),
        None => !keeps(&from, &to),
    };
    Ok(is_lost || is_lost_within(inner, schema)?)
}

/// Whether a cast within another one may not be taken away once that is.
fn is_lost_within(subject: &Expr, schema: &DFSchema) -> Result<bool> {
    let Some((inner, to)) = parts(subject, schema)? else { return Ok(false) };
    let from = inner.get_type(schema)?;
    Ok(times(&from, &to).is_some() || !keeps(&from, &to) || is_lost_within(inner, schema)?)
}

/// What is cast, and to which type, if the expression is a cast or becomes one.
fn parts<'a>(cast: &'a Expr, schema: &DFSchema) -> Result<Option<(&'a Expr, DataType)>> {
    Ok(match cast {
        Expr::Cast(Cast { expr, field, .. }) | Expr::TryCast(TryCast { expr, field, .. }) => {
            Some((expr, field.data_type().clone()))
        }
        Expr::ScalarFunction(call) if ["arrow_cast", "arrow_try_cast"].contains(&call.func.name()) => {
            let to = cast.get_type(schema)?;
            call.args.first().map(|inner| (inner, to))
        }
        _ => None,
    })
}

/// The units of two timestamps of one kind, of which the second is finer.
fn times(from: &DataType, to: &DataType) -> Option<(TimeUnit, TimeUnit)> {
    match (from, to) {
        (DataType::Timestamp(unit, zone), DataType::Timestamp(finer, other))
            if zone.is_some() == other.is_some() && per_second(*unit) < per_second(*finer) =>
        {
            Some((*unit, *finer))
        }
        _ => None,
    }
}

fn per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Whether `other` is a constant of whole `unit`s.
fn is_whole(other: &Expr, unit: TimeUnit, finer: TimeUnit) -> bool {
    use ScalarValue::{TimestampMicrosecond, TimestampMillisecond, TimestampNanosecond, TimestampSecond};
    match other {
        Expr::Literal(value, _) if value.is_null() => true,
        Expr::Literal(
            TimestampSecond(Some(at), _)
            | TimestampMillisecond(Some(at), _)
            | TimestampMicrosecond(Some(at), _)
            | TimestampNanosecond(Some(at), _),
            _,
        ) => at % (per_second(finer) / per_second(unit)) == 0,
        _ => false,
    }
}

/// Whether a cast makes no two values one, changes no order and leaves nothing out; or is one that the engine takes nothing from.
fn keeps(from: &DataType, to: &DataType) -> bool {
    use DataType::{Date32, Date64, Int64, Timestamp};
    let is_time = |kind: &DataType| matches!(kind, Date32 | Date64 | Timestamp(..));
    let is_number = |kind: &DataType| integer(kind).is_some() || decimal(kind).is_some();
    if from == to || [from, to].into_iter().any(|kind| !is_time(kind) && !is_number(kind)) {
        return true;
    }
    match (from, to) {
        (Timestamp(_, zone), Timestamp(_, other)) => zone.is_some() == other.is_some(),
        // What it does not get right among these it leaves alone.
        (from, to) if is_time(from) && is_time(to) => true,
        (from, Int64) if is_time(from) => true,
        (Int64, Timestamp(..)) => true,
        (from, to) => match (integer(from), integer(to), decimal(from), decimal(to)) {
            (Some((is_signed, bits)), Some((holds_signs, holds)), ..) => bits <= holds && (holds_signs || !is_signed),
            (Some((_, bits)), _, _, Some((whole, _))) => i32::from(whole) > bits * 30_103 / 100_000,
            (.., Some((whole, fraction)), Some((holds, more))) => whole <= holds && fraction <= more,
            _ => false,
        },
    }
}

/// Whether an integer has a sign, and the bits beside it.
fn integer(kind: &DataType) -> Option<(bool, i32)> {
    Some(match kind {
        DataType::UInt8 => (false, 8),
        DataType::UInt16 => (false, 16),
        DataType::UInt32 => (false, 32),
        DataType::UInt64 => (false, 64),
        DataType::Int8 => (true, 7),
        DataType::Int16 => (true, 15),
        DataType::Int32 => (true, 31),
        DataType::Int64 => (true, 63),
        _ => return None,
    })
}

/// The digits of a decimal before its point and behind it.
fn decimal(kind: &DataType) -> Option<(i16, i8)> {
    match kind {
        DataType::Decimal32(precision, scale)
        | DataType::Decimal64(precision, scale)
        | DataType::Decimal128(precision, scale) => Some((i16::from(*precision) - i16::from(*scale), *scale)),
        _ => None,
    }
}

/// For `CAST(seconds AS TIMESTAMP(9)) < x` its sides in whole seconds; `None` where nothing round answers it.
fn rounded(subject: &Expr, op: Option<Operator>, other: &Expr, schema: &DFSchema) -> Result<Option<(Expr, Expr)>> {
    let Some((inner, to)) = parts(subject, schema)? else { return Ok(None) };
    let from = inner.get_type(schema)?;
    if times(&from, &to).is_none() || is_lost_within(inner, schema)? {
        return Ok(None);
    }
    let is_up = match op {
        Some(Operator::Lt | Operator::GtEq) => true,
        Some(Operator::Gt | Operator::LtEq) => false,
        _ => return Ok(None),
    };
    let function = Rounded { to: from, is_up, signature: Signature::any(1, Volatility::Immutable) };
    let call = ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![other.clone()]);
    Ok(Some((inner.clone(), Expr::ScalarFunction(call))))
}

/// Whether two lists of one expression have nothing in common, or may not: the engine then says that nothing is in both, also of NULL.
fn loses_null(left: &Expr, op: Operator, right: &Expr) -> bool {
    let (Some((left, is_not_left)), Some((right, is_not_right))) = (list_of(left), list_of(right)) else {
        return false;
    };
    left == right
        && match op {
            Operator::And => !(is_not_left && is_not_right),
            Operator::Or => is_not_left && is_not_right,
            _ => false,
        }
}

/// What is looked for in a list, and whether it is not to be there.
fn list_of(expr: &Expr) -> Option<(&Expr, bool)> {
    match expr {
        Expr::InList(list) => Some((&list.expr, list.negated)),
        Expr::Not(inner) => list_of(inner).map(|(subject, is_not)| (subject, !is_not)),
        _ => None,
    }
}

fn with_held_subject(expr: Expr) -> Expr {
    match expr {
        Expr::InList(InList { expr, list, negated }) => {
            Expr::InList(InList { expr: Box::new(held(*expr)), list, negated })
        }
        Expr::Not(inner) => Expr::Not(Box::new(with_held_subject(*inner))),
        other => other,
    }
}

fn held(expr: Expr) -> Expr {
    let function = Held { signature: Signature::any(1, Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), vec![expr]))
}

/// A value as it is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Held {
    signature: Signature,
}

impl ScalarUDFImpl for Held {
    fn name(&self) -> &'static str {
        "held"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        match args.args.into_iter().next() {
            Some(value) => Ok(value),
            None => internal_err!("there is one value"),
        }
    }
}

/// A timestamp in a coarser unit: the next whole one up or down.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rounded {
    to: DataType,
    is_up: bool,
    signature: Signature,
}

impl ScalarUDFImpl for Rounded {
    fn name(&self) -> &'static str {
        if self.is_up { "rounded_up" } else { "rounded_down" }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.to.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [array] = arrays.as_slice() else { return internal_err!("there is one timestamp") };
        let Some((unit, finer)) = times(&self.to, array.data_type()) else {
            return internal_err!("it is no finer timestamp");
        };
        let step = per_second(finer) / per_second(unit);
        let at = cast(array, &DataType::Int64)?;
        let up = i64::from(self.is_up);
        let round = |at: i64| at.div_euclid(step) + up * i64::from(at.rem_euclid(step) != 0);
        let whole: Int64Array = at.as_primitive::<Int64Type>().unary(round);
        Ok(ColumnarValue::Array(cast(&whole, &self.to)?))
    }
}
