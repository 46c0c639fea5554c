//! Earlier outputs as a person meets them: kept, bounded, brought back, and whole through whatever happens.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};

use tidemill::failpoint;

use crate::project::{Project, stderr};

/// What stands in a folder, by path, what is hidden too.
type Tree = BTreeMap<String, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut open = vec![folder.to_owned()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(&at).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                open.push(entry.path());
            } else {
                let name = entry.path().strip_prefix(folder).unwrap().to_str().unwrap().to_owned();
                tree.insert(name, fs::read(entry.path()).unwrap());
            }
        }
    }
    tree
}

fn lines(version: usize) -> String {
    (0..version * 50).map(|n| format!("{{\"n\":{n},\"k\":\"k{}\"}}\n", n % (version + 1))).collect()
}

/// A project with one query whose runs keep what they replace.
fn project(keep: usize, settings: &str) -> Project {
    Project::new(&[("queries/q.sql", &format!("--@ keep = {keep}\n{settings}SELECT n, k ORDER BY n\n"))])
}

impl Project {
    /// Has the query run over the lines of this version; what it publishes.
    fn publishes(&self, version: usize) -> Tree {
        self.write("inputs/a.out", lines(version));
        self.does(&["run", "q"]);
        tree(&self.path("outputs"))
    }

    /// What a command says.
    fn does(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", stderr(&output));
        stderr(&output)
    }

    /// What a command says that does nothing.
    fn refuses(&self, args: &[&str]) -> String {
        let before = tree(&self.path("outputs"));
        let output = self.run(args);
        assert!(!output.status.success(), "{args:?}: {}", stderr(&output));
        assert_eq!(tree(&self.path("outputs")), before, "{args:?}");
        stderr(&output)
    }

    fn rolls_back(&self, to: &[&str]) -> Tree {
        self.does(&[&["rollback", "q"], to].concat());
        tree(&self.path("outputs"))
    }

    /// Numbers of the runs whose output is kept, by the ledger.
    pub fn kept(&self) -> Vec<String> {
        let rows =
            self.rows("SELECT lpad(CAST(run AS VARCHAR), 8, '0') AS r FROM tidemill.runs WHERE kept ORDER BY run");
        rows.lines().map(|row| row.trim_start_matches("{\"r\":\"").trim_end_matches("\"}").to_owned()).collect()
    }
}

#[test]
fn earlier_outputs_of_each_kind_come_back_byte_for_byte() {
    for format in ["json", "csv", "parquet", "arrow"] {
        for shape in ["", "--@ shards = 3\n", "--@ partition_by = [\"k AS by\"]\n--@ order_by = [\"n\"]\n"] {
            let settings = format!("--@ format = \"{format}\"\n{shape}");
            let project = project(5, &settings);
            if shape.contains("partition_by") {
                project.write("queries/q.sql", format!("--@ keep = 5\n{settings}SELECT n, k"));
            }
            let [first, second, third] = [1, 2, 3].map(|version| project.publishes(version));
            assert!(first != second && second != third, "{settings}");
            assert!(project.rolls_back(&[]) == second, "{settings}");
            assert!(project.rolls_back(&[]) == first, "{settings}: further back");
            let told = project.refuses(&["rollback", "q"]);
            assert!(told.contains("there is no earlier output of `q`"), "{told}");
            assert!(told.contains("can be brought back: 2, 3"), "{told}");
            assert!(project.rolls_back(&["3"]) == third, "{settings}: the latest again");
            let told = project.run(&["diff", "1", "3"]);
            assert!(
                !String::from_utf8_lossy(&told.stdout).contains("not compared"),
                "{settings}: what stands is found"
            );
            assert_eq!(project.kept(), ["00000001", "00000002"]);
            assert_eq!(project.names(".tidemill/kept/q"), project.kept());
            // The next run replaces what was brought back, and keeps it.
            project.rolls_back(&["1"]);
            project.publishes(4);
            assert_eq!(project.kept(), ["00000001", "00000002", "00000003"]);
            assert!(project.rolls_back(&["1"]) == first, "{settings}");
        }
    }
}

