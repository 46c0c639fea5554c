//! The end of a value, and its class; none where the careful reader has to look. Of objects and arrays only that of such in which
//! nothing counts.
//!
//! Everything that is accepted here is JSON: strings without control bytes and with whole escapes, numbers by the
//! grammar, the three words, `{}`. What is rare is left out where leaving it out is simpler.

use super::super::class::Class;
use super::super::tape::{Kind, Node, scan_number};
use super::Text;

/// A value that was read over, or none.
///
/// It has two parts of a register each, so that it never goes through memory: as an `Option`, or with a part more, it
/// did, and waiting for it took as long as all the rest of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value {
    /// Zero for none: no value ends where a text begins.
    pub(super) end: usize,
    /// Its class, and its kind above.
    what: u32,
}

impl Value {
    /// Where the careful reader has to look.
    pub(super) const NONE: Self = Self { end: 0, what: 0 };

    #[inline(always)]
    pub(super) fn new(end: usize, kind: Kind, class: Class) -> Self {
        let class = class | Class::PRESENT;
        Self { end, what: u32::from(class.bits()) | (kind as u32) << u16::BITS }
    }

    #[inline(always)]
    pub(super) fn class(self) -> Class {
        Class::from_bits(self.what as u16)
    }

    #[inline(always)]
    pub(super) fn kind(self) -> Kind {
        Kind::ALL[(self.what >> u16::BITS) as usize]
    }

    /// As it is, or none.
    #[inline(always)]
    pub(super) fn only_if(self, holds: bool) -> Self {
        if holds { self } else { Self::NONE }
    }

    #[inline(always)]
    pub(super) fn is_none(self) -> bool {
        self.end == 0
    }

    /// As a node of the text, in which it starts at `at`.
    #[inline(always)]
    pub(super) fn node(self, at: usize) -> Node {
        Node { kind: self.kind(), start: at as u32, end: self.end as u32, next: 0 }
    }
}

/// Longest number without exponent that is a double for sure: the largest double has 309 digits. An exponent of two digits adds 99.
const MAX_FINITE_BYTES: usize = 300;
const MAX_FINITE_BYTES_BEFORE_EXPONENT: usize = MAX_FINITE_BYTES - 99;

/// Most levels of an object or array that is read over as a whole: a bit for each.
const MAX_LEVELS: usize = u64::BITS as usize;

