//! Parts of the reader by themselves: what a fuzzer throws bytes at, and what benchmarks time.
//!
//! A target holds a part to a plainer one, and panics where they differ: what property tests do, given any bytes at all.
//! Compiled only with the feature `internals`; nobody else may build on it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use serde::de::IgnoredAny;

use super::framing::{Block, Blocks};
use super::gather::Gatherer;
use super::marks::Marks;
use super::needs::Need;
use super::reject::Reason;
use super::rows::Wanted;
use super::tape::{Kind, ROOT, Tape};
use super::unit::testing::file;
use super::unit::{Unit, Worker};
use super::{Settings, framing, marks, text, unit};

/// What is to hold for any bytes; panics if it does not.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] =
    [("marks", check_marks), ("framing", check_framing), ("grammar", check_grammar), ("shape", unit::testing::check)];

fn check_marks(data: &[u8]) {
    marks::testing::check(data);
    marks::testing::check_kernels(data);
}

/// The first bytes say how the others are cut.
fn check_framing(data: &[u8]) {
    let Some(([step, max, cuts @ ..], file)) = data.split_first_chunk::<5>() else { return };
    let cuts = cuts.iter().map(|cut| u64::from(*cut) * file.len() as u64 / 255);
    framing::testing::check_cuts(file, cuts.collect(), usize::from(*step).max(1), usize::from(*max).max(1));
}

/// A line is JSON where `serde_json` says so, but for depth and for halves of surrogate pairs.
fn check_grammar(data: &[u8]) {
    const MAX_DEPTH: usize = 64;
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(whole) = std::str::from_utf8(line) else { return };
    let is_json = serde_json::from_str::<IgnoredAny>(whole).is_ok();
    let mut tape = Tape::default();
    match tape.parse(line, MAX_DEPTH) {
        Ok(()) => {
            assert!(is_json, "accepted, and no JSON: {whole}");
            let nodes = (ROOT..).map_while(|index| tape.get(index));
            for node in nodes.filter(|node| node.kind == Kind::Escaped) {
                let expected: String = serde_json::from_str(text::json(node, line)).expect("it is a string");
                assert_eq!(text::string(node, line), expected);
            }
        }
        Err(fault) => {
            let is_ours = matches!(fault.reason, Reason::NotObject | Reason::Depth | Reason::Surrogate);
            assert!(!is_json || is_ours, "rejected for {:?}, and JSON: {whole}", fault.reason);
        }
    }
}

/// Number of blocks that a text of lines makes.
pub fn frame(text: &[u8]) -> usize {
    let mut blocks = Blocks::new(text, 0..text.len() as u64, Settings::default().max_line_bytes, Vec::new());
    std::iter::from_fn(|| blocks.next().expect("memory can be read").map(|block| matches!(block, Block::Lines))).count()
}

/// The bits of a text, made by the kernel of this processor into room that is used again.
#[derive(Default)]
pub struct Bitmaps(Marks);

impl Bitmaps {
    /// Makes those of `text`.
    pub fn make(&mut self, text: &[u8]) {
        self.0.read(text);
    }
}

/// Number of rows in a text of lines, each of which is checked whole.
pub fn validate(text: &[u8]) -> usize {
    let worker = Worker::new(&Arc::default(), Wanted::default(), false);
    let mut unit = Unit::new(worker, text, &file(text.len()), 0, 0..text.len() as u64);
    let mut rows = 0;
    while let Some(block) = unit.next().expect("memory can be read") {
        rows += block.rows.len();
    }
    rows
}

/// The columns `names` of a text of lines whose types are those that the first `sample` bytes have.
pub fn decode(text: &[u8], sample: usize, names: &[&str]) -> Vec<RecordBatch> {
    let settings: Arc<Settings> = Arc::default();
    let mut unit = Unit::new(
        Worker::new(&settings, Wanted::default(), false),
        &text[..sample],
        &file(sample),
        0,
        0..sample as u64,
    );
    while unit.next().expect("memory can be read").is_some() {}
    let layout = unit.found().fields.resolve(&[], true);
    let columns = layout.fields().iter().enumerate().filter(|(_, (name, _))| names.contains(&name.as_str()));
    let needs = columns.map(|(column, _)| (column, Need::Whole)).collect();
    let mut wanted = Wanted::nothing_of(&layout);
    let mut gatherer = Gatherer::new(&needs, &layout, &layout.schema(), "", &mut wanted);
    let mut unit = Unit::new(Worker::new(&settings, wanted, false), text, &file(text.len()), 0, 0..text.len() as u64);
    let mut batches = Vec::new();
    while let Some(block) = unit.next().expect("memory can be read") {
        assert!(gatherer.add(&block, None, true).is_ok(), "the sample shows all types");
        batches.push(gatherer.finish().expect("the columns fit"));
    }
    batches
}
