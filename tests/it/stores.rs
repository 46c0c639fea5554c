//! Object stores as sources and as places for results, over a real S3 server: what is read is what files of the same content
//! give, what is published is whole, and what is refused is told.

mod between;
mod bucket;
mod kills;
mod outputs;

use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

pub use bucket::{Bucket, endpoint, environment};

use self::between::{Instead, between, status};
use crate::contract::mill::{Ran, gzip, zst};
use crate::project::Project;

/// A project that reads `pattern` in a bucket.
struct Stored {
    project: Project,
    bucket: Bucket,
    endpoint: String,
}

impl Stored {
    fn new(pattern: &str) -> Self {
        Self::over(pattern, endpoint())
    }

    fn over(pattern: &str, endpoint: String) -> Self {
        let bucket = Bucket::new();
        let toml = format!("[sources.events]\npath = \"{}\"\nmax_reject_ratio = 1.0\n", bucket.url(pattern));
        Self { project: Project::new(&[("tidemill.toml", &toml)]), bucket, endpoint }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.project.command(args);
        command.envs(environment(&self.endpoint));
        command
    }

    fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    fn sql(&self, sql: &str) -> String {
        self.run(&["sql", sql]).ok()
    }

    /// Fails with this exit code, and tells all of this.
    fn fails(&self, args: &[&str], code: i32, told: &[&str]) {
        check_failure(&self.run(args), code, told);
    }
}

fn check_failure(ran: &Ran, code: i32, told: &[&str]) {
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    for part in told {
        assert!(ran.stderr.contains(part), "`{part}` is not told:\n{}", ran.stderr);
    }
}

/// Names and contents of files of every kind: rows, rejects, blanks, compressed, in folders, hidden, and others.
fn files() -> Vec<(String, Vec<u8>)> {
    let text = |n: usize| format!("{{\"n\":{n}}}\n\n{{\"n\":{n},\"t\":\"é\"}}\r\n[{n}]\n{{\"n\":");
    let mut files = Vec::new();
    for n in 0..8 {
        files.push((format!("day={n}/a b{n}.out"), text(n).into_bytes()));
    }
    files.push(("day=1/k=a%2Fb/packed.out.gz".to_owned(), [gzip(b"{\"n\":100}\n"), gzip(b"{\"n\":101}\n")].concat()));
    files.push(("day=__HIVE_DEFAULT_PARTITION__/packed.out.zst".to_owned(), zst(b"{\"n\":102}")));
    files.push(("empty.out".to_owned(), Vec::new()));
    files.push(("day=1/.hidden.out".to_owned(), b"{\"n\":-1}\n".to_vec()));
    files.push(("day=1/notes.txt".to_owned(), b"{\"n\":-2}\n".to_vec()));
    files
}

#[test]
fn objects_are_read_as_files_of_the_same_content() {
    let stored = Stored::new("in/**");
    let local = Project::new(&[("tidemill.toml", "[sources.events]\npath = \"in/**\"\nmax_reject_ratio = 1.0\n")]);
    for (name, bytes) in files() {
        local.write(&format!("in/{name}"), &bytes);
        stored.bucket.put(&format!("in/{name}"), bytes);
    }
    // What begins with the same letters is not in the folder.
    stored.bucket.put("inner.out", "{\"n\":-3}\n");
    let in_bucket = |text: String| text.replace(&stored.bucket.url(""), "");
    for sql in [
        "SELECT *, _file, _offset FROM events ORDER BY _file, _offset",
        "SELECT file, line, \"offset\", reason, raw FROM rejects.events ORDER BY file, line",
        "SELECT count(*) AS c FROM events",
        "SELECT day, k, sum(n) AS s FROM events GROUP BY day, k ORDER BY day, k",
    ] {
        assert_eq!(in_bucket(stored.sql(sql)), local.rows(sql), "{sql}");
    }
    let args = ["schema", "events", "--json"];
    assert_eq!(in_bucket(stored.run(&args).ok()), Ran::of(local.command(&args)).ok());
}

#[test]
fn patterns_name_objects_as_they_name_files() {
    let cases: [(&str, &[&str]); 8] = [
        ("in/*.out", &["in/a.out", "in/b.out"]),
        ("in", &["in/a.out", "in/b.out", "in/x/c.out", "in/x/y/d.json"]),
        ("in/", &["in/a.out", "in/b.out", "in/x/c.out", "in/x/y/d.json"]),
        ("in/x/c.out", &["in/x/c.out"]),
        ("in/*/", &["in/x/c.out", "in/x/y/d.json"]),
        ("**/*.json", &["in/x/y/d.json"]),
        ("in/{a,b}.out", &["in/a.out", "in/b.out"]),
        ("*.out", &["top.out"]),
    ];
    let bucket = Bucket::new();
    for name in ["in/a.out", "in/b.out", "in/x/c.out", "in/x/y/d.json", "top.out", "in/x/.h/e.out", "in/f.txt"] {
        bucket.put(name, "{\"n\":1}\n");
    }
    for (pattern, names) in cases {
        let toml = format!("[sources.events]\npath = \"{}\"\n", bucket.url(pattern));
        let project = Project::new(&[("tidemill.toml", &toml)]);
        let mut command = project.command(&["sql", "SELECT DISTINCT _file AS f FROM events ORDER BY f"]);
        command.envs(environment(&endpoint()));
        let expected: String = names.iter().map(|name| format!("{{\"f\":\"{}\"}}\n", bucket.url(name))).collect();
        assert_eq!(Ran::of(command).ok(), expected, "{pattern}");
    }
}

