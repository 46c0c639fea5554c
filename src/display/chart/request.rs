//! What was asked of a chart: a kind, columns, a title, each of them or none.
//!
//! It knows the words, not the result; whether a column is there is seen in `choose`.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, Result};
use crate::suggest;

/// What is typed, for errors.
pub(super) const USAGE: &str = "type \\chart [bar|line|histogram|scatter] [X [Y …]], where X and Y are columns";

/// How a chart shows its values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A bar for each row, or for each value of a column with the number of its rows.
    Bar,
    /// Points that are joined in the order of x.
    Line,
    /// How many rows have a value in each interval.
    Histogram,
    /// A point for each row.
    Scatter,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Bar, Self::Line, Self::Histogram, Self::Scatter];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bar => "bar",
            Self::Line => "line",
            Self::Histogram => "histogram",
            Self::Scatter => "scatter",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Kind {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|kind| kind.name().eq_ignore_ascii_case(word));
        found.ok_or_else(|| {
            let hint = suggest::hint("kinds", word, Self::ALL.map(Self::name));
            Error::request(format!("`{word}` is no kind of chart")).with_hint_if(hint)
        })
    }
}

/// What was asked; what is `None` or empty is chosen by the types of the columns.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// How to draw.
    pub kind: Option<Kind>,
    /// The column along the chart.
    pub x: Option<String>,
    /// The columns that are drawn over it.
    pub y: Vec<String>,
    /// What stands over the chart; without one, the names of the columns do.
    pub title: Option<String>,
}

impl Request {
    /// The words after `\chart`: a kind, then the column along the chart, then those drawn over it; each may be left out.
    ///
    /// A column that is named as a kind is reached by naming a kind before it.
    pub fn parse(words: &[String]) -> Result<Self> {
        if let Some(word) = words.iter().find(|word| word.is_empty() || word.starts_with('-')) {
            return Err(Error::request(format!("`{word}` is no column and no kind of chart")).with_hint(USAGE));
        }
        let kind = words.first().and_then(|word| word.parse::<Kind>().ok());
        let mut columns = words.iter().skip(usize::from(kind.is_some())).cloned();
        let x = columns.next();
        Ok(Self { kind, x, y: columns.collect(), title: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(words: &str, kind: Option<Kind>, x: Option<&str>, y: &[&str]) {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        let y = y.iter().map(ToString::to_string).collect();
        assert_eq!(Request::parse(&words).unwrap(), Request { kind, x: x.map(str::to_owned), y, title: None });
    }

    #[test]
    fn a_kind_comes_first_and_then_the_columns() {
        check("", None, None, &[]);
        check("bar", Some(Kind::Bar), None, &[]);
        check("LINE at", Some(Kind::Line), Some("at"), &[]);
        check("at n m", None, Some("at"), &["n", "m"]);
        check("bar line n", Some(Kind::Bar), Some("line"), &["n"]);
    }

    #[test]
    fn what_is_no_word_of_it_is_told() {
        let error = Request::parse(&["--bar".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "`--bar` is no column and no kind of chart");
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some(USAGE));
        let error = "histgram".parse::<Kind>().unwrap_err();
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some("did you mean `histogram`?"));
        let error = "pie".parse::<Kind>().unwrap_err();
        let hint = "kinds are `bar`, `line`, `histogram`, `scatter`";
        assert_eq!(error.problem().unwrap().hint.as_deref(), Some(hint));
    }
}
