//! The engine's sentences as our fragments, its names of types as SQL's.

use crate::{dialect, functions};

/// What the engine puts before a message to say which of its parts failed.
const PREFIXES: [&str; 8] = [
    "Arrow error: ",
    "Compute error: ",
    "Error during planning: ",
    "Execution error: ",
    "External error: ",
    "Internal error: ",
    "Invalid argument error: ",
    "This feature is not implemented: ",
];

/// A message of the engine as a fragment.
pub(super) fn reworded(message: &str) -> String {
    let mut message = message;
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| message.strip_prefix(prefix)) {
        message = rest;
    }
    dialect::fragment(&sql_types(message))
}

/// Arrow's names of types replaced by SQL's.
pub(super) fn sql_types(text: &str) -> String {
    let text = &text.replace(functions::json_type(), "json");
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text.as_str();
    while let Some(start) = rest.find(|c: char| c.is_alphanumeric()) {
        let length = rest[start..].find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len() - start);
        let (before, word) = (&rest[..start], &rest[start..start + length]);
        rest = &rest[start + length..];
        replaced.push_str(before);
        match sql_type(word) {
            Some((name, unit)) => {
                if let Some((value, after)) = literal(rest) {
                    (replaced, rest) = (replaced + value, after);
                    continue;
                }
                // A unit is no part of the type in SQL.
                replaced.push_str(name);
                rest = unit.iter().find_map(|unit| rest.strip_prefix(unit)).unwrap_or(rest);
            }
            None => replaced.push_str(word),
        }
    }
    replaced + rest
}

/// What a constant is, which the engine writes with its type: `Int64(1)`.
fn literal(text: &str) -> Option<(&str, &str)> {
    let (value, after) = text.strip_prefix('(')?.split_once(')')?;
    let is_text = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    (is_text || value.parse::<f64>().is_ok()).then_some((value, after))
}

fn sql_type(word: &str) -> Option<(&'static str, &'static [&'static str])> {
    const UNITS: &[&str] = &["(s)", "(ms)", "(us)", "(µs)", "(ns)"];
    Some(match word {
        "Utf8" | "Utf8View" | "LargeUtf8" => ("varchar", &[]),
        "Boolean" => ("boolean", &[]),
        "Int8" => ("tinyint", &[]),
        "Int16" => ("smallint", &[]),
        "Int32" => ("integer", &[]),
        "Int64" => ("bigint", &[]),
        "UInt64" => ("unsigned bigint", &[]),
        "Float32" => ("real", &[]),
        "Float64" => ("double", &[]),
        "Decimal128" | "Decimal256" => ("decimal", &[]),
        "Date32" | "Date64" => ("date", &[]),
        "Timestamp" => ("timestamp", UNITS),
        "Time32" | "Time64" => ("time", UNITS),
        "Interval" => ("interval", &["(YearMonth)", "(DayTime)", "(MonthDayNano)"]),
        "Binary" | "LargeBinary" | "BinaryView" => ("varbinary", &[]),
        "List" | "LargeList" => ("list", &[]),
        "Struct" => ("struct", &[]),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(message: &str, expected: &str) {
        assert_eq!(reworded(message), expected);
    }

    #[test]
    fn prefixes_and_types_are_ours() {
        check("Compute error: Execution error: Cannot take it.", "cannot take it");
        check("cannot add Utf8View + Int64", "cannot add varchar + bigint");
        check("is Timestamp(ns) or Decimal128(3, 2)", "is timestamp or decimal(3, 2)");
        check("Interval(MonthDayNano) * List(Int64)", "interval * list(bigint)");
        check("a > Int64(-1) and Utf8(\"x\") = Float64(1.5)", "a > -1 and \"x\" = 1.5");
        check("`Int64s` my_Int64 é", "`Int64s` my_Int64 é");
        check(&format!("upper({})", functions::json_type()), "upper(json)");
    }
}
