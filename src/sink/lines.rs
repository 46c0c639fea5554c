//! Lines of text on their way out: made of batches on several threads, and handed on in the order of their rows.
//!
//! It does not look into them. A batch is cut into pieces of some text each, so that few of them are in memory at a
//! time however large it is, and so that the threads have like amounts to do. How many rows that are is told by those before; where
//! rows are longer than those, a piece ends early, and what is left of it is made when its turn comes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::Encoder;
use super::columns;
use super::crew::Crew;
use super::fault::cannot_write;
use crate::error::Result;

/// What is collected before it is handed on. Of 32 KiB to 1 MiB, a million events went to a file fastest in pieces of
/// this size and above, and those were alike.
const BUFFER_BYTES: usize = 256 * 1024;

/// The text that a piece is to have.
const PIECE_BYTES: usize = 512 * 1024;

/// Rows of the first piece, which tells how much text a row has.
const FIRST_ROWS: usize = 256;

/// Text that is not worth to be handed to another thread: most answers have no more.
const LITTLE_BYTES: usize = 32 * 1024;

/// A piece ends behind the row with which it has so much.
const MOST_PIECE_BYTES: usize = 4 * PIECE_BYTES;

/// Of a piece with a long row at its end more memory is not kept for the next.
const MOST_SPARE_BYTES: usize = 2 * MOST_PIECE_BYTES;

/// Pieces per thread that are begun and not yet handed on: one at work, and one so that its thread does not wait.
const PIECES_PER_THREAD: usize = 2;

/// Makes the lines of a batch, from the first row on: all, or as many as are enough. Gives how many. If it fails, those of the rows before
/// are there and nothing of the row that failed.
type Fill = dyn Fn(&RecordBatch, &mut Vec<u8>) -> Result<usize> + Send + Sync;

/// Appends a line for each of `rows` rows, each as `fill` does it, without its end; or for as many as are enough for a piece, and at least
/// one. Gives how many.
pub(super) fn each_row(
    rows: usize,
    text: &mut Vec<u8>,
    mut fill: impl FnMut(usize, &mut Vec<u8>) -> Result<()>,
) -> Result<usize> {
    for row in 0..rows {
        let start = text.len();
        if row > 0 && start >= MOST_PIECE_BYTES {
            return Ok(row);
        }
        if let Err(error) = fill(row, text) {
            text.truncate(start);
            return Err(error);
        }
        text.push(b'\n');
    }
    Ok(rows)
}

/// Writes lines of text.
pub(super) struct LineEncoder {
    schema: SchemaRef,
    out: Box<dyn Write + Send>,
    buffer: Vec<u8>,
    crew: Crew<Job, Piece>,
    /// The most pieces that are begun and not yet handed on.
    most: u64,
    begun: u64,
    handed_on: u64,
    /// Pieces that were done before those in front of them.
    early: BTreeMap<u64, Piece>,
    /// Of the pieces that were handed on, to tell how many rows make one.
    rows: usize,
    bytes: usize,
    /// Memory of pieces that were handed on.
    spare: Vec<Vec<u8>>,
}

struct Job {
    number: u64,
    batch: RecordBatch,
    text: Vec<u8>,
}

struct Piece {
    number: u64,
    rows: usize,
    text: Vec<u8>,
    /// The rows that were too many.
    rest: Option<RecordBatch>,
    /// Whether its rows are in the text, or those before one that has none.
    end: Result<()>,
}

impl LineEncoder {
    /// Writes `header`, and then what `fill` makes of batches of `schema`, on `threads` threads.
    pub(super) fn new(
        schema: &SchemaRef,
        threads: usize,
        out: Box<dyn Write + Send>,
        header: Vec<u8>,
        fill: Box<Fill>,
    ) -> Self {
        let crew = Crew::new(threads, move |Job { number, batch, mut text }: Job| {
            let filled = fill(&batch, &mut text);
            let rows = *filled.as_ref().unwrap_or(&batch.num_rows());
            let rest = (rows < batch.num_rows()).then(|| batch.slice(rows, batch.num_rows() - rows));
            Piece { number, rows, text, rest, end: filled.map(drop) }
        });
        Self {
            schema: schema.clone(),
            out,
            buffer: header,
            crew,
            most: if threads > 1 { (threads * PIECES_PER_THREAD) as u64 } else { 1 },
            begun: 0,
            handed_on: 0,
            early: BTreeMap::new(),
            rows: 0,
            bytes: 0,
            spare: Vec::new(),
        }
    }

    /// The text of `rows` rows, if they are like those before.
    fn expected_bytes(&self, rows: usize) -> Option<usize> {
        let bytes = rows as u128 * self.bytes as u128;
        bytes.checked_div(self.rows as u128).map(|bytes| bytes as usize)
    }

