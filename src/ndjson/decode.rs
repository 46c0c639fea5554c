//! Accepted lines into Arrow columns, by a layout that is known to hold them.
//!
//! It judges nothing: a value that does not fit means that the file is no longer what was surveyed.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder, ListArray, NullBufferBuilder,
    StringViewBuilder, StructArray, UInt64Builder,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    Field, TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType, TimestampSecondType,
};

use super::bits::Bits;
use super::declared::Declared;
use super::escapes::Unescaped;
use super::instant::Dates;
use super::layout::{Reading, Scalar, shorten};
use super::object::{Slots, Values};
use super::rows::Span;
use super::tape::{Kind, ROOT, Tape, scan_number};
use super::text;

/// Memory for texts is taken in pieces of this size. Those that the builder takes by itself grow up to 2 MiB, and are had from the
/// system anew for many batches, and given back: queries over nested events took a tenth longer, with twice as many page faults. The
/// engine counts a piece as memory whether it is filled or not.
const BLOCK_BYTES: u32 = 16 << 10;

/// The line that values are taken from.
#[derive(Clone, Copy)]
pub(crate) struct Row<'a> {
    pub(crate) line: &'a [u8],
    pub(crate) tape: &'a Tape,
    pub(crate) empty_as_null: bool,
}

/// Builds one column.
pub(crate) struct Column {
    reading: Reading,
    values: Builder,
    /// For values that are read once more, to look inside.
    tape: Tape,
    unescaped: Unescaped,
    dates: Dates,
}

enum Builder {
    Boolean(Bits),
    Int64(Int64Builder),
    UInt64(UInt64Builder),
    Float64(Float64Builder),
    Decimal(Decimal128Builder),
    Date(Date32Builder),
    Text(StringViewBuilder),
    List { items: Box<Column>, offsets: Vec<i32>, valid: NullBufferBuilder },
    Struct { columns: Vec<Column>, slots: Slots, valid: NullBufferBuilder },
}

impl Column {
    pub(crate) fn new(reading: &Reading) -> Self {
        let valid = || NullBufferBuilder::new(0);
        let values = match reading {
            Reading::Boolean => Builder::Boolean(Bits::default()),
            Reading::Int64 | Reading::Timestamp { .. } => Builder::Int64(Int64Builder::new()),
            Reading::UInt64 => Builder::UInt64(UInt64Builder::new()),
            Reading::Float64 => Builder::Float64(Float64Builder::new()),
            Reading::Decimal { .. } => Builder::Decimal(Decimal128Builder::new().with_data_type(reading.data_type())),
            Reading::Date => Builder::Date(Date32Builder::new()),
            Reading::Text | Reading::Json => Builder::Text(StringViewBuilder::new().with_fixed_block_size(BLOCK_BYTES)),
            Reading::List(item) => Builder::List { items: Box::new(Self::new(item)), offsets: vec![0], valid: valid() },
            Reading::Struct(layout) => {
                let columns = layout.fields().iter().map(|(_, reading)| Self::new(reading)).collect();
                Builder::Struct { columns, slots: layout.slots(), valid: valid() }
            }
        };
        let (tape, unescaped, dates) = (Tape::default(), Unescaped::default(), Dates::default());
        Self { reading: reading.clone(), values, tape, unescaped, dates }
    }

    /// Appends the values at places of a block, NULL where there is none. `Err` is the number of the first that does not
    /// fit, and says why.
    pub(crate) fn append_spans(
        &mut self,
        mut spans: impl Iterator<Item = Span>,
        block: &str,
        empty_as_null: bool,
    ) -> Result<(), (usize, String)> {
        let mut number = 0;
        // Values that are usual for the usual types are appended by loops of their own.
        while let Some(span) = self.append_usual(spans.by_ref(), &mut number, block) {
            self.append_span(span, block, empty_as_null).map_err(|what| (number, what))?;
            number += 1;
        }
        Ok(())
    }

