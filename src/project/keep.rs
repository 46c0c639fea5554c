//! Which runs are remembered, which outputs, and which rejects.

use std::time::Duration;

use serde::Deserialize;

use crate::number;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The part `[history]` of the project file: of each query as many runs, and none that is older.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings, as in `{ runs = 1000 }`")]
pub struct Keep {
    /// How many, 1000 by default.
    #[serde(deserialize_with = "runs")]
    pub runs: usize,
    /// For how many days, 400 by default.
    #[serde(deserialize_with = "days")]
    pub days: usize,
}

impl Keep {
    /// For how long.
    pub fn age(&self) -> Duration {
        DAY.saturating_mul(u32::try_from(self.days).unwrap_or(u32::MAX))
    }
}

impl Default for Keep {
    fn default() -> Self {
        Self { runs: 1000, days: 400 }
    }
}

/// The part `[outputs]` of the project file, for queries that do not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings, as in `{ keep = 3 }`")]
pub struct Outputs {
    /// How many outputs of a query that were replaced can be brought back; none by default.
    #[serde(deserialize_with = "number::outputs")]
    pub keep: usize,
}

/// The part `[rejects]` of the project file: of each query that reads lines once as many rejects are kept, and as many bytes of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "settings, as in `{ lines = 10000 }`")]
pub struct RejectBounds {
    /// How many lines, 10,000 by default.
    #[serde(deserialize_with = "lines")]
    pub lines: u64,
    /// How many bytes they are together, 16 MiB by default.
    #[serde(deserialize_with = "bytes")]
    pub bytes: u64,
}

impl Default for RejectBounds {
    fn default() -> Self {
        Self { lines: 10_000, bytes: 16 << 20 }
    }
}

fn lines<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number::whole(0..=10_000_000, deserializer).map(|lines| lines as u64)
}

fn bytes<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    number::size(0..=1 << 30, deserializer).map(|bytes| bytes as u64)
}

fn runs<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=1_000_000, deserializer)
}

fn days<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=36_500, deserializer)
}
