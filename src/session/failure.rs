//! The engine's failures, told as ours: whose fault, where in the user's text, what to do next.
//!
//! It is the only place that looks into `DataFusionError`.

use std::error::Error as StdError;
use std::ops::ControlFlow;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Diagnostic, SchemaError, TableReference};
use datafusion::execution::FunctionRegistry;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, Expr, Spanned, visit_expressions};

use crate::dialect::{self, Script};
use crate::error::{Error, Excerpt, lower_first};
use crate::suggest;

/// A failure of the engine that no user can mend.
pub(super) fn internal(message: &str, error: DataFusionError) -> Error {
    Error::internal(message).with_source(error)
}

/// Tells what went wrong with `statement` of `script`.
pub(super) fn explain(
    error: DataFusionError,
    script: &Script,
    statement: &Statement,
    engine: &SessionContext,
) -> Error {
    if let Some(ours) = find(&error) {
        return ours.told_again();
    }
    let place = error.diagnostic().and_then(|diagnostic| excerpt(diagnostic, script));
    let failure = match error.find_root() {
        DataFusionError::SchemaError(schema, _) => of_schema(schema),
        DataFusionError::Plan(message) => of_plan(message, engine),
        DataFusionError::ResourcesExhausted(message) => {
            Error::machine(format!("the statement needs more memory: {}", of_memory(message)))
                .with_hint("raise it in tidemill.toml, [limits] memory = \"8GiB\", or ask for less at once")
        }
        DataFusionError::ArrowError(arrow, _) => return of_arrow(arrow, script, statement),
        DataFusionError::Execution(message) => {
            Error::data(format!("`{}` failed on a value: {}", script.name, first_line(message)))
        }
        DataFusionError::NotImplemented(message) => {
            Error::sql(format!("the engine cannot do this yet: {}", first_line(message)))
        }
        DataFusionError::SQL(error, _) => Error::sql(first_line(&error.to_string()).to_owned()),
        DataFusionError::Configuration(message) => Error::request(first_line(message).to_owned()),
        DataFusionError::IoError(_) | DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            return Error::machine(format!("`{}` was stopped by the machine", script.name)).with_source(error);
        }
        _ => {
            return Error::internal(format!("the engine failed on `{}`", script.name))
                .with_source(error)
                .with_hint("this is a fault of tidemill or its engine, not of your data; please report it");
        }
    };
    match place {
        Some(place) => failure.with_excerpt(place),
        None => failure,
    }
}

/// The table that the engine did not find, if that is what `error` says.
pub(super) fn missing_table(error: &DataFusionError) -> Option<TableReference> {
    let DataFusionError::Plan(message) = error.find_root() else { return None };
    let name = message.strip_prefix("table '")?.split_once("' not found")?.0;
    Some(TableReference::from(name))
}

/// Our own error, on its way through the engine.
fn find(error: &DataFusionError) -> Option<&Error> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<Error>() {
            return Some(ours);
        }
        cause = match error.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(inner)) => Some(inner.as_ref()),
            Some(DataFusionError::ArrowError(inner, _)) => Some(inner.as_ref()),
            Some(DataFusionError::Shared(inner)) => Some(inner.as_ref()),
            _ => match error.downcast_ref::<ArrowError>() {
                Some(ArrowError::ExternalError(inner)) => Some(inner.as_ref()),
                _ => error.source(),
            },
        };
    }
    None
}

fn excerpt(diagnostic: &Diagnostic, script: &Script) -> Option<Excerpt> {
    let span = diagnostic.span?;
    let (start, end) = ((span.start.line, span.start.column), (span.end.line, span.end.column));
    Some(dialect::excerpt(script, start, end, "here"))
}

fn of_schema(error: &SchemaError) -> Error {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let failure = Error::sql(format!("there is no column `{}`", field.flat_name()));
            let names: Vec<&str> = valid_fields.iter().map(|column| column.name.as_str()).collect();
            match suggest::hint("columns", &field.name, names) {
                Some(hint) => failure.with_hint(hint),
                None => failure.with_hint("the table has no columns: its files hold no rows"),
            }
        }
        other => Error::sql(lower_first(first_line(&other.to_string()))),
    }
}

fn of_plan(message: &str, engine: &SessionContext) -> Error {
    let message = first_line(message);
    let Some(name) = message.strip_prefix("Invalid function '").and_then(|rest| rest.split('\'').next()) else {
        return Error::sql(lower_first(message));
    };
    let mut names: Vec<String> = engine.state().udfs().into_iter().collect();
    names.extend(engine.state().udafs());
    names.extend(engine.state().udwfs());
    names.sort_unstable();
    let failure = Error::sql(format!("there is no function `{name}`"));
    match suggest::nearest(name, names.iter().map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("SHOW FUNCTIONS lists those that there are"),
    }
}

fn of_arrow(error: &ArrowError, script: &Script, statement: &Statement) -> Error {
    let failed = |what: &str| Error::data(format!("`{}` failed on a value: {what}", script.name));
    match error {
        ArrowError::DivideByZero => {
            let failure = failed("division by zero").with_hint("NULLIF(divisor, 0) makes the result NULL there");
            match division(script, statement) {
                Some(place) => failure.with_excerpt(place),
                None => failure,
            }
        }
        ArrowError::ArithmeticOverflow(message) => failed(&lower_first(first_line(message)))
            .with_hint("a wider type holds it: CAST(… AS DECIMAL(38, 0)) or CAST(… AS DOUBLE)"),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => {
            failed(&lower_first(first_line(message))).with_hint("TRY_CAST(… AS …) makes the result NULL there")
        }
        // Spilling, for example, to a disk that is full.
        ArrowError::IoError(message, _) => {
            Error::machine(format!("`{}` was stopped by the machine: {message}", script.name))
        }
        ArrowError::MemoryError(message) => Error::machine(format!("`{}` needs more memory: {message}", script.name)),
        other => failed(&lower_first(first_line(&other.to_string()))),
    }
}

/// The place of the statement's division; of the first, if there are several.
fn division(script: &Script, statement: &Statement) -> Option<Excerpt> {
    let Statement::Statement(sql) = statement else { return None };
    let mut found = None;
    let mut count = 0;
    let _ = visit_expressions(sql.as_ref(), |expr: &Expr| {
        if let Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } = expr {
            count += 1;
            found.get_or_insert_with(|| right.span());
        }
        ControlFlow::<()>::Continue(())
    });
    let span = found?;
    let label = if count == 1 { "this is 0" } else { "one of the divisors is 0, such as this" };
    let (start, end) = ((span.start.line, span.start.column), (span.end.line, span.end.column));
    Some(dialect::excerpt(script, start, end, label))
}

/// Who asked for how much, without the list of others that the engine adds.
fn of_memory(message: &str) -> String {
    let line = first_line(message);
    let asked = message.lines().find(|line| line.starts_with("Error: Failed to allocate"));
    let line = asked.map_or(line, |line| line.trim_start_matches("Error: "));
    lower_first(line.split(" with top memory consumers").next().unwrap_or(line))
}

/// The engine adds backtraces and advice for its own developers on further lines.
fn first_line(message: &str) -> &str {
    message.lines().next().unwrap_or_default().trim_end_matches('.')
}
