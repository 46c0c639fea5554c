//! Statements of very many terms, such as `a = 1 OR a = 2 OR …`, told by their tokens before they are parsed.
//!
//! Each operator nests the syntax tree, and then the plan, one level deeper. The parser limits what parentheses nest
//! and takes any number of operators; who walks the tree afterwards (the planner, or just the code that frees it) runs
//! out of stack and ends the process. It knows no grammar: a count of operators is at least the depth that they make.

use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// How deep the operators of an expression may nest, so roughly how many terms it may have: as SQLite and DuckDB have
/// it. Time and memory for planning grow with the square of it.
pub(super) const MAX_OPERATORS: usize = 1_000;
/// How deep set operations may nest: planning takes more stack for each than for an operator.
pub(super) const MAX_SETS: usize = 250;

/// What there is too much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Excess {
    Operators,
    Sets,
}

/// The first token that is one too many.
pub(super) fn excess(tokens: &[TokenWithSpan]) -> Option<(Excess, &TokenWithSpan)> {
    let mut levels = vec![Level::default()];
    let mut before = &Token::EOF;
    for token in tokens.iter().filter(|token| !matches!(token.token, Token::Whitespace(_))) {
        let role = Role::of(&token.token, before);
        before = &token.token;
        // What closes without having been opened is the parser's to refuse.
        let inner = if role == Role::Close && levels.len() > 1 { levels.pop() } else { None };
        let level = levels.last_mut()?;
        match inner {
            Some(inner) => level.holds(&inner),
            None => level.add(role),
        }
        if let Some(excess) = level.excess() {
            return Some((excess, token));
        }
        if role == Role::Open {
            levels.push(Level::default());
        }
        if levels.len() > MAX_OPERATORS {
            // The parser refuses brackets far less deep, and says so better.
            return None;
        }
    }
    None
}

/// What stands between two brackets, so far.
#[derive(Default)]
struct Level {
    /// Since the expression began.
    logical: usize,
    /// The depth of the deepest term between two AND or OR, which bind weakest, of those that are done.
    term: usize,
    /// Of the term that is not done: operators, and the deepest bracket.
    operators: usize,
    bracket: usize,
    /// The deepest of the expressions that are done.
    done: usize,
    sets: usize,
    /// The most in a bracket.
    inner_sets: usize,
}

impl Level {
    fn add(&mut self, role: Role) {
        match role {
            Role::Operand | Role::Close => {}
            // A bracket may be a call or an index, which nests its operand.
            Role::Operator | Role::Open => self.operators += 1,
            Role::Logical => {
                self.term = self.term.max(self.operators + self.bracket);
                (self.operators, self.bracket) = (0, 0);
                self.logical += 1;
            }
            Role::Separator => self.end_expression(),
            Role::SetOperation => {
                self.end_expression();
                self.sets += 1;
            }
            Role::End => *self = Self::default(),
        }
    }

    fn end_expression(&mut self) {
        self.done = self.done.max(self.depth());
        (self.logical, self.term, self.operators, self.bracket) = (0, 0, 0, 0);
    }

    /// Of the expression that is not done.
    fn depth(&self) -> usize {
        self.logical + self.term.max(self.operators + self.bracket)
    }

    fn holds(&mut self, inner: &Self) {
        self.bracket = self.bracket.max(inner.done.max(inner.depth()));
        self.inner_sets = self.inner_sets.max(inner.sets + inner.inner_sets);
    }

    fn excess(&self) -> Option<Excess> {
        let operators = self.depth() > MAX_OPERATORS;
        let sets = self.sets + self.inner_sets > MAX_SETS;
        operators.then_some(Excess::Operators).or(sets.then_some(Excess::Sets))
    }
}

/// What a token does to the depth of what it stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Operand,
    Operator,
    Logical,
    SetOperation,
    /// The next expression begins.
    Separator,
    Open,
    Close,
    /// The statement ends.
    End,
}

impl Role {
    fn of(token: &Token, before: &Token) -> Self {
        match token {
            Token::LParen | Token::LBracket | Token::LBrace => Self::Open,
            Token::RParen | Token::RBracket | Token::RBrace => Self::Close,
            Token::Comma => Self::Separator,
            Token::SemiColon => Self::End,
            Token::Period | Token::Number(..) | Token::Placeholder(_) | Token::EOF => Self::Operand,
            Token::SingleQuotedString(_) | Token::DoubleQuotedString(_) | Token::EscapedStringLiteral(_) => {
                Self::Operand
            }
            Token::Word(word) if word.quote_style.is_some() || *before == Token::Period => Self::Operand,
            Token::Word(word) => Self::of_keyword(word.keyword),
            _ => Self::Operator,
        }
    }

