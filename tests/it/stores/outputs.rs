//! Results in a store: every shape and format, what becomes of the result before, and what is refused.

use super::between::{Instead, between, status};
use super::bucket::{Bucket, endpoint, environment};
use super::{Stored, check_failure};
use crate::contract::mill::Ran;
use crate::project::Project;

const LINES: usize = 50;

/// A project over `LINES` local lines, whose results go to a bucket.
fn project(bucket: &Bucket, header: &str, sql: &str) -> Project {
    let project = Project::new(&[]);
    let text: String = (0..LINES).map(|n| format!("{{\"n\":{n},\"k\":\"k/{}\"}}\n", n % 3)).collect();
    project.write("inputs/a.out", text);
    put_query(&project, bucket, header, sql);
    project
}

fn put_query(project: &Project, bucket: &Bucket, header: &str, sql: &str) {
    let header = header.replace("BUCKET", &bucket.name);
    project.write("queries/q.sql", format!("{header}\n{sql}\n"));
}

fn run(project: &Project, args: &[&str]) -> Ran {
    run_over(project, args, &endpoint())
}

fn run_over(project: &Project, args: &[&str], endpoint: &str) -> Ran {
    let mut command = project.command(args);
    command.envs(environment(endpoint));
    Ran::of(command)
}

/// What a source over a pattern in the bucket holds.
fn rows(bucket: &Bucket, pattern: &str, sql: &str) -> String {
    let toml = format!("[sources.events]\npath = \"{}\"\n", bucket.url(pattern));
    run(&Project::new(&[("tidemill.toml", &toml)]), &["sql", sql]).ok()
}

#[test]
fn a_file_of_each_format_is_what_it_is_on_a_disk() {
    let bucket = Bucket::new();
    for format in ["json", "csv", "parquet", "arrow"] {
        let project = project(&bucket, "--@ output = \"s3://BUCKET/out/q\"", "SELECT n, k ORDER BY n");
        let ran = run(&project, &["run", "--format", format]);
        let told = ran.stderr_of_ok();
        assert!(told.contains(&format!("-> s3://{}/out/q", bucket.name)), "{told}");
        let copy = project.path("copy");
        run(&project, &["sql", "SELECT n, k FROM events ORDER BY n", "--format", format, "-o", copy.to_str().unwrap()])
            .ok();
        assert!(bucket.bytes("out/q") == std::fs::read(copy).unwrap(), "{format}");
        assert_eq!(project.names(".tidemill/uploads"), [""; 0]);
    }
    assert_eq!(bucket.names(), ["out/q"]);
}

#[test]
fn a_large_file_goes_in_parts() {
    let bucket = Bucket::new();
    let project = project(&bucket, "", "SELECT n, repeat(k || n, 100000) AS t ORDER BY n");
    let told = run(&project, &["run", "-o", &bucket.url("far/")]).stderr_of_ok();
    assert!(told.contains("q: 50 rows, ") && told.contains(&bucket.url("far/q.json")), "{told}");
    let local = run(&project, &["run"]);
    assert_eq!(local.code, Some(0));
    assert!(bucket.get("far/q.json") == project.read("outputs/q.json"));
    assert!(bucket.get("far/q.json").len() > 20 << 20);
    assert_eq!(bucket.uploads(), 0);
    let paths =
        project.rows("SELECT status, path LIKE 's3://%/far/q.json' AS far FROM tidemill.runs ORDER BY run LIMIT 1");
    assert_eq!(paths, "{\"status\":\"committed\",\"far\":true}\n");
}

#[test]
fn statements_publish_there_too() {
    let bucket = Bucket::new();
    let project = project(&bucket, "", "SELECT n");
    let url = bucket.url("a/s.csv");
    run(&project, &["sql", "SELECT 1 AS one", "-o", &url]).ok();
    assert_eq!(bucket.get("a/s.csv"), "one\n1\n");
    let copy = format!("COPY (SELECT 2 AS two) TO '{}'", bucket.url("a/c.json"));
    run(&project, &["sql", "--allow-writes", &copy]).ok();
    assert_eq!(bucket.get("a/c.json"), "{\"two\":2}\n");
}

