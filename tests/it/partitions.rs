//! Outputs of which only those folders are computed again that new lines belong to: always equal to what one run over all gives.

use std::fs;
use std::os::unix::fs::MetadataExt;

use crate::contract::mill::gzip;
use crate::project::{Project, stderr};

const MODE: &str = "--@ mode = \"replace_partitions\"\n";

fn project(settings: &str, sql: &str) -> Project {
    let project = Project::new(&[(
        "tidemill.toml",
        "[sources.events]\npath = \"inputs/*.out\"\ncolumns = { t = \"timestamp(ms)\" }\n",
    )]);
    project.write("queries/parts.sql", format!("{MODE}{settings}{sql}"));
    project.write("queries/whole.sql", format!("{settings}{sql}"));
    project
}

/// A line of a day.
fn line(day: u32, n: u32) -> String {
    let k = if n.is_multiple_of(5) { "null".to_owned() } else { format!("\"k/{}\"", n % 3) };
    format!("{{\"t\":\"2026-01-{day:02}T{:02}:00:00Z\",\"n\":{n},\"k\":{k}}}\n", n % 24)
}

fn tree(project: &Project, folder: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    for name in project.names(folder) {
        let path = format!("{folder}/{name}");
        if project.path(&path).is_dir() {
            found.extend(tree(project, &path).into_iter().map(|(below, rows)| (format!("{name}/{below}"), rows)));
        } else {
            let mut rows: Vec<String> = project.read(&path).lines().map(str::to_owned).collect();
            rows.sort();
            found.push((name, rows));
        }
    }
    found
}

fn run(project: &Project) -> String {
    let output = project.run(&["run", "parts"]);
    assert!(output.status.success(), "{}", stderr(&output));
    stderr(&output)
}

fn check(settings: &str, sql: &str) {
    let project = project(settings, sql);
    for (file, day) in [1, 2, 3, 2, 3, 4, 1].into_iter().enumerate() {
        let text: String = (0..20).map(|n| line(day, n * 7 + day)).collect();
        project.write(&format!("inputs/{file}.out"), text);
        run(&project);
        assert!(project.run(&["run", "whole"]).status.success());
        assert_eq!(tree(&project, "outputs/parts"), tree(&project, "outputs/whole"), "{sql} {file}");
    }
    assert!(run(&project).contains("nothing to do"));
}

#[test]
fn folders_are_what_they_are_over_all_lines() {
    let day = "--@ partition_by = [\"day\"]\n";
    check(day, "SELECT date_trunc('day', t) AS day, k, median(n) AS m, count(*) AS c GROUP BY date_trunc('day', t), k");
    check(day, "SELECT date_trunc('day', t) AS day, count(*) AS c GROUP BY date_trunc('day', t) HAVING count(*) < 30");
    check(
        day,
        "WITH v AS (SELECT date_trunc('day', t) AS d, n FROM events WHERE n > 9) SELECT d AS day, sum(n) AS s FROM v GROUP BY d",
    );
    check("--@ partition_by = [\"k\", \"date_trunc('day', t) AS day\"]\n", "SELECT k, n, t");
    check("--@ partition_by = [\"k\"]\n", "SELECT DISTINCT k, n % 4 AS r");
}

#[test]
fn other_folders_are_not_written_again() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT k, count(*) AS c GROUP BY k");
    project.write("inputs/a.out", "{\"k\":\"x\"}\n{\"k\":\"y\"}\n");
    run(&project);
    let inode = |k: &str| {
        let part = project.path(&format!("outputs/parts/k={k}/part-00000-of-00001.json"));
        fs::metadata(part).unwrap().ino()
    };
    let before = (inode("x"), inode("y"));
    project.write("inputs/b.out", "{\"k\":\"y\"}\n{\"k\":\"z\"}\n");
    assert!(run(&project).contains("1 files of other folders are as they were"));
    assert_eq!(inode("x"), before.0);
    assert_ne!(inode("y"), before.1);
    assert_eq!(project.names("outputs/parts"), ["k=x", "k=y", "k=z"]);
    // What is not as it was published is computed from all lines.
    fs::remove_dir_all(project.path("outputs/parts")).unwrap();
    run(&project);
    assert_eq!(project.names("outputs/parts"), ["k=x", "k=y", "k=z"]);
    project.write("inputs/c.out", "{\"k\":\"y\"}\n");
    fs::remove_file(project.path("inputs/a.out")).unwrap();
    let output = project.run(&["run", "parts"]);
    assert!(
        stderr(&output).contains("what was read of `inputs/a.out` in source `events` is in no file any more"),
        "{}",
        stderr(&output)
    );
    assert_eq!(project.names("outputs/parts"), ["k=x", "k=y", "k=z"]);
}

