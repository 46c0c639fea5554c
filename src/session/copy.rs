//! `COPY`: a query, and where its rows are to go. It writes nothing.

use std::path::PathBuf;

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;

use crate::dialect::Script;
use crate::error::{Error, Result};

/// The target of a `COPY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyTarget {
    /// The file, as written.
    pub path: PathBuf,
    /// The word after `STORED AS`.
    pub format: Option<String>,
}

/// The query of a `COPY`, whose rows are written by us and not by the engine.
pub(super) fn take(statement: Statement) -> Result<(Statement, Option<CopyTarget>)> {
    let Statement::CopyTo(CopyToStatement { source, target, partitioned_by, stored_as, options }) = statement else {
        return Ok((statement, None));
    };
    if !partitioned_by.is_empty() || !options.is_empty() {
        return Err(Error::request("COPY takes no PARTITIONED BY and no OPTIONS")
            .with_hint("it writes one file: COPY (SELECT …) TO 'file.parquet' [STORED AS parquet]"));
    }
    let query = match source {
        CopyToSource::Query(query) => query,
        CopyToSource::Relation(name) => {
            let text = format!("SELECT * FROM {name}");
            let parsed = Script { name: "COPY".into(), text }.parse()?.pop();
            match parsed {
                Some(Statement::Statement(sql)) => match *sql {
                    Sql::Query(query) => query,
                    _ => return Err(Error::internal("a SELECT is no query")),
                },
                _ => return Err(Error::internal("a SELECT is no statement")),
            }
        }
    };
    let target = CopyTarget { path: target.into(), format: stored_as };
    Ok((Statement::Statement(Box::new(Sql::Query(query))), Some(target)))
}
