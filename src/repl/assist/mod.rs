//! Help while typing: what could stand at the cursor, and how the text is shown.
//!
//! Text, cursor and what is known go in, suggestions and styles come out. It knows no terminal, reads no file, plans
//! nothing, and takes time in proportion to the text.

mod commands;
mod complete;
mod cursor;
mod fit;
mod grammar;
mod highlight;
mod known;
mod names;
mod offers;
mod quoted;
mod scope;
mod token;

#[cfg(test)]
mod tests;

pub use complete::{Files, complete};
pub use highlight::{Role, highlight};
pub use known::{Column, Command, Known, Table, TableKind, Takes};
pub use offers::{Kind, Suggestion};
