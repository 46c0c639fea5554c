//! A line along the turns that were learned: the hot path of every scan.

use super::super::class::Class;
use super::super::rows::Span;
use super::super::tape::{Kind, Node};
use super::turn::{Brace, Turn};
use super::value::Value;
use super::{Check, END, Empty, Key, ROOT, Shapes, Text, UNWANTED};

impl Shapes {
    /// Goes over the line that starts at `start`, and puts what is wanted of it into `row`, whose spans are absent
    /// before. Where the next line starts; `None` if the careful reader has to look, then `row` may hold anything.
    pub(crate) fn walk(&mut self, text: Text<'_>, start: usize, row: &mut [Span]) -> Option<usize> {
        self.start_line();
        let (mut from, mut at) = (ROOT, start);
        loop {
            let turn = self.keys[from as usize].turn(text.bytes, at)?;
            let (to, behind) = (turn.to, at + turn.len());
            if turn.has_braces {
                self.braces(from, at, row)?;
            }
            if to == END {
                self.end_line(behind - start)?;
                return Some(behind);
            }
            at = self.value(text, behind, to, row)?;
            from = to;
        }
    }

    fn start_line(&mut self) {
        if self.line == u32::MAX {
            self.keys.iter_mut().for_each(|key| key.stamp = 0);
            self.line = 0;
        }
        self.line += 1;
        self.empty.clear();
    }

    /// `length` counts the newline.
    fn end_line(&mut self, length: usize) -> Option<()> {
        if length - 1 > self.max_line_bytes {
            return None;
        }
        for empty in &self.empty {
            match *empty {
                Empty::Value(key) => self.names[key as usize].empties += 1,
                Empty::Item(key) => self.names[key as usize].empty_items += 1,
            }
        }
        Some(())
    }

    /// Objects that open and close on the turn that was taken last.
    fn braces(&mut self, from: u32, at: usize, row: &mut [Span]) -> Option<()> {
        let number = usize::from(self.keys[from as usize].last);
        // Taken out for a moment, for other keys are touched.
        let braces = std::mem::take(&mut self.keys[from as usize].turns[number].braces);
        let met = braces.iter().try_for_each(|brace| self.brace(*brace, at, row));
        self.keys[from as usize].turns[number].braces = braces;
        met
    }

    fn brace(&mut self, brace: Brace, at: usize, row: &mut [Span]) -> Option<()> {
        let place = (at + brace.at as usize) as u32;
        let key = &mut self.keys[brace.key as usize];
        if brace.opens {
            key.meet(self.line)?;
        }
        if key.wanted != UNWANTED {
            let span = &mut row[key.wanted as usize];
            *span = Span { start: if brace.opens { place } else { span.start }, end: place, kind: Kind::Object };
        }
        Some(())
    }

    /// The value of `key` at `at`; where it ends.
    #[inline]
    fn value(&mut self, text: Text<'_>, at: usize, to: u32, row: &mut [Span]) -> Option<usize> {
        let key = &mut self.keys[to as usize];
        key.meet(self.line)?;
        let value = match text.bytes.get(at)? {
            b'[' => {
                let end = array(key, text, at, self.empty_as_null, || self.empty.push(Empty::Item(to)))?;
                Value { end, kind: Kind::Array, class: Class::ARRAY | Class::PRESENT }
            }
            _ => text.value(at)?,
        };
        if !value.class.within(key.known) || !key.check.allows(value, text.bytes, at, self.empty_as_null) {
            return None;
        }
        if value.class.has(Class::EMPTY) {
            self.empty.push(Empty::Value(to));
        }
        if key.wanted != UNWANTED {
            row[key.wanted as usize] = Span { start: at as u32, end: value.end as u32, kind: value.kind };
        }
        Some(value.end)
    }
}

/// The end of an array of simple values.
fn array(key: &Key, text: Text<'_>, start: usize, empty_as_null: bool, mut empty: impl FnMut()) -> Option<usize> {
    let mut at = start + 1;
    if text.bytes.get(at) == Some(&b']') {
        return Some(at + 1);
    }
    loop {
        let value = text.value(at)?;
        if !value.class.within(key.items) || !key.item_check.allows(value, text.bytes, at, empty_as_null) {
            return None;
        }
        if value.class.has(Class::EMPTY) {
            empty();
        }
        at = value.end;
        match text.bytes.get(at)? {
            b']' => return Some(at + 1),
            b',' => at += 1 + usize::from(text.bytes.get(at + 1) == Some(&b' ')),
            _ => return None,
        }
    }
}

impl Key {
    /// The turn that the text takes.
    #[inline]
    fn turn(&mut self, text: &[u8], at: usize) -> Option<&Turn> {
        let mut taken = usize::from(self.last);
        if !self.turns.get(taken)?.fits(text, at) {
            taken = self.turns.iter().position(|turn| turn.fits(text, at))?;
            self.last = taken as u16;
        }
        Some(&self.turns[taken])
    }

    /// A key that comes twice in one line is the careful reader's matter.
    #[inline]
    fn meet(&mut self, line: u32) -> Option<()> {
        if self.stamp == line {
            return None;
        }
        self.stamp = line;
        Some(())
    }
}

impl Check {
    #[inline]
    fn allows(&self, value: Value, text: &[u8], at: usize, empty_as_null: bool) -> bool {
        match self {
            Self::Anything => true,
            Self::Array => matches!(value.kind, Kind::Array | Kind::Null),
            Self::Object => matches!(value.kind, Kind::Object | Kind::Null),
            Self::Scalar(reading) => {
                reading.surely_fits(value.kind, value.class, value.end - at) || {
                    let node = Node { kind: value.kind, start: at as u32, end: value.end as u32, next: 0 };
                    reading.scalar(node, text, empty_as_null).is_ok()
                }
            }
        }
    }
}
