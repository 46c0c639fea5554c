//! The lines of one range as record batches: accepted ones as rows, or the others as rejects.
//!
//! It is an iterator, and whoever polls it decides on which thread it works.

mod rejects;
mod rows;

use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::error::{DataFusionError, Result as EngineResult};

use super::Settings;
use super::account::Account;
use super::careful::Found;
use super::filter::Filter;
use super::gather::{Gatherer, Misfit};
use super::input;
use super::layout::{Layout, shorten};
use super::listing::InputFile;
use super::needs::Needs;
use super::rows::Wanted;
use super::seen::Fields;
use super::source::Metrics;
use super::unit::{Unit, Worker};
use crate::error::{Error, Result};
use rejects::Rejects;
use rows::Rows;

/// Bytes of lines after which a batch ends early, so that long lines do not make batches without bound. Lines that make
/// no rows count too: a batch may be empty, but its turn must end.
const BATCH_BYTES: usize = 32 << 20;

/// What is known of the columns that lines are read into.
#[derive(Debug, Clone)]
pub(super) enum Basis {
    /// All lines were read before: a line that does not fit was not there then.
    Whole,
    /// Samples, which showed these: a line that does not fit asks for another try.
    Guess(Arc<Fields>),
    /// A statement's own declaration: a line that does not fit is an error, and so is a reject.
    Declared,
}

/// One range of one file, and what is wanted of it.
pub(super) struct Scan {
    pub(super) file: InputFile,
    pub(super) range: Range<u64>,
    pub(super) settings: Arc<Settings>,
    pub(super) batch_size: usize,
    pub(super) metrics: Metrics,
    pub(super) basis: Basis,
    /// Where what is found is entered.
    pub(super) account: Option<Arc<Account>>,
    /// Workers of ranges before.
    pub(super) workers: Arc<Workers>,
}

/// Workers that are at rest, with all that they have learned.
#[derive(Default)]
pub(super) struct Workers(Mutex<Vec<Worker>>);

impl Workers {
    fn take(&self) -> Option<Worker> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    fn give_back(&self, worker: Worker) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(worker);
    }
}

/// Columns of rows that are wanted.
pub(super) struct Columns<'a> {
    pub(super) layout: &'a Arc<Layout>,
    pub(super) file_schema: &'a SchemaRef,
    pub(super) needs: &'a Needs,
    pub(super) filter: Option<&'a Filter>,
}

pub(super) type Batches = Box<dyn Iterator<Item = EngineResult<RecordBatch>> + Send>;

impl Scan {
    /// The columns `needs` of the accepted lines.
    pub(super) fn rows(self, columns: &Columns<'_>) -> Batches {
        let Columns { layout, file_schema, needs, filter } = columns;
        let mut wanted = Wanted::nothing_of(layout);
        let file = &self.file.shown;
        let filter = filter.map(|filter| filter.start(layout, file_schema, file, &mut wanted));
        let gatherer = Gatherer::new(needs, layout, file_schema, file, &mut wanted);
        let element_leaves = wanted.element_leaves();
        let worker = self.workers.take().unwrap_or_else(|| Worker::new(&self.settings, wanted, false));
        let layout = Arc::clone(layout);
        Box::new(Rows::new(Opened::new(self, worker), filter, gatherer, layout, element_leaves))
    }

    /// The rejects, by a projection of the table of rejects. The range must be a whole file.
    pub(super) fn rejects(self, schema: SchemaRef, projection: &[usize]) -> Batches {
        let worker = Worker::new(&self.settings, Wanted::default(), true);
        Box::new(Rejects::new(Opened::new(self, worker), schema, projection.to_vec()))
    }

    /// A line that the columns do not hold.
    fn misfit(&self, Misfit { offset, what }: Misfit) -> Error {
        match self.basis {
            Basis::Whole => input::changed(&self.file, &format!("changed at byte {offset} ({what})")),
            Basis::Guess(_) => Error::Drift,
            Basis::Declared => {
                let shown = &self.file.shown;
                Error::data(format!("the line at byte {offset} of `{shown}` does not fit its table: {what}"))
                    .with_hint("a source in tidemill.toml reads around such lines, and finds the columns by itself")
            }
        }
    }

