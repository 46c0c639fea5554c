//! Record batches in, a published file out: the only code that writes results.
//!
//! An [`Encoder`] turns batches into bytes of one [`Format`]; [`Staged`] gives it a file beside the target and makes
//! that file the result in one step, once it is whole. A reader of the target sees the last complete result or the
//! next one, and a failure at any point leaves the last one as it was, byte for byte.
//!
//! It knows nothing of SQL, sessions, projects or standard output: whoever has batches and a path, or batches and a
//! writer, can use it. DataFusion's own sinks are not used, because they publish what they have when a query fails.
//!
//! ```
//! # use std::sync::Arc;
//! # use arrow::array::{Int64Array, RecordBatch};
//! # use tidemill::sink::{Format, Staged};
//! # let folder = tempfile::tempdir().unwrap();
//! # let target = folder.path().join("outputs/answers.json");
//! let batch = RecordBatch::try_from_iter([("answer", Arc::new(Int64Array::from(vec![42])) as _)]).unwrap();
//! let mut staged = Staged::create(&target, Format::Json, &batch.schema(), 1)?;
//! staged.write(&batch)?;
//! let sealed = staged.seal()?;
//! let published = staged.publish(sealed)?;
//! assert_eq!((published.rows, published.bytes), (1, 14));
//! assert_eq!(std::fs::read_to_string(&target).unwrap(), "{\"answer\":42}\n");
//! # Ok::<(), tidemill::error::Error>(())
//! ```

mod arrow_ipc;
mod columns;
mod crew;
mod csv;
mod earlier;
mod fault;
mod folder;
mod follow;
mod format;
mod json;
mod lines;
mod parquet;
mod part;
mod place;
mod plain;
mod recast;
mod row_group;
mod shape;
mod short;
mod spool;
mod stage;
mod stage_dir;
mod staging;
mod swap;
mod temporal;
#[cfg(test)]
mod testing;
mod text;
mod upload;
mod values;
mod verify;
mod writing;

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use self::columns::check_text;
pub use self::earlier::{Returning, WasPublished, check, keep};
pub use self::folder::{StagedFolder, contents, folder_names};
pub use self::format::Format;
use self::lines::LineEncoder;
pub use self::plain::Texts;
pub use self::recast::Recast;
pub use self::shape::{Placing, Shape};
pub use self::stage::{Published, PublishedFile, Sealed, Staged};
pub use self::stage_dir::sweep;
pub use self::staging::Staging;
pub use self::upload::StagedUpload;
pub use self::writing::{Compression, Writing};
use crate::error::Result;

/// Record batches in, bytes of one format out.
///
/// **Errors**, of every method: [`Error::ClosedPipe`](crate::error::Error::ClosedPipe) where the reader of the bytes
/// went away, [`Error::Machine`](crate::error::Error::Machine) where they could not be written for another reason, and
/// [`Error::Data`](crate::error::Error::Data) where the format has no text for a value. An error may be about a batch
/// that was taken before; it is the first in the order of rows, and [`Encoder::finish`] leaves none untold. After an
/// error of the first two kinds the bytes written so far may end anywhere, and the encoder is of no more use. After one
/// of the third they end with the row before, once they are flushed.
pub trait Encoder: Send {
    /// Adds the rows of `batch`, which has the schema that the encoder was made for.
    fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// Hands on what is buffered, so that a reader sees the rows written so far.
    ///
    /// Parquet keeps the rows of an unfinished row group: a file of it cannot be read before its end, and small row
    /// groups would spoil it.
    fn flush(&mut self) -> Result<()>;

    /// Writes what the format has at its end, and hands on everything.
    fn finish(self: Box<Self>) -> Result<()>;
}

