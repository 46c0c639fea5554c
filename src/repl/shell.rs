//! The state of a shell, and the way of a text through it.

use std::collections::BTreeMap;
use std::io::BufRead;
use std::path::Path;
use std::sync::Arc;

use super::Surroundings;
use super::commands;
use super::items::{Item, Items, Placed, is_farewell};
use super::observer::Observer;
use super::output::Output;
use super::settings::{Settings, Theme};
use crate::dialect::{Definitions, Given, Script};
use crate::display::layout::Layout;
use crate::display::mode::Mode;
use crate::display::standard::{say, tell_failure};
use crate::document;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::runtime::{self, Insistence, Interrupts, Threads};
use crate::session::{Kept, Session};

/// Scripts within scripts; more is a script that includes itself.
const MAX_DEPTH: usize = 16;
/// Threads beside those that statements keep busy, so that waiting has a clock.
const WATCHING: usize = 1;
/// A longer value is cut where a person reads: a text of a megabyte is for a file.
const MAX_CELL: usize = 4000;
/// What a terminal has that does not tell.
const WIDTH: usize = 80;
/// The name of the last result.
pub(super) const LAST: &str = "_";

/// A shell over a project.
pub struct Shell {
    pub(super) runtime: Threads,
    pub(super) interrupts: Interrupts,
    pub(super) project: Arc<Project>,
    pub(super) session: Session,
    /// Views, functions and options of all statements so far.
    pub(super) definitions: Definitions,
    pub(super) given: Given,
    pub(super) settings: Settings,
    pub(super) output: Output,
    pub(super) surroundings: Surroundings,
    /// The last statement that answered, or should have.
    pub(super) statement: Option<Script>,
    /// Its rows.
    pub(super) result: Option<Arc<Kept>>,
    /// Results that have names.
    pub(super) named: BTreeMap<String, Arc<Kept>>,
    /// What is to stand in the editor next.
    pub(super) draft: Option<String>,
    pub(super) observer: Observer,
    keep_going: bool,
    is_left: bool,
    depth: usize,
    /// The gravest failure so far.
    gravest: Option<u8>,
}

impl Shell {
    /// **Errors**: `Machine`, if threads cannot be started; `Internal`, if the engine cannot be set up.
    pub fn new(project: Arc<Project>, surroundings: Surroundings, keep_going: bool) -> Result<Self> {
        let runtime = Threads::start(project.limits.num_threads() + WATCHING)?;
        let interrupts = runtime.block_on(async { Interrupts::listen(Insistence::WhenEnded) })?;
        let session = Session::new(Arc::clone(&project), surroundings.access)?;
        let is_interactive = surroundings.is_interactive;
        let theme: Theme = surroundings.theme.parse()?;
        let mode = if is_interactive { Mode::Table } else { Mode::Ndjson };
        let observer = Observer::new(&session, is_interactive);
        Ok(Self {
            runtime,
            interrupts,
            definitions: Definitions::over(project.default_source().map(|source| source.name.as_str())),
            given: surroundings.given.clone(),
            settings: Settings::new(mode, theme, is_interactive),
            output: Output::default(),
            statement: None,
            result: None,
            named: BTreeMap::new(),
            draft: None,
            observer,
            keep_going,
            is_left: false,
            depth: 0,
            gravest: None,
            project,
            session,
            surroundings,
        })
    }

    /// What a person is told in the beginning.
    pub(super) fn greeting(&self) -> String {
        let version = env!("CARGO_PKG_VERSION");
        format!("tidemill {version}. Statements end with `;`. Tab completes, \\? shows commands, Ctrl-D or \\q leaves.")
    }

    /// Does what a person typed; failures are told.
    ///
    /// **Errors**: the first failure; `Interrupted` for a signal that ends the shell, `ClosedPipe` where nobody reads.
    pub fn typed(&mut self, text: &str) -> Result<()> {
        // From here on Ctrl-C is meant for what was typed, however many statements that is.
        self.interrupts.forget();
        self.script("statement", text)
    }

    /// Does what a text says.
    ///
    /// **Errors**: as [`Shell::typed`].
    pub fn script(&mut self, name: &str, text: &str) -> Result<()> {
        if self.surroundings.is_interactive && is_farewell(text) {
            self.leave();
            return Ok(());
        }
        let mut lines = text.lines();
        self.lines(name, |_| lines.next().map(|line| Ok(line.to_owned())))
    }

    /// Does what the script at `path` says; paths in it are those of the current folder.
    ///
    /// **Errors**: as [`Shell::typed`]; `Request` for a script that cannot be read, or that includes itself.
    pub fn include(&mut self, path: &Path) -> Result<()> {
        if self.depth == MAX_DEPTH {
            return Err(Error::request(format!("`{}` is included {MAX_DEPTH} deep", path.display()))
                .with_hint("does it include itself?"));
        }
        let text = document::read(path)?;
        self.depth += 1;
        let mut lines = text.lines();
        let done = self.lines(&path.display().to_string(), |_| lines.next().map(|line| Ok(line.to_owned())));
        self.depth -= 1;
        done
    }

