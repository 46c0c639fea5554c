//! What a source's files hold: how many lines, which are rows, what columns and types they have.
//!
//! Types come from the whole input and not from a sample, so nothing seen later can be cast or dropped. The result does
//! not depend on the number of threads or on how files are cut. A guess from a sample is only that: who reads by it
//! enters what it finds into an [`Account`], and [`survey_aside`] says what is so. It knows nothing of queries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::account::Part;
use super::declared::Declared;
use super::facts::Blocks;
use super::layout::Layout;
use super::listing::{Compression, InputFile};
use super::reject::{Reason, Reject};
use super::rows::Wanted;
use super::seen::Fields;
use super::unit::{Unit, Worker};
use super::watch::StopOnDrop;
use crate::error::{Error, Result};

pub use super::account::{Account, Known};
pub use super::seen::Earlier;
pub use super::watch::Watch;

/// What became of the lines. `lines = rows + blank + rejects`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// Lines of all kinds.
    pub lines: u64,
    /// Lines that are rows.
    pub rows: u64,
    /// Lines of spaces only.
    pub blank: u64,
    /// Rejected lines, by [`Reason`] in the order of [`Reason::ALL`].
    pub by_reason: [u64; Reason::ALL.len()],
    /// Rows in which a key stood more than once in one object; the last one won.
    pub duplicate_keys: u64,
    /// Bytes of the files, as stored.
    pub bytes: u64,
}

impl Counts {
    /// All rejected lines.
    pub fn rejects(&self) -> u64 {
        self.by_reason.iter().sum()
    }

    #[inline]
    pub(crate) fn count_rows(&mut self, rows: u64) {
        self.lines += rows;
        self.rows += rows;
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.rows += other.rows;
        self.blank += other.blank;
        self.duplicate_keys += other.duplicate_keys;
        self.bytes += other.bytes;
        for (mine, theirs) in self.by_reason.iter_mut().zip(other.by_reason) {
            *mine += theirs;
        }
    }
}

/// What a source's files hold.
#[derive(Debug, Clone)]
pub struct Survey {
    /// What became of the lines.
    pub counts: Counts,
    /// Column paths in which `""` is read as NULL, with how often.
    pub empties: Vec<(String, u64)>,
    /// The first rejects, in the order of files and offsets.
    pub first_rejects: Vec<Reject>,
    /// Lines found in each file.
    pub lines: Vec<u64>,
    /// Whether all lines were read; else it is a guess.
    pub is_whole: bool,
    /// Of how many files it was known without a look at them.
    pub remembered: usize,
    pub(crate) layout: Arc<Layout>,
    pub(crate) fields: Fields,
    /// Where in the files which times stand, as far as it is known.
    pub(crate) blocks: Arc<Blocks>,
    pub(super) columns: Vec<Origin>,
}

/// Where a column and its type come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// The column.
    pub name: String,
    /// Its type, by the name one would declare it with.
    pub type_name: String,
    /// Whether the type was declared.
    pub declared: bool,
    /// What kinds of values were seen, in words.
    pub seen: String,
    /// File and offset of the first line that has the key; `None` for a declared column that never came.
    pub first: Option<(String, u64)>,
}

impl Survey {
    /// What columns there are, for later surveys of other lines of the same source.
    pub fn learned(&self) -> Earlier {
        Earlier::of(&self.fields)
    }

    /// The columns, without hidden and folder columns.
    pub fn schema(&self) -> Schema {
        self.layout.schema()
    }

    /// The columns as one would declare them; `None` where no declaration has the type.
    pub fn declarations(&self) -> Vec<(String, Option<Declared>)> {
        self.layout.fields().iter().map(|(name, reading)| (name.clone(), reading.declared())).collect()
    }

    /// Where each column's type comes from, in the order of the schema.
    pub fn columns(&self) -> &[Origin] {
        &self.columns
    }

