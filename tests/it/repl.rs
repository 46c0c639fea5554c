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

#[test]
fn what_is_saved_runs_by_itself() {
    let project = Project::with_events();
    let text = "CREATE VIEW big AS SELECT id, n FROM events WHERE n > 1;\nCREATE VIEW other AS SELECT 1 AS one;
\\set least:bigint 3\nSELECT id FROM big WHERE n >= $least;\n\\save viewed\n\\as Kept\nSELECT id FROM KEPT;\n\\save kept\n";
    let (_, err, code) = script(&project, &[], text);
    assert_eq!(code, 2);
    assert!(err.contains("the statement reads the result `kept`"), "{err}");
    let saved = project.read("queries/viewed.sql");
    assert!(saved.contains("big") && !saved.contains("other"), "{saved}");
    let output = project.run(&["run", "viewed"]);
    assert_eq!(output.status.code(), Some(0), "{saved}: {}", stderr(&output));
    assert_eq!(project.read("outputs/viewed.json"), "{\"id\":\"3\"}\n");
    let mode =
        |path: &str| std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(project.path(path)).unwrap()) & 0o777;
    assert_eq!(mode("queries/viewed.sql"), mode("queries/ids.sql"));
}

#[test]
fn nothing_that_results_are_made_of_is_written_over() {
    let project = Project::with_events();
    project.write("tidemill.toml", "[sources.events]\npath = [\"inputs/*.out\", \"inputs/*.json\"]\n");
    for command in [
        "\\o inputs/a.out",
        "\\o inputs/new.out",
        "\\o tidemill.toml",
        "\\o queries/ids.sql",
        "\\chart > inputs/x.json",
    ] {
        let text = format!("SELECT id, n FROM events;\n{command}\nSELECT 1 AS a;\n");
        let (_, err, code) = script(&project, &[], &text);
        assert!(code == 2 && err.contains("the result cannot go to"), "{command}: {err}");
    }
    assert_eq!(project.rows("SELECT count(*) AS c FROM events"), "{\"c\":3}\n");
}

#[test]
fn leaving_is_leaving_and_names_are_not_taken_twice() {
    let project = Project::with_events();
    let (out, _, code) = script(&project, &["-c", "SELECT 1 AS a; \\q", "-c", "SELECT 2 AS b;"], "");
    assert_eq!((out.as_str(), code), ("{\"a\":1}\n", 0));
    let text = "CREATE VIEW v AS SELECT 1 AS one;\nSELECT 2 AS two;\n\\as v\nSELECT * FROM v;\n";
    let (out, err, code) = script(&project, &["--keep-going"], text);
    assert!(err.contains("there is a view `v`"), "{err}");
    assert_eq!((out.as_str(), code), ("{\"two\":2}\n{\"one\":1}\n", 2));
    let (_, err, _) = script(&project, &[], "SELECT 1 AS a;\n\nSELECT nope \\g\n");
    assert!(err.contains("[standard input:3:8]"), "{err}");
    let (out, _, code) = script(&project, &[], "\u{feff}SELECT 1 AS a;\n.mode insert visits\n\\g\n");
    assert_eq!((out.as_str(), code), ("{\"a\":1}\nINSERT INTO visits (\"a\") VALUES (1);\n", 0));
}

#[test]
fn a_script_that_waits_hears_signals() {
    let project = Project::with_events();
    for (signal, code) in [("-INT", 130), ("-TERM", 143)] {
        let mut child = project.command(&["repl"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        // Waiting for the child would close it.
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"SELECT 1 AS a;\n").unwrap();
        let mut row = [0; 8];
        std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut row).unwrap();
        let killed = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(killed.success());
        assert_eq!(child.wait().unwrap().code(), Some(code), "{signal}");
    }
}
