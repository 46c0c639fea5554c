//! The plain reader: line by line, all of the input in memory, nothing shared with the library.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::IgnoredAny;
use tidemill::ndjson::declared::Declared;

use super::Placed;
use super::json::{Json, Kind};

#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) declared: &'static [(&'static str, Rule)],
    pub(super) empty_as_null: bool,
    pub(super) max_depth: usize,
    pub(super) max_line_bytes: usize,
}

/// A declared type.
#[derive(Debug, Clone)]
pub(super) enum Rule {
    Bigint,
    Double,
    List(&'static Rule),
    Struct(&'static [(&'static str, Rule)]),
}

/// What a reader made of an input.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Found {
    /// As JSON.
    pub(super) rows: Placed<String>,
    /// Line number, reasons that it may have, and the raw line.
    pub(super) rejects: Placed<(u64, Vec<String>, String)>,
    pub(super) blank: u64,
    pub(super) duplicate_keys: u64,
    pub(super) types: Vec<(String, String)>,
    /// How many `""` were read as NULL, by column path.
    pub(super) empties: BTreeMap<String, u64>,
}

/// Reads files by their names, in this order.
pub(super) fn read(files: &[(String, Vec<u8>)], settings: &Settings) -> Found {
    let (mut found, mut objects) = (Found::default(), Vec::new());
    for (name, bytes) in files {
        let mut offset = 0;
        for (number, piece) in bytes.split_inclusive(|byte| *byte == b'\n').enumerate() {
            let place = (name.clone(), offset);
            let line = piece.strip_suffix(b"\n").unwrap_or(piece);
            match fate(line, piece.len() > line.len(), offset == 0, settings) {
                Fate::Blank => found.blank += 1,
                Fate::Row(object) => objects.push((place, object)),
                Fate::Reject(reasons) => {
                    let reasons = reasons.into_iter().map(str::to_owned).collect();
                    found.rejects.insert(place, (number as u64 + 1, reasons, raw_of(line, offset == 0)));
                }
            }
            offset += piece.len() as u64;
        }
    }
    let all: Vec<&Json> = objects.iter().map(|(_, object)| object).collect();
    let fields = Type::of_fields(&all, settings.declared, settings.empty_as_null);
    found.types = fields.iter().map(|(name, column)| (name.clone(), column.name())).collect();
    found.duplicate_keys = all.iter().filter(|object| repeats(object, settings.declared)).count() as u64;
    for (place, object) in &objects {
        found.rows.insert(place.clone(), show_members(object, &fields, None, &mut found.empties));
    }
    found
}

enum Fate {
    Blank,
    Row(Json),
    /// Codes of which it may have any: a line may be wrong in several ways.
    Reject(Vec<&'static str>),
}

fn fate(line: &[u8], terminated: bool, first: bool, settings: &Settings) -> Fate {
    if line.len() > settings.max_line_bytes {
        return Fate::Reject(vec!["too-long"]);
    }
    let line = without_mark(line, first);
    if line.iter().all(|byte| b" \t\r".contains(byte)) {
        return Fate::Blank;
    }
    let text = match std::str::from_utf8(line) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() && !terminated => return Fate::Reject(vec!["truncated"]),
        Err(_) => return Fate::Reject(vec!["utf8"]),
    };
    // Ignored values are checked without recursion, and without a look at surrogates.
    if let Err(error) = serde_json::from_str::<IgnoredAny>(text) {
        return Fate::Reject(reasons_of_no_json(text, &error, terminated, settings));
    }
    let deep = Json::of(&without_strings(text)).is_none_or(|json| json.depth() > settings.max_depth);
    match (Json::of(text), deep) {
        (None, true) => Fate::Reject(vec!["surrogate", "depth"]),
        (None, false) => Fate::Reject(vec!["surrogate"]),
        (Some(_), true) => Fate::Reject(vec!["depth"]),
        (Some(json), false) if !matches!(json.kind, Kind::Object(_)) => Fate::Reject(vec!["not-object"]),
        (Some(json), false) if !fits_members(&json, settings.declared, settings) => Fate::Reject(vec!["type"]),
        (Some(json), false) => Fate::Row(json),
    }
}

fn without_mark(line: &[u8], first: bool) -> &[u8] {
    line.strip_prefix(b"\xef\xbb\xbf").filter(|_| first).unwrap_or(line)
}

fn reasons_of_no_json(
    text: &str,
    error: &serde_json::Error,
    terminated: bool,
    settings: &Settings,
) -> Vec<&'static str> {
    let mut reasons = match terminated {
        true => vec!["syntax"],
        // It counts the bytes of an escape before it looks at them: no more of them would mend these.
        false if error.is_eof() && ends_in_broken_escape(text) => vec!["syntax"],
        false if error.is_eof() => vec!["truncated"],
        // Of a fault at the last byte, it cannot tell whether more bytes would have mended it.
        false if error.column() >= text.len() => vec!["truncated", "syntax"],
        false => vec!["syntax"],
    };
    // What comes first in the line is the reason.
    if text.to_ascii_lowercase().contains("\\ud") {
        reasons.push("surrogate");
    }
    if text.bytes().filter(|byte| b"[{".contains(byte)).count() > settings.max_depth {
        reasons.push("depth");
    }
    reasons
}

