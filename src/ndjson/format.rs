//! JSON lines as a file format of the engine, for tables that a statement creates itself.
//!
//! Sources of a project do not come this way. It is registered in place of the engine's own JSON format, which drops
//! keys and casts values that its sample did not show: no statement can reach that one by accident.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
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
use super::listing::{Identity, InputFile};
use super::source::NdjsonSource;
use super::survey::{Account, survey_aside};
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
        let account = Arc::new(Account::new(files.into(), settings));
        let survey = survey_aside(account, threads, Arc::default()).await.map_err(external)?;
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
        config.file_schema().fields().iter().try_for_each(|field| check_column(field).map_err(external))?;
        Ok(DataSourceExec::from_data_source(config))
    }

    fn file_source(&self, table_schema: TableSchema) -> Arc<dyn FileSource> {
        let layout = layout(table_schema.file_schema());
        Arc::new(NdjsonSource::declared(layout, Arc::clone(&self.settings), table_schema))
    }
}

/// An object of the local store as the file that it is.
pub(super) fn input_file(object: &ObjectMeta) -> crate::error::Result<InputFile> {
    let path = LocalFileSystem::new().path_to_filesystem(&object.location);
    let path = path.map_err(|error| Error::input(format!("`{}` is no file", object.location)).with_source(error))?;
    let found = std::fs::metadata(&path).map_err(|error| Error::unreadable(&path, error))?;
    let identity = Identity { size: object.size, ..Identity::from(&found) };
    let shown = path.display().to_string();
    Ok(InputFile::whole(path, shown, identity))
}

fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// What the reader would make of a column must be what the table says that it is.
fn check_column(field: &Field) -> crate::error::Result<()> {
    let (name, found) = (field.name(), field.data_type());
    if reading(found).is_none_or(|reading| reading.data_type() != *found) {
        return Err(Error::sql(format!("column `{name}` cannot be read from JSON as {found}"))
            .with_hint("types are boolean, bigint, double, decimal(p,s), varchar, timestamp, date"));
    }
    if !field.is_nullable() {
        return Err(Error::sql(format!("column `{name}` cannot be NOT NULL"))
            .with_hint("a key may be missing from a line: leave NOT NULL out, and ask for IS NOT NULL in queries"));
    }
    Ok(())
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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use datafusion::arrow::util::pretty::pretty_format_batches;
    use datafusion::prelude::SessionContext;

    use super::*;

    /// The rows of a table with `columns` over a file with `lines`, or the failure.
    async fn select(columns: &str, lines: &str) -> std::result::Result<String, String> {
        ask("SELECT * FROM t", columns, lines).await
    }

    async fn ask(sql: &str, columns: &str, lines: &str) -> std::result::Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.json");
        std::fs::write(&path, lines).unwrap();
        let engine = SessionContext::new();
        for format in NdjsonFormatFactory::all() {
            engine.state_ref().write().register_file_format(format, true).unwrap();
        }
        let create = format!("CREATE EXTERNAL TABLE t {columns} STORED AS JSON LOCATION '{}'", path.display());
        let told = |error: DataFusionError| match error.find_root() {
            DataFusionError::External(ours) => ours.to_string().replace(path.to_str().unwrap(), "a.json"),
            other => other.to_string(),
        };
        engine.sql(&create).await.map_err(told)?;
        let batches = engine.sql(sql).await.map_err(told)?.collect().await.map_err(told)?;
        let table = pretty_format_batches(&batches).unwrap().to_string();
        Ok(table.lines().filter(|line| line.starts_with('|')).collect::<Vec<_>>().join("\n"))
    }

    #[tokio::test]
    async fn a_table_without_columns_has_those_of_all_lines() {
        let found = select("", "{\"a\":1}\n\n{\"a\":\"x\",\"b\":2.5}").await;
        assert_eq!(found.unwrap(), "| a | b   |\n| 1 |     |\n| x | 2.5 |");
    }

    #[tokio::test]
    async fn a_table_with_columns_reads_lines_that_fit() {
        let found = select("(b TIMESTAMP, a BIGINT)", "{\"a\":\"1\",\"b\":\"2024-03-01\"}\n{}\n").await;
        assert_eq!(
            found.unwrap(),
            "| b                   | a |\n| 2024-03-01T00:00:00 | 1 |\n|                     |   |"
        );
    }

    #[tokio::test]
    async fn no_line_of_a_table_is_passed_over() {
        let fails = async |columns: &str, lines: &str, expected: &str| {
            assert_eq!(select(columns, lines).await, Err(expected.to_owned()), "{columns} {lines}");
        };
        fails("", "{\"a\":1}\n{\"a\":}\n", "line 2 of `a.json` is no row (syntax)").await;
        let unfit = "the line at byte 8 of `a.json` does not fit its table: ";
        let with = |what: &str| format!("{unfit}{what}");
        fails("(a BIGINT)", "{\"a\":1}\n[1]\n", &with("the line is no JSON object")).await;
        fails("(a BIGINT)", "{\"a\":1}\n{\"a\":1.5}", &with("`1.5` is not a bigint")).await;
        fails("(a BIGINT)", "{\"a\":1}\n{\"b\":1}", &with("no column has the key `\"b\"`")).await;
        let nested = "{\"o\":{}}\n{\"o\":{\"p\":{\"x\":1,\"z\":2}}}";
        let unfit = "the line at byte 9 of `a.json` does not fit its table: no column has the key `\"z\"`";
        fails("(o STRUCT<p STRUCT<x BIGINT>>)", nested, unfit).await;
        let inner = ask("SELECT o['p'] AS p FROM t", "(o STRUCT<p STRUCT<x BIGINT>>)", nested).await;
        assert_eq!(inner, Err(unfit.to_owned()));
        fails("(a BIGINT NOT NULL)", "{\"a\":1}", "column `a` cannot be NOT NULL").await;
        fails("(a INT)", "{\"a\":1}", "column `a` cannot be read from JSON as Int32").await;
    }
}
