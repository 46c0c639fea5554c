//! The columns of a source and how each is read from JSON: type and rule in one.
//!
//! A [`Reading`] says more than an Arrow type does (text or raw JSON, the unit of an integer epoch), so it, and not
//! the schema, is what decoding follows. It knows nothing of how it came about.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, Fields, Schema, TimeUnit};

use super::class::Class;
use super::declared::Declared;
use super::instant::{self, NoTimestamp};
use super::object::Slots;
use super::tape::{Kind, Node};
use super::text;

/// How the values of a column are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reading {
    Boolean,
    Int64,
    UInt64,
    Float64,
    Decimal {
        precision: u8,
        scale: i8,
    },
    Date,
    Timestamp {
        unit: TimeUnit,
        /// The unit of integers; without it they do not fit.
        epoch: Option<TimeUnit>,
    },
    /// A string is itself, any other value its JSON text.
    Text,
    /// The JSON text of any value, strings with their quotes.
    Json,
    List(Box<Reading>),
    Struct(Layout),
}

/// Named columns or fields, in order.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    fields: Vec<(String, Reading)>,
    slots: Slots,
}

impl PartialEq for Layout {
    fn eq(&self, other: &Self) -> bool {
        self.fields == other.fields
    }
}

impl Eq for Layout {}

impl Layout {
    pub(crate) fn new(fields: Vec<(String, Reading)>) -> Self {
        let slots = Slots::of(fields.iter().map(|(name, _)| name.as_str()));
        Self { fields, slots }
    }

    pub(crate) fn fields(&self) -> &[(String, Reading)] {
        &self.fields
    }

    /// The keys, numbered as the fields are.
    pub(crate) fn slots(&self) -> Slots {
        self.slots.clone()
    }

    /// Whether each of its fields is one of `other` of the same type, in whatever order.
    pub(crate) fn has_types_of(&self, other: &Self) -> bool {
        self.fields.iter().all(|(name, reading)| {
            other.slots.find(name).is_some_and(|slot| reading.has_type_of(&other.fields[slot].1))
        })
    }

    pub(crate) fn arrow_fields(&self) -> Fields {
        self.fields.iter().map(|(name, reading)| Arc::new(Field::new(name, reading.data_type(), true))).collect()
    }

    pub(crate) fn schema(&self) -> Schema {
        Schema::new(self.arrow_fields())
    }
}

/// A value that is neither a list nor a struct.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar {
    Null,
    Boolean(bool),
    /// Also timestamps, in their unit.
    Int64(i64),
    UInt64(u64),
    Float64(f64),
    Decimal(i128),
    Date(i32),
}

impl Reading {
    pub(crate) fn of_declared(declared: &Declared) -> Self {
        match declared {
            Declared::Boolean => Self::Boolean,
            Declared::Bigint => Self::Int64,
            Declared::Double => Self::Float64,
            Declared::Decimal { precision, scale } => Self::Decimal { precision: *precision, scale: *scale },
            Declared::Varchar => Self::Text,
            Declared::Timestamp { unit, epoch } => Self::Timestamp { unit: *unit, epoch: *epoch },
            Declared::Date => Self::Date,
            Declared::Json => Self::Json,
            Declared::List(item) => Self::List(Box::new(Self::of_declared(item))),
            Declared::Struct(fields) => Self::Struct(Layout::new(
                fields.iter().map(|(name, declared)| (name.clone(), Self::of_declared(declared))).collect(),
            )),
        }
    }

