//! A result on its way to an object store: written on this machine and checked there as any other, then sent.
//!
//! One file becomes an object in one step. A folder is sent to a place of its own within its folder in the store, and is the
//! result once the manifest names its files; those of the result before go after that. What was sent and is not to stay is
//! removed by whoever fails, or by the next run if that one was killed: see `record`. It knows nothing of how a format is written.

mod record;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use futures::{StreamExt, TryStreamExt};
use uuid::Uuid;

use self::record::Record;
pub(super) use self::record::clean_up;
use super::stage::{Published, PublishedFile, Sealed};
use super::stage_dir::StageDir;
use super::{Placing, Shape, Staging, Writing, place};
use crate::error::{Error, Fate, Result};
use crate::failpoint;
use crate::store::{self, Entry, Location, MANIFEST, Manifest, Sent};

/// Files of a folder that are sent at the same time.
const FILES_AT_ONCE: usize = 4;

/// How long a failed run waits for what it sent to be removed.
const CLEANING: Duration = Duration::from_secs(10);

/// A result for a store that is being written. Dropped before it is published, it leaves nothing behind.
pub struct StagedUpload {
    inner: Staging,
    target: PathBuf,
    location: Location,
    is_folder: bool,
    /// The name of the folder that a result of many files is in, and that of the result before.
    run: String,
    before: Option<String>,
    record: Arc<Record>,
    is_done: bool,
    // Dropped last: it removes the files.
    stage: StageDir,
}

impl StagedUpload {
    /// Begins a result that is to stand at `location`, which was named `target`, in a stage in the folder `spool`.
    ///
    /// **Errors**: [`Error::Request`] if the location names no object, or a folder with something in it that is no part of a
    /// result; [`Error::Input`] if the store does not say what stands there; [`Error::Machine`] if nothing can be written in
    /// `spool`; those of [`Staging::here`]. In each case no stage is left.
    pub async fn create(
        (location, target): (Location, &Path),
        writing: Writing,
        shape: &Shape,
        schema: &SchemaRef,
        threads: usize,
        spool: &Path,
    ) -> Result<Self> {
        if location.name().is_empty() {
            return Err(Error::request(format!("output `{location}` is a whole bucket"))
                .with_hint("name an object in it, for example s3://BUCKET/outputs/daily.json"));
        }
        let (asked, is_folder) = (location.clone(), shape.is_folder());
        let before = store::aside(async move { before(&asked, is_folder).await }).await?;
        let stage = place::make_folder(spool).and_then(|()| StageDir::create(spool));
        let stage = stage.map_err(|error| {
            Error::unwritable(spool, error).with_hint("results for a store are written on this machine first")
        })?;
        let local = stage.path().join(location.name());
        let inner = Staging::here(&local, writing, shape, &Placing::Whole, schema, threads)?;
        Ok(Self {
            inner,
            target: target.to_owned(),
            is_folder,
            location,
            run: format!("{RUN}{}", Uuid::new_v4()),
            before,
            record: Arc::new(Record::new(stage.path())),
            is_done: false,
            stage,
        })
    }

    /// Adds the rows of `batch`.
    ///
    /// **Errors**: those of [`Staging::write`].
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        self.inner.write(batch)
    }

    pub(super) fn path(&self) -> &Path {
        self.inner.path()
    }

    /// Completes the result on this machine, and checks that all of it is on the disk; no more rows can be added. What is
    /// sealed is told by what stands in the store until it is published.
    ///
    /// **Errors**: those of [`super::Staged::seal`] or [`super::StagedFolder::seal`]; [`Error::Input`] if the store does not say what stands there.
    pub async fn seal(&mut self) -> Result<Sealed> {
        let mut sealed = self.inner.seal_here()?;
        let stands = standing(self.location.clone(), self.is_folder).await?;
        sealed.identity = stands.map_or((0, 0), |stands| stands.identity);
        if self.is_folder {
            sealed.files.iter_mut().for_each(|file| file.name = format!("{}/{}", self.run, file.name));
        }
        Ok(sealed)
    }

    /// Sends a sealed result, and puts it in place of the one before. Dropping the future leaves that one as it was, or the new
    /// one in its place.
    ///
    /// **Errors**: [`Error::Machine`] if it cannot be sent. The result before is then untouched.
    pub async fn publish(mut self, sealed: Sealed) -> Result<Published> {
        let sending = Sending {
            root: self.path().to_owned(),
            files: sealed.files.clone(),
            location: self.location.clone(),
            run: self.run.clone(),
            before: self.before.clone(),
            record: Arc::clone(&self.record),
        };
        let is_clean = if self.is_folder {
            store::aside(sending.folder()).await
        } else {
            store::aside(sending.file()).await.map(|()| true)
        };
        let is_clean = match is_clean {
            Ok(is_clean) => is_clean,
            Err(error) => {
                // The last request may have done its work though its answer was lost.
                match standing(self.location.clone(), self.is_folder).await {
                    Ok(Some(now)) if now.identity != sealed.identity && now.bytes == sealed.bytes() => !self.is_folder,
                    Err(_) if self.record.is_placing() => return Err(unknown(error)),
                    _ => return Err(error),
                }
            }
        };
        if !is_clean {
            // The next run removes what is left of the result before.
            self.stage.leave();
        }
        self.is_done = true;
        Ok(sealed.published(self.target.clone()))
    }
}

