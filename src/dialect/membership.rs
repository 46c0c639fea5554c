//! `a NOT IN (SELECT …) OR b`: where what is in a query is not asked for by itself, the engine answers false where NULL is meant.
//!
//! There it stands as `a <> ALL (SELECT …)`, or `a = ANY (SELECT …)`, which mean the same and are answered right. By itself, or beside an
//! `AND`, it stays, for the engine joins then, which is faster. It knows no tables.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, Select, UnaryOperator, VisitorMut};

use super::default_source::inner_mut;
use super::walk::walk_mut;

/// Writes such conditions otherwise.
pub(super) fn compare_members(statement: &mut Statement) {
    if let Some(sql) = inner_mut(statement) {
        let _ = walk_mut(sql, &mut Filters);
    }
}

struct Filters;

impl VisitorMut for Filters {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let filters = [&mut select.selection, &mut select.having, &mut select.qualify];
        filters.into_iter().flatten().for_each(|filter| mend(filter, Place::Alone));
        ControlFlow::Continue(())
    }
}

/// Where a condition stands in a filter, which takes NULL for false.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// All rows that are kept meet it.
    Alone,
    /// Some meet another one instead.
    BesideOr,
    /// Whether it is false or NULL matters.
    Within,
}

fn mend(expr: &mut Expr, place: Place) {
    match expr {
        Expr::Nested(inner) => mend(inner, place),
        Expr::BinaryOp { left, op: BinaryOperator::And, right } => {
            mend(left, place);
            mend(right, place);
        }
        Expr::BinaryOp { left, op: BinaryOperator::Or, right } if place != Place::Within => {
            mend(left, Place::BesideOr);
            mend(right, Place::BesideOr);
        }
        Expr::InSubquery { negated: true, .. } if place == Place::Alone => {}
        Expr::InSubquery { negated: false, .. } if place != Place::Within => {}
        Expr::UnaryOp { op: UnaryOperator::Not, expr: inner } if place == Place::Alone && is_member(inner) => {}
        expr => drop(walk_mut(expr, &mut Members { depth: 0 })),
    }
}

fn is_member(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_member(inner),
        Expr::InSubquery { negated, .. } => !negated,
        _ => false,
    }
}

/// Finds what is asked of queries in an expression, and not what these ask.
struct Members {
    depth: usize,
}

impl VisitorMut for Members {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::InSubquery { expr: left, subquery, negated } = expr
        {
            let (left, right) = (left.clone(), Box::new(Expr::Subquery(subquery.clone())));
            *expr = match negated {
                true => Expr::AllOp { left, compare_op: BinaryOperator::NotEq, right },
                false => Expr::AnyOp { left, compare_op: BinaryOperator::Eq, right, is_some: false },
            };
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Script;

    #[test]
    fn members_are_compared_where_null_is_not_false() {
        let check = |filter: &str, expected: &str| {
            let text = format!("SELECT a FROM t WHERE {filter}");
            let parsed = Script { name: "q".into(), text }.parse().unwrap().remove(0).to_string();
            let expected = expected.replace("(q)", "(SELECT * FROM (SELECT b FROM u) AS __compared)");
            assert_eq!(parsed, format!("SELECT a FROM t WHERE {expected}"));
        };
        for stays in [
            "a IN (SELECT b FROM u)",
            "a NOT IN (SELECT b FROM u) AND c",
            "(c AND NOT (a IN (SELECT b FROM u)))",
            "a IN (SELECT b FROM u) OR c AND a IN (SELECT b FROM u)",
        ] {
            check(stays, stays);
        }
        check("a NOT IN (SELECT b FROM u) OR c", "a <> ALL(q) OR c");
        check("c OR c AND (a NOT IN (SELECT b FROM u))", "c OR c AND (a <> ALL(q))");
        check("(a IN (SELECT b FROM u)) IS NULL", "(a = ANY(q)) IS NULL");
        check("NOT (a IN (SELECT b FROM u) AND c)", "NOT (a = ANY(q) AND c)");
        check(
            "NOT (EXISTS (SELECT 1 FROM u WHERE a IN (SELECT b FROM u)))",
            "NOT (EXISTS (SELECT 1 FROM u WHERE a IN (SELECT b FROM u)))",
        );
    }
}
