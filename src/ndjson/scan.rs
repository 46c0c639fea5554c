//! The lines of one range as record batches: accepted ones as rows, or the others as rejects.
//!
//! It knows nothing of the engine: it is an iterator, and whoever polls it decides on which thread it works.

use std::io::{Empty, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, Int64Builder, RecordBatch, RecordBatchOptions, StringViewArray, StringViewBuilder,
};
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
    /// Whether the columns were made from what the file holds; else a line that does not fit them is an error.
    pub(super) surveyed: bool,
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
        let (empty_as_null, skips_rejects) = (self.settings.empty_as_null, self.surveyed);
        self.batches(Rows { outputs, slots: layout.slots(), empty_as_null, skips_rejects })
    }

    /// `projection` counts the columns of the table of rejects. The range must be a whole file.
    pub(super) fn rejects(self, projection: &[usize]) -> Batches {
        let file = self.file.shown.clone();
        self.batches(Rejects { file, projection: projection.to_vec(), kept: Vec::new() })
    }

    /// A line that the columns do not hold: of a surveyed file, it was not there before.
    fn misfit(&self, line: &Line<'_>, what: &str) -> Error {
        let at = line.offset;
        if self.surveyed {
            return input::changed(&self.file, &format!("changed at byte {at} ({what})"));
        }
        Error::data(format!("the line at byte {at} of `{}` does not fit its table: {what}", self.file.shown))
            .with_hint("a source in tidemill.toml reads around such lines, and finds the columns by itself")
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
        let first = self.number;
        let (mut rows, mut bytes, mut rejects) = (0, 0, 0);
        let mut ended = false;
        // Bytes of lines that make no row count too: a batch may be empty, but its turn must end.
        while rows < *batch_size && bytes < BATCH_BYTES {
            let Some(line) = lines.next().map_err(|error| input::failure(error, file))? else {
                ended = true;
                break;
            };
            self.number += 1;
            bytes += line.bytes.len() + 1;
            let verdict = self.judge.judge(&line);
            rejects += usize::from(matches!(verdict, Verdict::Reject(_)));
            let taken = self.into.take(&line, self.number, verdict, &self.judge);
            rows += usize::from(taken.map_err(|what| self.scan.misfit(&line, &what))?);
        }
        metrics.lines.add((self.number - first) as usize);
        metrics.bytes.add(bytes);
        metrics.rejects.add(rejects);
        if ended {
            input::check_unchanged(file)?;
            if rows == 0 {
                return Ok(None);
            }
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(&self.scan.schema);
        RecordBatch::try_new_with_options(schema, self.into.finish(), &options)
            .map(Some)
            .map_err(|error| Error::internal("the columns of a batch do not fit its schema").with_source(error))
    }
}

struct Rows {
    outputs: Vec<Output>,
    slots: Slots,
    empty_as_null: bool,
    skips_rejects: bool,
}

enum Output {
    Value(usize, Column),
    File(String, StringViewBuilder),
    Offset(Int64Builder),
}

impl Collect for Rows {
    fn take(&mut self, line: &Line<'_>, _: u64, verdict: Verdict, judge: &Judge) -> Result<bool, String> {
        match verdict {
            Verdict::Row => {}
            Verdict::Reject(fault) if !self.skips_rejects => return Err(fault.detail.into_owned()),
            Verdict::Blank | Verdict::Reject(_) => return Ok(false),
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
    kept: Vec<Kept>,
}

struct Kept {
    line: u64,
    offset: u64,
    fault: Fault,
    raw: String,
}

impl Collect for Rejects {
    fn take(&mut self, line: &Line<'_>, number: u64, verdict: Verdict, _: &Judge) -> Result<bool, String> {
        let Verdict::Reject(fault) = verdict else { return Ok(false) };
        self.kept.push(Kept { line: number, offset: line.offset, fault, raw: Reject::raw_of(line.bytes) });
        Ok(true)
    }

    fn finish(&mut self) -> Vec<ArrayRef> {
        let kept = std::mem::take(&mut self.kept);
        let column = |index: &usize| -> ArrayRef {
            match index {
                0 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|_| self.file.as_str()))),
                1 => Arc::new(Int64Array::from_iter_values(kept.iter().map(|reject| reject.line as i64))),
                2 => Arc::new(Int64Array::from_iter_values(kept.iter().map(|reject| reject.offset as i64))),
                3 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| reject.fault.reason.code()))),
                4 => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| &reject.fault.detail))),
                _ => Arc::new(StringViewArray::from_iter_values(kept.iter().map(|reject| &reject.raw))),
            }
        };
        self.projection.iter().map(column).collect()
    }
}