impl Drop for StagedUpload {
    fn drop(&mut self) {
        if self.is_done || !self.record.is_begun() {
            return;
        }
        let record = Arc::clone(&self.record);
        if store::wait(CLEANING, async move { record.clean().await }).is_err() {
            // The next run does it.
            self.stage.leave();
        }
    }
}

/// What stands in the store, asked aside.
async fn standing(location: Location, is_folder: bool) -> Result<Option<store::Published>> {
    store::aside(async move { store::published(&location, is_folder).await }).await
}

/// The last request failed, and the store does not say what stands there now.
fn unknown(error: Error) -> Error {
    let hint = "the store does not answer: whether it has the result is asked when the query runs next";
    error.with_hint(hint).with_fate(Fate::Unknown)
}

/// What the folder of a result is called, before what tells it from others.
const RUN: &str = "run-";

/// Whether it is the name of a folder of a result.
fn is_run(name: &str) -> bool {
    name.strip_prefix(RUN).is_some_and(|id| Uuid::try_parse(id).is_ok())
}

/// The folder of the result that stands in a folder of a store. Of an object it only asks whether its bucket can be listed, so that
/// one which is not there is told before there are any rows.
///
/// **Errors**: [`Error::Request`] if something is there that is no part of a result.
async fn before(location: &Location, is_folder: bool) -> Result<Option<String>> {
    if !is_folder {
        return store::objects(location, false).await.map(|_| None);
    }
    if let Some((_, manifest)) = store::manifest(location).await? {
        return Ok(Some(manifest.run).filter(|run| is_run(run)));
    }
    let objects = store::objects(location, true).await?;
    let mut names = objects.iter().filter_map(|object| object.location.below(location));
    match names.find(|name| !is_run(name.split('/').next().unwrap_or_default())) {
        None => Ok(None),
        Some(name) => Err(Error::request(format!("`{location}` holds `{name}`, which is no part of a result"))
            .with_hint("a result has a folder of its own: move that away, or choose another folder with `output`")),
    }
}

/// What is sent, and where to.
struct Sending {
    root: PathBuf,
    files: Vec<PublishedFile>,
    location: Location,
    run: String,
    before: Option<String>,
    record: Arc<Record>,
}

impl Sending {
    async fn file(self) -> Result<()> {
        let sent = self.send(&self.root, &self.location).await?;
        failpoint::pass("uploaded");
        self.record.places();
        sent.complete(self.record.begins().await).await?;
        failpoint::pass("placed");
        Ok(())
    }

    /// Whether all of the result before was removed, too.
    async fn folder(self) -> Result<bool> {
        let this = Arc::new(self);
        let Self { files, location, run, before, record, .. } = &*this;
        record.replaces(location, run, before.as_deref())?;
        let entries = futures::stream::iter(files.clone()).map(|file| Arc::clone(&this).one(file));
        let entries = entries.buffered(FILES_AT_ONCE).try_collect().await?;
        failpoint::pass("uploaded");
        let manifest = serde_json::to_vec(&Manifest::new(run.clone(), entries));
        let manifest = manifest.map_err(|error| Error::internal("a manifest cannot be written").with_source(error))?;
        record.places();
        store::write(manifest, &location.join(MANIFEST), record.begins().await).await?;
        failpoint::pass("placed");
        Ok(match before {
            Some(before) => store::remove_below(&location.join(before)).await.is_ok(),
            None => true,
        })
    }

    async fn one(self: Arc<Self>, PublishedFile { name, rows, bytes, .. }: PublishedFile) -> Result<Entry> {
        let location = self.location.join(&name);
        let local = self.root.join(name.strip_prefix(&self.run).unwrap_or(&name).trim_start_matches('/'));
        let sent = self.send(&local, &location).await?;
        Ok(Entry { tag: sent.complete(self.record.begins().await).await?, name, rows, bytes })
    }

    async fn send(&self, path: &Path, location: &Location) -> Result<Sent> {
        let (record, object, begins) = (Arc::clone(&self.record), location.clone(), self.record.begins().await);
        let note = move |id: &str| {
            let noted = record.uploads(&object, id);
            drop(begins);
            noted
        };
        store::send(path, location, note).await
    }
}
