//! Columns that a table has but `SELECT *` does not show: they are there when named.
//!
//! The engine knows no such columns. So a table gets them only for a statement that names one, and then each `*` over
//! that table leaves them out. It knows nothing of what the columns hold.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Statement as Sql, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
    WildcardAdditionalOptions,
};

/// The hidden columns of a table, by the table's name as written; none for a name that is no table of ours.
pub type Hidden<'a> = &'a dyn Fn(&str) -> Vec<&'static str>;

/// Whether a statement names one of `columns` anywhere.
pub fn names_any(statement: &Statement, columns: &[&str]) -> bool {
    with_sql(statement, |sql| sql.visit(&mut NameFinder { columns }).is_break()).unwrap_or(false)
}

/// Makes each `*` leave out the hidden columns of the tables that it stands over.
pub fn hide(statement: &mut Statement, hidden: Hidden<'_>) {
    match statement {
        Statement::Statement(sql) => hide_in(sql.as_mut(), hidden),
        Statement::Explain(explain) => hide(&mut explain.statement, hidden),
        Statement::CopyTo(copy) => {
            if let datafusion::sql::parser::CopyToSource::Query(query) = &mut copy.source {
                hide_in(query.as_mut(), hidden);
            }
        }
        _ => {}
    }
}

fn with_sql<T>(statement: &Statement, f: impl FnOnce(&dyn DynVisit) -> T) -> Option<T> {
    match statement {
        Statement::Statement(sql) => Some(f(sql.as_ref())),
        Statement::Explain(explain) => with_sql(&explain.statement, f),
        Statement::CopyTo(copy) => match &copy.source {
            datafusion::sql::parser::CopyToSource::Query(query) => Some(f(query.as_ref())),
            datafusion::sql::parser::CopyToSource::Relation(_) => None,
        },
        _ => None,
    }
}

/// What can look for names: a statement or a query.
trait DynVisit {
    fn visit(&self, finder: &mut NameFinder<'_>) -> ControlFlow<()>;
}

impl DynVisit for Sql {
    fn visit(&self, finder: &mut NameFinder<'_>) -> ControlFlow<()> {
        Visit::visit(self, finder)
    }
}

impl DynVisit for Query {
    fn visit(&self, finder: &mut NameFinder<'_>) -> ControlFlow<()> {
        Visit::visit(self, finder)
    }
}

fn hide_in(tree: &mut impl VisitMut, hidden: Hidden<'_>) {
    let mut hider = Hider { hidden, ctes: HashSet::new() };
    let _ = tree.visit(&mut hider);
}

struct NameFinder<'a> {
    columns: &'a [&'a str],
}

impl Visitor for NameFinder<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let name = match expr {
            Expr::Identifier(name) => Some(name),
            Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        match name {
            Some(name) if self.columns.contains(&normal(name).as_str()) => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    }
}

/// As the engine resolves names: without quotes, case does not count.
fn normal(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

struct Hider<'a> {
    hidden: Hidden<'a>,
    /// A CTE's name is not the table's, anywhere in the statement.
    ctes: HashSet<String>,
}

impl VisitorMut for Hider<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| normal(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        let tables: Vec<Table> = factors(select).filter_map(|factor| self.table(factor)).collect();
        if tables.iter().all(|table| table.hidden.is_empty()) {
            return ControlFlow::Continue(());
        }
        let alone = factors(select).count() == 1;
        let named = tables.len() == factors(select).count() && !merges_columns(select);
        let projection = std::mem::take(&mut select.projection);
        for item in projection {
            match item {
                SelectItem::Wildcard(options) if alone => {
                    select.projection.push(SelectItem::Wildcard(without(options, &tables[0].hidden)));
                }
                SelectItem::Wildcard(options) if named => {
                    select.projection.extend(tables.iter().map(|table| table.wildcard(options.clone())));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let last = name.0.last().and_then(|part| part.as_ident()).map(normal);
                    let table = tables.iter().find(|table| Some(&normal(&table.name)) == last.as_ref());
                    let options = without(options, table.map_or(&[], |table| table.hidden.as_slice()));
                    let name = SelectItemQualifiedWildcardKind::ObjectName(name);
                    select.projection.push(SelectItem::QualifiedWildcard(name, options));
                }
                other => select.projection.push(other),
            }
        }
        ControlFlow::Continue(())
    }
}

