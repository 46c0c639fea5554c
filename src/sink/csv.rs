//! CSV as RFC 4180 has it, with lines that end in `\n`.
//!
//! - The header is always there, also over no rows.
//! - NULL is an empty field, and an empty text is `""`, as PostgreSQL and DuckDB write and read them. In a result of
//!   one column NULL is `""` too: its line would be blank, and many readers skip blank lines, which loses the row.
//! - Fields are quoted only where they must be. Lists, structs and maps are JSON text in a field.
//! - Dates, times and numbers are written as in JSON; the floats that JSON lacks are `NaN`, `inf` and `-inf`.

use arrow::array::{Array, ArrayAccessor, AsArray, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Fields, SchemaRef};
use memchr::{memchr2, memchr3};

use super::lines::each_row;
use super::plain;
use super::recast::Recast;
use super::values::Put;
use crate::error::Result;

/// The line before all records.
pub(super) fn header(fields: &Fields) -> Vec<u8> {
    let mut line = Vec::new();
    for (position, field) in fields.iter().enumerate() {
        separate(position, &mut line);
        text(field.name().as_bytes(), &mut line);
    }
    line.push(b'\n');
    line
}

/// Writes one record per row.
pub(super) struct Records(Recast);

impl Records {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self(Recast::plain(schema))
    }

    /// Appends the records of `batch`, as long as [`each_row`] goes on.
    pub(super) fn write_rows(&self, batch: &RecordBatch, text: &mut Vec<u8>) -> Result<usize> {
        let batch = self.0.apply(batch)?;
        let columns = self.0.schema().fields().iter().zip(batch.columns());
        let columns: Vec<Column<'_>> =
            columns.map(|(field, array)| Column::new(array.as_ref(), field.name())).collect::<Result<_>>()?;
        each_row(batch.num_rows(), text, |row, line| write_record(&columns, row, line))
    }
}

fn write_record(columns: &[Column<'_>], row: usize, line: &mut Vec<u8>) -> Result<()> {
    for (position, column) in columns.iter().enumerate() {
        separate(position, line);
        if !column.is_null(row) {
            (column.put)(row, line)?;
        } else if columns.len() == 1 {
            text(b"", line);
        }
    }
    Ok(())
}

fn separate(position: usize, line: &mut Vec<u8>) {
    if position > 0 {
        line.push(b',');
    }
}

struct Column<'a> {
    nulls: Option<NullBuffer>,
    put: Put<'a>,
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array, name: &str) -> Result<Self> {
        let put = match array.data_type() {
            DataType::Utf8 => string(array.as_string::<i32>()),
            DataType::LargeUtf8 => string(array.as_string::<i64>()),
            DataType::Utf8View => string(array.as_string_view()),
            // JSON has commas and quotes; binary may be empty.
            data_type if data_type.is_nested() || data_type.is_binary() => quoted(plain::put(array, name)?),
            // Numbers, dates and the like need no quotes.
            _ => plain::put(array, name)?,
        };
        Ok(Self { nulls: array.logical_nulls(), put })
    }

    fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }
}

fn string<'a>(array: impl ArrayAccessor<Item = &'a str> + 'a) -> Put<'a> {
    Box::new(move |row, line| {
        text(array.value(row).as_bytes(), line);
        Ok(())
    })
}

