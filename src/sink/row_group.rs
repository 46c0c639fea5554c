//! A Parquet row group on its way: rows in, column chunks out, the columns encoded side by side.
//!
//! It knows nothing of files. Columns cost very differently, and one that is dear must not make the others wait behind
//! it: each is a job of its own, and the dearest are begun first.
//!
//! What a row group holds depends on the batches alone, not on the number of threads or their pace: columns say at the same row how
//! large they are, and that is acted on some rows later, when the slowest of them has come by.

use std::cmp::Reverse;
use std::mem;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use datafusion::parquet::arrow::arrow_writer::{ArrowColumnChunk, ArrowColumnWriter, ArrowLeafColumn, compute_leaves};
use datafusion::parquet::errors::{ParquetError, Result};

use super::crew::Crew;

/// Rows of a row group at most: the unit of parallel reading, here as in other writers.
const MOST_ROWS: usize = 1024 * 1024;

/// Encoded bytes of a row group, at which it ends. A row group is held in memory until it is complete, so this bounds
/// what a writer takes, also for wide rows.
const MOST_BYTES: usize = 128 * 1024 * 1024;

/// Rows that are encoded in one go: as many as the engine's batches have.
const ROWS_AT_ONCE: usize = 8192;

/// Batches that are encoded in one go at most, since small ones may hold on to large blocks of input.
const BATCHES_AT_ONCE: usize = 16;

/// How often columns are given values, and memory of these, from one mark to the next. A column may be two marks ahead of another, so
/// twice as much is under way at most, or two batches that are larger. When columns waited for each other at every mark, two threads
/// wrote 1.6 times as fast as one; now 1.8 times (a filter over 8 GB, 5 columns).
const GIVEN_TO_A_MARK: usize = 16;
const BYTES_TO_A_MARK: usize = 16 * 1024 * 1024;

/// The threads that encode columns.
pub(super) type Encoders = Crew<Job, Done>;

/// A crew of `threads` threads that encode columns.
pub(super) fn encoders(threads: usize) -> Encoders {
    Crew::new(threads, encode)
}

/// What a column is to do next.
enum Step {
    Encode(ArrowLeafColumn),
    /// It is at a mark: it says how large it is.
    Mark,
}

/// Work for one column.
pub(super) struct Job {
    column: usize,
    writer: Box<ArrowColumnWriter>,
    steps: Vec<Step>,
    /// Whether the column has no more.
    is_last: bool,
}

pub(super) struct Done {
    column: usize,
    /// How large it was at the mark, if it came by.
    size: Option<usize>,
    state: Result<State>,
    took: Duration,
}

enum State {
    Open(Box<ArrowColumnWriter>),
    AtWork,
    Closed(Box<ArrowColumnChunk>),
}

fn encode(job: Job) -> Done {
    let begun = Instant::now();
    let Job { column, mut writer, steps, is_last } = job;
    let mut size = None;
    let encoded = steps.into_iter().try_for_each(|step| match step {
        Step::Encode(values) => writer.write(&values),
        Step::Mark => {
            size = Some(writer.get_estimated_total_bytes());
            Ok(())
        }
    });
    let state = encoded.and_then(|()| match is_last {
        true => writer.close().map(|chunk| State::Closed(Box::new(chunk))),
        false => Ok(State::Open(writer)),
    });
    Done { column, size, state, took: begun.elapsed() }
}

/// A row group that takes rows.
pub(super) struct RowGroup {
    columns: Vec<Column>,
    /// Rows that were taken, and of them those that were given to the columns.
    rows: usize,
    rows_given: usize,
    waiting: Vec<RecordBatch>,
    /// Rows and bytes at the last mark that all columns have come by.
    known: (usize, usize),
    /// The mark behind it.
    mark: Mark,
    /// How often values were given since that was set, and their memory.
    since: (usize, usize),
    most_rows: usize,
    /// Whether no more values come.
    is_over: bool,
    /// Of several the first in the order of marks, and of columns between two: whatever their pace, it is the same one.
    failed: Option<Failure>,
}

/// A place among the rows, and what is known of the row group there.
#[derive(Default)]
struct Mark {
    rows: usize,
    bytes: usize,
    /// Columns that have not come by.
    missing: usize,
}

/// Why a column failed.
struct Failure {
    /// Marks that it had come by.
    marks: usize,
    column: usize,
    error: ParquetError,
}

struct Column {
    state: State,
    cost: Duration,
    /// What waits until that before it is done.
    queue: Vec<Step>,
    /// Marks that it has come by.
    marks: usize,
}

