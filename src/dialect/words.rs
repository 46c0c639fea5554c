//! A text as the parser's own tokenizer cuts it, with the bytes that each piece takes: also one that is not done yet.
//!
//! For who shows or completes SQL while it is typed. It knows no grammar.

use std::ops::Range;

use datafusion::sql::sqlparser::ast::{Expr, SelectItem, SetExpr, Statement as Sql};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::keywords::{
    ALL_KEYWORDS, Keyword, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER, RESERVED_FOR_TABLE_ALIAS,
};
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, TokenizerError, Whitespace};

/// How many faults the tokenizer is led over; what stands behind that many is no SQL.
const MAX_FAULTS: usize = 64;

/// A piece of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// In bytes.
    pub range: Range<usize>,
    /// What it is.
    pub kind: WordKind,
    /// Whether its end is missing: of a string, a name in quotes or a comment. Only the last piece can be.
    pub is_open: bool,
}

/// What a piece of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WordKind {
    /// White space.
    Space,
    /// A comment.
    Comment,
    /// A word without quotes.
    Name(Standing),
    /// A name in quotes.
    Quoted,
    /// A text in quotes, of any sort.
    String,
    /// A number.
    Number,
    /// `$name`.
    Parameter,
    /// `;`.
    End,
    /// An operator, a bracket, a comma, a point.
    Sign,
    /// What is no SQL.
    Fault,
}

/// How much of a word is SQL's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It means nothing by itself.
    Free,
    /// A keyword somewhere, and a name elsewhere.
    Keyword,
    /// A keyword that is no alias.
    Reserved,
}

/// The pieces of a text, without gaps between them.
///
/// It takes one pass over the text.
pub fn words(text: &str) -> Vec<Word> {
    let mut pieces = Pieces { text, words: Vec::new() };
    let mut start = 0;
    for _ in 0..MAX_FAULTS {
        let mut tokens = Vec::new();
        let dialect = GenericDialect {};
        let fault = Tokenizer::new(&dialect, &text[start..]).tokenize_with_location_into_buf(&mut tokens).err();
        pieces.add(start, &tokens);
        let at = pieces.end();
        let Some(fault) = fault else {
            // Hints in comments have places of their own.
            pieces.push(text.len(), WordKind::Comment, false);
            return pieces.words;
        };
        let rest = &text[at..];
        if is_unended(rest, &fault) {
            pieces.push(text.len(), opened(rest), true);
            return pieces.words;
        }
        start = at + rest.chars().next().map_or(0, char::len_utf8);
        pieces.push(start, WordKind::Fault, false);
    }
    pieces.push(text.len(), WordKind::Fault, false);
    pieces.words
}

/// Whether a name means itself without quotes, but for its case: as a column, and as an alias before a point.
pub fn is_plain(name: &str) -> bool {
    match words(name).as_slice() {
        [Word { kind: WordKind::Name(Standing::Free), .. }] => return true,
        [Word { kind: WordKind::Name(Standing::Keyword), .. }] => {}
        _ => return false,
    }
    let sql = format!("SELECT {name} FROM t AS {name} WHERE {name}.x = {name} GROUP BY {name}");
    let parsed = Parser::parse_sql(&GenericDialect {}, &sql);
    let Ok([Sql::Query(query)]) = parsed.as_deref() else { return false };
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    match select.projection.as_slice() {
        [SelectItem::UnnamedExpr(Expr::Identifier(column))] => column.value == name && select.selection.is_some(),
        _ => false,
    }
}

/// Whether a word is a keyword of SQL anywhere.
pub fn is_keyword(word: &str) -> bool {
    ALL_KEYWORDS.binary_search(&word.to_uppercase().as_str()).is_ok()
}

/// Whether a fault at the start of a text is that it ends too early.
fn is_unended(rest: &str, fault: &TokenizerError) -> bool {
    if rest.starts_with(['e', 'E']) {
        // An escape that is none is told as an end that is missing, too; no quote behind it mends that.
        return Tokenizer::new(&GenericDialect {}, &format!("{rest}'")).tokenize().is_ok();
    }
    fault.message.contains("Unterminated") || fault.message.contains("EOF")
}

struct Pieces<'a> {
    text: &'a str,
    words: Vec<Word>,
}

impl Pieces<'_> {
    fn end(&self) -> usize {
        self.words.last().map_or(0, |word| word.range.end)
    }

    /// Adds tokens whose places count from `start`.
    fn add(&mut self, start: usize, tokens: &[TokenWithSpan]) {
        let text = self.text;
        let mut chars = text[start..].char_indices();
        let mut here = Location { line: 1, column: 1 };
        for TokenWithSpan { token, span } in tokens {
            let mut byte = text.len();
            while let Some((at, char)) = chars.clone().next() {
                byte = start + at;
                if (here.line, here.column) >= (span.end.line, span.end.column) {
                    break;
                }
                chars.next();
                byte += char.len_utf8();
                here = match char {
                    '\n' => Location { line: here.line + 1, column: 1 },
                    _ => Location { line: here.line, column: here.column + 1 },
                };
            }
            self.push(byte, kind(token), false);
        }
    }

    /// Adds what stands between the last piece and `end`.
    fn push(&mut self, end: usize, kind: WordKind, is_open: bool) {
        let start = self.end();
        if end <= start {
            return;
        }
        match self.words.last_mut() {
            Some(last) if kind == WordKind::Space && last.kind == kind => last.range.end = end,
            _ => self.words.push(Word { range: start..end, kind, is_open }),
        }
    }
}

