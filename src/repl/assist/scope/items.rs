//! What a SELECT gives, item by item.

use super::{Bracket, Clause, Frame, Item, Parser, Part};
use crate::repl::assist::token::{Token, unquoted};

impl Parser<'_, '_> {
    /// Notes the item that ends before the word at `end`.
    pub(super) fn end_item(&mut self, frame: &Frame, end: usize) {
        if frame.bracket != Bracket::Query || frame.clause != Clause::Select || frame.item >= end {
            return;
        }
        let mut start = frame.item;
        while self.token(start).is_some_and(|token| token.is_any(&["DISTINCT", "ALL"])) && start + 1 < end {
            start += 1;
        }
        let tokens = &self.tokens[start..end];
        let hole = tokens.iter().position(Token::is_hole);
        let Some((item, is_named)) = item(tokens).filter(|_| hole.is_none()) else { return };
        let alias = match &item {
            Item::Named(name) => Some(unquoted(name).to_lowercase()),
            _ => None,
        };
        if is_named {
            self.mark(end - 1, Part::Alias);
        }
        if let Some(select) = self.parsed.selects.get_mut(frame.select) {
            select.items.push(item);
            select.aliases.extend(alias);
        }
    }
}

/// What such words give, and whether the last is the name for it.
fn item(tokens: &[Token<'_>]) -> Option<(Item, bool)> {
    let last = tokens.last()?;
    if let Some(star) = tokens.iter().position(|token| token.is_sign("*")).filter(|at| is_star(&tokens[..*at])) {
        let is_same = !tokens.iter().any(|token| token.is_any(&["RENAME", "ILIKE"]));
        let qualifier = star.checked_sub(2).map(|at| tokens[at].key());
        return Some((if is_same { Item::Star(qualifier) } else { Item::Anything }, false));
    }
    let before = tokens.len().checked_sub(2).map(|at| &tokens[at]);
    match before {
        Some(before) if last.is_name() && before.is("AS") => return Some((Item::Named(last.text.to_owned()), true)),
        Some(before) if last.is_alias() && before.ends_operand() => {
            return Some((Item::Named(last.text.to_owned()), true));
        }
        _ => {}
    }
    let is_path = tokens.len() % 2 == 1
        && tokens.iter().enumerate().all(|(at, token)| if at % 2 == 0 { token.is_name() } else { token.is_sign(".") });
    let path = || tokens.iter().step_by(2).map(Token::key).collect();
    let names = || tokens.iter().filter(|token| token.is_name()).map(Token::key).collect();
    Some((if is_path { Item::Column(path()) } else { Item::Unnamed(names()) }, false))
}

/// Whether a star behind these words stands for columns.
fn is_star(before: &[Token<'_>]) -> bool {
    let is_path =
        before.iter().enumerate().all(|(at, token)| if at % 2 == 0 { token.is_name() } else { token.is_sign(".") });
    is_path && before.len().is_multiple_of(2)
}
