//! Runs that die, or are stopped, while they publish in a store: the old result is there or the new one, and after the next start
//! nothing else is.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tidemill::failpoint;

use super::between::{Instead, between};
use super::bucket::{Bucket, endpoint, environment};
use crate::contract::mill::Ran;
use crate::kills::is_killed;
use crate::project::Project;

/// Random moments of each kind of query.
const MOMENTS: u32 = 25;

/// Settings and columns of a kind of query.
#[derive(Clone, Copy)]
struct Kind {
    header: &'static str,
    columns: &'static str,
    is_folder: bool,
}

const FILE: Kind = Kind { header: "", columns: "n", is_folder: false };
/// One that goes in parts: more than 8 MiB.
const LARGE: Kind = Kind { header: "", columns: "n, repeat('x', 500000) AS t", is_folder: false };
const SHARDS: Kind = Kind { header: "--@ shards = 3", columns: "n", is_folder: true };
const PARTITIONS: Kind = Kind { header: "--@ partition_by = [\"n % 3 AS k\"]", columns: "n", is_folder: true };

struct Case {
    kind: Kind,
    bucket: Bucket,
    project: Project,
    endpoint: String,
    lines: usize,
}

impl Case {
    fn new(kind: Kind) -> Self {
        Self::over(kind, endpoint())
    }

    fn over(kind: Kind, endpoint: String) -> Self {
        let bucket = Bucket::new();
        let Kind { header, columns, is_folder } = kind;
        let output = bucket.url(if is_folder { "out/q" } else { "out/q.json" });
        let query = format!("--@ output = \"{output}\"\n{header}\nSELECT {columns}");
        let project = Project::new(&[("queries/q.sql", &query)]);
        let mut case = Self { kind, bucket, project, endpoint, lines: 0 };
        case.more();
        case.runs();
        case
    }

    /// Another file of lines; few, so that what is large does not grow much.
    fn more(&mut self) {
        let lines = self.lines..self.lines + if self.lines == 0 { 20 } else { 1 };
        let text: String = lines.clone().map(|n| format!("{{\"n\":{n}}}\n")).collect();
        self.project.write(&format!("inputs/{:06}.out", self.lines), text);
        self.lines = lines.end;
    }

    fn command(&self) -> std::process::Command {
        let mut command = self.project.command(&["run"]);
        command.envs(environment(&self.endpoint)).stderr(Stdio::null());
        command
    }

    fn runs(&self) {
        let mut command = self.project.command(&["run"]);
        command.envs(environment(&endpoint()));
        Ran::of(command).ok();
    }

    /// The lines that the result is made of.
    fn found(&self) -> usize {
        if !self.kind.is_folder {
            return self.bucket.get("out/q.json").lines().count();
        }
        let pattern = format!("[sources.events]\npath = \"{}\"\n", self.bucket.url("out/q"));
        let reader = Project::new(&[("tidemill.toml", &pattern)]);
        let mut command = reader.command(&["sql", "SELECT count(*) AS c, count(DISTINCT n) AS d FROM events"]);
        command.envs(environment(&endpoint()));
        let told = Ran::of(command).ok();
        let lines: Vec<usize> = told.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
        assert_eq!(lines[0], lines[1], "lines are there twice");
        lines[0]
    }

    /// Checks that the result of before or the next one is there, and then, after another start, the next one and nothing else.
    fn survives(&self, before: usize, told: &str) {
        let found = self.found();
        assert!(found == before || found == self.lines, "{told}: {found} of {before} or {} lines", self.lines);
        self.runs();
        assert_eq!(self.found(), self.lines, "{told}");
        let names = self.bucket.names();
        let files = if self.kind.is_folder { 3 + 1 } else { 1 };
        assert_eq!(names.len(), files, "{told}: {names:?}");
        assert_eq!(self.bucket.uploads(), 0, "{told}: parts were left");
        assert_eq!(self.project.names(".tidemill/uploads"), [""; 0], "{told}");
        let sql = "SELECT count(*) AS c FROM tidemill.runs WHERE status IN ('started', 'prepared')";
        assert_eq!(self.project.rows(sql), "{\"c\":0}\n", "{told}");
    }
}

