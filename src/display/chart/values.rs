//! The values of a column as what a picture is made of: doubles and names.
//!
//! All conversions are Arrow's. It knows nothing of charts.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, TimeUnit};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::scale::Unit;
use crate::error::{Error, Result};

/// What the doubles of a column are.
pub(super) fn unit(data_type: &DataType) -> Unit {
    match plain(data_type) {
        DataType::Time32(_) | DataType::Time64(_) => Unit::TimeOfDay,
        time if time.is_temporal() && !matches!(time, DataType::Duration(_)) => Unit::Instant,
        whole if whole.is_integer() => Unit::Whole,
        _ => Unit::Number,
    }
}

/// A column's name, with its unit where the type has one that the doubles do not show.
pub(super) fn name(field: &Field) -> String {
    match plain(field.data_type()) {
        DataType::Duration(_) => format!("{} (s)", field.name()),
        DataType::Timestamp(_, Some(zone)) if !["UTC", "Z", "+00:00"].contains(&zone.as_ref()) => {
            format!("{} (UTC)", field.name())
        }
        _ => field.name().clone(),
    }
}

/// A column as doubles in its [`unit`], durations in seconds; `None` for NULL.
pub(super) fn numbers(batches: &[&RecordBatch], column: usize) -> Result<Vec<Option<f64>>> {
    let mut numbers = Vec::with_capacity(batches.iter().map(|batch| batch.num_rows()).sum());
    for batch in batches {
        let array = array(batch, column)?;
        let factor = factor(plain(array.data_type()));
        let doubles = doubles(array).map_err(unreadable)?;
        numbers.extend(doubles.as_primitive::<Float64Type>().iter().map(|value| Some(value? * factor)));
    }
    Ok(numbers)
}

/// Each row's values of some columns as one name; `NULL` is one.
pub(super) fn each_name(batches: &[&RecordBatch], columns: &[usize], mut each: impl FnMut(String)) -> Result<()> {
    let options = FormatOptions::default().with_null("NULL").with_display_error(true);
    for batch in batches {
        let arrays = columns.iter().map(|column| array(batch, *column)).collect::<Result<Vec<_>>>()?;
        let formats = arrays.iter().map(|array| ArrayFormatter::try_new(array.as_ref(), &options));
        let formats = formats.collect::<Result<Vec<_>, _>>().map_err(unreadable)?;
        for row in 0..batch.num_rows() {
            let names: Vec<String> = formats.iter().map(|format| format.value(row).to_string()).collect();
            each(names.join(", "));
        }
    }
    Ok(())
}

fn array(batch: &RecordBatch, column: usize) -> Result<&ArrayRef> {
    batch.columns().get(column).ok_or_else(|| Error::internal(format!("a batch has no column {column}")))
}

fn unreadable(error: ArrowError) -> Error {
    Error::internal("the values of a column cannot be drawn").with_source(error)
}

/// The type of the values themselves, however they are kept.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        data_type => data_type,
    }
}

fn doubles(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let array = cast(array, plain(array.data_type()))?;
    // Times are cast to doubles by way of their integers.
    let array = if array.data_type().is_temporal() { cast(&array, &DataType::Int64)? } else { array };
    cast(&array, &DataType::Float64)
}

/// What one of the type's integers is in its [`Unit`].
fn factor(data_type: &DataType) -> f64 {
    let milliseconds = |unit: &TimeUnit| match unit {
        TimeUnit::Second => 1e3,
        TimeUnit::Millisecond => 1.0,
        TimeUnit::Microsecond => 1e-3,
        TimeUnit::Nanosecond => 1e-6,
    };
    match data_type {
        DataType::Timestamp(unit, _) | DataType::Time32(unit) | DataType::Time64(unit) => milliseconds(unit),
        DataType::Duration(unit) => milliseconds(unit) / 1e3,
        DataType::Date32 => 86_400_000.0,
        _ => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Date32Array, Decimal128Array, DurationMicrosecondArray, Int64Array, Time32SecondArray,
        TimestampNanosecondArray, TimestampSecondArray, UInt64Array,
    };

    use super::*;

    fn batch(array: impl Array + 'static) -> RecordBatch {
        RecordBatch::try_from_iter([("a", Arc::new(array) as ArrayRef)]).unwrap()
    }

    fn check(array: impl Array + 'static, of: Unit, expected: f64) {
        let batch = batch(array);
        assert_eq!(numbers(&[&batch], 0).unwrap(), [Some(expected)]);
        assert_eq!(unit(batch.schema().field(0).data_type()), of);
    }

    #[test]
    fn each_type_has_its_double() {
        check(UInt64Array::from(vec![u64::MAX]), Unit::Whole, 18_446_744_073_709_551_615.0);
        let decimals = Decimal128Array::from(vec![-1250]).with_precision_and_scale(10, 3).unwrap();
        check(decimals, Unit::Number, -1.25);
        check(TimestampSecondArray::from(vec![2]).with_timezone("+02:00"), Unit::Instant, 2000.0);
        check(TimestampNanosecondArray::from(vec![-1_500_000]), Unit::Instant, -1.5);
        check(Date32Array::from(vec![1]), Unit::Instant, 86_400_000.0);
        check(Time32SecondArray::from(vec![60]), Unit::TimeOfDay, 60_000.0);
        check(DurationMicrosecondArray::from(vec![1_500_000]), Unit::Number, 1.5);
    }

    #[test]
    fn a_dictionary_is_what_it_keeps() {
        let keys = DataType::Dictionary(DataType::Int8.into(), DataType::Int64.into());
        let kept = cast(&Int64Array::from(vec![Some(7), None]), &keys).unwrap();
        let batch = RecordBatch::try_from_iter([("a", kept)]).unwrap();
        assert_eq!(numbers(&[&batch], 0).unwrap(), [Some(7.0), None]);
        assert_eq!(unit(&keys), Unit::Whole);
    }

    #[test]
    fn a_name_says_what_the_doubles_do_not() {
        let name_of = |data_type| name(&Field::new("a", data_type, true));
        assert_eq!(name_of(DataType::Duration(TimeUnit::Second)), "a (s)");
        assert_eq!(name_of(DataType::Timestamp(TimeUnit::Second, Some("Asia/Tokyo".into()))), "a (UTC)");
        assert_eq!(name_of(DataType::Timestamp(TimeUnit::Second, Some("UTC".into()))), "a");
        let mut names = Vec::new();
        each_name(&[&batch(Int64Array::from(vec![Some(1), None]))], &[0, 0], |name| names.push(name)).unwrap();
        assert_eq!(names, ["1, 1", "NULL, NULL"]);
    }
}
