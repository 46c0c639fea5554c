//! The careful reader: one line, parsed whole, judged and observed. Its word is final.
//!
//! It reads the lines that nobody predicted, and has them learned. It knows nothing of blocks.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::bounds::Block;
use super::framing::Line;
use super::judge::{Judge, Verdict};
use super::listing::{Compression, InputFile};
use super::reject::{Fault, Raw, Reason};
use super::rows::{Rows, Wanted};
use super::seen::{Fields, Observed};
use super::shape::Shapes;
use super::survey::{Counts, check_count};
use super::tape::ROOT;
use super::{Settings, document, text};
use crate::error::{Excerpt, Result};

/// How many rejects are kept to be shown; all of them are in the table of rejects.
pub(crate) const SHOWN_REJECTS: usize = 5;

/// Reads lines of one range after another.
pub(crate) struct Careful {
    pub(crate) settings: Arc<Settings>,
    pub(crate) shapes: Shapes,
    judge: Judge,
    wanted: Wanted,
    /// Of the range under way.
    pub(crate) found: Found,
    /// Whether the rest of the range is of no interest.
    pub(crate) ended: bool,
    keeps_rejects: bool,
    /// All rejects, for one who keeps them and takes them out.
    pub(crate) rejects: Vec<Kept>,
    file: Option<(InputFile, u32)>,
    /// Nothing but blank lines so far, from the start of the file on.
    may_be_document: bool,
    /// Where the range ends.
    end: u64,
    /// Where the last block ended, and how many rows there were before.
    block: (u64, u64),
}

/// How much of a file stands in a block at least: of a day in 200 MB, an hour is 8 of them, and what is kept of one is a few dozen
/// bytes.
const BLOCK_BYTES: u64 = 1 << 20;

/// What a range was found to hold.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) counts: Counts,
    pub(crate) fields: Fields,
    pub(crate) first_rejects: Vec<FirstReject>,
    /// The range, cut into blocks, where time columns are declared.
    pub(crate) blocks: Vec<Block>,
    /// Lines that went as predicted.
    pub(crate) predicted: u64,
    /// Wall time of getting bytes.
    pub(crate) reading: Duration,
    /// Wall time of making lines of them.
    pub(crate) parsing: Duration,
    /// The offset of the last row with a key that was not in the range before.
    pub(crate) new_key_at: u64,
    /// The offset of the first row with a key that is no column, and the key.
    pub(crate) unknown_key: Option<(u64, String)>,
}

/// A reject that is kept to be shown.
#[derive(Debug, Clone)]
pub(crate) struct FirstReject {
    /// Number of the line within its range, 1-based.
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) reason: Reason,
    pub(crate) excerpt: Excerpt,
}

/// A reject as the table of rejects shows it.
#[derive(Debug)]
pub(crate) struct Kept {
    /// Number of the line within its range, 1-based.
    pub(crate) line: u64,
    pub(crate) offset: u64,
    pub(crate) fault: Fault,
    pub(crate) raw: Raw,
}

impl Careful {
    pub(crate) fn new(settings: &Arc<Settings>, wanted: Wanted, keeps_rejects: bool) -> Self {
        let mut shapes = Shapes::new(settings);
        wanted.tell(&mut shapes);
        Self {
            settings: Arc::clone(settings),
            shapes,
            judge: Judge::new(Arc::clone(settings)),
            wanted,
            found: Found::default(),
            ended: false,
            keeps_rejects,
            rejects: Vec::new(),
            file: None,
            may_be_document: false,
            end: 0,
            block: (0, 0),
        }
    }

    /// Before the lines of `range` of `file`, number `index` of its source.
    pub(crate) fn start_range(&mut self, file: &InputFile, index: u32, range: &Range<u64>) {
        self.found = Found::default();
        self.found.counts.bytes = file.stored(range);
        self.shapes.start_range();
        self.rejects.clear();
        self.file = Some((file.clone(), index));
        self.may_be_document = range.start == 0;
        self.ended = false;
        (self.end, self.block) = (range.end, (range.start, 0));
        self.shapes.take_bounds();
    }

    /// What the range was found to hold.
    pub(crate) fn finish_range(&mut self) -> Found {
        self.end_block(self.end);
        self.shapes.count_empties(&mut self.found.fields);
        std::mem::take(&mut self.found)
    }

