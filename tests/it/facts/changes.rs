//! Answers with facts held to answers without, over files that change between statements in every way that files change.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use proptest::prelude::*;
use tempfile::TempDir;
use tidemill::ndjson::declared::Declared;
use tidemill::project::{Project, SourceConfig};

use super::{instant, settle};
use crate::library::{Library, project};

/// Conditions on times, and some that bounds say nothing about. `$1` and `$2` are instants, in order.
const CONDITIONS: [&str; 22] = [
    "at >= '$1'",
    "at < '$1'",
    "at = '$1'",
    "at <> '$1'",
    "at BETWEEN '$1' AND '$2'",
    "at NOT BETWEEN '$1' AND '$2'",
    "at > '$1' AND n % 2 = 0",
    "at >= '$2' OR n < 3",
    "NOT (at > '$1' AND at < '$2')",
    "at IN ('$1', '$2')",
    "at IS NULL",
    "at IS NOT NULL AND at <= '$1'",
    "at IS DISTINCT FROM '$1'",
    "coalesce(at, TIMESTAMP '$1') > '$1'",
    "CAST(at AS TIME) >= TIME '12:00:00'",
    "CAST(at AS DATE) = CAST('$1' AS DATE)",
    "CAST(at AS TIMESTAMP) > TIMESTAMP '$2'",
    "arrow_cast(at, 'Timestamp(Second, None)') <= arrow_cast('$1', 'Timestamp(Second, None)')",
    "at + INTERVAL '1 hour' < '$2'",
    "date_trunc('hour', at) = date_trunc('hour', TIMESTAMP '$1')",
    "day >= CAST('$1' AS DATE)",
    "(day < CAST('$2' AS DATE) AND at > '$1') OR (s = 'x' AND at < '$1')",
];

/// What is asked beside them.
const OTHERS: [&str; 4] = [
    "SELECT count(*) AS c FROM events",
    "SELECT count(*) AS c, min(at) AS a, max(at) AS z, count(at) AS n FROM events WHERE at >= '$1'",
    "SELECT at, _file, _offset FROM events WHERE at IS NOT NULL ORDER BY at DESC, _file, _offset LIMIT 3",
    "SELECT file, line, \"offset\", reason FROM rejects.events ORDER BY file, line",
];

/// The value of `at` in a line, at some second.
fn at() -> impl Strategy<Value = String> {
    // Some forms are told by a quick look at the text, and the others are read.
    (0..432_000_u64, 0..30_u8).prop_map(|(seconds, form)| {
        let text = instant(seconds);
        match form {
            0 => "null".to_owned(),
            1 => "\"\"".to_owned(),
            2 => format!("\"{} +02:00\"", text.replace('T', " ")),
            3 => format!("\"{text}Z\""),
            4 => format!("{}", 1_777_852_800_000 + seconds as i64 * 1000),
            5 => "\"1969-12-31T23:59:59.999\"".to_owned(),
            6 => "\"2026-05-31T10:00:00\"".to_owned(),
            7 => "\"no time\"".to_owned(),
            8 => format!("\"\\u0032{}\"", &text[1..]),
            9..20 => format!("\"{text}.{:03}\"", seconds % 1000),
            _ => format!("\"{text}\""),
        }
    })
}

fn line() -> impl Strategy<Value = String> {
    let rest = prop_oneof![
        6 => (0..9_u32).prop_map(|n| format!(",\"n\":{n},\"s\":\"x\"")),
        2 => (0..28_u32).prop_map(|day| format!(",\"day\":\"2026-05-{:02}\",\"s\":\"y\"", day + 1)),
        1 => Just(",\"n\":\"\",\"o\":{\"k\":1}".to_owned()),
        1 => Just(",\"n\":2.5".to_owned()),
        1 => Just(",\"s\":1".to_owned()),
    ];
    prop_oneof![
        20 => (at(), rest).prop_map(|(at, rest)| format!("{{\"at\":{at}{rest}}}\n")),
        2 => (0..9_u32).prop_map(|n| format!("{{\"n\":{n}}}\n")),
        1 => Just("\n".to_owned()),
        1 => Just("{\"at\":\n".to_owned()),
    ]
}

