//! The scan as the engine sees it: a [`FileSource`] behind its own `DataSourceExec`, never a leaf plan of ours.
//!
//! It reads rows by a layout that the survey made, or the rejects of the same files. It neither infers nor lists; a
//! value that the layout does not hold fails the scan, since then the file is no longer what was surveyed.

use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::object_store::ObjectStore;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder};
use futures::StreamExt;

use super::Settings;
use super::layout::Layout;
use super::listing::{Compression, InputFile};
use super::scan::Scan;
use super::survey::Survey;
use crate::error::Error;

/// The column with the file that a row comes from; hidden from `SELECT *`.
pub const FILE_COLUMN: &str = "_file";
/// The column with the offset of a row's line within its (decompressed) file; hidden from `SELECT *`.
pub const OFFSET_COLUMN: &str = "_offset";

/// What a scan yields.
#[derive(Debug, Clone)]
enum Content {
    /// Accepted lines, by this layout.
    Rows {
        layout: Arc<Layout>,
        /// Whether the layout was made from what the files hold.
        surveyed: bool,
    },
    /// Lines that are not accepted.
    Rejects,
}

/// Reads event files for the engine.
#[derive(Debug, Clone)]
pub struct NdjsonSource {
    content: Content,
    settings: Arc<Settings>,
    table_schema: TableSchema,
    projection: SplitProjection,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl NdjsonSource {
    /// The rows of the files that `survey` saw, with `folders` as partition columns.
    ///
    /// **Shape**: the survey's columns, then those of `_file` and `_offset` that `hidden` names, then the folder columns.
    pub fn rows(survey: &Survey, settings: Arc<Settings>, hidden: &[&str], folders: Vec<Arc<Field>>) -> Self {
        let layout = Arc::clone(&survey.layout);
        let mut fields: Vec<Arc<Field>> = layout.arrow_fields().iter().cloned().collect();
        fields.extend(hidden_fields().into_iter().filter(|field| hidden.contains(&field.name().as_str())));
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(folders).build();
        Self::new(Content::Rows { layout, surveyed: true }, settings, schema)
    }

    /// The rows of files that nobody surveyed, by columns that a statement declared: a line that does not fit is an error.
    ///
    /// `layout` says how the columns of `table_schema` are read.
    pub(super) fn declared(layout: Layout, settings: Arc<Settings>, table_schema: TableSchema) -> Self {
        Self::new(Content::Rows { layout: Arc::new(layout), surveyed: false }, settings, table_schema)
    }

    /// The same, with counts of its own: each scan of a table counts for itself.
    pub fn counting_anew(&self) -> Self {
        Self { metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    /// The rejects of the same files.
    ///
    /// **Shape**: `file` text, `line` (1-based), `offset` (bytes), `reason`, `detail`, `raw` (text, at most 1 KiB).
    pub fn rejects(settings: Arc<Settings>) -> Self {
        Self::new(Content::Rejects, settings, TableSchema::from(rejects_schema()))
    }

    fn new(content: Content, settings: Arc<Settings>, table_schema: TableSchema) -> Self {
        let projection = SplitProjection::unprojected(&table_schema);
        let metrics = ExecutionPlanMetricsSet::new();
        Self { content, settings, table_schema, projection, batch_size: 8192, metrics }
    }
}

/// The columns that every source has beside its own.
pub fn hidden_fields() -> [Arc<Field>; 2] {
    [
        Arc::new(Field::new(FILE_COLUMN, DataType::Utf8View, false)),
        Arc::new(Field::new(OFFSET_COLUMN, DataType::Int64, false)),
    ]
}

fn rejects_schema() -> SchemaRef {
    let text = |name| Field::new(name, DataType::Utf8View, false);
    let number = |name| Field::new(name, DataType::Int64, false);
    let fields = vec![text("file"), number("line"), number("offset"), text("reason"), text("detail"), text("raw")];
    Arc::new(Schema::new(fields))
}

impl FileSource for NdjsonSource {
    fn create_file_opener(
        &self,
        _store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        partition: usize,
    ) -> EngineResult<Arc<dyn FileOpener>> {
        let opener = Opener {
            content: self.content.clone(),
            settings: Arc::clone(&self.settings),
            projection: self.projection.file_indices.clone(),
            schema: Arc::new(self.table_schema.file_schema().project(&self.projection.file_indices)?),
            batch_size: self.batch_size,
            metrics: Metrics::new(&self.metrics, partition),
        };
        ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), self.table_schema.file_schema())
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        Some(&self.projection.source)
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        &self.metrics
    }

    fn file_type(&self) -> &str {
        match self.content {
            Content::Rows { .. } => "ndjson",
            Content::Rejects => "ndjson rejects",
        }
    }

    fn fmt_extra(&self, _format: DisplayFormatType, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }

    /// Ranges of one size, more of them than threads: the engine lets idle threads take what is left.
    ///
    /// Compressed files stay whole, and so do all files of rejects, whose line numbers count from the file's start.
    fn repartitioned(
        &self,
        target_partitions: usize,
        _min_size: usize,
        ordering: Option<LexOrdering>,
        config: &FileScanConfig,
    ) -> EngineResult<Option<FileScanConfig>> {
        if ordering.is_some() || target_partitions < 2 || matches!(self.content, Content::Rejects) {
            return Ok(None);
        }
        let files = || config.file_groups.iter().flat_map(FileGroup::iter);
        let parts: Vec<PartitionedFile> = files().flat_map(|file| ranges(file, self.settings.range_bytes)).collect();
        if parts.len() == files().count() {
            return Ok(None);
        }
        let mut split = config.clone();
        split.file_groups = deal(parts.into_iter(), target_partitions);
        Ok(Some(split))
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> EngineResult<Option<Arc<dyn FileSource>>> {
        let merged = self.projection.source.try_merge(projection)?;
        let projection = SplitProjection::new(self.table_schema.file_schema(), &merged);
        Ok(Some(Arc::new(Self { projection, ..self.clone() })))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        datafusion::physical_plan::apply_expression_roots(self.projection.source.iter(), f)
    }
}

/// The files of a source as at most `partitions` groups.
///
/// **Errors**: those of the files' folder columns.
pub fn file_groups(
    files: &[InputFile],
    partitions: usize,
    values: impl Fn(&InputFile) -> EngineResult<Vec<ScalarValue>>,
) -> EngineResult<Vec<FileGroup>> {
    let part = |file: &InputFile| {
        let whole = PartitionedFile::new(file.path.to_string_lossy(), file.size());
        Ok(whole.with_partition_values(values(file)?).with_extension(file.clone()))
    };
    let parts: Vec<PartitionedFile> = files.iter().map(part).collect::<EngineResult<_>>()?;
    Ok(deal(parts.into_iter(), partitions))
}

/// Deals parts out in turn, so that each group starts with the earliest that are left.
fn deal(parts: impl Iterator<Item = PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let mut dealt = vec![Vec::new(); groups.max(1)];
    let count = dealt.len();
    parts.enumerate().for_each(|(turn, part)| dealt[turn % count].push(part));
    dealt.retain(|group| !group.is_empty());
    if dealt.is_empty() {
        // The engine plans nothing over a scan without partitions.
        dealt.push(Vec::new());
    }
    dealt.into_iter().map(FileGroup::new).collect()
}

fn ranges(file: &PartitionedFile, range_bytes: u64) -> Vec<PartitionedFile> {
    let whole = file.extension::<InputFile>().is_none_or(|input| input.compression != Compression::None);
    if whole || file.range.is_some() {
        return vec![file.clone()];
    }
    let size = file.object_meta.size;
    let step = range_bytes.max(1);
    let range = |start: u64| file.clone().with_range(start as i64, start.saturating_add(step).min(size) as i64);
    (0..size).step_by(usize::try_from(step).unwrap_or(usize::MAX)).map(range).collect()
}

/// What a scan counts, for EXPLAIN ANALYZE.
#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) bytes: Count,
    pub(super) lines: Count,
    pub(super) rejects: Count,
}

impl Metrics {
    pub(super) fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name| MetricBuilder::new(set).counter(name, partition);
        Self { bytes: counter("bytes_scanned"), lines: counter("lines"), rejects: counter("rejects") }
    }
}

