//! What there is: tables, functions, sources, rejects, commands.

use std::fmt::Write;

use indicatif::HumanBytes;

use super::words::Words;
use super::{all, find};
use crate::catalog::Listed;
use crate::display::functions;
use crate::error::{Error, Result};
use crate::ndjson::listing::InputFile;
use crate::repl::shell::Shell;

/// `\d`
pub(super) fn table(shell: &mut Shell, words: &Words) -> Result<()> {
    match words.rest() {
        "" => tables(shell, words),
        name => shell.ask_aside(&format!("DESCRIBE {name}")),
    }
}

/// `\dt`
pub(super) fn tables(shell: &mut Shell, _: &Words) -> Result<()> {
    shell.ask_aside("SHOW TABLES")?;
    let views: Vec<&str> = shell.definitions.views().collect();
    if !views.is_empty() {
        shell.note(&format!("views of this session: {}", views.join(", ")));
    }
    Ok(())
}

/// `\df`
pub(super) fn functions(shell: &mut Shell, words: &Words) -> Result<()> {
    let all = shell.session.functions()?;
    let text = match words.one("the name of a function")? {
        Some(name) => functions::text(&functions::named(&all, &name)?),
        None => functions::list(&all.iter().collect::<Vec<_>>()),
    };
    shell.output.write(&text)
}

/// `\sources`
pub(super) fn sources(shell: &mut Shell, _: &Words) -> Result<()> {
    let mut text = String::new();
    for source in &shell.project.sources {
        let listed = shell.runtime.block_on(shell.session.catalog().list(&source.name));
        let patterns: Vec<String> = source.paths.iter().map(ToString::to_string).collect();
        let what = match listed {
            Ok(Listed { files, .. }) => {
                let bytes = files.iter().map(InputFile::size).sum();
                let word = if files.len() == 1 { "file" } else { "files" };
                format!("{} {word}, {}", files.len(), HumanBytes(bytes))
            }
            Err(error) => error.chain(),
        };
        let _ = writeln!(text, "{}: {} ({what})", source.name, patterns.join(", "));
    }
    shell.output.write(&text)
}

/// `\rejects`
pub(super) fn rejects(shell: &mut Shell, words: &Words) -> Result<()> {
    let default = shell.project.default_source().map(|source| source.name.clone());
    let name = words.one("the name of a source")?.or(default);
    let name =
        name.ok_or_else(|| Error::request("no source is the default").with_hint("name one: \\rejects SOURCE"))?;
    let name = name.trim_start_matches("rejects.");
    shell.project.source(name)?;
    shell.ask_aside(&format!("SELECT * FROM rejects.\"{}\"", name.replace('"', "\"\"")))
}

/// `\conninfo`
pub(super) fn conninfo(shell: &mut Shell, _: &Words) -> Result<()> {
    let project = &shell.project;
    let file = project.file.as_ref().map_or_else(|| "no tidemill.toml".to_owned(), |file| file.display().to_string());
    let text = format!(
        "project {} ({file})\nsources: {}, threads: {}, {} for what statements hold\ntidemill {}, process {}\n",
        project.root.display(),
        project.sources.len(),
        project.limits.num_threads(),
        HumanBytes(project.limits.memory_bytes as u64),
        env!("CARGO_PKG_VERSION"),
        std::process::id(),
    );
    shell.output.write(&text)
}

/// `\?`
pub(super) fn help(shell: &mut Shell, words: &Words) -> Result<()> {
    if let Some(name) = words.one("the name of a command")? {
        let known = all().iter().flat_map(|command| command.names).any(|known| *known == name);
        // `\? timing` is as good as `\? \timing`.
        let name = if known || name.starts_with(['\\', '.']) { name } else { format!("\\{name}") };
        let command = find(&name)?;
        let names = command.names.join(", ");
        return shell.output.write(&format!("{names} {}\n{}\n", command.usage, command.help));
    }
    let heads: Vec<String> = all()
        .iter()
        .map(|command| {
            let (own, dotted) = (command.names[0], command.names.iter().find(|name| name.starts_with('.')));
            let also = dotted.filter(|name| **name != own).map(|name| format!(", {name}")).unwrap_or_default();
            format!("{own}{also} {}", command.usage)
        })
        .collect();
    let width = heads.iter().map(|head| head.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    let mut theme = "";
    for (head, command) in heads.iter().zip(all()) {
        if command.theme != theme {
            theme = command.theme;
            let _ = writeln!(text, "{}{theme}", if text.is_empty() { "" } else { "\n" });
        }
        let _ = writeln!(text, "  {head:width$}  {}", command.help);
    }
    text += "\nStatements end with `;`. Tab completes, Ctrl-R searches what was typed, Alt-Enter begins a new line.\n";
    shell.output.write(&text)
}