    /// Does what standard input says, line by line as it comes.
    ///
    /// **Errors**: as [`Shell::typed`]; `Input`, if it cannot be read; `Interrupted`, also while it waits for a line.
    pub fn stdin(&mut self) -> Result<()> {
        let (sender, mut lines) = tokio::sync::mpsc::channel(64);
        let read = move || {
            for line in std::io::stdin().lock().lines() {
                let unreadable = |error| Error::input("cannot read standard input").with_source(error);
                if sender.blocking_send(line.map_err(unreadable)).is_err() {
                    break;
                }
            }
        };
        let failed = |error| Error::machine("cannot start a thread").with_source(error);
        std::thread::Builder::new().name("stdin".to_owned()).spawn(read).map_err(failed)?;
        self.lines("standard input", |shell| {
            let Self { runtime, interrupts, .. } = shell;
            let line = interrupts.end(async { Ok(lines.recv().await) });
            runtime.block_on(line).and_then(Option::transpose).transpose()
        })
    }

    fn lines(&mut self, name: &str, mut next: impl FnMut(&mut Self) -> Option<Result<String>>) -> Result<()> {
        let mut items = Items::default();
        let mut is_first = true;
        while let Some(line) = next(self) {
            let line = line?;
            let line = if is_first { line.trim_start_matches('\u{feff}') } else { &line };
            is_first = false;
            for placed in items.push(line) {
                self.item(name, placed)?;
                if self.is_left {
                    return Ok(());
                }
            }
        }
        match items.finish() {
            Some(placed) => self.item(name, placed),
            None => Ok(()),
        }
    }

    /// Does one thing, and tells how it failed.
    fn item(&mut self, name: &str, placed: Placed) -> Result<()> {
        let Placed { item, line, column } = placed;
        let script = |text| Script { name: name.to_owned(), text };
        let done = match (self.interrupts.pending(), item) {
            (Some(signal), _) => Err(Error::Interrupted(signal)),
            (None, Item::Command(text)) => commands::run(self, &text),
            (None, Item::Statement(text)) => self.ask(&script(text)),
            (None, Item::Both(text, command)) => commands::run_with(self, &script(text), &command),
        };
        if let Some(statement) = &mut self.statement {
            // Its place is in what was read just now, and in nothing that comes.
            "statement".clone_into(&mut statement.name);
        }
        self.observer.look(&self.definitions, self.given.pairs());
        let Err(error) = done else { return Ok(()) };
        let error = error.moved(name, line, column);
        self.gravest = self.gravest.max(Some(error.exit_code()));
        match error {
            Error::ClosedPipe | Error::Told(_) => return Err(error),
            Error::Interrupted(runtime::CTRL_C) if self.surroundings.is_interactive => say("cancelled"),
            Error::Interrupted(_) => return Err(error),
            _ => tell_failure(&error),
        }
        if self.keep_going { Ok(()) } else { Err(Error::Told(error.exit_code())) }
    }

    /// How scripts went that went on after failures.
    ///
    /// **Errors**: `Told` with the exit code of the gravest failure.
    pub fn verdict(&self) -> Result<()> {
        self.gravest.map_or(Ok(()), |exit_code| Err(Error::Told(exit_code)))
    }

    /// Whether somebody has asked to leave.
    pub fn is_left(&self) -> bool {
        self.is_left
    }

    /// What to end with when the process was asked to end.
    pub(super) fn stopped(&mut self) -> Error {
        Error::Interrupted(self.runtime.block_on(self.interrupts.next()))
    }

    pub(super) fn leave(&mut self) {
        self.is_left = true;
    }

    /// How results are laid out now.
    pub(super) fn layout(&self) -> Layout {
        let Settings { rows, width, null, expanded, theme, table, .. } = &self.settings;
        let to_terminal = self.surroundings.is_interactive && !self.output.is_file();
        Layout {
            width: width.or_else(|| to_terminal.then(|| size().0)),
            max_rows: (*rows < usize::MAX).then_some(*rows),
            null: null.clone(),
            colour: to_terminal && self.surroundings.colour && *theme != Theme::None,
            expanded: *expanded,
            table_name: table.clone(),
            for_terminal: to_terminal,
            max_cell: to_terminal.then_some(MAX_CELL),
        }
    }

    /// Prints a line where a person reads it, and nothing in a script.
    pub(super) fn note(&self, line: &str) {
        if self.surroundings.is_interactive {
            say(line);
        }
    }

    /// **Errors**: `Request`, if there is no last result.
    pub(super) fn last_result(&self) -> Result<Arc<Kept>> {
        self.result.clone().ok_or_else(|| {
            Error::request("there is no result yet").with_hint("ask something first: SELECT * LIMIT 10;")
        })
    }

    /// **Errors**: `Request`, if there is no last statement.
    pub(super) fn last_statement(&self) -> Result<Script> {
        let error = || Error::request("there is no statement yet").with_hint("type one, and end it with `;`");
        self.statement.clone().ok_or_else(error)
    }
}

/// Columns and rows of the terminal.
pub(super) fn size() -> (usize, usize) {
    match crossterm::terminal::size() {
        Ok((columns, rows)) if columns > 0 && rows > 0 => (columns.into(), rows.into()),
        _ => (WIDTH, 24),
    }
}
