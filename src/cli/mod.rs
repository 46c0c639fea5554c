//! The command line: parse, call, print, exit. One file per subcommand.
//!
//! Standard output carries data, standard error everything else. Below this module nobody reads arguments, the
//! environment or the current folder, and nobody prints.

mod diff;
mod functions;
mod generate;
mod history;
mod params;
mod rejects;
mod repl;
mod replay;
mod rollback;
mod run;
mod schema;
mod sql;

use std::ffi::OsString;
use std::future::Future;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};

use crate::display::standard::tell_failure;
use crate::error::{Error, Result};
use crate::ledger;
use crate::project::Project;
use crate::runtime::{self, GRACE, Insistence, Interrupts};

/// Saved SQL over event files, from one binary.
///
/// Event files (JSON lines) fill inputs/*.out and are the table `events`; SQL files in queries/ are run over them;
/// results are published in outputs/, whole or not at all. No line is lost, cast or dropped without being told.
#[derive(Debug, Parser)]
#[command(
    name = "tidemill",
    version,
    after_help = "Example: tidemill sql \"SELECT ip, id WHERE opted_into_marketing\""
)]
struct Cli {
    /// The project: a folder, or a project file [default: tidemill.toml here or above, else this folder]
    #[arg(long, global = true, value_name = "PATH", env = "TIDEMILL_PROJECT")]
    project: Option<PathBuf>,

    /// Read all of the inputs, whatever they taught before, and keep nothing of what they teach
    #[arg(long, global = true, env = "TIDEMILL_NO_FACTS", value_parser = clap::builder::FalseyValueParser::new())]
    no_facts: bool,

    /// Without one, a session at the terminal: see `tidemill repl`
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Diff(diff::Args),
    Functions(functions::Args),
    Generate(generate::Args),
    History(history::Args),
    Rejects(rejects::Args),
    Repl(repl::Args),
    Replay(replay::Args),
    Rollback(rollback::Args),
    Run(run::Args),
    Schema(schema::Args),
    Sql(sql::Args),
}

/// Runs the program and says how it ended.
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(std::env::args_os().map(comment));
    #[cfg(debug_assertions)]
    if let Ok(moment) = std::env::var("TIDEMILL_DIES_AT") {
        crate::failpoint::arm(moment);
    }
    match runtime::on_a_deep_stack(|| run(&cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tell_failure(&error);
            ExitCode::from(error.exit_code())
        }
    }
}

/// A statement that starts with a comment, `-- daily` or `--@ format = "csv"`, is no flag.
fn comment(arg: OsString) -> OsString {
    let bytes = arg.as_encoded_bytes();
    let is_one =
        bytes.strip_prefix(b"--").and_then(<[u8]>::first).is_some_and(|b| b.is_ascii_whitespace() || *b == b'@');
    if !is_one {
        return arg;
    }
    let mut statement = OsString::from(" ");
    statement.push(arg);
    statement
}

fn run(cli: &Cli) -> Result<()> {
    let Some(command) = &cli.command else {
        if !(std::io::stdin().is_terminal() && stdout_is_terminal()) {
            return Err(Error::request("there is no command")
                .with_hint("tidemill --help shows them; at a terminal, tidemill alone is a session"));
        }
        return Project::of(cli).and_then(|project| repl::run(&repl::Args::default(), project));
    };
    Project::of(cli).and_then(|project| match command {
        Command::Diff(args) => diff::run(args, &project),
        Command::Functions(args) => functions::run(args, project),
        Command::Generate(args) => generate::run(args, &project.root),
        Command::History(args) => history::run(args, project),
        Command::Rejects(args) => rejects::run(args, project),
        Command::Replay(args) => replay::run(args, project),
        Command::Repl(args) => repl::run(args, project),
        Command::Rollback(args) => rollback::run(args, &project),
        Command::Run(args) => run::run(args, project),
        Command::Schema(args) => schema::run(args, project),
        Command::Sql(args) => sql::run(args, project),
    })
}

impl Project {
    fn of(cli: &Cli) -> Result<Arc<Self>> {
        let project = match &cli.project {
            Some(path) => Self::open(path),
            None => Self::discover(Path::new(".")),
        };
        project.map(|project| Arc::new(Self { facts: !cli.no_facts, ..project }))
    }
}

/// Runs `work` on `threads` threads of the engine until it is done or a signal comes; then `work` is dropped, which cleans
/// up.
fn block_on<T>(threads: usize, work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = runtime::start(threads)?;
    let done = runtime.block_on(async { Interrupts::listen(Insistence::Always)?.end(work).await });
    if matches!(done, Err(Error::Interrupted(_))) {
        // A thread may wait for a store that does not answer.
        runtime.shutdown_timeout(GRACE);
    }
    done
}

/// Checks that a query is a saved one, or was.
///
/// **Errors**: `Request` with what it may be, if it is neither; `Machine`, if the ledger cannot be read.
fn check_query(project: &Project, query: &str) -> Result<()> {
    if ledger::has_run(&project.root, query)? { Ok(()) } else { project.query(query).map(drop) }
}

/// The path as one would type it from here.
fn from_here(path: &Path) -> String {
    path.strip_prefix(here()).unwrap_or(path).display().to_string()
}

/// The current folder; paths are told as one would type them there.
fn here() -> PathBuf {
    std::env::current_dir().unwrap_or_default()
}

fn stdout_is_terminal() -> bool {
    std::io::stdout().is_terminal()
}
