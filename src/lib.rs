//! Saved SQL over event files, run after run, from one binary.
//!
//! Modules stand in the order of the life of a query: events are generated or arrive as files, a source is listed
//! and surveyed, a statement is parsed and planned over it, the result is written aside and published.
//! A module imports only from modules above it in this list (`tests/it/layering.rs` holds it to that):
//!
//! | layer | modules |
//! |---|---|
//! | 0 | [`error`], [`clock`], [`runtime`], [`suggest`], [`failpoint`], `number`, `paths`, `document` |
//! | 1 | [`generate`], [`query`], [`dialect`], [`store`] |
//! | 2 | [`ndjson`], [`sink`], [`functions`], [`windows`], [`ledger`] |
//! | 3 | [`project`], [`catalog`], [`session`], [`intake`] |
//! | 4 | [`run`] |
//! | 5 | [`display`] |
//! | 6 | [`repl`] |
//! | 7 | [`cli`] |

pub mod catalog;
pub mod cli;
pub mod clock;
pub mod dialect;
pub mod display;
mod document;
pub mod error;
pub mod failpoint;
pub mod functions;
pub mod generate;
pub mod intake;
pub mod ledger;
pub mod ndjson;
mod number;
mod paths;
pub mod project;
pub mod query;
pub mod repl;
pub mod run;
pub mod runtime;
pub mod session;
pub mod sink;
pub mod store;
pub mod suggest;
pub mod windows;
