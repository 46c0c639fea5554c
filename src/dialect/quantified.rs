//! `x > ALL (SELECT …)` and `x = ANY (SELECT …)`: the engine compares columns of the query around with those of the query
//! within by their names, and over one table takes them for the same.
//!
//! So the query within gets a name of its own. And `x < ANY (list)`, which is false to it where NULL is in the list, stands as `NOT x >= ALL
//! (list)`, which means the same and is answered right. It knows no tables.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Query, SetExpr, TableFactor, UnaryOperator, VisitorMut};

use super::default_source::inner_mut;
use super::template;
use super::walk::walk_mut;

/// What such a query is put into.
const TEMPLATE: &str = "SELECT * FROM (SELECT 1) AS __compared";

/// Gives each query that a value is compared with a name.
pub(super) fn name_subqueries(statement: &mut Statement) {
    if let Some(sql) = inner_mut(statement) {
        let _ = walk_mut(sql, &mut Namer);
    }
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::AnyOp { right, .. } | Expr::AllOp { right, .. } = expr
            && let Expr::Subquery(query) = right.as_mut()
        {
            name(query);
        } else if let Expr::AnyOp { left, compare_op, right, .. } = expr
            && let Some(compare_op) = opposite(compare_op)
        {
            let (left, right) = (left.clone(), right.clone());
            let differs = Expr::AllOp { left, compare_op, right };
            *expr = Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(differs) };
        }
        ControlFlow::Continue(())
    }
}

/// What holds of two values where a comparison does not, if neither is NULL.
fn opposite(compare: &BinaryOperator) -> Option<BinaryOperator> {
    Some(match compare {
        BinaryOperator::Eq => BinaryOperator::NotEq,
        BinaryOperator::NotEq => BinaryOperator::Eq,
        BinaryOperator::Lt => BinaryOperator::GtEq,
        BinaryOperator::GtEq => BinaryOperator::Lt,
        BinaryOperator::Gt => BinaryOperator::LtEq,
        BinaryOperator::LtEq => BinaryOperator::Gt,
        _ => return None,
    })
}

fn name(query: &mut Box<Query>) {
    let Some(mut named) = template(TEMPLATE) else { return };
    if let SetExpr::Select(select) = named.body.as_mut()
        && let Some(TableFactor::Derived { subquery, .. }) = select.from.first_mut().map(|from| &mut from.relation)
    {
        std::mem::swap(subquery, query);
        *query = named;
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Script;

    #[test]
    fn queries_that_are_compared_with_have_a_name() {
        let parsed = |sql: &str| Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0).to_string();
        assert_eq!(
            parsed("SELECT a FROM t WHERE b > ALL(SELECT b FROM t) AND b = ANY(SELECT 1)"),
            "SELECT a FROM t WHERE b > ALL(SELECT * FROM (SELECT b FROM t) AS __compared) AND b = ANY(SELECT * FROM (SELECT 1) AS __compared)"
        );
        assert_eq!(parsed("SELECT a FROM t WHERE b = ANY(l) AND c"), "SELECT a FROM t WHERE NOT b <> ALL(l) AND c");
        assert_eq!(parsed("SELECT a FROM t WHERE b >= ANY(l)"), "SELECT a FROM t WHERE NOT b < ALL(l)");
        assert_eq!(parsed("SELECT a IN (SELECT b FROM t)"), "SELECT a IN (SELECT b FROM t)");
    }
}
