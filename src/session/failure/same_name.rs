//! Two columns of a result that have one name: which it is, and where the second of them stands.
//!
//! The engine tells their expressions; what they are called, and where, is in the statement.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Select, SelectItem, Spanned, Visitor};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::value::excerpt;
use crate::dialect::{self, Script};
use crate::error::Error;

/// What the engine says of two such columns, if `message` is that.
pub(super) fn of_plan(message: &str, script: &Script, statement: &Statement) -> Option<Error> {
    message.starts_with("Projections require unique expression names").then(|| {
        let told = name_in(message);
        let second = Second::of(statement, told);
        let name = second.as_ref().map_or(told, Column::name);
        failure(name).at(second.and_then(|second| excerpt(script, second.span, "this one too")))
    })
}

/// Two columns, one of them by its alias, that the engine takes for `name` in several tables.
pub(super) fn of_alias(name: &str, script: &Script, statement: &Statement) -> Option<Error> {
    let second = Second::of(statement, name).filter(|second| second.name() == name)?;
    Some(failure(name).at(excerpt(script, second.span, "this one too")))
}

fn failure(name: &str) -> Error {
    Error::sql(format!("two columns of the result have the name `{name}`"))
        .with_hint("give one of them another name with `AS`")
}

/// The name in the engine's message: the alias, or the column that one of the expressions is and the other casts.
fn name_in(message: &str) -> &str {
    let told = message.split("\" at position ").filter_map(|part| {
        let (_, told) = part.split_once("expression \"").or_else(|| part.split_once("and \""))?;
        Some(told)
    });
    let told: Vec<&str> = told.collect();
    let alias = told.iter().find_map(|told| told.rsplit_once(" AS ").filter(|(_, alias)| !alias.contains(')')));
    match alias {
        Some((_, alias)) => alias,
        None => {
            let told = told.iter().find(|told| !told.contains('(')).or(told.first());
            told.map_or("", |told| super::meaning::last_part(told))
        }
    }
}

/// A column as a SELECT writes it: the parts of its name, and where it stands.
struct Column {
    parts: Vec<String>,
    span: Span,
}

impl Column {
    fn of(item: &SelectItem) -> Option<Self> {
        match item {
            SelectItem::ExprWithAlias { alias, .. } => {
                Some(Self { parts: vec![dialect::normal(alias)], span: alias.span })
            }
            SelectItem::UnnamedExpr(expr) => {
                let parts = match uncast(expr) {
                    Expr::Identifier(name) => vec![dialect::normal(name)],
                    Expr::CompoundIdentifier(path) => path.iter().map(dialect::normal).collect(),
                    other => vec![other.to_string()],
                };
                Some(Self { parts, span: expr.span() })
            }
            _ => None,
        }
    }

    fn name(&self) -> &str {
        self.parts.last().map_or("", String::as_str)
    }

    /// A column with its table is one with what is called so without.
    fn is(&self, other: &Self) -> bool {
        self.parts.ends_with(&other.parts) || other.parts.ends_with(&self.parts)
    }
}

/// A cast is called as what it casts.
fn uncast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr, .. } | Expr::Nested(expr) => uncast(expr),
        other => other,
    }
}

/// Looks for the second of two columns with one name; one of them may be in a `*`, and has the name that was told.
struct Second<'a> {
    told: &'a str,
}

impl Second<'_> {
    fn of(statement: &Statement, told: &str) -> Option<Column> {
        dialect::walk(dialect::inner(statement)?, &mut Second { told }).break_value()
    }
}

impl Visitor for Second<'_> {
    type Break = Column;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Column> {
        let mut seen: Vec<Column> = Vec::new();
        let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..));
        let has_all = select.projection.iter().any(is_all);
        for column in select.projection.iter().filter_map(Column::of) {
            if seen.iter().any(|before| before.is(&column)) || (has_all && column.name() == self.told) {
                return ControlFlow::Break(column);
            }
            seen.push(column);
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, told: &str, expected: Option<(&str, u64)>) {
        let statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        let found = Second::of(&statement, told);
        let found = found.as_ref().map(|column| (column.name(), column.span.start.column));
        assert_eq!(found, expected, "{sql}");
    }

    #[test]
    fn the_second_is_found_by_what_it_is_called() {
        check("SELECT v, CAST(v AS DOUBLE) FROM t", "", Some(("v", 16)));
        check("SELECT CAST(v AS DOUBLE), v::bigint FROM t", "", Some(("v", 27)));
        check("SELECT a(x) AS s, b(x) AS S FROM t", "", Some(("s", 27)));
        check("SELECT a AS \"x)\", b AS \"x)\" FROM t", "", Some(("x)", 24)));
        check("SELECT sum(n), sum(n) FROM t", "", Some(("sum(n)", 16)));
        check("SELECT 1 FROM (SELECT a, t.a FROM t)", "", Some(("a", 26)));
        check("SELECT *, x, v FROM t", "v", Some(("v", 14)));
    }

    #[test]
    fn columns_of_two_tables_are_two() {
        check("SELECT a.v, b.v, CAST(a.v AS DOUBLE) FROM a, b", "", Some(("v", 23)));
        check("SELECT a.v, b.v, \"V\", n FROM a, b", "v", None);
        check("SELECT *, n FROM t", "v", None);
    }
}
