//! `SELECT ip WHERE opted_into_marketing`: a SELECT that names columns and has no FROM reads the default source.
//!
//! It looks at queries, their set operations, CTEs and derived tables, but not at subqueries inside expressions, whose
//! columns an outer query may supply. `SELECT 1` still needs no table. The other way round, `FROM events` is all of it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select, SelectFlavor,
    SelectItem, SetExpr, Statement as Sql, TableFactor, TableWithJoins, Visit, Visitor, WildcardAdditionalOptions,
};

/// Gives every SELECT that names columns and has no FROM the table `source`. Returns whether there was any; without a
/// `source`, nothing is changed.
pub fn add_from(statement: &mut Statement, source: Option<&str>) -> bool {
    let query = match inner_mut(statement) {
        Some(Sql::Query(query)) => Some(query),
        Some(Sql::CreateTable(table)) => table.query.as_mut(),
        _ => None,
    };
    query.is_some_and(|query| in_query(query, source))
}

/// The statement as the SQL parser knows it, without its EXPLAIN.
pub(super) fn inner(statement: &Statement) -> Option<&Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => inner(&explain.statement),
        _ => None,
    }
}

/// As [`inner`], to be changed.
pub(super) fn inner_mut(statement: &mut Statement) -> Option<&mut Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => inner_mut(&mut explain.statement),
        _ => None,
    }
}

fn in_query(query: &mut Query, source: Option<&str>) -> bool {
    let ctes = query.with.iter_mut().flat_map(|with| &mut with.cte_tables);
    let in_ctes = ctes.fold(false, |any, cte| in_query(&mut cte.query, source) | any);
    in_body(&mut query.body, source) | in_ctes
}

/// Recursion is as deep as the parser's limit lets statements be.
fn in_body(body: &mut SetExpr, source: Option<&str>) -> bool {
    match body {
        SetExpr::Select(select) => in_select(select, source),
        SetExpr::Query(query) => in_query(query, source),
        SetExpr::SetOperation { left, right, .. } => in_body(left, source) | in_body(right, source),
        _ => false,
    }
}

fn in_select(select: &mut Select, source: Option<&str>) -> bool {
    if select.flavor == SelectFlavor::FromFirstNoSelect && select.projection.is_empty() {
        // The engine would answer with rows that have no columns.
        select.flavor = SelectFlavor::Standard;
        select.projection.push(SelectItem::Wildcard(WildcardAdditionalOptions::default()));
    }
    if select.from.is_empty() {
        let wanted = names_columns(select);
        if let (true, Some(source)) = (wanted, source) {
            select.from.push(table(source));
        }
        return wanted;
    }
    select.from.iter_mut().fold(false, |any, from| in_tables(from, source) | any)
}

fn in_tables(from: &mut TableWithJoins, source: Option<&str>) -> bool {
    let joined = from.joins.iter_mut().map(|join| &mut join.relation);
    std::iter::once(&mut from.relation).chain(joined).fold(false, |any, factor| match factor {
        TableFactor::Derived { subquery, .. } => in_query(subquery, source) | any,
        TableFactor::NestedJoin { table_with_joins, .. } => in_tables(table_with_joins, source) | any,
        _ => any,
    })
}

fn table(name: &str) -> TableWithJoins {
    let relation = named(ObjectName::from(vec![Ident::with_quote('"', name)]));
    TableWithJoins { relation, joins: Vec::new() }
}

/// A table in FROM, by its name and nothing else.
pub(super) fn named(name: ObjectName) -> TableFactor {
    TableFactor::Table {
        name,
        alias: None,
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

fn names_columns(select: &Select) -> bool {
    let wildcard = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    wildcard || select.visit(&mut ColumnFinder { depth: 0 }).is_break()
}

/// Stops at the first column that is named outside of subqueries.
struct ColumnFinder {
    depth: usize,
}

impl Visitor for ColumnFinder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) if self.depth == 0 => ControlFlow::Break(()),
            // `count(*)` counts the rows of something, though it names no column.
            Expr::Function(function) if self.depth == 0 && has_star(function) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn has_star(function: &Function) -> bool {
    let FunctionArguments::List(list) = &function.args else { return false };
    list.args.iter().any(|arg| matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Wildcard)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn check(sql: &str, expected: &str) {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse().unwrap().remove(0);
        add_from(&mut statement, Some("events"));
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn a_select_that_names_columns_gets_a_table() {
        check("SELECT ip WHERE ok", r#"SELECT ip FROM "events" WHERE ok"#);
        check("SELECT *", r#"SELECT * FROM "events""#);
        check("SELECT count(*)", r#"SELECT count(*) FROM "events""#);
        check("SELECT count(*) WHERE ok", r#"SELECT count(*) FROM "events" WHERE ok"#);
        check("SELECT 1 UNION SELECT ip", r#"SELECT 1 UNION SELECT ip FROM "events""#);
        check("SELECT a FROM (SELECT ip AS a)", r#"SELECT a FROM (SELECT ip AS a FROM "events")"#);
        check("WITH x AS (SELECT ip) SELECT * FROM x", r#"WITH x AS (SELECT ip FROM "events") SELECT * FROM x"#);
        check("EXPLAIN SELECT ip", r#"EXPLAIN SELECT ip FROM "events""#);
    }

    #[test]
    fn a_from_alone_is_all_of_it() {
        check("FROM t LIMIT 1", "SELECT * FROM t LIMIT 1");
        check("FROM (FROM t)", "SELECT * FROM (SELECT * FROM t)");
        check("FROM t SELECT a", "FROM t SELECT a");
    }

    #[test]
    fn others_stay_as_they_are() {
        for sql in
            ["SELECT 1", "SELECT 'a' || 'b'", "SELECT now()", "SELECT (SELECT max(ip) FROM t)", "SELECT ip FROM t"]
        {
            check(sql, sql);
        }
    }
}
