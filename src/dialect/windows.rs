//! `GROUP BY TUMBLE(ts, size)` and its like: windows as Beam and Calcite write them.
//!
//! `TUMBLE_START` and `HOP_START` become the window itself, which is called after its start; an end becomes
//! `window_end(start, size)`; that of a session is `session_end`, by which is grouped too. What the calls `tumble`, `hop`, `session` and
//! `session_end` that are left mean is no business of the syntax: a rule of `windows` takes them out of the plan.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments, GroupByExpr, Ident,
    ObjectName, OrderByKind, Query, Select, SelectItem, SetExpr, Visit, Visitor, VisitorMut,
};

use super::default_source::inner_mut;
use super::walk::{walk, walk_mut};
use super::{Script, normal, outcome, place};
use crate::error::{Error, Result};

/// Makes of all calls that are about windows the few that the engine is told of.
///
/// **Errors**: `Sql` with the place, for a call with other arguments than its function takes, in a SELECT without GROUP BY,
/// or for a window that GROUP BY does not have.
pub(super) fn rewrite(script: &Script, statement: &mut Statement) -> Result<()> {
    let Some(sql) = inner_mut(statement) else { return Ok(()) };
    outcome(walk_mut(sql, &mut Rewriter { script }))
}

/// The kinds of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Tumble,
    Hop,
    Session,
}

impl Kind {
    /// The kind that a function is called after.
    pub(super) fn of(name: &ObjectName) -> Option<Self> {
        match word(name)?.as_str() {
            "TUMBLE" => Some(Self::Tumble),
            "HOP" => Some(Self::Hop),
            "SESSION" => Some(Self::Session),
            _ => None,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Tumble => "tumble",
            Self::Hop => "hop",
            Self::Session => "session",
        }
    }

    /// The arguments, as they are written down.
    fn usage(self) -> (std::ops::RangeInclusive<usize>, &'static str) {
        match self {
            Self::Tumble => (2..=3, "(ts, size [, offset])"),
            Self::Hop => (3..=4, "(ts, slide, size [, offset])"),
            Self::Session => (2..=2, "(ts, gap)"),
        }
    }

    /// How many lengths there are before an offset.
    pub(super) fn lengths(self) -> usize {
        if self == Self::Hop { 2 } else { 1 }
    }
}

/// The name of a function in capitals, if it is one word without quotes.
fn word(name: &ObjectName) -> Option<String> {
    let [part] = name.0.as_slice() else { return None };
    let ident = part.as_ident()?;
    ident.quote_style.is_none().then(|| ident.value.to_uppercase())
}

/// Whether a call is about a window: its column is named here.
pub(super) fn is_of_window(function: &Function) -> bool {
    Call::word(function).is_some()
}

/// What of a window is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Window,
    Start,
    End,
}

/// A call that is about a window.
#[derive(Debug, Clone)]
struct Call {
    kind: Kind,
    part: Part,
    /// As written.
    name: Ident,
    args: Vec<Expr>,
}

impl Call {
    fn of(expr: &Expr) -> Option<Self> {
        let Expr::Function(function) = expr else { return None };
        let (kind, part, name) = Self::word(function)?;
        Some(Self { kind, part, name, args: arguments(function)? })
    }

    /// What a call says by its name.
    fn word(function: &Function) -> Option<(Kind, Part, Ident)> {
        let word = word(&function.name)?;
        let (kind, part) = match word.rsplit_once('_') {
            Some((kind, "START")) => (kind.to_owned(), Part::Start),
            Some((kind, "END")) => (kind.to_owned(), Part::End),
            _ => (word, Part::Window),
        };
        let kind = Kind::of(&ObjectName::from(vec![Ident::new(kind)]))?;
        Some((kind, part, function.name.0.first()?.as_ident()?.clone()))
    }

    /// Whether both are about one window, as far as the text tells.
    fn is_of(&self, other: &Self) -> bool {
        self.kind == other.kind
            && self.args.len() == other.args.len()
            && self.args.iter().zip(&other.args).all(|(one, other)| is_alike(one, other))
    }

    fn is_session_end(&self) -> bool {
        self.kind == Kind::Session && self.part == Part::End
    }