fn ends_in_broken_escape(text: &str) -> bool {
    let digits = text.rsplit_once("\\u").map(|(_, digits)| digits.as_bytes());
    digits.is_some_and(|digits| digits.len() < 4 && !digits.iter().all(u8::is_ascii_hexdigit))
}

/// The same JSON with nothing in its strings.
fn without_strings(text: &str) -> String {
    let (mut out, mut quoted, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        if escaped {
            escaped = false;
            continue;
        }
        escaped = quoted && c == '\\';
        if c == '"' {
            quoted = !quoted;
        }
        if c == '"' || !quoted {
            out.push(c);
        }
    }
    out
}

fn raw_of(line: &[u8], first: bool) -> String {
    let line = without_mark(line, first);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let starts_character = |at: &usize| line.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let line = &line[..(0..=line.len().min(1024)).rev().find(starts_character).unwrap_or(0)];
    String::from_utf8_lossy(line).into_owned()
}

fn repeats(json: &Json, rules: &[(&str, Rule)]) -> bool {
    let Kind::Object(all) = &json.kind else { return false };
    let members = json.members();
    let inner = |(name, value): &(&str, &Json)| match rules.iter().find(|(rule, _)| rule == name) {
        None => repeats_inside(value),
        Some((_, Rule::Struct(rules))) => repeats(value, rules),
        // Lists of scalars.
        Some(_) => false,
    };
    members.len() < all.len() || members.iter().any(inner)
}

fn repeats_inside(json: &Json) -> bool {
    match &json.kind {
        Kind::Array(items) => items.iter().any(repeats_inside),
        _ => repeats(json, &[]),
    }
}

fn fits_members(json: &Json, rules: &[(&str, Rule)], settings: &Settings) -> bool {
    json.members().iter().all(|(name, value)| match rules.iter().find(|(rule, _)| rule == name) {
        Some((_, rule)) => fits(value, rule, settings),
        None => true,
    })
}

fn fits(json: &Json, rule: &Rule, settings: &Settings) -> bool {
    match (&json.kind, rule) {
        (Kind::Null, _) => true,
        (Kind::Array(items), Rule::List(rule)) => items.iter().all(|item| fits(item, rule, settings)),
        (Kind::Object(_), Rule::Struct(rules)) => fits_members(json, rules, settings),
        (_, Rule::List(_) | Rule::Struct(_)) => false,
        (Kind::Text(text), _) if text.is_empty() => settings.empty_as_null,
        (_, Rule::Bigint) => number_of(json).is_some_and(|number| number.parse::<i64>().is_ok()),
        (_, Rule::Double) => number_of(json).is_some_and(|n| n.parse::<f64>().is_ok_and(f64::is_finite)),
    }
}

/// A JSON number, or a text that is one.
fn number_of(json: &Json) -> Option<&str> {
    let text = match &json.kind {
        Kind::Number => &json.raw,
        Kind::Text(text) => text,
        _ => return None,
    };
    let is_number = text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && text.ends_with(|c: char| c.is_ascii_digit())
        && serde_json::from_str::<IgnoredAny>(text).is_ok();
    is_number.then_some(text)
}

/// The type of a column.
#[derive(Debug)]
enum Type {
    Text,
    Boolean,
    Bigint,
    Unsigned,
    Decimal,
    Double,
    List(Box<Type>),
    Struct(Vec<(String, Type)>),
}

impl Type {
    /// The narrowest type that holds all `values`.
    fn of(values: &[&Json], rule: Option<&Rule>, empty_as_null: bool) -> Self {
        let all = |wanted: fn(&Kind) -> bool| values.iter().all(|value| wanted(&value.kind));
        let items = || -> Vec<&Json> {
            let items = values.iter().flat_map(|value| match &value.kind {
                Kind::Array(items) => items.as_slice(),
                _ => &[],
            });
            items.collect()
        };
        match rule {
            Some(Rule::Bigint) => return Self::Bigint,
            Some(Rule::Double) => return Self::Double,
            Some(Rule::List(rule)) => return Self::List(Box::new(Self::of(&items(), Some(rule), empty_as_null))),
            Some(Rule::Struct(rules)) => return Self::Struct(Self::of_fields(values, rules, empty_as_null)),
            None => {}
        }
        let values: Vec<&&Json> = values.iter().filter(|value| !matches!(value.kind, Kind::Null)).collect();
        let empties = values.iter().filter(|value| value.is_empty_text()).count();
        if values.len() == empties {
            return Self::Text;
        }
        let numbers: Vec<&str> =
            values.iter().filter(|value| matches!(value.kind, Kind::Number)).map(|v| v.raw.as_str()).collect();
        if numbers.len() + empties == values.len() && (empties == 0 || empty_as_null) {
            return Self::of_numbers(&numbers);
        }
        if all(|kind| matches!(kind, Kind::Boolean | Kind::Null)) {
            return Self::Boolean;
        }
        if all(|kind| matches!(kind, Kind::Array(_) | Kind::Null)) {
            return Self::List(Box::new(Self::of(&items(), None, empty_as_null)));
        }
        if all(|kind| matches!(kind, Kind::Object(_) | Kind::Null)) {
            let objects: Vec<&Json> = values.into_iter().copied().collect();
            let fields = Self::of_fields(&objects, &[], empty_as_null);
            return if fields.is_empty() { Self::Text } else { Self::Struct(fields) };
        }
        Self::Text
    }