/// An encoder of a format for batches of `schema`, writing to `out` in large pieces.
///
/// It works on up to `threads` threads of its own, or on the caller's if that is one; the bytes are the same. Rows wait
/// for their turn in an amount that does not depend on how many there are: a caller that is faster is held back.
///
/// **Errors**: [`Error::Sql`](crate::error::Error::Sql) if two columns have one name, or if the format cannot hold the
/// type of a column.
pub fn encoder(
    writing: impl Into<Writing>,
    schema: &SchemaRef,
    threads: usize,
    out: Box<dyn Write + Send>,
) -> Result<Box<dyn Encoder>> {
    let writing = writing.into();
    let format = writing.format;
    let refuses = match format {
        Format::Json | Format::Csv => values::refuses,
        Format::Parquet => parquet::refuses,
        Format::Arrow => arrow_ipc::refuses,
    };
    columns::check(schema, format, refuses)?;
    Ok(match format {
        Format::Json => {
            let fields = schema.fields().clone();
            let fill = move |batch: &RecordBatch, text: &mut Vec<u8>| json::write_rows(&fields, batch, text);
            Box::new(LineEncoder::new(schema, threads, out, Vec::new(), Box::new(fill)))
        }
        Format::Csv => {
            let (header, records) = (csv::header(schema.fields()), csv::Records::new(schema));
            let fill = move |batch: &RecordBatch, text: &mut Vec<u8>| records.write_rows(batch, text);
            Box::new(LineEncoder::new(schema, threads, out, header, Box::new(fill)))
        }
        Format::Parquet => Box::new(parquet::ParquetEncoder::try_new(schema, writing, threads, out)?),
        Format::Arrow => Box::new(arrow_ipc::ArrowEncoder::try_new(schema, out)?),
    })
}

