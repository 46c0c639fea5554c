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

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use std::sync::atomic::AtomicBool;

    use arrow::compute::concat_batches;
    use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
    use proptest::prelude::*;

    use super::super::survey::{Survey, Watch, survey};
    use super::*;

    fn scan(file: &InputFile, survey: &Survey, range: Range<u64>, batch_size: usize) -> Vec<RecordBatch> {
        let settings = Arc::default();
        let scan = Scan {
            file: file.clone(),
            range,
            schema: Arc::new(survey.schema()),
            settings,
            batch_size,
            metrics: Metrics::new(&ExecutionPlanMetricsSet::new(), 0),
            surveyed: true,
        };
        let all: Vec<usize> = (0..survey.columns().len()).collect();
        scan.rows(&survey.layout, &all).collect::<Result<_>>().unwrap()
    }

    fn listed(bytes: &[u8]) -> (tempfile::TempDir, InputFile) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.out"), bytes).unwrap();
        let file = super::super::listing::list(folder.path(), &["a.out".to_owned()]).unwrap().remove(0);
        (folder, file)
    }

    fn surveyed(file: &InputFile) -> Survey {
        let files = std::slice::from_ref(file);
        survey(files, &Arc::default(), 1, &Watch::default(), &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn a_value_that_was_not_there_before_fails_the_scan() {
        let (folder, file) = listed(b"{\"a\":1}\n{\"a\":2}\n");
        let survey = surveyed(&file);
        let check = |bytes: &[u8], expected: &str| {
            let path = folder.path().join("a.out");
            std::fs::write(&path, bytes).unwrap();
            // The clock of the file system may be too coarse to show that it was written over.
            let scanned = super::super::listing::list(folder.path(), &["a.out".to_owned()]).unwrap().remove(0);
            let scan = Scan {
                file: scanned,
                range: 0..bytes.len() as u64,
                schema: Arc::new(survey.schema()),
                settings: Arc::default(),
                batch_size: 10,
                metrics: Metrics::new(&ExecutionPlanMetricsSet::new(), 0),
                surveyed: true,
            };
            let failed = scan.rows(&survey.layout, &[0]).collect::<Result<Vec<_>>>().unwrap_err();
            assert_eq!((failed.chain(), failed.exit_code()), (format!("`a.out` {expected} while it was read"), 3));
        };
        check(b"{\"a\":1}\n{\"a\":2.5}\n", "changed at byte 8 (`2.5` is not a bigint)");
        check(b"{\"a\":1,\"b\":1}\n", "changed at byte 0 (no column has the key `\"b\"`)");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn any_ranges_and_batches_give_the_same_rows(
            lines in proptest::collection::vec(proptest::sample::select(vec![
                "{\"a\":1}\n", "{\"a\":2.5,\"b\":[\"x\",null]}\r\n", "\n", "[1]\n", "{\"b\":[],\"c\":{\"d\":true}}\n", "{\n",
            ]), 0..40),
            cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..10),
            batch_size in 1..20_usize,
        ) {
            // The first line is a row: else it might be taken for a document.
            let bytes = format!("{{\"z\":0}}\n{}", lines.concat());
            let size = bytes.len() as u64;
            let (_folder, file) = listed(bytes.as_bytes());
            let survey = surveyed(&file);
            let schema = Arc::new(survey.schema());
            let whole = concat_batches(&schema, &scan(&file, &survey, 0..size, 8192)).unwrap();
            prop_assert_eq!(whole.num_rows() as u64, survey.counts.rows);
            let mut cuts: Vec<u64> = cuts.iter().map(|cut| cut.index(bytes.len() + 1) as u64).chain([0, size]).collect();
            cuts.sort_unstable();
            let parts: Vec<RecordBatch> =
                cuts.windows(2).flat_map(|cut| scan(&file, &survey, cut[0]..cut[1], batch_size)).collect();
            prop_assert!(parts.iter().all(|part| part.num_rows() <= batch_size));
            prop_assert_eq!(concat_batches(&schema, &parts).unwrap(), whole);
        }
    }
}
