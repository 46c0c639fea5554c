//! Dates and instants out of ISO 8601 text and out of integers. Exactly, or not at all.
//!
//! | part | forms |
//! |---|---|
//! | date | `2024-03-01` |
//! | between them | `T` or a space |
//! | time | `05:51`, `05:51:22`, `05:51:22.083` or `,083`; colons may be missing |
//! | zone | none (UTC), `Z`, `+02`, `+02:00`, `+0200`; a space may stand before it |
//!
//! Arrow's parser is not used: it takes a second 60 in any minute and a minute 99 in a zone for what they are not,
//! drops decimals, and knows no time without seconds. A leap second has no place in a count of seconds: it is refused.

use arrow::datatypes::TimeUnit;
use chrono::{DateTime, Datelike, NaiveDate};

const SECONDS_PER_DAY: i64 = 86_400;

/// What chrono counts for 1970-01-01, whose days begin with the year 1.
const DAYS_BEFORE_1970: i64 = 719_163;

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

/// Days since 1970-01-01 of `YYYY-MM-DD`.
pub(crate) fn date(text: &[u8]) -> Option<i32> {
    let mut scanner = Scanner(text);
    let days = scanner.date()?;
    scanner.0.is_empty().then_some(i32::try_from(days).ok()?)
}

/// Units since 1970-01-01 UTC of an ISO 8601 text, with or without zone (none means UTC), with `T` or a space.
pub(crate) fn timestamp(text: &[u8], unit: TimeUnit) -> Result<i64, NoTimestamp> {
    let instant = usual_form(text).and_then(Usual::instant).or_else(|| Scanner(text).instant());
    let Instant { seconds, decimals } = instant.ok_or(NoTimestamp::Form)?;
    let per_second = units_per_second(unit);
    let places = per_second.ilog10() as usize;
    let (kept, dropped) = decimals.split_at(places.min(decimals.len()));
    if dropped.iter().any(|digit| *digit != b'0') {
        return Err(NoTimestamp::TooFine);
    }
    let digits = kept.iter().fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let fraction = digits * 10_i64.pow((places - kept.len()) as u32);
    seconds.checked_mul(per_second).and_then(|units| units.checked_add(fraction)).ok_or(NoTimestamp::Range)
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

/// A point in time: whole seconds since 1970-01-01 UTC, and the digits that follow them.
struct Instant<'a> {
    seconds: i64,
    decimals: &'a [u8],
}

/// Whether a text is a timestamp of the unit, as far as a quick look tells: false says nothing.
#[inline]
pub(crate) fn is_surely_timestamp(text: &[u8], unit: TimeUnit) -> bool {
    // 64 bits of nanoseconds hold less than the years of four digits.
    let (places, in_range) = match unit {
        TimeUnit::Second => (0, true),
        TimeUnit::Millisecond => (3, true),
        TimeUnit::Microsecond => (6, true),
        TimeUnit::Nanosecond => (9, false),
    };
    usual_form(text).is_some_and(|Usual { year, month, day, decimals, .. }| {
        let in_range = in_range || (1700..2200).contains(&year);
        in_range & (1..=12).contains(&month) & (1..=28).contains(&day) & (decimals.len() <= places)
    })
}

/// The parts of `YYYY-MM-DDTHH:MM:SS`, with or without decimals, and no zone: what nearly all event files have.
#[derive(Debug, Clone, Copy)]
struct Usual<'a> {
    /// As written: no month or day may be as large.
    year: u32,
    month: u32,
    day: u32,
    /// Since midnight, and in range.
    seconds: u32,
    decimals: &'a [u8],
}

impl<'a> Usual<'a> {
    fn instant(self) -> Option<Instant<'a>> {
        let days = days_since_1970(self.year.cast_signed(), self.month, self.day)?;
        Some(Instant { seconds: days * SECONDS_PER_DAY + i64::from(self.seconds), decimals: self.decimals })
    }
}

/// `None` for other forms, which the scanner knows too.
#[inline]
fn usual_form(text: &[u8]) -> Option<Usual<'_>> {
    let (head, decimals) = text.split_first_chunk::<19>()?;
    let date = Digits::of(*head.first_chunk()?, *b"0000-00-");
    let middle = Digits::of(*head[8..].first_chunk()?, *b"00T00:00");
    let time = Digits::of(*head.last_chunk()?, *b"00:00:00");
    let are_digits = date.are_in_place() & middle.are_in_place() & time.are_in_place();
    let (hours, minutes, seconds) = (time.pair(0), time.pair(3), time.pair(6));
    let decimals = match decimals {
        [] => decimals,
        [b'.', decimals @ ..] if !decimals.is_empty() && decimals.iter().all(u8::is_ascii_digit) => decimals,
        _ => return None,
    };
    let is_time = are_digits & (hours < 24) & (minutes < 60) & (seconds < 60);
    is_time.then(|| Usual {
        year: date.pair(0) * 100 + date.pair(2),
        month: date.pair(5),
        day: middle.pair(0),
        seconds: hours * 3600 + minutes * 60 + seconds,
        decimals,
    })
}

