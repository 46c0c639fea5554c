//! What becomes of whole files: documents, compressions, files that change, files that are not there.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;

use tidemill::error::Error;

use super::mill::{Case, Mill, gzip, zst};

const LINES: &[u8] = b"{\"a\":1}\n{\"a\":2}\n";

fn refused(row: &str, name: &str, bytes: &[u8], told: &[&str]) {
    let mill = Mill::new("");
    mill.put(format!("inputs/{name}"), bytes);
    mill.is_refused(row, told);
}

#[test]
fn a_json_array_or_pretty_printed_file_is_told_with_how_to_convert_it() {
    let row = "whole file is one JSON array or pretty-printed";
    let array = ["`inputs/a.out` is one JSON array", "jq -c '.[]' 'inputs/a.out'"];
    refused(row, "a.out", b"[{\"a\":1},{\"a\":2}]", &array);
    refused(row, "a.out", b"[\n  {\"a\":1},\n  {\"a\":2}\n]\n", &array);
    refused(row, "a.out", b"[\r\n{\"a\":1}\r\n,{\"a\":2}]\r\n", &array);
    refused(row, "a.out", b"\xef\xbb\xbf\n[{\"a\":1}]", &array);
    let pretty = ["`inputs/a.out` holds JSON printed over several lines", "jq -c '.' 'inputs/a.out'"];
    refused(row, "a.out", b"{\n  \"a\": 1\n}", &pretty);
    refused(row, "a.out", b"{\r\n  \"a\": 1\r\n}\r\n{\r\n  \"a\": 2\r\n}\r\n", &pretty);
    refused(row, "a.out", b"{ \"a\": [\n 1\n] }\n", &pretty);
    // Also where the one line is longer than a line may be, and in a compression.
    let long = format!("[{}{{\"a\":1}}]", "{\"a\":1},".repeat(200_000));
    let mill = Mill::new("max_line_bytes = 100_000");
    mill.put("inputs/a.out", &long);
    mill.is_refused(row, &array);
    refused(row, "a.out.gz", &gzip(b"[{\"a\":1}]"), &["`inputs/a.out.gz` is one JSON array"]);
}

