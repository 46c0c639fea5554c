//! From the bytes of a value to the value: strings, numbers, decimals. Exactly, or not at all.
//!
//! It knows nothing of columns; it is given bytes whose grammar was checked.

use std::borrow::Cow;
use std::ops::Range;

use super::escapes::Unescaped;
use super::tape::{Kind, Node};

/// Why the checked bytes are text.
const UTF8: &str = "the line was checked to be UTF-8, and quotes are character boundaries";

/// Digits that no integer of which overflows 64 bits.
const SURE_DIGITS: usize = 18;

/// The JSON text of a value, as it stands.
pub(crate) fn json(node: Node, line: &[u8]) -> &str {
    std::str::from_utf8(raw(node, line)).expect(UTF8)
}

/// The bytes of a value, as they stand.
pub(crate) fn raw(node: Node, line: &[u8]) -> &[u8] {
    &line[node.start as usize..node.end as usize]
}

/// The text of a string, as bytes.
#[inline]
pub(crate) fn bytes(node: Node, line: &[u8]) -> Cow<'_, [u8]> {
    match node.kind {
        Kind::Plain => Cow::Borrowed(&line[node.start as usize + 1..node.end as usize - 1]),
        _ => Cow::Owned(string(node, line).into_owned().into_bytes()),
    }
}

/// The text of a string.
pub(crate) fn string(node: Node, line: &[u8]) -> Cow<'_, str> {
    match node.kind {
        Kind::Plain => Cow::Borrowed(quoted(node, line)),
        _ => Cow::Owned(Unescaped::default().of(quoted(node, line)).to_owned()),
    }
}

/// What stands between the quotes of a string.
#[inline]
pub(crate) fn quoted(node: Node, line: &[u8]) -> &str {
    std::str::from_utf8(&line[node.start as usize + 1..node.end as usize - 1]).expect(UTF8)
}

/// The nearest double, infinite where the number is too large for one. `None` if it is no number.
pub(crate) fn double(number: &[u8]) -> Option<f64> {
    fast_float2::parse(number).ok()
}

/// The nearest double of the number that stands at `place` of a text, as [`double`] has it.
#[inline(always)]
pub(crate) fn double_in(text: &[u8], place: Range<usize>) -> Option<f64> {
    short_double(text, place.clone()).or_else(|| double(&text[place]))
}

/// A short number of at most 2^53 without its point. Its digits are an integer that a double holds, and so is the power of ten
/// by which it is divided: the quotient is the nearest double.
#[inline(always)]
fn short_double(text: &[u8], place: Range<usize>) -> Option<f64> {
    let Short { is_negative, digits, decimals } = short_number(text, place)?;
    if digits > 1 << f64::MANTISSA_DIGITS {
        return None;
    }
    let value = digits as f64 / POWERS_OF_TEN[decimals.unwrap_or_default()];
    // Coordinates have either sign: a branch would be mispredicted.
    Some(f64::from_bits(value.to_bits() | u64::from(is_negative) << (u64::BITS - 1)))
}

/// A short number without a point.
#[inline(always)]
fn short_integer(text: &[u8], place: Range<usize>) -> Option<i64> {
    let Short { is_negative, digits, decimals: None } = short_number(text, place)? else { return None };
    let value = digits.cast_signed();
    Some(if is_negative { -value } else { value })
}

/// A number of at most 15 digits, or 16 without a point, and no exponent.
struct Short {
    is_negative: bool,
    /// All of them as one integer.
    digits: u64,
    /// How many stand behind the point, if there is one.
    decimals: Option<usize>,
}

