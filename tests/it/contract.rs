//! The contract of the reader, row by row: what each kind of input gets, through the binary.
//!
//! Each row of the tables of "What each kind of input gets", and each accident that other readers had, is a test or a
//! case whose name quotes it. That no *other* input gets something else is the business of `reference`.

mod accidents;
mod budget;
mod declared;
mod files;
mod keys;
mod lines;
pub(crate) mod mill;
mod types;
