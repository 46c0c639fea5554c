//! `ORDER BY ALL`: by each column of the result, from left to right, each with the direction that is written.
//!
//! How many columns there are is known when the query is planned. Until then it says one that is out of bounds, and the
//! engine's refusal says how many there are.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, OrderBy, OrderByExpr, OrderByKind, Query, Value, ValueWithSpan, VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::default_source::inner_mut;
use super::walk::walk_mut;

/// A position that no result has, as nobody writes it.
const POSITION: &str = "000004294967295";

/// Takes the word `all` at `span` for all columns, if it is all that a query is ordered by. Returns whether it is.
pub fn ask_for_all(statement: &mut Statement, span: Option<Span>) -> bool {
    let is_it = |expr: &Expr| match expr {
        Expr::Identifier(name) => {
            name.quote_style.is_none()
                && name.value.eq_ignore_ascii_case("all")
                && span.is_none_or(|span| span == name.span)
        }
        _ => false,
    };
    replace(statement, &is_it, |only| vec![position(POSITION.to_owned(), &only)])
}

/// Orders by the `count` columns of the result that was asked for. Returns whether any was.
pub fn order_by_all(statement: &mut Statement, count: usize) -> bool {
    let is_it = |expr: &Expr| matches!(expr, Expr::Value(ValueWithSpan { value: Value::Number(text, _), .. }) if text == POSITION);
    replace(statement, &is_it, |only| (1..=count).map(|n| position(n.to_string(), &only)).collect())
}

fn position(text: String, like: &OrderByExpr) -> OrderByExpr {
    let value = ValueWithSpan { value: Value::Number(text, false), span: Span::empty() };
    OrderByExpr { expr: Expr::Value(value), options: like.options, with_fill: None }
}

/// Replaces what the first query is ordered by that is ordered by one expression that `is_it`.
fn replace(
    statement: &mut Statement,
    is_it: &dyn Fn(&Expr) -> bool,
    by: impl Fn(OrderByExpr) -> Vec<OrderByExpr>,
) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    walk_mut(sql, &mut Replacer { is_it, by }).is_break()
}

struct Replacer<'a, F> {
    is_it: &'a dyn Fn(&Expr) -> bool,
    by: F,
}

impl<F: Fn(OrderByExpr) -> Vec<OrderByExpr>> VisitorMut for Replacer<'_, F> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let Some(OrderBy { kind: OrderByKind::Expressions(exprs), .. }) = &mut query.order_by else {
            return ControlFlow::Continue(());
        };
        match exprs.as_slice() {
            [only] if (self.is_it)(&only.expr) => {
                *exprs = (self.by)(only.clone());
                if exprs.is_empty() {
                    query.order_by = None;
                }
                ControlFlow::Break(())
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn check(sql: &str, count: usize, expected: &str) {
        let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        let asked = ask_for_all(&mut statement, None);
        assert_eq!(order_by_all(&mut statement, count), asked);
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn all_becomes_positions() {
        check("SELECT a, b FROM t ORDER BY ALL", 2, "SELECT a, b FROM t ORDER BY 1, 2");
        check("FROM t ORDER BY all DESC NULLS LAST", 2, "FROM t ORDER BY 1 DESC NULLS LAST, 2 DESC NULLS LAST");
        check(
            "SELECT * FROM (SELECT a FROM t ORDER BY ALL LIMIT 1)",
            1,
            "SELECT * FROM (SELECT a FROM t ORDER BY 1 LIMIT 1)",
        );
        check("SELECT a FROM t ORDER BY ALL", 0, "SELECT a FROM t");
    }

    #[test]
    fn others_stay_as_they_are() {
        for sql in [r#"SELECT a FROM t ORDER BY "all""#, "SELECT a FROM t ORDER BY all, a", "SELECT a, all FROM t"] {
            check(sql, 1, sql);
        }
    }
}
