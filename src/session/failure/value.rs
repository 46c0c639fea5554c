//! Values that an expression cannot take: 0 as a divisor, a text that is no number, a sum too large for its type.

use std::ops::ControlFlow;

use datafusion::arrow::error::ArrowError;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{BinaryOperator, CastKind, Expr, Spanned, Value};
use datafusion::sql::sqlparser::tokenizer::Span;

use super::disk;
use super::wording::{reworded, sql_types};
use crate::dialect::{self, Script};
use crate::error::{Error, Excerpt};

/// What helps against a value that is too large.
const WIDER: &str = "a wider type holds it: CAST(… AS decimal(38, 0)), or CAST(… AS double) for about so much";

/// What stands before and behind a text that was to be read as a type, as Arrow and the engine's functions tell it.
const PARSED: [(&str, &str, &str); 5] = [
    ("Error parsing timestamp from '", "' using format '", "Timestamp(ms)"),
    ("Error parsing timestamp from '", "': ", "Timestamp(ms)"),
    ("Error parsing '", "' as time", "Time64(ns)"),
    ("Failed to parse '", "' as time", "Time64(ns)"),
    ("Invalid input syntax for type interval: \"", "\"", "Interval(MonthDayNano)"),
];

pub(super) fn of_arrow(error: &ArrowError, script: &Script, statement: &Statement) -> Error {
    match error {
        ArrowError::DivideByZero => {
            let place = first(script, statement, ["this is 0", "one of the divisors is 0, such as this"], divisor);
            failed(script, "division by zero").at(place).with_hint("NULLIF(divisor, 0) makes the result NULL there")
        }
        ArrowError::ArithmeticOverflow(message) => of_overflow(message, script, statement),
        ArrowError::CastError(message) | ArrowError::ParseError(message) => of_cast(message, script, statement),
        ArrowError::IoError(_, cause) => disk::of_spill(cause),
        ArrowError::MemoryError(message) => Error::machine(format!("`{}` needs more memory: {message}", script.name)),
        ArrowError::ExternalError(cause) => of_execution(&cause.to_string(), script),
        other => of_execution(&other.to_string(), script),
    }
}

fn of_overflow(message: &str, script: &Script, statement: &Statement) -> Error {
    let sum = message.strip_prefix("Overflow happened on: ");
    let what = sum.map_or_else(|| reworded(message), |sum| format!("{sum} is too large for its type"));
    // Two operands and what stands between them; a negative one is never taken for an operator.
    let parts: Vec<&str> = sum.unwrap_or_default().split(' ').collect();
    let place = match parts.as_slice() {
        [left, operator, right] => {
            let with = |operand: &Expr| [left, right].contains(&&operand.to_string().as_str());
            let is_it = |expr: &Expr| matches!(expr, Expr::BinaryOp { op, .. } if op.to_string() == **operator);
            let labels = ["here", "in one of the sums, such as this"];
            let sure = |expr: &Expr| matches!(expr, Expr::BinaryOp { left, right, .. } if with(left) || with(right));
            first(script, statement, labels, |expr| (is_it(expr) && sure(expr)).then(|| expr.span()))
                .or_else(|| first(script, statement, labels, |expr| is_it(expr).then(|| expr.span())))
        }
        _ => None,
    };
    failed(script, &what).at(place).with_hint(WIDER)
}

pub(super) fn of_execution(message: &str, script: &Script) -> Error {
    if let Some(parameter) = message.strip_prefix("Placeholder '").and_then(|rest| rest.split('\'').next()) {
        return Error::sql(format!("parameter `{parameter}` has no value")).with_hint("write the value in its place");
    }
    let told = reworded(message);
    if told.starts_with("table '") && (told.ends_with("' already exists") || told.ends_with("' doesn't exist")) {
        return Error::sql(told);
    }
    // What is wrong with a regular expression stands in its last line.
    let parts: Vec<&str> = message.lines().collect();
    if let [first, .., last] = parts.as_slice()
        && let Some(why) = last.strip_prefix("error: ")
    {
        return failed(script, &format!("{}: {why}", reworded(first)));
    }
    failed(script, &told)
}

