//! The engine's failures, told as ours: whose fault, where in the user's text, what to do next.
//!
//! It is the only place that looks into `DataFusionError`.

mod construct;
mod disk;
mod meaning;
mod same_name;
mod value;
mod wording;

use std::error::Error as StdError;

use datafusion::arrow::error::ArrowError;
use datafusion::common::{DataFusionError, Diagnostic};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{ResetStatement, Statement};
use datafusion::sql::sqlparser::ast::ObjectName;

use crate::dialect::{self, Script};
use crate::error::{Error, Excerpt};
use crate::windows::Misuse;
pub(super) use value::cast as value_of_cast;
use wording::reworded;

/// A failure of the engine that no user can mend.
pub(super) fn internal(message: &str, error: DataFusionError) -> Error {
    Error::internal(message).with_source(error)
}

/// Tells what is wrong with `statement` of `script`, which could not be planned: no data was looked at.
pub(super) fn misplanned(
    error: DataFusionError,
    script: &Script,
    statement: &Statement,
    engine: &SessionContext,
) -> Error {
    match error.find_root() {
        DataFusionError::Plan(message) if message.to_lowercase().contains("table function 'unnest' not found") => {
            unnested(script).map_or_else(|| explain(error, script, statement, engine), beside_its_table)
        }
        DataFusionError::Execution(message) if find::<Error>(&error).is_none() => Error::sql(reworded(message)),
        DataFusionError::Internal(message) if message.starts_with("No suitable object store found") => {
            Error::sql("a table that a statement creates is over files of this machine")
                .with_hint("declare a source in tidemill.toml, whose `path` may be s3://BUCKET/…")
        }
        // It is a fault of the engine, but one that other SQL gets round.
        DataFusionError::Internal(message) if find::<Error>(&error).is_none() => {
            Error::sql(format!("the engine cannot plan this statement: {}", reworded(message)))
                .with_hint("write it in another way; SHOW FUNCTIONS lists what there is")
        }
        _ => explain(error, script, statement, engine),
    }
}

/// Where a list is unnested.
fn unnested(script: &Script) -> Option<Excerpt> {
    dialect::call_of(script, &["unnest".to_owned()], "here")
}

fn beside_its_table(place: Excerpt) -> Error {
    Error::sql("a list is not unnested beside the table that it is in")
        .with_hint("it is where columns are asked for: FROM (SELECT id, unnest(list) AS element FROM events)")
        .with_excerpt(place)
}

