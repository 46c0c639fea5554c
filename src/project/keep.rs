//! Which runs are remembered, and which outputs.

use std::time::Duration;

use serde::Deserialize;

use crate::number;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The part `[history]` of the project file: of each query as many runs, and none that is older.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
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
#[serde(default, deny_unknown_fields)]
pub struct Outputs {
    /// How many outputs of a query that were replaced can be brought back; none by default.
    #[serde(deserialize_with = "number::outputs")]
    pub keep: usize,
}

fn runs<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=1_000_000, deserializer)
}

fn days<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=36_500, deserializer)
}