/// Eight bytes that are digits where a form has zeros, and else what the form has.
#[derive(Debug, Clone, Copy)]
struct Digits {
    /// The digits' values, and zeros for the rest, if they are in place.
    values: u64,
    /// What each byte may be less than its highest bit by.
    slack: u64,
}

impl Digits {
    #[inline(always)]
    fn of(bytes: [u8; 8], form: [u8; 8]) -> Self {
        let slack = form.map(|byte| if byte == b'0' { 0x7f - 9 } else { 0x7f });
        let values = u64::from_le_bytes(bytes) ^ u64::from_le_bytes(form);
        Self { values, slack: u64::from_le_bytes(slack) }
    }

    #[inline(always)]
    fn are_in_place(self) -> bool {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        // No byte carries into the next one.
        (((self.values & !HIGH) + self.slack) | self.values) & HIGH == 0
    }

    /// The number of two digits.
    #[inline(always)]
    fn pair(self, at: u32) -> u32 {
        let digits = (self.values >> (at * 8)) as u32;
        (digits & 0xff) * 10 + (digits >> 8 & 0xff)
    }
}

fn days_since_1970(year: i32, month: u32, day: u32) -> Option<i64> {
    let date = NaiveDate::from_ymd_opt(year, month, day)?;
    Some(i64::from(date.num_days_from_ce()) - DAYS_BEFORE_1970)
}

/// What is still to be read.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    fn instant(&mut self) -> Option<Instant<'a>> {
        let midnight = self.date()? * SECONDS_PER_DAY;
        if self.0.is_empty() {
            return Some(Instant { seconds: midnight, decimals: &[] });
        }
        self.take(b"Tt ")?;
        let (time, decimals) = self.time()?;
        let offset = self.zone()?;
        self.0.is_empty().then_some(Instant { seconds: midnight + time - offset, decimals })
    }

    /// Days since 1970-01-01.
    fn date(&mut self) -> Option<i64> {
        let year = self.number(4)?;
        self.take(b"-")?;
        let month = self.number(2)?;
        self.take(b"-")?;
        let day = self.number(2)?;
        days_since_1970(i32::try_from(year).ok()?, month, day)
    }

    /// Seconds since midnight, and the decimals of the last of them.
    fn time(&mut self) -> Option<(i64, &'a [u8])> {
        let hours = self.below(24)?;
        let colons = self.take(b":").is_some();
        let minutes = self.below(60)?;
        let has_seconds = if colons { self.take(b":").is_some() } else { self.0.first()?.is_ascii_digit() };
        if !has_seconds {
            return Some((hours * 3600 + minutes * 60, &[]));
        }
        let seconds = self.below(60)?;
        let decimals = if self.take(b".,").is_some() { self.decimals()? } else { &[] };
        Some((hours * 3600 + minutes * 60 + seconds, decimals))
    }

    /// Seconds east of UTC.
    fn zone(&mut self) -> Option<i64> {
        if self.0.is_empty() {
            return Some(0);
        }
        let _ = self.take(b" ");
        match self.take(b"Zz+-")? {
            b'+' => self.offset(),
            b'-' => self.offset().map(|offset| -offset),
            _ => Some(0),
        }
    }

    fn offset(&mut self) -> Option<i64> {
        let hours = self.below(24)?;
        if self.take(b":").is_none() && self.0.is_empty() {
            return Some(hours * 3600);
        }
        Some(hours * 3600 + self.below(60)? * 60)
    }

    fn decimals(&mut self) -> Option<&'a [u8]> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (decimals, rest) = self.0.split_at(count);
        self.0 = rest;
        (count > 0).then_some(decimals)
    }

    /// Two digits that stand for less than `end`.
    fn below(&mut self, end: u32) -> Option<i64> {
        self.number(2).filter(|number| *number < end).map(i64::from)
    }

    fn number(&mut self, digits: usize) -> Option<u32> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        self.0 = rest;
        number.iter().try_fold(0, |sum, digit| Some(sum * 10 + char::from(*digit).to_digit(10)?))
    }

    /// The next byte, if it is one of `any`.
    fn take(&mut self, any: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        any.contains(first).then(|| {
            self.0 = rest;
            *first
        })
    }
}