/// Lines whose times mostly rise, as those of a log do.
fn lines() -> impl Strategy<Value = String> {
    (proptest::collection::vec(line(), 0..60), any::<bool>()).prop_map(|(mut lines, sorted)| {
        if sorted {
            lines.sort();
        }
        // The first line is a row: else it might be taken for a document.
        format!("{{\"n\":1}}\n{}", lines.concat())
    })
}

#[derive(Debug, Clone)]
enum Change {
    Nothing,
    Create(String),
    Append(String),
    Truncate(u16),
    /// Other bytes in the place of the same number, and the time of its last change set back.
    Rewrite,
    Replace(String),
    Rename,
    Delete,
    Compress,
    /// What is kept is lost, or damaged at some byte.
    Forget,
    Damage(u16),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => Just(Change::Nothing),
        3 => lines().prop_map(Change::Create),
        2 => lines().prop_map(Change::Append),
        1 => any::<u16>().prop_map(Change::Truncate),
        3 => Just(Change::Rewrite),
        1 => lines().prop_map(Change::Replace),
        1 => Just(Change::Rename),
        1 => Just(Change::Delete),
        1 => Just(Change::Compress),
        1 => Just(Change::Forget),
        1 => any::<u16>().prop_map(Change::Damage),
    ]
}

/// A change of one of the files, whether it is given time to show, and what is asked then.
#[derive(Debug, Clone)]
struct Step {
    change: Change,
    file: prop::sample::Index,
    settles: bool,
    condition: prop::sample::Index,
    other: prop::sample::Index,
    instants: (u64, u64),
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<prop::sample::Index>;
    let instants = (0..432_000_u64, 0..432_000_u64).prop_map(|(a, b)| (a.min(b), a.max(b)));
    (change(), index(), prop::bool::weighted(0.8), index(), index(), instants).prop_map(
        |(change, file, settles, condition, other, instants)| Step {
            change,
            file,
            settles,
            condition,
            other,
            instants,
        },
    )
}

struct Place {
    folder: TempDir,
    range_bytes: u64,
}

impl Place {
    fn inputs(&self) -> PathBuf {
        self.folder.path().join("inputs")
    }

    fn library(&self, facts: bool) -> Library {
        let source = SourceConfig {
            paths: vec!["inputs/*".into()],
            columns: vec![("at".into(), epoch()), ("day".into(), Declared::Date)],
            range_bytes: self.range_bytes,
            facts_from_bytes: 0,
            facts_after: Duration::ZERO,
            max_reject_ratio: 1.0,
            ..SourceConfig::default()
        };
        Library::open(Project { facts, ..project(self.folder.path(), source, 2) })
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.inputs()).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    fn change(&self, change: &Change, file: &prop::sample::Index, number: usize) {
        let files = self.files();
        let path = &files[file.index(files.len())];
        let is_plain = path.extension().is_some_and(|extension| extension == "out");
        let inputs = self.inputs();
        let append = |text: &str| File::options().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
        match change {
            Change::Create(text) => fs::write(inputs.join(format!("f{number}.out")), text).unwrap(),
            Change::Append(text) if is_plain => append(text),
            Change::Truncate(at) if is_plain => {
                let size = fs::metadata(path).unwrap().len();
                // The first line stays a row.
                File::options()
                    .write(true)
                    .open(path)
                    .unwrap()
                    .set_len(size.min(8 + u64::from(*at) % (size + 1)))
                    .unwrap();
            }
            Change::Rewrite if is_plain => rewrite(path),
            Change::Replace(text) if is_plain => {
                fs::write(self.folder.path().join("new"), text).unwrap();
                fs::rename(self.folder.path().join("new"), path).unwrap();
            }
            Change::Rename if is_plain => fs::rename(path, inputs.join(format!("r{number}.out"))).unwrap(),
            Change::Delete if files.len() > 1 => fs::remove_file(path).unwrap(),
            Change::Compress if is_plain => {
                let bytes = zstd::encode_all(fs::read(path).unwrap().as_slice(), 1).unwrap();
                fs::write(path.with_extension("out.zst"), bytes).unwrap();
                fs::remove_file(path).unwrap();
            }
            Change::Forget => drop(fs::remove_dir_all(self.folder.path().join(".tidemill"))),
            Change::Damage(at) => {
                let kept = self.folder.path().join(".tidemill/facts.db");
                if let Ok(mut bytes) = fs::read(&kept) {
                    let at = usize::from(*at) % bytes.len();
                    bytes[at] ^= 0x55;
                    fs::write(kept, bytes).unwrap();
                }
            }
            _ => {}
        }
    }
}

