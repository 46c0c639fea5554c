//! `SUMMARIZE events`, `SUMMARIZE SELECT …`: no SQL to the parser, so it is recognised by its tokens.
//!
//! A statement that begins with the word becomes one whose only CTE is the query behind it, under a name that nobody
//! types; the tokens of the query stay at their places. What a summary is, is not known here.

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Query, Statement as Sql};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Span, Token, TokenWithSpan, Word};

const WORD: &str = "summarize";
const CTE: &str = "\0summarize";

/// The tokens with each `SUMMARIZE` as such a CTE.
pub(super) fn as_ctes(tokens: Vec<TokenWithSpan>) -> Vec<TokenWithSpan> {
    let mut ctes = Vec::with_capacity(tokens.len());
    // The place behind the last token that is no space.
    let mut end = Span::empty();
    let mut begins = true;
    let mut is_open = false;
    for (at, token) in tokens.iter().enumerate() {
        match &token.token {
            Token::Whitespace(_) => {}
            Token::SemiColon => {
                ctes.extend(closing(is_open, end));
                (begins, is_open) = (true, false);
            }
            Token::Word(word) if begins && is_summarize(word) => {
                begins = false;
                // Without a query behind it, the parser says that it is no statement.
                if let Some(query) = next(&tokens[at + 1..]) {
                    is_open = true;
                    ctes.extend(opening(is_table(query), token.span));
                    continue;
                }
            }
            _ => begins = false,
        }
        if !matches!(token.token, Token::Whitespace(_)) {
            end = Span::new(token.span.end, token.span.end);
        }
        ctes.push(token.clone());
    }
    ctes.extend(closing(is_open, end));
    ctes
}

/// Makes a statement that asks for a summary the query that is to be summarized. Returns whether it does.
pub fn take_summarized(statement: &mut Statement) -> bool {
    let Statement::Statement(sql) = statement else { return false };
    let Sql::Query(query) = sql.as_mut() else { return false };
    let Some(summarized) = summarized(query).cloned() else { return false };
    *query = summarized;
    true
}

/// The query that a summary is asked of.
pub(super) fn summarized(query: &mut Query) -> Option<&mut Box<Query>> {
    match query.with.as_mut()?.cte_tables.as_mut_slice() {
        [only] if only.alias.name.value == CTE => Some(&mut only.query),
        _ => None,
    }
}

fn is_summarize(word: &Word) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case(WORD)
}

fn next(tokens: &[TokenWithSpan]) -> Option<&Token> {
    let mut tokens = tokens.iter().map(|token| &token.token);
    tokens.find(|token| !matches!(token, Token::Whitespace(_))).filter(|token| **token != Token::SemiColon)
}

fn is_table(token: &Token) -> bool {
    match token {
        Token::Word(word) => !matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::FROM | Keyword::VALUES),
        token => *token != Token::LParen,
    }
}

fn opening(is_table: bool, place: Span) -> impl Iterator<Item = TokenWithSpan> {
    let cte = [keyword("WITH"), Token::make_word(CTE, Some('"')), keyword("AS"), Token::LParen];
    let table = [keyword("SELECT"), Token::Mul, keyword("FROM")].into_iter().filter(move |_| is_table);
    cte.into_iter().chain(table).map(move |token| TokenWithSpan::new(token, place))
}

fn closing(is_open: bool, place: Span) -> impl Iterator<Item = TokenWithSpan> {
    let tokens = [Token::RParen, keyword("SELECT"), Token::Number("1".to_owned(), false)];
    tokens.into_iter().filter(move |_| is_open).map(move |token| TokenWithSpan::new(token, place))
}

fn keyword(word: &str) -> Token {
    Token::make_keyword(word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    fn parsed(sql: &str) -> Vec<Statement> {
        Script { name: "q".into(), text: sql.into() }.parse().unwrap()
    }

    #[test]
    fn what_is_summarized_is_a_query() {
        for (sql, expected) in [
            ("SUMMARIZE events", "SELECT * FROM events"),
            ("summarize\nrejects.events -- all", "SELECT * FROM rejects.events"),
            ("SUMMARIZE SELECT ip FROM t WHERE ok;", "SELECT ip FROM t WHERE ok"),
            ("SUMMARIZE FROM t", "SELECT * FROM t"),
            ("SUMMARIZE (SELECT 1) UNION SELECT 2", "(SELECT 1) UNION SELECT 2"),
            ("SUMMARIZE WITH a AS (SELECT 1) SELECT * FROM a", "WITH a AS (SELECT 1) SELECT * FROM a"),
            ("SUMMARIZE SELECT ip", "SELECT ip FROM \"events\""),
        ] {
            let mut statement = parsed(sql).remove(0);
            crate::dialect::add_from(&mut statement, Some("events"));
            assert!(take_summarized(&mut statement), "{sql}");
            assert_eq!(statement.to_string(), expected);
        }
    }

    #[test]
    fn others_stay_as_they_are() {
        let statements = parsed("SELECT summarize FROM t; SUMMARIZE t; SELECT 1");
        let taken: Vec<bool> = statements.into_iter().map(|mut statement| take_summarized(&mut statement)).collect();
        assert_eq!(taken, [false, true, false]);
    }

    #[test]
    fn faults_keep_their_places() {
        let pointed = |sql: &str| {
            let error = Script { name: "q".into(), text: sql.into() }.parse().unwrap_err();
            let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
            excerpt.span
        };
        assert_eq!(pointed("SUMMARIZE SELECT (1 FROM t"), 20..24);
        assert_eq!(pointed("SUMMARIZE"), 0..9);
        assert_eq!(pointed("SUMMARIZE SELECT * FROM").start, 23);
        assert_eq!(pointed("SUMMARIZE SELECT * FROM t WHER x").start, 31);
    }
}