    /// Paths of which no value was seen, so that their types stand for nothing: `column.field`, and how many lists deep the values
    /// would stand there. Paths through lists are not among them.
    pub fn unseen(&self) -> Vec<(String, usize)> {
        let is_declared = |name: &str| self.columns.iter().any(|column| column.declared && column.name == name);
        self.fields.unseen(&self.layout, is_declared)
    }

    /// The first column that is another than in `before`, in words; `None` if all are the same, in the same order.
    pub fn difference(&self, before: &Self) -> Option<String> {
        if self.layout == before.layout {
            return None;
        }
        let types = |survey: &Self| -> Vec<_> {
            survey.columns.iter().map(|column| (column.name.clone(), column.type_name.clone())).collect()
        };
        let (now, before) = (types(self), types(before));
        let changed = now.iter().find(|(name, data_type)| !before.contains(&(name.clone(), data_type.clone())));
        Some(match changed {
            None => "the order of the columns is another".to_owned(),
            Some((name, data_type)) => match before.iter().find(|(known, _)| known == name) {
                Some((_, guessed)) => format!("column `{name}` is {data_type}, not {guessed}"),
                None => format!("there is a column `{name}`"),
            },
        })
    }
}

/// Surveys what is missing from `account`, aside, so that the caller's thread stays free: what its files hold, all of them.
/// Dropping the future ends that.
///
/// **Errors**: as [`survey`].
pub async fn survey_aside(account: Arc<Account>, threads: usize, watch: Arc<Watch>) -> Result<Survey> {
    aside(move |stop| survey(&account, threads, &watch, stop)).await
}

/// Reads samples of an account's files aside: a guess at what they hold, or all there is to know if that is little.
///
/// **Errors**: as [`survey`].
pub async fn guess_aside(account: Arc<Account>, threads: usize, watch: Arc<Watch>) -> Result<Survey> {
    let missing = account.missing(account.settings().range_bytes);
    let stored: u64 = missing.iter().map(|(index, range)| account.files()[*index as usize].stored(range)).sum();
    if account.settings().stop_at_reject || stored <= SMALL_BYTES {
        return survey_aside(account, threads, watch).await;
    }
    aside(move |_| guess(&account)).await
}

async fn aside(work: impl FnOnce(&AtomicBool) -> Result<Survey> + Send + 'static) -> Result<Survey> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    match tokio::task::spawn_blocking(move || work(&stop)).await {
        Ok(result) => result,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::Stopped),
    }
}

/// Input that is read in full before anything else: it takes a few milliseconds.
const SMALL_BYTES: u64 = 8 << 20;

/// How much of a file is looked at in one place for a guess.
const SAMPLE_BYTES: u64 = 64 << 10;

/// How many files are looked at for a guess.
const SAMPLED_FILES: usize = 8;

/// What samples show: start, middle and end of some files; of compressed ones only the start.
fn guess(account: &Account) -> Result<Survey> {
    let settings = account.settings();
    let files: Vec<(usize, &InputFile)> =
        account.files().iter().enumerate().filter(|(index, _)| !account.remembers(*index as u32)).collect();
    let step = files.len().div_ceil(SAMPLED_FILES).max(1);
    let mut worker = Some(Worker::new(settings, Wanted::default(), false));
    for (index, file) in files.into_iter().step_by(step) {
        let window = &file.window.bytes;
        let starts = match file.compression {
            Compression::None => vec![
                window.start,
                window.start.midpoint(window.end),
                window.end.saturating_sub(SAMPLE_BYTES).max(window.start),
            ],
            _ => vec![window.start],
        };
        for start in starts {
            let range = start..match file.compression {
                Compression::None => start.saturating_add(SAMPLE_BYTES).min(window.end),
                _ => window.end,
            };
            let index = index as u32;
            let ready = worker.take().unwrap_or_else(|| Worker::new(settings, Wanted::default(), false));
            let mut unit = Unit::open(ready, file, index, range.clone())?;
            // A plain range ends by itself; of a compressed file one block is enough.
            while unit.next()?.is_some() && file.compression == Compression::None {}
            let (used, found) = unit.finish()?;
            account.enter((index, range), found)?;
            worker = Some(used);
        }
    }
    Ok(account.survey(false))
}

