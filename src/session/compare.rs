//! Which rows two results have, each as often as it is there, that the other has not.
//!
//! The engine's EXCEPT ALL takes a row away whatever number of it there are, so rows are counted instead: those of the one side
//! against those of the other, in groups of equal rows. It knows nothing of runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::csv::reader::Format as CsvFormat;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema};
use datafusion::common::{Column, DataFusionError};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::file_format::options::ArrowReadOptions;
use datafusion::functions_aggregate::expr_fn::sum;
use datafusion::logical_expr::{Expr, lit, when};
use datafusion::prelude::{CsvReadOptions, ParquetReadOptions};

use super::{Access, Session, failure};
use crate::error::{Error, Result};
use crate::project::{Project, SourceConfig};
use crate::sink::Format;

/// A result, as files.
#[derive(Debug, Clone)]
pub struct ResultFiles {
    /// The file, or the folder of all of them.
    pub path: PathBuf,
    /// Of how many levels of folders `name=value` it is made, by name.
    pub folders: Vec<String>,
    /// A file with a header, if there are any.
    pub first: PathBuf,
    /// How they are written.
    pub format: Format,
}

/// How many rows there are on one side only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowsApart {
    /// Only in the result after.
    pub added: u64,
    /// Only in the result before.
    pub removed: u64,
}

/// The column that counts: 1 for a row of the result after, -1 for one of the result before.
const SIGN: &str = " sign";

/// Compares all rows of two results; their order does not count.
///
/// **Errors**: `Data`, if they have other columns; `Input` or `Data`, if one cannot be read; `Machine` for want of memory.
pub async fn rows_apart(project: &Project, before: &ResultFiles, after: &ResultFiles) -> Result<RowsApart> {
    let sources = [("before", before), ("after", after)].map(|(name, files)| SourceConfig {
        name: name.to_owned(),
        paths: vec![pattern(files)],
        empty_as_null: false,
        max_reject_ratio: 0.0,
        max_line_bytes: 1 << 30,
        ..SourceConfig::default()
    });
    let project = Project { sources: sources.into(), ..project.clone() };
    let session = Session::new(Arc::new(project), Access::ReadOnly)?;
    let (before, after) = (session.result("before", before).await?, session.result("after", after).await?);
    let columns = same_columns(&before, &after)?;
    let counted = counted(before, after, &columns).map_err(|error| failure::of_frame(error, &session.engine))?;
    let batches = counted.collect().await.map_err(|error| failure::of_frame(error, &session.engine))?;
    let sum = |column: usize| -> u64 {
        let sums = batches.iter().flat_map(|batch| batch.column(column).as_primitive::<Int64Type>().iter().flatten());
        sums.sum::<i64>().unsigned_abs()
    };
    Ok(RowsApart { added: sum(0), removed: sum(1) })
}

fn pattern(files: &ResultFiles) -> String {
    let path = files.path.to_string_lossy().into_owned();
    if files.path.is_dir() { format!("{path}/") } else { path }
}

fn columns(frame: &DataFrame) -> BTreeSet<String> {
    frame.schema().fields().iter().map(|field| field.name().clone()).collect()
}

/// **Errors**: `Data`, if one has a column that the other has not.
fn same_columns(before: &DataFrame, after: &DataFrame) -> Result<Vec<String>> {
    let (before, after) = (columns(before), columns(after));
    let list = |names: Vec<&String>| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let (gone, new) = (list(before.difference(&after).collect()), list(after.difference(&before).collect()));
    match (gone.as_str(), new.as_str()) {
        ("", "") => Ok(before.into_iter().collect()),
        (gone, "") => Err(Error::data(format!("the columns differ: {gone} is gone"))),
        ("", new) => Err(Error::data(format!("the columns differ: {new} is new"))),
        (gone, new) => Err(Error::data(format!("the columns differ: {gone} is gone, {new} is new"))),
    }
}

/// One row: how many rows there are more of, and how many less.
fn counted(before: DataFrame, after: DataFrame, columns: &[String]) -> Result<DataFrame, DataFusionError> {
    let named = |name: &str| Expr::Column(Column::from_name(name));
    let signed = |frame: DataFrame, sign: i64| {
        frame.select(columns.iter().map(|name| named(name)).chain([lit(sign).alias(SIGN)]).collect::<Vec<_>>())
    };
    let groups = columns.iter().map(|name| named(name)).collect();
    let more = when(named(SIGN).gt(lit(0_i64)), named(SIGN)).otherwise(lit(0_i64))?;
    let less = when(named(SIGN).lt(lit(0_i64)), named(SIGN)).otherwise(lit(0_i64))?;
    signed(before, -1)?
        .union(signed(after, 1)?)?
        .aggregate(groups, vec![sum(named(SIGN)).alias(SIGN)])?
        .aggregate(Vec::new(), vec![sum(more), sum(less)])
}

impl Session {
    /// All rows of a result; of JSON lines, those of the source called `source`.
    async fn result(&self, source: &str, files: &ResultFiles) -> Result<DataFrame> {
        let ResultFiles { folders, format, .. } = files;
        let (path, extension) = (pattern(files), format.extension());
        let folders: Vec<(String, DataType)> = folders.iter().map(|name| (name.clone(), DataType::Utf8)).collect();
        let engine = &self.engine;
        let frame = match format {
            Format::Json => return self.frame(source).await,
            Format::Parquet => {
                let options = ParquetReadOptions::default().table_partition_cols(folders);
                engine.read_parquet(path, options).await
            }
            Format::Arrow => {
                let options = ArrowReadOptions { table_partition_cols: folders, ..ArrowReadOptions::default() };
                engine.read_arrow(path, options).await
            }
            Format::Csv => {
                let schema = header(files)?;
                let options = CsvReadOptions::new().schema(&schema).newlines_in_values(true);
                engine.read_csv(path, options.file_extension(extension).table_partition_cols(folders)).await
            }
        };
        frame.map_err(|error| failure::of_frame(error, engine))
    }
}

/// The columns of CSV, all texts.
fn header(files: &ResultFiles) -> Result<Schema> {
    let unreadable = |error| Error::unreadable(&files.first, error);
    let file = std::fs::File::open(&files.first).map_err(unreadable)?;
    let (found, _) = CsvFormat::default()
        .with_header(true)
        .infer_schema(file, Some(0))
        .map_err(|error| Error::input(format!("`{}` has no header", files.first.display())).with_source(error))?;
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    Ok(Schema::new(found.fields().iter().map(text).collect::<Vec<_>>()))
}
