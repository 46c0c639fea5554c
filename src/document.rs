//! Texts that a person wrote and that are read whole: saved queries, the project file. How they are read, and how a
//! fault in one becomes an error that shows its place.
//!
//! It knows no setting by name.

use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Excerpt, Result};
use crate::suggest;

/// Nobody writes a larger text by hand; an event file given in place of a query is refused and not held in memory.
const MAX_BYTES: u64 = 16 << 20;

/// The text of the file at `path`, without a leading UTF-8 byte order mark.
///
/// **Errors**: [`Error::Request`] if it is missing, too large or not UTF-8: the person named the file or wrote it.
pub fn read(path: &Path) -> Result<String> {
    let shown = path.display();
    let unreadable = |source| Error::request(format!("cannot read `{shown}`")).with_source(source);
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes)).map_err(unreadable)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Error::request(format!("`{shown}` is larger than {} MiB", MAX_BYTES >> 20))
            .with_hint("is it an event file? those are named as the `path` of a source"));
    }
    let text = String::from_utf8(bytes).map_err(|error| not_utf8(path, &error))?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

fn not_utf8(path: &Path, error: &std::string::FromUtf8Error) -> Error {
    let at = error.utf8_error().valid_up_to();
    let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count();
    let byte = error.as_bytes()[at];
    Error::request(format!("`{}` is not UTF-8: byte {at}, in line {line}, is 0x{byte:02x}", path.display()))
        .with_hint("save it as UTF-8; every other encoding of a text is a guess")
}

/// A fault at the bytes `span` of `text`, which the file `name` holds from its first line on.
///
/// A `message` of two lines, as [`for_serde`] makes it, is taken apart into message and hint. serde's messages
/// about a name that it does not know become ours, with a suggestion.
pub fn fault(name: &str, text: &str, span: Range<usize>, message: &str) -> Error {
    let (message, hint) = match (unknown_name(message), message.split_once('\n')) {
        (Some(unknown), _) => unknown,
        (None, Some((message, hint))) => (message.to_owned(), Some(hint.to_owned())),
        (None, None) => (message.to_owned(), None),
    };
    let error = Error::request(format!("`{name}`: {message}")).with_excerpt(Excerpt {
        name: name.to_owned(),
        text: text.to_owned(),
        first_line: 1,
        first_column: 0,
        span,
        label: String::new(),
    });
    error.with_hint_if(hint)
}

/// Message and hint of `error` as one text for `serde::de::Error::custom`, whose errors hold no more than a text.
pub fn for_serde(error: &Error) -> String {
    let hint = error.problem().and_then(|problem| problem.hint.as_deref());
    // The first line break is the border between the two.
    let message = error.chain().replace('\n', " ");
    hint.map_or_else(|| message.clone(), |hint| format!("{message}\n{hint}"))
}

/// Message and hint for serde's "unknown field" and "unknown variant": it offers no other way to learn the name and
/// its candidates. Any other message, or these two worded anew, is left as it is.
fn unknown_name(message: &str) -> Option<(String, Option<String>)> {
    let (what, rest) = match message.strip_prefix("unknown field `") {
        Some(rest) => ("key", rest),
        None => ("value", message.strip_prefix("unknown variant `")?),
    };
    let (name, expected) = rest.rsplit_once("`, expected ")?;
    let candidates = expected.split('`').skip(1).step_by(2);
    Some((format!("unknown {what} `{name}`"), suggest::hint(&format!("{what}s"), name, candidates)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message_and_hint(text: &str) -> (String, String) {
        let error = fault("a.toml", "x = 1", 0..1, text);
        (error.to_string(), error.problem().unwrap().hint.clone().unwrap_or_default())
    }

    fn check(bytes: &[u8]) -> Result<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::io::Write::write_all(&mut file.as_file(), bytes).unwrap();
        read(file.path())
    }

    #[test]
    fn the_wording_of_serde_is_understood() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct One {
            #[serde(rename = "path")]
            _path: Option<String>,
        }
        let error = toml::from_str::<One>("pth = 1").unwrap_err();
        let expected = ("`a.toml`: unknown key `pth`".into(), "did you mean `path`?".into());
        assert_eq!(message_and_hint(error.message()), expected);
    }

    #[test]
    fn names_with_quotes_and_line_breaks_stay_whole() {
        let unknown = "unknown field `a`, expected \n`b`, expected one of `path`, `columns`";
        let expected = ("`a.toml`: unknown key `a`, expected \n`b`".into(), "keys are `path`, `columns`".into());
        assert_eq!(message_and_hint(unknown), expected);
        assert_eq!(message_and_hint("unknown field"), ("`a.toml`: unknown field".into(), String::new()));
    }

    #[test]
    fn hints_travel_through_serde() {
        let text = for_serde(&Error::request("it is\nwrong").with_hint("put it right"));
        assert_eq!(message_and_hint(&text), ("`a.toml`: it is wrong".into(), "put it right".into()));
    }

    #[test]
    fn a_byte_order_mark_is_no_text() {
        assert_eq!(check(b"\xef\xbb\xbfSELECT 1").unwrap(), "SELECT 1");
        assert_eq!(check(b"").unwrap(), "");
    }

    #[test]
    fn a_text_that_is_not_utf8_is_refused_with_its_place() {
        let error = check(b"SELECT\n 'caf\xe9'").unwrap_err();
        assert!(error.to_string().ends_with("is not UTF-8: byte 12, in line 2, is 0xe9"), "{error}");
        assert_eq!(error.kind(), "request");
    }

    #[test]
    fn a_missing_file_and_an_endless_one_are_refused() {
        assert!(
            read(Path::new("/no/such.sql")).unwrap_err().chain().starts_with("cannot read `/no/such.sql`: No such")
        );
        assert_eq!(read(Path::new("/dev/zero")).unwrap_err().to_string(), "`/dev/zero` is larger than 16 MiB");
    }
}
