//! Dates, times, timestamps, durations and intervals as ISO 8601 in JSON strings.
//!
//! | type | text |
//! |---|---|
//! | date | `2024-01-02`; of a type that counts milliseconds, `2024-01-02T00:00:00` |
//! | timestamp | `2024-01-02T03:04:05.678` |
//! | timestamp with a zone | `2024-01-02T03:04:05.678Z` for UTC, `2024-01-02T04:04:05.678+01:00` elsewhere |
//! | time | `03:04:05.678` |
//! | duration | `PT1.500S`; of a negative one `-PT1.500S` |
//! | interval | `P1M-2DT3.500S`: every part has its own sign |
//!
//! A fraction has no, three, six or nine digits: as many as the value needs. Years outside 0 to 9999 have a sign and
//! at least four digits more than none, as the standard asks of them.

use std::io::Write;

use arrow::array::timezone::Tz;
use arrow::array::{Array, ArrowPrimitiveType, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Date64Type, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};
use arrow::temporal_conversions::{as_datetime, as_time};
use chrono::{Datelike, NaiveDate, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike};

use super::values::Put;
use crate::error::{Error, Result};

/// A time zone by its IANA name or its offset.
pub(super) fn zone(name: &str) -> Result<Tz> {
    name.parse().map_err(|error| Error::sql(format!("unknown time zone `{name}`")).with_source(error))
}

/// What writes the values of `array`, which is of a temporal type.
pub(super) fn put<'a>(array: &'a dyn Array, path: &str) -> Result<Put<'a>> {
    use DataType::{Date32, Date64, Duration, Interval, Time32, Time64, Timestamp};
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    Ok(match array.data_type() {
        Date32 => convert::<Date32Type, _>(array, path, as_datetime::<Date32Type>, |at, out| date(at.date(), out)),
        Date64 => convert::<Date64Type, _>(array, path, as_datetime::<Date64Type>, date_time),
        Time32(Second) => convert::<Time32SecondType, _>(array, path, as_time::<Time32SecondType>, time),
        Time32(_) => convert::<Time32MillisecondType, _>(array, path, as_time::<Time32MillisecondType>, time),
        Time64(Microsecond) => {
            let of_day = |count| within_a_day(count, 1_000_000).and_then(as_time::<Time64MicrosecondType>);
            convert::<Time64MicrosecondType, _>(array, path, of_day, time)
        }
        Time64(_) => {
            let of_day = |count| within_a_day(count, 1_000_000_000).and_then(as_time::<Time64NanosecondType>);
            convert::<Time64NanosecondType, _>(array, path, of_day, time)
        }
        Timestamp(Second, zone) => timestamp::<TimestampSecondType>(array, path, zone.as_deref())?,
        Timestamp(Millisecond, zone) => timestamp::<TimestampMillisecondType>(array, path, zone.as_deref())?,
        Timestamp(Microsecond, zone) => timestamp::<TimestampMicrosecondType>(array, path, zone.as_deref())?,
        Timestamp(Nanosecond, zone) => timestamp::<TimestampNanosecondType>(array, path, zone.as_deref())?,
        Duration(Second) => duration::<DurationSecondType>(array, 1),
        Duration(Millisecond) => duration::<DurationMillisecondType>(array, 1_000),
        Duration(Microsecond) => duration::<DurationMicrosecondType>(array, 1_000_000),
        Duration(Nanosecond) => duration::<DurationNanosecondType>(array, 1_000_000_000),
        Interval(IntervalUnit::YearMonth) => interval::<IntervalYearMonthType>(array, |months| (months, 0, 0)),
        Interval(IntervalUnit::DayTime) => {
            interval::<IntervalDayTimeType>(array, |value| (0, value.days, i64::from(value.milliseconds) * 1_000_000))
        }
        Interval(IntervalUnit::MonthDayNano) => {
            interval::<IntervalMonthDayNanoType>(array, |value| (value.months, value.days, value.nanoseconds))
        }
        other => return Err(Error::internal(format!("column `{path}` has type {other}, which is not temporal"))),
    })
}

