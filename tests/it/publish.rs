//! What stands in `outputs/` after a run, however it ended: the last result whole, or the next one whole.

use std::collections::HashSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use datafusion::arrow::ipc::reader::FileReader;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::project::{EVENTS, Project, stderr};

const IDS: &str = "{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n";

#[test]
fn a_run_publishes_and_says_what_it_did() {
    let project = Project::with_events();
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.read("outputs/ids.json"), IDS);
    assert_eq!(project.names("outputs"), ["ids.json"]);
    assert_eq!(output.stdout, b"");
    let told = stderr(&output);
    let (first, second) = told.split_once('\n').unwrap();
    assert!(first.starts_with("ids: 3 rows, 33 B in ") && first.ends_with(" s -> outputs/ids.json"), "{told}");
    assert_eq!(second, "  events: 3 lines = 3 rows + 0 rejects + 0 blank (1 file, 92 B)\n");
}

#[test]
fn the_old_result_stays_whatever_fails() {
    for (sql, files) in [
        ("SELECT idd FROM events", &[][..]),
        ("SELECT id FROM evnts", &[]),
        ("SELECT id\nFROM events\nWHER n > 1", &[]),
        ("--@ frmat = \"json\"\nSELECT id FROM events", &[]),
        ("", &[]),
        ("SELECT 1; SELECT 2", &[]),
        ("COPY events TO 'outputs/ids.json'", &[]),
        ("SELECT id, n / z AS ratio FROM events", &[]),
        ("SELECT id, n / 0.0 AS ratio FROM events", &[]),
        ("SELECT CAST(s AS BIGINT) AS s FROM events", &[]),
        ("SELECT n + 9223372036854775806 AS n FROM events", &[]),
        ("SELECT id, id FROM events", &[]),
        ("SELECT id FROM events", &[("inputs/b.out", "no json\n")]),
        (
            "SELECT id FROM events",
            &[("inputs/b.out", "no json\n"), ("tidemill.toml", "[sources.events]\non_reject = \"fail\"")],
        ),
        ("SELECT id FROM events", &[("tidemill.toml", "[sources.events]\npath = \"none/*.out\"")]),
        ("SELECT id FROM events", &[("tidemill.toml", "[sources.events]\npth = \"x\"")]),
        ("SELECT id FROM events", &[("queries/b.sql", "--@ output = \"outputs/ids.json\"\nSELECT 1 AS a")]),
    ] {
        let project = Project::with_events();
        project.write("outputs/ids.json", "old\n");
        project.write("queries/ids.sql", sql);
        files.iter().for_each(|(path, text)| project.write(path, text));
        let output = project.run(&["run"]);
        assert!(matches!(output.status.code(), Some(1..=3)), "{sql}: {}", stderr(&output));
        assert_eq!(project.read("outputs/ids.json"), "old\n", "{sql}");
        assert_eq!(project.names("outputs"), ["ids.json"], "{sql}");
    }
}

#[test]
fn a_result_too_large_for_the_disk_leaves_the_old_one() {
    let project = Project::with_events();
    project.write("outputs/big.json", "old\n");
    project.write("queries/big.sql", "SELECT value FROM generate_series(1, 100000)");
    // A limit on the size of files: a small disk is for root alone to make. The signal that comes with it may be ignored or not.
    for trap in ["trap '' XFSZ; ", ""] {
        let limited = format!("{trap}ulimit -f 64; exec \"$0\" \"$@\"");
        let output =
            project.program("sh", &["-c", &limited, env!("CARGO_BIN_EXE_tidemill"), "run", "big"]).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(stderr(&output).contains("the previous result is untouched"), "{}", stderr(&output));
        assert_eq!(project.read("outputs/big.json"), "old\n");
        assert_eq!(project.names("outputs"), ["big.json"]);
    }
}

#[test]
fn a_query_that_fails_does_not_stop_the_others() {
    let project = Project::with_events();
    for (name, sql) in [("a", "SELECT idd FROM events"), ("b", "SELECT 1 / 0"), ("c", "SELECT 2 AS two")] {
        project.write(&format!("queries/{name}.sql"), sql);
    }
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(2), "the gravest counts: {}", stderr(&output));
    assert_eq!(project.names("outputs"), ["c.json", "ids.json"]);
    assert_eq!(project.run(&["run", "b", "c"]).status.code(), Some(1));
    assert_eq!(project.run(&["run", "c", "ids"]).status.code(), Some(0));
}

