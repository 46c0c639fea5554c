//! Timestamps and dates that are compared with finer constants.
//!
//! `day = TIMESTAMP '2026-05-01T12:00:00'` is planned as a cast of each day to nanoseconds. That fails for years far away, hides from a
//! scan which parts of a file it may leave out, and what the engine makes of it cuts the constant off. Here the constant becomes as coarse
//! as what is compared: it is rounded to the side that keeps the answer. It knows nothing of scans.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::{InList, ScalarFunction};
use datafusion::logical_expr::{
    Between, BinaryExpr, Cast, ColumnarValue, Expr, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast as cast_expr,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;

/// Times that are cast to a finer type, to be compared.
pub(super) struct Coarse<'a> {
    /// The times.
    pub(super) times: &'a Expr,
    /// Their type.
    pub(super) kind: DataType,
    /// Tells the value of constants.
    pub(super) simplifier: &'a ExprSimplifier,
}

/// How many of the second type's steps are one of the first, if those are times and the second is finer.
pub(super) fn steps(coarse: &DataType, fine: &DataType) -> Option<i64> {
    match (coarse, fine) {
        (DataType::Timestamp(unit, zone), DataType::Timestamp(finer, other)) => {
            let (unit, finer) = (per_second(*unit), per_second(*finer));
            (zone.is_some() == other.is_some() && unit < finer).then(|| finer / unit)
        }
        (DataType::Date32, DataType::Timestamp(finer, None)) => Some(24 * 60 * 60 * per_second(*finer)),
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

impl Coarse<'_> {
    /// The comparison with a constant, the times to its left; `None` where nothing as coarse answers it.
    pub(super) fn compared(&self, op: Operator, constant: &Expr) -> Option<Expr> {
        let right = match op {
            Operator::Lt | Operator::GtEq => self.rounded(constant, true),
            Operator::Gt | Operator::LtEq => self.rounded(constant, false),
            _ => match (self.whole(constant), op) {
                (Some(whole), _) => whole,
                // There is none between the next one up and the next one down.
                (None, Operator::Eq) => return Some(self.between(constant, constant, false)),
                (None, Operator::NotEq) => return Some(self.between(constant, constant, true)),
                _ => return None,
            },
        };
        let (left, right) = (Box::new(self.times.clone()), Box::new(right));
        Some(Expr::BinaryExpr(BinaryExpr { left, op, right }))
    }

    /// The same for `BETWEEN`.
    pub(super) fn between(&self, low: &Expr, high: &Expr, negated: bool) -> Expr {
        let (low, high) = (Box::new(self.rounded(low, true)), Box::new(self.rounded(high, false)));
        Expr::Between(Between { expr: Box::new(self.times.clone()), negated, low, high })
    }

    /// The same for `IN`; `None` if one of the constants lies between two times.
    pub(super) fn among(&self, list: &[Expr], negated: bool) -> Option<Expr> {
        let list = list.iter().map(|constant| self.whole(constant)).collect::<Option<_>>()?;
        Some(Expr::InList(InList { expr: Box::new(self.times.clone()), list, negated }))
    }

    /// The one time that a constant is.
    fn whole(&self, constant: &Expr) -> Option<Expr> {
        // What is wrong with it is told where it is computed.
        let constant = self.simplifier.simplify(self.within_reach(constant)).ok()?;
        let Expr::Literal(value, _) = &constant else { return None };
        if value.data_type() == self.kind {
            return Some(constant);
        }
        let step = steps(&self.kind, &value.data_type())?;
        let whole = match value.cast_to(&DataType::Int64).ok()? {
            ScalarValue::Int64(Some(at)) if at % step == 0 => ScalarValue::Int64(Some(at / step)),
            ScalarValue::Int64(None) => ScalarValue::Int64(None),
            _ => return None,
        };
        Some(Expr::Literal(whole.cast_to(&self.kind).ok()?, None))
    }

    /// The constant in microseconds, if it is written as a text or a date that nanoseconds do not reach.
    fn within_reach(&self, constant: &Expr) -> Expr {
        let nearer = || {
            let Expr::Cast(Cast { expr, field, .. }) = constant else { return None };
            let written = self.simplifier.simplify(expr.as_ref().clone()).ok()?;
            let Expr::Literal(value, _) = &written else { return None };
            let DataType::Timestamp(TimeUnit::Nanosecond, zone) = field.data_type() else { return None };
            let is_exact = match value.try_as_str() {
                Some(text) => text?.rsplit_once('.').is_none_or(|(_, decimals)| decimals.len() <= 6),
                None => value.data_type() == DataType::Date32,
            };
            let kind = DataType::Timestamp(TimeUnit::Microsecond, zone.clone());
            is_exact.then(|| cast_expr(written.clone(), kind))
        };
        match self.simplifier.simplify(constant.clone()) {
            Ok(_) => None,
            Err(_) => nearer(),
        }
        .unwrap_or_else(|| constant.clone())
    }

    /// The next time up or down.
    fn rounded(&self, constant: &Expr, is_up: bool) -> Expr {
        if let Some(whole) = self.whole(constant) {
            return whole;
        }
        let function = Rounded { to: self.kind.clone(), is_up, signature: Signature::any(1, Volatility::Immutable) };
        let function = Arc::new(ScalarUDF::from(function));
        Expr::ScalarFunction(ScalarFunction::new_udf(function, vec![self.within_reach(constant)]))
    }
}

/// A time in a coarser type: the next whole one up or down.
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
        let [array] = arrays.as_slice() else { return internal_err!("there is one time") };
        let Some(step) = steps(&self.to, array.data_type()) else {
            return internal_err!("it is no finer time");
        };
        let at = cast(array, &DataType::Int64)?;
        let up = i64::from(self.is_up);
        // Days have fewer bits; those that are left out are beyond all that a file can hold.
        let (least, most) = match self.to {
            DataType::Date32 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        };
        let round = |at: i64| (at.div_euclid(step) + up * i64::from(at.rem_euclid(step) != 0)).clamp(least, most);
        let whole: Int64Array = at.as_primitive::<Int64Type>().unary(round);
        Ok(ColumnarValue::Array(cast(&whole, &self.to)?))
    }
}
