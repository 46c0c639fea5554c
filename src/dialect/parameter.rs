//! The types of parameters, and values of them that were written as text.
//!
//! A value is checked when it is given, and becomes a literal of its type: it is never part of the SQL as text.

use std::fmt;
use std::str::FromStr;

use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType as ArrowType, IntervalUnit, TimeUnit};
use datafusion::common::ScalarValue;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, ExactNumberInfo, Expr, Interval, TimezoneInfo, UnaryOperator, Value, ValueWithSpan,
};
use datafusion::sql::sqlparser::tokenizer::Span;

/// What a parameter may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterType {
    /// `true` or `false`.
    Boolean,
    /// A signed integer of 64 bits.
    Bigint,
    /// A floating-point number of 64 bits.
    Double,
    /// A number with so many digits, of which so many behind the point.
    Decimal(u8, i8),
    /// A text.
    Varchar,
    /// A day, as `2024-03-01`.
    Date,
    /// An instant, as `2024-03-01T12:00:00`; UTC where it has a zone. The unit says how fine.
    Timestamp(TimeUnit),
    /// A length of time, as `5 minutes`.
    Interval,
}

/// The names of the types, for hints.
const NAMES: &str = "boolean, bigint, double, decimal(p, s), varchar, date, timestamp(s|ms|us|ns), interval";

/// A word that names no type of parameters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no type `{0}` of parameters")]
pub struct UnknownType(String);

impl UnknownType {
    /// What to write instead.
    pub fn hint(&self) -> String {
        format!("types are {NAMES}")
    }
}

impl FromStr for ParameterType {
    type Err = UnknownType;

    fn from_str(word: &str) -> Result<Self, UnknownType> {
        let plain: String = word.to_lowercase().split_whitespace().collect();
        Ok(match plain.as_str() {
            "boolean" | "bool" => Self::Boolean,
            "bigint" | "integer" | "int" => Self::Bigint,
            "double" | "float" | "real" => Self::Double,
            "varchar" | "text" | "string" => Self::Varchar,
            "date" => Self::Date,
            "timestamp" | "timestamp(ms)" => Self::Timestamp(TimeUnit::Millisecond),
            "timestamp(s)" => Self::Timestamp(TimeUnit::Second),
            "timestamp(us)" => Self::Timestamp(TimeUnit::Microsecond),
            "timestamp(ns)" => Self::Timestamp(TimeUnit::Nanosecond),
            "interval" => Self::Interval,
            other => return decimal(other).ok_or_else(|| UnknownType(word.to_owned())),
        })
    }
}

fn decimal(word: &str) -> Option<ParameterType> {
    let (precision, scale) = word.strip_prefix("decimal(")?.strip_suffix(')')?.split_once(',')?;
    let (precision, scale) = (precision.parse().ok()?, scale.parse().ok()?);
    let fits = (1..=38).contains(&precision) && (0..=i16::from(precision)).contains(&i16::from(scale));
    fits.then_some(ParameterType::Decimal(precision, scale))
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Boolean => "boolean",
            Self::Bigint => "bigint",
            Self::Double => "double",
            Self::Varchar => "varchar",
            Self::Date => "date",
            Self::Timestamp(TimeUnit::Second) => "timestamp(s)",
            Self::Timestamp(TimeUnit::Millisecond) => "timestamp(ms)",
            Self::Timestamp(TimeUnit::Microsecond) => "timestamp(us)",
            Self::Timestamp(TimeUnit::Nanosecond) => "timestamp(ns)",
            Self::Interval => "interval",
            Self::Decimal(precision, scale) => return write!(f, "decimal({precision}, {scale})"),
        })
    }
}

impl ParameterType {
    /// Whether a text is a value of this type, whole and exactly.
    pub fn holds(self, text: &str) -> bool {
        match self {
            Self::Varchar => true,
            Self::Boolean => bool::from_str(text).is_ok(),
            Self::Bigint => i64::from_str(text).is_ok(),
            Self::Double => f64::from_str(text).is_ok_and(f64::is_finite),
            Self::Date => chrono::NaiveDate::from_str(text).is_ok(),
            Self::Interval => cast(text, &ArrowType::Interval(IntervalUnit::MonthDayNano)).is_some(),
            // Text that is finer than the type would be cut.
            Self::Timestamp(unit) => {
                let (fine, own) = (ArrowType::Timestamp(TimeUnit::Nanosecond, None), ArrowType::Timestamp(unit, None));
                match (cast(text, &fine), cast(text, &own)) {
                    (Some(fine), Some(cut)) => cut.cast_to(&fine.data_type()).is_ok_and(|same| same == fine),
                    // Beyond what nanoseconds can count, nobody counts them.
                    (None, Some(_)) => unit != TimeUnit::Nanosecond,
                    _ => false,
                }
            }
            Self::Decimal(precision, scale) => {
                let digits = text.split_once('.').map_or("", |(_, digits)| digits.trim_end_matches('0'));
                let plain = text.chars().all(|c| c.is_ascii_digit() || "+-.".contains(c));
                plain
                    && digits.len() <= scale.unsigned_abs().into()
                    && cast(text, &ArrowType::Decimal128(precision, scale)).is_some()
            }
        }
    }