#[test]
fn the_report_as_json_adds_up() {
    let project = Project::with_events();
    project.write("inputs/b.out", "\n  \n{\"id\":\"4\",\"n\":\"\",\"n\":5}\nno json\n{\"id\":\"5\",\"n\":\"\"}\n");
    project.write("tidemill.toml", "[sources.events]\nmax_reject_ratio = 0.5\n");
    project.write("queries/bad.sql", "SELECT id,\n  idd FROM events");
    let output = project.run(&["run", "--json"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(stderr(&output), "");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["version"], 1);

    let bad = &report["queries"][0];
    assert_eq!((&bad["query"], &bad["status"]), (&"bad".into(), &"failed".into()));
    assert_eq!(bad["result"], "unpublished");
    assert_eq!(bad["error"]["message"], "there is no column `idd`");
    assert_eq!(bad["error"]["place"], serde_json::json!({ "file": "queries/bad.sql", "line": 2, "column": 3 }));

    let ids = &report["queries"][1];
    assert_eq!((&ids["query"], &ids["status"]), (&"ids".into(), &"published".into()));
    assert_eq!(ids["rows"], 5);
    assert_eq!(ids["bytes"], project.read("outputs/ids.json").len());
    assert_eq!(ids["path"], project.path("outputs/ids.json").to_str().unwrap());
    assert!(ids["seconds"].as_f64().unwrap() > 0.0);
    let source = &ids["sources"][0];
    let count = |name: &str| source[name].as_u64().unwrap();
    assert_eq!((count("lines"), count("rows"), count("rejects"), count("blank")), (8, 5, 1, 2));
    assert_eq!(source["rejects_by_reason"], serde_json::json!({ "syntax": 1 }));
    assert_eq!(count("duplicate_keys"), 1);
    assert_eq!(source["empty_as_null"]["n"], 1);
    assert_eq!(source["first_rejects"][0]["line"], 4);
}

/// The rows of a result file, as the format's own reader finds them, and the names of its columns.
fn rows_of(project: &Project, path: &str) -> (usize, Vec<String>) {
    let names = |schema: &datafusion::arrow::datatypes::Schema| {
        schema.fields().iter().map(|field| field.name().clone()).collect::<Vec<_>>()
    };
    let file = || fs::File::open(project.path(path)).unwrap();
    match path.rsplit('.').next().unwrap() {
        "parquet" => {
            let builder = ParquetRecordBatchReaderBuilder::try_new(file()).unwrap();
            let columns = names(builder.schema());
            (builder.build().unwrap().map(|batch| batch.unwrap().num_rows()).sum(), columns)
        }
        "arrow" => {
            let reader = FileReader::try_new(file(), None).unwrap();
            let columns = names(&reader.schema());
            (reader.map(|batch| batch.unwrap().num_rows()).sum(), columns)
        }
        "csv" => {
            let text = project.read(path);
            let mut lines = text.lines();
            let columns = lines.next().unwrap().split(',').map(str::to_owned).collect();
            (lines.count(), columns)
        }
        _ => (project.read(path).lines().count(), Vec::new()),
    }
}

#[test]
fn every_format_holds_the_result_also_an_empty_one() {
    let project = Project::with_events();
    project.write("queries/none.sql", "SELECT id, n FROM events WHERE n > 100");
    project.write("queries/some.sql", "SELECT id, n FROM events WHERE n > 1");
    for format in ["json", "csv", "parquet", "arrow"] {
        let output = project.run(&["run", "none", "some", "--format", format]);
        assert_eq!(output.status.code(), Some(0), "{format}: {}", stderr(&output));
        let columns = if format == "json" { vec![] } else { vec!["id".to_owned(), "n".to_owned()] };
        assert_eq!(rows_of(&project, &format!("outputs/none.{format}")), (0, columns.clone()), "{format}");
        assert_eq!(rows_of(&project, &format!("outputs/some.{format}")), (2, columns), "{format}");
    }
    // Another name for JSON.
    assert_eq!(project.run(&["run", "some", "--format", "ndjson"]).status.code(), Some(0));
    assert_eq!(project.names("outputs").iter().filter(|name| name.starts_with("some")).count(), 4);
}

#[test]
fn headers_and_flags_say_where_and_as_what() {
    let project = Project::with_events();
    project.write("queries/format.sql", "-- Traffic.\n--@ format = \"parquet\"\nSELECT id FROM events");
    project.write("queries/output.sql", "--@ output = \"results/deep/all.csv\"\nSELECT id FROM events");
    project
        .write("queries/both.sql", "--@ format = \"json\"\n--@ output = \"results/both.txt\"\nSELECT id FROM events");
    assert_eq!(project.run(&["run"]).status.code(), Some(0));
    assert_eq!(project.names("outputs"), ["format.parquet", "ids.json"]);
    assert_eq!(project.read("results/deep/all.csv"), "id\n1\n2\n3\n");
    assert_eq!(project.read("results/both.txt").lines().count(), 3);

    assert_eq!(project.run(&["run", "-o", "elsewhere", "--format", "csv"]).status.code(), Some(0));
    assert_eq!(project.names("elsewhere"), ["all.csv", "both.txt", "format.csv", "ids.csv"]);
    assert_eq!(project.read("elsewhere/ids.csv"), "id\n1\n2\n3\n");
    assert_eq!(project.names("outputs"), ["format.parquet", "ids.json"]);
}

#[test]
fn a_query_may_be_named_by_its_path_and_from_a_folder_below() {
    let project = Project::with_events();
    project.write("tidemill.toml", "");
    let mut command = project.command(&["run", "../queries/ids.sql"]);
    assert_eq!(command.current_dir(project.path("inputs")).output().unwrap().status.code(), Some(0));
    assert_eq!(project.read("outputs/ids.json"), IDS);
}

#[test]
fn order_by_is_kept_in_the_file() {
    let project = Project::new(&[("queries/sorted.sql", "SELECT n FROM events ORDER BY n DESC")]);
    for file in 0..4 {
        let lines: String = (0..5_000).map(|n| format!("{{\"n\":{}}}\n", (n * 7_919 + file * 31) % 10_007)).collect();
        project.write(&format!("inputs/{file}.out"), lines);
    }
    assert_eq!(project.run(&["run"]).status.code(), Some(0));
    let numbers: Vec<i64> = project
        .read("outputs/sorted.json")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers.len(), 20_000);
    assert!(numbers.is_sorted_by(|a, b| a >= b));
}