#[test]
fn lines_that_only_begin_like_a_document_are_rejects() {
    let torn = Case {
        files: &[("a.out", b"{\"a\":1,\n\"b\":2}\n{\"a\":3}\n")],
        rows: &[r#"{"a":3}"#],
        rejects: &[(1, 0, "syntax"), (2, 8, "syntax")],
        ..Case::default()
    };
    torn.check("an object that a newline tore, before other lines");
    let arrays = Case {
        files: &[("a.out", b"[{\"a\":0}]\n{\"a\":1}\n[\n{\"a\":2}\n]\n")],
        rows: &[r#"{"a":1}"#, r#"{"a":2}"#],
        rejects: &[(1, 0, "not-object"), (3, 18, "syntax"), (5, 28, "syntax")],
        ..Case::default()
    };
    arrays.check("arrays among lines");
    let long = format!("[{}1]\n{{\"a\":1}}\n", "1,".repeat(600_000));
    let case = Case {
        files: &[("a.out", long.as_bytes())],
        rows: &[r#"{"a":1}"#],
        rejects: &[(1, 0, "not-object")],
        ..Case::default()
    };
    case.check("a long line that is an array of numbers");
}

#[test]
fn a_file_cut_short_in_its_compression_fails_the_run_and_is_named() {
    let row = "a file cut short in its compression (gz, zst): the run fails, names the file and the byte";
    for (name, packed) in [("a.out.gz", gzip(LINES)), ("a.out.zst", zst(LINES))] {
        for cut in [1, 2, 3, 4, 10, packed.len() / 2, packed.len() - 1] {
            let told = [format!("`inputs/{name}` is cut short"), format!("ends at byte {cut}")];
            refused(row, name, &packed[..cut], &told.each_ref().map(String::as_str));
        }
        let second = [&packed[..], &packed[..packed.len() - 2]].concat();
        refused(row, name, &second, &["is cut short", &format!("byte {}", second.len())]);
    }
}

#[test]
fn a_file_not_compressed_as_named_or_broken_fails_the_run() {
    let row = "not compressed as named";
    refused(row, "a.out.gz", LINES, &["`inputs/a.out.gz` is not gzip as its name says", "byte 16"]);
    refused(row, "a.out.zst", LINES, &["`inputs/a.out.zst` is not zstd as its name says", "byte 16"]);
    refused(row, "a.out.gz", &zst(LINES), &["is not gzip"]);
    refused(row, "a.out.bz2", LINES, &["compressed as `.bz2`, which is not read", "`.zst` or `.gz`"]);
    let mut broken = gzip(LINES);
    let checksum = broken.len() - 6;
    broken[checksum] ^= 1;
    refused("a wrong checksum", "a.out.gz", &broken, &["`inputs/a.out.gz` has broken gzip data", "checksum"]);
    refused(
        "garbage behind",
        "a.out.gz",
        &[&gzip(LINES)[..], b"{\"a\":3}\n{\"a\""].concat(),
        &["has broken gzip data"],
    );
    refused("garbage behind", "a.out.zst", &[&zst(LINES)[..], b"garbage"].concat(), &["has broken zstd data"]);
}

/// Nothing of the good file may show in an output either.
#[test]
fn nothing_is_published_from_a_source_with_a_broken_file() {
    let mill = Mill::new("");
    mill.put("inputs/a.out", LINES);
    mill.put("inputs/b.out.gz", &gzip(LINES)[..20]);
    mill.put("queries/q.sql", "SELECT a FROM events");
    mill.put("outputs/q.json", "old\n");
    let ran = mill.run(&["run"]);
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("nothing was published") && ran.stderr.contains("inputs/b.out.gz"), "{}", ran.stderr);
    assert_eq!(std::fs::read(mill.path("outputs/q.json")).unwrap(), b"old\n");
    assert_eq!(std::fs::read_dir(mill.path("outputs")).unwrap().count(), 1);
}

#[test]
fn several_members_and_frames_in_one_file_are_all_read() {
    let (one, two): (&[u8], &[u8]) = (b"{\"a\":1}\n{\"a\"", b":2}\n{\"a\":3}");
    let members = [gzip(one), gzip(b""), gzip(two)].concat();
    let frames = [zst(one), zst(b""), zst(two)].concat();
    let rows = [r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#];
    for (name, bytes) in [("a.out.gz", members), ("a.out.zst", frames)] {
        let case = Case { files: &[(name, &bytes)], rows: &rows, ..Case::default() };
        case.check("several gzip members, several zstd frames in one file: all are read");
    }
}

#[test]
fn an_empty_file_has_no_rows() {
    let (gz, zstd) = (gzip(b""), zst(b""));
    let case = Case {
        files: &[
            ("a.out", b"{\"a\":1}\n"),
            ("b.out", b""),
            ("c.out.gz", &gz),
            ("d.out.zst", &zstd),
            ("e.out.gz", b""),
            ("f.out.zst", b""),
        ],
        rows: &[r#"{"a":1}"#],
        ..Case::default()
    };
    case.check("an empty file; an empty line range: no rows");
    Case { files: &[("a.out", b"")], ..Case::default() }.check("nothing but an empty file");
}

#[test]
fn no_file_matches_is_an_empty_table_with_declared_columns() {
    let case = Case {
        toml: "[sources.events.columns]\na = \"bigint\"\nb = [\"varchar\"]\n",
        types: &[("a", "bigint"), ("b", "list(varchar)")],
        ..Case::default()
    };
    case.check("no file matches: a source with declared columns is an empty table");
    Mill::new("").is_refused("without, an error that names the pattern", &["no file matches `inputs/**`"]);
    let mill = Mill::new("");
    std::fs::remove_dir(mill.path("inputs")).unwrap();
    mill.is_refused("a folder that does not exist", &["inputs` of source `events` does not exist"]);
}

#[test]
fn a_name_that_is_not_utf8_is_an_error_that_names_it() {
    let mill = Mill::new("");
    mill.put(OsStr::from_bytes(b"inputs/\xff.out"), LINES);
    mill.is_refused("a name that is not UTF-8", &["the name of \"inputs/\\xFF.out\" is not UTF-8"]);
}

#[test]
fn a_folder_or_file_that_cannot_be_read_is_an_error_that_names_it() {
    let row = "a directory that cannot be read: an error that names it";
    let mill = Mill::new("");
    mill.put("inputs/ok.out", LINES);
    let locked = mill.put("inputs/locked/a.out", LINES);
    std::fs::set_permissions(locked.parent().unwrap(), std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read_dir(locked.parent().unwrap()).is_ok() {
        let _ = writeln!(std::io::stderr(), "not tried: permissions do not stop this user");
        return;
    }
    mill.is_refused(row, &["cannot read", "inputs/locked"]);
    std::fs::set_permissions(locked.parent().unwrap(), std::fs::Permissions::from_mode(0o700)).unwrap();
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).unwrap();
    mill.is_refused(row, &["cannot read", "inputs/locked/a.out"]);
}

/// Between the survey and the scan, `change` happens to `inputs/a.out`.
fn after(name: &str, bytes: &[u8], change: impl FnOnce(&Mill)) -> Result<Vec<String>, Error> {
    let mill = Mill::new("");
    mill.put(format!("inputs/{name}"), bytes);
    let library = mill.library();
    let planned = library.plan("SELECT * FROM events").unwrap();
    change(&mill);
    library.rows(planned)
}

fn fails(result: Result<Vec<String>, Error>, told: &str) {
    let error = result.unwrap_err();
    assert_eq!((error.chain(), error.exit_code()), (told.to_owned(), 3));
}

#[test]
fn a_file_that_grows_is_read_as_it_was_listed() {
    let grown = after("a.out", LINES, |mill| drop(mill.put("inputs/a.out", [LINES, b"{\"b\":3}\n"].concat())));
    assert_eq!(grown.unwrap(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    let packed = gzip(LINES);
    let longer = [packed.clone(), gzip(b"{\"b\":3}\n")].concat();
    let grown = after("a.out.gz", &packed, |mill| drop(mill.put("inputs/a.out.gz", longer)));
    assert_eq!(grown.unwrap(), [r#"{"a":1}"#, r#"{"a":2}"#]);
    let added = after("a.out", LINES, |mill| drop(mill.put("inputs/b.out", LINES)));
    assert_eq!(added.unwrap().len(), 2);
}

#[test]
fn a_file_that_shrinks_fails_the_run() {
    let told = "`inputs/a.out` shrank while it was read";
    fails(after("a.out", LINES, |mill| drop(mill.put("inputs/a.out", &LINES[..8]))), told);
    fails(after("a.out", LINES, |mill| drop(mill.put("inputs/a.out", b""))), told);
    let packed = zst(LINES);
    let told = "`inputs/a.out.zst` shrank while it was read";
    let half = packed[..packed.len() / 2].to_vec();
    fails(after("a.out.zst", &packed, |mill| drop(mill.put("inputs/a.out.zst", half))), told);
}

#[test]
fn a_file_that_is_replaced_fails_the_run() {
    let replaced = after("a.out", LINES, |mill| {
        let other = mill.put("other", LINES);
        std::fs::rename(other, mill.path("inputs/a.out")).unwrap();
    });
    fails(replaced, "`inputs/a.out` was replaced while it was read");
    let gone = after("a.out", LINES, |mill| std::fs::remove_file(mill.path("inputs/a.out")).unwrap());
    let error = gone.unwrap_err();
    assert!(error.chain().contains("inputs/a.out") && error.exit_code() == 3, "{}", error.chain());
    // Written over in place, byte for byte as long as it was.
    let rewritten = after("a.out", LINES, |mill| {
        let file = std::fs::File::options().write(true).open(mill.path("inputs/a.out")).unwrap();
        std::os::unix::fs::FileExt::write_at(&file, b"{\"a\":7}\n{\"a\":8}\n", 0).unwrap();
        let later = std::time::SystemTime::now() + std::time::Duration::from_secs(1);
        file.set_modified(later).unwrap();
    });
    fails(rewritten, "`inputs/a.out` was written over while it was read");
}

#[test]
fn folders_named_key_value_are_columns_with_exact_values() {
    let mill = Mill::new("");
    mill.put("inputs/day=2024-03-01/hour=07/a.out", LINES);
    mill.put("inputs/day=__HIVE_DEFAULT_PARTITION__/a.out", b"{\"a\":3}\n");
    let rows = "SELECT * FROM events ORDER BY a";
    let expected = [
        r#"{"a":1,"day":"2024-03-01","hour":"07"}"#,
        r#"{"a":2,"day":"2024-03-01","hour":"07"}"#,
        r#"{"a":3,"day":null,"hour":null}"#,
    ];
    assert_eq!(mill.sql(rows), expected);
    let declare = |columns: &str| {
        let toml = format!("[sources.events]\npath = \"inputs/**\"\n[sources.events.columns]\n{columns}\n");
        mill.put("tidemill.toml", toml);
    };
    declare("day = \"date\"\nhour = \"bigint\"");
    assert_eq!(mill.sql(rows)[0], r#"{"a":1,"day":"2024-03-01","hour":7}"#);
    declare("hour = \"date\"");
    let ran = mill.run(&["sql", rows]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    assert!(
        ran.stderr.contains("folder `hour` of `inputs/day=2024-03-01/hour=07/a.out`: `\"07\"` is not a date"),
        "{}",
        ran.stderr
    );
}
