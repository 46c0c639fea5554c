//! The names of the output formats.
//!
//! It knows no format from the inside.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, de};

use crate::error::Error;
use crate::suggest;

/// How results are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object per line, every row with the same keys. Also called `ndjson`.
    Json,
    /// Apache Parquet, compressed with zstd.
    Parquet,
    /// Comma-separated values with a header.
    Csv,
    /// The Arrow IPC file format.
    Arrow,
}

impl Format {
    /// All formats, in the order in which they are listed to people.
    pub const ALL: [Self; 4] = [Self::Json, Self::Parquet, Self::Csv, Self::Arrow];

    /// The extension of its files, without the dot.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Parquet => "parquet",
            Self::Csv => "csv",
            Self::Arrow => "arrow",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.extension())
    }
}

impl FromStr for Format {
    type Err = Error;

    /// Case does not count.
    fn from_str(name: &str) -> Result<Self, Error> {
        const NDJSON: &str = "ndjson";
        if name.eq_ignore_ascii_case(NDJSON) {
            return Ok(Self::Json);
        }
        Self::ALL.into_iter().find(|format| name.eq_ignore_ascii_case(format.extension())).ok_or_else(|| {
            let names = Self::ALL.iter().map(|format| format.extension()).chain([NDJSON]);
            let hint = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            let error = Error::request(format!("unknown format `{name}`: formats are json, parquet, csv and arrow"));
            error.with_hint_if(hint)
        })
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // A deserializer's errors have no room for a hint apart.
        String::deserialize(deserializer)?.parse().map_err(|error: Error| {
            match error.problem().and_then(|problem| problem.hint.as_deref()) {
                Some(hint) => de::Error::custom(format!("{error}; {hint}")),
                None => de::Error::custom(error),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for format in Format::ALL {
            assert_eq!(format.to_string().parse::<Format>().unwrap(), format);
        }
        assert_eq!("ndjson".parse::<Format>().unwrap(), Format::Json);
        assert_eq!("Parquet".parse::<Format>().unwrap(), Format::Parquet);
        assert_eq!(format!("{:>8}", Format::Csv), "     csv");
    }

    #[test]
    fn an_unknown_name_gets_the_list_and_the_nearest() {
        let error = "parket".parse::<Format>().unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(error.to_string(), "unknown format `parket`: formats are json, parquet, csv and arrow");
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some("did you mean `parquet`?"));
        assert_eq!("xml".parse::<Format>().unwrap_err().problem().unwrap().hint, None);
    }

    #[test]
    fn settings_can_hold_it() {
        #[derive(Debug, Deserialize)]
        struct Settings {
            format: Format,
        }
        assert_eq!(toml::from_str::<Settings>("format = \"csv\"").unwrap().format, Format::Csv);
        let error = toml::from_str::<Settings>("format = \"jsn\"").unwrap_err();
        assert!(error.message().ends_with("csv and arrow; did you mean `json`?"), "{error}");
    }
}