#[test]
fn a_rollback_is_a_run_of_its_own() {
    let project = project(1, "");
    project.publishes(1);
    project.publishes(2);
    let told = project.does(&["rollback", "q"]);
    assert!(told.contains("q: outputs/q.json is what run 1 published, 50 rows"), "{told}");
    assert!(told.contains("what stood there is kept: tidemill rollback q 2"), "{told}");
    let columns = "run, status, rows, files, kept, restores";
    assert_eq!(
        project.rows(&format!("SELECT {columns} FROM tidemill.runs WHERE run > 1 ORDER BY run")),
        "{\"run\":2,\"status\":\"committed\",\"rows\":100,\"files\":1,\"kept\":true,\"restores\":null}\n\
         {\"run\":3,\"status\":\"committed\",\"rows\":50,\"files\":1,\"kept\":false,\"restores\":1}\n"
    );
    let output = project.run(&["rollback", "q", "2", "--json"]);
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&told["run"], &told["restores"], &told["keeps"]), (&4.into(), &2.into(), &1.into()), "{told}");
    let history = String::from_utf8(project.run(&["history", "q", "-n", "4"]).stdout).unwrap();
    let kept: Vec<bool> = history.lines().map(|line| line.contains("\"kept\":true")).collect();
    assert_eq!(kept, [false, false, false, true], "{history}");
}

#[test]
fn no_more_are_kept_than_was_said() {
    let project = project(2, "");
    (1..=5).for_each(|version| drop(project.publishes(version)));
    assert_eq!(project.kept(), ["00000003", "00000004"]);
    assert_eq!(project.names(".tidemill/kept/q"), ["00000003", "00000004"]);
    // What is kept is known for as long as it is.
    project.write("tidemill.toml", "[history]\nruns = 1\n[outputs]\nkeep = 9\n");
    project.publishes(6);
    assert_eq!(project.kept(), ["00000004", "00000005"]);
    assert_eq!(project.rows("SELECT count(*) AS c FROM tidemill.runs"), "{\"c\":4}\n");
    // Without a word in the query, what the project says holds.
    project.write("queries/q.sql", "SELECT n, k ORDER BY n");
    project.publishes(7);
    assert_eq!(project.kept(), ["00000004", "00000005", "00000006"]);
    project.write("queries/q.sql", "--@ keep = 0\nSELECT n, k ORDER BY n");
    project.publishes(8);
    assert_eq!(project.kept(), [""; 0]);
    assert_eq!(project.names(".tidemill/kept/q"), [""; 0]);
}

#[test]
fn what_is_not_what_was_published_does_not_come_back() {
    let project = project(3, "");
    assert!(project.refuses_without_outputs(&["rollback", "nope"]).contains("there is no saved query `nope`"));
    assert!(project.refuses_without_outputs(&["rollback", "../q"]).contains("there is no saved query `../q`"));
    assert!(project.refuses_without_outputs(&["rollback", "q"]).contains("there is no earlier output of `q`"));
    (1..=4).for_each(|version| drop(project.publishes(version)));
    let told = project.refuses(&["rollback", "q", "9"]);
    assert!(told.contains("what run 9 of `q` published is not kept"), "{told}");
    assert!(told.contains("can be brought back: 3, 2, 1"), "{told}");
    assert!(project.refuses(&["rollback", "q", "4"]).contains("published last"));
    let copy = |run: usize| project.path(&format!(".tidemill/kept/q/0000000{run}/q.json"));
    let text = fs::read_to_string(copy(3)).unwrap();
    fs::write(copy(3), text.replacen("\"n\":7,", "\"n\":8,", 1)).unwrap();
    let told = project.refuses(&["rollback", "q"]);
    assert!(told.contains("holds other bytes than were published"), "{told}");
    assert!(told.contains("can be brought back: 2, 1"), "{told}");
    fs::write(copy(2), "").unwrap();
    assert!(project.refuses(&["rollback", "q", "2"]).contains("has 0 bytes"));
    fs::remove_file(copy(1)).unwrap();
    assert!(project.refuses(&["rollback", "q", "1"]).contains("cannot be brought back"));
}

