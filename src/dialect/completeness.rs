//! Whether a text that is being typed is done, and where its first statement ends: what all front ends ask.
//!
//! It goes by the parser's tokens alone, so a `;` ends a statement wherever it is a token, within brackets too: then the
//! parser tells what is wrong.

use super::words::{Word, WordKind, words};

/// How far a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// It asks nothing: space, comments and stray `;` at most.
    Blank,
    /// More has to come: an end of a string, a name or a comment, or a `;`.
    Open,
    /// It ends with a `;`, but for space and comments.
    Complete,
}

/// How far a text is, in one pass over it.
pub fn completeness(text: &str) -> Completeness {
    let words = words(text);
    if words.last().is_some_and(|word| word.is_open) {
        return Completeness::Open;
    }
    let mut words = words.iter().filter(|word| !is_blank(word)).rev();
    match words.next() {
        None => Completeness::Blank,
        Some(last) if last.kind != WordKind::End => Completeness::Open,
        Some(_) if words.all(|word| word.kind == WordKind::End) => Completeness::Blank,
        Some(_) => Completeness::Complete,
    }
}

/// The byte behind the `;` that ends the first statement that is not blank; `None` while none does.
///
/// It looks no further than about twice as far as that statement is long, so taking one statement after the other off a
/// text takes time in proportion to the text. A text without any `;` costs a search for that byte; who feeds a buffer that
/// grows asks again when there is a new `;` in it.
///
/// With `is_begun` the text goes on where another stopped that was not blank.
pub fn statement_end(text: &str, is_begun: bool) -> Option<usize> {
    let mut least = 0;
    loop {
        let Some(at) = memchr::memchr(b';', &text.as_bytes()[least..]) else {
            // The last that was tried may have been in the middle of a text, and what ends it stepped over.
            return if least == 0 { None } else { first_end(text, is_begun) };
        };
        let end = least + at + 1;
        if let Some(found) = first_end(&text[..end], is_begun) {
            return Some(found);
        }
        // Those were in strings or comments, or behind nothing.
        least = text.len().min(end * 2);
    }
}

/// The byte of the first `\` that is no part of a text, a name or a comment.
pub fn first_backslash(text: &str) -> Option<usize> {
    memchr::memchr(b'\\', text.as_bytes())?;
    let is_it = |word: &&Word| text[word.range.clone()].starts_with('\\') && !is_blank(word);
    words(text).iter().find(is_it).map(|word| word.range.start)
}

/// How far a text need not be looked at again when more comes: up to there its pieces are whole. And whether it is more than
/// blank up to there.
pub fn settled(text: &str) -> (usize, bool) {
    let words = words(text);
    let open = words.iter().position(|word| word.is_open).unwrap_or(words.len());
    let whole = &words[..open];
    let is_begun = whole.iter().any(|word| !is_blank(word) && word.kind != WordKind::End);
    (whole.last().map_or(0, |word| word.range.end), is_begun)
}

fn first_end(text: &str, is_begun: bool) -> Option<usize> {
    let words = words(text);
    let asks = |word: &Word| !is_blank(word) && word.kind != WordKind::End;
    let begins = if is_begun { 0 } else { words.iter().position(asks)? };
    words[begins..].iter().find(|word| word.kind == WordKind::End).map(|word| word.range.end)
}

fn is_blank(word: &Word) -> bool {
    matches!(word.kind, WordKind::Space | WordKind::Comment)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_semicolon_that_is_a_token_ends_a_text() {
        let check = |text: &str, expected| assert_eq!(completeness(text), expected, "{text}");
        for text in ["", " \n", "-- a;", "/* ; */ -- b;\n", ";", " ; ;"] {
            check(text, Completeness::Blank);
        }
        for text in [
            "SELECT 1",
            "SELECT 1; SELECT",
            "SELECT ';",
            "SELECT 'a''; ",
            "SELECT \";",
            "SELECT 1; /* ;",
            "/* a /* b */ ;",
            "SELECT $$;",
            "SELECT $a$; $b$;",
            "SELECT 1 -- ;",
            "SELECT E'it\\'s;",
        ] {
            check(text, Completeness::Open);
        }
        for text in ["SELECT 1;", "SELECT (1;", "SELECT ';';\n-- done", "x; /* */ ;", "SELECT E'\\000';", "1 ._a;"] {
            check(text, Completeness::Complete);
        }
    }

    #[test]
    fn the_first_statement_is_the_first_that_asks() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(statement_end(text, false).map(|end| &text[..end]), expected, "{text}");
        };
        check("SELECT 1; SELECT 2;", Some("SELECT 1;"));
        check("; -- a;\n ;SELECT ';' ; b", Some("; -- a;\n ;SELECT ';' ;"));
        check("SELECT ';;;;;;;;;;;;;;' /* ; */ ; c;", Some("SELECT ';;;;;;;;;;;;;;' /* ; */ ;"));
        for text in ["", "SELECT 1", ";;", "SELECT ';", "-- ;", "/* ; "] {
            check(text, None);
        }
    }

    proptest! {
        #[test]
        fn both_agree(text in "[a';\" /*$\n-]{0,24}") {
            let mut rest = text.as_str();
            while let Some(end) = statement_end(rest, false) {
                rest = &rest[end..];
            }
            if completeness(&text) == Completeness::Complete {
                prop_assert_eq!(completeness(rest), Completeness::Blank);
            }
        }
    }
}
