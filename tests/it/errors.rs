//! What a person reads when something is wrong, as snapshots: standard output, standard error, exit code.
//!
//! A snapshot is a transcript of several commands; the project's folder is shown as `[project]`, times as `[time]`.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::project::{Project, stderr};

/// Commands and what they answered.
struct Transcript {
    project: Project,
    text: String,
}

impl Transcript {
    fn new(project: Project) -> Self {
        Self { project, text: String::new() }
    }

    fn tidemill(&mut self, args: &[&str]) -> &mut Self {
        let output = self.project.run(args);
        self.told(&shown(args), &output)
    }

    fn sql(&mut self, sql: &str) -> &mut Self {
        self.tidemill(&["sql", sql])
    }

    fn write(&mut self, path: &str, text: &str) -> &mut Self {
        self.project.write(path, text);
        self
    }

    fn told(&mut self, command: &str, output: &Output) -> &mut Self {
        let _ = writeln!(self.text, "$ {command}");
        let stdout = String::from_utf8_lossy(&output.stdout);
        for (name, text) in [("stdout", stdout.as_ref()), ("stderr", stderr(output).as_str())] {
            if !text.is_empty() {
                let lines: Vec<String> = text.lines().map(|line| format!("{name}| {line}")).collect();
                let _ = writeln!(self.text, "{}", lines.join("\n"));
            }
        }
        let _ = writeln!(self.text, "exit {}\n", output.status.code().unwrap());
        self
    }

    /// The transcript, without what differs from run to run.
    fn text(&self) -> String {
        let root = self.project.root().canonicalize().unwrap().display().to_string();
        let text =
            self.text.replace(&root, "[project]").replace(&self.project.root().display().to_string(), "[project]");
        let mut lines: Vec<String> = Vec::new();
        for line in text.lines() {
            lines.push(
                match line.split_once(" in ").and_then(|(before, rest)| Some((before, rest.split_once(" s -> ")?))) {
                    Some((before, (_, path))) => format!("{before} in [time] -> {path}"),
                    None => line.to_owned(),
                },
            );
        }
        lines.join("\n")
    }
}

/// A command line as one would type it.
fn shown(args: &[&str]) -> String {
    let plain = |arg: &&str| arg.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=".contains(c));
    let args = args.iter().map(|arg| if plain(arg) { (*arg).to_owned() } else { format!("\"{arg}\"") });
    std::iter::once("tidemill".to_owned()).chain(args).collect::<Vec<_>>().join(" ")
}

fn events() -> Transcript {
    Transcript::new(Project::with_events())
}

#[test]
fn names_that_do_not_exist() {
    let mut told = events();
    told.write("tidemill.toml", "[sources.events]\n\n[sources.users]\npath = \"inputs/*.users\"\n");
    told.sql("SELECT idd FROM events")
        .sql("SELECT e.idd FROM events e")
        .sql("SELECT event.id FROM events")
        .sql("SELECT nothing_like_it FROM events")
        .sql("SELECT id FROM evnts")
        .sql("SELECT id FROM rejects.evnts")
        .sql("SELECT id FROM 'other.json'")
        .sql("SELECT uper(id) FROM events")
        .sql("SELECT qqq(id) FROM events")
        .sql("SELECT row_number() FROM events")
        .tidemill(&["run", "idz"])
        .tidemill(&["run", "something"])
        .tidemill(&["run", "queries/none.sql"])
        .tidemill(&["schema", "event"])
        .tidemill(&["--project", "elsewhere", "run"]);
    assert_snapshot!(told.text());
}

#[test]
fn names_in_another_case_and_fields() {
    let line = "{\"userId\":1,\"Kind\":1,\"kInd\":2,\"commit\":{\"Op\":\"a\",\"oP\":\"b\",\"langs\":[\"en\"]}}\n";
    let mut told = Transcript::new(Project::new(&[("inputs/a.out", line)]));
    told.sql("SELECT\n  e.KIND\nFROM events e")
        .sql("SELECT \"USERID\" FROM events")
        .sql("SELECT e.userid FROM events e ORDER BY e.usrid")
        .sql("SELECT commit.op")
        .sql("SELECT commit.lang[1]")
        .sql("SELECT commit['lang']")
        .sql("SELECT commit.langs.x")
        .sql("SELECT userid.x")
        .sql("SELECT \"PCOLLECTION\".userid FROM \"PCOLLECTION\"")
        .sql("SUMMARIZE evnts")
        .sql("SUMMARIZE SELECT usrid FROM events")
        .sql("SUMMARIZE SELECT (1 FROM events")
        .sql("SUMMARIZE")
        .sql("SUMARIZE events");
    assert_snapshot!(told.text());
}

