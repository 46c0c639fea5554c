//! `commit.record.langs[1].code`: a path of names and indexes, in one form that the engine takes however it is mixed.
//!
//! The names before the first index are one compound name, of which the engine finds out what is table, column and
//! field; those behind it are fields, which it takes as texts only. It knows no columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{AccessExpr, Expr, Ident, Value, ValueWithSpan, VisitMut, VisitorMut};

use super::default_source::inner_mut;

/// Brings all paths into that form.
pub fn even_paths(statement: &mut Statement) {
    if let Some(sql) = inner_mut(statement) {
        let _ = sql.visit(&mut Evener);
    }
}

/// Makes fields of all names that stand behind `column` in a path, whether it is written with its table or without.
/// Returns whether there were any.
pub fn split_paths(statement: &mut Statement, column: &[String]) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    let mut splitter = Splitter { column, any: false };
    let _ = sql.visit(&mut splitter);
    splitter.any
}

struct Evener;

impl VisitorMut for Evener {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundFieldAccess { root, access_chain } = expr {
            let mut rest = std::mem::take(access_chain).into_iter().peekable();
            if let Expr::Identifier(first) = root.as_ref() {
                let mut names = vec![first.clone()];
                while let Some(AccessExpr::Dot(Expr::Identifier(name))) =
                    rest.next_if(|access| matches!(access, AccessExpr::Dot(Expr::Identifier(_))))
                {
                    names.push(name);
                }
                if names.len() > 1 {
                    **root = Expr::CompoundIdentifier(names);
                }
            }
            *access_chain = rest.map(as_field).collect();
        }
        ControlFlow::Continue(())
    }
}

fn as_field(access: AccessExpr) -> AccessExpr {
    match access {
        AccessExpr::Dot(Expr::Identifier(name)) => field(name),
        other => other,
    }
}

fn field(name: Ident) -> AccessExpr {
    let value = if name.quote_style.is_some() { name.value } else { name.value.to_lowercase() };
    AccessExpr::Dot(Expr::Value(ValueWithSpan { value: Value::SingleQuotedString(value), span: name.span }))
}

struct Splitter<'a> {
    column: &'a [String],
    any: bool,
}

impl Splitter<'_> {
    /// How many of `names` are the column, if there are more behind it.
    fn length(&self, names: &[Ident]) -> Option<usize> {
        let normal = |name: &Ident| match name.quote_style {
            Some(_) => name.value.clone(),
            None => name.value.to_lowercase(),
        };
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
            let access_chain = names.split_off(length).into_iter().map(field).collect();
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

    #[test]
    fn names_behind_an_index_are_fields() {
        let check = |sql: &str, expected: &str| {
            let mut statement = parsed(sql);
            even_paths(&mut statement);
            assert_eq!(statement.to_string(), expected);
        };
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