/// The bytes that a request asks for.
fn range(head: &str) -> Option<(u64, u64)> {
    let line =
        head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("range: bytes=").map(str::to_owned))?;
    let (first, last) = line.trim().split_once('-')?;
    Some((first.parse().ok()?, last.parse().ok()?))
}

#[test]
fn a_large_object_is_read_by_bounded_ranges_and_once() {
    let asked: Arc<Mutex<Vec<(u64, u64)>>> = Arc::default();
    let seen = Arc::clone(&asked);
    let stored = Stored::over(
        "in/*",
        between(move |head| {
            seen.lock().unwrap().extend(range(head));
            None
        }),
    );
    let line = |n: usize| format!("{{\"n\":{n},\"t\":\"{}\"}}\n", "x".repeat(n % 3000));
    let text: String = (0..15_000).map(line).collect();
    let size = text.len() as u64;
    stored.bucket.put("in/large.out", text);
    let rows = stored.sql("SELECT count(*) AS c, sum(n) AS s, sum(length(t)) AS t FROM events WHERE n >= 0");
    let lengths: usize = (0..15_000).map(|n| n % 3000).sum();
    assert_eq!(rows, format!("{{\"c\":15000,\"s\":{},\"t\":{lengths}}}\n", 15_000 * 14_999 / 2));
    let asked = asked.lock().unwrap();
    let largest = asked.iter().map(|(first, last)| last + 1 - first).max().unwrap();
    assert!(largest <= (4 << 20) + (64 << 10), "{largest} bytes in one request");
    let all: u64 = asked.iter().map(|(first, last)| last + 1 - first).sum();
    assert!(all < size + (2 << 20), "{all} bytes were asked for of {size}");
}

#[test]
fn an_object_that_is_replaced_meanwhile_fails_the_run() {
    for name in ["a.out", "a.out.gz"] {
        let bucket = Arc::new(Bucket::new());
        let text: String = (0..2000).map(|n| format!("{{\"n\":{n}}}\n")).collect();
        let bytes = if name.ends_with(".gz") { gzip(text.as_bytes()) } else { text.into_bytes() };
        bucket.put(&format!("in/{name}"), bytes.clone());
        // When it was listed, and before a byte of it is read.
        let (replaces, key) = (Arc::clone(&bucket), format!("in/{name}"));
        let url = between(move |head| {
            if range(head).is_some() {
                let (replaces, key) = (Arc::clone(&replaces), key.clone());
                std::thread::spawn(move || replaces.put(&key, "{\"n\":7}\n".repeat(9000))).join().unwrap();
            }
            None
        });
        let toml = format!("[sources.events]\npath = \"{}\"\n", bucket.url("in/*"));
        let project = Project::new(&[("tidemill.toml", &toml), ("queries/q.sql", "SELECT n")]);
        let mut command = project.command(&["run"]);
        command.envs(environment(&url));
        let told = format!("`{}` was replaced while it was read", bucket.url(&format!("in/{name}")));
        check_failure(&Ran::of(command), 3, &[&told, "nothing was published"]);
        assert!(!project.path("outputs/q.json").exists());
    }
}

#[test]
fn a_store_that_asks_for_patience_is_asked_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&requests);
    let stored = Stored::over(
        "in/*",
        between(move |_| {
            // Every other request.
            if count.fetch_add(1, Ordering::Relaxed).is_multiple_of(2) {
                Some(Instead::Of(status("503 Slow Down")))
            } else {
                None
            }
        }),
    );
    stored.bucket.put("in/a.out", "{\"n\":1}\n");
    assert_eq!(stored.sql("SELECT n FROM events"), "{\"n\":1}\n");
    assert!(requests.load(Ordering::Relaxed) >= 4);
}

