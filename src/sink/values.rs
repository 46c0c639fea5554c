//! The values of one column as JSON text.
//!
//! arrow-json's writer is not used because it is silent where this must not be: it writes NaN as `null`, a date out
//! of range as the text `"ERROR: …"`, and an entry of a dictionary that is null as whatever stands in its slot; and it
//! refuses maps with keys that are not text. What a value becomes:
//!
//! | type | text |
//! |---|---|
//! | integers, decimals | a number with all its digits |
//! | floats | the shortest number that reads back as the same value (of a half as a float); NaN and infinities are an error |
//! | dates, times, timestamps, durations, intervals | ISO 8601, see `temporal` |
//! | binary | lower-case hexadecimal |
//! | lists, structs, maps | arrays and objects; a key of a map that is not text becomes its text |

use arrow::array::{
    Array, ArrayAccessor, ArrayRef, ArrowPrimitiveType, AsArray, ListLikeArray, MapArray, StringViewArray,
    downcast_run_array,
};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType, FieldRef, Fields, Float16Type,
    Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
};
use serde::Serialize;

use super::short;
use super::temporal;
use super::text::{self, Often};
use crate::error::{Error, Result};

/// Appends the text of the value in a row that is not null.
pub(super) type Put<'a> = Box<dyn Fn(usize, &mut Vec<u8>) -> Result<()> + 'a>;

/// What to call a type that has no JSON text.
pub(super) fn refuses(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        DataType::Union(..) => Some("a union"),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) if fields.first().is_some_and(|key| key.data_type().is_nested()) => {
                Some("a map with nested keys")
            }
            _ => None,
        },
        DataType::Timestamp(_, Some(zone)) if temporal::zone(zone).is_err() => Some("a timestamp of an unknown zone"),
        _ => None,
    }
}

/// The values of one array.
pub(super) struct Values<'a> {
    nulls: Option<NullBuffer>,
    put: Put<'a>,
}

impl<'a> Values<'a> {
    /// `path` names the column in messages: `a`, `a.b`, `a[]`.
    pub(super) fn new(array: &'a dyn Array, path: &str) -> Result<Self> {
        let nulls = array.logical_nulls().filter(|nulls| nulls.null_count() > 0);
        Ok(Self { nulls, put: put(array, path)? })
    }

    /// Appends the JSON text of the value in `row`.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        (self.put)(row, out)
    }
}

/// Columns side by side: each row is an object.
pub(super) struct Object<'a> {
    /// The text before each value (`{"a":`, `,"b":`), and the value.
    members: Vec<(Often, Values<'a>)>,
}

impl<'a> Object<'a> {
    /// `path` is the name of the struct, `None` for the row itself.
    pub(super) fn new(fields: &Fields, columns: &'a [ArrayRef], path: Option<&str>) -> Result<Self> {
        let member = |(position, (field, column)): (usize, (&FieldRef, &'a ArrayRef))| {
            let mut before = vec![if position == 0 { b'{' } else { b',' }];
            text::quote(field.name(), &mut before);
            before.push(b':');
            let path = path.map_or_else(|| field.name().clone(), |path| format!("{path}.{}", field.name()));
            Ok((before.into(), Values::new(column.as_ref(), &path)?))
        };
        Ok(Self { members: fields.iter().zip(columns).enumerate().map(member).collect::<Result<_>>()? })
    }

    /// Appends the object of `row`.
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.members.is_empty() {
            out.push(b'{');
        }
        for (before, values) in &self.members {
            before.append(out);
            values.write(row, out)?;
        }
        out.push(b'}');
        Ok(())
    }
}

