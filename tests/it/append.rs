//! Queries that read only what is new: whatever happens between two runs, and in them, each line is in the output once.

use std::fs;
use std::io::Write;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::contract::mill::gzip;
use crate::project::{Project, stderr};

const QUERY: &str = "--@ mode = \"append\"\nSELECT n, s, _file IS NOT NULL AS f WHERE n % 3 <> 1";
const WHOLE: &str = "SELECT n, s, _file IS NOT NULL AS f WHERE n % 3 <> 1";

fn line(number: usize) -> String {
    format!("{{\"n\":{number},\"s\":\"{}\"}}\n", "x".repeat(number % 40))
}

fn lines(numbers: std::ops::Range<usize>) -> String {
    numbers.map(line).collect()
}

fn project() -> Project {
    let toml = "[sources.events]\npath = \"inputs/*.out*\"\n";
    Project::new(&[("tidemill.toml", toml), ("queries/added.sql", QUERY), ("queries/whole.sql", WHOLE)])
}

impl Project {
    fn append(&self, path: &str, text: &str) {
        fs::create_dir_all(self.path("inputs")).unwrap();
        let mut file = fs::File::options().append(true).create(true).open(self.path(path)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    /// Runs the query that adds; what it says.
    fn adds(&self) -> String {
        let output = self.run(&["run", "added"]);
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    }

    fn does_refresh(&self) {
        let output = self.run(&["run", "added", "--full-refresh"]);
        assert!(output.status.success(), "{}", stderr(&output));
    }

    fn fails(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(!output.status.success(), "{}", stderr(&output));
        stderr(&output)
    }

    /// Lines of all that was added, in the order of their text.
    fn added(&self) -> Vec<String> {
        let mut rows = Vec::new();
        for run in self.names("outputs/added") {
            for part in self.names(&format!("outputs/added/{run}")) {
                rows.extend(self.read(&format!("outputs/added/{run}/{part}")).lines().map(str::to_owned));
            }
        }
        rows.sort();
        rows
    }

    /// Checks that all that was added is what one run over everything gives.
    fn adds_up(&self) {
        assert!(self.run(&["run", "whole"]).status.success());
        let mut whole: Vec<String> = self.read("outputs/whole.json").lines().map(str::to_owned).collect();
        whole.sort();
        assert_eq!(self.added(), whole);
        assert!(self.names("outputs").iter().all(|name| !name.starts_with('.')), "{:?}", self.names("outputs"));
    }

    /// Starts the query and kills it after a while; whether it was still running.
    fn is_killed(&self, after: Duration) -> bool {
        let mut child = self.command(&["run", "added"]).stderr(std::process::Stdio::null()).spawn().unwrap();
        std::thread::sleep(after);
        let _ = child.kill();
        !child.wait().unwrap().success()
    }
}

#[test]
fn a_hundred_files_one_by_one_with_crashes_between_are_one_run_over_all() {
    let project = project();
    let mut random = StdRng::seed_from_u64(17);
    let begun = Instant::now();
    project.write("inputs/000.out", lines(0..10));
    project.adds();
    let whole = begun.elapsed();
    let mut killed = 0;
    for file in 1..100 {
        project.write(&format!("inputs/{file:03}.out"), lines(file * 10..file * 10 + random.random_range(0..10)));
        if random.random_range(0..3) == 0 {
            killed += u32::from(project.is_killed(whole.mul_f64(random.random_range(0.0..1.2))));
        } else if random.random_range(0..3) == 0 {
            continue;
        }
        project.adds();
    }
    project.adds();
    assert!(killed > 5, "{killed}");
    project.adds_up();
    assert!(project.adds().contains("nothing to do"));
}

#[test]
fn a_file_that_grows_by_any_number_of_bytes_is_read_to_its_last_whole_line() {
    let project = project();
    let mut random = StdRng::seed_from_u64(18);
    let text = lines(0..400);
    let mut at = 0;
    while at < text.len() {
        let end = (at + random.random_range(1..1500)).min(text.len());
        project.append("inputs/a.out", &text[at..end]);
        let told = project.adds();
        let is_open = !text[..end].ends_with('\n');
        assert_eq!(told.contains("has no newline yet"), is_open, "{told}");
        at = end;
    }
    project.adds_up();
}

#[test]
fn logs_that_are_rotated_and_compressed_are_read_once() {
    let project = project();
    let mut random = StdRng::seed_from_u64(19);
    let mut next = 0;
    for _ in 0..25 {
        let count = random.random_range(0..30);
        project.append("inputs/app.out", &lines(next..next + count));
        next += count;
        if random.random_range(0..2) == 0 {
            project.adds();
            let more = random.random_range(0..5);
            project.append("inputs/app.out", &lines(next..next + more));
            next += more;
        }
        if random.random_range(0..3) == 0 {
            for number in (1..26).rev() {
                for name in [format!("app.out.{number}"), format!("app.out.{number}.gz")] {
                    let to = name.replacen(&number.to_string(), &(number + 1).to_string(), 1);
                    if project.path(&format!("inputs/{name}")).exists() {
                        fs::rename(project.path(&format!("inputs/{name}")), project.path(&format!("inputs/{to}")))
                            .unwrap();
                    }
                }
            }
            // The one before the last is compressed, as `delaycompress` has it.
            if let Ok(bytes) = fs::read(project.path("inputs/app.out.2")) {
                project.write("inputs/app.out.2.gz", gzip(&bytes));
                fs::remove_file(project.path("inputs/app.out.2")).unwrap();
            }
            fs::rename(project.path("inputs/app.out"), project.path("inputs/app.out.1")).unwrap();
        }
        if random.random_range(0..2) == 0 {
            project.adds();
        }
    }
    project.adds();
    project.adds_up();
    // The oldest goes.
    fs::rename(project.path("inputs/app.out.2.gz"), project.path("inputs/app.out.3.gz")).unwrap();
    assert!(project.adds().contains("nothing to do"));
    // A copy that keeps what it is made of.
    let bytes = fs::read(project.path("inputs/app.out.1")).unwrap();
    project.write("inputs/app.out.1.gz", gzip(&bytes));
    assert!(
        project.adds().contains("`inputs/app.out.1.gz` is a copy of `inputs/app.out.1`, and is not read beside it")
    );
    assert!(project.adds().contains("nothing to do"));
    fs::remove_file(project.path("inputs/app.out.1")).unwrap();
    assert!(project.adds().contains("nothing to do"));
}

#[test]
fn logs_that_are_empty_or_begin_alike_are_rotated() {
    let project = project();
    let rename = |from: &str, to: &str| {
        fs::rename(project.path(&format!("inputs/app.out{from}")), project.path(&format!("inputs/app.out{to}")))
            .unwrap();
    };
    // A generation in which nothing was written, and some that begin with the same line and may hold no more.
    let texts = [lines(0..1), String::new(), lines(3..4), lines(3..4), lines(3..9), String::new(), lines(3..5)];
    for (at, text) in texts.iter().enumerate() {
        for number in (1..=at).rev() {
            rename(&if number == 1 { String::new() } else { format!(".{}", number - 1) }, &format!(".{number}"));
        }
        project.write("inputs/app.out", text);
        project.adds();
        project.append("inputs/app.out", &lines(90..91));
        project.adds();
        project.adds_up();
    }
}

#[test]
fn a_folder_that_was_moved_is_told_in_few_lines() {
    let project = project();
    (0..40).for_each(|file| project.write(&format!("inputs/a.out.{file}"), lines(file * 10..file * 10 + 10)));
    project.adds();
    (0..40).for_each(|file| {
        let at = |name: &str| project.path(&format!("inputs/{name}.{file}"));
        fs::rename(at("a.out"), at("b.out")).unwrap();
    });
    let told = project.adds();
    assert!(told.contains("nothing to do") && told.contains("30 files more have other names, too"), "{told}");
    assert_eq!(told.matches("is what was read as").count(), 10, "{told}");
    project.adds_up();
}

#[test]
fn a_copy_that_was_seen_beside_its_original_goes_on_for_it() {
    let project = project();
    project.append("inputs/app.out.1", &lines(0..400));
    project.adds();
    // Compressed, and seen before the original goes; then everything moves on by one.
    project.write("inputs/app.out.1.gz", gzip(lines(0..400).as_bytes()));
    assert!(project.adds().contains("is a copy of"));
    fs::remove_file(project.path("inputs/app.out.1")).unwrap();
    fs::rename(project.path("inputs/app.out.1.gz"), project.path("inputs/app.out.2.gz")).unwrap();
    project.write("inputs/app.out.1", lines(400..410));
    project.adds();
    project.adds_up();
    assert!(project.adds().contains("nothing to do"));
    fs::rename(project.path("inputs/app.out.2.gz"), project.path("inputs/app.out.3.gz")).unwrap();
    fs::rename(project.path("inputs/app.out.1"), project.path("inputs/app.out.2")).unwrap();
    project.write("inputs/app.out.1", lines(410..420));
    project.adds();
    project.adds_up();
    assert!(project.adds().contains("nothing to do"));
    // And once more and more, each under the names that those before had.
    for next in 0..6 {
        let first = 420 + next * 10;
        project.write("inputs/app.out.1.gz", gzip(&fs::read(project.path("inputs/app.out.1")).unwrap()));
        project.adds();
        for number in (1..12).rev() {
            let [from, to] = [number, number + 1].map(|number| project.path(&format!("inputs/app.out.{number}.gz")));
            if from.exists() {
                fs::rename(from, to).unwrap();
            }
        }
        project.write("inputs/app.out.1", lines(first..first + 10));
        if next % 2 == 0 {
            project.adds();
            project.adds_up();
        }
    }
    project.adds();
    project.adds_up();
}

#[test]
fn a_copy_beside_its_original_is_not_read() {
    let project = project();
    project.append("inputs/app.out", &lines(0..300));
    project.adds();
    // As a log is copied and then cut: a run may come by when half of it is copied, and when all of it is.
    project.append("inputs/app.out", &lines(300..600));
    let all = fs::read(project.path("inputs/app.out")).unwrap();
    for bytes in [&all[..lines(0..250).len()], &all] {
        project.write("inputs/app.out.1", bytes);
        assert!(!project.adds().contains("no longer begins"));
    }
    project.write("inputs/app.out", lines(600..700));
    project.adds();
    project.adds_up();
    assert!(project.adds().contains("nothing to do"));
}

#[test]
fn what_a_query_means_may_not_change_with_its_columns() {
    for (sql, first, second, told) in [
        ("SELECT CAST(x AS VARCHAR) AS x", "{\"x\":1}\n", "{\"x\":1.5}\n", "`events.x` is double now, and was bigint"),
        (
            "SELECT 1 AS r WHERE x > '5'",
            "{\"x\":10}\n",
            "{\"x\":\"zz\"}\n",
            "`events.x` is varchar now, and was bigint",
        ),
        (
            "SELECT 1 AS r WHERE o['x'] > '5'",
            "{\"o\":{\"x\":1}}\n",
            "{\"o\":{\"x\":\"z\"}}\n",
            "`events.o.x` is varchar now",
        ),
        (
            "SELECT 1 AS r WHERE v > 5",
            "{\"V\":10}\n",
            "{\"v\":9}\n",
            "were read by `events.V` (bigint), and now by other columns",
        ),
        ("SELECT _file AS f", "{\"n\":1}\n", "{\"_file\":\"x\"}\n", "`events._file` is varchar now"),
    ] {
        let project = project();
        project.write("queries/added.sql", format!("--@ mode = \"append\"\n{sql}"));
        project.write("inputs/a.out", first);
        project.adds();
        project.write("inputs/b.out", second);
        let found = project.fails(&["run", "added"]);
        assert!(found.contains(told) && found.contains("--full-refresh"), "{sql}: {found}");
        assert!(project.run(&["run", "added", "--full-refresh"]).status.success());
        assert!(project.adds().contains("nothing to do"));
    }
    // Of what was never there nothing was read, and what a query does not read may be of any type.
    let project = project();
    project.write("queries/added.sql", "--@ mode = \"append\"\nSELECT x > 5 AS r FROM events");
    project.write("inputs/a.out", "{\"x\":null,\"y\":1}\n");
    project.adds();
    project.write("inputs/b.out", "{\"x\":9,\"y\":\"z\"}\n");
    project.adds();
    assert_eq!(project.added(), ["{\"r\":null}", "{\"r\":true}"]);
}

/// Inside of structs and lists, too, what had no value may become anything.
#[test]
fn fields_and_elements_that_never_had_a_value_get_one() {
    for (first, second) in [
        ("{\"p\":{\"a\":1,\"b\":null}}", "{\"p\":{\"a\":2,\"b\":7}}"),
        ("{\"p\":{\"b\":{\"c\":null}}}", "{\"p\":{\"b\":{\"c\":[true]}}}"),
        ("{\"p\":[]}", "{\"p\":[1,2]}"),
        ("{\"p\":[[],[null]]}", "{\"p\":[[1.5]]}"),
        ("{\"p\":{\"l\":[]}}", "{\"p\":{\"l\":[{\"x\":1}]}}"),
    ] {
        let project = project();
        project.write("queries/added.sql", "--@ mode = \"append\"\nSELECT p");
        project.write("queries/whole.sql", "SELECT p");
        project.write("inputs/a.out", format!("{first}\n"));
        project.adds();
        project.write("inputs/b.out", format!("{second}\n"));
        project.adds();
        project.adds_up();
    }
    // What had a value may not, and what was a list of nothing is a list.
    for (first, second) in [("{\"p\":{\"a\":1}}", "{\"p\":{\"a\":\"x\"}}"), ("{\"p\":[]}", "{\"p\":\"x\"}")] {
        let project = project();
        project.write("queries/added.sql", "--@ mode = \"append\"\nSELECT p");
        project.write("inputs/a.out", format!("{first}\n"));
        project.adds();
        project.write("inputs/b.out", format!("{second}\n"));
        let told = project.fails(&["run", "added"]);
        assert!(told.contains("is varchar now"), "{told}");
    }
}

/// A few lines that are gone may well stand at the start of another file, and be others.
#[test]
fn a_file_that_begins_like_one_that_is_gone_is_read() {
    let project = project();
    project.write("inputs/a.out", lines(0..1));
    project.adds();
    // Made before the other is gone, so that it does not get its place on the disk.
    project.write("inputs/later", lines(0..3));
    fs::remove_file(project.path("inputs/a.out")).unwrap();
    fs::rename(project.path("inputs/later"), project.path("inputs/b.out")).unwrap();
    assert!(project.adds().contains("`inputs/b.out` begins with the few lines that were read of `inputs/a.out`"));
    assert_eq!(project.added().len(), 1 + 2);
    // And one that does get it.
    let number = |path: &str| std::os::unix::fs::MetadataExt::ino(&fs::metadata(project.path(path)).unwrap());
    let before = number("inputs/b.out");
    fs::remove_file(project.path("inputs/b.out")).unwrap();
    for at in 0..20 {
        project.write(&format!("inputs/c{at}"), lines(0..5));
        if number(&format!("inputs/c{at}")) == before {
            fs::rename(project.path(&format!("inputs/c{at}")), project.path("inputs/c.out")).unwrap();
            assert!(
                project.adds().contains("`inputs/c.out` begins with the few lines that were read of `inputs/b.out`")
            );
            assert_eq!(project.added().len(), 1 + 2 + 3);
            return;
        }
    }
}

#[test]
fn a_project_that_is_moved_behind_a_run_that_died_goes_on() {
    let project = project();
    project.append("inputs/app.out", &lines(0..30));
    project.adds();
    project.append("inputs/app.out", &lines(30..60));
    let died = project.command(&["run", "added"]).env("TIDEMILL_DIES_AT", "published").output().unwrap();
    assert!(!died.status.success());
    fs::create_dir(project.path("moved")).unwrap();
    let parts = ["inputs", "queries", "outputs", ".tidemill", "tidemill.toml"];
    let pair = |part| (project.path(part), project.path(&format!("moved/{part}")));
    parts.map(pair).iter().for_each(|(here, there)| fs::rename(here, there).unwrap());
    fs::remove_file(project.path("moved/inputs/app.out")).unwrap();
    project.write("moved/inputs/app.out", lines(0..60) + &lines(60..90));
    let output = project.run(&["--project", "moved", "run", "added"]);
    assert!(output.status.success(), "{}", stderr(&output));
    parts.map(pair).iter().for_each(|(here, there)| fs::rename(there, here).unwrap());
    project.adds();
    project.adds_up();
}

/// The lines of a copy are those of what it was a copy of, wherever that is now.
#[test]
fn a_copy_whose_name_is_taken_or_gone_is_not_missed() {
    let project = project();
    project.append("inputs/app.out", &lines(0..400));
    project.adds();
    project.write("inputs/app.out.1", lines(0..400));
    assert!(project.adds().contains("is a copy of"));
    // Moved on twice between two runs.
    project.write("inputs/app.out.2.gz", gzip(lines(0..400).as_bytes()));
    project.write("inputs/app.out.1", lines(400..450));
    project.write("inputs/app.out", lines(450..460));
    project.adds();
    project.adds_up();
    // A copy that takes another name, and its original goes.
    project.write("inputs/app.out.1.gz", gzip(lines(400..450).as_bytes()));
    assert!(project.adds().contains("`inputs/app.out.1.gz` is a copy of"));
    fs::rename(project.path("inputs/app.out.1.gz"), project.path("inputs/kept.out.gz")).unwrap();
    fs::remove_file(project.path("inputs/app.out.1")).unwrap();
    assert!(project.adds().contains("nothing to do"));
    project.write("inputs/app.out.1.gz", gzip(lines(500..520).as_bytes()));
    project.adds();
    project.adds_up();
    project.does_refresh();
}

#[test]
fn a_small_compressed_file_that_others_begin_with_is_no_copy() {
    let project = project();
    project.write("inputs/app.out.1.gz", gzip(lines(0..1).as_bytes()));
    project.write("inputs/app.out", lines(0..3));
    project.adds();
    project.adds_up();
    // All of the one is all of the other.
    project.write("inputs/small.out", lines(6..8));
    project.write("inputs/small.out.gz", gzip(lines(6..8).as_bytes()));
    assert!(project.adds().contains("`inputs/small.out.gz` is a copy of `inputs/small.out`"));
}

#[test]
fn files_alike_in_two_folders_stay_where_they_are() {
    let project = Project::new(&[
        ("tidemill.toml", "[sources.events]\npath = \"inputs/**/*.out*\"\n"),
        ("queries/added.sql", "--@ mode = \"append\"\nSELECT n, day"),
    ]);
    for day in 1..3 {
        project.write(&format!("inputs/day={day}/a.out"), lines(0..400));
    }
    project.adds();
    fs::remove_file(project.path("inputs/day=1/a.out")).unwrap();
    fs::remove_file(project.path("inputs/day=2/a.out")).unwrap();
    project.write("inputs/day=2/a.out.gz", gzip(lines(0..400).as_bytes()));
    let told = project.adds();
    assert!(told.contains("`inputs/day=2/a.out.gz` is what was read as `inputs/day=2/a.out`"), "{told}");
}

#[test]
fn a_file_in_another_folder_is_told() {
    let project = Project::new(&[
        ("tidemill.toml", "[sources.events]\npath = \"inputs/**/*.out\"\n"),
        ("queries/added.sql", "--@ mode = \"append\"\nSELECT n, day"),
        ("inputs/day=1/a.out", "{\"n\":1}\n"),
    ]);
    project.adds();
    fs::create_dir(project.path("inputs/day=2")).unwrap();
    fs::rename(project.path("inputs/day=1/a.out"), project.path("inputs/day=2/a.out")).unwrap();
    let told = project.fails(&["run", "added"]);
    assert!(told.contains("`inputs/day=2/a.out` is what was read as `inputs/day=1/a.out`"), "{told}");
    fs::create_dir(project.path("inputs/day=1/more")).unwrap();
    fs::rename(project.path("inputs/day=2/a.out"), project.path("inputs/day=1/more/a.out")).unwrap();
    assert!(project.adds().contains("nothing to do"));
}

#[test]
fn what_counts_as_read_does_so_for_good() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    let told = project.run(&["run", "added", "--since", "2100-01-01"]);
    assert!(told.status.success() && stderr(&told).contains("count as read"), "{}", stderr(&told));
    assert!(project.adds().contains("nothing to do"));
    project.append("inputs/a.out", &lines(11..12));
    project.adds();
    assert_eq!(project.added().len(), 1);
    // Lines are counted from the start all the same.
    project.append("inputs/a.out", "no line of JSON\n");
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*.out*\"\nmax_reject_ratio = 1.0\n");
    project.adds();
    let places = project.run(&["sql", "SELECT line, \"offset\" FROM tidemill.rejects"]).stdout;
    let offset = lines(0..10).len() + line(11).len();
    assert_eq!(String::from_utf8(places).unwrap(), format!("{{\"line\":12,\"offset\":{offset}}}\n"));
    let told = project.fails(&["run", "added", "--full-refresh", "--since", "2100-01-01"]);
    assert!(told.contains("no file has changed since then"), "{told}");
    assert_eq!(project.added().len(), 1);
}

