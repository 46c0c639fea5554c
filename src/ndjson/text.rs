//! From the bytes of a value to the value: strings, numbers, decimals. Exactly, or not at all.
//!
//! It knows nothing of columns; it is given bytes whose grammar was checked.

use std::borrow::Cow;

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
    let inner = &line[node.start as usize + 1..node.end as usize - 1];
    if node.kind == Kind::Plain {
        return Cow::Borrowed(std::str::from_utf8(inner).expect(UTF8));
    }
    Cow::Owned(unescape(std::str::from_utf8(inner).expect(UTF8)))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    unescape_into(text, &mut out);
    out
}

/// Puts a text behind `out` with its escapes resolved, which the parser found to be whole.
pub(crate) fn unescape_into(text: &str, out: &mut String) {
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (c, length) = match rest.as_bytes()[at + 1] {
            b'u' => code_point(&rest.as_bytes()[at..]),
            b'b' => ('\u{8}', 2),
            b'f' => ('\u{c}', 2),
            b'n' => ('\n', 2),
            b'r' => ('\r', 2),
            b't' => ('\t', 2),
            other => (other as char, 2),
        };
        out.push(c);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
}

/// The character that `\uXXXX` or `\uXXXX\uXXXX` stands for, and the length of the escape.
fn code_point(escape: &[u8]) -> (char, usize) {
    let unit = |at: usize| {
        let digits = escape[at..].first_chunk().and_then(|digits| hexadecimal(*digits));
        digits.expect("the parser saw four hexadecimal digits")
    };
    let first = unit(2);
    let (scalar, length) = match first {
        0xD800..=0xDBFF => (0x10000 + ((first - 0xD800) << 10) + (unit(8) - 0xDC00), 12),
        _ => (first, 6),
    };
    (char::from_u32(scalar).expect("the parser lets no lone surrogate pass"), length)
}

/// The values of hexadecimal digits; of other bytes, one that is too large at any of four places.
const HEX: [u32; 256] = {
    let mut values = [1 << 16; 256];
    let mut digit = 0;
    while digit < 16 {
        values[b"0123456789abcdef"[digit] as usize] = digit as u32;
        values[b"0123456789ABCDEF"[digit] as usize] = digit as u32;
        digit += 1;
    }
    values
};

/// The number that four hexadecimal digits are.
#[inline]
pub(crate) fn hexadecimal(digits: [u8; 4]) -> Option<u32> {
    let digits = digits.map(|digit| HEX[usize::from(digit)]);
    let number = digits[0] << 12 | digits[1] << 8 | digits[2] << 4 | digits[3];
    // What is no digit is larger than all four together.
    (number <= 0xFFFF).then_some(number)
}

/// The nearest double, infinite where the number is too large for one. `None` if it is no number.
pub(crate) fn double(number: &[u8]) -> Option<f64> {
    fast_float2::parse(number).ok()
}

/// An integer in the range of i64.
#[inline]
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
    use super::*;

    #[test]
    fn escapes_become_characters() {
        assert_eq!(unescape(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"#), "a\"\\/\u{8}\u{c}\n\r\té😀é");
    }

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
