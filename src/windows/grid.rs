//! Windows of one size at even distances, over timestamps as integers of one unit.
//!
//! Fixed windows are aligned to the epoch, calendar windows to the first of January 1970; an offset moves all of them.
//! All are half-open. It knows no arrays.

use chrono::{DateTime, Datelike, Months, NaiveDate, NaiveDateTime};
use datafusion::arrow::datatypes::{IntervalMonthDayNano, TimeUnit};

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

/// Where windows begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grid {
    /// Distances in the timestamps' unit.
    Fixed { slide: i64, size: i64, offset: i64 },
    /// Distances in months; the offset, in the timestamps' unit, is shorter than any month.
    Calendar { slide: u32, size: u32, offset: i64, unit: TimeUnit },
}

/// Why intervals make no windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Zero, or less.
    NotPositive,
    /// Months together with days or hours: their length is not known.
    Mixed,
    /// Not a whole number of the timestamps' unit.
    TooFine,
    /// More than a timestamp can hold.
    TooLong,
    /// An offset that moves calendar windows out of their month.
    OffsetTooLong,
}

impl Grid {
    /// Windows of `size`, one every `slide`.
    pub(super) fn new(
        slide: IntervalMonthDayNano,
        size: IntervalMonthDayNano,
        offset: IntervalMonthDayNano,
        unit: TimeUnit,
    ) -> Result<Self, Flaw> {
        match (slide.months != 0, size.months != 0) {
            (false, false) => {
                let (slide, size) = (positive(slide, unit)?, positive(size, unit)?);
                Ok(Self::Fixed { slide, size, offset: fixed(offset, unit)? })
            }
            (true, true) => {
                let offset = fixed(offset, unit)?;
                let shortest = fixed(IntervalMonthDayNano::new(0, 28, 0), unit)?;
                if !(0..shortest).contains(&offset) {
                    return Err(Flaw::OffsetTooLong);
                }
                Ok(Self::Calendar { slide: months(slide)?, size: months(size)?, offset, unit })
            }
            _ => Err(Flaw::Mixed),
        }
    }

    /// The start of the last window that begins at `at` or before; `None` beyond what timestamps can hold.
    pub(super) fn start(&self, at: i64) -> Option<i64> {
        match *self {
            Self::Fixed { slide, offset, .. } => {
                let within = at.checked_sub(offset)?.rem_euclid(slide);
                at.checked_sub(within)
            }
            Self::Calendar { slide, offset, unit, .. } => {
                let date = datetime(at.checked_sub(offset)?, unit)?;
                let month = i64::from(date.year()) * 12 + i64::from(date.month0()) - 1970 * 12;
                let first = month.div_euclid(i64::from(slide)) * i64::from(slide) + 1970 * 12;
                let year = i32::try_from(first.div_euclid(12)).ok()?;
                let date = NaiveDate::from_ymd_opt(year, u32::try_from(first.rem_euclid(12)).ok()? + 1, 1)?;
                timestamp(date.and_hms_opt(0, 0, 0)?, unit)?.checked_add(offset)
            }
        }
    }

    /// The start of the window before the one that begins at `start`.
    pub(super) fn before(&self, start: i64) -> Option<i64> {
        match *self {
            Self::Fixed { slide, .. } => start.checked_sub(slide),
            Self::Calendar { slide, offset, unit, .. } => {
                let first = datetime(start.checked_sub(offset)?, unit)?.checked_sub_months(Months::new(slide))?;
                timestamp(first, unit)?.checked_add(offset)
            }
        }
    }

    /// The end, exclusive, of the window that begins at `start`.
    pub(super) fn end(&self, start: i64) -> Option<i64> {
        match *self {
            Self::Fixed { size, .. } => start.checked_add(size),
            Self::Calendar { size, unit, .. } => later(start, size, unit),
        }
    }
}