/// A count that is within a day: of others the library would take the seconds modulo 2^32.
fn within_a_day(count: i64, per_second: i64) -> Option<i64> {
    const SECONDS: i64 = 24 * 60 * 60;
    (0..SECONDS * per_second).contains(&count).then_some(count)
}

/// Values that `convert` can turn into something that `show` writes, in quotes.
fn convert<'a, T, V>(
    array: &'a dyn Array,
    path: &str,
    convert: fn(i64) -> Option<V>,
    show: impl Fn(V, &mut Vec<u8>) + 'a,
) -> Put<'a>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
    V: 'a,
{
    let array = array.as_primitive::<T>();
    let path = path.to_owned();
    Box::new(move |row, out| {
        let count: i64 = array.value(row).into();
        let value = convert(count).ok_or_else(|| out_of_range(&path, count, array.data_type()))?;
        out.push(b'"');
        show(value, out);
        out.push(b'"');
        Ok(())
    })
}

fn out_of_range(path: &str, count: i64, data_type: &DataType) -> Error {
    Error::data(format!("column `{path}` holds {count} as {data_type}, which is no date or time of any calendar"))
        .with_hint("check the unit that it was cast from, for example with `to_timestamp_millis`")
}

fn timestamp<'a, T>(array: &'a dyn Array, path: &str, zone_name: Option<&str>) -> Result<Put<'a>>
where
    T: ArrowPrimitiveType<Native: Into<i64>>,
{
    Ok(match zone_name {
        None => convert::<T, _>(array, path, as_datetime::<T>, date_time),
        // The usual names are not looked up for every value.
        Some("UTC" | "Z" | "+00:00") => convert::<T, _>(array, path, as_datetime::<T>, utc),
        Some(name) => {
            let zone = zone(name)?;
            convert::<T, _>(array, path, as_datetime::<T>, move |at, out| zoned(at, &zone, out))
        }
    })
}

fn utc(at: NaiveDateTime, out: &mut Vec<u8>) {
    date_time(at, out);
    out.push(b'Z');
}

/// `at` is UTC. An offset with seconds, as local mean times have, does not fit ISO 8601: then the text is UTC too.
fn zoned(at: NaiveDateTime, zone: &Tz, out: &mut Vec<u8>) {
    let offset = zone.offset_from_utc_datetime(&at).fix();
    let seconds = offset.local_minus_utc();
    match at.checked_add_offset(offset) {
        Some(local) if seconds != 0 && seconds % 60 == 0 => {
            date_time(local, out);
            let minutes = seconds.unsigned_abs() / 60;
            let sign = if seconds < 0 { b'-' } else { b'+' };
            let [hour, minute] = [minutes / 60, minutes % 60].map(two_digits);
            out.extend_from_slice(&[sign, hour[0], hour[1], b':', minute[0], minute[1]]);
        }
        _ => utc(at, out),
    }
}

fn date_time(at: NaiveDateTime, out: &mut Vec<u8>) {
    date(at.date(), out);
    out.push(b'T');
    time(at.time(), out);
}

fn date(date: NaiveDate, out: &mut Vec<u8>) {
    match u32::try_from(date.year()) {
        Ok(year @ 0..=9999) => out.extend_from_slice([year / 100, year % 100].map(two_digits).as_flattened()),
        _ => write!(out, "{:+05}", date.year()).expect("memory takes every byte"),
    }
    let [month, day] = [date.month(), date.day()].map(two_digits);
    out.extend_from_slice(&[b'-', month[0], month[1], b'-', day[0], day[1]]);
}

fn time(time: NaiveTime, out: &mut Vec<u8>) {
    let [hour, minute, second] = [time.hour(), time.minute(), time.second()].map(two_digits);
    out.extend_from_slice(&[hour[0], hour[1], b':', minute[0], minute[1], b':', second[0], second[1]]);
    fraction(time.nanosecond(), out);
}

