//! Columns out of folder names, `date=2024-05-01/`, as Hive writes them.
//!
//! Their values are text, unless a type is declared: nothing is guessed. It knows nothing of what is in the files.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::ScalarValue;

use crate::error::{Error, Result};
use crate::ndjson::declared::Declared;
use crate::ndjson::listing::InputFile;
use crate::ndjson::survey::Survey;
use crate::project::SourceConfig;

/// The folder columns of a source.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    columns: Vec<(String, DataType)>,
}

impl Folders {
    /// Those of all `files`, in the order of first appearance.
    pub(super) fn of(config: &SourceConfig, files: &[InputFile]) -> Result<Self> {
        let mut columns: Vec<(String, DataType)> = Vec::new();
        if !config.hive_partitions {
            return Ok(Self { columns });
        }
        for file in files {
            for (name, _) in file.partitions()? {
                if !columns.iter().any(|(known, _)| *known == name) {
                    let declared = config.columns.iter().find(|(column, _)| *column == name);
                    let data_type = declared.map_or(Ok(DataType::Utf8), |(_, declared)| data_type(&name, declared))?;
                    columns.push((name, data_type));
                }
            }
        }
        let folders = Self { columns };
        // A value that does not fit is found now and not in the middle of a scan.
        files.iter().try_for_each(|file| folders.values(file).map(drop))?;
        Ok(folders)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.columns.iter().any(|(column, _)| column == name)
    }

    pub(super) fn columns(&self) -> impl Iterator<Item = (&str, String)> {
        self.columns.iter().map(|(name, data_type)| {
            let shown = if *data_type == DataType::Utf8 { "varchar".to_owned() } else { data_type.to_string() };
            (name.as_str(), shown)
        })
    }

    pub(super) fn fields(&self) -> Vec<Arc<Field>> {
        self.columns.iter().map(|(name, data_type)| Arc::new(Field::new(name, data_type.clone(), true))).collect()
    }

    /// The values of one file, NULL for a column that its path does not name.
    ///
    /// **Errors**: `Data`, if a value does not fit the column's declared type.
    pub(super) fn values(&self, file: &InputFile) -> Result<Vec<ScalarValue>> {
        let named = if self.columns.is_empty() { Vec::new() } else { file.partitions()? };
        let value = |(name, data_type): &(String, DataType)| {
            let text = named.iter().find(|(column, _)| column == name).and_then(|(_, value)| value.clone());
            let Some(text) = text else {
                return ScalarValue::try_from(data_type)
                    .map_err(|error| Error::internal("a folder column has no NULL").with_source(error));
            };
            ScalarValue::try_from_string(text.clone(), data_type).map_err(|error| {
                Error::data(format!("folder `{name}={text}` of `{}` is not a {data_type}", file.shown))
                    .with_source(error)
                    .with_hint(format!("declare column `{name}` with another type, or leave it out: it is text then"))
            })
        };
        self.columns.iter().map(value).collect()
    }

    /// **Errors**: `Data`, if a line has the key of a folder column: which one is meant is not ours to say.
    pub(super) fn check_against(&self, survey: &Survey, source: &str) -> Result<()> {
        let schema = survey.schema();
        match self.columns.iter().find(|(name, _)| schema.column_with_name(name).is_some()) {
            None => Ok(()),
            Some((name, _)) => Err(Error::data(format!("`{name}` is a key in lines of `{source}` and a folder too"))
                .with_hint(format!("read the lines' own: hive_partitions = false under [sources.{source}]"))),
        }
    }
}

fn data_type(name: &str, declared: &Declared) -> Result<DataType> {
    Ok(match declared {
        Declared::Boolean => DataType::Boolean,
        Declared::Bigint => DataType::Int64,
        Declared::Double => DataType::Float64,
        Declared::Decimal { precision, scale } => DataType::Decimal128(*precision, *scale),
        Declared::Timestamp { unit, .. } => DataType::Timestamp(*unit, None),
        Declared::Date => DataType::Date32,
        Declared::Varchar => DataType::Utf8,
        Declared::Json | Declared::List(_) | Declared::Struct(_) => {
            return Err(Error::request(format!("folder column `{name}` cannot be a {declared}"))
                .with_hint("folder names hold boolean, bigint, double, decimal, varchar, timestamp or date"));
        }
    })
}
