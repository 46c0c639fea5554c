//! Runs that die: at each named moment, and at random ones, for each shape and mode. After the next start nothing is lost, there
//! twice, torn, or left behind.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tidemill::failpoint;

use crate::project::{Project, opened, stderr};

/// Random moments of each kind of query.
const MOMENTS: usize = 200;
const ROWS: usize = 300;

/// A kind of query, over lines `{"n":…,"k":…}`.
#[derive(Clone, Copy)]
pub struct Kind {
    sql: &'static str,
    /// Whether it counts the lines by `k`.
    counts: bool,
    /// Moments that it does not come by.
    lacks: &'static [&'static str],
}

pub const FILE: Kind = Kind { sql: "SELECT n, k", counts: false, lacks: &["gathered", "kept", "uploaded"] };
pub const SHARDS: Kind =
    Kind { sql: "--@ shards = 3\nSELECT n, k", counts: false, lacks: &["gathered", "kept", "uploaded"] };
pub const KEPT: Kind =
    Kind { sql: "--@ keep = 2\n--@ shards = 3\nSELECT n, k", counts: false, lacks: &["gathered", "uploaded"] };
pub const PARTITIONS: Kind = Kind {
    sql: "--@ partition_by = [\"k AS by\"]\nSELECT n, k",
    counts: false,
    lacks: &["gathered", "kept", "uploaded"],
};
pub const APPEND: Kind =
    Kind { sql: "--@ mode = \"append\"\nSELECT n, k", counts: false, lacks: &["gathered", "kept", "uploaded"] };
pub const MERGE: Kind = Kind {
    sql: "--@ mode = \"merge\"\n--@ key = [\"k\"]\nSELECT k, count(*) AS c, sum(n) AS s GROUP BY k",
    counts: true,
    lacks: &["kept", "uploaded"],
};

pub const REPLACE_PARTITIONS: Kind = Kind {
    sql: "--@ mode = \"replace_partitions\"\n--@ partition_by = [\"k AS by\"]\nSELECT k, count(*) AS c, sum(n) AS s GROUP BY k",
    counts: true,
    lacks: &["gathered", "kept", "uploaded"],
};

pub struct Case {
    kind: Kind,
    pub project: Project,
    pub lines: usize,
}

impl Case {
    pub fn new(kind: Kind) -> Self {
        let project = Project::new(&[("queries/q.sql", kind.sql)]);
        let mut case = Self { kind, project, lines: 0 };
        case.more();
        case.runs();
        case
    }

    /// Another file of lines.
    pub fn more(&mut self) {
        let lines = self.lines..self.lines + ROWS;
        let text: String = lines.clone().map(|n| format!("{{\"n\":{n},\"k\":\"k{}\"}}\n", n % 7)).collect();
        self.project.write(&format!("inputs/{:06}.out", self.lines), text);
        self.lines = lines.end;
    }

    pub fn runs(&self) {
        let output = self.project.run(&["run"]);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// What the result over so many lines is, sorted.
    pub fn expected(&self, lines: usize) -> Vec<String> {
        let mut rows: Vec<String> = if self.kind.counts {
            let mut groups: BTreeMap<usize, (usize, usize)> = BTreeMap::new();
            for n in 0..lines {
                let group = groups.entry(n % 7).or_default();
                *group = (group.0 + 1, group.1 + n);
            }
            groups.iter().map(|(k, (c, s))| format!("{{\"k\":\"k{k}\",\"c\":{c},\"s\":{s}}}")).collect()
        } else {
            (0..lines).map(|n| format!("{{\"n\":{n},\"k\":\"k{}\"}}", n % 7)).collect()
        };
        rows.sort();
        rows
    }

    /// What stands in the place of the result, sorted.
    pub fn found(&self) -> Vec<String> {
        let mut rows = Vec::new();
        read(&self.project.path("outputs"), &mut rows);
        rows.sort();
        rows
    }

    /// Checks that the result of before or the next one is there, and then, after another start, the next one and nothing else.
    pub fn survives(&self, before: usize, told: &str) {
        let found = self.found();
        let is_whole = found == self.expected(before) || found == self.expected(self.lines);
        assert!(is_whole, "{told}: {} rows of {before} or {} lines", found.len(), self.lines);
        self.runs();
        assert!(self.found() == self.expected(self.lines), "{told}: what is there after the next start is another");
        let names = self.project.names("outputs");
        assert!(names.len() == 1 && names[0].starts_with('q'), "{told}: {names:?} was left");
        if self.project.path(".tidemill/kept/q").exists() {
            assert_eq!(self.project.names(".tidemill/kept/q"), self.project.kept(), "{told}");
        }
        let sql = "SELECT count(*) AS c FROM tidemill.runs WHERE status IN ('started', 'prepared')";
        assert_eq!(self.project.rows(sql), "{\"c\":0}\n", "{told}");
    }
}

/// Lines of all files in a folder, without what is hidden.
fn read(folder: &std::path::Path, rows: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap).filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')) {
        if entry.file_type().unwrap().is_dir() {
            read(&entry.path(), rows);
        } else {
            rows.extend(fs::read_to_string(entry.path()).unwrap().lines().map(str::to_owned));
        }
    }
}