#[test]
fn sql_publishes_where_it_is_told_to() {
    let project = Project::with_events();
    project.write("old.json", "old\n");
    let before = project.names("");
    let failing = "SELECT id, n / z AS ratio FROM events";
    for args in [
        &["sql", failing, "--output", "old.json"][..],
        &["sql", "--allow-writes", &format!("COPY ({failing}) TO 'old.json'")],
        &["sql", "COPY events TO 'old.json'"],
    ] {
        assert_ne!(project.run(args).status.code(), Some(0), "{args:?}");
        assert_eq!(project.read("old.json"), "old\n", "{args:?}");
        assert_eq!(project.names(""), before, "{args:?}");
    }
    let output = project.run(&["sql", "SELECT id FROM events ORDER BY id", "--output", "old.json"]);
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), &b""[..]));
    assert_eq!(project.read("old.json"), IDS);
    let copy =
        "COPY (SELECT id FROM events ORDER BY id DESC) TO 'new.csv'; COPY events TO 'all.data' STORED AS PARQUET";
    assert_eq!(project.run(&["sql", "--allow-writes", copy]).status.code(), Some(0));
    assert_eq!(project.read("new.csv"), "id\n3\n2\n1\n");
    fs::rename(project.path("all.data"), project.path("all.parquet")).unwrap();
    assert_eq!(rows_of(&project, "all.parquet").0, 3);
    assert_eq!(project.names(""), ["all.parquet", "inputs", "new.csv", "old.json", "queries"]);
}

