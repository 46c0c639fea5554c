//! The words of a text that mean something, statement by statement.
//!
//! Space and comments are left out. It knows no grammar beyond where an operand ends.

use std::ops::Range;

use crate::dialect::{Standing, Word, WordKind};

/// Words that neither end an operand nor name anything without AS.
const CONNECTIVES: [&str; 32] = [
    "ALL", "AND", "ANY", "AS", "BETWEEN", "BY", "CASE", "CUBE", "DISTINCT", "DIV", "ELSE", "ESCAPE", "EXCLUDE",
    "FILTER", "ILIKE", "IN", "IS", "LIKE", "NOT", "NULLS", "OR", "OVER", "REGEXP", "REPLACE", "RLIKE", "ROLLUP",
    "SETS", "SIMILAR", "SOME", "THEN", "WHEN", "XOR",
];

/// A word of a statement.
#[derive(Debug, Clone)]
pub(super) struct Token<'t> {
    pub text: &'t str,
    pub range: Range<usize>,
    pub kind: WordKind,
    pub is_open: bool,
}

impl<'t> Token<'t> {
    /// Where the cursor stands: nothing is there yet.
    pub fn hole(at: usize) -> Self {
        Token { text: "", range: at..at, kind: WordKind::Space, is_open: false }
    }

    pub fn is_hole(&self) -> bool {
        self.kind == WordKind::Space
    }

    /// Whether it is this word, which is in capitals, without quotes.
    pub fn is(&self, word: &str) -> bool {
        matches!(self.kind, WordKind::Name(_)) && self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    pub fn is_sign(&self, sign: &str) -> bool {
        self.kind == WordKind::Sign && self.text == sign
    }

    /// Whether it can be the name of something.
    pub fn is_name(&self) -> bool {
        matches!(self.kind, WordKind::Name(_) | WordKind::Quoted)
    }

    /// Whether it can be a name that is given without AS.
    pub fn is_alias(&self) -> bool {
        match self.kind {
            WordKind::Quoted => true,
            WordKind::Name(standing) => standing != Standing::Reserved && !self.is_any(&CONNECTIVES),
            _ => false,
        }
    }

    /// What it is a name of: without quotes, in small letters.
    pub fn key(&self) -> String {
        unquoted(self.text).to_lowercase()
    }

    /// Whether an expression could be done with it.
    pub fn ends_operand(&self) -> bool {
        match self.kind {
            WordKind::Quoted | WordKind::String | WordKind::Number | WordKind::Parameter => true,
            WordKind::Sign => [")", "]", "}", "*"].contains(&self.text),
            WordKind::Name(Standing::Reserved) => self.is("END"),
            WordKind::Name(_) => !self.is_any(&CONNECTIVES),
            _ => false,
        }
    }
}

/// A name without its quotes, of which the last may be missing.
pub(super) fn unquoted(text: &str) -> String {
    let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '`')) else { return text.to_owned() };
    let inner = &text[1..];
    let inner = inner.strip_suffix(quote).unwrap_or(inner);
    inner.replace(&String::from_iter([quote, quote]), &quote.to_string())
}

/// The words of each statement.
pub(super) fn statements<'t>(text: &'t str, words: &[Word]) -> Vec<Vec<Token<'t>>> {
    let mut statements = vec![Vec::new()];
    for Word { range, kind, is_open } in words {
        match kind {
            WordKind::Space | WordKind::Comment => {}
            WordKind::End => statements.push(Vec::new()),
            _ => {
                let token = Token { text: &text[range.clone()], range: range.clone(), kind: *kind, is_open: *is_open };
                if let Some(tokens) = statements.last_mut() {
                    tokens.push(token);
                }
            }
        }
    }
    statements
}
