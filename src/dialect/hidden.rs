//! Columns that a table has but `SELECT *` does not show: they are there when named.
//!
//! The engine knows no such columns. So a table gets them only for a statement that names one, and then each `*` over
//! that table leaves them out. Where a `*` cannot be rewritten exactly, the statement is refused: it would show columns
//! that nobody asked for. It knows nothing of what the columns hold.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, Join, JoinConstraint, JoinOperator, ObjectName, Query, Select, SelectItem,
    SelectItemQualifiedWildcardKind, TableFactor, Visitor, VisitorMut, WildcardAdditionalOptions,
};

use super::default_source::{inner, inner_mut};
use super::walk::{walk, walk_mut};
use super::{Script, normal, outcome, place};
use crate::error::{Error, Result};

/// The hidden columns of a table, by the table's name as written; none for a name that is no table of ours.
pub type Hidden<'a> = &'a dyn Fn(&str) -> Vec<&'static str>;

/// Whether a statement names one of `columns` anywhere.
pub fn names_any(statement: &Statement, columns: &[&str]) -> bool {
    inner(statement).is_some_and(|sql| walk(sql, &mut NameFinder { columns }).is_break())
}

/// Makes each `*` leave out the hidden columns of the tables that it stands over.
///
/// **Errors**: `Sql` with the place of a `*`, or of a NATURAL JOIN, that cannot leave them out.
pub fn hide(script: &Script, statement: &mut Statement, hidden: Hidden<'_>) -> Result<()> {
    let Some(sql) = inner_mut(statement) else { return Ok(()) };
    outcome(walk_mut(sql, &mut Hider { script, hidden, ctes: Vec::new() }))
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

struct Hider<'a> {
    script: &'a Script,
    hidden: Hidden<'a>,
    /// Names that stand for a CTE here, and not for the table.
    ctes: Vec<String>,
}

impl VisitorMut for Hider<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let Some(with) = &mut query.with else { return ControlFlow::Continue(()) };
        for cte in &mut with.cte_tables {
            let name = normal(&cte.alias.name);
            // Its own name means the table in its body, unless it is recursive. The visitor comes here once more with
            // all names known, and finds nothing left to do.
            if with.recursive {
                self.ctes.push(name);
                walk_mut(&mut cte.query, self)?;
            } else {
                walk_mut(&mut cte.query, self)?;
                self.ctes.push(name);
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let names = query.with.as_ref().map_or(0, |with| with.cte_tables.len());
        self.ctes.truncate(self.ctes.len() - names);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        match self.hide_in(select) {
            Ok(()) => ControlFlow::Continue(()),
            Err(refusal) => ControlFlow::Break(Box::new(refusal)),
        }
    }
}

/// A table in FROM under the name by which its columns are qualified, if it has one.
struct Table {
    name: Option<Ident>,
    hidden: Vec<&'static str>,
    /// The columns of USING, which `*` shows once: as those of the table on the left.
    merged: Vec<ObjectName>,
}

impl Hider<'_> {
    fn hide_in(&self, select: &mut Select) -> Result<()> {
        let mut tables: Vec<Table> = factors(select).map(|(factor, _)| self.table(factor)).collect();
        for (table, (_, join)) in tables.iter_mut().zip(factors(select)) {
            if let Some(JoinConstraint::Using(columns)) = join.and_then(constraint) {
                table.merged.clone_from(columns);
            }
        }
        if tables.iter().all(|table| table.hidden.is_empty()) {
            return Ok(());
        }
        let constraints: Vec<&JoinConstraint> = joins(select).filter_map(constraint).collect();
        if constraints.iter().any(|constraint| matches!(constraint, JoinConstraint::Natural)) {
            return Err(Error::sql("NATURAL JOIN would join on hidden columns too, for the statement names one")
                .with_hint("write the columns to join on: JOIN … ON a.id = b.id"));
        }
        let plain = joins(select).all(|join| constraint(join).is_some());
        let splits = plain && tables.iter().all(|table| table.name.is_some());
        let mut projection = Vec::with_capacity(select.projection.len());
        for item in std::mem::take(&mut select.projection) {
            match item {
                SelectItem::Wildcard(options) if tables.len() == 1 => {
                    projection.push(SelectItem::Wildcard(without(options, &tables[0].hidden)));
                }
                SelectItem::Wildcard(options) if splits && is_bare(&options) => {
                    projection.extend(tables.iter().filter_map(Table::wildcard));
                }
                SelectItem::Wildcard(options) => return Err(self.refusal(&options)),
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    let last = name.0.last().and_then(|part| part.as_ident()).map(normal);
                    let table = tables.iter().find(|table| table.name.as_ref().map(normal) == last);
                    let options = without(options, table.map_or(&[], |table| table.hidden.as_slice()));
                    let name = SelectItemQualifiedWildcardKind::ObjectName(name);
                    projection.push(SelectItem::QualifiedWildcard(name, options));
                }
                other => projection.push(other),
            }
        }
        select.projection = projection;
        Ok(())
    }

    fn refusal(&self, options: &WildcardAdditionalOptions) -> Error {
        Error::sql("`*` over this join cannot leave out the hidden columns, for the statement names one").with_excerpt(
            place::under(self.script, options.wildcard_token.0.span, "write the columns here, or a.*, b.*"),
        )
    }

    fn table(&self, factor: &TableFactor) -> Table {
        match factor {
            TableFactor::Table { name, alias, args: None, .. } => {
                let last = name.0.last().and_then(|part| part.as_ident());
                let is_cte = name.0.len() == 1 && last.is_some_and(|last| self.ctes.contains(&normal(last)));
                let hidden = last.filter(|_| !is_cte).map_or_else(Vec::new, |last| (self.hidden)(&normal(last)));
                Table { name: alias.as_ref().map(|alias| &alias.name).or(last).cloned(), hidden, merged: Vec::new() }
            }
            TableFactor::Derived { alias, .. } => {
                Table { name: alias.as_ref().map(|alias| alias.name.clone()), hidden: Vec::new(), merged: Vec::new() }
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                let inner = std::iter::once(&table_with_joins.relation);
                let inner = inner.chain(table_with_joins.joins.iter().map(|join| &join.relation));
                // It has no name of its own; that it hides something is enough to refuse a `*`.
                Table {
                    name: None,
                    hidden: inner.flat_map(|factor| self.table(factor).hidden).collect(),
                    merged: Vec::new(),
                }
            }
            _ => Table { name: None, hidden: Vec::new(), merged: Vec::new() },
        }
    }
}