/// The short number that stands at `place` of a text, of which eight or sixteen bytes end there.
#[inline(always)]
fn short_number(text: &[u8], place: Range<usize>) -> Option<Short> {
    let is_negative = text[place.start] == b'-';
    let length = place.len() - usize::from(is_negative);
    let (digits, decimals) = match length {
        1..=8 => {
            let (digits, decimals) =
                Digits::read(*text.get(place.end.checked_sub(8)?..place.end)?.first_chunk()?, length)?;
            (digits.number(), digits.has_point.then_some(decimals))
        }
        9..=16 => {
            let (head, tail) =
                text.get(place.end.checked_sub(16)?..place.end)?.first_chunk::<16>()?.split_first_chunk()?;
            let (head, tail) = (*head, *tail.first_chunk()?);
            let (low, decimals) = Digits::read(tail, 8)?;
            let (high, more) = Digits::read(head, length - 8)?;
            match () {
                () if !low.has_point && !high.has_point => (high.number() * 100_000_000 + low.number(), None),
                // Of the eight places one is the point's.
                () if low.has_point && !high.has_point => (high.number() * 10_000_000 + low.number(), Some(decimals)),
                () if high.has_point && !low.has_point => (high.number() * 100_000_000 + low.number(), Some(more + 8)),
                () => return None,
            }
        }
        _ => return None,
    };
    Some(Short { is_negative, digits, decimals })
}

/// Those that doubles hold, as far as they are needed.
const POWERS_OF_TEN: [f64; 16] = [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Up to eight digits, the last of which is the highest byte.
#[derive(Clone, Copy)]
struct Digits {
    values: u64,
    has_point: bool,
}

impl Digits {
    const ONES: u64 = u64::from_le_bytes([1; 8]);

    /// The last `length` of eight bytes, of which one may be a point; also how many digits stand behind that.
    #[inline(always)]
    fn read(bytes: [u8; 8], length: usize) -> Option<(Self, usize)> {
        let before = (8 - length) * 8;
        // What stands before becomes zeros.
        let values = (u64::from_le_bytes(bytes) ^ (Self::ONES * u64::from(b'0'))) >> before << before;
        // The lowest byte that is no digit is told for sure, and that there is none.
        let others = (values.wrapping_add(Self::ONES * 0x76) | values) & (Self::ONES * 0x80);
        if others == 0 {
            return Some((Self { values, has_point: false }, 0));
        }
        let point = others.trailing_zeros() / 8 * 8;
        let is_point = (values >> point) as u8 == b'.' ^ b'0';
        if !is_point || others & (others - 1) != 0 {
            return None;
        }
        let below = values & ((1 << point) - 1);
        let above = values >> point >> 8 << 8 << point;
        Some((Self { values: above | below << 8, has_point: true }, 7 - point as usize / 8))
    }

    #[inline(always)]
    fn number(self) -> u64 {
        const PAIRS: u64 = 0x00ff_00ff_00ff_00ff;
        const QUADS: u64 = 0x0000_ffff_0000_ffff;
        let pairs = (self.values & PAIRS) * 10 + (self.values >> 8 & PAIRS);
        let quads = (pairs & QUADS) * 100 + (pairs >> 16 & QUADS);
        (quads & 0xffff_ffff) * 10_000 + (quads >> 32)
    }
}

/// The integer in the range of i64 that stands at `place` of a text, as [`bigint`] has it.
#[inline(always)]
pub(crate) fn bigint_in(text: &[u8], place: Range<usize>) -> Option<i64> {
    short_integer(text, place.clone()).or_else(|| bigint(&text[place]))
}

/// An integer in the range of i64.
pub(crate) fn bigint(number: &[u8]) -> Option<i64> {
    let (negative, digits) = number.strip_prefix(b"-").map_or((false, number), |digits| (true, digits));
    if digits.len() > SURE_DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return integer(number).and_then(|value| i64::try_from(value).ok());
    }
    let value = digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0'));
    Some(if negative { -value } else { value })
}

/// An integer of at most 38 digits.
pub(crate) fn integer(number: &[u8]) -> Option<i128> {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if digits.len() > 38 {
        return None;
    }
    let number = std::str::from_utf8(number).ok()?;
    // The larger type takes several times as long.
    if digits.len() <= SURE_DIGITS { number.parse::<i64>().ok().map(i128::from) } else { number.parse().ok() }
}

