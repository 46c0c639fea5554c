//! Queries whose groups are kept and added to: after any number of runs the result is what one run over all lines gives.

use std::fs;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::project::{Project, stderr};

/// A line of some kind; `t` is a time, `w` a text, `x` a fraction of few bits, so that sums are exact in any order.
fn line(random: &mut StdRng) -> String {
    let key = ["\"a\"", "\"b\"", "\"c d\"", "null"][random.random_range(0..4)];
    let (n, x) = (random.random_range(-50..50), f64::from(random.random_range(-100..100)) / 8.0);
    let (minute, second) = (random.random_range(0..3), random.random_range(0..60));
    let w = random.random_range(0..9);
    format!(
        "{{\"k\":{key},\"n\":{n},\"x\":{x:?},\"b\":{},\"w\":\"w{w}\",\"t\":\"2026-01-01T00:0{minute}:{second:02}Z\"}}\n",
        n % 3 == 0
    )
}

fn project(sql: &str, key: &str, settings: &str) -> Project {
    let toml = "[sources.events]\npath = \"inputs/*.out\"\ncolumns = { t = \"timestamp(ms)\" }\n";
    let merged = format!("--@ mode = \"merge\"\n--@ key = {key}\n{settings}{sql}");
    let project = Project::new(&[("tidemill.toml", toml), ("queries/merged.sql", &merged)]);
    project.write("queries/whole.sql", format!("{settings}{sql}"));
    project
}

