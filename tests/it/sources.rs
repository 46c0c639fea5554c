//! Sources as a whole: several of them, empty ones, long stretches without a row, and files that are not to be written.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn tidemill(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_tidemill")).args(arguments).current_dir(folder).output().unwrap()
}

fn answers(folder: &Path, sql: &str, expected: &str) {
    let output = tidemill(folder, &["sql", sql]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), expected, "{sql}: {errors}");
    assert!(output.status.success(), "{sql}: {errors}");
}

fn refused(folder: &Path, arguments: &[&str], exit_code: i32, message: &str) {
    let output = tidemill(folder, arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(errors.contains(message), "{arguments:?}: {errors}");
    assert_eq!(output.status.code(), Some(exit_code), "{arguments:?}: {errors}");
}

#[test]
fn a_statement_over_two_sources_reads_both() {
    // More lines than a survey reads between two looks at whether it is still wanted.
    let lines: String = (0..3000).map(|n| format!("{{\"id\":{n}}}\n")).collect();
    let toml = "[sources.a]\npath = \"a/*.out\"\n[sources.b]\npath = \"b/*.out\"\n";
    let folder = project(&[("tidemill.toml", toml), ("a/x.out", &lines), ("b/x.out", &lines)]);
    answers(folder.path(), "SELECT count(*) AS n FROM a JOIN b USING (id)", r#"{"n":3000}"#);
    answers(folder.path(), "SELECT count(*) AS n FROM (SELECT id FROM a UNION ALL SELECT id FROM b)", r#"{"n":6000}"#);
}

#[test]
fn no_row_is_lost_behind_a_long_stretch_without_one() {
    let blank = format!("{}\n", " ".repeat(1000)).repeat(40_000);
    let good = format!("{{\"x\":\"{}\"}}\n", "y".repeat(1000)).repeat(40_000);
    // As many files as threads, so that none of them is cut.
    let folder = project(&[
        ("tidemill.toml", "[limits]\nthreads = 2\n"),
        ("inputs/a.out", &format!("{blank}{{\"a\":1}}\n")),
        ("inputs/b.out", &format!("{good}bad\n")),
    ]);
    answers(folder.path(), "SELECT count(a) AS a, count(x) AS x FROM events", r#"{"a":1,"x":40000}"#);
    answers(folder.path(), "SELECT line FROM rejects.events", r#"{"line":40001}"#);
}

#[test]
fn an_empty_source_with_declared_columns_is_an_empty_table() {
    let folder = project(&[("tidemill.toml", "[sources.events.columns]\nx = \"bigint\"\n")]);
    answers(folder.path(), "SELECT count(*) AS n, max(x) AS m FROM events", r#"{"n":0,"m":null}"#);
    answers(folder.path(), "SELECT x FROM events WHERE x > 1 ORDER BY x", "");
    answers(folder.path(), "SELECT x, count(*) FROM events GROUP BY x", "");
    answers(folder.path(), "SELECT a.x FROM events a JOIN events b ON a.x = b.x", "");
    answers(folder.path(), "SELECT * FROM rejects.events", "");
}

#[test]
fn a_result_replaces_nothing_that_results_are_made_of() {
    let files = [("inputs/a.out", "{\"a\":1}\n"), ("queries/q.sql", "SELECT a\n"), ("tidemill.toml", "")];
    let folder = project(&files);
    let sql = "SELECT a FROM events";
    for (target, what) in [
        ("inputs/a.out", "an input of source `events`"),
        ("inputs/new.out", "an input of source `events`"),
        ("outputs/../inputs/a.out", "an input of source `events`"),
        ("queries/q.sql", "in the folder of saved queries"),
        ("tidemill.toml", "the project file"),
    ] {
        fs::create_dir_all(folder.path().join("outputs")).unwrap();
        refused(folder.path(), &["sql", sql, "--format", "json", "--output", target], 2, what);
    }
    for (name, text) in files {
        assert_eq!(fs::read_to_string(folder.path().join(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn a_result_replaces_none_of_them_whatever_links_lead_there() {
    let files =
        [("data/a.out", "{\"a\":1}\n"), ("saved/q.sql", "SELECT a\n"), ("tidemill.toml", ""), ("outputs/old.json", "")];
    let folder = project(&files);
    let root = folder.path();
    let link = |to: &str, at: &str| symlink(to, root.join(at)).unwrap();
    link("data", "inputs");
    link("saved", "queries");
    link("../inputs/a.out", "outputs/to_input.json");
    link("../inputs/new.out", "outputs/to_new_input.json");
    link("../saved/q.sql", "outputs/to_query.json");
    link("../tidemill.toml", "outputs/to_project.json");
    link("../.tidemill/new.json", "outputs/to_notes.json");
    link(".", "around");
    let sql = "SELECT a FROM events";
    for (target, what) in [
        ("data/a.out", "an input of source `events`"),
        ("nowhere/../data/a.out", "an input of source `events`"),
        ("around/inputs/a.out", "an input of source `events`"),
        ("outputs/to_input.json", "an input of source `events`"),
        ("outputs/to_new_input.json", "an input of source `events`"),
        ("outputs/to_query.json", "in the folder of saved queries"),
        ("outputs/to_project.json", "the project file"),
        ("around/tidemill.toml", "the project file"),
        ("outputs/to_notes.json", "in the folder of what is noted of runs"),
        (".tidemill/state.db", "in the folder of what is noted of runs"),
    ] {
        refused(root, &["sql", sql, "--format", "json", "--output", target], 2, what);
        refused(root, &["--project", "around", "sql", sql, "--format", "json", "--output", target], 2, what);
    }
    for (name, text) in files {
        assert_eq!(fs::read_to_string(root.join(name)).unwrap(), text, "{name}");
    }
    // Other links are followed.
    link("old.json", "outputs/link.json");
    let output = tidemill(root, &["sql", sql, "--output", "outputs/link.json"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(fs::read_to_string(root.join("outputs/old.json")).unwrap(), files[0].1);
}

#[test]
fn a_result_does_not_replace_the_folder_that_it_is_made_of() {
    let query = "--@ partition_by = [\"k\"]\nSELECT k, n FROM other\n";
    let toml = "[sources.other]\npath = \"outputs/q/*/*.json\"\n";
    let input = ("outputs/q/k=1/part-00000-of-00001.json", "{\"n\":1}\n");
    let folder = project(&[("tidemill.toml", toml), ("queries/q.sql", query), input]);
    let what = "the folder of its input `outputs/q/k=1/part-00000-of-00001.json`";
    refused(folder.path(), &["run", "q"], 2, what);
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    fs::rename(folder.path().join("outputs/q"), folder.path().join("elsewhere/q")).unwrap();
    symlink("../elsewhere/q", folder.path().join("outputs/q")).unwrap();
    refused(folder.path(), &["run", "q"], 2, what);
    assert_eq!(fs::read_to_string(folder.path().join(input.0)).unwrap(), input.1);
}

#[test]
fn two_queries_with_one_place_are_refused_whatever_it_is_called() {
    let query = |output: &str| format!("--@ output = \"{output}\"\nSELECT a FROM events\n");
    let (one, other) = (query("outputs/x.json"), query("elsewhere/../link/x.json"));
    let folder = project(&[("inputs/a.out", "{\"a\":1}\n"), ("queries/one.sql", &one), ("queries/other.sql", &other)]);
    fs::create_dir(folder.path().join("elsewhere")).unwrap();
    fs::create_dir(folder.path().join("outputs")).unwrap();
    symlink("outputs", folder.path().join("link")).unwrap();
    refused(folder.path(), &["run"], 2, "`one` and `other` would both be published at");
    // One query is none of two, whatever it is called.
    let output = tidemill(folder.path(), &["run", "one", "queries/one.sql", "queries/../queries/one.sql"]);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_name_that_tells_no_format_is_refused() {
    let folder = project(&[("inputs/a.out", "{\"a\":1}\n")]);
    for target in ["out.txt", "out.json.gz", "out", "s3://bucket/out"] {
        refused(folder.path(), &["sql", "SELECT a FROM events", "--output", target], 2, "out");
        assert!(!folder.path().join(target).exists(), "{target}");
    }
}

#[test]
fn a_source_that_is_all_rejects_says_so() {
    let folder = project(&[("inputs/a.out", "x\n"), ("queries/q.sql", "SELECT a\n")]);
    refused(folder.path(), &["run"], 1, "1 of 1 lines of `events` were rejected (100.00%)");
}

#[test]
fn a_view_has_the_budget_of_its_source() {
    let folder = project(&[("inputs/a.out", "{\"a\":1}\nbad\n")]);
    let sql = "CREATE VIEW v AS SELECT a FROM events; COPY (SELECT * FROM v) TO 'v.json'";
    refused(folder.path(), &["sql", "--allow-writes", sql], 1, "over max_reject_ratio");
    assert!(!folder.path().join("v.json").exists());
}

#[test]
fn a_file_written_over_in_place_fails_the_run() {
    let folder = project(&[("inputs/a.out", "{\"a\":1}\n")]);
    let path = folder.path().join("inputs/a.out");
    let files = tidemill::ndjson::listing::list(folder.path(), &["inputs/*.out".to_owned()]).unwrap();
    fs::write(&path, "{\"a\":2}\n").unwrap();
    // Whatever the file system's clock shows, the change is later than the listing.
    let later = fs::metadata(&path).unwrap().modified().unwrap() + std::time::Duration::from_secs(2);
    fs::File::options().write(true).open(&path).unwrap().set_modified(later).unwrap();
    let stop = std::sync::atomic::AtomicBool::new(false);
    let watch = tidemill::ndjson::survey::Watch::default();
    let account = tidemill::ndjson::survey::Account::new(files.into(), std::sync::Arc::default());
    let result = tidemill::ndjson::survey::survey(&account, 1, &watch, &stop);
    assert!(result.unwrap_err().to_string().contains("was written over"));
}

#[test]
fn the_table_of_rejects_has_all_of_them_also_where_the_first_stops_a_run() {
    let toml = "[sources.events]\non_reject = \"fail\"\n";
    let folder = project(&[("tidemill.toml", toml), ("inputs/a.out", "{\"a\":1}\n{bad\n[1]\n")]);
    answers(folder.path(), "SELECT count(*) AS n FROM rejects.events", r#"{"n":2}"#);
}

#[test]
fn a_key_may_be_the_empty_text() {
    let folder = project(&[("inputs/a.out", "{\"\":1}\n}\n{\"\":{\"x\":5},\"x\":2}\n{\"\":{\"x\":6},\"x\":3}\n")]);
    answers(folder.path(), "SELECT count(*) AS n, sum(x) AS x FROM events", r#"{"n":3,"x":5}"#);
    answers(folder.path(), "SELECT line FROM rejects.events", r#"{"line":2}"#);
}

/// Files in which one of the columns never comes: an aggregate that has seen no value must not lose its rows.
#[test]
fn aggregates_of_columns_that_stand_in_different_files_are_right() {
    let toml = "[limits]\nthreads = 2\n";
    let folder = project(&[("tidemill.toml", toml), ("inputs/a.out", "{\"a\":1}\n"), ("inputs/b.out", "{\"b\":5}\n")]);
    answers(folder.path(), "SELECT max(a) AS a, max(b) AS b FROM events", r#"{"a":1,"b":5}"#);
    answers(folder.path(), "SELECT min(a) AS a, min(b + 1) AS b FROM events", r#"{"a":1,"b":6}"#);
}

#[test]
fn a_warning_about_rejects_is_told_also_where_the_statement_fails() {
    let folder = project(&[("inputs/a.out", "{\"a\":\"x\"}\n{bad\n")]);
    refused(folder.path(), &["sql", "SELECT CAST(a AS BIGINT) FROM events"], 1, "warning: 1 of 2 lines of `events`");
}
