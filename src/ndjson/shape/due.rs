//! The value of one key of one line, where turns or a look-up have led to it.
//!
//! It knows nothing of how the line came there.

use super::super::class::Class;
use super::super::rows::{Rows, Span};
use super::super::tape::Kind;
use super::value::Value;
use super::{Check, Key, Shapes, Text, UNWANTED};

/// A key whose value is due.
#[derive(Clone, Copy)]
pub(super) struct Due<'a> {
    shapes: &'a Shapes,
    pub(super) text: Text<'a>,
    pub(super) number: u32,
    pub(super) key: &'a Key,
}

impl Shapes {
    #[inline(always)]
    pub(super) fn due<'a>(&'a self, text: Text<'a>, number: u32) -> Due<'a> {
        Due { shapes: self, text, number, key: &self.keys[number as usize] }
    }
}

impl<'a> Due<'a> {
    /// The key of the elements of its arrays.
    pub(super) fn items(self) -> Option<Due<'a>> {
        Some(self.shapes.due(self.text, self.key.item?))
    }

    /// The end of the value at `start`; `None` where the careful reader has to look. Of objects and arrays only those into which
    /// no turn leads.
    pub(super) fn value(self, start: usize, row: u32, rows: &mut Rows, empty: &mut Vec<(u32, u32)>) -> Option<u32> {
        let value = match (self.text.at(start), &self.key.check) {
            (b'{' | b'[', Check::Opaque(levels)) => self.text.whole(start, *levels),
            (b'[', _) => self.array(start, row, rows, empty),
            _ => return self.simple(start, row, rows, empty),
        };
        self.take(value, start, row, rows, empty)
    }

    /// The same for a value that is none of both, or `{}`.
    #[inline(always)]
    pub(super) fn simple(self, start: usize, row: u32, rows: &mut Rows, empty: &mut Vec<(u32, u32)>) -> Option<u32> {
        self.take(self.text.value(start), start, row, rows, empty)
    }

    /// Takes a value if it is one of those known here.
    #[inline(always)]
    pub(super) fn take(
        self,
        value: Value,
        start: usize,
        row: u32,
        rows: &mut Rows,
        empty: &mut Vec<(u32, u32)>,
    ) -> Option<u32> {
        let is_known = !value.is_none() && value.class().within(self.key.known);
        if !is_known || !self.allows(value, start) {
            return None;
        }
        if value.class().has(Class::EMPTY) {
            empty.push((row, self.number));
        }
        if self.key.wanted != UNWANTED {
            let span = Span { start: start as u32, end: value.end as u32, kind: value.kind() };
            rows.column_mut(self.key.wanted)[row as usize] = span;
        }
        Some(value.end as u32)
    }

    /// Whether the value at `at` is one of the declared type; if it is a time, it counts for its bounds.
    #[inline(always)]
    pub(super) fn allows(self, value: Value, at: usize) -> bool {
        self.key.check.asks_nothing() || self.allows_declared(value, at)
    }

    #[inline(never)]
    fn allows_declared(self, value: Value, at: usize) -> bool {
        let (Check::Scalar(reading), Some(bounds)) = (&self.key.check, &self.key.bounds) else {
            return self.key.check.allows(value, self.text.bytes, at, self.shapes.empty_as_null);
        };
        let mut taken = bounds.get();
        let is_one = taken.take(reading, value.node(at), self.text.bytes, self.shapes.empty_as_null);
        bounds.set(taken);
        is_one
    }

    /// An array of simple values.
    fn array(self, start: usize, row: u32, rows: &mut Rows, empty: &mut Vec<(u32, u32)>) -> Value {
        let text = self.text;
        let mut at = start + 1;
        if text.bytes.get(at) == Some(&b']') {
            return Value::new(at + 1, Kind::Array, Class::ARRAY);
        }
        let Some(item) = self.items() else { return Value::NONE };
        loop {
            let Some(end) = item.simple(at, row, rows, empty) else { return Value::NONE };
            at = end as usize;
            match text.bytes.get(at) {
                Some(b']') => return Value::new(at + 1, Kind::Array, Class::ARRAY),
                Some(b',') => at += 1 + usize::from(text.bytes.get(at + 1) == Some(&b' ')),
                _ => return Value::NONE,
            }
        }
    }
}

impl Check {
    fn allows(&self, value: Value, text: &[u8], at: usize, empty_as_null: bool) -> bool {
        match self {
            Self::Anything | Self::Opaque(_) => true,
            Self::Array => matches!(value.kind(), Kind::Array | Kind::Null),
            Self::Object => matches!(value.kind(), Kind::Object | Kind::Null),
            Self::Scalar(reading) => {
                reading.surely_fits(value.kind(), value.class(), &text[at..value.end]) || {
                    reading.scalar(value.node(at), text, empty_as_null).is_ok()
                }
            }
        }
    }
}
