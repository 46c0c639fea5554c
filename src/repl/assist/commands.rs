//! Commands of the shell, and what stands behind them.

use std::ops::Range;

use super::complete::Files;
use super::known::{Command, Known, Takes};
use super::offers::{Kind, Made, Offers, Suggestion};
use super::quoted::plain_files;

/// Where a text that is a command has its name: from its `\` or `.` to the next space.
pub(super) fn name(text: &str) -> Option<Range<usize>> {
    let start = text.len() - text.trim_start().len();
    let rest = &text[start..];
    rest.starts_with(['\\', '.']).then(|| start..start + rest.find(char::is_whitespace).unwrap_or(rest.len()))
}

/// What could stand at the cursor in a command whose name is there.
pub(super) fn complete(
    text: &str,
    cursor: usize,
    name: Range<usize>,
    known: &Known,
    files: Files<'_>,
) -> Vec<Suggestion> {
    if cursor <= name.start {
        return Vec::new();
    }
    if cursor <= name.end {
        return names(&text[name.start..cursor], name, known);
    }
    let Some(command) = known.commands.iter().find(|command| command.name == text[name.clone()]) else {
        return Vec::new();
    };
    let typed = &text[name.end..cursor];
    let start = cursor - typed.len() + typed.rfind(char::is_whitespace).map_or(0, |at| at + space(&typed[at..]));
    let rest = &text[cursor..];
    let replace = start..cursor + rest.find(char::is_whitespace).unwrap_or(rest.len());
    let typed = &text[start..cursor];
    let mut offers = Offers::new(typed.to_lowercase(), replace.clone());
    match &command.takes {
        Takes::Nothing => {}
        Takes::File => return plain_files(typed, replace, files),
        Takes::Command => return names(typed, replace, known),
        Takes::Table => {
            for table in &known.tables {
                let made = || (table.name().to_owned(), table.kind().name().to_owned(), table.help().to_owned());
                offer(&mut offers, Kind::Table, table.name(), made);
            }
        }
        Takes::Function => {
            for function in &known.functions {
                let made = || (function.name.clone(), function.syntax.clone(), function.summary().to_owned());
                offer(&mut offers, Kind::Function, &function.name, made);
            }
        }
        Takes::Query => {
            for (name, help) in &known.queries {
                offer(&mut offers, Kind::Query, name, || (name.clone(), String::new(), help.clone()));
            }
        }
        Takes::Words(words) => {
            for (word, help) in words {
                offer(&mut offers, Kind::Word, word, || (word.clone(), String::new(), help.clone()));
            }
        }
    }
    offers.finish()
}

/// The commands whose names go on as `typed` does.
pub(super) fn names(typed: &str, replace: Range<usize>, known: &Known) -> Vec<Suggestion> {
    let mut offers = Offers::new(typed.to_lowercase(), replace);
    let sign = typed.chars().next();
    for command in known.commands.iter().filter(|command| sign.is_none_or(|sign| command.name.starts_with(sign))) {
        offers.offer(Kind::Command, &command.name, || Made {
            insert: command.name.clone(),
            detail: argument(command).to_owned(),
            help: command.help.clone(),
            space_after: command.takes != Takes::Nothing,
        });
    }
    offers.finish()
}

fn offer<'a>(offers: &mut Offers<'a>, kind: Kind, name: &str, made: impl FnOnce() -> (String, String, String) + 'a) {
    offers.offer(kind, name, || {
        let (insert, detail, help) = made();
        Made { insert, detail, help, space_after: true }
    });
}

fn argument(command: &Command) -> &'static str {
    match &command.takes {
        Takes::Nothing => "",
        Takes::Table => "TABLE",
        Takes::Function => "FUNCTION",
        Takes::Query => "QUERY",
        Takes::File => "FILE",
        Takes::Command => "COMMAND",
        Takes::Words(_) => "WORD",
    }
}

/// How long the space is that a text begins with.
fn space(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}
