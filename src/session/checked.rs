//! Sums, differences and products of integers that fail where the engine's own wrap around to a wrong number.
//!
//! `a + b - c` and `-a` over integers become one call of a function that computes the same and checks each step. Doubles round
//! and decimals are checked by the engine; neither is touched. It knows nothing of `sum`, which adds up many rows.

use std::sync::Arc;

use datafusion::arrow::compute::kernels::numeric;
use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result, ScalarValue, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    BinaryExpr, ColumnarValue, Expr, ExprSchemable, LogicalPlan, Operator, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, lit,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr_common::datum::apply;

use crate::functions::rewrite_expressions;

/// The rule that replaces operators by calls. It stands behind the engine's own, which make both sides one type.
#[derive(Debug)]
pub(super) struct CheckedArithmetic;

impl AnalyzerRule for CheckedArithmetic {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(|plan| rewrite_expressions(plan, in_expr)).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "checked_arithmetic"
    }
}

fn in_expr(expr: Expr, schema: &DFSchema) -> Result<Transformed<Expr>> {
    use Operator::{Minus, Multiply, Plus};
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op: op @ (Plus | Minus | Multiply), right })
            if right.get_type(schema)?.is_integer() && is_integer(&left, schema)? =>
        {
            Ok(Transformed::yes(call(*left, op, *right)))
        }
        Expr::Negative(value) => match value.get_type(schema)? {
            of if of.is_signed_integer() => Ok(Transformed::yes(call(lit(ScalarValue::new_zero(&of)?), Minus, *value))),
            _ => Ok(Transformed::no(Expr::Negative(value))),
        },
        other => Ok(Transformed::no(other)),
    }
}

fn is_integer(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    // The type of a long chain is not worked out again for each of its links.
    Ok(steps_of(expr).is_some() || expr.get_type(schema)?.is_integer())
}

/// One step more, if `left` is a call already: calls within calls, as deep as `dialect` lets expressions be, take the
/// engine minutes to plan.
fn call(left: Expr, operator: Operator, right: Expr) -> Expr {
    let mut steps = steps_of(&left).map(<[Operator]>::to_vec).unwrap_or_default();
    let mut args = match left {
        Expr::ScalarFunction(call) if !steps.is_empty() => call.args,
        other => vec![other],
    };
    steps.push(operator);
    args.push(right);
    let function = Checked { steps, signature: Signature::variadic_any(Volatility::Immutable) };
    Expr::ScalarFunction(ScalarFunction::new_udf(Arc::new(ScalarUDF::from(function)), args))
}

fn steps_of(expr: &Expr) -> Option<&[Operator]> {
    let Expr::ScalarFunction(call) = expr else { return None };
    call.func.inner().downcast_ref::<Checked>().map(|function| function.steps.as_slice())
}

/// `a + b - c`, from left to right, over values of one integer type.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    /// One fewer than the values.
    steps: Vec<Operator>,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        "checked"
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        // Other steps over the same values are another column.
        let mut text = String::from("checked(");
        for (at, value) in args.iter().enumerate() {
            if at > 0 {
                text.push_str(&format!(" {} ", self.steps[at - 1]));
            }
            text.push_str(&value.schema_name().to_string());
        }
        text.push(')');
        Ok(text)
    }

    fn display_name(&self, args: &[Expr]) -> Result<String> {
        self.schema_name(args)
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(types.first().cloned().unwrap_or(DataType::Null))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut values = args.args.into_iter();
        let Some(mut result) = values.next() else { return internal_err!("a sum of nothing") };
        for (value, step) in values.zip(&self.steps) {
            result = match step {
                Operator::Plus => apply(&result, &value, numeric::add),
                Operator::Minus => apply(&result, &value, numeric::sub),
                _ => apply(&result, &value, numeric::mul),
            }?;
        }
        Ok(result)
    }
}
