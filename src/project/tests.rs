//! Project files, found and read.

use arrow::datatypes::TimeUnit;
use tempfile::TempDir;

use super::*;
use crate::ndjson::declared::Declared;
use crate::ndjson::{Reject, Settings};

fn parse(text: &str) -> Result<Project> {
    Project::parse("/p".into(), None, FILE, text)
}

fn sources(text: &str) -> Vec<SourceConfig> {
    parse(text).unwrap().sources
}

/// The error's message and hint, and the bytes that it points at.
fn fails(text: &str, expected: &str, pointed: &str) {
    let error = parse(text).unwrap_err();
    let problem = error.problem().unwrap();
    let excerpt = problem.excerpt.as_ref().unwrap();
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    assert_eq!(format!("{error}{hint}"), format!("`tidemill.toml`: {expected}"), "{text}");
    assert_eq!(&excerpt.text[excerpt.span.clone()], pointed, "{text}");
    assert_eq!((excerpt.text.as_str(), excerpt.name.as_str(), error.kind()), (text, FILE, "request"));
}

fn folder(files: &[(&str, &str)]) -> TempDir {
    let root = tempfile::tempdir().unwrap();
    for (file, text) in files {
        let path = root.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::io::Write::write_all(&mut fs::File::create(path).unwrap(), text.as_bytes()).unwrap();
    }
    root
}

#[test]
fn everything_is_optional() {
    for empty in ["", "\u{feff}", "# nothing\n", "[limits]\n", "[sources]\n", "[sources.events]\n"] {
        let Project { sources, limits, history, outputs, rejects, .. } = parse(empty).unwrap();
        assert_eq!(sources, [SourceConfig::default()], "{empty}");
        assert_eq!((limits, history, outputs, rejects), Default::default(), "{empty}");
    }
    let events = SourceConfig::default();
    assert_eq!((events.name.as_str(), events.paths.as_slice()), ("events", ["inputs/*.out".to_owned()].as_slice()));
}

#[test]
fn the_example_of_the_documentation_is_read() {
    let sources = sources(
        r#"
        [sources.events]
        path = "inputs/*.out"
        max_reject_ratio = 0.01

        [sources.events.columns]
        lng = "double"
        lat = "double"
        event_datetime = "timestamp(ms)"
        seen_at = { type = "timestamp(ms)", unit = "ms" }
        "#,
    );
    let ms = TimeUnit::Millisecond;
    let columns = [
        ("lng", Declared::Double),
        ("lat", Declared::Double),
        ("event_datetime", Declared::Timestamp { unit: ms, epoch: None }),
        ("seen_at", Declared::Timestamp { unit: ms, epoch: Some(ms) }),
    ];
    let columns = columns.map(|(name, declared)| (name.to_owned(), declared)).to_vec();
    assert_eq!(sources, [SourceConfig { columns, ..SourceConfig::default() }]);
}

#[test]
fn every_setting_is_read() {
    let text = r#"
        sources.z = { path = "z/**" }
        [sources.a]
        path = ["a/*.out", "/data/{b,c}.json"]
        max_rejects = 0
        max_reject_ratio = 1
        on_reject = "fail"
        empty_as_null = false
        max_depth = 1000
        max_line_bytes = "1MiB"
        max_columns = 5
        hive_partitions = false
        default = true
        [limits]
        memory = "512MiB"
        spill = "3GiB"
        threads = 3
        [history]
        runs = 50
        [outputs]
        keep = 2
        [rejects]
        bytes = "1MiB"
    "#;
    let Project { sources, limits, history, outputs, rejects, .. } = parse(text).unwrap();
    let z = SourceConfig { name: "z".into(), paths: vec!["z/**".into()], ..SourceConfig::default() };
    let a = SourceConfig {
        name: "a".into(),
        paths: vec!["a/*.out".into(), "/data/{b,c}.json".into()],
        columns: Vec::new(),
        max_rejects: Some(0),
        max_reject_ratio: 1.0,
        on_reject: OnReject::Fail,
        empty_as_null: false,
        max_depth: 1000,
        max_line_bytes: 1 << 20,
        max_columns: 5,
        hive_partitions: false,
        default: true,
        range_bytes: Settings::RANGE_BYTES,
        raw_bytes: Reject::RAW_BYTES,
        facts_after: Settings::FACTS_AFTER,
        facts_from_bytes: 8 << 20,
    };
    assert_eq!(sources, [z, a]);
    assert_eq!(limits, Limits { memory_bytes: 512 << 20, spill_bytes: 3 << 30, threads: Some(3) });
    assert_eq!(history, Keep { runs: 50, days: 400 });
    assert_eq!(outputs, Outputs { keep: 2 });
    assert_eq!(rejects, RejectBounds { lines: 10_000, bytes: 1 << 20 });
}

