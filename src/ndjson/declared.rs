//! The types that a person declares for columns, and how they are written.
//!
//! | TOML | meaning |
//! |---|---|
//! | `"double"`, `"decimal(10,2)"`, `"timestamp(ms)"` | a simple type |
//! | `{ type = "timestamp(us)", unit = "ms" }` | integers are an epoch in that unit |
//! | `["bigint"]` | a list of one type |
//! | `{ fields = { a = "bigint" } }` | an object; fields that are not named are inferred |
//!
//! It knows names and shapes only: how JSON becomes a value of a type is the reader's matter.

use std::fmt;
use std::str::FromStr;

use arrow::datatypes::TimeUnit;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::document;
use crate::error::{Error, Result};
use crate::suggest;

/// How deep lists and structs may be declared within each other. Far beyond use; it bounds recursion.
const MAX_NESTING: usize = 64;

/// The simple types as a list to choose from.
const TYPES: [&str; 8] =
    ["boolean", "bigint", "double", "decimal(p,s)", "varchar", "timestamp(s|ms|us|ns)", "date", "json"];

/// The type that a person wants a column, or a part of one, to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declared {
    /// `true` and `false`.
    Boolean,
    /// 64-bit signed integers.
    Bigint,
    /// 64-bit floating point.
    Double,
    /// Decimal numbers with `scale` of their `precision` digits after the point: 1..=38 and 0..=precision.
    Decimal {
        /// Digits in all.
        precision: u8,
        /// Digits after the point.
        scale: i8,
    },
    /// Text.
    Varchar,
    /// Instants, UTC.
    Timestamp {
        /// What is kept.
        unit: TimeUnit,
        /// The unit of values that are integers since 1970; without it, an integer is not a timestamp.
        epoch: Option<TimeUnit>,
    },
    /// Days.
    Date,
    /// The JSON text of any value, as it stands.
    Json,
    /// Lists of one type.
    List(Box<Declared>),
    /// Objects. At least one field; names are unique and their order is kept. Other fields are inferred.
    Struct(Vec<(String, Declared)>),
}

impl Declared {
    /// The fields that are declared of an object; none of anything else.
    pub(crate) fn fields(&self) -> &[(String, Declared)] {
        match self {
            Self::Struct(fields) => fields,
            _ => &[],
        }
    }

    /// Whether its values are points in time.
    pub(crate) fn is_time(&self) -> bool {
        matches!(self, Self::Timestamp { .. } | Self::Date)
    }

    /// The declaration as a TOML value on one line; reading it gives this type again, unless it nests deeper than
    /// declarations may.
    pub fn to_toml(&self) -> String {
        self.to_value().to_string()
    }

