//! Clauses that the engine's parser takes and its planner passes over: an answer without them would be another one.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{TableFactor, Visit, Visitor};

use super::default_source::inner;

/// The word of the first such clause, in capitals.
pub fn ignored_clause(statement: &Statement) -> Option<&'static str> {
    match inner(statement)?.visit(&mut Finder) {
        ControlFlow::Break(word) => Some(word),
        ControlFlow::Continue(()) => None,
    }
}

struct Finder;

impl Visitor for Finder {
    type Break = &'static str;

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<&'static str> {
        match factor {
            TableFactor::Table { sample: Some(_), .. } => ControlFlow::Break("TABLESAMPLE"),
            _ => ControlFlow::Continue(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    #[test]
    fn a_sample_is_noticed_wherever_it_stands() {
        let clause = |sql: &str| {
            let script = Script { name: "q".into(), text: sql.into() };
            ignored_clause(&script.parse().unwrap()[0])
        };
        assert_eq!(clause("SELECT * FROM events TABLESAMPLE BERNOULLI(10)"), Some("TABLESAMPLE"));
        assert_eq!(clause("SELECT (SELECT count(*) FROM t TABLESAMPLE SYSTEM (1))"), Some("TABLESAMPLE"));
        assert_eq!(clause("SELECT * FROM events"), None);
    }
}
