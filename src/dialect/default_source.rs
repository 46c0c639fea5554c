//! `SELECT ip WHERE opted_into_marketing`: a SELECT that names columns and has no FROM reads the default source.
//!
//! That holds at any depth. A subquery inside an expression is left alone where a query around it has a FROM that is
//! written, whose columns it may mean: `SELECT (SELECT e.ip) FROM events e`. A FROM that is left out too supplies nothing:
//! in `SELECT id WHERE lat = (SELECT max(lat))` both read the source, each all of it. `SELECT 1` still needs no table.
//! The other way round, `FROM events` is all of it.

use std::ops::ControlFlow;

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Query, Select, SelectFlavor,
    SelectItem, SetExpr, Spanned, Statement as Sql, TableFactor, TableWithJoins, Visit, VisitMut, Visitor, VisitorMut,
    WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::walk::{walk, walk_mut};
use crate::error::Result;

/// Gives every SELECT that names columns and has no FROM the table `source`. Returns whether there was any; without a
/// `source`, nothing is changed.
pub fn add_from(statement: &mut Statement, source: Option<&str>) -> bool {
    let query = match inner_mut(statement) {
        Some(Sql::Query(query)) => Some(query),
        Some(Sql::CreateTable(table)) => table.query.as_mut(),
        _ => None,
    };
    query.is_some_and(|query| Scope { source, supplied: false }.in_query(query))
}

/// Gives the SELECT without FROM that names a column at `span` the table `source`. Returns whether there is one.
pub fn add_from_at(statement: &mut Statement, span: Span, source: &str) -> bool {
    let Some(sql) = inner_mut(statement) else { return false };
    walk_mut(sql, &mut Adder { span, source }).is_break()
}

struct Adder<'a> {
    span: Span,
    source: &'a str,
}

impl VisitorMut for Adder<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let mut finder = ColumnFinder { depth: 0, span: Some(self.span) };
        if select.from.is_empty() && walk(select, &mut finder).is_break() {
            select.from.push(table(self.source));
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}

/// The statement as the SQL parser knows it, without its EXPLAIN.
pub fn inner(statement: &Statement) -> Option<&Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => inner(&explain.statement),
        _ => None,
    }
}

/// Does `work` on the statement as the SQL parser knows it, or on the query of a `COPY`.
pub(super) fn in_sql(statement: &mut Statement, work: impl FnOnce(&mut Sql) -> Result<()>) -> Result<()> {
    if let Statement::CopyTo(CopyToStatement { source: CopyToSource::Query(query), .. }) = statement {
        let mut sql = Sql::Query(query.clone());
        work(&mut sql)?;
        if let Sql::Query(done) = sql {
            *query = done;
        }
        return Ok(());
    }
    inner_mut(statement).map_or(Ok(()), work)
}

/// As [`inner`], to be changed.
pub(super) fn inner_mut(statement: &mut Statement) -> Option<&mut Sql> {
    match statement {
        Statement::Statement(sql) => Some(sql),
        Statement::Explain(explain) => inner_mut(&mut explain.statement),
        _ => None,
    }
}

/// What a query stands in. All functions return whether a SELECT was found that needs a table.
#[derive(Clone, Copy)]
struct Scope<'a> {
    source: Option<&'a str>,
    /// Whether a query around it has a FROM that is written.
    supplied: bool,
}

/// Recursion is as deep as the parser's limit lets statements be.
impl Scope<'_> {
    fn in_query(self, query: &mut Query) -> bool {
        let ctes = query.with.iter_mut().flat_map(|with| &mut with.cte_tables);
        let in_ctes = ctes.fold(false, |any, cte| self.in_query(&mut cte.query) | any);
        let written = matches!(query.body.as_ref(), SetExpr::Select(select) if !select.from.is_empty());
        let in_order = self.within(written).in_expressions(&mut query.order_by);
        self.in_body(&mut query.body) | in_ctes | in_order
    }

    fn in_body(self, body: &mut SetExpr) -> bool {
        match body {
            SetExpr::Select(select) => self.in_select(select),
            SetExpr::Query(query) => self.in_query(query),
            SetExpr::SetOperation { left, right, .. } => self.in_body(left) | self.in_body(right),
            SetExpr::Values(values) => self.in_expressions(values),
            _ => false,
        }
    }

    fn in_select(self, select: &mut Select) -> bool {
        if select.flavor == SelectFlavor::FromFirstNoSelect && select.projection.is_empty() {
            // The engine would answer with rows that have no columns.
            select.flavor = SelectFlavor::Standard;
            select.projection.push(SelectItem::Wildcard(WildcardAdditionalOptions::default()));
        }
        let mut from = std::mem::take(&mut select.from);
        let wanted = from.is_empty() && !self.supplied && names_columns(select);
        let within = self.within(!from.is_empty());
        let in_expressions = within.in_expressions(select);
        // Only what stands further left in FROM supplies columns to what stands in it.
        let in_tables = from.iter_mut().enumerate().fold(false, |any, (at, from)| self.in_tables(from, at > 0) | any);
        if let (true, Some(source)) = (wanted, self.source) {
            from.push(table(source));
        }
        select.from = from;
        wanted | in_expressions | in_tables
    }

    fn in_tables(self, from: &mut TableWithJoins, follows: bool) -> bool {
        let first = self.in_factor(&mut from.relation, follows);
        from.joins.iter_mut().fold(first, |any, join| {
            let in_condition = self.within(true).in_expressions(&mut join.join_operator);
            self.in_factor(&mut join.relation, true) | in_condition | any
        })
    }

    fn in_factor(self, factor: &mut TableFactor, follows: bool) -> bool {
        match factor {
            TableFactor::Derived { lateral, subquery, .. } => self.within(*lateral && follows).in_query(subquery),
            TableFactor::NestedJoin { table_with_joins, .. } => self.in_tables(table_with_joins, follows),
            other => self.within(follows).in_expressions(other),
        }
    }

    /// In a query whose FROM is written, or is not.
    fn within(self, written: bool) -> Self {
        Self { supplied: self.supplied || written, ..self }
    }

    fn in_expressions(self, part: &mut impl VisitMut) -> bool {
        let mut subqueries = Subqueries { scope: self, depth: 0, any: false };
        let _ = walk_mut(part, &mut subqueries);
        subqueries.any
    }
}

