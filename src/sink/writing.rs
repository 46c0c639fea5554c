//! How the files of a result are written: their format, and what can be chosen about it.
//!
//! It knows no format from the inside, and nothing of how many files there are.

use std::str::FromStr;

use super::Format;
use crate::error::{Error, Result};
use crate::suggest;

/// A format, and what was chosen about it; what was not is chosen by the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writing {
    /// What is written.
    pub format: Format,
    /// How Parquet compresses pages.
    pub compression: Compression,
    /// Rows of a row group of Parquet at most.
    pub row_group_rows: Option<usize>,
}

/// How Parquet compresses pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Compression {
    /// Zstandard: the smallest files at the speed of the others.
    #[default]
    Zstd,
    /// Snappy, for readers that know no other.
    Snappy,
    /// LZ4, in the form without frames.
    Lz4,
    /// Gzip, for readers that know no other.
    Gzip,
    /// Not at all.
    None,
}

impl Compression {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 5] = [Self::Zstd, Self::Snappy, Self::Lz4, Self::Gzip, Self::None];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Gzip => "gzip",
            Self::None => "none",
        }
    }
}

impl FromStr for Compression {
    type Err = Error;

    /// Case does not count.
    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|known| name.eq_ignore_ascii_case(known.name())).ok_or_else(|| {
            let names = Self::ALL.map(Self::name);
            let hint = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            Error::request(format!("unknown compression `{name}`: they are {}", names.join(", "))).with_hint_if(hint)
        })
    }
}

impl From<Format> for Writing {
    fn from(format: Format) -> Self {
        Self { format, compression: Compression::default(), row_group_rows: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read() {
        for compression in Compression::ALL {
            assert_eq!(compression.name().to_uppercase().parse::<Compression>().unwrap(), compression);
        }
        let error = "ztsd".parse::<Compression>().unwrap_err();
        assert_eq!(error.to_string(), "unknown compression `ztsd`: they are zstd, snappy, lz4, gzip, none");
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some("did you mean `zstd`?"));
    }
}
