//! The type of a column that nobody declared: the narrowest that holds every value of the whole input.

use super::mill::{Case, Mill};

/// `values` come one per line as `{"c":value}`; `expected` is the type, and the values as they are read.
fn check(row: &str, values: &[&str], type_name: &str, expected: &[&str]) {
    check_with(row, "", values, type_name, expected);
    // Neither the order of the lines nor how they lie in files counts.
    let reversed: Vec<&str> = values.iter().rev().copied().collect();
    let expected: Vec<&str> = expected.iter().rev().copied().collect();
    check_with(row, "", &reversed, type_name, &expected);
    check_in_files(row, &reversed, type_name, &expected);
}

fn check_with(row: &str, toml: &str, values: &[&str], type_name: &str, expected: &[&str]) {
    let lines: String = values.iter().map(|value| format!("{{\"c\":{value}}}\n")).collect();
    let rows: Vec<String> = expected.iter().map(|value| format!("{{\"c\":{value}}}")).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let types = [("c", type_name)];
    let case = Case { toml, files: &[("a.out", lines.as_bytes())], rows: &rows, types: &types, ..Case::default() };
    case.check(row);
}

fn check_in_files(row: &str, values: &[&str], type_name: &str, expected: &[&str]) {
    let mill = Mill::new("");
    for (n, value) in values.iter().enumerate() {
        mill.put(format!("inputs/{n}.out"), format!("{{\"c\":{value}}}"));
    }
    assert_eq!(mill.types(), [("c".to_owned(), type_name.to_owned())], "{row}");
    let rows: Vec<String> = expected.iter().map(|value| format!("{{\"c\":{value}}}")).collect();
    assert_eq!(mill.sql("SELECT * FROM events ORDER BY _file"), rows, "{row}");
}

