//! Text into functions, and named pieces of it out of them.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, NullBufferBuilder, StringViewBuilder};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, internal_err};

/// Hands each row of a column of text to `take`, in order.
///
/// **Errors**: those of `take`, which end it; `Internal`, if the column is no text.
pub(super) fn each<'a>(array: &'a ArrayRef, mut take: impl FnMut(usize, Option<&'a str>) -> Result<()>) -> Result<()> {
    let mut row = 0;
    let mut next = |text| {
        row += 1;
        take(row - 1, text)
    };
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().iter().try_for_each(&mut next),
        DataType::LargeUtf8 => array.as_string::<i64>().iter().try_for_each(&mut next),
        DataType::Utf8View => array.as_string_view().iter().try_for_each(&mut next),
        DataType::Null => (0..array.len()).try_for_each(|_| next(None)),
        other => internal_err!("{other} is no text"),
    }
}

/// The fields of a struct of text.
pub(super) fn fields<const N: usize>(names: [&str; N]) -> Fields {
    names.iter().map(|name| Field::new(*name, DataType::Utf8View, true)).collect()
}

/// The pieces of many texts, a column for each.
pub(super) struct Pieces<const N: usize> {
    columns: [StringViewBuilder; N],
    nulls: NullBufferBuilder,
}

impl<const N: usize> Pieces<N> {
    pub(super) fn with_capacity(rows: usize) -> Self {
        let columns = std::array::from_fn(|_| StringViewBuilder::with_capacity(rows));
        Self { columns, nulls: NullBufferBuilder::new(rows) }
    }

    /// Adds a row: NULL as a whole, or the pieces that there are.
    pub(super) fn push(&mut self, pieces: Option<[Option<&str>; N]>) {
        self.nulls.append(pieces.is_some());
        for (column, piece) in self.columns.iter_mut().zip(pieces.unwrap_or([None; N])) {
            column.append_option(piece);
        }
    }

    /// The columns, and which rows are NULL as a whole.
    pub(super) fn finish(mut self) -> (Vec<ArrayRef>, Option<NullBuffer>) {
        let columns = self.columns.iter_mut().map(|column| Arc::new(column.finish()) as ArrayRef).collect();
        (columns, self.nulls.finish())
    }
}
