//! Files that are JSON, but not JSON lines: one array, or objects printed over several lines.
//!
//! Every line of such a file would be rejected, which says nothing; this says what the file is and how to convert it.
//! It is asked only when a file's first line is no row, and it decides nothing about lines.

use std::io::Read;

use super::input;
use super::listing::InputFile;
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
    input::open(file, 0)?.take(LOOKED_AT).read_to_end(&mut start).map_err(|error| input::failure(error, file))?;
    let (what, filter) = match recognise(&start) {
        None => return Ok(()),
        Some(Document::Array) => ("is one JSON array", ".[]"),
        Some(Document::Pretty) => ("holds JSON printed over several lines", "."),
    };
    let shown = &file.shown;
    Err(Error::input(format!("`{shown}` {what}, and not one object per line"))
        .with_hint(format!("convert it: jq -c '{filter}' {shown} > lines.out, and put that in its place")))
}

fn recognise(start: &[u8]) -> Option<Document> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii();
    let mut tape = Tape::default();
    // A valid array fails too, but not for its grammar.
    let fault = tape.parse(start, super::Settings::default().max_depth).err();
    let first_line = memchr::memchr(b'\n', start).unwrap_or(start.len());
    let cut = start.len() as u64 >= LOOKED_AT - 1 && fault.as_ref().is_some_and(|fault| fault.at >= start.len());
    let over_lines = match tape.root()? {
        _ if cut => true,
        root => root.end as usize > first_line,
    };
    let whole = tape.root()?.end as usize == start.len();
    match tape.root()?.kind {
        Kind::Array
            if over_lines || (whole && tape.node(ROOT).next > 1 && tape.node(ROOT + 1).kind == Kind::Object) =>
        {
            Some(Document::Array)
        }
        Kind::Object if over_lines && first_line < start.len() => Some(Document::Pretty),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(start: &str, expected: Option<Document>) {
        assert_eq!(recognise(start.as_bytes()), expected, "{start}");
    }

    #[test]
    fn documents_are_told_from_lines() {
        check("[\n{\"a\":1},\n{\"a\":2}\n]\n", Some(Document::Array));
        check(r#"[{"a":1},{"a":2}]"#, Some(Document::Array));
        check("{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", Some(Document::Pretty));
        check(&format!("[{}", "{\"a\":1},".repeat(200_000).get(..(1 << 20) - 1).unwrap()), Some(Document::Array));
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