#[test]
fn only_null_or_never_a_value_is_utf8() {
    check("only null, or never a value: Utf8 (all NULL)", &["null", "null"], "varchar", &["null", "null"]);
    let case = Case {
        files: &[("a.out", b"{\"l\":[],\"m\":[null],\"o\":{\"x\":null}}\n{\"l\":[]}\n")],
        rows: &[r#"{"l":[],"m":[null],"o":{"x":null}}"#, r#"{"l":[],"m":null,"o":null}"#],
        types: &[("l", "list(varchar)"), ("m", "list(varchar)"), ("o", "struct(x varchar)")],
        ..Case::default()
    };
    case.check("never a value, inside lists and objects");
}

#[test]
fn true_and_false_are_boolean() {
    check("true, false: Boolean", &["true", "null", "false"], "boolean", &["true", "null", "false"]);
}

#[test]
fn integers_in_the_range_of_i64_are_int64() {
    let values = ["0", "-0", "9223372036854775807", "-9223372036854775808", "null"];
    let expected = ["0", "0", "9223372036854775807", "-9223372036854775808", "null"];
    check("integers in the range of i64: Int64", &values, "bigint", &expected);
}

#[test]
fn integers_above_i64_are_uint64_then_decimal_then_their_digits() {
    let row = "integers ≥ 0 and some above i64: UInt64";
    let values = ["0", "9223372036854775808", "18446744073709551615", "null"];
    check(row, &values, "unsigned bigint", &values);
    let nines = "9".repeat(38);
    let row = "beyond u64, or mixed signs: Decimal128(38,0)";
    check(row, &["-1", "18446744073709551615"], "decimal(38,0)", &["-1", "18446744073709551615"]);
    check(row, &["18446744073709551616", "0"], "decimal(38,0)", &["18446744073709551616", "0"]);
    check(row, &["-9223372036854775809"], "decimal(38,0)", &["-9223372036854775809"]);
    let (most, least) = (nines.as_str(), format!("-{nines}"));
    check(row, &[most, &least, "7", "null"], "decimal(38,0)", &[most, &least, "7", "null"]);
    let row = "beyond that Utf8 holding the digits";
    let (huge, text) = (format!("1{}", "0".repeat(38)), format!("\"1{}\"", "0".repeat(38)));
    check(row, &[&huge, "-7", "null"], "varchar", &[&text, "\"-7\"", "null"]);
    let long = "1234567890".repeat(100);
    check(row, &[&long, "18446744073709551616"], "varchar", &[&format!("\"{long}\""), "\"18446744073709551616\""]);
}

#[test]
fn fractions_or_exponents_also_with_integers_are_float64() {
    let row = "fractions or exponents, also with integers: Float64, read as the nearest double";
    let values = ["1", "37.2", "-1e3", "1E-2", "9007199254740992", "-9007199254740992", "0.1", "null"];
    let expected = ["1.0", "37.2", "-1000.0", "0.01", "9007199254740992.0", "-9007199254740992.0", "0.1", "null"];
    check(row, &values, "double", &expected);
    let values = ["1.7976931348623157e308", "5e-324", "1e-400", "0.1000000000000000055511151231257827", "-0.0"];
    check(row, &values, "double", &["1.7976931348623157e+308", "5e-324", "0.0", "0.1", "-0.0"]);
    check(row, &["9007199254740993.0", "1e23"], "double", &["9007199254740992.0", "1e+23"]);
}

#[test]
fn integers_above_2_53_together_with_fractions_are_utf8() {
    let row = "Integers above 2^53 together with fractions: Utf8, so that no digit is lost";
    for large in ["9007199254740993", "-9007199254740993", "18446744073709551615", "100000000000000000000"] {
        check(row, &[large, "1.50", "2"], "varchar", &[&format!("\"{large}\""), "\"1.50\"", "\"2\""]);
    }
    check("2^53 itself is a double", &["9007199254740992", "0.5"], "double", &["9007199254740992.0", "0.5"]);
}

#[test]
fn a_number_too_large_for_a_double_is_utf8_as_written() {
    let row = "a number too large for a double (`1e400`): Utf8, as written";
    check(row, &["1e400", "1.50", "7"], "varchar", &["\"1e400\"", "\"1.50\"", "\"7\""]);
    check(row, &["-1E+400", "\"x\""], "varchar", &["\"-1E+400\"", "\"x\""]);
}

#[test]
fn strings_are_utf8_and_nothing_is_guessed() {
    let values = [
        "\"x\"",
        "\"2024-03-01\"",
        "\"2024-03-01T05:51:22.083Z\"",
        "\"-4587808562569740150\"",
        "\"37.2\"",
        "\"true\"",
        "\"6f1c2a34-0b1d-4c5e-8f90-123456789abc\"",
        "\"\"",
        "null",
    ];
    check("strings: Utf8. Nothing is guessed to be a date, a UUID or a number", &values, "varchar", &values);
}

#[test]
fn numbers_and_empty_strings_are_the_number_type() {
    let row = "numbers and `\"\"`: the number type; `\"\"` is NULL";
    check(row, &["1", "\"\"", "null"], "bigint", &["1", "null", "null"]);
    check(row, &["37.2", "\"\""], "double", &["37.2", "null"]);
    check(row, &["18446744073709551615", "\"\""], "unsigned bigint", &["18446744073709551615", "null"]);
    check(row, &["18446744073709551616", "\"\""], "decimal(38,0)", &["18446744073709551616", "null"]);
    check("numbers that have no type, and `\"\"`", &["1e400", "\"\""], "varchar", &["\"1e400\"", "\"\""]);
    check_with(
        "`empty_as_null = false` turns the column into Utf8",
        "empty_as_null = false",
        &["37.20", "\"\"", "null"],
        "varchar",
        &["\"37.20\"", "\"\"", "null"],
    );
}

#[test]
fn each_run_reports_how_many_empty_strings_were_read_as_null() {
    let mill = Mill::new("");
    mill.put(
        "inputs/a.out",
        "{\"n\":1,\"s\":\"\"}\n{\"n\":\"\"}\n{\"n\":\"\",\"s\":\"x\"}\n{\"o\":{\"x\":[\"\",2,\"\"]}}\n",
    );
    mill.put("queries/q.sql", "SELECT n FROM events");
    let told = mill.run(&["run"]).stderr_of_ok();
    assert!(told.contains("events.n: 2 \"\" read as NULL"), "{told}");
    let report: serde_json::Value = serde_json::from_str(&mill.run(&["run", "--json"]).ok()).unwrap();
    let expected = serde_json::json!({ "n": 2, "o.x[]": 2 });
    assert_eq!(report["queries"][0]["sources"][0]["empty_as_null"], expected);
}

#[test]
fn objects_are_structs_by_the_same_rules_inside() {
    let row = "objects: Struct, by the same rules inside";
    check_with(
        row,
        "",
        &[r#"{"x":1,"y":"s"}"#, r#"{"x":2.5,"z":{"t":true}}"#, "null", "{}"],
        "struct(x double, y varchar, z struct(t boolean))",
        &[
            r#"{"x":1.0,"y":"s","z":null}"#,
            r#"{"x":2.5,"y":null,"z":{"t":true}}"#,
            "null",
            r#"{"x":null,"y":null,"z":null}"#,
        ],
    );
    check(
        row,
        &[r#"{"x":{"y":{"z":1}}}"#, r#"{"x":{"y":{"z":""}}}"#],
        "struct(x struct(y struct(z bigint)))",
        &[r#"{"x":{"y":{"z":1}}}"#, r#"{"x":{"y":{"z":null}}}"#],
    );
    check(
        row,
        &[r#"{"x":{"y":1}}"#, r#"{"x":{"y":"s"}}"#],
        "struct(x struct(y varchar))",
        &[r#"{"x":{"y":"1"}}"#, r#"{"x":{"y":"s"}}"#],
    );
    check(
        "objects without any key have no fields to be",
        &["{}", "{}", "null"],
        "varchar",
        &["\"{}\"", "\"{}\"", "null"],
    );
    check(
        "`{}` beside an object is that without values",
        &["{}", r#"{"x":1}"#],
        "struct(x bigint)",
        &[r#"{"x":null}"#, r#"{"x":1}"#],
    );
}

#[test]
fn nested_structs_widen_across_files() {
    let case = Case {
        files: &[
            ("1.out", br#"{"o":{"a":{"n":1}}}"#),
            ("2.out", br#"{"o":{"a":{"n":18446744073709551615,"m":[1]}}}"#),
            ("3.out", br#"{"o":{"b":"new","a":{"n":-1,"m":["x"]}}}"#),
        ],
        rows: &[
            r#"{"o":{"a":{"n":1,"m":null},"b":null}}"#,
            r#"{"o":{"a":{"n":18446744073709551615,"m":["1"]},"b":null}}"#,
            r#"{"o":{"a":{"n":-1,"m":["x"]},"b":"new"}}"#,
        ],
        types: &[("o", "struct(a struct(n decimal(38,0), m list(varchar)), b varchar)")],
        ..Case::default()
    };
    case.check("nested structs widen across files");
}

#[test]
fn arrays_are_lists_by_the_same_rules_for_their_elements() {
    let row = "arrays: List, by the same rules for its elements";
    check(row, &["[1,2]", "[]", "null", "[null,3]"], "list(bigint)", &["[1,2]", "[]", "null", "[null,3]"]);
    check(row, &["[1]", "[2.5,\"\"]"], "list(double)", &["[1.0]", "[2.5,null]"]);
    check(row, &["[[1],[]]", "[[true]]"], "list(list(varchar))", &["[[\"1\"],[]]", "[[\"true\"]]"]);
    check("only `[]`", &["[]", "[]"], "list(varchar)", &["[]", "[]"]);
    check("only `[[]]`", &["[[]]", "[]"], "list(list(varchar))", &["[[]]", "[]"]);
    check(
        "a list of mixed elements",
        &[r#"[1,"x",true,null,[2, 3],{"k" : 1}]"#],
        "list(varchar)",
        &[r#"["1","x","true",null,"[2, 3]","{\"k\" : 1}"]"#],
    );
    check(
        "objects in arrays",
        &[r#"[{"x":1},{"x":2.5}]"#, "[{},null]"],
        "list(struct(x double))",
        &[r#"[{"x":1.0},{"x":2.5}]"#, r#"[{"x":null},null]"#],
    );
    let values = [r#"[{"x":1},{"y":["a"]}]"#, "[]"];
    let expected = [r#"[{"x":1,"y":null},{"x":null,"y":["a"]}]"#, "[]"];
    check("objects in arrays", &values, "list(struct(x bigint, y list(varchar)))", &expected);
    check("`{}` in arrays", &["[{}]"], "list(varchar)", &["[\"{}\"]"]);
}

#[test]
fn any_other_mix_is_utf8_holding_each_values_json_text() {
    let row = "any other mix: Utf8 holding each value's JSON text; a plain string is itself";
    check(row, &["true", "1"], "varchar", &["\"true\"", "\"1\""]);
    check(row, &["true", "\"\""], "varchar", &["\"true\"", "\"\""]);
    check(row, &["\"x\"", r#"{"k": [1, 2.50, "é\n"]}"#], "varchar", &["\"x\"", r#""{\"k\": [1, 2.50, \"é\\n\"]}""#]);
    check(row, &["[1]", r#"{"k":1}"#, "null"], "varchar", &["\"[1]\"", r#""{\"k\":1}""#, "null"]);
    check(row, &["[1]", "\"\""], "varchar", &["\"[1]\"", "\"\""]);
    check(row, &[r#"{"k":1}"#, "\"\""], "varchar", &[r#""{\"k\":1}""#, "\"\""]);
    check(row, &["1.50", "\"x\"", "-0", "1E5"], "varchar", &["\"1.50\"", "\"x\"", "\"-0\"", "\"1E5\""]);
    check(row, &["1", "[1]"], "varchar", &["\"1\"", "\"[1]\""]);
    check(row, &["\"\\u00e9\"", "false", "null"], "varchar", &["\"é\"", "\"false\"", "null"]);
}

#[test]
fn lines_of_no_keys_are_rows_of_no_columns() {
    let mill = Mill::new("");
    mill.put("inputs/a.out", "{}\n{}\n");
    assert_eq!(mill.types(), []);
    assert_eq!(mill.sql("SELECT count(*) AS n FROM events"), ["{\"n\":2}"]);
    assert_eq!(mill.sql("SELECT _offset FROM events ORDER BY 1"), ["{\"_offset\":0}", "{\"_offset\":3}"]);
}
