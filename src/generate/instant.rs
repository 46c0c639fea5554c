//! Event times as text, faster than a format string: this runs once per event.
//!
//! It writes one form only, ISO 8601 with milliseconds and without zone, and knows no time but UTC.

use std::ops::RangeInclusive;

use chrono::{DateTime, Datelike, Timelike};

/// Epoch milliseconds of the years 1 to 9999, those that ISO 8601 writes with four digits.
pub(super) const RANGE_MS: RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Appends `2024-03-01T05:51:22.083`.
pub(super) fn push(instant_ms: i64, out: &mut Vec<u8>) {
    let instant = DateTime::from_timestamp_millis(instant_ms).expect("the generator keeps to `RANGE_MS`").naive_utc();
    push_digits::<4>(instant.year().cast_unsigned(), out);
    out.push(b'-');
    push_digits::<2>(instant.month(), out);
    out.push(b'-');
    push_digits::<2>(instant.day(), out);
    out.push(b'T');
    push_digits::<2>(instant.hour(), out);
    out.push(b':');
    push_digits::<2>(instant.minute(), out);
    out.push(b':');
    push_digits::<2>(instant.second(), out);
    out.push(b'.');
    push_digits::<3>(instant.nanosecond() / 1_000_000, out);
}

/// Appends the last `N` decimal digits of `number`.
pub(super) fn push_digits<const N: usize>(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [b'0'; N];
    for digit in digits.iter_mut().rev() {
        *digit += (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) {
        let instant_ms = text.parse::<chrono::NaiveDateTime>().unwrap().and_utc().timestamp_millis();
        assert!(RANGE_MS.contains(&instant_ms), "{text}");
        let mut out = Vec::new();
        push(instant_ms, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text);
    }

    #[test]
    fn instants_read_back_as_they_were() {
        check("2024-03-01T05:51:22.083");
        check("2024-02-29T23:59:59.999");
        check("1970-01-01T00:00:00.000");
        check("1969-12-31T23:59:59.999");
        check("1900-03-01T00:00:00.001");
        check("0001-01-01T00:00:00.000");
        check("9999-12-31T23:59:59.999");
    }

    #[test]
    fn the_range_ends_where_years_have_four_digits() {
        let year = |ms| DateTime::from_timestamp_millis(ms).unwrap().year();
        assert_eq!((year(*RANGE_MS.start()), year(*RANGE_MS.start() - 1)), (1, 0));
        assert_eq!((year(*RANGE_MS.end()), year(*RANGE_MS.end() + 1)), (9999, 10_000));
    }
}
