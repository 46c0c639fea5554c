//! What an upload has begun, written down in its stage before it is begun: so that what a killed process has sent is removed.
//!
//! A file of JSON lines. One that was cut off by the end of its process says nothing: what it was about had not begun.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedRwLockReadGuard, RwLock};

use super::is_run;
use crate::error::{Error, Result};
use crate::store::{self, Location};

const FILE: &str = ".upload";

/// How long a run waits for what another has left to be removed.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is begun.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Note {
    /// Parts of an object are sent, and are called `id` together.
    Upload { object: String, id: String },
    /// A folder is to have the result in its folder `run`, in place of that in `before`.
    Folder { folder: String, run: String, before: Option<String> },
}

/// The record of one upload.
pub(super) struct Record {
    path: PathBuf,
    is_begun: AtomicBool,
    is_placing: AtomicBool,
    // One line at a time.
    turn: Mutex<()>,
    /// Held by whoever begins something and has not noted it yet.
    beginning: Arc<RwLock<()>>,
}

impl Record {
    pub(super) fn new(stage: &Path) -> Self {
        let (is_begun, is_placing) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { path: stage.join(FILE), is_begun, is_placing, turn: Mutex::default(), beginning: Arc::default() }
    }

    /// Whether anything was begun.
    pub(super) fn is_begun(&self) -> bool {
        self.is_begun.load(Ordering::Relaxed)
    }

    /// The last request is about to begin, after which the result stands in its place.
    pub(super) fn places(&self) {
        self.is_placing.store(true, Ordering::Relaxed);
    }

    /// Whether the last request was begun.
    pub(super) fn is_placing(&self) -> bool {
        self.is_placing.load(Ordering::Relaxed)
    }

    /// Something is about to begin; dropped when it is noted.
    pub(super) async fn begins(&self) -> OwnedRwLockReadGuard<()> {
        self.is_begun.store(true, Ordering::Relaxed);
        Arc::clone(&self.beginning).read_owned().await
    }

    pub(super) fn uploads(&self, object: &Location, id: &str) -> Result<()> {
        self.note(&Note::Upload { object: object.to_string(), id: id.to_owned() })
    }

    pub(super) fn replaces(&self, folder: &Location, run: &str, before: Option<&str>) -> Result<()> {
        let before = before.map(str::to_owned);
        self.note(&Note::Folder { folder: folder.to_string(), run: run.to_owned(), before })
    }

    fn note(&self, note: &Note) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_begun.store(true, Ordering::Relaxed);
        let line =
            serde_json::to_string(note).map_err(|error| Error::internal("a note is no JSON").with_source(error))?;
        File::options()
            .append(true)
            .create(true)
            .open(&self.path)
            .and_then(|mut file| {
                file.write_all(format!("{line}\n").as_bytes())?;
                file.sync_data()
            })
            .map_err(|error| Error::unwritable(&self.path, error))
    }
}

impl Record {
    /// Removes from its store what was sent, and not published, by a maker who lives.
    ///
    /// **Errors**: as [`clean_up`].
    pub(super) async fn clean(&self) -> Result<()> {
        let _nothing_begins = self.beginning.write().await;
        clean(&self.path).await
    }
}

/// Removes from its store what the maker of `stage`, who is dead, has sent and not published.
///
/// **Errors**: [`Error::Machine`] or [`Error::Input`], if that cannot be done now.
pub(in crate::sink) fn clean_up(stage: &Path) -> Result<()> {
    let path = stage.join(FILE);
    if !path.exists() {
        return Ok(());
    }
    store::wait(PATIENCE, async move { clean(&path).await })
}

async fn clean(path: &Path) -> Result<()> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        read => read.map_err(|error| Error::unreadable(path, error))?,
    };
    let notes: Vec<Note> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for note in &notes {
        if let Note::Upload { object, id } = note
            && let Some(object) = Location::parse(object)?
        {
            store::abort(&object, id).await?;
        }
    }
    for note in notes {
        if let Note::Folder { folder, run, before } = note
            && let Some(folder) = Location::parse(&folder)?
        {
            settle(&folder, run, before).await?;
        }
    }
    Ok(())
}

/// If the result was published, the one before is to go; else it is.
async fn settle(folder: &Location, run: String, before: Option<String>) -> Result<()> {
    let stands = store::manifest(folder).await?.map(|(_, manifest)| manifest.run);
    let gone = if stands.as_ref() == Some(&run) { before } else { Some(run) };
    match gone.filter(|gone| is_run(gone) && stands.as_ref() != Some(gone)) {
        Some(gone) => store::remove_below(&folder.join(&gone)).await,
        None => Ok(()),
    }
}
