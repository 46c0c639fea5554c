//! What differs between two runs, as a person asks for it.

use serde_json::{Value, json};

use crate::project::{Project, stderr};

impl Project {
    fn runs_q(&self, args: &[&str]) {
        let output = self.run(&[&["run", "q"], args].concat());
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn differs(&self, args: &[&str]) -> Value {
        let output = self.run(&[&["diff"], args, &["--json"]].concat());
        assert!(output.status.success(), "{}", stderr(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

fn line(n: i64, k: &str) -> String {
    format!("{{\"n\":{n},\"k\":\"{k}\"}}\n")
}

#[test]
fn all_that_is_known_of_two_runs_is_compared() {
    let header = "--@ keep = 5\n--@ params.least = { type = \"bigint\" }\n";
    let project = Project::new(&[("queries/q.sql", &format!("{header}SELECT n, k\nWHERE n >= $least"))]);
    project.write("inputs/a.out", line(1, "a").repeat(2) + &line(2, "b"));
    project.write("inputs/gone.out", line(7, "g"));
    project.write("inputs/same.out", line(8, "s"));
    project.runs_q(&["--param", "least=1"]);
    project.write("inputs/a.out", line(1, "a") + &line(2, "b").repeat(3));
    std::fs::remove_file(project.path("inputs/gone.out")).unwrap();
    project.write("inputs/new.out", line(9, "n"));
    project.write("queries/q.sql", format!("{header}SELECT n, k\nWHERE n >= $least\nORDER BY n DESC"));
    project.runs_q(&["--param", "least=0"]);
    let found = project.differs(&["q"]);
    assert_eq!(found["before"]["run"], 1);
    assert_eq!((&found["before"]["rows"], &found["after"]["rows"]), (&json!(5), &json!(6)));
    assert_eq!(found["settings"], json!({ "param least": { "before": "1", "after": "0" } }));
    let lines = found["sql"]["lines"].as_str().unwrap();
    assert!(lines.contains("\n+ORDER BY n DESC") && lines.contains("\n SELECT n, k\n"), "{lines}");
    let inputs = json!({
        "same": 1, "added": ["inputs/new.out"], "removed": ["inputs/gone.out"],
        "changed": { "inputs/a.out": { "before": 48, "after": 64 } },
    });
    assert_eq!(found["inputs"], inputs);
    assert_eq!(found["sources"]["events"]["before"]["lines"], 5);
    // Two of `b` and the new one came; one of `a` and `g` went.
    assert_eq!(found["rows"], json!({ "compared": { "added": 3, "removed": 2 } }));
    let text = String::from_utf8(project.run(&["diff", "1", "2"]).stdout).unwrap();
    for expected in [
        "q run 1 -> q run 2\n",
        "\n  rows: 5 -> 6\n",
        "\n  param least: 1 -> 0\n",
        "\n  +ORDER BY n DESC\n",
        "\n  inputs: 1 added, 1 removed, 1 changed, 1 the same\n    + inputs/new.out\n    - inputs/gone.out\n    ~ inputs/a.out: 48 -> 64 bytes\n",
        "\n  rows: 3 added, 2 removed\n",
    ] {
        assert!(text.contains(expected), "{expected:?} in {text}");
    }
}

#[test]
fn rows_are_compared_in_each_format_and_shape_whatever_their_order() {
    for format in ["json", "csv", "parquet", "arrow"] {
        for shape in ["", "--@ shards = 2\n", "--@ partition_by = [\"k AS by\"]\n"] {
            let project = Project::new(&[]);
            let write = |order: &str, rows: &str| {
                let order = if shape.contains("by") { format!("--@ order_by = [{order:?}]\n") } else { String::new() };
                let sql = format!("--@ keep = 5\n--@ format = \"{format}\"\n{shape}{order}SELECT n, k, [n] AS l");
                // What has no text in CSV is left out there.
                let sql = if format == "csv" { sql.replace(", [n] AS l", "") } else { sql };
                project.write("queries/q.sql", sql);
                project.write("inputs/a.out", rows);
                project.runs_q(&[]);
            };
            let odd = line(3, "a \\\"b\\\",\\nc") + "{\"n\":null,\"k\":null}\n";
            write("n", &(line(1, "a") + &line(1, "a") + &line(2, "b") + &odd));
            write("n DESC", &(odd.clone() + &line(2, "b") + &line(1, "a") + &line(1, "a")));
            let rows = |args: &[&str]| project.differs(args)["rows"].clone();
            let told = format!("{format} {shape}");
            assert_eq!(rows(&["q"]), json!({ "compared": { "added": 0, "removed": 0 } }), "{told}");
            write("n", &(line(1, "a") + &line(2, "b").repeat(2) + &line(4, "c") + &odd));
            assert_eq!(rows(&["2", "3"]), json!({ "compared": { "added": 2, "removed": 1 } }), "{told}");
            assert_eq!(rows(&["3", "1"]), json!({ "compared": { "added": 1, "removed": 2 } }), "{told}");
            write("n", "{\"n\":1,\"k\":\"a\"}\n");
            assert_eq!(rows(&["1", "4"]), json!({ "compared": { "added": 0, "removed": 4 } }), "{told}");
        }
    }
}

#[test]
fn rows_that_cannot_be_compared_are_told_with_the_reason() {
    let project = Project::new(&[("queries/q.sql", "--@ keep = 1\nSELECT n, k FROM events")]);
    project.write("inputs/a.out", line(1, "a"));
    project.runs_q(&[]);
    project.write("queries/q.sql", "--@ keep = 1\nSELECT n AS m FROM events");
    project.runs_q(&[]);
    let why = |args: &[&str]| project.differs(args)["rows"]["not_compared"].as_str().unwrap_or_default().to_owned();
    assert_eq!(why(&["q"]), "the columns differ: `k`, `n` is gone, `m` is new");
    project.write("inputs/a.out", line(1, "a").repeat(2));
    project.runs_q(&[]);
    assert_eq!(why(&["1", "3"]), "what run 1 published is not there any more");
    // What stands there was published, and is not compared once it was changed.
    project.write("outputs/q.json", "{\"m\":2}\n{\"m\":1}\n");
    assert!(why(&["2", "3"]).contains("holds other bytes than were published"), "{}", why(&["2", "3"]));
    project.write("queries/q.sql", "SELECT nope FROM events");
    assert_eq!(project.run(&["run"]).status.code(), Some(2));
    assert_eq!(why(&["3", "4"]), "run 4 published nothing");
    // A rollback published what it brought back.
    project.write("queries/q.sql", "--@ keep = 1\nSELECT n AS m FROM events");
    assert!(project.run(&["rollback", "q"]).status.success());
    let found = project.differs(&["2", "5"]);
    assert_eq!(found["rows"], json!({ "compared": { "added": 0, "removed": 0 } }));
    assert_eq!(found["settings"], json!({ "restores": { "before": null, "after": "2" } }));
}

#[test]
fn runs_that_are_not_there_are_told() {
    let project = Project::with_events();
    for (args, expected) in [
        (&["diff", "1", "2"][..], "there is no run 1 in the ledger"),
        (&["diff", "ids"], "`ids` was never run"),
        (&["diff", "nope"], "there is no saved query `nope`"),
        (&["diff", "ids", "2"], "`ids` is no number of a run"),
    ] {
        let output = project.run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).contains(expected), "{args:?}: {}", stderr(&output));
    }
    assert!(project.run(&["run", "ids"]).status.success());
    let output = project.run(&["diff", "ids"]);
    assert!(stderr(&output).contains("`ids` has not published twice"), "{}", stderr(&output));
}