fn put<'a>(array: &'a dyn Array, path: &str) -> Result<Put<'a>> {
    Ok(match array.data_type() {
        DataType::Null => Box::new(|_, _| Ok(())),
        DataType::Boolean => {
            let array = array.as_boolean();
            Box::new(move |row, out| scalar(&array.value(row), out))
        }
        DataType::Int8 => integer::<Int8Type>(array),
        DataType::Int16 => integer::<Int16Type>(array),
        DataType::Int32 => integer::<Int32Type>(array),
        DataType::Int64 => integer::<Int64Type>(array),
        DataType::UInt8 => integer::<UInt8Type>(array),
        DataType::UInt16 => integer::<UInt16Type>(array),
        DataType::UInt32 => integer::<UInt32Type>(array),
        DataType::UInt64 => integer::<UInt64Type>(array),
        DataType::Float16 => float::<Float16Type, f32>(array, path, |value| value.to_f32()),
        DataType::Float32 => float::<Float32Type, f32>(array, path, |value| value),
        DataType::Float64 => double(array, path),
        DataType::Decimal32(..) => decimal::<Decimal32Type>(array),
        DataType::Decimal64(..) => decimal::<Decimal64Type>(array),
        DataType::Decimal128(..) => decimal::<Decimal128Type>(array),
        DataType::Decimal256(..) => decimal::<Decimal256Type>(array),
        DataType::Utf8 => string(array.as_string::<i32>()),
        DataType::LargeUtf8 => string(array.as_string::<i64>()),
        DataType::Utf8View => view(array.as_string_view()),
        DataType::Binary => binary(array.as_binary::<i32>()),
        DataType::LargeBinary => binary(array.as_binary::<i64>()),
        DataType::BinaryView => binary(array.as_binary_view()),
        DataType::FixedSizeBinary(_) => binary(array.as_fixed_size_binary()),
        data_type if data_type.is_temporal() => temporal::put(array, path)?,
        _ => nested(array, path)?,
    })
}

fn nested<'a>(array: &'a dyn Array, path: &str) -> Result<Put<'a>> {
    Ok(match array.data_type() {
        DataType::List(_) => list(array.as_list::<i32>(), path)?,
        DataType::LargeList(_) => list(array.as_list::<i64>(), path)?,
        DataType::ListView(_) => list(array.as_list_view::<i32>(), path)?,
        DataType::LargeListView(_) => list(array.as_list_view::<i64>(), path)?,
        DataType::FixedSizeList(..) => list(array.as_fixed_size_list(), path)?,
        DataType::Map(..) => map(array.as_map(), path)?,
        DataType::Struct(fields) => {
            let object = Object::new(fields, array.as_struct().columns(), Some(path))?;
            Box::new(move |row, out| object.write(row, out))
        }
        DataType::Dictionary(..) => dictionary(array, path)?,
        DataType::RunEndEncoded(..) => downcast_run_array! {
            array => {
                let values = Values::new(array.values().as_ref(), path)?;
                Box::new(move |row, out: &mut Vec<u8>| values.write(array.get_physical_index(row), out))
            },
            _ => unreachable!("the type was matched above"),
        },
        other => return Err(Error::internal(format!("column `{path}` has type {other}, which was not refused"))),
    })
}

/// Appends a number or truth value.
fn scalar<T: Serialize>(value: &T, out: &mut Vec<u8>) -> Result<()> {
    serde_json::to_writer(out, value).map_err(|error| Error::internal("cannot write a value").with_source(error))
}

fn integer<'a, T: ArrowPrimitiveType<Native: Serialize>>(array: &'a dyn Array) -> Put<'a> {
    let array = array.as_primitive::<T>();
    Box::new(move |row, out| scalar(&array.value(row), out))
}

fn float<'a, T, F>(array: &'a dyn Array, path: &str, convert: fn(T::Native) -> F) -> Put<'a>
where
    T: ArrowPrimitiveType,
    F: Serialize + Into<f64> + Copy + 'a,
{
    let array = array.as_primitive::<T>();
    let path = path.to_owned();
    Box::new(move |row, out| {
        let value = convert(array.value(row));
        let wide: f64 = value.into();
        if wide.is_finite() { scalar(&value, out) } else { Err(not_finite(&path, wide)) }
    })
}

fn double<'a>(array: &'a dyn Array, path: &str) -> Put<'a> {
    let doubles = array.as_primitive::<Float64Type>();
    let any = float::<Float64Type, f64>(array, path, |value| value);
    Box::new(move |row, out| if short::write(doubles.value(row), out) { Ok(()) } else { any(row, out) })
}

