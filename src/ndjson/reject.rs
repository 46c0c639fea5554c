//! Why a line is not a row, and where in it that shows.
//!
//! It knows nothing of budgets: what happens to a source with many rejects is decided above.

use std::borrow::Cow;
use std::fmt;

use super::framing::Line;
use crate::error::Excerpt;

/// The code of a rejected line: an interface, in the column `reason` of `rejects.<source>` and in reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Not JSON.
    Syntax,
    /// The file's last line, without a newline, stops in the middle of its JSON.
    Truncated,
    /// Bytes that are not UTF-8.
    Utf8,
    /// Half of a surrogate pair in an escape.
    Surrogate,
    /// JSON, but no object.
    NotObject,
    /// Nested deeper than `max_depth`.
    Depth,
    /// Longer than `max_line_bytes`.
    TooLong,
    /// The value of a declared column does not fit its type.
    Type,
}

impl Reason {
    /// Every reason, in the order of reports.
    pub const ALL: [Self; 8] = [
        Self::Syntax,
        Self::Truncated,
        Self::Utf8,
        Self::Surrogate,
        Self::NotObject,
        Self::Depth,
        Self::TooLong,
        Self::Type,
    ];

    /// The code as users see it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Truncated => "truncated",
            Self::Utf8 => "utf8",
            Self::Surrogate => "surrogate",
            Self::NotObject => "not-object",
            Self::Depth => "depth",
            Self::TooLong => "too-long",
            Self::Type => "type",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// What is wrong with one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) reason: Reason,
    /// Byte within the line, 0-based; may be its length.
    pub(crate) at: usize,
    pub(crate) detail: Cow<'static, str>,
}

impl Fault {
    pub(crate) fn new(reason: Reason, at: usize, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { reason, at, detail: detail.into() }
    }

    /// A syntax fault at byte `at` of `line`, where something else should stand.
    pub(crate) fn expected(what: &str, line: &[u8], at: usize) -> Self {
        let found = match line.get(at..).and_then(|rest| rest.utf8_chunks().next()) {
            None => "the end of the line".to_owned(),
            Some(chunk) => match chunk.valid().chars().next() {
                Some(c) if c.is_control() => format!("U+{:04X}", u32::from(c)),
                Some(c) => format!("`{c}`"),
                None => "a byte that is not UTF-8".to_owned(),
            },
        };
        Self::new(Reason::Syntax, at, format!("expected {what}, found {found}"))
    }
}

/// A line that was not accepted, with all that is kept of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// The file, as the column `_file` shows it.
    pub file: String,
    /// Line number within the file, 1-based.
    pub line: u64,
    /// Offset of the line's first byte within the (decompressed) file.
    pub offset: u64,
    /// Why.
    pub reason: Reason,
    /// What is wrong, in words.
    pub detail: String,
    /// The line around the fault.
    pub excerpt: Excerpt,
}

impl Reject {
    /// How much of a rejected line is shown where nobody asks for more; the rest is found in the file, by its offset.
    pub const RAW_BYTES: usize = 1024;
}

/// What is kept of a rejected line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    /// As text, with U+FFFD in the place of bytes that are not UTF-8.
    pub(crate) text: String,
    /// As it stands in the file, if that is not UTF-8.
    pub(crate) bytes: Option<Vec<u8>>,
    /// Whether the line goes on behind it.
    pub(crate) cut: bool,
}

impl Raw {
    /// The first bytes of `line`, as many at most.
    pub(crate) fn new(line: &Line<'_>, most: usize) -> Self {
        let all = line.bytes.strip_suffix(b"\r").unwrap_or(line.bytes);
        let mut end = all.len().min(most);
        if end < all.len() {
            // A cut inside a character would look like a fault that is not there.
            while end > 0 && all[end] & 0b1100_0000 == 0b1000_0000 {
                end -= 1;
            }
        }
        let kept = &all[..end];
        let (text, bytes) = match String::from_utf8_lossy(kept) {
            Cow::Borrowed(text) => (text.to_owned(), None),
            Cow::Owned(text) => (text, Some(kept.to_vec())),
        };
        Self { text, bytes, cut: line.too_long || end < all.len() }
    }
}

