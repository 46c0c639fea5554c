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
    Dates::default().timestamp(text, unit)
}

/// The date that was read last: times that follow on each other are mostly of one day.
#[derive(Debug, Default)]
pub(crate) struct Dates {
    /// Its digits, `YYYYMMDD`, and its days since 1970.
    last: Option<(u32, i64)>,
}

impl Dates {
    /// As [`timestamp`].
    pub(crate) fn timestamp(&mut self, text: &[u8], unit: TimeUnit) -> Result<i64, NoTimestamp> {
        if let Some(value) = self.milliseconds(text, unit) {
            return Ok(value);
        }
        let instant = usual_form(text, self).or_else(|| Scanner(text).instant());
        units(instant.ok_or(NoTimestamp::Form)?, unit)
    }

    /// `YYYY-MM-DDTHH:MM:SS.mmm`, with or without `Z`, which most event files have. `None` for what is not, or does not fit
    /// the unit.
    #[inline]
    fn milliseconds(&mut self, text: &[u8], unit: TimeUnit) -> Option<i64> {
        let text: &[u8; 23] = text.strip_suffix(b"Z").unwrap_or(text).try_into().ok()?;
        let (head, [b'.', decimals @ ..]) = text.split_first_chunk::<19>()? else { return None };
        let [hundreds, tens, ones] = decimals.first_chunk()?.map(|digit: u8| i64::from(digit.wrapping_sub(b'0')));
        if (hundreds > 9) | (tens > 9) | (ones > 9) {
            return None;
        }
        let milliseconds = self.seconds(head)? * 1_000 + hundreds * 100 + tens * 10 + ones;
        let per_second = units_per_second(unit);
        (per_second >= 1_000).then(|| milliseconds.checked_mul(per_second / 1_000)).flatten()
    }

    /// Seconds since 1970 of `YYYY-MM-DDTHH:MM:SS`; `None` for what is not.
    #[inline]
    fn seconds(&mut self, text: &[u8; 19]) -> Option<i64> {
        const DATE: Form = Form::new(*b"0000-00-", [0; 8]);
        const MIDDLE: Form = Form::new(*b"00T00:00", [0; 8]);
        const TIME: Form = Form::new(*b"00:00:00", [24, 0, 0, 60, 0, 0, 60, 0]);
        let date = DATE.read(*text.first_chunk()?);
        let middle = MIDDLE.read(*text[8..].first_chunk()?);
        let time = TIME.read(*text.last_chunk()?);
        if !(date.holds & middle.holds & time.holds) {
            return None;
        }
        let days = self.days(date.pair(0) * 100 + date.pair(2), date.pair(5), middle.pair(0))?;
        Some(days * SECONDS_PER_DAY + i64::from(time.pair(0) * 3600 + time.pair(3) * 60 + time.pair(6)))
    }

    fn days(&mut self, year: u32, month: u32, day: u32) -> Option<i64> {
        let digits = (year * 100 + month) * 100 + day;
        match self.last {
            Some((known, days)) if known == digits => Some(days),
            _ => {
                let days = days_since_1970(year.cast_signed(), month, day)?;
                self.last = Some((digits, days));
                Some(days)
            }
        }
    }
}

