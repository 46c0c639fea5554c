//! The commands of the shell, in the two dialects that people know: `\d` of psql, `.tables` of DuckDB and SQLite.
//!
//! One table says what there is: names, what they take, a line about each. What a command does stands in the file of its theme.

mod chart;
mod describe;
mod files;
mod results;
mod session;
mod words;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use super::assist;
use super::settings::SETTINGS;
use super::shell::Shell;
use crate::dialect::Script;
use crate::display::chart::Kind;
use crate::display::mode::Mode;
use crate::error::{Error, Result};
use crate::suggest;
use words::Words;

/// A command.
struct Command {
    /// The first is what help shows.
    names: &'static [&'static str],
    /// What may follow, as help shows it.
    usage: &'static str,
    help: &'static str,
    theme: &'static str,
    takes: Takes,
    /// Whether it acts on the statement that it ends, instead of after it was asked.
    acts_on_statement: bool,
    run: fn(&mut Shell, &Words) -> Result<()>,
}

/// What completion offers behind a command.
#[derive(Clone, Copy)]
enum Takes {
    Nothing,
    Table,
    Function,
    Query,
    File,
    Command,
    Setting,
    Mode,
    Chart,
    OnOff,
}

const ASK: &str = "statements";
const SHOW: &str = "what there is";
const LOOK: &str = "results";
const FILES: &str = "files and saved queries";
const SHELL: &str = "the shell";

/// All commands, in the order in which help shows them.
fn all() -> &'static [Command] {
    static ALL: OnceLock<Vec<Command>> = OnceLock::new();
    ALL.get_or_init(|| [ask(), show(), look(), saved(), shell()].into_iter().flatten().collect())
}

fn command(
    theme: &'static str,
    names: &'static [&'static str],
    usage: &'static str,
    takes: Takes,
    help: &'static str,
    run: fn(&mut Shell, &Words) -> Result<()>,
) -> Command {
    Command { names, usage, help, theme, takes, acts_on_statement: false, run }
}

impl Command {
    fn on_statement(mut self) -> Self {
        self.acts_on_statement = true;
        self
    }
}

fn ask() -> Vec<Command> {
    vec![
        command(
            ASK,
            &["\\g"],
            "[FILE]",
            Takes::File,
            "ask the statement (again); publish its rows at FILE",
            results::go,
        )
        .on_statement(),
        command(ASK, &["\\gx"], "", Takes::Nothing, "the same, a block per row", results::go_expanded).on_statement(),
        command(ASK, &["\\watch"], "[2s]", Takes::Nothing, "ask it again and again, until Ctrl-C", session::watch)
            .on_statement(),
        command(ASK, &["\\plan"], "", Takes::Nothing, "show how the engine would answer it", session::plan)
            .on_statement(),
        command(ASK, &["\\e", "\\edit", ".edit"], "[FILE]", Takes::File, "edit it, or a file, in $EDITOR", files::edit)
            .on_statement(),
        command(ASK, &["\\p"], "", Takes::Nothing, "print it", session::print_statement).on_statement(),
        command(
            ASK,
            &["\\history", "\\s"],
            "[N]",
            Takes::Nothing,
            "the last statements that were typed",
            session::history,
        ),
    ]
}

fn show() -> Vec<Command> {
    vec![
        command(
            SHOW,
            &["\\d", "\\d+", ".schema"],
            "[TABLE]",
            Takes::Table,
            "columns of a table; tables",
            describe::table,
        ),
        command(SHOW, &["\\dt", ".tables"], "", Takes::Nothing, "tables and results", describe::tables),
        command(
            SHOW,
            &["\\df", ".functions"],
            "[FUNCTION]",
            Takes::Function,
            "what a function does",
            describe::functions,
        ),
        command(SHOW, &["\\sources", "\\l"], "", Takes::Nothing, "sources, their files and sizes", describe::sources),
        command(SHOW, &["\\rejects"], "[SOURCE]", Takes::Table, "lines that are no rows, and why", describe::rejects),
        command(SHOW, &["\\conninfo"], "", Takes::Nothing, "the project, threads and memory", describe::conninfo),
    ]
}

fn look() -> Vec<Command> {
    vec![
        command(LOOK, &["\\x"], "[on|off|auto]", Takes::OnOff, "a block per row instead of a table", results::expanded),
        command(
            LOOK,
            &["\\format", ".mode", "\\mode"],
            "[MODE]",
            Takes::Mode,
            "what results look like",
            results::format,
        ),
        command(LOOK, &["\\more", "\\page"], "", Takes::Nothing, "all of the last result in a pager", results::more),
        command(
            LOOK,
            &["\\chart"],
            "[KIND] [X [Y …]] [> FILE]",
            Takes::Chart,
            "draw the last result; as .svg, .html or .json at FILE",
            chart::draw,
        ),
        command(LOOK, &["\\as"], "NAME", Takes::Nothing, "call the last result so; `_` is it, too", results::name),
        command(LOOK, &["\\forget"], "NAME", Takes::Table, "let go of a result", results::forget),
        command(
            LOOK,
            &["\\timing", ".timer"],
            "[on|off]",
            Takes::OnOff,
            "tell how long statements take",
            results::timing,
        ),
        command(
            LOOK,
            &[".width", "\\width"],
            "[N]",
            Takes::Nothing,
            "columns of a line; the terminal's without",
            results::width,
        ),
        command(
            LOOK,
            &["\\o", ".output"],
            "[FILE]",
            Takes::File,
            "results go to FILE; back here without",
            results::output,
        ),
    ]
}

