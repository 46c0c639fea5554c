//! What `assist` says, in the words of reedline.

use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use nu_ansi_term::Style;
use reedline::{Completer, CompletionResult, Highlighter, Span, StyledText, Suggestion, ValidationResult, Validator};

use super::theme::Colours;
use crate::repl::assist::{self, Known};
use crate::repl::items;
use crate::repl::observer::current;

/// Entries of a folder that are offered.
const MAX_FILES: usize = 200;

/// What is known, and where paths start.
pub(super) struct Help {
    pub(super) known: Arc<RwLock<Arc<Known>>>,
    pub(super) here: PathBuf,
}

impl Help {
    /// What is in the folder of the path that is being typed, and whether it is a folder.
    fn files(&self, typed: &str) -> Vec<(String, bool)> {
        let (folder, start) = typed.rsplit_once('/').map_or(("", typed), |(folder, start)| (folder, start));
        let place = match typed.starts_with('/') && folder.is_empty() {
            true => PathBuf::from("/"),
            false => self.here.join(folder),
        };
        let Ok(entries) = fs::read_dir(place) else { return Vec::new() };
        let prefix = &typed[..typed.len() - start.len()];
        let mut found: Vec<(String, bool)> = entries
            .flatten()
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                let is_hidden = name.starts_with('.') && !start.starts_with('.');
                let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
                (!is_hidden && name.starts_with(start)).then(|| (format!("{prefix}{name}"), is_folder))
            })
            .take(MAX_FILES)
            .collect();
        found.sort();
        found
    }
}

pub(super) struct Completions(pub(super) Arc<Help>);

impl Completer for Completions {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let known = current(&self.0.known);
        let found = assist::complete(line, cursor, &known, &|typed| self.0.files(typed));
        CompletionResult::fresh(found.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

fn suggestion(found: assist::Suggestion) -> Suggestion {
    let description = match (found.detail.is_empty(), found.help.is_empty()) {
        (true, true) => None,
        (false, true) => Some(found.detail),
        (true, false) => Some(found.help),
        (false, false) => Some(format!("{}\n{}", found.detail, found.help)),
    };
    Suggestion {
        value: found.insert,
        description,
        span: Span::new(found.replace.start, found.replace.end),
        append_whitespace: found.space_after,
        ..Suggestion::default()
    }
}

pub(super) struct Highlights {
    pub(super) help: Arc<Help>,
    pub(super) colours: Colours,
}

impl Highlighter for Highlights {
    fn highlight(&self, line: &str, cursor: usize) -> StyledText {
        let known = current(&self.help.known);
        let mut text = StyledText::new();
        for (range, role) in assist::highlight(line, cursor, &known) {
            text.push((self.colours.role(role), line[range].to_owned()));
        }
        if text.buffer.is_empty() {
            text.push((Style::new(), line.to_owned()));
        }
        text
    }
}

/// Enter ends a text that is complete, and begins a new line of any other.
pub(super) struct Validity;

impl Validator for Validity {
    fn validate(&self, text: &str) -> ValidationResult {
        if items::is_complete(text) { ValidationResult::Complete } else { ValidationResult::Incomplete }
    }
}
