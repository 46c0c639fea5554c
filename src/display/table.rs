//! Rows as a table for people.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use arrow::util::display::FormatOptions;
use arrow::util::pretty::pretty_format_batches_with_options;

use crate::error::{Error, Result};

/// How many rows a table shows. More are neither read by people nor held for them.
const SHOWN_ROWS: usize = 1000;

/// The first rows of a result, and how many there are.
pub struct Table {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    rows: usize,
}

impl Table {
    /// A result without rows so far.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, batches: Vec::new(), rows: 0 }
    }

    /// Adds rows.
    pub fn add(&mut self, batch: &RecordBatch) {
        let room = SHOWN_ROWS.saturating_sub(self.rows).min(batch.num_rows());
        if room > 0 {
            self.batches.push(batch.slice(0, room));
        }
        self.rows += batch.num_rows();
    }

    /// The table, and a line on what is left out of it.
    pub fn text(&self) -> Result<String> {
        let options = FormatOptions::default().with_null("NULL").with_display_error(true);
        // Without rows, the header alone says what there would be.
        let empty = [RecordBatch::new_empty(self.schema.clone())];
        let batches = if self.batches.is_empty() { empty.as_slice() } else { self.batches.as_slice() };
        let table = pretty_format_batches_with_options(batches, &options);
        let table = table.map_err(|error| Error::internal("the rows cannot be shown").with_source(error))?;
        // A value must not steer the terminal that shows it.
        let table: String =
            table.to_string().chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
        let count = match self.rows {
            1 => "1 row".to_owned(),
            rows if rows > SHOWN_ROWS => format!("{rows} rows, the first {SHOWN_ROWS} shown (all: --format ndjson)"),
            rows => format!("{rows} rows"),
        };
        Ok(format!("{table}\n{count}\n"))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, StringArray};

    use super::*;

    fn text(values: Vec<Option<&str>>) -> String {
        let column: ArrayRef = Arc::new(StringArray::from(values));
        let batch = RecordBatch::try_from_iter([("a", column)]).unwrap();
        let mut table = Table::new(batch.schema());
        table.add(&batch);
        table.text().unwrap()
    }

    #[test]
    fn null_is_told_from_text_and_nothing_steers_the_terminal() {
        assert!(text(vec![None]).contains("| NULL |"));
        let shown = text(vec![Some("\u{1b}[31mred")]);
        assert!(!shown.contains('\u{1b}') && shown.contains("[31mred"), "{shown}");
    }

    #[test]
    fn more_than_is_read_is_counted() {
        assert!(
            text(vec![Some("x"); SHOWN_ROWS + 1]).ends_with("1001 rows, the first 1000 shown (all: --format ndjson)\n")
        );
        assert!(text(vec![Some("x")]).ends_with("\n1 row\n"));
    }
}