fn saved() -> Vec<Command> {
    vec![
        command(FILES, &["\\i", ".read"], "FILE", Takes::File, "do what a script says", files::include),
        command(
            FILES,
            &["\\save"],
            "[-f] NAME",
            Takes::Query,
            "save the statement as a query; -f replaces",
            files::save,
        )
        .on_statement(),
        command(FILES, &["\\run"], "NAME", Takes::Query, "run a saved query, and publish its result", files::run_query),
        command(FILES, &["\\reload"], "", Takes::Nothing, "read the project file again", session::reload),
    ]
}

fn shell() -> Vec<Command> {
    vec![
        command(
            SHELL,
            &["\\set"],
            "[NAME [VALUE]]",
            Takes::Setting,
            "settings, and values of $parameters",
            session::set,
        ),
        command(SHELL, &["\\unset"], "NAME", Takes::Nothing, "take a parameter's value back", session::unset),
        command(SHELL, &["\\echo", ".print"], "TEXT", Takes::Nothing, "print a text", session::echo),
        command(SHELL, &["\\?", "\\h", "\\help", ".help"], "[COMMAND]", Takes::Command, "this list", describe::help),
        command(SHELL, &["\\q", "\\quit", ".quit", ".exit"], "", Takes::Nothing, "leave", session::quit),
    ]
}

/// Does a command.
///
/// **Errors**: `Request`, for one that there is none of, or that does not take what it is given; its own.
pub(super) fn run(shell: &mut Shell, text: &str) -> Result<()> {
    let words = Words::of(text);
    let command = find(words.name())?;
    if command.usage.is_empty() && !words.rest().is_empty() {
        return Err(Error::request(format!(
            "`{}` takes nothing, and `{}` stands behind it",
            words.name(),
            words.rest()
        )));
    }
    (command.run)(shell, &words)
}

/// Does a command that ends a statement.
///
/// **Errors**: those of the statement; as [`run`].
pub(super) fn run_with(shell: &mut Shell, script: &Script, text: &str) -> Result<()> {
    if find(Words::of(text).name())?.acts_on_statement {
        shell.statement = Some(script.clone());
    } else {
        shell.ask(script)?;
    }
    run(shell, text)
}

/// Writes a file whole or not at all, with the permissions of the one before, or those of any new file.
fn write_whole(path: &Path, text: &str) -> Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let permissions = fs::metadata(path).map_or_else(|_| Permissions::from_mode(0o666), |file| file.permissions());
    let written = tempfile::Builder::new().permissions(permissions).tempfile_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)
    });
    written.map(drop).map_err(|error| Error::unwritable(path, error))
}

fn find(name: &str) -> Result<&'static Command> {
    let found = all().iter().find(|command| command.names.contains(&name));
    found.ok_or_else(|| {
        let names = all().iter().flat_map(|command| command.names).copied();
        let hint = match suggest::nearest(name, names) {
            Some(near) => format!("did you mean `{near}`? \\? shows all"),
            None => "\\? shows those that there are".to_owned(),
        };
        Error::request(format!("there is no command `{name}`")).with_hint(hint)
    })
}

/// The commands for completion.
pub(super) fn known() -> Vec<assist::Command> {
    let of = |command: &'static Command| {
        command.names.iter().map(|name| assist::Command {
            name: (*name).to_owned(),
            takes: takes(command.takes),
            help: command.help.to_owned(),
        })
    };
    all().iter().flat_map(of).collect()
}

fn takes(takes: Takes) -> assist::Takes {
    let words =
        |words: &[&str]| assist::Takes::Words(words.iter().map(|word| ((*word).to_owned(), String::new())).collect());
    match takes {
        Takes::Nothing => assist::Takes::Nothing,
        Takes::Table => assist::Takes::Table,
        Takes::Function => assist::Takes::Function,
        Takes::Query => assist::Takes::Query,
        Takes::File => assist::Takes::File,
        Takes::Command => assist::Takes::Command,
        Takes::OnOff => words(&["on", "off"]),
        Takes::Mode => words(&Mode::ALL.map(Mode::name)),
        Takes::Chart => words(&Kind::ALL.map(Kind::name)),
        Takes::Setting => assist::Takes::Words(
            SETTINGS.iter().map(|setting| (setting.name.to_owned(), setting.help.to_owned())).collect(),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_of_one_command_each() {
        let mut names: Vec<&str> = all().iter().flat_map(|command| command.names).copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
        assert!(names.iter().all(|name| name.starts_with(['\\', '.'])));
    }

    #[test]
    fn an_unknown_one_gets_the_nearest() {
        let hint = |name: &str| find(name).err().unwrap().problem().unwrap().hint.clone().unwrap();
        assert_eq!(hint("\\timng"), "did you mean `\\timing`? \\? shows all");
        assert_eq!(hint("\\zzz"), "\\? shows those that there are");
    }
}
