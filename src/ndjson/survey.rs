//! One pass over all lines of a source: how many there are, which are rows, what columns and types they have.
//!
//! Types come from the whole input and not from a sample, so nothing seen later can be cast or dropped. The result does
//! not depend on the number of threads or on how files are cut. It knows nothing of queries.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::datatypes::Schema;

use super::declared::Declared;
use super::framing::{Line, Lines};
use super::judge::{Judge, Verdict};
use super::layout::Layout;
use super::listing::{Compression, InputFile};
use super::reject::{Fault, Reason, Reject};
use super::seen::{Fields, Observed};
use super::tape::ROOT;
use super::watch::{StopOnDrop, Stoppable};
use super::{Settings, document, input};
use crate::error::{Error, Excerpt, Result};

pub use super::watch::Watch;

/// How many rejects are kept to be shown; all of them are in the table of rejects.
const SHOWN_REJECTS: usize = 5;

/// What became of the lines. `lines = rows + blank + rejects`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
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

    fn add(&mut self, other: &Self) {
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
    pub(crate) layout: Arc<Layout>,
    columns: Vec<Origin>,
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
}

/// Surveys aside, so that the caller's thread stays free. Dropping the future ends the survey.
///
/// **Errors**: as [`survey`].
pub async fn survey_aside(
    files: Vec<InputFile>,
    settings: Arc<Settings>,
    threads: usize,
    watch: Arc<Watch>,
) -> Result<Survey> {
    let stop = Arc::new(AtomicBool::new(false));
    let _stop = StopOnDrop(Arc::clone(&stop));
    match tokio::task::spawn_blocking(move || survey(&files, &settings, threads, &watch, &stop)).await {
        Ok(result) => result,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::Stopped),
    }
}

/// Surveys `files` on `threads` threads. Blocks the caller, until `stop` is set at the latest.
///
/// **Errors**: `Input` for a file that cannot be read, is broken in its compression, changed since it was listed, or
/// is no JSON lines at all; `Data` where there are more keys than `max_columns`.
pub fn survey(
    files: &[InputFile],
    settings: &Arc<Settings>,
    threads: usize,
    watch: &Watch,
    stop: &AtomicBool,
) -> Result<Survey> {
    let units = units(files, settings.range_bytes);
    watch.bytes_total.fetch_add(files.iter().map(InputFile::size).sum(), Ordering::Relaxed);
    let shared = Shared {
        files,
        settings,
        watch,
        stop,
        units: &units,
        next: AtomicUsize::new(0),
        last: AtomicUsize::new(usize::MAX),
    };
    let parts: Vec<Result<Part>> = std::thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads.clamp(1, units.len().max(1))).map(|_| scope.spawn(|| shared.work())).collect();
        workers
            .into_iter()
            .map(|worker| worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut whole = Part::default();
    let mut failures = Vec::new();
    for part in parts {
        match part {
            Ok(part) => whole.merge(part),
            Err(failure) => failures.push(failure),
        }
    }
    // A thread that was stopped by another's failure must not hide it.
    failures.sort_by_key(|failure| matches!(failure, Error::Stopped));
    if let Some(failure) = failures.into_iter().next() {
        return Err(failure);
    }
    check_count(&whole.fields, settings, "")?;
    Ok(whole.finish(files, settings, &units))
}

/// A file by index, and a range of its bytes.
type Unit = (usize, Range<u64>);

fn units(files: &[InputFile], range_bytes: u64) -> Vec<Unit> {
    let of_file = move |(index, file): (usize, &InputFile)| {
        let whole = file.compression != Compression::None;
        let step = if whole { u64::MAX } else { range_bytes.max(1) };
        // What a compressed file holds has no known end.
        let size = if whole { u64::MAX } else { file.size() };
        (0..size)
            .step_by(usize::try_from(step).unwrap_or(usize::MAX))
            .map(move |start| (index, start..start.saturating_add(step).min(size)))
    };
    files.iter().enumerate().flat_map(of_file).collect()
}

struct Shared<'a> {
    files: &'a [InputFile],
    settings: &'a Arc<Settings>,
    watch: &'a Watch,
    stop: &'a AtomicBool,
    units: &'a [Unit],
    next: AtomicUsize,
    /// Units after this one are not needed any more.
    last: AtomicUsize,
}

