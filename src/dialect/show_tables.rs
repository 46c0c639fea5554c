//! `SHOW TABLES`: what can be read, sources and their rejects, without the engine's own tables and
//! those of the ledger. And `SHOW COLUMNS FROM t`,
//! which is `DESCRIBE t`: the engine would list the columns of all tables of that name.
//!
//! One with a filter, or of another kind, is left to the engine, which says what it does not do.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{ObjectName, ShowStatementOptions, Statement as Sql};

use super::default_source::inner_mut;
use super::made;
use crate::error::Result;

/// A row for each table: its schema, its name and what it is.
const LISTING: &str = "SELECT table_schema, table_name, table_type FROM information_schema.tables \
     WHERE table_schema NOT IN ('information_schema', 'tidemill') ORDER BY 1, 2";

/// Makes a `SHOW TABLES` the query that it stands for, and a `SHOW COLUMNS` a `DESCRIBE`.
///
/// **Errors**: none that a user can cause.
pub fn list(statement: &mut Statement) -> Result<()> {
    inner_mut(statement).map_or(Ok(()), list_tables)
}

/// The same, of a statement as the SQL parser knows it.
pub(super) fn list_tables(sql: &mut Sql) -> Result<()> {
    // Any option shows in its text.
    if matches!(sql, Sql::ShowTables { .. }) && sql.to_string() == "SHOW TABLES" {
        *sql = made(LISTING.into())?;
    }
    if let Sql::ShowColumns { show_options: ShowStatementOptions { show_in: Some(show_in), .. }, .. } = &*sql
        && let Some(name) = show_in.parent_name.clone()
        && sql.to_string() == format!("SHOW COLUMNS {} {name}", show_in.clause)
    {
        *sql = described(name)?;
    }
    Ok(())
}

/// `DESCRIBE name`, where it stands.
fn described(name: ObjectName) -> Result<Sql> {
    let mut sql = made(format!("DESCRIBE {name}"))?;
    if let Sql::ExplainTable { table_name, .. } = &mut sql {
        *table_name = name;
    }
    Ok(sql)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    #[test]
    fn a_plain_one_is_a_query() {
        let listed = |sql: &str| {
            let mut statement = Script { name: "q".into(), text: sql.into() }.parse().unwrap().remove(0);
            list(&mut statement).unwrap();
            statement.to_string()
        };
        assert!(listed("show tables").starts_with("SELECT table_schema, table_name"));
        assert_eq!(listed("show columns from s.t"), "DESCRIBE s.t");
        assert_eq!(listed("show columns in t"), "DESCRIBE t");
        for sql in ["SHOW TABLES FROM s", "SHOW FULL TABLES", "SHOW TABLES LIKE 'a%'", "SHOW FULL COLUMNS FROM t"] {
            assert_eq!(listed(sql), sql);
        }
    }
}
