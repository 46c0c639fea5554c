//! Input too large to be read twice: columns are guessed from samples, and what the samples did not show is told and
//! read right all the same.

use std::process::Output;

use crate::project::{Project, stderr};

/// Lines of about 100 bytes that make an input of more than is read in full at once, with others at places that no
/// sample shows.
fn input(others: &[(usize, &str)]) -> String {
    let mut lines: Vec<String> =
        (0..120_000).map(|n| format!("{{\"n\":{n},\"t\":\"{}\",\"v\":1}}", "x".repeat(70))).collect();
    for (at, other) in others {
        (*other).clone_into(&mut lines[*at]);
    }
    lines.join("\n") + "\n"
}

fn project(others: &[(usize, &str)], sql: &str) -> Project {
    Project::new(&[("inputs/a.out", &input(others)), ("queries/q.sql", sql)])
}

/// Runs `sql` and returns what it published and told.
fn published(others: &[(usize, &str)], sql: &str) -> (String, String) {
    let project = project(others, sql);
    let output = project.run(&["run"]);
    let told = stderr(&output);
    assert!(output.status.success(), "{told}");
    // The same without a file.
    assert_eq!(project.rows(sql), project.read("outputs/q.json"), "{sql}");
    (project.read("outputs/q.json"), told)
}

fn check(others: &[(usize, &str)], sql: &str, expected: &str, note: Option<&str>) {
    let (rows, told) = published(others, sql);
    assert_eq!(rows.trim_end(), expected, "{sql}");
    match note {
        Some(note) => assert!(told.contains(note), "{told}"),
        None => assert!(!told.contains("read again"), "{told}"),
    }
}

#[test]
fn a_guess_that_holds_is_read_once() {
    check(&[], "SELECT count(*) AS n, sum(v) AS v FROM events", r#"{"n":120000,"v":120000}"#, None);
}

#[test]
fn a_wider_type_is_found_wherever_it_stands() {
    let wider = [(40_000, r#"{"n":40000,"v":1.5}"#)];
    let note = Some("events: read again, for column `v` is double, not bigint");
    check(&wider, "SELECT sum(v) AS v FROM events", r#"{"v":120000.5}"#, note);
    // Also where the query does not read the column.
    check(&wider, "SELECT count(*) AS n FROM events WHERE n < 10", r#"{"n":10}"#, note);
    check(
        &[(40_000, r#"{"n":40000,"v":"x"}"#)],
        "SELECT max(v) AS v FROM events",
        r#"{"v":"x"}"#,
        Some("`v` is varchar"),
    );
}

#[test]
fn a_new_key_is_a_column() {
    let new = [(70_000, r#"{"n":70000,"late":{"at":["last"]}}"#)];
    let note = Some("events: read again, for there is a column `late`");
    check(
        &new,
        "SELECT * FROM events WHERE n = 5",
        &format!(r#"{{"n":5,"t":"{}","v":1,"late":null}}"#, "x".repeat(70)),
        note,
    );
    // A statement that names it cannot be planned by the guess.
    check(&new, "SELECT late['at'][1] AS at, n FROM events WHERE late IS NOT NULL", r#"{"at":"last","n":70000}"#, None);
}

#[test]
fn columns_stand_in_the_order_of_their_first_appearance() {
    let swapped = [(20_000, r#"{"n":20000,"y":1}"#), (30_000, r#"{"n":30000,"x":1}"#), (119_999, r#"{"x":1,"y":2}"#)];
    check(
        &swapped,
        "SELECT * FROM events WHERE n = 20000",
        r#"{"n":20000,"t":null,"v":null,"y":1,"x":null}"#,
        Some("events: read again, for the order of the columns is another"),
    );
}

#[test]
fn rejects_that_no_sample_shows_count() {
    let broken: Vec<(usize, &str)> = (30_000..32_000).map(|at| (at, "{")).collect();
    let project = project(&broken, "SELECT count(*) AS n FROM events");
    let told = |output: Output| (output.status.code(), stderr(&output));
    let (code, text) = told(project.run(&["run"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("2000 of 120000 lines of `events` were rejected (1.67%)"), "{text}");
    assert!(!project.path("outputs/q.json").exists());
    let (code, text) = told(project.run(&["sql", "SELECT n FROM events LIMIT 1"]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("2000 of 120000 lines"), "{text}");
}

#[test]
fn a_run_that_stops_early_accounts_for_every_line() {
    let (rows, told) = published(&[(60_000, "{")], "SELECT n FROM events WHERE n < 3 ORDER BY n LIMIT 2");
    assert_eq!(rows, "{\"n\":0}\n{\"n\":1}\n");
    assert!(told.contains("events: 120000 lines = 119999 rows + 1 rejects + 0 blank"), "{told}");
    let (rows, told) = published(&[(60_000, r#"{"v":2.5}"#)], "SELECT v FROM events LIMIT 1");
    assert_eq!(rows, "{\"v\":1.0}\n");
    assert!(told.contains("events: 120000 lines = 120000 rows"), "{told}");
}

#[test]
fn a_source_that_is_read_twice_in_a_statement_is_accounted_for_once() {
    let sql = "SELECT count(*) AS n FROM events a JOIN events b ON a.n = b.n WHERE a.n % 1000 = 0";
    let (rows, told) = published(&[], sql);
    assert_eq!(rows, "{\"n\":120}\n");
    assert!(told.contains("events: 120000 lines = 120000 rows + 0 rejects + 0 blank"), "{told}");
}

#[test]
fn what_describes_a_source_shows_what_is_so() {
    let project = project(&[(40_000, r#"{"n":40000,"v":1.5,"late":true}"#)], "SELECT n FROM events LIMIT 1");
    let columns = project.rows("DESCRIBE events");
    assert!(columns.contains(r#""column_name":"v","data_type":"double""#), "{columns}");
    assert!(columns.contains(r#""column_name":"late","data_type":"boolean""#), "{columns}");
}