    /// As the call is left to the engine.
    fn rewritten(self) -> Expr {
        let Self { kind, part, name, args } = self;
        let lengths = kind.lengths();
        let size = args.get(lengths).cloned();
        let named = |word: &str| Ident { value: word.to_owned(), quote_style: None, span: name.span };
        match (part, kind, size) {
            (Part::End, Kind::Session, _) => call(named("session_end"), args),
            (Part::End, _, Some(size)) => call(named("window_end"), vec![call(named(kind.name()), args), size]),
            _ => call(named(kind.name()), args),
        }
    }
}

/// Whether two expressions may be one: a column may be qualified in one of them only.
fn is_alike(one: &Expr, other: &Expr) -> bool {
    let parts = |expr: &Expr| match expr {
        Expr::Identifier(name) => vec![normal(name)],
        Expr::CompoundIdentifier(parts) => parts.iter().map(normal).collect(),
        other => vec![other.to_string().to_lowercase()],
    };
    let (one, other) = (parts(one), parts(other));
    one.ends_with(&other) || other.ends_with(&one)
}

/// The arguments of a call that has nothing but arguments.
pub(super) fn arguments(function: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses }) = &function.args
    else {
        return None;
    };
    let is_plain = clauses.is_empty()
        && function.filter.is_none()
        && function.over.is_none()
        && function.null_treatment.is_none()
        && function.within_group.is_empty();
    if !is_plain {
        return None;
    }
    let expr = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr.clone()),
        _ => None,
    };
    args.iter().map(expr).collect()
}

/// A call of a function.
pub(super) fn call(name: Ident, args: Vec<Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![name]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList { duplicate_treatment: None, args, clauses: Vec::new() }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

struct Rewriter<'a> {
    script: &'a Script,
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let (SetExpr::Select(select), Some(order_by)) = (query.body.as_mut(), &query.order_by) else {
            return ControlFlow::Continue(());
        };
        let OrderByKind::Expressions(exprs) = &order_by.kind else { return ControlFlow::Continue(()) };
        let calls = exprs.iter().flat_map(|by| calls_in(&by.expr)).collect::<Vec<_>>();
        self.check(select, &calls)?;
        group_by_ends(select, &calls);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        let mut calls: Vec<Call> = select.projection.iter().flat_map(calls_in).collect();
        calls.extend(select.having.iter().chain(&select.qualify).flat_map(calls_in));
        self.check(select, &calls)?;
        group_by_ends(select, &calls);
        let mut names: Vec<String> = Vec::new();
        for item in &mut select.projection {
            let SelectItem::UnnamedExpr(expr) = item else { continue };
            if let Some(call) = Call::of(expr) {
                let name = call.name.value.to_lowercase();
                let before = names.iter().filter(|known| **known == name).count();
                names.push(name.clone());
                let name = if before == 0 { name } else { format!("{name}_{}", before + 1) };
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
            }
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        let Expr::Function(function) = expr else { return ControlFlow::Continue(()) };
        let Some((kind, part, name)) = Call::word(function) else { return ControlFlow::Continue(()) };
        let Some(args) = arguments(function) else {
            let message = format!("`{}` takes its arguments, and no other clause", name.value.to_uppercase());
            let call = Call { kind, part, name, args: Vec::new() };
            return self.refuse(&call, message, "FILTER, OVER, DISTINCT and their like belong to aggregates");
        };
        let call = Call { kind, part, name, args };
        let (count, usage) = kind.usage();
        if !count.contains(&call.args.len()) {
            let name = call.name.value.to_uppercase();
            return self.refuse(
                &call,
                format!("`{name}` does not take {} arguments", call.args.len()),
                &format!("it takes {name}{usage}"),
            );
        }
        *expr = call.rewritten();
        ControlFlow::Continue(())
    }
}