/// A length in `unit`, without months.
pub(super) fn fixed(interval: IntervalMonthDayNano, unit: TimeUnit) -> Result<i64, Flaw> {
    if interval.months != 0 {
        return Err(Flaw::Mixed);
    }
    let nanos = i128::from(interval.days) * NANOS_PER_DAY + i128::from(interval.nanoseconds);
    let per_unit = nanos_per(unit);
    if nanos % per_unit != 0 {
        return Err(Flaw::TooFine);
    }
    i64::try_from(nanos / per_unit).map_err(|_| Flaw::TooLong)
}

/// As [`fixed`], and more than nothing.
pub(super) fn positive(interval: IntervalMonthDayNano, unit: TimeUnit) -> Result<i64, Flaw> {
    let length = fixed(interval, unit)?;
    if length > 0 { Ok(length) } else { Err(Flaw::NotPositive) }
}

/// A length in months, without days or hours, and more than nothing.
pub(super) fn months(interval: IntervalMonthDayNano) -> Result<u32, Flaw> {
    if interval.days != 0 || interval.nanoseconds != 0 {
        return Err(Flaw::Mixed);
    }
    match u32::try_from(interval.months) {
        Ok(months) if months > 0 => Ok(months),
        _ => Err(Flaw::NotPositive),
    }
}

/// So many months after `at`, which is before the 29th of its month.
pub(super) fn later(at: i64, months: u32, unit: TimeUnit) -> Option<i64> {
    timestamp(datetime(at, unit)?.checked_add_months(Months::new(months))?, unit)
}

fn nanos_per(unit: TimeUnit) -> i128 {
    match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    }
}

fn datetime(at: i64, unit: TimeUnit) -> Option<NaiveDateTime> {
    let datetime = match unit {
        TimeUnit::Second => DateTime::from_timestamp_secs(at),
        TimeUnit::Millisecond => DateTime::from_timestamp_millis(at),
        TimeUnit::Microsecond => DateTime::from_timestamp_micros(at),
        TimeUnit::Nanosecond => Some(DateTime::from_timestamp_nanos(at)),
    };
    Some(datetime?.naive_utc())
}

