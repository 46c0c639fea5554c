//! `(a, b) < (1, 2)` and `(a, b) IN ((1, 2), (3, 4))`: rows of values, which the engine compares as objects, so that one with NULL is
//! less, or equal, or in a list, where that is unknown.
//!
//! Such a comparison becomes those of the values, as the standard has it: `a < 1 OR a = 1 AND b < 2`. It knows no types.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, UnaryOperator, VisitorMut};

use super::default_source::in_sql;
use super::walk::walk_mut;
use crate::error::Result;

/// Compares rows by their values.
///
/// **Errors**: none.
pub(super) fn compare_values(statement: &mut Statement) -> Result<()> {
    in_sql(statement, |sql| {
        let _ = walk_mut(sql, &mut Comparer);
        Ok(())
    })
}

struct Comparer;

impl VisitorMut for Comparer {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let compared = match expr {
            Expr::BinaryOp { left, op, right } => rows(left, right).and_then(|(left, right)| compared(left, op, right)),
            Expr::Between { expr, negated, low, high } => match (rows(expr, low), rows(expr, high)) {
                (Some((row, low)), Some((_, high))) => {
                    let within = compared(row, &BinaryOperator::GtEq, low)
                        .zip(compared(row, &BinaryOperator::LtEq, high))
                        .map(|(low, high)| joined(low, BinaryOperator::And, high));
                    within.map(|within| if *negated { not(within) } else { within })
                }
                _ => None,
            },
            Expr::InList { expr, list, negated } => {
                let equal = |one: &Expr| rows(expr, one).and_then(|(row, one)| compared(row, &BinaryOperator::Eq, one));
                let equal: Option<Vec<Expr>> = list.iter().map(equal).collect();
                equal.and_then(any_of).map(|any| if *negated { not(any) } else { any })
            }
            _ => None,
        };
        if let Some(compared) = compared {
            *expr = compared;
        }
        ControlFlow::Continue(())
    }
}

/// The values of two rows of one length.
fn rows<'a>(left: &'a Expr, right: &'a Expr) -> Option<(&'a [Expr], &'a [Expr])> {
    match (left, right) {
        (Expr::Tuple(left), Expr::Tuple(right)) if left.len() == right.len() => Some((left, right)),
        _ => None,
    }
}

/// The comparison of two rows by their values; `None` for what is none.
fn compared(left: &[Expr], op: &BinaryOperator, right: &[Expr]) -> Option<Expr> {
    use BinaryOperator::{And, Eq, Gt, GtEq, Lt, LtEq, NotEq, Or};
    let mut pairs = left.iter().cloned().zip(right.iter().cloned()).rev();
    let (last_left, last_right) = pairs.next()?;
    // What decides where values are not equal.
    let (strict, glue) = match op {
        Eq => (Eq, And),
        NotEq => (NotEq, Or),
        Lt | LtEq => (Lt, Or),
        Gt | GtEq => (Gt, Or),
        _ => return None,
    };
    let last = joined(last_left, op.clone(), last_right);
    let all = pairs.fold(last, |behind, (left, right)| {
        let behind = match op {
            Eq | NotEq => behind,
            _ => joined(joined(left.clone(), Eq, right.clone()), And, behind),
        };
        joined(joined(left, strict.clone(), right), glue.clone(), behind)
    });
    Some(Expr::Nested(Box::new(all)))
}

/// Whether any of these holds, no deeper than need be.
fn any_of(mut exprs: Vec<Expr>) -> Option<Expr> {
    if exprs.len() < 2 {
        return exprs.pop();
    }
    let second = any_of(exprs.split_off(exprs.len() / 2))?;
    Some(Expr::Nested(Box::new(joined(any_of(exprs)?, BinaryOperator::Or, second))))
}

fn joined(left: Expr, op: BinaryOperator, right: Expr) -> Expr {
    let nested = |expr: Expr| match expr {
        plain @ (Expr::Nested(_) | Expr::Identifier(_) | Expr::CompoundIdentifier(_) | Expr::Value(_)) => plain,
        other => Expr::Nested(Box::new(other)),
    };
    Expr::BinaryOp { left: Box::new(nested(left)), op, right: Box::new(nested(right)) }
}

fn not(expr: Expr) -> Expr {
    Expr::UnaryOp { op: UnaryOperator::Not, expr: Box::new(expr) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Script;

    #[test]
    fn rows_are_compared_by_their_values() {
        for (sql, expected) in [
            ("(a, b) = (1, 2)", "((a = 1) AND (b = 2))"),
            ("(a, b) <> (1, 2)", "((a <> 1) OR (b <> 2))"),
            ("(a, b, c) < (1, 2, 3)", "((a < 1) OR ((a = 1) AND ((b < 2) OR ((b = 2) AND (c < 3)))))"),
            ("(a, b) >= (1, 2 + 3)", "((a > 1) OR ((a = 1) AND (b >= (2 + 3))))"),
            ("(a, b) IN ((1, 2))", "((a = 1) AND (b = 2))"),
            ("(a, b) NOT IN ((1, 2), (3, 4))", "NOT (((a = 1) AND (b = 2)) OR ((a = 3) AND (b = 4)))"),
            (
                "(a, b) BETWEEN (1, 2) AND (3, 4)",
                "((a > 1) OR ((a = 1) AND (b >= 2))) AND ((a < 3) OR ((a = 3) AND (b <= 4)))",
            ),
            ("(a, b) < (1, 2, 3)", "(a, b) < (1, 2, 3)"),
            ("(a, b) = c", "(a, b) = c"),
        ] {
            let script = Script { name: "q".into(), text: format!("SELECT {sql}") };
            let mut statement = script.parse().unwrap().remove(0);
            compare_values(&mut statement).unwrap();
            assert_eq!(statement.to_string(), format!("SELECT {expected}"));
        }
    }
}