impl Table {
    fn wildcard(&self) -> Option<SelectItem> {
        let name = ObjectName::from(vec![self.name.clone()?]);
        let mut options = without(WildcardAdditionalOptions::default(), &self.hidden);
        if !self.merged.is_empty() {
            let hidden = match options.opt_exclude.take() {
                Some(ExcludeSelectItem::Multiple(names)) => names,
                _ => Vec::new(),
            };
            let names = hidden.into_iter().chain(self.merged.iter().cloned()).collect();
            options.opt_exclude = Some(ExcludeSelectItem::Multiple(names));
        }
        Some(SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options))
    }
}

/// All that is in FROM, and how it is joined to what stands before it.
fn factors(select: &Select) -> impl Iterator<Item = (&TableFactor, Option<&Join>)> {
    select.from.iter().flat_map(|from| {
        std::iter::once((&from.relation, None)).chain(from.joins.iter().map(|join| (&join.relation, Some(join))))
    })
}

fn joins(select: &Select) -> impl Iterator<Item = &Join> {
    select.from.iter().flat_map(|from| &from.joins)
}

/// How a join that keeps the columns of both sides matches them; `None` for others.
fn constraint(join: &Join) -> Option<&JoinConstraint> {
    match &join.join_operator {
        JoinOperator::Join(constraint)
        | JoinOperator::Inner(constraint)
        | JoinOperator::Left(constraint)
        | JoinOperator::LeftOuter(constraint)
        | JoinOperator::Right(constraint)
        | JoinOperator::RightOuter(constraint)
        | JoinOperator::FullOuter(constraint)
        | JoinOperator::CrossJoin(constraint) => Some(constraint),
        _ => None,
    }
}

fn is_bare(options: &WildcardAdditionalOptions) -> bool {
    let WildcardAdditionalOptions { opt_ilike, opt_exclude, opt_except, opt_replace, opt_rename, .. } = options;
    opt_ilike.is_none()
        && opt_exclude.is_none()
        && opt_except.is_none()
        && opt_replace.is_none()
        && opt_rename.is_none()
}

fn without(mut options: WildcardAdditionalOptions, hidden: &[&'static str]) -> WildcardAdditionalOptions {
    let mut names = match options.opt_exclude.take() {
        Some(ExcludeSelectItem::Single(name)) => vec![name],
        Some(ExcludeSelectItem::Multiple(names)) => names,
        None => Vec::new(),
    };
    let written: Vec<String> = names.iter().filter_map(|name| name.0.last()?.as_ident().map(normal)).collect();
    let absent = hidden.iter().filter(|column| !written.iter().any(|name| name == *column));
    names.extend(absent.map(|column| ObjectName::from(vec![Ident::with_quote('"', *column)])));
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

    fn rewritten(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse().unwrap().remove(0);
        hide(&script, &mut statement, &hidden).map(|()| statement.to_string())
    }

    fn check(sql: &str, expected: &str) {
        assert_eq!(rewritten(sql).unwrap(), expected);
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
    fn a_cte_hides_the_table_of_its_name_behind_it_only() {
        check(
            "WITH events AS (SELECT * FROM events) SELECT * FROM events",
            r#"WITH events AS (SELECT * EXCLUDE ("_file") FROM events) SELECT * FROM events"#,
        );
    }

    #[test]
    fn qualified_names_and_own_exclusions_count() {
        check("SELECT * FROM public.events", r#"SELECT * EXCLUDE ("_file") FROM public.events"#);
        check("SELECT * EXCLUDE (_FILE, x) FROM events", "SELECT * EXCLUDE (_FILE, x) FROM events");
    }

    #[test]
    fn a_join_shows_what_it_merges_once() {
        check(
            "SELECT *, a._file FROM events AS a LEFT JOIN events AS b USING(id)",
            r#"SELECT a.* EXCLUDE ("_file"), b.* EXCLUDE ("_file", id), a._file FROM events AS a LEFT JOIN events AS b USING(id)"#,
        );
        check("SELECT * FROM t NATURAL JOIN u", "SELECT * FROM t NATURAL JOIN u");
    }

    #[test]
    fn what_cannot_be_rewritten_is_refused() {
        for sql in [
            "SELECT * FROM events a NATURAL JOIN events b",
            "SELECT * EXCLUDE (x) FROM events a, events b",
            "SELECT * FROM events a LEFT SEMI JOIN events b ON a.id = b.id",
            "SELECT * FROM events a, (SELECT 1)",
        ] {
            assert_eq!(rewritten(sql).unwrap_err().exit_code(), 2, "{sql}");
        }
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
