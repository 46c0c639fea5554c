//! Objects as they stand in a store: what is below a folder, and one by its name.
//!
//! It reads no object but small ones, whole.

use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::{Error as Fault, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::client::{self, wait};
use super::fault::failure;
use super::{Location, Manifest};
use crate::error::{Error, Result};

/// How long a listing, or one object, is waited for.
const PATIENCE: Duration = Duration::from_secs(600);

/// One state of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub location: Location,
    /// Its bytes.
    pub size: u64,
    /// What tells its content, as the store says: its ETag, without quotes, which not every answer of a store has.
    pub tag: Option<String>,
    /// Its last change.
    pub modified: DateTime<Utc>,
}

impl Object {
    fn of(meta: ObjectMeta, bucket: &Location) -> Self {
        let location = bucket.with_key(meta.location.as_ref());
        Self { location, size: meta.size, tag: meta.e_tag.and_then(strong), modified: meta.last_modified }
    }

    /// Two numbers that are others for another content.
    pub fn identity(&self) -> (u64, u64) {
        let told = match &self.tag {
            Some(tag) => blake3::hash(tag.as_bytes()),
            None => blake3::hash(format!("{} {}", self.size, self.modified).as_bytes()),
        };
        let mut numbers = told
            .as_bytes()
            .chunks_exact(8)
            .map(|bytes| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)));
        (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
    }
}

/// An ETag as it is kept. A weak one does not tell a content.
pub(super) fn strong(tag: String) -> Option<String> {
    (!tag.starts_with("W/")).then(|| tag.trim_matches('"').to_owned())
}

/// The objects in `folder`, as many levels down as there are, or only those in it directly; sorted by name.
///
/// **Errors**: [`Error::Input`] if the store does not say.
pub fn list(folder: &Location, is_deep: bool) -> Result<Vec<Object>> {
    let folder = folder.clone();
    wait(PATIENCE, async move { objects(&folder, is_deep).await })
}

/// The same, on the threads that wait for the network.
///
/// **Errors**: as [`list`].
pub async fn objects(folder: &Location, is_deep: bool) -> Result<Vec<Object>> {
    let (store, path) = (client::of(folder)?, folder.path()?);
    let prefix = Some(&path).filter(|path| !path.as_ref().is_empty());
    let metas = if is_deep {
        store.list(prefix).try_collect::<Vec<_>>().await
    } else {
        store.list_with_delimiter(prefix).await.map(|found| found.objects)
    };
    let metas = metas.map_err(|fault| failure(fault, "list", folder, Error::input))?;
    let mut objects: Vec<Object> = metas.into_iter().map(|meta| Object::of(meta, folder)).collect();
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// The object of this name, if there is one.
///
/// **Errors**: [`Error::Input`] if the store does not say.
pub fn find(location: &Location) -> Result<Option<Object>> {
    let location = location.clone();
    wait(PATIENCE, async move { head(&location).await })
}

pub(super) async fn head(location: &Location) -> Result<Option<Object>> {
    match client::of(location)?.head(&location.path()?).await {
        Ok(meta) => Ok(Some(Object::of(meta, location))),
        Err(Fault::NotFound { .. }) => Ok(None),
        Err(fault) => Err(failure(fault, "read", location, Error::input)),
    }
}

/// The manifest in `folder`, if there is one of ours, and the object that it is.
///
/// **Errors**: [`Error::Input`] if it cannot be read.
pub fn read(folder: &Location) -> Result<Option<(Object, Manifest)>> {
    let folder = folder.clone();
    wait(PATIENCE, async move { manifest(&folder).await })
}

/// The same, on the threads that wait for the network.
///
/// **Errors**: as [`read`].
pub async fn manifest(folder: &Location) -> Result<Option<(Object, Manifest)>> {
    let location = folder.join(super::MANIFEST);
    let failed = |fault| failure(fault, "read", &location, Error::input);
    let found = match client::of(&location)?.get(&location.path()?).await {
        Err(Fault::NotFound { .. }) => return Ok(None),
        found => found.map_err(failed)?,
    };
    let object = Object::of(found.meta.clone(), &location);
    let bytes: Bytes = found.bytes().await.map_err(failed)?;
    Ok(Manifest::parse(&bytes, &location)?.map(|manifest| (object, manifest)))
}
