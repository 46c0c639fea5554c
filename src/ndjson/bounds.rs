//! The smallest and the largest value of a time column in a stretch of lines: who asks for other times need not read them.
//!
//! Bounds may be wider than the values are: a value that is looked at only quickly counts as its whole minute, and that of a
//! line that is rejected in the end may count too. They are never narrower. It knows nothing of files.

use serde::{Deserialize, Serialize};

use super::instant;
use super::layout::{Reading, Scalar};
use super::tape::{Kind, Node};

/// Bounds of the values so far.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// The first and the last minute, of values that were looked at quickly. See [`instant::minute`].
    minutes: (u128, u128),
    /// The smallest and the largest of the others, in the column's unit.
    values: (i64, i64),
}

/// The smallest and the largest value, in the column's unit; `None` where there is no value.
pub(crate) type Extent = Option<(i64, i64)>;

/// Consecutive lines of a file, and the bounds of what stands in them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Block {
    /// The lines start before this byte, and not before the end of the block before.
    #[serde(rename = "e")]
    pub(crate) end: u64,
    /// How many of them are rows.
    #[serde(rename = "r")]
    pub(crate) rows: u64,
    /// By time column, in the order of the declaration.
    #[serde(rename = "t")]
    pub(crate) times: Vec<Extent>,
}

impl Default for Bounds {
    /// Of no value.
    fn default() -> Self {
        Self { minutes: (u128::MAX, 0), values: (i64::MAX, i64::MIN) }
    }
}

impl Bounds {
    /// Takes in the minute of a text that surely is a timestamp.
    #[inline(always)]
    pub(crate) fn take_sure(&mut self, minute: u128) {
        self.minutes = (self.minutes.0.min(minute), self.minutes.1.max(minute));
    }

    /// Takes in a value of a column that is read so; false if it is none that the column takes.
    pub(crate) fn take(&mut self, reading: &Reading, node: Node, line: &[u8], empty_as_null: bool) -> bool {
        if let (Reading::Timestamp { unit, .. }, Kind::Plain) = (reading, node.kind) {
            let text = &line[node.start as usize + 1..node.end as usize - 1];
            if instant::is_surely_timestamp(text, *unit)
                && let Some(start) = text.first_chunk()
            {
                self.take_sure(instant::minute(*start));
                return true;
            }
        }
        let value = match reading.scalar(node, line, empty_as_null) {
            Ok(Scalar::Int64(value)) => value,
            Ok(Scalar::Date(days)) => i64::from(days),
            Ok(_) => return true,
            Err(_) => return false,
        };
        self.values = (self.values.0.min(value), self.values.1.max(value));
        true
    }

    /// The bounds of all that was taken in.
    pub(crate) fn extent(self, reading: &Reading) -> Extent {
        let Self { minutes, values } = self;
        let minutes = match reading {
            Reading::Timestamp { unit, .. } if minutes.0 <= minutes.1 => {
                Some((instant::of_minute(minutes.0, *unit).0, instant::of_minute(minutes.1, *unit).1))
            }
            _ => None,
        };
        let values = (values.0 <= values.1).then_some(values);
        match (minutes, values) {
            (Some(some), Some(others)) => Some((some.0.min(others.0), some.1.max(others.1))),
            (some, others) => some.or(others),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::TimeUnit;

    use super::*;

    /// The bounds of values as they stand in lines.
    fn check(reading: &Reading, values: &[&str], expected: Extent) {
        let mut bounds = Bounds::default();
        for value in values {
            let kind = if value.starts_with('"') { Kind::Plain } else { Kind::Integer };
            let node = Node { kind, start: 0, end: value.len() as u32, next: 0 };
            assert!(bounds.take(reading, node, value.as_bytes(), true), "{value}");
        }
        assert_eq!(bounds.extent(reading), expected, "{values:?}");
    }

    #[test]
    fn no_value_is_outside() {
        let millis = Reading::Timestamp { unit: TimeUnit::Millisecond, epoch: Some(TimeUnit::Millisecond) };
        check(&millis, &[], None);
        check(&millis, &["\"\""], None);
        // A quick look tells the minute.
        check(&millis, &["\"1970-01-01T00:01:22.083\""], Some((60_000, 119_999)));
        check(&millis, &["\"1970-01-01T00:01:22\"", "\"1970-01-01T00:03:00.001\""], Some((60_000, 239_999)));
        // Others are read.
        check(&millis, &["\"1970-01-01 00:01:22.083\""], Some((82_083, 82_083)));
        check(&millis, &["-1", "\"1970-01-01T00:01:22.083\"", "7"], Some((-1, 119_999)));
        check(&Reading::Date, &["\"1970-01-03\"", "\"1969-12-31\""], Some((-1, 2)));
        let nanos = Reading::Timestamp { unit: TimeUnit::Nanosecond, epoch: None };
        check(&nanos, &["\"1969-12-28T23:59:59.999\""], Some((-259_260_000_000_000, -259_200_000_000_001)));
    }
}
