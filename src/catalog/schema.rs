//! The engine's view of the catalog: a schema with the sources, another with their rejects.
//!
//! Tables that a statement needs are laid ready before it is planned, each read once; a table that the engine asks for
//! on its own, to describe it, is made on the spot. It decides nothing about sources.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use async_trait::async_trait;
use datafusion::catalog::SchemaProvider;
use datafusion::datasource::TableProvider;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::TableType;

use super::table::SourceTable;
use super::{Catalog, Listed, Look, Source};
use crate::ndjson::survey::Watch;

/// Tables by name.
#[derive(Debug)]
pub struct SourceSchema {
    catalog: Arc<Catalog>,
    rejects: bool,
    /// Laid ready for a statement, or created by one.
    tables: RwLock<HashMap<String, Arc<dyn TableProvider>>>,
}

impl SourceSchema {
    /// The sources.
    pub fn of_rows(catalog: Arc<Catalog>) -> Self {
        Self { catalog, rejects: false, tables: RwLock::default() }
    }

    /// The rejects of the sources, by the sources' names.
    pub fn of_rejects(catalog: Arc<Catalog>) -> Self {
        Self { catalog, rejects: true, tables: RwLock::default() }
    }

    /// Lays the rows of `source` ready for the statement that is planned next, with its hidden columns if `hidden`.
    pub fn lay_rows(&self, source: &Arc<Source>, hidden: bool) {
        let table = Arc::new(SourceTable::rows(Arc::clone(source), hidden));
        self.write().insert(source.config.name.clone(), table);
    }

    /// Lays the rejects of the same files ready.
    pub fn lay_rejects(&self, listed: Listed) {
        let name = listed.config.name.clone();
        self.write().insert(name, Arc::new(SourceTable::rejects(listed)));
    }

    /// Takes away what was laid ready: the next statement lists its files anew.
    pub fn clear(&self) {
        self.write().retain(|name, _| !self.is_source(name));
    }

    /// Whether a statement created a table or view of this name.
    pub fn created(&self, name: &str) -> bool {
        !self.is_source(name) && self.read().contains_key(name)
    }

    fn is_source(&self, name: &str) -> bool {
        self.catalog.project().sources.iter().any(|source| source.name == name)
    }

    async fn make(&self, name: &str) -> crate::error::Result<Arc<dyn TableProvider>> {
        if self.rejects {
            return Ok(Arc::new(SourceTable::rejects(self.catalog.list(name).await?)));
        }
        let source = self.catalog.open(name, Look::Whole, &Arc::<Watch>::default()).await?;
        Ok(Arc::new(SourceTable::rows(source, false)))
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<String, Arc<dyn TableProvider>>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<String, Arc<dyn TableProvider>>> {
        self.tables.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SchemaProvider for SourceSchema {
    fn table_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.catalog.project().sources.iter().map(|source| source.name.clone()).collect();
        names.extend(self.read().keys().filter(|name| !self.is_source(name)).cloned());
        names
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        let ready = self.read().get(name).cloned();
        match ready {
            Some(table) => Ok(Some(table)),
            None if !self.is_source(name) => Ok(None),
            None => self.make(name).await.map(Some).map_err(|error| DataFusionError::External(Box::new(error))),
        }
    }

    /// Without a look at the files, which `SHOW TABLES` has no use for.
    async fn table_type(&self, name: &str) -> Result<Option<TableType>> {
        if self.is_source(name) {
            return Ok(Some(TableType::Base));
        }
        Ok(self.read().get(name).map(|table| table.table_type()))
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.rejects || self.is_source(&name) {
            return Err(DataFusionError::Plan(format!("`{name}` is a source of the project")));
        }
        Ok(self.write().insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>> {
        if self.is_source(name) {
            return Err(DataFusionError::Plan(format!("`{name}` is a source of the project")));
        }
        Ok(self.write().remove(name))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.is_source(name) || self.read().contains_key(name)
    }
}
