//! Objects written: small ones in one request, large ones in parts that become an object in one; and what is removed.
//!
//! An object is the one before or the new one, at any moment. It knows nothing of what is in them.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::multipart::{MultipartStore, PartId};
use object_store::{Error as Fault, MultipartId, ObjectStore, ObjectStoreExt, PutPayload};

use super::Location;
use super::client;
use super::fault::failure;
use super::object::strong;
use crate::error::{Error, Result};

/// A part, and the largest object that is sent in one request. Stores want 5 MiB or more, and at most 10,000 parts.
const PART_BYTES: u64 = 8 << 20;
const MAX_PARTS: u64 = 9_000;

/// Parts of one object that are sent at the same time.
const PARTS_AT_ONCE: usize = 4;

/// A file on its way to be an object: all that can be done before it stands there was done.
#[derive(Debug)]
pub struct Sent {
    location: Location,
    what: What,
}

#[derive(Debug)]
enum What {
    /// It goes in one request.
    Small(Bytes),
    /// Its parts are there, and are to be put together.
    Parts(MultipartId, Vec<PartId>),
}

/// Sends the file at `path`, as far as that can be seen by nobody; `note` is told by which name its parts can be removed, before
/// there are any. If this is dropped meanwhile, `note` is told yet.
///
/// **Errors**: [`Error::Machine`], if it cannot be sent; those of `note`.
pub async fn send(
    path: &Path,
    location: &Location,
    note: impl FnOnce(&str) -> Result<()> + Send + 'static,
) -> Result<Sent> {
    let failed = |fault| failure(fault, "write", location, Error::machine);
    let unreadable = |error| Error::machine(format!("cannot read `{}`", path.display())).with_source(error);
    let file = File::open(path).map_err(unreadable)?;
    let size = file.metadata().map_err(unreadable)?.len();
    if size <= PART_BYTES {
        let bytes = read_at(&file, 0, size).map_err(unreadable)?;
        return Ok(Sent { location: location.clone(), what: What::Small(bytes) });
    }
    let (store, name) = (client::of(location)?, location.path()?);
    let id = {
        let (store, name, location) = (Arc::clone(&store), name.clone(), location.clone());
        client::to_the_end(async move {
            let made = store.create_multipart(&name).await;
            let id = made.map_err(|fault| failure(fault, "write", &location, Error::machine))?;
            note(&id)?;
            Ok(id)
        })
        .await?
    };
    let part_bytes = PART_BYTES.max(size.div_ceil(MAX_PARTS));
    let parts = futures::stream::iter(0..size.div_ceil(part_bytes)).map(|part| {
        let (store, name, id, file) = (&store, &name, &id, &file);
        async move {
            let start = part * part_bytes;
            let bytes = read_at(file, start, part_bytes.min(size - start)).map_err(unreadable)?;
            store.put_part(name, id, part as usize, PutPayload::from(bytes)).await.map_err(failed)
        }
    });
    let parts = parts.buffered(PARTS_AT_ONCE).try_collect().await?;
    Ok(Sent { location: location.clone(), what: What::Parts(id, parts) })
}

fn read_at(file: &File, start: u64, length: u64) -> std::io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    file.read_exact_at(&mut bytes, start)?;
    Ok(bytes.into())
}

impl Sent {
    /// Makes it an object, in place of the one that is there. Returns what tells its content. It is done even if this is dropped
    /// meanwhile; `held` is let go of when it is over.
    ///
    /// **Errors**: [`Error::Machine`], if the store does not.
    pub async fn complete(self, held: impl Send + 'static) -> Result<Option<String>> {
        let Self { location, what } = self;
        let (store, name) = (client::of(&location)?, location.path()?);
        client::to_the_end(async move {
            let put = match what {
                What::Small(bytes) => store.put(&name, PutPayload::from(bytes)).await,
                What::Parts(id, parts) => store.complete_multipart(&name, &id, parts).await,
            };
            drop(held);
            put.map(|put| put.e_tag.and_then(strong))
                .map_err(|fault| failure(fault, "write", &location, Error::machine))
        })
        .await
    }
}

/// Writes an object in one request, in place of the one that is there; as [`Sent::complete`].
///
/// **Errors**: [`Error::Machine`], if the store does not.
pub async fn write(bytes: Vec<u8>, location: &Location, held: impl Send + 'static) -> Result<()> {
    Sent { location: location.clone(), what: What::Small(bytes.into()) }.complete(held).await.map(drop)
}

/// Removes the parts that were sent under this name; it is well if there are none.
///
/// **Errors**: [`Error::Machine`], if the store does not.
pub async fn abort(location: &Location, id: &str) -> Result<()> {
    match client::of(location)?.abort_multipart(&location.path()?, &id.to_owned()).await {
        Ok(()) | Err(Fault::NotFound { .. }) => Ok(()),
        Err(fault) => Err(failure(fault, "clean up", location, Error::machine)),
    }
}

/// Removes all objects in a folder; it is well if there are none.
///
/// **Errors**: [`Error::Machine`], if the store does not.
pub async fn remove_below(folder: &Location) -> Result<()> {
    let store = client::of(folder)?;
    let path = folder.path()?;
    let listed = store.list(Some(&path)).map_ok(|meta| meta.location).boxed();
    let removed = store.delete_stream(listed).try_for_each(|_| async { Ok(()) }).await;
    match removed {
        Ok(()) | Err(Fault::NotFound { .. }) => Ok(()),
        Err(fault) => Err(failure(fault, "clean up", folder, Error::machine)),
    }
}
