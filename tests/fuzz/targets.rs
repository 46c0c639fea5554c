//! Throws bytes at one target of the reader, which the variable `FUZZ_TARGET` names. `.ci/fuzz` builds and runs it.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tidemill::ndjson::internals::TARGETS;

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let named = TARGETS.iter().find(|target| target.0 == name);
    named.unwrap_or_else(|| panic!("FUZZ_TARGET is one of {:?}", TARGETS.map(|target| target.0))).1
});

fuzz_target!(|data: &[u8]| TARGET(data));
