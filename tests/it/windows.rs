//! Windows as a run publishes them: what Beam documents, on one thread and on eight, in both formats; and sessions of more
//! events than memory holds.

use datafusion::arrow::json::LineDelimitedWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::project::{Project, stderr};

/// The events of `facts`, in files so small and many that every thread has some.
fn beam(threads: usize) -> Project {
    let settings = format!(
        "[limits]\nthreads = {threads}\n[sources.events]\npath = \"inputs/*.out\"\ncolumns = {{ at = \"timestamp(ms)\" }}\n"
    );
    let project = Project::new(&[("tidemill.toml", &settings)]);
    for number in 0..8 {
        project.write(&format!("inputs/empty-{number}.out"), "\n");
    }
    let events = [("ann", "01:01:03"), ("ann", "01:02:03"), ("bob", "01:06:03"), ("ann", "02:04:03")];
    for (number, (who, time)) in events.into_iter().enumerate() {
        let line = format!("{{\"who\":\"{who}\",\"at\":\"2017-01-01T{time}\"}}\n");
        project.write(&format!("inputs/{number}.out"), line);
    }
    project
}

/// What a saved query publishes, as JSON lines whatever its format.
fn published(project: &Project, sql: &str, format: &str) -> Vec<String> {
    project.write("queries/q.sql", sql);
    let output = project.run(&["run", "q", "--format", format]);
    assert!(output.status.success(), "{sql}: {}", stderr(&output));
    if format == "json" {
        return project.read("outputs/q.json").lines().map(str::to_owned).collect();
    }
    let file = std::fs::File::open(project.path("outputs/q.parquet")).unwrap();
    let mut lines = LineDelimitedWriter::new(Vec::new());
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        lines.write(&batch.unwrap()).unwrap();
    }
    lines.finish().unwrap();
    String::from_utf8(lines.into_inner()).unwrap().lines().map(str::to_owned).collect()
}

/// Expected rows as `start end page_views`, with the visitor in front where the query is per visitor.
fn check(grouped: &str, per: &str, from: &str, expected: &[&str]) {
    let (window, arguments) = grouped.split_once('(').unwrap();
    let who = if per.is_empty() { "" } else { "who, " };
    let in_group_by = format!(
        "SELECT {who}{window}_START({arguments} AS s, {window}_END({arguments} AS e, COUNT(*) AS n FROM events GROUP BY {who}{grouped} ORDER BY {who}s"
    );
    let in_from = format!(
        "SELECT {who}window_start AS s, window_end AS e, COUNT(*) AS n FROM {from} GROUP BY {who}window_start, window_end ORDER BY {who}s"
    );
    for threads in [1, 8] {
        let project = beam(threads);
        for sql in [&in_group_by, &in_from] {
            for format in ["json", "parquet"] {
                let rows = published(&project, sql, format);
                let found: Vec<String> = rows.iter().map(|row| shown(row)).collect();
                assert_eq!(found, expected, "{sql}, {threads} threads, {format}");
            }
        }
    }
}

fn shown(row: &str) -> String {
    let row: Value = serde_json::from_str(row).unwrap();
    let time = |key: &str| row[key].as_str().unwrap().trim_start_matches("2017-01-01T").to_owned();
    let who = row.get("who").map_or_else(String::new, |who| format!("{} ", who.as_str().unwrap()));
    format!("{who}{} {} {}", time("s"), time("e"), row["n"])
}

#[test]
fn tumbling_windows_are_those_of_beam() {
    let size = "INTERVAL '1' HOUR";
    let (grouped, from) = (format!("TUMBLE(at, {size})"), format!("TUMBLE(TABLE events, DESCRIPTOR(at), {size})"));
    check(&grouped, "", &from, &["01:00:00 02:00:00 3", "02:00:00 03:00:00 1"]);
    check(&grouped, "who", &from, &["ann 01:00:00 02:00:00 2", "ann 02:00:00 03:00:00 1", "bob 01:00:00 02:00:00 1"]);
    let size = "INTERVAL '31' DAY";
    let (grouped, from) = (format!("TUMBLE(at, {size})"), format!("TUMBLE(TABLE events, DESCRIPTOR(at), {size})"));
    check(&grouped, "", &from, &["2016-12-08T00:00:00 2017-01-08T00:00:00 4"]);
}

#[test]
fn hopping_windows_are_those_of_beam() {
    let lengths = "INTERVAL '30' MINUTE, INTERVAL '1' HOUR";
    let (grouped, from) = (format!("HOP(at, {lengths})"), format!("HOP(TABLE events, DESCRIPTOR(at), {lengths})"));
    let all = ["00:30:00 01:30:00 3", "01:00:00 02:00:00 3", "01:30:00 02:30:00 1", "02:00:00 03:00:00 1"];
    check(&grouped, "", &from, &all);
    let per_visitor = [
        "ann 00:30:00 01:30:00 2",
        "ann 01:00:00 02:00:00 2",
        "ann 01:30:00 02:30:00 1",
        "ann 02:00:00 03:00:00 1",
        "bob 00:30:00 01:30:00 1",
        "bob 01:00:00 02:00:00 1",
    ];
    check(&grouped, "who", &from, &per_visitor);
}