#[test]
fn tables_and_views_live_for_one_session() {
    let project = Project::with_events();
    let sql = "CREATE TABLE t AS SELECT n + 1 AS m FROM events; CREATE VIEW v AS SELECT max(m) AS m FROM t;
        SELECT m FROM v; DROP VIEW v; DROP TABLE t; DROP TABLE IF EXISTS t";
    let output = project.run(&["sql", "--allow-writes", sql]);
    assert_eq!((output.stdout.as_slice(), stderr(&output).as_str()), (&b"{\"m\":4}\n"[..], ""));
    assert_eq!(project.names(""), ["inputs", "queries"]);
}

fn send(signal: &str, child: &Child) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

fn stages(project: &Project) -> usize {
    project.names("outputs").iter().filter(|name| name.starts_with(".stage-")).count()
}

#[test]
fn a_signal_leaves_the_old_result_and_no_stage() {
    let project = Project::with_events();
    project.write("outputs/endless.json", "old\n");
    project.write("queries/endless.sql", "SELECT value FROM generate_series(1, 1000000000000)");
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = project.command(&["run", "endless"]).stderr(Stdio::piped()).spawn().unwrap();
        while stages(&project) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
            std::thread::yield_now();
        }
        send(signal, &child);
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert!(stderr(&output).contains("stopped by signal"), "{}", stderr(&output));
        assert_eq!(project.names("outputs"), ["endless.json"]);
        assert_eq!(project.read("outputs/endless.json"), "old\n");
    }
}

#[test]
fn a_terminal_that_is_closed_stops_no_run_that_was_told_to_go_on() {
    let project = Project::with_events();
    project.write("outputs/old.json", "");
    project.write("queries/endless.sql", "SELECT value FROM generate_series(1, 1000000000000)");
    for (told, code) in [("trap '' HUP; ", 143), ("", 129)] {
        let script = format!("{told}exec \"$0\" run endless");
        let mut command = Command::new("sh");
        command.args(["-c", &script, env!("CARGO_BIN_EXE_tidemill")]).current_dir(project.root());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        while stages(&project) == 0 {
            assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
            std::thread::yield_now();
        }
        send("-HUP", &child);
        // What was not ignored would be seen by now.
        std::thread::sleep(Duration::from_millis(300));
        if !told.is_empty() {
            assert!(child.try_wait().unwrap().is_none(), "it was told to go on");
            send("-TERM", &child);
        }
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
        assert_eq!(project.names("outputs"), ["old.json"]);
    }
}

#[test]
fn what_was_done_before_a_signal_is_in_the_report() {
    let project = Project::with_events();
    project.write("queries/a.sql", "SELECT count(*) AS n FROM events");
    project.write("queries/b.sql", "SELECT value FROM generate_series(1, 1000000000000)");
    let mut child = project.command(&["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !project.path("outputs/a.json").exists() || stages(&project) == 0 {
        assert!(child.try_wait().unwrap().is_none(), "it ended before it wrote anything");
        std::thread::yield_now();
    }
    send("-INT", &child);
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let queries = report["queries"].as_array().unwrap();
    assert_eq!((queries.len(), &queries[0]["query"], &queries[0]["status"]), (1, &"a".into(), &"published".into()));
    assert_eq!(project.names("outputs"), ["a.json"]);
}

/// Enough that all steps of a run take their time.
fn project_to_kill() -> (Project, String) {
    let lines: String = (0..20_000).map(|n| format!("{{\"id\":\"{n}\",\"n\":{n}}}\n")).collect();
    let project = Project::new(&[("inputs/a.out", &lines), ("queries/ids.sql", "SELECT id, n FROM events ORDER BY n")]);
    assert_eq!(project.run(&["run"]).status.code(), Some(0));
    let whole = project.read("outputs/ids.json");
    assert_eq!(whole.lines().count(), 20_000);
    (project, whole)
}

/// Starts a run over an old result, kills it once `is_time`, and says whether the old or the new result is there.
fn kill_when(project: &Project, whole: &str, is_time: &mut dyn FnMut() -> bool) -> &'static str {
    project.write("outputs/ids.json", "old\n");
    let mut child = project.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    while !is_time() && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    // It may have ended by itself, which is a moment as good as any.
    let _ = child.kill();
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(9), "{status}");
    match project.read("outputs/ids.json") {
        text if text == "old\n" => "old",
        text if text == whole => "new",
        text => panic!("neither the old nor the new result, but {} bytes", text.len()),
    }
}

