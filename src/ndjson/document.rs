//! Files that are JSON, but not JSON lines: one array, or objects printed over several lines.
//!
//! Every line of such a file would be rejected, which says nothing; this says what the file is and how to convert it.
//! It is asked only when a file's first line is no row, and it decides nothing about lines.

use std::io::Read;

use super::input;
use super::listing::{Compression, InputFile};
use super::tape::{Kind, ROOT, Tape};
use crate::error::{Error, Result};

/// How much of a file is looked at. A first object that is printed over more than this is no event.
const LOOKED_AT: u64 = 1 << 20;

/// What a file is, if it is not lines.
#[derive(Debug, PartialEq, Eq)]
enum Document {
    Array,
    Pretty,
}

/// **Errors**: `Input`, if the file is one JSON array or pretty-printed.
pub(crate) fn refuse(file: &InputFile) -> Result<()> {
    let mut start = Vec::new();
    input::open(file, 0..LOOKED_AT)?
        .take(LOOKED_AT)
        .read_to_end(&mut start)
        .map_err(|error| input::failure(error, file))?;
    let cut = start.len() as u64 == LOOKED_AT;
    let (what, filter) = match recognise(&start, cut) {
        None => return Ok(()),
        Some(Document::Array) => ("is one JSON array", ".[]"),
        Some(Document::Pretty) => ("holds JSON printed over several lines", "."),
    };
    let shown = &file.shown;
    let read = match file.compression {
        _ if file.object.is_some() => format!("aws s3 cp '{shown}' copy, then of that: jq -c '{filter}'"),
        Compression::None => format!("jq -c '{filter}' '{shown}'"),
        Compression::Gzip => format!("zcat '{shown}' | jq -c '{filter}'"),
        Compression::Zstd => format!("zstdcat '{shown}' | jq -c '{filter}'"),
    };
    Err(Error::input(format!("`{shown}` {what}, and not one object per line"))
        .with_hint(format!("convert it: {read} > lines.out, and put that in its place")))
}

fn recognise(start: &[u8], cut: bool) -> Option<Document> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let first = Value::at(start, cut)?;
    let rest = start[first.end..].trim_ascii_start();
    if first.over_lines {
        // Lines that follow tell a file of lines, the first of which was broken by a newline.
        let printed_so = rest.is_empty() || Value::at(rest, cut).is_some_and(|second| second.over_lines);
        return match first.kind {
            Kind::Array if printed_so => Some(Document::Array),
            Kind::Object if printed_so => Some(Document::Pretty),
            _ => None,
        };
    }
    // On one line it is a document only if it is all there is.
    let is_all = first.kind == Kind::Array && rest.is_empty() && first.holds_objects;
    is_all.then_some(Document::Array)
}

/// The value that a text starts with, newlines being spaces.
struct Value {
    kind: Kind,
    /// Behind its last byte, or behind what was looked at.
    end: usize,
    over_lines: bool,
    holds_objects: bool,
}

impl Value {
    /// `None` where there is no whole value, unless only because the text was `cut`.
    fn at(text: &[u8], cut: bool) -> Option<Self> {
        let mut tape = Tape::default();
        let fault = tape.parse(text, super::Settings::default().max_depth).err();
        let root = tape.get(ROOT)?;
        // Until it is closed, its end is its start.
        let closed = root.end > root.start;
        let cut = cut && fault.is_some_and(|fault| fault.at >= text.trim_ascii_end().len());
        if !closed && !cut {
            return None;
        }
        let end = if closed { root.end as usize } else { text.len() };
        let over_lines = memchr::memchr(b'\n', &text[..end]).is_some();
        let holds_objects = tape.get(ROOT + 1).is_some_and(|first| first.kind == Kind::Object);
        Some(Self { kind: root.kind, end, over_lines, holds_objects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, expected: Option<Document>) {
        let cut = start.len() as u64 == LOOKED_AT;
        assert_eq!(recognise(start.as_bytes(), cut), expected, "{start}");
    }

    #[test]
    fn documents_are_told_from_lines() {
        check("[\n{\"a\":1},\n{\"a\":2}\n]\n", Some(Document::Array));
        check(r#"[{"a":1},{"a":2}]"#, Some(Document::Array));
        check("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", Some(Document::Pretty));
        check(&format!("[{}", "{\"a\":1},".repeat(200_000).get(..(1 << 20) - 1).unwrap()), Some(Document::Array));
        check("{\"a\":1,\n\"b\":2}\n", Some(Document::Pretty));
        check("{\"a\":1,\n\"b\":2}\n{\"a\":1}\n{\"a\":1}\n", None);
        // Of what goes on behind the part that was looked at.
        check(&format!("{{\"a\":[\n{}", "1,".repeat(1 << 20).get(..(1 << 20) - 7).unwrap()), Some(Document::Pretty));
        check(&format!("{{\"a\":[{}", "1,".repeat(1 << 20).get(..(1 << 20) - 6).unwrap()), None);
        check(&format!("[{}", "1,".repeat(1 << 20).get(..(1 << 20) - 1).unwrap()), None);
        check(&format!("[\n{}", "1,".repeat(1 << 20).get(..(1 << 20) - 2).unwrap()), Some(Document::Array));
        check("[1,\n2]\n[3,\n4]\n", Some(Document::Array));
        check("[1,\n2]\n{\"a\":1}\n", None);
        check("[\n\n]\nx", None);
        check("", None);
        check("[1]\n", None);
        check("[1]\n{\"a\":1}\n", None);
        check("[{\"a\":1}]\n{\"a\":1}\n", None);
        check("{\"a\":1\n{\"a\":2}\n", None);
        check("{\"a\":\n{\"a\":2}\n", None);
        check("{\"a\n\":1}\n", None);
        check("not json\n{\"a\":2}\n", None);
    }
}