#[test]
fn syntax() {
    let mut told = events();
    told.write("queries/third.sql", "SELECT id\nFROM events\nWHER n > 1\n")
        .tidemill(&["run", "third"])
        .sql("SELECT id\nFORM events")
        .sql("SELECT")
        .sql("SELECT (1 FROM events")
        .sql("SELECT 'abc FROM events")
        .sql("SELEC 1")
        .sql("")
        .sql("-- nothing\n")
        .sql("-- Which?\nSELECT idd")
        .write("queries/two.sql", "SELECT 1;\nSELECT 2;\n")
        .tidemill(&["run", "two"])
        .write("queries/empty.sql", "--@ format = \"csv\"\n-- nothing\n")
        .tidemill(&["run", "empty"])
        .write("queries/show.sql", "SHOW TABLES")
        .tidemill(&["run", "show"])
        .tidemill(&["sql", "-f", "none.sql"]);
    assert_snapshot!(told.text());
}

#[test]
fn statements_from_an_empty_standard_input() {
    let mut told = events();
    for text in ["", " \n-- nothing\n", "SELECT idd"] {
        let mut child = told.project.command(&["sql"]);
        let child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        told.told(&format!("printf {text:?} | tidemill sql"), &output);
    }
    assert_snapshot!(told.text());
}

#[test]
fn settings() {
    let mut told = events();
    told.write("queries/key.sql", "-- About it.\n--@ frmat = \"json\"\nSELECT 1 AS a")
        .tidemill(&["run", "key"])
        .write("queries/value.sql", "--@ format = \"jsn\"\nSELECT 1 AS a")
        .tidemill(&["run", "value"])
        .write("queries/type.sql", "--@ output = 7\nSELECT 1 AS a")
        .tidemill(&["run", "type"])
        .write("queries/late.sql", "SELECT 1 AS a\n--@ format = \"csv\"\n")
        .tidemill(&["run", "late"]);
    for text in [
        "[sources.events]\npth = \"inputs/*.out\"\n",
        "[sources.events]\nmax_reject_ratio = 7\n",
        "[sources.events]\non_reject = \"stop\"\n",
        "[sources.events.columns]\nid = \"bigin\"\n",
        "[sources.events\n",
        "[limits]\nmemory = \"lots\"\n",
        "[sources.order]\npath = \"x\"\n",
    ] {
        told.write("tidemill.toml", text).tidemill(&["run", "ids"]);
    }
    assert_snapshot!(told.text());
}

#[test]
fn inputs() {
    let mut told = Transcript::new(Project::new(&[("queries/ids.sql", "SELECT id FROM events\n")]));
    told.tidemill(&["run"]);
    std::fs::create_dir(told.project.path("inputs")).unwrap();
    told.tidemill(&["run"]);
    // A user without rights would do, but tests are run by root too, whom rights do not stop.
    std::os::unix::fs::symlink("a.out", told.project.path("inputs/a.out")).unwrap();
    told.tidemill(&["run"]);
    std::fs::remove_file(told.project.path("inputs/a.out")).unwrap();
    told.write("tidemill.toml", "[sources.events]\npath = \"inputs/*\"\n")
        .write("inputs/a.out.gz", "not compressed, and long enough to be looked at")
        .tidemill(&["run"])
        .tidemill(&["sql", "SELECT count(*) AS n FROM rejects.events"])
        .write("tidemill.toml", "[sources.events]\npath = \"events/*.json\"\n")
        .tidemill(&["run"]);
    assert_snapshot!(told.text());
}

