//! How results look, where they go, and what they are called.

use std::path::Path;
use std::sync::Arc;

use super::words::Words;
use crate::display::layout::Expanded;
use crate::display::mode::Mode;
use crate::display::rows::count_line;
use crate::error::{Error, Result};
use crate::repl::settings::flag;
use crate::repl::shell::{LAST, Shell};
use crate::run::Target;
use crate::sink::Format;
use crate::store::Location;

/// `\g`
pub(super) fn go(shell: &mut Shell, words: &Words) -> Result<()> {
    let script = shell.last_statement()?;
    match words.one("a file")? {
        Some(path) => shell.ask_into(&script, Path::new(&path)),
        None => shell.ask(&script),
    }
}

/// `\gx`
pub(super) fn go_expanded(shell: &mut Shell, words: &Words) -> Result<()> {
    let before = std::mem::replace(&mut shell.settings.expanded, Expanded::On);
    let done = go(shell, words);
    shell.settings.expanded = before;
    done
}

/// `\x`
pub(super) fn expanded(shell: &mut Shell, words: &Words) -> Result<()> {
    let toggled = if shell.settings.expanded == Expanded::On { "off" } else { "on" };
    let value = words.one("on, off or auto")?.unwrap_or_else(|| toggled.to_owned());
    set(shell, "expanded", &value)
}

/// `\timing`
pub(super) fn timing(shell: &mut Shell, words: &Words) -> Result<()> {
    let toggled = if shell.settings.timing { "off" } else { "on" };
    let value = words.one("on or off")?.unwrap_or_else(|| toggled.to_owned());
    flag("timing", &value)?;
    set(shell, "timing", &value)
}

/// `\format`
pub(super) fn format(shell: &mut Shell, words: &Words) -> Result<()> {
    match words.args()?.as_slice() {
        [] => shell.note(&format!("mode is {}", shell.settings.mode)),
        [mode] => return set(shell, "mode", mode),
        [mode, table] if mode.eq_ignore_ascii_case(Mode::Insert.name()) => {
            shell.settings.table.clone_from(table);
            return set(shell, "mode", mode);
        }
        [mode, ..] => return Err(Error::request(format!("`{mode}` takes no more words"))),
    }
    Ok(())
}

/// `.width`
pub(super) fn width(shell: &mut Shell, words: &Words) -> Result<()> {
    let value = words.one("a number of columns")?.unwrap_or_else(|| "auto".to_owned());
    set(shell, "width", &value)
}

fn set(shell: &mut Shell, name: &str, value: &str) -> Result<()> {
    shell.settings.set(name, value)?;
    shell.note(&format!("{name} is {}", shell.settings.get(name)));
    Ok(())
}

/// `\more`
pub(super) fn more(shell: &mut Shell, _: &Words) -> Result<()> {
    shell.page_last()
}

/// `\o`
pub(super) fn output(shell: &mut Shell, words: &Words) -> Result<()> {
    match words.one("a file")?.filter(|path| path != "stdout") {
        Some(path) if path.ends_with(".parquet") || path.ends_with(".arrow") => {
            Err(Error::request(format!("`{path}` would hold text"))
                .with_hint(format!("publish one result there: \\g {path}")))
        }
        Some(path) => {
            let path = Path::new(&path);
            check(shell, path)?;
            shell.output.redirect(path)
        }
        None => {
            shell.output.restore();
            Ok(())
        }
    }
}

/// **Errors**: `Request`, if a file there is what results are made of.
pub(super) fn check(shell: &Shell, path: &Path) -> Result<()> {
    if Location::is_url(path) {
        return Err(Error::request(format!("`{}` is a URL, and this goes to a file of this machine", path.display()))
            .with_hint("publish one result in a store: \\g s3://BUCKET/NAME.json"));
    }
    Target::at(path, Some(Format::Json))?.check(&shell.project)
}

/// `\as`
pub(super) fn name(shell: &mut Shell, words: &Words) -> Result<()> {
    let name = words.the_one("a name")?.to_lowercase();
    let is_name = !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    if !is_name || name == LAST {
        return Err(Error::request(format!("`{name}` is no name for a result"))
            .with_hint("names are letters, digits and _, such as `filtered`"));
    }
    let result = shell.last_result()?;
    let is_view = shell.definitions.views().any(|view| view.eq_ignore_ascii_case(&name));
    if is_view || shell.session.has_created(&name) && !shell.named.contains_key(&name) {
        let what = if is_view { "view" } else { "table" };
        return Err(Error::request(format!("there is a {what} `{name}`")).with_hint("give the result another name"));
    }
    shell.session.keep(&name, &result)?;
    shell.note(&format!("{name}: {}", count_line(result.rows, result.rows)));
    shell.named.insert(name, Arc::clone(&result));
    Ok(())
}

/// `\forget`
pub(super) fn forget(shell: &mut Shell, words: &Words) -> Result<()> {
    let name = words.the_one("the name of a result")?.to_lowercase();
    let is_last = name == LAST && shell.result.take().is_some();
    if !is_last && shell.named.remove(&name).is_none() {
        let names = shell.named.keys().map(String::as_str);
        let error = Error::request(format!("there is no result `{name}`"));
        return Err(error.with_hint_if(crate::suggest::hint("results", &name, names)));
    }
    shell.session.forget(&name);
    Ok(())
}