fn dies_at_each_named_moment(kind: Kind) {
    let mut case = Case::new(kind);
    for moment in failpoint::ALL {
        let before = case.lines;
        case.more();
        let run = case.command().env("TIDEMILL_DIES_AT", moment).status().unwrap();
        let is_passed = !["gathered", "kept"].contains(&moment);
        assert_eq!(run.signal(), is_passed.then_some(6), "{moment}");
        case.survives(before, moment);
        // What the ledger says of the run that died is what became of its result.
        let sql = "SELECT status FROM tidemill.runs ORDER BY run DESC LIMIT 1 OFFSET 1";
        let is_published = ["placed", "published", "committed", "gathered", "kept"].contains(&moment);
        let status = if is_published { "committed" } else { "interrupted" };
        assert_eq!(case.project.rows(sql), format!("{{\"status\":\"{status}\"}}\n"), "{moment}");
    }
}

fn dies_at_random_moments(kind: Kind, seed: u64) {
    let mut case = Case::new(kind);
    let mut random = StdRng::seed_from_u64(seed);
    // The machine may be busy with something else at any time: the fastest of a few tells how long a run takes.
    let mut full = Duration::MAX;
    for _ in 0..4 {
        case.more();
        let begun = Instant::now();
        case.runs();
        full = full.min(begun.elapsed());
    }
    let mut killed = 0;
    for moment in 0..MOMENTS {
        let before = case.lines;
        case.more();
        killed += u32::from(is_killed(&mut case.command(), full.mul_f64(random.random_range(0.3..1.0))));
        case.survives(before, &format!("moment {moment}"));
    }
    assert!(killed > 3, "{killed} were killed in time");
}

#[test]
fn files_survive() {
    dies_at_each_named_moment(FILE);
    dies_at_random_moments(FILE, 1);
}

#[test]
fn large_files_survive() {
    dies_at_each_named_moment(LARGE);
}

#[test]
fn shards_survive() {
    dies_at_each_named_moment(SHARDS);
    dies_at_random_moments(SHARDS, 2);
}

#[test]
fn partitions_survive() {
    dies_at_each_named_moment(PARTITIONS);
    dies_at_random_moments(PARTITIONS, 3);
}

/// A signal comes with each request of an upload in turn.
fn is_stopped_at_each_request(kind: Kind, signal: &str, exits: Option<i32>) {
    // The number of the process, and how many requests that write it may still make.
    let aim: Arc<Mutex<Option<(u32, usize)>>> = Arc::default();
    let (aimed, signal) = (Arc::clone(&aim), signal.to_owned());
    let url = between(move |head| {
        if !head.starts_with("GET") && !head.starts_with("HEAD") {
            let mut aim = aimed.lock().unwrap();
            match aim.as_mut() {
                Some((_, left)) if *left > 0 => *left -= 1,
                Some((process, _)) => {
                    let kill = ["-s", &signal, &process.to_string()];
                    std::process::Command::new("kill").args(kill).status().unwrap();
                    *aim = None;
                    if signal == "KILL" {
                        // What a process sends as it dies may get lost.
                        return Some(Instead::Of(String::new()));
                    }
                    // It takes a moment to be noticed.
                    std::thread::sleep(Duration::from_millis(100));
                }
                None => {}
            }
        }
        None
    });
    let mut case = Case::over(kind, url);
    for requests in 0..20 {
        let before = case.lines;
        case.more();
        // Who is to be stopped is known before it can write: it has much to do until then.
        let mut aim_at = aim.lock().unwrap();
        let child = case.command().stderr(Stdio::piped()).spawn().unwrap();
        *aim_at = Some((child.id(), requests));
        drop(aim_at);
        let output = child.wait_with_output().unwrap();
        let was_stopped = aim.lock().unwrap().take().is_none();
        if !was_stopped {
            assert!(requests > 0 && output.status.success());
            return;
        }
        if let Some(code) = exits {
            // Whoever notices when all is done has done it.
            assert!(output.status.success() || output.status.code() == Some(code), "{output:?}");
            assert_eq!(case.bucket.uploads(), 0, "{requests}: parts were left");
            assert_eq!(case.project.names(".tidemill/uploads"), [""; 0], "{requests}");
        }
        case.survives(before, &format!("request {requests}"));
    }
    panic!("there was no end of requests");
}

#[test]
fn a_file_in_parts_that_is_killed_in_the_middle_is_gone() {
    is_stopped_at_each_request(LARGE, "KILL", None);
}

#[test]
fn a_file_in_parts_that_is_interrupted_leaves_nothing() {
    is_stopped_at_each_request(LARGE, "INT", Some(130));
}

#[test]
fn a_folder_that_is_interrupted_leaves_nothing() {
    is_stopped_at_each_request(PARTITIONS, "INT", Some(130));
}
