//! The scan as the engine sees it: a [`FileSource`] behind its own `DataSourceExec`, never a leaf plan of ours.
//!
//! It reads rows by a layout that a survey made or guessed, or the rejects of the same files. It neither infers nor
//! lists; what the layout does not hold fails the scan: the file is not what was surveyed, or the guess was wrong.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileOpenFuture, FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::projection::{ProjectionOpener, SplitProjection};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as EngineResult;
use datafusion::object_store::ObjectStore;
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::utils::{collect_columns, conjunction_opt};
use datafusion::physical_expr::{LexOrdering, PhysicalExpr};
use datafusion::physical_expr_common::physical_expr::{fmt_sql, is_volatile};
use datafusion::physical_plan::DisplayFormatType;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet, MetricBuilder, Time};
use futures::StreamExt;

use super::Settings;
use super::account::Account;
use super::careful::Found;
use super::facts::Blocks;
use super::filter::{self, Filter};
use super::groups::{deal, ranges};
use super::layout::Layout;
use super::listing::InputFile;
use super::needs::{self, Needs};
use super::planned::Planned;
use super::prune::Pruner;
use super::scan::{Basis, Batches, Columns, Scan, Workers, engine_error};
use super::survey::Survey;

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
        basis: Basis,
        /// Where what is found by the way is entered.
        account: Option<Arc<Account>>,
        /// What is known of the files.
        blocks: Arc<Blocks>,
    },
    /// Lines that are not accepted.
    Rejects,
}

/// Reads event files for the engine.
#[derive(Debug, Clone)]
pub struct NdjsonSource {
    content: Content,
    /// Whose files they are.
    name: String,
    settings: Arc<Settings>,
    table_schema: TableSchema,
    projection: SplitProjection,
    /// In terms of the table's columns; decides over rows before all of their columns are decoded.
    predicate: Option<Arc<dyn PhysicalExpr>>,
    batch_size: usize,
    metrics: ExecutionPlanMetricsSet,
}

impl NdjsonSource {
    /// The rows of the files that `survey` saw, with `folders` as partition columns.
    ///
    /// **Shape**: the survey's columns, then those of `_file` and `_offset` that `hidden` names, then the folder columns.
    pub fn rows(survey: &Survey, settings: Arc<Settings>, hidden: &[&str], folders: Vec<Arc<Field>>) -> Self {
        let layout = Arc::clone(&survey.layout);
        let basis = if survey.is_whole { Basis::Whole } else { Basis::Guess(Arc::new(survey.fields.clone())) };
        let mut fields: Vec<Arc<Field>> = layout.arrow_fields().iter().cloned().collect();
        fields.extend(hidden_fields().into_iter().filter(|field| hidden.contains(&field.name().as_str())));
        let schema = TableSchema::builder(Arc::new(Schema::new(fields))).with_table_partition_cols(folders).build();
        let blocks = Arc::clone(&survey.blocks);
        Self::new(Content::Rows { layout, basis, account: None, blocks }, settings, schema)
    }

    /// The rows of files that nobody surveyed, by columns that a statement declared: a line that does not fit is an error.
    ///
    /// `layout` says how the columns of `table_schema` are read.
    pub(super) fn declared(layout: Layout, settings: Arc<Settings>, table_schema: TableSchema) -> Self {
        let (layout, basis) = (Arc::new(layout), Basis::Declared);
        Self::new(Content::Rows { layout, basis, account: None, blocks: Arc::default() }, settings, table_schema)
    }

    /// The same, with counts of its own: each scan of a table counts for itself, and enters what it finds in `account`.
    pub fn counting_anew(&self, account: Option<Arc<Account>>) -> Self {
        let content = match self.content.clone() {
            Content::Rows { layout, basis, blocks, .. } => Content::Rows { layout, basis, account, blocks },
            Content::Rejects => Content::Rejects,
        };
        Self { content, metrics: ExecutionPlanMetricsSet::new(), ..self.clone() }
    }

    /// The rejects of the same files.
    ///
    /// **Shape**: `file` text, `line` (1-based), `offset` (bytes), `reason`, `detail`, `raw` (text, at most 1 KiB), `bytes` (the
    /// same as it stands there, where that is not UTF-8), `cut` (whether the line goes on).
    pub fn rejects(settings: Arc<Settings>) -> Self {
        Self::new(Content::Rejects, settings, TableSchema::from(rejects_schema()))
    }

