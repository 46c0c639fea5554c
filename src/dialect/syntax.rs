//! What the parser says of a text that is no SQL, in our words and with the keyword that was probably meant.
//!
//! It knows the words of SQL's clauses, and no grammar.

use datafusion::common::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};

use super::{MAX_NESTING, Script, place};
use crate::error::Error;
use crate::suggest;

/// The words that a statement and its clauses begin with.
const CLAUSES: [&str; 29] = [
    "SELECT",
    "DISTINCT",
    "FROM",
    "WHERE",
    "GROUP",
    "ORDER",
    "HAVING",
    "QUALIFY",
    "WINDOW",
    "LIMIT",
    "OFFSET",
    "UNION",
    "EXCEPT",
    "INTERSECT",
    "JOIN",
    "INNER",
    "LEFT",
    "RIGHT",
    "FULL",
    "OUTER",
    "CROSS",
    "USING",
    "WITH",
    "VALUES",
    "BETWEEN",
    "EXPLAIN",
    "DESCRIBE",
    "SHOW",
    "SUMMARIZE",
];

/// The failure of the parser on `script`.
pub(super) fn fault(script: &Script, error: &DataFusionError) -> Error {
    let message = match error.find_root() {
        DataFusionError::SQL(error, _) => match error.as_ref() {
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message.clone(),
            ParserError::RecursionLimitExceeded => {
                return Error::sql(format!("`{}` is nested deeper than {MAX_NESTING}", script.name))
                    .with_hint("split the statement with WITH, so that each part is shallower");
            }
        },
        other => other.strip_backtrace(),
    };
    let (message, place) = place::split(&message);
    let failure = Error::sql(format!("the SQL has a syntax error: {}", reworded(message)));
    let failure = match place {
        Some(place) => failure.with_excerpt(place::excerpt_at(script, place, "here")),
        None => failure.with_excerpt(place::excerpt_at_end(script)),
    };
    match (meant(script, place), unfinished(script, message)) {
        (_, Some(hint)) => failure.with_hint(hint),
        (Some((word, keyword)), None) => failure.with_hint(format!("did you mean `{keyword}` where it says `{word}`?")),
        (None, None) => failure,
    }
}

/// What is missing behind a word that does not stand alone.
fn unfinished(script: &Script, message: &str) -> Option<&'static str> {
    if message.ends_with("found: GROUP") {
        return Some("`GROUP` is followed by `BY`");
    }
    if message.ends_with("found: ORDER") {
        return Some("`ORDER` is followed by `BY`");
    }
    let tokens = Tokenizer::new(&GenericDialect {}, &script.text).tokenize().ok()?;
    let count = |keyword| tokens.iter().filter(|token| is_keyword(token, keyword)).count();
    (count(Keyword::CASE) > count(Keyword::END)).then_some("each `CASE` is closed by an `END`")
}

fn is_keyword(token: &Token, keyword: Keyword) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.keyword == keyword)
}

fn reworded(message: &str) -> String {
    let Some((expected, found)) = message.strip_prefix("Expected: ").and_then(|rest| rest.rsplit_once(", found: "))
    else {
        return fragment(message).replace(" before EOF", " before the end");
    };
    match found {
        "EOF" => format!("expected {expected}, but the text ends"),
        found => format!("expected {expected}, found `{found}`"),
    }
}

/// A misspelt keyword and what it should be: the word at the place, or the one before it, which the parser took for
/// a name.
fn meant(script: &Script, place: Option<place::Place>) -> Option<(String, &'static str)> {
    let end = place.map_or(script.text.len(), |place| place::end_of_word(&script.text, place));
    // A text that breaks off in the middle of a literal has no words there.
    let tokens = Tokenizer::new(&GenericDialect {}, &script.text[..end]).tokenize().ok()?;
    let words = tokens.iter().rev().filter(|token| !matches!(token, Token::Whitespace(_))).take(2);
    words.into_iter().find_map(|token| {
        let Token::Word(word) = token else { return None };
        let spelt_right = word.quote_style.is_some() || CLAUSES.contains(&word.value.to_uppercase().as_str());
        // Shorter words resemble too many others.
        if spelt_right || word.value.len() < 4 {
            return None;
        }
        Some((word.value.clone(), suggest::nearest(&word.value, CLAUSES)?))
    })
}

/// The first line of a message of the engine as a fragment: the engine starts sentences, ends them, and adds advice for
/// its own developers.
pub fn fragment(message: &str) -> String {
    let line = message.lines().next().unwrap_or_default().trim().trim_end_matches(['.', ',', ':']);
    let mut chars = line.chars();
    match (chars.next(), chars.next()) {
        // A word in capitals is SQL's own.
        (Some(first), Some(second)) if second.is_uppercase() => format!("{first}{second}{}", chars.as_str()),
        (Some(first), second) => first.to_lowercase().chain(second).chain(chars).collect(),
        (None, _) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, message: &str, pointed: &str, hint: Option<&str>) {
        let error = Script { name: "q.sql".into(), text: sql.into() }.parse().unwrap_err();
        let problem = error.problem().unwrap();
        let excerpt = problem.excerpt.as_ref().unwrap();
        assert_eq!(error.to_string(), format!("the SQL has a syntax error: {message}"), "{sql}");
        assert_eq!(&excerpt.text[excerpt.span.clone()], pointed, "{sql}");
        assert_eq!(problem.hint.as_deref(), hint, "{sql}");
    }

    #[test]
    fn faults_are_told_in_our_words() {
        check("SELECT", "expected an expression, but the text ends", "", None);
        check("SELECT (1 FROM t", "expected ), found `FROM`", "FROM", None);
        check("SELECT 'abc", "unterminated string literal", "'", None);
        check("SELECT \"abc", "expected close delimiter '\"' before the end", "\"", None);
        check("SELECT 1 2", "expected end of statement, found `2`", "2", None);
    }

    #[test]
    fn misspelt_keywords_are_noticed() {
        let found = |word: &str| format!("expected end of statement, found `{word}`");
        let check = |sql: &str, message: &str, pointed: &str, word: &str, keyword: &str| {
            check(sql, message, pointed, Some(&format!("did you mean `{keyword}` where it says `{word}`?")));
        };
        check("SELECT id\nFORM events", &found("events"), "events", "FORM", "FROM");
        check("SELECT id FROM t WHER n = 1", &found("n"), "n", "WHER", "WHERE");
        check("SELECT id FROM t gruop BY 1", &found("BY"), "BY", "gruop", "GROUP");
        check("SELECT id FROM t LIMTI 1", &found("1"), "1", "LIMTI", "LIMIT");
        check("SELEC id", "expected an SQL statement, found `SELEC`", "SELEC", "SELEC", "SELECT");
    }

    #[test]
    fn messages_become_fragments() {
        assert_eq!(fragment("Column x is\nodd. Really."), "column x is");
        assert_eq!(fragment("UNION queries differ."), "UNION queries differ");
        assert_eq!(fragment("A b"), "a b");
        assert_eq!(fragment(""), "");
    }
}
