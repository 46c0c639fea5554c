//! Batches with some types replaced by others that hold the same values, where a format or its readers ask for it.
//!
//! Which types is for the format to say.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};

use crate::error::{Error, Result};

/// A schema and the one that replaces it.
pub struct Recast {
    schema: SchemaRef,
    /// No type was replaced: batches pass as they are.
    idle: bool,
}

impl Recast {
    /// Replaces each type, at any depth, for which `replace` has another.
    pub(super) fn new(schema: &SchemaRef, replace: fn(&DataType) -> Option<DataType>) -> Self {
        let fields: Fields = schema.fields().iter().map(|field| replace_in(field, replace)).collect();
        let idle = fields == *schema.fields();
        Self { schema: Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())), idle }
    }

    /// Replaces dictionaries and runs, at any depth, by arrays of their values: each batch may bring a dictionary of its
    /// own, and the values are what was asked for.
    pub fn plain(schema: &SchemaRef) -> Self {
        Self::new(schema, plain)
    }

    /// The schema of the batches that [`Recast::apply`] makes.
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// `batch` in the new schema.
    ///
    /// **Errors**: [`Error::Data`] if the new type cannot hold a value.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if self.idle {
            return Ok(batch.clone());
        }
        let strict = CastOptions { safe: false, ..CastOptions::default() };
        let columns = self.schema.fields().iter().zip(batch.columns()).map(|(field, column)| {
            cast_with_options(column, field.data_type(), &strict).map_err(|error| {
                Error::data(format!("column `{}` cannot be written as {}", field.name(), field.data_type()))
                    .with_source(error)
            })
        });
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(self.schema.clone(), columns.collect::<Result<_>>()?, &rows)
            .map_err(|error| Error::internal("a batch does not fit its own schema").with_source(error))
    }
}

/// The type of a dictionary's or a run's values.
pub(super) fn plain(data_type: &DataType) -> Option<DataType> {
    match data_type {
        DataType::Dictionary(_, value) => Some(value.as_ref().clone()),
        DataType::RunEndEncoded(_, value) => Some(value.data_type().clone()),
        _ => None,
    }
}

fn replace_in(field: &FieldRef, replace: fn(&DataType) -> Option<DataType>) -> FieldRef {
    let data_type = replaced(field.data_type(), replace);
    if data_type == *field.data_type() {
        field.clone()
    } else {
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    }
}

fn replaced(data_type: &DataType, replace: fn(&DataType) -> Option<DataType>) -> DataType {
    if let Some(other) = replace(data_type) {
        return replaced(&other, replace);
    }
    let inner = |field: &Arc<Field>| replace_in(field, replace);
    match data_type {
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(inner).collect()),
        DataType::List(item) => DataType::List(inner(item)),
        DataType::LargeList(item) => DataType::LargeList(inner(item)),
        DataType::ListView(item) => DataType::ListView(inner(item)),
        DataType::LargeListView(item) => DataType::LargeListView(inner(item)),
        // A cast of lists of length 0 forgets how many there are, and they hold nothing to replace.
        DataType::FixedSizeList(item, length) if *length > 0 => DataType::FixedSizeList(inner(item), *length),
        DataType::Map(entries, sorted) => DataType::Map(inner(entries), *sorted),
        other => other.clone(),
    }
}
