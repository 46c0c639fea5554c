//! The saved queries of this repository over its sample, against committed results and an independent computation.

use std::path::{Path, PathBuf};

use datafusion::arrow::json::WriterBuilder;
use datafusion::arrow::json::writer::LineDelimited;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::project::{Project, stderr};

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn text(path: &str) -> String {
    std::fs::read_to_string(repository(path)).unwrap()
}

/// A copy of what a clone of this repository is to `tidemill run`: an example project.
pub fn example() -> Project {
    let project =
        Project::new(&[("tidemill.toml", &text("tidemill.toml")), ("inputs/sample.out", &text("inputs/sample.out"))]);
    for name in queries() {
        let path = format!("queries/{name}.sql");
        project.write(&path, text(&path));
    }
    project
}

fn queries() -> Vec<String> {
    let paths = tidemill::query::list(&repository("queries")).unwrap();
    paths.iter().map(|path| tidemill::query::name_of(path).unwrap()).collect()
}

/// A result as JSON lines, whatever its format.
fn as_json_lines(project: &Project, name: &str) -> String {
    if project.path(&format!("outputs/{name}.json")).exists() {
        return project.read(&format!("outputs/{name}.json"));
    }
    let file = std::fs::File::open(project.path(&format!("outputs/{name}.parquet"))).unwrap();
    let mut lines = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(Vec::new());
    for batch in ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap() {
        lines.write(&batch.unwrap()).unwrap();
    }
    lines.finish().unwrap();
    String::from_utf8(lines.into_inner()).unwrap()
}

#[test]
fn saved_queries_have_their_golden_results() {
    let project = example();
    let output = project.run(&["run"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for name in queries() {
        let (found, golden) = (as_json_lines(&project, &name), text(&format!("tests/golden/{name}.json")));
        let differs = found.lines().zip(golden.lines()).position(|(found, golden)| found != golden);
        if let Some(line) = differs {
            let (found, golden) = (found.lines().nth(line).unwrap(), golden.lines().nth(line).unwrap());
            panic!("{name}, line {}:\n  found  {found}\n  golden {golden}", line + 1);
        }
        assert_eq!(found.lines().count(), golden.lines().count(), "{name}");
    }
}

/// What `jq -c 'select(.opted_into_marketing == true) | {ip,id,lat,lng,age_bracket}'` makes of the sample, with `""` in
/// the columns of numbers as null.
#[test]
fn opted_in_is_what_another_program_computes() {
    let project = example();
    assert_eq!(project.run(&["run", "opted_in"]).status.code(), Some(0));
    let mut expected = Vec::new();
    for line in text("inputs/sample.out").lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if event["opted_into_marketing"] != true {
            continue;
        }
        let mut row = serde_json::Map::new();
        for key in ["ip", "id", "lat", "lng", "age_bracket"] {
            let is_number = ["lat", "lng"].contains(&key);
            let value = if is_number && event[key] == "" { Value::Null } else { event[key].clone() };
            row.insert(key.to_owned(), value);
        }
        expected.push(Value::Object(row));
    }
    let published = project.read("outputs/opted_in.json");
    let found: Vec<Value> = published.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
        // Digit for digit: ids are texts, and numbers are written as they were.
        assert!(found["id"].is_string());
        assert_eq!(found.to_string(), expected.to_string());
    }
    assert!(found.iter().any(|row| row["lat"].is_null()), "the sample has users who were not found");
}

#[test]
fn the_query_of_the_front_page_is_asked_as_it_stands() {
    let project = example();
    let sql = "SELECT ip, id, lat, lng, age_bracket WHERE opted_into_marketing";
    assert_eq!(text("queries/opted_in.sql").trim_end(), sql);
    assert_eq!(project.run(&["run", "opted_in"]).status.code(), Some(0));
    assert_eq!(project.rows(sql), project.read("outputs/opted_in.json"));
}
