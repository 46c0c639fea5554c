//! `SET`: the few options of the engine that a script may set, and what values they take.
//!
//! It sets nothing; who runs the statements behind does.

use datafusion::arrow::array::timezone::Tz;
use datafusion::sql::sqlparser::ast::{Expr, Set, Spanned, Value};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::{Script, place};
use crate::error::{Error, Result};
use crate::suggest;

/// The options that `SET` may change, by the engine's names.
pub const OPTIONS: [&str; 6] = [
    "datafusion.execution.batch_size",
    "datafusion.execution.target_partitions",
    "datafusion.execution.time_zone",
    "datafusion.optimizer.prefer_hash_join",
    "datafusion.optimizer.repartition_joins",
    "datafusion.sql_parser.default_null_ordering",
];

/// The most rows of a batch, and the most partitions: memory is taken for each pair of partitions.
const MAX_COUNTS: [u32; 2] = [65_536, 256];

/// The option that a statement sets, by the engine's name, and its value.
///
/// **Errors**: `Sql` with the place, for one that a script may not set, or a value that it does not take.
pub(super) fn option(script: &Script, set: &Set) -> Result<(String, String)> {
    let (variable, value, at) = match set {
        Set::SingleAssignment { variable, values, .. } => match values.as_slice() {
            [value] => (variable.to_string().to_lowercase(), value, variable.span()),
            _ => return Err(no_option(script, variable.span(), "an option has one value")),
        },
        Set::SetTimeZone { value, .. } => ("timezone".to_owned(), value, value.span()),
        _ => {
            let error = Error::sql("this SET is not done here");
            return Err(error.at(place::word(script, "SET", "here")));
        }
    };
    let name = if variable == "timezone" { OPTIONS[2].to_owned() } else { variable };
    if !OPTIONS.contains(&name.as_str()) {
        let error = no_option(script, at, &format!("`{name}` is no option that a script may set"));
        return Err(error.with_hint_if(suggest::hint("options", &name, OPTIONS)));
    }
    let value = match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    if let Some(what) = refused_value(&name, &value) {
        return Err(no_option(script, at, &format!("option `{name}` is {what}, not `{value}`")));
    }
    Ok((name, value))
}

/// What the value of an option has to be, where it is not; the engine takes others of these, and fails later or not at all.
fn refused_value(name: &str, value: &str) -> Option<String> {
    let at = OPTIONS.iter().position(|option| *option == name)?;
    if let Some(most) = MAX_COUNTS.get(at) {
        let is_count = value.parse().is_ok_and(|count: u32| (1..=*most).contains(&count));
        return (!is_count).then(|| format!("a number from 1 to {most}"));
    }
    let orders = ["nulls_max", "nulls_min", "nulls_first", "nulls_last"];
    match name {
        "datafusion.execution.time_zone" if value.parse::<Tz>().is_err() => {
            Some("a time zone, such as `Europe/Berlin` or `+02:00`".to_owned())
        }
        "datafusion.sql_parser.default_null_ordering" if !orders.contains(&value) => {
            Some(format!("one of {}", orders.map(|order| format!("`{order}`")).join(", ")))
        }
        _ => None,
    }
}

fn no_option(script: &Script, at: Span, message: &str) -> Error {
    // The parser keeps no place for a time zone.
    let place = match at == Span::empty() {
        true => place::word(script, "SET", "here"),
        false => Some(place::under(script, at, "here")),
    };
    Error::sql(message).at(place)
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::Statement;
    use datafusion::sql::sqlparser::ast::Statement as Sql;

    use super::*;

    fn set(script: &Script, statement: &Statement) -> Result<(String, String)> {
        match statement {
            Statement::Statement(sql) => match sql.as_ref() {
                Sql::Set(set) => option(script, set),
                other => panic!("{other}"),
            },
            other => panic!("{other}"),
        }
    }

    fn fails(sql: &str, expected: &str, pointed: &str) {
        let script = Script { name: "q".into(), text: sql.into() };
        let error = set(&script, &script.parse().unwrap()[0]).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!((error.to_string().as_str(), &excerpt.text[excerpt.span.clone()]), (expected, pointed), "{sql}");
    }

    #[test]
    fn few_options_may_be_set() {
        let script = Script {
            name: "q".into(),
            text: "SET datafusion.execution.batch_size = 100; SET TIME ZONE 'UTC'; SET timezone = 'Europe/Berlin'"
                .into(),
        };
        let set: Vec<_> = script.parse().unwrap().iter().map(|statement| set(&script, statement).unwrap()).collect();
        let set: Vec<_> = set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(set, [(OPTIONS[0], "100"), (OPTIONS[2], "UTC"), (OPTIONS[2], "Europe/Berlin")]);
        fails(
            "SET datafusion.catalog.location = '/tmp'",
            "`datafusion.catalog.location` is no option that a script may set",
            "datafusion.catalog.location",
        );
        fails(
            "SET datafusion.execution.batch_size = 0",
            "option `datafusion.execution.batch_size` is a number from 1 to 65536, not `0`",
            "datafusion.execution.batch_size",
        );
        fails(
            "SET datafusion.execution.target_partitions = 65536",
            "option `datafusion.execution.target_partitions` is a number from 1 to 256, not `65536`",
            "datafusion.execution.target_partitions",
        );
        fails(
            "SET timezone = 'Nowhere/City'",
            "option `datafusion.execution.time_zone` is a time zone, such as `Europe/Berlin` or `+02:00`, not `Nowhere/City`",
            "SET",
        );
        fails("SET a = 1, 2", "an option has one value", "a");
    }
}