#[test]
fn misspelt_keys_get_a_suggestion_at_their_place() {
    fails("[sorces.events]", "unknown key `sorces` (did you mean `sources`?)", "sorces");
    fails(
        "[sources.a]\npath = 'x'\nmax_reject = 1",
        "unknown key `max_reject` (did you mean `max_rejects`?)",
        "max_reject",
    );
    fails("[limits]\n\"mem ory\" = 1", "unknown key `mem ory` (did you mean `memory`?)", "\"mem ory\"");
    fails("limits.q = 1", "unknown key `q` (keys are `memory`, `spill`, `threads`)", "q");
    fails("[sources.a]\non_reject = 'keeps'", "unknown value `keeps` (did you mean `keep`?)", "'keeps'");
}

#[test]
fn values_are_checked_at_their_place() {
    let source = |line: &str| format!("[sources.events]\n# é\n{line}\n");
    let depth = "expected a whole number from 1 to 1000";
    fails(&source("max_depth = 0"), &format!("invalid value: integer `0`, {depth}"), "0");
    fails(&source("max_depth = -1"), &format!("invalid value: integer `-1`, {depth}"), "-1");
    fails(&source("max_depth = '9'"), &format!("invalid type: string \"9\", {depth}"), "'9'");
    fails(&source("max_depth = 1.5"), &format!("invalid type: floating point `1.5`, {depth}"), "1.5");
    let ratio = "expected a share of the lines, from 0 to 1";
    fails(&source("max_reject_ratio = 1.5"), &format!("invalid value: floating point `1.5`, {ratio}"), "1.5");
    fails(&source("max_reject_ratio = nan"), &format!("invalid value: floating point `NaN`, {ratio}"), "nan");
    let line = "expected a size from \"1B\" to \"1GiB\"";
    fails(&source("max_line_bytes = '16M'"), &format!("invalid value: string \"16M\", {line}"), "'16M'");
    fails(&source("max_line_bytes = 0"), &format!("invalid value: integer `0`, {line}"), "0");
    let memory = "expected a size from \"16MiB\" to \"1024TiB\"";
    fails("limits.memory = 2", &format!("invalid value: integer `2`, {memory}"), "2");
    fails(&source("default = 'yes'"), "invalid type: string \"yes\", expected a boolean", "'yes'");
    fails(&source("columns.lat = 'dbl'"), "unknown type `dbl` (did you mean `double`?)", "'dbl'");
    fails(
        &source("columns._file = 'varchar'"),
        "every source has a column `_file` of its own (remove this line)",
        "_file",
    );
}

#[test]
fn patterns_are_checked_at_their_place() {
    let hint = "(put a `\\` before a character that stands for itself)";
    fails("sources.a.path = 'in/['", &format!("`in/[` is not a pattern: this `[` is not closed {hint}"), "'in/['");
    fails(
        "[sources.a]\npath = [\n  'in/*',\n  'in/}',\n]",
        &format!("`in/}}` is not a pattern: this `}}` closes nothing {hint}"),
        "'in/}'",
    );
    fails("sources.a.path = []", "this list names no file (add a pattern such as \"inputs/*.out\")", "[]");
    let expected = "expected a pattern such as \"inputs/*.out\", or a list of patterns";
    fails("sources.a.path = 7", &format!("invalid type: integer `7`, {expected}"), "7");
    let expected = "expected the settings of a source, as in `{ path = \"inputs/*.out\" }`";
    fails("sources.a = 'in/*'", &format!("invalid type: string \"in/*\", {expected}"), "'in/*'");
    for (part, example) in
        [("limits", "threads = 2"), ("history", "runs = 1000"), ("outputs", "keep = 3"), ("rejects", "lines = 10000")]
    {
        let expected = format!("invalid type: integer `7`, expected settings, as in `{{ {example} }}`");
        fails(&format!("{part} = 7"), &expected, "7");
        parse(&format!("{part} = {{ {example} }}")).unwrap();
    }
    fails(
        "[sources.clicks]\ndefault = true",
        "the source `clicks` does not say where its files are (add for example `path = \"inputs/*.out\"`)",
        "clicks",
    );
}

#[test]
fn names_of_sources_are_names_in_sql() {
    let name = |name: &str| parse(&format!("[sources.'{name}']\npath = 'x'")).map(drop);
    for good in ["a", "_a1", "events_2024", "event", "data", "visits", "user_traffic"] {
        assert!(name(good).is_ok(), "{good}");
    }
    for bad in [
        "", "Events", "a-b", "1a", "a b", "é", "a.b", "a;", "select", "where", "from", "order", "left", "on", "union",
        "lateral", "unnest",
    ] {
        assert!(name(bad).unwrap_err().to_string().contains("a source cannot be called"), "{bad}");
    }
    fails(
        "[sources.rejects]\npath = 'x'",
        "a source cannot be called `rejects`: that is a schema's name (`rejects.<source>` is the table of a source's rejects)",
        "rejects",
    );
}