    fn has_type_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Struct(fields), Self::Struct(others)) => fields.has_types_of(others),
            (Self::List(item), Self::List(other)) => item.has_type_of(other),
            (one, other) => one == other,
        }
    }

    /// The declaration that leads here; `None` for an unsigned integer, which only inference finds, and for what holds
    /// one.
    pub(crate) fn declared(&self) -> Option<Declared> {
        Some(match self {
            Self::Boolean => Declared::Boolean,
            Self::Int64 => Declared::Bigint,
            Self::UInt64 => return None,
            Self::Float64 => Declared::Double,
            Self::Decimal { precision, scale } => Declared::Decimal { precision: *precision, scale: *scale },
            Self::Date => Declared::Date,
            Self::Timestamp { unit, epoch } => Declared::Timestamp { unit: *unit, epoch: *epoch },
            Self::Text => Declared::Varchar,
            Self::Json => Declared::Json,
            Self::List(item) => Declared::List(Box::new(item.declared()?)),
            Self::Struct(layout) => {
                let fields = layout.fields.iter().map(|(name, reading)| Some((name.clone(), reading.declared()?)));
                Declared::Struct(fields.collect::<Option<_>>()?)
            }
        })
    }

    pub(crate) fn data_type(&self) -> DataType {
        match self {
            Self::Boolean => DataType::Boolean,
            Self::Int64 => DataType::Int64,
            Self::UInt64 => DataType::UInt64,
            Self::Float64 => DataType::Float64,
            Self::Decimal { precision, scale } => {
                DataType::Decimal128((*precision).min(DECIMAL128_MAX_PRECISION), *scale)
            }
            Self::Date => DataType::Date32,
            Self::Timestamp { unit, .. } => DataType::Timestamp(*unit, None),
            Self::Text | Self::Json => DataType::Utf8View,
            Self::List(item) => DataType::List(Arc::new(Field::new_list_field(item.data_type(), true))),
            Self::Struct(layout) => DataType::Struct(layout.arrow_fields()),
        }
    }

    /// Reads one value of a scalar column. `Err` says what does not fit, in words.
    ///
    /// Strings are read as what they hold, so that a declaration can make numbers, dates and timestamps of them; `""`
    /// is NULL if `empty_as_null`. Text, lists and structs are not scalars in this sense and never asked for.
    pub(crate) fn scalar(&self, node: Node, line: &[u8], empty_as_null: bool) -> Result<Scalar, String> {
        let misfit = |why: &str| Err(format!("{} is not a {}{why}", shorten(text::json(node, line)), self.name()));
        if node.kind == Kind::Null || (empty_as_null && node.kind == Kind::Plain && node.end - node.start == 2) {
            return Ok(Scalar::Null);
        }
        let value = match self {
            Self::Boolean => match node.kind {
                Kind::True => Some(Scalar::Boolean(true)),
                Kind::False => Some(Scalar::Boolean(false)),
                _ => None,
            },
            Self::Date => match node.kind {
                Kind::Plain | Kind::Escaped => instant::date(&text::bytes(node, line)).map(Scalar::Date),
                _ => None,
            },
            Self::Timestamp { unit, epoch } => match read_timestamp(node, line, *unit, *epoch) {
                Ok(value) => Some(Scalar::Int64(value)),
                Err(why) => return misfit(why),
            },
            _ => number_text(node, line).and_then(|number| self.number(&number)),
        };
        value.map_or_else(|| misfit(""), Ok)
    }

    /// Whether a value of this kind and class is one of a scalar column, as far as a quick look tells. False says
    /// nothing.
    #[inline]
    pub(crate) fn surely_fits(&self, kind: Kind, class: Class, value: &[u8]) -> bool {
        match (self, kind) {
            (_, Kind::Null) | (Self::Boolean, Kind::True | Kind::False) => true,
            (Self::Timestamp { unit, .. }, Kind::Plain) => {
                instant::is_surely_timestamp(&value[1..value.len() - 1], *unit)
            }
            (Self::Int64, Kind::Integer) => value.len() <= Class::EXACT_DIGITS,
            // The largest double has 309 digits; with an exponent, the class tells.
            (Self::Float64, Kind::Integer | Kind::Fraction) => value.len() <= 300 && !class.has(Class::OVERFLOW),
            _ => false,
        }
    }

    fn number(&self, number: &[u8]) -> Option<Scalar> {
        match self {
            Self::Int64 => text::bigint(number).map(Scalar::Int64),
            Self::UInt64 => text::integer(number).and_then(|v| u64::try_from(v).ok()).map(Scalar::UInt64),
            Self::Float64 => text::double(number).filter(|v| v.is_finite()).map(Scalar::Float64),
            Self::Decimal { precision, scale } => text::decimal(number, *precision, *scale).map(Scalar::Decimal),
            _ => None,
        }
    }

    /// How many columns it makes that are no structs.
    pub(crate) fn num_leaves(&self) -> usize {
        match self {
            Self::Struct(layout) => layout.fields.iter().map(|(_, reading)| reading.num_leaves()).sum(),
            _ => 1,
        }
    }

    /// How many values one element of a list in it becomes at most: those of all keys that any element has.
    pub(crate) fn element_leaves(&self) -> usize {
        match self {
            Self::Struct(layout) => {
                layout.fields.iter().map(|(_, reading)| reading.element_leaves()).max().unwrap_or(0)
            }
            Self::List(element) => element.num_leaves().max(element.element_leaves()),
            _ => 0,
        }
    }

    /// Its name for people; that of a declared type is the same as [`Declared`]'s.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Boolean => "boolean".into(),
            Self::Int64 => "bigint".into(),
            Self::UInt64 => "unsigned bigint".into(),
            Self::Float64 => "double".into(),
            Self::Decimal { precision, scale } => format!("decimal({precision},{scale})"),
            Self::Date => "date".into(),
            Self::Timestamp { unit, .. } => format!("timestamp({})", unit_name(*unit)),
            Self::Text => "varchar".into(),
            Self::Json => "json".into(),
            Self::List(item) => format!("list({})", item.name()),
            Self::Struct(layout) => {
                let fields: Vec<String> =
                    layout.fields.iter().map(|(name, reading)| format!("{name} {}", reading.name())).collect();
                format!("struct({})", fields.join(", "))
            }
        }
    }
}

/// The type of a column that is declared so.
pub(crate) fn data_type(declared: &Declared) -> DataType {
    Reading::of_declared(declared).data_type()
}

fn unit_name(unit: TimeUnit) -> &'static str {
    match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    }
}