#[cfg(test)]
mod tests {
    use std::io::{self, ErrorKind};
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, StructArray};
    use arrow::datatypes::{DataType, Field, Schema};

    use super::testing::{FailAfter, Memory, batch, column, encode, encode_to};
    use super::*;
    use crate::error::Error;

    fn rows() -> RecordBatch {
        let texts = (0..2000).map(|n| format!("text {}", n * 7919 % 2000));
        batch([
            ("n", Arc::new(Int64Array::from_iter_values(0..2000))),
            ("t", Arc::new(StringArray::from_iter_values(texts))),
        ])
    }

    /// The error of each format at many places where the writer under it fails.
    fn check_failures(kind: ErrorKind, check: fn(&Error) -> bool) {
        let batches = [rows(), rows()];
        for format in Format::ALL {
            let whole = encode(format, &batches).unwrap().len();
            for left in (0..whole).step_by(whole / 150 + 1).chain([1, whole - 1]) {
                for threads in [1, 3] {
                    let out = FailAfter { out: io::sink(), left, kind };
                    let error = encode_to(format, &batches, threads, Box::new(out)).unwrap_err();
                    assert!(check(&error), "{format} after {left} bytes on {threads} threads: {error:?}");
                }
            }
        }
    }

    #[test]
    fn a_reader_that_goes_away_is_told_apart_in_every_format() {
        check_failures(ErrorKind::BrokenPipe, |error| matches!(error, Error::ClosedPipe));
    }

    #[test]
    fn a_writer_that_fails_is_the_machine_in_every_format() {
        check_failures(ErrorKind::StorageFull, |error| error.kind() == "machine" && error.chain().contains("space"));
    }

    #[test]
    fn flush_pushes_rows_out() {
        for format in [Format::Json, Format::Csv, Format::Arrow] {
            let out = Memory::default();
            let mut encoder = encoder(format, &rows().schema(), 1, Box::new(out.clone())).unwrap();
            encoder.write(&rows().slice(0, 1)).unwrap();
            encoder.flush().unwrap();
            assert!(String::from_utf8_lossy(&out.bytes()).contains("text 0"), "{format}");
        }
    }

    #[test]
    fn columns_of_one_name_are_refused() {
        let one = Field::new("id", DataType::Int64, true);
        let top: SchemaRef = Arc::new(Schema::new(vec![one.clone(), one.clone()]));
        let pair = DataType::Struct(vec![one.clone(), one].into());
        let deep: SchemaRef = Arc::new(Schema::new(vec![Field::new_list("a", Field::new("item", pair, true), true)]));
        for format in Format::ALL {
            let refused = |schema: &SchemaRef| encoder(format, schema, 1, Box::new(io::sink())).err().unwrap();
            assert_eq!(refused(&top).to_string(), "two columns of the result have the name `id`");
            assert_eq!(refused(&top).kind(), "sql");
            assert!(refused(&top).problem().unwrap().hint.as_ref().unwrap().contains("`AS`"));
            assert_eq!(refused(&deep).to_string(), "two fields of column `a[]` have the name `id`");
        }
    }

    #[test]
    fn types_that_a_format_lacks_are_refused_by_name() {
        let empty: ArrayRef = Arc::new(StructArray::new_empty_fields(1, None));
        let outer = StructArray::from(vec![(Arc::new(Field::new("b", empty.data_type().clone(), true)), empty)]);
        let nested = batch([("a", Arc::new(outer))]);
        let error = encode(Format::Parquet, &[nested]).unwrap_err();
        assert_eq!(error.to_string(), "column `a.b` is a struct without fields, which parquet cannot hold");
        assert_eq!(error.kind(), "sql");
        for (format, expected) in [(Format::Json, "json"), (Format::Csv, "csv"), (Format::Parquet, "parquet")] {
            let union = DataType::Union(arrow::datatypes::UnionFields::empty(), arrow::datatypes::UnionMode::Dense);
            let schema: SchemaRef = Arc::new(Schema::new(vec![Field::new("u", union, true)]));
            let error = encoder(format, &schema, 1, Box::new(io::sink())).err().unwrap();
            assert_eq!(error.to_string(), format!("column `u` is a union, which {expected} cannot hold"));
        }
    }

    #[test]
    fn every_type_is_written_or_refused_by_name() {
        use DataType::*;
        use arrow::datatypes::{IntervalUnit, TimeUnit, UnionFields, UnionMode};
        let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
        let mut types = vec![Null, Boolean, Int8, Int16, Int32, Int64, UInt8, UInt16, UInt32, UInt64];
        types.extend([Float16, Float32, Float64, Date32, Date64, Utf8, LargeUtf8, Utf8View]);
        types.extend([Binary, LargeBinary, BinaryView, FixedSizeBinary(0), FixedSizeBinary(3)]);
        types.extend([Decimal32(9, 0), Decimal64(18, 3), Decimal128(38, 38), Decimal256(76, 2), Decimal128(5, -2)]);
        types.extend([Time32(units[0]), Time32(units[1]), Time64(units[2]), Time64(units[3])]);
        types.extend(units.map(|unit| Timestamp(unit, None)));
        types.extend(units.map(|unit| Timestamp(unit, Some("Asia/Tokyo".into()))));
        types.extend(units.map(Duration));
        types.extend([IntervalUnit::YearMonth, IntervalUnit::DayTime, IntervalUnit::MonthDayNano].map(Interval));
        types.push(Struct(vec![Field::new("x", Null, true), Field::new("y", Int8, true)].into()));
        types.push(Struct(vec![Field::new("empty", Struct(arrow::datatypes::Fields::empty()), true)].into()));
        types.push(Union(UnionFields::try_new([0], [Field::new("x", Int8, true)]).unwrap(), UnionMode::Sparse));
        let item = |data_type: &DataType| Arc::new(Field::new("item", data_type.clone(), true));
        let nested: Vec<_> = types
            .iter()
            .flat_map(|t| {
                let map = |key, value| {
                    let pair = vec![Field::new("k", key, false), Field::new("v", value, true)];
                    Map(Arc::new(Field::new("entries", Struct(pair.into()), false)), false)
                };
                let run = RunEndEncoded(
                    Arc::new(Field::new("run_ends", Int32, false)),
                    Arc::new(Field::new("values", t.clone(), true)),
                );
                [
                    List(item(t)),
                    LargeList(item(t)),
                    ListView(item(t)),
                    LargeListView(item(t)),
                    FixedSizeList(item(t), 0),
                    FixedSizeList(item(t), 2),
                    Dictionary(Box::new(Int8), Box::new(t.clone())),
                    run,
                    map(Utf8, t.clone()),
                    map(t.clone(), Utf8),
                ]
            })
            .collect();
        for data_type in types.iter().chain(&nested) {
            let nulls = arrow::array::new_null_array(data_type, 2);
            let zeros = nulls.to_data().into_builder().nulls(None).build().map(arrow::array::make_array);
            for array in zeros.into_iter().chain([nulls]) {
                let rows = column(array);
                for format in Format::ALL {
                    if let Err(error) = encode(format, std::slice::from_ref(&rows)) {
                        let named = error.kind() == "sql" && error.to_string().starts_with("column `v");
                        assert!(named, "{format} of {data_type}: {}", error.chain());
                    }
                }
            }
        }
    }

    #[test]
    fn a_batch_of_other_columns_is_not_written() {
        for format in Format::ALL {
            let mut encoder = encoder(format, &rows().schema(), 1, Box::new(io::sink())).unwrap();
            let error = encoder.write(&column(Int64Array::from(vec![1]))).unwrap_err();
            assert_eq!(error.kind(), "internal", "{format}");
        }
    }
}