/// A table in FROM under the name by which its columns are qualified.
struct Table {
    name: Ident,
    hidden: Vec<&'static str>,
}

impl Table {
    fn wildcard(&self, options: WildcardAdditionalOptions) -> SelectItem {
        let name = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![self.name.clone()]));
        SelectItem::QualifiedWildcard(name, without(options, &self.hidden))
    }
}

impl Hider<'_> {
    fn table(&self, factor: &TableFactor) -> Option<Table> {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let last = name.0.last()?.as_ident()?.clone();
                let is_source = name.0.len() == 1 && !self.ctes.contains(&normal(&last));
                let hidden = if is_source { (self.hidden)(&normal(&last)) } else { Vec::new() };
                Some(Table { name: alias.as_ref().map_or(last, |alias| alias.name.clone()), hidden })
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                Some(Table { name: alias.name.clone(), hidden: Vec::new() })
            }
            _ => None,
        }
    }
}

fn factors(select: &Select) -> impl Iterator<Item = &TableFactor> {
    let of = |from: &'_ datafusion::sql::sqlparser::ast::TableWithJoins| from.joins.len() + 1;
    debug_assert!(select.from.iter().map(of).sum::<usize>() >= select.from.len());
    select
        .from
        .iter()
        .flat_map(|from| std::iter::once(&from.relation).chain(from.joins.iter().map(|join| &join.relation)))
}

/// Whether a join shows its key columns once: then `*` is more than all columns of each table.
fn merges_columns(select: &Select) -> bool {
    let joins = select.from.iter().flat_map(|from| &from.joins);
    joins.into_iter().any(|join| {
        let constraint = match &join.join_operator {
            JoinOperator::Join(c)
            | JoinOperator::Inner(c)
            | JoinOperator::Left(c)
            | JoinOperator::LeftOuter(c)
            | JoinOperator::Right(c)
            | JoinOperator::RightOuter(c)
            | JoinOperator::FullOuter(c) => c,
            _ => return false,
        };
        matches!(constraint, JoinConstraint::Using(_) | JoinConstraint::Natural)
    })
}

fn without(mut options: WildcardAdditionalOptions, hidden: &[&'static str]) -> WildcardAdditionalOptions {
    let name = |column: &&str| ObjectName::from(vec![Ident::with_quote('"', *column)]);
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let absent: Vec<ObjectName> = hidden.iter().map(name).filter(|name| !names.contains(name)).collect();
    names.extend(absent);
    options.opt_exclude = (!names.is_empty()).then_some(ExcludeSelectItem::Multiple(names));
    options
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn hidden(table: &str) -> Vec<&'static str> {
        if table == "events" { vec!["_file"] } else { Vec::new() }
    }

    fn check(sql: &str, expected: &str) {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse().unwrap().remove(0);
        hide(&mut statement, &hidden);
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn stars_leave_hidden_columns_out() {
        check("SELECT *, _file FROM events", r#"SELECT * EXCLUDE ("_file"), _file FROM events"#);
        check("SELECT e.* FROM events AS e", r#"SELECT e.* EXCLUDE ("_file") FROM events AS e"#);
        check(
            "SELECT * FROM events AS a, events AS b, t",
            r#"SELECT a.* EXCLUDE ("_file"), b.* EXCLUDE ("_file"), t.* FROM events AS a, events AS b, t"#,
        );
        check("SELECT * FROM t", "SELECT * FROM t");
        check("WITH events AS (SELECT 1) SELECT * FROM events", "WITH events AS (SELECT 1) SELECT * FROM events");
        check(
            "SELECT * FROM (SELECT *, _file FROM events)",
            r#"SELECT * FROM (SELECT * EXCLUDE ("_file"), _file FROM events)"#,
        );
    }

    #[test]
    fn naming_one_is_noticed_anywhere() {
        let names = |sql: &str| {
            let script = Script { name: "q".into(), text: sql.into() };
            names_any(&script.parse().unwrap()[0], &["_file", "_offset"])
        };
        assert!(names("SELECT _file FROM events"));
        assert!(names("SELECT 1 FROM events e WHERE e._OFFSET > 1"));
        assert!(names("SELECT ip FROM events ORDER BY _offset"));
        assert!(names("EXPLAIN SELECT (SELECT max(_offset) FROM events)"));
        assert!(!names("SELECT ip, '_file' FROM events"));
    }
}
