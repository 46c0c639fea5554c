//! What rows are sorted by, as columns: in `ORDER BY`, in windows and in aggregates.
//!
//! The engine asks of each sort key which values it may have, from the inside, and takes a key of which it cannot tell for one that
//! nothing is sorted by: a sort by `abs(n - 3)` of two files is refused once it is done. Of a column it can always tell, so what is
//! computed in more than one step is computed before. It knows nothing of what is computed.

use std::sync::Arc;

use datafusion::common::alias::AliasGenerator;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, Result};
use datafusion::logical_expr::expr::{AggregateFunction, ScalarFunction, Sort as SortKey, WindowFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Aggregate, Cast, Expr, LogicalPlan, LogicalPlanBuilder, Sort, Window};
use datafusion::optimizer::optimizer::{ApplyOrder, OptimizerConfig, OptimizerRule};

/// The rule that does so.
#[derive(Debug)]
pub(super) struct SortKeys;

impl OptimizerRule for SortKeys {
    fn name(&self) -> &'static str {
        "sort_keys"
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        Some(ApplyOrder::BottomUp)
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if !is_wanted(&plan)? {
            return Ok(Transformed::no(plan));
        }
        let mut keys = Keys { aliases: config.alias_generator(), found: Vec::new() };
        let (names, shown) = (NamePreserver::new(&plan), plan.schema().columns());
        let calls_in = |exprs: Vec<Expr>, keys: &mut Keys| {
            let call = |expr| Ok(names.save(&expr).restore(keys.within(expr)?));
            exprs.into_iter().map(call).collect::<Result<Vec<_>>>()
        };
        let rewritten = match plan {
            LogicalPlan::Sort(Sort { expr, input, fetch }) => {
                let expr = keys.all(expr);
                LogicalPlan::Sort(Sort { expr, input: keys.computed(input)?, fetch })
            }
            LogicalPlan::Window(Window { input, window_expr, .. }) => {
                let calls = calls_in(window_expr, &mut keys)?;
                LogicalPlan::Window(Window::try_new(calls, keys.computed(input)?)?)
            }
            LogicalPlan::Aggregate(Aggregate { input, group_expr, aggr_expr, .. }) => {
                let calls = calls_in(aggr_expr, &mut keys)?;
                LogicalPlan::Aggregate(Aggregate::try_new(keys.computed(input)?, group_expr, calls)?)
            }
            other => other,
        };
        let shown = LogicalPlanBuilder::from(rewritten).project(shown.into_iter().map(Expr::from))?.build()?;
        Ok(Transformed::yes(shown))
    }
}

/// Whether a plan sorts by something that is changed here.
fn is_wanted(plan: &LogicalPlan) -> Result<bool> {
    let is_wanted = |keys: &[SortKey]| {
        keys.iter().enumerate().any(|(at, key)| has_steps(&key.expr) || keys[..at].iter().any(|k| k.expr == key.expr))
    };
    let mut any = false;
    match plan {
        LogicalPlan::Sort(sort) => any = is_wanted(&sort.expr),
        LogicalPlan::Window(_) | LogicalPlan::Aggregate(_) => {
            plan.apply_expressions(|expr| {
                any |= expr.exists(|part| {
                    Ok(match part {
                        Expr::WindowFunction(call) => is_wanted(&call.params.order_by),
                        Expr::AggregateFunction(call) => is_wanted(&call.params.order_by),
                        _ => false,
                    })
                })?;
                Ok(if any { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
            })?;
        }
        _ => {}
    }
    Ok(any)
}

/// Keys that became columns.
struct Keys<'a> {
    aliases: &'a AliasGenerator,
    found: Vec<(Expr, String)>,
}

impl Keys<'_> {
    /// The keys that decide anything: rows that are alike by one are so in its second place, which the engine's aggregates do not take.
    fn all(&mut self, keys: Vec<SortKey>) -> Vec<SortKey> {
        let mut all: Vec<SortKey> = Vec::with_capacity(keys.len());
        for key in keys.into_iter().map(|key| self.of(key)) {
            if all.iter().all(|before| before.expr != key.expr) {
                all.push(key);
            }
        }
        all
    }

    fn of(&mut self, key: SortKey) -> SortKey {
        if !has_steps(&key.expr) {
            return key;
        }
        let SortKey { expr, asc, nulls_first } = key;
        let known = self.found.iter().find(|(known, _)| *known == expr).map(|(_, name)| name.clone());
        let name = known.unwrap_or_else(|| {
            let name = self.aliases.next("__sort_key");
            self.found.push((expr, name.clone()));
            name
        });
        SortKey { expr: Expr::Column(Column::new_unqualified(name)), asc, nulls_first }
    }

    /// A call whose keys are columns.
    fn within(&mut self, call: Expr) -> Result<Expr> {
        let done = call.transform_up(|expr| match expr {
            Expr::WindowFunction(mut call) => {
                let WindowFunction { params, .. } = call.as_mut();
                params.order_by = self.all(std::mem::take(&mut params.order_by));
                Ok(Transformed::yes(Expr::WindowFunction(call)))
            }
            Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
                params.order_by = self.all(params.order_by);
                Ok(Transformed::yes(Expr::AggregateFunction(AggregateFunction { func, params })))
            }
            other => Ok(Transformed::no(other)),
        })?;
        Ok(done.data)
    }

    /// What is below, with the keys.
    fn computed(&self, input: Arc<LogicalPlan>) -> Result<Arc<LogicalPlan>> {
        if self.found.is_empty() {
            return Ok(input);
        }
        let columns = input.schema().columns().into_iter().map(Expr::from);
        let keys = self.found.iter().map(|(key, name)| key.clone().alias(name));
        let columns: Vec<Expr> = columns.chain(keys).collect();
        LogicalPlanBuilder::from(input).project(columns)?.build().map(Arc::new)
    }
}

/// Whether more than one step leads from columns to a key.
fn has_steps(key: &Expr) -> bool {
    let mut has_steps = false;
    if !is_plain(key) {
        let _ = key.apply_children(|part| {
            has_steps |= !is_plain(part);
            Ok(TreeNodeRecursion::Continue)
        });
    }
    has_steps
}

/// A value, or a column or a field of one, as it is or cast.
fn is_plain(part: &Expr) -> bool {
    match part {
        Expr::Column(_) | Expr::OuterReferenceColumn(..) | Expr::Literal(..) => true,
        Expr::Cast(Cast { expr, .. }) => is_plain(expr),
        Expr::ScalarFunction(ScalarFunction { func, args }) => func.name() == "get_field" && args.iter().all(is_plain),
        _ => false,
    }
}
