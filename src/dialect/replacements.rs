//! `* REPLACE (… AS name)`: what it stands over, so that each name can be looked for there. The engine takes names as they
//! stand, and passes over one that there is no column of.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Cte, GroupByExpr, Ident, Query, Select, SelectItem, SetExpr, Statement as Sql, Visitor, VisitorMut,
    WildcardAdditionalOptions,
};

use super::default_source::{inner, inner_mut};
use super::definitions::{bare, with};
use super::walk::{walk, walk_mut};
use super::{Script, place};
use crate::error::Excerpt;

/// The columns that one `*` replaces.
#[derive(Debug)]
pub struct Replacement {
    /// The names, as the engine takes them.
    names: Vec<Ident>,
    /// The `*` without anything, over the same tables, as a statement.
    pub over: Statement,
}

impl Replacement {
    /// The first name that `columns` lack.
    pub fn missing<'a>(&'a self, columns: &[String]) -> Option<&'a str> {
        self.missing_ident(columns).map(|name| name.value.as_str())
    }

    /// The place of that name.
    pub fn place(&self, script: &Script, columns: &[String]) -> Option<Excerpt> {
        self.missing_ident(columns).map(|name| place::under(script, name.span, "here"))
    }

    /// Puts what the first missing name stands for into the statement that it is of; returns whether it is there.
    pub fn spell(&self, statement: &mut Statement, columns: &[String], real: &str) -> bool {
        let (Some(sql), Some(name)) = (inner_mut(statement), self.missing_ident(columns)) else { return false };
        walk_mut(sql, &mut Speller { written: name, real }).is_break()
    }

    fn missing_ident(&self, columns: &[String]) -> Option<&Ident> {
        self.names.iter().find(|name| !columns.contains(&name.value))
    }
}

/// Every `* REPLACE` of a statement.
pub fn replacements(statement: &Statement) -> Vec<Replacement> {
    let mut finder = Finder { ctes: Vec::new(), counts: Vec::new(), found: Vec::new() };
    if let Some(sql) = inner(statement) {
        let _ = walk(sql, &mut finder);
    }
    finder.found
}

struct Finder {
    /// The CTEs that are known, those of queries around first.
    ctes: Vec<Cte>,
    /// How many of them each query brought.
    counts: Vec<usize>,
    found: Vec<Replacement>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let own = query.with.iter().flat_map(|with| &with.cte_tables);
        self.counts.push(own.clone().count());
        self.ctes.extend(own.cloned());
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        let own = self.counts.pop().unwrap_or(0);
        self.ctes.truncate(self.ctes.len() - own);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<()> {
        for item in &select.projection {
            let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { continue };
            let Some(replace) = &options.opt_replace else { continue };
            let names = replace.items.iter().map(|item| item.column_name.clone()).collect();
            self.found.push(Replacement { names, over: self.over(select, item) });
        }
        ControlFlow::Continue(())
    }
}

impl Finder {
    fn over(&self, select: &Select, item: &SelectItem) -> Statement {
        let item = match item {
            SelectItem::QualifiedWildcard(kind, _) => {
                SelectItem::QualifiedWildcard(kind.clone(), WildcardAdditionalOptions::default())
            }
            _ => SelectItem::Wildcard(WildcardAdditionalOptions::default()),
        };
        let all = Select {
            distinct: None,
            projection: vec![item],
            selection: None,
            group_by: GroupByExpr::Expressions(Vec::new(), Vec::new()),
            having: None,
            named_window: Vec::new(),
            qualify: None,
            ..select.clone()
        };
        let mut query = bare(SetExpr::Select(Box::new(all)));
        // Of two of one name, the inner one counts.
        let mut ctes: Vec<Cte> = Vec::new();
        for cte in self.ctes.iter().rev() {
            if !ctes.iter().any(|known| known.alias.name == cte.alias.name) {
                ctes.push(cte.clone());
            }
        }
        ctes.reverse();
        query.with = (!ctes.is_empty()).then(|| with(ctes));
        Statement::Statement(Box::new(Sql::Query(Box::new(query))))
    }
}

struct Speller<'a> {
    written: &'a Ident,
    real: &'a str,
}

impl VisitorMut for Speller<'_> {
    type Break = ();

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        for item in &mut select.projection {
            let (SelectItem::Wildcard(options) | SelectItem::QualifiedWildcard(_, options)) = item else { continue };
            for item in options.opt_replace.iter_mut().flat_map(|replace| &mut replace.items) {
                let name = &mut item.column_name;
                if name.span == self.written.span && name == self.written {
                    *name = Ident { value: self.real.to_owned(), quote_style: Some('"'), span: name.span };
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_star_stands_over_is_a_statement() {
        let sql = "WITH a AS (SELECT 1 AS x) SELECT a.* REPLACE (2 AS X) FROM a WHERE x = 1 UNION ALL SELECT (SELECT * REPLACE (3 AS y) FROM (SELECT 2 AS y) b)";
        let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        let found = replacements(&statement);
        let over: Vec<String> = found.iter().map(|replacement| replacement.over.to_string()).collect();
        assert_eq!(
            over,
            [
                "WITH a AS (SELECT 1 AS x) SELECT a.* FROM a",
                "WITH a AS (SELECT 1 AS x) SELECT * FROM (SELECT 2 AS y) b"
            ]
        );
        assert_eq!(found[0].missing(&["x".to_owned()]), Some("X"));
        assert_eq!(found[1].missing(&["y".to_owned()]), None);
        assert!(found[0].spell(&mut statement, &["x".to_owned()], "x"));
        assert!(statement.to_string().contains(r#"a.* REPLACE (2 AS "x")"#), "{statement}");
    }
}
