//! Columns out of folder names, `date=2024-05-01/`, as Hive writes them.
//!
//! Their values are text, unless a type is declared: nothing is guessed. It knows nothing of what is in the files.

use std::sync::Arc;

use datafusion::arrow::datatypes::Field;
use datafusion::common::ScalarValue;

use crate::error::{Error, Result};
use crate::ndjson::declared::Declared;
use crate::ndjson::listing::InputFile;
use crate::ndjson::survey::Survey;
use crate::ndjson::{data_type, from_text};
use crate::project::SourceConfig;

/// The folder columns of a source.
#[derive(Debug, Clone, Default)]
pub(super) struct Folders {
    columns: Vec<(String, Declared)>,
}

impl Folders {
    /// Those of all `files`, in the order of first appearance.
    pub(super) fn of(config: &SourceConfig, files: &[InputFile]) -> Result<Self> {
        let mut columns: Vec<(String, Declared)> = Vec::new();
        if !config.hive_partitions {
            return Ok(Self { columns });
        }
        for file in files {
            for (name, _) in file.partitions()? {
                if !columns.iter().any(|(known, _)| *known == name) {
                    let declared = config.columns.iter().find(|(column, _)| *column == name);
                    let declared = declared.map_or(Declared::Varchar, |(_, declared)| declared.clone());
                    check_declared(&name, &declared)?;
                    columns.push((name, declared));
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
        self.columns.iter().map(|(name, declared)| (name.as_str(), declared.to_string()))
    }

    pub(super) fn fields(&self) -> Vec<Arc<Field>> {
        self.columns.iter().map(|(name, declared)| Arc::new(Field::new(name, data_type(declared), true))).collect()
    }

    /// The values of one file, NULL for a column that its path does not name.
    ///
    /// **Errors**: `Data`, if a value does not fit the column's declared type.
    pub(super) fn values(&self, file: &InputFile) -> Result<Vec<ScalarValue>> {
        let named = if self.columns.is_empty() { Vec::new() } else { file.partitions()? };
        let value = |(name, declared): &(String, Declared)| {
            let text = named.iter().find(|(column, _)| column == name).and_then(|(_, value)| value.as_deref());
            let read = match text {
                Some(text) => from_text(text, declared).map(|array| ScalarValue::try_from_array(&array, 0)),
                None => Ok(ScalarValue::try_from(&data_type(declared))),
            };
            match read {
                Ok(value) => value.map_err(|error| Error::internal("a folder has no value").with_source(error)),
                Err(why) => Err(Error::data(format!("folder `{name}` of `{}`: {why}", file.shown))
                    .with_hint(format!("declare column `{name}` with another type, or leave it out: it is text then"))),
            }
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

/// **Errors**: `Request`, if a folder's name cannot hold the type.
fn check_declared(name: &str, declared: &Declared) -> Result<()> {
    match declared {
        Declared::Json | Declared::List(_) | Declared::Struct(_) => {
            Err(Error::request(format!("folder column `{name}` cannot be a {declared}"))
                .with_hint("folder names hold boolean, bigint, double, decimal, varchar, timestamp or date"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::datatypes::TimeUnit;

    use super::*;

    #[test]
    fn values_are_read_exactly_or_not_at_all() {
        let millis = Declared::Timestamp { unit: TimeUnit::Millisecond, epoch: Some(TimeUnit::Second) };
        let decimal = Declared::Decimal { precision: 10, scale: 1 };
        let seconds = Declared::Timestamp { unit: TimeUnit::Second, epoch: None };
        for (text, declared, fits) in [
            ("12", &Declared::Bigint, true),
            ("12x", &Declared::Bigint, false),
            ("07", &Declared::Bigint, true),
            ("-00", &Declared::Bigint, true),
            ("+7", &Declared::Bigint, false),
            (" 7", &Declared::Bigint, false),
            ("7.0", &Declared::Bigint, false),
            ("7\",\"w\":\"", &Declared::Bigint, false),
            ("00.5", &Declared::Double, true),
            ("inf", &Declared::Double, false),
            ("1e400", &Declared::Double, false),
            ("null", &Declared::Varchar, true),
            ("", &Declared::Varchar, true),
            ("", &Declared::Bigint, false),
            ("true", &Declared::Boolean, true),
            ("yes", &Declared::Boolean, false),
            (" true", &Declared::Boolean, false),
            ("true,\"w\":1", &Declared::Boolean, false),
            ("1.9", &decimal, true),
            ("1.99", &decimal, false),
            ("2024-05-01", &Declared::Date, true),
            ("2024-05-01T00:00:00.5", &seconds, false),
            ("1714521600", &seconds, false),
            ("1714521600", &millis, true),
            ("1714521600.5", &millis, false),
        ] {
            assert_eq!(from_text(text, declared).is_ok(), fits, "{text} as {declared}");
        }
        let text = ScalarValue::try_from_array(&from_text("null", &Declared::Varchar).unwrap(), 0).unwrap();
        assert_eq!(text.to_string(), "null");
        let hour = ScalarValue::try_from_array(&from_text("07", &Declared::Bigint).unwrap(), 0).unwrap();
        assert_eq!(hour, ScalarValue::Int64(Some(7)));
    }
}
