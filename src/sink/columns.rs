//! What a schema must be for a format to hold it, and a batch for its encoder to take it.
//!
//! It knows formats only by what they refuse.

use std::collections::HashSet;
use std::fmt::Display;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Fields, Schema};

use super::Format;
use super::values;
use crate::error::{Error, Result};

/// Checks that no two columns, or fields of one struct, have one name, and that `format` holds every type:
/// `refuses` names those that it does not.
pub(super) fn check(schema: &Schema, format: Format, refuses: fn(&DataType) -> Option<&'static str>) -> Result<()> {
    if schema.fields().is_empty() && format == Format::Parquet {
        // Without columns it has nothing to count rows by.
        return Err(Error::sql("the result has no columns, and parquet cannot hold its rows")
            .with_hint("choose another format, or name a column"));
    }
    check_types(schema, &format, refuses)
}

/// Checks that lines of text in the `form` of that name, which [`Texts`](super::Texts) are written in, can hold a result
/// of `schema`: no two columns, or fields of one struct, have one name, and each type has text.
///
/// **Errors**: [`Error::Sql`].
pub fn check_text(schema: &Schema, form: &str) -> Result<()> {
    check_types(schema, &form, values::refuses)
}

fn check_types(schema: &Schema, format: &dyn Display, refuses: fn(&DataType) -> Option<&'static str>) -> Result<()> {
    check_fields(schema.fields(), None, &|path, data_type| match refuses(data_type) {
        None => Ok(()),
        Some(what) => Err(Error::sql(format!("column `{path}` is {what}, which {format} cannot hold"))
            .with_hint("leave it out, cast it to another type, or choose another format")),
    })
}

type Check<'a> = &'a dyn Fn(&str, &DataType) -> Result<()>;

fn check_fields(fields: &Fields, parent: Option<&str>, check: Check<'_>) -> Result<()> {
    let mut names = HashSet::new();
    for field in fields {
        if !names.insert(field.name()) {
            return Err(duplicate(field.name(), parent));
        }
        let path = parent.map_or_else(|| field.name().clone(), |parent| format!("{parent}.{}", field.name()));
        check_type(field.data_type(), &path, check)?;
    }
    Ok(())
}

fn check_type(data_type: &DataType, path: &str, check: Check<'_>) -> Result<()> {
    check(path, data_type)?;
    match data_type {
        DataType::Struct(fields) => check_fields(fields, Some(path), check),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => check_type(item.data_type(), &format!("{path}[]"), check),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(pair) => {
                pair.iter().try_for_each(|side| check_type(side.data_type(), &format!("{path}[]"), check))
            }
            other => Err(Error::internal(format!("the entries of map `{path}` are of type {other}"))),
        },
        DataType::Dictionary(_, value) => check_type(value, path, check),
        DataType::RunEndEncoded(_, value) => check_type(value.data_type(), path, check),
        _ => Ok(()),
    }
}

fn duplicate(name: &str, parent: Option<&str>) -> Error {
    match parent {
        None => Error::sql(format!("two columns of the result have the name `{name}`"))
            .with_hint(format!("give one of them another name with `AS`, for example `AS {name}_2`")),
        Some(parent) => Error::sql(format!("two fields of column `{parent}` have the name `{name}`"))
            .with_hint("give one of them another name"),
    }
}

/// Checks that `batch` has the columns that its encoder was made for.
pub(super) fn conforms(schema: &Schema, batch: &RecordBatch) -> Result<()> {
    let fits = schema.fields().len() == batch.num_columns()
        && schema.fields().iter().zip(batch.columns()).all(|(field, column)| field.data_type() == column.data_type());
    if fits {
        return Ok(());
    }
    Err(Error::internal(format!("a batch of {} came to an encoder of {schema}", batch.schema_ref())))
}