impl Project {
    fn merges(&self) -> String {
        let output = self.run(&["run", "merged"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    }

    /// Checks that what was merged is what one run over everything gives.
    fn merged_is_whole(&self) {
        let output = self.run(&["run", "whole"]);
        assert!(output.status.success(), "{}", stderr(&output));
        let sorted = |path: &str| {
            let mut rows: Vec<String> = self.read(path).lines().map(str::to_owned).collect();
            rows.sort();
            rows
        };
        assert_eq!(sorted("outputs/merged.json"), sorted("outputs/whole.json"));
    }
}

/// Merges some files one by one, some growing, and compares each time.
fn check(sql: &str, key: &str) {
    let project = project(sql, key, "");
    let mut random = StdRng::seed_from_u64(7);
    let mut text = String::new();
    for file in 0..6 {
        if file % 2 == 0 {
            text.clear();
        }
        (0..random.random_range(1..40)).for_each(|_| text.push_str(&line(&mut random)));
        project.write(&format!("inputs/{}.out", file / 2), &text);
        project.merges();
        project.merged_is_whole();
    }
    assert!(project.merges().contains("nothing to do"));
}

#[test]
fn each_function_is_what_it_is_over_all_lines() {
    check(
        "SELECT k, count(*) AS c, count(n) AS cn, sum(n) AS s, sum(x) AS sx, min(n) AS least, max(w) AS most, avg(n) AS a, avg(x) AS ax GROUP BY k",
        "[\"k\"]",
    );
    check(
        "SELECT k, count(DISTINCT w) AS dw, count(DISTINCT n % 7) AS dn, sum(DISTINCT n) AS ds, approx_distinct(w) AS ad, min(t) AS first, max(t) AS last GROUP BY k",
        "[\"k\"]",
    );
    check("SELECT k, count(DISTINCT w) AS only GROUP BY k", "[\"k\"]");
    check(
        "SELECT bool_and(b) AS every, bool_or(b) AS any, bit_and(n) AS ba, bit_or(n) AS bo, bit_xor(n) AS bx, w GROUP BY w",
        "[\"w\"]",
    );
    check(
        "SELECT count(*) FILTER (WHERE b) AS c, avg(n) FILTER (WHERE n > 0) AS a, k, w GROUP BY k, w",
        "[\"k\", \"w\"]",
    );
}

#[test]
fn what_stands_above_the_groups_is_computed_of_all_of_them() {
    check("SELECT k, w, sum(n) AS s GROUP BY k, w HAVING sum(n) > 20", "[\"k\", \"w\"]");
    check("SELECT w, max(n) AS m GROUP BY w ORDER BY m DESC, w LIMIT 3", "[\"w\"]");
    check("SELECT w, count(*) AS c GROUP BY w ORDER BY w DESC LIMIT 2", "[\"w\"]");
    check("SELECT upper(k) AS key, round(avg(x), 2) AS mean, sum(n) * 2 AS twice GROUP BY upper(k)", "[\"key\"]");
    check("SELECT w, count(*) AS c, rank() OVER (ORDER BY count(*) DESC, w) AS r GROUP BY w", "[\"w\"]");
    check(
        "WITH v AS (SELECT w, sum(n) AS s FROM events WHERE b GROUP BY w) SELECT w, s FROM v WHERE s <> 0",
        "[\"w\"]",
    );
    check("SELECT count(*) AS c, sum(x) AS s, max(w) AS m", "[]");
    check(
        "SELECT TUMBLE_START(t, INTERVAL '1' MINUTE) AS minute, k, count(*) AS c GROUP BY TUMBLE(t, INTERVAL '1' MINUTE), k",
        "[\"minute\", \"k\"]",
    );
    check("SELECT date_trunc('minute', t) AS m, count(*) AS c GROUP BY date_trunc('minute', t) ORDER BY m", "[\"m\"]");
}

#[test]
fn what_cannot_be_merged_is_refused_with_the_reason() {
    let project = project("SELECT 1", "[]", "");
    let mut random = StdRng::seed_from_u64(7);
    project.write("inputs/a.out", (0..20).map(|_| line(&mut random)).collect::<String>());
    for (sql, key, told) in [
        ("SELECT k, n", "[\"k\"]", "it has no groups"),
        ("SELECT DISTINCT k", "[\"k\"]", "it has no groups"),
        ("SELECT k, median(n) AS m GROUP BY k", "[\"k\"]", "what median holds cannot be added to"),
        ("SELECT k, array_agg(n) AS m GROUP BY k", "[\"k\"]", "what array_agg holds cannot be added to"),
        ("SELECT k, stddev(n) AS m GROUP BY k", "[\"k\"]", "holds cannot be added to"),
        ("SELECT k, count(*) AS c GROUP BY ROLLUP (k)", "[\"k\"]", "groups of groups"),
        ("SELECT k, count(*) AS c GROUP BY k", "[\"c\"]", "`c` is no column of its groups"),
        ("SELECT k, count(*) AS c GROUP BY k", "[]", "its `key` does not tell its groups apart"),
        ("SELECT count(*) AS c GROUP BY k", "[]", "does not tell its groups apart"),
        (
            "SELECT a.k, count(*) AS c FROM events AS a JOIN events AS b ON a.n = b.n GROUP BY a.k",
            "[\"k\"]",
            "made of a join",
        ),
        ("SELECT w, count(*) AS c FROM (SELECT DISTINCT w, k FROM events) GROUP BY w", "[\"w\"]", "made of DISTINCT"),
        (
            "SELECT k, count(*) AS c GROUP BY k HAVING count(*) > (SELECT count(*) / 9 FROM events)",
            "[\"k\"]",
            "it has a subquery",
        ),
        (
            "SELECT k, SESSION_START(t, INTERVAL '1' MINUTE) AS s, count(*) AS c GROUP BY k, SESSION(t, INTERVAL '1' MINUTE)",
            "[\"k\", \"s\"]",
            "sessions",
        ),
        (
            "SELECT count(*) AS c FROM (SELECT n FROM events UNION ALL SELECT * FROM generate_series(1, 3))",
            "[]",
            "no source",
        ),
        ("SELECT count(*) AS c WHERE t < now()", "[]", "made by now()"),
        ("SELECT count(*) AS c WHERE t < $run_at", "[]", "`$run_at` is another at each run"),
    ] {
        project.write("queries/merged.sql", format!("--@ mode = \"merge\"\n--@ key = {key}\n{sql}"));
        let output = project.run(&["run", "merged"]);
        assert!(!output.status.success() && stderr(&output).contains(told), "{sql}: {}", stderr(&output));
        assert!(stderr(&output).contains("hint: "), "{}", stderr(&output));
    }
    assert!(!project.path("outputs").exists());
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_counted_twice() {
    let project = project("SELECT k, w, count(*) AS c, sum(n) AS s GROUP BY k, w", "[\"k\", \"w\"]", "");
    let mut random = StdRng::seed_from_u64(9);
    let begun = Instant::now();
    project.write("inputs/000.out", (0..2_000).map(|_| line(&mut random)).collect::<String>());
    project.merges();
    let whole = begun.elapsed();
    let mut killed = 0;
    for file in 1..40 {
        project.write(&format!("inputs/{file:03}.out"), (0..1_000).map(|_| line(&mut random)).collect::<String>());
        // Now and then what is computed anew is killed, too.
        let args: &[&str] = if file % 5 == 0 { &["run", "merged", "--full-refresh"] } else { &["run", "merged"] };
        let mut child = project.command(args).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole.mul_f64(random.random_range(0.0..1.2)));
        let _ = child.kill();
        killed += u32::from(!child.wait().unwrap().success());
        if file % 3 == 0 {
            project.merges();
            project.merged_is_whole();
        }
    }
    assert!(killed > 5, "{killed}");
    project.merges();
    project.merged_is_whole();
    // Those of the last run, and of the one before until the next.
    assert!(project.names(".tidemill/states/merged").len() <= 2);
    assert!(project.names("outputs").iter().all(|name| !name.starts_with('.')), "{:?}", project.names("outputs"));
}

#[test]
fn what_is_kept_of_groups_may_be_lost_or_of_another_type() {
    let project = project("SELECT n % 10 AS d, count(*) AS c, max(n) AS m GROUP BY n % 10", "[\"d\"]", "");
    project.write("inputs/a.out", "{\"n\":1}\n{\"n\":12}\n");
    project.merges();
    fs::remove_file(project.path("outputs/merged.json")).unwrap();
    // The result is made again of what is kept.
    assert!(project.merges().contains("2 rows"));
    project.merged_is_whole();
    project.write("inputs/b.out", "{\"n\":2.5}\n");
    let output = project.run(&["run", "merged"]);
    assert!(stderr(&output).contains("as bigint, and it is double now"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--full-refresh"), "{}", stderr(&output));
    fs::remove_file(project.path("inputs/b.out")).unwrap();
    project.write("inputs/c.out", "{\"n\":3}\n");
    fs::remove_dir_all(project.path(".tidemill/states")).unwrap();
    let output = project.run(&["run", "merged"]);
    assert!(stderr(&output).contains("what is kept of groups"), "{}", stderr(&output));
    assert!(project.run(&["run", "merged", "--full-refresh"]).status.success());
    project.merged_is_whole();
    // Without the ledger nobody knows what it is made of.
    fs::remove_dir_all(project.path(".tidemill")).unwrap();
    let output = project.run(&["run", "merged"]);
    assert!(stderr(&output).contains("the ledger knows of no run that published it"), "{}", stderr(&output));
    assert!(project.run(&["run", "merged", "--full-refresh"]).status.success());
    project.merged_is_whole();
    // What another statement has published in its place is not what it is.
    let sql = project.read("queries/merged.sql");
    project.write("queries/merged.sql", "SELECT -77 AS n FROM events");
    project.merges();
    project.write("queries/merged.sql", sql);
    project.merges();
    project.merged_is_whole();
    project.write("outputs/merged.json", "");
    project.merges();
    project.merged_is_whole();
    assert!(project.merges().contains("nothing to do"));
}

#[test]
fn groups_by_a_column_that_is_of_another_type_now_are_told() {
    let project = project("SELECT count(x) AS c", "[]", "");
    project.write("inputs/a.out", "{\"x\":\"\"}\n");
    project.merges();
    project.write("inputs/b.out", "{\"x\":7}\n");
    let output = project.run(&["run", "merged"]);
    let told = "`events.x` is bigint now, and was varchar when lines of before were read";
    assert!(stderr(&output).contains(told), "{}", stderr(&output));
}

#[test]
fn groups_can_be_published_in_any_shape() {
    let settings = "--@ partition_by = [\"k\"]\n";
    let project = project("SELECT k, w, count(*) AS c GROUP BY k, w", "[\"k\", \"w\"]", settings);
    let mut random = StdRng::seed_from_u64(7);
    for file in 0..3 {
        project.write(&format!("inputs/{file}.out"), (0..30).map(|_| line(&mut random)).collect::<String>());
        project.merges();
        assert!(project.run(&["run", "whole"]).status.success());
        assert_eq!(project.names("outputs/merged"), project.names("outputs/whole"));
        for folder in project.names("outputs/whole") {
            let rows = |name: &str| {
                let part = format!("outputs/{name}/{folder}/part-00000-of-00001.json");
                let mut rows: Vec<String> = project.read(&part).lines().map(str::to_owned).collect();
                rows.sort();
                rows
            };
            assert_eq!(rows("merged"), rows("whole"));
        }
    }
}
