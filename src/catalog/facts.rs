//! What the files of a source taught, from one statement to the next: what still holds is where an account of them begins.
//!
//! It decides that a file is what it was: its identity is the same, and at the time it could not have changed without a trace.
//! Sources that are read in no time are not worth it.

use std::collections::HashSet;
use std::path::Path;

use crate::error::{Error, Result};
use crate::ledger::{self, Fact, Owner};
use crate::ndjson::facts;
use crate::ndjson::listing::{Identity, InputFile};
use crate::ndjson::survey::{Account, Known};

use super::Listed;

/// What is known of the files of `listed`; if what is kept cannot be used, why.
///
/// **Errors**: `Data`, if they have more keys than `max_columns`.
pub(super) fn recall(root: &Path, listed: &Listed) -> Result<(Known, Option<String>)> {
    let mut known = Known::learning();
    if !is_worth_it(listed) {
        return Ok((known, None));
    }
    let definition = facts::definition(&listed.settings);
    let files = listed.files.iter().map(|file| (file.shown.as_str(), state(&file.identity)));
    let take = |number: usize, bytes: &[u8]| known.add(&listed.files, number, bytes, &listed.settings);
    match ledger::recall(root, owner(listed, &definition), files, take) {
        Ok(()) => Ok((known, None)),
        Err(Error::Machine(problem)) => Ok((Known::learning(), Some(Error::Machine(problem).chain()))),
        Err(error) => Err(error),
    }
}

/// Keeps what the files of `listed` taught whoever entered it in `account`; if it cannot be kept, why.
pub(super) fn keep(root: &Path, listed: &Listed, account: &Account) -> Option<String> {
    if !is_worth_it(listed) {
        return None;
    }
    let taught = account.take_taught();
    let taught: Vec<Fact<'_>> = taught
        .into_iter()
        .map(|(index, bytes)| {
            let InputFile { shown, identity, .. } = &listed.files[index];
            Fact { file: shown, identity: state(identity), bytes }
        })
        .collect();
    if taught.is_empty() {
        return None;
    }
    let all: Option<HashSet<&str>> =
        (!listed.is_part).then(|| listed.files.iter().map(|file| file.shown.as_str()).collect());
    let definition = facts::definition(&listed.settings);
    ledger::keep(root, owner(listed, &definition), &taught, all.as_ref()).err().map(|error| error.chain())
}

fn owner<'a>(listed: &'a Listed, definition: &'a str) -> Owner<'a> {
    Owner { source: &listed.config.name, definition }
}

fn is_worth_it(listed: &Listed) -> bool {
    let stored: u64 = listed.files.iter().map(InputFile::size).sum();
    stored >= listed.config.facts_from_bytes
}

/// A file's state as text.
fn state(identity: &Identity) -> String {
    let Identity { device, inode, size, modified, changed, .. } = identity;
    format!("{device}:{inode} {size} {}.{:09} {}.{:09}", modified.0, modified.1, changed.0, changed.1)
}
