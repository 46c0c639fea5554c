//! JSON: one object per line, each with every column, nulls included.
//!
//! How a value of some type is written is the business of `values`.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Encoder;
use super::columns;
use super::lines::Lines;
use super::values::Object;
use crate::error::Result;

/// Writes one JSON object per row.
pub(super) struct JsonEncoder {
    schema: SchemaRef,
    lines: Lines,
}

impl JsonEncoder {
    pub(super) fn new(schema: &SchemaRef, out: Box<dyn Write + Send>) -> Self {
        Self { schema: schema.clone(), lines: Lines::new(out) }
    }
}

impl Encoder for JsonEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        columns::conforms(&self.schema, batch)?;
        let row_object = Object::new(self.schema.fields(), batch.columns(), None)?;
        (0..batch.num_rows()).try_for_each(|row| self.lines.push(|line| row_object.write(row, line)))
    }

    fn flush(&mut self) -> Result<()> {
        self.lines.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.lines.flush()
    }
}