/// Bytes to each side of a fault that an excerpt shows: about a terminal's width together.
const AROUND: usize = 60;

impl Fault {
    /// The part of line number `number` of `file` that is around the fault, with a caret under it. Control characters
    /// and bytes that are not UTF-8 stand as one character each.
    pub(crate) fn excerpt(&self, file: &str, number: u64, line: &[u8]) -> Excerpt {
        let at = self.at.min(line.len());
        let from = boundary(line, at.saturating_sub(AROUND));
        let to = boundary(line, (at + AROUND).min(line.len()));
        let before = if from > 0 { "…" } else { "" };
        let start = format!("{before}{}", printable(&line[from..at]));
        let after = if to < line.len() { "…" } else { "" };
        let text = format!("{start}{}{after}", printable(&line[at..to]));
        let length = text[start.len()..].chars().next().map_or(0, char::len_utf8);
        let cut = String::from_utf8_lossy(&line[..from]).chars().count();
        Excerpt {
            name: file.to_owned(),
            span: start.len()..start.len() + length,
            text,
            first_line: number as usize,
            // The ellipsis stands for a character of its own.
            first_column: cut.saturating_sub(before.chars().count()),
            label: self.detail.to_string(),
        }
    }
}

fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).chars().map(|c| if c.is_control() { '\u{b7}' } else { c }).collect()
}

/// The nearest start of a character at or before `at`; any byte, where none is in reach.
fn boundary(line: &[u8], at: usize) -> usize {
    let is_start = |index: &usize| line.get(*index).is_none_or(|byte| byte & 0b1100_0000 != 0b1000_0000);
    (at.saturating_sub(3)..=at).rev().find(is_start).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excerpt(line: &[u8], at: usize) -> Excerpt {
        Fault::new(Reason::Syntax, at, "x").excerpt("a.out", 7, line)
    }

    fn check(line: &[u8], at: usize, pointed_at: &str, column: usize) {
        let excerpt = excerpt(line, at);
        assert_eq!(&excerpt.text[excerpt.span.clone()], pointed_at, "{line:?}");
        assert_eq!(excerpt.line_and_column(), (7, column), "{line:?}");
    }

    #[test]
    fn an_excerpt_points_at_the_byte_wherever_it_is() {
        check(b"{'a': 1}", 1, "'", 2);
        check("{\"ä\":\"ö\" x".as_bytes(), 11, "x", 10);
        check(b"{", 1, "", 2);
        check(b"\x01\x02x", 2, "x", 3);
        check(b"", 0, "", 1);
        check(b"ab\xffcd", 2, "\u{fffd}", 3);
    }

    #[test]
    fn a_long_line_is_shown_in_part_and_counted_whole() {
        let long = format!("{}!{}", "é".repeat(300), "é".repeat(300));
        check(long.as_bytes(), 600, "!", 301);
        let shown = excerpt(long.as_bytes(), 600).text;
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.len() < 140, "{shown}");
    }

    #[test]
    fn raw_is_cut_between_characters() {
        let line = format!("{}é", "a".repeat(Reject::RAW_BYTES - 1));
        let raw = |bytes: &[u8], too_long| {
            let Raw { text, bytes, cut } =
                Raw::new(&Line { offset: 0, bytes, terminated: true, too_long }, Reject::RAW_BYTES);
            (text, bytes, cut)
        };
        assert_eq!(raw(line.as_bytes(), false), ("a".repeat(Reject::RAW_BYTES - 1), None, true));
        assert_eq!(raw(b"a\xff\r", false), ("a\u{fffd}".to_owned(), Some(b"a\xff".to_vec()), false));
        assert_eq!(raw("\u{fffd}".as_bytes(), false), ("\u{fffd}".to_owned(), None, false));
        assert_eq!(raw(b"a", true), ("a".to_owned(), None, true));
    }
}
