//! Queries within queries that take the planner a time that doubles with each level, told before they are planned.
//!
//! Each level of WITH within WITH, and of subqueries within expressions, is looked at twice by the level around it; and a
//! CTE is planned anew wherever it is named. It plans nothing.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, Ident, ObjectName, Query, Visitor};

use super::default_source::inner;
use super::walk::walk;
use super::{Script, address, normal, place};
use crate::error::{Error, Result};

/// How deep WITH may stand within WITH, and subqueries within expressions: 16 levels take seconds.
const MAX_LEVELS: usize = 12;
/// How many tables a statement may read when all CTEs are put in the places of their names.
const MAX_TABLES: u64 = 1_000;
/// How many CTEs a statement may have, a script's views among them: each that names another is planned with all of it.
const MAX_CTES: usize = 500;

/// **Errors**: `Sql`, for a statement whose queries nest too deep, or name each other too often.
pub(super) fn check(script: &Script, statement: &Statement) -> Result<()> {
    let Some(sql) = inner(statement) else { return Ok(()) };
    let mut counter = Counter::default();
    let (what, word, hint) = match walk(sql, &mut counter) {
        ControlFlow::Continue(()) => return Ok(()),
        ControlFlow::Break(Excess::With) => (
            format!("WITH stands within WITH more than {MAX_LEVELS} deep"),
            "WITH",
            "one WITH takes many queries, each of which may name those before it",
        ),
        ControlFlow::Break(Excess::Subqueries) => (
            format!("subqueries stand within each other's expressions more than {MAX_LEVELS} deep"),
            "SELECT",
            "compute the inner ones in a WITH, and join them",
        ),
        ControlFlow::Break(Excess::Ctes) => (
            format!("the statement has more than {MAX_CTES} queries under WITH, views among them"),
            "WITH",
            "write some within those that read them; or save one as a query of its own, and read its result as a source",
        ),
        ControlFlow::Break(Excess::Tables) => (
            format!("the statement reads more than {MAX_TABLES} tables when each query stands where it is named"),
            "WITH",
            "save the query that is named so often, and read its result as a source",
        ),
    };
    let error = Error::sql(what).with_hint(hint);
    Err(error.at(place::word(script, word, "here")))
}

enum Excess {
    With,
    Ctes,
    Subqueries,
    Tables,
}

#[derive(Default)]
struct Counter {
    queries: Vec<Level>,
    withs: usize,
    ctes: usize,
    subqueries: usize,
}

/// A query, while it is looked at.
struct Level {
    /// The tables that it reads.
    tables: u64,
    /// Its CTEs that are counted, by name.
    ctes: Vec<(String, u64)>,
    /// The others: where the tree has their queries, and their names.
    pending: Vec<(usize, String)>,
}

impl Counter {
    fn tables_of(&self, name: &Ident) -> u64 {
        let name = normal(name);
        let mut known = self.queries.iter().rev().flat_map(|level| level.ctes.iter().rev());
        known.find(|(cte, _)| *cte == name).map_or(1, |(_, tables)| *tables)
    }
}

impl Visitor for Counter {
    type Break = Excess;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Excess> {
        self.withs += usize::from(query.with.is_some());
        let ctes = query.with.iter().flat_map(|with| &with.cte_tables);
        self.ctes += ctes.clone().count();
        if self.ctes > MAX_CTES {
            return ControlFlow::Break(Excess::Ctes);
        }
        let pending = ctes.map(|cte| (address(&cte.query), normal(&cte.alias.name))).collect();
        self.queries.push(Level { tables: 0, ctes: Vec::new(), pending });
        if self.withs > MAX_LEVELS { ControlFlow::Break(Excess::With) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_query(&mut self, query: &Query) -> ControlFlow<Excess> {
        self.withs -= usize::from(query.with.is_some());
        let Some(level) = self.queries.pop() else { return ControlFlow::Continue(()) };
        if level.tables > MAX_TABLES {
            return ControlFlow::Break(Excess::Tables);
        }
        if let Some(around) = self.queries.last_mut() {
            match around.pending.iter().position(|(at, _)| *at == address(query)) {
                // It counts where it is named.
                Some(at) => around.ctes.push((around.pending.swap_remove(at).1, level.tables.max(1))),
                None => around.tables = around.tables.saturating_add(level.tables),
            }
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<Excess> {
        let tables = match relation.0.as_slice() {
            [part] => part.as_ident().map_or(1, |name| self.tables_of(name)),
            _ => 1,
        };
        if let Some(level) = self.queries.last_mut() {
            level.tables = level.tables.saturating_add(tables);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Excess> {
        self.subqueries += usize::from(is_subquery(expr));
        if self.subqueries > MAX_LEVELS { ControlFlow::Break(Excess::Subqueries) } else { ControlFlow::Continue(()) }
    }

    fn post_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Excess> {
        self.subqueries -= usize::from(is_subquery(expr));
        ControlFlow::Continue(())
    }
}

fn is_subquery(expr: &Expr) -> bool {
    matches!(expr, Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(sql: &str) -> Option<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let statement = script.parse().unwrap().remove(0);
        check(&script, &statement).err().map(|error| error.to_string())
    }

    /// `query` in so many others.
    fn nested(query: &str, levels: usize, around: impl Fn(&str) -> String) -> String {
        (0..levels).fold(query.to_owned(), |inner, _| around(&inner))
    }

    #[test]
    fn with_within_with_is_limited() {
        let around = |inner: &str| format!("WITH c AS ({inner}) SELECT * FROM c");
        assert_eq!(refused(&nested("SELECT 1", MAX_LEVELS, around)), None);
        assert!(refused(&nested("SELECT 1", MAX_LEVELS + 1, around)).unwrap().starts_with("WITH stands within WITH"));
    }

    #[test]
    fn subqueries_within_expressions_are_limited() {
        for around in ["SELECT (#)", "SELECT 1 WHERE EXISTS (#)", "SELECT 1 WHERE 1 IN (#)"] {
            let around = |inner: &str| around.replace('#', inner);
            assert_eq!(refused(&nested("SELECT 1", MAX_LEVELS, around)), None);
            assert!(
                refused(&nested("SELECT 1", MAX_LEVELS + 1, around)).unwrap().starts_with("subqueries stand within")
            );
        }
        assert_eq!(refused(&nested("SELECT 1", 40, |inner| format!("SELECT * FROM ({inner})"))), None);
    }

    #[test]
    fn ctes_that_double_are_limited() {
        let ctes = |count: usize, body: &str| {
            let ctes = (1..count).map(|n| format!("c{n} AS ({})", body.replace('#', &format!("c{}", n - 1))));
            format!(
                "WITH c0 AS (SELECT 1 FROM t), {} SELECT * FROM c{}",
                ctes.collect::<Vec<_>>().join(", "),
                count - 1
            )
        };
        assert_eq!(refused(&ctes(200, "SELECT * FROM #")), None);
        assert!(refused(&ctes(MAX_CTES + 1, "SELECT * FROM #")).unwrap().contains("queries under WITH"));
        assert_eq!(refused(&ctes(10, "SELECT * FROM # UNION ALL SELECT * FROM #")), None);
        assert!(refused(&ctes(60, "SELECT * FROM # UNION ALL SELECT * FROM #").replace(" FROM t", "")).is_some());
        let told = refused(&ctes(60, "SELECT * FROM # UNION ALL SELECT * FROM #")).unwrap();
        assert!(told.starts_with("the statement reads more than 1000 tables"), "{told}");
    }
}
