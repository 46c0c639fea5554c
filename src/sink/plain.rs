//! The values of one column as plain text: what JSON would quote stands without its quotes and escapes.
//!
//! Texts are as they are; lists, structs and maps are JSON; the floats that JSON lacks are `NaN`, `inf` and `-inf`; all
//! else is as in `values`. What NULL looks like, and what must be escaped where the text goes, is for others to say.

use std::fmt::Debug;
use std::io::Write;

use arrow::array::{Array, ArrayAccessor, ArrowPrimitiveType, AsArray};
use arrow::buffer::NullBuffer;
use arrow::datatypes::{DataType, Float16Type, Float32Type, Float64Type};

use super::values::{Put, Values};
use crate::error::Result;

/// The texts of one array, which is no dictionary and no run: [`Recast::plain`](super::Recast::plain) makes them arrays
/// of values.
pub struct Texts<'a> {
    nulls: Option<NullBuffer>,
    put: Put<'a>,
}

impl<'a> Texts<'a> {
    /// `name` is the column's, for messages.
    ///
    /// **Errors**: [`Error::Internal`](crate::error::Error::Internal) for a type that [`check_text`](super::check_text)
    /// refuses.
    pub fn new(array: &'a dyn Array, name: &str) -> Result<Self> {
        Ok(Self { nulls: array.logical_nulls(), put: put(array, name)? })
    }

    /// Whether there is no value in `row`.
    pub fn is_null(&self, row: usize) -> bool {
        self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row))
    }

    /// Appends the text of the value in `row`, which is not null: UTF-8.
    ///
    /// **Errors**: [`Error::Data`](crate::error::Error::Data) for a value that has no text. Then nothing of it is there
    /// that could be used.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        (self.put)(row, out)
    }
}

/// What writes the values of `array`.
pub(super) fn put<'a>(array: &'a dyn Array, name: &str) -> Result<Put<'a>> {
    Ok(match array.data_type() {
        DataType::Utf8 => string(array.as_string::<i32>()),
        DataType::LargeUtf8 => string(array.as_string::<i64>()),
        DataType::Utf8View => string(array.as_string_view()),
        DataType::Float16 => float::<Float16Type>(array, name, |value| value.is_finite())?,
        DataType::Float32 => float::<Float32Type>(array, name, |value| value.is_finite())?,
        DataType::Float64 => float::<Float64Type>(array, name, |value| value.is_finite())?,
        data_type if data_type.is_nested() => {
            let values = Values::new(array, name)?;
            Box::new(move |row, out| values.write(row, out))
        }
        _ => bare(Values::new(array, name)?),
    })
}

fn string<'a>(array: impl ArrayAccessor<Item = &'a str> + 'a) -> Put<'a> {
    Box::new(move |row, out| {
        out.extend_from_slice(array.value(row).as_bytes());
        Ok(())
    })
}

fn float<'a, T>(array: &'a dyn Array, name: &str, is_finite: fn(T::Native) -> bool) -> Result<Put<'a>>
where
    T: ArrowPrimitiveType<Native: Debug>,
{
    let values = Values::new(array, name)?;
    let array = array.as_primitive::<T>();
    Ok(Box::new(move |row, out| {
        let value = array.value(row);
        if is_finite(value) {
            return values.write(row, out);
        }
        write!(out, "{value:?}").expect("memory takes every byte");
        Ok(())
    }))
}

/// JSON text without its quotes. What is not text of its own (dates, hexadecimal, numbers) has no escapes in them.
fn bare(values: Values<'_>) -> Put<'_> {
    Box::new(move |row, out| {
        let start = out.len();
        values.write(row, out)?;
        if out.get(start) == Some(&b'"') {
            out.remove(start);
            out.pop();
        }
        Ok(())
    })
}
