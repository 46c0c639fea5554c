//! `$day`: named parameters, declared with a type, given as text, and bound as values.
//!
//! `$run_at`, `$interval_start` and `$interval_end` need no declaration. It knows nothing of where values are given.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chrono::{DateTime, SecondsFormat, Utc};
use datafusion::arrow::datatypes::TimeUnit;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, Ident, Interval, OrderByKind, Query, Select, SelectItem, Value, ValueWithSpan, Visitor,
    VisitorMut,
};
use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

use super::default_source::in_sql;
use super::parameter::ParameterType;
use super::walk::{walk, walk_mut};
use super::{Script, outcome, place};
use crate::error::{Error, Result};
use crate::suggest;

/// Parameters that each run has, without a declaration.
pub const BUILT_IN: [&str; 3] = ["run_at", "interval_start", "interval_end"];

/// A parameter as it is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Without the `$`.
    pub name: String,
    /// What it holds.
    pub data_type: ParameterType,
    /// Its value where none is given: of its type, as text.
    pub default: Option<String>,
}

/// The parameters of a script, with their values.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters {
    declared: Vec<Parameter>,
    /// By name: of the declared type, as text.
    values: BTreeMap<String, String>,
}

impl Parameters {
    /// Those that are `declared`, with the values that are given for some of them, by name. Given values of others are
    /// not taken.
    ///
    /// **Errors**: `Request`, for a value that is not of its parameter's type.
    pub fn new(declared: &[Parameter], given: &BTreeMap<String, String>, run_at: DateTime<Utc>) -> Result<Self> {
        let mut parameters = Self { declared: declared.to_vec(), values: BTreeMap::new() };
        parameters.declared.extend(BUILT_IN.map(|name| Parameter {
            name: name.to_owned(),
            data_type: ParameterType::Timestamp(TimeUnit::Millisecond),
            default: (name == "run_at").then(|| run_at.to_rfc3339_opts(SecondsFormat::Millis, true)),
        }));
        for Parameter { name, data_type, default } in &parameters.declared {
            let Some(value) = given.get(name).or(default.as_ref()) else { continue };
            if !data_type.holds(value) {
                return Err(Error::request(format!("parameter `{name}` is a {data_type}, and `{value}` is none"))
                    .with_hint(format!("parameters are {}", parameters.described())));
            }
            parameters.values.insert(name.clone(), value.clone());
        }
        Ok(parameters)
    }

    /// The values that there are, by name.
    pub fn values(&self) -> &BTreeMap<String, String> {
        &self.values
    }

    /// Puts the values in the places of the parameters.
    ///
    /// **Errors**: `Sql` with the place, for a parameter that is not declared, or has no value.
    pub fn bind(&self, script: &Script, statement: &mut Statement) -> Result<()> {
        in_sql(statement, |sql| outcome(walk_mut(sql, &mut Binder { script, parameters: self })))
    }

    /// The declared ones with their types, for hints.
    fn described(&self) -> String {
        let own = self.declared.iter().filter(|parameter| !BUILT_IN.contains(&parameter.name.as_str()));
        let own = own.map(|Parameter { name, data_type, default }| match default {
            Some(default) => format!("`{name}` ({data_type}, else `{default}`)"),
            None => format!("`{name}` ({data_type})"),
        });
        own.chain(BUILT_IN.map(|name| format!("`{name}`"))).collect::<Vec<_>>().join(", ")
    }

