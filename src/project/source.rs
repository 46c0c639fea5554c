//! A source: event files that together are a table, and how they are to be read.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use datafusion::sql::sqlparser::ast::{ObjectNamePart, SetExpr, Statement, TableFactor, TableWithJoins};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor,
};

use super::DEFAULT_SOURCE;
use crate::document;
use crate::error::{Error, Result};
use crate::ndjson::declared::Declared;
use crate::ndjson::listing;
use crate::ndjson::{Reject, Settings};
use crate::number;

/// One of `[sources.<name>]`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields, expecting = "the settings of a source, as in `{ path = \"inputs/*.out\" }`")]
pub struct SourceConfig {
    /// The table's name: a lower-case SQL identifier.
    #[serde(skip)]
    pub name: String,
    /// The patterns of its files, as written; see [`listing`]. At least one. `path` in the file.
    #[serde(rename = "path", default = "Vec::new", deserialize_with = "patterns")]
    pub paths: Vec<String>,
    /// The types that inference should not decide, in the order of the file; names are unique.
    #[serde(deserialize_with = "columns")]
    pub columns: Vec<(String, Declared)>,
    /// How many lines may be rejected before a run publishes nothing; `None` is any number.
    #[serde(deserialize_with = "max_rejects")]
    pub max_rejects: Option<u64>,
    /// Which share of the lines may be rejected before a run publishes nothing: 0 to 1.
    #[serde(deserialize_with = "ratio")]
    pub max_reject_ratio: f64,
    /// What a reject does.
    pub on_reject: OnReject,
    /// Whether `""` in a column of numbers is NULL.
    pub empty_as_null: bool,
    /// How deep JSON may nest.
    #[serde(deserialize_with = "max_depth")]
    pub max_depth: usize,
    /// The longest line, without its end.
    #[serde(deserialize_with = "max_line_bytes")]
    pub max_line_bytes: usize,
    /// How many columns may be found.
    #[serde(deserialize_with = "max_columns")]
    pub max_columns: usize,
    /// Whether folders such as `date=2024-05-01/` are columns.
    pub hive_partitions: bool,
    /// Whether a statement without `FROM` reads it where there are several sources.
    pub default: bool,
    /// How much of a file one thread takes at a time; no setting, for nothing but speed depends on it.
    #[serde(skip)]
    pub range_bytes: u64,
    /// How much of a rejected line its table shows; no setting.
    #[serde(skip)]
    pub raw_bytes: usize,
    /// How long a file must have been at rest before what it teaches is believed later.
    #[serde(deserialize_with = "duration")]
    pub facts_after: Duration,
    /// From how many bytes on it is worth keeping what its files taught; no setting either.
    #[serde(skip)]
    pub facts_from_bytes: u64,
}

/// Less is read in a few milliseconds.
const FACTS_FROM_BYTES: u64 = 8 << 20;

impl SourceConfig {
    /// All that decides which rows there are and what is in them, as a text that is the same for the same declaration.
    pub fn definition(&self) -> String {
        let columns: Vec<_> = self.columns.iter().map(|(name, declared)| (name, declared.to_toml())).collect();
        let Self { paths, empty_as_null, max_depth, max_line_bytes, hive_partitions, .. } = self;
        format!("{:?}", (paths, columns, empty_as_null, max_depth, max_line_bytes, hive_partitions))
    }
}

/// What a reject does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnReject {
    /// It is kept aside and counted.
    Keep,
    /// It stops the run.
    Fail,
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map_err(serde::de::Error::custom)
}

/// The source that there is without a project file.
impl Default for SourceConfig {
    fn default() -> Self {
        Self {
            name: DEFAULT_SOURCE.to_owned(),
            paths: vec!["inputs/*.out".to_owned()],
            columns: Vec::new(),
            max_rejects: None,
            max_reject_ratio: 0.01,
            on_reject: OnReject::Keep,
            empty_as_null: true,
            max_depth: 128,
            max_line_bytes: 16 << 20,
            max_columns: 10_000,
            hive_partitions: true,
            default: false,
            range_bytes: Settings::RANGE_BYTES,
            raw_bytes: Reject::RAW_BYTES,
            facts_after: Settings::FACTS_AFTER,
            facts_from_bytes: FACTS_FROM_BYTES,
        }
    }
}

impl SourceConfig {
    /// Checks what can be told only with its name and the sources before it.
    pub(super) fn complete(&mut self, earlier: &[Self]) -> Result<()> {
        check_name(&self.name)?;
        if self.paths.is_empty() {
            if self.name != DEFAULT_SOURCE {
                return Err(Error::request(format!("the source `{}` does not say where its files are", self.name))
                    .with_hint("add for example `path = \"inputs/*.out\"`"));
            }
            self.paths = Self::default().paths;
        }
        match earlier.iter().find(|other| other.default && self.default) {
            Some(other) => Err(Error::request(format!("`{}` is the default already", other.name))
                .with_hint("`default = true` is for one source: the one that a statement without FROM reads")),
            None => Ok(()),
        }
    }
}

