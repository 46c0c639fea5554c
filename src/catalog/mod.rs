//! Sources as tables: which files a source has now, what they hold, and whether that is within its budget.
//!
//! Files are listed anew for each statement; what was learned of them is kept as long as the same files are there.
//! It knows nothing of statements.

mod facts;
mod folders;
mod history;
mod schema;
mod table;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

pub use history::HistorySchema;
pub use schema::SourceSchema;
pub use table::{is_source, sources_of};

use crate::error::{Error, Result};
use crate::ndjson::Settings;
use crate::ndjson::listing::{self, InputFile};
use crate::ndjson::source::{FILE_COLUMN, OFFSET_COLUMN};
use crate::ndjson::survey::{Account, Earlier, Known, Survey, Watch, guess_aside, survey_aside};
use crate::project::{OnReject, Project, SourceConfig};
use folders::Folders;

/// The sources of a project.
#[derive(Debug)]
pub struct Catalog {
    project: Arc<Project>,
    threads: usize,
    scopes: HashMap<String, Scope>,
    known: Mutex<HashMap<String, Arc<Source>>>,
    /// What is to be told, and was not yet.
    notes: Mutex<Vec<String>>,
}

/// The files of a source at a moment, and how they are to be read.
#[derive(Debug, Clone)]
pub struct Listed {
    /// What the project says of it.
    pub config: SourceConfig,
    /// Its files, in the order of their names.
    pub files: Vec<InputFile>,
    settings: Arc<Settings>,
    folders: Folders,
    /// What lines had that are not in these files.
    earlier: Earlier,
    /// Whether these are not all of its lines.
    is_part: bool,
    /// Whether it has files at all.
    has_files: bool,
    /// What is known of the files without a look at them.
    facts: Arc<Known>,
}

/// What is read of a source, where that is not all of it.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// All its files.
    pub all: Vec<InputFile>,
    /// Those that are read, and what of them.
    pub read: Vec<InputFile>,
    /// What lines had that are not read.
    pub earlier: Earlier,
}

/// A source as it stands: its files and what they hold.
#[derive(Debug)]
pub struct Source {
    listed: Listed,
    /// What they hold, or a guess at it.
    pub survey: Survey,
    /// What scans have found by the way, where `survey` is a guess.
    accounts: Mutex<Vec<Arc<Account>>>,
}

/// How well a source must be known before a statement is planned over it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Samples will do: whoever reads by them settles afterwards what is so.
    Guess,
    /// All lines were read.
    Whole,
}

impl std::ops::Deref for Source {
    type Target = Listed;

    fn deref(&self) -> &Listed {
        &self.listed
    }
}

impl Listed {
    fn new(config: SourceConfig, files: Vec<InputFile>) -> Result<Self> {
        let folders = Folders::of(&config, &files)?;
        let declared = config.columns.iter().filter(|(name, _)| !folders.has(name)).cloned().collect();
        let settings = Settings {
            declared,
            empty_as_null: config.empty_as_null,
            max_depth: config.max_depth,
            max_line_bytes: config.max_line_bytes,
            max_columns: config.max_columns,
            stop_at_reject: config.on_reject == OnReject::Fail,
            range_bytes: config.range_bytes,
            raw_bytes: config.raw_bytes,
            facts_after: config.facts_after,
        };
        let has_files = !files.is_empty();
        let (settings, earlier, facts) = (Arc::new(settings), Earlier::default(), Arc::default());
        Ok(Self { config, files, settings, folders, earlier, is_part: false, has_files, facts })
    }

    fn scoped(config: SourceConfig, scope: Scope) -> Result<Self> {
        Ok(Self { files: scope.read, earlier: scope.earlier, is_part: true, ..Self::new(config, scope.all)? })
    }

    /// An account of its files in which nothing is entered yet.
    fn account(&self) -> Arc<Account> {
        let settings = Arc::clone(&self.settings);
        Arc::new(Account::knowing(self.files.clone().into(), settings, &self.earlier, &self.facts))
    }
}

impl Catalog {
    /// The sources of `project`, to be read by `threads` threads. Of those that `scopes` names, only what it says is read.
    pub fn new(project: Arc<Project>, threads: usize, scopes: HashMap<String, Scope>) -> Self {
        Self { project, threads, scopes, known: Mutex::default(), notes: Mutex::default() }
    }

    /// The project.
    pub fn project(&self) -> &Arc<Project> {
        &self.project
    }

    /// Lists the source called `name` and looks at what it holds. Dropping the future ends that.
    ///
    /// **Errors**: `Request` if there is none; `Input` if it has neither files nor declared columns, or a file cannot
    /// be read; `Data` for the first reject where `on_reject = "fail"`, and for a key that is both in lines and a folder.
    pub async fn open(&self, name: &str, look: Look, watch: &Arc<Watch>) -> Result<Arc<Source>> {
        let listed = self.list(name).await?;
        if let Some(known) = self.known().get(name).filter(|known| known.files == listed.files) {
            return Ok(Arc::clone(known));
        }
        if !listed.has_files && listed.config.columns.is_empty() && listed.earlier.is_empty() {
            return Err(no_files(&listed.config, &self.project.root));
        }
        let listed = self.recall(listed).await?;
        let (account, watch) = (listed.account(), Arc::clone(watch));
        let survey = match look {
            Look::Guess => guess_aside(Arc::clone(&account), self.threads, watch).await?,
            Look::Whole => survey_aside(Arc::clone(&account), self.threads, watch).await?,
        };
        self.keep(Source::new(listed, survey)?, account).await
    }

