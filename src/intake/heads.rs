//! What was read of files that are gone, to be looked up by how it begins.
//!
//! It knows nothing of where files stand now.

use std::collections::{BTreeMap, HashMap};

use super::has_folders_of;
use crate::error::Result;
use crate::ledger::Taken;
use crate::ndjson::fingerprint::{Beginning, end_bytes};
use crate::ndjson::listing::InputFile;

/// By the length of what is hashed, and its hash: one file is compared with a few of very many.
pub(super) struct Heads<'a>(BTreeMap<u64, HashMap<&'a str, Vec<&'a Taken>>>);

impl<'a> Heads<'a> {
    /// Of those from which anything was read.
    pub(super) fn of(lost: impl IntoIterator<Item = &'a Taken>) -> Self {
        let mut heads: BTreeMap<u64, HashMap<&str, Vec<&Taken>>> = BTreeMap::new();
        for taken in lost.into_iter().filter(|taken| taken.bytes > 0) {
            let alike = heads.entry(end_bytes(taken.bytes)).or_default().entry(taken.ends.0.as_str()).or_default();
            alike.push(taken);
        }
        Self(heads)
    }

    /// Those with which a file may begin: such of its own folders first, then the longest, and in the order in which they were given.
    ///
    /// **Errors**: `Input`, if the file cannot be read.
    pub(super) fn like(&self, file: &InputFile, beginning: &mut Beginning<'_>) -> Result<Vec<&'a Taken>> {
        let (mut near, mut far) = (Vec::new(), Vec::new());
        for (bytes, heads) in self.0.iter().rev() {
            let Some(hash) = beginning.hash(*bytes)? else { continue };
            for taken in heads.get(hash).into_iter().flatten() {
                let side = if has_folders_of(file, &taken.file)? { &mut near } else { &mut far };
                side.push(*taken);
            }
        }
        near.append(&mut far);
        Ok(near)
    }
}
