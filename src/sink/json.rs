//! JSON: one object per line, each with every column, nulls included.
//!
//! How a value of some type is written is the business of `values`.

use arrow::array::RecordBatch;
use arrow::datatypes::Fields;

use super::lines::each_row;
use super::values::Object;
use crate::error::Result;

/// Appends one JSON object per row of `batch`, whose columns have the names of `fields`, as long as [`each_row`] goes on.
pub(super) fn write_rows(fields: &Fields, batch: &RecordBatch, text: &mut Vec<u8>) -> Result<usize> {
    let object = Object::new(fields, batch.columns(), None)?;
    each_row(batch.num_rows(), text, |row, text| object.write(row, text))
}