#[test]
fn what_reaches_over_folders_is_refused() {
    let project = project("", "");
    project.write("inputs/a.out", line(1, 1));
    for (settings, sql, told) in [
        ("", "SELECT k, n", "is for outputs with `partition_by`"),
        ("--@ partition_by = [\"k\"]\n", "SELECT k, n LIMIT 3", "LIMIT"),
        ("--@ partition_by = [\"k\"]\n", "SELECT k, n, rank() OVER (ORDER BY n) AS r", "OVER"),
        ("--@ partition_by = [\"c\"]\n", "SELECT k, count(*) AS c GROUP BY k", "told by what its groups hold"),
        (
            "--@ partition_by = [\"k\"]\n",
            "SELECT k, n FROM events UNION ALL (SELECT k, n FROM events ORDER BY n LIMIT 2)",
            "LIMIT",
        ),
        ("--@ partition_by = [\"k\"]\n", "SELECT a.k, b.n FROM events AS a JOIN events AS b ON a.n = b.n", "join"),
        ("--@ partition_by = [\"k\"]\n", "SELECT k, n WHERE n > (SELECT avg(n) FROM events)", "subquery"),
    ] {
        project.write("queries/parts.sql", format!("{MODE}{settings}{sql}"));
        let output = project.run(&["run", "parts"]);
        assert!(!output.status.success() && stderr(&output).contains(told), "{sql}: {}", stderr(&output));
    }
    assert!(!project.path("outputs").exists());
}

#[test]
fn new_lines_of_no_folder_are_read_once() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT k, n WHERE n < 5");
    project.write("inputs/a.out", "{\"k\":\"x\",\"n\":1}\n");
    run(&project);
    project.write("inputs/b.out", "{\"k\":\"y\",\"n\":9}\n");
    assert!(run(&project).contains("its new lines belong to no folder"));
    assert!(run(&project).contains("nothing to do"));
    project.write("inputs/c.out", "{\"k\":\"y\",\"n\":2}\n");
    run(&project);
    assert!(project.run(&["run", "whole"]).status.success());
    assert_eq!(tree(&project, "outputs/parts"), tree(&project, "outputs/whole"));
}

#[test]
fn folders_of_zero_are_one() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT k, sum(n) AS s GROUP BY k");
    project.write("inputs/a.out", "{\"k\":0.0,\"n\":1}\n{\"k\":7.5,\"n\":1}\n");
    run(&project);
    for (file, first) in [("b", "-0.0"), ("c", "0.0")] {
        let others = [1.5, 2.5, 3.5, 4.5].map(|k| format!("{{\"k\":{k},\"n\":1}}\n")).concat();
        project.write(&format!("inputs/{file}.out"), format!("{{\"k\":{first},\"n\":2}}\n{others}"));
        run(&project);
        let found = tree(&project, "outputs/parts");
        let zeros: Vec<_> = found.iter().filter(|(name, _)| name.contains("0.0/")).collect();
        let expected = if file == "b" { "{\"s\":3}" } else { "{\"s\":5}" };
        assert_eq!(zeros.iter().flat_map(|(_, rows)| rows).collect::<Vec<_>>(), [expected], "{found:?}");
    }
}

#[test]
fn folders_of_another_type_are_told_and_those_that_were_removed_come_back() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT k, n");
    project.write("inputs/a.out", "{\"k\":1,\"n\":1}\n{\"k\":2,\"n\":1}\n");
    run(&project);
    fs::remove_dir_all(project.path("outputs/parts/k=2")).unwrap();
    project.write("inputs/b.out", "{\"k\":1,\"n\":2}\n");
    run(&project);
    assert_eq!(project.names("outputs/parts"), ["k=1", "k=2"]);
    fs::remove_dir_all(project.path("outputs/parts/k=2")).unwrap();
    run(&project);
    assert_eq!(project.names("outputs/parts"), ["k=1", "k=2"]);
    project.write("inputs/c.out", "{\"k\":1.5,\"n\":2}\n");
    let output = project.run(&["run", "parts"]);
    assert!(stderr(&output).contains("`events.k` is double now, and was bigint"), "{}", stderr(&output));
    assert!(project.run(&["run", "parts", "--full-refresh"]).status.success());
    assert_eq!(project.names("outputs/parts"), ["k=1.0", "k=1.5", "k=2.0"]);
}

/// A file system gives the number of a folder that is gone to another one.
#[test]
fn what_another_statement_published_is_not_taken_over() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT n, k");
    project.write("inputs/a.out", line(1, 1));
    run(&project);
    let mine = tree(&project, "outputs/parts");
    let statement = project.read("queries/parts.sql");
    project.write("queries/parts.sql", "--@ partition_by = [\"k\"]\nSELECT n + 1 AS n, k");
    (0..3).for_each(|_| drop(run(&project)));
    assert_ne!(tree(&project, "outputs/parts"), mine);
    project.write("queries/parts.sql", statement);
    run(&project);
    assert_eq!(tree(&project, "outputs/parts"), mine);
}

#[test]
fn a_log_is_counted_once_while_its_copy_is_compressed() {
    let project = project("--@ partition_by = [\"k\"]\n", "SELECT n, k");
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*.out*\"\ncolumns = { t = \"timestamp(ms)\" }\n");
    let lines = |numbers: std::ops::Range<u32>| numbers.map(|n| line(1, n)).collect::<String>();
    project.write("inputs/x.out", lines(0..200));
    run(&project);
    project.write("inputs/x.out.1", lines(0..200));
    assert!(run(&project).contains("is a copy of"));
    project.write("inputs/x.out", lines(200..201));
    project.write("inputs/x.out.1.gz", gzip(lines(0..200).as_bytes()));
    run(&project);
    fs::remove_file(project.path("inputs/x.out.1.gz")).unwrap();
    let output = project.run(&["run", "whole"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(tree(&project, "outputs/parts"), tree(&project, "outputs/whole"));
}