/// What is quoted if it must be.
fn quoted(plain: Put<'_>) -> Put<'_> {
    Box::new(move |row, line| {
        let mut value = Vec::new();
        plain(row, &mut value)?;
        text(&value, line);
        Ok(())
    })
}

/// A field that holds any text.
fn text(value: &[u8], line: &mut Vec<u8>) {
    let plain = !value.is_empty() && memchr3(b'"', b',', b'\n', value).is_none() && memchr2(b'\r', 0, value).is_none();
    if plain {
        return line.extend_from_slice(value);
    }
    line.push(b'"');
    for part in value.split_inclusive(|byte| *byte == b'"') {
        line.extend_from_slice(part);
        if part.ends_with(b"\"") {
            line.push(b'"');
        }
    }
    line.push(b'"');
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{Int64Type, UInt16Type};

    use super::super::Format;
    use super::super::testing::{batch, column, encode_text};

    fn csv(batches: &[RecordBatch]) -> String {
        encode_text(Format::Csv, batches).unwrap()
    }

    #[test]
    fn the_header_stands_once_and_over_no_rows() {
        let rows = batch([("a,b", Arc::new(Int64Array::from(vec![1]))), ("c", Arc::new(Int64Array::from(vec![2])))]);
        assert_eq!(csv(&[rows.clone(), rows.clone()]), "\"a,b\",c\n1,2\n1,2\n");
        assert_eq!(csv(&[rows.slice(0, 0)]), "\"a,b\",c\n");
    }

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        let check = |value: &str, expected: &str| {
            let texts: [ArrayRef; 2] =
                [Arc::new(StringArray::from(vec![value])), Arc::new(StringViewArray::from(vec![value]))];
            for text in texts {
                let rows = batch([("n", Arc::new(Int64Array::from(vec![1]))), ("v", text)]);
                assert_eq!(csv(&[rows]), format!("n,v\n1,{expected}\n"));
            }
        };
        check("plain text", "plain text");
        check("", "\"\"");
        check("a,b", "\"a,b\"");
        check("say \"x\"", "\"say \"\"x\"\"\"");
        check("\"", "\"\"\"\"");
        check("two\nlines", "\"two\nlines\"");
        check("cr\r", "\"cr\r\"");
        check("nul\0", "\"nul\0\"");
        check(" é ", " é ");
    }

    #[test]
    fn null_is_empty_and_an_empty_text_is_quoted() {
        let texts = || -> ArrayRef { Arc::new(StringArray::from(vec![None, Some("")])) };
        assert_eq!(csv(&[batch([("a", texts()), ("b", texts())])]), "a,b\n,\n\"\",\"\"\n");
        // A blank line would be skipped by many readers, and the row with it.
        assert_eq!(csv(&[column(texts())]), "v\n\"\"\n\"\"\n");
        let nulls = batch([("a", Arc::new(NullArray::new(1)) as ArrayRef), ("b", Arc::new(Int64Array::from(vec![1])))]);
        assert_eq!(csv(&[nulls]), "a,b\n,1\n");
    }

    #[test]
    fn an_empty_binary_is_told_from_null() {
        let values = vec![Some(&b""[..]), None, Some(&[1]), Some(&b""[..])];
        let binaries: [ArrayRef; 3] = [
            Arc::new(BinaryArray::from(values.clone())),
            Arc::new(LargeBinaryArray::from(values.clone())),
            Arc::new(BinaryViewArray::from(values)),
        ];
        for binary in binaries {
            let ones: ArrayRef = Arc::new(Int64Array::from(vec![1; 4]));
            assert_eq!(csv(&[batch([("v", binary), ("n", ones)])]), "v,n\n\"\",1\n,1\n01,1\n\"\",1\n");
        }
    }

    #[test]
    fn values_are_as_in_json_without_its_quotes() {
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some(vec![Some(1), None])]);
        let words: ArrayRef = Arc::new(StringArray::from(vec!["a,b"]));
        let rows = batch([
            ("time", Arc::new(TimestampMillisecondArray::from(vec![1_704_164_645_678]).with_timezone("UTC"))),
            ("binary", Arc::new(BinaryArray::from(vec![&[0xab_u8][..]]))),
            ("bool", Arc::new(BooleanArray::from(vec![true]))),
            ("list", Arc::new(list)),
            ("dictionary", Arc::new(DictionaryArray::<UInt16Type>::new(UInt16Array::from(vec![0]), words))),
        ]);
        let text = csv(&[rows]);
        assert_eq!(text.lines().nth(1).unwrap(), "2024-01-02T03:04:05.678Z,ab,true,\"[1,null]\",\"a,b\"");
    }

    #[test]
    fn floats_have_names_where_json_has_none() {
        let floats = Float64Array::from(vec![0.1, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
        assert_eq!(csv(&[column(floats)]), "v\n0.1\n1e+300\nNaN\ninf\n-inf\n");
        assert_eq!(csv(&[column(Float32Array::from(vec![0.1]))]), "v\n0.1\n");
    }
}