impl Rewriter<'_> {
    fn check(&self, select: &Select, calls: &[Call]) -> ControlFlow<Box<Error>> {
        let Some(first) = calls.first() else { return ControlFlow::Continue(()) };
        let window = |call: &Call| {
            let args: Vec<String> = call.args.iter().map(ToString::to_string).collect();
            format!("{}({})", call.kind.name().to_uppercase(), args.join(", "))
        };
        let windows = match &select.group_by {
            GroupByExpr::Expressions(groups, _) if groups.is_empty() => {
                let name = first.name.value.to_uppercase();
                return self.refuse(
                    first,
                    format!("`{name}` needs a window to group by"),
                    &format!("add GROUP BY {}", window(first)),
                );
            }
            _ => windows_of(select),
        };
        // What else is grouped by under another name is left to the engine.
        let unknown = |call: &&Call| {
            (!windows.is_empty() || call.is_session_end()) && !windows.iter().any(|window| window.is_of(call))
        };
        let Some(call) = calls.iter().find(unknown) else { return ControlFlow::Continue(()) };
        let known: Vec<String> = windows.iter().map(|known| format!("`{}`", window(known))).collect();
        let hint = match known.as_slice() {
            [] => format!("add {} to GROUP BY", window(call)),
            known => format!("GROUP BY has {}", known.join(", ")),
        };
        self.refuse(call, format!("`{}` is not grouped by", window(call)), &hint)
    }

    fn refuse(&self, call: &Call, message: String, hint: &str) -> ControlFlow<Box<Error>> {
        let excerpt = place::under(self.script, call.name.span, "here");
        ControlFlow::Break(Box::new(Error::sql(message).with_hint(hint).with_excerpt(excerpt)))
    }
}

/// The windows that a SELECT is grouped by, also those that GROUP BY names by alias or number, or all of them.
fn windows_of(select: &Select) -> Vec<Call> {
    let starts = |calls: Vec<Call>| calls.into_iter().filter(|call| !call.is_session_end()).collect::<Vec<_>>();
    let groups = match &select.group_by {
        GroupByExpr::All(_) => return starts(select.projection.iter().flat_map(calls_in).collect()),
        GroupByExpr::Expressions(groups, _) => groups,
    };
    let selected = |group: &Expr| {
        let number = group.to_string().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let is_it = |item: &&SelectItem| match (item, group) {
            (SelectItem::ExprWithAlias { alias, .. }, Expr::Identifier(name)) => normal(alias) == normal(name),
            _ => false,
        };
        number.and_then(|number| select.projection.get(number)).or_else(|| select.projection.iter().find(is_it))
    };
    let calls = |group: &Expr| match calls_in(group) {
        calls if calls.is_empty() => selected(group).map(calls_in).unwrap_or_default(),
        calls => calls,
    };
    starts(groups.iter().flat_map(calls).collect())
}

/// Groups by the ends of sessions that are asked for: each session has one.
fn group_by_ends(select: &mut Select, calls: &[Call]) {
    let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return };
    let mut known: Vec<Call> = groups.iter().flat_map(calls_in).filter(Call::is_session_end).collect();
    for end in calls.iter().filter(|call| call.is_session_end()) {
        if !known.iter().any(|known| known.is_of(end)) {
            known.push(end.clone());
            groups.push(call(end.name.clone(), end.args.clone()));
        }
    }
}

/// The calls that stand in a part of a SELECT, but not those of queries within it.
fn calls_in<T: Visit>(part: &T) -> Vec<Call> {
    let mut finder = Finder { depth: 0, calls: Vec::new() };
    let _ = walk(part, &mut finder);
    finder.calls
}

struct Finder {
    depth: usize,
    calls: Vec<Call>,
}

impl Visitor for Finder {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if self.depth == 0 {
            self.calls.extend(Call::of(expr));
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse()?.remove(0);
        rewrite(&script, &mut statement).map(|()| statement.to_string())
    }

    fn check(sql: &str, expected: &str) {
        assert_eq!(rewritten(sql).unwrap(), expected);
    }

    fn fails(sql: &str, message: &str, pointed: &str) {
        let error = rewritten(sql).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!((error.to_string().as_str(), &excerpt.text[excerpt.span.clone()]), (message, pointed), "{sql}");
    }