// Inlined by force: these are most of the time of a scan, and the compiler takes them for too large.
impl Text<'_> {
    #[inline(always)]
    pub(super) fn at(&self, at: usize) -> u8 {
        // No value goes on with a zero.
        self.bytes.get(at).copied().unwrap_or(0)
    }

    /// The value at `at`, if it is neither an array nor an object with keys.
    #[inline(always)]
    pub(super) fn value(&self, at: usize) -> Value {
        match self.at(at) {
            b'"' => self.string(at),
            b'-' | b'0'..=b'9' => self.number(at),
            b't' | b'f' => self.boolean(at),
            b'n' => self.word(at, b"null", Kind::Null, Class::default()),
            b'{' => self.word(at, b"{}", Kind::Object, Class::OBJECT),
            _ => Value::NONE,
        }
    }

    /// The same where it is rare.
    #[inline(never)]
    pub(super) fn any(&self, at: usize) -> Value {
        self.value(at)
    }

    /// The object or array at `start`, nothing in which counts but that it is one, if it has at most so many levels.
    pub(super) fn whole(&self, start: usize, levels: usize) -> Value {
        // Of each level that is open whether it is an object, the innermost lowest.
        let (mut objects, mut open) = (0_u64, 0);
        let mut at = start;
        loop {
            let first = self.at(at);
            let is_container = matches!(first, b'{' | b'[');
            if is_container {
                if open == levels.min(MAX_LEVELS) {
                    return Value::NONE;
                }
                (objects, open, at) = (objects << 1 | u64::from(first == b'{'), open + 1, self.behind_spaces(at + 1));
            } else {
                let value = self.value(at);
                if value.is_none() {
                    return Value::NONE;
                }
                at = self.behind_spaces(value.end);
            }
            let is_empty = is_container && matches!(self.at(at), b'}' | b']');
            if is_empty || !is_container {
                while self.at(at) != b',' {
                    let is_object = objects & 1 == 1;
                    if self.at(at) != if is_object { b'}' } else { b']' } {
                        return Value::NONE;
                    }
                    (objects, open) = (objects >> 1, open - 1);
                    if open == 0 {
                        let (kind, class) = match self.at(start) {
                            b'{' => (Kind::Object, Class::OBJECT),
                            _ => (Kind::Array, Class::ARRAY),
                        };
                        return Value::new(at + 1, kind, class);
                    }
                    at = self.behind_spaces(at + 1);
                }
                at = self.behind_spaces(at + 1);
            }
            if objects & 1 == 1 {
                match self.key(at) {
                    Some((_, behind)) => at = behind,
                    None => return Value::NONE,
                }
            }
        }
    }

    /// The key at `at`, and where its value begins.
    #[inline(always)]
    pub(super) fn key(&self, at: usize) -> Option<(Node, usize)> {
        let key = if self.at(at) == b'"' { self.string(at) } else { Value::NONE };
        if key.is_none() {
            return None;
        }
        let colon = self.behind_spaces(key.end);
        (self.at(colon) == b':').then(|| (key.node(at), self.behind_spaces(colon + 1)))
    }

    #[inline(always)]
    pub(super) fn behind_spaces(&self, mut at: usize) -> usize {
        while matches!(self.at(at), b' ' | b'\t' | b'\r') {
            at += 1;
        }
        at
    }

    #[inline(always)]
    fn word(&self, at: usize, word: &[u8], kind: Kind, class: Class) -> Value {
        let end = at + word.len();
        Value::new(end, kind, class).only_if(self.bytes.get(at..end) == Some(word))
    }

    /// Which of the two it is decides over no jump: that would be guessed wrong half of the time.
    #[inline(always)]
    fn boolean(&self, at: usize) -> Value {
        let Some(word) = self.bytes.get(at..at + 5).and_then(|word| word.first_chunk::<5>()) else {
            return Value::NONE;
        };
        let (is_true, is_false) = (word[..4] == *b"true", word == b"false");
        let kind = if is_true { Kind::True } else { Kind::False };
        Value::new(at + 5 - usize::from(is_true), kind, Class::BOOLEAN).only_if(is_true | is_false)
    }

    #[inline(always)]
    pub(super) fn string(&self, at: usize) -> Value {
        let stop = self.marks.stops().first(at + 1);
        let kind = if self.marks.have_escape(at + 1, stop) { Kind::Escaped } else { Kind::Plain };
        let class = if stop == at + 1 { Class::EMPTY } else { Class::STRING };
        Value::new(stop + 1, kind, class).only_if(self.at(stop) == b'"')
    }

    /// How many digits stand at `at`, which is within the text or its end.
    #[inline(always)]
    fn digits(&self, at: usize) -> usize {
        let mut end = at;
        // Eight at once: how many there are is guessed wrong more often than not.
        while let Some(word) = self.bytes.get(end..end + 8).and_then(|word| word.first_chunk()) {
            let others = no_digits(u64::from_le_bytes(*word));
            if others != 0 {
                return end - at + others.trailing_zeros() as usize / 8;
            }
            end += 8;
        }
        end - at + self.bytes[end..].iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    #[inline(always)]
    fn number(&self, at: usize) -> Value {
        let negative = self.at(at) == b'-';
        let first = at + usize::from(negative);
        let digits = self.digits(first);
        let mut end = first + digits;
        let begins_with_zero = self.at(first) == b'0';
        if digits == 0 || (digits > 1 && begins_with_zero) {
            return Value::NONE;
        }
        let is_fraction = self.at(end) == b'.';
        if is_fraction {
            let decimals = self.digits(end + 1);
            if decimals == 0 {
                return Value::NONE;
            }
            end += 1 + decimals;
        }
        if self.at(end) | 0x20 == b'e' {
            return self.exponent(at, end);
        }
        if end - at > MAX_FINITE_BYTES {
            return self.long_number(at);
        }
        if is_fraction {
            return Value::new(end, Kind::Fraction, Class::NUMBER | Class::FRACTION);
        }
        if digits > Class::EXACT_DIGITS {
            return self.long_number(at);
        }
        // Minus zero is zero.
        let sign = Class::NEGATIVE.only_if(negative & !begins_with_zero);
        Value::new(end, Kind::Integer, Class::NUMBER | sign)
    }

    /// The number at `at`, whose exponent's letter is at `letter`.
    #[inline(never)]
    fn exponent(&self, at: usize, letter: usize) -> Value {
        let first = letter + 1 + usize::from(matches!(self.at(letter + 1), b'+' | b'-'));
        let digits = self.digits(first);
        if digits.wrapping_sub(1) >= 2 || letter - at > MAX_FINITE_BYTES_BEFORE_EXPONENT {
            return self.long_number(at);
        }
        Value::new(first + digits, Kind::Fraction, Class::NUMBER | Class::FRACTION)
    }

    /// A number with a long exponent, or of many digits.
    #[inline(never)]
    fn long_number(&self, at: usize) -> Value {
        let Ok((length, kind)) = scan_number(&self.bytes[at..]) else { return Value::NONE };
        let number = &self.bytes[at..at + length];
        let class = if kind == Kind::Fraction { Class::fraction(number) } else { Class::integer(number) };
        Value::new(at + length, kind, class)
    }
}

