//! `COPY`: a query, and where its rows are to go. It writes nothing.

use std::path::PathBuf;

use datafusion::sql::parser::{CopyToSource, CopyToStatement, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;

use crate::dialect;
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
pub(super) fn take(mut statement: Statement) -> Result<(Statement, Option<CopyTarget>)> {
    dialect::copy_a_query(&mut statement)?;
    let Statement::CopyTo(CopyToStatement { source, target, partitioned_by, stored_as, options }) = statement else {
        return Ok((statement, None));
    };
    if !partitioned_by.is_empty() || !options.is_empty() {
        return Err(Error::request("COPY takes no PARTITIONED BY and no OPTIONS")
            .with_hint("it writes one file: COPY (SELECT …) TO 'file.parquet' [STORED AS parquet]"));
    }
    let CopyToSource::Query(query) = source else {
        return Err(Error::internal("a COPY has no query"));
    };
    let target = CopyTarget { path: target.into(), format: stored_as };
    Ok((Statement::Statement(Box::new(Sql::Query(query))), Some(target)))
}
