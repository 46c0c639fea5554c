//! Whether the output that a query adds to is the one that it has published.
//!
//! It looks at names, sizes and what tells files apart, and not into them.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;

use super::increment::Increment;
use super::partitions::is_state_of;
use super::{Mode, Target};
use crate::error::{Error, Result};
use crate::ledger::{Memory, Recorded};

impl Increment<'_> {
    /// Whether what the query published last stands in its place, as far as a file system can tell, and is what `memory` is of.
    ///
    /// **Errors**: `Request`, if something stands there that no run is known to have published, and nothing is known of lines
    /// that were read: it may be made of some that are nowhere any more.
    pub(super) fn stands(&self, recorded: &Recorded<'_>, memory: Option<&Memory>) -> Result<bool> {
        let Ok(found) = fs::metadata(&self.target.path) else { return Ok(false) };
        let last = recorded.last_output(&self.query.name)?.filter(|(_, identity, bytes)| {
            (identity.device, identity.inode) == (found.dev(), found.ino()) && (found.is_dir() || *bytes == found.len())
        });
        let is_known =
            self.extent.full_refresh || self.target.mode == Mode::Append || memory.is_some() || last.is_some();
        if !is_known {
            let shown = self.target.path.display();
            return Err(Error::request(format!("`{shown}` stands there, and the ledger knows of no run that published it"))
                .with_hint("it may be made of lines that are in no file any more: move it away; or compute it from the files that are there: --full-refresh"));
        }
        // What is kept has the number of the run that published what was made of it: a file may be told apart as one of before.
        let state = memory.and_then(|memory| memory.state.as_deref());
        let is_of = |run| match self.target.mode {
            Mode::Merge => state == Some(state_of(run).as_str()),
            Mode::ReplacePartitions => state.is_some_and(|state| is_state_of(state, run)),
            _ => true,
        };
        Ok(last.is_some_and(|(run, ..)| is_of(run)))
    }
}

/// The name of the file with the groups that a run keeps.
pub(super) fn state_of(run: i64) -> String {
    format!("{run:08}.arrow")
}

/// Whether the output is made of what was published, no more and no less.
pub(super) fn check_pieces(target: &Target, memory: Option<&Memory>) -> Result<()> {
    let shown = target.path.display();
    let names = match fs::read_dir(&target.path) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound) => BTreeSet::new(),
        Err(error) => return Err(Error::machine(format!("cannot list `{shown}`")).with_source(error)),
        Ok(entries) => {
            let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
            let names: std::io::Result<BTreeSet<String>> = names.collect();
            names.map_err(|error| Error::machine(format!("cannot list `{shown}`")).with_source(error))?
        }
    };
    let nothing = BTreeSet::new();
    let known = memory.map_or(&nothing, |memory| &memory.pieces);
    let hint = "compute everything again: --full-refresh";
    if let Some(name) = names.difference(known).next() {
        let what = format!("`{shown}` holds `{name}`, and the ledger knows of no run that published it");
        return Err(Error::request(what).with_hint(match memory {
            Some(_) => "rows would be there twice: compute everything again with --full-refresh, or move the folder away",
            None => {
                "it may be made of lines that are in no file any more: move the folder away; or compute it from the files that are \
                 there: --full-refresh"
            }
        }));
    }
    match known.difference(&names).next() {
        Some(name) => Err(Error::request(format!("`{shown}` lacks `{name}`, which a run published")).with_hint(hint)),
        None => Ok(()),
    }
}

/// Whether all that was read can be read again.
pub(super) fn check_present(source: &str, missing: &[String], target: &Target) -> Result<()> {
    if missing.is_empty() || !target.path.exists() {
        return Ok(());
    }
    let shown = target.path.display();
    let more = if missing.len() > 1 { format!(" and of {} more", missing.len() - 1) } else { String::new() };
    Err(Error::request(format!(
        "what was read of `{}`{more} in source `{source}` is in no file any more, and its rows would be gone",
        missing[0],
    ))
    .with_hint(format!("to keep them, move `{shown}` to another place first; then --full-refresh begins a new one")))
}