    /// Appends values up to the first that is not usual, which is returned; counts those that were appended.
    fn append_usual(&mut self, spans: impl Iterator<Item = Span>, count: &mut usize, block: &str) -> Option<Span> {
        let text = |span: Span| &block[span.start as usize + 1..span.end as usize - 1];
        let dates = &mut self.dates;
        match (&mut self.values, &self.reading) {
            (Builder::Boolean(values), _) => values.append_usual(spans, count),
            (Builder::Text(values), Reading::Text) => usual(
                spans,
                count,
                |value| values.append_option(value),
                |span| (span.kind == Kind::Plain).then(|| text(span)),
            ),
            (Builder::Float64(values), _) => usual(
                spans,
                count,
                |value| values.append_option(value),
                |span| {
                    let is_number = matches!(span.kind, Kind::Integer | Kind::Fraction);
                    let place = span.start as usize..span.end as usize;
                    is_number.then(|| text::double_in(block.as_bytes(), place).filter(|v| v.is_finite())).flatten()
                },
            ),
            (Builder::Int64(values), Reading::Int64) => usual(
                spans,
                count,
                |value| values.append_option(value),
                |span| {
                    let place = span.start as usize..span.end as usize;
                    (span.kind == Kind::Integer).then(|| text::bigint_in(block.as_bytes(), place)).flatten()
                },
            ),
            (Builder::Int64(values), Reading::Timestamp { unit, .. }) => usual(
                spans,
                count,
                |value| values.append_option(value),
                |span| {
                    let is_text = span.kind == Kind::Plain;
                    is_text.then(|| dates.timestamp(text(span).as_bytes(), *unit).ok()).flatten()
                },
            ),
            _ => { spans }.next(),
        }
    }

    fn append_span(&mut self, span: Span, block: &str, empty_as_null: bool) -> Result<(), String> {
        let Some(node) = span.node() else { return self.append_null() };
        let (start, end) = (node.start as usize, node.end as usize);
        match (&mut self.values, node.kind) {
            (Builder::Text(text), kind) => {
                match (&self.reading, kind) {
                    (Reading::Text, Kind::Plain) => text.append_value(&block[start + 1..end - 1]),
                    (Reading::Text, Kind::Escaped) => {
                        text.append_value(self.unescaped.of(&block[start + 1..end - 1]));
                    }
                    _ => text.append_value(&block[start..end]),
                }
                Ok(())
            }
            (Builder::List { .. }, _) => {
                let mut tape = std::mem::take(&mut self.tape);
                let line = &block.as_bytes()[start..end];
                let appended = match tape.parse_value(line, usize::MAX) {
                    Ok(()) => self.append(Some(ROOT), Row { line, tape: &tape, empty_as_null }),
                    Err(fault) => Err(fault.detail.into_owned()),
                };
                self.tape = tape;
                appended
            }
            _ => {
                let scalar = self.reading.scalar(node, block.as_bytes(), empty_as_null)?;
                self.append_scalar(scalar);
                Ok(())
            }
        }
    }

    /// Appends the value at `node`, NULL where there is none. `Err` says what does not fit.
    pub(crate) fn append(&mut self, node: Option<u32>, row: Row<'_>) -> Result<(), String> {
        let Some(index) = node else { return self.append_null() };
        let node = row.tape.node(index);
        match (&mut self.values, node.kind) {
            (Builder::Text(text), kind) => {
                match (&self.reading, kind) {
                    (_, Kind::Null) => text.append_null(),
                    (Reading::Text, Kind::Plain) => text.append_value(text::quoted(node, row.line)),
                    (Reading::Text, Kind::Escaped) => {
                        text.append_value(self.unescaped.of(text::quoted(node, row.line)));
                    }
                    _ => text.append_value(text::json(node, row.line)),
                }
                Ok(())
            }
            (Builder::List { .. } | Builder::Struct { .. }, Kind::Null) => self.append_null(),
            (Builder::List { items, offsets, valid }, Kind::Array) => {
                let mut end = offsets[offsets.len() - 1];
                for element in row.tape.children(index) {
                    items.append(Some(element), row)?;
                    end = end.checked_add(1).ok_or("a batch holds more than 2^31 list elements")?;
                }
                offsets.push(end);
                valid.append_non_null();
                Ok(())
            }
            (Builder::Struct { columns, slots, valid }, Kind::Object) => {
                let values = slots.assign(index, row.line, row.tape);
                append_fields(columns, &values, row)?;
                slots.give_back(values);
                valid.append_non_null();
                Ok(())
            }
            (Builder::List { .. } | Builder::Struct { .. }, _) => {
                Err(format!("{} is not a {}", shorten(text::json(node, row.line)), self.reading.name()))
            }
            _ => {
                let scalar = self.reading.scalar(node, row.line, row.empty_as_null)?;
                self.append_scalar(scalar);
                Ok(())
            }
        }
    }