    fn literal(&self, script: &Script, placeholder: &str, value: &ValueWithSpan) -> Result<Expr> {
        let here = |error: Error| error.with_excerpt(place::under(script, value.span, "here"));
        let name = placeholder.trim_start_matches('$');
        if !placeholder.starts_with('$') || name.chars().all(|c| c.is_ascii_digit()) {
            return Err(here(Error::sql(format!("parameters have names, and `{placeholder}` has none")))
                .with_hint("write for example $day, and declare it: --@ params.day = { type = \"date\" }"));
        }
        let Some(parameter) = self.declared.iter().find(|parameter| parameter.name == name) else {
            let names = self.declared.iter().map(|parameter| parameter.name.as_str());
            let hint = match suggest::nearest(name, names) {
                Some(near) => format!("did you mean `${near}`?"),
                None => format!(
                    "declare it at the top, --@ params.{name} = {{ type = \"date\" }}; parameters are {}",
                    self.described()
                ),
            };
            return Err(here(Error::sql(format!("there is no parameter `{name}`"))).with_hint(hint));
        };
        match self.values.get(name) {
            Some(text) => Ok(parameter.data_type.literal(text, value.span)),
            None if BUILT_IN.contains(&name) => {
                Err(here(Error::sql(format!("parameter `{name}` has no value: the run is of no schedule's interval")))
                    .with_hint(format!("give it one: --param {name}=2024-03-01T00:00:00")))
            }
            None => Err(here(Error::sql(format!("parameter `{name}` has no value"))).with_hint(format!(
                "give it one: --param {name}=…; or declare a default. Parameters are {}",
                self.described()
            ))),
        }
    }
}

struct Binder<'a> {
    script: &'a Script,
    parameters: &'a Parameters,
}

struct PlaceholderFinder;

impl Visitor for PlaceholderFinder {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        if is_placeholder(expr).is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// The parameters that a script names, without the `$`; none of a text that is no SQL.
pub fn parameters_in(script: &Script) -> Vec<String> {
    let name = |token: &TokenWithSpan| match &token.token {
        Token::Placeholder(name) => Some(name.trim_start_matches('$').to_owned()),
        _ => None,
    };
    script.tokens().unwrap_or_default().iter().filter_map(name).collect()
}

fn is_placeholder(expr: &Expr) -> Option<&ValueWithSpan> {
    match expr {
        Expr::Value(value @ ValueWithSpan { value: Value::Placeholder(_), .. }) => Some(value),
        _ => None,
    }
}

impl Binder<'_> {
    /// A number there would be that of a column.
    fn refuse_alone<'a>(&self, clause: &str, exprs: impl IntoIterator<Item = &'a Expr>) -> ControlFlow<Box<Error>> {
        match exprs.into_iter().find_map(is_placeholder) {
            None => ControlFlow::Continue(()),
            Some(value) => ControlFlow::Break(Box::new(
                Error::sql(format!("`{clause} {value}` is by a value, which is the same for all rows"))
                    .with_hint("name the column; parameters are values and no names")
                    .with_excerpt(place::under(self.script, value.span, "here")),
            )),
        }
    }
}