fn not_finite(path: &str, value: f64) -> Error {
    let what = if value.is_nan() { "NaN" } else { "an infinity" };
    Error::data(format!("column `{path}` holds {what}, which JSON cannot hold")).with_hint(
        "divide by `NULLIF(divisor, 0)`, turn it into NULL with `CASE WHEN isnan(x) THEN NULL ELSE x END`, \
         or write parquet, which can hold it",
    )
}

/// More than the largest decimal has. The library leaves out digits above a type's precision, which sums and products may have: the
/// engine does not look.
const ALL_DIGITS: u8 = u8::MAX;

fn decimal<'a, T: DecimalType>(array: &'a dyn Array) -> Put<'a> {
    let array = array.as_primitive::<T>();
    let scale = array.scale();
    Box::new(move |row, out| {
        let value = array.value(row);
        // With a negative scale, zero would come out as `000`, which is no JSON number.
        match value == T::Native::default() && scale < 0 {
            true => out.push(b'0'),
            false => out.extend_from_slice(T::format_decimal(value, ALL_DIGITS, scale).as_bytes()),
        }
        Ok(())
    })
}

fn string<'a>(array: impl ArrayAccessor<Item = &'a str> + 'a) -> Put<'a> {
    Box::new(move |row, out| {
        text::quote(array.value(row), out);
        Ok(())
    })
}

fn view(array: &StringViewArray) -> Put<'_> {
    Box::new(move |row, out| {
        text::quote_view(array, row, out);
        Ok(())
    })
}

fn binary<'a>(array: impl ArrayAccessor<Item = &'a [u8]> + 'a) -> Put<'a> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    Box::new(move |row, out| {
        out.push(b'"');
        for byte in array.value(row) {
            out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
        }
        out.push(b'"');
        Ok(())
    })
}

fn list<'a>(array: &'a impl ListLikeArray, path: &str) -> Result<Put<'a>> {
    let items = Values::new(array.values().as_ref(), &format!("{path}[]"))?;
    Ok(Box::new(move |row, out| {
        out.push(b'[');
        for (position, item) in array.element_range(row).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            items.write(item, out)?;
        }
        out.push(b']');
        Ok(())
    }))
}

fn map<'a>(array: &'a MapArray, path: &str) -> Result<Put<'a>> {
    let keys = Values::new(array.keys().as_ref(), path)?;
    let values = Values::new(array.values().as_ref(), &format!("{path}[]"))?;
    let ends = array.value_offsets();
    Ok(Box::new(move |row, out| {
        out.push(b'{');
        for entry in ends[row] as usize..ends[row + 1] as usize {
            if entry > ends[row] as usize {
                out.push(b',');
            }
            let start = out.len();
            keys.write(entry, out)?;
            // The text of a scalar is either quoted as a whole or holds nothing that a quoted text must escape.
            if out[start] != b'"' {
                out.insert(start, b'"');
                out.push(b'"');
            }
            out.push(b':');
            values.write(entry, out)?;
        }
        out.push(b'}');
        Ok(())
    }))
}

