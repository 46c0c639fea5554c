//! `GROUP BY ROLLUP (1, 2)`, `CUBE` and `GROUPING SETS`: columns by their numbers, which the engine knows in `GROUP BY 1, 2` and takes
//! for values elsewhere.
//!
//! What a number stands for takes its place. It knows nothing of what is grouped.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{Expr, GroupByExpr, Select, SelectItem, Value, ValueWithSpan, VisitorMut};

use super::default_source::in_sql;
use super::walk::walk_mut;
use super::{Script, outcome, place};
use crate::error::{Error, Result};

/// Puts columns in the place of their numbers.
///
/// **Errors**: `Sql` with the place, for a number that no column has.
pub(super) fn rewrite(script: &Script, statement: &mut Statement) -> Result<()> {
    in_sql(statement, |sql| outcome(walk_mut(sql, &mut Numbers { script })))
}

struct Numbers<'a> {
    script: &'a Script,
}

impl VisitorMut for Numbers<'_> {
    type Break = Box<Error>;

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Box<Error>> {
        let GroupByExpr::Expressions(groups, _) = &mut select.group_by else { return ControlFlow::Continue(()) };
        for group in groups {
            if let Expr::Rollup(sets) | Expr::Cube(sets) | Expr::GroupingSets(sets) = group {
                sets.iter_mut().flatten().try_for_each(|expr| self.stand_in(expr, &select.projection))?;
            }
        }
        ControlFlow::Continue(())
    }
}

impl Numbers<'_> {
    fn stand_in(&self, expr: &mut Expr, columns: &[SelectItem]) -> ControlFlow<Box<Error>> {
        let Expr::Value(ValueWithSpan { value: Value::Number(number, _), span }) = expr else {
            return ControlFlow::Continue(());
        };
        let place = number.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let before = place.and_then(|place| columns.get(..=place));
        let is_named =
            |column: &SelectItem| matches!(column, SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. });
        match before.filter(|before| before.iter().all(is_named)).and_then(|before| before.last()) {
            Some(SelectItem::UnnamedExpr(column) | SelectItem::ExprWithAlias { expr: column, .. }) => {
                *expr = column.clone();
                ControlFlow::Continue(())
            }
            _ => {
                let excerpt = place::under(self.script, *span, "here");
                let error = Error::sql(format!("{number} is the number of no column that SELECT names"));
                ControlFlow::Break(Box::new(error.with_hint("group by the column itself").with_excerpt(excerpt)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> Result<String> {
        let script = Script { name: "q.sql".into(), text: text.into() };
        let mut statement = script.parse().unwrap().remove(0);
        rewrite(&script, &mut statement).map(|()| statement.to_string())
    }

    #[test]
    fn numbers_stand_for_columns() {
        let sql =
            "SELECT a + 1 AS b, c, count(*) FROM t GROUP BY ROLLUP (1, 2), CUBE ((c, 1)), GROUPING SETS ((2), ()), 3";
        let expected = "SELECT a + 1 AS b, c, count(*) FROM t GROUP BY ROLLUP (a + 1, c), CUBE ((c, a + 1)), GROUPING SETS ((c), ()), 3";
        assert_eq!(rewritten(sql).unwrap(), expected);
        let within =
            rewritten("SELECT * FROM (SELECT a FROM t GROUP BY CUBE (1)) UNION SELECT b FROM t GROUP BY ROLLUP (1)");
        let expected = "SELECT * FROM (SELECT a FROM t GROUP BY CUBE (a)) UNION SELECT b FROM t GROUP BY ROLLUP (b)";
        assert_eq!(within.unwrap(), expected);
    }

    #[test]
    fn a_number_of_no_column_is_refused() {
        for sql in ["ROLLUP (3)", "CUBE (0)", "ROLLUP (1.5)", "GROUPING SETS ((1, 99999999999999999999))"] {
            let error = rewritten(&format!("SELECT a, count(*) FROM t GROUP BY {sql}")).unwrap_err();
            assert!(error.to_string().contains("is the number of no column"), "{error}");
        }
        assert!(rewritten("SELECT *, a FROM t GROUP BY ROLLUP (2)").is_err());
    }
}
