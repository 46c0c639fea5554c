//! How the values are read that are most likely somewhere, one kind at a time: as far as the bytes ahead show it for sure.
//!
//! What is rare is left for a closer look. This is compiled into the loops, with them, for each processor; so it calls nothing
//! and is all jumps that are guessed right, or none. Walks use some of it, compiled for any processor. It knows nothing of lines.

use std::marker::PhantomData;

use arrow::datatypes::TimeUnit;

use super::super::super::super::bounds::Bounds;
use super::super::super::super::class::Class;
use super::super::super::super::instant;
use super::super::super::super::marks::Stops;
use super::super::super::super::tape::Kind;
use super::super::super::turn::MAX_TAIL;
use super::super::super::value::Value;

/// Bytes from where a line stands on that are looked at without asking whether the text has them: the turn's tail, a sign,
/// and the bytes in which a number has to end.
const AHEAD: usize = 96;

/// Bytes in which a number that is taken has to end, from its sign on.
pub(super) const WINDOW: usize = 32;

/// Digits that are taken before a point: what 64 bits hold for sure.
const DIGITS: usize = 18;

const _: () = assert!(MAX_TAIL + 1 + WINDOW < AHEAD && 1 + DIGITS < WINDOW && instant::QUICK == WINDOW);

/// The largest integer up to which doubles hold all of them, 2^53.
const EXACT: [u8; 16] = *b"9007199254740992";

/// The bytes that are looked at without asking, from `at` on; `None` near the text's end.
#[inline(always)]
pub(super) fn ahead(text: &[u8], at: usize) -> Option<&[u8; AHEAD]> {
    text.get(at..at + AHEAD).and_then(|ahead| ahead.first_chunk())
}

/// Finds where digits end.
pub(super) trait Digits: Copy {
    /// A bit for each byte that is no digit, the first one's lowest.
    fn others(window: &[u8; WINDOW]) -> u32;
}

/// How one kind of value is read.
pub(super) trait Values {
    /// The value that begins with what stands at `start` of the text, behind the turn, which is at `at` of the bytes
    /// ahead. Of its class only the kind counts: it is one of those that are known. A number is one that a double comes near, so
    /// that nothing but its kind need be known to take it for a double.
    fn read(&mut self, text: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value;
}

/// From behind the quote on. Whether they have escapes is told afterwards, where that is wanted.
pub(super) struct Strings<'a> {
    pub(super) stops: Stops<'a>,
}

impl Values for Strings<'_> {
    #[inline(always)]
    fn read(&mut self, text: &[u8], start: usize, _: &[u8; AHEAD], _: usize) -> Value {
        let stop = self.stops.first(start);
        let is_whole = text.get(stop) == Some(&b'"') && stop > start;
        if is_whole { Value::new(stop + 1, Kind::Plain, Class::STRING) } else { Value::NONE }
    }
}

/// From behind the quote on.
pub(super) struct Timestamps<'a> {
    pub(super) unit: TimeUnit,
    pub(super) taken: &'a mut Bounds,
}

impl Values for Timestamps<'_> {
    #[inline(always)]
    fn read(&mut self, _: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        let ahead = &ahead[at % (AHEAD - WINDOW)..];
        let length = instant::quick_length(ahead.first_chunk().expect("a window is ahead"), self.unit);
        if length == 0 {
            return Value::NONE;
        }
        self.taken.take_sure(instant::minute(*ahead.first_chunk().expect("a window is ahead")));
        Value::new(start + length + 1, Kind::Plain, Class::STRING)
    }
}

/// Which integers are held by doubles, or need not be.
#[derive(Clone, Copy)]
pub(super) struct Exact {
    /// Whether some were seen that may not be held.
    pub(super) above: bool,
}

impl Exact {
    /// Whether an integer of so many digits, the first at `first`, may be taken.
    #[inline(always)]
    fn allows(self, text: &[u8], first: usize, digits: usize) -> bool {
        digits <= Class::EXACT_DIGITS
            || self.above
            || (digits == EXACT.len() && text[first..first + EXACT.len()] <= EXACT[..])
    }
}

/// Integers, with or without a sign.
pub(super) struct Integers<const SIGNED: bool, D> {
    pub(super) exact: Exact,
    pub(super) digits: PhantomData<D>,
}

impl<const SIGNED: bool, D: Digits> Values for Integers<SIGNED, D> {
    #[inline(always)]
    fn read(&mut self, text: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        let (others, byte) = number::<D>(ahead, at);
        let sign = usize::from(SIGNED && byte(0) == b'-');
        let digits = (others >> sign).trailing_zeros() as usize;
        if !has_digits(digits, byte(sign)) || !self.exact.allows(text, start + sign, digits) {
            return Value::NONE;
        }
        Value::new(start + sign + digits, Kind::Integer, Class::NUMBER)
    }
}

/// Numbers with decimals, and integers among them.
pub(super) struct Fractions<D> {
    pub(super) exact: Exact,
    pub(super) negative: bool,
    pub(super) digits: PhantomData<D>,
}