    fn check(&self, found: &Found) -> Result<()> {
        if let Some((offset, key)) = &found.unknown_key {
            let what = format!("no column has the key {}", shorten(key));
            return Err(self.misfit(Misfit { offset: *offset, what }));
        }
        match (found.first_rejects.first(), &self.basis) {
            (Some(reject), Basis::Declared) => {
                Err(self.misfit(Misfit { offset: reject.offset, what: reject.excerpt.label.clone() }))
            }
            _ => Ok(()),
        }
    }

    /// Enters what the range was found to hold.
    fn enter(&self, found: Found, layout: &Layout) -> Result<()> {
        let Some(account) = &self.account else { return Ok(()) };
        let Some(index) = account.index_of(&self.file.path) else { return Ok(()) };
        let is_new = account.enter((index, self.range.clone()), found)?;
        match &self.basis {
            Basis::Guess(fields) if is_new && !account.confirms(layout, fields) => Err(Error::Drift),
            _ => Ok(()),
        }
    }
}

/// A range that is opened when the first line of it is asked for.
struct Opened {
    scan: Scan,
    state: State,
    /// Lines and rejects that were counted.
    counted: (u64, u64),
}

enum State {
    Waiting(Box<Worker>),
    Going(Box<Unit<Box<dyn Read + Send>>>),
    Done,
}

impl Opened {
    fn new(scan: Scan, worker: Worker) -> Self {
        Self { scan, state: State::Waiting(Box::new(worker)), counted: (0, 0) }
    }

    fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// The range under way; `None` behind its end.
    fn unit(&mut self) -> Result<Option<&mut Unit<Box<dyn Read + Send>>>> {
        if let State::Waiting(_) = self.state {
            let State::Waiting(worker) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
            let Scan { file, range, account, .. } = &self.scan;
            let index = account.as_ref().and_then(|account| account.index_of(&file.path)).unwrap_or_default();
            self.state = State::Going(Box::new(Unit::open(*worker, file, index, range.clone())?));
        }
        Ok(match &mut self.state {
            State::Going(unit) => Some(unit),
            _ => None,
        })
    }

    /// After some more lines.
    fn count(&mut self, bytes: usize) {
        let State::Going(unit) = &self.state else { return };
        let (found, metrics) = (unit.found(), &self.scan.metrics);
        let now = (found.counts.lines, found.counts.rejects());
        metrics.bytes.add(bytes);
        metrics.lines.add((now.0 - self.counted.0) as usize);
        metrics.rejects.add((now.1 - self.counted.1) as usize);
        self.counted = now;
    }

    /// Looks for what was found so far that no column shows.
    fn check(&self) -> Result<()> {
        match &self.state {
            State::Going(unit) => self.scan.check(unit.found()),
            _ => Ok(()),
        }
    }

    /// Behind the last line: what was found, after the worker was put aside for the next range.
    fn finish(&mut self) -> Result<Option<Found>> {
        let State::Going(unit) = std::mem::replace(&mut self.state, State::Done) else { return Ok(None) };
        let (worker, found) = unit.finish()?;
        self.scan.metrics.finish(&found);
        self.scan.workers.give_back(worker);
        Ok(Some(found))
    }
}

