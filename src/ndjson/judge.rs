//! Whether a line is a row: the one judgement that survey, scan and the table of rejects share.
//!
//! It does not depend on which columns are read: declared columns are checked in every line. It knows nothing of
//! inferred types, which by their making hold every value.

use std::sync::Arc;

use super::Settings;
use super::declared::Declared;
use super::framing::Line;
use super::layout::Reading;
use super::object::Slots;
use super::reject::{Fault, Reason};
use super::tape::{Kind, Node, ROOT, Tape};
use super::text;

/// What a line is.
pub(crate) enum Verdict {
    /// Only spaces.
    Blank,
    /// A row; its values stand in the judge's tape.
    Row,
    /// Not accepted.
    Reject(Fault),
}

/// Judges lines by the settings of a source.
pub(crate) struct Judge {
    settings: Arc<Settings>,
    keys: Slots,
    tape: Tape,
    /// The values of time columns, by their number, of the last line that was a row.
    times: Vec<(usize, Node)>,
}

impl Judge {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let keys = Slots::of(settings.declared.iter().map(|(name, _)| name.as_str()));
        Self { settings, keys, tape: Tape::default(), times: Vec::new() }
    }

    /// The values of the last line that was a row.
    pub(crate) fn tape(&self) -> &Tape {
        &self.tape
    }

    /// The values of its time columns, those that it has.
    pub(crate) fn times(&self) -> &[(usize, Node)] {
        &self.times
    }

    pub(crate) fn judge(&mut self, line: &Line<'_>) -> Verdict {
        if line.is_blank() {
            return Verdict::Blank;
        }
        match self.accept(line) {
            Ok(()) => Verdict::Row,
            Err(fault) => Verdict::Reject(fault),
        }
    }

    fn accept(&mut self, line: &Line<'_>) -> Result<(), Fault> {
        if line.too_long {
            let detail = format!("the line is longer than max_line_bytes = {}", self.settings.max_line_bytes);
            return Err(Fault::new(Reason::TooLong, 0, detail));
        }
        check_utf8(line)?;
        self.tape.parse(line.bytes, self.settings.max_depth).map_err(|fault| truncation(fault, line))?;
        self.check_declared(line.bytes)
    }

    fn check_declared(&mut self, line: &[u8]) -> Result<(), Fault> {
        if self.settings.declared.is_empty() {
            return Ok(());
        }
        // Keys that are not declared get slots too, behind those that are: then the next line's are expected. Not so
        // where keys are data: each line would cost as much as all lines have keys.
        let values = match self.keys.len() <= self.settings.max_columns {
            true => self.keys.assign_growing(ROOT, line, &self.tape),
            false => self.keys.assign(ROOT, line, &self.tape),
        };
        let row = Row { line, tape: &self.tape, empty_as_null: self.settings.empty_as_null };
        let mut declared = self.settings.declared.iter().enumerate();
        let checked = declared.try_for_each(|(slot, (name, declared))| {
            values.get(slot).map_or(Ok(()), |value| row.check(value, declared, name))
        });
        let times = self.settings.times().map(|(slot, _)| values.get(slot)).enumerate();
        self.times.clear();
        self.times.extend(times.filter_map(|(column, value)| Some((column, self.tape.node(value?)))));
        self.keys.give_back(values);
        checked
    }
}

struct Row<'a> {
    line: &'a [u8],
    tape: &'a Tape,
    empty_as_null: bool,
}

impl Row<'_> {
    /// Recurses into declared structs and lists, whose depth the project file's parser bounds.
    fn check(&self, value: u32, declared: &Declared, path: &str) -> Result<(), Fault> {
        let node = self.tape.node(value);
        match (declared, node.kind) {
            (Declared::Varchar | Declared::Json, _) | (Declared::Struct(_) | Declared::List(_), Kind::Null) => Ok(()),
            (Declared::List(item), Kind::Array) => {
                self.tape.children(value).try_for_each(|element| self.check(element, item, &format!("{path}[]")))
            }
            (Declared::Struct(fields), Kind::Object) => fields.iter().try_for_each(|(name, declared)| {
                let keys = self.tape.children(value);
                let last = keys.filter(|key| text::string(self.tape.node(*key), self.line) == name.as_str()).last();
                last.map_or(Ok(()), |key| self.check(key + 1, declared, &format!("{path}.{name}")))
            }),
            (Declared::Struct(_) | Declared::List(_), _) => {
                let shape = if matches!(declared, Declared::List(_)) { "an array" } else { "an object" };
                self.misfit(node, path, &format!("the declared type asks for {shape}"))
            }
            (scalar, _) => Reading::of_declared(scalar)
                .scalar(node, self.line, self.empty_as_null)
                .map(|_| ())
                .or_else(|why| self.misfit(node, path, &why)),
        }
    }

    fn misfit(&self, node: Node, path: &str, why: &str) -> Result<(), Fault> {
        Err(Fault::new(Reason::Type, node.start as usize, format!("`{path}`: {why}")))
    }
}