    fn append_null(&mut self) -> Result<(), String> {
        match &mut self.values {
            Builder::Text(text) => text.append_null(),
            Builder::List { offsets, valid, .. } => {
                offsets.push(offsets[offsets.len() - 1]);
                valid.append_null();
            }
            Builder::Struct { columns, valid, .. } => {
                columns.iter_mut().try_for_each(Self::append_null)?;
                valid.append_null();
            }
            _ => self.append_scalar(Scalar::Null),
        }
        Ok(())
    }

    fn append_scalar(&mut self, scalar: Scalar) {
        match (&mut self.values, scalar) {
            (Builder::Boolean(b), Scalar::Boolean(v)) => b.append_word(u64::from(v), 1),
            (Builder::Int64(b), Scalar::Int64(v)) => b.append_value(v),
            (Builder::UInt64(b), Scalar::UInt64(v)) => b.append_value(v),
            (Builder::Float64(b), Scalar::Float64(v)) => b.append_value(v),
            (Builder::Decimal(b), Scalar::Decimal(v)) => b.append_value(v),
            (Builder::Date(b), Scalar::Date(v)) => b.append_value(v),
            (Builder::Boolean(b), _) => b.append_null(),
            (Builder::Int64(b), _) => b.append_null(),
            (Builder::UInt64(b), _) => b.append_null(),
            (Builder::Float64(b), _) => b.append_null(),
            (Builder::Decimal(b), _) => b.append_null(),
            (Builder::Date(b), _) => b.append_null(),
            (Builder::Text(_) | Builder::List { .. } | Builder::Struct { .. }, _) => {
                unreachable!("`append` handles what is no scalar")
            }
        }
    }

    /// The column built so far; starts a new one.
    pub(crate) fn finish(&mut self) -> ArrayRef {
        match &mut self.values {
            Builder::Boolean(b) => Arc::new(b.finish()),
            Builder::Int64(b) => match &self.reading {
                Reading::Timestamp { unit, .. } => timestamps(b, *unit),
                _ => Arc::new(b.finish()),
            },
            Builder::UInt64(b) => Arc::new(b.finish()),
            Builder::Float64(b) => Arc::new(b.finish()),
            Builder::Decimal(b) => Arc::new(b.finish()),
            Builder::Date(b) => Arc::new(b.finish()),
            Builder::Text(b) => Arc::new(b.finish()),
            Builder::List { items, offsets, valid } => {
                let items = items.finish();
                let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
                let offsets = OffsetBuffer::new(ScalarBuffer::from(std::mem::replace(offsets, vec![0])));
                Arc::new(ListArray::new(field, offsets, items, valid.finish()))
            }
            Builder::Struct { columns, valid, .. } => {
                let length = valid.len();
                let arrays: Vec<ArrayRef> = columns.iter_mut().map(Self::finish).collect();
                let nulls = valid.finish();
                let fields = match self.reading.data_type() {
                    arrow::datatypes::DataType::Struct(fields) => fields,
                    _ => unreachable!("a struct builder reads structs"),
                };
                match arrays.is_empty() {
                    true => Arc::new(StructArray::new_empty_fields(length, nulls)),
                    false => Arc::new(StructArray::new(fields, arrays, nulls)),
                }
            }
        }
    }
}

