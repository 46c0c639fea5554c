//! Clauses that the engine's parser takes and its planner passes over, or takes for others: the answer would be another one.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, GroupByWithModifier, Join, JoinConstraint, JoinOperator, OrderBy, OrderByKind, Query, Select,
    SelectItem, SetExpr, SetOperator, SetQuantifier, TableFactor, Visitor,
};

use super::default_source::inner;
use super::walk::walk;

/// A clause: the word that it is known by, in capitals, with what else tells which it is; and what to write instead.
pub type Ignored = (&'static str, &'static str);

/// The first such clause.
pub fn ignored_clause(statement: &Statement) -> Option<Ignored> {
    match walk(inner(statement)?, &mut Finder) {
        ControlFlow::Break(clause) => Some(clause),
        ControlFlow::Continue(()) => None,
    }
}

struct Finder;

impl Visitor for Finder {
    type Break = Ignored;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Ignored> {
        first(match factor {
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                Some(("TABLESAMPLE", "a sample that stays the same: WHERE _offset % 100 = 0"))
            }
            TableFactor::Table { version: Some(_), .. } => Some(("FOR", "event files have no versions: leave it out")),
            TableFactor::Table { with_hints, .. } if !with_hints.is_empty() => Some(("WITH", "leave it out")),
            TableFactor::Table { partitions, .. } if !partitions.is_empty() => {
                Some(("PARTITION", "folders such as day=1 are columns: write WHERE day = 1"))
            }
            _ => None,
        })
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Ignored> {
        first(in_select(select))
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Ignored> {
        first(match expr {
            Expr::SimilarTo { .. } => Some(("SIMILAR TO", "write LIKE, or a regular expression: a ~ '^x.*$'")),
            _ => None,
        })
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Ignored> {
        first(in_query(query))
    }
}

fn first(clause: Option<Ignored>) -> ControlFlow<Ignored> {
    clause.map_or(ControlFlow::Continue(()), ControlFlow::Break)
}

fn in_select(select: &Select) -> Option<Ignored> {
    if select.prewhere.is_some() {
        return Some(("PREWHERE", "write WHERE"));
    }
    if !select.connect_by.is_empty() {
        return Some(("CONNECT", "write WITH RECURSIVE"));
    }
    if let GroupByExpr::Expressions(_, modifiers) | GroupByExpr::All(modifiers) = &select.group_by
        && let Some(modifier) = modifiers.first()
    {
        return Some(match modifier {
            GroupByWithModifier::Rollup => ("ROLLUP", "write GROUP BY ROLLUP (a, b)"),
            GroupByWithModifier::Cube => ("CUBE", "write GROUP BY CUBE (a, b)"),
            GroupByWithModifier::Totals => ("TOTALS", "write GROUP BY GROUPING SETS ((a), ())"),
            GroupByWithModifier::GroupingSets(_) => ("GROUPING", "write GROUP BY GROUPING SETS ((a), ())"),
        });
    }
    if let Some(join) = select.from.iter().flat_map(|from| &from.joins).find_map(in_join) {
        return Some(join);
    }
    let is_like = |item: &SelectItem| match item {
        SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options) => options.opt_ilike.is_some(),
        _ => false,
    };
    select
        .projection
        .iter()
        .any(is_like)
        .then_some(("ILIKE", "name the columns, or those to leave out: * EXCLUDE (a, b)"))
}

/// The engine takes the columns of both sides from the left one, which rows of the right one alone do not have.
fn in_join(join: &Join) -> Option<Ignored> {
    let (word, constraint) = match &join.join_operator {
        JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => ("RIGHT JOIN with USING", constraint),
        JoinOperator::FullOuter(constraint) => ("FULL JOIN with USING", constraint),
        _ => return None,
    };
    let instead = "write ON a.k = b.k, and coalesce(a.k, b.k) where the column is asked for";
    matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural).then_some((word, instead))
}

