//! The lines of one range as record batches: accepted ones as rows, or the others as rejects.
//!
//! It knows nothing of the engine: it is an iterator, and whoever polls it decides on which thread it works.

use std::io::{Empty, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Builder, RecordBatch, RecordBatchOptions, StringViewBuilder};
use arrow::datatypes::SchemaRef;

use super::Settings;
use super::decode::{self, Column, Row};
use super::framing::{Line, Lines};
use super::input;
use super::judge::{Judge, Verdict};
use super::layout::Layout;
use super::listing::InputFile;
use super::object::Slots;
use super::reject::{Fault, Reject};
use super::source::{FILE_COLUMN, Metrics};
use super::tape::ROOT;
use crate::error::{Error, Result};

/// Bytes of lines after which a batch ends early, so that long lines do not make batches without bound.
const BATCH_BYTES: usize = 32 << 20;

/// One range of one file, and what is wanted of it.
pub(super) struct Scan {
    pub(super) file: InputFile,
    pub(super) range: Range<u64>,
    /// Of the batches.
    pub(super) schema: SchemaRef,
    pub(super) settings: Arc<Settings>,
    pub(super) batch_size: usize,
    pub(super) metrics: Metrics,
}

pub(super) type Batches = Box<dyn Iterator<Item = Result<RecordBatch>> + Send>;

/// What takes in the lines of a scan.
trait Collect: Send {
    /// `number` is the line's number within the range, 1-based. True if it made a row.
    fn take(&mut self, line: &Line<'_>, number: u64, verdict: Verdict, judge: &Judge) -> Result<bool, String>;

    /// The columns of the rows taken since the last call.
    fn finish(&mut self) -> Vec<ArrayRef>;
}

impl Scan {
    /// `projection` counts the columns of `layout`, then `_file` and `_offset`.
    pub(super) fn rows(self, layout: &Layout, projection: &[usize]) -> Batches {
        let width = layout.fields().len();
        let outputs = projection
            .iter()
            .enumerate()
            .map(|(at, &column)| match layout.fields().get(column) {
                Some((_, reading)) => Output::Value(column, Column::new(reading)),
                None if self.schema.field(at).name() == FILE_COLUMN => {
                    Output::File(self.file.shown.clone(), StringViewBuilder::new().with_deduplicate_strings())
                }
                None => Output::Offset(Int64Builder::new()),
            })
            .collect();
        debug_assert!(projection.iter().all(|column| *column < width + 2));
        let empty_as_null = self.settings.empty_as_null;
        self.batches(Rows { outputs, slots: layout.slots(), empty_as_null })
    }

    /// `projection` counts the columns of the table of rejects. The range must be a whole file.
    pub(super) fn rejects(self, projection: &[usize]) -> Batches {
        let file = self.file.shown.clone();
        self.batches(Rejects { file, projection: projection.to_vec(), kept: Vec::new() })
    }

    fn batches(self, into: impl Collect + 'static) -> Batches {
        let judge = Judge::new(Arc::clone(&self.settings));
        Box::new(Running { lines: None, judge, into, number: 0, ended: false, scan: self })
    }
}

struct Running<C> {
    scan: Scan,
    /// Opened when the first batch is asked for.
    lines: Option<Lines<Box<dyn Read + Send>>>,
    judge: Judge,
    into: C,
    number: u64,
    ended: bool,
}

impl<C: Collect> Iterator for Running<C> {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let batch = self.batch().transpose();
        // After an error, too, there is nothing more to come.
        self.ended = !matches!(batch, Some(Ok(_)));
        batch
    }
}

