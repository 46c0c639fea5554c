//! Disks that are full, break, or give no more files: each call that changes the project fails once, and from there on, for each shape
//! and mode. The result that stood there stands, and the next run goes on as if nothing had been.
//!
//! Calls fail by a small C library that is loaded before the system's (`faults/shim.c`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::kills::{APPEND, Case, FILE, KEPT, Kind, MERGE, PARTITIONS, REPLACE_PARTITIONS, SHARDS};
use crate::project::stderr;

/// What a call fails with.
#[derive(Clone, Copy, Debug)]
struct Fault {
    /// The calls, as the shim names them.
    call: &'static str,
    errno: i32,
    /// Whether all calls fail from the first on.
    stays: bool,
}

const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;

const FAULTS: [Fault; 7] = [
    Fault { call: "write", errno: ENOSPC, stays: true },
    Fault { call: "write", errno: EIO, stays: false },
    Fault { call: "sync", errno: EIO, stays: false },
    Fault { call: "open", errno: EMFILE, stays: true },
    Fault { call: "open", errno: EMFILE, stays: false },
    Fault { call: "make", errno: ENOSPC, stays: false },
    Fault { call: "remove", errno: EIO, stays: false },
];

/// More calls of one sort than a run makes.
const MOST_CALLS: u32 = 1000;

/// The library that has calls fail, compiled once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/faults/shim.c");
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).arg("-ldl").status();
        assert!(compiled.expect("there is a C compiler").success());
        library
    })
}

/// All that stands in the outputs, hidden or not, with its bytes.
fn published(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = BTreeMap::new();
    let visible = |entry: &fs::DirEntry| !entry.file_name().to_string_lossy().starts_with('.');
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap).filter(visible) {
        match entry.file_type().unwrap().is_dir() {
            true => files.extend(published(&entry.path())),
            false => _ = files.insert(entry.path(), fs::read(entry.path()).unwrap()),
        }
    }
    files
}

/// Whether the `nth` of the calls was there to fail.
fn fails_at(case: &mut Case, fault: Fault, nth: u32) -> bool {
    let told = format!("{fault:?}, call {nth}");
    let (before, old) = (case.lines, published(&case.project.path("outputs")));
    case.more();
    let hit = case.project.root().with_extension("hit");
    let _ = fs::remove_file(&hit);
    let last = if fault.stays { u32::MAX } else { nth };
    let output = case
        .project
        .command(&["run"])
        .env("LD_PRELOAD", shim())
        .env("FAULT_CALL", fault.call)
        .env("FAULT_NTH", nth.to_string())
        .env("FAULT_LAST", last.to_string())
        .env("FAULT_ERRNO", fault.errno.to_string())
        .env("FAULT_UNDER", fs::canonicalize(case.project.root()).unwrap())
        .env("FAULT_HIT", &hit)
        .output()
        .unwrap();
    let message = stderr(&output);
    let was_hit = fs::remove_file(&hit).is_ok();
    assert!(was_hit || output.status.success(), "{told}: {message}");
    assert!(!message.contains("panicked"), "{told}: {message}");
    let exit = output.status.code();
    if output.status.success() {
        assert!(case.found() == case.expected(case.lines), "{told}: said to have succeeded: {message}");
    } else {
        // Failures that are told: of the machine, of a wrong request, or of an input that cannot be opened.
        assert!(matches!(exit, Some(1..=3)) && message.contains("error: "), "{told}: exit {exit:?}: {message}");
        if message.starts_with("q: its result is in place") {
            assert!(case.found() == case.expected(case.lines), "{told}: {message}");
        } else {
            let now = published(&case.project.path("outputs"));
            assert!(now == old, "{told}: the old result does not stand: {message}");
        }
    }
    case.survives(before, &told);
    was_hit
}

fn stands(kind: Kind) {
    for fault in FAULTS {
        let mut case = Case::new(kind);
        let mut hits = 0;
        for nth in 1..MOST_CALLS {
            // What is read grows, so now and then it begins again.
            if nth % 20 == 0 {
                case = Case::new(kind);
            }
            if !fails_at(&mut case, fault, nth) {
                break;
            }
            hits = nth;
        }
        assert!(hits > 0 && hits < MOST_CALLS - 1, "{fault:?}: {hits} calls failed");
    }
}

#[test]
fn files_stand() {
    stands(FILE);
}

#[test]
fn shards_stand() {
    stands(SHARDS);
}

#[test]
fn what_is_kept_stands() {
    stands(KEPT);
}

#[test]
fn partitions_stand() {
    stands(PARTITIONS);
}

#[test]
fn what_is_added_stands() {
    stands(APPEND);
}

#[test]
fn what_is_merged_stands() {
    stands(MERGE);
}

#[test]
fn partitions_that_are_replaced_stand() {
    stands(REPLACE_PARTITIONS);
}