/// A number as so many units of the last of `scale` decimal places, if it is exactly that and has at most
/// `precision` digits. Takes JSON numbers of any form, `1.50` and `15e-1` alike.
pub(crate) fn decimal(number: &[u8], precision: u8, scale: i8) -> Option<i128> {
    let text = std::str::from_utf8(number).ok()?;
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let fraction = fraction.trim_end_matches('0');
    let mut value: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()).filter(u8::is_ascii_digit) {
        value = value.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
    }
    let mut shift = i32::from(scale).checked_add(exponent)?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
    while value != 0 && shift != 0 {
        if shift > 0 {
            value = value.checked_mul(10)?;
            shift -= 1;
        } else if value % 10 == 0 {
            value /= 10;
            shift += 1;
        } else {
            return None;
        }
    }
    let fits = value < 10_i128.checked_pow(u32::from(precision))?;
    fits.then_some(if whole.starts_with('-') { -value } else { value })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_are_exact_or_none() {
        let check = |text: &str, expected| assert_eq!(bigint(text.as_bytes()), expected, "{text}");
        check("0", Some(0));
        check("-0", Some(0));
        check("-999999999999999999", Some(-999_999_999_999_999_999));
        check("9223372036854775807", Some(i64::MAX));
        check("-9223372036854775808", Some(i64::MIN));
        check("9223372036854775808", None);
        check("1.5", None);
        check("1e2", None);
    }

    proptest! {
        #[test]
        fn short_integers_are_exact(before in "[0-9]{0,3}[,:x]?", number in "-?(0|[1-9][0-9]{0,20})[.e]?[0-9]?") {
            let text = format!("{before}{number}");
            let place = before.len()..text.len();
            prop_assert_eq!(bigint_in(text.as_bytes(), place.clone()), number.parse().ok());
            let is_short = number.trim_start_matches('-').len() <= 16 && number.parse::<i64>().is_ok();
            prop_assert!(!is_short || short_integer(text.as_bytes(), place).is_some() || text.len() < 16);
        }

        #[test]
        fn short_doubles_are_the_nearest(before in "[0-9]{0,3}[,:x]?", number in "-?(0|[1-9][0-9]{0,17})(\\.[0-9]{1,17})?([eE][+-]?[0-9]{1,3})?") {
            let text = format!("{before}{number}");
            let expected = number.parse::<f64>().unwrap().to_bits();
            let place = before.len()..text.len();
            prop_assert_eq!(double_in(text.as_bytes(), place.clone()).unwrap().to_bits(), expected);
            // And what is no number is none, wherever it is not.
            let short = short_double(text.as_bytes(), place);
            prop_assert!(short.is_none_or(|short| short.to_bits() == expected));
            let is_simple = !number.contains(['e', 'E']) && number.trim_start_matches('-').len() <= 15;
            prop_assert!(!is_simple || short.is_some() || text.len() < 16);
        }
    }

    #[test]
    fn doubles_are_the_nearest() {
        for text in
            ["0.1", "-0", "37.7749", "9007199254740993", "1e22", "1.7976931348623157e308", "5e-324", "1e400", "123e-30"]
        {
            assert_eq!(double(text.as_bytes()).map(f64::to_bits), text.parse::<f64>().ok().map(f64::to_bits), "{text}");
        }
    }

    #[test]
    fn decimals_are_exact_or_none() {
        let check = |text: &str, precision, scale, expected| {
            assert_eq!(decimal(text.as_bytes(), precision, scale), expected, "{text}");
        };
        check("1.50", 5, 2, Some(150));
        check("-15e-1", 5, 2, Some(-150));
        check("1.505", 5, 2, None);
        check("1.500", 5, 2, Some(150));
        check("999.99", 5, 2, Some(99_999));
        check("1000", 5, 2, None);
        check("0e999999", 5, 2, Some(0));
        check("1e999999", 5, 2, None);
        check("1e-999999", 5, 2, None);
        check("1e99999999999", 5, 2, None);
        check("12345678901234567890123456789012345678", 38, 0, Some(12345678901234567890123456789012345678));
        check("100000000000000000000000000000000000000", 38, 0, None);
    }
}
