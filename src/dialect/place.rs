//! From lines and columns, as the parser counts them, to places in the text.
//!
//! It knows nothing of what stands there.

use std::ops::{ControlFlow, Range};

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, SetExpr, Spanned};
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan};

use super::Script;
use super::walk::{walk_expressions, walk_relations};
use crate::error::Excerpt;

/// Line and column, both 1-based; columns count characters. Zero stands for "not known".
pub(super) type Place = (u64, u64);

/// Takes the place off the end of a parser's message.
pub(super) fn split(message: &str) -> (&str, Option<Place>) {
    let Some((text, rest)) = message.rsplit_once(" at Line: ") else { return (message, None) };
    let place = rest.split_once(", Column: ").and_then(|(line, column)| {
        let column = column.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((line.parse().ok()?, column.parse().ok()?))
    });
    (if place.is_some() { text } else { message }, place)
}

/// The script with a mark under the word at `place`.
pub(super) fn excerpt_at(script: &Script, place: Place, label: &str) -> Excerpt {
    let span = offset(&script.text, place)..end_of_word(&script.text, place);
    whole(script, span, label)
}

/// The byte behind the word at a place, or behind the one character that is there instead.
pub(super) fn end_of_word(text: &str, place: Place) -> usize {
    let start = offset(text, place);
    let word = text[start..].chars().take_while(|c| c.is_alphanumeric() || *c == '_');
    let length: usize = word.map(char::len_utf8).sum();
    start + length.max(text[start..].chars().next().map_or(0, char::len_utf8))
}

/// The script with a mark under the first word that is `word`, without quotes and in any case; `None` without one.
pub fn word(script: &Script, word: &str, label: &str) -> Option<Excerpt> {
    let tokens = script.tokens().ok()?;
    let is_it = |token: &Token| matches!(token, Token::Word(found) if found.quote_style.is_none() && found.value.eq_ignore_ascii_case(word));
    let found = tokens.iter().find(|token| is_it(&token.token))?;
    Some(under(script, found.span, label))
}

/// The script with a mark under the name of the first call of one of these functions, in any case; `None` without one.
pub fn call_of(script: &Script, names: &[String], label: &str) -> Option<Excerpt> {
    let tokens = script.tokens().ok()?;
    let is_it = |name: &Token| match name {
        Token::Word(word) => names.iter().any(|name| word.value.eq_ignore_ascii_case(name)),
        _ => false,
    };
    let words: Vec<&TokenWithSpan> =
        tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))).collect();
    let found = words.windows(2).find(|pair| is_it(&pair[0].token) && pair[1].token == Token::LParen)?;
    Some(under(script, found[0].span, label))
}

/// The script with a mark under the first field of that name in a path: `.name` in any case, or `['name']`.
pub fn field(script: &Script, name: &str, label: &str) -> Option<Excerpt> {
    let tokens = script.tokens().ok()?;
    let found = tokens.windows(2).find(|pair| match (&pair[0].token, &pair[1].token) {
        (Token::Period, Token::Word(word)) => word.value.to_lowercase() == name.to_lowercase(),
        (Token::LBracket, Token::SingleQuotedString(text)) => text == name,
        _ => false,
    })?;
    let (start, end) = places(found[1].span);
    Some(excerpt(script, start, end, label))
}

/// The script with a mark under the first word of a statement, of which `number` stand before it.
pub(super) fn beginning(script: &Script, number: usize) -> Option<Excerpt> {
    let tokens = script.tokens().ok()?;
    let is_space = |token: &TokenWithSpan| matches!(token.token, Token::Whitespace(_));
    // What stands between semicolons is a statement, if it is anything.
    let mut statements = tokens.split(|token| token.token == Token::SemiColon);
    let statements = statements.by_ref().filter(|tokens| !tokens.iter().all(is_space));
    let first = statements.into_iter().nth(number)?.iter().find(|token| !is_space(token))?;
    Some(under(script, first.span, "here"))
}

/// The script with a mark behind its last character.
pub(super) fn excerpt_at_end(script: &Script) -> Excerpt {
    let end = script.text.trim_end().len();
    whole(script, end..end, "the text ends here")
}

