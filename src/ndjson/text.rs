//! From the bytes of a value to the value: strings, numbers, decimals, dates, timestamps. Exactly, or not at all.
//!
//! It knows nothing of columns; it is given bytes whose grammar was checked.

use std::borrow::Cow;

use arrow::compute::kernels::cast_utils::string_to_datetime;
use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Utc};

use super::tape::{Kind, Node};

/// Why the checked bytes are text.
const UTF8: &str = "the line was checked to be UTF-8, and quotes are character boundaries";

/// The JSON text of a value, as it stands.
pub(crate) fn json(node: Node, line: &[u8]) -> &str {
    std::str::from_utf8(&line[node.start as usize..node.end as usize]).expect(UTF8)
}

/// The text of a string.
pub(crate) fn string(node: Node, line: &[u8]) -> Cow<'_, str> {
    let inner = &line[node.start as usize + 1..node.end as usize - 1];
    if node.kind == Kind::Plain {
        return Cow::Borrowed(std::str::from_utf8(inner).expect(UTF8));
    }
    Cow::Owned(unescape(std::str::from_utf8(inner).expect(UTF8)))
}

/// Resolves escapes that the parser found to be whole.
fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest.as_bytes()) {
        out.push_str(&rest[..at]);
        let (c, length) = match rest.as_bytes()[at + 1] {
            b'u' => code_point(&rest[at..]),
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
    out
}

/// The character that `\uXXXX` or `\uXXXX\uXXXX` stands for, and the length of the escape.
fn code_point(escape: &str) -> (char, usize) {
    let unit =
        |at: usize| u32::from_str_radix(&escape[at..at + 4], 16).expect("the parser saw four hexadecimal digits");
    let first = unit(2);
    let (scalar, length) = match first {
        0xD800..=0xDBFF => (0x10000 + ((first - 0xD800) << 10) + (unit(8) - 0xDC00), 12),
        _ => (first, 6),
    };
    (char::from_u32(scalar).expect("the parser lets no lone surrogate pass"), length)
}

/// The nearest double, infinite where the number is too large for one. `None` if it is no number.
pub(crate) fn double(number: &[u8]) -> Option<f64> {
    std::str::from_utf8(number).ok()?.parse().ok()
}

/// An integer of at most 38 digits.
pub(crate) fn integer(number: &[u8]) -> Option<i128> {
    let digits = number.strip_prefix(b"-").unwrap_or(number);
    if digits.len() > 38 {
        return None;
    }
    std::str::from_utf8(number).ok()?.parse().ok()
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

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn date(text: &str) -> Option<i32> {
    if text.len() != 10 {
        return None;
    }
    i32::try_from(instant(text)?.timestamp().div_euclid(86_400)).ok()
}

/// Why a text is no timestamp of the declared unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoTimestamp {
    /// Not ISO 8601.
    Form,
    /// It has more decimals of a second than the unit holds.
    TooFine,
    /// Outside what 64 bits of the unit hold.
    Range,
}

/// Units since 1970-01-01 UTC of an ISO 8601 text, with or without zone (none means UTC), with `T` or a space.
pub(crate) fn timestamp(text: &str, unit: TimeUnit) -> Result<i64, NoTimestamp> {
    if finer_than_nanoseconds(text) {
        return Err(NoTimestamp::TooFine);
    }
    let instant = instant(text).ok_or(NoTimestamp::Form)?;
    let per_second = units_per_second(unit);
    let nanoseconds = i64::from(instant.timestamp_subsec_nanos());
    if nanoseconds >= 1_000_000_000 {
        // A leap second has no place of its own on the scale of timestamps.
        return Err(NoTimestamp::Range);
    }
    let unit_nanoseconds = 1_000_000_000 / per_second;
    if nanoseconds % unit_nanoseconds != 0 {
        return Err(NoTimestamp::TooFine);
    }
    let seconds = instant.timestamp().checked_mul(per_second);
    seconds.and_then(|units| units.checked_add(nanoseconds / unit_nanoseconds)).ok_or(NoTimestamp::Range)
}

/// `value` in `from` as `to`; `None` if it would lose something, or is no year that can be written.
pub(crate) fn convert_epoch(value: i64, from: TimeUnit, to: TimeUnit) -> Option<i64> {
    let (from, to) = (units_per_second(from), units_per_second(to));
    DateTime::from_timestamp(value.div_euclid(from), 0)?;
    if to >= from {
        return value.checked_mul(to / from);
    }
    (value % (from / to) == 0).then_some(value / (from / to))
}

fn units_per_second(unit: TimeUnit) -> i64 {
    match unit {
        TimeUnit::Second => 1,
        TimeUnit::Millisecond => 1_000,
        TimeUnit::Microsecond => 1_000_000,
        TimeUnit::Nanosecond => 1_000_000_000,
    }
}

/// Arrow's parser, less what it takes beyond ISO 8601: zone names, and text that is not ASCII (which it cuts by bytes).
fn instant(text: &str) -> Option<DateTime<Utc>> {
    let iso = text.bytes().all(|byte| byte.is_ascii_digit() || b"-:. +TtZz".contains(&byte));
    if !iso || text.ends_with(' ') || text.ends_with('.') {
        return None;
    }
    // ISO 8601 lets whole minutes go without seconds; Arrow's parser does not.
    let without_seconds = text.as_bytes().get(13) == Some(&b':') && text.as_bytes().get(16) != Some(&b':');
    match text.split_at_checked(16) {
        Some((minutes, zone)) if without_seconds => string_to_datetime(&Utc, &format!("{minutes}:00{zone}")).ok(),
        _ => string_to_datetime(&Utc, text).ok(),
    }
}

/// Arrow's parser drops decimals beyond the ninth; only zeros may be dropped.
fn finer_than_nanoseconds(text: &str) -> bool {
    let Some((_, decimals)) = text.split_once('.') else { return false };
    decimals.bytes().take_while(u8::is_ascii_digit).skip(9).any(|digit| digit != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_become_characters() {
        assert_eq!(unescape(r#"a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é"#), "a\"\\/\u{8}\u{c}\n\r\té😀é");
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

    #[test]
    fn timestamps_lose_nothing() {
        use TimeUnit::{Millisecond, Nanosecond, Second};
        let check = |text: &str, unit, expected| assert_eq!(timestamp(text, unit), expected, "{text}");
        check("2024-03-01T05:51:22.083", Millisecond, Ok(1_709_272_282_083));
        check("2024-03-01 05:51:22.083Z", Millisecond, Ok(1_709_272_282_083));
        check("2024-03-01T07:51:22.083+02:00", Millisecond, Ok(1_709_272_282_083));
        check("2024-03-01", Second, Ok(1_709_251_200));
        check("2024-03-01T05:51Z", Second, Ok(1_709_272_260));
        check("2024-03-01T05:51", Second, Ok(1_709_272_260));
        check("2024-03-01 07:51+02:00", Second, Ok(1_709_272_260));
        check("2024-03-01T05:5", Second, Err(NoTimestamp::Form));
        check("1969-12-31T23:59:59.999", Millisecond, Ok(-1));
        check("2024-03-01T05:51:22.083", Second, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000001", Nanosecond, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000000", Nanosecond, Ok(1_709_272_282_000_000_000));
        check("9999-01-01T00:00:00", Nanosecond, Err(NoTimestamp::Range));
        check("2016-12-31T23:59:60Z", Second, Err(NoTimestamp::Range));
        for text in
            ["", "x", "2024-13-01", "2024-03-01T25:00:00", "2024-03-01T05:51:22 Europe/Berlin", "2024-03-01T05:51:2é"]
        {
            check(text, Second, Err(NoTimestamp::Form));
        }
    }

    #[test]
    fn epochs_convert_exactly() {
        use TimeUnit::{Millisecond, Nanosecond, Second};
        assert_eq!(convert_epoch(1_500, Millisecond, Second), None);
        assert_eq!(convert_epoch(-2_000, Millisecond, Second), Some(-2));
        assert_eq!(convert_epoch(i64::MAX, Second, Nanosecond), None);
        assert_eq!(convert_epoch(i64::MAX, Millisecond, Millisecond), None);
    }

    #[test]
    fn dates_are_whole_days() {
        assert_eq!(date("1970-01-02"), Some(1));
        assert_eq!(date("1969-12-31"), Some(-1));
        assert_eq!(date("1970-01-02T00:00:00"), None);
        assert_eq!(date("1970-1-2"), None);
    }
}
