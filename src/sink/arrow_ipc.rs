//! The Arrow IPC file format.
//!
//! Some types are written as others that hold the same values. A file of this format has room for one dictionary per
//! column, while every batch may come with another: dictionaries become their values. A view of texts would be written
//! with the whole blocks of input that it points into, however few rows of them are left: views become plain texts.

use std::io::{BufWriter, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::ipc::writer::FileWriter;

use super::Encoder;
use super::columns;
use super::fault::cannot_write;
use super::recast::{self, Recast};
use crate::error::Result;

/// Joins the small parts of messages; the columns of large batches pass it by.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes one message per batch, and the footer at the end.
pub(super) struct ArrowEncoder {
    schema: SchemaRef,
    recast: Recast,
    writer: FileWriter<BufWriter<Box<dyn Write + Send>>>,
}

impl ArrowEncoder {
    pub(super) fn try_new(schema: &SchemaRef, out: Box<dyn Write + Send>) -> Result<Self> {
        let recast = Recast::new(schema, self_contained);
        let out = BufWriter::with_capacity(BUFFER_BYTES, out);
        let writer = FileWriter::try_new(out, recast.schema()).map_err(cannot_write)?;
        Ok(Self { schema: schema.clone(), recast, writer })
    }
}

impl Encoder for ArrowEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        columns::conforms(&self.schema, batch)?;
        self.writer.write(&self.recast.apply(batch)?).map_err(cannot_write)
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.get_mut().flush().map_err(cannot_write)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.writer.finish().map_err(cannot_write)?;
        self.flush()
    }
}

/// The type to write in place of one that holds on to more than its rows, or to what other batches lack.
pub(super) fn self_contained(data_type: &DataType) -> Option<DataType> {
    match data_type {
        // Of the two plain kinds, the large one holds any batch.
        DataType::Utf8View => Some(DataType::LargeUtf8),
        DataType::BinaryView => Some(DataType::LargeBinary),
        other => recast::plain(other),
    }
}

/// Types within types, beyond which readers take a schema for one that was made to hurt them: flatbuffers within each other, of which
/// the outer three are not types.
const DEEPEST: usize = 61;

/// What to call a type that cannot be written: the format is made for all, but for dictionaries as they are met here.
pub(super) fn refuses(data_type: &DataType) -> Option<&'static str> {
    match data_type {
        nested if depth(nested) > DEEPEST => Some("nested more than 61 deep"),
        DataType::Dictionary(_, value) if matches!(value.as_ref(), DataType::Union(..)) => {
            Some("a dictionary of unions")
        }
        _ => None,
    }
}

/// How many types there are within each other, the outermost included.
fn depth(data_type: &DataType) -> usize {
    let within = match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| depth(field.data_type())).max().unwrap_or(0),
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _)
        | DataType::Map(item, _) => depth(item.data_type()),
        _ => 0,
    };
    1 + within
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::sync::Arc;

    use arrow::array::*;
    use arrow::datatypes::{Field, UInt16Type};
    use arrow::ipc::reader::FileReader;

    use super::super::Format;
    use super::super::testing::{batch, column, encode};
    use super::*;

    fn read(bytes: Vec<u8>) -> (SchemaRef, Vec<RecordBatch>) {
        let reader = FileReader::try_new(Cursor::new(bytes), None).unwrap();
        (reader.schema(), reader.map(|batch| batch.unwrap()).collect())
    }

    #[test]
    fn what_is_written_reads_back() {
        let rows = batch([
            ("n", Arc::new(Int64Array::from(vec![Some(1), None])) as ArrayRef),
            ("t", Arc::new(StringArray::from(vec![Some("x"), None]))),
            ("empty", Arc::new(StructArray::new_empty_fields(2, None))),
        ]);
        let (schema, batches) = read(encode(Format::Arrow, &[rows.clone(), rows.clone()]).unwrap());
        assert_eq!(schema, rows.schema());
        assert_eq!(batches, [rows.clone(), rows]);
    }

    #[test]
    fn what_readers_find_too_deep_is_refused() {
        let mut array: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        for deep in 2..=DEEPEST + 1 {
            let field = Arc::new(Field::new("a", array.data_type().clone(), true));
            array = if deep % 2 == 0 {
                Arc::new(StructArray::from(vec![(field, array)]))
            } else {
                Arc::new(ListArray::new(field, arrow::buffer::OffsetBuffer::from_lengths([1]), array, None))
            };
            let written = encode(Format::Arrow, &[batch([("a", Arc::clone(&array))])]);
            if deep <= DEEPEST {
                assert_eq!(read(written.unwrap()).1.len(), 1, "{deep}");
            } else {
                let expected = "column `a` is nested more than 61 deep, which arrow cannot hold";
                assert_eq!(written.unwrap_err().to_string(), expected);
            }
        }
    }

    #[test]
    fn no_rows_are_a_file_with_the_schema() {
        let rows = column(Int64Array::from(vec![1]));
        let (schema, batches) = read(encode(Format::Arrow, &[rows.slice(0, 0)]).unwrap());
        assert_eq!(schema, rows.schema());
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 0);
    }

    #[test]
    fn a_few_rows_of_a_large_block_make_a_small_file() {
        let texts =
            StringViewArray::from_iter_values((0..10_000).map(|n| format!("a text that is not held inline: {n}")));
        let (_, batches) = read(encode(Format::Arrow, &[column(texts.slice(7, 1))]).unwrap());
        assert_eq!(batches[0].column(0).as_string::<i64>().value(0), "a text that is not held inline: 7");
        assert!(encode(Format::Arrow, &[column(texts.slice(7, 1))]).unwrap().len() < 1_000);
    }

    #[test]
    fn each_batch_may_have_its_own_dictionary() {
        let rows = |word: &str| {
            let values: ArrayRef = Arc::new(StringArray::from(vec![word]));
            let dictionary = DictionaryArray::<UInt16Type>::new(UInt16Array::from(vec![Some(0), None]), values);
            let list = ListArray::new(
                Arc::new(arrow::datatypes::Field::new("item", dictionary.data_type().clone(), true)),
                arrow::buffer::OffsetBuffer::new(vec![0, 1, 2].into()),
                Arc::new(dictionary.clone()),
                None,
            );
            batch([("d", Arc::new(dictionary) as ArrayRef), ("l", Arc::new(list))])
        };
        let (_, batches) = read(encode(Format::Arrow, &[rows("a"), rows("b")]).unwrap());
        let words: Vec<_> = batches.iter().flat_map(|batch| batch.column(0).as_string::<i32>()).collect();
        assert_eq!(words, [Some("a"), None, Some("b"), None]);
        assert_eq!(batches[1].column(1).as_list::<i32>().value(0).as_string::<i32>().value(0), "b");
    }
}
