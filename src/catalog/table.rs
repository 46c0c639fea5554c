//! One source as the engine's table: its rows, or its rejects.
//!
//! It lists and infers nothing: it is made of files and a survey at hand, for one statement.

use std::any::Any;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{ScalarValue, Statistics};
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::{TableProvider, source_as_provider};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, LogicalPlan, TableScan, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::{Listed, Source};
use crate::ndjson::groups::file_groups;
use crate::ndjson::listing::InputFile;
use crate::ndjson::source::NdjsonSource;

/// A table over event files.
#[derive(Debug)]
pub(super) struct SourceTable {
    content: Content,
    scan: NdjsonSource,
}

#[derive(Debug)]
enum Content {
    Rows(Arc<Source>),
    Rejects(Box<Listed>),
}

impl SourceTable {
    /// The rows of `source`; with the hidden columns if `hidden`.
    pub(super) fn rows(source: Arc<Source>, hidden: bool) -> Self {
        let hidden = if hidden { source.hidden_columns() } else { Vec::new() };
        let settings = Arc::clone(&source.settings);
        let scan = NdjsonSource::rows(&source.survey, settings, &hidden, source.folders.fields());
        let scan = scan.of(&source.config.name);
        Self { content: Content::Rows(source), scan }
    }

    /// The rejects of the files of a source.
    pub(super) fn rejects(listed: Listed) -> Self {
        let scan = NdjsonSource::rejects(Arc::clone(&listed.settings));
        Self { content: Content::Rejects(Box::new(listed)), scan }
    }

    fn files(&self) -> &[InputFile] {
        match &self.content {
            Content::Rows(source) => &source.files,
            Content::Rejects(listed) => &listed.files,
        }
    }

    /// The values of the folder columns, for each row of `file`.
    fn folder_values(&self, file: &InputFile) -> Result<Vec<ScalarValue>> {
        match &self.content {
            Content::Rows(source) => {
                source.folders.values(file).map_err(|error| DataFusionError::External(Box::new(error)))
            }
            Content::Rejects(_) => Ok(Vec::new()),
        }
    }

    fn statistics_of_rows(&self) -> Statistics {
        let unknown = Statistics::new_unknown(&self.schema());
        let Content::Rows(source) = &self.content else { return unknown };
        let counts = &source.survey.counts;
        // A survey has counted them all, samples some.
        let stored: u64 = source.files.iter().map(InputFile::size).sum();
        let rows = match source.survey.is_whole && !source.is_part {
            true => usize::try_from(counts.rows).map(Precision::Exact),
            false => usize::try_from(u128::from(counts.rows) * u128::from(stored) / u128::from(counts.bytes.max(1)))
                .map(Precision::Inexact),
        };
        rows.map_or(unknown.clone(), |rows| unknown.with_num_rows(rows))
    }
}

#[async_trait]
impl TableProvider for SourceTable {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.scan.table_schema().table_schema())
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
        let groups = file_groups(self.files(), partitions, |file| self.folder_values(file))?;
        let account = match &self.content {
            Content::Rows(source) => source.start_account(),
            Content::Rejects(_) => None,
        };
        let scan = Arc::new(self.scan.counting_anew(account));
        let config = FileScanConfigBuilder::new(ObjectStoreUrl::local_filesystem(), scan)
            .with_file_groups(groups)
            .with_statistics(self.statistics_of_rows())
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}

/// Whether a scan is one of a source's rows.
pub fn is_source(scan: &TableScan) -> bool {
    let provider = source_as_provider(&scan.source);
    let table =
        provider.as_ref().ok().and_then(|provider| (provider.as_ref() as &dyn Any).downcast_ref::<SourceTable>());
    table.is_some_and(|table| matches!(table.content, Content::Rows(_)))
}

/// The sources that a plan reads rows of, through views and subqueries too; each once.
pub fn sources_of(plan: &LogicalPlan) -> Result<Vec<Arc<Source>>> {
    let mut sources: Vec<Arc<Source>> = Vec::new();
    plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node {
            let provider = source_as_provider(&scan.source)?;
            let table = (provider.as_ref() as &dyn Any).downcast_ref::<SourceTable>();
            if let Some(SourceTable { content: Content::Rows(source), .. }) = table
                && !sources.iter().any(|known| Arc::ptr_eq(known, source))
            {
                sources.push(Arc::clone(source));
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(sources)
}
