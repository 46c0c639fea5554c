//! Values between tabs, escaped as in the text format of PostgreSQL's `COPY`: `\t`, `\n`, `\r` and `\\`, and `\N` for NULL.
//! The first line has the names of the columns.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::rows::Look;
use crate::error::{Error, Result};
use crate::sink::{Recast, Texts, check_text};

/// A result as lines of values.
pub(super) struct Tsv {
    recast: Recast,
    /// The line of names, until it is shown.
    header: String,
}

impl Tsv {
    pub(super) fn new(schema: &SchemaRef) -> Result<Self> {
        check_text(schema, "tsv")?;
        let mut header = String::new();
        for (position, field) in schema.fields().iter().enumerate() {
            separate(position, &mut header);
            escape(field.name(), &mut header);
        }
        header.push('\n');
        Ok(Self { recast: Recast::plain(schema), header })
    }
}

impl Look for Tsv {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        let batch = self.recast.apply(batch)?;
        let fields = self.recast.schema().fields().iter().zip(batch.columns());
        let columns: Vec<Texts<'_>> =
            fields.map(|(field, array)| Texts::new(array.as_ref(), field.name())).collect::<Result<_>>()?;
        let mut text = std::mem::take(&mut self.header);
        let mut value = Vec::new();
        for row in 0..batch.num_rows() {
            for (position, column) in columns.iter().enumerate() {
                separate(position, &mut text);
                if column.is_null(row) {
                    text.push_str("\\N");
                    continue;
                }
                value.clear();
                column.write(row, &mut value)?;
                let value = str::from_utf8(&value);
                escape(value.map_err(|error| Error::internal("a value is not UTF-8").with_source(error))?, &mut text);
            }
            text.push('\n');
        }
        Ok(text)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(std::mem::take(&mut self.header))
    }
}

fn separate(position: usize, line: &mut String) {
    if position > 0 {
        line.push('\t');
    }
}

fn escape(value: &str, line: &mut String) {
    for char in value.chars() {
        match char {
            '\t' => line.push_str("\\t"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\\' => line.push_str("\\\\"),
            char => line.push(char),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Layout;
    use super::super::mode::Mode;
    use super::super::testing::{batch, column, integers, shown, texts};

    #[test]
    fn values_are_escaped_as_copy_does() {
        let rows = batch([
            ("a\tb", integers([1, 2])),
            ("c", texts([Some("x\ty\nz\r\\"), None])),
            ("d", column(13, &[Some((3, "é\"".into())), None])),
        ]);
        let header = r"a\tb	c	d";
        let first = r#"1	x\ty\nz\r\\	["é\\"",null,"é\\""]"#;
        let second = r"2	\N	\N";
        let none = rows.slice(0, 0);
        let text = shown(Mode::Tsv, Layout::default(), &[rows, none.clone()]).unwrap();
        assert_eq!(text, [header, first, second, ""].join("\n"));
        assert_eq!(shown(Mode::Tsv, Layout::default(), &[none]).unwrap(), format!("{header}\n"));
    }

    #[test]
    fn a_type_without_text_is_refused() {
        let rows = batch([("a", column(0, &[None]))]);
        let error = shown(Mode::Tsv, Layout::default(), &[rows]).unwrap_err();
        assert_eq!(error.to_string(), "column `a` is a union, which tsv cannot hold");
    }
}
