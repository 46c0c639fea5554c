//! The generic dialect with what we mend in it: the parser gives up after so many steps, and `IS DISTINCT FROM` takes no more
//! than stands beside it.
//!
//! Where one way to read a text fails, the parser goes back and tries another; within calls and paths that nest, that
//! doubles with each level, and a statement of a hundred characters would keep it for ever. It knows no SQL of its own.

use std::any::TypeId;
use std::cell::Cell;

use datafusion::sql::sqlparser::ast::Expr;
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect, Precedence};
use datafusion::sql::sqlparser::keywords::{Keyword, RESERVED_FOR_COLUMN_ALIAS};
use datafusion::sql::sqlparser::parser::{Parser, ParserError};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::Script;
use super::place::{self, Place};
use crate::error::Error;

/// How many expressions may be begun; by far the most texts begin fewer than they have tokens.
const MIN_STEPS: usize = 100_000;
const STEPS_PER_TOKEN: usize = 20;

/// For one parse; it counts the expressions that are begun.
#[derive(Debug)]
pub(super) struct Grammar {
    left: Cell<usize>,
    /// The last token at which one was.
    furthest: Cell<Place>,
}

impl Grammar {
    /// For one parse of `tokens`.
    pub(super) fn new(tokens: &[TokenWithSpan]) -> Self {
        let steps = tokens.len().saturating_mul(STEPS_PER_TOKEN).max(MIN_STEPS);
        Self { left: Cell::new(steps), furthest: Cell::new((1, 1)) }
    }

    /// Why the parse was given up, if it was.
    pub(super) fn excess(&self, script: &Script) -> Option<Error> {
        let error = Error::sql(
            "the SQL has a syntax error where much is nested, with too many ways to read it to try them all",
        )
        .with_hint("look here for what is missing or does not belong; to be told more, try the innermost part alone")
        .with_excerpt(place::excerpt_at(script, self.furthest.get(), "read as far as here"));
        (self.left.get() == 0).then_some(error)
    }
}

/// As the generic dialect answers.
macro_rules! generic {
    ($($method:ident),* $(,)?) => {
        $(fn $method(&self) -> bool {
            GenericDialect.$method()
        })*
    };
}

impl Dialect for Grammar {
    fn dialect(&self) -> TypeId {
        GenericDialect.dialect()
    }

    /// The parser passes on the error of a limit, and tries no other way after it.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let start = parser.peek_token_ref().span.start;
        self.furthest.set(self.furthest.get().max((start.line, start.column)));
        let Some(left) = self.left.get().checked_sub(1) else { return Some(Err(ParserError::RecursionLimitExceeded)) };
        self.left.set(left);
        GenericDialect.parse_prefix(parser)
    }

    /// The parser's own way takes `b AND c` for the right side in `a IS DISTINCT FROM b AND c`.
    fn parse_infix(&self, parser: &mut Parser<'_>, left: &Expr, _: u8) -> Option<Result<Expr, ParserError>> {
        let is_not = parser.parse_keywords(&[Keyword::IS, Keyword::NOT, Keyword::DISTINCT, Keyword::FROM]);
        if !is_not && !parser.parse_keywords(&[Keyword::IS, Keyword::DISTINCT, Keyword::FROM]) {
            return None;
        }
        let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
        let build = if is_not { Expr::IsNotDistinctFrom } else { Expr::IsDistinctFrom };
        Some(right.map(|right| build(Box::new(left.clone()), Box::new(right))))
    }

    /// Without a `FROM` these clauses follow the columns, and are no names of them.
    fn is_column_alias(&self, word: &Keyword, parser: &mut Parser<'_>) -> bool {
        let [next, second] = [0, 1].map(|at| parser.peek_nth_token(at).token);
        let is_keyword = |token: &Token, keyword| matches!(token, Token::Word(word) if word.keyword == keyword);
        let begins_clause = match word {
            Keyword::QUALIFY => match &next {
                Token::EOF | Token::Comma | Token::SemiColon | Token::RParen => false,
                Token::Word(next) => !RESERVED_FOR_COLUMN_ALIAS.contains(&next.keyword),
                _ => true,
            },
            Keyword::WINDOW => matches!(next, Token::Word(_)) && is_keyword(&second, Keyword::AS),
            _ => false,
        };
        !begins_clause && GenericDialect.is_column_alias(word, parser)
    }

    /// Rows without a column say nothing, and `SELECT all FROM events` would be of such.
    fn supports_empty_projections(&self) -> bool {
        false
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        GenericDialect.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        GenericDialect.is_identifier_part(ch)
    }

    generic! {
        supports_unicode_string_literal,
        supports_partition_by_after_order_by,
        supports_array_join_syntax,
        supports_group_by_expr,
        supports_group_by_with_modifier,
        supports_left_associative_joins_without_parens,
        supports_connect_by,
        supports_match_recognize,
        supports_pipe_operator,
        supports_start_transaction_modifier,
        supports_window_function_null_treatment_arg,
        supports_dictionary_syntax,
        supports_window_clause_named_window_reference,
        supports_parenthesized_set_variables,
        supports_select_wildcard_except,
        support_map_literal_syntax,
        allow_extract_custom,
        allow_extract_single_quotes,
        supports_extract_comma_syntax,
        supports_create_view_comment_syntax,
        supports_parens_around_table_factor,
        supports_values_as_table_factor,
        supports_create_index_with_clause,
        supports_explain_with_utility_options,
        supports_limit_comma,
        supports_update_order_by,
        supports_from_first_select,
        supports_projection_trailing_commas,
        supports_asc_desc_in_column_definition,
        supports_try_convert,
        supports_bitwise_shift_operators,
        supports_comment_on,
        supports_load_extension,
        supports_named_fn_args_with_assignment_operator,
        supports_struct_literal,
        supports_nested_comments,
        supports_multiline_comment_hints,
        supports_user_host_grantee,
        supports_string_escape_constant,
        supports_array_typedef_with_brackets,
        supports_match_against,
        supports_set_names,
        supports_comma_separated_set_assignments,
        supports_filter_during_aggregation,
        supports_select_wildcard_exclude,
        supports_data_type_signed_suffix,
        supports_interval_options,
        supports_quote_delimited_string,
        supports_select_wildcard_replace,
        supports_select_wildcard_ilike,
        supports_select_wildcard_rename,
        supports_optimize_table,
        supports_install,
        supports_detach,
        supports_prewhere,
        supports_with_fill,
        supports_limit_by,
        supports_interpolate,
        supports_settings,
        supports_select_format,
        supports_comment_optimizer_hint,
        supports_constraint_keyword_without_name,
        supports_key_column_option,
        supports_comma_separated_trim,
        supports_cte_without_as,
        supports_select_item_multi_column_alias,
        supports_xml_expressions,
    }
}
