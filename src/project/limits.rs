//! What a run may take of the machine.

use serde::Deserialize;

use crate::number;

/// The part `[limits]` of the project file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings, as in `{ threads = 2 }`")]
pub struct Limits {
    /// Memory for the work of queries; what does not fit is spilled to disk. `memory` in the file, 2 GiB by default.
    #[serde(rename = "memory", deserialize_with = "memory")]
    pub memory_bytes: usize,
    /// Disk for what memory does not hold, in the folder for temporary files. `spill` in the file, 100 GiB by default.
    #[serde(rename = "spill", deserialize_with = "spill")]
    pub spill_bytes: u64,
    /// Threads; `None` is one per core.
    #[serde(deserialize_with = "threads")]
    pub threads: Option<usize>,
}

impl Limits {
    /// How many threads that is on this machine.
    pub fn num_threads(&self) -> usize {
        self.threads.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get))
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory_bytes: 2 << 30, spill_bytes: 100 << 30, threads: None }
    }
}

/// No query gets along with less, and `memory = 2` is not what was meant.
fn memory<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::size(16 << 20..=1 << 50, deserializer)
}

/// 0 forbids it.
fn spill<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number::size(0..=1 << 50, deserializer).map(|bytes| bytes as u64)
}

fn threads<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<usize>, D::Error> {
    number::whole(1..=1024, deserializer).map(Some)
}