impl VisitorMut for Binder<'_> {
    type Break = Box<Error>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        match query.order_by.as_ref().map(|order_by| &order_by.kind) {
            Some(OrderByKind::Expressions(exprs)) => self.refuse_alone("ORDER BY", exprs.iter().map(|by| &by.expr)),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        // A column is called after what is written, whatever the values.
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && walk(expr, &mut PlaceholderFinder).is_break()
            {
                let alias = Ident::with_quote('"', expr.to_string());
                *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
            }
        }
        match &select.group_by {
            GroupByExpr::Expressions(groups, _) => self.refuse_alone("GROUP BY", groups),
            GroupByExpr::All(_) => ControlFlow::Continue(()),
        }
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Value(value) => {
                let Value::Placeholder(placeholder) = &value.value else { return ControlFlow::Continue(()) };
                match self.parameters.literal(self.script, placeholder, value) {
                    Ok(literal) => *expr = literal,
                    Err(error) => return ControlFlow::Break(Box::new(error)),
                }
            }
            // `INTERVAL $minutes MINUTE`: the engine takes a text there; and `INTERVAL $length` is one already.
            Expr::Interval(Interval { value, leading_field, .. }) => match value.as_mut() {
                Expr::Value(ValueWithSpan { value: number @ Value::Number(..), .. }) => {
                    *number = Value::SingleQuotedString(number.to_string());
                }
                Expr::Interval(inner) if leading_field.is_none() => *expr = Expr::Interval(inner.clone()),
                _ => {}
            },
            _ => {}
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    fn parameters(given: &[(&str, &str)]) -> Result<Parameters> {
        let declare = |name: &str, data_type: &str, default: Option<&str>| Parameter {
            name: name.into(),
            data_type: ParameterType::from_str(data_type).unwrap(),
            default: default.map(str::to_owned),
        };
        let declared = [
            declare("day", "date", Some("2024-01-18")),
            declare("most", "bigint", None),
            declare("gap", "interval", Some("5 minutes")),
        ];
        let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Parameters::new(&declared, &given, "2024-03-01T12:00:00.5Z".parse().unwrap())
    }

    fn bound(sql: &str, given: &[(&str, &str)]) -> Result<String> {
        let script = Script { name: "q".into(), text: sql.into() };
        let mut statement = script.parse()?.remove(0);
        parameters(given)?.bind(&script, &mut statement).map(|()| statement.to_string())
    }

    #[test]
    fn values_stand_where_parameters_stood() {
        let check = |sql, given: &[_], expected| assert_eq!(bound(sql, given).unwrap(), expected);
        check("SELECT a WHERE d = $day", &[], "SELECT a WHERE d = CAST('2024-01-18' AS DATE)");
        check("SELECT a WHERE d = $day", &[("day", "2024-02-01")], "SELECT a WHERE d = CAST('2024-02-01' AS DATE)");
        check("SELECT a LIMIT $most", &[("most", "3")], "SELECT a LIMIT 3");
        check("SELECT INTERVAL $most MINUTE AS i", &[("most", "3")], "SELECT INTERVAL '3' MINUTE AS i");
        check(
            "SELECT INTERVAL $gap AS a, $gap AS b",
            &[],
            "SELECT INTERVAL '5 minutes' AS a, INTERVAL '5 minutes' AS b",
        );
        check("SELECT $run_at", &[], r#"SELECT CAST('2024-03-01T12:00:00.500Z' AS TIMESTAMP(3)) AS "$run_at""#);
        check(
            "SELECT sum(a) FILTER (WHERE b > $most)",
            &[("most", "3")],
            r#"SELECT sum(a) FILTER (WHERE b > 3) AS "sum(a) FILTER (WHERE b > $most)""#,
        );
        check("SELECT '$day', \"$day\"", &[], "SELECT '$day', \"$day\"");
    }

    #[test]
    fn what_has_no_value_is_refused_at_its_place() {
        let check = |sql: &str, message: &str, hint: &str| {
            let error = bound(sql, &[]).unwrap_err();
            let problem = error.problem().unwrap();
            let excerpt = problem.excerpt.clone().unwrap();
            assert_eq!((error.to_string().as_str(), excerpt.span.start), (message, "SELECT ".len()), "{sql}");
            assert!(problem.hint.as_ref().unwrap().contains(hint), "{problem:?}");
        };
        check("SELECT $most", "parameter `most` has no value", "--param most=");
        check("SELECT $mst", "there is no parameter `mst`", "did you mean `$most`?");
        check("SELECT $x", "there is no parameter `x`", "`day` (date, else `2024-01-18`), `most` (bigint)");
        check("SELECT $1", "parameters have names, and `$1` has none", "$day");
        let alone = bound("SELECT a, $most AS b GROUP BY $most", &[("most", "1")]).unwrap_err();
        assert!(alone.to_string().starts_with("`GROUP BY $most` is by a value"), "{alone}");
        assert!(bound("SELECT a ORDER BY $most", &[("most", "1")]).is_err());
        check("SELECT ?", "parameters have names, and `?` has none", "$day");
        check(
            "SELECT $interval_end",
            "parameter `interval_end` has no value: the run is of no schedule's interval",
            "--param",
        );
    }

    #[test]
    fn a_value_is_of_its_type() {
        let error = parameters(&[("most", "many")]).unwrap_err();
        assert_eq!(error.to_string(), "parameter `most` is a bigint, and `many` is none");
    }
}
