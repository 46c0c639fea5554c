//! Statements that mean nothing over the tables there are: names that do not exist, types that do not fit.

use std::collections::HashSet;

use datafusion::common::{Column, Diagnostic, SchemaError};
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;

use super::same_name;
use super::wording::{reworded, sql_types};
use crate::dialect::{self, Script};
use crate::error::Error;
use crate::functions;
use crate::session::fields::{UnknownField, Why};
use crate::suggest;

/// The place is that of the first word of the name, where the engine tells none.
pub(super) fn of_schema(error: &SchemaError, script: &Script, statement: &Statement) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            at_word(unknown_column(field, valid_fields), script, &field.name)
        }
        SchemaError::AmbiguousReference { field } => {
            let name = &field.name;
            same_name::of_alias(name, script, statement).unwrap_or_else(|| {
                Error::sql(format!("column `{name}` is in several tables"))
                    .with_hint(format!("say in which: table.{name}"))
            })
        }
        other => Error::sql(reworded(&other.to_string())),
    }
}

fn unknown_column(field: &Column, valid_fields: &[Column]) -> Error {
    let qualifier = field.relation.as_ref().map(|relation| relation.table());
    let failure = match qualifier {
        Some(qualifier) => Error::sql(format!("there is no column `{qualifier}.{}`", field.name)),
        None => Error::sql(format!("there is no column `{}`", field.name)),
    };
    if valid_fields.is_empty() {
        return failure.with_hint("the table has no columns: its files hold no rows, or all of them were rejected (rejects.<source> shows why)");
    }
    let table_of = |column: &Column| column.relation.as_ref().map(|relation| relation.table().to_owned());
    let known =
        qualifier.is_none_or(|name| valid_fields.iter().any(|column| table_of(column).as_deref() == Some(name)));
    // A table that is not in the query is the first thing to put right.
    let (what, wanted, names): (_, _, Vec<String>) = if known {
        let mut seen = HashSet::new();
        let names = valid_fields.iter().map(|column| column.name.clone()).filter(|name| seen.insert(name.clone()));
        ("columns", field.name.clone(), names.collect())
    } else {
        let mut tables: Vec<String> = valid_fields.iter().filter_map(table_of).collect();
        tables.dedup();
        ("tables in the query", qualifier.unwrap_or_default().to_owned(), tables)
    };
    failure.with_hint_if(suggest::hint(what, &wanted, names.iter().map(String::as_str)))
}

/// A field that is not there.
pub(super) fn unknown_field(field: &UnknownField, script: &Script) -> Error {
    let failure = Error::sql(field.to_string());
    let failure = failure.at(dialect::field(script, &field.name, "this field"));
    let hint = match &field.why {
        Why::Others(fields) => suggest::hint("fields", &field.name, fields.iter().map(String::as_str)),
        Why::Several(fields) => {
            let quoted: Vec<String> = fields.iter().map(|name| format!("\"{name}\"")).collect();
            Some(format!("say which, in quotes: {}", quoted.join(" or ")))
        }
        Why::List => Some(format!("say which element: {}[1]", field.object)),
        Why::NoObject(_) => None,
    };
    failure.with_hint_if(hint)
}

pub(super) fn of_plan(
    message: &str,
    diagnostic: Option<&Diagnostic>,
    script: &Script,
    engine: &SessionContext,
) -> Error {
    // What is left of the check of the plan, behind that of the statement.
    if ["DDL not supported", "DML not supported", "Statement not supported"].iter().any(|s| message.starts_with(s)) {
        return Error::sql("the statement would change something, which is not done here");
    }
    if let Some(name) = between(message, "Invalid function '", "'") {
        return unknown_function(name, engine);
    }
    if let Some(column) = diagnostic.and_then(|d| between(&d.message, "'", "' must appear in GROUP BY")) {
        return Error::sql(format!("`{column}` is neither in GROUP BY nor inside of an aggregate"))
            .with_hint(format!("add it to GROUP BY, or say which of its values is meant, such as max({column})"));
    }
    if let Some(function) = wrong_arguments(message, script) {
        return function;
    }
    if let Some(condition) = between(message, "non-boolean predicate '", "' returning ") {
        let name = last_part(condition);
        let given = message.rsplit(" returning ").next().map_or_else(String::new, sql_types);
        return at_word(Error::sql(format!("a condition is true or false, and `{name}` is {given}")), script, name)
            .with_hint(format!("compare it with something: {name} = …"));
    }
    if let Some(window) = between(message, "The window ", " is not defined") {
        return at_word(Error::sql(format!("there is no window `{window}`")), script, window)
            .with_hint(format!("define it behind the query: WINDOW {window} AS (PARTITION BY … ORDER BY …)"));
    }
    if message.starts_with("Failed to coerce then") {
        return at_word(Error::sql(reworded(message)), script, "CASE")
            .with_hint("make the results of all branches one type: CAST(… AS varchar)");
    }
    if message.starts_with("Aggregate functions are not allowed in the WHERE clause") {
        return at_word(
            Error::sql("WHERE chooses rows before they are grouped, and takes no aggregate"),
            script,
            "WHERE",
        )
        .with_hint("what is asked of groups stands behind GROUP BY: HAVING count(*) > 1");
    }
    if message.starts_with("UNION queries have different number of columns") {
        return Error::sql("the queries of UNION have different numbers of columns")
            .with_hint("give each as many; NULL stands for one that it does not have");
    }
    // What the engine advises stands in a sentence of its own.
    match message.lines().next().and_then(|line| line.split_once(". ")) {
        Some((what, advice)) => Error::sql(reworded(what)).with_hint(reworded(advice)),
        None => typed(Error::sql(reworded(message)), message),
    }
}

