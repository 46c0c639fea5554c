//! Event files into record batches: the reader, whose contract is that no line is lost, cast or dropped untold.
//!
//! | step | file |
//! |---|---|
//! | patterns to files, fresh each time | [`listing`] |
//! | a file's bytes as they were when it was listed, decompressed by a thread of its own | `input`, `ahead` |
//! | bytes to blocks of lines, for any range | `framing`, `marks` |
//! | lines that go as lines before them, many at once | `flight`, `shape` |
//! | any other line: its grammar, whether it is accepted, what it holds | `careful`: `tape`, `judge`, `reject`, `seen` |
//! | one range gone through: rows as places of values | `unit`, `rows` |
//! | what all ranges hold: the types that follow, the counts | [`survey`](mod@survey), `account`, `class`, `layout` |
//! | what whole files taught, and which of their lines need not be read for it | [`facts`], `bounds`, `prune` |
//! | rows to columns: what is needed, which are kept, what they become | `needs`, `filter`, `gather`, `decode`, `text`, `instant` |
//! | how much of a file is whole lines, and what was read of it | [`fingerprint`] |
//! | the engine's leaf: rows, or the table of rejects | [`source`], [`groups`], `scan`, `planned`, [`format`](mod@format) |
//!
//! It knows nothing of projects, queries or outputs.

use std::time::Duration;

pub mod declared;
pub mod facts;
pub mod fingerprint;
pub mod format;
pub mod groups;
#[cfg(feature = "internals")]
#[doc(hidden)]
pub mod internals;
pub mod listing;
pub mod source;
pub mod survey;

mod account;
mod ahead;
mod bits;
mod bounds;
mod careful;
mod class;
mod decode;
mod document;
mod escapes;
mod filter;
mod flight;
mod framing;
mod gather;
mod input;
mod instant;
mod judge;
mod layout;
mod marks;
mod needs;
#[cfg(target_arch = "aarch64")]
mod neon;
mod object;
mod planned;
mod prune;
mod reject;
mod rows;
mod scan;
mod seen;
mod shape;
mod tape;
mod text;
mod unit;
mod watch;

pub(crate) use decode::from_text;
pub(crate) use layout::data_type;
pub use reject::{Reason, Reject};

use declared::Declared;

/// How the lines of one source are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Columns whose type was declared; the others are inferred.
    pub declared: Vec<(String, Declared)>,
    /// Whether `""` is NULL in a column that is not text.
    pub empty_as_null: bool,
    /// Deepest nesting that is accepted; the line's own object counts as one.
    pub max_depth: usize,
    /// Longest line that is accepted, without its newline.
    pub max_line_bytes: usize,
    /// Most keys that all lines together may have, nested ones included.
    pub max_columns: usize,
    /// Whether the first reject ends the survey.
    pub stop_at_reject: bool,
    /// How much of an uncompressed file one thread takes at a time. What is read does not depend on it.
    pub range_bytes: u64,
    /// How much of a rejected line its table shows.
    pub raw_bytes: usize,
    /// How long a file must have been at rest before what it teaches is believed later.
    pub facts_after: Duration,
}

impl Settings {
    /// The columns that are declared to be times, numbered among those that are declared.
    pub(crate) fn times(&self) -> impl Iterator<Item = (usize, &str)> {
        let declared = self.declared.iter().enumerate();
        declared.filter(|(_, (_, declared))| declared.is_time()).map(|(number, (name, _))| (number, name.as_str()))
    }

    /// Long enough to make the start of a range cheap, short enough to share the end of a file.
    pub const RANGE_BYTES: u64 = 8 << 20;

    /// A single write may go on for some time behind the change that shows, and what is written through a mapping shows again only
    /// when the page was on the disk meanwhile: after half a minute, as systems are set up.
    pub const FACTS_AFTER: Duration = Duration::from_secs(60);
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            declared: Vec::new(),
            empty_as_null: true,
            max_depth: 128,
            max_line_bytes: 16 << 20,
            max_columns: 10_000,
            stop_at_reject: false,
            range_bytes: Self::RANGE_BYTES,
            raw_bytes: Reject::RAW_BYTES,
            facts_after: Self::FACTS_AFTER,
        }
    }
}