#[test]
fn what_a_store_refuses_is_told() {
    let stored = Stored::new("in/*");
    stored.bucket.put("in/a.out", "{\"n\":1}\n");
    let sql = ["sql", "SELECT n FROM events"];
    let with = |variables: &[(&str, &str)], removed: &[&str]| {
        let mut command = stored.command(&sql);
        command.envs(variables.iter().copied());
        for name in removed {
            command.env_remove(name);
        }
        Ran::of(command)
    };
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    check_failure(&with(&[], &keys), 2, &["there are no credentials for `s3://", "AWS_ACCESS_KEY_ID"]);
    check_failure(
        &with(&[("AWS_SKIP_SIGNATURE", "true")], &keys),
        3,
        &["the store refuses it", "hint: check AWS_ACCESS_KEY_ID"],
    );
    let nowhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    check_failure(&with(&nowhere, &[]), 3, &["nothing answers where the store should be", "AWS_ENDPOINT_URL"]);
    let plain = [("AWS_ENDPOINT_URL", "http://user:secret@store.example")];
    let ran = with(&plain, &[]);
    check_failure(&ran, 2, &["the endpoint of the store is not encrypted", "AWS_ALLOW_HTTP"]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    check_failure(&with(&[("AWS_ENDPOINT_URL", "store")], &[]), 2, &["the endpoint of the store is no URL"]);
    let of = |path: &str, code: i32, told: &[&str]| {
        stored.project.write("tidemill.toml", format!("[sources.events]\npath = \"{path}\"\n"));
        stored.fails(&sql, code, told);
    };
    of("s3://no-such-bucket/*.out", 3, &["there is no bucket `no-such-bucket`", "AWS_REGION"]);
    of(&stored.bucket.url("nothing/*.out"), 3, &["no file matches `s3://"]);
    of(&stored.bucket.url("nothing.out"), 3, &["no file matches `s3://"]);
    of("gs://bucket/*.out", 2, &["`gs://` names no store that is known here", "AWS_ENDPOINT_URL"]);
    let secret = "s3://user:secret@bucket/*.out";
    of(secret, 2, &["has no user name or password in it"]);
    assert!(!stored.run(&sql).stderr.contains("secret"));
    stored.project.write("queries/q.sql", "--@ output = \"s3://user:secret@bucket/q.json\"\nSELECT 1 AS one");
    let ran = stored.run(&["run"]);
    check_failure(&ran, 2, &["has no user name or password in it"]);
    assert!(!ran.stderr.contains("secret"), "{}", ran.stderr);
    of("s3:///x", 2, &["`s3:///x` names no bucket"]);
    of(&stored.bucket.url("in/[.out"), 2, &["is not a pattern"]);
    stored.bucket.put("in/a.out.xz", "x");
    of(&stored.bucket.url("in/*"), 3, &["a.out.xz` is compressed as `.xz`, which is not read"]);
}

#[test]
fn nothing_is_asked_of_a_store_that_no_statement_needs() {
    let project = Project::with_events();
    let toml =
        "[sources.events]\npath = \"inputs/*.out\"\ndefault = true\n[sources.far]\npath = \"s3://nowhere/*.out\"\n";
    project.write("tidemill.toml", toml);
    let mut command = project.command(&["run"]);
    // There are not even credentials.
    command.env("AWS_ENDPOINT_URL", "http://127.0.0.1:9");
    Ran::of(command).ok();
}

#[test]
fn tables_that_statements_create_are_over_files() {
    let stored = Stored::new("in/*");
    let create = format!("CREATE EXTERNAL TABLE t STORED AS JSON LOCATION '{}'", stored.bucket.url("in/"));
    let args = ["sql", "--allow-writes", &create];
    stored.fails(&args, 2, &["a table that a statement creates is over files of this machine", "tidemill.toml"]);
}

#[test]
fn only_new_objects_are_read_for_what_is_added_to() {
    let stored = Stored::new("in/*");
    stored.project.write("queries/added.sql", "--@ mode = \"append\"\nSELECT n, t");
    stored.project.write("queries/sums.sql", "--@ mode = \"merge\"\n--@ key = []\nSELECT count(*) AS c, sum(n) AS s");
    let objects = |told: &[&str]| {
        let text = stored.run(&["run"]).stderr_of_ok();
        told.iter().for_each(|part| assert!(text.contains(part), "`{part}` is not told:\n{text}"));
    };
    // An object is whole: its last line does not wait for a newline.
    stored.bucket.put("in/a.out", "{\"n\":1,\"t\":\"x\"}\n{\"n\":2,\"t\":\"y\"}");
    objects(&["added: 2 rows", "2 lines"]);
    objects(&["added: nothing to do", "sums: nothing to do"]);
    stored.bucket.put("in/b.out.gz", gzip(b"{\"n\":4,\"t\":\"z\"}\n"));
    objects(&["added: 1 rows", "events: 1 lines = 1 rows"]);
    assert_eq!(stored.project.read("outputs/sums.json"), "{\"c\":3,\"s\":7}\n");
    // A copy is known again; what was replaced is not taken for more of the same.
    stored.bucket.put("in/c.out", "{\"n\":1,\"t\":\"x\"}\n{\"n\":2,\"t\":\"y\"}");
    stored.bucket.remove("in/a.out");
    objects(&["in/c.out` is what was read as `s3://", "added: nothing to do"]);
    stored.bucket.put("in/c.out", "{\"n\":100,\"t\":\"x\"}\n");
    stored.fails(&["run", "added"], 3, &["in/c.out` no longer begins with what was read of it", "on_rewrite"]);
    let inputs =
        stored.project.rows("SELECT count(DISTINCT file) AS c FROM tidemill.run_inputs WHERE file LIKE 's3://%'");
    assert_eq!(inputs, "{\"c\":2}\n");
}
