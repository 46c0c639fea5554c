//! What people see: failures, rows, reports, progress.
//!
//! Most of it is text that somebody else prints; a bar of progress draws itself on standard error. Which command asked is
//! nothing to it.

mod cell;
pub mod chart;
pub mod diff;
mod encoded;
mod expanded;
pub mod failure;
mod fit;
pub mod functions;
mod grid;
mod insert;
pub mod layout;
mod line;
mod markup;
pub mod mode;
mod picture;
mod plan;
pub mod progress;
pub mod report;
pub mod rows;
pub mod standard;
mod table;
#[cfg(test)]
mod testing;
mod text;
mod tsv;
