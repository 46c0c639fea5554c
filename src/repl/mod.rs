//! The shell: statements and commands as they are typed, or from a script, one after the other.
//!
//! The life of what is typed is the module list: `editor` reads it with the help of `assist`, which knows what `observer` has
//! seen; `items` makes statements and commands of it; `ask` has statements answered, and `commands` do all else. It is a front
//! end only: what it does goes through the same functions as `tidemill sql` and `tidemill run`. Arguments and environment are
//! read by who starts it.

mod ask;
pub mod assist;
mod commands;
mod editor;
mod items;
mod observer;
mod output;
mod pager;
mod settings;
mod shell;

use std::path::PathBuf;
use std::sync::Arc;

pub use pager::External as Pager;
pub use shell::Shell;

use crate::dialect::Given;
use crate::display::standard::{say, tell_failure};
use crate::error::{Error, Result};
use crate::project::Project;
use crate::session::Access;
use editor::{Editor, Read};

/// What whoever starts the shell knows of the world around it.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Whether a person types at a terminal, and reads there.
    pub is_interactive: bool,
    /// Whether standard output shows colours.
    pub colour: bool,
    /// `dark`, `light` or `none`.
    pub theme: String,
    /// Whether statements may make tables and write files.
    pub access: Access,
    /// Values for parameters.
    pub given: Given,
    /// Where what is typed is remembered; nowhere without.
    pub history: Option<PathBuf>,
    /// The command line of the person's editor.
    pub editor: Option<String>,
    /// The person's pager.
    pub pager: Option<Pager>,
    /// The current folder.
    pub here: PathBuf,
}

/// What is read before anything else, and instead of a person or standard input.
#[derive(Debug, Clone, Default)]
pub struct Scripts {
    /// A script that is run first.
    pub rc: Option<PathBuf>,
    /// Texts that are run instead of reading.
    pub commands: Vec<String>,
    /// Whether a failure is no reason to end.
    pub keep_going: bool,
}

/// Runs the shell until it is left.
///
/// **Errors**: what ended a script: the first failure, told before, or with `keep_going` the gravest; `Interrupted` for a signal.
pub fn run(project: Arc<Project>, surroundings: Surroundings, scripts: &Scripts) -> Result<()> {
    let is_interactive = surroundings.is_interactive && scripts.commands.is_empty();
    let mut shell = Shell::new(project, surroundings, scripts.keep_going)?;
    if let Some(rc) = &scripts.rc {
        // What is wrong in it is told, and is no reason to keep a person out.
        match shell.include(rc) {
            Err(error) if is_interactive => {
                if !matches!(error, Error::Told(_)) {
                    tell_failure(&error);
                }
            }
            done => done?,
        }
        if shell.is_left() {
            return shell.verdict();
        }
    }
    if !scripts.commands.is_empty() {
        for text in &scripts.commands {
            shell.script("-c", text)?;
            if shell.is_left() {
                break;
            }
        }
        return shell.verdict();
    }
    if !is_interactive {
        return shell.stdin().and(shell.verdict());
    }
    interact(&mut shell)
}

fn interact(shell: &mut Shell) -> Result<()> {
    let mut editor = Editor::open(shell)?;
    say(&shell.greeting());
    loop {
        match editor.read(shell)? {
            Read::Text(text) => match shell.typed(&text) {
                Ok(()) => {}
                Err(error @ (Error::ClosedPipe | Error::Interrupted(_))) => return Err(error),
                // It was told.
                Err(_) => {}
            },
            Read::Nothing => {}
            Read::End => return Ok(()),
            Read::Stop => return Err(shell.stopped()),
        }
        if shell.is_left() {
            return Ok(());
        }
    }
}
