//! The files of a source, and parts of them, in groups for the engine's threads.
//!
//! It knows nothing of what is in them.

use datafusion::common::ScalarValue;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::FileGroup;
use datafusion::error::Result as EngineResult;

use super::listing::{Compression, InputFile};

/// The files of a source as at most `partitions` groups.
///
/// **Errors**: those of the files' folder columns.
pub fn file_groups(
    files: &[InputFile],
    partitions: usize,
    values: impl Fn(&InputFile) -> EngineResult<Vec<ScalarValue>>,
) -> EngineResult<Vec<FileGroup>> {
    let part = |file: &InputFile| {
        let whole = PartitionedFile::new(file.path.to_string_lossy(), file.identity.size);
        Ok(whole.with_partition_values(values(file)?).with_extension(file.clone()))
    };
    let parts: Vec<PartitionedFile> = files.iter().map(part).collect::<EngineResult<_>>()?;
    Ok(deal(parts, partitions))
}

/// Deals parts out, each group a stretch of its own: where the engine has threads take from all groups, they then go
/// through the files in their order.
pub(super) fn deal(parts: Vec<PartitionedFile>, groups: usize) -> Vec<FileGroup> {
    let length = parts.len().div_ceil(groups.max(1)).max(1);
    let mut dealt: Vec<Vec<PartitionedFile>> = parts.chunks(length).map(<[_]>::to_vec).collect();
    if dealt.is_empty() {
        // The engine plans nothing over a scan without partitions.
        dealt.push(Vec::new());
    }
    dealt.into_iter().map(FileGroup::new).collect()
}

/// The parts of a file that threads may take: of about `range_bytes` each, or all of it if it is compressed.
pub(super) fn ranges(file: &PartitionedFile, range_bytes: u64) -> Vec<PartitionedFile> {
    let input = file.extension::<InputFile>().filter(|input| input.compression == Compression::None);
    let Some(input) = input.filter(|_| file.range.is_none()) else { return vec![file.clone()] };
    let window = &input.window.bytes;
    let step = range_bytes.max(1);
    let range = |start: u64| file.clone().with_range(start as i64, start.saturating_add(step).min(window.end) as i64);
    window.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX)).map(range).collect()
}
