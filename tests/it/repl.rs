//! The shell from scripts. What is typed at a terminal has a file of its own.

mod recording;
mod soak;
mod terminal;
mod typed;

use std::io::Write;
use std::process::Stdio;

use crate::project::{Project, stderr};

/// Standard output, standard error and exit code of a script.
fn script(project: &Project, args: &[&str], text: &str) -> (String, String, i32) {
    let mut command = project.command(&[&["repl"], args].concat());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (String::from_utf8(output.stdout.clone()).unwrap(), stderr(&output), output.status.code().unwrap())
}

#[test]
fn a_script_asks_names_and_saves() {
    let project = Project::with_events();
    let text = "SELECT id, n WHERE n > 1 ORDER BY n;\n\\as big\nSELECT count(*) AS c FROM big;\nCREATE VIEW v AS SELECT id FROM big;
SELECT * FROM v ORDER BY id;\n\\set least:bigint 3\nSELECT id WHERE n >= $least \\g\n\\save least\n\\format csv\nSELECT * FROM _;\n";
    let (out, err, code) = script(&project, &[], text);
    assert_eq!((err.as_str(), code), ("", 0));
    let rows = "{\"id\":\"2\",\"n\":2}\n{\"id\":\"3\",\"n\":3}\n{\"c\":2}\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n{\"id\":\"3\"}\nid\n3\n";
    assert_eq!(out, rows);
    let saved = project.read("queries/least.sql");
    assert!(saved.starts_with("--@ params.least = { type = \"bigint\", default = \"3\" }\n"), "{saved}");
    assert!(project.run(&["sql", "-f", "queries/least.sql"]).status.code() != Some(70));
}

#[test]
fn the_first_failure_ends_a_script_and_has_its_place() {
    let project = Project::with_events();
    let text = "SELECT 1 AS a;\n\nSELECT 2 AS b; SELECT nope;\nSELECT 3 AS c;\n";
    let (out, err, code) = script(&project, &[], text);
    assert_eq!((out.as_str(), code), ("{\"a\":1}\n{\"b\":2}\n", 2));
    assert!(err.contains("[standard input:3:23]"), "{err}");
    let (out, _, code) = script(&project, &["--keep-going"], text);
    assert_eq!((out.as_str(), code), ("{\"a\":1}\n{\"b\":2}\n{\"c\":3}\n", 2));
    let (out, err, code) = script(&project, &["-c", "\\timng"], "");
    assert_eq!((out.as_str(), code), ("", 2));
    assert!(err.contains("did you mean `\\timing`"), "{err}");
}

#[test]
fn results_are_drawn_and_written() {
    let project = Project::with_events();
    let text = "SELECT id, n ORDER BY id;\n\\chart > chart.svg\n\\chart > chart.html\nSELECT id \\g ids.csv\n\\o rows.txt\nSELECT 1 AS a;\n\\o\n\\echo done\n";
    let (out, _, code) = script(&project, &[], text);
    assert_eq!(code, 0);
    assert!(out.ends_with("done\n") && !out.contains("\"a\""), "{out}");
    assert!(project.read("chart.svg").starts_with("<svg"));
    assert!(project.read("chart.html").contains("vega"));
    assert_eq!(project.read("ids.csv").lines().count(), 4);
    assert_eq!(project.read("rows.txt"), "{\"a\":1}\n");
}
