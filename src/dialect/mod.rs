//! The SQL that people write here, as the engine takes it.
//!
//! Text is parsed once and rewritten as a syntax tree, never as text, so that places in errors stay those of what was
//! written. It knows nothing of files or plans; which tables exist is told to it.

mod arrange;
mod columns;
mod completeness;
mod deed;
mod default_source;
mod definitions;
mod derived_names;
mod functions;
mod given;
mod grammar;
mod grouping;
mod hidden;
mod ignored;
mod mentions;
mod named_windows;
mod nesting;
mod options;
mod order_by_all;
mod parameter;
mod parameters;
mod paths;
mod pcollection;
mod place;
mod program;
mod quantified;
mod replacements;
mod row_values;
mod show_tables;
mod summarize;
mod syntax;
mod terms;
mod walk;
mod window_tables;
mod windows;
mod words;

use std::ops::ControlFlow;

use datafusion::sql::parser::DFParserBuilder;
use datafusion::sql::sqlparser::ast::{Ident, Query, Statement as Sql};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{TokenWithSpan, Tokenizer, TokenizerError};

pub use arrange::{Key, arranged};
pub use columns::{spell, spell_groups};
pub use completeness::{Completeness, completeness, first_backslash, settled, statement_end};
/// One SQL sentence as a syntax tree; front ends hand it on and do not look inside.
pub use datafusion::sql::parser::Statement;
pub use deed::{Deed, deed, verb};
pub use default_source::{add_from, add_from_at, inner};
pub use definitions::Definitions;
pub use given::Given;
use grammar::Grammar;
pub use hidden::{Hidden, hide, names_any};
pub use ignored::ignored_clause;
pub use options::OPTIONS;
pub use order_by_all::{ask_for_all, order_by_all};
pub use parameter::{ParameterType, UnknownType};
pub use parameters::{BUILT_IN, Parameter, Parameters, parameters_in};
pub use paths::split_paths;
pub use pcollection::{PCOLLECTION, name_pcollection};
pub use place::{call_of, excerpt, field, span_of_table, subquery, under, word};
pub use program::{Step, Whole, completed, continued, copy_a_query, program};
pub use replacements::{Replacement, replacements};
pub use show_tables::list as list_tables;
pub use summarize::take_summarized;
pub use syntax::fragment;
use terms::{Excess, MAX_OPERATORS, MAX_SETS};
pub(crate) use walk::{walk, walk_expressions};
pub use words::{Standing, Word, WordKind, is_keyword, is_plain, words};

use crate::error::{Error, Result};

/// Deepest nesting of parentheses and subqueries: the engine's own default is 50, its planner's stack takes far more.
const MAX_NESTING: usize = 128;

/// A text with SQL, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// A file's path as shown to the user, or `statement`.
    pub name: String,
    /// The whole text; comments, `--@` settings among them, are left to the parser.
    pub text: String,
}

impl Script {
    /// Its tokens, with their places.
    ///
    /// **Errors**: the tokenizer's, for a text that is no SQL.
    fn tokens(&self) -> Result<Vec<TokenWithSpan>, TokenizerError> {
        Tokenizer::new(&GenericDialect {}, &self.text).tokenize_with_location()
    }

    /// The statements, in order.
    ///
    /// **Errors**: `Sql` with the place, if the text is not SQL, holds no statement, or one that is too deep to plan.
    pub fn parse(&self) -> Result<Vec<Statement>> {
        self.parse_tokens(self.tokens_or_fault()?)
    }

    /// The same statements, whose parts are nowhere: for what is held longer than the text.
    fn parse_without_places(&self) -> Result<Vec<Statement>> {
        let tokens = self.tokens_or_fault()?.into_iter().map(|token| TokenWithSpan::wrap(token.token));
        self.parse_tokens(tokens.collect())
    }

    fn tokens_or_fault(&self) -> Result<Vec<TokenWithSpan>> {
        self.tokens().map_err(|error| syntax::fault(self, &ParserError::from(error).into()))
    }

    fn parse_tokens(&self, mut tokens: Vec<TokenWithSpan>) -> Result<Vec<Statement>> {
        if let Some((excess, token)) = terms::excess(&tokens) {
            return Err(self.too_many(excess, token));
        }
        window_tables::plain_arguments(&mut tokens);
        let tokens = summarize::as_ctes(tokens);
        let dialect = Grammar::new(&tokens);
        let parser = DFParserBuilder::new(tokens).with_dialect(&dialect).with_recursion_limit(MAX_NESTING).build();
        let mut statements = parser
            .and_then(|mut parser| parser.parse_statements())
            .map_err(|error| dialect.excess(self).unwrap_or_else(|| syntax::fault(self, &error)))?;
        if statements.is_empty() {
            return Err(Error::sql(format!("`{}` holds no statement", self.name))
                .with_hint("write one, for example: SELECT * FROM events LIMIT 10"));
        }
        for statement in &mut statements {
            paths::even_paths(statement)?;
            window_tables::rewrite(self, statement)?;
            quantified::name_subqueries(statement);
        }
        Ok(statements.into())
    }

