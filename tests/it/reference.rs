//! The reader held to a plain one: whatever the lines, the cuts, the threads and the compression, the same rows, the
//! same types, the same rejects.
//!
//! The plain reader shares no code with the library: lines are what stands between newlines, `serde_json` says what is
//! JSON, and the rules of the contract are written down once more, for values that are all in memory.

mod input;
mod json;
mod plain;

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::Value;
use tidemill::project::SourceConfig;

use crate::library::{Library, project};
use input::{Bytes, Given, Kept, Packing};
use plain::{Found, Settings};

/// Only what works on rows is worth several threads to the engine: the condition holds for all of them.
const ROWS: &str = "SELECT _file, _offset, * FROM events WHERE _offset >= 0";

/// A row or reject by the place of its line: file and offset.
type Placed<T> = BTreeMap<(String, u64), T>;

/// Reads `files` with the library on `threads` threads, cut into ranges of `range_bytes`; `None` if it says that a file
/// is a document and no lines.
fn read(kept: &Kept, settings: &Settings, threads: usize, range_bytes: u64) -> Option<Found> {
    let library = library(kept, settings, threads, range_bytes);
    let source = match library.events() {
        Ok(source) => source,
        Err(error) if error.chain().ends_with("and not one object per line") => return None,
        Err(error) => panic!("{}", error.chain()),
    };
    let rows = library.ask(ROWS).unwrap();
    let rejects = library.ask("SELECT file, line, \"offset\", reason, raw FROM rejects.events").unwrap();
    let survey = &source.survey;
    let counts = &survey.counts;
    assert_eq!(counts.lines, counts.rows + counts.blank + counts.rejects());
    assert_eq!((counts.rows, counts.rejects()), (rows.len() as u64, rejects.len() as u64));
    let mut found = Found {
        blank: counts.blank,
        duplicate_keys: counts.duplicate_keys,
        types: survey.columns().iter().map(|column| (column.name.clone(), column.type_name.clone())).collect(),
        empties: survey.empties.iter().cloned().collect(),
        ..Found::default()
    };
    for row in rows {
        let value: Value = serde_json::from_str(&row).unwrap();
        let place = (value["_file"].as_str().unwrap().to_owned(), value["_offset"].as_u64().unwrap());
        // What follows the two columns of the place.
        let shown = serde_json::to_string(&place.0).unwrap();
        let start = format!("{{\"_file\":{shown},\"_offset\":{}", place.1).len();
        let rest = format!("{{{}", row[start..].trim_start_matches(','));
        assert!(found.rows.insert(place, rest).is_none(), "a row twice: {row}");
    }
    for reject in rejects {
        let value: Value = serde_json::from_str(&reject).unwrap();
        let text = |name: &str| value[name].as_str().unwrap().to_owned();
        let place = (text("file"), value["offset"].as_u64().unwrap());
        let told = (value["line"].as_u64().unwrap(), vec![text("reason")], text("raw"));
        assert!(found.rejects.insert(place, told).is_none(), "a reject twice: {reject}");
    }
    let first: Vec<_> = survey.first_rejects.iter().map(|r| (r.file.clone(), r.offset, r.line)).collect();
    let of_table: Vec<_> = found.rejects.iter().map(|((file, offset), told)| (file.clone(), *offset, told.0)).collect();
    assert_eq!(first, of_table[..of_table.len().min(5)]);
    Some(found)
}

fn library(kept: &Kept, settings: &Settings, threads: usize, range_bytes: u64) -> Library {
    let source = SourceConfig {
        paths: vec!["inputs/*".into()],
        columns: settings.declared.iter().map(|(name, rule)| ((*name).to_owned(), rule.declared())).collect(),
        empty_as_null: settings.empty_as_null,
        max_depth: settings.max_depth,
        max_line_bytes: settings.max_line_bytes,
        range_bytes,
        ..SourceConfig::default()
    };
    Library::open(project(kept.folder.path(), source, threads))
}

