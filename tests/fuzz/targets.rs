//! Throws bytes at one target, of the reader or of what plans statements, which the variable `FUZZ_TARGET` names. `.ci/fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill::ndjson::internals::{TARGETS, Target};
use tidemill::session::internals::check_statements;

/// Those of the reader, and this.
const STATEMENTS: (&str, Target) = ("statements", check_statements);

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let targets = TARGETS.iter().chain([&STATEMENTS]);
    let named = targets.clone().find(|target| target.0 == name);
    named.unwrap_or_else(|| panic!("FUZZ_TARGET is one of {:?}", targets.map(|target| target.0).collect::<Vec<_>>())).1
});

fuzz_target!(|data: &[u8]| TARGET(data));
