//! `OVER (w ORDER BY at)` and `WINDOW v AS (w ORDER BY at)`: windows that are made of others by their names. The engine passes over
//! the name, and the rows of such a window would be others.
//!
//! What the named window says is put where its name stands. It knows nothing of what is computed over a window.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, Ident, NamedWindowExpr, Query, Select, SetExpr, VisitorMut, WindowSpec, WindowType,
};

use super::default_source::in_sql;
use super::walk::walk_mut;
use super::{Script, normal, outcome, place};
use crate::error::{Error, Result};

/// Puts windows in the place of their names.
///
/// **Errors**: `Sql` with the place, for a name that no window has, and for a window that says what the named one does.
pub(super) fn rewrite(script: &Script, statement: &mut Statement) -> Result<()> {
    in_sql(statement, |sql| outcome(walk_mut(sql, &mut Namer { script, scopes: Vec::new() })))
}

struct Namer<'a> {
    script: &'a Script,
    /// The windows of each query and SELECT around, by their names.
    scopes: Vec<Vec<(String, WindowSpec)>>,
}

impl VisitorMut for Namer<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Box<Error>> {
        // ORDER BY of the query has the windows of its SELECT.
        match query.body.as_mut() {
            SetExpr::Select(select) => self.enter(select),
            _ => {
                self.scopes.push(Vec::new());
                ControlFlow::Continue(())
            }
        }
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<Box<Error>> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Box<Error>> {
        self.enter(select)
    }

    fn post_visit_select(&mut self, _: &mut Select) -> ControlFlow<Box<Error>> {
        self.scopes.pop();
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Box<Error>> {
        match expr {
            Expr::Function(call) => match &mut call.over {
                Some(WindowType::WindowSpec(window)) => self.complete(window, self.scopes.last()),
                _ => ControlFlow::Continue(()),
            },
            _ => ControlFlow::Continue(()),
        }
    }
}

impl Namer<'_> {
    /// Completes the windows that a SELECT names, each of which may name those before it.
    fn enter(&mut self, select: &mut Select) -> ControlFlow<Box<Error>> {
        let mut scope = Vec::with_capacity(select.named_window.len());
        for named in &mut select.named_window {
            if let NamedWindowExpr::WindowSpec(window) = &mut named.1 {
                self.complete(window, Some(&scope))?;
                scope.push((normal(&named.0), window.clone()));
            }
        }
        self.scopes.push(scope);
        ControlFlow::Continue(())
    }

    /// Puts what a named window says into one that is made of it.
    fn complete(&self, window: &mut WindowSpec, scope: Option<&Vec<(String, WindowSpec)>>) -> ControlFlow<Box<Error>> {
        let Some(name) = window.window_name.take() else { return ControlFlow::Continue(()) };
        let found = scope.and_then(|scope| scope.iter().find(|(known, _)| *known == normal(&name)));
        let Some((_, base)) = found else {
            let hint = "define it behind HAVING: WINDOW w AS (PARTITION BY a)";
            return self.refuse(&name, format!("there is no window `{name}`"), hint);
        };
        let is_said_twice =
            !window.partition_by.is_empty() || !(window.order_by.is_empty() || base.order_by.is_empty());
        if is_said_twice || base.window_frame.is_some() {
            let hint = "a window that names another adds ORDER BY, if that has none, and a frame: OVER (w ORDER BY a ROWS 1 PRECEDING)";
            return self.refuse(&name, format!("what window `{name}` says cannot be said anew"), hint);
        }
        window.partition_by.clone_from(&base.partition_by);
        if window.order_by.is_empty() {
            window.order_by.clone_from(&base.order_by);
        }
        ControlFlow::Continue(())
    }

    fn refuse(&self, name: &Ident, what: String, hint: &str) -> ControlFlow<Box<Error>> {
        let excerpt = place::under(self.script, name.span, "here");
        ControlFlow::Break(Box::new(Error::sql(what).with_hint(hint).with_excerpt(excerpt)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(sql: &str) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse().unwrap().remove(0);
        rewrite(&script, &mut statement).map(|()| statement.to_string())
    }

    #[test]
    fn windows_stand_in_the_place_of_their_names() {
        for (sql, expected) in [
            (
                "SELECT sum(a) OVER (w ROWS 1 PRECEDING) FROM t WINDOW W AS (PARTITION BY b)",
                "SELECT sum(a) OVER (PARTITION BY b ROWS 1 PRECEDING) FROM t WINDOW W AS (PARTITION BY b)",
            ),
            (
                "SELECT sum(a) OVER (v) FROM t WINDOW w AS (PARTITION BY b), v AS (w ORDER BY c)",
                "SELECT sum(a) OVER (PARTITION BY b ORDER BY c) FROM t WINDOW w AS (PARTITION BY b), v AS (PARTITION BY b ORDER BY c)",
            ),
            (
                "SELECT a FROM t WINDOW w AS (PARTITION BY b) ORDER BY sum(a) OVER (w ORDER BY c)",
                "SELECT a FROM t WINDOW w AS (PARTITION BY b) ORDER BY sum(a) OVER (PARTITION BY b ORDER BY c)",
            ),
            (
                "SELECT sum(a) OVER (w) FROM t WINDOW w AS (ORDER BY b) UNION ALL SELECT sum(a) OVER (w) FROM s WINDOW w AS (ORDER BY c)",
                "SELECT sum(a) OVER (ORDER BY b) FROM t WINDOW w AS (ORDER BY b) UNION ALL SELECT sum(a) OVER (ORDER BY c) FROM s WINDOW w AS (ORDER BY c)",
            ),
            (
                "SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY b)",
                "SELECT sum(a) OVER w FROM t WINDOW w AS (ORDER BY b)",
            ),
        ] {
            assert_eq!(rewritten(sql).unwrap(), expected);
        }
    }

    #[test]
    fn windows_that_are_none_are_refused() {
        for (sql, expected) in [
            ("SELECT sum(a) OVER (nope ORDER BY b) FROM t", "there is no window `nope`"),
            (
                "SELECT (SELECT sum(a) OVER (w ORDER BY b) FROM s) FROM t WINDOW w AS (ORDER BY c)",
                "there is no window `w`",
            ),
            ("SELECT 1 FROM t WINDOW v AS (w ORDER BY c), w AS (ORDER BY c)", "there is no window `w`"),
            (
                "SELECT sum(a) OVER (w PARTITION BY b) FROM t WINDOW w AS (ORDER BY c)",
                "what window `w` says cannot be said anew",
            ),
            (
                "SELECT sum(a) OVER (w ORDER BY b) FROM t WINDOW w AS (ORDER BY c)",
                "what window `w` says cannot be said anew",
            ),
            (
                "SELECT sum(a) OVER (w) FROM t WINDOW w AS (ORDER BY c ROWS 1 PRECEDING)",
                "what window `w` says cannot be said anew",
            ),
        ] {
            assert_eq!(rewritten(sql).unwrap_err().to_string(), expected, "{sql}");
        }
    }
}