#[test]
fn a_file_that_is_not_what_was_read_is_told() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    project.write("inputs/b.out", lines(10..20));
    project.adds();
    let before = project.added();
    for text in [lines(20..25), lines(0..3), String::new(), lines(40..90)] {
        project.write("inputs/a.out", &text);
        let told = project.fails(&["run", "added"]);
        assert!(told.contains("`inputs/a.out` no longer begins with what was read of it"), "{told}");
        assert_eq!(project.added(), before);
    }
    project.write("queries/added.sql", format!("--@ on_rewrite = \"reread\"\n{QUERY}"));
    let told = project.adds();
    assert!(told.contains("`inputs/a.out` was written anew, and is read from its start"), "{told}");
    let rows = lines(40..90).lines().count();
    assert!(told.contains(&format!("{rows} lines")), "{told}");
    assert!(project.adds().contains("nothing to do"));
    // What was read before it was written anew is in the output alone, also many runs later.
    for _ in 0..2 {
        let told = project.fails(&["run", "added", "--full-refresh"]);
        assert!(told.contains("what was read of `inputs/a.out`") && told.contains("would be gone"), "{told}");
        project.write("inputs/c.out", lines(90..95));
        project.adds();
    }
    fs::rename(project.path("outputs/added"), project.path("kept")).unwrap();
    project.does_refresh();
    project.write("inputs/c.out", lines(90..99));
    project.does_refresh();
}

