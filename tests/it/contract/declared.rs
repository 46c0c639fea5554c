//! Declared columns: what each type takes, what it rejects, and that no query changes that.

use super::mill::{Case, Mill};

/// Column `c` is declared as `declared`; of `values`, one per line, those with an expectation are rows.
fn check(declared: &str, values: &[(&str, Option<&str>)]) {
    check_with("", declared, values);
}

fn check_with(toml: &str, declared: &str, values: &[(&str, Option<&str>)]) {
    let (mut file, mut rows, mut rejects) = (String::new(), Vec::new(), Vec::new());
    for (n, (value, expected)) in values.iter().enumerate() {
        match expected {
            Some(expected) => rows.push(format!("{{\"c\":{expected}}}")),
            None => rejects.push((n as u64 + 1, file.len() as u64, "type")),
        }
        file.push_str(&format!("{{\"c\":{value}}}\n"));
    }
    let toml = format!("{toml}\n[sources.events.columns]\nc = {declared}\n");
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let files: [(&str, &[u8]); 1] = [("a.out", file.as_bytes())];
    Case { toml: &toml, files: &files, rows: &rows, rejects: &rejects, ..Case::default() }.check(declared);
}

#[test]
fn a_value_that_does_not_fit_is_a_reject_also_when_the_query_does_not_read_the_column() {
    let mill = Mill::new("[sources.events.columns]\nn = \"bigint\"\no = { fields = { d = [\"date\"] } }\n");
    mill.put(
        "inputs/a.out",
        "{\"a\":1,\"n\":1}\n{\"a\":2,\"n\":1.5}\n{\"a\":3,\"o\":{\"d\":[\"2024-02-30\"]}}\n{\"a\":4,\"o\":[]}\n{\"a\":5}\n",
    );
    assert_eq!(mill.sql("SELECT a FROM events"), ["{\"a\":1}", "{\"a\":5}"]);
    assert_eq!(mill.sql("SELECT count(*) AS n FROM events"), ["{\"n\":2}"]);
    let rejects = "SELECT line, reason, detail FROM rejects.events";
    let expected = [
        r#"{"line":2,"reason":"type","detail":"`n`: `1.5` is not a bigint"}"#,
        r#"{"line":3,"reason":"type","detail":"`o.d[]`: `\"2024-02-30\"` is not a date"}"#,
        r#"{"line":4,"reason":"type","detail":"`o`: the declared type asks for an object"}"#,
    ];
    assert_eq!(mill.sql(rejects), expected);
}

#[test]
fn boolean() {
    let rows = [("true", Some("true")), ("false", Some("false")), ("null", Some("null")), ("\"\"", Some("null"))];
    let misfits = ["1", "0", "\"true\"", "\"yes\"", "[]", "{}"].map(|value| (value, None));
    check("\"boolean\"", &[&rows[..], &misfits].concat());
}

#[test]
fn bigint() {
    let rows = [
        ("1", Some("1")),
        ("-9223372036854775808", Some("-9223372036854775808")),
        ("\"12\"", Some("12")),
        ("\"\\u0031\"", Some("1")),
        ("null", Some("null")),
        ("\"\"", Some("null")),
    ];
    let misfits = ["1.0", "1e3", "9223372036854775808", "true", "\"x\"", "\" 1\"", "\"01\"", "\"1.0\"", "[1]", "{}"];
    check("\"bigint\"", &[&rows[..], &misfits.map(|value| (value, None))].concat());
}

#[test]
fn double() {
    let rows = [
        ("1", Some("1.0")),
        ("2.50", Some("2.5")),
        ("\"-37.2\"", Some("-37.2")),
        ("1e-400", Some("0.0")),
        ("\"\"", Some("null")),
    ];
    let misfits = ["1e400", "\"1e400\"", "\"NaN\"", "\"inf\"", "\"1.\"", "\"+1\"", "true", "[1.5]"];
    check("\"double\"", &[&rows[..], &misfits.map(|value| (value, None))].concat());
}