    fn to_value(&self) -> toml::Value {
        let table = |entries: Vec<(&str, toml::Value)>| {
            toml::Value::Table(entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
        };
        match self {
            Self::List(element) => toml::Value::Array(vec![element.to_value()]),
            Self::Struct(fields) => {
                let fields = fields.iter().map(|(name, field)| (name.as_str(), field.to_value())).collect();
                table(vec![("fields", table(fields))])
            }
            Self::Timestamp { unit, epoch: Some(epoch) } => {
                let plain = Self::Timestamp { unit: *unit, epoch: None };
                table(vec![("type", plain.to_value()), ("unit", unit_word(*epoch).into())])
            }
            simple => toml::Value::String(simple.to_string()),
        }
    }
}

/// One line for people: `timestamp(ms)`, `list(bigint)`, `struct(a bigint, b list(varchar))`.
impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean => f.write_str("boolean"),
            Self::Bigint => f.write_str("bigint"),
            Self::Double => f.write_str("double"),
            Self::Decimal { precision, scale } => write!(f, "decimal({precision},{scale})"),
            Self::Varchar => f.write_str("varchar"),
            Self::Timestamp { unit, epoch: None } => write!(f, "timestamp({})", unit_word(*unit)),
            Self::Timestamp { unit, epoch: Some(epoch) } => {
                write!(f, "timestamp({}) with epoch in {}", unit_word(*unit), unit_word(*epoch))
            }
            Self::Date => f.write_str("date"),
            Self::Json => f.write_str("json"),
            Self::List(element) => write!(f, "list({element})"),
            Self::Struct(fields) => {
                f.write_str("struct(")?;
                for (n, (name, field)) in fields.iter().enumerate() {
                    write!(f, "{}{name} {field}", if n == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

/// Parses a simple type. Case does not count; names that mean exactly the same elsewhere are accepted.
///
/// **Errors**: [`Error::Request`] with the types to choose from.
impl FromStr for Declared {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let lower = text.trim().to_ascii_lowercase();
        let (name, arguments) = match lower.split_once('(') {
            Some((name, rest)) => (name.trim_end(), Some(rest.strip_suffix(')').ok_or_else(|| unknown(text))?)),
            None => (lower.as_str(), None),
        };
        let simple = match name {
            "timestamp" => return timestamp(text, arguments),
            "decimal" | "numeric" => return decimal(text, arguments),
            "boolean" | "bool" => Self::Boolean,
            "bigint" | "int64" | "long" => Self::Bigint,
            "double" | "float64" => Self::Double,
            "varchar" | "text" | "string" => Self::Varchar,
            "date" => Self::Date,
            "json" => Self::Json,
            _ => return Err(unknown(text)),
        };
        match arguments {
            Some(_) => Err(Error::request(format!("`{}` takes nothing in brackets", text.escape_debug()))
                .with_hint(format!("write `{simple}`"))),
            None => Ok(simple),
        }
    }
}

fn timestamp(text: &str, unit: Option<&str>) -> Result<Declared> {
    // No unit is assumed: with the wrong one, instants would silently lose digits or leave their range.
    match unit.and_then(|unit| parse_unit(unit.trim())) {
        Some(unit) => Ok(Declared::Timestamp { unit, epoch: None }),
        None => Err(Error::request(format!("`{}` does not say its unit", text.escape_debug()))
            .with_hint("write `timestamp(s)`, `timestamp(ms)`, `timestamp(us)` or `timestamp(ns)`")),
    }
}

fn decimal(text: &str, arguments: Option<&str>) -> Result<Declared> {
    let parsed = arguments.and_then(|arguments| arguments.split_once(',')).and_then(|(precision, scale)| {
        let (precision, scale) = (precision.trim().parse::<u8>().ok()?, scale.trim().parse::<i8>().ok()?);
        let fits = (1..=38).contains(&precision) && (0..=i16::from(precision)).contains(&i16::from(scale));
        fits.then_some(Declared::Decimal { precision, scale })
    });
    parsed.ok_or_else(|| {
        Error::request(format!("`{}` is not a decimal type", text.escape_debug()))
            .with_hint("write `decimal(10,2)`: the digits in all, 1 to 38, then how many of them stand after the point")
    })
}

fn unknown(text: &str) -> Error {
    let lower = text.trim().to_ascii_lowercase();
    // Types of other widths are not quietly widened: what is kept is what the declaration says.
    let meant = match lower.split('(').next().unwrap_or_default().trim_end() {
        "int" | "integer" | "int32" | "smallint" | "uint64" => Some("did you mean `bigint`?".to_owned()),
        "float" | "real" | "float32" | "number" => Some("did you mean `double`?".to_owned()),
        "datetime" | "timestamptz" => Some("did you mean `timestamp(ms)`?".to_owned()),
        _ => suggest::hint("types", &lower, TYPES),
    };
    let error = Error::request(format!("unknown type `{}`", text.escape_debug()));
    match meant {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn parse_unit(word: &str) -> Option<TimeUnit> {
    match word {
        "s" => Some(TimeUnit::Second),
        "ms" => Some(TimeUnit::Millisecond),
        "us" => Some(TimeUnit::Microsecond),
        "ns" => Some(TimeUnit::Nanosecond),
        _ => None,
    }
}

fn unit_word(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

impl<'de> Deserialize<'de> for Declared {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Nested { depth: 0 }.deserialize(deserializer)
    }
}

/// A declaration inside `depth` others.
#[derive(Clone, Copy)]
struct Nested {
    depth: usize,
}

impl Nested {
    fn inner<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_NESTING {
            return Err(E::custom(format!(
                "types are declared more than {MAX_NESTING} deep\ndeclare the outer ones only"
            )));
        }
        Ok(Self { depth: self.depth + 1 })
    }
}

impl<'de> DeserializeSeed<'de> for Nested {
    type Value = Declared;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Declared, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Nested {
    type Value = Declared;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a type: \"bigint\", a list [\"bigint\"], or a table with `type` or `fields`")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Declared, E> {
        text.parse().map_err(|error| E::custom(document::for_serde(&error)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Declared, A::Error> {
        let element = elements.next_element_seed(self.inner()?)?;
        match (element, elements.next_element::<IgnoredAny>()?) {
            (Some(element), None) => Ok(Declared::List(Box::new(element))),
            (None, _) => Err(A::Error::custom("this list does not say the type of its elements\nwrite `[\"bigint\"]`")),
            (Some(_), Some(_)) => Err(A::Error::custom(
                "a list has one type for all its elements\nwrite `[\"json\"]` if they are of several",
            )),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Declared, A::Error> {
        let (mut declared, mut unit) = (None, None);
        while let Some(key) = entries.next_key()? {
            let twice = declared.is_some();
            match key {
                Key::Unit => unit = Some(entries.next_value::<Unit>()?.0),
                Key::Type | Key::Fields if twice => {
                    return Err(A::Error::custom("`type` and `fields` exclude each other"));
                }
                Key::Type => declared = Some(entries.next_value_seed(self.inner()?)?),
                Key::Fields => declared = Some(entries.next_value_seed(Fields(self.inner()?))?),
            }
        }
        match (declared, unit) {
            (Some(declared), None) => Ok(declared),
            (Some(Declared::Timestamp { unit, epoch: None }), epoch) => Ok(Declared::Timestamp { unit, epoch }),
            (Some(other), Some(_)) => Err(A::Error::custom(format!(
                "`unit` is for timestamps, and this is `{other}`\nit says what an integer counts since 1970"
            ))),
            (None, _) => Err(A::Error::custom("this table names neither a `type` nor `fields`")),
        }
    }
}

#[derive(serde::Deserialize)]
#[serde(field_identifier, rename_all = "lowercase")]
enum Key {
    Type,
    Unit,
    Fields,
}

/// The unit of an epoch.
struct Unit(TimeUnit);

impl<'de> Deserialize<'de> for Unit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let word = String::deserialize(deserializer)?;
        parse_unit(&word).map(Self).ok_or_else(|| D::Error::unknown_variant(&word, &["s", "ms", "us", "ns"]))
    }
}

/// The fields of a struct, each of them a declaration `self.0`.
struct Fields(Nested);

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Declared;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Declared, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Declared;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of fields and their types")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Declared, A::Error> {
        let mut fields = Vec::new();
        while let Some(name) = entries.next_key()? {
            fields.push((name, entries.next_value_seed(self.0)?));
        }
        if fields.is_empty() {
            return Err(A::Error::custom("`fields` names no field"));
        }
        Ok(Declared::Struct(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Column {
        c: Declared,
    }

    fn read(toml: &str) -> Result<Declared> {
        let text = format!("c = {toml}");
        let column = toml::from_str::<Column>(&text);
        column.map(|column| column.c).map_err(|e| document::fault("t", &text, e.span().unwrap(), e.message()))
    }

    /// How it is shown and how it is written; that reads as the same type.
    fn check(toml: &str, shown: &str, written: &str) {
        let declared = read(toml).unwrap();
        assert_eq!((declared.to_string().as_str(), declared.to_toml().as_str()), (shown, written), "{toml}");
        assert_eq!(read(written).unwrap(), declared);
    }

    /// The error's message and hint, and the bytes that it points at.
    fn fails(toml: &str, expected: &str, pointed: &str) {
        let error = read(toml).unwrap_err();
        let problem = error.problem().unwrap();
        let excerpt = problem.excerpt.as_ref().unwrap();
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        assert_eq!(format!("{error}{hint}"), format!("`t`: {expected}"), "{toml}");
        assert_eq!(&excerpt.text[excerpt.span.clone()], pointed, "{toml}");
    }

    #[test]
    fn simple_types() {
        for text in ["boolean", "bigint", "double", "varchar", "date", "json", "timestamp(s)", "decimal(38,38)"] {
            check(&format!("\"{text}\""), text, &format!("\"{text}\""));
        }
    }

    #[test]
    fn other_names() {
        let same = |names: &[&str], declared: Declared| {
            names.iter().for_each(|name| assert_eq!(name.parse::<Declared>().unwrap(), declared, "{name}"));
        };
        same(&["BOOL", " Boolean "], Declared::Boolean);
        same(&["int64", "LONG"], Declared::Bigint);
        same(&["Float64"], Declared::Double);
        same(&["TEXT", "string"], Declared::Varchar);
        same(&["numeric(5, 0)", "DECIMAL ( 5 ,0 )"], Declared::Decimal { precision: 5, scale: 0 });
        same(&["Timestamp( NS )"], Declared::Timestamp { unit: TimeUnit::Nanosecond, epoch: None });
    }

    #[test]
    fn tables_and_lists() {
        check("{ type = 'double' }", "double", "\"double\"");
        check(
            "{ unit = 's', type = 'timestamp(us)' }",
            "timestamp(us) with epoch in s",
            "{ type = \"timestamp(us)\", unit = \"s\" }",
        );
        check("['bigint']", "list(bigint)", "[\"bigint\"]");
        check("[['date']]", "list(list(date))", "[[\"date\"]]");
        check("{ type = ['date'] }", "list(date)", "[\"date\"]");
        check(
            "{ fields = { b = ['text'], 'a b' = { fields = { x = 'json' } } } }",
            "struct(b list(varchar), a b struct(x json))",
            "{ fields = { b = [\"varchar\"], \"a b\" = { fields = { x = \"json\" } } } }",
        );
    }

    #[test]
    fn any_key_is_written_so_that_it_reads_again() {
        for key in ["", "\"", "'", "a.b", "\n\u{0}\u{7f}", "é", "#", "\\", "type"] {
            let declared = Declared::Struct(vec![(key.to_owned(), Declared::Date)]);
            assert_eq!(read(&declared.to_toml()).unwrap(), declared, "{key:?}");
        }
    }

    #[test]
    fn unknown_types_get_a_suggestion() {
        fails("'bigit'", "unknown type `bigit` (did you mean `bigint`?)", "'bigit'");
        fails("['INTEGER']", "unknown type `INTEGER` (did you mean `bigint`?)", "'INTEGER'");
        fails("'float(3)'", "unknown type `float(3)` (did you mean `double`?)", "'float(3)'");
        let types = "types are `boolean`, `bigint`, `double`, `decimal(p,s)`, `varchar`, `timestamp(s|ms|us|ns)`, `date`, `json`";
        fails("'uuid'", &format!("unknown type `uuid` ({types})"), "'uuid'");
        fails("''", &format!("unknown type `` ({types})"), "''");
        fails("\"x\\ny\"", &format!("unknown type `x\\ny` ({types})"), "\"x\\ny\"");
    }

    #[test]
    fn arguments_are_checked() {
        fails("'double(3)'", "`double(3)` takes nothing in brackets (write `double`)", "'double(3)'");
        let units = "write `timestamp(s)`, `timestamp(ms)`, `timestamp(us)` or `timestamp(ns)`";
        for text in ["timestamp", "timestamp()", "timestamp(3)", "timestamp(m)"] {
            fails(&format!("'{text}'"), &format!("`{text}` does not say its unit ({units})"), &format!("'{text}'"));
        }
        for text in ["decimal", "decimal(10)", "decimal(0,0)", "decimal(39,2)", "decimal(3,4)", "decimal(3,-1)"] {
            assert!(text.parse::<Declared>().unwrap_err().to_string().ends_with("is not a decimal type"), "{text}");
        }
    }

    #[test]
    fn shapes_are_checked() {
        let write = "write `[\"bigint\"]`";
        fails("[]", &format!("this list does not say the type of its elements ({write})"), "[]");
        fails(
            "['date', 'date']",
            "a list has one type for all its elements (write `[\"json\"]` if they are of several)",
            "['date', 'date']",
        );
        fails("{ fields = {} }", "`fields` names no field", "{}");
        fails("{}", "this table names neither a `type` nor `fields`", "{}");
        fails("{ unit = 'ms' }", "this table names neither a `type` nor `fields`", "{ unit = 'ms' }");
        fails("{ typ = 'date' }", "unknown key `typ` (did you mean `type`?)", "typ");
        let both = "{ type = 'date', fields = { a = 'date' } }";
        fails(both, "`type` and `fields` exclude each other", both);
        let unit = "{ type = 'date', unit = 'ms' }";
        fails(unit, "`unit` is for timestamps, and this is `date` (it says what an integer counts since 1970)", unit);
        fails(
            "{ type = 'timestamp(s)', unit = 'min' }",
            "unknown value `min` (values are `s`, `ms`, `us`, `ns`)",
            "'min'",
        );
        let expected = "a type: \"bigint\", a list [\"bigint\"], or a table with `type` or `fields`";
        fails("7", &format!("invalid type: integer `7`, expected {expected}"), "7");
    }

    #[test]
    fn deep_declarations_are_refused_without_recursion() {
        let lists = |n: usize| format!("{}'date'{}", "[".repeat(n), "]".repeat(n));
        assert!(read(&lists(MAX_NESTING)).is_ok());
        assert!(read(&lists(MAX_NESTING + 1)).unwrap_err().to_string().contains("more than 64 deep"));
        assert!(read(&lists(100_000)).is_err());
        // Dotted keys nest without brackets: each of 70 tables here stands inside 70 more.
        let dotted = format!("{{ {}", vec!["fields.x"; 35].join(".") + " = ");
        assert!(read(&format!("{}'date'{}", dotted.repeat(70), "}".repeat(70))).is_err());
    }
}
