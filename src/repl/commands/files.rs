//! Scripts, saved queries, and the person's editor.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use super::words::Words;
use crate::dialect;
use crate::document;
use crate::error::{Error, Result};
use crate::query;
use crate::repl::shell::{LAST, Shell};
use crate::run::{self, Extent, Options, Progress, Target};

/// `\i`
pub(super) fn include(shell: &mut Shell, words: &Words) -> Result<()> {
    let path = words.the_one("a file")?;
    shell.include(Path::new(&path))
}

/// `\run`
pub(super) fn run_query(shell: &mut Shell, words: &Words) -> Result<()> {
    let path = shell.project.query(&words.the_one("the name of a saved query")?)?;
    let query = query::load(&path, path.strip_prefix(&shell.project.root).unwrap_or(&path))?;
    let target = Target::of(&query, &shell.project, &Options::default())?;
    let mut declared = query.settings.params.clone();
    let names: Vec<String> = declared.iter().map(|parameter| parameter.name.clone()).collect();
    let given = shell.given.only(&names).declare(&mut declared, &[])?.values(names.iter().map(String::as_str))?;
    let progress = Arc::new(Progress::default());
    let (session, counts) = (shell.session.clone(), Arc::clone(&progress));
    shell.report(
        &progress,
        async move { run::query(&session, &query, &target, &given, Extent::default(), &counts).await },
    )
}

/// `\save`
pub(super) fn save(shell: &mut Shell, words: &Words) -> Result<()> {
    let (replaces, name) = match words.args()?.as_slice() {
        [name] => (false, name.clone()),
        [flag, name] if flag == "-f" => (true, name.clone()),
        _ => {
            return Err(
                Error::request("`\\save` takes a name").with_hint("\\save daily_visits; -f replaces one that is there")
            );
        }
    };
    let name = name.trim_end_matches(".sql");
    let is_name = |char: char| char.is_alphanumeric() || matches!(char, '_' | '-' | '.' | ' ');
    if name.is_empty() || name.starts_with(['.', '-', ' ']) || name.ends_with(' ') || !name.chars().all(is_name) {
        return Err(Error::request(format!("`{}` is no name of a saved query", name.escape_debug()))
            .with_hint("letters, digits, `_`, `-` and points, for example: \\save daily_visits"));
    }
    let text = script(shell)?;
    let folder = &shell.project.queries_dir;
    let path = folder.join(format!("{name}.sql"));
    if path.exists() && !replaces {
        return Err(Error::request(format!("there is a saved query `{name}`"))
            .with_hint(format!("replace it with \\save -f {name}, or give another name")));
    }
    fs::create_dir_all(folder).map_err(|error| Error::unwritable(folder, error))?;
    super::write_whole(&path, &text)?;
    let place = path.strip_prefix(&shell.surroundings.here).unwrap_or(&path).display();
    shell.note(&format!("saved as {place}; \\run {name} publishes its result"));
    Ok(())
}

/// The last statement as a file that needs no session: as it was typed, or, where it uses what was defined before, as one
/// statement with that in it.
fn script(shell: &Shell) -> Result<String> {
    let script = shell.last_statement()?;
    let whole = dialect::completed(&script, &shell.definitions)?;
    let kept: Vec<&str> = shell.named.keys().map(String::as_str).chain([LAST]).collect();
    if let Some(name) = whole.tables.iter().find(|table| kept.contains(&table.as_str())) {
        return Err(Error::request(format!("the statement reads the result `{name}`, which lives in this session"))
            .with_hint("put the statement that made it in its place: WITH … AS (…)"));
    }
    let mut text = String::new();
    let used = dialect::parameters_in(&script);
    for (name, value) in shell.given.only(&used).pairs() {
        let (name, word) = name.split_once(':').unwrap_or((name, "varchar"));
        let value = toml::Value::String(value.clone());
        text += &format!("--@ params.{name} = {{ type = \"{word}\", default = {value} }}\n");
    }
    for (option, value) in shell.definitions.options() {
        text += &format!("SET {option} = '{}';\n", value.replace('\'', "''"));
    }
    text += &match whole.sql {
        Some(sql) => format!("{sql};\n"),
        None => format!("{}\n", script.text.trim()),
    };
    Ok(text)
}

/// `\e`
pub(super) fn edit(shell: &mut Shell, words: &Words) -> Result<()> {
    let file = words.one("a file")?;
    if !shell.surroundings.is_interactive {
        return Err(Error::request("`\\e` needs a terminal"));
    }
    let editor = shell.surroundings.editor.clone().unwrap_or_else(|| "vi".to_owned());
    let failed = |source| Error::machine(format!("the editor `{editor}` failed")).with_source(source);
    let draft = match &file {
        Some(_) => None,
        None => {
            let mut draft = tempfile::Builder::new().suffix(".sql").tempfile().map_err(failed)?;
            let before = shell.statement.as_ref().map(|script| script.text.as_str());
            draft.write_all(before.unwrap_or_default().as_bytes()).map_err(failed)?;
            Some(draft)
        }
    };
    let path = match (&file, &draft) {
        (Some(file), _) => Path::new(file),
        (None, Some(draft)) => draft.path(),
        (None, None) => return Ok(()),
    };
    // An editor is a command line, with options and all, as other programs take it.
    let status =
        Command::new("sh").args(["-c", &format!("{editor} \"$1\""), "sh"]).arg(path).status().map_err(failed)?;
    shell.interrupts.forget();
    if !status.success() {
        return Err(Error::machine(format!("the editor `{editor}` failed ({status})"))
            .with_hint("set VISUAL, or EDITOR, to yours"));
    }
    shell.draft = Some(document::read(path)?.trim_end().to_owned());
    Ok(())
}
