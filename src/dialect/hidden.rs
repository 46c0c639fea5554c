//! Columns that a table has but `SELECT *` does not show: they are there when named.
//!
//! The engine knows no such columns. So a table gets them only for a statement that names one, and then each `*` over
//! that table leaves them out. It knows nothing of what the columns hold.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, Statement as Sql, TableFactor, Visit, VisitMut, Visitor, VisitorMut,
    WildcardAdditionalOptions,
};

use crate::error::{Error, Result};

/// The hidden columns of a table, by the table's name as written; none for a name that is no table of ours.
pub type Hidden<'a> = &'a dyn Fn(&str) -> Vec<&'static str>;

/// Whether a statement names one of `columns` anywhere.
pub fn names_any(statement: &Statement, columns: &[&str]) -> bool {
    with_sql(statement, |sql| sql.visit(&mut NameFinder { columns }).is_break()).unwrap_or(false)
}

/// Makes each `*` leave out the hidden columns of the tables that it stands over.
///
/// **Errors**: `Sql`, if a NATURAL JOIN would compare the hidden columns too.
pub fn hide(statement: &mut Statement, hidden: Hidden<'_>) -> Result<()> {
    match statement {
        Statement::Statement(sql) => hide_in(sql.as_mut(), hidden),
        Statement::Explain(explain) => hide(&mut explain.statement, hidden),
        Statement::CopyTo(copy) => match &mut copy.source {
            datafusion::sql::parser::CopyToSource::Query(query) => hide_in(query.as_mut(), hidden),
            datafusion::sql::parser::CopyToSource::Relation(_) => Ok(()),
        },
        _ => Ok(()),
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

fn hide_in(tree: &mut impl VisitMut, hidden: Hidden<'_>) -> Result<()> {
    match tree.visit(&mut Hider { hidden, ctes: HashSet::new() }) {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) => Ok(()),
    }
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
    type Break = Error;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes.extend(ctes.map(|cte| normal(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        let tables: Vec<Option<Table>> = factors(select).map(|(factor, join)| self.table(factor, join)).collect();
        if tables.iter().flatten().all(|table| table.hidden.is_empty()) {
            return ControlFlow::Continue(());
        }
        if select.from.iter().flat_map(|from| &from.joins).any(is_natural) {
            return ControlFlow::Break(
                Error::sql("a NATURAL JOIN compares all columns of one name, `_file` and `_offset` among them")
                    .with_hint("say which ones are meant: JOIN … USING (id)"),
            );
        }
        let all_named = tables.iter().all(Option::is_some);
        let tables: Vec<Table> = tables.into_iter().flatten().collect();
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) if all_named && tables.len() == 1 => {
                    select.projection.push(SelectItem::Wildcard(without(options, tables[0].left_out())));
                }
                SelectItem::Wildcard(options) if all_named => {
                    select.projection.extend(tables.iter().map(|table| table.wildcard(options.clone())));
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let last = name.0.last().and_then(|part| part.as_ident()).map(normal);
                    let table = tables.iter().find(|table| Some(&normal(&table.name)) == last.as_ref());
                    let hidden = table.map_or(&[][..], |table| table.hidden.as_slice());
                    let name = SelectItemQualifiedWildcardKind::ObjectName(name);
                    select.projection.push(SelectItem::QualifiedWildcard(name, without(options, quoted(hidden))));
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
    /// The columns of USING, which `*` shows once: as those of the table on the left.
    merged: Vec<ObjectName>,
}

impl Table {
    fn left_out(&self) -> impl Iterator<Item = ObjectName> {
        quoted(&self.hidden).chain(self.merged.iter().cloned())
    }

    fn wildcard(&self, options: WildcardAdditionalOptions) -> SelectItem {
        let name = SelectItemQualifiedWildcardKind::ObjectName(ObjectName::from(vec![self.name.clone()]));
        SelectItem::QualifiedWildcard(name, without(options, self.left_out()))
    }
}

impl Hider<'_> {
    fn table(&self, factor: &TableFactor, join: Option<&JoinOperator>) -> Option<Table> {
        let merged = match join.and_then(constraint) {
            Some(JoinConstraint::Using(columns)) => columns.clone(),
            _ => Vec::new(),
        };
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let last = name.0.last()?.as_ident()?.clone();
                let is_source = name.0.len() == 1 && !self.ctes.contains(&normal(&last));
                let hidden = if is_source { (self.hidden)(&normal(&last)) } else { Vec::new() };
                Some(Table { name: alias.as_ref().map_or(last, |alias| alias.name.clone()), hidden, merged })
            }
            TableFactor::Derived { alias: Some(alias), .. } => {
                Some(Table { name: alias.name.clone(), hidden: Vec::new(), merged })
            }
            _ => None,
        }
    }
}

/// All that is in FROM, and how it is joined to what stands before it.
fn factors(select: &Select) -> impl Iterator<Item = (&TableFactor, Option<&JoinOperator>)> {
    select.from.iter().flat_map(|from| {
        let joins = from.joins.iter().map(|join| (&join.relation, Some(&join.join_operator)));
        std::iter::once((&from.relation, None)).chain(joins)
    })
}

fn is_natural(join: &Join) -> bool {
    matches!(constraint(&join.join_operator), Some(JoinConstraint::Natural))
}

fn constraint(join: &JoinOperator) -> Option<&JoinConstraint> {
    match join {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

fn quoted(columns: &[&'static str]) -> impl Iterator<Item = ObjectName> {
    columns.iter().map(|column| ObjectName::from(vec![Ident::with_quote('"', *column)]))
}

fn without(
    mut options: WildcardAdditionalOptions,
    columns: impl IntoIterator<Item = ObjectName>,
) -> WildcardAdditionalOptions {
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let absent: Vec<ObjectName> = columns.into_iter().filter(|name| !names.contains(name)).collect();
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
        hide(&mut statement, &hidden).unwrap();
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn a_join_shows_what_it_merges_once() {
        check(
            "SELECT *, a._file FROM events AS a LEFT JOIN events AS b USING(id)",
            r#"SELECT a.* EXCLUDE ("_file"), b.* EXCLUDE ("_file", id), a._file FROM events AS a LEFT JOIN events AS b USING(id)"#,
        );
        let script = Script { name: "q".into(), text: "SELECT _file FROM events NATURAL JOIN t".into() };
        let error = hide(&mut script.parse().unwrap().remove(0), &hidden).unwrap_err();
        assert!(error.to_string().starts_with("a NATURAL JOIN compares"), "{error}");
        check("SELECT * FROM t NATURAL JOIN u", "SELECT * FROM t NATURAL JOIN u");
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
