//! Results of the two shapes that people have most: some columns of each event, and all of them.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringViewArray, StringViewBuilder,
    TimestampMillisecondArray,
};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tidemill::sink::{self, Format};

const BATCH_ROWS: usize = 8192;
const BATCHES: usize = 64;

/// Texts lie in blocks of this size, as the reader makes them.
const BLOCK_BYTES: u32 = 1 << 20;

static SOME: LazyLock<Vec<RecordBatch>> = LazyLock::new(|| batches(some));
static ALL: LazyLock<Vec<RecordBatch>> = LazyLock::new(|| {
    batches(|random| {
        let mut columns = some(random);
        columns.extend(others(random));
        columns
    })
});

type Columns = Vec<(&'static str, ArrayRef)>;

fn batches(columns: impl Fn(&mut StdRng) -> Columns) -> Vec<RecordBatch> {
    let mut random = StdRng::seed_from_u64(1);
    let batch =
        |_| RecordBatch::try_from_iter_with_nullable(columns(&mut random).into_iter().map(|(n, c)| (n, c, true)));
    (0..BATCHES).map(batch).collect::<Result<_, _>>().expect("columns are alike in length")
}

fn some(random: &mut StdRng) -> Columns {
    let mut place = |most: f64| (random.random_range(-most..most) * 1e4).round() / 1e4;
    let lat = Float64Array::from_iter_values((0..BATCH_ROWS).map(|_| place(90.0)));
    let lng = Float64Array::from_iter_values((0..BATCH_ROWS).map(|_| place(180.0)));
    let brackets = ["18-25", "26-40", "41-55", "56-70"];
    vec![
        (
            "ip",
            texts(random, |random, text| {
                let octets: [u8; 4] = random.random();
                write!(text, "{}.{}.{}.{}", octets[0], octets[1], octets[2], octets[3])
            }),
        ),
        ("id", texts(random, |random, text| write!(text, "{}", random.random::<i64>()))),
        ("lat", Arc::new(lat)),
        ("lng", Arc::new(lng)),
        ("age_bracket", texts(random, move |random, text| text.write_str(brackets[random.random_range(0..4)]))),
    ]
}

fn others(random: &mut StdRng) -> Columns {
    const AT: i64 = 1_709_251_200_000;
    let times: Vec<i64> = (0..BATCH_ROWS).map(|_| AT + random.random_range(0..86_400_000)).collect();
    let sizes: Vec<i64> = (0..BATCH_ROWS).map(|_| random.random_range(100..600)).collect();
    let statuses: Vec<i64> = (0..BATCH_ROWS).map(|_| [200, 301, 404, 500][random.random_range(0..4)]).collect();
    let mut next = times.iter();
    let written = texts(random, |_, text| {
        let milliseconds = next.next().expect("as many as rows") % 86_400_000;
        let (seconds, rest) = (milliseconds / 1000, milliseconds % 1000);
        write!(text, "2024-03-01T{:02}:{:02}:{:02}.{rest:03}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    });
    vec![
        (
            "user_agent",
            texts(random, |random, text| {
                let version = random.random_range(0..50);
                write!(text, "Mozilla/5.0 (Windows NT 6.{version}; Win64; x64) AppleWebKit/533.20.25 ")?;
                write!(text, "(KHTML, like Gecko) Version/5.0.{version} Safari/533.20.27")
            }),
        ),
        ("opted_in", Arc::new(BooleanArray::from_iter((0..BATCH_ROWS).map(|row| Some(row % 3 == 0))))),
        (
            "request",
            texts(random, |random, text| write!(text, "GET page-{}.html HTTP/1.0", random.random_range(0..15))),
        ),
        ("status", Arc::new(Int64Array::from(statuses))),
        ("size", Arc::new(Int64Array::from(sizes))),
        ("written", written),
        ("at", Arc::new(TimestampMillisecondArray::from(times.clone()))),
        ("epoch", Arc::new(Int64Array::from(times))),
    ]
}

fn texts(random: &mut StdRng, mut write: impl FnMut(&mut StdRng, &mut String) -> std::fmt::Result) -> ArrayRef {
    let mut texts = StringViewBuilder::new().with_fixed_block_size(BLOCK_BYTES);
    let mut text = String::new();
    for _ in 0..BATCH_ROWS {
        text.clear();
        write(random, &mut text).expect("memory takes every text");
        texts.append_value(&text);
    }
    let texts: StringViewArray = texts.finish();
    Arc::new(texts)
}

/// Counts what it is given.
struct Count(Arc<std::sync::atomic::AtomicUsize>);

impl io::Write for Count {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.0.fetch_add(buffer.len(), std::sync::atomic::Ordering::Relaxed);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn encode(batches: &[RecordBatch], format: Format, threads: usize) -> usize {
    let count = Arc::default();
    let out = Box::new(Count(Arc::clone(&count)));
    let mut encoder = sink::encoder(format, &batches[0].schema(), threads, out).expect("all formats have these types");
    batches.iter().try_for_each(|batch| encoder.write(batch)).expect("a counter does not fail");
    encoder.finish().expect("a counter does not fail");
    count.load(std::sync::atomic::Ordering::Relaxed)
}

/// Formats, and threads for them.
const CASES: [(Format, usize); 7] = [
    (Format::Json, 1),
    (Format::Json, 2),
    (Format::Csv, 1),
    (Format::Csv, 2),
    (Format::Parquet, 1),
    (Format::Parquet, 2),
    (Format::Arrow, 1),
];

fn bench(bencher: Bencher, batches: &[RecordBatch], (format, threads): (Format, usize)) {
    let bytes = BytesCount::new(encode(batches, format, threads));
    let rows = ItemsCount::new(BATCHES * BATCH_ROWS);
    bencher.counter(bytes).counter(rows).bench_local(|| encode(batches, format, threads));
}

#[divan::bench(args = CASES, sample_count = 10)]
fn some_columns(bencher: Bencher, case: (Format, usize)) {
    bench(bencher, &SOME, case);
}

#[divan::bench(args = CASES, sample_count = 10)]
fn all_columns(bencher: Bencher, case: (Format, usize)) {
    bench(bencher, &ALL, case);
}
