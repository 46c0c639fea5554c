//! Values as text for people: numbers as JSON has them, texts as they are, dates and times in ISO 8601, nested values
//! as JSON.
//!
//! Nothing is refused: what has no such text (NaN within a list, a union, a date out of every calendar) is told in
//! Arrow's words. How wide a value may be is for others to say.

use anstyle::Style;
use arrow::array::{Array, RecordBatch};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{Field, SchemaRef};
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::line::DIM;
use super::text::{clean, width};
use crate::error::{Error, Result};
use crate::session::type_name;
use crate::sink::{Recast, Texts};

/// What stands over a column.
#[derive(Debug, Clone)]
pub(super) struct Heading {
    pub(super) name: String,
    /// What the type is called.
    pub(super) kind: String,
    /// Whether values stand on the right: numbers, dates and times.
    pub(super) is_right: bool,
}

impl Heading {
    fn of(field: &Field) -> Self {
        let data_type = field.data_type();
        Self {
            name: clean(field.name(), None),
            kind: clean(&type_name(data_type), None),
            is_right: data_type.is_numeric() || data_type.is_temporal(),
        }
    }
}

/// A value that can be shown on a terminal.
#[derive(Debug, Clone)]
pub(super) struct Cell {
    pub(super) text: String,
    /// Whether the text stands for NULL.
    pub(super) is_null: bool,
    /// Columns that the text takes.
    pub(super) width: usize,
}

impl Cell {
    /// What tells NULL from the same text.
    pub(super) fn style(&self) -> Style {
        if self.is_null { DIM } else { Style::new() }
    }
}

/// Makes texts of the values of batches of one schema.
pub(super) struct Cells(Recast);

impl Cells {
    pub(super) fn new(schema: &SchemaRef) -> Self {
        Self(Recast::plain(schema))
    }

    /// What stands over the columns.
    pub(super) fn headings(&self) -> Vec<Heading> {
        self.0.schema().fields().iter().map(|field| Heading::of(field)).collect()
    }

    /// Calls `each` with every value, row by row: its column and its text, `None` for NULL.
    pub(super) fn for_each(&self, batch: &RecordBatch, mut each: impl FnMut(usize, Option<&str>)) -> Result<()> {
        let batch = self.0.apply(batch)?;
        let columns = self.0.schema().fields().iter().zip(batch.columns());
        let columns: Vec<Column<'_>> =
            columns.map(|(field, array)| Column::new(array.as_ref(), field)).collect::<Result<_>>()?;
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for (index, column) in columns.iter().enumerate() {
                each(index, column.text(row, &mut text));
            }
        }
        Ok(())
    }

    /// The values, row by row, with `null` for NULL and cut to `limit` columns.
    pub(super) fn rows(&self, batch: &RecordBatch, null: &str, limit: Option<usize>) -> Result<Vec<Vec<Cell>>> {
        let mut rows = vec![Vec::with_capacity(batch.num_columns()); batch.num_rows()];
        let mut row = 0;
        self.for_each(batch, |column, text| {
            let shown = clean(text.unwrap_or(null), limit);
            rows[row].push(Cell { width: width(&shown), text: shown, is_null: text.is_none() });
            row += usize::from(column + 1 == batch.num_columns());
        })?;
        Ok(rows)
    }
}

/// The values of one column.
struct Column<'a> {
    nulls: Option<NullBuffer>,
    /// `None` where the type has no text of ours.
    texts: Option<Texts<'a>>,
    /// For values that have none.
    others: ArrayFormatter<'a>,
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array, field: &Field) -> Result<Self> {
        const OPTIONS: FormatOptions<'static> = FormatOptions::new().with_display_error(true).with_null("null");
        let others = ArrayFormatter::try_new(array, &OPTIONS).map_err(|source| {
            Error::internal(format!("column `{}` cannot be shown", field.name())).with_source(source)
        })?;
        Ok(Self { nulls: array.logical_nulls(), texts: Texts::new(array, field.name()).ok(), others })
    }

    /// The text of a value, in `room`.
    fn text<'b>(&self, row: usize, room: &'b mut String) -> Option<&'b str> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            return None;
        }
        let mut bytes = std::mem::take(room).into_bytes();
        bytes.clear();
        let text = self.texts.as_ref().and_then(|texts| texts.write(row, &mut bytes).ok());
        *room = text.and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_else(|| self.others.value(row).to_string());
        Some(room)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, ListArray};
    use arrow::datatypes::{Float64Type, TimestampMillisecondType};

    use super::super::testing::{batch, column};
    use super::*;

    fn cells(array: ArrayRef) -> Vec<(String, bool)> {
        let rows = batch([("v", array)]);
        let cells = Cells::new(&rows.schema()).rows(&rows, "NULL", None).unwrap();
        cells.into_iter().flatten().map(|cell| (cell.text, cell.is_null)).collect()
    }

    #[test]
    fn values_of_every_kind() {
        let check = |kind, number, text: &str, expected: &str| {
            let expected = [(expected.to_owned(), expected == "NULL"), ("NULL".to_owned(), true)];
            assert_eq!(cells(column(kind, &[Some((number, text.to_owned())), None])), expected);
        };
        check(0, 7, "t", "{text=t}");
        check(1, -7, "", "-7");
        check(2, f64::NAN.to_bits() as i64, "", "NaN");
        check(3, 0, "a \"b\"", "a \"b\"");
        check(4, 0, "", "true");
        check(5, 12_345, "", "12.345");
        check(6, 1_500, "", "1970-01-01T00:00:01.500");
        check(7, 1_500_000, "", "1970-01-01T00:00:01.500Z");
        check(8, 1, "", "1970-01-02");
        check(9, 0, "az", "617a");
        check(10, 0, "a \"b\"", "a \"b\"");
        check(11, 0, "", "PT0S");
        check(13, 3, "é", "[\"é\",null,\"é\"]");
        check(14, 1, "é", "{\"a\":1,\"b \\\"'\":\"é\"}");
        check(15, 1, "k", "{\"k\":1}");
        check(17, 0, "", "NULL");
    }

    #[test]
    fn what_has_no_text_is_told_in_arrows_words() {
        let check = |array, expected: &str| assert_eq!(cells(array)[0], (expected.to_owned(), false));
        let floats = [Some(vec![Some(1.0), Some(f64::NAN)])];
        check(Arc::new(ListArray::from_iter_primitive::<Float64Type, _, _>(floats)), "[1.0, NaN]");
        let never = Int64Array::from(vec![i64::MAX]).reinterpret_cast::<TimestampMillisecondType>();
        check(
            Arc::new(never),
            "ERROR: Cast error: Failed to convert 9223372036854775807 to datetime for Timestamp(ms)",
        );
    }
}