#[test]
fn sessions_are_those_of_beam() {
    let gap = "INTERVAL '5' MINUTE";
    let grouped = format!("SESSION(at, {gap})");
    let all = ["01:01:03 01:11:03 3", "02:04:03 02:09:03 1"];
    check(&grouped, "", &format!("SESSION(TABLE events, DESCRIPTOR(at), {gap})"), &all);
    let per_visitor = ["ann 01:01:03 01:07:03 2", "ann 02:04:03 02:09:03 1", "bob 01:06:03 01:11:03 1"];
    check(&grouped, "who", &format!("SESSION(TABLE events PARTITION BY who, DESCRIPTOR(at), {gap})"), &per_visitor);
}

#[test]
fn rows_without_an_event_time_are_told() {
    let project = Project::new(&[
        ("tidemill.toml", "[sources.events]\npath = \"inputs/*.out\"\ncolumns = { at = \"timestamp(ms)\" }\n"),
        ("inputs/a.out", "{\"at\":\"2017-01-01T01:01:03\"}\n{\"at\":null}\n{\"n\":1}\n"),
        (
            "queries/q.sql",
            "SELECT SESSION_START(at, INTERVAL '1' HOUR) AS s, COUNT(*) AS n GROUP BY SESSION(at, INTERVAL '1' HOUR)",
        ),
    ]);
    let output = project.run(&["run"]);
    assert!(stderr(&output).contains("\n  2 rows have no event time, and are in no window\n"), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&project.run(&["run", "--json"]).stdout).unwrap();
    assert_eq!(report["queries"][0]["null_event_times"], 2);
    let output =
        project.run(&["sql", "SELECT count(*) WHERE at IS NULL OR n = 1 GROUP BY TUMBLE(at, INTERVAL '1' HOUR)"]);
    assert_eq!((output.stdout.as_slice(), output.status.code()), (&b""[..], Some(0)));
    assert_eq!(stderr(&output), "warning: 2 rows have no event time, and are in no window\n");
}

#[test]
fn conditions_that_make_other_sessions_stand_above_them() {
    let project = Project::new(&[("inputs/a.out", "{\"id\":1,\"at\":\"2024-03-01T00:00:00\"}\n")]);
    let plan = |from: &str, condition: &str| {
        let sql = format!("EXPLAIN SELECT window_start FROM {from} WHERE {condition}");
        let output = project.run(&["sql", &sql]);
        assert!(output.status.success(), "{}", stderr(&output));
        String::from_utf8(output.stdout).unwrap().split("physical_plan").next().unwrap().to_owned()
    };
    let gap = "DESCRIPTOR(at), INTERVAL '1' MINUTE";
    let events = "(SELECT id, CAST(at AS TIMESTAMP) AS at FROM events)";
    let session = format!("SESSION({events} PARTITION BY id, {gap})");
    let is_above = |plan: &str, condition: &str| {
        let windows = plan.find("WindowAssign").unwrap();
        plan[..windows].contains(condition) && !plan[windows..].contains(condition)
    };
    assert!(is_above(&plan(&session, "random() < 0.5"), "random()"));
    assert!(is_above(&plan(&session, "at > '2024-01-01'"), "Filter"));
    assert!(!is_above(&plan(&session, "id = 1"), "Filter"), "{}", plan(&session, "id = 1"));
    // `id` is the key of the one, and not of the other.
    let both = format!("(SELECT a.id, b.id, a.at FROM {events} a JOIN {events} b ON a.at = b.at)");
    let joined = format!("SESSION({both} PARTITION BY a.id, {gap}) AS s(x, y, at, window_start, window_end)");
    assert!(is_above(&plan(&joined, "y = 1"), "Filter"), "{}", plan(&joined, "y = 1"));
}

#[test]
fn sessions_that_do_not_fit_memory_are_the_same() {
    let events = Project::new(&[("inputs/none.out", "")]);
    let args = ["generate", "-e", "60000", "--num-users", "500", "--max-lag-seconds", "80000", "--seed", "3"];
    let args = [&args[..], &["--start", "2024-03-01", "--output", "inputs/a.out"]].concat();
    assert!(events.run(&args).status.success());
    let sql = "SELECT id, SESSION_START(at, INTERVAL '7' MINUTE) AS s, SESSION_END(at, INTERVAL '7' MINUTE) AS e, COUNT(*) AS n, COUNT(user_agent || ip) AS a FROM (SELECT *, CAST(event_datetime AS TIMESTAMP(3)) AS at FROM events) GROUP BY id, SESSION(at, INTERVAL '7' MINUTE)";
    let run = |memory: &str| {
        events.write("tidemill.toml", format!("[limits]\nmemory = \"{memory}\"\nthreads = 2\n"));
        let mut rows = published(&events, sql, "json");
        rows.sort_unstable();
        rows
    };
    let (roomy, tight) = (run("1GiB"), run("24MiB"));
    assert!(roomy.len() > 10_000);
    assert_eq!(roomy, tight);
    let plan = events.rows(&format!("EXPLAIN ANALYZE {sql}"));
    let spilled = plan.split("WindowExec").nth(1).unwrap().split("spill_count=").nth(1).unwrap();
    let count: u64 = spilled.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap();
    assert!(count > 0, "nothing was spilled: {plan}");
}
