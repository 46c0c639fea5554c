//! `tidemill functions`, and that docs/functions.md lists what it lists.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn tidemill(args: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    Command::new(env!("CARGO_BIN_EXE_tidemill")).args(args).current_dir(folder.path()).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = tidemill(args);
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn described(args: &[&str]) -> Vec<Value> {
    let report: Value = serde_json::from_str(&text(args)).unwrap();
    report["functions"].as_array().unwrap().clone()
}

fn row(function: &Value) -> String {
    format!("| `{}` | {} |", function["signature"].as_str().unwrap(), function["summary"].as_str().unwrap())
}

#[test]
fn the_page_lists_the_functions_that_there_are() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/functions.md");
    let page = std::fs::read_to_string(page).unwrap();
    let listed: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
    let registered: Vec<String> = described(&["functions", "--json"]).iter().map(row).collect();
    assert_eq!(listed, registered, "the table should be:\n{}", registered.join("\n"));
}

#[test]
fn ours_and_the_engines_are_told_about() {
    let list = text(&["functions"]);
    assert!(list.lines().any(|line| line.starts_with("ip_network(address, bits) ")), "{list}");
    assert!(!list.contains("regexp_like"), "{list}");
    let told = text(&["functions", "IP_NETWORK"]);
    assert!(told.starts_with("ip_network(address, bits)\n") && told.contains("example:\n  SELECT"), "{told}");
    assert!(text(&["functions", "regexp_like"]).starts_with("regexp_like("));
    // An alias; one of each kind.
    assert_eq!(described(&["functions", "char_length", "--json"])[0]["name"], "character_length");
    for (name, kind) in [("upper", "scalar"), ("sum", "aggregate"), ("lead", "window"), ("array_transform", "scalar")] {
        assert_eq!(described(&["functions", name, "--json"])[0]["kind"], kind, "{name}");
    }
}

#[test]
fn the_examples_return_what_they_say() {
    let mut tried = 0;
    for function in described(&["functions", "--json"]) {
        let example = function["example"].as_str().unwrap().to_owned();
        let Some((statement, expected)) = example.split_once("\n-- ") else { continue };
        let row: Value = serde_json::from_str(&text(&["sql", statement])).unwrap();
        let value = row.as_object().unwrap().values().next().unwrap();
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert_eq!(value, expected, "{statement}");
        tried += 1;
    }
    assert!(tried >= 15, "{tried}");
}

#[test]
fn a_misspelt_name_has_a_suggestion() {
    let output = tidemill(&["functions", "parse_uri"]);
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "error: there is no function `parse_uri`\nhint: did you mean `parse_url`?\n");
}

#[test]
fn json_values_can_be_published() {
    let folder = tempfile::tempdir().unwrap();
    let value = |format: &str| {
        let sql = "SELECT '{\"a\":[1,\"x\"],\"b\":\"y\"}' -> 'a' AS a, '{\"b\":\"y\"}' -> 'b' AS b";
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidemill"));
        let output = format!("out.{format}");
        command.args(["sql", sql, "--output", &output]).current_dir(folder.path()).output().unwrap()
    };
    for format in ["json", "parquet", "csv", "arrow"] {
        let output = value(format);
        assert!(output.status.success(), "{format}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let json = std::fs::read_to_string(folder.path().join("out.json")).unwrap();
    assert_eq!(json, "{\"a\":\"[1,\\\"x\\\"]\",\"b\":\"\\\"y\\\"\"}\n");
}
