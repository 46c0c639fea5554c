//! What files taught is kept: answers with it are those without it, and what need not be read is not.

mod changes;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::project::{Project, stderr};

const TOML: &str = "[sources.events]\npath = \"inputs/*\"\nfacts_after = \"50ms\"\n\n[sources.events.columns]\nat = \"timestamp(ms)\"\n";

/// Seconds since 2026-05-04 as they stand in a line.
pub(crate) fn instant(seconds: u64) -> String {
    let (day, rest) = (4 + seconds / 86_400, seconds % 86_400);
    format!("2026-05-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Waits until any change of the files in a folder would show: then what they teach is kept.
pub(crate) fn settle(folder: &Path) {
    use std::os::unix::fs::MetadataExt;
    for entry in fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().metadata().unwrap();
        let changed = SystemTime::UNIX_EPOCH + Duration::new(file.ctime() as u64, file.ctime_nsec() as u32);
        while SystemTime::now().duration_since(changed).unwrap_or_default() < Duration::from_millis(60) {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// A day of events in about `bytes` bytes.
fn day(bytes: usize) -> String {
    let line = |number: usize, of: usize| {
        let at = instant((number * 86_400 / of) as u64);
        format!("{{\"n\":{number},\"at\":\"{at}\",\"text\":\"{}\"}}\n", "x".repeat(950))
    };
    let count = bytes / line(1, 2).len();
    (0..count).map(|number| line(number, count)).collect()
}

impl Project {
    /// With a day of events, not less than what is worth keeping.
    fn with_day(bytes: usize) -> Self {
        let project = Self::new(&[("tidemill.toml", TOML), ("inputs/a.out", &day(bytes))]);
        settle(&project.path("inputs"));
        project
    }

    /// What the report of `tidemill run` says of a query.
    fn report(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["run", "--json"], args].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        report["queries"][0].clone()
    }
}

fn scanned(report: &Value) -> (u64, u64) {
    let figure = |name: &str| report["scan"][name].as_u64().unwrap();
    (figure("bytes"), figure("bytes_skipped"))
}

#[test]
fn an_hour_of_a_day_that_was_seen_takes_a_small_part_of_its_bytes() {
    let project = Project::with_day(160 << 20);
    project.write("queries/all.sql", "SELECT count(n) AS n, max(at) AS last");
    project.write(
        "queries/hour.sql",
        "SELECT count(*) AS n WHERE at >= '2026-05-04T13:00:00' AND at < '2026-05-04T14:00:00'",
    );
    let first = project.report(&["all"]);
    let size = fs::metadata(project.path("inputs/a.out")).unwrap().len();
    assert_eq!(scanned(&first), (size, 0));
    let hour = project.report(&["hour"]);
    let (read, skipped) = scanned(&hour);
    assert!(read * 100 < size * 6, "{read} of {size}");
    assert_eq!(read + skipped, size);
    // All lines are accounted for, read or not.
    assert_eq!(hour["sources"], first["sources"]);
    let without = project.report(&["--no-facts", "hour"]);
    assert_eq!((&without["sources"], scanned(&without)), (&first["sources"], (size, 0)));
    let rows = project.read("outputs/hour.json");
    project.report(&["hour"]);
    assert_eq!(project.read("outputs/hour.json"), rows);
    let analyzed = project.rows("EXPLAIN ANALYZE SELECT n FROM events WHERE at < '2026-05-04T00:30:00'");
    assert!(analyzed.contains("bytes_skipped="), "{analyzed}");
}

/// What is worth keeping, and a little more.
const ENOUGH: usize = 9 << 20;

/// All of it, and half a day of it.
const COUNT: &str = "SELECT count(*) AS c, sum(n) AS s FROM events";
const AFTERNOON: &str = "SELECT count(*) AS c, sum(n) AS s FROM events WHERE at >= '2026-05-04T12:00:00'";

impl Project {
    /// The answer to a statement and what is told with it, which must be the answer without facts.
    fn asked(&self, sql: &str) -> String {
        let output = self.run(&["sql", sql]);
        assert!(output.status.success(), "{}", stderr(&output));
        let without = self.run(&["--no-facts", "sql", sql]);
        assert_eq!(String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&without.stdout), "{sql}");
        stderr(&output)
    }

    /// How many bytes a statement passes over.
    fn passes_over(&self, sql: &str) -> u64 {
        self.write("queries/skip.sql", sql);
        scanned(&self.report(&["skip"])).1
    }

    /// What `tidemill schema` says of the source in its first line.
    fn known(&self) -> String {
        let output = self.run(&["schema"]);
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().next().unwrap().split_once(" blank").unwrap().1.to_owned()
    }
}

#[test]
fn what_was_learned_serves_until_a_file_changes() {
    let project = Project::with_day(ENOUGH);
    assert_eq!(project.asked(COUNT), "");
    assert_eq!(project.known(), "; nothing was read: all of it was known");
    assert!(project.passes_over(AFTERNOON) > 4 << 20);
    // A new file is read, and only that.
    project.write("inputs/b.out", "{\"n\":7,\"at\":\"2026-05-04T20:00:00\",\"new\":1}\n");
    settle(&project.path("inputs"));
    assert_eq!(project.known(), "; 1 of 2 files were not read: theirs was known");
    assert!(project.rows("DESCRIBE events").contains("\"new\""));
    assert_eq!(project.known(), "; nothing was read: all of it was known");
    assert_eq!(project.asked(AFTERNOON), "");
    // Written over in place, of the same size, and the time of its last change set back.
    let path = project.path("inputs/a.out");
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    let text = project.read("inputs/a.out").replace("T05:", "T15:");
    let mut file = fs::File::options().write(true).open(&path).unwrap();
    std::io::Write::write_all(&mut file, text.as_bytes()).unwrap();
    file.set_modified(modified).unwrap();
    drop(file);
    assert_eq!(project.passes_over(AFTERNOON), 0);
    assert_eq!(project.asked(AFTERNOON), "");
    // Another declaration of a column.
    settle(&project.path("inputs"));
    project.asked(COUNT);
    assert_eq!(project.known(), "; nothing was read: all of it was known");
    project.write("tidemill.toml", TOML.replace("(ms)", "(us)"));
    assert_eq!(project.known(), "");
    assert!(project.passes_over(AFTERNOON) > 2 << 20);
    // Files that are gone are forgotten, and all can be.
    fs::remove_file(project.path("inputs/b.out")).unwrap();
    assert_eq!(project.asked(COUNT), "");
    fs::remove_dir_all(project.path(".tidemill")).unwrap();
    assert_eq!(project.known(), "");
}

#[test]
fn facts_of_files_that_are_gone_are_forgotten() {
    let project = Project::with_day(ENOUGH);
    project.write("inputs/b.out", "{\"n\":1}\n");
    settle(&project.path("inputs"));
    let kept = || -> Vec<String> {
        let db = rusqlite::Connection::open(project.path(".tidemill/facts.db")).unwrap();
        let mut files = db.prepare("SELECT file FROM facts ORDER BY file").unwrap();
        files.query_map([], |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    project.asked(COUNT);
    assert_eq!(kept(), ["inputs/a.out", "inputs/b.out"]);
    fs::rename(project.path("inputs/b.out"), project.path("inputs/c.out")).unwrap();
    settle(&project.path("inputs"));
    project.asked(COUNT);
    assert_eq!(kept(), ["inputs/a.out", "inputs/c.out"]);
}

#[test]
fn rejects_that_were_not_read_count_against_the_budget() {
    let project = Project::new(&[]);
    project.write("inputs/a.out", day(ENOUGH).replace("{\"n\":1,\"at\":\"2026", "{\"n\":1,\"at\":\"never"));
    project.write("tidemill.toml", TOML.replace("\n\n", "\nmax_rejects = 1\n\n"));
    settle(&project.path("inputs"));
    let told = project.asked(AFTERNOON);
    assert!(told.starts_with("warning: 1 of "), "{told}");
    assert!(project.passes_over(AFTERNOON) > 4 << 20);
    assert_eq!(project.asked(AFTERNOON), told);
    // They are all in their table, with their lines, whatever was read.
    assert_eq!(project.asked("SELECT file, line, \"offset\", reason FROM rejects.events"), "");
    project.write("tidemill.toml", TOML.replace("\n\n", "\nmax_rejects = 0\n\n"));
    let output = project.run(&["run", "skip"]);
    let without = project.run(&["run", "--no-facts", "skip"]);
    assert_eq!((output.status.code(), stderr(&output)), (Some(1), stderr(&without)));
    assert!(stderr(&output).contains("were rejected"), "{}", stderr(&output));
}

#[test]
fn what_is_damaged_or_none_of_ours_is_told_once_and_not_believed() {
    let project = Project::with_day(ENOUGH);
    let facts = project.path(".tidemill/facts.db");
    project.asked(COUNT);
    fs::write(&facts, "no database".repeat(1000)).unwrap();
    let told = project.asked(COUNT);
    let [warning] = told.lines().collect::<Vec<_>>()[..] else { panic!("{told}") };
    assert!(warning.starts_with("warning: `") && warning.contains("facts.db` is damaged, and is not used"), "{told}");
    // It was made anew.
    assert_eq!(project.asked(COUNT), "");
    assert_eq!(project.known(), "; nothing was read: all of it was known");
    fs::remove_file(&facts).unwrap();
    rusqlite::Connection::open(&facts).unwrap().execute_batch("CREATE TABLE mine (a INTEGER)").unwrap();
    let before = fs::read(&facts).unwrap();
    let told = project.asked(COUNT);
    assert!(told.lines().count() == 1 && told.contains("holds no facts of this version"), "{told}");
    assert!(fs::read(&facts).unwrap() == before);
    // A folder stands in its place.
    fs::remove_file(&facts).unwrap();
    fs::create_dir(&facts).unwrap();
    assert_eq!(project.asked(COUNT), "");
}

#[test]
fn a_compressed_file_is_passed_over_whole() {
    let project = Project::new(&[("tidemill.toml", TOML)]);
    for (name, seconds) in [("a", 0), ("b", 40_000)] {
        // Texts that are hard to compress, so that it is worth keeping.
        let line = |number: u64| {
            let hash = blake3::hash(&number.to_le_bytes()).to_hex();
            let text: String =
                (0..8).map(|part| blake3::hash(format!("{part}{hash}").as_bytes()).to_hex().to_string()).collect();
            format!("{{\"n\":{number},\"at\":\"{}\",\"text\":\"{text}\"}}\n", instant(seconds + number))
        };
        let text: String = (0..20_000).map(line).collect();
        fs::create_dir_all(project.path("inputs")).unwrap();
        fs::write(project.path(&format!("inputs/{name}.out.zst")), zstd::encode_all(text.as_bytes(), 1).unwrap())
            .unwrap();
    }
    settle(&project.path("inputs"));
    project.asked(COUNT);
    let size = fs::metadata(project.path("inputs/a.out.zst")).unwrap().len();
    assert_eq!(project.passes_over(AFTERNOON), size);
    assert_eq!(project.asked(AFTERNOON), "");
}