/// Of `nanoseconds` below a second: nothing, or the point and three, six or nine digits.
fn fraction(nanoseconds: u32, out: &mut Vec<u8>) {
    let parts = [nanoseconds / 1_000_000, nanoseconds / 1_000 % 1_000, nanoseconds % 1_000];
    let Some(last) = parts.iter().rposition(|part| *part != 0) else { return };
    out.push(b'.');
    for part in &parts[..=last] {
        let [ten, one] = two_digits(part % 100);
        out.extend_from_slice(&[b'0' + (part / 100) as u8, ten, one]);
    }
}

fn two_digits(value: u32) -> [u8; 2] {
    [b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]
}

fn duration<'a, T>(array: &'a dyn Array, per_second: u64) -> Put<'a>
where
    T: ArrowPrimitiveType<Native = i64>,
{
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| {
        let count = array.value(row);
        out.extend_from_slice(if count < 0 { b"\"-PT" } else { b"\"PT" });
        seconds(count.unsigned_abs(), per_second, out);
        out.push(b'"');
        Ok(())
    })
}

/// `parts` yields months, days and nanoseconds.
fn interval<'a, T: ArrowPrimitiveType>(array: &'a dyn Array, parts: fn(T::Native) -> (i32, i32, i64)) -> Put<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| {
        let (months, days, nanoseconds) = parts(array.value(row));
        out.extend_from_slice(b"\"P");
        for (count, letter) in [(months, 'M'), (days, 'D')] {
            if count != 0 {
                write!(out, "{count}{letter}").expect("memory takes every byte");
            }
        }
        if nanoseconds != 0 || (months == 0 && days == 0) {
            out.extend_from_slice(if nanoseconds < 0 { b"T-" } else { b"T" });
            seconds(nanoseconds.unsigned_abs(), 1_000_000_000, out);
        }
        out.push(b'"');
        Ok(())
    })
}

