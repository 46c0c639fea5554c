//! Which lines are rows, and what the others are rejected for.

use super::mill::{Case, Mill, zst};

#[test]
fn a_json_object_on_one_line_any_key_order_is_a_row() {
    let case = Case {
        files: &[("a.out", b"{\"a\":1,\"b\":\"x\"}\n{\"b\":\"y\",\"a\":2}\n  { \"b\" : null , \"a\" : 3 } \n{}\n")],
        rows: &[r#"{"a":1,"b":"x"}"#, r#"{"a":2,"b":"y"}"#, r#"{"a":3,"b":null}"#, r#"{"a":null,"b":null}"#],
        ..Case::default()
    };
    case.check("a JSON object on one line, any key order: a row");
}

#[test]
fn a_blank_line_is_neither_row_nor_reject() {
    let case = Case {
        files: &[("a.out", b"\n{\"a\":1}\n  \n\t \r\n{\"a\":2}\n\r\n   ")],
        rows: &[r#"{"a":1}"#, r#"{"a":2}"#],
        blank: 5,
        ..Case::default()
    };
    case.check("blank line, spaces only: ignored, counted as blank");
    // Other bytes that look empty are no spaces of JSON.
    let case = Case {
        files: &[("a.out", b"\x0b\n\xc2\xa0\n\xe2\x80\xa8\n\0\n{\"a\":1}\n")],
        rows: &[r#"{"a":1}"#],
        rejects: &[(1, 0, "syntax"), (2, 2, "syntax"), (3, 5, "syntax"), (4, 9, "syntax")],
        ..Case::default()
    };
    case.check("spaces are those of JSON");
}

#[test]
fn crlf_and_a_last_line_without_newline_are_accepted() {
    for file in
        ["{\"a\":\"x\"}\r\n{\"a\":\"y\"}\r\n", "{\"a\":\"x\"}\r\n{\"a\":\"y\"}", "{\"a\":\"x\"}\n{\"a\":\"y\"}\r"]
    {
        let case =
            Case { files: &[("a.out", file.as_bytes())], rows: &[r#"{"a":"x"}"#, r#"{"a":"y"}"#], ..Case::default() };
        case.check("CRLF ends, no newline after the last line: accepted");
    }
}

#[test]
fn a_byte_order_mark_at_the_start_of_a_file_is_skipped() {
    let marked: &[u8] = b"\xef\xbb\xbf{\"a\":1}\n";
    let packed = zst(b"\xef\xbb\xbf{\"a\":3}\n");
    let case = Case {
        files: &[("a.out", marked), ("b.out", b"\xef\xbb\xbf{\"a\":2}"), ("c.out.zst", &packed)],
        rows: &[r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#],
        ..Case::default()
    };
    case.check("UTF-8 byte order mark at the start of a file: skipped, in every file");
    let case = Case {
        files: &[("a.out", b"\xef\xbb\xbf{\"a\":1}\n\xef\xbb\xbf{\"a\":2}\n\xef\xbb\xbf\n{\"a\":3}\n")],
        rows: &[r#"{"a":1}"#, r#"{"a":3}"#],
        rejects: &[(2, 11, "syntax"), (3, 22, "syntax")],
        ..Case::default()
    };
    case.check("a byte order mark anywhere else is no JSON");
    Case { files: &[("a.out", b"\xef\xbb\xbf")], blank: 1, ..Case::default() }.check("only a byte order mark");
}

/// Every cut of a line that has all that JSON has.
#[test]
fn a_last_line_cut_off_in_the_middle_is_truncated() {
    let whole = "{\"a\":\"é\\n\\u00e9\\ud83d\\ude00\u{10ffff}\",\"b\":[-1.5e+3,true,false,null,[ ]],\"c\":{\"d\":{}} }";
    let mill = Mill::new("");
    for cut in 1..whole.len() {
        mill.put(format!("inputs/{cut:03}.out"), [b"{\"a\":\"0\"}\n", &whole.as_bytes()[..cut]].concat());
        // The same bytes with a newline are a line that is no JSON, not one that was cut.
        mill.put(format!("inputs/{cut:03}n.out"), [&whole.as_bytes()[..cut], b"\n"].concat());
    }
    let fates = "SELECT line, \"offset\", ends_with(file, 'n.out') AS newline, \
                 CASE reason WHEN 'utf8' THEN 'syntax' ELSE reason END AS code, count(*) AS files \
                 FROM rejects.events GROUP BY ALL ORDER BY newline";
    let cuts = whole.len() - 1;
    let expected = [
        format!("{{\"line\":2,\"offset\":10,\"newline\":false,\"code\":\"truncated\",\"files\":{cuts}}}"),
        format!("{{\"line\":1,\"offset\":0,\"newline\":true,\"code\":\"syntax\",\"files\":{cuts}}}"),
    ];
    assert_eq!(mill.sql(fates), expected, "last line cut off in the middle: reject `truncated`");
    // All of it is a row.
    mill.put("inputs/whole.out", whole);
    assert_eq!(mill.sql("SELECT count(*) AS n FROM events"), [format!("{{\"n\":{}}}", cuts + 1)]);
}

#[test]
fn a_fault_before_the_cut_is_what_it_is() {
    let case = Case {
        files: &[
            ("a.out", b"{'a': 1"),
            ("b.out", b"{\"a\":01"),
            ("c.out", b"{\"\xff\":"),
            ("d.out", b"{\"a\":1}\n[1]"),
        ],
        rows: &[r#"{"a":1}"#],
        rejects: &[(1, 0, "syntax"), (1, 0, "syntax"), (1, 0, "utf8"), (2, 8, "not-object")],
        ..Case::default()
    };
    case.check("a last line without newline that is wrong before its end is not `truncated`");
}

/// Each stands between two rows, which it leaves as they are.
fn check_between(row: &str, toml: &str, code: &str, lines: &[&[u8]]) {
    let (mut file, mut rejects, mut rows) = (Vec::new(), Vec::new(), Vec::new());
    for (n, line) in lines.iter().enumerate() {
        file.extend_from_slice(format!("{{\"a\":{n}}}\n").as_bytes());
        rows.push(format!("{{\"a\":{n}}}"));
        rejects.push((2 * n as u64 + 2, file.len() as u64, code));
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    file.extend_from_slice(b"{\"a\":-1}\n");
    rows.push("{\"a\":-1}".to_owned());
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    Case { toml, files: &[("a.out", &file)], rows: &rows, rejects: &rejects, ..Case::default() }.check(row);
}

#[test]
fn any_text_that_is_not_json_is_a_syntax_reject() {
    let lines: [&[u8]; 44] = [
        b"{'a': 1}",
        br#"{"a":1,}"#,
        br#"{"a":1 "b":2}"#,
        br#"{"a":1}TRAILER"#,
        br#"{"a":NaN}"#,
        br#"{"a":Infinity}"#,
        br#"{"a":-Infinity}"#,
        br#"{"a":1.}"#,
        br#"{"a":01}"#,
        br#"{"a":+1}"#,
        br#"{"a":1} // comment"#,
        br#"{"a":1 /* comment */}"#,
        br#"# comment"#,
        br#"NaN"#,
        br#"Infinity"#,
        br#"1."#,
        br#"01"#,
        br#"+1"#,
        br#"{"a":.5}"#,
        br#"{"a":-}"#,
        br#"{"a":--1}"#,
        br#"{"a":1e}"#,
        br#"{"a":1e+}"#,
        br#"{"a":0x10}"#,
        br#"{"a":1_000}"#,
        br#"{"a":-01}"#,
        br#"{"a":1.5.5}"#,
        br#"{"a"}"#,
        br#"{"a":}"#,
        br#"{"a" 1}"#,
        br#"{a:1}"#,
        br#"{1:1}"#,
        br#"{,"a":1}"#,
        br#"{"a":1,,"b":2}"#,
        br#"{"a":[1,]}"#,
        br#"{"a":[,1]}"#,
        br#"{"a":[1}"#,
        br#"{"a":1]"#,
        br#"{"a":True}"#,
        br#"{"a":nul}"#,
        br#"{"a":"x\x41"}"#,
        br#"{"a":"\u12g4"}"#,
        br#"{"a":1}{"a":2}"#,
        br#"{"a":1},"#,
    ];
    check_between("any text that is not JSON: reject `syntax`", "", "syntax", &lines);
}

#[test]
fn raw_control_bytes_and_nuls_are_syntax_rejects() {
    let mut lines: Vec<Vec<u8>> = Vec::new();
    for byte in (0..0x20).filter(|byte| *byte != b'\n') {
        lines.push([b"{\"a\":\"x", &[byte][..], b"y\"}"].concat());
        lines.push([b"{\"a", &[byte][..], b"\":1}"].concat());
    }
    lines.extend([b"\0\0\0\0".to_vec(), b"{\"a\":1}\0".to_vec(), b"{\"a\":1,\0}".to_vec()]);
    let lines: Vec<&[u8]> = lines.iter().map(Vec::as_slice).collect();
    check_between("raw control byte inside a string, NUL bytes: reject `syntax`", "", "syntax", &lines);
    let case = Case {
        files: &[("a.out", b"{\"a\":\"\\u0000\\u001f\x7f\"}\n")],
        rows: &["{\"a\":\"\\u0000\\u001f\x7f\"}"],
        ..Case::default()
    };
    case.check("escaped control bytes and DEL are text");
}

#[test]
fn bytes_that_are_not_utf8_are_rejects_also_where_no_query_reads() {
    let lines: [&[u8]; 9] = [
        b"{\"a\":1,\"b\":\"\xff\"}",
        b"{\"a\":1,\"b\":\"\xc3\"}",
        b"{\"a\":1,\"b\":\"\xc0\xaf\"}",
        b"{\"a\":1,\"b\":\"\xed\xa0\x80\"}",
        b"{\"a\":1,\"b\":\"\xf4\x90\x80\x80\"}",
        b"{\"a\":1,\"\xe9\":1}",
        b"{\"a\":1,\"b\":{\"c\":[\"\x80\"]}}",
        b"{\"a\":1}\xff",
        b"\xff\xfe{\0\"\0",
    ];
    check_between("bytes that are not UTF-8: reject `utf8`", "", "utf8", &lines);
    let mill = Mill::new("");
    mill.put("inputs/a.out", b"{\"a\":1,\"b\":\"x\"}\n{\"a\":2,\"b\":\"\xff\"}\n");
    assert_eq!(mill.sql("SELECT a FROM events"), ["{\"a\":1}"], "also in a part that no query reads");
}

#[test]
fn a_lone_surrogate_is_a_reject_also_in_a_key() {
    let lines: [&[u8]; 10] = [
        br#"{"a":"\ud800"}"#,
        br#"{"a":"\udc00"}"#,
        br#"{"a":"\uDBFFx"}"#,
        br#"{"a":"\ud800\n"}"#,
        br#"{"a":"\ud800\u0041"}"#,
        br#"{"a":"\ud800\ud800"}"#,
        br#"{"a":"\udc00\ud800"}"#,
        br#"{"a":1,"\ud800":1}"#,
        br#"{"a":1,"b":{"\udfff":[]}}"#,
        br#"{"a":1,"b":[["\ud83d"]]}"#,
    ];
    check_between("a lone surrogate escape, also in a key: reject `surrogate`", "", "surrogate", &lines);
    let case = Case {
        files: &[("a.out", br#"{"\ud83d\ude00":"\uD834\uDD1E\u00e9"}"#)],
        rows: &["{\"😀\":\"𝄞é\"}"],
        ..Case::default()
    };
    case.check("a whole pair is a character");
}

#[test]
fn json_without_an_object_at_the_top_is_not_object() {
    let lines: [&[u8]; 10] =
        [b"[1]", b"\"x\"", b"7", b"null", b"true", b"-1.5e3", b"[]", b"[{\"a\":1}]", b" \"{}\" ", b"[[]]"];
    check_between("JSON, but no object at the top: reject `not-object`", "", "not-object", &lines);
}

#[test]
fn nesting_deeper_than_max_depth_is_a_reject_without_recursion() {
    let array = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth - 1), "]".repeat(depth - 1));
    let object = |depth: usize| format!("{{\"o\":{}1{}}}", "{\"o\":".repeat(depth - 1), "}".repeat(depth - 1));
    let (rows, rejects) = ([array(128), object(128)], [array(129), object(129), array(100_000), "[".repeat(100_000)]);
    let mill = Mill::new("");
    mill.put("inputs/a.out", [rows.join("\n"), rejects.join("\n")].join("\n"));
    let reasons = "SELECT line, reason FROM rejects.events ORDER BY line";
    let expected: Vec<String> = (3..=6).map(|line| format!("{{\"line\":{line},\"reason\":\"depth\"}}")).collect();
    assert_eq!(mill.sql(reasons), expected, "nesting deeper than `max_depth` (128): reject `depth`");
    let nested = |text: &str, open: char| text.matches(open).count();
    let found = mill.sql("SELECT * FROM events");
    assert_eq!((found.len(), nested(&found[0], '['), nested(&found[1], '{')), (2, 127, 128));
    check_between("max_depth = 2", "max_depth = 2", "depth", &[br#"{"a":{"b":[]}}"#, br#"{"a":[[1]]}"#, b"[[[1]]]"]);
}

#[test]
fn a_line_longer_than_max_line_bytes_is_a_reject() {
    let line = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes - 8));
    let lines = [line(101), line(4_000), "y".repeat(3_000_000), format!("{}{{\"a\":1}}", " ".repeat(100))];
    let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
    let row = "a line longer than `max_line_bytes`: reject `too-long`";
    check_between(row, "max_line_bytes = 100", "too-long", &lines);
    let just = line(100);
    let expected = format!("{{\"a\":\"{}\"}}", "x".repeat(92));
    for end in ["\n", ""] {
        let file = format!("{just}{end}");
        let case = Case {
            toml: "max_line_bytes = 100",
            files: &[("a.out", file.as_bytes())],
            rows: &[&expected],
            ..Case::default()
        };
        case.check("a line of just max_line_bytes");
    }
    let case = Case {
        toml: "max_line_bytes = 100",
        files: &[("a.out", &lines[1][..3_000])],
        rejects: &[(1, 0, "too-long")],
        ..Case::default()
    };
    case.check("a last line that is too long is not `truncated`");
}

/// 96 MiB for all data of the process: a dev build needs 64 of them, and the line is 100 MB.
#[test]
fn a_line_of_100_mb_is_a_reject_without_holding_it_in_memory() {
    let mill = Mill::new("");
    let file = std::fs::File::create(mill.path("inputs/a.out")).unwrap();
    // A hole in the file: bytes that are read and take no disk.
    std::os::unix::fs::FileExt::write_at(&file, b"{\"a\":1}\n{\"a\":\"", 0).unwrap();
    std::os::unix::fs::FileExt::write_at(&file, b"\"}\n{\"a\":2}\n", 100_000_000).unwrap();
    mill.put("inputs/b.out.zst", zst(format!("{{\"a\":\"{}\"}}\n{{\"a\":3}}\n", "x".repeat(50_000_000)).as_bytes()));
    let sql = "SELECT * FROM events ORDER BY a; \
               SELECT file, line, reason, length(raw) AS raw FROM rejects.events ORDER BY 1";
    let expected = [
        "{\"a\":1}",
        "{\"a\":2}",
        "{\"a\":3}",
        "{\"file\":\"inputs/a.out\",\"line\":2,\"reason\":\"too-long\",\"raw\":1024}",
        "{\"file\":\"inputs/b.out.zst\",\"line\":1,\"reason\":\"too-long\",\"raw\":1024}",
        "",
    ];
    assert_eq!(mill.run_limited("-c 0 -d 98304", &["sql", sql]).ok(), expected.join("\n"));
}

/// The same lines are rejected by every statement: what it reads has no part in the judgement.
#[test]
fn the_fate_of_a_line_does_not_depend_on_the_query() {
    let mill = Mill::new("max_depth = 3\nmax_line_bytes = 60\n[sources.events.columns]\nd = \"date\"\n");
    let mut file = Vec::new();
    for line in [
        &b"{\"a\":1,\"b\":\"x\",\"d\":\"2024-01-01\"}"[..],
        b"{\"a\":2,\"b\":\"\xff\"}",
        b"{\"a\":3,\"b\":tru}",
        b"{\"a\":4,\"b\":\"\\ud800\"}",
        b"{\"a\":5,\"b\":[[[]]]}",
        b"{\"a\":6,\"d\":\"x\"}",
        b"{\"a\":7,\"b\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}",
        b"[8]",
        b"{\"a\":9}",
        b"{\"a\":10,\"b\":",
    ] {
        file.extend_from_slice(line);
        file.push(b'\n');
    }
    file.pop();
    mill.put("inputs/a.out", &file);
    assert_eq!(mill.sql("SELECT count(*) AS n FROM events"), ["{\"n\":2}"]);
    assert_eq!(mill.sql("SELECT count(b) AS n, sum(a) AS s FROM events"), ["{\"n\":1,\"s\":10}"]);
    assert_eq!(mill.sql("SELECT a FROM events"), ["{\"a\":1}", "{\"a\":9}"]);
    assert_eq!(mill.sql("SELECT _offset FROM events WHERE a > 0 ORDER BY 1"), ["{\"_offset\":0}", "{\"_offset\":191}"]);
    assert_eq!(mill.sql("SELECT 1 AS one FROM events"), ["{\"one\":1}", "{\"one\":1}"]);
    let reasons = "SELECT reason FROM rejects.events ORDER BY line";
    let expected = ["utf8", "syntax", "surrogate", "depth", "type", "too-long", "not-object", "truncated"];
    assert_eq!(mill.sql(reasons), expected.map(|reason| format!("{{\"reason\":\"{reason}\"}}")));
}