/// Our error on its way through the engine; `session` takes it out again.
pub(super) fn engine_error(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use std::sync::atomic::AtomicBool;

    use arrow::array::AsArray;
    use arrow::compute::concat_batches;
    use arrow::datatypes::Int64Type;
    use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
    use proptest::prelude::*;

    use super::super::needs::Need;
    use super::super::rows::BATCH_VALUES;
    use super::super::survey::{Survey, Watch, survey};
    use super::*;

    fn scan(file: &InputFile, survey: &Survey, range: Range<u64>, batch_size: usize) -> Vec<RecordBatch> {
        rows(scan_of(file, range, batch_size), survey).unwrap()
    }

    fn scan_of(file: &InputFile, range: Range<u64>, batch_size: usize) -> Scan {
        Scan {
            file: file.clone(),
            range,
            settings: Arc::default(),
            batch_size,
            metrics: Metrics::new(&ExecutionPlanMetricsSet::new(), 0),
            basis: Basis::Whole,
            account: None,
            workers: Arc::default(),
        }
    }

    /// All columns of all rows.
    fn rows(scan: Scan, survey: &Survey) -> EngineResult<Vec<RecordBatch>> {
        let needs = (0..survey.columns().len()).map(|column| (column, Need::Whole)).collect();
        let file_schema = Arc::new(survey.schema());
        let columns = Columns { layout: &survey.layout, file_schema: &file_schema, needs: &needs, filter: None };
        scan.rows(&columns).collect()
    }

    fn listed(bytes: &[u8]) -> (tempfile::TempDir, InputFile) {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a.out"), bytes).unwrap();
        let file = super::super::listing::list(folder.path(), &["a.out".to_owned()]).unwrap().remove(0);
        (folder, file)
    }

    fn surveyed(file: &InputFile) -> Survey {
        let account = Account::new([file.clone()].into(), Arc::default());
        survey(&account, 1, &Watch::default(), &AtomicBool::new(false)).unwrap()
    }

    #[test]
    fn a_value_that_was_not_there_before_fails_the_scan() {
        let (folder, file) = listed(b"{\"a\":1}\n{\"a\":2,\"o\":{\"x\":{\"y\":1}}}\n");
        let survey = surveyed(&file);
        let check = |bytes: &[u8], expected: &str| {
            let path = folder.path().join("a.out");
            std::fs::write(&path, bytes).unwrap();
            // The clock of the file system may be too coarse to show that it was written over.
            let scanned = super::super::listing::list(folder.path(), &["a.out".to_owned()]).unwrap().remove(0);
            let failed = rows(scan_of(&scanned, 0..bytes.len() as u64, 10), &survey).unwrap_err();
            let DataFusionError::External(failed) = failed else { panic!("{failed}") };
            let failed = failed.downcast::<Error>().unwrap();
            assert_eq!((failed.chain(), failed.exit_code()), (format!("`a.out` {expected} while it was read"), 3));
        };
        check(b"{\"a\":1}\n{\"a\":2.5}\n", "changed at byte 8 (`2.5` is not a bigint)");
        check(b"{\"a\":1,\"b\":1}\n", "changed at byte 0 (no column has the key `\"b\"`)");
        check(b"{\"a\":1}\n{\"o\":{\"x\":null,\"z\":1}}\n", "changed at byte 8 (no column has the key `\"z\"`)");
        check(b"{\"o\":{\"x\":{\"y\":1,\"z\":1}}}\n", "changed at byte 0 (no column has the key `\"z\"`)");
        check(b"{\"o\":{\"x\":[1]}}\n", "changed at byte 0 (`[1]` is not an object)");
    }

    #[test]
    fn batches_of_very_wide_rows_are_short() {
        let keys: Vec<String> = (0..3000).map(|key| format!("\"k{key}\":1")).collect();
        let bytes = format!("{{{}}}\n{}", keys.join(","), "{\"k7\":2}\n".repeat(2000));
        let (_folder, file) = listed(bytes.as_bytes());
        let batches = scan(&file, &surveyed(&file), 0..bytes.len() as u64, 8192);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 2001);
        assert!(batches.iter().all(|batch| batch.num_rows() <= BATCH_VALUES / 3000), "{}", batches.len());
    }

    /// As many values as all elements have keys, for each element.
    #[test]
    fn batches_of_lists_of_many_keys_are_short() {
        let line = |n: usize| {
            let elements: Vec<String> = (0..40).map(|e| format!("{{\"k{}\":{e}}}", (n * 40 + e) % 900)).collect();
            format!("{{\"id\":{n},\"l\":[{}]}}\n", elements.join(","))
        };
        let text: String = (0..1000).map(line).collect();
        let (_folder, file) = listed(text.as_bytes());
        let batches = scan(&file, &surveyed(&file), 0..text.len() as u64, 8192);
        assert_eq!(batches.iter().map(RecordBatch::num_rows).sum::<usize>(), 1000);
        let most = batches.iter().map(RecordBatch::num_rows).max().unwrap_or(0);
        assert!(most * 40 * 900 <= BATCH_VALUES, "{most}");
        let whole = concat_batches(&batches[0].schema(), &batches).unwrap();
        let ids = whole.column(0).as_primitive::<Int64Type>();
        assert!(ids.values().iter().copied().eq(0..1000));
    }

    #[test]
    fn a_line_of_too_many_values_is_refused() {
        let elements: Vec<String> = (0..20_000).map(|e| format!("{{\"k{}\":1}}", e % 9000)).collect();
        let text = format!("{{\"l\":[]}}\n{{\"l\":[{}]}}\n", elements.join(","));
        let (_folder, file) = listed(text.as_bytes());
        let error = rows(scan_of(&file, 0..text.len() as u64, 8192), &surveyed(&file)).unwrap_err();
        assert!(
            error
                .to_string()
                .contains("the line at byte 9 has about 20001 objects, and those of lists have 9000 keys between them"),
            "{error}"
        );
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