fn check_utf8(line: &Line<'_>) -> Result<(), Fault> {
    let Err(error) = simdutf8::compat::from_utf8(line.bytes) else { return Ok(()) };
    let at = error.valid_up_to();
    let reason = match error.error_len() {
        // The file ends inside a character.
        None if !line.terminated => Reason::Truncated,
        _ => Reason::Utf8,
    };
    Err(Fault::new(reason, at, format!("byte 0x{:02x} is not UTF-8 here", line.bytes[at])))
}

/// A fault at the very end of a line that no newline ends is a line that was cut off.
fn truncation(fault: Fault, line: &Line<'_>) -> Fault {
    if fault.reason == Reason::Syntax && !line.terminated && fault.at >= line.bytes.len() {
        return Fault { reason: Reason::Truncated, ..fault };
    }
    fault
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    fn judge_of(columns: &[(&str, &str)]) -> Judge {
        let declared = columns.iter().map(|(name, toml)| {
            let document: toml::Table = toml::from_str(&format!("c = {toml}")).unwrap();
            ((*name).to_owned(), Declared::deserialize(document["c"].clone()).unwrap())
        });
        Judge::new(Arc::new(Settings { declared: declared.collect(), max_depth: 3, ..Settings::default() }))
    }

    /// `Ok(true)` is a row, `Ok(false)` blank; a reject has its reason and place.
    fn fate(judge: &mut Judge, bytes: &[u8], terminated: bool) -> Result<bool, (Reason, usize)> {
        match judge.judge(&Line { offset: 0, bytes, terminated, too_long: false }) {
            Verdict::Row => Ok(true),
            Verdict::Blank => Ok(false),
            Verdict::Reject(fault) => Err((fault.reason, fault.at)),
        }
    }

    fn check(line: &[u8], terminated: bool, expected: Result<bool, (Reason, usize)>) {
        assert_eq!(fate(&mut judge_of(&[]), line, terminated), expected, "{}", line.escape_ascii());
    }

    #[test]
    fn a_line_is_a_row_blank_or_rejected_for_one_reason() {
        check(br#"{"a":1}"#, false, Ok(true));
        check(b" \t\r", true, Ok(false));
        check(b"", true, Ok(false));
        check(b"\x0c", true, Err((Reason::Syntax, 0)));
        check(b"[1]", true, Err((Reason::NotObject, 0)));
        check(br#"{"a":[[[1]]]}"#, true, Err((Reason::Depth, 7)));
        check(br#"{"a":"\udfff"}"#, true, Err((Reason::Surrogate, 6)));
        check(b"{'a':\xff", true, Err((Reason::Utf8, 5)));
        let long = Line { offset: 0, bytes: b"{}", terminated: true, too_long: true };
        let Verdict::Reject(fault) = judge_of(&[]).judge(&long) else { panic!("accepted") };
        assert_eq!(fault.reason, Reason::TooLong);
    }

    #[test]
    fn only_what_stops_at_the_end_of_the_file_is_truncated() {
        check(br#"{"a":"#, false, Err((Reason::Truncated, 5)));
        check(br#"{"a":"#, true, Err((Reason::Syntax, 5)));
        check(b"{\"a\":\"\xc3", false, Err((Reason::Truncated, 6)));
        check(b"{\"a\":\"\xc3", true, Err((Reason::Utf8, 6)));
        check(b"{\"a\":\"\xff", false, Err((Reason::Utf8, 6)));
        check(br#"{"a":1}x"#, false, Err((Reason::Syntax, 7)));
    }

    #[test]
    fn declared_columns_are_checked_all_the_way_down() {
        let columns = [("n", "'bigint'"), ("s", "{ fields = { t = ['date'], j = 'json' } }")];
        let check =
            |line: &str, expected| assert_eq!(fate(&mut judge_of(&columns), line.as_bytes(), true), expected, "{line}");
        check(r#"{"n":1,"s":{"t":["2024-01-01",null,""],"x":1,"j":[1]}}"#, Ok(true));
        check(r#"{"n":null,"s":null}"#, Ok(true));
        check(r#"{"x":"n"}"#, Ok(true));
        check(r#"{"n":true}"#, Err((Reason::Type, 5)));
        check(r#"{"s":[]}"#, Err((Reason::Type, 5)));
        check(r#"{"s":{"t":{}}}"#, Err((Reason::Type, 10)));
        check(r#"{"s":{"t":["2024-01-01","x"]}}"#, Err((Reason::Type, 24)));
        check(r#"{"s":{"t":["x"],"t":[]}}"#, Ok(true));
        check(r#"{"s":{"t":[],"\u0074":["x"]}}"#, Err((Reason::Type, 23)));
        check(r#"{"n":1,"n":"x"}"#, Err((Reason::Type, 11)));
    }

    #[test]
    fn keys_that_are_data_are_not_kept() {
        let mut judge = judge_of(&[("n", "'bigint'")]);
        Arc::make_mut(&mut judge.settings).max_columns = 10;
        for key in 0..100 {
            assert_eq!(fate(&mut judge, format!("{{\"k{key}\":1,\"n\":{key}}}").as_bytes(), true), Ok(true));
        }
        assert!(judge.keys.len() <= 12, "{}", judge.keys.len());
        assert_eq!(fate(&mut judge, br#"{"z":1,"n":"x"}"#, true), Err((Reason::Type, 11)));
    }
}
