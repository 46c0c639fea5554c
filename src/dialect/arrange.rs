//! A query whose rows come in the order in which they are written, with what folders are named after behind its own columns.
//!
//! It knows nothing of files.

use datafusion::sql::sqlparser::ast::{Expr, Query, SelectItem, SetExpr, Statement as Sql, TableFactor};

use super::{Script, Statement, normal};
use crate::error::{Error, Result};

/// What a folder is named after: a column, or an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    name: String,
    /// The expression, as SQL.
    text: String,
    /// Whether it is a column of the result, which is in the names of folders then and not in the files.
    is_column: bool,
}

impl Key {
    /// A column, or an expression with or without `AS name`.
    ///
    /// **Errors**: `Request`, if it is neither.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::request(format!("`{text}` is neither a column nor an expression"))
                .with_hint("write for example \"age_bracket\", or \"date_trunc('day', event_datetime) AS day\"")
        };
        let script = Script { name: "partition_by".into(), text: format!("SELECT {text}") };
        let mut query = query(script.parse_without_places().map_err(|_| wrong())?.pop()).ok_or_else(wrong)?;
        let (is_bare, select) = match (&query.order_by, &query.limit_clause, query.body.as_mut()) {
            (None, None, SetExpr::Select(select)) => (select.from.is_empty() && select.selection.is_none(), select),
            _ => return Err(wrong()),
        };
        match select.projection.as_slice() {
            [SelectItem::UnnamedExpr(Expr::Identifier(name))] if is_bare => {
                Ok(Self { name: normal(name), text: name.to_string(), is_column: true })
            }
            [SelectItem::UnnamedExpr(expr)] if is_bare => {
                Ok(Self { name: text.trim().to_owned(), text: expr.to_string(), is_column: false })
            }
            [SelectItem::ExprWithAlias { expr, alias }] if is_bare => {
                Ok(Self { name: normal(alias), text: expr.to_string(), is_column: false })
            }
            _ => Err(wrong()),
        }
    }

    /// What its folders are called.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// `statement`, if it is a query, sorted by `keys`, which stand behind its own columns, and then by `order`, as it would
/// stand behind ORDER BY. Without either it is what it was.
///
/// **Errors**: `Request`, if `order` is no order; `Sql`, if the query has an order that would be lost.
pub fn arranged(statement: &Statement, keys: &[Key], order: &[String]) -> Result<Statement> {
    let Some(inner) = query(Some(statement.clone())).filter(|_| !keys.is_empty() || !order.is_empty()) else {
        return Ok(statement.clone());
    };
    if inner.order_by.is_some() && inner.limit_clause.is_none() && inner.fetch.is_none() {
        return Err(Error::sql("the query has an ORDER BY, and its rows are sorted once more for the files")
            .with_hint("say the order in the settings instead: --@ order_by = [\"visits DESC\"]"));
    }
    let column = |at: usize| format!("\"folder {at}\"");
    let hidden: Vec<&str> = keys.iter().filter(|key| key.is_column).map(|key| key.text.as_str()).collect();
    let mut text = "SELECT *".to_owned();
    if !hidden.is_empty() {
        text += &format!(" EXCLUDE ({})", hidden.join(", "));
    }
    keys.iter().enumerate().for_each(|(at, key)| text += &format!(", {} AS {}", key.text, column(at)));
    let sorted = (0..keys.len()).map(column).chain(order.iter().cloned());
    text += &format!(" FROM (SELECT 1) AS result ORDER BY {}", sorted.collect::<Vec<_>>().join(", "));
    let parsed = Script { name: "order_by".into(), text }.parse_without_places();
    let wrong = || {
        Error::request(format!("`{}` is no order", order.join(", ")))
            .with_hint("write for example order_by = [\"visits DESC\", \"id\"]")
    };
    let mut outer = query(parsed.map_err(|_| wrong())?.pop()).ok_or_else(wrong)?;
    let SetExpr::Select(select) = outer.body.as_mut() else { return Err(wrong()) };
    match select.from.first_mut().map(|from| &mut from.relation) {
        Some(TableFactor::Derived { subquery, .. }) if outer.limit_clause.is_none() => **subquery = inner,
        _ => return Err(wrong()),
    }
    Ok(Statement::Statement(Box::new(Sql::Query(Box::new(outer)))))
}

fn query(statement: Option<Statement>) -> Option<Query> {
    match statement {
        Some(Statement::Statement(sql)) => match *sql {
            Sql::Query(query) => Some(*query),
            _ => None,
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(sql: &str, keys: &[&str], order: &[&str], expected: &str) {
        let keys: Vec<Key> = keys.iter().map(|key| Key::parse(key).unwrap()).collect();
        let order: Vec<String> = order.iter().map(|order| (*order).to_owned()).collect();
        let statement = Script { name: "q.sql".into(), text: sql.into() }.parse().unwrap().pop().unwrap();
        assert_eq!(arranged(&statement, &keys, &order).unwrap().to_string(), expected);
    }

    #[test]
    fn rows_are_sorted_by_folders_first() {
        check("SELECT a FROM t", &[], &[], "SELECT a FROM t");
        check("SELECT a FROM t", &[], &["a DESC"], "SELECT * FROM (SELECT a FROM t) AS result ORDER BY a DESC");
        let expected = "SELECT * EXCLUDE (k), k AS \"folder 0\", left(a, 1) AS \"folder 1\" FROM (SELECT a, k FROM t) AS result \
                        ORDER BY \"folder 0\", \"folder 1\", a";
        check("SELECT a, k FROM t", &["k", "left(a, 1)"], &["a"], expected);
    }

    #[test]
    fn keys_have_names() {
        let name = |text: &str| Key::parse(text).unwrap().name().to_owned();
        assert_eq!(name("Age"), "age");
        assert_eq!(name("\"Age\""), "Age");
        assert_eq!(name("date_trunc('day', at) AS day"), "day");
        assert_eq!(name(" left(a, 1)"), "left(a, 1)");
        for text in ["", "*", "a, b", "a FROM t", "a; DROP TABLE t", "a ORDER BY b", "'"] {
            assert_eq!(Key::parse(text).unwrap_err().kind(), "request", "{text}");
        }
    }

    #[test]
    fn what_is_no_order_is_told() {
        let of = |sql: &str, order: &str| {
            let statement = Script { name: "q.sql".into(), text: sql.into() }.parse().unwrap().pop().unwrap();
            arranged(&statement, &[], &[order.to_owned()]).unwrap_err()
        };
        for order in ["", "a b c", "a LIMIT 1", "a; SELECT 1", ")"] {
            assert_eq!(of("SELECT a FROM t", order).kind(), "request", "{order}");
        }
        assert_eq!(of("SELECT a FROM t ORDER BY a", "a").kind(), "sql");
    }
}
