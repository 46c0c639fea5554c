//! Where a value stands between the ends of an axis, and what is written there.
//!
//! An axis is what the data span; a scale rounds that outwards to ticks that people read, as many as a picture has
//! room for. Pictures only see places from 0 to 1, whatever the values are. It draws nothing.

use chrono::DateTime;
use indicatif::HumanFloatCount;

const SECOND_MS: f64 = 1000.0;
const MINUTE_MS: f64 = 60.0 * SECOND_MS;
const HOUR_MS: f64 = 60.0 * MINUTE_MS;
const DAY_MS: f64 = 24.0 * HOUR_MS;
/// Numbers from here on are written with an exponent: their digits are no longer counted by eye.
const LONG: f64 = 1e12;

/// What the values of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    /// Whole numbers: no tick stands between two of them.
    Whole,
    /// Any numbers.
    Number,
    /// Milliseconds since 1970, UTC.
    Instant,
    /// Milliseconds since midnight.
    TimeOfDay,
}

/// What the values of a column, or of several, span.
#[derive(Debug, Clone)]
pub(super) struct Axis {
    pub name: String,
    pub unit: Unit,
    low: f64,
    high: f64,
}

/// A place that is named.
#[derive(Debug, Clone)]
pub(super) struct Tick {
    pub value: f64,
    pub label: String,
}

/// An axis with ends that its ticks stand on.
#[derive(Debug, Clone)]
pub(super) struct Scale {
    pub ticks: Vec<Tick>,
    low: f64,
    high: f64,
}

impl Axis {
    /// The axis of finite values; without any, it is one from 0 to 1.
    pub fn of(name: String, unit: Unit, values: impl IntoIterator<Item = f64>) -> Self {
        let ends = values.into_iter().fold(None, |ends: Option<(f64, f64)>, value| {
            Some(ends.map_or((value, value), |(low, high)| (low.min(value), high.max(value))))
        });
        let (low, high) = ends.unwrap_or((0.0, 1.0));
        Self { name, unit, low, high }
    }

    /// The same axis, with 0 on it: the length of a bar starts there.
    #[must_use]
    pub fn with_zero(self) -> Self {
        Self { low: self.low.min(0.0), high: self.high.max(0.0), ..self }
    }

    /// A scale of not many more than `most` steps.
    pub fn scale(&self, most: usize) -> Scale {
        self.scale_to(most, f64::ceil)
    }

    /// The same, where a value on a tick belongs to the step behind it: there is one behind the last value.
    pub fn scale_of_steps(&self, most: usize) -> Scale {
        self.scale_to(most, |end| end.floor() + 1.0)
    }

    fn scale_to(&self, most: usize, end: fn(f64) -> f64) -> Scale {
        let (low, high) = widened(self.low, self.high);
        let step = self.unit.step((high - low) / most.max(1) as f64);
        let (first, last) = ((low / step).floor(), end(high / step));
        // Steps that a double does not tell from each other, or that do not fit into one, are no help to a reader.
        let is_even = step.is_finite() && first.abs().max(last.abs()) < 2_f64.powi(50) && last > first;
        let values: Vec<f64> = if is_even {
            (0..=(last - first) as usize).map(|at| (first + at as f64) * step).collect()
        } else {
            vec![low, high]
        };
        let ends = (values[0], values[values.len() - 1]);
        Scale { ticks: self.unit.ticks(&values, step), low: ends.0, high: ends.1 }
    }

    /// A scale without ticks, whose ends are those of the data.
    pub fn exact(&self) -> Scale {
        let (low, high) = widened(self.low, self.high);
        Scale { ticks: Vec::new(), low, high }
    }

    /// A value in words: as exact as is of use beside a picture.
    pub fn value(&self, value: f64) -> String {
        number(value, if value.abs() < 1.0 { 6 } else { 3 })
    }
}

impl Scale {
    /// A scale with a name in the middle of each of as many equal parts, the first at the high end.
    pub fn of_names(names: Vec<String>) -> Self {
        let high = names.len() as f64;
        let tick = |(at, label)| Tick { value: high - at as f64 - 0.5, label };
        Self { ticks: names.into_iter().enumerate().map(tick).collect(), low: 0.0, high: high.max(1.0) }
    }

    /// Where a value stands: 0 at the low end, 1 at the high one.
    pub fn place(&self, value: f64) -> f64 {
        // Halves, since the whole way may be longer than a double can say.
        let way = self.high / 2.0 - self.low / 2.0;
        ((value / 2.0 - self.low / 2.0) / way).clamp(0.0, 1.0)
    }
}

/// Ends that differ.
fn widened(low: f64, high: f64) -> (f64, f64) {
    if low < high {
        return (low, high);
    }
    let room = (low.abs() * 1e-3).max(1.0);
    ((low - room).max(f64::MIN), (high + room).min(f64::MAX))
}

impl Unit {
    /// The least step of a kind that people count in, of at least `least`.
    fn step(self, least: f64) -> f64 {
        match self {
            Self::Whole => round_step(least).max(1.0),
            Self::Number => round_step(least),
            Self::Instant | Self::TimeOfDay => time_step(least),
        }
    }