/// Whom rights stop: another user if the test is run by root, who must be able to start the binary.
#[test]
fn a_file_that_may_not_be_read() {
    let project = Project::with_events();
    let locked = project.path("inputs/a.out");
    std::fs::set_permissions(&locked, std::os::unix::fs::PermissionsExt::from_mode(0o000)).unwrap();
    let mut command = project.command(&["run"]);
    if std::fs::File::open(&locked).is_ok() {
        // Rights do not stop us. The binary is copied to where another user can start it.
        std::fs::set_permissions(project.root(), std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
        std::fs::copy(env!("CARGO_BIN_EXE_tidemill"), project.path("tidemill")).unwrap();
        command = project.program("./tidemill", &["run"]);
        std::os::unix::process::CommandExt::uid(&mut command, 65_534);
    }
    let mut told = Transcript::new(project);
    let output = command.output().unwrap();
    told.told("tidemill run", &output);
    assert_snapshot!(told.text());
}

#[test]
fn rejects() {
    let lines = "{\"id\":\"1\",\"n\":1}\n{\"id\":\"2\",\"n\":2,}\nno json\n{\"id\":\"4\",\"n\":4}\n";
    let mut told = Transcript::new(Project::new(&[("inputs/a.out", lines), ("queries/n.sql", "SELECT sum(n) AS n")]));
    told.tidemill(&["run"])
        .tidemill(&["sql", "SELECT line, reason FROM rejects.events"])
        .write("tidemill.toml", "[sources.events]\nmax_rejects = 1\nmax_reject_ratio = 1\n")
        .tidemill(&["run"])
        .write("tidemill.toml", "[sources.events]\non_reject = \"fail\"\n")
        .tidemill(&["run"])
        .tidemill(&["sql", "SELECT 1 FROM events"])
        .write("tidemill.toml", "[sources.events]\non_reject = \"fail\"\n[sources.events.columns]\nid = \"date\"\n")
        .tidemill(&["run"]);
    // A line of which no terminal shows all.
    let long = format!("{{\"a\":\"{}\",\"b\":nul,\"c\":\"{}\"}}\n", "x".repeat(5_000), "y".repeat(5_000));
    let long = format!("{long}{{\"n\":1}}\n");
    told.write("inputs/a.out", &long).write("tidemill.toml", "").tidemill(&["run"]);
    assert_snapshot!(told.text());
}

#[test]
fn values() {
    let mut told = events();
    told.write("queries/div.sql", "SELECT id,\n    n / z AS ratio\nFROM events\n")
        .tidemill(&["run", "div"])
        .sql("SELECT 1 / 1, n % (z - 1) FROM events")
        .sql("SELECT CAST(s AS BIGINT) FROM events")
        .sql("SELECT id FROM events WHERE n = 'abc'")
        .sql("SELECT date '2024-13-01'")
        .sql("SELECT to_timestamp(s) FROM events")
        .sql("SELECT CAST(300 AS TINYINT)")
        .sql("SELECT n + 9223372036854775806 AS next FROM events")
        .sql("SELECT n * 2 AS a, 5000000000 * n * 5000000000 AS b FROM events")
        .sql("SELECT sqrt(-n) FROM events")
        .sql("SELECT regexp_replace(id, '(', '') FROM events")
        .sql("SELECT (SELECT id FROM events)")
        .sql("SELECT $1")
        .sql("SELECT id, n / 0.0 AS ratio FROM events")
        .write("queries/nan.sql", "SELECT id, CAST('NaN' AS DOUBLE) AS ratio FROM events")
        .tidemill(&["run", "nan"]);
    assert_snapshot!(told.text());
}

#[test]
fn types_and_columns_that_do_not_fit() {
    let mut told = events();
    told.sql("SELECT id, n, id FROM events")
        .sql("SELECT id FROM events GROUP BY n")
        .sql("SELECT id FROM events e JOIN events f ON e.n = f.n")
        .sql("SELECT n FROM events UNION SELECT n, z FROM events")
        .sql("SELECT n = true FROM events")
        .sql("SELECT id + 1 FROM events")
        .sql("SELECT sum(id) FROM events")
        .sql("SELECT upper(n) FROM events")
        .sql("SELECT upper(id, id) FROM events")
        .sql("SELECT id FROM events WHERE sum(n) > 1")
        .sql("SELECT _file FROM events NATURAL JOIN events f");
    assert_snapshot!(told.text());
}

#[test]
fn statements_that_would_write() {
    let mut told = events();
    told.sql("CREATE TABLE t AS SELECT 1")
        .sql("COPY events TO 'events.json'")
        .sql("INSERT INTO events VALUES (1)")
        .sql("SELECT 1; SET datafusion.execution.batch_size = 1")
        .sql("EXPLAIN ANALYZE COPY events TO 'events.json'")
        .sql("SELECT id INTO t FROM events")
        .tidemill(&["sql", "--allow-writes", "INSERT INTO events VALUES (1)"])
        .tidemill(&["sql", "--allow-writes", "DROP TABLE events"])
        .tidemill(&["sql", "--allow-writes", "COPY events TO 'a.xyz' STORED AS xyz"])
        .tidemill(&["sql", "--allow-writes", "COPY events TO 'a.json' OPTIONS (a 1)"])
        .write("queries/copy.sql", "COPY events TO 'events.json'")
        .tidemill(&["run", "copy"]);
    assert_snapshot!(told.text());
    assert_eq!(told.project.names(""), ["inputs", "queries"]);
}

#[test]
fn outputs() {
    let mut told = events();
    told.write("outputs/ids.json/inside", "").tidemill(&["run"]);
    std::fs::remove_dir_all(told.project.path("outputs")).unwrap();
    told.write("outputs", "a file").tidemill(&["run"]).tidemill(&["run", "-o", "inputs/a.out/b"]);
    std::fs::remove_file(told.project.path("outputs")).unwrap();
    told.write("queries/other.sql", "--@ output = \"outputs/ids.json\"\nSELECT 1 AS a")
        .tidemill(&["run"])
        .tidemill(&["sql", "SELECT 1 AS a", "--output", "inputs"])
        .tidemill(&["sql", "SELECT 1 AS a", "--output", "inputs", "--format", "csv"])
        .tidemill(&["sql", "SELECT 1 AS a; SELECT 2 AS b", "--output", "a.json"])
        .tidemill(&["sql", "SELECT 1 AS a", "--format", "table", "--output", "a.json"]);
    // The limit on the size of files stands in for a disk that is full, which only root may make.
    let lines: String = (0..5_000).map(|n| format!("{{\"id\":\"{n}\"}}\n")).collect();
    told.write("inputs/b.out", &lines);
    let limited = "trap '' XFSZ; ulimit -f 16; exec \"$0\" \"$@\"";
    let mut command = told.project.program("sh", &["-c", limited, env!("CARGO_BIN_EXE_tidemill"), "run", "ids"]);
    let output = command.output().unwrap();
    told.told("ulimit -f 16; tidemill run ids", &output);
    assert_eq!(told.project.names("outputs"), [""; 0]);
    assert_snapshot!(told.text());
}

#[test]
#[cfg(target_os = "linux")]
fn a_device_that_is_full() {
    let mut told = events();
    for format in ["json", "csv", "parquet", "arrow", "table"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let args = ["sql", "--format", format, "SELECT id FROM events"];
        let output = told.project.command(&args).stdout(full).output().unwrap();
        told.told(&format!("{} > /dev/full", shown(&args)), &output);
    }
    assert_snapshot!(told.text());
}

#[test]
fn command_lines() {
    let mut told = events();
    told.tidemill(&["sqll"])
        .tidemill(&["sql", "--fromat", "csv", "SELECT 1"])
        .tidemill(&["sql", "--format", "tabel", "SELECT 1"])
        .tidemill(&["sql", "SELECT 1", "-f", "a.sql"])
        .tidemill(&["run", "--format", "table"])
        .tidemill(&["schema", "--json", "--toml"]);
    assert_snapshot!(told.text());
}

/// Refused or answered within seconds, and never the end of the process: exit codes stay below those of signals.
fn check_size(sql: &str, expected: i32) {
    let project = Project::with_events();
    project.write("big.sql", sql);
    let begun = Instant::now();
    let output = project.run(&["sql", "-f", "big.sql"]);
    let start: String = sql.chars().take(50).collect();
    assert_eq!(output.status.code(), Some(expected), "{start}: {}", stderr(&output));
    assert!(begun.elapsed() < Duration::from_secs(20), "{start}: {:?}", begun.elapsed());
    if expected != 0 {
        let told = stderr(&output);
        assert!(told.contains("[big.sql:1:") || told.contains("nested deeper than"), "{start}: {told}");
        assert!(told.contains("hint: ") || told.contains("syntax error"), "{start}: {told}");
        assert!(told.len() < 2_000, "{start}: {told}");
    }
}

fn many(count: usize, term: &str, separator: &str) -> String {
    vec![term; count].join(separator)
}

#[test]
fn statements_of_very_many_terms_are_refused() {
    check_size(&format!("SELECT id FROM events WHERE {}", many(20_000, "n = 1", " OR ")), 2);
    check_size(&format!("SELECT {} FROM events", many(2_000, "n", " + ")), 2);
    check_size(&format!("SELECT n{} FROM events", "::BIGINT".repeat(20_000)), 2);
    check_size(&format!("SELECT n{} FROM events", " IS NULL".repeat(20_000)), 2);
    check_size(&many(5_000, "SELECT id FROM events", " UNION ALL "), 2);
    check_size(&format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000)), 2);
    check_size(&format!("SELECT {}1", "- ".repeat(100_000)), 2);
    check_size(&format!("{}SELECT 1{}", "SELECT * FROM (".repeat(200), ")".repeat(200)), 2);
    check_size(&format!("SELECT {}1{}", "CASE WHEN true THEN ".repeat(200), " END".repeat(200)), 2);
    let chain = many(200, "n", " + ");
    check_size(&format!("SELECT {}{chain}{} FROM events", "(".repeat(50), format!(") + {chain}").repeat(50)), 2);
}

#[test]
fn what_is_just_not_too_large_is_answered() {
    check_size(&format!("SELECT id FROM events WHERE {}", many(1_000, "n = 1", " OR ")), 0);
    check_size(&format!("SELECT {} AS a FROM events", many(1_000, "n", " + ")), 0);
    check_size(&many(251, "SELECT id FROM events", " UNION ALL "), 0);
    check_size(&format!("SELECT id FROM events WHERE n IN ({})", many(20_000, "1", ", ")), 0);
    check_size(&format!("SELECT {}1{} AS a", "(".repeat(100), ")".repeat(100)), 0);
}
