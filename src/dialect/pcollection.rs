//! `PCOLLECTION`, in any case and without quotes: the default source where it is the one input there is, as in Beam SQL.
//!
//! A CTE of that name, anywhere in the statement, is what the name means then. Whether there is a table of that name is
//! known to who calls it.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, Query, TableAlias, TableFactor, Visitor, VisitorMut,
};

use super::default_source::inner_mut;
use super::walk::{walk, walk_mut};

/// The name, as the engine reads it.
pub const PCOLLECTION: &str = "pcollection";

/// Puts `source` where a table is called so; the name stays as its alias, by which its columns may be qualified.
pub fn name_pcollection(statement: &mut Statement, source: &str) {
    let Some(sql) = inner_mut(statement) else { return };
    if walk(sql, &mut CteFinder).is_continue() {
        let _ = walk_mut(sql, &mut Namer { source });
    }
}

fn is_it(name: &Ident) -> bool {
    name.value.eq_ignore_ascii_case(PCOLLECTION)
}

struct CteFinder;

impl Visitor for CteFinder {
    type Break = ();

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
        let mut ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        if ctes.any(|cte| is_it(&cte.alias.name)) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

struct Namer<'a> {
    source: &'a str,
}

impl Namer<'_> {
    /// Names the table, and returns what was written.
    fn name(&self, table: &mut ObjectName) -> Option<Ident> {
        let [ObjectNamePart::Identifier(name)] = table.0.as_mut_slice() else { return None };
        if name.quote_style.is_some() || !is_it(name) {
            return None;
        }
        let real = Ident { value: self.source.to_owned(), quote_style: Some('"'), span: name.span };
        Some(std::mem::replace(name, real))
    }
}

impl VisitorMut for Namer<'_> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Table { name, alias, args: None, .. } = factor
            && let Some(written) = self.name(name)
            && alias.is_none()
        {
            *alias = Some(TableAlias { explicit: true, name: written, columns: Vec::new(), at: None });
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, table: &mut ObjectName) -> ControlFlow<()> {
        self.name(table);
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn check(sql: &str, expected: &str) {
        let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        name_pcollection(&mut statement, "events");
        assert_eq!(statement.to_string(), expected);
    }

    #[test]
    fn it_is_the_source_and_stays_its_alias() {
        check("SELECT PCollection.id FROM PCollection", r#"SELECT PCollection.id FROM "events" AS PCollection"#);
        check("SELECT p.id FROM PCOLLECTION p", r#"SELECT p.id FROM "events" p"#);
        check("SELECT (SELECT 1 FROM pcollection)", r#"SELECT (SELECT 1 FROM "events" AS pcollection)"#);
        check("DESCRIBE PCOLLECTION", r#"DESCRIBE "events""#);
    }

    #[test]
    fn others_stay_as_they_are() {
        for sql in [
            r#"SELECT * FROM "PCOLLECTION""#,
            "SELECT * FROM rejects.pcollection",
            "SELECT * FROM events",
            "WITH pcollection AS (SELECT 1) SELECT * FROM PCOLLECTION",
        ] {
            check(sql, sql);
        }
    }
}