    fn ticks(self, values: &[f64], step: f64) -> Vec<Tick> {
        let mut last_day = String::new();
        let label = |value: &f64| match self {
            Self::Whole | Self::Number => number(*value, decimals(step)),
            Self::TimeOfDay => moment(*value, clock_format(step)).unwrap_or_else(|| number(*value, 0)),
            Self::Instant => {
                let Some(day) = moment(*value, "%Y-%m-%d") else { return number(*value, 0) };
                let clock = moment(*value, clock_format(step)).filter(|_| step < DAY_MS).unwrap_or_default();
                // The day is written where it begins.
                let label = if day == last_day { clock } else { format!("{day} {clock}").trim_end().to_owned() };
                last_day = day;
                label
            }
        };
        let labels: Vec<String> = values.iter().map(label).collect();
        values.iter().zip(labels).map(|(value, label)| Tick { value: *value, label }).collect()
    }
}

/// 1, 2 or 5 times a power of ten.
fn round_step(least: f64) -> f64 {
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0].into_iter().map(|factor| factor * power).find(|step| *step >= least).unwrap_or(10.0 * power)
}

/// A step of a clock or a number of days, in milliseconds.
fn time_step(least: f64) -> f64 {
    let minutes = [1.0, 2.0, 5.0, 10.0, 15.0, 30.0];
    let hours = [1.0, 2.0, 3.0, 6.0, 12.0].map(|hours| hours * HOUR_MS);
    let clock = minutes.map(|n| n * SECOND_MS).into_iter().chain(minutes.map(|n| n * MINUTE_MS)).chain(hours);
    match least {
        least if least <= SECOND_MS / 2.0 => round_step(least),
        least => clock.into_iter().find(|step| *step >= least).unwrap_or_else(|| round_step(least / DAY_MS) * DAY_MS),
    }
}

fn clock_format(step: f64) -> &'static str {
    match step {
        step if step >= MINUTE_MS => "%H:%M",
        step if step >= SECOND_MS => "%H:%M:%S",
        step if step >= 1.0 => "%H:%M:%S%.3f",
        _ => "%H:%M:%S%.6f",
    }
}

/// An instant in words; `None` beyond any calendar.
fn moment(milliseconds: f64, format: &str) -> Option<String> {
    let instant = DateTime::from_timestamp_micros((milliseconds * 1000.0).round() as i64)?;
    Some(instant.format(format).to_string())
}

/// The digits behind the point that tell ticks of a step from each other.
fn decimals(step: f64) -> usize {
    (-step.log10().floor()).clamp(0.0, 12.0) as usize
}

fn number(value: f64, decimals: usize) -> String {
    let is_tiny = value != 0.0 && value.abs() < 0.5 * 10_f64.powi(-(decimals as i32));
    if value.abs() >= LONG || is_tiny {
        format!("{value:.3e}")
    } else {
        format!("{:.decimals$}", HumanFloatCount(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(unit: Unit, low: f64, high: f64, most: usize, expected: &[&str]) {
        let scale = Axis::of("x".into(), unit, [low, high]).scale(most);
        let labels: Vec<&str> = scale.ticks.iter().map(|tick| tick.label.as_str()).collect();
        assert_eq!(labels, expected);
        assert_eq!(scale.place(scale.ticks[0].value), 0.0);
        assert_eq!(scale.place(scale.ticks[labels.len() - 1].value), 1.0);
    }

    #[test]
    fn numbers_have_round_ticks() {
        check(Unit::Number, 0.0, 1.0, 5, &["0", "0.2", "0.4", "0.6", "0.8", "1"]);
        check(Unit::Number, -3.0, 17.0, 4, &["-5", "0", "5", "10", "15", "20"]);
        check(Unit::Whole, 0.0, 2.0, 10, &["0", "1", "2"]);
        check(Unit::Number, 0.0, 2.5e6, 2, &["0", "2,000,000", "4,000,000"]);
        check(Unit::Number, 0.0, 3e-9, 3, &["0", "0.000000001", "0.000000002", "0.000000003"]);
        check(Unit::Whole, 7.0, 7.0, 2, &["6", "7", "8"]);
    }

    #[test]
    fn numbers_at_the_ends_of_doubles_have_two_ticks() {
        check(Unit::Number, f64::MIN, f64::MAX, 5, &["-1.798e308", "1.798e308"]);
        check(Unit::Number, 1e16, 1e16 + 2.0, 5, &["1.000e16", "1.000e16"]);
    }

    #[test]
    fn times_have_ticks_of_a_clock_and_a_calendar() {
        let at = |text: &str| text.parse::<DateTime<chrono::Utc>>().unwrap().timestamp_millis() as f64;
        let (morning, later) = (at("2026-03-05T10:07:00Z"), at("2026-03-05T10:53:00Z"));
        check(Unit::Instant, morning, later, 4, &["2026-03-05 10:00", "10:15", "10:30", "10:45", "11:00"]);
        let night = at("2026-03-06T05:00:00Z");
        check(Unit::Instant, morning, night, 4, &["2026-03-05 06:00", "12:00", "18:00", "2026-03-06 00:00", "06:00"]);
        let week = at("2026-03-09T00:00:00Z");
        check(
            Unit::Instant,
            at("2026-03-05T00:00:00Z"),
            week,
            2,
            &["2026-03-04", "2026-03-06", "2026-03-08", "2026-03-10"],
        );
        check(Unit::Instant, 0.0, 0.002, 1, &["1970-01-01 00:00:00.000000", "00:00:00.000002"]);
        check(Unit::TimeOfDay, 0.0, 6.0 * HOUR_MS, 2, &["00:00", "03:00", "06:00"]);
        check(Unit::Instant, 9e18, 9.1e18, 1, &["8.986e18", "9.158e18"]);
    }
}