/// How often rows stand in both sides is not counted.
fn in_set(body: &SetExpr) -> Option<Ignored> {
    let SetExpr::SetOperation { op, set_quantifier, left, right } = body else { return None };
    let word = match op {
        SetOperator::Except | SetOperator::Minus => "EXCEPT ALL",
        SetOperator::Intersect => "INTERSECT ALL",
        SetOperator::Union => "",
    };
    let counts = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    match word {
        "" => None,
        word => counts
            .then_some((word, "number the rows on both sides: row_number() OVER (PARTITION BY a, b), without ALL")),
    }
    .or_else(|| in_set(left))
    .or_else(|| in_set(right))
}

fn in_query(query: &Query) -> Option<Ignored> {
    if let Some(set) = in_set(&query.body) {
        return Some(set);
    }
    let is_filled = |order: &OrderBy| match &order.kind {
        OrderByKind::Expressions(exprs) => exprs.iter().any(|expr| expr.with_fill.is_some()),
        OrderByKind::All(_) => false,
    };
    if query.order_by.as_ref().is_some_and(is_filled) {
        return Some(("FILL", "join with generate_series(first, last, step), which has all of them"));
    }
    if !query.locks.is_empty() || query.for_clause.is_some() {
        return Some(("FOR", "a query only reads: leave it out"));
    }
    if query.settings.is_some() {
        return Some(("SETTINGS", "options of the engine are set before a statement: SET name = value;"));
    }
    query
        .format_clause
        .is_some()
        .then_some(("FORMAT", "the form of results is chosen by --format, or by the name of --output"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    #[test]
    fn they_are_noticed_wherever_they_stand() {
        let clause = |sql: &str| {
            let script = Script { name: "q".into(), text: sql.into() };
            ignored_clause(&script.parse().unwrap()[0]).map(|(word, _)| word)
        };
        assert_eq!(clause("SELECT * FROM events TABLESAMPLE BERNOULLI(10)"), Some("TABLESAMPLE"));
        assert_eq!(clause("SELECT (SELECT count(*) FROM t TABLESAMPLE SYSTEM (1))"), Some("TABLESAMPLE"));
        for (sql, word) in [
            ("SELECT a FROM t GROUP BY a WITH ROLLUP", "ROLLUP"),
            ("SELECT a FROM t GROUP BY a WITH CUBE", "CUBE"),
            ("SELECT a FROM t GROUP BY ALL WITH TOTALS", "TOTALS"),
            ("SELECT a FROM t PREWHERE b", "PREWHERE"),
            ("SELECT a FROM t CONNECT BY b = a", "CONNECT"),
            ("SELECT * ILIKE 'a%' FROM t", "ILIKE"),
            ("SELECT a FROM (SELECT a FROM t FOR UPDATE)", "FOR"),
            ("SELECT a FROM t SETTINGS b = 1", "SETTINGS"),
            ("SELECT a FROM t FORMAT JSON", "FORMAT"),
            ("SELECT a FROM t ORDER BY a WITH FILL", "FILL"),
            ("SELECT a SIMILAR TO 'b' FROM t", "SIMILAR TO"),
            ("SELECT a FROM t FULL JOIN s USING (k)", "FULL JOIN with USING"),
            ("SELECT a FROM t NATURAL RIGHT JOIN s", "RIGHT JOIN with USING"),
            ("SELECT a FROM t UNION ALL (SELECT b FROM s EXCEPT ALL SELECT c FROM r)", "EXCEPT ALL"),
            ("SELECT a FROM t INTERSECT ALL SELECT b FROM s", "INTERSECT ALL"),
        ] {
            assert_eq!(clause(sql), Some(word), "{sql}");
        }
        for sql in [
            "SELECT a FROM t LEFT JOIN s USING (k) FULL JOIN r ON t.k = r.k",
            "SELECT a FROM t UNION ALL SELECT b FROM s EXCEPT SELECT c FROM r",
        ] {
            assert_eq!(clause(sql), None, "{sql}");
        }
        assert_eq!(clause("SELECT a, * EXCLUDE (b) FROM t GROUP BY ROLLUP (a) ORDER BY a LIMIT 1"), None);
    }
}
