//! `IN (SELECT …)`, `NOT IN` and `EXISTS` where the engine's joins would answer otherwise.
//!
//! To it `a NOT IN (SELECT …)` is unknown where it should be only if it stands alone, and the query within takes nothing from around it.
//! Elsewhere it refuses, or takes what is not known for false, so that `NOT (a IN (…) AND b)` had rows that SQL leaves out. And a query
//! within that always has one row, as an aggregate without groups does, has none to it where nothing is counted. So such conditions are
//! written with those that it gets right, before its rule makes joins of them. It knows nothing of where statements come from.

use std::sync::Arc;

use datafusion::common::alias::AliasGenerator;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, Result, ScalarValue, not_impl_err};
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    BinaryExpr, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Operator, exists, in_subquery, lit, not,
    not_exists, scalar_subquery, when,
};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

type Rule = Arc<dyn OptimizerRule + Send + Sync>;

/// The rule of the engine that makes joins of such conditions.
const MAKES_JOINS: &str = "decorrelate_predicate_subquery";

/// `rule`, given only conditions that it gets right.
pub(super) fn mended(rule: Rule) -> Rule {
    if rule.name() == MAKES_JOINS { Arc::new(ThreeValued(rule)) } else { rule }
}

#[derive(Debug)]
struct ThreeValued(Rule);

impl OptimizerRule for ThreeValued {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        // The engine's rule goes into the queries within by itself, without what is done here.
        let plan = plan.map_subqueries(|query| query.transform_down(|plan| self.rewrite(plan, config)))?.data;
        let LogicalPlan::Filter(mut filter) = plan else { return Ok(Transformed::no(plan)) };
        if !filter.predicate.exists(|expr| Ok(matches!(expr, Expr::InSubquery(_) | Expr::Exists(_))))? {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        }
        let around = Around { schema: filter.input.schema(), aliases: config.alias_generator() };
        let conditions = split_conjunction_owned(filter.predicate).into_iter();
        let conditions = conditions.map(|condition| around.alone(condition)).collect::<Result<Vec<_>>>()?;
        filter.predicate = conjunction(conditions).unwrap_or_else(|| lit(true));
        self.0.rewrite(LogicalPlan::Filter(filter), config)
    }
}

/// What stands around a query within.
struct Around<'a> {
    schema: &'a DFSchema,
    aliases: &'a AliasGenerator,
}

impl Around<'_> {
    /// One of the conditions that must all hold.
    fn alone(&self, condition: Expr) -> Result<Expr> {
        match positive(condition) {
            Expr::InSubquery(membership) if is_joined_right(&membership) => Ok(Expr::InSubquery(membership)),
            other => self.within(other, true),
        }
    }

    /// A condition, or a part of one. Where `only_true`, unknown and false are the same to what stands around it.
    fn within(&self, condition: Expr, only_true: bool) -> Result<Expr> {
        match positive(condition) {
            Expr::BinaryExpr(BinaryExpr { left, op: op @ (Operator::And | Operator::Or), right }) => {
                let (left, right) = (self.within(*left, only_true)?, self.within(*right, only_true)?);
                Ok(Expr::BinaryExpr(BinaryExpr { left: Box::new(left), op, right: Box::new(right) }))
            }
            Expr::Exists(Exists { subquery, negated }) if !subquery.outer_ref_columns.is_empty() => {
                // The one row is there whatever it holds.
                if has_one_row(&subquery.subquery) {
                    return Ok(lit(!negated));
                }
                let query = self.named(below(&subquery.subquery), lit(true))?.0;
                Ok(if negated { not_exists(query) } else { exists(query) })
            }
            Expr::InSubquery(membership) => self.membership(membership, only_true),
            other => Ok(other.map_children(|part| self.within(part, false).map(Transformed::yes))?.data),
        }
    }

    fn membership(&self, membership: InSubquery, only_true: bool) -> Result<Expr> {
        let InSubquery { expr, subquery, negated } = membership;
        let (expr, query) = (*expr, subquery.subquery);
        let is_correlated = !subquery.outer_ref_columns.is_empty();
        if is_correlated && has_one_row(&query) {
            let value = scalar_subquery(query);
            return Ok(if negated { expr.not_eq(value) } else { expr.eq(value) });
        }
        let (query, value) = self.named(below(&query), column(&query))?;
        if !negated && only_true {
            return Ok(in_subquery(expr, query));
        }
        let is_local = !expr.exists(|part| Ok(from_elsewhere(part)))?;
        let maybe = if is_correlated || is_local && !expr.any_column_refs() {
            // What a limit cuts off depends on the values around it, and is not the same once these are compared above it.
            if !is_local || is_correlated && takes_some(&query)? {
                return not_impl_err!("InSubquery of some rows, or of values from around the query that it is in");
            }
            let outer = outer(expr.clone(), self.schema)?;
            let unknown = value.clone().is_null().or(outer.clone().is_null());
            if negated && only_true {
                return Ok(not_exists(filtered(&query, outer.eq(value).or(unknown))?));
            }
            exists(filtered(&query, unknown)?)
        } else {
            let unknown = exists(any_row(&filtered(&query, value.is_null())?)?);
            if expr.nullable(self.schema)? {
                unknown.or(expr.clone().is_null().and(exists(any_row(&query)?)))
            } else {
                unknown
            }
        };
        let null = lit(ScalarValue::Boolean(None));
        let is_in = when(in_subquery(expr, query), lit(true)).when(maybe, null).otherwise(lit(false))?;
        Ok(if negated { not(is_in) } else { is_in })
    }

    /// A query for one column under a name that no other has, and that column.
    fn named(&self, input: &Arc<LogicalPlan>, value: Expr) -> Result<(Arc<LogicalPlan>, Expr)> {
        let name = Column::new(Some(self.aliases.next("__within")), "value");
        let value = value.alias_qualified(name.relation.clone(), &name.name);
        let query = LogicalPlanBuilder::from(Arc::clone(input)).project([value])?.build()?;
        Ok((Arc::new(query), Expr::Column(name)))
    }
}