fn dies_at_each_named_moment(kind: Kind) {
    let lacks = kind.lacks;
    let mut case = Case::new(kind);
    for moment in failpoint::ALL {
        let before = case.lines;
        case.more();
        let run =
            case.project.command(&["run"]).env("TIDEMILL_DIES_AT", moment).stderr(Stdio::null()).status().unwrap();
        assert_eq!(run.signal(), (!lacks.contains(&moment)).then_some(6), "{moment}");
        case.survives(before, moment);
    }
}

/// Kills a command when it has had so much time; whether it was not done by then.
pub fn is_killed(command: &mut Command, pause: Duration) -> bool {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    std::thread::sleep(pause);
    let _ = child.kill();
    !child.wait().unwrap().success()
}

fn dies_at_random_moments(kind: Kind, seed: u64) {
    let mut case = Case::new(kind);
    let mut random = StdRng::seed_from_u64(seed);
    let mut full = Duration::ZERO;
    let mut killed = 0;
    for moment in 0..MOMENTS {
        // What is read grows, so now and then it is measured anew, and begins again.
        if moment % 20 == 0 {
            case = Case::new(case.kind);
            let begun = Instant::now();
            case.more();
            case.runs();
            full = begun.elapsed();
        }
        let before = case.lines;
        case.more();
        let pause = full.mul_f64(random.random_range(0.0..1.1));
        killed += u32::from(is_killed(&mut case.project.command(&["run"]), pause));
        case.survives(before, &format!("moment {moment}"));
    }
    assert!(killed > 20, "{killed} were killed in time");
}

#[test]
fn files_survive() {
    dies_at_each_named_moment(FILE);
    dies_at_random_moments(FILE, 1);
}

#[test]
fn shards_survive() {
    dies_at_each_named_moment(SHARDS);
    dies_at_random_moments(SHARDS, 2);
}

#[test]
fn what_is_kept_survives() {
    dies_at_each_named_moment(KEPT);
    dies_at_random_moments(KEPT, 7);
}

#[test]
fn partitions_survive() {
    dies_at_each_named_moment(PARTITIONS);
    dies_at_random_moments(PARTITIONS, 3);
}

#[test]
fn what_is_added_survives() {
    dies_at_each_named_moment(APPEND);
    dies_at_random_moments(APPEND, 4);
}

#[test]
fn what_is_merged_survives() {
    dies_at_each_named_moment(MERGE);
    dies_at_random_moments(MERGE, 5);
}

#[test]
fn partitions_that_are_replaced_survive() {
    dies_at_each_named_moment(REPLACE_PARTITIONS);
    dies_at_random_moments(REPLACE_PARTITIONS, 6);
}

/// Looks again and again while thirty runs read more lines; how often it saw something.
fn during_runs(case: &mut Case, mut look: impl FnMut() -> bool + Send) -> usize {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut looks = 0;
            while !stop.load(Ordering::Relaxed) {
                looks += usize::from(look());
            }
            looks
        });
        for _ in 0..30 {
            case.more();
            case.runs();
        }
        stop.store(true, Ordering::Relaxed);
        reader.join().unwrap()
    })
}

