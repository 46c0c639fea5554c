//! Results of many files: what stands in the folder, how it reads back, and what a reader sees meanwhile.

use std::collections::HashSet;
use std::fs;
use std::process::Stdio;
use std::time::Duration;

use crate::project::{Project, opened, stderr};

/// Numbers from 0, with a text of few values that may be NULL, empty, or what Hive calls NULL.
const KEYS: [&str; 5] = ["\"a/b=c\"", "\"\"", "null", "\"__HIVE_DEFAULT_PARTITION__\"", "\"täg 1%\""];

fn project(rows: usize, query: &str) -> Project {
    let lines: String = (0..rows).map(|n| format!("{{\"n\":{n},\"k\":{}}}\n", KEYS[n % KEYS.len()])).collect();
    Project::new(&[("inputs/a.out", &lines), ("queries/q.sql", query)])
}

fn run(project: &Project) -> String {
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stderr(&output)
}

/// The error of a run.
fn fails(query: &str) -> String {
    let project = project(10, query);
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(2), "{query}: {}", stderr(&output));
    assert!(!project.path("outputs").exists(), "{query}");
    stderr(&output)
}

#[test]
fn rows_hold_their_order_across_files() {
    let project = project(10, "--@ shards = 3\n--@ format = \"csv\"\nSELECT n FROM events ORDER BY n DESC");
    assert!(run(&project).contains("-> outputs/q (3 files)\n"));
    let names = ["part-00000-of-00003.csv", "part-00001-of-00003.csv", "part-00002-of-00003.csv"];
    assert_eq!(project.names("outputs/q"), names);
    let texts = names.map(|name| project.read(&format!("outputs/q/{name}")));
    assert_eq!(texts, ["n\n9\n8\n7\n", "n\n6\n5\n4\n", "n\n3\n2\n1\n0\n"]);
    project.write(
        "queries/q.sql",
        "--@ shards = 2\n--@ order_by = [\"k\", \"n DESC\"]\nSELECT * FROM events WHERE k <> ''",
    );
    run(&project);
    assert_eq!(project.names("outputs/q"), ["part-00000-of-00002.json", "part-00001-of-00002.json"]);
    let all = project.read("outputs/q/part-00000-of-00002.json") + &project.read("outputs/q/part-00001-of-00002.json");
    let numbers: Vec<u64> = all
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["n"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, [8, 3, 5, 0, 9, 4]);
}

#[test]
fn folders_read_back_as_the_columns_they_were() {
    for format in ["json", "parquet"] {
        let query =
            format!("--@ format = \"{format}\"\n--@ partition_by = [\"k\", \"n % 2 AS odd\"]\nSELECT n, k FROM events");
        let project = project(100, &query);
        assert!(run(&project).contains("(10 files)"));
        assert!(project.path("outputs/q/k=%5F_HIVE_DEFAULT_PARTITION__/odd=1").is_dir());
        if format == "parquet" {
            continue;
        }
        project.write(
            "tidemill.toml",
            "[sources.events]\npath = \"inputs/*.out\"\n[sources.back]\npath = \"outputs/q/**\"\n",
        );
        let difference = "SELECT n, k, CAST(n % 2 AS varchar) AS odd FROM events EXCEPT SELECT n, k, odd FROM back";
        assert_eq!(project.rows(difference), "");
        assert_eq!(project.rows("SELECT count(*) AS c FROM back"), "{\"c\":100}\n");
    }
}

#[test]
fn files_end_where_they_are_told_to() {
    let query = "--@ format = \"parquet\"\n--@ compression = \"none\"\n--@ row_group_rows = 1000\n--@ target_file_size = \"20kB\"\nSELECT n FROM events ORDER BY n";
    let project = project(20_000, query);
    run(&project);
    let names = project.names("outputs/q");
    assert!(names.len() > 2, "{names:?}");
    let file = fs::File::open(project.path(&format!("outputs/q/{}", names[0]))).unwrap();
    let reader = datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let group = reader.metadata().row_group(0);
    assert_eq!(group.num_rows(), 1000);
    assert_eq!(group.column(0).compression(), datafusion::parquet::basic::Compression::UNCOMPRESSED);
}

