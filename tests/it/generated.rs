//! Generated events with faults in them, through the whole binary: what was fed is what is accounted for.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;
use tidemill::generate::{Atlas, Dials, Generator, Rate, Settings};

const EVENTS: u64 = 100_000;

/// The example project over two files of generated events; the last line of the last one has a key of its own.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = Path::new(env!("CARGO_MANIFEST_DIR"));
    for name in ["tidemill.toml", "queries/opted_in.sql", "queries/user_traffic.sql"] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::copy(example.join(name), path).unwrap();
    }
    let rate = |value| Rate::try_new(value).unwrap();
    let dials = Dials { malformed: rate(0.001), drift: rate(0.001), ..Dials::default() };
    let settings = Settings { seed: 1, max_lag: Duration::from_secs(60), dials, ..Settings::default() };
    let mut generator = Generator::try_new(&settings, &Atlas::Cities).unwrap();
    fs::create_dir(folder.path().join("inputs")).unwrap();
    for (name, last) in [("1.out", ""), ("2.out", "{\"only_here\":{\"at\":[\"the\",\"end\"]}}")] {
        let mut lines = Vec::new();
        for _ in 0..EVENTS / 2 {
            generator.next_line(1_709_251_200_000, &mut lines).unwrap();
        }
        lines.extend_from_slice(last.as_bytes());
        fs::write(folder.path().join("inputs").join(name), lines).unwrap();
    }
    folder
}

fn tidemill(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
    let output = command.current_dir(folder).args(arguments).env_remove("TIDEMILL_PROJECT").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

fn rows(bytes: &[u8]) -> Vec<Value> {
    bytes
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect()
}

/// What `opted_in.sql` asks for, by `serde_json` alone: of each line that is an object, the five values, `""` being null
/// where a number stands.
fn opted_in(folder: &Path) -> Vec<Value> {
    let mut found = Vec::new();
    for name in ["1.out", "2.out"] {
        let bytes = fs::read(folder.join("inputs").join(name)).unwrap();
        for line in bytes.split(|byte| *byte == b'\n') {
            let Ok(Value::Object(event)) = serde_json::from_slice(line) else { continue };
            if event.get("opted_into_marketing") != Some(&Value::Bool(true)) || !fits_its_declaration(&event) {
                continue;
            }
            let text = |key: &str| match &event[key] {
                // A value that drifted stands as its JSON text.
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            let number = |key: &str| match &event[key] {
                Value::String(text) if text.is_empty() => Value::Null,
                Value::String(text) => text.parse::<f64>().unwrap().into(),
                other => other.clone(),
            };
            found.push(serde_json::json!({
                "ip": text("ip"), "id": text("id"), "lat": number("lat"), "lng": number("lng"),
                "age_bracket": text("age_bracket"),
            }));
        }
    }
    found
}

/// Of the declared columns, this is the one that drifts to what it cannot hold in lines of people who opted in.
fn fits_its_declaration(event: &serde_json::Map<String, Value>) -> bool {
    match &event["file_size_bytes"] {
        Value::Number(bytes) => bytes.is_i64(),
        _ => true,
    }
}

#[test]
fn what_was_fed_is_what_is_accounted_for() {
    let folder = project();
    let lines = EVENTS + 1;
    let report: Value = serde_json::from_slice(&tidemill(folder.path(), &["run", "--json"]).stdout).unwrap();
    let queries = report["queries"].as_array().unwrap();
    assert_eq!(queries.len(), 2);
    for query in queries {
        let source = &query["sources"][0];
        let count = |name: &str| source[name].as_u64().unwrap();
        assert_eq!((count("files"), count("lines")), (2, lines));
        assert_eq!(count("rows") + count("blank") + count("rejects"), lines);
        let by_reason = source["rejects_by_reason"].as_object().unwrap();
        assert_eq!(by_reason.values().map(|count| count.as_u64().unwrap()).sum::<u64>(), count("rejects"));
        assert!(
            (100..300).contains(&count("rejects")),
            "a thousandth is malformed, and some of what drifted: {source}"
        );
    }

    let counts = "SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM rejects.events) AS lines";
    assert_eq!(tidemill(folder.path(), &["sql", counts]).stdout, format!("{{\"lines\":{lines}}}\n").as_bytes());
    let last = tidemill(folder.path(), &["sql", "SELECT * FROM events WHERE only_here IS NOT NULL"]).stdout;
    let [last] = rows(&last).try_into().unwrap();
    assert_eq!((&last["only_here"], &last["ip"]), (&serde_json::json!({"at": ["the", "end"]}), &Value::Null));

    let published = rows(&fs::read(folder.path().join("outputs/opted_in.json")).unwrap());
    assert!(published.len() > 50_000);
    let sorted = |rows: Vec<Value>| {
        let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        rows.sort_unstable();
        rows
    };
    assert!(sorted(published) == sorted(opted_in(folder.path())), "other rows than serde_json finds");
}