impl RowGroup {
    /// An empty one, of at most so many rows.
    pub(super) fn new(writers: Vec<ArrowColumnWriter>, most_rows: Option<usize>) -> Self {
        let column =
            |writer| Column { state: State::Open(Box::new(writer)), cost: Duration::ZERO, queue: Vec::new(), marks: 0 };
        Self {
            columns: writers.into_iter().map(column).collect(),
            rows: 0,
            rows_given: 0,
            waiting: Vec::new(),
            known: (0, 0),
            mark: Mark::default(),
            since: (0, 0),
            most_rows: most_rows.unwrap_or(MOST_ROWS),
            is_over: false,
            failed: None,
        }
    }

    /// How many more rows it may take, if they are like those before.
    pub(super) fn room(&self) -> usize {
        let most = match self.known {
            (0, _) | (_, 0) => self.most_rows,
            (rows, bytes) => (MOST_BYTES as u128 * rows as u128 / bytes as u128).min(self.most_rows as u128) as usize,
        };
        most.saturating_sub(self.rows)
    }

    /// Takes rows.
    pub(super) fn add(&mut self, batch: RecordBatch, schema: &Schema, encoders: &mut Encoders) -> Result<()> {
        self.rows += batch.num_rows();
        self.waiting.push(batch);
        if self.rows - self.rows_given >= ROWS_AT_ONCE || self.waiting.len() >= BATCHES_AT_ONCE {
            self.queue(schema)?;
            self.go_on(encoders);
            if self.since.0 >= GIVEN_TO_A_MARK || self.since.1 >= BYTES_TO_A_MARK {
                self.pass_mark(encoders)?;
            }
        }
        Ok(())
    }

    /// Its columns, complete.
    ///
    /// **Errors**: those of the columns.
    pub(super) fn close(mut self, schema: &Schema, encoders: &mut Encoders) -> Result<Vec<ArrowColumnChunk>> {
        self.is_over = true;
        self.queue(schema)?;
        self.go_on(encoders);
        while let Some(done) = encoders.next() {
            self.take_back(done, encoders);
        }
        if let Some(Failure { error, .. }) = self.failed {
            return Err(error);
        }
        let chunk = |column: Column| match column.state {
            State::Closed(chunk) => *chunk,
            State::Open(_) | State::AtWork => unreachable!("each column was given its last values and is back"),
        };
        Ok(self.columns.into_iter().map(chunk).collect())
    }

    /// Gives the rows that wait to the columns.
    fn queue(&mut self, schema: &Schema) -> Result<()> {
        let batches = mem::take(&mut self.waiting);
        let bytes: usize = batches.iter().map(RecordBatch::get_array_memory_size).sum();
        let values = leaves(&batches, schema, self.columns.len())?;
        for (column, values) in self.columns.iter_mut().zip(values) {
            column.queue.extend(values.into_iter().map(Step::Encode));
        }
        self.rows_given = self.rows;
        self.since = (self.since.0 + 1, self.since.1 + bytes);
        Ok(())
    }

    /// Has the columns go on that are not at work. The others go on by themselves.
    fn go_on(&mut self, encoders: &mut Encoders) {
        while let Some(done) = encoders.next_done() {
            self.take_back(done, encoders);
        }
        let mut order: Vec<usize> = (0..self.columns.len()).collect();
        order.sort_by_key(|column| Reverse(self.columns[*column].cost));
        order.into_iter().for_each(|column| self.start(column, encoders));
    }

    /// Has a column do what waits for it, unless it is at work.
    fn start(&mut self, number: usize, encoders: &mut Encoders) {
        let column = &mut self.columns[number];
        if column.queue.is_empty() && !self.is_over {
            return;
        }
        column.state = match mem::replace(&mut column.state, State::AtWork) {
            State::Open(writer) => {
                let (steps, is_last) = (mem::take(&mut column.queue), self.is_over);
                return encoders.start(Job { column: number, writer, steps, is_last });
            }
            other => other,
        };
    }

    /// Takes in what was made of a job, and has the column go on.
    fn take_back(&mut self, Done { column: number, size, state, took }: Done, encoders: &mut Encoders) {
        let column = &mut self.columns[number];
        if let Some(size) = size {
            column.marks += 1;
            self.mark.missing -= 1;
            self.mark.bytes += size;
        }
        match state {
            Ok(state) => {
                (column.state, column.cost) = (state, took);
                self.start(number, encoders);
            }
            Err(error) => {
                let failure = Failure { marks: column.marks, column: number, error };
                let is_first = |other: &Failure| (failure.marks, number) < (other.marks, other.column);
                if self.failed.as_ref().is_none_or(is_first) {
                    self.failed = Some(failure);
                }
            }
        }
    }