/// What the columns of a query are computed from.
fn below(query: &Arc<LogicalPlan>) -> &Arc<LogicalPlan> {
    match query.as_ref() {
        LogicalPlan::Projection(projection) => &projection.input,
        _ => query,
    }
}

/// The column of a query for one column, computed from what is below.
fn column(query: &LogicalPlan) -> Expr {
    match query {
        LogicalPlan::Projection(projection) => projection.expr[0].clone().unalias(),
        _ => Expr::Column(Column::from(query.schema().qualified_field(0))),
    }
}

/// Whether the engine is right about a condition that stands alone.
fn is_joined_right(membership: &InSubquery) -> bool {
    let InSubquery { expr, subquery, negated } = membership;
    subquery.outer_ref_columns.is_empty() && (!negated || expr.any_column_refs())
}

/// `NOT` of what can be negated by itself is that.
fn positive(condition: Expr) -> Expr {
    match condition {
        Expr::Not(inner) => match *inner {
            Expr::InSubquery(InSubquery { expr, subquery, negated }) => {
                Expr::InSubquery(InSubquery { expr, subquery, negated: !negated })
            }
            Expr::Exists(Exists { subquery, negated }) => Expr::Exists(Exists { subquery, negated: !negated }),
            inner => not(inner),
        },
        condition => condition,
    }
}

/// Whether a query has one row, whatever it reads.
fn has_one_row(query: &LogicalPlan) -> bool {
    match query {
        LogicalPlan::Projection(projection) => has_one_row(&projection.input),
        LogicalPlan::SubqueryAlias(alias) => has_one_row(&alias.input),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.is_empty(),
        _ => false,
    }
}

fn takes_some(query: &LogicalPlan) -> Result<bool> {
    query.exists(|plan| Ok(matches!(plan, LogicalPlan::Limit(_))))
}

/// Whether a part of an expression means something else in a query within.
fn from_elsewhere(part: &Expr) -> bool {
    matches!(
        part,
        Expr::OuterReferenceColumn(..)
            | Expr::ScalarSubquery(_)
            | Expr::InSubquery(_)
            | Expr::Exists(_)
            | Expr::SetComparison(_)
    )
}

/// An expression as a query within names it.
fn outer(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let named = expr.transform(|part| match part {
        Expr::Column(column) => {
            let (qualifier, field) = schema.qualified_field_from_column(&column)?;
            let column = Column::from((qualifier, field));
            Ok(Transformed::yes(Expr::OuterReferenceColumn(Arc::clone(field), column)))
        }
        part => Ok(Transformed::no(part)),
    })?;
    Ok(named.data)
}

fn filtered(query: &Arc<LogicalPlan>, predicate: Expr) -> Result<Arc<LogicalPlan>> {
    LogicalPlanBuilder::from(Arc::clone(query)).filter(predicate)?.build().map(Arc::new)
}

fn any_row(query: &Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
    LogicalPlanBuilder::from(Arc::clone(query)).limit(0, Some(1))?.build().map(Arc::new)
}

#[cfg(test)]
mod tests {
    use datafusion::optimizer::Optimizer;

    use super::*;

    #[test]
    fn the_rule_of_the_engine_is_found() {
        let rules = Optimizer::new().rules.into_iter().map(mended);
        assert_eq!(rules.filter(|rule| format!("{rule:?}").starts_with("ThreeValued")).count(), 1);
    }
}