/// Appends what `read` makes of values, until it makes nothing of one: that is returned.
#[inline(always)]
fn usual<T>(
    spans: impl Iterator<Item = Span>,
    count: &mut usize,
    mut append: impl FnMut(Option<T>),
    mut read: impl FnMut(Span) -> Option<T>,
) -> Option<Span> {
    for span in spans {
        let value = read(span);
        if value.is_none() && span.kind != Kind::Null {
            return Some(span);
        }
        append(value);
        *count += 1;
    }
    None
}

/// Appends one object's values to the columns of a layout. `Err` also where the object has a key that it lacks.
pub(crate) fn append_fields(columns: &mut [Column], values: &Values, row: Row<'_>) -> Result<(), String> {
    check_known(values, row)?;
    columns.iter_mut().enumerate().try_for_each(|(slot, column)| column.append(values.get(slot), row))
}

/// A key that the survey did not see is data that no column would show.
pub(crate) fn check_known(values: &Values, row: Row<'_>) -> Result<(), String> {
    match values.unknown {
        None => Ok(()),
        Some(key) => Err(format!("no column has the key {}", shorten(text::json(row.tape.node(key), row.line)))),
    }
}

/// A text that stands by itself, such as a folder's name, as one value of a declared type: by the rules for strings in
/// lines; `true`, `false` and integers of an epoch as they stand; numbers with zeros before them, as in `hour=07`.
pub(crate) fn from_text(text: &str, declared: &Declared) -> Result<ArrayRef, String> {
    let reading = Reading::of_declared(declared);
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let is_integer = || scan_number(text.as_bytes()) == Ok((text.len(), Kind::Integer));
    let value = match reading {
        Reading::Boolean if matches!(text, "true" | "false") => text.to_owned(),
        Reading::Timestamp { epoch: Some(_), .. } if is_integer() => text.to_owned(),
        Reading::Int64 | Reading::Float64 | Reading::Decimal { .. } => quoted(&without_leading_zeros(text)),
        _ => quoted(text),
    };
    let line = format!("{{\"v\":{value}}}");
    let mut tape = Tape::default();
    let misfit = || format!("{} is not a {}", shorten(&quoted(text)), reading.name());
    tape.parse(line.as_bytes(), 2).map_err(|_| misfit())?;
    let mut column = Column::new(&reading);
    column.append(Some(ROOT + 2), Row { line: line.as_bytes(), tape: &tape, empty_as_null: false })?;
    let array = column.finish();
    if array.is_null(0) { Err(misfit()) } else { Ok(array) }
}

fn without_leading_zeros(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let zeros = digits.bytes().zip(digits.bytes().skip(1)).take_while(|(a, b)| *a == b'0' && b.is_ascii_digit());
    format!("{sign}{}", &digits[zeros.count()..])
}

fn timestamps(builder: &mut Int64Builder, unit: TimeUnit) -> ArrayRef {
    let values = builder.finish();
    match unit {
        TimeUnit::Second => Arc::new(values.reinterpret_cast::<TimestampSecondType>()),
        TimeUnit::Millisecond => Arc::new(values.reinterpret_cast::<TimestampMillisecondType>()),
        TimeUnit::Microsecond => Arc::new(values.reinterpret_cast::<TimestampMicrosecondType>()),
        TimeUnit::Nanosecond => Arc::new(values.reinterpret_cast::<TimestampNanosecondType>()),
    }
}

#[cfg(test)]
mod tests {
    use arrow::util::display::array_value_to_string;

    use super::*;