#[test]
fn decimal() {
    let rows = [
        ("1", Some("1.00")),
        ("-1.5", Some("-1.50")),
        ("150e-2", Some("1.50")),
        ("1.500", Some("1.50")),
        ("\"999.99\"", Some("999.99")),
        ("\"\"", Some("null")),
    ];
    let misfits = ["1.505", "1000", "1e9", "true", "\"1,5\"", "\"x\"", "[1]"];
    check("\"decimal(5,2)\"", &[&rows[..], &misfits.map(|value| (value, None))].concat());
    let most = "12345678901234567890123456789012345678";
    check("\"decimal(38,0)\"", &[(most, Some(most)), ("123456789012345678901234567890123456789", None)]);
}

#[test]
fn varchar_and_json() {
    let texts = [
        ("\"x\"", Some("\"x\"")),
        ("\"\"", Some("\"\"")),
        ("null", Some("null")),
        ("1.50", Some("\"1.50\"")),
        ("true", Some("\"true\"")),
        (r#"{"k" : [1]}"#, Some(r#""{\"k\" : [1]}""#)),
    ];
    check("\"varchar\"", &texts);
    let jsons = [
        ("\"x\\n\"", Some(r#""\"x\\n\"""#)),
        ("\"\"", Some(r#""\"\"""#)),
        ("null", Some("null")),
        ("1.50", Some("\"1.50\"")),
        (r#"{"k" : [1],"k":2}"#, Some(r#""{\"k\" : [1],\"k\":2}""#)),
    ];
    check("\"json\"", &jsons);
}

#[test]
fn timestamp_forms_and_zones() {
    let at = Some("\"2024-03-01T05:51:22.083\"");
    let rows = [
        ("\"2024-03-01T05:51:22.083\"", at),
        ("\"2024-03-01 05:51:22.083\"", at),
        ("\"2024-03-01T05:51:22.083Z\"", at),
        ("\"2024-03-01 05:51:22.083000000000Z\"", at),
        ("\"2024-03-01T07:51:22.083+02:00\"", at),
        ("\"2024-03-01T07:51:22.083\\u002b02:00\"", at),
        ("\"2024-02-29T22:21:22.083-0730\"", at),
        ("\"2024-03-01T07:51:22,083+02\"", at),
        ("\"2024-03-01T05:51\"", Some("\"2024-03-01T05:51:00\"")),
        ("\"2024-03-01\"", Some("\"2024-03-01T00:00:00\"")),
        ("\"1969-12-31T23:59:59.999Z\"", Some("\"1969-12-31T23:59:59.999\"")),
        ("null", Some("null")),
        ("\"\"", Some("null")),
    ];
    let misfits = [
        "1709272282083",
        "1709272282.083",
        "\"1709272282083\"",
        "\"2024-03-01T05:51:22.0831\"",
        "\"2024-03-01T05:51:22.\"",
        "\"2024-02-30T00:00:00\"",
        "\"2024-03-01T24:00:00\"",
        "\"2024-03-01T05:60:00\"",
        "\"2024-03-01T12:34:60\"",
        "\"2024-03-01T05:51:22+02:99\"",
        "\"2024-03-01T05:51:22 Europe/Berlin\"",
        "\"2024-03-01T05:51:22 CET\"",
        "\" 2024-03-01\"",
        "\"2024-03-01 \"",
        "\"24-03-01\"",
        "\"01/03/2024\"",
        "true",
        "[]",
    ];
    check("\"timestamp(ms)\"", &[&rows[..], &misfits.map(|value| (value, None))].concat());
}

#[test]
fn timestamp_units() {
    let text = "\"2024-03-01T05:51:22.083456789Z\"";
    check("\"timestamp(ns)\"", &[(text, Some("\"2024-03-01T05:51:22.083456789\"")), ("\"2300-01-01\"", None)]);
    check("\"timestamp(us)\"", &[(text, None), ("\"2300-01-01\"", Some("\"2300-01-01T00:00:00\""))]);
    check(
        "\"timestamp(s)\"",
        &[("\"2024-03-01T05:51:22.5\"", None), ("\"0001-01-01\"", Some("\"0001-01-01T00:00:00\""))],
    );
}

#[test]
fn integers_as_epoch_in_the_unit_that_is_named() {
    let at = Some("\"2024-03-01T05:51:22.083\"");
    check(
        "{ type = \"timestamp(ms)\", unit = \"ms\" }",
        &[
            ("1709272282083", at),
            ("-1", Some("\"1969-12-31T23:59:59.999\"")),
            ("\"2024-03-01T05:51:22.083Z\"", at),
            ("null", Some("null")),
            ("1709272282083.0", None),
            ("\"1709272282083\"", None),
            ("92233720368547758080", None),
        ],
    );
    let second = Some("\"2024-03-01T05:51:22\"");
    check("{ type = \"timestamp(ms)\", unit = \"s\" }", &[("1709272282", second), ("9223372036854775807", None)]);
    check("{ type = \"timestamp(s)\", unit = \"ms\" }", &[("1709272282000", second), ("1709272282083", None)]);
    check("{ type = \"timestamp(ns)\", unit = \"us\" }", &[("1709272282083000", at), ("9223372036854775807", None)]);
}

#[test]
fn date() {
    let rows = [
        ("\"2024-02-29\"", Some("\"2024-02-29\"")),
        ("\"0001-01-01\"", Some("\"0001-01-01\"")),
        ("\"\"", Some("null")),
    ];
    let misfits = ["\"2023-02-29\"", "\"2024-2-9\"", "\"2024-02-29T00:00:00\"", "\"20240229\"", "19782", "true"];
    check("\"date\"", &[&rows[..], &misfits.map(|value| (value, None))].concat());
}

#[test]
fn lists() {
    check(
        "[\"bigint\"]",
        &[
            ("[1,\"2\",null,\"\"]", Some("[1,2,null,null]")),
            ("[]", Some("[]")),
            ("null", Some("null")),
            ("[1.5]", None),
            ("1", None),
            ("\"\"", None),
            ("{}", None),
        ],
    );
    check("[[\"date\"]]", &[("[[],[\"2024-01-01\"]]", Some("[[],[\"2024-01-01\"]]")), ("[\"2024-01-01\"]", None)]);
}

#[test]
fn structs_whose_other_fields_are_inferred() {
    check(
        "{ fields = { at = \"timestamp(s)\", n = \"decimal(4,1)\" } }",
        &[
            (r#"{"at":"2024-01-01","x":1}"#, Some(r#"{"at":"2024-01-01T00:00:00","x":1.0,"y":null,"n":null}"#)),
            (r#"{"x":2.5,"y":{"z":[true]}}"#, Some(r#"{"at":null,"x":2.5,"y":{"z":[true]},"n":null}"#)),
            ("{}", Some(r#"{"at":null,"x":null,"y":null,"n":null}"#)),
            ("null", Some("null")),
            (r#"{"at":"soon"}"#, None),
            (r#"{"n":1.25}"#, None),
            ("[]", None),
            ("\"\"", None),
            ("1", None),
        ],
    );
}

#[test]
fn empty_as_null_false_makes_empty_strings_misfits() {
    let off = "empty_as_null = false";
    check_with(off, "\"bigint\"", &[("1", Some("1")), ("\"\"", None)]);
    check_with(off, "\"boolean\"", &[("true", Some("true")), ("\"\"", None)]);
    check_with(off, "\"date\"", &[("\"2024-01-01\"", Some("\"2024-01-01\"")), ("\"\"", None)]);
    check_with(off, "\"varchar\"", &[("\"\"", Some("\"\""))]);
}

#[test]
fn the_value_that_wins_is_the_one_that_must_fit() {
    let toml = "[sources.events.columns]\nn = \"bigint\"\n";
    let case = Case {
        toml,
        files: &[("a.out", b"{\"n\":\"x\",\"n\":1}\n{\"n\":1,\"n\":\"x\"}\n")],
        rows: &[r#"{"n":1}"#],
        rejects: &[(2, 16, "type")],
        ..Case::default()
    };
    case.check("a declared column twice in an object");
}

#[test]
fn a_declared_column_that_never_comes_is_null() {
    let case = Case {
        toml: "[sources.events.columns]\nz = \"date\"\na = \"double\"\n",
        files: &[("a.out", b"{\"b\":1}\n{\"a\":2}\n")],
        rows: &[r#"{"b":1,"a":null,"z":null}"#, r#"{"b":null,"a":2.0,"z":null}"#],
        types: &[("b", "bigint"), ("a", "double"), ("z", "date")],
        ..Case::default()
    };
    case.check("a declared column that no line has");
}