/// A failure that is told at the first word of the script that is `word`.
pub(super) fn at_word(failure: Error, script: &Script, word: &str) -> Error {
    failure.at(dialect::word(script, word, "here"))
}

/// A type that there is none of.
pub(super) fn unknown_type(name: &str, script: &Script) -> Error {
    const TYPES: [&str; 12] = [
        "boolean",
        "smallint",
        "integer",
        "bigint",
        "real",
        "double",
        "decimal",
        "varchar",
        "date",
        "time",
        "timestamp",
        "interval",
    ];
    let word = name.split(['(', ' ']).next().unwrap_or(name);
    let failure = at_word(Error::sql(format!("there is no type `{name}` here")), script, word);
    failure.with_hint_if(suggest::hint("types", word, TYPES))
}

/// Says what helps against types that do not fit together.
fn typed(failure: Error, message: &str) -> Error {
    if message.contains(functions::json_type()) {
        return failure
            .with_hint("say of which type the JSON value is: CAST(json -> key AS bigint); json ->> key is its text");
    }
    if message.starts_with("Unexpected argument type to 'json_") {
        return failure.with_hint("-> and ->> bind less tightly than other operators: write (json ->> key) = …");
    }
    if ["Cannot coerce", "Cannot infer common argument type"].iter().any(|start| message.starts_with(start)) {
        return failure.with_hint("say which type is meant: CAST(… AS bigint)");
    }
    failure
}

fn unknown_function(name: &str, engine: &SessionContext) -> Error {
    let state = engine.state();
    if state.udwfs().contains(name) {
        return Error::sql(format!("`{name}` is a window function, and has no window"))
            .with_hint(format!("say over which rows: {name}(…) OVER (PARTITION BY … ORDER BY …)"));
    }
    let mut names: Vec<String> = state.udfs().into_iter().collect();
    names.extend(state.udafs());
    names.extend(state.udwfs());
    names.sort_unstable();
    let failure = Error::sql(format!("there is no function `{name}`"));
    match suggest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("SHOW FUNCTIONS lists those that there are"),
    }
}

/// A function that does not take what it was given.
fn wrong_arguments(message: &str, script: &Script) -> Option<Error> {
    let called = between(message, "argument types '", "'");
    let name = match called {
        Some(call) => call.split('(').next()?,
        None => between(message, "Function '", "' failed to match any signature")?,
    };
    let given = match called {
        Some(call) => sql_types(&call[name.len()..]),
        None => between(message, "(DataType: ", ")")
            .map_or_else(|| "these arguments".to_owned(), |t| sql_types(&format!("({t})"))),
    };
    let failure = Error::sql(format!("function `{name}` does not take {given}"));
    let failure = failure.at(dialect::word(script, name, "this call"));
    Some(match expected(message) {
        _ if message.contains(functions::json_type()) => typed(failure, message),
        Some(expected) => failure.with_hint(format!("it takes {expected}")),
        None => failure,
    })
}

/// What the signatures that were tried would have taken.
fn expected(message: &str) -> Option<String> {
    let mut wanted: Vec<String> = Vec::new();
    for part in message.split("requires ").skip(1).filter_map(|rest| rest.split(", but").next()) {
        wanted.push(sql_types(part));
    }
    for part in message.split("expects ").skip(1) {
        // `expects 1 arguments but received 2`, `expects Numeric but received String`
        wanted.extend(
            part.split(" but received").next().map(|count| sql_types(count).replace("1 arguments", "1 argument")),
        );
    }
    let mut seen = std::collections::HashSet::new();
    wanted.retain(|part| seen.insert(part.clone()));
    let wanted: Vec<String> = wanted.iter().map(|part| part.replace("String", "varchar").to_lowercase()).collect();
    match wanted.as_slice() {
        [] => None,
        [only] => Some(only.clone()),
        [most @ .., last] => Some(format!("{} or {last}", most.join(", "))),
    }
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// The column's own name in a qualified one; an expression is left whole.
pub(super) fn last_part(name: &str) -> &str {
    let qualified = name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    if qualified { name.rsplit('.').next().unwrap_or(name) } else { name }
}
