//! The session itself: settings and parameters, asking again, plans, what was typed, the project.

use std::sync::Arc;
use std::time::Duration;

use super::words::Words;
use crate::display::standard::say;
use crate::error::{Error, Result};
use crate::project::Project;
use crate::repl::editor::history as typed;
use crate::repl::settings::{SETTINGS, Settings};
use crate::repl::shell::{LAST, Shell};
use crate::runtime;
use crate::session::Session;

/// As psql does without a number.
const WATCH: Duration = Duration::from_secs(2);
/// Statements that `\history` shows without a number.
const HISTORY: usize = 20;

/// `\set`
pub(super) fn set(shell: &mut Shell, words: &Words) -> Result<()> {
    let args = words.args()?;
    let (name, value) = match args.as_slice() {
        [] => return list(shell),
        [name] => (name, String::new()),
        [name, rest @ ..] => (name, rest.join(" ")),
    };
    if Settings::has(name) {
        if args.len() > 1 {
            shell.settings.set(name, &value)?;
        }
        shell.note(&format!("{name} is {}", shell.settings.get(name)));
        return Ok(());
    }
    let name = name.trim_start_matches('$');
    let (bare, word) = name.split_once(':').map_or((name, None), |(bare, word)| (bare, Some(word)));
    let is_name = !bare.is_empty() && bare.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name {
        return Err(
            Error::request(format!("`{bare}` is no name of a parameter")).with_hint("\\set day:date 2024-03-01")
        );
    }
    if let Some(word) = word {
        word.parse::<crate::dialect::ParameterType>().map_err(|e| Error::request(e.to_string()).with_hint(e.hint()))?;
    }
    shell.given.set(name, &value);
    Ok(())
}

fn list(shell: &mut Shell) -> Result<()> {
    let mut text = String::new();
    for setting in SETTINGS {
        let values = setting.values.join(", ");
        text += &format!("{:9} {:9} {} ({values})\n", setting.name, shell.settings.get(setting.name), setting.help);
    }
    for (name, value) in shell.given.pairs() {
        text += &format!("${name} = {value}\n");
    }
    shell.output.write(&text)
}

/// `\unset`
pub(super) fn unset(shell: &mut Shell, words: &Words) -> Result<()> {
    let name = words.the_one("the name of a parameter")?;
    if shell.given.unset(name.trim_start_matches('$')) {
        return Ok(());
    }
    Err(Error::request(format!("`{name}` has no value")).with_hint("\\set lists those that have"))
}

/// `\watch`
pub(super) fn watch(shell: &mut Shell, words: &Words) -> Result<()> {
    let pause = match words.one("a time, such as 2s")? {
        None => WATCH,
        Some(word) => pause(&word)?,
    };
    let script = shell.last_statement()?;
    loop {
        shell.ask(&script)?;
        let Shell { runtime, interrupts, .. } = shell;
        match runtime.block_on(interrupts.during(pause)) {
            None => {}
            Some(runtime::CTRL_C) => return Ok(()),
            Some(signal) => return Err(Error::Interrupted(signal)),
        }
    }
}

fn pause(word: &str) -> Result<Duration> {
    let seconds = word.parse::<f64>().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    let parsed = seconds.or_else(|| humantime::parse_duration(word).ok());
    parsed.ok_or_else(|| Error::request(format!("`{word}` is no time")).with_hint("write for example 2s, 500ms or 1m"))
}

/// `\plan`
pub(super) fn plan(shell: &mut Shell, _: &Words) -> Result<()> {
    let statement = shell.last_statement()?.text;
    // What stands before it on its line may be the end of another.
    shell.ask_aside(&format!("EXPLAIN {}", statement.trim_start_matches([';', ' ', '\n', '\t'])))
}

/// `\p`
pub(super) fn print_statement(shell: &mut Shell, _: &Words) -> Result<()> {
    let statement = shell.last_statement()?.text;
    shell.output.write(&format!("{statement}\n"))
}

/// `\history`
pub(super) fn history(shell: &mut Shell, words: &Words) -> Result<()> {
    let count = match words.one("a number")? {
        None => HISTORY,
        Some(word) => word.parse().map_err(|_| Error::request(format!("`{word}` is no number")))?,
    };
    let Some(path) = &shell.surroundings.history else {
        return Err(Error::request("what is typed is not remembered here"));
    };
    let text: String = typed::last(path, count)?.iter().map(|line| format!("{line}\n")).collect();
    shell.output.write(&text)
}

/// `\echo`
pub(super) fn echo(shell: &mut Shell, words: &Words) -> Result<()> {
    let text = words.args()?.join(" ");
    shell.output.write(&format!("{text}\n"))
}

/// `\q`
pub(super) fn quit(shell: &mut Shell, _: &Words) -> Result<()> {
    shell.leave();
    Ok(())
}

/// `\reload`
pub(super) fn reload(shell: &mut Shell, _: &Words) -> Result<()> {
    let place = shell.project.file.clone().unwrap_or_else(|| shell.project.root.clone());
    let project = Arc::new(Project::open(&place)?);
    let session = Session::new(Arc::clone(&project), shell.surroundings.access)?;
    let names = shell.runtime.block_on(shell.session.tables()).into_iter().map(|(name, _)| name);
    for name in names.filter(|name| name != LAST && !shell.named.contains_key(name)) {
        say(&format!("warning: the table `{name}`, which was created, is gone"));
    }
    shell.definitions.read_by_default(project.default_source().map(|source| source.name.as_str()));
    let kept = shell.named.iter().map(|(name, kept)| (name.as_str(), kept));
    for (name, kept) in kept.chain(shell.result.as_ref().map(|kept| (LAST, kept))) {
        // A source may have its name now.
        if let Err(error) = session.keep(name, kept) {
            say(&format!("warning: {}", error.chain()));
        }
    }
    shell.observer.rebind(&session, &shell.runtime);
    shell.session = session;
    shell.project = project;
    shell.note(&format!("sources: {}", shell.project.sources.len()));
    Ok(())
}