/// The highest bit of each byte that is no digit.
#[inline(always)]
fn no_digits(word: u64) -> u64 {
    const BYTES: u64 = u64::MAX / 0xff;
    let values = word ^ (BYTES * u64::from(b'0'));
    (((values & (BYTES * 0x7f)) + BYTES * (0x80 - 10)) | values) & (BYTES * 0x80)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::super::marks::Marks;
    use super::super::super::tape::{Node, ROOT, Tape};
    use super::*;

    /// What is accepted is what the careful reader reads.
    fn check(text: &str) -> bool {
        let mut marks = Marks::default();
        marks.read(text.as_bytes());
        let value = Text { bytes: text.as_bytes(), marks: &marks }.value(0);
        if value.is_none() {
            return false;
        }
        let line = format!("{{\"v\":{}}}", &text[..value.end]);
        let mut tape = Tape::default();
        tape.parse(line.as_bytes(), 2).unwrap_or_else(|fault| panic!("{line}: {fault:?}"));
        let node: Node = tape.node(ROOT + 2);
        assert_eq!(node.end as usize, line.len() - 1, "{line}");
        assert_eq!((node.kind, Class::of(node, line.as_bytes())), (value.kind(), value.class()), "{line}");
        true
    }

    /// The same for an object or array that is read over as a whole.
    fn check_whole(text: &str, levels: usize) -> bool {
        let mut marks = Marks::default();
        marks.read(text.as_bytes());
        let value = Text { bytes: text.as_bytes(), marks: &marks }.whole(0, levels);
        if value.is_none() {
            return false;
        }
        let mut tape = Tape::default();
        let whole = &text[..value.end];
        tape.parse_value(whole.as_bytes(), levels).unwrap_or_else(|fault| panic!("{whole}: {fault:?}"));
        assert_eq!(tape.node(ROOT).kind, value.kind(), "{whole}");
        true
    }

    #[test]
    fn objects_and_arrays_are_read_over_as_a_whole() {
        for text in [
            "{}",
            "[]",
            r#"{"a":1,"b":[{"c":[]},"x\"",{}], "d" : { "e" : null }}"#,
            "[ 1 , [ 2.5e3 ], [[true]] ]",
            r#"{"a":{"b":{"c":1}}},"#,
            "[{ }\t]",
        ] {
            assert!(check_whole(text, 4), "{text}");
        }
        for text in [
            "",
            "{",
            "[1",
            "[1}",
            "{\"a\":1]",
            "[1,]",
            "{\"a\"}",
            "{\"a\":}",
            "{a:1}",
            "{1:1}",
            "[,1]",
            "[1 2]",
            "{\"a\":1,}",
            "[\n]",
            "[[[[[1]]]]]",
            "[01]",
            "[\"\u{1}\"]",
            "{\"a\":1 \"b\":2}",
            "{,}",
            "[1:2]",
            "{\"a\":1:2}",
        ] {
            assert!(!check_whole(text, 4), "{text}");
        }
        let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(check_whole(&deep(64), 100) && !check_whole(&deep(65), 100));
    }

    #[test]
    fn values_are_read_over() {
        let long = format!("\"{}\"", "x".repeat(300));
        let digits = "7".repeat(400);
        for text in [
            r#""""#,
            r#""a""#,
            r#""é\n\\\"\/""#,
            r#""\u00e9\ud83d\ude00""#,
            &long,
            "0",
            "-0",
            "-1",
            "123456789012345",
            "-1234567890123456",
            "9007199254740993",
            "99999999999999999999",
            "1.5",
            "-0.25",
            "1e5",
            "1E-400",
            "1e400",
            &digits,
            "true}",
            "false",
            "null",
            "{}",
            "1,",
            "0}",
            "12.5e3]",
        ] {
            assert!(check(text), "{text}");
        }
        for text in [
            "",
            "\"",
            "\"\n\"",
            r#""\x""#,
            r#""\ud800""#,
            r#""\ud800\u0041""#,
            r#""\udc00""#,
            r#""\u12g4""#,
            "-",
            "01",
            "1.",
            "-x",
            "tru",
            "{\"a\":1}",
            "[1]",
            "+1",
            ".5",
        ] {
            assert!(!check(text), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_is_accepted_that_is_not_json(text in r#"["\\tfn0-9.eE+\-u d8cabr/{}]{0,24}"#) {
            check(&text);
        }

        #[test]
        fn nothing_is_read_over_that_is_not_json(text in r#"[\[{]["\\tn0-9.e\-u d8,:\[\]{}]{0,24}"#) {
            check_whole(&text, 5);
        }
    }
}
