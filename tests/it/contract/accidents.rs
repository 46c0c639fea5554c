//! "Known accidents elsewhere", each of which must not happen here.

use super::mill::{Case, Mill};

/// More lines than any of those readers look at before they decide on columns and types.
const SAMPLE: usize = 30_000;

fn after_the_sample(early: &str, late: &str) -> Mill {
    let mill = Mill::new("");
    mill.put("inputs/a.out", format!("{}{late}\n", format!("{early}\n").repeat(SAMPLE)));
    mill
}

#[test]
fn a_key_first_seen_after_the_sample_does_not_vanish() {
    let mill = after_the_sample(r#"{"a":1}"#, r#"{"a":2,"new":{"k":[1]}}"#);
    let found = mill.sql("SELECT * FROM events WHERE new IS NOT NULL");
    assert_eq!(found, [r#"{"a":2,"new":{"k":[1]}}"#], "duckdb #25826, ClickHouse #120348, polars #29330, arrow-json");
    let mill = after_the_sample(r#"{"o":{"a":1}}"#, r#"{"o":{"a":2,"new":1}}"#);
    assert_eq!(mill.sql("SELECT * FROM events WHERE o['a'] = 2"), [r#"{"o":{"a":2,"new":1}}"#], "also nested");
}

#[test]
fn a_value_after_the_sample_is_not_cast() {
    let mill = after_the_sample(r#"{"c":1}"#, r#"{"c":1.5}"#);
    let distinct = "SELECT DISTINCT c FROM events ORDER BY c";
    assert_eq!(mill.sql(distinct), [r#"{"c":1.0}"#, r#"{"c":1.5}"#], "arrow-rs #10265: 1.5 became 1");
    let mill = after_the_sample(r#"{"c":2.5}"#, r#"{"c":true}"#);
    assert_eq!(mill.sql(distinct), [r#"{"c":"2.5"}"#, r#"{"c":"true"}"#], "duckdb #25786: true became 1.0");
}

#[test]
fn an_empty_string_beside_a_number_and_an_object_beside_a_string_are_no_errors() {
    for file in ["{\"c\":\"\"}\n{\"c\":37.2}\n", "{\"c\":37.2}\n{\"c\":\"\"}\n"] {
        let mill = Mill::new("");
        mill.put("inputs/a.out", file);
        assert_eq!(mill.sql("SELECT sum(c) AS s FROM events"), [r#"{"s":37.2}"#]);
    }
    let case = Case {
        files: &[("a.out", b"{\"c\":{\"k\":1}}\n"), ("b.out", b"{\"c\":\"s\"}\n")],
        rows: &[r#"{"c":"{\"k\":1}"}"#, r#"{"c":"s"}"#],
        ..Case::default()
    };
    case.check("object beside string: hard error");
}

#[test]
fn a_bad_line_harms_no_other_and_is_not_accepted() {
    let mill = Mill::new("");
    let good = "{\"a\":1}\n".repeat(10_000);
    mill.put("inputs/a.out", format!("{good}{{\"a\":2}}TRAILER\n{good}{{\"a\":3 \"b\":4}}\n{{\"a\":5\n{good}"));
    assert_eq!(
        mill.sql("SELECT a, count(*) AS n FROM events GROUP BY a"),
        [r#"{"a":1,"n":30000}"#],
        "polars #10041, arroyo #891"
    );
    let rejects = "SELECT line, raw FROM rejects.events";
    let expected = [
        r#"{"line":10001,"raw":"{\"a\":2}TRAILER"}"#,
        r#"{"line":20002,"raw":"{\"a\":3 \"b\":4}"}"#,
        r#"{"line":20003,"raw":"{\"a\":5"}"#,
    ];
    assert_eq!(mill.sql(rejects), expected, "duckdb #23120, arrow-rs #9204");
}

#[test]
fn an_unterminated_string_swallows_nothing_and_depth_ends_no_process() {
    let deep = format!("{{\"a\":{}", "[".repeat(100_000));
    let file = format!("{{\"a\":\"x}}\n{{\"a\":\"y\"}}\n{deep}\n{{\"a\":\"z\"}}\n");
    let case = Case {
        files: &[("a.out", file.as_bytes())],
        rows: &[r#"{"a":"y"}"#, r#"{"a":"z"}"#],
        rejects: &[(1, 0, "syntax"), (3, 19, "depth")],
        ..Case::default()
    };
    case.check("an unterminated string; a 100,000-deep value (jq 1.8.2, sonic-rs #232)");
}

#[test]
fn neither_the_order_of_files_nor_the_share_of_nulls_changes_the_types() {
    let parts = [
        "{\"n\":null,\"s\":null,\"o\":null}\n".repeat(1_000),
        "{\"n\":1,\"s\":\"1\",\"o\":{\"x\":1}}\n".to_owned(),
        "{\"n\":2.5,\"s\":\"x\",\"o\":{\"x\":\"\"}}\n".to_owned(),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mill = Mill::new("");
        for (n, part) in order.into_iter().enumerate() {
            mill.put(format!("inputs/{n}.out"), &parts[part]);
        }
        let types = [("n", "double"), ("s", "varchar"), ("o", "struct(x bigint)")];
        assert_eq!(mill.types(), types.map(|(name, t)| (name.to_owned(), t.to_owned())), "duckdb #10823, #12861");
    }
}

#[test]
fn a_listing_is_not_cached_within_a_session() {
    let mill = Mill::new("");
    mill.put("inputs/a.out", "{\"a\":1}\n");
    let library = mill.library();
    assert_eq!(library.ask("SELECT * FROM events").unwrap(), [r#"{"a":1}"#]);
    mill.put("inputs/b.out", "{\"b\":\"new\"}\n[1]\n");
    let all = "SELECT * FROM events ORDER BY _file";
    assert_eq!(library.ask(all).unwrap(), [r#"{"a":1,"b":null}"#, r#"{"a":null,"b":"new"}"#]);
    assert_eq!(library.ask("SELECT count(*) AS n FROM rejects.events").unwrap(), [r#"{"n":1}"#]);
    mill.put("inputs/a.out", "{\"a\":\"longer\"}\n");
    assert_eq!(library.ask(all).unwrap()[0], r#"{"a":"longer","b":null}"#);
    std::fs::remove_file(mill.path("inputs/b.out")).unwrap();
    assert_eq!(library.ask(all).unwrap(), [r#"{"a":"longer"}"#]);
}

#[test]
fn no_digit_is_lost() {
    let case = Case {
        files: &[("a.out", b"{\"n\":18446744073709551615,\"id\":\"-4587808562569740150\"}\n{\"n\":9223372036854775809,\"id\":\"007\"}\n")],
        rows: &[
            r#"{"n":18446744073709551615,"id":"-4587808562569740150"}"#,
            r#"{"n":9223372036854775809,"id":"007"}"#,
        ],
        types: &[("n", "unsigned bigint"), ("id", "varchar")],
        ..Case::default()
    };
    case.check("integers above 2^63 lose digits; a numeric string such as an id becomes a number");
}
