//! Sources as tables: which files a source has now, what they hold, and whether that is within its budget.
//!
//! Files are listed anew for each statement; what was learned of them is kept as long as the same files are there.
//! It knows nothing of statements.

mod folders;
mod schema;
mod table;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

pub use schema::SourceSchema;

use crate::error::{Error, Result};
use crate::ndjson::Settings;
use crate::ndjson::listing::{self, InputFile};
use crate::ndjson::source::{FILE_COLUMN, OFFSET_COLUMN};
use crate::ndjson::survey::{Survey, Watch, survey};
use crate::project::{OnReject, Project, SourceConfig};
use folders::Folders;

/// The sources of a project.
#[derive(Debug)]
pub struct Catalog {
    project: Arc<Project>,
    threads: usize,
    known: Mutex<HashMap<String, Arc<Source>>>,
}

/// A source as it stands: its files and what they hold.
#[derive(Debug)]
pub struct Source {
    /// What the project says of it.
    pub config: SourceConfig,
    /// Its files, in the order of their names.
    pub files: Vec<InputFile>,
    /// What they hold.
    pub survey: Survey,
    settings: Arc<Settings>,
    folders: Folders,
}

impl Catalog {
    /// The sources of `project`, to be read by `threads` threads.
    pub fn new(project: Arc<Project>, threads: usize) -> Self {
        Self { project, threads, known: Mutex::default() }
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// Lists and surveys the source called `name`. Dropping the future ends the survey.
    ///
    /// **Errors**: `Request` if there is none; `Input` if it has neither files nor declared columns, or a file cannot
    /// be read; `Data` for the first reject where `on_reject = "fail"`, and for a key that is both in lines and a folder.
    pub async fn open(&self, name: &str, watch: &Arc<Watch>) -> Result<Arc<Source>> {
        let config = self.project.source(name)?.clone();
        let root = self.project.root.clone();
        let known = self.known().get(name).cloned();
        let (threads, watch) = (self.threads, Arc::clone(watch));
        let _stop = StopOnDrop(Arc::clone(&watch));
        let source = blocking(move || {
            let files = listing::list(&root, &config.paths)?;
            match known.filter(|known| known.files == files) {
                Some(known) => Ok(known),
                None => Source::read(config, files, &root, threads, &watch).map(Arc::new),
            }
        })
        .await?;
        self.known().insert(name.to_owned(), Arc::clone(&source));
        Ok(source)
    }

    /// The files of the source called `name`, without a look at what they hold.
    ///
    /// **Errors**: as [`Catalog::open`], less those about content.
    async fn files(&self, name: &str) -> Result<(Vec<InputFile>, Arc<Settings>)> {
        let config = self.project.source(name)?.clone();
        let root = self.project.root.clone();
        blocking(move || {
            let files = listing::list(&root, &config.paths)?;
            let (settings, _) = read_settings(&config, &files)?;
            Ok((files, settings))
        })
        .await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Source>>> {
        // What a panicking thread left behind is a whole map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn read(config: SourceConfig, files: Vec<InputFile>, root: &Path, threads: usize, watch: &Watch) -> Result<Self> {
        if files.is_empty() && config.columns.is_empty() {
            return Err(no_files(&config, root));
        }
        let (settings, folders) = read_settings(&config, &files)?;
        let survey = survey(&files, &settings, threads, watch)?;
        folders.check_against(&survey, &config.name)?;
        let source = Self { config, files, survey, settings, folders };
        match source.survey.first_rejects.first() {
            Some(reject) if source.config.on_reject == OnReject::Fail => {
                Err(Error::data(format!("line {} of `{}` is no row ({})", reject.line, reject.file, reject.reason))
                    .with_excerpt(reject.excerpt())
                    .with_hint(format!(
                        "mend the line, or let `{}` keep rejects: on_reject = \"keep\"",
                        source.config.name
                    )))
            }
            _ => Ok(source),
        }
    }

    /// The hidden columns that it has: those whose names its data leaves free.
    pub fn hidden_columns(&self) -> Vec<&'static str> {
        let schema = self.survey.schema();
        let taken = |name: &str| schema.column_with_name(name).is_some() || self.folders.has(name);
        [FILE_COLUMN, OFFSET_COLUMN].into_iter().filter(|name| !taken(name)).collect()
    }

    /// Names and types of the columns that its folders make.
    pub fn folder_columns(&self) -> Vec<(String, String)> {
        self.folders.columns().map(|(name, data_type)| (name.to_owned(), data_type)).collect()
    }

    /// Whether its rejects are within its budget.
    ///
    /// **Errors**: `Data` with the figures and the first reject, if they are not.
    pub fn check_budget(&self) -> Result<()> {
        let (counts, config) = (&self.survey.counts, &self.config);
        let (rejects, lines) = (counts.rejects(), counts.lines);
        let over_count = config.max_rejects.filter(|max| rejects > *max).map(|max| format!("max_rejects = {max}"));
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts needs no more than a double holds")]
        let ratio = if lines == 0 { 0.0 } else { rejects as f64 / lines as f64 };
        let over_ratio =
            (ratio > config.max_reject_ratio).then(|| format!("max_reject_ratio = {}", config.max_reject_ratio));
        let Some(budget) = over_count.or(over_ratio) else { return Ok(()) };
        let name = &config.name;
        let message =
            format!("{rejects} of {lines} lines of `{name}` were rejected ({:.2}%), over {budget}", 100.0 * ratio);
        let error = Error::data(message)
            .with_hint(format!("see them: tidemill sql \"SELECT * FROM rejects.{name}\"; or raise the budget"));
        Err(match self.survey.first_rejects.first() {
            Some(reject) => error.with_excerpt(reject.excerpt()),
            None => error,
        })
    }
}

fn read_settings(config: &SourceConfig, files: &[InputFile]) -> Result<(Arc<Settings>, Folders)> {
    let folders = Folders::of(config, files)?;
    let declared = config.columns.iter().filter(|(name, _)| !folders.has(name)).cloned().collect();
    let settings = Settings {
        declared,
        empty_as_null: config.empty_as_null,
        max_depth: config.max_depth,
        max_line_bytes: config.max_line_bytes,
        max_columns: config.max_columns,
        stop_at_reject: config.on_reject == OnReject::Fail,
    };
    Ok((Arc::new(settings), folders))
}

fn no_files(config: &SourceConfig, root: &Path) -> Error {
    let patterns: Vec<String> = config.paths.iter().map(|pattern| format!("`{pattern}`")).collect();
    let patterns = patterns.join(", ");
    let name = &config.name;
    let folder = config.paths.first().and_then(|pattern| listing::folder_of(root, pattern));
    match folder.filter(|folder| !folder.exists()) {
        Some(folder) => Error::input(format!("folder `{}` of source `{name}` does not exist", folder.display()))
            .with_hint("create it and put event files there, or try some: tidemill generate -e 1000"),
        None => Error::input(format!("no file matches {patterns} of source `{name}`"))
            .with_hint("put event files there, or try some: tidemill generate -e 1000"),
    }
}

/// Stops what watches it when the one who waited goes away.
struct StopOnDrop(Arc<Watch>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop.store(true, Ordering::Relaxed);
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::Interrupted(15)),
    }
}
