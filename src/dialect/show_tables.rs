//! `SHOW TABLES`: what can be read, sources and their rejects, without the engine's own tables.
//!
//! One with a filter, or of another kind, is left to the engine, which says what it does not do.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::Statement as Sql;

use super::{Script, default_source::inner_mut};
use crate::error::Result;

/// A row for each table: its schema, its name and what it is.
const LISTING: &str = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
     WHERE table_schema <> 'information_schema' ORDER BY 1, 2";

/// Makes a `SHOW TABLES` the query that it stands for.
///
/// **Errors**: none that a user can cause.
pub fn list_tables(statement: &mut Statement) -> Result<()> {
    let Some(sql) = inner_mut(statement) else { return Ok(()) };
    // Any option shows in its text.
    if matches!(sql, Sql::ShowTables { .. }) && sql.to_string() == "SHOW TABLES" {
        let listing = Script { name: "SHOW TABLES".into(), text: LISTING.into() }.parse()?.pop();
        if let Some(Statement::Statement(listing)) = listing {
            *sql = *listing;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_one_is_a_query() {
        let listed = |sql: &str| {
            let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
            list_tables(&mut statement).unwrap();
            statement.to_string()
        };
        assert!(listed("show tables").starts_with("SELECT table_schema, table_name"));
        for sql in ["SHOW TABLES FROM s", "SHOW FULL TABLES", "SHOW TABLES LIKE 'a%'", "SHOW COLUMNS FROM t"] {
            assert_eq!(listed(sql), sql);
        }
    }
}
