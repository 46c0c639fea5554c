//! What stands at the cursor: the word that is being typed, and the statement around it with a hole in its place.

use std::ops::Range;

use super::token::{Token, statements, unquoted};
use crate::dialect::{Word, WordKind, words};

/// What is being typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Typed {
    /// A word, perhaps in quotes, of which nothing may be there yet.
    Word,
    /// A text in quotes.
    Text,
    /// A parameter.
    Parameter,
    /// The name of a command behind a statement.
    Command,
    /// A comment or a number.
    Nothing,
}

/// What stands at the cursor.
#[derive(Debug)]
pub(super) struct Cursor<'t> {
    pub typed: Typed,
    /// Up to the cursor.
    pub text: &'t str,
    /// What a suggestion replaces.
    pub replace: Range<usize>,
    /// Of the statement, the hole among them.
    pub tokens: Vec<Token<'t>>,
    pub hole: usize,
    /// Other statements of the text.
    pub others: Vec<Vec<Token<'t>>>,
}

impl<'t> Cursor<'t> {
    /// What stands at the byte `at` of a text.
    pub fn new(text: &'t str, at: usize) -> Self {
        let words = words(text);
        let touched = words.iter().position(|word| word.range.start < at && at <= word.range.end);
        let (typed, replace) = touched.map_or((Typed::Word, at..at), |touched| typed(text, &words, touched, at));
        let before = words.iter().filter(|word| word.kind == WordKind::End && word.range.end <= at).count();
        let mut others = statements(text, &words);
        let mut tokens = if before < others.len() { others.swap_remove(before) } else { Vec::new() };
        tokens.retain(|token| token.range.end <= replace.start || token.range.start >= at.max(replace.start + 1));
        let hole = tokens.iter().position(|token| token.range.start >= at).unwrap_or(tokens.len());
        tokens.insert(hole, Token::hole(at));
        Self { typed, text: &text[replace.start..at], replace, tokens, hole, others }
    }

    /// What is typed of the word: without its quote, in small letters.
    pub fn key(&self) -> String {
        unquoted(self.text).to_lowercase()
    }

    /// The word before the one that is being typed.
    pub fn before(&self) -> Option<&Token<'t>> {
        self.hole.checked_sub(1).map(|before| &self.tokens[before])
    }

    /// The names before the points before the cursor; `None` where something else is before one.
    pub fn path(&self) -> Option<Vec<String>> {
        let mut path = Vec::new();
        let mut at = self.hole;
        while at > 0 && self.tokens[at - 1].is_sign(".") {
            let name = at.checked_sub(2).map(|name| &self.tokens[name]).filter(|name| name.is_name())?;
            path.insert(0, name.key());
            at -= 2;
        }
        Some(path)
    }

    /// The column that the text at the cursor is compared with.
    pub fn compared(&self, call: Option<usize>) -> Option<Vec<String>> {
        let before = self.hole.checked_sub(1)?;
        let is_operator = |token: &Token<'_>| {
            ["=", "==", "<>", "!=", "<", ">", "<=", ">="].iter().any(|sign| token.is_sign(sign))
                || token.is_any(&["LIKE", "ILIKE"])
        };
        let operator = match call.filter(|call| self.tokens[*call].is("IN")) {
            Some(list) => list,
            None if is_operator(&self.tokens[before]) => before,
            None => return None,
        };
        let mut at = operator.checked_sub(1)?;
        at = if self.tokens[at].is("NOT") { at.checked_sub(1)? } else { at };
        let mut path = vec![self.tokens[at].key()];
        while at >= 2 && self.tokens[at - 1].is_sign(".") && self.tokens[at - 2].is_name() {
            at -= 2;
            path.insert(0, self.tokens[at].key());
        }
        self.tokens[at].is_name().then_some(path)
    }
}

/// What is being typed where the cursor touches the word `touched`, and what is to be replaced of it.
fn typed(text: &str, words: &[Word], touched: usize, at: usize) -> (Typed, Range<usize>) {
    let word = &words[touched];
    let nothing = (Typed::Nothing, at..at);
    let here = (Typed::Word, at..at);
    // The end of an open one is not where it was meant to be.
    let whole = word.range.start..if word.is_open { at } else { word.range.end };
    let is_within = at < word.range.end || word.is_open;
    match word.kind {
        WordKind::Name(_) if is_command(text, words, touched) => (Typed::Command, word.range.start - 1..word.range.end),
        WordKind::Name(_) => (Typed::Word, whole),
        WordKind::Quoted if is_within => (Typed::Word, whole),
        WordKind::Parameter => (Typed::Parameter, whole),
        WordKind::String if is_within => {
            // Where more words are in it, its end may be the beginning of another.
            let is_word = !text[at..whole.end].contains(char::is_whitespace);
            (Typed::Text, whole.start..if is_word { whole.end } else { at })
        }
        WordKind::Comment if is_within || text[..at].lines().next_back().is_some_and(|line| line.contains("--")) => {
            if text[..at].ends_with('\n') {
                here
            } else {
                nothing
            }
        }
        WordKind::Number => nothing,
        WordKind::Sign if &text[word.range.clone()] == "\\" => (Typed::Command, word.range.clone()),
        _ => here,
    }
}

fn is_command(text: &str, words: &[Word], at: usize) -> bool {
    at.checked_sub(1).is_some_and(|before| &text[words[before].range.clone()] == "\\")
}