#[test]
fn a_folder_is_what_its_manifest_says() {
    let shapes = ["shards = 4", "target_file_size = \"1KiB\"", "partition_by = [\"k\", \"n % 2 AS odd\"]"];
    for shape in shapes {
        let bucket = Bucket::new();
        let header = format!("--@ output = \"s3://BUCKET/out/q\"\n--@ {shape}");
        let project = project(&bucket, &header, "SELECT n, k");
        let mut before: Vec<String> = Vec::new();
        for times in 1..=3 {
            let told = run(&project, &["run"]).stderr_of_ok();
            assert!(told.contains(&format!("-> {}", bucket.url("out/q"))), "{told}");
            let names = bucket.names();
            let parts = || names.iter().filter(|name| name.starts_with("out/q/run-"));
            assert_eq!(parts().count() + 1, names.len(), "{shape}: {names:?}");
            assert!(parts().all(|name| !before.contains(name)), "{shape}: what was before is still there");
            before.clone_from(&names);
            // Something that no manifest names, as a run leaves it that is on its way.
            bucket.put(
                &format!("out/q/run-00000000-0000-4000-8000-00000000000{times}/k=x/odd=1/part-00000-of-00001.json"),
                "{",
            );
            let sql = "SELECT count(*) AS c, count(DISTINCT k) AS k, sum(n) AS s FROM events";
            for pattern in ["out/q", "out/**/*.json", "out/q/"] {
                assert_eq!(rows(&bucket, pattern, sql), "{\"c\":50,\"k\":3,\"s\":1225}\n", "{shape} {pattern}");
            }
            (1..=times).for_each(|n| {
                let name =
                    format!("out/q/run-00000000-0000-4000-8000-00000000000{n}/k=x/odd=1/part-00000-of-00001.json");
                if bucket.names().contains(&name) {
                    bucket.remove(&name);
                }
            });
        }
        if shape.starts_with("partition_by") {
            let sql = "SELECT k, count(*) AS c FROM events WHERE odd = '1' GROUP BY k ORDER BY k";
            let expected = "{\"k\":\"k/0\",\"c\":8}\n{\"k\":\"k/1\",\"c\":9}\n{\"k\":\"k/2\",\"c\":8}\n";
            assert_eq!(rows(&bucket, "out/q", sql), expected);
        }
        let runs = "SELECT DISTINCT status, path FROM tidemill.runs";
        assert_eq!(project.rows(runs), format!("{{\"status\":\"committed\",\"path\":\"{}\"}}\n", bucket.url("out/q/")));
    }
}

#[test]
fn what_a_result_may_not_replace_it_does_not() {
    let stored = Stored::new("in/**");
    stored.bucket.put("in/a.out", "{\"n\":1,\"k\":\"a\"}\n");
    let before = stored.bucket.names();
    let refused = |header: &str, code: i32, told: &[&str]| {
        put_query(&stored.project, &stored.bucket, header, "SELECT n, k");
        stored.fails(&["run"], code, told);
        assert_eq!(stored.bucket.names(), before, "{header}");
    };
    refused("--@ output = \"s3://BUCKET/in/b.json\"", 2, &["is an input of source `events`"]);
    refused("--@ output = \"s3://BUCKET/in/q\"\n--@ shards = 2", 2, &["is an input of source `events`"]);
    refused("--@ output = \"s3://BUCKET\"\n--@ format = \"json\"", 2, &["is a whole bucket", "name an object in it"]);
    refused("--@ output = \"s3://BUCKET/q.txt\"", 2, &["does not tell a format"]);
    refused("--@ output = \"gs://BUCKET/q.json\"", 2, &["`gs://` names no store that is known here"]);
    refused("--@ output = \"s3://BUCKET/a//q.json\"", 2, &["cannot be asked for"]);
    refused(
        "--@ output = \"s3://no-such-bucket/q.json\"",
        3,
        &["there is no bucket `no-such-bucket`", "nothing was published"],
    );
    for mode in ["append", "merge", "replace_partitions"] {
        let header = format!("--@ mode = \"{mode}\"\n--@ output = \"s3://BUCKET/out/q\"\n--@ partition_by = [\"k\"]");
        refused(&header, 2, &[&format!("mode = \"{mode}\" does not publish in a store"), "leave `mode` out"]);
    }
    stored.bucket.put("out/q/mine.txt", "x");
    put_query(&stored.project, &stored.bucket, "--@ output = \"s3://BUCKET/out/q\"\n--@ shards = 2", "SELECT n");
    stored.fails(&["run"], 2, &["holds `mine.txt`, which is no part of a result"]);
}