    fn new(content: Content, settings: Arc<Settings>, table_schema: TableSchema) -> Self {
        let projection = SplitProjection::unprojected(&table_schema);
        let metrics = ExecutionPlanMetricsSet::new();
        let name = String::new();
        Self { content, name, settings, table_schema, projection, predicate: None, batch_size: 8192, metrics }
    }

    /// The same, of the source called `name`.
    pub fn of(self, name: &str) -> Self {
        Self { name: name.to_owned(), ..self }
    }

    /// What of the rows is read: columns, or fields of them, as `source.column.field`, with their types.
    pub fn reads(&self) -> BTreeMap<String, String> {
        let mut reads = BTreeMap::new();
        let Content::Rows { layout, .. } = &self.content else { return reads };
        let exprs = self.projection.source.iter().map(|part| &part.expr).chain(&self.predicate);
        for (column, need) in needs::of(exprs, layout) {
            match layout.fields().get(column) {
                Some((name, reading)) => need.types(&format!("{}.{name}", self.name), reading, &mut reads),
                None => {
                    let name = self.table_schema.table_schema().field(column).name();
                    reads.insert(format!("{}.{name}", self.name), "told by the file".to_owned());
                }
            }
        }
        reads
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
    Arc::new(Schema::new(vec![
        text("file"),
        number("line"),
        number("offset"),
        text("reason"),
        text("detail"),
        text("raw"),
        Field::new("bytes", DataType::BinaryView, true),
        Field::new("cut", DataType::Boolean, false),
    ]))
}

impl FileSource for NdjsonSource {
    fn create_file_opener(
        &self,
        _store: Arc<dyn ObjectStore>,
        _config: &FileScanConfig,
        partition: usize,
    ) -> EngineResult<Arc<dyn FileOpener>> {
        let file_schema = Arc::clone(self.table_schema.file_schema());
        let read = match &self.content {
            Content::Rejects => Read::Rejects {
                schema: Arc::new(file_schema.project(&self.projection.file_indices)?),
                projection: self.projection.file_indices.clone(),
            },
            Content::Rows { layout, basis, account, blocks } => Read::Rows {
                pruner: self.predicate.as_ref().and_then(|filter| Pruner::new(filter, &file_schema, blocks)),
                filter: self.predicate.as_ref().map(|predicate| Filter::new(predicate, layout)).transpose()?,
                needs: needs::of(self.projection.source.iter().map(|part| &part.expr), layout)
                    .into_iter()
                    .filter(|(column, _)| *column < file_schema.fields().len())
                    .collect(),
                file_schema,
                layout: Arc::clone(layout),
                basis: basis.clone(),
                account: account.clone(),
            },
        };
        let opener = Opener {
            read: Arc::new(read),
            settings: Arc::clone(&self.settings),
            batch_size: self.batch_size,
            metrics: Metrics::new(&self.metrics, partition),
            workers: Arc::default(),
        };
        let schema = self.projection.source.project_schema(self.table_schema.table_schema())?;
        let inner =
            ProjectionOpener::try_new(self.projection.clone(), Arc::new(opener), self.table_schema.file_schema())?;
        Ok(Arc::new(Planned { inner, schema: Arc::new(schema) }))
    }

    fn table_schema(&self) -> &TableSchema {
        &self.table_schema
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        Arc::new(Self { batch_size, ..self.clone() })
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.predicate.clone()
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

    fn fmt_extra(&self, format: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.predicate, format) {
            (None, _) => Ok(()),
            (Some(predicate), DisplayFormatType::TreeRender) => {
                writeln!(f, "predicate={}", fmt_sql(predicate.as_ref()))
            }
            (Some(predicate), _) => write!(f, ", predicate={predicate}"),
        }
    }

    /// Takes every filter that asks for nothing but columns of lines, and that means the same here. What is taken is exact: the
    /// engine's own expression is evaluated, as the operator above would.
    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        _config: &ConfigOptions,
    ) -> EngineResult<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let takes = |filter: &Arc<dyn PhysicalExpr>| {
            let width = self.table_schema.file_schema().fields().len();
            let of_lines = collect_columns(filter).iter().all(|column| column.index() < width);
            let means_the_same = !is_volatile(filter) && filter::can_move(filter, self.table_schema.table_schema());
            matches!(self.content, Content::Rows { .. }) && of_lines && means_the_same
        };
        let answers =
            filters.iter().map(|filter| if takes(filter) { PushedDown::Yes } else { PushedDown::No }).collect();
        let propagation = FilterPushdownPropagation::with_parent_pushdown_result(answers);
        let taken = filters.into_iter().filter(takes);
        let Some(predicate) = conjunction_opt(self.predicate.clone().into_iter().chain(taken)) else {
            return Ok(propagation);
        };
        Ok(propagation.with_updated_node(Arc::new(Self { predicate: Some(predicate), ..self.clone() })))
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
        split.file_groups = deal(parts, target_partitions);
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
        let projected = self.projection.source.iter().map(|part| &part.expr);
        datafusion::physical_plan::apply_expression_roots(projected.chain(&self.predicate), f)
    }
}

