//! Scripts of several statements, and their parameters, as commands run them.

use serde_json::Value;

use crate::project::{EVENTS, Project, stderr};

const QUERY: &str = "--@ params.least = { type = \"bigint\", default = 2 }
--@ params.text = { type = \"varchar\", default = \"it's\" }
CREATE FUNCTION twice(x BIGINT) RETURNS BIGINT RETURN x + x;
CREATE VIEW large AS SELECT id, twice(n) AS n WHERE n >= $least;
CREATE VIEW named AS SELECT *, $text AS t FROM large;
SET datafusion.execution.batch_size = 2;
SELECT * FROM named ORDER BY id
";

fn project() -> Project {
    Project::new(&[("inputs/a.out", EVENTS), ("queries/q.sql", QUERY)])
}

/// What is published with arguments, and variables of the environment.
fn published(project: &Project, args: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = project.command(&[&["run", "q"], args].concat());
    let output = command.envs(variables.iter().copied()).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    project.read("outputs/q.json")
}

#[test]
fn definitions_stand_before_the_select_that_uses_them() {
    let rows = published(&project(), &[], &[]);
    assert_eq!(rows, "{\"id\":\"2\",\"n\":4,\"t\":\"it's\"}\n{\"id\":\"3\",\"n\":6,\"t\":\"it's\"}\n");
}

#[test]
fn values_are_those_of_the_command_then_the_environment_then_the_default() {
    let project = project();
    let variable = [("TIDEMILL_PARAM_LEAST", "3"), ("TIDEMILL_PARAM_OTHER", "9")];
    assert_eq!(published(&project, &[], &variable).lines().count(), 1);
    assert_eq!(published(&project, &["--param", "least=1"], &variable).lines().count(), 3);
    let text = published(&project, &["--param", "text='; DROP TABLE events; --", "--param", "least=3"], &[]);
    assert_eq!(text, "{\"id\":\"3\",\"n\":6,\"t\":\"'; DROP TABLE events; --\"}\n");
}

#[test]
fn the_report_says_with_which_values_it_ran() {
    let project = project();
    let output =
        project.run(&["run", "q", "--json", "--param", "least=3", "--param", "interval_start=2024-03-01T00:00:00"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let params = &report["queries"][0]["params"];
    assert_eq!((params["least"].as_str(), params["text"].as_str()), (Some("3"), Some("it's")));
    assert_eq!(params["interval_start"], "2024-03-01T00:00:00");
    let run_at = params["run_at"].as_str().unwrap();
    assert!(run_at.parse::<chrono::DateTime<chrono::Utc>>().is_ok(), "{run_at}");
}

#[test]
fn a_value_for_one_query_is_none_for_another() {
    let project = project();
    project.write("queries/other.sql", "SELECT 1 AS a");
    let output = project.run(&["run", "--param", "least=3"]);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(project.names("outputs"), ["other.json", "q.json"]);
}

#[test]
fn a_value_for_no_parameter_is_refused() {
    let project = project();
    for (sql, param, message) in [
        ("SELECT 1", "x=1", "nothing here has a parameter `x`"),
        (
            "--@ params.day = { type = \"bigint\", default = 1 }\nSELECT $day",
            "dya=7",
            "nothing here has a parameter `dya`",
        ),
        (
            "--@ params.day = { type = \"bigint\" }\nSELECT $day",
            "day:date=2024-03-01",
            "parameter `day` is declared as bigint, and given as date",
        ),
    ] {
        let output = project.run(&["sql", sql, "--param", param]);
        assert_eq!(output.status.code(), Some(2), "{sql}");
        assert!(stderr(&output).contains(message), "{}", stderr(&output));
    }
}

#[test]
fn a_view_may_have_the_name_of_the_default_source() {
    let project = project();
    let script = "CREATE VIEW events AS SELECT * FROM events WHERE n > 1; CREATE VIEW w AS SELECT count(*) AS c;
        SELECT c FROM w; SELECT c FROM w, (SELECT 1 FROM events LIMIT 1) AS x; SELECT count(*) AS c;
        SELECT count(*) AS c FROM PCOLLECTION; SELECT count(*) AS c
        FROM TUMBLE(TABLE events, DESCRIPTOR(CAST('2024-03-01' AS TIMESTAMP)), INTERVAL '1' HOUR)";
    let output = project.run(&["sql", script]);
    assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), "{\"c\":2}\n".repeat(5), "{}", stderr(&output));
}

#[test]
fn parameters_stand_wherever_a_value_may() {
    let project = project();
    let check = |sql: &str, param: &str, expected: &str| {
        let output = project.run(&["sql", sql, "--param", param]);
        assert_eq!(String::from_utf8(output.stdout.clone()).unwrap(), expected, "{sql}: {}", stderr(&output));
    };
    check("SELECT id ORDER BY id LIMIT $a", "a:bigint=1", "{\"id\":\"1\"}\n");
    check("SELECT id ORDER BY id LIMIT 1 OFFSET $a", "a:bigint=2", "{\"id\":\"3\"}\n");
    check("SELECT TIMESTAMP '2024-03-01' + INTERVAL $a HOUR AS t", "a:bigint=2", "{\"t\":\"2024-03-01T02:00:00\"}\n");
    check("SELECT TIMESTAMP '2024-03-01' + $a AS t", "a:interval=2 days", "{\"t\":\"2024-03-03T00:00:00\"}\n");
    check("SELECT id WHERE n * $a = 4.5", "a:decimal(3, 1)=1.5", "{\"id\":\"3\"}\n");
    check("SELECT id WHERE id IN ('9', $a)", "a=2", "{\"id\":\"2\"}\n");
    check("SELECT count(*) AS n WHERE $a", "a:boolean=false", "{\"n\":0}\n");
    check("SELECT $a - 1 AS n", "a:bigint=-9223372036854775807", "{\"n\":-9223372036854775808}\n");
    check("SELECT arrow_typeof($a) AS t", "a:timestamp(us)=2024-03-01T00:00:00.5", "{\"t\":\"Timestamp(µs)\"}\n");
    check("SELECT arrow_typeof($a) AS t", "a:date=2024-03-01", "{\"t\":\"Date32\"}\n");
    check(
        "SELECT count(*) AS n FROM (SELECT TIMESTAMP '2024-03-01' AS t) GROUP BY TUMBLE(t, $a)",
        "a:interval=1 hour",
        "{\"n\":1}\n",
    );
}

#[test]
fn a_view_is_asked_over_the_files_that_are_there() {
    let project = project();
    let sql = "CREATE VIEW v AS SELECT count(*) AS n FROM events; SELECT n FROM v; CREATE VIEW w AS SELECT n + 1 AS n FROM v; SELECT n FROM w";
    assert_eq!(project.rows(sql), "{\"n\":3}\n{\"n\":4}\n");
    project.write("inputs/b.out", "{\"id\":\"4\"}\n");
    assert_eq!(project.rows(sql), "{\"n\":4}\n{\"n\":5}\n");
    let summary = project.rows("CREATE VIEW v AS SELECT n FROM events; SUMMARIZE v");
    assert!(
        summary.starts_with("{\"column_name\":\"n\",\"column_type\":\"bigint\",\"min\":\"1\",\"max\":\"3\""),
        "{summary}"
    );
    let hidden = "CREATE VIEW v AS SELECT *, _file FROM events; SELECT DISTINCT _file FROM v WHERE id = '4'";
    assert_eq!(project.rows(hidden), "{\"_file\":\"inputs/b.out\"}\n");
}