    /// How many of `rows` rows make a piece, so that all pieces of them are alike.
    fn rows_per_piece(&self, rows: usize) -> usize {
        let Some(bytes) = self.expected_bytes(rows) else { return rows.min(FIRST_ROWS) };
        rows.div_ceil(bytes.div_ceil(PIECE_BYTES).max(1))
    }

    fn begin(&mut self, batch: RecordBatch) -> Result<()> {
        while self.begun - self.handed_on >= self.most {
            let piece = self.crew.next().expect("pieces that are not handed on are under way");
            self.hand_on(piece)?;
        }
        let text = self.spare.pop().unwrap_or_default();
        let is_little = self.expected_bytes(batch.num_rows()).is_none_or(|bytes| bytes < LITTLE_BYTES);
        let job = Job { number: self.begun, batch, text };
        self.begun += 1;
        if is_little && self.handed_on == job.number {
            let piece = self.crew.make(job);
            return self.hand_on(piece);
        }
        self.crew.start(job);
        Ok(())
    }

    /// Hands on `piece` and those after it that are done, if those before it are handed on.
    fn hand_on(&mut self, piece: Piece) -> Result<()> {
        self.early.insert(piece.number, piece);
        while let Some(piece) = self.early.remove(&self.handed_on) {
            self.handed_on += 1;
            let mut text = self.put_whole(piece).inspect_err(|_| self.forget())?;
            text.clear();
            if text.capacity() <= MOST_SPARE_BYTES {
                self.spare.push(text);
            }
        }
        Ok(())
    }

    /// Puts a piece whose turn it is, and what is left of its rows. Gives back its memory.
    fn put_whole(&mut self, mut piece: Piece) -> Result<Vec<u8>> {
        loop {
            let Piece { number, rows, mut text, rest, end } = piece;
            self.rows += rows;
            self.bytes += text.len();
            self.put(&text).map_err(cannot_write).and(end)?;
            let Some(batch) = rest else { return Ok(text) };
            text.clear();
            piece = self.crew.make(Job { number, batch, text });
        }
    }

    fn put(&mut self, text: &[u8]) -> io::Result<()> {
        if self.buffer.len() + text.len() > BUFFER_BYTES {
            self.drain()?;
        }
        if text.len() > BUFFER_BYTES {
            return self.out.write_all(text);
        }
        self.buffer.extend_from_slice(text);
        Ok(())
    }

    fn drain(&mut self) -> io::Result<()> {
        let written = self.out.write_all(&self.buffer);
        self.buffer.clear();
        written
    }

    /// Drops the pieces that are not handed on: they come after one that failed.
    fn forget(&mut self) {
        while self.crew.next().is_some() {}
        self.early.clear();
        self.handed_on = self.begun;
    }
}

