//! Generated events with faults in them, through the whole binary: what was fed is what is accounted for.

use std::time::Duration;

use serde_json::Value;
use tidemill::generate::{Atlas, Dials, Generator, Rate, Settings};

use crate::project::{Project, stderr};

const EVENTS: u64 = 100_000;

const INPUTS: [&str; 2] = ["inputs/1.out", "inputs/2.out"];

/// The example project over two files of generated events; the last line of the last one has a key of its own.
fn project() -> Project {
    let project = Project::new(&[
        ("tidemill.toml", include_str!("../../tidemill.toml")),
        ("queries/opted_in.sql", include_str!("../../queries/opted_in.sql")),
        ("queries/user_traffic.sql", include_str!("../../queries/user_traffic.sql")),
    ]);
    let rate = |value| Rate::try_new(value).unwrap();
    let dials = Dials { malformed: rate(0.001), drift: rate(0.001), ..Dials::default() };
    let settings = Settings { seed: 1, max_lag: Duration::from_secs(60), dials, ..Settings::default() };
    let mut generator = Generator::try_new(&settings, &Atlas::Cities).unwrap();
    for (name, last) in INPUTS.into_iter().zip(["", "{\"only_here\":{\"at\":[\"the\",\"end\"]}}"]) {
        let mut lines = Vec::new();
        for _ in 0..EVENTS / 2 {
            generator.next_line(1_709_251_200_000, &mut lines).unwrap();
        }
        lines.extend_from_slice(last.as_bytes());
        project.write(name, lines);
    }
    project
}

/// What is written to standard output.
fn tidemill(project: &Project, arguments: &[&str]) -> Vec<u8> {
    let output = project.run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    output.stdout
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
fn opted_in(project: &Project) -> Vec<Value> {
    let mut found = Vec::new();
    for name in INPUTS {
        let bytes = std::fs::read(project.path(name)).unwrap();
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
    let project = project();
    let lines = EVENTS + 1;
    let report: Value = serde_json::from_slice(&tidemill(&project, &["run", "--json"])).unwrap();
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
    assert_eq!(tidemill(&project, &["sql", counts]), format!("{{\"lines\":{lines}}}\n").as_bytes());
    let last = tidemill(&project, &["sql", "SELECT * FROM events WHERE only_here IS NOT NULL"]);
    let [last] = rows(&last).try_into().unwrap();
    assert_eq!((&last["only_here"], &last["ip"]), (&serde_json::json!({"at": ["the", "end"]}), &Value::Null));

    let published = rows(project.read("outputs/opted_in.json").as_bytes());
    assert!(published.len() > 50_000);
    let sorted = |rows: Vec<Value>| {
        let mut rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        rows.sort_unstable();
        rows
    };
    assert!(sorted(published) == sorted(opted_in(&project)), "other rows than serde_json finds");
}
