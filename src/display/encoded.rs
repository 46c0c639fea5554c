//! Results as `sink` writes them to files: JSON lines, an array of them, and CSV.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::rows::Look;
use crate::error::{Error, Result};
use crate::sink::{self, Encoder, Format};

/// Text of an encoder, taken from it after each batch.
pub(super) struct Encoded {
    encoder: Box<dyn Encoder>,
    written: Written,
}

/// The bytes that an encoder has written, and nobody has taken yet.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    fn take(&self) -> Result<String> {
        let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        String::from_utf8(bytes).map_err(|error| Error::internal("a result is not UTF-8").with_source(error))
    }
}

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Encoded {
    /// `format` is one of text.
    pub(super) fn new(format: Format, schema: &SchemaRef) -> Result<Self> {
        let written = Written::default();
        // Text is shown as it is made: more threads would have nothing to do.
        let encoder = sink::encoder(format, schema, 1, Box::new(written.clone()))?;
        Ok(Self { encoder, written })
    }
}

impl Look for Encoded {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        self.encoder.write(batch)?;
        self.encoder.flush()?;
        self.written.take()
    }

    fn finish(&mut self) -> Result<String> {
        self.encoder.flush()?;
        self.written.take()
    }
}

/// JSON lines with the commas and brackets that make them one array.
pub(super) struct JsonArray {
    lines: Encoded,
    is_empty: bool,
}

impl JsonArray {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        Ok(Self { lines: Encoded::new(Format::Json, schema)?, is_empty: true })
    }
}

impl Look for JsonArray {
    /// The last line has no end yet: a comma or the bracket comes behind it.
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        let mut text = String::new();
        for line in self.lines.push(batch)?.lines() {
            text.push_str(if self.is_empty { "[" } else { ",\n" });
            text.push_str(line);
            self.is_empty = false;
        }
        Ok(text)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(if self.is_empty { "[]\n" } else { "]\n" }.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::Array;
    use arrow::datatypes::{Field, Schema};

    use super::super::layout::Layout;
    use super::super::mode::Mode;
    use super::super::rows::Rows;
    use super::super::testing::{batch, integers, shown, texts};
    use super::*;

    fn check(mode: Mode, expected: &str) {
        let rows = batch([("a", integers([1, 2])), ("b", texts([Some("x,\ny"), None]))]);
        assert_eq!(shown(mode, Layout::default(), &[rows.slice(0, 1), rows.slice(1, 1)]).unwrap(), expected);
    }

    #[test]
    fn text_is_as_in_files() {
        check(Mode::Ndjson, "{\"a\":1,\"b\":\"x,\\ny\"}\n{\"a\":2,\"b\":null}\n");
        check(Mode::Json, "[{\"a\":1,\"b\":\"x,\\ny\"},\n{\"a\":2,\"b\":null}]\n");
        check(Mode::Csv, "a,b\n1,\"x,\ny\"\n2,\n");
    }

    #[test]
    fn no_rows_are_an_empty_array_and_a_header() {
        let none = |mode| shown(mode, Layout::default(), &[batch([("a", integers([]))])]).unwrap();
        assert_eq!(none(Mode::Json), "[]\n");
        assert_eq!(none(Mode::Csv), "a\n");
        assert_eq!(none(Mode::Ndjson), "");
    }

    #[test]
    fn rows_are_shown_as_they_come() {
        let rows = batch([("a", integers([1]))]);
        let mut array = Rows::new(&rows.schema(), Mode::Json, Layout::default()).unwrap();
        assert_eq!(array.push(&rows).unwrap(), "[{\"a\":1}");
        assert_eq!(array.push(&rows).unwrap(), ",\n{\"a\":1}");
        assert_eq!(array.finish().unwrap(), "]\n");
    }

    #[test]
    fn two_columns_of_one_name_are_for_people_only() {
        let array = integers([1]);
        let fields = ["a", "a"].map(|name| Field::new(name, array.data_type().clone(), true));
        let schema = Arc::new(Schema::new(fields.to_vec()));
        let rows = RecordBatch::try_new(schema, vec![array.clone(), array]).unwrap();
        for mode in [Mode::Ndjson, Mode::Json, Mode::Csv, Mode::Tsv, Mode::Insert] {
            let error = shown(mode, Layout::default(), std::slice::from_ref(&rows)).unwrap_err();
            assert_eq!(error.to_string(), "two columns of the result have the name `a`", "{mode}");
        }
        for mode in [Mode::Table, Mode::Expanded, Mode::Markdown, Mode::Html] {
            shown(mode, Layout::default(), std::slice::from_ref(&rows)).unwrap();
        }
    }
}
