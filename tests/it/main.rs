//! Tests of the binary and the library as a person meets them, in one program: each further one would link the engine again.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test that fails should panic, and files are made freely"
)]

mod append;
mod contract;
mod diff;
mod drift;
mod errors;
mod facts;
#[cfg(target_os = "linux")]
mod faults;
mod functions;
mod generate;
mod generated;
mod golden;
mod history;
mod keep;
mod kills;
mod layering;
mod library;
mod mended;
mod merge;
mod partitions;
mod project;
mod publish;
mod readme;
mod reference;
mod rejects;
mod repl;
mod scripts;
mod shapes;
mod slt;
mod sources;
mod stores;
mod windows;
mod wrong;
