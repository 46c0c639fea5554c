//! `commit.record.langs[1].code`, `parse_url(url).host`: a path of names and indexes, in one form that the engine takes however
//! it is mixed.
//!
//! The names before the first index are one compound name, of which the engine finds out what is table, column and
//! field; those behind it, or behind what is no name, are fields, which it takes as texts only. It knows no columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Function, FunctionArguments, Ident, Value, VisitorMut};

use super::default_source::{in_sql, inner_mut};
use super::normal;
use super::walk::walk_mut;
use crate::error::Result;

/// Names that the parser takes for calls of functions, of which the engine has none.
const USERS: [&str; 4] = ["user", "current_user", "session_user", "current_catalog"];

/// Brings all paths into that form.
///
/// **Errors**: none.
pub(super) fn even_paths(statement: &mut Statement) -> Result<()> {
    in_sql(statement, |sql| {
        let _ = walk_mut(sql, &mut Evener);
        Ok(())
    })
}

/// Makes fields of all names that stand behind `column` in a path, whether it is written with its table or without.
/// Returns whether there were any.
pub fn split_paths(statement: &mut Statement, column: &[String]) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    let mut splitter = Splitter { column, any: false };
    let _ = walk_mut(sql, &mut splitter);
    splitter.any
}

struct Evener;

impl VisitorMut for Evener {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        as_column(expr);
        let Expr::CompoundFieldAccess { root, access_chain } = expr else { return ControlFlow::Continue(()) };
        as_column(root);
        for access in access_chain.iter_mut() {
            if let AccessExpr::Dot(name) = access {
                as_column(name);
            }
        }
        let mut rest = std::mem::take(access_chain).into_iter().peekable();
        let mut names = match root.as_ref() {
            Expr::Identifier(name) => vec![name.clone()],
            Expr::CompoundIdentifier(names) => names.clone(),
            _ => Vec::new(),
        };
        while !names.is_empty()
            && let Some(AccessExpr::Dot(Expr::Identifier(name))) =
                rest.next_if(|access| matches!(access, AccessExpr::Dot(Expr::Identifier(_))))
        {
            names.push(name);
        }
        if names.len() > 1 {
            **root = Expr::CompoundIdentifier(names);
        }
        *access_chain = rest.map(as_field).collect();
        if access_chain.is_empty() {
            *expr = root.as_ref().clone();
        }
        ControlFlow::Continue(())
    }
}

/// `user`, `current_user` and their like are columns.
fn as_column(expr: &mut Expr) {
    if let Expr::Function(Function { name, args: FunctionArguments::None, .. }) = expr
        && let [part] = name.0.as_slice()
        && let Some(name) = part.as_ident().filter(|name| USERS.contains(&name.value.to_lowercase().as_str()))
    {
        *expr = Expr::Identifier(name.clone());
    }
}

fn as_field(access: AccessExpr) -> AccessExpr {
    match access {
        AccessExpr::Dot(Expr::Identifier(name)) => field(&name),
        other => other,
    }
}

fn field(name: &Ident) -> AccessExpr {
    AccessExpr::Dot(Expr::Value(Value::SingleQuotedString(normal(name)).with_span(name.span)))
}

struct Splitter<'a> {
    column: &'a [String],
    any: bool,
}

impl Splitter<'_> {
    /// How many of `names` are the column, if there are more behind it.
    fn length(&self, names: &[Ident]) -> Option<usize> {
        let is_column = |length: &usize| {
            let written = names[..*length].iter().map(normal);
            written.eq(self.column[self.column.len() - length..].iter().cloned())
        };
        (1..=self.column.len().min(names.len().saturating_sub(1))).rev().find(is_column)
    }
}

impl VisitorMut for Splitter<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(names) = expr
            && let Some(length) = self.length(names)
        {
            let access_chain = names.split_off(length).iter().map(field).collect();
            let root = match names.as_slice() {
                [only] => Expr::Identifier(only.clone()),
                _ => Expr::CompoundIdentifier(std::mem::take(names)),
            };
            *expr = Expr::CompoundFieldAccess { root: Box::new(root), access_chain };
            self.any = true;
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn parsed(sql: &str) -> Statement {
        Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0)
    }

    fn check(sql: &str, expected: &str) {
        assert_eq!(parsed(sql).to_string(), expected);
    }

    #[test]
    fn fields_of_what_is_no_name_are_named_by_text() {
        check("SELECT f(x).Path, (f(x)).\"Path\"", "SELECT f(x).'path', (f(x)).'Path'");
        check("SELECT f(x)[1].a.b", "SELECT f(x)[1].'a'.'b'");
        check("EXPLAIN SELECT f(x).a", "EXPLAIN SELECT f(x).'a'");
        check("COPY (SELECT f(x).a) TO 'x.json'", "COPY (SELECT f(x).'a') TO x.json");
        check("SELECT t.x.y, f.g(x) FROM t", "SELECT t.x.y, f.g(x) FROM t");
        check("SELECT t.x['y'], t.x[1].y, x[1].y FROM t", "SELECT t.x['y'], t.x[1].'y', x[1].'y' FROM t");
    }

    #[test]
    fn a_user_is_a_column() {
        check("SELECT User, e.USER.name, user[1].b", "SELECT User, e.USER.name, user[1].'b'");
        let column = parsed("SELECT user.name");
        assert!(format!("{column:?}").contains("CompoundIdentifier"), "{column:?}");
    }

    #[test]
    fn names_behind_an_index_are_fields() {
        check("SELECT a.b.c[1]", "SELECT a.b.c[1]");
        check("SELECT a[1].B.\"C\"", "SELECT a[1].'b'.'C'");
        check("SELECT a.b[1].c[2]", "SELECT a.b[1].'c'[2]");
        check("SELECT a['b'].c", "SELECT a['b'].'c'");
        check("SELECT a.b.c", "SELECT a.b.c");
    }

    #[test]
    fn a_path_is_split_behind_its_column() {
        let mut statement = parsed("SELECT (SELECT e.commit.Op) FROM e");
        let column = ["e", "commit"].map(str::to_owned);
        assert!(split_paths(&mut statement, &column));
        assert_eq!(statement.to_string(), "SELECT (SELECT e.commit.'op') FROM e");
        assert!(!split_paths(&mut statement, &column));
    }
}
