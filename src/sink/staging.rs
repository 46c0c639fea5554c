//! A result of any shape on its way to its place.

use std::collections::HashSet;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::{Placing, Published, Sealed, Shape, Staged, StagedFolder, StagedUpload, Writing};
use crate::error::{Error, Result};
use crate::store::Location;

/// A result that is being written. Dropped before it is published, it leaves nothing behind.
pub enum Staging {
    /// One file.
    File(Box<Staged>),
    /// A folder of files.
    Folder(Box<StagedFolder>),
    /// Either, for an object store.
    Upload(Box<StagedUpload>),
}

impl Staging {
    /// Begins a result of this shape; one for a store in a stage in `spool`.
    ///
    /// **Errors**: those of [`Staging::here`] or [`StagedUpload::create`].
    pub async fn create(
        target: &Path,
        writing: Writing,
        shape: &Shape,
        placing: &Placing,
        schema: &SchemaRef,
        threads: usize,
        spool: &Path,
    ) -> Result<Self> {
        let Some(location) = Location::of(target)? else {
            return Self::here(target, writing, shape, placing, schema, threads);
        };
        let staged = StagedUpload::create((location, target), writing, shape, schema, threads, spool);
        Ok(Self::Upload(Box::new(staged.await?)))
    }

    /// Begins a result of this shape on this machine.
    ///
    /// **Errors**: those of [`Staged::create`] or [`StagedFolder::create`].
    pub fn here(
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
            Self::Upload(staged) => staged.write(batch),
        }
    }

    /// Takes over what is not replaced of the result before.
    ///
    /// **Errors**: those of [`StagedFolder::carry`].
    pub fn carry(&mut self, replaced: &[Option<HashSet<String>>]) -> Result<u64> {
        match self {
            Self::File(_) | Self::Upload(_) => Ok(0),
            Self::Folder(staged) => staged.carry(replaced),
        }
    }

    /// Completes the result, and checks that all of it is on the disk; no more rows can be added.
    ///
    /// **Errors**: those of [`Staged::seal`], [`StagedFolder::seal`] or [`StagedUpload::seal`].
    pub async fn seal(&mut self) -> Result<Sealed> {
        match self {
            Self::Upload(staged) => staged.seal().await,
            here => here.seal_here(),
        }
    }

    /// The same, as far as it is on this machine.
    ///
    /// **Errors**: those of [`Staged::seal`] or [`StagedFolder::seal`].
    pub(super) fn seal_here(&mut self) -> Result<Sealed> {
        match self {
            Self::File(staged) => staged.seal(),
            Self::Folder(staged) => staged.seal(),
            Self::Upload(_) => Err(Error::internal("a result for a store is sealed there")),
        }
    }

    /// Puts a sealed result in its place.
    ///
    /// **Errors**: those of [`Staged::publish`], [`StagedFolder::publish`] or [`StagedUpload::publish`].
    pub async fn publish(self, sealed: Sealed) -> Result<Published> {
        match self {
            Self::File(staged) => staged.publish(sealed),
            Self::Folder(staged) => staged.publish(sealed),
            Self::Upload(staged) => staged.publish(sealed).await,
        }
    }

    /// Where its file or folder is while it is staged on this machine.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(staged) => staged.path(),
            Self::Folder(staged) => staged.path(),
            Self::Upload(staged) => staged.path(),
        }
    }
}
