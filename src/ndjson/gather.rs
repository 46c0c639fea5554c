//! Rows of blocks into record batches: the columns that are read, of the rows that are wanted.
//!
//! It knows nothing of lines or of what makes a row wanted.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Builder, NullBufferBuilder, RecordBatch, RecordBatchOptions, StringViewBuilder, StructArray,
};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef};

use super::decode::Column;
use super::layout::{Layout, Reading, shorten};
use super::needs::{Need, Needs};
use super::rows::Wanted;
use super::source::{FILE_COLUMN, hidden_fields};
use super::tape::Kind;
use super::unit::Gathered;
use crate::error::{Error, Result};

/// Why a value has no place in its column, and where its line starts.
pub(super) struct Misfit {
    pub(super) offset: u64,
    pub(super) what: String,
}

/// Builds the columns of record batches.
pub(super) struct Gatherer {
    schema: SchemaRef,
    parts: Vec<Part>,
    rows: usize,
    /// Values of a row.
    width: usize,
}

enum Part {
    /// Of each row the value at a place.
    Value(usize, Box<Column>),
    /// Fields of a struct.
    Fields(Fields, Vec<Part>, Objects),
    File(String, StringViewBuilder),
    Offset(Int64Builder),
}

/// Which rows have an object.
enum Objects {
    /// Not known, where some fields alone are read: without an object, each of them is NULL.
    Unknown,
    /// What stands at a place of a row.
    At(usize, NullBufferBuilder),
}

impl Gatherer {
    /// For the columns `needs`, in their order; those behind `layout` are those of `hidden` columns that `file_schema`
    /// has. What they need is added to `wanted`.
    pub(super) fn new(needs: &Needs, layout: &Layout, file_schema: &Schema, file: &str, wanted: &mut Wanted) -> Self {
        let mut fields = Vec::new();
        let mut parts = Vec::new();
        let mut width = 0;
        for (column, need) in needs {
            let field = file_schema.field(*column);
            let known = layout.fields().get(*column);
            width += known.map_or(1, |(_, reading)| reading.num_leaves());
            let part = match known {
                Some((name, reading)) => {
                    wanted.read_by(reading);
                    Part::of(&mut vec![name.as_str()], reading, need, wanted)
                }
                None if field.name() == FILE_COLUMN => {
                    Part::File(file.to_owned(), StringViewBuilder::new().with_deduplicate_strings())
                }
                None => Part::Offset(Int64Builder::new()),
            };
            fields.push(part.field(field));
            parts.push(part);
        }
        Self { schema: Arc::new(Schema::new(fields)), parts, rows: 0, width }
    }

    /// Rows since the last batch.
    pub(super) fn num_rows(&self) -> usize {
        self.rows
    }

    /// Values of a row, of which a struct may have many.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Adds rows of a block: those of `selected`, or all.
    pub(super) fn add(
        &mut self,
        block: &Gathered<'_>,
        selected: Option<&[u32]>,
        empty_as_null: bool,
    ) -> Result<(), Misfit> {
        for part in &mut self.parts {
            match selected {
                None => part.add(block, 0..block.rows.len(), empty_as_null)?,
                Some(rows) => part.add(block, rows.iter().map(|row| *row as usize), empty_as_null)?,
            }
        }
        self.rows += selected.map_or(block.rows.len(), <[u32]>::len);
        Ok(())
    }

    /// The rows added since the last batch, as one.
    pub(super) fn finish(&mut self) -> Result<RecordBatch> {
        let arrays = self.parts.iter_mut().map(Part::finish).collect();
        let options = RecordBatchOptions::new().with_row_count(Some(std::mem::take(&mut self.rows)));
        RecordBatch::try_new_with_options(Arc::clone(&self.schema), arrays, &options)
            .map_err(|error| Error::internal("the columns of a batch do not fit its schema").with_source(error))
    }
}

impl Part {
    fn of<'a>(path: &mut Vec<&'a str>, reading: &'a Reading, need: &Need, wanted: &mut Wanted) -> Self {
        let Reading::Struct(layout) = reading else {
            return Self::Value(wanted.add(path), Box::new(Column::new(reading)));
        };
        let objects = match need {
            Need::Whole => Objects::At(wanted.add(path), NullBufferBuilder::new(0)),
            Need::Fields(_) => Objects::Unknown,
        };
        let mut fields = Vec::new();
        let mut parts = Vec::new();
        for (name, reading) in layout.fields() {
            let need = match need {
                Need::Whole => Some(&Need::Whole),
                Need::Fields(names) => names.get(name),
            };
            let Some(need) = need else { continue };
            path.push(name);
            let part = Self::of(path, reading, need, wanted);
            path.pop();
            fields.push(part.field(&Field::new(name, reading.data_type(), true)));
            parts.push(part);
        }
        Self::Fields(fields.into(), parts, objects)
    }

    /// The field that holds what is built, in place of the whole one.
    fn field(&self, whole: &Field) -> Arc<Field> {
        match self {
            Self::Fields(fields, ..) => Arc::new(Field::new(whole.name(), DataType::Struct(fields.clone()), true)),
            Self::Value(..) => Arc::new(whole.clone()),
            Self::File(..) => Arc::clone(&hidden_fields()[0]),
            Self::Offset(_) => Arc::clone(&hidden_fields()[1]),
        }
    }

    fn add(
        &mut self,
        block: &Gathered<'_>,
        rows: impl Iterator<Item = usize> + Clone,
        empty_as_null: bool,
    ) -> Result<(), Misfit> {
        let offset = |row: usize| block.offset + u64::from(block.rows.starts()[row]);
        match self {
            Self::Value(place, column) => {
                let spans = block.rows.column(*place);
                let values = rows.clone().map(|row| spans[row]);
                column.append_spans(values, block.text, empty_as_null).map_err(|(number, what)| {
                    let row = rows.clone().nth(number).expect("it is one of these rows");
                    Misfit { offset: offset(row), what }
                })?;
            }
            Self::Fields(_, parts, objects) => {
                objects.add(block, rows.clone()).map_err(|(row, what)| Misfit { offset: offset(row), what })?;
                parts.iter_mut().try_for_each(|part| part.add(block, rows.clone(), empty_as_null))?;
            }
            Self::File(name, column) => rows.for_each(|_| column.append_value(name.as_str())),
            Self::Offset(column) => rows.for_each(|row| column.append_value(offset(row).cast_signed())),
        }
        Ok(())
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            Self::Value(_, column) => column.finish(),
            Self::Fields(fields, parts, objects) => {
                let arrays: Vec<ArrayRef> = parts.iter_mut().map(Self::finish).collect();
                let valid = match objects {
                    Objects::Unknown => None,
                    Objects::At(_, valid) => valid.finish(),
                };
                Arc::new(StructArray::new(fields.clone(), arrays, valid))
            }
            Self::File(_, column) => Arc::new(column.finish()),
            Self::Offset(column) => Arc::new(column.finish()),
        }
    }
}

impl Objects {
    /// Adds rows of a block. `Err` is the first that has something else there, and says what.
    fn add(&mut self, block: &Gathered<'_>, rows: impl Iterator<Item = usize>) -> Result<(), (usize, String)> {
        let Self::At(place, valid) = self else { return Ok(()) };
        let spans = block.rows.column(*place);
        for row in rows {
            match spans[row].kind {
                Kind::Object => valid.append_non_null(),
                Kind::Null => valid.append_null(),
                _ => {
                    let value = &block.text[spans[row].start as usize..spans[row].end as usize];
                    return Err((row, format!("{} is not an object", shorten(value))));
                }
            }
        }
        Ok(())
    }
}