#[test]
fn what_cannot_be_is_told_with_its_place() {
    let check = |query: &str, message: &str, place: &str| {
        let told = fails(query);
        assert!(told.contains(message) && told.contains(place), "{query}: {told}");
    };
    check("--@ shards = 0\nSELECT n", "from 1 to 10000", "q.sql:1:");
    check("--@ shards = 2\n--@ target_file_size = \"1MB\"\nSELECT n", "both say of which files", "q.sql:1:");
    check("--@ partition_by = [\"k\"]\n--@ shards = 2\nSELECT n, k", "both say of which files", "q.sql:2:");
    check("--@ partition_by = [\"k, n\"]\nSELECT n, k", "neither a column nor an expression", "q.sql:1:");
    check("--@ partition_by = [\"k\", \"n AS k\"]\nSELECT n, k", "two folders would be called `k`", "q.sql:1:");
    check("--@ partition_by = [\"kk\"]\nSELECT n, k", "kk", "q.sql:1:");
    check("--@ order_by = [\"n LIMIT 1\"]\nSELECT n", "is no order", "q.sql:1:");
    check("--@ order_by = [\"nope\"]\nSELECT n", "nope", "q.sql:1:");
    check("--@ partition_by = [\"k\"]\nSELECT n, k ORDER BY n", "has an ORDER BY", "");
    check("--@ compression = \"zstd\"\nSELECT n", "is for parquet", "q.sql:1:");
    check("--@ format = \"parquet\"\n--@ compression = \"zip\"\nSELECT n", "unknown compression `zip`", "q.sql:2:");
}

#[test]
fn a_folder_of_somebody_else_is_left_alone() {
    let project = project(10, "--@ shards = 2\nSELECT n FROM events");
    project.write("outputs/q/thesis.txt", "mine");
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("`thesis.txt`, which is no part of a result"), "{}", stderr(&output));
    assert_eq!(project.read("outputs/q/thesis.txt"), "mine");
    assert_eq!(project.names("outputs"), ["q"]);
}

#[test]
fn killed_at_any_moment_it_leaves_one_whole_folder() {
    const STEPS: u32 = 18;
    const MOST_MOMENTS: u32 = 500;
    let of = |shards: usize| format!("--@ shards = {shards}\nSELECT n, k FROM events ORDER BY n");
    let project = project(20_000, &of(3));
    run(&project);
    let three = opened(&project.path("outputs/q")).unwrap();
    project.write("queries/q.sql", of(4));
    let begun = std::time::Instant::now();
    run(&project);
    let full = begun.elapsed();
    let four = opened(&project.path("outputs/q")).unwrap();
    let mut seen = HashSet::new();
    let (mut moment, mut in_time) = (0, 0);
    // On a machine that became busier than it was a run takes longer than the one that was timed.
    while in_time < 6 {
        assert!(moment < MOST_MOMENTS, "hardly any run ended");
        let shards = if moment % 2 == 0 { 3 } else { 4 };
        project.write("queries/q.sql", of(shards));
        let mut child = project.command(&["run"]).stderr(Stdio::null()).spawn().unwrap();
        let end = std::time::Instant::now() + full * moment / STEPS;
        while std::time::Instant::now() < end && child.try_wait().unwrap().is_none() {
            // A reader that is in the folder while it is exchanged may find files gone, but none of another result.
            if let Some(files) = opened(&project.path("outputs/q")) {
                assert!(files.iter().all(|file| three.contains(file)) || files.iter().all(|file| four.contains(file)));
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        in_time += u32::from(child.try_wait().unwrap().is_some());
        let _ = child.kill();
        child.wait().unwrap();
        moment += 1;
        let files = opened(&project.path("outputs/q")).unwrap();
        assert!(files == three || files == four, "{:?}", files.iter().map(|file| &file.0).collect::<Vec<_>>());
        seen.insert(files.len());
    }
    assert_eq!(seen, HashSet::from([3, 4]), "no run was killed before it published, or after");
    run(&project);
    assert_eq!(project.names("outputs"), ["q"]);
}

#[test]
fn a_result_that_is_not_replaced_any_more_is_told() {
    let project = project(10, "SELECT n, k");
    assert!(!run(&project).contains("not replaced any more"));
    project.write("queries/q.sql", "--@ shards = 2\nSELECT n, k");
    let told = run(&project);
    assert!(told.contains("outputs/q.json` stands there since run 1, and is not replaced any more"), "{told}");
    fs::remove_file(project.path("outputs/q.json")).unwrap();
    assert!(!run(&project).contains("not replaced any more"));
}