fn kind(token: &Token) -> WordKind {
    match token {
        Token::Whitespace(Whitespace::Space | Whitespace::Newline | Whitespace::Tab) => WordKind::Space,
        Token::Whitespace(_) => WordKind::Comment,
        Token::Word(word) if word.quote_style.is_some() => WordKind::Quoted,
        Token::Word(word) => WordKind::Name(standing(word.keyword)),
        Token::Number(..) => WordKind::Number,
        Token::Placeholder(name) if name.starts_with('$') => WordKind::Parameter,
        Token::SemiColon => WordKind::End,
        token if is_string(token) => WordKind::String,
        _ => WordKind::Sign,
    }
}

fn standing(keyword: Keyword) -> Standing {
    let reserved = [RESERVED_FOR_TABLE_ALIAS, RESERVED_FOR_COLUMN_ALIAS, RESERVED_FOR_IDENTIFIER];
    match keyword {
        Keyword::NoKeyword => Standing::Free,
        keyword if reserved.iter().any(|list| list.contains(&keyword)) => Standing::Reserved,
        _ => Standing::Keyword,
    }
}

fn is_string(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::TripleSingleQuotedByteStringLiteral(_)
            | Token::TripleDoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::TripleSingleQuotedRawStringLiteral(_)
            | Token::TripleDoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::QuoteDelimitedStringLiteral(_)
            | Token::NationalQuoteDelimitedStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
    )
}

/// What is begun and not ended.
fn opened(rest: &str) -> WordKind {
    match rest.chars().next() {
        Some('/') => WordKind::Comment,
        Some('"' | '`') => WordKind::Quoted,
        _ => WordKind::String,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each piece behind a letter for its kind; `!` where its end is missing.
    fn check(text: &str, expected: &str) {
        let shown = |word: Word| {
            let letter = match word.kind {
                WordKind::Space => return String::new(),
                WordKind::Comment => 'c',
                WordKind::Name(Standing::Free) => 'n',
                WordKind::Name(Standing::Keyword) => 'k',
                WordKind::Name(Standing::Reserved) => 'r',
                WordKind::Quoted => 'q',
                WordKind::String => 's',
                WordKind::Number => '1',
                WordKind::Parameter => 'p',
                WordKind::End => ';',
                WordKind::Sign => '+',
                WordKind::Fault => 'x',
            };
            format!("{letter}{}[{}]", if word.is_open { "!" } else { "" }, &text[word.range])
        };
        assert_eq!(words(text).into_iter().map(shown).collect::<String>(), expected);
    }

    #[test]
    fn pieces_are_those_of_the_tokenizer() {
        check("SELECT ä, \"b c\"\r\n FROM x;", "r[SELECT]n[ä]+[,]q[\"b c\"]r[FROM]n[x];[;]");
        check("date -- no;\n/* ; */ 1.5e3 $day $$;$$", "k[date]c[-- no;\n]c[/* ; */]1[1.5e3]p[$day]s[$$;$$]");
        check("E'a\\'b' X'ff' a->>'b'", "s[E'a\\'b']s[X'ff']n[a]+[->>]s['b']");
        check("a._file", "n[a]+[.]n[_file]");
    }

    #[test]
    fn the_last_may_be_open() {
        check("a 'b; c", "n[a]s!['b; c]");
        check("a \"b; c", "n[a]q![\"b; c]");
        check("a /* b; /* */ c", "n[a]c![/* b; /* */ c]");
        check("a $x$b; $x c", "n[a]s![$x$b; $x c]");
        check("a E'b\\'", "n[a]s![E'b\\']");
    }

    #[test]
    fn faults_end_where_they_stand() {
        check("1 ._a; b", "1[1]x[.]n[_a];[;]n[b]");
        check("E'\\000'; b", "x[E]s['\\000'];[;]n[b]");
    }

    #[test]
    fn a_plain_name_means_itself() {
        for name in ["ip", "userId", "_file", "date", "name", "day"] {
            assert!(is_plain(name), "{name}");
        }
        for name in ["a b", "1a", "", "a.b", "from", "select", "interval", "current_date", "a-b", "\"a\""] {
            assert!(!is_plain(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_byte_is_left_out(text in "[-a-zE'\"`/*!$;._ \\\\\n\u{e4}1(]{0,40}|\\PC{0,40}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert_eq!(word.range.start, end);
                prop_assert!(text.get(word.range.clone()).is_some_and(|piece| !piece.is_empty()));
                end = word.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }
}