/// Whoever reads a folder that runs add to sees each of its folders whole, or not at all.
#[test]
fn a_reader_sees_what_each_run_added_whole() {
    let mut case = Case::new(APPEND);
    let outputs = case.project.path("outputs/q");
    let mut seen: HashMap<String, Vec<String>> = HashMap::new();
    let looks = during_runs(&mut case, || {
        for entry in fs::read_dir(&outputs).unwrap().map(Result::unwrap) {
            let mut rows = Vec::new();
            read(&entry.path(), &mut rows);
            let name = entry.file_name().to_string_lossy().into_owned();
            assert!(name.starts_with("run-"), "{name}");
            let first = seen.entry(name.clone()).or_insert_with(|| rows.clone());
            assert!(*first == rows, "{name} has changed");
        }
        true
    });
    assert!(seen.len() > 20 && looks > 20, "{} {looks}", seen.len());
    assert_eq!(case.found(), case.expected(case.lines));
}

/// Whoever reads a result that runs replace sees that of one run, whole.
fn a_reader_sees_one_run(kind: Kind) {
    let mut case = Case::new(kind);
    let most = case.lines + 30 * ROWS;
    let whole: Vec<Vec<String>> = (ROWS..=most).step_by(ROWS).map(|lines| case.expected(lines)).collect();
    let (folder, file) = (case.project.path("outputs/q"), case.project.path("outputs/q.json"));
    let text_of_file = || Some(vec![(String::new(), fs::read_to_string(&file).ok()?)]);
    let mut seen = HashSet::new();
    let looks = during_runs(&mut case, || {
        let Some(files) = opened(&folder).or_else(text_of_file) else { return false };
        let mut rows: Vec<String> = files.iter().flat_map(|(_, text)| text.lines()).map(str::to_owned).collect();
        rows.sort();
        let run = whole.iter().position(|whole| *whole == rows);
        seen.insert(run.unwrap_or_else(|| panic!("{} rows of no run", rows.len())));
        true
    });
    assert!(seen.len() > 10 && looks > 30, "{} {looks}", seen.len());
}

#[test]
fn a_reader_sees_a_file_of_one_run() {
    a_reader_sees_one_run(FILE);
}

#[test]
fn a_reader_sees_shards_of_one_run() {
    a_reader_sees_one_run(SHARDS);
}

#[test]
fn a_reader_sees_partitions_of_one_run() {
    a_reader_sees_one_run(PARTITIONS);
}

#[test]
fn a_reader_sees_groups_of_one_run() {
    a_reader_sees_one_run(MERGE);
}

#[test]
fn a_reader_sees_replaced_partitions_of_one_run() {
    a_reader_sees_one_run(REPLACE_PARTITIONS);
}

/// What memory does not hold lies in files without names, so nobody has to take them away.
#[test]
fn what_is_laid_aside_is_gone_with_who_laid_it() {
    let project = Project::with_events();
    project.write("tidemill.toml", "[limits]\nmemory = \"16MiB\"\nthreads = 1\n");
    let folder = project.path("temporary");
    fs::create_dir(&folder).unwrap();
    let sql = "SELECT repeat('x', 100) || i AS t FROM generate_series(1, 50000000) AS g(i) ORDER BY t";
    let mut command = project.command(&["sql", sql]);
    let mut running = command.env("TMPDIR", &folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let files = format!("/proc/{}/fd", running.id());
    let is_aside = |file: fs::DirEntry| fs::read_link(file.path()).is_ok_and(|file| file.starts_with(&folder));
    let since = Instant::now();
    while !fs::read_dir(&files).unwrap().flatten().any(is_aside) {
        assert!(
            running.try_wait().unwrap().is_none() && since.elapsed() < Duration::from_secs(60),
            "nothing is laid aside"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    running.kill().unwrap();
    running.wait().unwrap();
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}
