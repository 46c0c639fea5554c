//! How each piece of a text is shown, and which names are not known.

use std::ops::Range;

use super::commands;
use super::known::Known;
use super::names::{Found, Names, Views, add_view};
use super::scope::{Clause, Parsed, Part, parse};
use super::token::{Token, statements};
use crate::dialect::{Standing, WordKind, words};

/// Columns that tables of events have beside those that a `*` shows.
const HIDDEN: [&str; 2] = ["_file", "_offset"];

/// What a piece of a text is to who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A name, or space.
    Plain,
    /// A word of SQL.
    Keyword,
    /// The name of a function that is called.
    Function,
    /// A text.
    String,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// An operator, a bracket, a comma.
    Operator,
    /// A parameter.
    Parameter,
    /// A command of the shell.
    Command,
    /// The name of a table or a column that there is not.
    Unknown,
}

/// The roles of all pieces of a text, in order and without gaps. The word that the byte `cursor` touches is never unknown,
/// since it may not be done.
pub fn highlight(text: &str, cursor: usize, known: &Known) -> Vec<(Range<usize>, Role)> {
    let mut roles = Vec::new();
    let Some(name) = commands::name(text) else {
        sql(text, cursor, known, &mut roles);
        return roles;
    };
    push(&mut roles, 0..name.start, Role::Plain);
    push(&mut roles, name.clone(), Role::Command);
    push(&mut roles, name.end..text.len(), Role::Plain);
    roles
}

fn push(roles: &mut Vec<(Range<usize>, Role)>, range: Range<usize>, role: Role) {
    match roles.last_mut() {
        _ if range.is_empty() => {}
        Some((last, same)) if *same == role => last.end = range.end,
        _ => roles.push((range, role)),
    }
}

/// The roles of the pieces of statements.
fn sql(text: &str, cursor: usize, known: &Known, roles: &mut Vec<(Range<usize>, Role)>) {
    let words = words(text);
    let statements = statements(text, &words);
    let mut views = Views::new();
    let mut names = statements.iter().flat_map(|tokens| {
        let roles = names(tokens, cursor, known, &views);
        add_view(known, tokens, &mut views);
        roles
    });
    let mut before = None;
    for word in &words {
        let range = word.range.clone();
        let role = match word.kind {
            WordKind::Space => Role::Plain,
            WordKind::Comment => Role::Comment,
            WordKind::End => Role::Operator,
            _ => names.next().unwrap_or(Role::Plain),
        };
        // A command behind a statement.
        let is_command = before.is_some_and(|before: usize| &text[before..range.start] == "\\");
        push(roles, range.clone(), if is_command { Role::Command } else { role });
        before = Some(range.start);
    }
}