    fn too_many(&self, excess: Excess, token: &TokenWithSpan) -> Error {
        let (what, hint) = match excess {
            Excess::Operators => (
                format!("an expression has too many terms: its operators nest more than {MAX_OPERATORS} deep"),
                "write a list of values as `x IN (1, 2, …)`, which may be of any length; or split it with WITH",
            ),
            Excess::Sets => (
                format!("a query has more than {MAX_SETS} UNION, EXCEPT or INTERSECT"),
                "one source reads files of many paths: `path` may be a list; or split the query",
            ),
        };
        let start = (token.span.start.line, token.span.start.column);
        Error::sql(what).with_hint(hint).with_excerpt(place::excerpt_at(self, start, "one too many"))
    }
}

/// Rewrites what the engine does not know into what it does.
///
/// **Errors**: `Sql` with the place, for what cannot be.
pub fn rewrite(script: &Script, statement: &mut Statement) -> Result<()> {
    nesting::check(script, statement)?;
    derived_names::name_columns(statement)?;
    row_values::compare_values(statement)?;
    named_windows::rewrite(script, statement)?;
    grouping::rewrite(script, statement)?;
    windows::rewrite(script, statement)
}

/// What came of a visit that breaks off with an error.
fn outcome(visit: ControlFlow<Box<Error>>) -> Result<()> {
    match visit {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// A statement that is made here, of a text that is SQL: what a user wrote as another.
///
/// **Errors**: `Internal`, if it is none.
fn made(text: String) -> Result<Sql> {
    match (Script { name: "made".into(), text }).parse()?.pop() {
        Some(Statement::Statement(sql)) => Ok(*sql),
        _ => Err(Error::internal("a statement that was made is none")),
    }
}

/// A query to put parts of a statement into.
fn template(text: &str) -> Option<Box<Query>> {
    Parser::new(&GenericDialect {}).try_with_sql(text).and_then(|mut parser| parser.parse_query()).ok()
}

/// Which query of a tree it is, while the tree stands.
fn address(query: &Query) -> usize {
    std::ptr::from_ref(query).addr()
}

/// As the engine resolves names: without quotes, case does not count.
pub fn normal(name: &Ident) -> String {
    if name.quote_style.is_some() { name.value.clone() } else { name.value.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Statement>> {
        Script { name: "q.sql".into(), text: text.into() }.parse()
    }

    #[test]
    fn statements_are_split_by_the_parser() {
        assert_eq!(parse("SELECT 'a;b'; -- c;\nSELECT 2;").unwrap().len(), 2);
        assert_eq!(parse("--@ format = \"json\"\nSELECT 1").unwrap().len(), 1);
    }

    #[test]
    fn distinct_from_takes_what_stands_beside_it() {
        let parsed = |sql: &str| parse(&format!("SELECT {sql}")).unwrap()[0].to_string();
        for (sql, bracketed) in [
            ("a IS DISTINCT FROM b AND c", "(a IS DISTINCT FROM b) AND c"),
            ("x OR a IS NOT DISTINCT FROM b = c OR d", "x OR (a IS NOT DISTINCT FROM (b = c)) OR d"),
            ("NOT a IS DISTINCT FROM b OR c", "(NOT (a IS DISTINCT FROM b)) OR c"),
        ] {
            let plain = |sql: String| sql.replace(['(', ')'], "");
            assert_eq!(parsed(sql), plain(parsed(bracketed)));
            let tree = |sql: &str| {
                let text = format!("{:?}", parse(&format!("SELECT {sql}")).unwrap()[0]);
                let ops = ["And", "Or", "Eq", "IsDistinctFrom", "IsNotDistinctFrom", "Not"];
                text.split(|c: char| !c.is_alphanumeric())
                    .filter(|word| ops.contains(word))
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(tree(sql), tree(bracketed), "{sql}");
        }
    }

    #[test]
    fn a_syntax_error_has_its_place() {
        let error = parse("SELECT ip,\n  id\nFORM events WHERE").unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!(&excerpt.text[excerpt.span.clone()], "events");
        assert_eq!(error.exit_code(), 2);
        assert!(parse("").unwrap_err().chain().contains("no statement"));
        assert!(parse("-- only a comment\n").is_err());
    }

    #[test]
    fn nesting_is_limited() {
        let deep = format!("SELECT {}1{}", "(".repeat(100_000), ")".repeat(100_000));
        assert!(parse(&deep).unwrap_err().chain().contains("nested deeper"));
    }

    /// Each level of these doubles what the parser tries, and none of them is SQL.
    #[test]
    fn ways_to_read_are_limited() {
        for level in ["a.", "a.b[", "CAST(", "TRY_CAST(", "INTERVAL ", "POSITION(", "SUBSTRING(", "CEIL(", "CONVERT("] {
            let error = parse(&format!("SELECT\n  1 + {}{{", level.repeat(40))).unwrap_err();
            assert!(error.to_string().contains("too many ways to read it"), "{level}: {error}");
            let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
            assert_eq!(&excerpt.text[excerpt.span.clone()], "{", "{level}");
        }
        assert!(parse(&format!("SELECT {}a", "a.".repeat(50))).is_ok());
        assert!(parse(&format!("SELECT {}1{}", "CAST(".repeat(100), " AS int)".repeat(100))).is_ok());
    }

    #[test]
    fn terms_are_limited() {
        let error = parse(&format!("SELECT {}1", "1 + ".repeat(1_000_000))).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!((error.kind(), &excerpt.text[excerpt.span.clone()]), ("sql", "+"));
        assert_eq!(excerpt.span.start, "SELECT ".len() + "1 + ".len() * 1_000 + "1 ".len());
    }
}
