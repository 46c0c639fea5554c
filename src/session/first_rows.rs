//! Several first or last values of one order, kept as one: `DISTINCT ON` asks for each column on its own, and each would keep the
//! keys of the order of each group again.
//!
//! It knows nothing of how groups are kept.

use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, Result};
use datafusion::functions::core::expr_fn::{get_field, named_struct};
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, Projection, lit};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{OptimizerConfig, OptimizerRule};

/// A call, and its place among the aggregates.
type Call = (usize, AggregateFunction);

/// The rule that does it. It stands behind the engine's own, which make first values of `DISTINCT ON`.
#[derive(Debug)]
pub(super) struct FirstRows;

impl OptimizerRule for FirstRows {
    fn name(&self) -> &'static str {
        "first_rows"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        let LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) = &plan else {
            return Ok(Transformed::no(plan));
        };
        let mut calls: Vec<Vec<Call>> = Vec::new();
        for (place, call) in
            aggr_expr.iter().enumerate().filter_map(|(place, expr)| Some((place, first(expr, group_expr)?)))
        {
            match calls.iter_mut().find(|calls| calls.iter().all(|(_, other)| is_alike(&call, other))) {
                Some(alike) => alike.push((place, call)),
                None => calls.push(vec![(place, call)]),
            }
        }
        calls.retain(|alike| alike.len() > 1);
        if calls.is_empty() {
            return Ok(Transformed::no(plan));
        }
        let names: Vec<_> = calls.iter().map(|_| config.alias_generator().next("first_rows")).collect();
        let is_joined = |place: usize| calls.iter().flatten().any(|(other, _)| *other == place);
        let others = aggr_expr.iter().enumerate().filter(|(place, _)| !is_joined(*place)).map(|(_, expr)| expr.clone());
        let joined = calls.iter().zip(&names).map(|(alike, name)| together(alike).alias(name));
        let aggregates = others.chain(joined).collect();
        let joined = Aggregate::try_new(Arc::clone(input), group_expr.clone(), aggregates)?;
        let columns = plan.schema().iter().enumerate().map(|(place, (qualifier, field))| {
            let place = place.checked_sub(group_expr.len());
            let within = |(alike, _): &(&Vec<Call>, &String)| alike.iter().any(|(other, _)| Some(*other) == place);
            match (calls.iter().zip(&names).find(within), place) {
                (Some((_, name)), Some(place)) => {
                    let value = get_field(Expr::Column(Column::new_unqualified(name)), place.to_string());
                    value.alias_qualified(qualifier.cloned(), field.name())
                }
                _ => Expr::Column(Column::from((qualifier, field))),
            }
        });
        let columns = columns.collect();
        let apart = Projection::try_new(columns, Arc::new(LogicalPlan::Aggregate(joined)))?;
        Ok(Transformed::yes(LogicalPlan::Projection(apart)))
    }
}

/// The call, if it is one of a first or last value, without keys that are the same in all rows of a group.
fn first(expr: &Expr, groups: &[Expr]) -> Option<AggregateFunction> {
    let Expr::AggregateFunction(mut call) = expr.clone().unalias() else { return None };
    let params = &call.params;
    let is_first = matches!(call.func.name(), "first_value" | "last_value") && params.args.len() == 1;
    let skips_nulls = params.null_treatment == Some(NullTreatment::IgnoreNulls);
    let varies = groups.iter().any(|group| matches!(group, Expr::GroupingSet(_)));
    if !is_first || params.distinct || skips_nulls || varies {
        return None;
    }
    call.params.order_by.retain(|by| !groups.contains(&by.expr));
    Some(call)
}

/// Whether two calls are about the same row of a group.
fn is_alike(one: &AggregateFunction, other: &AggregateFunction) -> bool {
    one.func.name() == other.func.name()
        && one.params.order_by == other.params.order_by
        && one.params.filter == other.params.filter
}

/// One call of all that is asked for.
fn together(alike: &[Call]) -> Expr {
    let fields = alike.iter().flat_map(|(place, call)| [lit(place.to_string()), call.params.args[0].clone()]);
    let (_, call) = &alike[0];
    let mut call = call.clone();
    call.params.args = vec![named_struct(fields.collect())];
    Expr::AggregateFunction(call)
}
