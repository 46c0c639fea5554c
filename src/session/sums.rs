//! `sum` over integers that fails where the engine's own wraps around to a wrong number.
//!
//! The rows are added up as decimals of 38 digits, which no number of rows overflows, and the result is made an integer
//! again: that is checked. It knows nothing of `a + b`; that is the business of `checked`.

use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{AggregateFunction, WindowFunction};
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, LogicalPlan, Projection, Window, WindowFunctionDefinition, cast,
};
use datafusion::optimizer::AnalyzerRule;

const WIDE: DataType = DataType::Decimal128(38, 0);

/// The rule that widens sums. It stands behind the engine's own, which make all integers of a sum 64 bits wide.
#[derive(Debug)]
pub(super) struct CheckedSums;

impl AnalyzerRule for CheckedSums {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(in_plan).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "checked_sums"
    }
}

fn in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let widened = match &plan {
        LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => match widen(aggr_expr, input)? {
            Some(aggr_expr) => {
                LogicalPlan::Aggregate(Aggregate::try_new(Arc::clone(input), group_expr.clone(), aggr_expr)?)
            }
            None => return Ok(Transformed::no(plan)),
        },
        LogicalPlan::Window(Window { input, window_expr, .. }) => match widen(window_expr, input)? {
            Some(window_expr) => LogicalPlan::Window(Window::try_new(window_expr, Arc::clone(input))?),
            None => return Ok(Transformed::no(plan)),
        },
        _ => return Ok(Transformed::no(plan)),
    };
    narrow(widened, &plan).map(Transformed::yes)
}

/// The expressions with their sums over decimals; `None` if there is none over integers.
fn widen(exprs: &[Expr], input: &LogicalPlan) -> Result<Option<Vec<Expr>>> {
    let mut any = false;
    let mut widened = Vec::with_capacity(exprs.len());
    for expr in exprs {
        let (_, name) = expr.qualified_name();
        let mut wide = expr.clone().unalias();
        let is_sum = match integers_of(&mut wide) {
            Some(argument) if matches!(argument.get_type(input.schema())?, DataType::Int64 | DataType::UInt64) => {
                *argument = cast(std::mem::take(argument), WIDE);
                true
            }
            _ => false,
        };
        any |= is_sum;
        widened.push(if is_sum { wide.alias(name) } else { expr.clone() });
    }
    Ok(any.then_some(widened))
}

/// What `expr` adds up, if it is a sum.
fn integers_of(expr: &mut Expr) -> Option<&mut Expr> {
    let (name, args) = match expr {
        Expr::AggregateFunction(AggregateFunction { func, params }) => (func.name(), &mut params.args),
        Expr::WindowFunction(window) => {
            let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(func), params } = window.as_mut() else {
                return None;
            };
            (func.name(), &mut params.args)
        }
        _ => return None,
    };
    args.first_mut().filter(|_| name == "sum")
}

/// The columns of `plan` out of those of `widened`.
fn narrow(widened: LogicalPlan, plan: &LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().zip(widened.schema().iter()).map(|((qualifier, field), (_, wide))| {
        let column = Expr::Column(Column::from((qualifier, field.as_ref())));
        if wide.data_type() == field.data_type() {
            return column;
        }
        cast(column, field.data_type().clone()).alias_qualified(qualifier.cloned(), field.name())
    });
    let columns = columns.collect();
    Projection::try_new(columns, Arc::new(widened)).map(LogicalPlan::Projection)
}