impl Shared<'_> {
    fn work(&self) -> Result<Part> {
        let mut part = Part::default();
        let mut judge = Judge::new(Arc::clone(self.settings));
        loop {
            let unit = self.next.fetch_add(1, Ordering::Relaxed);
            if unit >= self.units.len() || unit > self.last.load(Ordering::Relaxed) {
                return Ok(part);
            }
            if let Err(error) = self.survey_unit(unit, &mut judge, &mut part) {
                // Others have no reason to go on.
                self.last.store(0, Ordering::Relaxed);
                return Err(error);
            }
        }
    }

    fn survey_unit(&self, unit: usize, judge: &mut Judge, part: &mut Part) -> Result<()> {
        let (index, range) = &self.units[unit];
        let file = &self.files[*index];
        let stored = if file.compression == Compression::None { range.end - range.start } else { file.size() };
        let reader = input::open(file, Lines::<std::io::Empty>::first_byte(range))?;
        let reader = Stoppable { reader, stop: self.stop };
        let mut lines = Lines::new(reader, range.clone(), self.settings.max_line_bytes);
        let mut counts = Counts { bytes: stored, ..Counts::default() };
        let mut contents = false;
        while let Some(line) = lines.next().map_err(|error| input::failure(error, file))? {
            counts.lines += 1;
            match judge.judge(&line) {
                Verdict::Blank => {
                    counts.blank += 1;
                    continue;
                }
                Verdict::Row => {
                    counts.rows += 1;
                    counts.duplicate_keys += u64::from(self.observe(*index, &line, judge, &mut part.fields)?);
                }
                Verdict::Reject(fault) => {
                    if !contents
                        && range.start == 0
                        && matches!(
                            fault.reason,
                            Reason::Syntax | Reason::NotObject | Reason::Truncated | Reason::TooLong
                        )
                    {
                        document::refuse(file)?;
                    }
                    counts.by_reason[fault.reason as usize] += 1;
                    part.keep(unit, counts.lines, &line, &fault);
                    if self.settings.stop_at_reject {
                        self.last.fetch_min(unit, Ordering::Relaxed);
                        break;
                    }
                }
            }
            contents = true;
        }
        input::check_unchanged(file)?;
        self.watch.bytes.fetch_add(stored, Ordering::Relaxed);
        self.watch.lines.fetch_add(counts.lines, Ordering::Relaxed);
        part.unit_lines.push((unit, counts.lines));
        part.counts.add(&counts);
        Ok(())
    }

    /// Whether the line has a key twice.
    fn observe(&self, file: usize, line: &Line<'_>, judge: &Judge, fields: &mut Fields) -> Result<bool> {
        let mut observed = Observed {
            line: line.bytes,
            tape: judge.tape(),
            file: file as u32,
            offset: line.offset,
            duplicates: 0,
            new_keys: 0,
        };
        fields.observe(ROOT, &self.settings.declared, &mut observed);
        let (duplicates, new_keys) = (observed.duplicates, observed.new_keys);
        if new_keys > 0 {
            let place = format!(" by byte {} of `{}`", line.offset, self.files[file].shown);
            check_count(fields, self.settings, &place)?;
        }
        Ok(duplicates > 0)
    }
}

fn check_count(fields: &Fields, settings: &Settings, place: &str) -> Result<()> {
    if fields.count() <= settings.max_columns {
        return Ok(());
    }
    Err(Error::data(format!("the lines have more than {} different keys{place}", settings.max_columns)).with_hint(
        "keys that are data, such as ids, make poor columns: declare the column that holds them as `json`, \
         or raise `max_columns`",
    ))
}

/// What one thread has found.
#[derive(Default)]
struct Part {
    counts: Counts,
    fields: Fields,
    rejects: Vec<Kept>,
    unit_lines: Vec<(usize, u64)>,
}

/// A reject whose line number is known within its unit only.
struct Kept {
    unit: usize,
    line_in_unit: u64,
    offset: u64,
    reason: Reason,
    excerpt: Excerpt,
}

impl Part {
    fn keep(&mut self, unit: usize, line_in_unit: u64, line: &Line<'_>, fault: &Fault) {
        // Units are taken in rising order, so what comes first is first.
        if self.rejects.len() < SHOWN_REJECTS {
            let excerpt = fault.excerpt("", 0, line.bytes);
            self.rejects.push(Kept { unit, line_in_unit, offset: line.offset, reason: fault.reason, excerpt });
        }
    }

    fn merge(&mut self, other: Self) {
        self.counts.add(&other.counts);
        self.fields.merge(other.fields);
        self.rejects.extend(other.rejects);
        self.unit_lines.extend(other.unit_lines);
    }

    fn finish(mut self, files: &[InputFile], settings: &Settings, units: &[Unit]) -> Survey {
        self.rejects.sort_by_key(|kept| (kept.unit, kept.line_in_unit));
        self.rejects.truncate(SHOWN_REJECTS);
        let first_rejects = self.rejects.iter().map(|kept| self.place(kept, files, units)).collect();
        let layout = self.fields.resolve(&settings.declared, settings.empty_as_null);
        let columns = self.fields.origins(&layout, &settings.declared, files);
        Survey {
            empties: self.fields.empties(&layout),
            counts: self.counts,
            first_rejects,
            columns,
            layout: Arc::new(layout),
        }
    }

    fn place(&self, kept: &Kept, files: &[InputFile], units: &[Unit]) -> Reject {
        let file = units[kept.unit].0;
        let before: u64 = self
            .unit_lines
            .iter()
            .filter(|(unit, _)| units[*unit].0 == file && *unit < kept.unit)
            .map(|(_, lines)| lines)
            .sum();
        let (shown, line) = (&files[file].shown, before + kept.line_in_unit);
        let excerpt = Excerpt { name: shown.clone(), first_line: line as usize, ..kept.excerpt.clone() };
        let detail = excerpt.label.clone();
        Reject { file: shown.clone(), line, offset: kept.offset, reason: kept.reason, detail, excerpt }
    }
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
        survey(files, &Arc::new(settings), threads, &Watch::default(), &AtomicBool::new(false))
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
            let Survey { counts, empties, first_rejects, columns, layout } = whole.clone();
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
        let stopped = survey(&files, &Arc::default(), 1, &Watch::default(), &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Error::Stopped)));
    }
}