impl Project {
    fn refuses_without_outputs(&self, args: &[&str]) -> String {
        fs::create_dir_all(self.path("outputs")).unwrap();
        let told = self.refuses(args);
        assert!(!self.path(".tidemill").exists(), "{args:?} makes no ledger");
        told
    }
}

/// As from a backup, or from a disk that has got another number: what stands there is the same by its bytes alone.
fn copied(project: &Project) {
    fs::rename(project.path("outputs"), project.path("before")).unwrap();
    let copied = Command::new("cp").arg("-a").args([project.path("before"), project.path("outputs")]).status().unwrap();
    assert!(copied.success());
    fs::remove_dir_all(project.path("before")).unwrap();
}

#[test]
fn what_was_copied_is_known_by_its_bytes() {
    for settings in ["", "--@ shards = 2\n"] {
        let project = project(3, settings);
        let first = project.publishes(1);
        copied(&project);
        project.publishes(2);
        assert_eq!(project.kept(), ["00000001"]);
        assert!(project.rolls_back(&[]) == first);
        copied(&project);
        assert!(project.rolls_back(&["2"]) != first);
    }
    // A run that died behind the step that puts its result in its place.
    let project = Project::new(&[("queries/q.sql", "--@ mode = \"append\"\nSELECT n\n")]);
    project.publishes(1);
    project.write("inputs/b.out", lines(1));
    let run = project.command(&["run"]).env("TIDEMILL_DIES_AT", "placed").stderr(Stdio::null()).status().unwrap();
    assert_eq!(run.signal(), Some(6));
    let placed = tree(&project.path("outputs"));
    copied(&project);
    assert!(project.does(&["run"]).contains("nothing to do"));
    let stand: Tree = placed.into_iter().filter(|(name, _)| !name.starts_with('.')).collect();
    assert!(stand.len() == 2 && tree(&project.path("outputs")) == stand);
}

#[test]
fn what_a_link_leads_to_is_kept() {
    let project = project(3, "");
    project.write("data/real.json", "");
    fs::create_dir(project.path("outputs")).unwrap();
    symlink("../data/real.json", project.path("outputs/q.json")).unwrap();
    project.write("inputs/a.out", lines(1));
    project.does(&["run"]);
    let first = project.read("data/real.json");
    project.write("inputs/a.out", lines(2));
    let told = project.does(&["run"]);
    assert!(!told.contains("not kept"), "{told}");
    assert!(project.path("outputs/q.json").is_symlink() && project.read("data/real.json") != first);
    project.does(&["rollback", "q"]);
    assert!(project.path("outputs/q.json").is_symlink() && project.read("data/real.json") == first);
    // What is left beside it is removed, too.
    let died = project.command(&["run"]).env("TIDEMILL_DIES_AT", "written").stderr(Stdio::null()).status().unwrap();
    assert_eq!((died.signal(), project.names("data").len()), (Some(6), 2));
    project.does(&["run"]);
    assert_eq!(project.names("data"), ["real.json"]);
}

#[test]
fn what_no_run_published_is_not_kept_and_that_is_told() {
    let project = project(3, "");
    project.publishes(1);
    fs::remove_file(project.path("outputs/q.json")).unwrap();
    project.write("outputs/q.json", "by hand");
    let told = project.does(&["run"]);
    assert!(told.contains("is not kept"), "{told}");
    assert_eq!(project.kept(), [""; 0]);
}

#[test]
fn an_output_that_cannot_be_kept_is_not_replaced() {
    let project = project(3, "");
    let first = project.publishes(1);
    project.write(".tidemill/kept", "a file where the folder belongs");
    project.write("inputs/a.out", lines(2));
    let told = project.refuses(&["run"]);
    assert!(told.contains("cannot keep `") && told.contains("set keep = 0"), "{told}");
    fs::remove_file(project.path(".tidemill/kept")).unwrap();
    project.write(".tidemill/state.db", "no database at all ".repeat(100));
    let told = project.refuses(&["run"]);
    assert!(told.contains("cannot use the ledger"), "{told}");
    assert!(tree(&project.path("outputs")) == first);
}

