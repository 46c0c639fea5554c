//! The ledger as a schema of the engine: `tidemill.runs`, and what belongs to it, as they are when they are asked for.

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::{DataFusionError, Result};

use crate::ledger;

/// The tables of the ledger of a project.
#[derive(Debug)]
pub struct HistorySchema {
    root: PathBuf,
}

impl HistorySchema {
    /// Of the project at `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }
}

#[async_trait]
impl SchemaProvider for HistorySchema {
    fn table_names(&self) -> Vec<String> {
        ledger::TABLES.iter().map(|table| table.name.to_owned()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let Some(table) = ledger::TABLES.iter().find(|table| table.name == name) else { return Ok(None) };
        let rows = ledger::read(&self.root, table).map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(Some(Arc::new(MemTable::try_new(rows.schema(), vec![vec![rows]])?)))
    }

    fn table_exist(&self, name: &str) -> bool {
        ledger::TABLES.iter().any(|table| table.name == name)
    }
}
