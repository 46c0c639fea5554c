//! What people see: failures, rows, reports, progress.
//!
//! Most of it is text that somebody else prints; a bar of progress draws itself on standard error. Which command asked is
//! nothing to it.

pub mod failure;
mod picture;
pub mod progress;
pub mod report;
pub mod standard;
pub mod table;
