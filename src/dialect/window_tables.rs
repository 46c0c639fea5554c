//! `FROM TUMBLE(TABLE events, DESCRIPTOR(ts), size)` and its like: the rows of a table with `window_start` and `window_end`.
//!
//! Such a table becomes a query over the one that it is given, with calls that a rule of `windows` understands. `TABLE` and
//! `PARTITION BY` among the arguments are more than the parser takes; they are put out of its way as tokens.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Ident, ObjectName, SelectItem, SetExpr, Spanned, TableFactor, VisitorMut,
};
use datafusion::sql::sqlparser::keywords::Keyword;
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan, Whitespace};

use super::default_source::inner_mut;
use super::walk::walk_mut;
use super::windows::{Kind, arguments, call};
use super::{Script, outcome, place, template};
use crate::error::{Error, Result};

/// What such a table becomes; the relation and the two calls are put in their places.
const TEMPLATE: &str = "SELECT * FROM (SELECT *, 1 AS window_start, 1 AS window_end FROM t) AS t";

/// Leaves of `TABLE t PARTITION BY a, b` among the arguments of a window `t, a, b`.
pub(super) fn plain_arguments(tokens: &mut [TokenWithSpan]) {
    let significant: Vec<usize> =
        (0..tokens.len()).filter(|at| !matches!(tokens[*at].token, Token::Whitespace(_))).collect();
    let keyword = |token: &Token| match token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    // For each open bracket, whether it is that of a window.
    let mut brackets: Vec<bool> = Vec::new();
    for (number, at) in significant.iter().enumerate() {
        let token = |number: usize| significant.get(number).map_or(&Token::EOF, |at| &tokens[*at].token);
        let before = number.checked_sub(1).map_or(&Token::EOF, token);
        match token(number) {
            Token::LParen => brackets.push(is_window(before)),
            Token::RParen => drop(brackets.pop()),
            other if brackets.last() == Some(&true) => match keyword(other) {
                Keyword::TABLE if matches!(before, Token::LParen | Token::Comma | Token::RArrow) => {
                    tokens[*at].token = Token::Whitespace(Whitespace::Space);
                }
                Keyword::PARTITION if keyword(token(number + 1)) == Keyword::BY => {
                    let by = significant[number + 1];
                    tokens[*at].token = Token::Comma;
                    tokens[by].token = Token::Whitespace(Whitespace::Space);
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn is_window(token: &Token) -> bool {
    let Token::Word(word) = token else { return false };
    word.quote_style.is_none() && Kind::of(&ObjectName::from(vec![Ident::new(&word.value)])).is_some()
}

/// Makes queries of the tables that are windows over another, before anything else asks what tables a statement names.
///
/// **Errors**: `Sql` with the place, for arguments that are not those of such a table.
pub(super) fn rewrite(script: &Script, statement: &mut Statement) -> Result<()> {
    let Some(sql) = inner_mut(statement) else { return Ok(()) };
    outcome(walk_mut(sql, &mut Rewriter { script }))
}

struct Rewriter<'a> {
    script: &'a Script,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<Error>;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table { name, alias, args: Some(args), .. } = factor else { return ControlFlow::Continue(()) };
        let Some(kind) = Kind::of(name) else { return ControlFlow::Continue(()) };
        let derived = Arguments::of(kind, &args.args).and_then(|args| args.derived(kind));
        let Some(mut derived) = derived else {
            let error = Error::sql(format!("`{}` in FROM takes other arguments", kind.name().to_uppercase()));
            let error = error.with_hint(usage(kind)).with_excerpt(place::under(self.script, name.span(), "here"));
            return ControlFlow::Break(Box::new(error));
        };
        if let (TableFactor::Derived { alias: own, .. }, Some(alias)) = (&mut derived, alias.take()) {
            *own = Some(alias);
        }
        *factor = derived;
        ControlFlow::Continue(())
    }
}

fn usage(kind: Kind) -> &'static str {
    match kind {
        Kind::Tumble => "write TUMBLE(TABLE events, DESCRIPTOR(ts), INTERVAL '1' MINUTE [, offset])",
        Kind::Hop => {
            "write HOP(TABLE events, DESCRIPTOR(ts), INTERVAL '30' MINUTE, INTERVAL '1' HOUR [, offset]): slide, then size"
        }
        Kind::Session => "write SESSION(TABLE events PARTITION BY id, DESCRIPTOR(ts), INTERVAL '5' MINUTE)",
    }
}

/// What a window in FROM is given.
struct Arguments {
    relation: Expr,
    keys: Vec<Expr>,
    event_time: Expr,
    /// Slide, size and offset; or the gap.
    lengths: Vec<Expr>,
}

impl Arguments {
    /// `table, [keys…,] DESCRIPTOR(event time), [DESCRIPTOR(keys…),] lengths…`, or the same by name.
    fn of(kind: Kind, args: &[FunctionArg]) -> Option<Self> {
        let mut args = in_order(args)?.into_iter().peekable();
        let relation = args.next()?;
        let mut keys = Vec::new();
        let event_time = loop {
            let arg = args.next()?;
            match (descriptor(&arg), arg) {
                (Some(columns), _) => break <[Expr; 1]>::try_from(columns).ok()?[0].clone(),
                (None, Expr::Tuple(columns)) => keys.extend(columns),
                (None, Expr::Nested(column)) => keys.push(*column),
                (None, column) => keys.push(column),
            }
        };
        if let Some(columns) = args.peek().and_then(descriptor) {
            keys.extend(columns);
            args.next();
        }
        let lengths: Vec<Expr> = args.collect();
        let most = kind.lengths() + usize::from(kind != Kind::Session);
        let is_whole = (kind.lengths()..=most).contains(&lengths.len());
        let is_keyed = keys.is_empty() || kind == Kind::Session;
        (is_whole && is_keyed).then_some(Self { relation, keys, event_time, lengths })
    }

    fn derived(self, kind: Kind) -> Option<TableFactor> {
        let Self { relation, keys, event_time, lengths } = self;
        // In quotes, they are none of the calls that belong to GROUP BY.
        let named = |name: &str| Ident::with_quote('"', name);
        let args: Vec<Expr> = std::iter::once(event_time).chain(lengths).chain(keys).collect();
        let start = call(named(kind.name()), args.clone());
        let end = match kind {
            Kind::Session => call(named("session_end"), args),
            Kind::Tumble | Kind::Hop => {
                let size = args.get(kind.lengths()).cloned()?;
                call(named("window_end"), vec![start.clone(), size])
            }
        };
        let (relation, name) = relation_of(relation, kind)?;
        let mut query = template(TEMPLATE)?;
        let SetExpr::Select(outer) = query.body.as_mut() else { return None };
        let mut derived = outer.from.pop()?.relation;
        let TableFactor::Derived { subquery, alias: Some(alias), .. } = &mut derived else { return None };
        alias.name = name;
        let SetExpr::Select(select) = subquery.body.as_mut() else { return None };
        for (item, (name, expr)) in
            select.projection.iter_mut().skip(1).zip([("window_start", start), ("window_end", end)])
        {
            *item = SelectItem::ExprWithAlias { expr, alias: Ident::new(name) };
        }
        select.from.first_mut()?.relation = relation;
        Some(derived)
    }
}

/// The arguments in the order in which they are also given without names.
fn in_order(args: &[FunctionArg]) -> Option<Vec<Expr>> {
    const NAMES: [&str; 7] = ["DATA", "TIMECOL", "KEY", "SLIDE", "GAP", "SIZE", "OFFSET"];
    let mut placed = Vec::new();
    for (number, arg) in args.iter().enumerate() {
        let (at, arg) = match arg {
            FunctionArg::Unnamed(arg) => (number, arg),
            FunctionArg::Named { name, arg, .. } => {
                (NAMES.iter().position(|known| name.value.eq_ignore_ascii_case(known))?, arg)
            }
            FunctionArg::ExprNamed { name, arg, .. } => {
                let name = name.to_string();
                (NAMES.iter().position(|known| name.eq_ignore_ascii_case(known))?, arg)
            }
        };
        let FunctionArgExpr::Expr(expr) = arg else { return None };
        placed.push((at, expr.clone()));
    }
    placed.sort_by_key(|(at, _)| *at);
    Some(placed.into_iter().map(|(_, expr)| expr).collect())
}

/// The columns of `DESCRIPTOR(…)`.
fn descriptor(expr: &Expr) -> Option<Vec<Expr>> {
    let Expr::Function(function) = expr else { return None };
    let [part] = function.name.0.as_slice() else { return None };
    part.as_ident().filter(|name| name.value.eq_ignore_ascii_case("descriptor"))?;
    arguments(function)
}

/// The table that windows are put over, and how its columns are qualified.
fn relation_of(relation: Expr, kind: Kind) -> Option<(TableFactor, Ident)> {
    let idents = match relation {
        Expr::Identifier(name) => vec![name],
        Expr::CompoundIdentifier(parts) => parts,
        Expr::Subquery(subquery) => {
            let alias = None;
            let derived = TableFactor::Derived { lateral: false, subquery, alias, sample: None };
            return Some((derived, Ident::new(kind.name())));
        }
        _ => return None,
    };
    let name = idents.last()?.clone();
    Some((super::default_source::named(ObjectName::from(idents)), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        script.parse().map(|mut statements| statements.remove(0).to_string().replace('"', ""))
    }

    fn check(from: &str, expected: &str) {
        assert_eq!(rewritten(&format!("SELECT * FROM {from}")).unwrap(), format!("SELECT * FROM {expected}"));
    }

    #[test]
    fn a_window_in_from_is_a_query() {
        check(
            "TUMBLE(TABLE events, DESCRIPTOR(at), INTERVAL '1' MINUTE)",
            "(SELECT *, tumble(at, INTERVAL '1' MINUTE) AS window_start, window_end(tumble(at, INTERVAL '1' MINUTE), INTERVAL '1' MINUTE) AS window_end FROM events) AS events",
        );
        check(
            "HOP(TABLE a.b, DESCRIPTOR(at), l, s, o) AS h",
            "(SELECT *, hop(at, l, s, o) AS window_start, window_end(hop(at, l, s, o), s) AS window_end FROM a.b) AS h",
        );
        check(
            "TUMBLE((SELECT 1), DESCRIPTOR(at), s) t(x)",
            "(SELECT *, tumble(at, s) AS window_start, window_end(tumble(at, s), s) AS window_end FROM (SELECT 1)) t (x)",
        );
    }

    #[test]
    fn keys_of_sessions_are_given_in_three_ways() {
        let expected =
            "(SELECT *, session(at, g, a, b) AS window_start, session_end(at, g, a, b) AS window_end FROM t) AS t";
        check("SESSION(TABLE t PARTITION BY a, b, DESCRIPTOR(at), g)", expected);
        check("SESSION(TABLE t PARTITION BY (a, b), DESCRIPTOR(at), g)", expected);
        check("SESSION(TABLE t, DESCRIPTOR(at), DESCRIPTOR(a, b), g)", expected);
        check("SESSION(DATA => TABLE t, TIMECOL => DESCRIPTOR(at), KEY => DESCRIPTOR(a, b), GAP => g)", expected);
        check("session(gap => g, key => DESCRIPTOR(a, b), timecol => DESCRIPTOR(at), data => TABLE t)", expected);
    }

    #[test]
    fn other_arguments_are_refused_at_their_place() {
        for from in [
            "TUMBLE(TABLE t, at, s)",
            "HOP(TABLE t, DESCRIPTOR(at), s)",
            "TUMBLE(TABLE t, DESCRIPTOR(at), DESCRIPTOR(a), s)",
            "SESSION(1, DESCRIPTOR(at), g)",
            "TUMBLE()",
        ] {
            let error = rewritten(&format!("SELECT * FROM {from}")).unwrap_err();
            assert!(error.to_string().ends_with("in FROM takes other arguments"), "{from}: {error}");
            assert_eq!(error.problem().unwrap().excerpt.clone().unwrap().span.start, "SELECT * FROM ".len());
        }
    }

    #[test]
    fn tokens_elsewhere_are_left_alone() {
        for sql in ["SELECT sum(a) OVER (PARTITION BY b) FROM t", "SELECT hop(a, sum(b) OVER (PARTITION BY c)) FROM t"]
        {
            assert_eq!(rewritten(sql).unwrap(), sql);
        }
    }
}