    /// A text that is a value of this type, as SQL has it.
    pub(super) fn literal(self, text: &str, span: Span) -> Expr {
        let value = |value| Expr::Value(ValueWithSpan { value, span });
        let string = || Box::new(value(Value::SingleQuotedString(text.to_owned())));
        let cast =
            |data_type| Expr::Cast { kind: CastKind::Cast, expr: string(), data_type, array: false, format: None };
        match self {
            Self::Varchar => *string(),
            Self::Boolean => value(Value::Boolean(text == "true")),
            // LIMIT takes plain numbers only.
            Self::Bigint => match text.trim_start_matches('+').strip_prefix('-') {
                Some(digits) => Expr::UnaryOp {
                    op: UnaryOperator::Minus,
                    expr: Box::new(value(Value::Number(digits.to_owned(), false))),
                },
                None => value(Value::Number(text.trim_start_matches('+').to_owned(), false)),
            },
            Self::Double => cast(DataType::Double(ExactNumberInfo::None)),
            Self::Decimal(precision, scale) => {
                cast(DataType::Decimal(ExactNumberInfo::PrecisionAndScale(precision.into(), scale.into())))
            }
            Self::Date => cast(DataType::Date),
            Self::Timestamp(unit) => {
                let digits = match unit {
                    TimeUnit::Second => 0,
                    TimeUnit::Millisecond => 3,
                    TimeUnit::Microsecond => 6,
                    TimeUnit::Nanosecond => 9,
                };
                cast(DataType::Timestamp(Some(digits), TimezoneInfo::None))
            }
            Self::Interval => Expr::Interval(Interval {
                value: string(),
                leading_field: None,
                leading_precision: None,
                last_field: None,
                fractional_seconds_precision: None,
            }),
        }
    }
}

fn cast(text: &str, to: &ArrowType) -> Option<ScalarValue> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let array = ScalarValue::from(text).to_array().ok()?;
    let array = cast_with_options(&array, to, &strict).ok()?;
    ScalarValue::try_from_array(&array, 0).ok().filter(|value| !value.is_null())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(word: &str, values: &[&str], others: &[&str]) {
        let parameter = ParameterType::from_str(word).unwrap();
        assert_eq!(ParameterType::from_str(&parameter.to_string()), Ok(parameter));
        values.iter().for_each(|text| assert!(parameter.holds(text), "{text} is a {word}"));
        others.iter().for_each(|text| assert!(!parameter.holds(text), "{text} is no {word}"));
    }

    #[test]
    fn values_are_of_their_type_exactly() {
        check("boolean", &["true", "false"], &["TRUE", "1", "", "yes"]);
        check(
            "bigint",
            &["0", "-5", "+7", "9223372036854775807", "-9223372036854775808"],
            &["1.0", "9223372036854775808", "", " 1"],
        );
        check("double", &["1", "-1.5e300", "0.1"], &["NaN", "inf", "1e999", "x", ""]);
        check("decimal(5, 2)", &["1", "123.45", "-1.20", "1.2000"], &["1234.5", "0.001", "1e2", "x", ""]);
        check("varchar", &["", "x", "1"], &[]);
        check("date", &["2024-02-29", "1969-12-31"], &["2023-02-29", "2024-01-01T00:00:00", "today", ""]);
        check(
            "timestamp(ms)",
            &["2024-02-29T12:00:00.123", "2024-02-29 12:00:00", "2024-02-29T12:00:00Z", "9999-12-31T00:00:00"],
            &["2024-02-29T12:00:00.1234", "noon", "", "2024-02-30T00:00:00"],
        );
        check("timestamp(ns)", &["2024-02-29T12:00:00.123456789"], &["9999-12-31T00:00:00"]);
        check("interval", &["5 minutes", "1 month", "1 day 2 hours"], &["", "minutes", "5 parsecs"]);
    }

    #[test]
    fn other_words_are_no_types() {
        for word in ["", "dat", "decimal", "decimal(0, 0)", "decimal(39, 2)", "decimal(2, 3)", "timestamp(m)", "list"] {
            assert_eq!(ParameterType::from_str(word), Err(UnknownType(word.to_owned())));
        }
    }

    #[test]
    fn a_text_with_quotes_stays_a_text() {
        let literal = ParameterType::Varchar.literal("x' OR '1' = '1", Span::empty());
        assert_eq!(literal.to_string(), "'x'' OR ''1'' = ''1'");
        assert_eq!(
            ParameterType::Bigint.literal("-9223372036854775808", Span::empty()).to_string(),
            "-9223372036854775808"
        );
        assert_eq!(ParameterType::Date.literal("2024-02-29", Span::empty()).to_string(), "CAST('2024-02-29' AS DATE)");
    }
}