    /// Waits until all columns have come by the mark, and sets the next one behind what they were given. So they do not wait for
    /// each other at every mark, and yet none is far behind.
    ///
    /// **Errors**: that of a column which failed before it came by.
    fn pass_mark(&mut self, encoders: &mut Encoders) -> Result<()> {
        while self.mark.missing > 0
            && let Some(done) = encoders.next()
        {
            self.take_back(done, encoders);
        }
        if self.mark.missing > 0
            && let Some(Failure { error, .. }) = self.failed.take()
        {
            return Err(error);
        }
        self.known = (self.mark.rows, self.mark.bytes);
        self.mark = Mark { rows: self.rows_given, bytes: 0, missing: self.columns.len() };
        self.columns.iter_mut().for_each(|column| column.queue.push(Step::Mark));
        self.since = (0, 0);
        Ok(())
    }
}

/// The values of `batches` for each of the `columns` columns: one that is nested is several.
fn leaves(batches: &[RecordBatch], schema: &Schema, columns: usize) -> Result<Vec<Vec<ArrowLeafColumn>>> {
    let mut values: Vec<Vec<_>> = (0..columns).map(|_| Vec::with_capacity(batches.len())).collect();
    for batch in batches {
        let mut columns = values.iter_mut();
        for (field, array) in schema.fields().iter().zip(batch.columns()) {
            for (leaf, column) in compute_leaves(field, array)?.into_iter().zip(&mut columns) {
                column.push(leaf);
            }
        }
    }
    Ok(values)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{
        Array, ArrayRef, BooleanArray, Float64Array, Int64Array, ListArray, StringViewArray, StructArray,
    };
    use arrow::datatypes::{DataType, Field, Int32Type, SchemaRef};
    use bytes::Bytes;
    use datafusion::parquet::arrow::ArrowWriter;
    use datafusion::parquet::file::reader::FileReader;
    use datafusion::parquet::file::serialized_reader::SerializedFileReader;
    use proptest::prelude::*;

    use super::super::Format;
    use super::super::testing::{Memory, batch, column, encode_to};
    use super::*;

    fn rows(range: std::ops::Range<usize>) -> RecordBatch {
        let n: Int64Array = range.clone().map(|row| (row % 7 != 0).then_some(row as i64)).collect();
        let texts: StringViewArray = range.clone().map(|row| (row % 5 != 0).then(|| "text ".repeat(row % 9))).collect();
        let odd: Float64Array = range.clone().map(|row| [Some(f64::NAN), Some(-0.0), None][row % 3]).collect();
        let list = range.clone().map(|row| (row % 4 != 0).then(|| (0..row as i32 % 4).map(Some)));
        let list: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(list));
        let flags: ArrayRef = Arc::new(BooleanArray::from_iter(range.map(|row| Some(row % 2 == 0))));
        let field = |name: &str, array: &ArrayRef| Arc::new(Field::new(name, array.data_type().clone(), true));
        let pair = StructArray::from(vec![(field("list", &list), list), (field("flag", &flags), flags)]);
        batch([("n", Arc::new(n)), ("text", Arc::new(texts)), ("odd", Arc::new(odd)), ("pair", Arc::new(pair))])
    }

    fn group(schema: &SchemaRef) -> RowGroup {
        let writer = ArrowWriter::try_new(Memory::default(), schema.clone(), None).unwrap();
        let (_, factory) = writer.into_serialized_writer().unwrap();
        RowGroup::new(factory.create_column_writers(0).unwrap(), None)
    }

    /// A row group of so many columns.
    fn group_of(columns: usize) -> RowGroup {
        let fields: Vec<_> =
            (0..columns).map(|number| Field::new(format!("c{number}"), DataType::Int64, true)).collect();
        group(&Arc::new(Schema::new(fields)))
    }

    fn encode(batches: &[RecordBatch], threads: usize) -> Vec<u8> {
        let out = Memory::default();
        encode_to(Format::Parquet, batches, threads, Box::new(out.clone())).unwrap();
        out.bytes()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn bytes_do_not_depend_on_the_number_of_threads(
            lengths in prop::collection::vec(prop_oneof![0..3_usize, 0..3000_usize, 8000..20_000_usize], 1..10),
        ) {
            let mut next = 0;
            let batches: Vec<_> = lengths.iter().map(|length| { next += length; rows(next - length..next) }).collect();
            let expected = encode(&batches, 1);
            for threads in [2, 5] {
                prop_assert!(encode(&batches, threads) == expected);
            }
        }
    }

    #[test]
    fn bytes_of_many_batches_do_not_depend_on_the_number_of_threads() {
        let batches: Vec<_> = (0..40).map(|number| rows(number * 9000..(number + 1) * 9000)).collect();
        let expected = encode(&batches, 1);
        assert!(encode(&batches, 2) == expected && encode(&batches, 5) == expected);
    }

    #[test]
    fn of_several_failures_the_first_is_told() {
        let failures = [(1, 3), (0, 7), (0, 5), (2, 0)];
        for first in 0..failures.len() {
            let (mut group, mut encoders) = (group_of(8), encoders(1));
            // As if each had failed behind so many marks.
            let told = failures[first..].iter().chain(&failures[..first]);
            for (marks, column) in told {
                group.columns[*column].marks = *marks;
                let state = Err(ParquetError::General(format!("{marks} {column}")));
                group.take_back(Done { column: *column, size: None, state, took: Duration::ZERO }, &mut encoders);
            }
            group.mark.missing = 4;
            let error = group.pass_mark(&mut encoders).unwrap_err();
            assert_eq!(error.to_string(), "Parquet error: 0 5");
        }
    }

    #[test]
    fn a_failure_behind_the_mark_is_told_at_the_next_one() {
        let (mut group, mut encoders) = (group_of(2), encoders(1));
        group.pass_mark(&mut encoders).unwrap();
        // One begins what waits, another takes back what is done.
        (0..2).for_each(|_| group.go_on(&mut encoders));
        assert_eq!(group.mark.missing, 0);
        group.columns[1].state = State::AtWork;
        let state = Err(ParquetError::General("late".to_owned()));
        group.take_back(Done { column: 1, size: None, state, took: Duration::ZERO }, &mut encoders);
        group.pass_mark(&mut encoders).unwrap();
        (0..2).for_each(|_| group.go_on(&mut encoders));
        assert_eq!(group.mark.missing, 1);
        assert_eq!(group.pass_mark(&mut encoders).unwrap_err().to_string(), "Parquet error: late");
    }

    #[test]
    fn a_row_group_has_so_many_rows() {
        let flags = BooleanArray::from_iter((0..MOST_ROWS / 2 + 1).map(|row| Some(row % 3 == 0)));
        for threads in [1, 2] {
            let reader =
                SerializedFileReader::new(Bytes::from(encode(&vec![column(flags.clone()); 3], threads))).unwrap();
            let rows: Vec<_> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
            assert_eq!(rows, [MOST_ROWS as i64, MOST_ROWS as i64 / 2 + 3]);
        }
    }

    #[test]
    fn a_row_group_has_so_many_bytes() {
        let check = |rows, known, expected| {
            let group = RowGroup { rows, known, ..RowGroup::new(Vec::new(), None) };
            assert_eq!(group.room(), expected);
        };
        check(0, (0, 0), MOST_ROWS);
        // What columns hold before there are rows says nothing.
        check(100, (0, 1000), MOST_ROWS - 100);
        check(100, (100, 1), MOST_ROWS - 100);
        check(150, (100, MOST_BYTES / 4), 250);
        check(150, (100, MOST_BYTES), 0);
        check(MOST_ROWS, (MOST_ROWS, 1), 0);
    }

    #[test]
    fn how_large_it_is_is_known_at_the_same_rows_whatever_the_threads() {
        let batches: Vec<_> = (0..100).map(|number| rows(number * 5000..(number + 1) * 5000)).collect();
        let schema = batches[0].schema();
        let known = |threads| {
            let (mut group, mut encoders) = (group(&schema), encoders(threads));
            let known: Vec<_> = batches
                .iter()
                .map(|batch| {
                    group.add(batch.clone(), &schema, &mut encoders).unwrap();
                    group.known
                })
                .collect();
            let chunks = group.close(&schema, &mut encoders).unwrap();
            assert!(chunks.iter().all(|chunk| chunk.close().rows_written == 500_000));
            known
        };
        let expected = known(1);
        // 10,000 rows are given at once, and there is a mark every 16 times: what is known is of the one before the last.
        assert_eq!((expected[62].0, expected[63].0, expected[95].0), (0, 160_000, 320_000));
        assert!(expected[63].1 > 0 && expected[63].1 < expected[95].1);
        for threads in [2, 5] {
            assert!(known(threads) == expected);
        }
    }

    #[test]
    fn an_encoder_can_be_dropped_at_any_time() {
        for count in [0, 1, 3, 16, 17, 32, 33] {
            let mut encoder =
                super::super::encoder(Format::Parquet, &rows(0..1).schema(), 3, Box::new(std::io::sink())).unwrap();
            (0..count).for_each(|_| encoder.write(&rows(0..9000)).unwrap());
        }
    }
}
