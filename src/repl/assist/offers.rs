//! Suggestions, the best ones first, and no more than a person looks at.

use std::cmp::Reverse;
use std::ops::Range;

use super::fit::fit;

/// How many suggestions there are at most, and how many of one kind.
const MOST: usize = 200;
const MOST_OF_KIND: usize = 100;

/// What could stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// What is to be put in.
    pub insert: String,
    /// The bytes of the text that it replaces.
    pub replace: Range<usize>,
    /// What it is.
    pub kind: Kind,
    /// A type, or how a function is called.
    pub detail: String,
    /// A line about it; may be empty.
    pub help: String,
    /// Whether a space comes next.
    pub space_after: bool,
}

/// What a suggestion is; those of an earlier kind stand first where they fit as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A value that a column has.
    Value,
    /// A field of an object.
    Field,
    /// A column, or a name that an item of a SELECT has.
    Column,
    /// What can be read, or its alias.
    Table,
    /// A word of SQL.
    Keyword,
    /// A function.
    Function,
    /// A parameter.
    Parameter,
    /// A saved query.
    Query,
    /// A file or a folder.
    File,
    /// A command of the shell.
    Command,
    /// A word that a command or an option takes.
    Word,
}

/// What is offered so far.
pub(super) struct Offers<'a> {
    /// In small letters.
    typed: String,
    replace: Range<usize>,
    offers: Vec<Offer<'a>>,
}

struct Offer<'a> {
    fit: u8,
    is_whole: bool,
    kind: Kind,
    make: Box<dyn FnOnce() -> Made + 'a>,
}

/// What is worked out only for what is shown.
#[derive(Debug, Default)]
pub(super) struct Made {
    pub insert: String,
    pub detail: String,
    pub help: String,
    pub space_after: bool,
}

impl<'a> Offers<'a> {
    /// For a word of which so much is typed, in small letters.
    pub fn new(typed: String, replace: Range<usize>) -> Self {
        Self { typed, replace, offers: Vec::new() }
    }

    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// Offers what is known under `name`, if that fits.
    pub fn offer(&mut self, kind: Kind, name: &str, make: impl FnOnce() -> Made + 'a) {
        let Some(fit) = fit(&self.typed, name) else { return };
        let is_whole = name.chars().count() == self.typed.chars().count();
        self.offers.push(Offer { fit, is_whole, kind, make: Box::new(make) });
    }

    /// The best of them, in order.
    pub fn finish(mut self) -> Vec<Suggestion> {
        self.offers.sort_by_key(|offer| (offer.fit, Reverse(offer.is_whole), offer.kind));
        let mut counts = std::collections::HashMap::new();
        let mut suggestions: Vec<Suggestion> = Vec::new();
        for offer in self.offers {
            let count: &mut usize = counts.entry(offer.kind as u8).or_default();
            *count += 1;
            if *count > MOST_OF_KIND || suggestions.len() >= MOST {
                continue;
            }
            let Made { insert, detail, help, space_after } = (offer.make)();
            let (replace, kind) = (self.replace.clone(), offer.kind);
            if !suggestions.iter().any(|known| known.insert == insert && known.kind == kind) {
                suggestions.push(Suggestion { insert, replace, kind, detail, help, space_after });
            }
        }
        suggestions
    }
}