fn of_cast(message: &str, script: &Script, statement: &Statement) -> Error {
    if let Some((value, type_name)) = message.strip_prefix("value of ").and_then(|r| r.split_once(" is out of range "))
    {
        let place = first(script, statement, ["this sum", "in one of the sums, such as this"], summing);
        return failed(script, &format!("{value} is too large for {}", sql_types(type_name)))
            .at(place)
            .with_hint(WIDER);
    }
    let Some((value, type_name)) = cast(message) else {
        let place = quoted(message).and_then(|value| literal(script, statement, value, "this"));
        return failed(script, &reworded(message)).at(place).with_hint("TRY_CAST(… AS …) makes the result NULL there");
    };
    let type_name = sql_types(type_name);
    let failure = failed(script, &format!("`{value}` is no {type_name}"));
    if let Some(place) = literal(script, statement, value, &format!("no {type_name}")) {
        let article = if type_name.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        return failure
            .with_excerpt(place)
            .with_hint(format!("write {article} {type_name} there, or compare as text: CAST(… AS varchar)"));
    }
    let place = first(script, statement, ["this cast", "in one of the casts, such as this"], casting);
    failure.at(place).with_hint(format!("TRY_CAST(… AS {type_name}) makes the result NULL there"))
}

fn failed(script: &Script, what: &str) -> Error {
    Error::data(format!("`{}` failed on a value: {what}", script.name))
}

/// The value and the type of a cast that failed.
pub(in crate::session) fn cast(message: &str) -> Option<(&str, &str)> {
    if let Some(rest) = message.strip_prefix("Cannot cast string '").or(message.strip_prefix("Cannot cast value '")) {
        let (value, type_name) = rest.rsplit_once("' to value of ")?;
        return Some((value, type_name.trim_end_matches(" type")));
    }
    let parsed = PARSED.iter().find_map(|(before, after, type_name)| {
        let (value, _) = message.strip_prefix(before)?.rsplit_once(after)?;
        Some((value, *type_name))
    });
    if parsed.is_some() {
        return parsed;
    }
    message.strip_prefix("Can't cast value ")?.rsplit_once(" to type ")
}

fn quoted(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once('\'')?;
    rest.split_once('\'').map(|(value, _)| value)
}

/// The place of the first expression that `spot` knows; `labels` say that it is the only one, or one of several.
fn first(
    script: &Script,
    statement: &Statement,
    labels: [&str; 2],
    spot: impl Fn(&Expr) -> Option<Span>,
) -> Option<Excerpt> {
    let mut spans = spans(statement, spot);
    // `a + b + c` holds `a + b`; the whole is shown.
    spans.dedup_by(|later, earlier| later.start == earlier.start);
    let label = if spans.len() == 1 { labels[0] } else { labels[1] };
    spans.first().and_then(|span| excerpt(script, *span, label))
}

fn literal(script: &Script, statement: &Statement, text: &str, label: &str) -> Option<Excerpt> {
    let is_it = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(found) if found == text => Some(value.span),
            _ => None,
        },
        Expr::TypedString(typed) => match &typed.value.value {
            Value::SingleQuotedString(found) if found == text => Some(typed.value.span),
            _ => None,
        },
        _ => None,
    };
    spans(statement, is_it).first().and_then(|span| excerpt(script, *span, label))
}

fn spans(statement: &Statement, spot: impl Fn(&Expr) -> Option<Span>) -> Vec<Span> {
    let mut spans = Vec::new();
    let Some(sql) = dialect::inner(statement) else { return spans };
    let _ = dialect::walk_expressions(sql, |expr: &Expr| {
        spans.extend(spot(expr).filter(|span| *span != Span::empty()));
        ControlFlow::<()>::Continue(())
    });
    spans.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    spans
}

pub(super) fn excerpt(script: &Script, span: Span, label: &str) -> Option<Excerpt> {
    (span != Span::empty()).then(|| dialect::under(script, span, label))
}

fn divisor(expr: &Expr) -> Option<Span> {
    match expr {
        Expr::BinaryOp { op: BinaryOperator::Divide | BinaryOperator::Modulo, right, .. } => Some(right.span()),
        _ => None,
    }
}

fn summing(expr: &Expr) -> Option<Span> {
    match expr {
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("sum") => Some(expr.span()),
        _ => None,
    }
}

fn casting(expr: &Expr) -> Option<Span> {
    match expr {
        Expr::Cast { kind: CastKind::Cast | CastKind::DoubleColon, expr, .. } => Some(expr.span()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_none_of_a_type_is_told_with_it() {
        let check = |message: &str, expected: (&str, &str)| assert_eq!(cast(message), Some(expected));
        check("Cannot cast string 'a' to value of Int64 type", ("a", "Int64"));
        check("Error parsing timestamp from 'a': b': error parsing date", ("a': b", "Timestamp(ms)"));
        check("Error parsing timestamp from 'a' using format '%d': too short", ("a", "Timestamp(ms)"));
        check("Error parsing 'a' as time. Tried formats: [\"%H\"]", ("a", "Time64(ns)"));
        check("Failed to parse 'a' as time", ("a", "Time64(ns)"));
        check("Invalid input syntax for type interval: \"1 day\"\"", ("1 day\"", "Interval(MonthDayNano)"));
        assert_eq!(cast("Error parsing it"), None);
    }
}
