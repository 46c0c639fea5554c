//! Results that are kept under names, as tables of the session.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::SchemaProvider;

use super::{Kept, Session, failure};
use crate::error::{Error, Result};

impl Session {
    /// Makes a result the table `name`, instead of one that was called so.
    ///
    /// **Errors**: `Request`, if a source has the name.
    pub fn keep(&self, name: &str, result: &Arc<Kept>) -> Result<()> {
        if self.is_source(name) {
            return Err(Error::request(format!("`{name}` is a source of the project"))
                .with_hint("give the result another name"));
        }
        let kept = result.table().and_then(|table| {
            self.sources.deregister_table(name)?;
            self.sources.register_table(name.to_owned(), table)
        });
        kept.map(drop).map_err(|error| failure::internal("a result cannot be kept", error))
    }

    /// Whether a statement created a table of this name, or a result is called so.
    pub fn has_created(&self, name: &str) -> bool {
        self.sources.created(name)
    }

    /// Takes a result's table away, and says whether there was one.
    pub fn forget(&self, name: &str) -> bool {
        self.sources.deregister_table(name).is_ok_and(|table| table.is_some())
    }

    /// The tables of this session that are no sources, in the order of their names, with the columns of each.
    pub async fn tables(&self) -> Vec<(String, SchemaRef)> {
        let mut tables = Vec::new();
        for name in self.sources.table_names().into_iter().filter(|name| !self.is_source(name)) {
            if let Ok(Some(table)) = self.sources.table(&name).await {
                tables.push((name, table.schema()));
            }
        }
        tables.sort_by(|(one, _), (other, _)| one.cmp(other));
        tables
    }
}