    /// All lines before byte `end` were read. What a compressed file holds is one block, for there is no way into the middle.
    pub(crate) fn has_read(&mut self, end: u64) {
        let is_plain = self.file.as_ref().is_some_and(|(file, _)| file.compression == Compression::None);
        if is_plain && end < self.end && end - self.block.0 >= BLOCK_BYTES {
            self.end_block(end);
        }
    }

    fn end_block(&mut self, end: u64) {
        let times = self.shapes.take_bounds();
        if !times.is_empty() {
            let rows = self.found.counts.rows;
            self.found.blocks.push(Block { end, rows: rows - self.block.1, times });
            self.block = (end, rows);
        }
    }

    /// Counts rows that were not left to it.
    pub(crate) fn count_predicted(&mut self, rows: usize) {
        self.found.counts.count_rows(rows as u64);
        self.found.predicted += rows as u64;
    }

    /// Reads one line, which stands at `at` of its block. True if it is a row; then its values' places are put into row
    /// number `row` of `rows`. `raw` is the line with its newline, and with a byte order mark if it has one.
    ///
    /// **Errors**: `Input` for a file that is no JSON lines at all; `Data` where there are more keys than `max_columns`.
    pub(crate) fn line(&mut self, line: &Line<'_>, raw: &[u8], at: usize, rows: &mut Rows, row: usize) -> Result<bool> {
        self.found.counts.lines += 1;
        match self.judge.judge(line) {
            Verdict::Blank => {
                self.found.counts.blank += 1;
                return Ok(false);
            }
            Verdict::Row => self.row(line, raw, at, rows, row)?,
            Verdict::Reject(fault) => {
                self.reject(line, fault)?;
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn row(&mut self, line: &Line<'_>, raw: &[u8], at: usize, rows: &mut Rows, row: usize) -> Result<()> {
        self.may_be_document = false;
        self.found.counts.rows += 1;
        let repeats_keys = self.observe(line)?;
        self.found.counts.duplicate_keys += u64::from(repeats_keys);
        for (column, node) in self.judge.times() {
            self.shapes.take_time(*column, *node, line.bytes);
        }
        let tape = self.judge.tape();
        // A byte order mark is no part of the line.
        let mark = memchr::memchr(b'\n', raw).unwrap_or(raw.len()) - line.bytes.len();
        if let Some(key) = self.wanted.find(line.bytes, tape, at + mark, rows, row)
            && self.found.unknown_key.is_none()
        {
            self.found.unknown_key = Some((line.offset, text::json(tape.node(key), line.bytes).to_owned()));
        }
        if !repeats_keys {
            self.shapes.learn(row as u32, &raw[mark..], tape);
        }
        Ok(())
    }

    /// Whether a key stands twice in one object.
    fn observe(&mut self, line: &Line<'_>) -> Result<bool> {
        let (file, index) = self.file.as_ref().expect("a range was started");
        let mut observed = Observed {
            line: line.bytes,
            tape: self.judge.tape(),
            // Before all files is what was seen earlier.
            file: *index + 1,
            offset: line.offset,
            duplicates: 0,
            new_keys: 0,
        };
        self.found.fields.observe(ROOT, &self.settings.declared, &mut observed);
        let (duplicates, new_keys) = (observed.duplicates, observed.new_keys);
        if new_keys > 0 {
            self.found.new_key_at = line.offset;
            check_count(&self.found.fields, &self.settings, file, line.offset)?;
        }
        Ok(duplicates > 0)
    }

    fn reject(&mut self, line: &Line<'_>, fault: Fault) -> Result<()> {
        use Reason::{NotObject, Syntax, TooLong, Truncated};
        if self.may_be_document && matches!(fault.reason, Syntax | NotObject | Truncated | TooLong) {
            document::refuse(&self.file.as_ref().expect("a range was started").0)?;
        }
        self.may_be_document = false;
        let counts = &mut self.found.counts;
        counts.by_reason[fault.reason as usize] += 1;
        if self.found.first_rejects.len() < SHOWN_REJECTS {
            let excerpt = fault.excerpt("", 0, line.bytes);
            let (line, offset, reason) = (counts.lines, line.offset, fault.reason);
            self.found.first_rejects.push(FirstReject { line, offset, reason, excerpt });
        }
        // Whoever wants the rejects wants all of them.
        self.ended = self.settings.stop_at_reject && !self.keeps_rejects;
        if self.keeps_rejects {
            let raw = Raw::new(line, self.settings.raw_bytes);
            self.rejects.push(Kept { line: self.found.counts.lines, offset: line.offset, fault, raw });
        }
        Ok(())
    }
}