fn timestamp(at: NaiveDateTime, unit: TimeUnit) -> Option<i64> {
    let at = at.and_utc();
    match unit {
        TimeUnit::Second => Some(at.timestamp()),
        TimeUnit::Millisecond => Some(at.timestamp_millis()),
        TimeUnit::Microsecond => Some(at.timestamp_micros()),
        TimeUnit::Nanosecond => at.timestamp_nanos_opt(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const UNITS: [TimeUnit; 4] = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];

    fn days(days: i32) -> IntervalMonthDayNano {
        IntervalMonthDayNano::new(0, days, 0)
    }

    fn of_months(months: i32) -> IntervalMonthDayNano {
        IntervalMonthDayNano::new(months, 0, 0)
    }

    fn seconds(seconds: i64) -> IntervalMonthDayNano {
        IntervalMonthDayNano::new(0, 0, seconds * 1_000_000_000)
    }

    fn at(text: &str, unit: TimeUnit) -> i64 {
        timestamp(text.parse().unwrap(), unit).unwrap()
    }

    /// The window of `event`, as start and end.
    fn check(size: IntervalMonthDayNano, offset: IntervalMonthDayNano, event: &str, start: &str, end: &str) {
        for unit in UNITS {
            let grid = Grid::new(size, size, offset, unit).unwrap();
            let found = grid.start(at(event, unit)).unwrap();
            let shown = |at| datetime(at, unit).unwrap().to_string().replace(' ', "T");
            assert_eq!((shown(found), shown(grid.end(found).unwrap())), (start.into(), end.into()), "{event} {unit:?}");
        }
    }

    #[test]
    fn windows_are_aligned_to_the_epoch() {
        let none = days(0);
        check(seconds(60), none, "2024-01-18T10:15:59", "2024-01-18T10:15:00", "2024-01-18T10:16:00");
        check(seconds(60), none, "2024-01-18T10:16:00", "2024-01-18T10:16:00", "2024-01-18T10:17:00");
        check(seconds(60), seconds(10), "2024-01-18T10:16:00", "2024-01-18T10:15:10", "2024-01-18T10:16:10");
        check(seconds(60), seconds(-50), "2024-01-18T10:16:00", "2024-01-18T10:15:10", "2024-01-18T10:16:10");
        check(days(31), none, "2017-01-01T01:01:03", "2016-12-08T00:00:00", "2017-01-08T00:00:00");
        check(seconds(3600), none, "1969-12-31T23:59:59", "1969-12-31T23:00:00", "1970-01-01T00:00:00");
    }

    #[test]
    fn months_and_years_follow_the_calendar() {
        let none = days(0);
        check(of_months(1), none, "2024-02-29T23:59:59", "2024-02-01T00:00:00", "2024-03-01T00:00:00");
        check(of_months(12), none, "2024-07-01T00:00:00", "2024-01-01T00:00:00", "2025-01-01T00:00:00");
        check(of_months(3), none, "1969-12-31T23:59:59", "1969-10-01T00:00:00", "1970-01-01T00:00:00");
        check(of_months(1), days(14), "2024-03-14T12:00:00", "2024-02-15T00:00:00", "2024-03-15T00:00:00");
        check(of_months(1), days(14), "2024-03-15T00:00:00", "2024-03-15T00:00:00", "2024-04-15T00:00:00");
    }

    #[test]
    fn what_makes_no_windows_is_refused() {
        let check = |slide, size, offset, flaw| {
            assert_eq!(Grid::new(slide, size, offset, TimeUnit::Second), Err(flaw));
        };
        check(seconds(0), seconds(1), days(0), Flaw::NotPositive);
        check(seconds(1), seconds(-1), days(0), Flaw::NotPositive);
        check(of_months(-1), of_months(1), days(0), Flaw::NotPositive);
        check(of_months(1), days(31), days(0), Flaw::Mixed);
        check(of_months(1), IntervalMonthDayNano::new(1, 1, 0), days(0), Flaw::Mixed);
        check(seconds(1), IntervalMonthDayNano::new(0, 0, 1), days(0), Flaw::TooFine);
        check(of_months(1), of_months(1), days(28), Flaw::OffsetTooLong);
        check(of_months(1), of_months(1), days(-1), Flaw::OffsetTooLong);
        let long = IntervalMonthDayNano::new(0, i32::MAX, 0);
        assert_eq!(Grid::new(long, long, days(0), TimeUnit::Nanosecond), Err(Flaw::TooLong));
    }

    #[test]
    fn what_no_timestamp_can_hold_is_no_window() {
        let grid = Grid::new(days(31), days(31), days(0), TimeUnit::Nanosecond).unwrap();
        assert_eq!(grid.start(i64::MIN), None);
        assert_eq!(grid.start(i64::MAX).and_then(|start| grid.end(start)), None);
        let grid = Grid::new(of_months(12), of_months(12), days(0), TimeUnit::Second).unwrap();
        assert_eq!((grid.start(i64::MIN), grid.start(i64::MAX)), (None, None));
    }

    proptest! {
        #[test]
        fn an_event_is_within_its_window(event in -(1i64 << 55)..(1i64 << 55), slide in 1i64..5_000, size in 1i64..20_000, offset in -100i64..100) {
            let grid = Grid::Fixed { slide, size, offset };
            let start = grid.start(event).unwrap();
            prop_assert!(start <= event && event < start + slide);
            prop_assert_eq!((start - offset).rem_euclid(slide), 0);
        }

        #[test]
        fn calendar_windows_follow_each_other(event in -60_000_000_000i64..60_000_000_000, slide in 1u32..30, offset in 0i64..2_419_200) {
            let grid = Grid::Calendar { slide, size: slide, offset, unit: TimeUnit::Second };
            let start = grid.start(event).unwrap();
            let end = grid.end(start).unwrap();
            prop_assert!(start <= event && event < end);
            prop_assert_eq!(grid.start(end), Some(end));
            prop_assert_eq!(grid.start(end - 1), Some(start));
            prop_assert_eq!(grid.before(end), Some(start));
        }
    }
}