#[test]
fn one_source_is_the_default() {
    let default = |text: &str| {
        let project = parse(text).unwrap();
        project.default_source().map(|source| source.name.clone()).unwrap_or_default()
    };
    assert_eq!(default(""), "events");
    assert_eq!(default("sources.a.path = 'x'"), "a");
    assert_eq!(default("sources.a.path = 'x'\nsources.b.path = 'x'"), "");
    assert_eq!(default("sources.a.path = 'x'\nsources.events.path = 'x'"), "events");
    assert_eq!(default("sources.a = { path = 'x', default = true }\nsources.events.path = 'x'"), "a");
    fails(
        "sources.a = { path = 'x', default = true }\nsources.b = { path = 'x', default = true }",
        "`a` is the default already (`default = true` is for one source: the one that a statement without FROM reads)",
        "b",
    );
}

#[test]
fn text_that_is_not_toml_is_refused_at_its_place() {
    for (text, start) in
        [("[sources.a\npath = 1", 10), ("a = \"x", 6), ("\n\n= 1", 2), ("a = 1\na = 2", 6), ("a = é", 4)]
    {
        let error = parse(text).unwrap_err();
        assert_eq!(error.problem().unwrap().excerpt.as_ref().unwrap().span.start, start, "{text:?}: {error}");
    }
}

#[test]
fn the_file_is_found_upwards() {
    let root = folder(&[("p/tidemill.toml", "sources.a.path = 'x'"), ("p/q/r/x.txt", "")]);
    let p = root.path().join("p");
    for start in ["p", "p/q", "p/q/r"] {
        let project = Project::discover(&root.path().join(start)).unwrap();
        assert_eq!((&project.root, &project.file), (&p, &Some(p.join(FILE))), "{start}");
        assert_eq!((project.queries_dir, project.outputs_dir), (p.join("queries"), p.join("outputs")));
        assert_eq!(project.sources[0].name, "a");
    }
    let none = Project::discover(root.path()).unwrap();
    assert_eq!((none.root.as_path(), none.file, none.sources.len()), (root.path(), None, 1));
}

#[test]
fn a_project_is_opened_by_file_or_folder() {
    let root = folder(&[("p/tidemill.toml", "sources.a.path = 'x'"), ("p/q/other.toml", "sources.b.path = 'x'")]);
    let open = |path: &str| Project::open(&root.path().join(path)).unwrap();
    assert_eq!((open("p").root, open("p").sources[0].name.as_str()), (root.path().join("p"), "a"));
    assert_eq!((open("p/q").file, open("p/q").sources[0].name.as_str()), (None, "events"));
    let named = open("p/q/other.toml");
    assert_eq!((named.root, named.sources[0].name.as_str()), (root.path().join("p/q"), "b"));
    let missing = Project::open(&root.path().join("z")).unwrap_err();
    assert!(missing.chain().contains("z`: No such file"), "{}", missing.chain());
}

#[test]
fn errors_name_the_file_as_the_person_knows_it() {
    let root = folder(&[("tidemill.toml", "x = 1"), ("q/x.txt", "")]);
    let message = |result: Result<Project>| result.unwrap_err().to_string();
    assert_eq!(message(Project::discover(root.path())), "`tidemill.toml`: unknown key `x`");
    let file = root.path().join(FILE);
    let expected = format!("`{}`: unknown key `x`", file.display());
    assert_eq!(message(Project::discover(&root.path().join("q"))), expected);
    assert_eq!(message(Project::open(&file)), expected);
    let dangling = folder(&[]);
    std::os::unix::fs::symlink("gone", dangling.path().join(FILE)).unwrap();
    assert_eq!(Project::discover(dangling.path()).unwrap_err().kind(), "request");
}

#[test]
fn names_that_do_not_exist_get_a_suggestion() {
    let root = folder(&[("queries/opted_in.sql", ""), ("queries/user_traffic.sql", ""), ("queries/notes.md", "")]);
    let project = Project::open(root.path()).unwrap();
    let hint = |error: Error| error.problem().unwrap().hint.clone().unwrap();
    assert_eq!(project.source("events").unwrap().name, "events");
    assert_eq!(hint(project.source("event").unwrap_err()), "did you mean `events`?");
    assert_eq!(project.query("opted_in").unwrap(), project.queries_dir.join("opted_in.sql"));
    assert_eq!(hint(project.query("OptedIn").unwrap_err()), "did you mean `opted_in`?");
    assert_eq!(hint(project.query("notes").unwrap_err()), "saved queries are `opted_in`, `user_traffic`");
    assert_eq!(project.queries().unwrap().len(), 2);
}

#[test]
fn hostile_texts_are_refused_in_time() {
    let dotted = format!("{} = 1", vec!["a"; 100_000].join("."));
    let header = vec!["fields.x"; 39].join(".");
    let nested = format!("[sources.events.columns.x.{header}]\n{header} = {}1{}", "[".repeat(79), "]".repeat(79));
    let inline = format!("x = {}", "{ a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a = ".repeat(79));
    for text in [dotted, nested, inline, "[".repeat(100_000), "\0".into(), "a = '\u{feff}".into()] {
        assert_eq!(parse(&text).unwrap_err().kind(), "request");
    }
}
