//! A result of any shape on its way to its place.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Placing, Published, Sealed, Shape, Staged, StagedFolder, Writing};
use crate::error::Result;

/// A result that is being written. Dropped before it is published, it leaves nothing behind.
pub enum Staging {
    /// One file.
    File(Box<Staged>),
    /// A folder of files.
    Folder(Box<StagedFolder>),
}

impl Staging {
    /// Begins a result of this shape.
    ///
    /// **Errors**: those of [`Staged::create`] or [`StagedFolder::create`].
    pub fn create(
        target: &Path,
        writing: Writing,
        shape: &Shape,
        placing: &Placing,
        schema: &SchemaRef,
        threads: usize,
    ) -> Result<Self> {
        Ok(match shape {
            Shape::File => Self::File(Box::new(Staged::create(target, writing, schema, threads)?)),
            shape => {
                Self::Folder(Box::new(StagedFolder::create(target, writing, shape.clone(), placing, schema, threads)?))
            }
        })
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Staged::write`] or [`StagedFolder::write`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        match self {
            Self::File(staged) => staged.write(batch),
            Self::Folder(staged) => staged.write(batch),
        }
    }

    /// Takes over what is not replaced of the result before.
    ///
    /// **Errors**: those of [`StagedFolder::carry`].
    pub fn carry(&mut self, replaced: &[Option<HashSet<String>>]) -> Result<u64> {
        match self {
            Self::File(_) => Ok(0),
            Self::Folder(staged) => staged.carry(replaced),
        }
    }

    /// Completes the result, and checks that all of it is on the disk; no more rows can be added.
    ///
    /// **Errors**: those of [`Staged::seal`] or [`StagedFolder::seal`].
    pub fn seal(&mut self) -> Result<Sealed> {
        match self {
            Self::File(staged) => staged.seal(),
            Self::Folder(staged) => staged.seal(),
        }
    }

    /// Puts a sealed result in its place.
    ///
    /// **Errors**: those of [`Staged::publish`] or [`StagedFolder::publish`].
    pub fn publish(self, sealed: Sealed) -> Result<Published> {
        match self {
            Self::File(staged) => staged.publish(sealed),
            Self::Folder(staged) => staged.publish(sealed),
        }
    }
}
