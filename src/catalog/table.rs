//! One source as the engine's table: its rows, or its rejects.
//!
//! It lists and infers nothing: it is made of files and a survey at hand, for one statement.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::TableProvider;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::Source;
use super::folders::Folders;
use crate::ndjson::Settings;
use crate::ndjson::listing::InputFile;
use crate::ndjson::source::{NdjsonSource, file_groups};

/// A table over event files.
#[derive(Debug)]
pub(super) struct SourceTable {
    files: Vec<InputFile>,
    source: NdjsonSource,
    folders: Folders,
    num_rows: Option<u64>,
}

impl SourceTable {
    /// The rows of `source`; with the hidden columns if `hidden`.
    pub(super) fn rows(source: &Source, hidden: bool) -> Self {
        let settings = Arc::clone(&source.settings);
        Self {
            files: source.files.clone(),
            source: NdjsonSource::rows(&source.survey, settings, hidden, source.folders.fields()),
            folders: source.folders.clone(),
            num_rows: Some(source.survey.counts.rows),
        }
    }

    /// The rejects of `files`.
    pub(super) fn rejects(files: Vec<InputFile>, settings: Arc<Settings>) -> Self {
        Self { files, source: NdjsonSource::rejects(settings), folders: Folders::default(), num_rows: None }
    }

    fn values(&self, file: &InputFile) -> Result<Vec<ScalarValue>> {
        self.folders.values(file).map_err(|error| DataFusionError::External(Box::new(error)))
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.source.table_schema().table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let partitions = state.config().target_partitions();
        let groups = file_groups(&self.files, partitions, |file| self.values(file))?;
        let mut statistics = Statistics::new_unknown(&self.schema());
        if let Some(rows) = self.num_rows.and_then(|rows| usize::try_from(rows).ok()) {
            // The survey has counted them all.
            statistics = statistics.with_num_rows(Precision::Exact(rows));
        }
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), Arc::new(self.source.clone()))
            .with_file_groups(groups)
            .with_statistics(statistics)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