/// Tells what went wrong with `statement` of `script`.
pub(super) fn explain(
    error: DataFusionError,
    script: &Script,
    statement: &Statement,
    engine: &SessionContext,
) -> Error {
    if let Some(ours) = find::<Error>(&error) {
        return ours.told_again();
    }
    if let Some(Misuse { function, message, hint }) = find(&error) {
        let failure = Error::sql(message).with_hint(hint);
        let names = ["", "_START", "_END"].map(|part| format!("{function}{part}"));
        return failure.at(dialect::call_of(script, &names, "here"));
    }
    if let Some(field) = find(&error) {
        return meaning::unknown_field(field, script);
    }
    let failure = match error.find_root() {
        DataFusionError::SchemaError(schema, _) => meaning::of_schema(schema, script, statement),
        DataFusionError::Plan(message) => same_name::of_plan(message, script, statement)
            .unwrap_or_else(|| meaning::of_plan(message, error.diagnostic(), script, engine)),
        DataFusionError::ResourcesExhausted(message) => {
            Error::machine(format!("the statement needs more memory: {}", of_memory(message)))
                .with_hint("raise it in tidemill.toml, [limits] memory = \"8GiB\", or ask for less at once")
        }
        DataFusionError::ArrowError(arrow, _) => return value::of_arrow(arrow, script, statement),
        DataFusionError::Execution(message) => return value::of_execution(message, script),
        DataFusionError::External(cause) => return value::of_execution(&cause.to_string(), script),
        DataFusionError::NotImplemented(message) if message.starts_with("Unsupported SQL type ") => {
            meaning::unknown_type(message.trim_start_matches("Unsupported SQL type "), script)
        }
        DataFusionError::NotImplemented(message)
            if ["ScalarSubquery", "InSubquery", "Exists", "OuterReference"]
                .iter()
                .any(|kind| message.contains(kind)) =>
        {
            if let Some(place) = unnested(script) {
                return beside_its_table(place);
            }
            Error::sql("a subquery cannot be computed where it stands, or not with columns of the query around it")
                .with_hint(
                    "write a FROM of its own in it, if it means another table, or join with it; IN, EXISTS, ANY and ALL are for \
                     WHERE: elsewhere write (SELECT count(*) FROM …) > 0",
                )
                .at(dialect::subquery(script, statement, "this one, or one in it"))
        }
        DataFusionError::NotImplemented(message) if message.contains("`retract_batch` is not implemented") => {
            let name = message.split_once(": ").map_or("", |(_, call)| call);
            let name = name.split_once('(').map_or(name, |(name, _)| name).to_owned();
            Error::sql(format!("`{name}` is not done over frames that later rows leave"))
                .with_hint("let the frame begin with the first row: ROWS UNBOUNDED PRECEDING; array_agg may slide: array_to_string(array_agg(a) OVER (…), ',')")
                .at(dialect::call_of(script, &[name], "here"))
        }
        DataFusionError::NotImplemented(message) => construct::of_tree(message, script)
            .unwrap_or_else(|| Error::sql(format!("the engine cannot do this: {}", reworded(message)))),
        DataFusionError::SQL(error, _) => Error::sql(reworded(&error.to_string())),
        DataFusionError::Internal(message) if message.contains("accumulator not implemented for type Union") => {
            Error::sql("min and max do not compare JSON values, which may be of any type")
                .with_hint("say of which type they are: max(CAST(json -> key AS bigint)); json ->> key is their text")
        }
        DataFusionError::Internal(message) if message.starts_with("Uncomparable values") => {
            Error::sql("lists of objects are not compared here")
                .with_hint("compare what is in them: array_length(list), or unnest the list and ask for a field")
        }
        DataFusionError::Internal(message) if message.contains("CompiledTooBig") => {
            Error::sql("a regular expression is too large once it is compiled")
                .with_hint("what is repeated within what is repeated is there as often as both say: repeat less of it")
        }
        DataFusionError::Configuration(message) => Error::request(reworded(message)),
        DataFusionError::IoError(cause) => return disk::of_spill(cause),
        DataFusionError::ObjectStore(_) | DataFusionError::ParquetError(_) => {
            return Error::machine(format!("`{}` was stopped by the machine", script.name)).with_source(error);
        }
        _ => {
            return Error::internal(format!("the engine failed on `{}`", script.name))
                .with_source(error)
                .with_hint("this is a fault of tidemill or its engine, not of your data; please report it");
        }
    };
    failure.at(error.diagnostic().and_then(|diagnostic| excerpt(diagnostic, script)))
}

/// Tells what went wrong with a frame, which has no text.
pub(super) fn of_frame(error: DataFusionError, engine: &SessionContext) -> Error {
    let script = Script { name: "frame".to_owned(), text: String::new() };
    let nothing = Statement::Reset(ResetStatement::Variable(ObjectName::from(Vec::new())));
    explain(error, &script, &nothing, engine)
}

/// The engine's words for a failure that is told of already.
pub(super) fn reason(error: &DataFusionError) -> String {
    reworded(&error.find_root().strip_backtrace())
}

/// Schema and name of the table that the engine did not find, if that is what `error` says.
pub(super) fn missing_table(error: &DataFusionError) -> Option<(&str, &str)> {
    let DataFusionError::Plan(message) = error.find_root() else { return None };
    let name = message.strip_prefix("table '")?.split_once("' not found")?.0;
    // It is always told in full, and only the last part may have dots of its own.
    let (_, name) = name.split_once('.')?;
    name.split_once('.')
}

/// An error of ours, on its way through the engine.
fn find<E: StdError + 'static>(error: &DataFusionError) -> Option<&E> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(ours) = error.downcast_ref::<E>() {
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

/// Who asked for how much, without the list of others that the engine adds.
fn of_memory(message: &str) -> String {
    let asked = message.lines().find_map(|line| line.strip_prefix("Error: "));
    let line = asked.unwrap_or(message);
    dialect::fragment(line.split(" with top memory consumers").next().unwrap_or(line))
}

fn excerpt(diagnostic: &Diagnostic, script: &Script) -> Option<Excerpt> {
    let span = diagnostic.span?;
    let (start, end) = ((span.start.line, span.start.column), (span.end.line, span.end.column));
    Some(dialect::excerpt(script, start, end, "here"))
}
