//! A column of booleans on its way into an array.
//!
//! It knows nothing of where they stand: it is given their kinds.

use arrow::array::{BooleanArray, BooleanBufferBuilder, NullBufferBuilder};

use super::rows::Span;
use super::tape::Kind;

/// Booleans, put in place 64 at a time.
pub(super) struct Bits {
    values: BooleanBufferBuilder,
    valid: NullBufferBuilder,
}

impl Default for Bits {
    fn default() -> Self {
        Self { values: BooleanBufferBuilder::new(0), valid: NullBufferBuilder::new(0) }
    }
}

impl Bits {
    /// Appends values up to the first that is no boolean, which is returned; counts those that were appended.
    pub(super) fn append_usual(&mut self, mut spans: impl Iterator<Item = Span>, count: &mut usize) -> Option<Span> {
        loop {
            let (mut word, mut length) = (0, 0);
            let other = loop {
                match spans.next() {
                    Some(Span { kind: kind @ (Kind::True | Kind::False), .. }) => {
                        word |= u64::from(kind == Kind::True) << length;
                        length += 1;
                    }
                    other => break other,
                }
                if length == 64 {
                    break None;
                }
            };
            self.append_word(word, length);
            *count += length;
            if length < 64 {
                return other;
            }
        }
    }

    /// Appends so many values, the first of which is the lowest bit.
    pub(super) fn append_word(&mut self, word: u64, length: usize) {
        self.values.append_word(word, length);
        self.valid.append_n_non_nulls(length);
    }

    /// Appends NULL.
    pub(super) fn append_null(&mut self) {
        self.values.append(false);
        self.valid.append_null();
    }

    /// The values so far; begins anew.
    pub(super) fn finish(&mut self) -> BooleanArray {
        BooleanArray::new(self.values.finish(), self.valid.finish())
    }
}