/// Surveys what is missing from `account` on `threads` threads. Blocks the caller, until `stop` is set at the latest.
///
/// **Errors**: `Input` for a file that cannot be read, is broken in its compression, changed since it was listed, or
/// is no JSON lines at all; `Data` where there are more keys than `max_columns`.
pub fn survey(account: &Account, threads: usize, watch: &Watch, stop: &AtomicBool) -> Result<Survey> {
    let settings = account.settings();
    let missing = account.missing(settings.range_bytes);
    Readers { account, settings, watch, stop }.read(&missing, threads)?;
    Ok(account.survey(true))
}

/// Threads that fill an account.
struct Readers<'a> {
    account: &'a Account,
    settings: &'a Arc<Settings>,
    watch: &'a Watch,
    stop: &'a AtomicBool,
}

/// Which parts are still to be read.
struct Queue<'a> {
    parts: &'a [Part],
    next: AtomicUsize,
    /// Parts after this one are not needed any more.
    last: AtomicUsize,
}

impl Readers<'_> {
    fn read(&self, parts: &[Part], threads: usize) -> Result<()> {
        let total = parts.iter().map(|part| self.stored(part)).sum();
        self.watch.bytes_total.fetch_add(total, Ordering::Relaxed);
        let queue = Queue { parts, next: AtomicUsize::new(0), last: AtomicUsize::new(usize::MAX) };
        let outcomes: Vec<Result<()>> = std::thread::scope(|scope| {
            let threads = threads.clamp(1, parts.len().max(1));
            let workers: Vec<_> = (0..threads).map(|_| scope.spawn(|| self.work(&queue))).collect();
            workers
                .into_iter()
                .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        // A thread that was stopped by another's failure must not hide it.
        let failures = outcomes.into_iter().filter_map(Result::err);
        failures.min_by_key(|failure| matches!(failure, Error::Stopped)).map_or(Ok(()), Err)
    }

    fn work(&self, queue: &Queue<'_>) -> Result<()> {
        let mut worker = Worker::new(self.settings, Wanted::default(), false);
        loop {
            let number = queue.next.fetch_add(1, Ordering::Relaxed);
            if number >= queue.parts.len() || number > queue.last.load(Ordering::Relaxed) {
                return Ok(());
            }
            match self.part(queue, number, worker) {
                Ok(used) => worker = used,
                Err(error) => {
                    // Others have no reason to go on.
                    queue.last.store(0, Ordering::Relaxed);
                    return Err(error);
                }
            }
        }
    }

    fn part(&self, queue: &Queue<'_>, number: usize, worker: Worker) -> Result<Worker> {
        let part = &queue.parts[number];
        let (index, range) = part.clone();
        let mut unit = Unit::open(worker, &self.account.files()[index as usize], index, range)?;
        while unit.next()?.is_some() {
            if self.stop.load(Ordering::Relaxed) {
                return Err(Error::Stopped);
            }
        }
        let (worker, found) = unit.finish()?;
        if self.settings.stop_at_reject && found.counts.rejects() > 0 {
            queue.last.fetch_min(number, Ordering::Relaxed);
        }
        self.watch.bytes.fetch_add(self.stored(part), Ordering::Relaxed);
        self.watch.lines.fetch_add(found.counts.lines, Ordering::Relaxed);
        self.account.enter(part.clone(), found)?;
        Ok(worker)
    }

    /// Bytes of a part as they are stored.
    fn stored(&self, (index, range): &Part) -> u64 {
        self.account.files()[*index as usize].stored(range)
    }
}

pub(crate) fn check_count(fields: &Fields, settings: &Settings, file: &InputFile, offset: u64) -> Result<()> {
    let (most, shown) = (settings.max_columns, &file.shown);
    if fields.count() <= most {
        return Ok(());
    }
    let what = format!("the lines have more than {most} different keys by byte {offset} of `{shown}`");
    Err(Error::data(what).with_hint(
        "keys that are data, such as ids, make poor columns: declare the column that holds them as `json`, \
         or raise `max_columns`",
    ))
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a file to read is made with one call")]
mod tests {
    use tempfile::TempDir;

    use super::super::listing::list;
    use super::*;

    const LINES: &str = "{\"a\":1}\n\n[1]\n{\"b\":\"\",\"a\":\"\"}\n{\"a\":2,\"a\":3}\n{x}\n{\"b\":2.5}\n";

    fn folder(files: &[(&str, &str)]) -> (TempDir, Vec<InputFile>) {
        let folder = tempfile::tempdir().unwrap();
        files.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        let files = list(folder.path(), &["*.out".to_owned()]).unwrap();
        (folder, files)
    }

    fn of(files: &[InputFile], settings: Settings, threads: usize) -> Result<Survey> {
        let account = Account::new(files.into(), Arc::new(settings));
        survey(&account, threads, &Watch::default(), &AtomicBool::new(false))
    }

    #[test]
    fn neither_ranges_nor_threads_change_what_is_found() {
        let (_folder, files) = folder(&[("a.out", LINES), ("b.out", ""), ("c.out", &LINES.repeat(3))]);
        let whole = of(&files, Settings::default(), 1).unwrap();
        let counts = &whole.counts;
        assert_eq!((counts.lines, counts.rows, counts.blank, counts.rejects()), (28, 16, 4, 8));
        assert_eq!((counts.duplicate_keys, counts.bytes), (4, 4 * LINES.len() as u64));
        assert_eq!(whole.empties, [("a".to_owned(), 4), ("b".to_owned(), 4)]);
        let places: Vec<_> = whole.first_rejects.iter().map(|r| (r.file.as_str(), r.line, r.offset)).collect();
        let (c, length) = ("c.out", LINES.len() as u64);
        assert_eq!(places, [("a.out", 3, 9), ("a.out", 6, 43), (c, 3, 9), (c, 6, 43), (c, 10, 9 + length)]);
        for (range_bytes, threads) in [(1, 1), (1, 4), (7, 3), (50, 2), (u64::MAX, 4)] {
            let part = of(&files, Settings { range_bytes, ..Settings::default() }, threads).unwrap();
            let found = (part.counts, part.empties, part.first_rejects, part.columns, part.layout);
            let Survey { counts, empties, first_rejects, columns, layout, .. } = whole.clone();
            assert_eq!(found, (counts, empties, first_rejects, columns, layout), "{range_bytes} {threads}");
        }
    }

    #[test]
    fn a_source_may_stop_at_its_first_reject() {
        let (_folder, files) = folder(&[("a.out", &LINES.repeat(20))]);
        for range_bytes in [1, 30, 1 << 20] {
            let settings = Settings { stop_at_reject: true, range_bytes, ..Settings::default() };
            assert_eq!(of(&files, settings, 4).unwrap().first_rejects[0].line, 3);
        }
    }

    #[test]
    fn more_keys_than_may_be_columns_end_it() {
        let (_folder, files) = folder(&[("a.out", "{\"a\":{\"b\":1}}\n"), ("b.out", "{\"c\":[{\"d\":1}]}\n")]);
        let with = |max_columns, threads| of(&files, Settings { max_columns, ..Settings::default() }, threads);
        assert!(with(4, 1).is_ok() && with(4, 2).is_ok());
        assert_eq!(with(3, 1).unwrap_err().chain(), "the lines have more than 3 different keys by byte 0 of `b.out`");
        assert!(with(3, 2).unwrap_err().chain().starts_with("the lines have more than 3 different keys"));
    }

    #[test]
    fn it_ends_when_nobody_wants_it() {
        let (_folder, files) = folder(&[("a.out", LINES)]);
        let stopped = survey(&Account::new(files.into(), Arc::default()), 1, &Watch::default(), &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
