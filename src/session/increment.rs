//! Whether a statement may be asked of new lines alone: what it makes of some lines must not depend on others.
//!
//! It knows nothing of what was read before.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::source::DataSourceExec;
use datafusion::logical_expr::{Expr, LogicalPlan, Volatility};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::sql::parser::Statement;

use super::{CATALOG, HISTORY, Planned, REJECTS, SOURCES, Session, failure};
use crate::catalog::is_source;
use crate::dialect::Script;
use crate::error::{Error, Result};
use crate::ndjson::source::NdjsonSource;

impl Session {
    /// Names of the sources whose rows a statement reads, and of the other tables of ours that it names.
    ///
    /// **Errors**: those of the statement's tables.
    pub fn tables_named(&self, script: &Script, statement: &Statement) -> Result<(Vec<String>, Vec<String>)> {
        let (statement, _) = self.prepare(script, statement)?;
        let references = self.engine.state().resolve_table_references(&statement);
        let references = references.map_err(|error| self.explain(error, script, &statement))?;
        let (mut sources, mut others) = (BTreeSet::new(), BTreeSet::new());
        for reference in references {
            let table = reference.resolve(CATALOG, SOURCES);
            if [REJECTS, HISTORY].contains(&&*table.schema) {
                others.insert(format!("{}.{}", table.schema, table.table));
            } else if self.is_source(&table.table) {
                sources.insert(table.table.to_string());
            }
        }
        Ok((sources.into_iter().collect(), others.into_iter().collect()))
    }
}

impl Planned {
    /// Whether each row comes of one line; else what makes it come of more, and why that matters.
    ///
    /// **Errors**: `Internal`, if the plan cannot be walked.
    pub fn beyond_lines(&self) -> Result<Option<(&'static str, &'static str)>> {
        below(&self.plan)
    }
}

/// What a plan reads of the rows of sources, as `source.column.field`, with types.
pub fn reads(plan: &dyn ExecutionPlan) -> BTreeMap<String, String> {
    let scan = plan.downcast_ref::<DataSourceExec>().and_then(DataSourceExec::downcast_to_file_source::<NdjsonSource>);
    let mut all = scan.map(|(_, source)| source.reads()).unwrap_or_default();
    plan.children().iter().for_each(|child| all.extend(reads(child.as_ref())));
    all
}

impl Session {
    /// What a statement reads, as [`reads`] has it.
    ///
    /// **Errors**: as [`Session::start`].
    pub async fn reads(&self, planned: &Planned) -> Result<BTreeMap<String, String>> {
        let plan = self.physical(planned.plan.clone()).await;
        let plan =
            plan.map_err(|error| failure::misplanned(error, &planned.script, &planned.statement, &self.engine))?;
        Ok(reads(plan.as_ref()))
    }
}

/// Aggregates whose states can be added to, and are what they are over all lines, in whatever order.
const ADDABLE: [&str; 12] = [
    "approx_distinct",
    "avg",
    "bit_and",
    "bit_or",
    "bit_xor",
    "bool_and",
    "bool_or",
    "count",
    "max",
    "mean",
    "min",
    "sum",
];

/// Why the groups of a statement cannot be added to, and what to do.
pub struct Unfoldable {
    /// Why.
    pub what: String,
    /// What to do.
    pub hint: String,
}

impl Planned {
    /// Whether the groups that it makes can be kept and added to; `key` names the columns that tell them apart. The last
    /// columns are for `folders`, by whose names people know them.
    ///
    /// **Errors**: `Internal`, if the plan cannot be walked.
    pub fn unfoldable(&self, key: &[String], folders: &[&str]) -> Result<Option<Unfoldable>> {
        let no = |what: String, hint: &str| Ok(Some(Unfoldable { what, hint: hint.to_owned() }));
        let from_all = "leave `mode` out, and the result is computed from all lines";
        let (chain, lowest) = chain(&self.plan);
        let Some(lowest) = lowest else {
            return no(
                "it has no groups that lines could be added to".to_owned(),
                "mode = \"append\" adds rows; GROUP BY makes groups",
            );
        };
        let LogicalPlan::Aggregate(aggregate) = chain[lowest] else { return Ok(None) };
        if chain[..=lowest].iter().any(|node| asks_others(node)) {
            return no("it has a subquery, whose answer changes with lines that come later".to_owned(), from_all);
        }
        if has_sessions(chain[lowest]) {
            return no("its groups are sessions, which grow with lines that come later".to_owned(), from_all);
        }
        if let Some((what, why)) = below(&aggregate.input)? {
            return no(format!("its groups are made of {what}: {why}"), from_all);
        }
        if let Some(what) = changing(chain[lowest]) {
            return no(format!("its groups are made by {what}, which is another at each run"), from_all);
        }
        if aggregate.group_expr.iter().any(|expr| matches!(expr, Expr::GroupingSet(_))) {
            return no(
                "it has groups of groups (ROLLUP, CUBE, GROUPING SETS)".to_owned(),
                "write a query for each of them",
            );
        }
        for expr in &aggregate.aggr_expr {
            if let Some(name) = unaddable(expr) {
                let addable = "count, sum, min, max, avg, bool_and, bool_or, bit_and, bit_or, bit_xor and approx_distinct can be added to";
                return no(format!("what {name} holds cannot be added to, and be what it is over all lines"), addable);
            }
        }
        Ok(wrong_key(&chain[..=lowest], aggregate.group_expr.len(), key, folders))
    }
}

