//! `parse_url(url).host`: a field of what is no column, which the engine takes as `['host']` only.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArguments, Ident, Value, VisitMut, VisitorMut,
};

use super::normal;

/// Names that the parser takes for calls of functions.
const USERS: [&str; 4] = ["user", "current_user", "session_user", "current_catalog"];

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

/// `user`, `current_user` and their like are columns: the parser takes them for functions, and the engine has none of them.
fn as_column(expr: &mut Expr) {
    if let Expr::Function(Function { name, args: FunctionArguments::None, .. }) = expr
        && let [part] = name.0.as_slice()
        && let Some(name) = part.as_ident().filter(|name| USERS.contains(&name.value.to_lowercase().as_str()))
    {
        *expr = Expr::Identifier(name.clone());
    }
}

/// A path that is all names.
fn path(root: &Expr, access_chain: &[AccessExpr]) -> Option<Vec<Ident>> {
    let mut path = match root {
        Expr::Identifier(name) => vec![name.clone()],
        Expr::CompoundIdentifier(names) => names.clone(),
        _ => return None,
    };
    for access in access_chain {
        let AccessExpr::Dot(Expr::Identifier(name)) = access else { return None };
        path.push(name.clone());
    }
    Some(path)
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        as_column(expr);
        let Expr::CompoundFieldAccess { root, access_chain } = expr else { return ControlFlow::Continue(()) };
        as_column(root);
        for access in access_chain.iter_mut() {
            if let AccessExpr::Dot(field) = access {
                as_column(field);
            }
        }
        if let Some(path) = path(root, access_chain) {
            *expr = Expr::CompoundIdentifier(path);
            return ControlFlow::Continue(());
        }
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
