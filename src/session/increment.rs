//! Whether a statement may be asked of new lines alone: what it makes of some lines must not depend on others.
//!
//! It knows nothing of what was read before.

use std::collections::BTreeSet;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::parser::Statement;

use super::{CATALOG, HISTORY, Planned, REJECTS, SOURCES, Session};
use crate::dialect::Script;
use crate::error::{Error, Result};

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
        let mut found = None;
        let walked = self.plan.apply_with_subqueries(|node| {
            found = found.or_else(|| beyond_lines(node));
            Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
        });
        walked.map_err(|error| Error::internal("a plan cannot be looked through").with_source(error))?;
        Ok(found)
    }
}

/// What of a step makes rows of more than one line.
fn beyond_lines(node: &LogicalPlan) -> Option<(&'static str, &'static str)> {
    let is_subquery = |expr: &Expr| {
        matches!(expr, Expr::ScalarSubquery(_) | Expr::InSubquery(_) | Expr::Exists(_) | Expr::SetComparison(_))
    };
    let asks_others = node.expressions().iter().any(|expr| expr.exists(|part| Ok(is_subquery(part))).unwrap_or(true));
    match node {
        _ if asks_others => Some(("a subquery", "its answer changes with lines that come later")),
        LogicalPlan::Projection(_)
        | LogicalPlan::Filter(_)
        | LogicalPlan::SubqueryAlias(_)
        | LogicalPlan::TableScan(_)
        | LogicalPlan::Union(_)
        | LogicalPlan::Unnest(_) => None,
        LogicalPlan::Sort(sort) if sort.fetch.is_none() => None,
        LogicalPlan::Aggregate(_) => Some(("an aggregate", "lines that come later belong to the same groups")),
        LogicalPlan::Window(_) => Some(("OVER", "a row changes with lines that come later")),
        LogicalPlan::Join(_) => Some(("a join", "lines that come later may belong to rows of before")),
        LogicalPlan::Distinct(_) => Some(("DISTINCT", "a row may have come before")),
        LogicalPlan::Limit(_) | LogicalPlan::Sort(_) => Some(("LIMIT", "it counts the rows of all lines")),
        _ => Some(("such a statement", "its rows may come of many lines")),
    }
}
