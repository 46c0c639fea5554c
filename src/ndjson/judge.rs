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
}

impl Judge {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let keys = Slots::of(settings.declared.iter().map(|(name, _)| name.as_str()));
        Self { settings, keys, tape: Tape::default() }
    }

    /// The values of the last line that was a row.
    pub(crate) fn tape(&self) -> &Tape {
        &self.tape
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
        // Keys that are not declared get slots too, behind those that are: then the next line's are expected.
        let values = self.keys.assign_growing(ROOT, line, &self.tape);
        let row = Row { line, tape: &self.tape, empty_as_null: self.settings.empty_as_null };
        let mut declared = self.settings.declared.iter().enumerate();
        let checked = declared.try_for_each(|(slot, (name, declared))| {
            values.get(slot).map_or(Ok(()), |value| row.check(value, declared, name))
        });
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