/// Takes the outermost subqueries of expressions, which look after those inside themselves.
struct Subqueries<'a> {
    scope: Scope<'a>,
    depth: usize,
    any: bool,
}

impl VisitorMut for Subqueries<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if self.depth == 0 {
            self.any |= self.scope.in_query(query);
        }
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
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

/// Whether any SELECT of a part names columns and has no FROM.
pub(super) fn lacks_from<T: Visit>(part: &T) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();

        fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
            let lacks = select.from.is_empty() && names_columns(select);
            if lacks { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
    }
    walk(part, &mut Finder).is_break()
}

fn names_columns(select: &Select) -> bool {
    let wildcard = select.projection.iter().any(|item| matches!(item, SelectItem::Wildcard(_)));
    wildcard || walk(select, &mut ColumnFinder { depth: 0, span: None }).is_break()
}

/// Stops at the first column that is named outside of subqueries, or at the one that is named at a place.
struct ColumnFinder {
    depth: usize,
    span: Option<Span>,
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
        let is_it = match expr {
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => self.span.is_none_or(|span| expr.span() == span),
            // `count(*)` counts the rows of something, though it names no column.
            Expr::Function(function) => self.span.is_none() && has_star(function),
            _ => false,
        };
        if is_it && self.depth == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
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
    fn subqueries_in_expressions_are_looked_at() {
        check("SELECT (SELECT max(ip))", r#"SELECT (SELECT max(ip) FROM "events")"#);
        check(
            "SELECT id WHERE lat = (SELECT max(lat)) AND EXISTS (SELECT 1 WHERE ok)",
            r#"SELECT id FROM "events" WHERE lat = (SELECT max(lat) FROM "events") AND EXISTS (SELECT 1 FROM "events" WHERE ok)"#,
        );
        check(
            "SELECT id WHERE id IN (SELECT id WHERE lat > (SELECT avg(lat)))",
            r#"SELECT id FROM "events" WHERE id IN (SELECT id FROM "events" WHERE lat > (SELECT avg(lat) FROM "events"))"#,
        );
        check(
            "SELECT id ORDER BY (SELECT max(ip))",
            r#"SELECT id FROM "events" ORDER BY (SELECT max(ip) FROM "events")"#,
        );
        check("VALUES ((SELECT max(ip)))", r#"VALUES ((SELECT max(ip) FROM "events"))"#);
        check("SELECT (SELECT count(*) FROM (SELECT ip)) FROM t", "SELECT (SELECT count(*) FROM (SELECT ip)) FROM t");
    }

    #[test]
    fn a_from_that_is_written_may_supply_the_columns() {
        for sql in [
            "SELECT id, (SELECT max(lat)) FROM events",
            "SELECT id FROM events WHERE EXISTS (SELECT 1 WHERE lat > 20)",
            "SELECT id FROM events AS e JOIN t ON e.a = (SELECT t.a)",
            "SELECT a FROM events AS e, LATERAL (SELECT e.lat AS a)",
        ] {
            check(sql, sql);
        }
    }

    #[test]
    fn a_place_finds_the_select_that_names_a_column_there() {
        let script = Script { name: "q".into(), text: "SELECT id FROM t WHERE n > (SELECT avg(lat))".into() };
        let mut statement = script.parse().unwrap().remove(0);
        let span = |from, to| Span::new((1, from).into(), (1, to).into());
        assert!(!add_from_at(&mut statement, span(8, 10), "events"));
        assert!(add_from_at(&mut statement, span(40, 43), "events"));
        assert_eq!(statement.to_string(), r#"SELECT id FROM t WHERE n > (SELECT avg(lat) FROM "events")"#);
        assert!(!add_from_at(&mut statement, span(40, 43), "events"));
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
