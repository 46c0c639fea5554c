//! What a range is read as, by a worker that predicts lines and by one that does not.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::datatypes::TimeUnit;

use super::super::Settings;
use super::super::bounds::Extent;
use super::super::declared::Declared;
use super::super::listing::{Identity, InputFile};
use super::super::rows::Wanted;
use super::{Unit, Worker};

/// What stands for a file whose bytes are in memory.
pub(crate) fn file(size: usize) -> InputFile {
    let identity = Identity { device: 0, inode: 0, size: size as u64, modified: (0, 0), changed: (0, 0), born: None };
    InputFile::whole(PathBuf::from("a"), "a".into(), identity)
}

/// Keys that are compared in two parts; the second one is declared.
pub(crate) const LONG: &str = "attributes.http.request.headers.user-agent";
pub(crate) const LONG_DOUBLE: &str = "attributes.http.response.body.size";

/// Keys that the rows of tests are asked for; `o` is an object in some lines.
const WANTED: [&[&str]; 10] =
    [&["a"], &["b"], &["o"], &["o", "x"], &["o", "p", "y"], &[LONG], &["o", LONG], &[LONG_DOUBLE], &["l"], &["j"]];

fn settings() -> Arc<Settings> {
    let timestamp = |epoch| Declared::Timestamp { unit: TimeUnit::Millisecond, epoch };
    let (text, either) = (timestamp(None), timestamp(Some(TimeUnit::Millisecond)));
    let list = |item| Declared::List(Box::new(item));
    let fields = [("t", Declared::Date), ("z", list(Declared::Bigint))].map(|(name, field)| (name.to_owned(), field));
    let declared = [
        ("b", Declared::Double),
        ("d", Declared::Date),
        ("t", text),
        ("e", either),
        (LONG_DOUBLE, Declared::Double),
        ("j", Declared::Json),
        ("l", list(Declared::Struct(fields.to_vec()))),
    ];
    let declared = declared.map(|(name, declared)| (name.to_owned(), declared)).to_vec();
    Arc::new(Settings { declared, max_line_bytes: 200, max_depth: 7, ..Settings::default() })
}

pub(crate) fn worker() -> Worker {
    let mut wanted = Wanted::default();
    for path in WANTED {
        wanted.add(path);
    }
    Worker::new(&settings(), wanted, true)
}

/// What is read of a text: of each row its offset and wanted values, then the rejects, counts and columns.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) rows: Vec<(u64, Vec<Option<String>>)>,
    rejects: Vec<(u64, String)>,
    counts: String,
    columns: String,
    /// Of each block the bounds of its times.
    times: Vec<Vec<Extent>>,
}

/// Turns from one value that are learned where few are: fewer than the lines of tests would have.
const FEW_TURNS: usize = 2;

/// Holds what is predicted to what the careful reader reads: by a new worker, with all that was learned before, by a worker that
/// learns few turns, and where all lines are walked.
pub(crate) fn check(text: &[u8]) {
    // The first line is a row: else the file might be taken for a document.
    let text = [b"{\"z\":0}\n", text].concat();
    let mut expected = read_carefully(&text);
    let times = std::mem::take(&mut expected.times);
    let (told, used, _) = read(&text, worker());
    let (again, ..) = read(&text, used);
    let mut other = worker();
    other.careful.shapes.learn_few_turns(FEW_TURNS);
    let (lost, mut other, _) = read(&text, other);
    other.careful.shapes.walk_always();
    let (walked, ..) = read(&text, other);
    let all = [(told, "the first time"), (again, "the second time"), (lost, "with few turns"), (walked, "walked")];
    for (mut told, time) in all {
        let wider = std::mem::take(&mut told.times);
        assert_eq!(told, expected, "{time}: {}", text.escape_ascii());
        // They may be wider, never narrower.
        let holds = |(wide, narrow): (&Extent, &Extent)| {
            narrow.is_none_or(|narrow| wide.is_some_and(|wide| wide.0 <= narrow.0 && wide.1 >= narrow.1))
        };
        let mut pairs = wider.iter().flatten().zip(times.iter().flatten());
        assert!(pairs.all(holds), "{wider:?} holds {times:?}, {time}: {}", text.escape_ascii());
    }
}

/// Reads a text by a worker, and gives the worker back with how many lines went as predicted.
pub(crate) fn read(text: &[u8], worker: Worker) -> (Told, Worker, u64) {
    let mut told = Told::default();
    let mut unit = Unit::new(worker, text, &file(text.len()), 0, 0..text.len() as u64);
    while let Some(block) = unit.next().expect("its first line is a row, so it is no document") {
        for (row, start) in block.rows.starts().iter().enumerate() {
            let value = |place: usize| {
                let span = block.rows.column(place)[row];
                (span.end > 0).then(|| block.text[span.start as usize..span.end as usize].to_owned())
            };
            told.rows.push((block.offset + u64::from(*start), (0..WANTED.len()).map(value).collect()));
        }
        told.rejects.extend(unit.take_rejects().into_iter().map(|kept| (kept.offset, kept.fault.detail.into())));
    }
    let found = unit.worker.careful.finish_range();
    told.counts = format!("{:?}", found.counts);
    let layout = found.fields.resolve(&settings().declared, true);
    let columns: Vec<_> = layout.fields().iter().map(|(name, reading)| (name, reading.name())).collect();
    let unseen = found.fields.unseen(&layout, |_| false);
    told.columns = format!("{columns:?} {:?} {unseen:?}", found.fields.empties(&layout));
    told.times = found.blocks.iter().map(|block| block.times.clone()).collect();
    (told, unit.worker, found.predicted)
}

/// The same by workers that have seen nothing before: each line is the careful reader's.
pub(crate) fn read_carefully(text: &[u8]) -> Told {
    let mut unit = Unit::new(worker(), text, &file(text.len()), 0, 0..text.len() as u64);
    unit.worker.careful.shapes.learn_nothing();
    let worker = unit.worker;
    let (told, _, predicted) = read(text, worker);
    assert_eq!(predicted, 0);
    told
}
