//! A project: the folder that holds `inputs/`, `queries/` and `outputs/`, and what its `tidemill.toml` says.
//!
//! Each part of that file is optional, and so is the file. It knows what is declared, and reads no event file.
//!
//! ```toml
//! [sources.events]
//! path = "inputs/*.out"
//! max_reject_ratio = 0.01
//!
//! [sources.events.columns]
//! lat = "double"
//!
//! [limits]
//! memory = "2GiB"
//! ```

mod keep;
mod limits;
mod source;

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use self::keep::{Keep, Outputs, RejectBounds};
pub use self::limits::Limits;
pub use self::source::{OnReject, SourceConfig};
use crate::document;
use crate::error::{Error, Result};
use crate::query;
use crate::suggest;

/// The project file's name.
pub const FILE: &str = "tidemill.toml";

/// The source that there is where nothing says otherwise.
const DEFAULT_SOURCE: &str = "events";

/// Where things are and how sources are to be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// The project's folder; absolute. Patterns of sources are relative to it.
    pub root: PathBuf,
    /// The project file, if there is one.
    pub file: Option<PathBuf>,
    /// In the order of the file; at least one, with unique names, and at most one of them is the default.
    pub sources: Vec<SourceConfig>,
    /// The folder of saved queries; it need not exist.
    pub queries_dir: PathBuf,
    /// The folder of results; it need not exist.
    pub outputs_dir: PathBuf,
    /// What a run may take of the machine.
    pub limits: Limits,
    /// Which runs are remembered.
    pub history: Keep,
    /// Which outputs are, of queries that do not say it.
    pub outputs: Outputs,
    /// Which rejects are.
    pub rejects: RejectBounds,
    /// Whether what files taught is used and kept.
    pub facts: bool,
}

impl Project {
    /// The project around the folder `start`: that of the nearest project file, looking upwards to the root of the
    /// file system. Without one, `start` is the project, with nothing but defaults.
    ///
    /// **Errors**: [`Error::Request`] if a project file cannot be read or is wrong.
    pub fn discover(start: &Path) -> Result<Self> {
        let start = absolute(start)?;
        for folder in start.ancestors() {
            let file = folder.join(FILE);
            // A link to nothing counts: somebody meant to have a project here.
            if fs::symlink_metadata(&file).is_ok() {
                let shown = if folder == start { FILE.to_owned() } else { file.display().to_string() };
                return Self::read(file, &shown);
            }
        }
        Self::without_file(start)
    }

    /// The project that a person named: a project file, or a folder. No folder above it is looked at.
    ///
    /// **Errors**: [`Error::Request`] if there is nothing there, it cannot be read or is wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let metadata = fs::metadata(path).map_err(|source| {
            Error::request(format!("there is no project at `{}`", path.display()))
                .with_source(source)
                .with_hint(format!("name a folder, or a file such as `{FILE}`"))
        })?;
        if !metadata.is_dir() {
            return Self::read(absolute(path)?, &path.display().to_string());
        }
        let file = path.join(FILE);
        match fs::symlink_metadata(&file) {
            Ok(_) => Self::read(absolute(&file)?, &file.display().to_string()),
            Err(_) => Self::without_file(absolute(path)?),
        }
    }

    /// The source called `name`.
    ///
    /// **Errors**: [`Error::Request`] with the nearest name, or those that there are.
    pub fn source(&self, name: &str) -> Result<&SourceConfig> {
        self.sources.iter().find(|source| source.name == name).ok_or_else(|| {
            let names = self.sources.iter().map(|source| source.name.as_str());
            Error::request(format!("there is no source `{name}`")).with_hint_if(suggest::hint("sources", name, names))
        })
    }

    /// The source that a statement without `FROM` reads: the only one, the one with `default = true`, or `events`.
    pub fn default_source(&self) -> Option<&SourceConfig> {
        match self.sources.as_slice() {
            [only] => Some(only),
            several => several
                .iter()
                .find(|source| source.default)
                .or_else(|| several.iter().find(|source| source.name == DEFAULT_SOURCE)),
        }
    }

    /// The saved queries' files, sorted by name; read anew at each call.
    ///
    /// **Errors**: those of [`query::list`].
    pub fn queries(&self) -> Result<Vec<PathBuf>> {
        query::list(&self.queries_dir)
    }

    /// The file of the saved query called `name`.
    ///
    /// **Errors**: [`Error::Request`] with the nearest name, or those that there are; those of [`query::list`].
    pub fn query(&self, name: &str) -> Result<PathBuf> {
        let paths = self.queries()?;
        let mut names = Vec::with_capacity(paths.len());
        for path in &paths {
            names.push(query::name_of(path)?);
        }
        match names.iter().position(|candidate| candidate == name) {
            Some(n) => Ok(paths[n].clone()),
            None => {
                let error =
                    Error::request(format!("there is no saved query `{name}` in `{}`", self.queries_dir.display()));
                Err(error.with_hint_if(suggest::hint("saved queries", name, names.iter().map(String::as_str))))
            }
        }
    }

    fn without_file(root: PathBuf) -> Result<Self> {
        Self::parse(root, None, "", "")
    }

    fn read(file: PathBuf, shown: &str) -> Result<Self> {
        let text = document::read(&file)?;
        let root = file.parent().unwrap_or(&file).to_owned();
        Self::parse(root, Some(file), shown, &text)
    }

    /// The project at `root` whose file, called `name`, holds this text.
    fn parse(root: PathBuf, file: Option<PathBuf>, name: &str, text: &str) -> Result<Self> {
        let Written { sources, limits, history, outputs, rejects } = toml::from_str(text)
            .map_err(|error| document::fault(name, text, error.span().unwrap_or(0..0), error.message()))?;
        let sources = complete(name, text, sources)?;
        let (queries_dir, outputs_dir) = (root.join("queries"), root.join("outputs"));
        let facts = true;
        Ok(Self { root, file, sources, queries_dir, outputs_dir, limits, history, outputs, rejects, facts })
    }
}

/// The project file as it is written.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    #[serde(deserialize_with = "source::in_order")]
    sources: Vec<(Spanned<String>, SourceConfig)>,
    limits: Limits,
    history: Keep,
    outputs: Outputs,
    rejects: RejectBounds,
}

/// The sources that a project file declares, or the one that there is without.
fn complete(name: &str, text: &str, written: Vec<(Spanned<String>, SourceConfig)>) -> Result<Vec<SourceConfig>> {
    let mut sources: Vec<SourceConfig> = Vec::with_capacity(written.len());
    for (key, mut source) in written {
        let place = key.span();
        source.name = key.into_inner();
        source.complete(&sources).map_err(|error| document::fault(name, text, place, &document::for_serde(&error)))?;
        sources.push(source);
    }
    if sources.is_empty() {
        sources.push(SourceConfig::default());
    }
    Ok(sources)
}

fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path)
        .map_err(|source| Error::request(format!("`{}` names no folder", path.display())).with_source(source))
}

#[cfg(test)]
mod tests;
