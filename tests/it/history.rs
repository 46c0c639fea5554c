//! The ledger as a person meets it: what runs did, also those that were killed.

use std::fs;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::project::{EVENTS, Project, stderr};

fn runs(project: &Project, columns: &str) -> String {
    project.rows(&format!("SELECT {columns} FROM tidemill.runs ORDER BY run"))
}

#[test]
fn each_run_is_in_the_ledger_with_what_it_read_and_published() {
    let project = Project::with_events();
    assert_eq!(runs(&project, "run"), "", "there is none before the first run");
    assert!(!project.path(".tidemill").exists(), "asking makes no ledger");
    project.write(
        "queries/two.sql",
        "--@ shards = 2\n--@ params.least = { type = \"bigint\" }\nSELECT id WHERE n >= $least",
    );
    assert_eq!(project.run(&["run", "ids"]).status.code(), Some(0));
    assert_eq!(project.run(&["run", "two", "--param", "least=2"]).status.code(), Some(0));
    project.write("queries/ids.sql", "SELECT nope");
    assert_eq!(project.run(&["run", "ids"]).status.code(), Some(2));
    let expected = "{\"run\":1,\"query\":\"ids\",\"status\":\"committed\",\"rows\":3,\"files\":1}\n\
        {\"run\":2,\"query\":\"two\",\"status\":\"committed\",\"rows\":2,\"files\":2}\n\
        {\"run\":3,\"query\":\"ids\",\"status\":\"failed\",\"rows\":null,\"files\":null}\n";
    assert_eq!(runs(&project, "run, query, status, rows, files"), expected);
    assert!(runs(&project, "error").contains("nope"));
    assert!(runs(&project, "params").contains("least"));
    let sources = "SELECT * FROM tidemill.run_sources WHERE run = 2";
    assert_eq!(
        project.rows(sources),
        "{\"run\":2,\"source\":\"events\",\"files\":1,\"bytes\":92,\"lines\":3,\"rows\":3,\"rejects\":0,\"blank\":0}\n"
    );
    assert_eq!(
        project.rows("SELECT file, bytes FROM tidemill.run_inputs WHERE run = 1"),
        "{\"file\":\"inputs/a.out\",\"bytes\":92}\n"
    );
    assert_eq!(
        project.rows("SELECT file, rows FROM tidemill.run_outputs WHERE run = 2"),
        "{\"file\":\"part-00000-of-00002.json\",\"rows\":1}\n{\"file\":\"part-00001-of-00002.json\",\"rows\":1}\n"
    );
    let output = project.run(&["history", "ids", "-n", "1"]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(
        told.starts_with("{\"run\":3,\"query\":\"ids\",\"status\":\"failed\"") && told.lines().count() == 1,
        "{told}"
    );
}

#[test]
fn old_runs_are_forgotten() {
    let project = Project::with_events();
    project.write("tidemill.toml", "[history]\nruns = 3\n");
    for _ in 0..5 {
        assert_eq!(project.run(&["run"]).status.code(), Some(0));
    }
    assert_eq!(runs(&project, "run"), "{\"run\":3}\n{\"run\":4}\n{\"run\":5}\n");
    assert_eq!(project.rows("SELECT count(DISTINCT run) AS c FROM tidemill.run_inputs"), "{\"c\":3}\n");
}

#[test]
fn a_ledger_that_cannot_be_used_is_told_and_stops_nothing() {
    let project = Project::with_events();
    project.write(".tidemill/state.db", "no database at all ".repeat(100));
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("not in the history: cannot use the ledger"), "{}", stderr(&output));
    assert_eq!(project.names("outputs"), ["ids.json"]);
    let output = project.run(&["history"]);
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    fs::remove_dir_all(project.path(".tidemill")).unwrap();
    project.write(".tidemill", "a file where the folder belongs");
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("not in the history: cannot write"), "{}", stderr(&output));
}

#[test]
fn killed_runs_are_settled_by_the_next_as_they_were() {
    const MOMENTS: u32 = 24;
    let project = Project::new(&[("queries/q.sql", "SELECT id, n FROM events ORDER BY n")]);
    project.write("inputs/a.out", EVENTS.repeat(8_000));
    let begun = Instant::now();
    assert_eq!(project.run(&["run"]).status.code(), Some(0));
    let full = begun.elapsed();
    let mut published = 1;
    for moment in 0..MOMENTS {
        project.write("outputs/q.json", "old");
        let mut child = project.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(full * moment / (MOMENTS - 8));
        let _ = child.kill();
        child.wait().unwrap();
        published += u32::from(project.read("outputs/q.json") != "old");
        // It is settled by a run that ends at once, and leaves the result alone.
        let output = project.command(&["run"]).env("TIDEMILL_PROJECT", project.root()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        published += 1;
    }
    let count = |status: &str| {
        let rows = project.rows(&format!("SELECT count(*) AS c FROM tidemill.runs WHERE status = '{status}'"));
        rows.trim().trim_start_matches("{\"c\":").trim_end_matches('}').parse::<u32>().unwrap()
    };
    assert_eq!((count("committed"), count("started"), count("prepared"), count("failed")), (published, 0, 0, 0));
    assert!(count("interrupted") > 0, "no run was killed before it published");
}

#[test]
fn two_runs_of_one_query_exclude_each_other() {
    let project = Project::new(&[("queries/q.sql", "SELECT id, n FROM events ORDER BY n")]);
    project.write("inputs/a.out", EVENTS.repeat(200_000));
    let mut first = project.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
    let lock = project.path(".tidemill/locks/q.lock");
    let begun = Instant::now();
    while fs::read_to_string(&lock).unwrap_or_default().is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(60));
        std::thread::sleep(Duration::from_millis(1));
    }
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains(&format!("`q` is being run by process {}", first.id())), "{}", stderr(&output));
    assert!(first.wait().unwrap().success());
}