fn seconds(count: u64, per_second: u64, out: &mut Vec<u8>) {
    write!(out, "{}", count / per_second).expect("memory takes every byte");
    let nanoseconds = count % per_second * (1_000_000_000 / per_second);
    fraction(u32::try_from(nanoseconds).expect("less than a second"), out);
    out.push(b'S');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{IntervalDayTime, IntervalMonthDayNano};

    use super::super::Format;
    use super::super::testing::{column, encode_text};

    fn check(array: impl Array + 'static, expected: &[&str]) {
        let text = encode_text(Format::Json, &[column(array)]).unwrap();
        let lines: Vec<_> = expected.iter().map(|value| format!("{{\"v\":\"{value}\"}}\n")).collect();
        assert_eq!(text, lines.concat());
    }

    /// 2024-01-02T03:04:05.678Z in milliseconds.
    const AT: i64 = 1_704_164_645_678;

    #[test]
    fn dates() {
        check(Date32Array::from(vec![0, -1, 19_724]), &["1970-01-01", "1969-12-31", "2024-01-02"]);
        check(Date64Array::from(vec![AT]), &["2024-01-02T03:04:05.678"]);
        // The years 0, -1, 9999 and 10000.
        check(Date32Array::from(vec![-719_528, -719_529]), &["0000-01-01", "-0001-12-31"]);
        check(Date32Array::from(vec![2_932_896, 2_932_897]), &["9999-12-31", "+10000-01-01"]);
    }

    #[test]
    fn timestamps_have_the_digits_that_they_need() {
        check(TimestampSecondArray::from(vec![AT / 1000]), &["2024-01-02T03:04:05"]);
        check(TimestampMillisecondArray::from(vec![AT, -1]), &["2024-01-02T03:04:05.678", "1969-12-31T23:59:59.999"]);
        check(TimestampMicrosecondArray::from(vec![AT * 1000 + 9]), &["2024-01-02T03:04:05.678009"]);
        check(
            TimestampNanosecondArray::from(vec![AT * 1_000_000, AT * 1_000_000 + 50]),
            &["2024-01-02T03:04:05.678", "2024-01-02T03:04:05.678000050"],
        );
    }

    #[test]
    fn zones() {
        let at = |zone: &str, value| TimestampMillisecondArray::from(vec![value]).with_timezone(zone);
        check(at("UTC", AT), &["2024-01-02T03:04:05.678Z"]);
        check(at("+00:00", AT), &["2024-01-02T03:04:05.678Z"]);
        check(at("Europe/London", AT), &["2024-01-02T03:04:05.678Z"]);
        check(at("Europe/Amsterdam", AT), &["2024-01-02T04:04:05.678+01:00"]);
        check(at("-03:30", AT), &["2024-01-01T23:34:05.678-03:30"]);
        // Until 1972, Monrovia was 44 minutes and 30 seconds behind.
        check(at("Africa/Monrovia", 0), &["1970-01-01T00:00:00Z"]);
        // An hour later is no more in the calendar.
        check(at("Europe/Amsterdam", 8_210_266_876_799_000), &["+262142-12-31T23:59:59Z"]);
    }

    #[test]
    fn times() {
        check(Time32SecondArray::from(vec![11_045]), &["03:04:05"]);
        check(Time32MillisecondArray::from(vec![11_045_678]), &["03:04:05.678"]);
        check(Time64MicrosecondArray::from(vec![1]), &["00:00:00.000001"]);
        check(Time64NanosecondArray::from(vec![86_399_999_999_999]), &["23:59:59.999999999"]);
    }

    #[test]
    fn durations() {
        check(DurationSecondArray::from(vec![0, 90_061, i64::MIN]), &["PT0S", "PT90061S", "-PT9223372036854775808S"]);
        check(DurationMillisecondArray::from(vec![1_500, -1]), &["PT1.500S", "-PT0.001S"]);
        check(DurationMicrosecondArray::from(vec![1]), &["PT0.000001S"]);
        check(DurationNanosecondArray::from(vec![-1]), &["-PT0.000000001S"]);
    }

    #[test]
    fn intervals() {
        check(IntervalYearMonthArray::from(vec![14, -1]), &["P14M", "P-1M"]);
        check(IntervalDayTimeArray::from(vec![IntervalDayTime::new(2, -1_500)]), &["P2DT-1.500S"]);
        let full = [(1, 2, 3_000_000_000), (0, 0, 0), (-1, 0, -1)];
        check(
            IntervalMonthDayNanoArray::from_iter_values(full.map(|(m, d, n)| IntervalMonthDayNano::new(m, d, n))),
            &["P1M2DT3S", "PT0S", "P-1MT-0.000000001S"],
        );
    }

    #[test]
    fn what_no_calendar_has_is_an_error() {
        let check = |array: ArrayRef, expected: &str| {
            let error = encode_text(Format::Json, &[column(array)]).unwrap_err();
            assert_eq!((error.kind(), error.to_string().as_str()), ("data", expected));
        };
        let far = TimestampSecondArray::from(vec![i64::MAX]);
        check(
            Arc::new(far),
            "column `v` holds 9223372036854775807 as Timestamp(s), which is no date or time of any calendar",
        );
        check(
            Arc::new(Time32SecondArray::from(vec![86_400])),
            "column `v` holds 86400 as Time32(s), which is no date or time of any calendar",
        );
        // 2^32 seconds and a nanosecond, or a microsecond.
        check(
            Arc::new(Time64NanosecondArray::from(vec![4_294_967_296_000_000_001])),
            "column `v` holds 4294967296000000001 as Time64(ns), which is no date or time of any calendar",
        );
        check(
            Arc::new(Time64MicrosecondArray::from(vec![4_294_967_296_000_001])),
            "column `v` holds 4294967296000001 as Time64(µs), which is no date or time of any calendar",
        );
        check(
            Arc::new(Time64MicrosecondArray::from(vec![-1])),
            "column `v` holds -1 as Time64(µs), which is no date or time of any calendar",
        );
        check(
            Arc::new(Date32Array::from(vec![i32::MAX])),
            "column `v` holds 2147483647 as Date32, which is no date or time of any calendar",
        );
    }

    #[test]
    fn an_unknown_zone_is_refused() {
        let array: ArrayRef = Arc::new(TimestampSecondArray::from(vec![0]).with_timezone("Mars/Olympus"));
        let error = encode_text(Format::Json, &[column(array)]).unwrap_err();
        assert_eq!(error.to_string(), "column `v` is a timestamp of an unknown zone, which json cannot hold");
    }
}