    fn of_keyword(keyword: Keyword) -> Self {
        match keyword {
            Keyword::AND | Keyword::OR | Keyword::XOR => Self::Logical,
            Keyword::UNION | Keyword::EXCEPT | Keyword::INTERSECT | Keyword::MINUS => Self::SetOperation,
            // Not FROM, which is also in `IS DISTINCT FROM`.
            Keyword::WHEN | Keyword::THEN | Keyword::ELSE => Self::Separator,
            Keyword::SELECT | Keyword::WHERE | Keyword::ON | Keyword::HAVING | Keyword::QUALIFY => Self::Separator,
            Keyword::CASE => Self::Open,
            Keyword::END => Self::Close,
            // `IS NULL`, `LIKE`, `IN`, `AT TIME ZONE`: each has one of these words.
            Keyword::IS
            | Keyword::NOTNULL
            | Keyword::NOT
            | Keyword::LIKE
            | Keyword::ILIKE
            | Keyword::RLIKE
            | Keyword::REGEXP
            | Keyword::SIMILAR
            | Keyword::IN
            | Keyword::BETWEEN
            | Keyword::DIV
            | Keyword::OVERLAPS
            | Keyword::OPERATOR
            | Keyword::COLLATE
            | Keyword::AT => Self::Operator,
            _ => Self::Operand,
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::sqlparser::dialect::GenericDialect;
    use datafusion::sql::sqlparser::tokenizer::Tokenizer;

    use super::*;

    fn check(sql: &str, expected: Option<Excess>) {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap();
        let start: String = sql.chars().take(60).collect();
        assert_eq!(excess(&tokens).map(|(what, _)| what), expected, "{start}");
    }

    /// So many of `term`, with `separator` between them.
    fn many(count: usize, term: &str, separator: &str) -> String {
        vec![term; count].join(separator)
    }

    #[test]
    fn chains_are_counted() {
        for (term, separator) in [
            ("n = 1", " OR "),
            ("s <> 'x'", " AND "),
            ("n", " + "),
            ("'a'", " || "),
            ("CASE WHEN a = 1 THEN b ELSE c END", " + "),
            ("f(a, b, c)", " * "),
            ("(a)", " - "),
        ] {
            check(&format!("SELECT {}", many(MAX_OPERATORS / 2 - 1, term, separator)), None);
            check(&format!("SELECT {}", many(MAX_OPERATORS + 2, term, separator)), Some(Excess::Operators));
        }
        for suffix in ["::BIGINT", " IS NULL", "[1]", " COLLATE x", " AT TIME ZONE 'UTC'", " IN (1)"] {
            check(&format!("SELECT n{}", many(MAX_OPERATORS / 2, suffix, "")), None);
            check(&format!("SELECT n{}", many(MAX_OPERATORS + 1, suffix, "")), Some(Excess::Operators));
        }
    }

    #[test]
    fn as_many_operators_as_are_said_are_taken() {
        for separator in [" OR ", " + "] {
            check(&many(MAX_OPERATORS + 1, "n", separator), None);
            check(&many(MAX_OPERATORS + 2, "n", separator), Some(Excess::Operators));
        }
    }

    #[test]
    fn chains_in_brackets_add_up() {
        let nested = |operator: &str| {
            let chain = many(MAX_OPERATORS / 4, "n", operator);
            (0..5).fold(chain.clone(), |inner, _| format!("({inner}){operator}{chain}"))
        };
        check(&nested(" + "), Some(Excess::Operators));
        check(&nested(" OR "), Some(Excess::Operators));
        let sets = many(MAX_SETS / 2, "SELECT a", " UNION ");
        check(&format!("(({sets}) UNION {sets}) UNION {sets}"), Some(Excess::Sets));
        check(&format!("SELECT ({sets}), ({sets}), ({sets})"), None);
    }

    #[test]
    fn wide_is_not_deep() {
        let wide = 10 * MAX_OPERATORS;
        check(&format!("SELECT {}", many(wide, "a + 1 AS b", ", ")), None);
        check(&format!("SELECT n IN ({})", many(wide, "-1", ", ")), None);
        check(&format!("SELECT CASE {} END", many(wide, "WHEN n = 1 THEN 'x'", " ")), None);
        check(&many(wide, "SELECT 1 + 1", ";"), None);
        check(&many(wide, "a.b", "."), None);
        check(&many(MAX_SETS, "SELECT a FROM t WHERE a = 1 AND b = 2 AND c = 3 AND d = 4", " UNION "), None);
    }

    #[test]
    fn set_operations_are_counted_per_query() {
        check(&many(MAX_SETS + 1, "SELECT a, b", " UNION ALL "), None);
        check(&many(MAX_SETS + 2, "SELECT a, b", " UNION ALL "), Some(Excess::Sets));
        check(&many(MAX_SETS + 2, "(SELECT a, b)", " EXCEPT "), Some(Excess::Sets));
        check(&many(MAX_SETS, "SELECT a UNION SELECT b", ";"), None);
    }

    #[test]
    fn brackets_that_do_not_match_are_left_to_the_parser() {
        check(")))END]", None);
        check("(((CASE[", None);
    }
}
