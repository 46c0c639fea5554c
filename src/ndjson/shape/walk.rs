//! One line by itself, each of its keys looked up: for lines that no turns lead through, and where they are few.
//!
//! A line is accepted if each value is of a class that is known at its key. So nothing around a value is new either: it stood around
//! one that was accepted before. It knows nothing of other lines.

use super::super::rows::{Rows, Span};
use super::super::tape::Kind;
use super::super::text;
use super::due::Due;
use super::lanes::number;
use super::names;
use super::turn::Turn;
use super::value::Value;
use super::{Check, ROOT, Shapes, Text, UNWANTED};

/// Bytes that a short name stands in, with its quotes, a colon, a space and the first byte of its value.
const AHEAD: usize = 32;

const _: () = assert!(names::SHORT + 5 <= AHEAD);

/// The objects and arrays that are open around the one whose values are under way. Room that is used again.
#[derive(Debug, Default)]
pub(super) struct Walk {
    around: Vec<Open>,
    /// How many objects were opened so far.
    opened: u64,
}

/// An object or array that is open.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// The key whose value it is.
    key: u32,
    start: u32,
    /// Of an object its number; of an array zero.
    object: u64,
}

impl Open {
    fn kind(self) -> Kind {
        if self.object > 0 { Kind::Object } else { Kind::Array }
    }
}

impl Shapes {
    /// Goes over one line; where it stands behind its newline, or `None` if the careful reader has to look at it.
    pub(super) fn walk(
        &self,
        text: Text<'_>,
        row: u32,
        walk: &mut Walk,
        rows: &mut Rows,
        empty: &mut Vec<(u32, u32)>,
    ) -> Option<u32> {
        walk.around.clear();
        let mut at = text.behind_spaces(rows.starts()[row as usize] as usize);
        let mut open = opens(self.due(text, ROOT), at, walk)?;
        at = text.behind_spaces(at + 1);
        loop {
            let key = match open.object {
                0 => self.keys[open.key as usize].item?,
                object => {
                    let (key, behind) = self.key_at(text, at, open.key)?;
                    at = behind;
                    // A key that comes twice in one object is the careful reader's matter.
                    (self.keys[key as usize].met.replace(object) != object).then_some(key)?
                }
            };
            let first = text.at(at);
            let end = if matches!(first, b'{' | b'[') {
                if let Some(inner) = opens(self.due(text, key), at, walk) {
                    walk.around.push(std::mem::replace(&mut open, inner));
                    at = text.behind_spaces(at + 1);
                    continue;
                }
                self.due(text, key).value(at, row, rows, empty)?
            } else {
                let mut value = match first {
                    b'"' => text.string(at),
                    b'-' | b'0'..=b'9' => number(text.bytes, at, self.keys[key as usize].known),
                    _ => Value::NONE,
                };
                if value.is_none() {
                    value = text.any(at);
                }
                self.due(text, key).take(value, at, row, rows, empty)?
            };
            at = text.behind_spaces(end as usize);
            while text.at(at) != b',' {
                self.close(text, open, at, row, rows)?;
                at = text.behind_spaces(at + 1);
                let Some(outer) = walk.around.pop() else {
                    return (text.at(at) == b'\n').then_some(at as u32 + 1);
                };
                open = outer;
            }
            at = text.behind_spaces(at + 1);
        }
    }

    /// The key whose name stands at `at` in an object of `parent`, and where its value begins.
    #[inline(always)]
    fn key_at(&self, text: Text<'_>, at: usize, parent: u32) -> Option<(u32, usize)> {
        if text.at(at) != b'"' {
            return None;
        }
        let stop = text.marks.stops().first(at + 1);
        let length = stop - at - 1;
        if length <= names::SHORT
            && !text.marks.have_escape(at + 1, stop)
            && let Some(ahead) = text.bytes.get(at..at + AHEAD).and_then(|ahead| ahead.first_chunk::<AHEAD>())
        {
            let space = usize::from(ahead[length + 3] == b' ');
            if ahead[length + 1] == b'"' && ahead[length + 2] == b':' && ahead[length + 3 + space] > b' ' {
                let window = ahead[1..].first_chunk().expect("a short name is ahead");
                return Some((self.names.find_short(parent, window, length)?, stop + 2 + space));
            }
        }
        self.any_key_at(text, at, parent)
    }

    /// The same for any name, and any spaces behind it.
    #[inline(never)]
    fn any_key_at(&self, text: Text<'_>, at: usize, parent: u32) -> Option<(u32, usize)> {
        let (name, behind) = text.key(at)?;
        Some((self.names.find(parent, text::string(name, text.bytes).as_bytes())?, behind))
    }

    /// What was open ends with the byte at `at`, if that is one that it can end with.
    fn close(&self, text: Text<'_>, open: Open, at: usize, row: u32, rows: &mut Rows) -> Option<()> {
        if text.at(at) != if open.object > 0 { b'}' } else { b']' } {
            return None;
        }
        let wanted = self.keys[open.key as usize].wanted;
        if wanted != UNWANTED {
            let span = Span { start: open.start, end: at as u32 + 1, kind: open.kind() };
            rows.column_mut(wanted)[row as usize] = span;
        }
        Some(())
    }
}

/// An object or array at `at` whose values are looked at one by one, if one begins there.
#[inline(never)]
fn opens(due: Due<'_>, at: usize, walk: &mut Walk) -> Option<Open> {
    if !Turn::is_deep(due.text.bytes, at) {
        return None;
    }
    let object = match (due.text.at(at), &due.key.check) {
        (b'{', Check::Anything | Check::Object) => {
            walk.opened += 1;
            walk.opened
        }
        (b'[', Check::Anything | Check::Array) => 0,
        _ => return None,
    };
    Some(Open { key: due.number, start: at as u32, object })
}