    /// The column of values that are declared so, one per line as `{"c":value}`; `-` is a line without the key.
    fn column(declared: Declared, values: &[&str]) -> Result<ArrayRef, String> {
        let layout = super::super::layout::Layout::new(vec![("c".into(), Reading::of_declared(&declared))]);
        let (mut columns, mut slots, mut tape) =
            (vec![Column::new(&layout.fields()[0].1)], layout.slots(), Tape::default());
        for value in values {
            let line = if *value == "-" { "{}".to_owned() } else { format!("{{\"c\":{value}}}") };
            tape.parse(line.as_bytes(), 128).unwrap();
            let values = slots.assign(ROOT, line.as_bytes(), &tape);
            append_fields(&mut columns, &values, Row { line: line.as_bytes(), tape: &tape, empty_as_null: true })?;
        }
        assert_eq!(columns[0].finish().len(), values.len());
        // What was finished is gone, and the next values are its only ones.
        for value in values {
            let line = if *value == "-" { "{}".to_owned() } else { format!("{{\"c\":{value}}}") };
            tape.parse(line.as_bytes(), 128).unwrap();
            let values = slots.assign(ROOT, line.as_bytes(), &tape);
            append_fields(&mut columns, &values, Row { line: line.as_bytes(), tape: &tape, empty_as_null: true })?;
        }
        Ok(columns[0].finish())
    }

    fn check(declared: Declared, values: &[&str], expected: &[&str]) {
        let array = column(declared.clone(), values).unwrap();
        assert_eq!(array.data_type(), &Reading::of_declared(&declared).data_type());
        let shown: Vec<String> = (0..array.len()).map(|row| array_value_to_string(&array, row).unwrap()).collect();
        assert_eq!(shown, expected, "{declared}");
    }

    fn list(item: Declared) -> Declared {
        Declared::List(Box::new(item))
    }

    fn object(fields: &[(&str, Declared)]) -> Declared {
        Declared::Struct(fields.iter().map(|(name, field)| ((*name).to_owned(), field.clone())).collect())
    }

    #[test]
    fn values_become_columns_of_every_type() {
        check(Declared::Boolean, &["true", "-", "null", "false", "\"\""], &["true", "", "", "false", ""]);
        check(Declared::Bigint, &["1", "-", "\"2\""], &["1", "", "2"]);
        check(Declared::Double, &["1", "2.5", "null"], &["1.0", "2.5", ""]);
        check(Declared::Decimal { precision: 4, scale: 2 }, &["1.5", "-"], &["1.50", ""]);
        check(Declared::Date, &["\"2024-03-01\"", "null"], &["2024-03-01", ""]);
        let millis = Declared::Timestamp { unit: TimeUnit::Millisecond, epoch: Some(TimeUnit::Second) };
        check(
            millis,
            &["\"2024-03-01T00:00:00.5\"", "1", "-"],
            &["2024-03-01T00:00:00.500", "1970-01-01T00:00:01", ""],
        );
        check(Declared::Varchar, &["\"x\\n\"", "[1, 2]", "null", "\"\""], &["x\n", "[1, 2]", "", ""]);
        check(Declared::Json, &["\"x\"", "{ }", "-"], &["\"x\"", "{ }", ""]);
    }

    #[test]
    fn nested_values_keep_their_shape() {
        check(list(Declared::Bigint), &["[1,2]", "[]", "-", "null", "[null]"], &["[1, 2]", "[]", "", "", "[]"]);
        let point = object(&[("x", Declared::Bigint), ("l", list(Declared::Date))]);
        check(
            point.clone(),
            &[r#"{"l":["2024-03-01"],"x":1}"#, "{}", "null"],
            &["{x: 1, l: [2024-03-01]}", "{x: , l: }", ""],
        );
        check(list(point), &[r#"[{"x":1},null,{}]"#], &["[{x: 1, l: }, , {x: , l: }]"]);
    }

    #[test]
    fn what_does_not_fit_is_told() {
        let fails = |declared, value, expected: &str| assert_eq!(column(declared, &[value]).unwrap_err(), expected);
        fails(Declared::Bigint, "1.5", "`1.5` is not a bigint");
        fails(list(Declared::Bigint), "1", "`1` is not a list(bigint)");
        fails(list(Declared::Bigint), "[[]]", "`[]` is not a bigint");
        fails(object(&[("x", Declared::Date)]), "[]", "`[]` is not a struct(x date)");
        fails(object(&[("x", Declared::Date)]), r#"{"x":null,"y":1}"#, "no column has the key `\"y\"`");
    }
}
