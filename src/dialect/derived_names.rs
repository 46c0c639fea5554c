//! What a column of a query is called that has no `AS`: a field after itself, and an expression as it is written.
//!
//! The engine calls it after its plan: `events.commit[operation]`, `events.lat + Int64(1)`. That would be published, and a query around
//! it could not name it. A name before a dot is a table's if FROM has it, else a column's. It knows no columns.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    AccessExpr, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectNamePart, OrderByKind,
    Query, Select, SelectItem, SetExpr, Spanned, Subscript, TableFactor, TableWithJoins, Value, VisitorMut,
};

use super::default_source::in_sql;
use super::walk::walk_mut;
use super::{normal, windows};
use crate::error::Result;

/// Gives such columns their names.
///
/// **Errors**: none.
pub(super) fn name_columns(statement: &mut Statement) -> Result<()> {
    in_sql(statement, |sql| {
        let _ = walk_mut(sql, &mut Namer);
        Ok(())
    })
}

struct Namer;

impl VisitorMut for Namer {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let given = name_in(&mut query.body);
        if let Some(order_by) = query.order_by.as_mut().filter(|_| !given.is_empty())
            && let OrderByKind::Expressions(exprs) = &mut order_by.kind
        {
            // The column itself, which is what the engine would look for by its name.
            for by in exprs {
                let written = written(&by.expr);
                if let Some((_, alias)) = given.iter().find(|(text, _)| *text == written) {
                    by.expr = Expr::Identifier(alias.clone());
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Names the columns of each SELECT of a query, and returns how those of a single one are written: others are sorted by the names alone.
/// Recursion is as deep as `terms` lets statements be.
fn name_in(body: &mut SetExpr) -> Vec<(String, Ident)> {
    match body {
        SetExpr::Select(select) => name(select),
        SetExpr::SetOperation { left, right, .. } => {
            [left, right].into_iter().for_each(|side| drop(name_in(side)));
            Vec::new()
        }
        _ => Vec::new(),
    }
}

/// Names the columns of a SELECT, and returns how each that got a name is written.
fn name(select: &mut Select) -> Vec<(String, Ident)> {
    let tables: Vec<Vec<String>> = select.from.iter().flat_map(tables_of).collect();
    let is_columns = |item: &SelectItem| {
        matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. })
    };
    // Which columns stand behind a star is not known here.
    let has_star = select.projection.iter().any(is_columns);
    let short: Vec<Option<String>> = select.projection.iter().map(short_name).collect();
    let is_single = |name: &str| short.iter().flatten().filter(|other| other.eq_ignore_ascii_case(name)).count() == 1;
    let mut given = Vec::new();
    for (item, short) in select.projection.iter_mut().zip(&short) {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        if is_named(expr, &tables) {
            continue;
        }
        let text = written(expr);
        let name = short.as_ref().filter(|name| !has_star && is_single(name)).unwrap_or(&text);
        let alias = Ident { span: expr.span(), ..Ident::with_quote('"', name) };
        given.push((text, alias.clone()));
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
    given
}

/// Whether the engine's name for an expression is the right one, or it is more than one column.
fn is_named(expr: &Expr, tables: &[Vec<String>]) -> bool {
    match expr {
        Expr::Identifier(_) | Expr::Subquery(_) => true,
        Expr::CompoundIdentifier(parts) => parts.split_last().is_some_and(|(_, before)| {
            let before: Vec<String> = before.iter().map(normal).collect();
            tables.iter().any(|table| table.ends_with(&before))
        }),
        Expr::Function(function) => {
            windows::is_of_window(function)
                || function.name.to_string().eq_ignore_ascii_case("unnest")
                || has_no_arguments(function)
        }
        Expr::Nested(inner) => is_named(inner, tables),
        _ => false,
    }
}

fn has_no_arguments(function: &Function) -> bool {
    let is_plain = function.filter.is_none() && function.over.is_none() && function.within_group.is_empty();
    is_plain
        && match &function.args {
            FunctionArguments::None => true,
            FunctionArguments::List(list) => {
                matches!(list.args.as_slice(), [] | [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)])
            }
            FunctionArguments::Subquery(_) => false,
        }
}

/// The last name of a column or of a path.
fn short_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(normal(alias)),
        SelectItem::UnnamedExpr(expr) => last_name(expr),
        _ => None,
    }
}

fn last_name(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Nested(inner) => last_name(inner),
        Expr::Identifier(name) => Some(name.value.clone()),
        Expr::CompoundIdentifier(parts) => parts.last().map(|name| name.value.clone()),
        Expr::CompoundFieldAccess { access_chain, .. } => match access_chain.last()? {
            AccessExpr::Dot(name) => last_name(name),
            AccessExpr::Subscript(Subscript::Index { index: Expr::Value(value) }) => match &value.value {
                Value::SingleQuotedString(name) => Some(name.clone()),
                _ => None,
            },
            AccessExpr::Subscript(_) => None,
        },
        _ => None,
    }
}

/// An expression as it is written, but for blanks, brackets around it, and the case of names of functions.
fn written(expr: &Expr) -> String {
    let mut expr = expr;
    while let Expr::Nested(inner) = expr {
        expr = inner;
    }
    let mut expr = expr.clone();
    let _ = walk_mut(&mut expr, &mut LowerCase);
    expr.to_string()
}

struct LowerCase;

impl VisitorMut for LowerCase {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if let Expr::Function(function) = expr {
            for part in &mut function.name.0 {
                if let ObjectNamePart::Identifier(name) = part {
                    name.value = normal(name);
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The names of tables in FROM, each with what stands before it.
fn tables_of(from: &TableWithJoins) -> Vec<Vec<String>> {
    let factors = std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation));
    factors.flat_map(tables_in).collect()
}

fn tables_in(factor: &TableFactor) -> Vec<Vec<String>> {
    match factor {
        TableFactor::Table { name, alias, .. } => match alias {
            Some(alias) => vec![vec![normal(&alias.name)]],
            None => vec![name.0.iter().filter_map(|part| part.as_ident()).map(normal).collect()],
        },
        TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => vec![vec![normal(&alias.name)]],
        TableFactor::NestedJoin { table_with_joins, alias } => match alias {
            Some(alias) => vec![vec![normal(&alias.name)]],
            None => tables_of(table_with_joins),
        },
        _ => Vec::new(),
    }
}
