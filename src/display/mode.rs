//! The names of the looks that a result can have, in our words and in those of other shells.
//!
//! It knows no look from the inside.

use std::fmt;
use std::str::FromStr;

use crate::error::Error;
use crate::suggest;

/// What a result looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// A box, one line per row, for people.
    Table,
    /// A block per row, one line per column, for people.
    Expanded,
    /// One JSON object per line.
    Ndjson,
    /// One JSON array of objects.
    Json,
    /// Comma-separated values with a header.
    Csv,
    /// Values between tabs with a header, escaped as PostgreSQL's `COPY` does.
    Tsv,
    /// A table of GitHub's Markdown.
    Markdown,
    /// A `<table>`.
    Html,
    /// An `INSERT` per row.
    Insert,
}

impl Mode {
    /// All modes, in the order in which they are listed to people.
    pub const ALL: [Self; 9] = [
        Self::Table,
        Self::Expanded,
        Self::Ndjson,
        Self::Json,
        Self::Csv,
        Self::Tsv,
        Self::Markdown,
        Self::Html,
        Self::Insert,
    ];

    /// Its name here.
    pub fn name(self) -> &'static str {
        self.names()[0]
    }

    /// Whether it is read by people: then a line under it says how many rows there are, and not all may be shown.
    pub fn is_for_people(self) -> bool {
        matches!(self, Self::Table | Self::Expanded)
    }

    /// Its name here, then those that psql and the shells of DuckDB and SQLite have for it.
    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Table => &["table", "box", "duckbox", "column", "aligned"],
            Self::Expanded => &["expanded", "line", "lines", "vertical"],
            Self::Ndjson => &["ndjson", "jsonlines", "jsonl"],
            Self::Json => &["json"],
            Self::Csv => &["csv"],
            Self::Tsv => &["tsv", "tabs"],
            Self::Markdown => &["markdown", "md"],
            Self::Html => &["html"],
            Self::Insert => &["insert"],
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = Error;

    /// Case does not count.
    fn from_str(name: &str) -> Result<Self, Error> {
        let is_named = |mode: &Self| mode.names().iter().any(|known| name.eq_ignore_ascii_case(known));
        Self::ALL.into_iter().find(is_named).ok_or_else(|| {
            let names = Self::ALL.iter().flat_map(|mode| mode.names()).copied();
            let hint = suggest::nearest(name, names).map(|near| format!("did you mean `{near}`?"));
            let listed = Self::ALL.map(Self::name).join(", ");
            Error::request(format!("unknown mode `{name}`: modes are {listed}")).with_hint_if(hint)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_and_shown() {
        for mode in Mode::ALL {
            for name in mode.names() {
                assert_eq!(name.to_uppercase().parse::<Mode>().unwrap(), mode);
            }
            assert_eq!(mode.to_string().parse::<Mode>().unwrap(), mode);
        }
        assert_eq!(format!("{:>8}", Mode::Csv), "     csv");
    }

    #[test]
    fn an_unknown_name_gets_the_list_and_the_nearest() {
        let error = "markdwon".parse::<Mode>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown mode `markdwon`: modes are table, expanded, ndjson, json, csv, tsv, markdown, html, insert"
        );
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some("did you mean `markdown`?"));
        assert_eq!("xyz".parse::<Mode>().unwrap_err().problem().unwrap().hint, None);
    }
}