/// The roles of the words of a statement.
fn names(tokens: &[Token<'_>], cursor: usize, known: &Known, views: &Views<'_>) -> Vec<Role> {
    let parsed = parse(tokens);
    let names = Names::new(known, &parsed, views);
    let is_sure = !parsed.is_strange && !has_lambda(tokens);
    let shown = Shown { tokens, parsed: &parsed, names: &names, known };
    let role = |(at, token): (usize, &Token<'_>)| {
        let is_touched = token.range.start <= cursor && cursor <= token.range.end;
        let role = shown.role(at);
        match role {
            Role::Plain if is_sure && !is_touched && shown.is_unknown(at) => Role::Unknown,
            role => role,
        }
    };
    tokens.iter().enumerate().map(role).collect()
}

/// Whether a name may be that of an argument, as in `x -> x + 1`.
fn has_lambda(tokens: &[Token<'_>]) -> bool {
    let is_lambda =
        |pair: &[Token<'_>]| pair[0].is_sign("->") && !matches!(pair[1].kind, WordKind::String | WordKind::Number);
    tokens.windows(2).any(is_lambda)
}

struct Shown<'p, 'a> {
    tokens: &'p [Token<'p>],
    parsed: &'p Parsed,
    names: &'p Names<'p, 'a>,
    known: &'a Known,
}

impl Shown<'_, '_> {
    fn is_sign(&self, at: Option<usize>, sign: &str) -> bool {
        at.and_then(|at| self.tokens.get(at)).is_some_and(|token| token.is_sign(sign))
    }

    fn role(&self, at: usize) -> Role {
        let token = &self.tokens[at];
        let is_called = self.is_sign(Some(at + 1), "(");
        match token.kind {
            WordKind::String => Role::String,
            WordKind::Number => Role::Number,
            WordKind::Parameter => Role::Parameter,
            WordKind::Sign if token.text == "\\" => Role::Command,
            WordKind::Sign => Role::Operator,
            WordKind::Name(_) if self.is_sign(at.checked_sub(1), ".") => Role::Plain,
            WordKind::Name(standing) => match standing {
                _ if self.parsed.places[at].part == Part::Alias => Role::Plain,
                Standing::Free if is_called => Role::Function,
                Standing::Free if token.is_any(&["SUMMARIZE", "DESCRIPTOR"]) => Role::Keyword,
                Standing::Free => Role::Plain,
                _ if is_called && self.is_function(token) => Role::Function,
                Standing::Keyword if self.is_there(at) => Role::Plain,
                _ => Role::Keyword,
            },
            _ => Role::Plain,
        }
    }

    fn is_function(&self, token: &Token<'_>) -> bool {
        let name = token.key();
        self.known.functions.iter().any(|function| function.name == name || function.aliases.contains(&name))
    }

    /// Whether a word that is a keyword elsewhere is the name of something here.
    fn is_there(&self, at: usize) -> bool {
        let place = self.parsed.places[at];
        let is_any = self.names.may_see(place.select, "\0");
        place.part == Part::Table || (!is_any && self.names.may_see(place.select, &self.tokens[at].key()))
    }

    /// Whether a name stands for nothing, as far as can be told.
    fn is_unknown(&self, at: usize) -> bool {
        let (token, place) = (&self.tokens[at], self.parsed.places[at]);
        if !token.is_name() || place.part == Part::Alias || token.is_open {
            return false;
        }
        if place.part == Part::Table {
            return matches!(self.names.table(place.select, &self.path(at)), Found::Nothing);
        }
        let is_column =
            !matches!(place.clause, Clause::Start | Clause::With | Clause::Table | Clause::Set | Clause::Other);
        let before = at.checked_sub(1).map(|before| &self.tokens[before]);
        // A type, a window's or an alias's name, or an argument's.
        let is_other = before.is_some_and(|before| before.is_any(&["AS", "OVER"]) || before.is_sign("::"))
            || before.is_some_and(|before| before.is_alias() && before.is_name())
            || [":", "=>", ":=", "("].iter().any(|sign| self.is_sign(Some(at + 1), sign));
        if !is_column || is_other || HIDDEN.contains(&token.key().as_str()) || is_made(token) {
            return false;
        }
        match before.filter(|before| before.is_sign(".")) {
            None => !self.names.may_see(place.select, &token.key()),
            Some(_) => self.is_unknown_in(at),
        }
    }

    /// Whether a name behind the point behind a relation is none of its columns.
    fn is_unknown_in(&self, at: usize) -> bool {
        let Some(qualifier) = at.checked_sub(2).filter(|before| self.tokens[*before].is_name()) else { return false };
        if self.is_sign(qualifier.checked_sub(1), ".") {
            return false;
        }
        let (select, name) = (self.parsed.places[at].select, self.tokens[qualifier].key());
        let Some((owner, relation)) = self.names.relation(select, &name) else { return false };
        let is_alias = self.parsed.selects[owner].relations[relation].name() == Some(&name);
        // A column of the same name has fields.
        let is_column = || self.names.column_is_seen(select, &name);
        is_alias && !is_column() && !self.names.read(owner, relation).may_have(&self.tokens[at].key())
    }

    /// The path that a part of a table's name is in.
    fn path(&self, at: usize) -> Vec<String> {
        let is_part = |at: &usize| self.parsed.places.get(*at).is_some_and(|place| place.part == Part::Table);
        let (mut start, mut end) = (at, at + 1);
        while start >= 2 && self.is_sign(Some(start - 1), ".") && is_part(&(start - 2)) {
            start -= 2;
        }
        while self.is_sign(Some(end), ".") && is_part(&(end + 1)) {
            end += 2;
        }
        self.tokens[start..end].iter().step_by(2).map(Token::key).collect()
    }
}

/// Whether it may be a name that the engine gives to an expression.
fn is_made(token: &Token<'_>) -> bool {
    token.kind == WordKind::Quoted && token.text.contains(['(', '.', '[', '*', ' '])
}
