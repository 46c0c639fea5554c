//! A run over its reject budget publishes nothing; within it, its account adds up.

use serde_json::{Value, json};

use super::mill::Mill;

/// One line that is rejected, for each reason there is.
const REJECTS: [(&str, &[u8]); 8] = [
    ("syntax", b"{'a': 1}\n"),
    ("utf8", b"{\"a\":\"\xff\"}\n"),
    ("surrogate", b"{\"a\":\"\\ud800\"}\n"),
    ("not-object", b"[1]\n"),
    ("depth", b"{\"a\":[[[]]]}\n"),
    ("too-long", b"{\"a\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n"),
    ("type", b"{\"n\":\"x\"}\n"),
    ("truncated", b"{\"a\":"),
];

fn mill(budget: &str) -> Mill {
    let mill =
        Mill::new(&format!("{budget}\nmax_depth = 3\nmax_line_bytes = 50\n[sources.events.columns]\nn = \"bigint\"\n"));
    mill.put("queries/q.sql", "SELECT a FROM events");
    mill
}

fn report(mill: &Mill, code: i32) -> Value {
    let ran = mill.run(&["run", "--json"]);
    assert_eq!(ran.code, Some(code), "{}{}", ran.stdout, ran.stderr);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["queries"][0].take()
}

#[test]
fn a_run_over_its_reject_budget_publishes_nothing() {
    for (reason, line) in REJECTS {
        let mill = mill("");
        mill.put("inputs/a.out", [b"{\"a\":1}\n", line].concat());
        mill.put("outputs/q.json", "old\n");
        let report = report(&mill, 1);
        let told = report["error"]["message"].as_str().unwrap();
        assert!(told.starts_with("1 of 2 lines of `events` were rejected (50.00%)"), "{reason}: {told}");
        assert_eq!(report["error"]["place"]["line"], 2, "{reason}");
        assert_eq!(std::fs::read(mill.path("outputs/q.json")).unwrap(), b"old\n", "{reason}");
    }
}

#[test]
fn within_its_budget_lines_are_rows_and_rejects_and_blank() {
    let mill = mill("max_reject_ratio = 1.0");
    let all: Vec<u8> = REJECTS.iter().flat_map(|(_, line)| [b"\n{\"a\":1}\n", *line].concat()).collect();
    mill.put("inputs/a.out", &all);
    let mut report = report(&mill, 0);
    assert_eq!(report["status"], "published");
    let source = report["sources"][0].take();
    let counts = ["lines", "rows", "blank", "rejects"].map(|name| source[name].as_u64().unwrap());
    assert_eq!(counts, [24, 8, 8, 8]);
    let by_reason: Value = REJECTS.iter().map(|(reason, _)| ((*reason).to_owned(), json!(1))).collect();
    assert_eq!(source["rejects_by_reason"], by_reason);
    let first: Vec<&Value> = source["first_rejects"].as_array().unwrap().iter().map(|r| &r["reason"]).collect();
    assert_eq!(first, ["syntax", "utf8", "surrogate", "not-object", "depth"]);
    assert_eq!(std::fs::read_to_string(mill.path("outputs/q.json")).unwrap(), "{\"a\":1}\n".repeat(8));
}

#[test]
fn a_budget_may_be_a_count() {
    let with = |budget: &str| {
        let mill = mill(budget);
        mill.put("inputs/a.out", b"{\"a\":1}\n[1]\n[2]\n");
        mill.run(&["run"]).code
    };
    assert_eq!(with("max_rejects = 2\nmax_reject_ratio = 1.0"), Some(0));
    assert_eq!(with("max_rejects = 1\nmax_reject_ratio = 1.0"), Some(1));
    assert_eq!(with("max_rejects = 2"), Some(1), "both budgets hold");
}

#[test]
fn on_reject_fail_stops_at_the_first_with_its_place() {
    for threads in [1, 4] {
        let mill = mill("on_reject = \"fail\"\nmax_reject_ratio = 1.0");
        mill.put("inputs/a.out", b"{\"a\":1}\n".repeat(50_000));
        mill.put("inputs/b.out", b"{\"a\":1}\n\n{\"a\":01}\n[2]\n");
        mill.put("inputs/c.out", b"[3]\n");
        let toml = std::fs::read_to_string(mill.path("tidemill.toml")).unwrap();
        mill.put("tidemill.toml", format!("{toml}[limits]\nthreads = {threads}\n"));
        for args in [&["run"][..], &["sql", "SELECT count(*) FROM events"], &["schema"]] {
            let ran = mill.run(args);
            assert_eq!(ran.code, Some(1), "{}", ran.stderr);
            let told = ["line 3 of `inputs/b.out` is no row (syntax)", "[inputs/b.out:3:7]", "found `1`"];
            assert!(told.iter().all(|part| ran.stderr.contains(part)), "{}", ran.stderr);
        }
        assert!(!mill.path("outputs").exists());
    }
}