struct Opener {
    content: Content,
    settings: Arc<Settings>,
    /// Columns of the file schema that are read.
    projection: Vec<usize>,
    /// Their schema.
    schema: SchemaRef,
    batch_size: usize,
    metrics: Metrics,
}

impl FileOpener for Opener {
    fn open(&self, part: PartitionedFile) -> EngineResult<FileOpenFuture> {
        let file = match part.extension::<InputFile>() {
            Some(file) => file.clone(),
            None => super::format::input_file(&part.object_meta).map_err(engine_error)?,
        };
        let range = match &part.range {
            Some(range) => range.start as u64..range.end as u64,
            None if file.compression == Compression::None => 0..file.size(),
            None => 0..u64::MAX,
        };
        let scan = Scan {
            file,
            range,
            schema: Arc::clone(&self.schema),
            settings: Arc::clone(&self.settings),
            batch_size: self.batch_size,
            metrics: self.metrics.clone(),
            surveyed: !matches!(self.content, Content::Rows { surveyed: false, .. }),
        };
        let batches = match &self.content {
            Content::Rows { layout, .. } => scan.rows(layout, &self.projection),
            Content::Rejects => scan.rejects(&self.projection),
        };
        Ok(Box::pin(async move { Ok(futures::stream::iter(batches).map(|batch| batch.map_err(engine_error)).boxed()) }))
    }
}

/// Our error on its way through the engine; `session` takes it out again.
fn engine_error(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