#[test]
fn killed_at_any_moment_it_leaves_the_old_or_the_new_result() {
    const MOMENTS: u32 = 32;
    let (project, whole) = project_to_kill();
    let begun = Instant::now();
    assert_eq!(project.run(&["run"]).status.code(), Some(0));
    let full = begun.elapsed();

    let mut seen = HashSet::new();
    // All through a run, and a little beyond its end.
    for moment in 0..MOMENTS {
        let begun = Instant::now();
        let wait = full * moment / (MOMENTS - 4);
        seen.insert(kill_when(&project, &whole, &mut || begun.elapsed() >= wait));
    }
    // From when the stage is there, when it matters: sooner and later.
    let mut stages_seen = 0;
    for moment in 0..MOMENTS {
        let before: HashSet<String> = project.names("outputs").into_iter().collect();
        let mut staged: Option<Instant> = None;
        let wait = Duration::from_micros(u64::from(moment * moment) * 40);
        seen.insert(kill_when(&project, &whole, &mut || {
            let names = project.names("outputs");
            let is_new = |name: &String| name.starts_with(".stage-") && !before.contains(name);
            if staged.is_none() && names.iter().any(is_new) {
                staged = Some(Instant::now());
            }
            staged.is_some_and(|since| since.elapsed() >= wait)
        }));
        stages_seen += usize::from(stages(&project) > 0);
    }
    assert!(seen.contains("old"), "no run was killed before it published");
    assert!(stages_seen > 0, "no run was killed while it was writing");

    // The next run sweeps what those left, and publishes.
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(project.names("outputs"), ["ids.json"]);
    assert_eq!(project.read("outputs/ids.json"), whole);
}

/// The exit code of `tidemill …` whose standard output is read no further than one line, and how long it took.
fn first_line_of(project: &Project, args: &str) -> (String, Duration) {
    let binary = env!("CARGO_BIN_EXE_tidemill");
    let line = format!("(\"{binary}\" {args} 2>stderr; echo \"exit $?\" >>stderr) | head -n 1");
    let begun = Instant::now();
    let output = project.program("sh", &["-c", &line]).output().unwrap();
    assert_eq!(output.stdout.iter().filter(|byte| **byte == b'\n').count(), 1);
    (project.read("stderr"), begun.elapsed())
}

#[test]
fn a_reader_that_goes_away_ends_it_quietly() {
    let project = Project::new(&[]);
    let filler = "x".repeat(900);
    let lines: String = (0..1_000).map(|n| format!("{{\"id\":\"{n}\",\"text\":\"{filler}\"}}\n")).collect();
    project.write("inputs/a.out", lines.repeat(50));
    for format in ["json", "csv"] {
        let (told, took) = first_line_of(&project, &format!("sql --format {format} 'SELECT * FROM events'"));
        assert_eq!(told, "exit 0\n");
        assert!(took < Duration::from_secs(15), "{took:?}");
    }
    // Without end: only a reader that is noticed to be gone stops it.
    let (told, _) = first_line_of(&project, "sql 'SELECT * FROM generate_series(1, 1000000000000)'");
    assert_eq!(told, "exit 0\n");
}

#[test]
fn several_statements_answer_in_order() {
    let project = Project::new(&[("inputs/a.out", EVENTS), ("two.sql", "SELECT 1 AS a;\n-- and\nSELECT 2 AS b;\n")]);
    assert_eq!(project.rows("SELECT 1 AS a; SELECT 2 AS b"), "{\"a\":1}\n{\"b\":2}\n");
    let output = project.run(&["sql", "-f", "two.sql", "--format", "table"]);
    let table = |name: &str, value: i32| {
        format!("┌────────┐\n│      {name} │\n│ bigint │\n├────────┤\n│      {value} │\n└────────┘\n1 row\n")
    };
    let expected = table("a", 1) + &table("b", 2);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
}