fn units(instant: Instant<'_>, unit: TimeUnit) -> Result<i64, NoTimestamp> {
    let Instant { seconds, decimals } = instant;
    let per_second = units_per_second(unit);
    let places = per_second.ilog10() as usize;
    let (kept, dropped) = decimals.split_at(places.min(decimals.len()));
    if dropped.iter().any(|digit| *digit != b'0') {
        return Err(NoTimestamp::TooFine);
    }
    let digits = kept.iter().fold(0, |sum, digit| sum * 10 + i128::from(digit - b'0'));
    let fraction = digits * 10_i128.pow((places - kept.len()) as u32);
    // Of the first second that 64 bits hold, they hold the end only.
    i64::try_from(i128::from(seconds) * i128::from(per_second) + fraction).map_err(|_| NoTimestamp::Range)
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

/// Bytes that a quick look looks at: more than the longest text that it knows has, and the quote behind it.
pub(crate) const QUICK: usize = 32;

/// Length of the timestamp of the unit that these bytes begin with, before a quote, as far as a quick look tells: zero
/// says nothing. It knows the form with seconds, without decimals, three or six of them, with or without `Z`.
#[inline(always)]
pub(crate) fn quick_length(bytes: &[u8; QUICK], unit: TimeUnit) -> usize {
    const DATE: Form = Form::new(*b"0000-00-", [22, 0, 0, 0, 0, 13, 0, 0]);
    const TIME: Form = Form::new(*b"00T00:00", [32, 0, 0, 24, 0, 0, 60, 0]);
    const SECONDS: Form = Form::new(*b"00:00:00", [0, 0, 0, 0, 0, 0, 60, 0]);
    const MILLISECONDS: Form = Form::new(*b"0:00.000", [0, 0, 60, 0, 0, 0, 0, 0]);
    const MICROSECONDS: Form = Form::new(*b"0.000000", [0; 8]);
    /// Of each month the days that it has in every year.
    const DAYS: [u8; 16] = [0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0, 0, 0];
    let read = |form: Form, at: usize| form.read(*bytes[at..].first_chunk().expect("there are as many bytes"));
    let is_utc = |at: usize| bytes[at] == b'Z' && bytes[at + 1] == b'"';
    let (length, tail) = match () {
        () if bytes[19] == b'"' => (19, read(SECONDS, 11).holds),
        () if is_utc(19) => (20, read(SECONDS, 11).holds),
        () if bytes[23] == b'"' && unit != TimeUnit::Second => (23, read(MILLISECONDS, 15).holds),
        () if is_utc(23) && unit != TimeUnit::Second => (24, read(MILLISECONDS, 15).holds),
        () if matches!(unit, TimeUnit::Second | TimeUnit::Millisecond) => return 0,
        () if bytes[26] == b'"' => (26, read(SECONDS, 11).holds & read(MICROSECONDS, 18).holds),
        () if is_utc(26) => (27, read(SECONDS, 11).holds & read(MICROSECONDS, 18).holds),
        () => return 0,
    };
    let (date, time) = (read(DATE, 0), read(TIME, 8));
    // Of the years, 64 bits of nanoseconds hold those of these centuries.
    let is_after = (date.pair(0) >= 17) & (date.pair(5) >= 1) & (time.pair(0) >= 1);
    if !(date.holds & time.holds & tail & is_after) {
        return 0;
    }
    let is_day = time.pair(0) <= 28 || time.pair(0) <= u32::from(DAYS[date.pair(5) as usize % DAYS.len()]);
    if is_day { length } else { 0 }
}

/// Whether a text is a timestamp of the unit, as far as a quick look tells: false says nothing.
pub(crate) fn is_surely_timestamp(text: &[u8], unit: TimeUnit) -> bool {
    let mut bytes = [b'"'; QUICK];
    let Some(room) = bytes[..QUICK - 1].get_mut(..text.len()) else { return false };
    room.copy_from_slice(text);
    !text.is_empty() && quick_length(&bytes, unit) == text.len()
}

/// The minute of a text that surely is a timestamp, of its first bytes, as a number that is the larger the later it is.
#[inline(always)]
pub(crate) fn minute(text: [u8; 16]) -> u128 {
    u128::from_be_bytes(text)
}

/// The first and the last instant of such a minute.
pub(crate) fn of_minute(minute: u128, unit: TimeUnit) -> (i64, i64) {
    match timestamp(&minute.to_be_bytes(), unit) {
        Ok(first) => (first, first.saturating_add(60 * units_per_second(unit) - 1)),
        // It is no minute, so it is no bound.
        Err(_) => (i64::MIN, i64::MAX),
    }
}

/// `YYYY-MM-DDTHH:MM:SS`, with or without decimals, and no zone but `Z`: what nearly all event files have. `None` for
/// other forms, which the scanner knows too.
fn usual_form<'a>(text: &'a [u8], dates: &mut Dates) -> Option<Instant<'a>> {
    let (head, decimals) = text.strip_suffix(b"Z").unwrap_or(text).split_first_chunk()?;
    let decimals = match decimals {
        [] => decimals,
        [b'.', decimals @ ..] if !decimals.is_empty() && decimals.iter().all(u8::is_ascii_digit) => decimals,
        _ => return None,
    };
    Some(Instant { seconds: dates.seconds(head)?, decimals })
}

/// What eight bytes must be: digits where the form has zeros, and else what the form has.
#[derive(Debug, Clone, Copy)]
struct Form {
    bytes: u64,
    /// What each byte's difference from the form may have added without reaching its highest bit.
    slack: u64,
    /// The same of the numbers that begin at places.
    limits: u64,
}

/// Eight bytes as a form reads them.
#[derive(Debug, Clone, Copy)]
struct Digits {
    /// By place: the number of the two digits that begin there.
    pairs: u64,
    /// Whether each byte is what the form asks for, and each number below its limit.
    holds: bool,
}

impl Form {
    /// `below` has the limits of numbers of two digits where they begin; zero where there is none.
    const fn new(form: [u8; 8], below: [u8; 8]) -> Self {
        let (mut slack, mut limits) = ([0x7f; 8], [0; 8]);
        let mut at = 0;
        while at < 8 {
            if form[at] == b'0' {
                slack[at] = 0x7f - 9;
            }
            if below[at] > 0 {
                limits[at] = 0x80 - below[at];
            }
            at += 1;
        }
        Self { bytes: u64::from_le_bytes(form), slack: u64::from_le_bytes(slack), limits: u64::from_le_bytes(limits) }
    }

    #[inline(always)]
    fn read(self, bytes: [u8; 8]) -> Digits {
        const HIGH: u64 = 0x8080_8080_8080_8080;
        let values = u64::from_le_bytes(bytes) ^ self.bytes;
        let differ = ((values & !HIGH) + self.slack) | values;
        // Of digits, no byte carries into the next one; of others it does not matter.
        let pairs = values.wrapping_mul(10).wrapping_add(values >> 8);
        Digits { pairs, holds: (differ | pairs.wrapping_add(self.limits)) & HIGH == 0 }
    }
}

