//! JSON lines as a file format of the engine, for tables that a statement creates itself.
//!
//! Sources of a project do not come this way. It is registered in place of the engine's own JSON format, which drops
//! keys and casts values that its sample did not show: no statement can reach that one by accident.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{GetExt, Statistics};
use datafusion::datasource::file_format::file_compression_type::FileCompressionType;
use datafusion::datasource::file_format::{FileFormat, FileFormatFactory};
use datafusion::datasource::physical_plan::{FileScanConfig, FileSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::{DataFusionError, Result};
use datafusion::object_store::local::LocalFileSystem;
use datafusion::object_store::{ObjectMeta, ObjectStore};
use datafusion::physical_plan::ExecutionPlan;

use super::Settings;
use super::layout::{Layout, Reading};
use super::listing::{Compression, Identity, InputFile};
use super::source::NdjsonSource;
use super::survey::survey_aside;
use crate::error::Error;

/// `STORED AS JSON` and `STORED AS NDJSON`.
#[derive(Debug)]
pub struct NdjsonFormatFactory {
    extension: &'static str,
}

impl NdjsonFormatFactory {
    /// The names under which the format is registered; also the extensions of files in a folder.
    pub const NAMES: [&str; 4] = ["json", "ndjson", "jsonl", "out"];

    /// The format under each of its names.
    pub fn all() -> impl Iterator<Item = Arc<Self>> {
        Self::NAMES.into_iter().map(|extension| Arc::new(Self { extension }))
    }
}

impl GetExt for NdjsonFormatFactory {
    fn get_ext(&self) -> String {
        self.extension.to_owned()
    }
}

impl FileFormatFactory for NdjsonFormatFactory {
    fn create(&self, _state: &dyn Session, options: &HashMap<String, String>) -> Result<Arc<dyn FileFormat>> {
        match options.keys().min() {
            Some(option) => Err(external(
                Error::request(format!("`{option}` is no option of {}", self.extension))
                    .with_hint("it has none: compression is told by a file's extension"),
            )),
            None => Ok(self.default()),
        }
    }

    fn default(&self) -> Arc<dyn FileFormat> {
        Arc::new(NdjsonFormat { extension: self.extension, settings: Arc::default() })
    }
}

/// JSON lines, read by the rules of sources, with no column declared.
pub struct NdjsonFormat {
    extension: &'static str,
    settings: Arc<Settings>,
}

impl fmt::Debug for NdjsonFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NdjsonFormat")
    }
}

#[async_trait]
impl FileFormat for NdjsonFormat {
    fn get_ext(&self) -> String {
        self.extension.to_owned()
    }

    fn get_ext_with_compression(&self, compression: &FileCompressionType) -> Result<String> {
        Ok(format!("{}{}", self.extension, compression.get_ext()))
    }

    fn compression_type(&self) -> Option<FileCompressionType> {
        None
    }

    async fn infer_schema(
        &self,
        state: &dyn Session,
        _store: &Arc<dyn ObjectStore>,
        objects: &[ObjectMeta],
    ) -> Result<SchemaRef> {
        let files: Vec<InputFile> = objects.iter().map(input_file).collect::<Result<_, _>>().map_err(external)?;
        let (settings, threads) = (Arc::clone(&self.settings), state.config().target_partitions());
        let survey = survey_aside(files, settings, threads, Arc::default()).await.map_err(external)?;
        if let Some(reject) = survey.first_rejects.first() {
            // A table without a budget for rejects has none to give.
            let what = format!("line {} of `{}` is no row ({})", reject.line, reject.file, reject.reason);
            return Err(external(Error::data(what).with_hint("declare a source in tidemill.toml to read around it")));
        }
        Ok(Arc::new(survey.schema()))
    }

    async fn infer_stats(
        &self,
        _state: &dyn Session,
        _store: &Arc<dyn ObjectStore>,
        table_schema: SchemaRef,
        _object: &ObjectMeta,
    ) -> Result<Statistics> {
        Ok(Statistics::new_unknown(&table_schema))
    }

    async fn create_physical_plan(
        &self,
        _state: &dyn Session,
        config: FileScanConfig,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        for field in config.file_schema().fields() {
            if reading(field.data_type()).is_none() {
                let (name, found) = (field.name(), field.data_type());
                return Err(external(
                    Error::sql(format!("column `{name}` cannot be read from JSON as {found}"))
                        .with_hint("types are boolean, bigint, double, decimal(p,s), varchar, timestamp, date"),
                ));
            }
        }
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        let layout = layout(table_schema.file_schema());
        let folders = table_schema.table_partition_cols().iter().cloned().collect();
        Arc::new(NdjsonSource::declared(layout, Arc::clone(&self.settings), folders))
    }
}

/// An object of the local store as the file that it is.
pub(super) fn input_file(object: &ObjectMeta) -> crate::error::Result<InputFile> {
    let path = LocalFileSystem::new().path_to_filesystem(&object.location);
    let path = path.map_err(|error| Error::input(format!("`{}` is no file", object.location)).with_source(error))?;
    let found = std::fs::metadata(&path).map_err(|error| Error::unreadable(&path, error))?;
    let identity = Identity { size: object.size, ..Identity::from(&found) };
    Ok(InputFile { shown: path.display().to_string(), compression: Compression::of(&path), path, identity })
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// A type without a reading stands as text here; [`FileFormat::create_physical_plan`] refuses it before it is read.
fn layout(schema: &Schema) -> Layout {
    let fields = schema.fields().iter();
    Layout::new(
        fields.map(|field| (field.name().clone(), reading(field.data_type()).unwrap_or(Reading::Text))).collect(),
    )
}

fn reading(data_type: &DataType) -> Option<Reading> {
    Some(match data_type {
        DataType::Boolean => Reading::Boolean,
        DataType::Int64 => Reading::Int64,
        DataType::UInt64 => Reading::UInt64,
        DataType::Float64 => Reading::Float64,
        DataType::Decimal128(precision, scale) => Reading::Decimal { precision: *precision, scale: *scale },
        DataType::Date32 => Reading::Date,
        DataType::Timestamp(unit, None) => Reading::Timestamp { unit: *unit, epoch: None },
        DataType::Utf8View => Reading::Text,
        DataType::List(item) => Reading::List(Box::new(reading(item.data_type())?)),
        DataType::Struct(fields) => {
            let fields = fields.iter().map(|field| Some((field.name().clone(), reading(field.data_type())?)));
            Reading::Struct(Layout::new(fields.collect::<Option<_>>()?))
        }
        _ => return None,
    })
}