#[test]
fn a_run_that_fails_leaves_what_is_there() {
    let bucket = Bucket::new();
    let project = project(&bucket, "--@ output = \"s3://BUCKET/out/q.json\"", "SELECT n");
    bucket.put("out/q.json", "before");
    project.write("queries/q.sql", format!("--@ output = \"{}\"\nSELECT 1 / (n - 49) AS x", bucket.url("out/q.json")));
    check_failure(&run(&project, &["run"]), 1, &["nothing was published"]);
    assert_eq!(bucket.get("out/q.json"), "before");
    // And one whose stage cannot be made.
    std::fs::remove_dir(project.path(".tidemill/uploads")).unwrap();
    project.write(".tidemill/uploads", "a file");
    put_query(&project, &bucket, "--@ output = \"s3://BUCKET/out/q.json\"", "SELECT n");
    check_failure(&run(&project, &["run"]), 1, &["uploads`", "nothing was published"]);
    assert_eq!(bucket.names(), ["out/q.json"]);
}

/// What runs of the project's query became of.
fn outcomes(project: &Project) -> String {
    run(project, &["sql", "SELECT status FROM tidemill.runs ORDER BY run"]).ok()
}

/// Headers of queries, and the last object that each writes.
const LAST_OBJECTS: [(&str, &str); 2] = [
    ("--@ output = \"s3://BUCKET/out/q.json\"", "q.json"),
    ("--@ output = \"s3://BUCKET/out/q\"\n--@ shards = 2", "_manifest.json"),
];

#[test]
fn a_result_whose_last_answer_was_lost_is_published() {
    for (header, last) in LAST_OBJECTS {
        let bucket = Bucket::new();
        let project = project(&bucket, header, "SELECT n");
        let loses = between(move |head| {
            let is_last = head.starts_with("PUT") && head.lines().next().unwrap().contains(last);
            is_last.then(|| Instead::OfTheAnswer(status("403 Forbidden")))
        });
        let told = run_over(&project, &["run"], &loses).stderr_of_ok();
        assert!(told.contains("q: 50 rows"), "{told}");
        assert_eq!(rows(&bucket, "out/", "SELECT count(*) AS c FROM events"), "{\"c\":50}\n");
        assert_eq!(outcomes(&project), "{\"status\":\"committed\"}\n");
        // The next result takes its place, and leaves nothing of it.
        project.write("inputs/b.out", "{\"n\":50}\n");
        run(&project, &["run"]).ok();
        assert_eq!(rows(&bucket, "out/", "SELECT count(*) AS c FROM events"), "{\"c\":51}\n");
        assert_eq!(bucket.names().len(), if last == "q.json" { 1 } else { 3 });
    }
}

#[test]
fn whether_a_silent_store_has_a_result_is_asked_by_the_next_run() {
    for (header, last) in LAST_OBJECTS {
        for arrives in [true, false] {
            let bucket = Bucket::new();
            let project = project(&bucket, header, "SELECT n");
            let mut is_silent = false;
            let silent = between(move |head| {
                let was_silent = is_silent;
                is_silent |= head.starts_with("PUT") && head.lines().next().unwrap().contains(last);
                let answer = || status("403 Forbidden");
                match (was_silent, is_silent) {
                    (false, true) if arrives => Some(Instead::OfTheAnswer(answer())),
                    (_, true) => Some(Instead::Of(answer())),
                    _ => None,
                }
            });
            check_failure(
                &run_over(&project, &["run"], &silent),
                1,
                &["its result may be in place: the next run finds out"],
            );
            run(&project, &["run"]).ok();
            let before = if arrives { "committed" } else { "interrupted" };
            assert_eq!(outcomes(&project), format!("{{\"status\":\"{before}\"}}\n{{\"status\":\"committed\"}}\n"));
            assert_eq!(bucket.names().len(), if last == "q.json" { 1 } else { 3 }, "{:?}", bucket.names());
        }
    }
}
