//! Tables that a statement leaves out, and those that it names and that are not there.

use datafusion::common::DataFusionError;
use datafusion::sql::parser::Statement;

use super::{REJECTS, SOURCES, Session, failure};
use crate::dialect::{self, Script};
use crate::error::{Error, Result};
use crate::suggest;

impl Session {
    /// Gives a SELECT without FROM the default source.
    ///
    /// **Errors**: `Sql` with what there is, if no source is the default.
    pub(super) fn supply_from(&self, script: &Script, statement: &mut Statement) -> Result<()> {
        let source = self.catalog.project().default_source().map(|source| source.name.as_str());
        if !dialect::add_from(statement, source) || source.is_some() {
            return Ok(());
        }
        let names = self.catalog.project().sources.iter().map(|source| source.name.as_str());
        Err(Error::sql(format!(
            "a SELECT in `{}` names columns but no table, and no source is the default",
            script.name
        ))
        .with_hint(suggest::hint("sources", "", names).map_or_else(String::new, |list| {
            format!("write FROM and a source ({list}), or set default = true on one in tidemill.toml")
        })))
    }

    /// The engine says that there is no such table; this says which there are.
    pub(super) fn unknown_table(
        &self,
        error: &DataFusionError,
        script: &Script,
        statement: &Statement,
    ) -> Option<Error> {
        let (schema, table) = failure::missing_table(error)?;
        let sources = &self.catalog.project().sources;
        let (shown, names): (String, Vec<String>) = match schema {
            SOURCES => (table.to_owned(), sources.iter().map(|source| source.name.clone()).collect()),
            REJECTS => {
                let names = sources.iter().map(|source| format!("{REJECTS}.{}", source.name)).collect();
                (format!("{REJECTS}.{table}"), names)
            }
            schema => (format!("{schema}.{table}"), Vec::new()),
        };
        let mut error = Error::sql(format!("there is no table `{shown}`"));
        let place = dialect::span_of_table(statement, |parts| {
            parts.last().is_some_and(|last| last.eq_ignore_ascii_case(table))
        });
        if let Some((start, end)) = place {
            error = error.with_excerpt(dialect::excerpt(script, start, end, "not a source"));
        }
        if table.contains(['.', '/']) {
            return Some(
                error.with_hint("files are read as sources: [sources.NAME] and path = \"…\" in tidemill.toml"),
            );
        }
        Some(error.with_hint_if(suggest::hint("tables", &shown, names.iter().map(String::as_str))))
    }
}
