//! Folders of objects that become visible in one step: a manifest, written last, says which objects they hold.
//!
//! An object in such a folder that the manifest does not name is none of its files: it is on its way in, or out. It knows nothing
//! of how they are written.

use serde::{Deserialize, Serialize};

use super::object::{head, manifest};
use super::{Location, Object};
use crate::error::{Error, Result};

/// The manifest's name in its folder.
pub const MANIFEST: &str = "_manifest.json";

/// The version that is written here.
const VERSION: u32 = 1;

/// What a folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The version of these fields; the name tells that the file is one of ours.
    pub tidemill_manifest: u32,
    /// The folder in it of these files: a name of its own for each result.
    pub run: String,
    /// The files.
    pub files: Vec<Entry>,
}

/// A file of such a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name in the folder.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// What tells its content, as the store said.
    pub tag: Option<String>,
}

/// A result as it stands in a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What tells it from any other.
    pub identity: (u64, u64),
    /// Bytes of its files.
    pub bytes: u64,
}

impl Manifest {
    /// Of a result that is in the folder `run`.
    pub fn new(run: String, files: Vec<Entry>) -> Self {
        Self { tidemill_manifest: VERSION, run, files }
    }

    /// What an object called so says; `None` if it is another's.
    ///
    /// **Errors**: [`Error::Input`] if it was written by a later version.
    pub(super) fn parse(bytes: &[u8], location: &Location) -> Result<Option<Self>> {
        #[derive(Deserialize)]
        struct Mark {
            tidemill_manifest: u32,
        }
        let Ok(Mark { tidemill_manifest: version }) = serde_json::from_slice(bytes) else { return Ok(None) };
        let parsed = serde_json::from_slice(bytes).ok().filter(|_| version <= VERSION);
        parsed.map(Some).ok_or_else(|| {
            Error::input(format!("`{location}` was written by a later version of tidemill"))
                .with_hint("read the folder with that version")
        })
    }

    /// The objects that it names, in its folder.
    pub fn objects<'a>(&'a self, manifest: &'a Object, folder: &'a Location) -> impl Iterator<Item = Object> + 'a {
        self.files.iter().map(|file| Object {
            location: folder.join(&file.name),
            size: file.bytes,
            tag: file.tag.clone(),
            modified: manifest.modified,
        })
    }
}

/// The result that stands at `location`: an object, or a folder with a manifest.
///
/// **Errors**: [`Error::Input`] if the store does not say.
pub async fn published(location: &Location, is_folder: bool) -> Result<Option<Published>> {
    if !is_folder {
        let found = head(location).await?;
        return Ok(found.map(|object| Published { identity: object.identity(), bytes: object.size }));
    }
    let found = manifest(location).await?;
    Ok(found.map(|(object, manifest)| Published {
        identity: object.identity(),
        bytes: manifest.files.iter().map(|file| file.bytes).sum(),
    }))
}
