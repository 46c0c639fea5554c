//! Comparisons that the engine would simplify to ones that mean something else.
//!
//! From `CAST(x AS BIGINT) = 1` it takes the cast, and compares `x` itself with 1: where values become equal by the cast, as decimals
//! do, that finds others. To compare seconds with half a second it cuts that half off. And it puts two lists of one expression together as
//! if that were never NULL. Where that would be so, a call that gives back its argument stands around the cast, which the engine does not
//! look into; of times compared with finer constants [`super::coarse`] takes the cast away. It knows nothing of what is compared.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError, Result, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs,
    ScalarUDF, ScalarUDFImpl, Signature, TryCast, Volatility,
};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

use super::coarse::{Coarse, steps};
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

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        // Sources of ours take no conditions there.
        if matches!(plan, LogicalPlan::TableScan(_)) {
            return Ok(Transformed::no(plan));
        }
        let context = SimplifyContext::builder()
            .with_config_options(config.options())
            .with_query_execution_start_time(config.query_execution_start_time());
        let simplifier = ExprSimplifier::new(context.build());
        rewrite_expressions(plan, |expr, schema| in_expr(expr, &At { schema, simplifier: &simplifier }))
    }
}

fn in_expr(expr: Expr, at: &At<'_>) -> Result<Transformed<Expr>> {
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if op.supports_propagation() => {
            compared(*left, op, *right, at)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if loses_null(&left, op, &right) => {
            Ok(Transformed::yes(Expr::BinaryExpr(BinaryExpr { left, op, right: Box::new(with_held_subject(*right)) })))
        }
        Expr::InList(InList { expr, list, negated }) => among(*expr, list, negated, at),
        Expr::Between(Between { expr, negated, low, high }) => between(*expr, *low, *high, negated, at),
        other => Ok(Transformed::no(other)),
    }
}

/// The same comparison, as the engine cannot get wrong.
fn compared(left: Expr, op: Operator, right: Expr, at: &At<'_>) -> Result<Transformed<Expr>> {
    let comparison = |left, right| Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) });
    // What a cast makes NULL is not NULL without it.
    let tells_null = matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom);
    let is_lost = |subject: &Expr, other: &Expr| {
        Ok::<_, DataFusionError>(
            is_lost_to(subject, &[other], at.schema)? || tells_null && matches!(subject, Expr::TryCast(_)),
        )
    };
    for (subject, op, other) in [(&left, Some(op), &right), (&right, op.swap(), &left)] {
        let coarse = at.coarse(subject, &[other])?;
        if let Some(found) = coarse.zip(op).and_then(|(coarse, op)| coarse.compared(op, other)) {
            return Ok(Transformed::yes(found));
        }
    }
    if is_lost(&left, &right)? {
        return Ok(Transformed::yes(comparison(held(left), right)));
    }
    if is_lost(&right, &left)? {
        return Ok(Transformed::yes(comparison(left, held(right))));
    }
    Ok(Transformed::no(comparison(left, right)))
}

/// The same for `IN`.
fn among(subject: Expr, list: Vec<Expr>, negated: bool, at: &At<'_>) -> Result<Transformed<Expr>> {
    let all: Vec<&Expr> = list.iter().collect();
    if let Some(found) = at.coarse(&subject, &all)?.and_then(|coarse| coarse.among(&list, negated)) {
        return Ok(Transformed::yes(found));
    }
    let is_lost = is_lost_to(&subject, &all, at.schema)?;
    let expr = Box::new(if is_lost { held(subject) } else { subject });
    Ok(Transformed::new_transformed(Expr::InList(InList { expr, list, negated }), is_lost))
}

/// The same for `BETWEEN`.
fn between(subject: Expr, low: Expr, high: Expr, negated: bool, at: &At<'_>) -> Result<Transformed<Expr>> {
    if let Some(coarse) = at.coarse(&subject, &[&low, &high])? {
        return Ok(Transformed::yes(coarse.between(&low, &high, negated)));
    }
    let is_lost = is_lost_to(&subject, &[&low, &high], at.schema)?;
    let expr = Box::new(if is_lost { held(subject) } else { subject });
    let (low, high) = (Box::new(low), Box::new(high));
    Ok(Transformed::new_transformed(Expr::Between(Between { expr, negated, low, high }), is_lost))
}

/// Where expressions stand.
struct At<'a> {
    schema: &'a DFSchema,
    simplifier: &'a ExprSimplifier,
}

impl At<'_> {
    /// The times that `subject` casts to compare them with constants, if it does.
    fn coarse<'a>(&'a self, subject: &'a Expr, constants: &[&Expr]) -> Result<Option<Coarse<'a>>> {
        // One that makes times NULL is asked for.
        if constants.iter().any(|constant| constant.any_column_refs()) || matches!(subject, Expr::TryCast(_)) {
            return Ok(None);
        }
        let Some((times, to)) = parts(subject, self.schema)? else { return Ok(None) };
        let kind = times.get_type(self.schema)?;
        if steps(&kind, &to).is_none() || is_lost_within(times, self.schema)? {
            return Ok(None);
        }
        Ok(Some(Coarse { times, kind, simplifier: self.simplifier }))
    }
}

/// Whether a comparison of `subject` with one of `others` may come out otherwise without the cast that `subject` is.
fn is_lost_to(subject: &Expr, others: &[&Expr], schema: &DFSchema) -> Result<bool> {
    // It is taken from none that is compared with another column.
    if others.iter().any(|other| other.any_column_refs()) {
        return Ok(false);
    }
    let Some((inner, to)) = parts(subject, schema)? else { return Ok(false) };
    let from = inner.get_type(schema)?;
    Ok(is_finer(&from, &to) || !keeps(&from, &to) || is_lost_within(inner, schema)?)
}

/// Whether a cast within another one may not be taken away once that is.
fn is_lost_within(subject: &Expr, schema: &DFSchema) -> Result<bool> {
    let Some((inner, to)) = parts(subject, schema)? else { return Ok(false) };
    let from = inner.get_type(schema)?;
    Ok(is_finer(&from, &to) || !keeps(&from, &to) || is_lost_within(inner, schema)?)
}

/// Whether the second type is one of finer timestamps.
fn is_finer(from: &DataType, to: &DataType) -> bool {
    matches!(from, DataType::Timestamp(..)) && steps(from, to).is_some()
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
