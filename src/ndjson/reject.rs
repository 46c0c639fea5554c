//! Why a line is not a row, and where in it that shows.
//!
//! It knows nothing of budgets: what happens to a source with many rejects is decided above.

use std::borrow::Cow;
use std::fmt;

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
    /// Byte within the line at which it shows, 0-based.
    pub at: u64,
    /// The line, cut at [`Reject::RAW_BYTES`]; bytes that are not UTF-8 stand as U+FFFD.
    pub raw: String,
}

impl Reject {
    /// How much of a rejected line is kept; the rest is found in the file, by its offset.
    pub const RAW_BYTES: usize = 1024;

    /// Bytes to each side of the fault that an excerpt shows: about a terminal's width together.
    const AROUND: usize = 60;

    /// The line as text, cut.
    pub(crate) fn raw_of(line: &[u8]) -> String {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut cut = line.len().min(Self::RAW_BYTES);
        if cut < line.len() {
            // A cut inside a character would look like a fault that is not there.
            while cut > 0 && line[cut] & 0b1100_0000 == 0b1000_0000 {
                cut -= 1;
            }
        }
        String::from_utf8_lossy(&line[..cut]).into_owned()
    }

    /// The part of the line around the fault, with a caret under the byte.
    pub fn excerpt(&self) -> Excerpt {
        let at = (self.at as usize).min(self.raw.len());
        let from = floor(&self.raw, at.saturating_sub(Self::AROUND));
        let to = floor(&self.raw, (at + Self::AROUND).min(self.raw.len()));
        let (before, after) = (if from > 0 { "…" } else { "" }, if to < self.raw.len() { "…" } else { "" });
        // Control characters would move the caret; one column each keeps it in place.
        let shown: String = self.raw[from..to].chars().map(|c| if c.is_control() { '\u{b7}' } else { c }).collect();
        let shift: usize =
            self.raw[from..floor(&self.raw, at)].chars().map(|c| if c.is_control() { 2 } else { c.len_utf8() }).sum();
        let start = before.len() + shift;
        let text = format!("{before}{shown}{after}");
        let length = text[start..].chars().next().map_or(0, char::len_utf8);
        Excerpt {
            name: self.file.clone(),
            text,
            first_line: self.line as usize,
            span: start..start + length,
            label: self.detail.clone(),
        }
    }
}

/// The nearest character boundary at or before `at`.
fn floor(text: &str, at: usize) -> usize {
    (0..=at).rev().find(|&index| text.is_char_boundary(index)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reject(raw: &str, at: u64) -> Reject {
        Reject {
            file: "a.out".into(),
            line: 7,
            offset: 0,
            reason: Reason::Syntax,
            detail: "x".into(),
            at,
            raw: raw.into(),
        }
    }

    #[test]
    fn an_excerpt_points_at_the_byte_wherever_it_is() {
        for (raw, at, expected) in
            [("{'a': 1}", 1, "'"), ("{\"ä\":\"ö\" x", 11, "x"), ("{", 1, ""), ("\u{1}\u{2}x", 2, "x"), ("", 0, "")]
        {
            let excerpt = reject(raw, at).excerpt();
            assert_eq!(&excerpt.text[excerpt.span.clone()], expected, "{raw}");
            assert_eq!(excerpt.first_line, 7);
        }
        let long = format!("{}!{}", "é".repeat(300), "é".repeat(300));
        let excerpt = reject(&long, 600).excerpt();
        assert_eq!(&excerpt.text[excerpt.span.clone()], "!");
        assert!(excerpt.text.starts_with('…') && excerpt.text.ends_with('…') && excerpt.text.len() < 140);
    }

    #[test]
    fn raw_is_cut_between_characters() {
        let line = format!("{}é", "a".repeat(Reject::RAW_BYTES - 1));
        assert_eq!(Reject::raw_of(line.as_bytes()), "a".repeat(Reject::RAW_BYTES - 1));
        assert_eq!(Reject::raw_of(b"\xff\r"), "\u{fffd}");
    }
}