/// The two agree on everything; of the reason of a reject, the plain reader may leave open which of several it is.
fn check(found: &Found, plain: &Found) -> Result<(), TestCaseError> {
    prop_assert_eq!(&found.types, &plain.types);
    prop_assert_eq!(&found.rows, &plain.rows);
    prop_assert_eq!(&found.empties, &plain.empties);
    prop_assert_eq!((found.blank, found.duplicate_keys), (plain.blank, plain.duplicate_keys));
    let places = |of: &Found| of.rejects.keys().cloned().collect::<Vec<_>>();
    prop_assert_eq!(places(found), places(plain));
    for (place, (line, reason, raw)) in &found.rejects {
        let (expected_line, reasons, expected_raw) = &plain.rejects[place];
        prop_assert_eq!((line, raw), (expected_line, expected_raw), "{:?}", place);
        prop_assert!(reasons.contains(&reason[0]), "{:?}: {:?} is not among {:?}: {}", place, reason, reasons, raw);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    /// Any lines, cut into any files and ranges, by any number of threads.
    #[test]
    fn the_reader_agrees_with_a_plain_one_however_the_input_is_cut(given in input::given()) {
        let Given { bytes: Bytes(bytes), cuts, packings, settings, threads, range_bytes } = given;
        let whole = Kept::of(&[(bytes.clone(), Packing::Plain)]);
        let parts = Kept::of(&input::cut(&bytes, &cuts, &packings));
        let of_whole = plain::read(&whole.files, &settings);
        let of_parts = plain::read(&parts.files, &settings);
        let found = read(&whole, &settings, 1, SourceConfig::default().range_bytes);
        if let Some(found) = &found {
            check(found, &of_whole)?;
        }
        let ranges = read(&whole, &settings, threads, range_bytes);
        prop_assert_eq!(&ranges, &found);
        if let Some(found) = read(&parts, &settings, threads, range_bytes) {
            check(&found, &of_parts)?;
            // Where the lines lie is of no account.
            if ranges.is_some() {
                prop_assert_eq!(found.rows.values().collect::<Vec<_>>(), of_whole.rows.values().collect::<Vec<_>>());
                prop_assert_eq!(found.types, of_whole.types);
                prop_assert_eq!(found.rejects.len(), of_whole.rejects.len());
            }
        }
    }
}

/// The engine spreads a scan over threads only where there are more rows than a batch holds.
#[test]
fn ranges_of_a_file_are_scanned_by_several_threads() {
    let line = |n: u64| match n % 10 {
        0 => format!("{{\"a\":{n},\"b\":[\"{n}\",{n}]}}\r\n"),
        1 => format!("{{\"a\":{n}\n"),
        2 => "\n".to_owned(),
        _ => format!("{{\"a\":{n}}}\n"),
    };
    let bytes: Vec<u8> = (0..12_000).flat_map(|n| line(n).into_bytes()).collect();
    let kept = Kept::of(&[(bytes.clone(), Packing::Plain), (bytes, Packing::Gzip)]);
    let settings = Settings { max_line_bytes: 1 << 20, max_depth: 128, empty_as_null: true, declared: &[] };
    // As many files as threads: the large one is cut all the same.
    let plan = library(&kept, &settings, 2, 1_001).ask(&format!("EXPLAIN {ROWS}")).unwrap().join("");
    assert!(plan.contains("file_groups={2 groups:") && plan.contains("inputs/0.out:1001..2002"), "{plan}");
    let found = read(&kept, &settings, 2, 1_001).unwrap();
    check(&found, &plain::read(&kept.files, &settings)).unwrap();
    assert_eq!((found.rows.len(), found.rejects.len(), found.blank), (19_200, 2_400, 2_400));
}

/// Keys in any order, values that are now text and now an object, lists of objects, a key of a megabyte: what lines
/// before tell little about.
#[test]
fn lines_that_are_unlike_those_before_agree_too() {
    let line = |n: u64| {
        // Each factor below 41 gives another order of the same 40 keys.
        let keys: Vec<String> = (1..41).map(|key| format!("\"k{}\":{}", key * (n % 40 + 1) % 41, n * key)).collect();
        let mixed = match n % 3 {
            0 => format!("\"text {n}\""),
            1 => format!("{{\"x\":{n},\"y\":{{\"z\":[{n},null]}}}}"),
            _ => "{}".to_owned(),
        };
        let list =
            if n.is_multiple_of(7) { format!("[[{n}],[]]") } else { format!("[{{\"a\":{n}}},{{\"b\":\"\\u00e9\"}}]") };
        format!(
            "{{{},\"m\":{mixed},\"l{}\":{list},\"o\":{{\"p\":{{\"q\":\"\"}},\"r\":{n}.5}}}}\n",
            keys.join(","),
            n % 2
        )
    };
    let long_key = format!("{{\"{}\":1,\"k1\":2}}\n", "k".repeat(1 << 20));
    let lines: Vec<String> = (0..400).map(line).chain([long_key]).chain((400..500).map(line)).collect();
    let kept = Kept::of(&[(lines.concat().into_bytes(), Packing::Plain)]);
    let settings = Settings { max_line_bytes: 4 << 20, max_depth: 128, empty_as_null: true, declared: &[] };
    let expected = plain::read(&kept.files, &settings);
    assert_eq!(expected.rows.len(), 501);
    for (threads, range_bytes) in [(1, SourceConfig::default().range_bytes), (3, 5_000)] {
        check(&read(&kept, &settings, threads, range_bytes).unwrap(), &expected).unwrap();
    }
}