/// The steps of a plan from the last to the first where they fork, and which of them is the lowest aggregate.
pub(super) fn chain(plan: &LogicalPlan) -> (Vec<&LogicalPlan>, Option<usize>) {
    let mut chain = vec![plan];
    while let Some([input]) = chain.last().map(|node| node.inputs()).as_deref() {
        chain.push(input);
    }
    let lowest = chain.iter().rposition(|node| matches!(node, LogicalPlan::Aggregate(_)));
    (chain, lowest)
}

/// A key that does not tell the groups apart, or names more.
fn wrong_key(chain: &[&LogicalPlan], groups: usize, key: &[String], folders: &[&str]) -> Option<Unfoldable> {
    let schema = chain.first()?.schema();
    let columns = schema.fields().len().saturating_sub(folders.len());
    let name = |at: usize| match at.checked_sub(columns).and_then(|folder| folders.get(folder)) {
        Some(folder) => (*folder).to_owned(),
        None => schema.field(at).name().clone(),
    };
    let traced: Vec<(String, usize)> =
        (0..schema.fields().len()).filter_map(|at| Some((name(at), group_of(chain, at)?))).collect();
    let told: BTreeSet<usize> = traced.iter().filter(|(name, _)| key.contains(name)).map(|(_, group)| *group).collect();
    let stray = key.iter().find(|name| !traced.iter().any(|(known, _)| known == *name));
    if stray.is_none() && told.len() == groups {
        return None;
    }
    let names: Vec<String> = traced.iter().map(|(name, _)| format!("\"{name}\"")).collect();
    let what = match stray {
        Some(name) => format!("`{name}` is no column of its groups"),
        None => "its `key` does not tell its groups apart".to_owned(),
    };
    let all: BTreeSet<usize> = traced.iter().map(|(_, group)| *group).collect();
    let hint = if all.len() == groups {
        format!("key = [{}]", names.join(", "))
    } else {
        "have the SELECT list name each expression of GROUP BY".to_owned()
    };
    Some(Unfoldable { what, hint })
}

/// Which expression of the lowest GROUP BY, the last of the chain, column number `at` of the first is.
fn group_of(chain: &[&LogicalPlan], at: usize) -> Option<usize> {
    let (node, rest) = chain.split_first()?;
    let expr = match node {
        LogicalPlan::Aggregate(aggregate) if rest.is_empty() => return (at < aggregate.group_expr.len()).then_some(at),
        LogicalPlan::Aggregate(aggregate) => aggregate.group_expr.get(at)?,
        LogicalPlan::Projection(projection) => projection.expr.get(at)?,
        _ => return (at < rest.first()?.schema().fields().len()).then(|| group_of(rest, at))?,
    };
    let Expr::Column(column) = expr.clone().unalias() else { return None };
    group_of(rest, rest.first()?.schema().index_of_column(&column).ok()?)
}

/// The name of an aggregate that cannot be added to, if this is one.
fn unaddable(expr: &Expr) -> Option<String> {
    let mut found = None;
    let walked = expr.apply(|part| {
        if let Expr::AggregateFunction(call) = part {
            let is_addable = ADDABLE.contains(&call.func.name()) && call.params.order_by.is_empty();
            found = found.take().or_else(|| (!is_addable).then(|| call.func.name().to_owned()));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok().then_some(found).flatten()
}

pub(super) fn below(plan: &LogicalPlan) -> Result<Option<(&'static str, &'static str)>> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        found = found.or_else(|| beyond_lines(node));
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    });
    walked.map_err(|error| Error::internal("a plan cannot be looked through").with_source(error))?;
    Ok(found)
}

/// Whether a step tells sessions apart, which grow with lines that come later.
pub(super) fn has_sessions(node: &LogicalPlan) -> bool {
    let is_session = |expr: &Expr| matches!(expr, Expr::ScalarFunction(call) if call.name().starts_with("session"));
    node.expressions().iter().any(|expr| expr.exists(|part| Ok(is_session(part))).unwrap_or(true))
}

/// What of a step, or of those below, is another at each run: a function such as `now()`.
pub(super) fn changing(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    let walked = plan.apply_with_subqueries(|node| {
        for expr in node.expressions() {
            expr.apply(|part| {
                if let Expr::ScalarFunction(call) = part
                    && call.func.signature().volatility != Volatility::Immutable
                {
                    found.get_or_insert_with(|| format!("{}()", call.name()));
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok().then_some(found).flatten()
}

pub(super) fn asks_others(node: &LogicalPlan) -> bool {
    let is_subquery = |expr: &Expr| {
        matches!(expr, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_))
    };
    node.expressions().iter().any(|expr| expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true))
}

/// What of a step makes rows of more than one line.
fn beyond_lines(node: &LogicalPlan) -> Option<(&'static str, &'static str)> {
    match node {
        _ if has_sessions(node) => Some(("SESSION", "a session grows with lines that come later")),
        _ if asks_others(node) => Some(("a subquery", "its answer changes with lines that come later")),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Unnest(_) => None,
        LogicalPlan::TableScan(scan) if is_source(scan) => None,
        LogicalPlan::TableScan(_) => Some(("a table that is no source", "nothing tells which of its rows are new")),
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => None,
        LogicalPlan::Aggregate(_) => Some(("an aggregate", "lines that come later belong to the same groups")),
        LogicalPlan::Window(_) => Some(("OVER", "a row changes with lines that come later")),
        LogicalPlan::Join(_) => Some(("a join", "lines that come later may belong to rows of before")),
        LogicalPlan::Distinct(_) => Some(("DISTINCT", "a row may have come before")),
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => Some(("LIMIT", "it counts the rows of all lines")),
        _ => Some(("such a statement", "its rows may come of many lines")),
    }
}