    fn of_fields(objects: &[&Json], rules: &[(&str, Rule)], empty_as_null: bool) -> Vec<(String, Self)> {
        let mut names: Vec<&str> = Vec::new();
        let mut known = BTreeSet::new();
        let keys = objects.iter().flat_map(|object| object.members()).map(|(name, _)| name);
        for name in keys.chain(rules.iter().map(|(name, _)| *name)) {
            if known.insert(name) {
                names.push(name);
            }
        }
        let of = |name: &str| {
            let values: Vec<&Json> = objects.iter().filter_map(|object| get(object, name)).collect();
            let rule = rules.iter().find(|(rule, _)| *rule == name).map(|(_, rule)| rule);
            (name.to_owned(), Self::of(&values, rule, empty_as_null))
        };
        names.into_iter().map(of).collect()
    }

    fn of_numbers(numbers: &[&str]) -> Self {
        let is_fraction = |number: &&&str| number.contains(['.', 'e', 'E']);
        let integers: Vec<Option<i128>> =
            numbers.iter().filter(|n| !is_fraction(n)).map(|n| short(n).and_then(|n| n.parse().ok())).collect();
        if integers.len() < numbers.len() {
            let exact = integers.iter().all(|n| n.is_some_and(|n| n.unsigned_abs() <= 1 << 53));
            let finite = numbers.iter().all(|n| n.parse::<f64>().unwrap().is_finite());
            return if exact && finite { Self::Double } else { Self::Text };
        }
        let Some(integers) = integers.into_iter().collect::<Option<Vec<i128>>>() else { return Self::Text };
        if integers.iter().all(|n| i64::try_from(*n).is_ok()) {
            return Self::Bigint;
        }
        if integers.iter().all(|n| u64::try_from(*n).is_ok()) { Self::Unsigned } else { Self::Decimal }
    }

    fn name(&self) -> String {
        match self {
            Self::Text => "varchar".into(),
            Self::Boolean => "boolean".into(),
            Self::Bigint => "bigint".into(),
            Self::Unsigned => "unsigned bigint".into(),
            Self::Decimal => "decimal(38,0)".into(),
            Self::Double => "double".into(),
            Self::List(item) => format!("list({})", item.name()),
            Self::Struct(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, field)| format!("{name} {}", field.name())).collect();
                format!("struct({})", fields.join(", "))
            }
        }
    }
}

/// An integer of at most 38 digits.
fn short(number: &str) -> Option<&str> {
    (number.trim_start_matches('-').len() <= 38).then_some(number)
}

fn get<'a>(object: &'a Json, name: &str) -> Option<&'a Json> {
    object.members().into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The value as the library shows it, being of a column of this type.
fn show(json: Option<&Json>, column: &Type, path: &str, empties: &mut BTreeMap<String, u64>) -> String {
    let Some(json) = json else { return "null".into() };
    match (&json.kind, column) {
        (Kind::Null, _) => "null".into(),
        (Kind::Text(text), Type::Text) => quote(text),
        (_, Type::Text) => quote(&json.raw),
        (Kind::Text(text), _) if text.is_empty() => {
            *empties.entry(path.to_owned()).or_default() += 1;
            "null".into()
        }
        (Kind::Array(items), Type::List(item)) => {
            let path = format!("{path}[]");
            let items: Vec<String> = items.iter().map(|value| show(Some(value), item, &path, empties)).collect();
            format!("[{}]", items.join(","))
        }
        (_, Type::Struct(fields)) => show_members(json, fields, Some(path), empties),
        (_, Type::Double) => serde_json::to_string(&number_of(json).unwrap().parse::<f64>().unwrap()).unwrap(),
        (_, Type::Boolean) => json.raw.clone(),
        (_, _) => number_of(json).unwrap().parse::<i128>().unwrap().to_string(),
    }
}

/// The members of the object at `path`; of a line there is none.
fn show_members(
    json: &Json,
    fields: &[(String, Type)],
    path: Option<&str>,
    empties: &mut BTreeMap<String, u64>,
) -> String {
    let mut shown = Vec::new();
    for (name, field) in fields {
        let path = path.map_or_else(|| name.clone(), |path| format!("{path}.{name}"));
        shown.push(format!("{}:{}", quote(name), show(get(json, name), field, &path, empties)));
    }
    format!("{{{}}}", shown.join(","))
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

impl Rule {
    /// As one declares it to the library.
    pub(super) fn declared(&self) -> Declared {
        match self {
            Self::Bigint => Declared::Bigint,
            Self::Double => Declared::Double,
            Self::List(rule) => Declared::List(Box::new(rule.declared())),
            Self::Struct(rules) => {
                Declared::Struct(rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.declared())).collect())
            }
        }
    }
}