fn epoch() -> Declared {
    Declared::Timestamp {
        unit: arrow::datatypes::TimeUnit::Millisecond,
        epoch: Some(arrow::datatypes::TimeUnit::Millisecond),
    }
}

/// Moves all times of a file by ten years, gives its first line another key, and sets the time of its last change back.
fn rewrite(path: &Path) {
    let modified = fs::metadata(path).unwrap().modified().unwrap();
    let text = fs::read_to_string(path).unwrap();
    let swap = |text: &str, one: &str, other: &str| match text.contains(one) {
        true => text.replace(one, other),
        false => text.replace(other, one),
    };
    let text = swap(&swap(&text, "2026-", "2036-"), "{\"n\":1}\n", "{\"k\":1}\n");
    let mut file = File::options().write(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.set_modified(modified).unwrap();
}

/// What is answered to a statement, and what is told of the source.
fn told(library: &Library, sql: &str) -> Result<(Vec<String>, String), String> {
    let mut rows = library.ask(sql).map_err(|error| error.chain())?;
    if !sql.contains("ORDER BY") {
        rows.sort();
    }
    let events = library.events().map_err(|error| error.chain())?;
    let survey = &events.survey;
    let first: Vec<_> = survey.first_rejects.iter().map(|reject| (&reject.file, reject.line, &reject.detail)).collect();
    let columns = survey.columns();
    Ok((rows, format!("{:?} {:?} {first:?} {columns:?} {:?}", survey.counts, survey.empties, survey.lines)))
}

fn check(place: &Place, session: &Library, sql: &str) -> Result<(), TestCaseError> {
    let plain = told(&place.library(false), sql);
    prop_assert_eq!(&told(&place.library(true), sql), &plain, "{}", sql);
    prop_assert_eq!(&told(session, sql), &plain, "in a session: {}", sql);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn answers_with_facts_are_those_without(
        first in lines(),
        range_bytes in prop_oneof![Just(100_u64), Just(700), Just(1 << 20)],
        steps in proptest::collection::vec(step(), 1..7),
    ) {
        let place = Place { folder: tempfile::tempdir().unwrap(), range_bytes };
        fs::create_dir(place.inputs()).unwrap();
        fs::write(place.inputs().join("a.out"), first).unwrap();
        let session = place.library(true);
        for (number, step) in steps.iter().enumerate() {
            place.change(&step.change, &step.file, number);
            if step.settles {
                settle(&place.inputs());
            }
            let fill = |sql: &str| {
                let (one, two) = (instant(step.instants.0), instant(step.instants.1));
                sql.replace("$1", &one).replace("$2", &two)
            };
            let condition = CONDITIONS[step.condition.index(CONDITIONS.len())];
            // Once to learn, once to answer by what was learned.
            for _ in 0..2 {
                check(&place, &session, &fill(&format!("SELECT _file, _offset, * FROM events WHERE {condition}")))?;
            }
            check(&place, &session, &fill(OTHERS[step.other.index(OTHERS.len())]))?;
        }
    }
}
