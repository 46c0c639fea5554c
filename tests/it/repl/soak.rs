//! Random statements, commands and keys, for as long as one likes: the shell neither ends nor grows.
//!
//! CI gives it a minute; an hour is `TIDEMILL_SOAK=3600 cargo test soak -- --ignored`. `TIDEMILL_SEED` repeats a run.

#![expect(clippy::print_stdout, reason = "whoever waits so long wants to read what was measured")]

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rand::prelude::*;
use rand::rngs::StdRng;
use tidemill::dialect::{Completeness, completeness};

use super::terminal::{ENTER, Terminal};
use crate::project::Project;

/// Statements after which memory is looked at, and looked at again.
const EARLY: usize = 500;
const LATE: usize = 5000;
/// How much more it may be then.
const GROWTH: f64 = 1.2;
/// What one item may take on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(120);

fn duration() -> Duration {
    Duration::from_secs(std::env::var("TIDEMILL_SOAK").map_or(30, |seconds| seconds.parse().unwrap()))
}

fn rng() -> StdRng {
    let seed = std::env::var("TIDEMILL_SEED").map_or_else(|_| rand::random(), |seed| seed.parse().unwrap());
    println!("TIDEMILL_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

fn one<'a>(rng: &mut StdRng, from: &[&'a str]) -> &'a str {
    from.choose(rng).unwrap()
}

const COLUMNS: &[&str] =
    &["ip", "id", "lat", "lng", "age_bracket", "http_response", "event_datetime", "_file", "nope", "*"];
const NUMBERS: &[&str] = &["lat", "lng", "http_response", "file_size_bytes", "event_ts"];
const TABLES: &[&str] = &["events", "events", "events", "_", "a", "b", "v", "rejects.events", "PCOLLECTION", "nowhere"];
const TESTS: &[&str] = &[
    "opted_into_marketing",
    "lat > 0",
    "http_response = 200",
    "age_bracket = '18-25'",
    "lat IS NULL",
    "id LIKE '%1'",
    "lat / 0 > 1",
    "file_size_bytes > $least",
];

fn statement(rng: &mut StdRng) -> String {
    let (column, number, table, test) = (one(rng, COLUMNS), one(rng, NUMBERS), one(rng, TABLES), one(rng, TESTS));
    let limit = rng.random_range(0..50);
    match rng.random_range(0..12) {
        0 | 1 => format!("SELECT {column} FROM {table} WHERE {test} LIMIT {limit}"),
        2 => format!("SELECT {column}, {number} WHERE {test}"),
        3 => format!("SELECT age_bracket, count(*) AS c, avg({number}) FROM {table} GROUP BY 1 ORDER BY 1"),
        4 => format!("SELECT {number} FROM {table} ORDER BY {number} DESC NULLS LAST LIMIT {limit}"),
        5 => format!("CREATE OR REPLACE VIEW v AS SELECT {column}, {number} FROM events"),
        6 => "SELECT count(*) AS c, wstart FROM events GROUP BY TUMBLE(event_datetime, INTERVAL '1' HOUR)".to_owned(),
        7 => format!("EXPLAIN SELECT {column} FROM {table}"),
        8 => format!("DESCRIBE {table}"),
        9 => "SELECT 1 AS \"a b\", 'täxt \u{1f469}' AS t, [1, 2] AS l, NULL AS n".to_owned(),
        10 => format!("SELECT count(*) FROM {table} x JOIN {table} y USING (id)"),
        _ => format!("SET datafusion.execution.batch_size = {limit}"),
    }
}

const COMMANDS: &[&str] = &[
    "\\d",
    "\\d events",
    "\\dt",
    "\\df",
    "\\df avg",
    "\\x",
    "\\x auto",
    "\\timing",
    "\\g",
    "\\gx",
    "\\g out.csv",
    "\\g out.parquet",
    "\\plan",
    "\\p",
    "\\sources",
    "\\rejects",
    "\\conninfo",
    "\\as a",
    "\\as b",
    "\\forget a",
    "\\more",
    "\\chart",
    "\\chart bar",
    "\\chart histogram lat",
    "\\chart scatter lat lng > c.svg",
    "\\chart > c.html",
    "\\o out.txt",
    "\\save -f q",
    "\\run q",
    "\\run opted_in",
    "\\reload",
    "\\set",
    "\\set least:bigint 500",
    "\\unset least",
    "\\set rows 3",
    "\\set null -",
    "\\?",
    "\\? save",
    ".tables",
    ".schema",
    ".width 30",
    ".width",
    ".mode table",
    ".mode csv",
    ".mode json",
    ".mode insert",
    ".mode html",
    "\\format expanded",
    "\\format ndjson",
    "\\format tsv",
    "\\format markdown",
    "\\i script.sql",
    "\\e",
    "\\nope",
    "\\set theme light",
    "\\history",
    "\\as",
    "\\set width x",
];

/// A statement or a command, or something that was one.
fn item(rng: &mut StdRng) -> String {
    let mut text = if rng.random_bool(0.3) { one(rng, COMMANDS).to_owned() } else { statement(rng) + ";" };
    if rng.random_bool(0.15) {
        let mut chars: Vec<char> = text.chars().collect();
        for _ in 0..rng.random_range(1..4) {
            let at = rng.random_range(0..chars.len());
            chars[at] = *['(', ')', ',', '.', ' ', '\'', '"', '\\', '$', 'é', '*', '0'].choose(rng).unwrap();
        }
        text = chars.into_iter().collect();
    }
    // What leaves a quote open would take all that follows for a text.
    let is_command =
        text.starts_with('\\') || text.starts_with('.') && text[1..].starts_with(|c: char| c.is_ascii_alphabetic());
    let is_closed = is_command || completeness(&text) == Completeness::Complete;
    let leaves = ["\\q", "\\watch"].iter().any(|word| text.contains(word));
    if is_closed && !leaves { text } else { "SELECT 1;".to_owned() }
}

struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    faults: Receiver<String>,
    asked: usize,
}

impl Shell {
    fn start(project: &Project) -> Self {
        let mut command = project.command(&["repl", "--keep-going", "--no-rc"]);
        command.env("XDG_STATE_HOME", project.path("state"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let printed = lines(child.stdout.take().unwrap(), |_| true);
        let faults = lines(child.stderr.take().unwrap(), is_fault);
        Self { input: child.stdin.take().unwrap(), child, lines: printed, faults, asked: 0 }
    }

    /// Does something, and waits until it is done.
    fn ask(&mut self, text: &str) {
        self.asked += 1;
        let done = format!("done {}", self.asked);
        // Results may go to a file since, and a statement may lack its end.
        write!(self.input, "{text}\n;\n\\o\n\\echo '{done}'\n").unwrap();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|error| panic!("{error} after `{text}`: {:?}", self.child.try_wait()));
            if line == done {
                break;
            }
        }
        if let Ok(fault) = self.faults.try_recv() {
            panic!("`{text}`: {fault}");
        }
    }
}

/// The lines that come from `from`, if they are worth keeping.
fn lines(from: impl Read + Send + 'static, is_kept: fn(&str) -> bool) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            if is_kept(&line) {
                let _ = sender.send(line);
            }
        }
    });
    receiver
}

/// What is no mistake of the person's.
fn is_fault(line: &str) -> bool {
    line.contains("please report") || line.contains("panicked at")
}

/// Resident memory of a process in KiB.
fn memory(process: u32) -> f64 {
    let output = std::process::Command::new("ps").args(["-o", "rss=", "-p", &process.to_string()]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

#[test]
#[ignore = "takes as long as it is told: see the top of the file"]
fn soak_of_a_script() {
    let (mut rng, begun) = (rng(), Instant::now());
    let project = Project::sample();
    project.write("script.sql", "SELECT 1 AS one;\n\\echo two\nSELECT nope;\n");
    let mut shell = Shell::start(&project);
    let mut early = 0.0;
    while shell.asked < LATE || begun.elapsed() < duration() {
        let text = item(&mut rng);
        shell.ask(&text);
        match shell.asked {
            EARLY => early = memory(shell.child.id()),
            LATE => {
                let late = memory(shell.child.id());
                println!("{:.1} MiB after {EARLY} items, {:.1} MiB after {LATE}", early / 1024.0, late / 1024.0);
                assert!(late < early * GROWTH, "memory grew from {early} to {late} KiB");
            }
            _ => {}
        }
    }
    println!("{} items in {:.0?}", shell.asked, begun.elapsed());
    drop(shell.input);
    // It went on after failures, and says so.
    assert!(matches!(shell.child.wait().unwrap().code(), Some(1..=4)));
}

const KEYS: &[&str] = &[
    "\t",
    "\r",
    "\x1b",
    " ",
    "\x1b[A",
    "\x1b[B",
    "\x1b[C",
    "\x1b[D",
    "\x1b[Z",
    "\x7f",
    "\x01",
    "\x05",
    "\x17",
    "\x12",
    "\x0b",
    "\x19",
    "\x15",
    "\x03",
    "\x03",
    ";",
    "'",
    "\"",
    "(",
    ")",
    "\\",
    "\x1b\r",
    "é",
    "👩‍👧",
];

#[test]
#[ignore = "takes as long as it is told: see the top of the file"]
fn soak_at_a_terminal() {
    let (mut rng, begun) = (rng(), Instant::now());
    let project = Project::sample();
    let mut terminal = Terminal::start(&project, &["repl"], &[("PAGER", "cat"), ("EDITOR", "true")], (24, 80));
    terminal.prompt();
    let mut count = 0;
    while begun.elapsed() < duration() {
        match rng.random_range(0..10) {
            0..6 => terminal.send(one(&mut rng, KEYS)),
            6 => terminal.resize((rng.random_range(2..60), rng.random_range(2..200))),
            7 if rng.random_bool(0.5) => terminal.paste("SELECT 1;\nSELECT 2;\n"),
            7 => terminal.enter("\\watch 10ms"),
            _ => {
                let text = item(&mut rng);
                let end = text.char_indices().map(|(at, _)| at).choose(&mut rng).unwrap_or(0);
                terminal.send(if text.starts_with("\\e") { "SELECT" } else { &text[..end] });
                terminal.send(if rng.random_bool(0.3) { ENTER } else { "" });
            }
        }
        count += 1;
        if count % 20 == 0 {
            // Whatever is open or under way, this comes back to an empty line.
            terminal.resize((24, 80));
            terminal.back_to_prompt();
        }
    }
    println!("{count} keys and texts in {:.0?}, {:.1} MiB", begun.elapsed(), memory(terminal.process()) / 1024.0);
    terminal.back_to_prompt();
    terminal.enter("\\q");
    assert_eq!(terminal.end(), 0);
}