fn dictionary<'a>(array: &'a dyn Array, path: &str) -> Result<Put<'a>> {
    let array = array.as_any_dictionary();
    let values = Values::new(array.values().as_ref(), path)?;
    // Without values every row is null, and there are no keys to normalise.
    let keys = if array.values().is_empty() { Vec::new() } else { array.normalized_keys() };
    Ok(Box::new(move |row, out| values.write(keys[row], out)))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::buffer::{OffsetBuffer, ScalarBuffer};
    use arrow::datatypes::{Field, Int8Type, Schema, i256};
    use proptest::prelude::*;

    use super::super::testing::{batch, column, encode_text};
    use super::super::{Format, encoder};
    use super::*;

    /// One column as JSON lines, the text of each value by itself.
    fn json(array: impl Array + 'static) -> Result<Vec<String>> {
        let text = encode_text(Format::Json, &[column(array)])?;
        let value = |line: &str| line.strip_prefix("{\"v\":").unwrap().strip_suffix('}').unwrap().to_owned();
        Ok(text.lines().map(value).collect())
    }

    fn check(array: impl Array + 'static, expected: &[&str]) {
        assert_eq!(json(array).unwrap(), expected);
    }

    #[test]
    fn rows_are_objects_with_every_key() {
        let ids = Arc::new(Int64Array::from(vec![Some(1), None]));
        let names = Arc::new(StringArray::from(vec![None, Some("é \"x\"\n\u{1}\\")]));
        let text = encode_text(Format::Json, &[batch([("id", ids), ("na\"me", names)])]).unwrap();
        assert_eq!(text, "{\"id\":1,\"na\\\"me\":null}\n{\"id\":null,\"na\\\"me\":\"é \\\"x\\\"\\n\\u0001\\\\\"}\n");
    }

    #[test]
    fn no_rows_are_no_lines() {
        assert_eq!(json(Int64Array::from(vec![0; 0])).unwrap(), [""; 0]);
    }

    #[test]
    fn rows_without_columns_are_empty_objects() {
        let options = RecordBatchOptions::new().with_row_count(Some(2));
        let empty = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), vec![], &options).unwrap();
        assert_eq!(encode_text(Format::Json, &[empty]).unwrap(), "{}\n{}\n");
    }

    #[test]
    fn scalars() {
        check(NullArray::new(2), &["null", "null"]);
        check(BooleanArray::from(vec![Some(true), Some(false), None]), &["true", "false", "null"]);
        check(Int8Array::from(vec![i8::MIN, i8::MAX]), &["-128", "127"]);
        check(Int64Array::from(vec![i64::MIN, i64::MAX]), &["-9223372036854775808", "9223372036854775807"]);
        check(UInt64Array::from(vec![u64::MAX, (1 << 53) + 1]), &["18446744073709551615", "9007199254740993"]);
    }

    #[test]
    fn floats_are_the_shortest_that_read_back() {
        check(
            Float64Array::from(vec![0.1 + 0.2, -0.0, 1e300, 5e-324, 1.0, f64::MAX]),
            &["0.30000000000000004", "-0.0", "1e+300", "5e-324", "1.0", "1.7976931348623157e+308"],
        );
        check(Float32Array::from(vec![0.1, 16_777_216.0, f32::MAX]), &["0.1", "16777216.0", "3.4028235e+38"]);
        let halves = [0.1, 65504.0].map(|value: f32| cast_half(value));
        check(PrimitiveArray::<Float16Type>::from_iter_values(halves), &["0.099975586", "65504.0"]);
    }

    fn cast_half(value: f32) -> <Float16Type as ArrowPrimitiveType>::Native {
        <Float16Type as ArrowPrimitiveType>::Native::from_f32(value)
    }

    #[test]
    fn decimals_keep_every_digit() {
        let of = |values: Vec<i128>, scale| Decimal128Array::from(values).with_precision_and_scale(38, scale).unwrap();
        check(of(vec![5, -5, 0, 123_456], 3), &["0.005", "-0.005", "0.000", "123.456"]);
        check(of(vec![10_i128.pow(37)], 0), &["10000000000000000000000000000000000000"]);
        // More than their precision, as sums may have.
        check(
            of(vec![10_i128.pow(38), -10_i128.pow(38)], 38),
            &["1.00000000000000000000000000000000000000", "-1.00000000000000000000000000000000000000"],
        );
        let few = Decimal32Array::from(vec![1_999_999_998]).with_precision_and_scale(9, 0).unwrap();
        check(few, &["1999999998"]);
        check(of(vec![12, 0, -7], -2), &["1200", "0", "-700"]);
        let wide = Decimal256Array::from(vec![i256::from_i128(i128::MAX)]).with_precision_and_scale(76, 1).unwrap();
        check(wide, &["17014118346046923173168730371588410572.7"]);
    }

    #[test]
    fn texts_of_every_layout() {
        check(StringArray::from(vec!["", "a\t\u{7f}\u{2028}😀"]), &["\"\"", "\"a\\t\u{7f}\u{2028}😀\""]);
        check(LargeStringArray::from(vec!["x"]), &["\"x\""]);
        check(
            StringViewArray::from(vec![Some("a text that is not held inline"), None]),
            &["\"a text that is not held inline\"", "null"],
        );
    }

    #[test]
    fn binary_is_hexadecimal() {
        check(BinaryArray::from(vec![&[0_u8, 0xab, 0xff][..], &[]]), &["\"00abff\"", "\"\""]);
        check(LargeBinaryArray::from(vec![&[1_u8][..]]), &["\"01\""]);
        check(BinaryViewArray::from(vec![&[0x7f_u8][..]]), &["\"7f\""]);
        check(FixedSizeBinaryArray::try_from_iter([[0x10_u8, 0x0f]].into_iter()).unwrap(), &["\"100f\""]);
    }

    #[test]
    fn lists_of_every_layout() {
        let rows = || vec![Some(vec![Some(1), None]), None, Some(vec![])];
        let expected = &["[1,null]", "null", "[]"];
        let small = ListArray::from_iter_primitive::<Int64Type, _, _>(rows());
        check(LargeListArray::from_iter_primitive::<Int64Type, _, _>(rows()), expected);
        check(ListViewArray::from(small.clone()), expected);
        check(LargeListViewArray::from(LargeListArray::from_iter_primitive::<Int64Type, _, _>(rows())), expected);
        check(small, expected);
        let fixed = vec![Some(vec![Some(1), Some(2)]), None];
        check(FixedSizeListArray::from_iter_primitive::<Int64Type, _, _>(fixed, 2), &["[1,2]", "null"]);
    }

    #[test]
    fn a_slice_is_written_from_its_own_rows() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1)]), Some(vec![Some(2)]), None]);
        check(list.slice(1, 2), &["[2]", "null"]);
    }

    fn object(fields: Vec<(&str, ArrayRef)>, nulls: Option<Vec<bool>>) -> StructArray {
        let columns = fields.iter().map(|(_, array)| Arc::clone(array)).collect();
        let fields: Vec<_> =
            fields.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
        StructArray::new(fields.into(), columns, nulls.map(Into::into))
    }

    #[test]
    fn nested_structs_have_every_key_too() {
        let inner = object(vec![("x", Arc::new(Int64Array::from(vec![None, Some(1), Some(2)])))], None);
        let outer =
            object(vec![("a", Arc::new(inner)), ("b", Arc::new(NullArray::new(3)))], Some(vec![true, true, false]));
        check(outer, &["{\"a\":{\"x\":null},\"b\":null}", "{\"a\":{\"x\":1},\"b\":null}", "null"]);
        check(StructArray::new_empty_fields(2, Some(vec![true, false].into())), &["{}", "null"]);
    }

    #[test]
    fn maps_are_objects_whatever_their_keys() {
        let mut texts = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
        texts.keys().append_value("a\"b");
        texts.values().append_null();
        texts.keys().append_value("c");
        texts.values().append_value(2);
        texts.append(true).unwrap();
        texts.append(false).unwrap();
        texts.append(true).unwrap();
        texts.keys().append_value("d");
        texts.values().append_value(3);
        texts.append(true).unwrap();
        let texts = texts.finish();
        check(texts.clone(), &["{\"a\\\"b\":null,\"c\":2}", "null", "{}", "{\"d\":3}"]);
        check(texts.slice(3, 1), &["{\"d\":3}"]);

        let mut numbers = MapBuilder::new(None, Int64Builder::new(), StringBuilder::new());
        numbers.keys().append_value(-7);
        numbers.values().append_value("x");
        numbers.append(true).unwrap();
        check(numbers.finish(), &["{\"-7\":\"x\"}"]);

        let mut days = MapBuilder::new(None, Date32Builder::new(), BooleanBuilder::new());
        days.keys().append_value(0);
        days.values().append_value(true);
        days.append(true).unwrap();
        check(days.finish(), &["{\"1970-01-01\":true}"]);
    }

    #[test]
    fn dictionaries_are_their_values_and_their_nulls() {
        let keys = Int8Array::from(vec![Some(1), None, Some(0), Some(1)]);
        let values = Arc::new(StringArray::from(vec![None, Some("x")]));
        check(DictionaryArray::<Int8Type>::new(keys, values), &["\"x\"", "null", "null", "\"x\""]);
        let none = DictionaryArray::<Int8Type>::new(Int8Array::new_null(2), Arc::new(StringArray::new_null(0)));
        check(none, &["null", "null"]);
    }

    #[test]
    fn runs_are_their_values_and_their_nulls() {
        let values = StringArray::from(vec![Some("x"), None]);
        let runs = RunArray::try_new(&Int32Array::from(vec![2, 3]), &values).unwrap();
        check(runs.slice(1, 2), &["\"x\"", "null"]);
    }

    #[test]
    fn what_json_lacks_is_an_error_that_names_the_column() {
        let nan = |array: ArrayRef| {
            let error = json(array).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            assert!(error.problem().unwrap().hint.is_some());
            error.to_string()
        };
        let expected = |path: &str, what: &str| format!("column `{path}` holds {what}, which JSON cannot hold");
        assert_eq!(nan(Arc::new(Float64Array::from(vec![1.0, f64::NAN]))), expected("v", "NaN"));
        assert_eq!(nan(Arc::new(Float32Array::from(vec![f32::NEG_INFINITY]))), expected("v", "an infinity"));
        let half = PrimitiveArray::<Float16Type>::from_iter_values([cast_half(f32::INFINITY)]);
        assert_eq!(nan(Arc::new(half)), expected("v", "an infinity"));
        let list = ListArray::from_iter_primitive::<Float64Type, _, _>([Some(vec![Some(f64::NAN)])]);
        let deep = object(vec![("a", Arc::new(list))], None);
        assert_eq!(nan(Arc::new(deep)), expected("v.a[]", "NaN"));
    }

    #[test]
    fn what_is_behind_a_null_does_not_count() {
        let nan = Float64Array::new(ScalarBuffer::from(vec![f64::NAN, 1.0]), Some(vec![false, true].into()));
        check(nan.clone(), &["null", "1.0"]);
        let item = Arc::new(Field::new("item", DataType::Float64, true));
        let behind = Float64Array::from(vec![f64::NAN, 2.0]);
        let offsets = OffsetBuffer::new(vec![0, 1, 2].into());
        check(ListArray::new(item, offsets, Arc::new(behind), Some(vec![false, true].into())), &["null", "[2.0]"]);
    }

    #[test]
    fn a_bad_row_leaves_the_whole_rows_before_it() {
        let out = super::super::testing::Memory::default();
        let rows = column(Float64Array::from(vec![1.0, f64::NAN]));
        let mut encoder = encoder(Format::Json, &rows.schema(), 1, Box::new(out.clone())).unwrap();
        encoder.write(&rows).unwrap_err();
        encoder.flush().unwrap();
        assert_eq!(out.bytes(), b"{\"v\":1.0}\n");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(rows in prop::collection::vec(
            (".*", any::<i64>(), any::<u64>(), prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO,
             prop::option::of("\\PC*")), 0..20))
        {
            let texts = StringArray::from_iter_values(rows.iter().map(|row| &row.0));
            let signed = Int64Array::from_iter_values(rows.iter().map(|row| row.1));
            let unsigned = UInt64Array::from_iter_values(rows.iter().map(|row| row.2));
            let views = StringViewArray::from_iter(rows.iter().map(|row| row.4.as_deref()));
            let all = batch([("t", Arc::new(texts)), ("i", Arc::new(signed)), ("u", Arc::new(unsigned)), ("o", Arc::new(views))]);
            let text = encode_text(Format::Json, &[all]).unwrap();
            prop_assert_eq!(text.lines().count(), rows.len());
            for (line, row) in text.lines().zip(&rows) {
                let read: serde_json::Value = serde_json::from_str(line).unwrap();
                prop_assert_eq!(read, serde_json::json!({"t": row.0, "i": row.1, "u": row.2, "o": row.4}));
            }
            // The standard library reads floats exactly; serde_json without its feature for that does not.
            let floats = json(Float64Array::from_iter_values(rows.iter().map(|row| row.3))).unwrap();
            for (text, row) in floats.iter().zip(&rows) {
                prop_assert_eq!(text.parse::<f64>().unwrap().to_bits(), row.3.to_bits());
            }
        }
    }
}