fn read_timestamp(node: Node, line: &[u8], unit: TimeUnit, epoch: Option<TimeUnit>) -> Result<i64, &'static str> {
    match (node.kind, epoch) {
        (Kind::Plain | Kind::Escaped, _) => {
            instant::timestamp(&text::bytes(node, line), unit).map_err(|why| match why {
                NoTimestamp::Form => " (ISO 8601 is read, such as 2024-03-01T05:51:22.083Z)",
                NoTimestamp::TooFine => ": it has more decimals of a second than the unit",
                NoTimestamp::Range => ": it is out of range",
            })
        }
        (Kind::Integer, Some(epoch)) => text::integer(text::raw(node, line))
            .and_then(|value| i64::try_from(value).ok())
            .and_then(|value| instant::convert_epoch(value, epoch, unit))
            .ok_or(": it is out of range or finer than the unit"),
        (Kind::Integer, None) => Err(" (declare the epoch's unit to read integers: `unit = \"ms\"`)"),
        _ => Err(""),
    }
}

/// The text of a number, which may stand in a string.
fn number_text(node: Node, line: &[u8]) -> Option<Cow<'_, [u8]>> {
    match node.kind {
        Kind::Integer | Kind::Fraction => Some(Cow::Borrowed(text::raw(node, line))),
        Kind::Plain | Kind::Escaped => {
            let text = text::bytes(node, line);
            let whole = super::tape::scan_number(&text).is_ok_and(|(length, _)| length == text.len());
            whole.then_some(text)
        }
        _ => None,
    }
}

/// A value short enough for a message.
pub(crate) fn shorten(json: &str) -> String {
    const SHOWN: usize = 40;
    match json.char_indices().nth(SHOWN) {
        Some((cut, _)) => format!("`{}…`", &json[..cut]),
        None => format!("`{json}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tape::Tape;
    use super::*;

    /// What a value is, being of a column that is declared so; the error without its start.
    fn check(declared: &str, value: &str, expected: Result<Scalar, &str>) {
        let reading = Reading::of_declared(&declared.parse().unwrap());
        let line = format!("{{\"c\":{value}}}");
        let mut tape = Tape::default();
        tape.parse(line.as_bytes(), 128).unwrap();
        let found = reading.scalar(tape.node(2), line.as_bytes(), true);
        let expected = expected.map_err(|why| format!("`{value}` is not a {declared}{why}"));
        assert_eq!(found, expected, "{declared} {value}");
    }

    #[test]
    fn values_fit_exactly_or_not_at_all() {
        check("boolean", "true", Ok(Scalar::Boolean(true)));
        check("boolean", "\"true\"", Err(""));
        check("bigint", "-0", Ok(Scalar::Int64(0)));
        check("bigint", "\"\\u0031\"", Ok(Scalar::Int64(1)));
        check("bigint", "9223372036854775808", Err(""));
        check("bigint", "1.0", Err(""));
        check("bigint", "\" 1\"", Err(""));
        check("double", "1e400", Err(""));
        check("double", "\"NaN\"", Err(""));
        check("decimal(3,1)", "1.50", Ok(Scalar::Decimal(15)));
        check("decimal(3,1)", "1.55", Err(""));
        check("date", "\"1970-01-02\"", Ok(Scalar::Date(1)));
        check("date", "1", Err(""));
        check("timestamp(s)", "\"1970-01-01T00:00:01\\u002b00:00\"", Ok(Scalar::Int64(1)));
        check("timestamp(s)", "\"1970-01-01T00:00:01.5\"", Err(": it has more decimals of a second than the unit"));
        check("timestamp(s)", "1", Err(" (declare the epoch's unit to read integers: `unit = \"ms\"`)"));
        check("timestamp(s)", "1.5", Err(""));
        for declared in ["boolean", "bigint", "double", "decimal(3,1)", "date", "timestamp(s)"] {
            check(declared, "null", Ok(Scalar::Null));
            check(declared, "\"\"", Ok(Scalar::Null));
            check(declared, "[]", Err(""));
            check(declared, "{}", Err(""));
        }
    }

    #[test]
    fn an_inferred_type_is_declared_as_itself() {
        let simple = |text: &str| text.parse::<Declared>().unwrap();
        let fields = vec![("a b".to_owned(), simple("date")), ("t".to_owned(), simple("timestamp(us)"))];
        for declared in [simple("decimal(38,0)"), simple("json"), Declared::List(Box::new(Declared::Struct(fields)))] {
            let reading = Reading::of_declared(&declared);
            assert_eq!((reading.declared(), reading.name()), (Some(declared.clone()), declared.to_string()));
        }
        assert_eq!(Reading::List(Box::new(Reading::UInt64)).declared(), None);
    }

    #[test]
    fn long_values_are_cut_in_messages() {
        let long = format!("`{}` is not a bigint", format!("\"{}", "é".repeat(39)) + "…");
        let line = format!("{{\"c\":\"{}\"}}", "é".repeat(50));
        let mut tape = Tape::default();
        tape.parse(line.as_bytes(), 128).unwrap();
        assert_eq!(Reading::Int64.scalar(tape.node(2), line.as_bytes(), true), Err(long));
    }
}
