//! Arrays without what they do not need: the engine passes on parts of arrays that share their bytes, and whoever keeps such parts counts,
//! and holds, the whole for each of them.
//!
//! It knows nothing of groups.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, GenericByteViewArray, ListArray, StructArray};
use datafusion::arrow::buffer::{OffsetBuffer, ScalarBuffer};
use datafusion::arrow::datatypes::{BinaryViewType, ByteViewType, DataType, StringViewType};
use datafusion::common::Result;

/// The same values with little more than their bytes.
///
/// **Errors**: none that arrays of one length give.
pub(super) fn compacted(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Utf8View => views::<StringViewType>(array),
        DataType::BinaryView => views::<BinaryViewType>(array),
        DataType::List(_) => Arc::new(trimmed(array.as_list())?),
        DataType::Struct(fields) => {
            let parts = array.as_struct();
            let columns = parts.columns().iter().map(compacted).collect::<Result<_>>()?;
            let length = parts.len();
            Arc::new(StructArray::try_new_with_length(fields.clone(), columns, parts.nulls().cloned(), length)?)
        }
        _ => Arc::clone(array),
    })
}

/// The same lists, over no other values than theirs.
///
/// **Errors**: as [`compacted`].
pub(super) fn trimmed(lists: &ListArray) -> Result<ListArray> {
    let (field, offsets, values, nulls) = lists.clone().into_parts();
    let (first, last) = (offsets.first().copied().unwrap_or(0), offsets.last().copied().unwrap_or(0));
    let at = |end: i32| usize::try_from(end).unwrap_or_default();
    let values = compacted(&values.slice(at(first), at(last - first)))?;
    let offsets: ScalarBuffer<i32> = offsets.iter().map(|end| end - first).collect();
    Ok(ListArray::try_new(field, OffsetBuffer::new(offsets), values, nulls)?)
}

/// Copies the bytes if they are less than half of those that are held.
fn views<T: ByteViewType>(array: &ArrayRef) -> ArrayRef {
    let views: &GenericByteViewArray<T> = array.as_byte_view();
    let held: usize = views.data_buffers().iter().map(|buffer| buffer.len()).sum();
    if views.total_buffer_bytes_used() * 2 < held { Arc::new(views.gc()) } else { Arc::clone(array) }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringViewArray};
    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn parts_of_arrays_hold_what_is_theirs() {
        let texts: ArrayRef =
            Arc::new(StringViewArray::from_iter_values((0..1000).map(|n| format!("a long text, {n:05}"))));
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        let fields =
            [("text", &texts), ("number", &numbers)].map(|(name, of)| Field::new(name, of.data_type().clone(), true));
        let pairs = StructArray::new(fields.into_iter().collect(), vec![texts, numbers], None);
        let field = Arc::new(Field::new_list_field(pairs.data_type().clone(), true));
        let nulls = (0..500).map(|list| list % 7 != 0).collect::<Vec<_>>().into();
        let lists = ListArray::new(field, OffsetBuffer::from_repeated_length(2, 500), Arc::new(pairs), Some(nulls));
        let part = lists.slice(100, 10);
        let compact = trimmed(&part).unwrap();
        assert_eq!(compact, part);
        assert_eq!((compact.value_offsets()[0], compact.values().len()), (0, 20));
        // So the engine counts what it keeps.
        let counted = |lists: &ListArray| lists.values().to_data().get_slice_memory_size().unwrap();
        assert!(counted(&compact) < 1200 && counted(&part) > 20_000, "{} {}", counted(&compact), counted(&part));
        let whole: ArrayRef = Arc::new(lists.slice(0, 0));
        assert_eq!(&compacted(&whole).unwrap(), &whole);
    }
}