impl<D: Digits> Values for Fractions<D> {
    #[inline(always)]
    fn read(&mut self, text: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        let (others, byte) = number::<D>(ahead, at);
        let sign = usize::from(byte(0) == b'-');
        let others = others >> sign;
        let digits = others.trailing_zeros() as usize;
        if !has_digits(digits, byte(sign)) {
            return Value::NONE;
        }
        let is_integer = byte(sign + digits) != b'.';
        let end = if is_integer { digits } else { (others & (others - 1)).trailing_zeros() as usize };
        if (!is_integer && end == digits + 1) || sign + end >= WINDOW {
            return Value::NONE;
        }
        if byte(sign + end) | 0x20 == b'e' {
            return exponent(start, others >> end, sign + end, byte);
        }
        if is_integer {
            // Minus zero is zero.
            let is_allowed = sign == 0 || self.negative || byte(sign) == b'0';
            let is_taken = is_allowed && self.exact.allows(text, start + sign, digits);
            return Value::new(start + sign + end, Kind::Integer, Class::NUMBER).only_if(is_taken);
        }
        Value::new(start + sign + end, Kind::Fraction, Class::NUMBER)
    }
}

/// A number with an exponent, whose letter stands at `letter` of the window: `others` has a bit for each byte from there on that is no
/// digit. With more than two digits it is left: the number might be too large for a double.
#[inline(always)]
fn exponent(start: usize, others: u64, letter: usize, byte: impl Fn(usize) -> u8) -> Value {
    let first = 1 + usize::from(matches!(byte(letter + 1), b'+' | b'-'));
    let digits = (others >> first).trailing_zeros() as usize;
    let end = letter + first + digits;
    let is_taken = digits.wrapping_sub(1) < 2 && end < WINDOW;
    Value::new(start + end, Kind::Fraction, Class::NUMBER).only_if(is_taken)
}

/// Which bytes from `at` on are no digits, and those bytes. The byte behind the window counts as none.
#[inline(always)]
fn number<D: Digits>(ahead: &[u8; AHEAD], at: usize) -> (u64, impl Fn(usize) -> u8) {
    // All that is looked at is ahead: to say so keeps the compiler from asking.
    let at = at % (AHEAD - WINDOW);
    let window = ahead[at..].first_chunk().expect("a window is ahead");
    (u64::from(D::others(window)) | 1 << WINDOW, move |place| ahead[(at + place) % AHEAD])
}

/// Whether so many digits, the first of which is given, begin a number that is taken.
#[inline(always)]
fn has_digits(digits: usize, first: u8) -> bool {
    let most = if first == b'0' { 1 } else { DIGITS };
    digits.wrapping_sub(1) < most
}

pub(super) struct Booleans;

impl Values for Booleans {
    // Which of the two it is decides over no jump: that would be guessed wrong half of the time.
    #[inline(always)]
    fn read(&mut self, _: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        const TRUE: u64 = u64::from_le_bytes(*b"true\0\0\0\0");
        const FALSE: u64 = u64::from_le_bytes(*b"false\0\0\0");
        let word = u64::from_le_bytes(*ahead[at % (AHEAD - WINDOW)..].first_chunk().expect("a word is ahead"));
        let is_false = word as u8 == b'f';
        let (expected, mask) = if is_false { (FALSE, 0xff_ffff_ffff) } else { (TRUE, 0xffff_ffff) };
        let kind = if is_false { Kind::False } else { Kind::True };
        Value::new(start + 4 + usize::from(is_false), kind, Class::BOOLEAN).only_if(word & mask == expected)
    }
}

/// `null`, and `""` where that may be.
pub(super) struct Blanks {
    pub(super) empty: bool,
}

impl Values for Blanks {
    #[inline(always)]
    fn read(&mut self, _: &[u8], start: usize, ahead: &[u8; AHEAD], at: usize) -> Value {
        const NULL: u32 = u32::from_le_bytes(*b"null");
        const EMPTY: u16 = u16::from_le_bytes(*b"\"\"");
        let word = u32::from_le_bytes(*ahead[at % (AHEAD - WINDOW)..].first_chunk().expect("a word is ahead"));
        let (is_null, is_empty) = (word == NULL, self.empty & (word as u16 == EMPTY));
        let (length, kind, class) =
            if is_null { (4, Kind::Null, Class::default()) } else { (2, Kind::Plain, Class::EMPTY) };
        Value::new(start + length, kind, class).only_if(is_null | is_empty)
    }
}

/// Arrays whose elements are all of one kind, each behind a comma and at most one space.
pub(super) struct Elements<V> {
    pub(super) element: V,
    /// Whether an element begins with a quote, behind which it is read.
    pub(super) quoted: bool,
}

impl<V: Values> Values for Elements<V> {
    #[inline(always)]
    fn read(&mut self, text: &[u8], start: usize, _: &[u8; AHEAD], _: usize) -> Value {
        let byte = |at: usize| text.get(at).copied().unwrap_or(0);
        let mut at = start + 1;
        if byte(start) != b'[' {
            return Value::NONE;
        }
        if byte(at) == b']' {
            return Value::new(at + 1, Kind::Array, Class::ARRAY);
        }
        loop {
            let Some(ahead) = ahead(text, at) else { return Value::NONE };
            let quote = usize::from(self.quoted);
            let value = self.element.read(text, at + quote, ahead, quote);
            if value.is_none() || (self.quoted && ahead[0] != b'"') {
                return Value::NONE;
            }
            match byte(value.end) {
                b',' => at = value.end + 1 + usize::from(byte(value.end + 1) == b' '),
                b']' => return Value::new(value.end + 1, Kind::Array, Class::ARRAY),
                _ => return Value::NONE,
            }
        }
    }
}

pub(super) struct Nothing;

impl Values for Nothing {
    #[inline(always)]
    fn read(&mut self, _: &[u8], start: usize, _: &[u8; AHEAD], _: usize) -> Value {
        Value::new(start, Kind::Null, Class::default())
    }
}