    /// The same source as all of its lines make it: what scans have found of it, and a look at the rest.
    ///
    /// **Errors**: as [`Catalog::open`].
    pub async fn settle(&self, source: &Arc<Source>, watch: &Arc<Watch>) -> Result<Arc<Source>> {
        if source.survey.is_whole {
            return Ok(Arc::clone(source));
        }
        let account = source.fullest_account();
        let survey = survey_aside(Arc::clone(&account), self.threads, Arc::clone(watch)).await?;
        self.keep(Source::new(source.listed.clone(), survey)?, account).await
    }

    /// What is to be told of what files taught, since the last call.
    pub fn take_notes(&self) -> Vec<String> {
        std::mem::take(&mut *self.notes())
    }

    /// Adds what is known of the files of a source from statements before.
    async fn recall(&self, mut listed: Listed) -> Result<Listed> {
        if !self.project.facts {
            return Ok(listed);
        }
        let root = self.project.root.clone();
        let (listed, trouble) = aside(move || {
            let (known, trouble) = facts::recall(&root, &listed)?;
            listed.facts = Arc::new(known);
            Ok((listed, trouble))
        })
        .await?;
        self.tell(trouble);
        Ok(listed)
    }

    /// Remembers a source whose lines were all read, and what its files taught.
    async fn keep(&self, source: Source, account: Arc<Account>) -> Result<Arc<Source>> {
        let source = Arc::new(source);
        if !source.survey.is_whole {
            return Ok(source);
        }
        // What may have changed without a trace is looked at again.
        if account.is_settled() {
            self.known().insert(source.config.name.clone(), Arc::clone(&source));
        }
        if self.project.facts {
            let (root, kept) = (self.project.root.clone(), Arc::clone(&source));
            self.tell(aside(move || Ok(facts::keep(&root, &kept, &account))).await?);
        }
        Ok(source)
    }

    fn tell(&self, trouble: Option<String>) {
        let mut notes = self.notes();
        let is_new = trouble.as_ref().is_some_and(|trouble| !notes.contains(trouble));
        notes.extend(trouble.filter(|_| is_new));
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Vec<String>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The files of the source called `name`, without a look at what they hold.
    ///
    /// **Errors**: as [`Catalog::open`], less those about content.
    pub async fn list(&self, name: &str) -> Result<Listed> {
        let config = self.project.source(name)?.clone();
        if let Some(scope) = self.scopes.get(name) {
            return Listed::scoped(config, scope.clone());
        }
        let root = self.project.root.clone();
        aside(move || {
            let files = listing::list(&root, &config.paths)?;
            Listed::new(config, files)
        })
        .await
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Source>>> {
        // What a panicking thread left behind is a whole map.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Source {
    fn new(listed: Listed, survey: Survey) -> Result<Self> {
        let config = &listed.config;
        listed.folders.check_against(&survey, &config.name)?;
        match survey.first_rejects.first() {
            Some(reject) if config.on_reject == OnReject::Fail => {
                Err(Error::data(format!("line {} of `{}` is no row ({})", reject.line, reject.file, reject.reason))
                    .with_excerpt(reject.excerpt.clone())
                    .with_hint(format!("mend the line, or let `{}` keep rejects: on_reject = \"keep\"", config.name)))
            }
            _ => Ok(Self { listed, survey, accounts: Mutex::default() }),
        }
    }

    /// Where a scan enters what it finds; `None` where all is known.
    fn start_account(&self) -> Option<Arc<Account>> {
        if self.survey.is_whole {
            return None;
        }
        let account = self.account();
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&account));
        Some(account)
    }

    /// The account that most was entered in, an empty one where nothing was scanned.
    fn fullest_account(&self) -> Arc<Account> {
        let accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        let fullest = accounts.iter().max_by_key(|account| account.lines());
        fullest.map_or_else(|| self.account(), Arc::clone)
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
            Some(reject) => error.with_excerpt(reject.excerpt.clone()),
            None => error,
        })
    }
}

/// Does what waits for the disk where nobody else waits for it.
async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(failure) if failure.is_panic() => std::panic::resume_unwind(failure.into_panic()),
        Err(_) => Err(Error::Stopped),
    }
}

fn no_files(config: &SourceConfig, root: &Path) -> Error {
    let patterns: Vec<String> = config.paths.iter().map(|pattern| format!("`{pattern}`")).collect();
    let patterns = patterns.join(", ");
    let name = &config.name;
    // By itself it writes where the source without a project file is.
    let generate = match config.paths == SourceConfig::default().paths {
        true => "tidemill generate -e 1000",
        false => "tidemill generate -e 1000 --output FILE",
    };
    let folder = config.paths.first().and_then(|pattern| listing::folder_of(root, pattern));
    match folder.filter(|folder| !folder.exists()) {
        Some(folder) => Error::input(format!("folder `{}` of source `{name}` does not exist", folder.display()))
            .with_hint(format!("create it and put event files there, or try some: {generate}")),
        None => Error::input(format!("no file matches {patterns} of source `{name}`"))
            .with_hint(format!("put event files there, or try some: {generate}")),
    }
}
