//! What a statement does, told by its kind: ask, make something for the session, write a file, or what is not done here.
//!
//! It decides nothing about who may do what.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectType, Statement as Sql};

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It answers with rows and changes nothing.
    Ask,
    /// It creates or drops a table of the session.
    Make,
    /// It writes a file.
    Copy,
    /// None of these.
    Other,
}

/// What `statement` does.
pub fn deed(statement: &Statement) -> Deed {
    match statement {
        Statement::Statement(sql) => of_sql(sql),
        Statement::CopyTo(_) => Deed::Copy,
        Statement::Explain(explain) if deed(&explain.statement) == Deed::Ask => Deed::Ask,
        Statement::CreateExternalTable(_) => Deed::Make,
        Statement::Explain(_) | Statement::Reset(_) => Deed::Other,
    }
}

fn of_sql(sql: &Sql) -> Deed {
    match sql {
        Sql::Query(_)
        | Sql::ExplainTable { .. }
        | Sql::ShowColumns { .. }
        | Sql::ShowFunctions { .. }
        | Sql::ShowTables { .. }
        | Sql::ShowVariable { .. } => Deed::Ask,
        Sql::Explain { statement, .. } if of_sql(statement) == Deed::Ask => Deed::Ask,
        Sql::CreateTable(_) => Deed::Make,
        Sql::Drop { object_type: ObjectType::Table, .. } => Deed::Make,
        _ => Deed::Other,
    }
}

/// The word that a statement begins with, in capitals; of one that is to be explained, its own.
pub fn verb(statement: &Statement) -> String {
    if let Statement::Explain(explain) = statement {
        return verb(&explain.statement);
    }
    let text = statement.to_string();
    text.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_uppercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn check(sql: &str, expected: Deed, word: &str) {
        let statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
        assert_eq!((deed(&statement), verb(&statement).as_str()), (expected, word), "{sql}");
    }

    #[test]
    fn what_statements_do() {
        check("SELECT 1", Deed::Ask, "SELECT");
        check("WITH a AS (SELECT 1) SELECT * FROM a", Deed::Ask, "WITH");
        check("VALUES (1)", Deed::Ask, "VALUES");
        check("(SELECT 1) UNION SELECT 2", Deed::Ask, "");
        check("EXPLAIN ANALYZE SELECT 1", Deed::Ask, "SELECT");
        check("DESCRIBE t", Deed::Ask, "DESCRIBE");
        check("SHOW TABLES", Deed::Ask, "SHOW");
        check("SHOW COLUMNS FROM t", Deed::Ask, "SHOW");
        check("SHOW ALL", Deed::Ask, "SHOW");
        check("CREATE TABLE t AS SELECT 1", Deed::Make, "CREATE");
        check("CREATE OR REPLACE VIEW v AS SELECT 1", Deed::Other, "CREATE");
        check("DROP TABLE IF EXISTS t", Deed::Make, "DROP");
        check("COPY t TO 'x'", Deed::Copy, "COPY");
        check("EXPLAIN COPY t TO 'x'", Deed::Other, "COPY");
        check("EXPLAIN ANALYZE CREATE TABLE t AS SELECT 1", Deed::Other, "CREATE");
        check("CREATE EXTERNAL TABLE t STORED AS JSON LOCATION 't.out'", Deed::Make, "CREATE");
        check("CREATE SCHEMA s", Deed::Other, "CREATE");
        check("DROP SCHEMA s", Deed::Other, "DROP");
        check("INSERT INTO t VALUES (1)", Deed::Other, "INSERT");
        check("SET a = 1", Deed::Other, "SET");
        check("RESET a", Deed::Other, "RESET");
        check("PREPARE p AS SELECT 1", Deed::Other, "PREPARE");
    }
}
