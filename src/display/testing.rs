//! What the tests of this module share: batches of every kind of column, and all the text of a result.

use std::sync::Arc;

use arrow::array::*;
use arrow::datatypes::{DataType, Field, Int8Type, IntervalMonthDayNano, UnionFields};
use proptest::prelude::*;

use super::layout::Layout;
use super::mode::Mode;
use super::rows::Rows;
use crate::error::Result;

pub(super) fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

pub(super) fn integers(values: impl IntoIterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

pub(super) fn texts<'a>(values: impl IntoIterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(StringArray::from_iter(values))
}

/// All that is shown of batches, without the line that counts.
pub(super) fn shown(mode: Mode, layout: Layout, batches: &[RecordBatch]) -> Result<String> {
    let mut rows = Rows::new(&batches[0].schema(), mode, layout)?;
    let mut text = String::new();
    for batch in batches {
        text += &rows.push(batch)?;
    }
    Ok(text + &rows.finish()?)
}

/// What a value of any column is made from.
pub(super) type Seed = Option<(i64, String)>;

/// Kinds of columns that [`column`] makes. The first has text for people only.
pub(super) const KINDS: usize = 18;

pub(super) fn column(kind: usize, seeds: &[Seed]) -> ArrayRef {
    let numbers = || seeds.iter().map(|seed| seed.as_ref().map(|(number, _)| *number));
    let texts = || seeds.iter().map(|seed| seed.as_ref().map(|(_, text)| text.as_str()));
    // Within what dates and nanoseconds can be.
    let near = || numbers().map(|number| number.map(|number| number % 1_000_000_000_000));
    match kind {
        0 => union(seeds),
        1 => Arc::new(Int64Array::from_iter(numbers())),
        2 => Arc::new(Float64Array::from_iter(numbers().map(|n| n.map(|n| f64::from_bits(n as u64))))),
        3 => Arc::new(StringArray::from_iter(texts())),
        4 => Arc::new(BooleanArray::from_iter(numbers().map(|n| n.map(|n| n % 2 == 0)))),
        5 => {
            let values = Decimal128Array::from_iter(numbers().map(|n| n.map(i128::from)));
            Arc::new(values.with_precision_and_scale(24, 3).unwrap())
        }
        6 => Arc::new(TimestampMillisecondArray::from_iter(near())),
        7 => Arc::new(TimestampMicrosecondArray::from_iter(near()).with_timezone("+00:00")),
        8 => Arc::new(Date32Array::from_iter(near().map(|n| n.map(|n| (n % 100_000) as i32)))),
        9 => Arc::new(BinaryArray::from_iter(texts().map(|t| t.map(str::as_bytes)))),
        10 => Arc::new(texts().collect::<DictionaryArray<Int8Type>>()),
        11 => Arc::new(IntervalMonthDayNanoArray::from_iter(
            near().map(|n| n.map(|n| IntervalMonthDayNano::new((n % 100) as i32, (n % 1000) as i32, n * 1_000))),
        )),
        12 => Arc::new(Time64MicrosecondArray::from_iter(
            near().map(|n| n.map(|n| n.unsigned_abs() as i64 % 86_400_000_000)),
        )),
        13 => list(seeds),
        14 => {
            let fields = vec![Field::new("a", DataType::Int64, true), Field::new("b \"'", DataType::Utf8, true)];
            let nulls = seeds.iter().map(Option::is_some).collect::<Vec<_>>().into();
            Arc::new(StructArray::new(fields.into(), vec![column(1, seeds), column(3, seeds)], Some(nulls)))
        }
        15 => map(seeds),
        16 => Arc::new(UInt64Array::from_iter(numbers().map(|n| n.map(|n| n as u64)))),
        _ => Arc::new(NullArray::new(seeds.len())),
    }
}

fn list(seeds: &[Seed]) -> ArrayRef {
    let mut list = ListBuilder::new(StringBuilder::new());
    for seed in seeds {
        if let Some((number, text)) = seed {
            (0..number.rem_euclid(4)).for_each(|at| list.values().append_option((at != 1).then_some(text)));
        }
        list.append(seed.is_some());
    }
    Arc::new(list.finish())
}

fn map(seeds: &[Seed]) -> ArrayRef {
    let mut map = MapBuilder::new(None, StringBuilder::new(), Int64Builder::new());
    for seed in seeds {
        if let Some((number, text)) = seed {
            map.keys().append_value(text);
            map.values().append_option((number % 3 != 0).then_some(*number));
        }
        map.append(seed.is_some()).unwrap();
    }
    Arc::new(map.finish())
}

fn union(seeds: &[Seed]) -> ArrayRef {
    let fields = [Field::new("number", DataType::Int64, true), Field::new("text", DataType::Utf8, true)];
    let kinds: Vec<i8> =
        seeds.iter().map(|seed| seed.as_ref().map_or(0, |(n, _)| (n % 2).unsigned_abs() as i8)).collect();
    let children = vec![column(1, seeds), column(3, seeds)];
    Arc::new(UnionArray::try_new(UnionFields::try_new([0, 1], fields).unwrap(), kinds.into(), None, children).unwrap())
}

pub(super) fn seed() -> impl Strategy<Value = Seed> {
    let number = prop_oneof![any::<i64>(), -3..1000_i64];
    let text = prop_oneof!["[a-z ]{0,9}", ".{0,60}", "[👩‍👧🇩🇪e\u{301}日لا\\x00-\\x7f]{0,30}"];
    prop::option::weighted(0.85, (number, text))
}

/// Batches of one schema, with any of `kinds`.
pub(super) fn batches(kinds: Vec<usize>) -> impl Strategy<Value = Vec<RecordBatch>> {
    let columns = prop::collection::vec((prop::sample::select(kinds), ".{0,15}"), 1..20);
    (columns, prop::collection::vec(0..5_usize, 1..4)).prop_flat_map(|(columns, lengths)| {
        let total: usize = lengths.iter().sum();
        let seeds = prop::collection::vec(prop::collection::vec(seed(), total), columns.len());
        seeds.prop_map(move |seeds| {
            let arrays = columns
                .iter()
                .zip(&seeds)
                .enumerate()
                .map(|(at, ((kind, name), seeds))| (format!("{name}{at}"), column(*kind, seeds), true));
            let whole = RecordBatch::try_from_iter_with_nullable(arrays).unwrap();
            let mut start = 0;
            let cut = |length: &usize| {
                start += length;
                whole.slice(start - length, *length)
            };
            lengths.iter().map(cut).collect()
        })
    })
}
