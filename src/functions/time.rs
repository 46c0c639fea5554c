//! Instants out of what machines count.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMillisecondType};
use datafusion::common::{Result, exec_err};

use super::documented;
use super::scalar::{Scalar, bigint};

/// `epoch_ms(bigint)`: the instant so many milliseconds after 1970-01-01 UTC.
///
/// **Shape**: `timestamp(ms)` without zone. **Errors**: for an instant that has no date: before the year -262143 or after
/// 262142, which is what `chrono` can write.
pub(super) fn epoch_ms() -> Scalar {
    let documentation = documented(
        "epoch_ms(milliseconds)",
        "The timestamp so many milliseconds after 1970-01-01 UTC. It has no zone, as those that are read from events. \
         Milliseconds that are no date of the years -262143 to 262142 are an error.",
        &[("milliseconds", "An integer, such as `event_ts`; negative before 1970.")],
        "SELECT epoch_ms(1709272282083)\n-- 2024-03-01T05:51:22.083",
    );
    Scalar::new("epoch_ms", vec![bigint()], DataType::Timestamp(TimeUnit::Millisecond, None), instants, documentation)
}

fn instants(args: &[ArrayRef]) -> Result<ArrayRef> {
    let counts = args[0].as_primitive::<Int64Type>();
    let range = DateTime::<Utc>::MIN_UTC.timestamp_millis()..=DateTime::<Utc>::MAX_UTC.timestamp_millis();
    match counts.iter().flatten().find(|count| !range.contains(count)) {
        Some(count) => exec_err!("`{count}` milliseconds after 1970 are no date"),
        None => Ok(Arc::new(counts.reinterpret_cast::<TimestampMillisecondType>())),
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, Int64Array};

    use super::*;

    fn check(count: i64, is_date: bool) {
        let array: ArrayRef = Arc::new(Int64Array::from(vec![None, Some(count)]));
        let instants = instants(&[array]);
        assert_eq!(instants.is_ok(), is_date, "{count}");
        if let Ok(instants) = instants {
            let instants = instants.as_primitive::<TimestampMillisecondType>();
            assert!(instants.is_null(0));
            assert!(instants.value_as_datetime(1).is_some(), "{count} cannot be shown");
        }
    }

    #[test]
    fn what_can_be_shown_is_taken() {
        let (least, most) = (DateTime::<Utc>::MIN_UTC.timestamp_millis(), DateTime::<Utc>::MAX_UTC.timestamp_millis());
        for count in [0, -1, 1_709_272_282_083, least, most] {
            check(count, true);
        }
        for count in [least - 1, most + 1, i64::MIN, i64::MAX] {
            check(count, false);
        }
    }
}
