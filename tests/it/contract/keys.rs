//! Keys and columns: twice, in other letters, late, missing.

use super::mill::{Case, Mill};

#[test]
fn the_same_key_twice_in_an_object_the_last_one_wins_and_is_reported() {
    let case = Case {
        files: &[(
            "a.out",
            b"{\"a\":\"x\",\"b\":1,\"a\":2}\n{\"b\":{\"c\":1,\"c\":2}}\n{\"l\":[{\"c\":1},{\"c\":2,\"c\":3}]}\n{\"a\":4}\n",
        )],
        rows: &[
            r#"{"a":2,"b":"1","l":null}"#,
            r#"{"a":null,"b":"{\"c\":1,\"c\":2}","l":null}"#,
            r#"{"a":null,"b":null,"l":[{"c":1},{"c":3}]}"#,
            r#"{"a":4,"b":null,"l":null}"#,
        ],
        ..Case::default()
    };
    case.check("the same key twice in an object: the last one wins");
    let case = Case {
        files: &[("a.out", b"{\"a\":{\"c\":\"x\",\"c\":1}}\n{\"\\u0061\":1,\"a\":{\"c\":2}}\n")],
        rows: &[r#"{"a":{"c":1}}"#, r#"{"a":{"c":2}}"#],
        types: &[("a", "struct(c bigint)")],
        ..Case::default()
    };
    case.check("also nested, and however the key is written; a value that lost has no say in the type");
    let mill = Mill::new("");
    mill.put("inputs/a.out", "{\"a\":1,\"a\":2,\"a\":3}\n{\"b\":{\"c\":1,\"c\":2}}\n{\"b\":{\"c\":1}}\n");
    mill.put("queries/q.sql", "SELECT * FROM events");
    let told = mill.run(&["run"]).stderr_of_ok();
    assert!(told.contains("2 rows with a duplicate-key, the last one won"), "{told}");
    let report: serde_json::Value = serde_json::from_str(&mill.run(&["run", "--json"]).ok()).unwrap();
    assert_eq!(report["queries"][0]["sources"][0]["duplicate_keys"], 2, "counted and reported as `duplicate-key`");
}

#[test]
fn keys_that_differ_in_case_only_are_two_columns() {
    let case = Case {
        files: &[("a.out", b"{\"id\":1,\"ID\":\"x\",\"o\":{\"k\":1,\"K\":true}}\n{\"Id\":2.5}\n")],
        rows: &[r#"{"id":1,"ID":"x","o":{"k":1,"K":true},"Id":null}"#, r#"{"id":null,"ID":null,"o":null,"Id":2.5}"#],
        types: &[("id", "bigint"), ("ID", "varchar"), ("o", "struct(k bigint, K boolean)"), ("Id", "double")],
        ..Case::default()
    };
    case.check("keys that differ in case only: two columns");
    let mill = Mill::new("");
    mill.put("inputs/a.out", "{\"id\":1,\"ID\":2}\n");
    assert_eq!(mill.sql("SELECT id, \"ID\" AS big FROM events"), ["{\"id\":1,\"big\":2}"]);
}

#[test]
fn a_key_never_seen_before_anywhere_in_the_input_is_a_column() {
    let mill = Mill::new("");
    let many: String = (0..2_000).map(|n| format!("{{\"a\":{n}}}\n")).collect();
    mill.put("inputs/a.out", &many);
    mill.put("inputs/b.out", format!("{many}{{\"last\":{{\"new\":[1]}},\"\":0}}"));
    let found = mill.sql("SELECT * FROM events WHERE last IS NOT NULL");
    assert_eq!(found, [r#"{"a":null,"last":{"new":[1]},"":0}"#], "a column; in no case ignored");
    assert_eq!(mill.types().len(), 3);
}

#[test]
fn a_missing_key_and_an_explicit_null_are_null() {
    let case = Case {
        files: &[(
            "a.out",
            b"{\"a\":1,\"b\":null}\n{\"a\":null}\n{\"b\":\"null\",\"o\":{\"x\":null,\"y\":1}}\n{\"o\":{}}\n",
        )],
        rows: &[
            r#"{"a":1,"b":null,"o":null}"#,
            r#"{"a":null,"b":null,"o":null}"#,
            r#"{"a":null,"b":"null","o":{"x":null,"y":1}}"#,
            r#"{"a":null,"b":null,"o":{"x":null,"y":null}}"#,
        ],
        ..Case::default()
    };
    case.check("a key missing from a line; an explicit `null`: NULL");
}
