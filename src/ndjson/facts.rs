//! What whole files taught: their counts, columns, first rejects, and the bounds of their time columns, block by block.
//!
//! A file teaches it once all ranges of it were gone through, by whoever did, and it is bytes to whoever keeps it: that is JSON. What
//! is known of files without a look at them is the beginning of each account of them. It knows nothing of where it is kept, and leaves
//! to whoever keeps it which state of a file it is about.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Settings;
use super::bounds::Block;
use super::careful::{FirstReject, Found, SHOWN_REJECTS};
use super::listing::InputFile;
use super::reject::Reason;
use super::seen::{Earlier, Fields};
use super::survey::Counts;
use crate::error::Excerpt;

/// Changes whenever what is kept of a file is not what was kept of it before, within one version of tidemill.
const FORMAT: u32 = 1;

/// All of a file that has been gone through whole.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct FileFacts {
    pub(crate) counts: Counts,
    columns: Earlier,
    /// The offset of the last row with a key that was not in its range before.
    pub(crate) new_key_at: u64,
    rejects: Vec<Rejected>,
    blocks: Vec<Block>,
}

/// A reject that is kept to be shown.
#[derive(Debug, Serialize, Deserialize)]
struct Rejected {
    line: u64,
    offset: u64,
    reason: String,
    text: String,
    first_column: usize,
    span: Range<usize>,
    label: String,
}

/// The text of all that decides what lines teach, whatever is asked of them: what a declaration of another text taught is of no
/// use.
pub fn definition(settings: &Settings) -> String {
    let columns: Vec<_> = settings.declared.iter().map(|(name, declared)| (name, declared.to_toml())).collect();
    let Settings { empty_as_null, max_depth, max_line_bytes, .. } = settings;
    format!("{:?}", (env!("CARGO_PKG_VERSION"), FORMAT, columns, empty_as_null, max_depth, max_line_bytes))
}

impl FileFacts {
    /// Those that were kept as these bytes; `None` if they are none.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let facts: Self = serde_json::from_slice(bytes).ok()?;
        facts.rejects.iter().all(|reject| reject.restored().is_some()).then_some(facts)
    }

    fn to_bytes(&self) -> Vec<u8> {
        // Nothing in it has no JSON. If it had, nothing would be known of the file.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// What was seen in it, which is the file number `index` of its source.
    pub(crate) fn fields(&self, index: u32) -> Fields {
        // Before all files is what was seen earlier.
        self.columns.fields_of_file(index + 1)
    }

    pub(crate) fn first_rejects(&self) -> impl Iterator<Item = FirstReject> {
        self.rejects.iter().filter_map(Rejected::restored)
    }

    pub(crate) fn into_blocks(self) -> Arc<[Block]> {
        self.blocks.into()
    }
}

impl Rejected {
    fn of(reject: &FirstReject, lines_before: u64) -> Self {
        let FirstReject { line, offset, reason, excerpt } = reject;
        let Excerpt { text, first_column, span, label, .. } = excerpt.clone();
        let (line, reason) = (lines_before + line, reason.code().to_owned());
        Self { line, offset: *offset, reason, text, first_column, span, label }
    }

    fn restored(&self) -> Option<FirstReject> {
        let reason = Reason::ALL.into_iter().find(|reason| reason.code() == self.reason)?;
        let Self { line, offset, text, first_column, span, label, .. } = self;
        text.get(span.clone())?;
        let excerpt = Excerpt {
            name: String::new(),
            text: text.clone(),
            first_line: 0,
            first_column: *first_column,
            span: span.clone(),
            label: label.clone(),
        };
        Some(FirstReject { line: *line, offset: *offset, reason, excerpt })
    }
}

/// What was found of a file so far, range by range.
#[derive(Debug, Clone, Default)]
pub(crate) struct Gathering {
    counts: Counts,
    fields: Fields,
    new_key_at: u64,
    /// By the start of the range.
    ranges: BTreeMap<u64, Gone>,
    /// Bytes of all these ranges.
    covered: u64,
}

/// A range that was gone through.
#[derive(Debug, Clone)]
struct Gone {
    lines: u64,
    rejects: Vec<FirstReject>,
    blocks: Vec<Block>,
}

impl Gathering {
    /// Takes in what was found in a range that was not gone through before.
    pub(crate) fn add(&mut self, range: &Range<u64>, found: &Found) {
        self.counts.add(&found.counts);
        self.fields.merge(found.fields.clone());
        self.new_key_at = self.new_key_at.max(found.new_key_at);
        self.covered += range.end - range.start;
        let (rejects, blocks) = (found.first_rejects.clone(), found.blocks.clone());
        self.ranges.insert(range.start, Gone { lines: found.counts.lines, rejects, blocks });
    }

    /// Whether all of `file` was gone through.
    pub(crate) fn is_whole(&self, file: &InputFile) -> bool {
        let Range { start, end } = file.window.bytes;
        self.covered == end - start
    }

    /// What the file has taught.
    pub(crate) fn finish(self) -> Taught {
        let (mut lines, mut rejects, mut blocks) = (0, Vec::new(), Vec::new());
        for gone in self.ranges.into_values() {
            rejects.extend(gone.rejects.iter().map(|reject| Rejected::of(reject, lines)));
            blocks.extend(gone.blocks);
            lines += gone.lines;
        }
        rejects.truncate(SHOWN_REJECTS);
        let columns = Earlier::of_file(&self.fields);
        let facts = FileFacts { counts: self.counts, columns, new_key_at: self.new_key_at, rejects, blocks };
        Taught { bytes: facts.to_bytes(), blocks: facts.into_blocks() }
    }
}

/// What a file has taught.
#[derive(Debug, Clone)]
pub(crate) struct Taught {
    pub(crate) bytes: Vec<u8>,
    pub(crate) blocks: Arc<[Block]>,
}

/// Files as blocks of lines, of which bounds are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct Blocks {
    /// The time columns, in the order of the declaration.
    pub(crate) times: Vec<String>,
    files: HashMap<PathBuf, Arc<[Block]>>,
}

impl Blocks {
    pub(crate) fn new(settings: &Settings, files: impl Iterator<Item = (PathBuf, Arc<[Block]>)>) -> Self {
        let times: Vec<String> = settings.times().map(|(_, name)| name.to_owned()).collect();
        // Without time columns there is nothing to tell blocks by.
        let files = if times.is_empty() { HashMap::new() } else { files.collect() };
        Self { times, files }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// The blocks of a file, in their order: together they are the whole file.
    pub(crate) fn of(&self, path: &Path) -> Option<&[Block]> {
        self.files.get(path).map(|blocks| &**blocks)
    }
}
