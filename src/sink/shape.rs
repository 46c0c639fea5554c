//! Of which files a result is made.
//!
//! It writes none, and knows nothing of what is in them.

use std::fmt::Write;

use arrow::datatypes::DataType;

use super::values;
use crate::error::{Error, Result};

/// Of which files a result is made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Shape {
    /// One file.
    #[default]
    File,
    /// A folder of so many files, each of as many rows as any other, or one less.
    Shards(usize),
    /// A folder of files that each have about so many bytes.
    Sized(u64),
    /// A folder with a folder `name=value` for each value of each of the last columns, which these names are for; in those
    /// the files have about so many bytes. Rows come sorted by these columns, the first before the second.
    Partitions {
        /// Names of the folders.
        names: Vec<String>,
        /// Where a file ends; there is one in each folder without.
        file_bytes: Option<u64>,
    },
}

/// What becomes of the folder that a result of many files goes to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Placing {
    /// It is replaced by the result.
    #[default]
    Whole,
    /// It is replaced by one that holds the result in a folder of this name.
    First(String),
    /// It gains a folder of this name, which is the result.
    More(String),
}

/// Hive's name for the folder of rows whose value is NULL.
const NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// A longer name is refused by most file systems.
const MAX_NAME_BYTES: usize = 255;

impl Shape {
    /// Whether the result is a folder.
    pub fn is_folder(&self) -> bool {
        *self != Self::File
    }

    /// Where a file ends, if that depends on its size.
    pub(super) fn file_bytes(&self) -> Option<u64> {
        match self {
            Self::Sized(bytes) => Some(*bytes),
            Self::Partitions { file_bytes, .. } => *file_bytes,
            Self::File | Self::Shards(_) => None,
        }
    }

    /// Names of the folders that the last columns are for alone.
    pub(super) fn keys(&self) -> &[String] {
        match self {
            Self::Partitions { names, .. } => names,
            _ => &[],
        }
    }
}

/// The folder of a value, `name=value`, escaped as Hive does; what reads the folders reads an equal text.
///
/// **Errors**: [`Error::Data`] for a value that makes a name that no file system takes.
pub(super) fn folder(name: &str, value: Option<&str>) -> Result<String> {
    let folder = match value {
        None => format!("{}={NULL}", escaped(name)),
        // The text of that name is no NULL, and an empty one would be no name.
        Some(value) if value == NULL => format!("{}=%5F{}", escaped(name), &value[1..]),
        Some(value) => format!("{}={}", escaped(name), escaped(value)),
    };
    if folder.len() > MAX_NAME_BYTES {
        let start: String = folder.chars().take(60).collect();
        return Err(Error::data(format!("a folder for `{start}…` would have a name of {} bytes", folder.len()))
            .with_hint("partition by something shorter, such as a hash or the first letters: left(x, 20)"));
    }
    Ok(folder)
}

/// Text with `%` and two digits for what Hive escapes: control characters, and those that paths, globs or queries over
/// paths take for something else.
///
/// **Source**: Hive's `FileUtils.charToEscape`, and the space and `<>|` that other systems refuse.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\0'..='\x1f'
            | '\x7f'
            | '"'
            | '#'
            | '%'
            | '\''
            | '*'
            | '/'
            | ':'
            | '='
            | '?'
            | '\\'
            | '{'
            | '['
            | ']'
            | '^'
            | '<'
            | '>'
            | '|' => {
                let _ = write!(out, "%{:02X}", u32::from(char));
            }
            char => out.push(char),
        }
    }
    out
}

/// **Errors**: [`Error::Sql`] for a column whose values are no names.
pub(super) fn check_key(name: &str, data_type: &DataType) -> Result<()> {
    let is_bytes = matches!(data_type, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
    if !is_bytes && !data_type.is_nested() && values::refuses(data_type).is_none() {
        return Ok(());
    }
    Err(Error::sql(format!("`{name}` is no key for folders"))
        .with_hint("partition by a text, a number, a boolean, a date or a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_named_as_hive_does() {
        let check = |value: Option<&str>, expected: &str| assert_eq!(folder("k", value).unwrap(), expected);
        check(Some("18-25"), "k=18-25");
        check(Some("a/b=c"), "k=a%2Fb%3Dc");
        check(Some("100%"), "k=100%25");
        check(Some(""), "k=");
        check(None, "k=__HIVE_DEFAULT_PARTITION__");
        check(Some("__HIVE_DEFAULT_PARTITION__"), "k=%5F_HIVE_DEFAULT_PARTITION__");
        check(Some("2024-03-01 10:00"), "k=2024-03-01 10%3A00");
        assert_eq!(folder("k", Some(&"x".repeat(300))).unwrap_err().kind(), "data");
    }
}