    #[test]
    fn starts_and_ends_are_told_of_the_window() {
        check(
            "SELECT TUMBLE_START(at, s), tumble_end(at, s), count(*) FROM t GROUP BY TUMBLE(at, s)",
            r#"SELECT tumble(at, s) AS "tumble_start", window_end(tumble(at, s), s) AS "tumble_end", count(*) FROM t GROUP BY tumble(at, s)"#,
        );
        check(
            "SELECT HOP_END(at, l, s, o) - HOP_START(at, l, s, o) AS d FROM t GROUP BY HOP(at, l, s, o) HAVING HOP_START(at, l, s, o) > x ORDER BY HOP_END(at, l, s, o)",
            "SELECT window_end(hop(at, l, s, o), s) - hop(at, l, s, o) AS d FROM t GROUP BY hop(at, l, s, o) HAVING hop(at, l, s, o) > x ORDER BY window_end(hop(at, l, s, o), s)",
        );
        check(
            "SELECT SESSION_START(at, g) AS a, SESSION_END(at, g) AS b FROM t GROUP BY id, SESSION(at, g)",
            "SELECT session(at, g) AS a, session_end(at, g) AS b FROM t GROUP BY id, session(at, g), session_end(at, g)",
        );
    }

    #[test]
    fn a_window_may_be_grouped_by_its_name_or_number() {
        check("SELECT TUMBLE(at, s) AS w FROM t GROUP BY w", "SELECT tumble(at, s) AS w FROM t GROUP BY w");
        check("SELECT TUMBLE(at, s) AS w FROM t GROUP BY 1", "SELECT tumble(at, s) AS w FROM t GROUP BY 1");
        check("SELECT TUMBLE(at, s) AS w FROM t GROUP BY ALL", "SELECT tumble(at, s) AS w FROM t GROUP BY ALL");
        check(
            "SELECT SESSION(e.at, g) AS w FROM t e GROUP BY w HAVING SESSION_END(at, g) > x",
            "SELECT session(e.at, g) AS w FROM t e GROUP BY w, session_end(at, g) HAVING session_end(at, g) > x",
        );
        check(
            "SELECT SESSION_START(at, g), SESSION_END(at, g) FROM t GROUP BY ALL",
            r#"SELECT session(at, g) AS "session_start", session_end(at, g) AS "session_end" FROM t GROUP BY ALL"#,
        );
        check(
            "SELECT TUMBLE_START(at, s), TUMBLE_START(at, l) FROM t GROUP BY 1, 2",
            r#"SELECT tumble(at, s) AS "tumble_start", tumble(at, l) AS "tumble_start_2" FROM t GROUP BY 1, 2"#,
        );
    }

    #[test]
    fn other_names_are_left_alone() {
        for sql in [
            "SELECT session_user FROM t",
            "SELECT \"TUMBLE\"(a) FROM t",
            "SELECT x.hop(a) FROM t",
            "SELECT bunny_hop(a) FROM t",
        ] {
            check(sql, sql);
        }
    }

    #[test]
    fn what_is_no_window_is_refused_at_its_place() {
        fails("SELECT TUMBLE_START(at, s) FROM t", "`TUMBLE_START` needs a window to group by", "TUMBLE_START");
        fails("SELECT hop(at, s, s) FROM t", "`HOP` needs a window to group by", "hop");
        fails("SELECT a FROM t ORDER BY SESSION_END(at, g)", "`SESSION_END` needs a window to group by", "SESSION_END");
        for group in ["id", "1", "ALL", "SESSION(at, other)"] {
            let sql = format!("SELECT id, SESSION_END(at, g) FROM t GROUP BY {group}");
            fails(&sql, "`SESSION(at, g)` is not grouped by", "SESSION_END");
        }
        for clause in ["FILTER (WHERE a)", "OVER ()"] {
            let sql = format!("SELECT SESSION_END(at, g) {clause} FROM t GROUP BY SESSION(at, g)");
            fails(&sql, "`SESSION_END` takes its arguments, and no other clause", "SESSION_END");
        }
        fails("SELECT 1 FROM t GROUP BY TUMBLE(at)", "`TUMBLE` does not take 1 arguments", "TUMBLE");
        fails(
            "SELECT TUMBLE_END(at, x) FROM t GROUP BY TUMBLE(at, y)",
            "`TUMBLE(at, x)` is not grouped by",
            "TUMBLE_END",
        );
    }
}
