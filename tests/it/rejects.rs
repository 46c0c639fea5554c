//! Rejects of queries that read each line once: kept, bounded, corrected, and read once more, whatever is interrupted.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use serde_json::{Value, json};
use tidemill::failpoint;

use crate::project::{Project, stderr};

const TOML: &str =
    "[sources.events]\npath = \"inputs/**\"\nmax_reject_ratio = 1.0\n[sources.events.columns]\nn = \"bigint\"\n";
const APPEND: &str = "--@ mode = \"append\"\nSELECT n, k";
const MERGE: &str = "--@ mode = \"merge\"\n--@ key = [\"k\"]\nSELECT k, count(*) AS c, sum(n) AS s GROUP BY k";

/// Two rows, and three lines that are none.
const LINES: &str =
    "{\"n\":1,\"k\":\"a\"}\n{\"n\":2,\"k\":\"b\"\n{\"n\":\"x\",\"k\":\"a\"}\n{\"n\":4,\"k\":\"b\"}\nnothing\n";

fn project(sql: &str) -> Project {
    Project::new(&[("tidemill.toml", TOML), ("queries/q.sql", sql), ("inputs/day=1/a.out", LINES)])
}

impl Project {
    fn says(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// Rejects as they are written out.
    fn rejects(&self) -> Vec<Value> {
        let output = self.run(&["rejects", "q", "--json"]);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn lines_left(&self) -> Vec<u64> {
        self.rejects().iter().map(|reject| reject["line"].as_u64().unwrap()).collect()
    }

    /// A file of corrections by line; what is not named is as it is.
    fn corrects(&self, by_line: &[(u64, &str)]) {
        let correct = |mut reject: Value| {
            let line = reject["line"].as_u64().unwrap();
            if let Some((_, raw)) = by_line.iter().find(|(number, _)| *number == line) {
                reject["raw"] = json!(raw);
            }
            format!("{reject}\n")
        };
        self.write("rejects.json", self.rejects().into_iter().map(correct).collect::<String>());
    }

    /// All rows of the output, sorted.
    fn all_rows(&self) -> Vec<String> {
        let mut rows = Vec::new();
        let mut open = vec![self.path("outputs")];
        while let Some(path) = open.pop() {
            if path.is_dir() {
                open.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                rows.extend(std::fs::read_to_string(path).unwrap().lines().map(str::to_owned));
            }
        }
        rows.sort();
        rows
    }
}

#[test]
fn rejects_outlive_their_files_and_say_all_of_them() {
    let project = project(APPEND);
    let told = project.says(&["run"]);
    assert!(told.contains("3 rejects are kept: tidemill rejects q"), "{told}");
    std::fs::remove_dir_all(project.path("inputs/day=1")).unwrap();
    project.write("inputs/day=2/b.out", "{\"n\":9,\"k\":\"c\"}\n");
    project.says(&["run"]);
    let rejects = project.rejects();
    let first = json!({
        "reject": 1, "query": "q", "run": 1, "source": "events", "file": "inputs/day=1/a.out", "line": 2,
        "reason": "syntax", "detail": rejects[0]["detail"], "raw": "{\"n\":2,\"k\":\"b\"", "cut": false,
    });
    assert_eq!((rejects.len(), &rejects[0]), (3, &first));
    assert_eq!(project.lines_left(), [2, 3, 5]);
    let offsets = project.rows("SELECT \"offset\", replayed_by FROM tidemill.rejects WHERE line = 3");
    assert_eq!(offsets, "{\"offset\":31,\"replayed_by\":null}\n");
    project.says(&["rejects", "q", "-o", "out.json"]);
    assert_eq!(project.read("out.json").lines().count(), 3);
    // Runs are forgotten, but not those whose rejects nobody has corrected.
    project.write("tidemill.toml", format!("{TOML}[history]\nruns = 1\n"));
    (3..6).for_each(|file| {
        project.write(&format!("inputs/day={file}/c.out"), "{\"n\":9,\"k\":\"c\"}\n");
        drop(project.says(&["run"]));
    });
    assert_eq!(project.rejects(), rejects);
    let runs = project.rows("SELECT run FROM tidemill.runs ORDER BY run");
    assert_eq!(runs, "{\"run\":1}\n{\"run\":4}\n{\"run\":5}\n", "run 4 made what stood there");
}

#[test]
fn no_more_are_kept_than_was_said_and_the_others_are_counted() {
    let project = project(APPEND);
    project.write("tidemill.toml", format!("{TOML}[rejects]\nlines = 4\n"));
    project.says(&["run"]);
    project.write("inputs/day=1/b.out", "1\n2\n3\n{\"n\":5,\"k\":\"b\"}\n");
    let told = project.says(&["run"]);
    assert!(told.contains("1 reject is kept"), "{told}");
    assert!(told.contains("2 rejects are over the bounds of [rejects], and not kept"), "{told}");
    assert_eq!(project.lines_left(), [2, 3, 5, 1]);
    assert!(project.says(&["rejects", "q"]).contains("2 more were over the bounds"), "told again");
    project.write("tidemill.toml", format!("{TOML}[rejects]\nbytes = \"20B\"\n"));
    let told = project.says(&["run", "--full-refresh"]);
    assert!(told.contains("2 rejects are over the bounds"), "{told}");
    assert_eq!(project.rejects().iter().map(|reject| reject["raw"].as_str().unwrap().len()).sum::<usize>(), 17);
    // Long lines are kept whole, up to a bound of their own.
    project.write("tidemill.toml", TOML);
    project.write("inputs/day=1/long.out", format!("{{\"n\":1,\"k\":\"{}\"\n", "é".repeat(50_000)));
    project.says(&["run"]);
    assert_eq!(project.rejects().iter().map(|reject| reject["raw"].as_str().unwrap().len()).max(), Some(100_013));
    let cut = "SELECT length(raw) AS length, cut FROM rejects.events WHERE raw LIKE '%é%'";
    assert_eq!(project.rows(cut), "{\"length\":518,\"cut\":true}\n");
    let cut = cut.replace("rejects.events", "tidemill.rejects");
    assert_eq!(project.rows(&cut), "{\"length\":50013,\"cut\":false}\n");
}

#[test]
fn bytes_that_are_no_text_are_kept_as_they_are() {
    let project = project(APPEND);
    let bad = b"{\"n\":7,\"k\":\"\xe9\"}\r";
    std::fs::write(
        project.path("inputs/day=1/a.out"),
        [&bad[..], b"\n{\"n\":1,\"k\":\"a\"}\n{\"k\":\"\xef\xbf\xbd\"\n"].concat(),
    )
    .unwrap();
    let sql = "SELECT raw, bytes, cut FROM rejects.events ORDER BY line";
    let rows = "{\"raw\":\"{\\\"n\\\":7,\\\"k\\\":\\\"\u{fffd}\\\"}\",\"bytes\":\"7b226e223a372c226b223a22e9227d\",\"cut\":false}\n\
                {\"raw\":\"{\\\"k\\\":\\\"\u{fffd}\\\"\",\"bytes\":null,\"cut\":false}\n";
    assert_eq!(project.rows(sql), rows);
    project.says(&["run"]);
    std::fs::remove_dir_all(project.path("inputs/day=1")).unwrap();
    assert_eq!(project.rows("SELECT raw, bytes, cut FROM tidemill.rejects ORDER BY line"), rows);
    let replay = |reject: i64, raw: &str| {
        project.write("c.json", json!({ "reject": reject, "raw": raw }).to_string());
        project.run(&["replay", "q", "c.json"])
    };
    // The same is no correction, and a part of it none that can be meant.
    assert!(stderr(&replay(1, "{\"n\":7,\"k\":\"\u{fffd}\"}")).contains("1 line is as it was"));
    let told = stderr(&replay(1, "{\"n\":8,\"k\":\"\u{fffd}\"}"));
    assert!(told.contains("the correction of reject 1 has `\u{fffd}`"), "{told}");
    assert!(told.contains("SELECT bytes FROM tidemill.rejects WHERE reject = 1"), "{told}");
    for (reject, raw) in [(1, "{\"n\":8,\"k\":\"\\ufffd\"}"), (2, "{\"k\":\"\u{fffd}\"}")] {
        assert!(stderr(&replay(reject, raw)).contains("1 reject is replayed"), "{raw}");
    }
}

#[test]
fn corrected_lines_are_rows_once() {
    for (sql, before, after) in [
        (
            "--@ mode = \"append\"\nSELECT n, k, day, _file AS f",
            vec![
                "{\"n\":1,\"k\":\"a\",\"day\":\"1\",\"f\":\"inputs/day=1/a.out\"}",
                "{\"n\":4,\"k\":\"b\",\"day\":\"1\",\"f\":\"inputs/day=1/a.out\"}",
            ],
            vec!["{\"n\":2,\"k\":\"b\",\"day\":\"1\",\"f\":\"inputs/day=1/a.out\"}"],
        ),
        (
            MERGE,
            vec!["{\"k\":\"a\",\"c\":1,\"s\":1}", "{\"k\":\"b\",\"c\":1,\"s\":4}"],
            vec!["{\"k\":\"a\",\"c\":1,\"s\":1}", "{\"k\":\"b\",\"c\":2,\"s\":6}"],
        ),
    ] {
        let project = project(sql);
        project.says(&["run"]);
        assert_eq!(project.all_rows(), before);
        project.corrects(&[(2, "{\"n\":2,\"k\":\"b\"}"), (3, "{\"n\":\"y\",\"k\":\"a\"}")]);
        let told = project.says(&["replay", "q", "rejects.json"]);
        assert!(told.contains("1 reject is replayed"), "{told}");
        assert!(told.contains("1 line is still no row, and stays a reject"), "{told}");
        assert!(told.contains("1 line is as it was, and stays a reject"), "{told}");
        let mut expected = if sql == MERGE { after } else { [before, after].concat() };
        expected.sort_unstable();
        assert_eq!(project.all_rows(), expected);
        assert_eq!(project.lines_left(), [3, 5]);
        assert_eq!(project.rows("SELECT replayed_by AS r FROM tidemill.rejects WHERE line = 2"), "{\"r\":2}\n");
        // Once: not by the same file, nor by the next run.
        let told = project.says(&["replay", "q", "rejects.json"]);
        assert!(told.contains("1 line was replayed before"), "{told}");
        assert!(project.says(&["run"]).contains("nothing to do"));
        assert_eq!(project.all_rows(), expected);
        // An emptied one is done with, and makes no row.
        project.corrects(&[(5, "")]);
        project.says(&["replay", "q", "rejects.json"]);
        assert_eq!(project.all_rows(), expected);
        assert_eq!(project.lines_left(), [3]);
        assert!(!project.path(".tidemill/replays/q").exists());
    }
}

#[test]
fn a_full_refresh_finds_them_again() {
    let project = project(APPEND);
    project.says(&["run"]);
    project.corrects(&[(2, "{\"n\":2,\"k\":\"b\"}")]);
    project.says(&["replay", "q", "rejects.json"]);
    let told = project.says(&["run", "--full-refresh"]);
    assert!(told.contains("1 line that was replayed is a reject again"), "{told}");
    assert_eq!((project.all_rows().len(), project.lines_left()), (2, vec![2, 3, 5]));
}

#[test]
fn a_correction_of_what_is_no_longer_remembered_is_told() {
    let project = project(APPEND);
    project.write("tidemill.toml", format!("{TOML}[history]\nruns = 1\n"));
    project.says(&["run"]);
    project.corrects(&[(2, ""), (3, ""), (5, "")]);
    project.says(&["replay", "q", "rejects.json"]);
    (3..6).for_each(|file| {
        project.write(&format!("inputs/day={file}/c.out"), "{\"n\":9,\"k\":\"c\"}\n");
        project.says(&["run"]);
    });
    assert!(project.rejects().is_empty());
    let told = stderr(&project.run(&["replay", "q", "rejects.json"]));
    assert!(told.contains("reject 1 of `q` is no longer remembered"), "{told}");
}

#[test]
fn what_is_no_correction_is_told_with_its_line() {
    let project = project(APPEND);
    project.says(&["run"]);
    let line = |reject: i64| json!({ "reject": reject, "raw": "{\"n\":1}" }).to_string();
    for (text, expected) in [
        (line(99), "`q` has no reject 99"),
        (line(1) + "\n" + &line(1), "line 2 of `c.json` corrects reject 1 a second time"),
        ("\n{\"n\":1}".to_owned(), "line 2 of `c.json` is no reject: missing field `reject`"),
        ("{\"reject\":1,\"raw\":\"a\\nb\"}".to_owned(), "line 1 of `c.json` makes two lines of one"),
        (String::new(), "there is no correction"),
        ("{\"reject\":\"\u{1}\"".to_owned(), "line 1 of `c.json` is no reject"),
    ] {
        project.write("c.json", &text);
        let output = project.run(&["replay", "q", "c.json"]);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(stderr(&output).contains(expected), "{text}: {}", stderr(&output));
    }
    project.write("c.json", line(1));
    assert!(stderr(&project.run(&["replay", "q", "none.json"])).contains("cannot read `none.json`"));
    assert!(stderr(&project.run(&["replay", "nope", "c.json"])).contains("there is no saved query `nope`"));
    for command in ["rejects", "history"] {
        assert!(stderr(&project.run(&[command, "nope"])).contains("there is no saved query `nope`"), "{command}");
    }
    for sql in ["SELECT n, k", "--@ mode = \"replace_partitions\"\n--@ partition_by = [\"k\"]\nSELECT n, k"] {
        project.write("queries/q.sql", sql);
        let output = project.run(&["replay", "q", "c.json"]);
        assert_eq!(output.status.code(), Some(2), "{sql}");
        assert!(stderr(&output).contains("makes its result of all lines"), "{}", stderr(&output));
    }
    project.write("queries/q.sql", "--@ mode = \"append\"\nSELECT n");
    assert!(stderr(&project.run(&["replay", "q", "c.json"])).contains("was published by another SQL text"));
}

#[test]
fn a_replay_that_dies_reads_each_line_once() {
    for (sql, rows) in [(APPEND, 4), (MERGE, 2)] {
        let mut died = 0;
        for moment in failpoint::ALL {
            let project = project(sql);
            project.says(&["run"]);
            project.corrects(&[(2, "{\"n\":2,\"k\":\"b\"}"), (5, "{\"n\":3,\"k\":\"b\"}")]);
            let args = ["replay", "q", "rejects.json"];
            let run = project.command(&args).env("TIDEMILL_DIES_AT", moment).stderr(Stdio::null()).status().unwrap();
            died += u32::from(run.signal() == Some(6));
            let told = project.says(&args);
            assert_eq!(project.all_rows().len(), rows, "{moment}: {told}");
            if sql == MERGE {
                assert_eq!(project.all_rows()[1], "{\"k\":\"b\",\"c\":3,\"s\":9}", "{moment}: {told}");
            }
            assert_eq!(project.lines_left(), [3], "{moment}: {told}");
            assert!(!project.path(".tidemill/replays/q").exists(), "{moment}");
            assert_eq!(project.names("outputs").len(), 1, "{moment}: {:?}", project.names("outputs"));
        }
        assert!(died >= 8, "{died}");
    }
}

#[test]
fn a_run_that_dies_keeps_its_rejects_once() {
    for sql in [APPEND, MERGE, "--@ mode = \"replace_partitions\"\n--@ partition_by = [\"k AS by\"]\nSELECT n, k"] {
        for moment in failpoint::ALL {
            let project = project(sql);
            project.says(&["run"]);
            project.write("inputs/day=2/b.out", "{\"n\":5,\"k\":\"c\"}\nodd\n");
            project.command(&["run"]).env("TIDEMILL_DIES_AT", moment).stderr(Stdio::null()).status().unwrap();
            project.says(&["run"]);
            assert_eq!(project.lines_left(), [2, 3, 5, 2], "{moment} {sql}");
        }
    }
}