/// The script with a mark under what stands between two places, the second exclusive.
pub fn excerpt(script: &Script, start: Place, end: Place, label: &str) -> Excerpt {
    let start = offset(&script.text, start);
    let end = offset(&script.text, end).max(start);
    whole(script, start..end, label)
}

/// The script with a mark under a span.
pub fn under(script: &Script, span: Span, label: &str) -> Excerpt {
    let (start, end) = places(span);
    excerpt(script, start, end, label)
}

fn whole(script: &Script, span: Range<usize>, label: &str) -> Excerpt {
    Excerpt {
        name: script.name.clone(),
        text: script.text.clone(),
        first_line: 1,
        first_column: 0,
        span,
        label: label.to_owned(),
    }
}

/// The byte at a place; the end of the text for one beyond it.
fn offset(text: &str, (line, column): Place) -> usize {
    let line = usize::try_from(line.saturating_sub(1)).unwrap_or(usize::MAX);
    let Some(start) = text
        .split_inclusive('\n')
        .map(str::len)
        .scan(0, |at, length| {
            let start = *at;
            *at += length;
            Some(start)
        })
        .nth(line)
    else {
        return text.len();
    };
    let column = usize::try_from(column.saturating_sub(1)).unwrap_or(usize::MAX);
    let line = text[start..].split('\n').next().unwrap_or_default();
    start + line.char_indices().nth(column).map_or(line.len(), |(at, _)| at)
}

/// Where a statement first names a table, by the table's name as written there without quotes.
pub fn span_of_table(statement: &Statement, is_it: impl Fn(&[&str]) -> bool) -> Option<(Place, Place)> {
    let inner = super::default_source::inner(statement)?;
    let mut found = None;
    let _ = walk_relations(inner, |name: &ObjectName| {
        let parts: Vec<&str> = name.0.iter().filter_map(|part| part.as_ident()).map(|i| i.value.as_str()).collect();
        // A name in single quotes has no place.
        if found.is_none() && is_it(&parts) && name.span() != Span::empty() {
            found = Some(places(name.span()));
        }
        ControlFlow::<()>::Continue(())
    });
    found
}

/// The script with a mark under the SELECT of a statement's first subquery within an expression; `None` without one.
pub fn subquery(script: &Script, statement: &Statement, label: &str) -> Option<Excerpt> {
    let found = walk_expressions(super::default_source::inner(statement)?, |expr: &Expr| match expr {
        Expr::Subquery(query) | Expr::Exists { subquery: query, .. } | Expr::InSubquery { subquery: query, .. } => {
            match query.body.as_ref() {
                SetExpr::Select(select) => ControlFlow::Break(select.select_token.0.span),
                _ => ControlFlow::Continue(()),
            }
        }
        _ => ControlFlow::Continue(()),
    });
    found.break_value().map(|span| under(script, span, label))
}

pub(super) fn places(span: Span) -> (Place, Place) {
    ((span.start.line, span.start.column), (span.end.line, span.end.column))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters() {
        let text = "SELECT 'ä',\n  b\n";
        assert_eq!(&text[offset(text, (1, 11))..][..1], ",");
        assert_eq!(&text[offset(text, (2, 3))..][..1], "b");
        assert_eq!(offset(text, (9, 1)), text.len());
        assert_eq!(offset(text, (2, 99)), 16);
        assert_eq!(offset("", (0, 0)), 0);
    }

    #[test]
    fn a_call_is_the_very_name_before_its_arguments() {
        let check = |text: &str, expected: Option<&str>| {
            let script = Script { name: "q".into(), text: text.into() };
            let found = call_of(&script, &["SESSION".into(), "SESSION_END".into()], "here");
            assert_eq!(found.map(|excerpt| excerpt.text[excerpt.span.start..].to_owned()).as_deref(), expected);
        };
        check("SELECT session_id, session, session (a)", Some("session (a)"));
        check("SELECT session_end /* all */\n(a)", Some("session_end /* all */\n(a)"));
        check("SELECT session_ends(a), session", None);
    }

    #[test]
    fn a_message_gives_up_its_place() {
        assert_eq!(split("Expected: x, found: y at Line: 3, Column: 14"), ("Expected: x, found: y", Some((3, 14))));
        assert_eq!(split("Expected: x, found: EOF"), ("Expected: x, found: EOF", None));
    }
}