fn check_name(name: &str) -> Result<()> {
    let refused = |why: &str| Error::request(format!("a source cannot be called `{}`: {why}", name.escape_debug()));
    if name == "rejects" || name == "information_schema" {
        return Err(
            refused("that is a schema's name").with_hint("`rejects.<source>` is the table of a source's rejects")
        );
    }
    if name == "_" {
        return Err(refused("in the shell that is the last result").with_hint("call it for example `events`"));
    }
    let plain = name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
    if name.is_empty() || !plain || name.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(refused("it is a name in SQL").with_hint(
            "use the letters a to z, digits and `_`, and no digit first; SQL takes capitals for small letters",
        ));
    }
    if !is_table_name(name) {
        return Err(refused("that is a word of SQL's own").with_hint(format!("call it for example `{name}_events`")));
    }
    Ok(())
}

/// Whether SQL takes the unquoted word for a table, for an alias without `AS`, and before the point of a column.
fn is_table_name(name: &str) -> bool {
    let sql = format!("SELECT {name}.x FROM {name} {name} WHERE {name}.x = 1");
    let parsed = Parser::parse_sql(&GenericDialect {}, &sql);
    let Ok([Statement::Query(query)]) = parsed.as_deref() else { return false };
    let SetExpr::Select(select) = query.body.as_ref() else { return false };
    match select.from.as_slice() {
        [TableWithJoins { relation: TableFactor::Table { name: table, alias: Some(alias), .. }, joins }] => {
            let is_name = |part: &ObjectNamePart| part.as_ident().is_some_and(|word| word.value == name);
            joins.is_empty() && table.0.iter().all(is_name) && alias.name.value == name
        }
        _ => false,
    }
}

/// A table's entries in the order of the file.
pub(super) fn in_order<'de, K, V, D>(deserializer: D) -> Result<Vec<(K, V)>, D::Error>
where
    K: DeserializeOwned,
    V: DeserializeOwned,
    D: Deserializer<'de>,
{
    struct Entries<K, V>(PhantomData<(K, V)>);

    impl<'de, K: DeserializeOwned, V: DeserializeOwned> Visitor<'de> for Entries<K, V> {
        type Value = Vec<(K, V)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut entries = Vec::new();
            while let Some(entry) = map.next_entry()? {
                entries.push(entry);
            }
            Ok(entries)
        }
    }

    deserializer.deserialize_map(Entries(PhantomData))
}

/// One pattern or a list of them.
fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Patterns;

    impl<'de> Visitor<'de> for Patterns {
        type Value = Vec<String>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a pattern such as \"inputs/*.out\", or a list of patterns")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Vec<String>, E> {
            OnePattern.visit_str(text).map(|pattern| vec![pattern])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<String>, A::Error> {
            let mut patterns = Vec::new();
            while let Some(pattern) = list.next_element_seed(OnePattern)? {
                patterns.push(pattern);
            }
            if patterns.is_empty() {
                return Err(A::Error::custom("this list names no file\nadd a pattern such as \"inputs/*.out\""));
            }
            Ok(patterns)
        }
    }

    deserializer.deserialize_any(Patterns)
}

/// A pattern, checked by the visitor: only there does the error get its place.
struct OnePattern;

impl<'de> DeserializeSeed<'de> for OnePattern {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for OnePattern {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a pattern")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<String, E> {
        listing::check(text).map_err(|error| E::custom(document::for_serde(&error)))?;
        Ok(text.to_owned())
    }
}

fn columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, Declared)>, D::Error> {
    let columns: Vec<(Column, Declared)> = in_order(deserializer)?;
    Ok(columns.into_iter().map(|(Column(name), declared)| (name, declared)).collect())
}

/// The name of a column that can be declared.
struct Column(String);

impl<'de> Deserialize<'de> for Column {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "_file" || name == "_offset" {
            return Err(D::Error::custom(format!("every source has a column `{name}` of its own\nremove this line")));
        }
        Ok(Self(name))
    }
}

fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let ratio = f64::deserialize(deserializer)?;
    if (0.0..=1.0).contains(&ratio) {
        return Ok(ratio);
    }
    Err(D::Error::invalid_value(Unexpected::Float(ratio), &"a share of the lines, from 0 to 1"))
}

fn max_rejects<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    number::whole(0..=i64::MAX as usize, deserializer).map(|count| Some(count as u64))
}

/// A thousand is deeper than any event; it keeps what works level by level within its stack.
fn max_depth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=1000, deserializer)
}

/// A batch's text has offsets of 31 bits, so that no longer value could be kept.
fn max_line_bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::size(1..=1 << 30, deserializer)
}

fn max_columns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=1_000_000, deserializer)
}