impl Digits {
    #[inline(always)]
    fn pair(self, at: u32) -> u32 {
        (self.pairs >> (at * 8)) as u32 & 0xff
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
        let has_seconds =
            if colons { self.take(b":").is_some() } else { self.0.first().is_some_and(u8::is_ascii_digit) };
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
        check("2024-03-01T0551", Second, Ok(1_709_272_260));
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
            "2024-03-01T05:51:22.083Z",
            "2024-03-01T05:51:22.Z",
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
            let read = usual_form(text.as_bytes(), &mut Dates::default()).map(parts);
            assert_eq!(read, scanned, "{text}");
            for unit in [Second, Millisecond, Microsecond, Nanosecond] {
                let is_one = timestamp(text.as_bytes(), unit).is_ok();
                assert!(is_one || !is_surely_timestamp(text.as_bytes(), unit), "{text} in {unit:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_quick_look_is_never_wrong(
            text in "(19|20)[0-9]{2}[-0-9:][0-3][0-9]-[0-3][0-9:]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9][.Z]?[0-9]{0,7}Z?",
        ) {
            let bytes = text.as_bytes();
            let parts = |instant: Instant<'_>| (instant.seconds, instant.decimals.to_vec());
            let read = usual_form(bytes, &mut Dates::default()).map(parts);
            let scanned = Scanner(bytes).instant().map(parts);
            proptest::prop_assert!(read.is_none() || read == scanned);
            for unit in [Second, Millisecond, Microsecond, Nanosecond] {
                let expected = Scanner(bytes).instant().ok_or(NoTimestamp::Form).and_then(|instant| units(instant, unit));
                proptest::prop_assert_eq!(timestamp(bytes, unit), expected);
                proptest::prop_assert!(expected.is_ok() || !is_surely_timestamp(bytes, unit));
            }
        }

        #[test]
        fn a_quick_look_knows_nearly_all(seconds in 0..4_000_000_000_i64, micros in 0..1_000_000_u32) {
            let at = DateTime::from_timestamp(seconds, micros * 1_000).unwrap();
            for (form, units) in [
                ("%Y-%m-%dT%H:%M:%S", &[Second, Millisecond, Microsecond, Nanosecond][..]),
                ("%Y-%m-%dT%H:%M:%S%.3f", &[Millisecond, Microsecond, Nanosecond]),
                ("%Y-%m-%dT%H:%M:%S%.6f", &[Microsecond, Nanosecond]),
            ] {
                let text = at.format(form).to_string();
                for text in [format!("{text}Z"), text] {
                    for unit in [Second, Millisecond, Microsecond, Nanosecond] {
                        let instant = Scanner(text.as_bytes()).instant().unwrap();
                        proptest::prop_assert_eq!(timestamp(text.as_bytes(), unit), super::units(instant, unit));
                        let is_known = units.contains(&unit) && &text[5..10] != "02-29";
                        proptest::prop_assert_eq!(is_surely_timestamp(text.as_bytes(), unit), is_known, "{}", text);
                    }
                }
            }
        }
    }

    #[test]
    fn a_quick_look_knows_which_days_there_are() {
        for text in ["", "2", "2024-03-01T00:00", "2024-03-01T00:00:0", "2024-03-01T00:00:00.00"] {
            assert!(!is_surely_timestamp(text.as_bytes(), Nanosecond), "{text}");
        }
        for (text, is_one) in [
            ("2024-01-31", true),
            ("2024-04-30", true),
            ("2024-04-31", false),
            ("2024-02-28", true),
            ("2023-02-29", false),
            ("2024-00-10", false),
            ("2024-13-10", false),
            ("2024-12-00", false),
            ("2024-12-32", false),
        ] {
            assert_eq!(is_surely_timestamp(format!("{text}T00:00:00").as_bytes(), Second), is_one, "{text}");
        }
    }

    #[test]
    fn nothing_is_lost() {
        check("2024-03-01T05:51:22.083", Second, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000001", Nanosecond, Err(NoTimestamp::TooFine));
        check("2024-03-01T05:51:22.0000000000", Nanosecond, Ok(1_709_272_282_000_000_000));
        check("2024-03-01T05:51:22.5", Nanosecond, Ok(1_709_272_282_500_000_000));
        check("9999-01-01T00:00:00", Nanosecond, Err(NoTimestamp::Range));
        for (text, nanoseconds) in [
            ("1677-09-21T00:12:43.146", -9_223_372_036_854_000_000),
            ("1677-09-21 00:12:43.146Z", -9_223_372_036_854_000_000),
            ("1677-09-21T00:12:43.145224192", i64::MIN),
            ("2262-04-11T23:47:16.854775807", i64::MAX),
        ] {
            check(text, Nanosecond, Ok(nanoseconds));
        }
        check("1677-09-21T00:12:43.145224191", Nanosecond, Err(NoTimestamp::Range));
        check("2262-04-11T23:47:16.854775808", Nanosecond, Err(NoTimestamp::Range));
        check("2262-04-11T23:47:16.855", Nanosecond, Err(NoTimestamp::Range));
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
