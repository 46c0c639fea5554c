//! What a fuzzer throws bytes at: each target holds a part of the reader to a plainer one, and panics where they differ.
//!
//! The targets are those of the property tests, given any bytes at all. Compiled only with the feature `fuzz`.

use serde::de::IgnoredAny;

use super::reject::Reason;
use super::tape::Tape;
use super::{framing, marks, unit};

/// What is to hold for any bytes; panics if it does not.
pub type Target = fn(&[u8]);

/// The targets by name.
pub const TARGETS: [(&str, Target); 4] =
    [("marks", check_marks), ("framing", check_framing), ("grammar", check_grammar), ("shape", unit::testing::check)];

fn check_marks(data: &[u8]) {
    marks::testing::check(data);
    marks::testing::check_kernels(data);
}

/// The first bytes say how the others are cut.
fn check_framing(data: &[u8]) {
    let Some(([step, max, cuts @ ..], file)) = data.split_first_chunk::<5>() else { return };
    let cuts = cuts.iter().map(|cut| u64::from(*cut) * file.len() as u64 / 255);
    framing::testing::check_cuts(file, cuts.collect(), usize::from(*step).max(1), usize::from(*max).max(1));
}

/// A line is JSON where `serde_json` says so, but for depth and for halves of surrogate pairs.
fn check_grammar(data: &[u8]) {
    const MAX_DEPTH: usize = 64;
    let line = data.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Ok(text) = std::str::from_utf8(line) else { return };
    let is_json = serde_json::from_str::<IgnoredAny>(text).is_ok();
    match Tape::default().parse(line, MAX_DEPTH) {
        Ok(()) => assert!(is_json, "accepted, and no JSON: {text}"),
        Err(fault) => {
            let is_ours = matches!(fault.reason, Reason::NotObject | Reason::Depth | Reason::Surrogate);
            assert!(!is_json || is_ours, "rejected for {:?}, and JSON: {text}", fault.reason);
        }
    }
}