#[test]
fn a_small_file_of_another_day_is_one_of_its_own() {
    let project = project();
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*/*.out\"\n");
    project.write("inputs/day=1/a.out", lines(0..1));
    project.adds();
    let at = |path: &str| project.path(&format!("inputs/{path}"));
    fs::remove_dir_all(at("day=1")).unwrap();
    project.write("inputs/day=2/a.out", lines(0..1));
    let told = project.adds();
    assert!(
        told.contains("`inputs/day=2/a.out` begins with the few lines that were read of `inputs/day=1/a.out`"),
        "{told}"
    );
    assert_eq!(project.added().len(), 2);
    // A large one is no other by chance.
    project.write("inputs/day=2/b.out", lines(0..400));
    project.adds();
    fs::create_dir(at("day=3")).unwrap();
    fs::copy(at("day=2/b.out"), at("day=3/b.out")).unwrap();
    fs::remove_file(at("day=2/b.out")).unwrap();
    assert!(project.fails(&["run", "added"]).contains("the values that its folders name are others"));
}

#[test]
fn what_was_published_is_added_to_by_what_made_it_and_nothing_else() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    project.adds();
    let refused = |args: &[&str], told: &str| {
        let found = project.fails(args);
        assert!(found.contains(told), "{found}");
        assert!(found.contains("--full-refresh") || found.contains("tidemill.toml"), "{found}");
    };
    refused(&["run", "added", "--format", "csv"], "published by another format");
    refused(&["run", "added", "--since", "2026-01-01"], "--since is for the first run");
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*.out*\"\ncolumns = { n = \"double\" }\n");
    refused(&["run", "added"], "published by another declaration of source `events`");
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*.out*\"\nmax_rejects = 7\n");
    assert!(project.adds().contains("nothing to do"));
    project.write("inputs/b.out", "{\"n\":2.5,\"s\":\"\"}\n");
    refused(&["run", "added"], "column `n` is double now, and was published as bigint");
    fs::remove_file(project.path("inputs/b.out")).unwrap();
    fs::rename(project.path("outputs/added/run-00000001"), project.path("outputs/added/run-00000009")).unwrap();
    refused(&["run", "added"], "holds `run-00000009`, and the ledger knows of no run");
    fs::remove_dir_all(project.path("outputs/added/run-00000009")).unwrap();
    refused(&["run", "added"], "lacks `run-00000001`, which a run published");
    project.write("queries/added.sql", QUERY.replace("n, s", "s, n"));
    assert!(project.run(&["run", "added", "--full-refresh"]).status.success());
    assert_eq!(
        project.added().len(),
        project.run(&["run", "whole"]).status.code().map_or(0, |_| project.read("outputs/whole.json").lines().count())
    );
    fs::remove_dir_all(project.path(".tidemill")).unwrap();
    refused(&["run", "added"], "the ledger knows of no run that published it");
}

#[test]
fn a_full_refresh_keeps_what_can_no_longer_be_read() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    project.write("inputs/b.out", lines(10..20));
    project.adds();
    fs::remove_file(project.path("inputs/a.out")).unwrap();
    assert!(project.adds().contains("nothing to do"));
    let before = project.added();
    let told = project.fails(&["run", "added", "--full-refresh"]);
    assert!(told.contains("what was read of `inputs/a.out` in source `events` is in no file any more"), "{told}");
    assert_eq!(project.added(), before);
    fs::rename(project.path("outputs/added"), project.path("outputs/kept")).unwrap();
    assert!(project.run(&["run", "added", "--full-refresh"]).status.success());
    project.adds_up();
}

#[test]
fn statements_over_many_lines_do_not_append() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    for (sql, told) in [
        ("SELECT s, count(*) AS c GROUP BY s", "an aggregate"),
        ("SELECT DISTINCT s", "DISTINCT"),
        ("SELECT n LIMIT 3", "LIMIT"),
        ("SELECT n, row_number() OVER (ORDER BY n) AS r", "OVER"),
        ("SELECT a.n FROM events AS a JOIN events AS b ON a.n = b.n", "a join"),
        ("SELECT n WHERE n IN (SELECT n FROM events)", "a subquery"),
        ("SELECT n WHERE n > (SELECT avg(n) FROM events)", "a subquery"),
    ] {
        project.write("queries/added.sql", format!("--@ mode = \"append\"\n{sql}"));
        let found = project.fails(&["run", "added"]);
        assert!(found.contains(&format!("cannot have mode = \"append\": it has {told}: ")), "{found}");
    }
    for sql in ["SELECT 1 AS one FROM (VALUES (1))", "SELECT line FROM rejects.events"] {
        project.write("queries/added.sql", format!("--@ mode = \"append\"\n{sql}"));
        project.fails(&["run", "added"]);
    }
    assert!(!project.path("outputs").exists());
    for sql in [
        "SELECT n FROM events UNION ALL SELECT n + 1 FROM events",
        "WITH v AS (SELECT n FROM events) SELECT * FROM v ORDER BY n",
    ] {
        project.write("queries/added.sql", format!("--@ mode = \"append\"\n{sql}"));
        assert!(project.run(&["run", "added", "--full-refresh"]).status.success());
    }
}

#[test]
fn a_dry_run_says_what_would_be_read() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    let dry = |told: &[&str]| {
        let output = project.run(&["run", "added", "--dry-run"]);
        let found = stderr(&output);
        assert!(output.status.success() && told.iter().all(|told| found.contains(told)), "{found}");
    };
    dry(&["added: for outputs/added a run would read", "1 of 1 files have new lines"]);
    assert!(!project.path("outputs").exists());
    project.adds();
    dry(&["0 of 1 files have new lines"]);
    project.append("inputs/a.out", "{\"n\":2}\n");
    dry(&["1 of 1 files have new lines, 8 bytes", &format!("`inputs/a.out` from byte {}", lines(0..10).len())]);
    let output = project.run(&["run", "whole", "--dry-run"]);
    assert!(stderr(&output).contains("whole: for outputs/whole.json a run would read"), "{}", stderr(&output));
    assert!(!project.path("outputs/whole.json").exists());
}

#[test]
fn a_time_since_when_files_count_does_not_hold_where_all_is_read() {
    let project = project();
    project.write("inputs/a.out", lines(0..10));
    for more in [&[][..], &["--dry-run"]] {
        let output = project.run(&[&["run", "whole", "--since", "2100-01-01"], more].concat());
        let told = stderr(&output);
        assert!(output.status.success() && told.contains("--since does not hold here"), "{told}");
    }
    assert!(!stderr(&project.run(&["run", "whole"])).contains("--since"));
}

#[test]
fn partitions_and_types_of_before_hold_in_later_runs() {
    let project = project();
    let sql = "--@ mode = \"append\"\n--@ format = \"parquet\"\n--@ partition_by = [\"k\"]\nSELECT *";
    project.write("queries/added.sql", sql);
    project.write("inputs/a.out", "{\"k\":\"x\",\"n\":1,\"o\":{\"a\":1}}\n{\"k\":\"y\",\"n\":2}\n");
    project.adds();
    project.write("inputs/b.out", "{\"k\":\"x\",\"o\":{\"b\":true},\"new\":1}\n");
    let told = project.adds();
    assert!(told.contains("column `new` is new") && told.contains("column `o.b` is new"), "{told}");
    assert_eq!(project.names("outputs/added/run-00000002"), ["k=x"]);
    project.write("tidemill.toml", "[sources.events]\npath = \"inputs/*.out*\"\n");
    project.write("inputs/c.out", "{\"k\":\"z\"}\n");
    // Columns that no new line has are there.
    project.adds();
    assert_eq!(project.names("outputs/added/run-00000003"), ["k=z"]);
}
