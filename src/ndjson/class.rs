//! What a value is, as bits: all that types are inferred from, and nothing of the value itself.
//!
//! The bits of many values are their union, so what was seen merges in any order. It knows nothing of columns.

use super::tape::{Kind, Node};
use super::text;

/// Bits of one value, or of many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Class(u16);

impl Class {
    /// Set for every value, null too: without it, nothing was seen.
    pub(crate) const PRESENT: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(1 << 1);
    pub(crate) const NUMBER: Self = Self(1 << 2);
    /// A string other than `""`.
    pub(crate) const STRING: Self = Self(1 << 3);
    pub(crate) const EMPTY: Self = Self(1 << 4);
    pub(crate) const OBJECT: Self = Self(1 << 5);
    pub(crate) const ARRAY: Self = Self(1 << 6);
    /// An integer below zero.
    pub(crate) const NEGATIVE: Self = Self(1 << 8);
    /// An integer above the range of i64, within that of u64.
    pub(crate) const ABOVE_I64: Self = Self(1 << 9);
    /// An integer outside i64 and u64 of at most 38 digits.
    pub(crate) const BIG: Self = Self(1 << 10);
    /// An integer of more than 38 digits.
    pub(crate) const HUGE: Self = Self(1 << 11);
    /// An integer that a double may not hold exactly.
    pub(crate) const ABOVE_2_53: Self = Self(1 << 12);
    pub(crate) const FRACTION: Self = Self(1 << 13);
    /// A number that no double comes near, such as `1e400`.
    pub(crate) const OVERFLOW: Self = Self(1 << 14);

    /// The kinds of values, without what only numbers have.
    pub(crate) const KINDS: Self = Self(0x7e);

    /// All but that a value is `""`.
    pub(crate) const ALL_BUT_EMPTY: Self = Self(!Self::EMPTY.0);

    /// Digits that every integer of which a double holds: 2^53 has 16.
    pub(crate) const EXACT_DIGITS: usize = 15;

    /// The bits of one value; those of what is inside an object or array are not among them.
    pub(crate) fn of(node: Node, line: &[u8]) -> Self {
        let kind = match node.kind {
            Kind::Null => Self::default(),
            Kind::True | Kind::False => Self::BOOLEAN,
            Kind::Plain if node.end - node.start == 2 => Self::EMPTY,
            Kind::Plain | Kind::Escaped => Self::STRING,
            Kind::Object => Self::OBJECT,
            Kind::Array => Self::ARRAY,
            Kind::Integer => Self::integer(&line[node.start as usize..node.end as usize]),
            Kind::Fraction => Self::fraction(&line[node.start as usize..node.end as usize]),
        };
        kind | Self::PRESENT
    }

    pub(crate) fn fraction(number: &[u8]) -> Self {
        let finite = is_surely_finite(number) || text::double(number).is_some_and(f64::is_finite);
        Self::NUMBER | Self::FRACTION | if finite { Self::default() } else { Self::OVERFLOW }
    }

    pub(crate) fn integer(number: &[u8]) -> Self {
        let digits = number.strip_prefix(b"-").unwrap_or(number);
        let sign = if digits.len() < number.len() { Self::NEGATIVE } else { Self::default() };
        if digits.len() <= Self::EXACT_DIGITS {
            // Minus zero is zero.
            return Self::NUMBER | if digits == b"0" { Self::default() } else { sign };
        }
        let large = match text::integer(number) {
            None => Self::HUGE | Self::ABOVE_2_53,
            Some(value) => {
                let exact = if value.unsigned_abs() > 1 << 53 { Self::ABOVE_2_53 } else { Self::default() };
                let range = match (i64::try_from(value), u64::try_from(value)) {
                    (Ok(_), _) => Self::default(),
                    (_, Ok(_)) => Self::ABOVE_I64,
                    _ => Self::BIG,
                };
                exact | range
            }
        };
        Self::NUMBER | sign | large
    }

    #[inline(always)]
    pub(crate) fn bits(self) -> u16 {
        self.0
    }

    #[inline(always)]
    pub(crate) fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// Its bits, or none, without a jump.
    #[inline(always)]
    pub(crate) fn only_if(self, holds: bool) -> Self {
        Self(self.0 * u16::from(holds))
    }

    /// Whether it has any of these bits.
    #[inline(always)]
    pub(crate) fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// Whether all of its bits are among these.
    #[inline(always)]
    pub(crate) fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    /// Its bits that are also among these.
    pub(crate) fn of_those(self, others: Self) -> Self {
        Self(self.0 & others.0)
    }
}

/// Whether a number is far from too large for a double, as its length and that of its exponent tell: at most 150 digits and an
/// exponent of at most two make it smaller than the largest, which has 309 digits.
fn is_surely_finite(number: &[u8]) -> bool {
    let exponent = number.iter().rposition(|byte| matches!(byte, b'e' | b'E')).map(|at| &number[at + 1..]);
    let is_small =
        |exponent: &[u8]| exponent.starts_with(b"-") || exponent.strip_prefix(b"+").unwrap_or(exponent).len() <= 2;
    number.len() <= 150 && exponent.is_none_or(is_small)
}

impl std::ops::BitOr for Class {
    type Output = Self;

    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for Class {
    #[inline(always)]
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_double_comes_near_overflows() {
        let digits = |count| "9".repeat(count);
        for (number, overflows) in [
            ("1.5".to_owned(), false),
            ("-1e99".to_owned(), false),
            ("1e+308".to_owned(), false),
            ("1e309".to_owned(), true),
            ("-1.5E+400".to_owned(), true),
            ("1e-400".to_owned(), false),
            ("1e0000".to_owned(), false),
            (digits(148) + "e99", false),
            (digits(300) + "e-5", false),
            (digits(300) + "e99", true),
            (digits(400) + ".5", true),
        ] {
            assert_eq!(Class::fraction(number.as_bytes()).has(Class::OVERFLOW), overflows, "{number}");
        }
    }
}
