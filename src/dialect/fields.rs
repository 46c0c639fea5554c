//! `parse_url(url).host`: a field of what is no column, which the engine takes as `['host']` only.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Value, VisitMut, VisitorMut};

use super::normal;

/// Makes every name of a field behind a point what the engine takes for one.
pub(super) fn name_fields(statement: &mut Statement) {
    let _ = match statement {
        Statement::Statement(sql) => sql.visit(&mut Namer),
        Statement::Explain(explain) => {
            name_fields(&mut explain.statement);
            ControlFlow::Continue(())
        }
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => query.visit(&mut Namer),
            CopyToSource::Relation(_) => ControlFlow::Continue(()),
        },
        _ => ControlFlow::Continue(()),
    };
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let Expr::CompoundFieldAccess { root, access_chain } = expr else { return ControlFlow::Continue(()) };
        let is_name = |access: &AccessExpr| matches!(access, AccessExpr::Dot(Expr::Identifier(_)));
        // `table.column['field']`: what follows a name is a part of it.
        let of_name = match root.as_ref() {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => {
                access_chain.iter().take_while(|access| is_name(access)).count()
            }
            _ => 0,
        };
        for access in access_chain.iter_mut().skip(of_name) {
            if let AccessExpr::Dot(field) = access
                && let Expr::Identifier(name) = field
            {
                *field = Expr::Value(Value::SingleQuotedString(normal(name)).with_span(name.span));
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use crate::dialect::Script;

    fn check(sql: &str, expected: &str) {
        let script = Script { name: "q".into(), text: sql.into() };
        assert_eq!(script.parse().unwrap().remove(0).to_string(), expected);
    }

    #[test]
    fn fields_are_named_by_text() {
        check("SELECT f(x).Path, (f(x)).\"Path\"", "SELECT f(x).'path', (f(x)).'Path'");
        check("SELECT f(x)[1].a.b", "SELECT f(x)[1].'a'.'b'");
        check("EXPLAIN SELECT f(x).a", "EXPLAIN SELECT f(x).'a'");
        check("COPY (SELECT f(x).a) TO 'x.json'", "COPY (SELECT f(x).'a') TO x.json");
        check("SELECT t.x.y, f.g(x) FROM t", "SELECT t.x.y, f.g(x) FROM t");
        check("SELECT t.x['y'], t.x[1].y, x[1].y FROM t", "SELECT t.x['y'], t.x[1].'y', x[1].'y' FROM t");
    }
}