impl<C: Collect> Running<C> {
    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let Scan { file, range, metrics, batch_size, .. } = &self.scan;
        let lines = match &mut self.lines {
            Some(lines) => lines,
            unopened => {
                let reader = input::open(file, Lines::<Empty>::first_byte(range))?;
                unopened.insert(Lines::new(reader, range.clone(), self.scan.settings.max_line_bytes))
            }
        };
        let (mut rows, mut bytes) = (0, 0);
        while rows < *batch_size && bytes < BATCH_BYTES {
            let Some(line) = lines.next().map_err(|error| input::failure(error, file))? else { break };
            self.number += 1;
            bytes += line.bytes.len();
            metrics.lines.add(1);
            metrics.bytes.add(line.bytes.len() + usize::from(line.terminated));
            let verdict = self.judge.judge(&line);
            metrics.rejects.add(usize::from(matches!(verdict, Verdict::Reject(_))));
            let taken = self.into.take(&line, self.number, verdict, &self.judge);
            rows += usize::from(taken.map_err(|what| changed(file, &line, &what))?);
        }
        if rows == 0 {
            return Ok(None);
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.scan.schema);
        RecordBatch::try_new_with_options(schema, self.into.finish(), &options)
            .map(Some)
            .map_err(|error| Error::internal("the columns of a batch do not fit its schema").with_source(error))
    }
}

fn changed(file: &InputFile, line: &Line<'_>, what: &str) -> Error {
    let how = format!("changed at byte {} ({what})", line.offset);
    input::changed(file, &how)
}

struct Rows {
    outputs: Vec<Output>,
    slots: Slots,
    empty_as_null: bool,
}

enum Output {
    Value(usize, Column),
    File(String, StringViewBuilder),
    Offset(Int64Builder),
}

impl Collect for Rows {
    fn take(&mut self, line: &Line<'_>, _: u64, verdict: Verdict, judge: &Judge) -> Result<bool, String> {
        if !matches!(verdict, Verdict::Row) {
            return Ok(false);
        }
        let row = Row { line: line.bytes, tape: judge.tape(), empty_as_null: self.empty_as_null };
        let values = self.slots.assign(ROOT, row.line, row.tape);
        decode::check_known(&values, row)?;
        for output in &mut self.outputs {
            match output {
                Output::Value(slot, column) => column.append(values.get(*slot), row)?,
                Output::File(name, column) => column.append_value(name.as_str()),
                Output::Offset(column) => column.append_value(line.offset as i64),
            }
        }
        self.slots.give_back(values);
        Ok(true)
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let finish = |output: &mut Output| -> ArrayRef {
            match output {
                Output::Value(_, column) => column.finish(),
                Output::File(_, column) => Arc::new(column.finish()),
                Output::Offset(column) => Arc::new(column.finish()),
            }
        };
        self.outputs.iter_mut().map(finish).collect()
    }
}

struct Rejects {
    file: String,
    projection: Vec<usize>,
    kept: Vec<(u64, u64, Fault, String)>,
}

impl Collect for Rejects {
    fn take(&mut self, line: &Line<'_>, number: u64, verdict: Verdict, _: &Judge) -> Result<bool, String> {
        let Verdict::Reject(fault) = verdict else { return Ok(false) };
        self.kept.push((number, line.offset, fault, Reject::raw_of(line.bytes)));
        Ok(true)
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let kept = std::mem::take(&mut self.kept);
        let number = |of: fn(&(u64, u64, Fault, String)) -> u64| -> ArrayRef {
            let mut column = Int64Builder::with_capacity(kept.len());
            kept.iter().for_each(|reject| column.append_value(of(reject) as i64));
            Arc::new(column.finish())
        };
        let text = |of: &dyn for<'a> Fn(&'a (u64, u64, Fault, String)) -> &'a str| -> ArrayRef {
            let mut column = StringViewBuilder::with_capacity(kept.len());
            kept.iter().for_each(|reject| column.append_value(of(reject)));
            Arc::new(column.finish())
        };
        let column = |index: &usize| match index {
            0 => {
                let file: ArrayRef =
                    Arc::new(arrow::array::StringViewArray::from_iter_values(kept.iter().map(|_| self.file.as_str())));
                file
            }
            1 => number(|reject| reject.0),
            2 => number(|reject| reject.1),
            3 => text(&|reject| reject.2.reason.code()),
            4 => text(&|reject| &reject.2.detail),
            _ => text(&|reject| &reject.3),
        };
        self.projection.iter().map(column).collect()
    }
}