/// What a scan counts, for EXPLAIN ANALYZE.
#[derive(Clone)]
pub(super) struct Metrics {
    pub(super) bytes: Count,
    /// Bytes that no row of interest stands in, as what is known of them tells.
    skipped: Count,
    pub(super) lines: Count,
    pub(super) rejects: Count,
    /// Lines that went as predicted, and others.
    predicted: Count,
    careful: Count,
    reading: Time,
    pub(super) parsing: Time,
    pub(super) decoding: Time,
}

impl Metrics {
    pub(super) fn new(set: &ExecutionPlanMetricsSet, partition: usize) -> Self {
        let counter = |name| MetricBuilder::new(set).counter(name, partition);
        let time = |name| MetricBuilder::new(set).subset_time(name, partition);
        Self {
            bytes: counter("bytes_scanned"),
            skipped: counter("bytes_skipped"),
            lines: counter("lines"),
            rejects: counter("rejects"),
            predicted: counter("lines_predicted"),
            careful: counter("lines_careful"),
            reading: time("time_reading"),
            parsing: time("time_parsing"),
            decoding: time("time_decoding"),
        }
    }

    /// At the end of a range.
    pub(super) fn finish(&self, found: &Found) {
        let (lines, predicted) = (found.counts.lines as usize, found.predicted as usize);
        self.predicted.add(predicted);
        self.careful.add(lines - predicted);
        self.reading.add_duration(found.reading);
        self.parsing.add_duration(found.parsing);
    }
}

/// What is read of each file.
enum Read {
    Rows {
        layout: Arc<Layout>,
        basis: Basis,
        account: Option<Arc<Account>>,
        file_schema: SchemaRef,
        needs: Needs,
        filter: Option<Filter>,
        pruner: Option<Pruner>,
    },
    Rejects {
        schema: SchemaRef,
        /// Columns of the table of rejects.
        projection: Vec<usize>,
    },
}

#[derive(Clone)]
struct Opener {
    read: Arc<Read>,
    settings: Arc<Settings>,
    batch_size: usize,
    metrics: Metrics,
    workers: Arc<Workers>,
}

impl FileOpener for Opener {
    fn open(&self, part: PartitionedFile) -> EngineResult<FileOpenFuture> {
        let file = match part.extension::<InputFile>() {
            Some(file) => file.clone(),
            None => super::format::input_file(&part.object_meta).map_err(engine_error)?,
        };
        let range = part.range.as_ref().map(|range| range.start as u64..range.end as u64);
        let range = range.unwrap_or_else(|| file.window.bytes.clone());
        let kept = match &*self.read {
            Read::Rows { pruner: Some(pruner), .. } => pruner.kept(&file, &range),
            _ => vec![range.clone()],
        };
        let read: u64 = kept.iter().map(|kept| file.stored(kept)).sum();
        self.metrics.skipped.add((file.stored(&range) - read) as usize);
        let opener = self.clone();
        // Each begins when the one before it is done with, and takes its worker.
        let batches = kept.into_iter().flat_map(move |range| opener.batches(file.clone(), range));
        Ok(Box::pin(async move { Ok(futures::stream::iter(batches).boxed()) }))
    }
}

impl Opener {
    fn batches(&self, file: InputFile, range: Range<u64>) -> Batches {
        let (basis, account) = match &*self.read {
            Read::Rows { basis, account, .. } => (basis.clone(), account.clone()),
            Read::Rejects { .. } => (Basis::Whole, None),
        };
        let scan = Scan {
            range,
            file,
            settings: Arc::clone(&self.settings),
            batch_size: self.batch_size,
            metrics: self.metrics.clone(),
            basis,
            account,
            workers: Arc::clone(&self.workers),
        };
        match &*self.read {
            Read::Rows { layout, file_schema, needs, filter, .. } => {
                scan.rows(&Columns { layout, file_schema, needs, filter: filter.as_ref() })
            }
            Read::Rejects { schema, projection } => scan.rejects(Arc::clone(schema), projection),
        }
    }
}