#[test]
fn a_query_that_reads_only_what_is_new_keeps_none() {
    for mode in ["append", "merge"] {
        let project = project(3, &format!("--@ mode = \"{mode}\"\n"));
        project.write("inputs/a.out", lines(1));
        let output = project.run(&["run"]);
        let told = stderr(&output);
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(told.contains(&format!("`keep` is not for mode = \"{mode}\"")), "{told}");
        // What the project says is for the other queries.
        project.write("tidemill.toml", "[outputs]\nkeep = 3\n");
        project.write("queries/q.sql", "--@ mode = \"append\"\nSELECT n, k");
        project.does(&["run"]);
    }
}

#[test]
fn copies_are_no_events_and_no_outputs() {
    let project = project(3, "");
    (1..=3).for_each(|version| drop(project.publishes(version)));
    project.write("tidemill.toml", "[sources.any_json]\npath = \"**/*.json\"\n");
    assert_eq!(project.kept().len(), 2);
    assert_eq!(project.rows("SELECT count(DISTINCT _file) AS c, count(*) AS n FROM any_json"), "{\"c\":1,\"n\":150}\n");
    assert_eq!(project.names("outputs"), ["q.json"]);
}

/// Dies at each moment that `args` comes by, and is then as it was before or as it would be after; what is kept is whole.
fn dies_at_each_moment(settings: &str, args: &[&str]) {
    let mut died = 0;
    for moment in failpoint::ALL {
        let project = project(2, settings);
        if settings.contains("partition_by") {
            project.write("queries/q.sql", format!("--@ keep = 2\n{settings}SELECT n, k"));
        }
        let versions = [1, 2, 3].map(|version| project.publishes(version));
        project.write("inputs/a.out", lines(4));
        let run = project.command(args).env("TIDEMILL_DIES_AT", moment).stderr(Stdio::null()).status().unwrap();
        died += u32::from(run.signal() == Some(6));
        let told = format!("{settings}{args:?} {moment}");
        let left = tree(&project.path("outputs"));
        let seen: Tree = left.into_iter().filter(|(name, _)| !name.starts_with('.')).collect();
        let last = project.publishes(4);
        assert!(versions.contains(&seen) || seen == last, "{told}: torn");
        assert!(last.keys().all(|name| !name.starts_with('.')), "{told}: {:?} is left", last.keys());
        let kept = project.kept();
        assert_eq!(project.names(".tidemill/kept/q"), kept, "{told}");
        assert_eq!(kept.len(), 2, "{told}");
        for run in &kept {
            let back = project.rolls_back(&[run]);
            assert!(versions.contains(&back) || back == last, "{told}: run {run} is none of those");
        }
        assert_eq!(
            project.rows("SELECT count(*) AS c FROM tidemill.runs WHERE status IN ('started', 'prepared')"),
            "{\"c\":0}\n"
        );
    }
    assert!(died >= 7, "{args:?} came by {died} moments");
}

#[test]
fn runs_that_die_lose_nothing_that_is_kept() {
    dies_at_each_moment("", &["run"]);
    dies_at_each_moment("--@ partition_by = [\"k AS by\"]\n--@ order_by = [\"n\"]\n", &["run"]);
}

#[test]
fn rollbacks_that_die_lose_nothing() {
    dies_at_each_moment("", &["rollback", "q"]);
    dies_at_each_moment("--@ shards = 2\n", &["rollback", "q", "1"]);
}

/// What was replaced last is kept the longest, also where it was brought back before.
#[test]
fn what_was_brought_back_and_replaced_again_is_kept() {
    for (keep, left) in [(1, vec![1]), (5, vec![1, 2])] {
        let project = project(keep, "");
        (1..=2).for_each(|version| drop(project.publishes(version)));
        project.does(&["rollback", "q"]);
        project.publishes(4);
        let sql = "SELECT run FROM tidemill.runs WHERE kept ORDER BY run";
        let kept: String = left.iter().map(|run| format!("{{\"run\":{run}}}\n")).collect();
        assert_eq!(project.rows(sql), kept);
        let told = project.does(&["rollback", "q"]);
        assert!(told.contains("is what run 1 published"), "{told}");
    }
}