#[cfg(test)]
mod tests {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};

    use super::*;

    fn check(text: &str, unit: TimeUnit, expected: Result<i64, NoTimestamp>) {
        assert_eq!(timestamp(text.as_bytes(), unit), expected, "{text}");
    }

    #[test]
    fn iso_8601_is_read_in_its_forms() {
        for text in [
            "2024-03-01T05:51:22.083",
            "2024-03-01 05:51:22.083Z",
            "2024-03-01t05:51:22,083z",
            "2024-03-01T05:51:22.0830000000000000000Z",
            "2024-03-01T07:51:22.083+02:00",
            "2024-03-01T07:51:22.083 +0200",
            "2024-03-01T07:51:22.083+02",
            "2024-02-29T22:21:22.083-07:30",
            "2024-03-01T055122.083Z",
        ] {
            check(text, Millisecond, Ok(1_709_272_282_083));
        }
        check("2024-03-01", Second, Ok(1_709_251_200));
        check("2024-03-01T05:51", Second, Ok(1_709_272_260));
        check("2024-03-01 0551+00:00", Second, Ok(1_709_272_260));
        check("1969-12-31T23:59:59.999", Millisecond, Ok(-1));
        check("0000-01-01", Second, Ok(-62_167_219_200));
        check("9999-12-31T23:59:59.999999", Microsecond, Ok(253_402_300_799_999_999));
    }

    #[test]
    fn the_usual_form_is_read_as_the_scanner_reads_it() {
        for text in [
            "2024-03-01T05:51:22",
            "2024-03-01T05:51:22.083",
            "0000-02-29T23:59:59.1234567890",
            "2023-02-29T00:00:00",
            "2024-03-01T24:00:00",
            "2024-03-01T05:60:00",
            "2024-03-01T05:51:60",
            "2024-03-01T05:51:22.",
            "2024-03-01T05:51:22.0x",
            "2024-03-01T05:51:22Z",
            "2024-0a-01T05:51:22",
            "2024-0:-01T05:51:22",
            "2024-0/-01T05:51:22",
            "2024-03-01T05:51:2\u{80}",
            "2024-03-01T05.51:22",
            "2024-00-01T05:51:22",
            "1650-03-01T05:51:22",
            "2024-03-00T05:51:22.1",
        ] {
            let parts = |instant: Instant<'_>| (instant.seconds, instant.decimals.to_vec());
            let scanned = Scanner(text.as_bytes()).instant().map(parts);
            let read = usual_form(text.as_bytes()).and_then(Usual::instant).map(parts);
            assert!(read == scanned || read.is_none() && text.ends_with('Z'), "{text}");
            for unit in [Second, Millisecond, Microsecond, Nanosecond] {
                let is_one = timestamp(text.as_bytes(), unit).is_ok();
                assert!(is_one || !is_surely_timestamp(text.as_bytes(), unit), "{text} in {unit:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_quick_look_is_never_wrong(
            text in "(19|20)[0-9]{2}[-0-9:][0-3][0-9]-[0-3][0-9:]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][.Z]?[0-9]{0,7}",
        ) {
            let bytes = text.as_bytes();
            let parts = |instant: Instant<'_>| (instant.seconds, instant.decimals.to_vec());
            let read = usual_form(bytes).and_then(Usual::instant).map(parts);
            let scanned = Scanner(bytes).instant().map(parts);
            proptest::prop_assert!(read.is_none() || read == scanned);
            for unit in [Second, Millisecond, Microsecond, Nanosecond] {
                proptest::prop_assert!(timestamp(bytes, unit).is_ok() || !is_surely_timestamp(bytes, unit));
            }
        }
    }

    #[test]
    fn nothing_is_lost() {
        check("2024-03-01T05:51:22.083", Second, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000001", Nanosecond, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000000", Nanosecond, Ok(1_709_272_282_000_000_000));
        check("2024-03-01T05:51:22.5", Nanosecond, Ok(1_709_272_282_500_000_000));
        check("9999-01-01T00:00:00", Nanosecond, Err(NoTimestamp::Range));
    }

    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "x",
            "2024",
            "2024-03",
            "2024-3-1",
            "20240301",
            "2024-13-01",
            "2023-02-29",
            "2024-03-01T",
            "2024-03-01T05",
            "2024-03-01T05:",
            "2024-03-01T05:51:",
            "2024-03-01T05:51:22.",
            "2024-03-01T05:51:22.Z",
            "2024-03-01T24:00:00",
            "2024-03-01T05:60:00",
            "2024-03-01T23:59:60Z",
            "2024-03-01T12:34:60",
            "2024-03-01T05:51:22+02:99",
            "2024-03-01T05:51:22+24:00",
            "2024-03-01T05:51:22+2",
            "2024-03-01T05:51:22+02:",
            "2024-03-01T05:51:22  Z",
            "2024-03-01T05:51:22ZZ",
            "2024-03-01T05:51:22 Europe/Berlin",
            "2024-03-01T05:51:22 ",
            " 2024-03-01",
            "+2024-03-01",
            "2024-03-01T05:51:2é",
            "２０２４-03-01",
        ] {
            check(text, Second, Err(NoTimestamp::Form));
        }
    }

    #[test]
    fn epochs_convert_exactly() {
        assert_eq!(convert_epoch(1_500, Millisecond, Second), None);
        assert_eq!(convert_epoch(-2_000, Millisecond, Second), Some(-2));
        assert_eq!(convert_epoch(i64::MAX, Second, Nanosecond), None);
        assert_eq!(convert_epoch(i64::MAX, Millisecond, Millisecond), None);
    }

    #[test]
    fn dates_are_whole_days() {
        assert_eq!(date(b"1970-01-02"), Some(1));
        assert_eq!(date(b"1969-12-31"), Some(-1));
        assert_eq!(date(b"1970-01-02T00:00:00"), None);
        assert_eq!(date(b"1970-1-2"), None);
        assert_eq!(date(b"1970-01-0"), None);
    }
}