impl Encoder for LineEncoder {
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        columns::conforms(&self.schema, batch)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = self.rows_per_piece(batch.num_rows() - start);
            self.begin(batch.slice(start, rows))?;
            start += rows;
        }
        while let Some(piece) = self.crew.next_done() {
            self.hand_on(piece)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        while let Some(piece) = self.crew.next() {
            self.hand_on(piece)?;
        }
        self.drain().and_then(|()| self.out.flush()).map_err(cannot_write)
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use arrow::array::{Array, Float64Array, Int64Array, StringViewArray};
    use proptest::prelude::*;

    use super::super::testing::{Memory, batch};
    use super::super::{Format, encoder, json};
    use super::*;

    /// A number in each row, counted on from batch to batch, and a text that makes rows differ in length.
    fn batches(lengths: &[usize], odd: &[(usize, f64)]) -> Vec<RecordBatch> {
        let mut next = 0;
        let one = |length: &usize| {
            let rows = next..next + length;
            next = rows.end;
            let numbers: Int64Array = rows.clone().map(|row| (row % 7 != 0).then_some(row as i64)).collect();
            let texts: StringViewArray =
                rows.clone().map(|row| (row % 5 != 0).then(|| "a \"text\" ".repeat(row * 31 % 29))).collect();
            let value = |row| odd.iter().find(|(at, _)| *at == row).map_or(row as f64 / 8.0, |(_, value)| *value);
            let floats: Float64Array = rows.map(|row| Some(value(row))).collect();
            let columns: [Arc<dyn Array>; 3] = [Arc::new(numbers), Arc::new(texts), Arc::new(floats)];
            let [number, text, float] = columns;
            batch([("number", number), ("text", text), ("float", float)])
        };
        lengths.iter().map(one).collect()
    }

    /// The error, if there is one, and all that is handed on.
    fn encode(format: Format, batches: &[RecordBatch], threads: usize) -> (Option<String>, String) {
        let out = Memory::default();
        let mut encoder = encoder(format, &batches[0].schema(), threads, Box::new(out.clone())).unwrap();
        let written = batches.iter().try_for_each(|batch| encoder.write(batch)).and_then(|()| encoder.flush());
        encoder.flush().unwrap();
        encoder.finish().unwrap();
        (written.err().map(|error| error.to_string()), String::from_utf8(out.bytes()).unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn text_does_not_depend_on_the_number_of_threads(
            lengths in prop::collection::vec(prop_oneof![0..3_usize, 0..3000_usize], 1..10),
            odd in prop::option::of((0..10_000_usize, 0..3000_usize)),
        ) {
            let odd = odd.map_or_else(Vec::new, |(at, later)| vec![(at, f64::NAN), (at + later + 1, f64::INFINITY)]);
            let batches = batches(&lengths, &odd);
            for format in [Format::Json, Format::Csv] {
                let expected = encode(format, &batches, 1);
                for threads in [2, 5] {
                    prop_assert_eq!(&encode(format, &batches, threads), &expected);
                }
            }
        }
    }

    #[test]
    fn rows_that_are_longer_than_those_before_do_not_make_a_larger_piece() {
        const LONG: usize = 100_000;
        let one = |text: &str, rows: usize| {
            let texts: StringViewArray = std::iter::repeat_n(Some(text), rows).collect();
            batch([("v", Arc::new(texts) as Arc<dyn Array>)])
        };
        let batches = [one("short", 20_000), one(&"x".repeat(LONG), 100), one("", 3), one(&"y".repeat(LONG), 70)];
        let whole = encode(Format::Json, &batches, 1);
        assert_eq!((whole.0, whole.1.lines().count()), (None, 20_173));
        for threads in [1, 3] {
            let (out, longest) = (Memory::default(), Arc::new(AtomicUsize::new(0)));
            let (schema, most) = (batches[0].schema(), Arc::clone(&longest));
            let fill = move |batch: &RecordBatch, text: &mut Vec<u8>| {
                let rows = json::write_rows(batch.schema().fields(), batch, text)?;
                most.fetch_max(text.len(), Ordering::Relaxed);
                Ok(rows)
            };
            let mut encoder = LineEncoder::new(&schema, threads, Box::new(out.clone()), Vec::new(), Box::new(fill));
            batches.iter().for_each(|batch| encoder.write(batch).unwrap());
            Box::new(encoder).finish().unwrap();
            assert!(out.bytes() == whole.1.as_bytes(), "with {threads} threads it is another text");
            let longest = longest.load(Ordering::Relaxed);
            assert!((MOST_PIECE_BYTES..MOST_PIECE_BYTES + LONG + 10).contains(&longest), "{longest}");
        }
    }

    #[test]
    fn of_several_errors_the_first_in_row_order_is_told() {
        let lengths = [2000; 8];
        let odd: Vec<_> =
            (9000..16_000).step_by(500).map(|row| (row, if row == 9000 { f64::NAN } else { 1.0 / 0.0 })).collect();
        for threads in [1, 4] {
            let (error, text) = encode(Format::Json, &batches(&lengths, &odd), threads);
            assert_eq!(error.unwrap(), "column `float` holds NaN, which JSON cannot hold");
            assert_eq!(text.lines().count(), 9000);
            assert!(text.ends_with("\"float\":1124.875}\n"));
        }
    }

    #[test]
    fn an_error_is_told_by_finish_at_the_latest() {
        let batches = batches(&[4000, 4000], &[(7999, f64::NAN)]);
        let mut encoder = encoder(Format::Json, &batches[0].schema(), 4, Box::new(io::sink())).unwrap();
        let written = batches.iter().try_for_each(|batch| encoder.write(batch)).and_then(|()| encoder.finish());
        assert_eq!(written.unwrap_err().kind(), "data");
    }

    #[test]
    fn an_encoder_can_be_dropped_at_any_time() {
        let batches = batches(&[5000; 8], &[]);
        for count in 0..batches.len() {
            let out = Memory::default();
            let mut encoder = encoder(Format::Json, &batches[0].schema(), 3, Box::new(out.clone())).unwrap();
            batches[..count].iter().for_each(|batch| encoder.write(batch).unwrap());
            drop(encoder);
            // What was handed on is rows from the first on.
            let text = String::from_utf8(out.bytes()).unwrap();
            let whole = encode(Format::Json, &batches, 1).1;
            assert!(whole.starts_with(&text) && (text.is_empty() || text.ends_with('\n')));
        }
    }

    #[test]
    fn few_pieces_are_in_memory_however_large_a_batch_is() {
        let batches = batches(&[1000, 60_000], &[]);
        let out = Memory::default();
        let mut encoder = encoder(Format::Json, &batches[0].schema(), 2, Box::new(out.clone())).unwrap();
        encoder.write(&batches[0]).unwrap();
        encoder.write(&batches[1]).unwrap();
        let whole = encode(Format::Json, &batches, 1).1.len();
        let most = BUFFER_BYTES + 2 * PIECES_PER_THREAD * PIECE_BYTES * 3 / 2;
        assert!(whole > 2 * most, "{whole}");
        assert!(out.bytes().len() + most >= whole, "{} of {whole}", out.bytes().len());
    }
}
