//! A saved query: a `.sql` file whose leading `--@` lines are settings.
//!
//! ```sql
//! -- Who may be written to.
//! --@ format = "parquet"
//! SELECT ip, id WHERE opted_into_marketing
//! ```
//!
//! The `--@` lines are TOML to us and comments to SQL, so the file runs as it stands in any SQL shell. It knows neither
//! SQL nor formats: the text is for the engine, and the words of the settings for those who act on them. What a parameter
//! may hold is the business of `dialect`.

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::dialect::{BUILT_IN, Parameter, ParameterType};
use crate::document;
use crate::error::{Error, Excerpt, Result};
use crate::number;

/// What a saved query's file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SavedQuery {
    /// The file's name without its extension; the output is named after it.
    pub name: String,
    /// The file, as it was named to us.
    pub path: PathBuf,
    /// The whole text of the file, settings included: places in it are places in the file.
    pub sql: String,
    /// What its `--@` lines say.
    pub settings: Settings,
    places: Places,
}

/// The bytes of the file that hold a setting's value, by the setting's name.
type Places = Vec<(&'static str, Range<usize>)>;

/// What `--@` lines can say; each part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings {
    /// The format of the output, as written.
    pub format: Option<String>,
    /// Where the output goes, as written.
    pub output: Option<PathBuf>,
    /// Of which files the output is made.
    pub files: Files,
    /// What a run does with what runs before have published.
    pub increment: Increment,
    /// What `$name` may be in its SQL, in the order of names.
    pub params: Vec<Parameter>,
}

/// What `--@` lines can say about the files of an output; each part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Files {
    /// So many files.
    pub shards: Option<usize>,
    /// Files of about so many bytes.
    pub target_file_size: Option<usize>,
    /// Columns and expressions, as written: a folder for each value.
    pub partition_by: Vec<String>,
    /// Columns and expressions, as written behind ORDER BY.
    pub order_by: Vec<String>,
    /// How pages of Parquet are compressed, as written.
    pub compression: Option<String>,
    /// Rows of a row group of Parquet at most.
    pub row_group_rows: Option<usize>,
}

/// What `--@` lines can say about runs after the first; each part is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Increment {
    /// The mode, as written.
    pub mode: Option<String>,
    /// What to do with a file that was written anew, as written.
    pub on_rewrite: Option<String>,
    /// Columns that tell the rows of the output apart.
    pub key: Vec<String>,
    /// How many outputs that were replaced can be brought back.
    pub keep: Option<usize>,
}

impl SavedQuery {
    /// The place of a setting's value, for an error about it; `None` if the file does not hold that setting.
    pub fn place_of(&self, setting: &str) -> Option<Excerpt> {
        let (_, span) = self.places.iter().find(|(name, _)| *name == setting)?;
        Some(Excerpt {
            name: self.path.display().to_string(),
            text: self.sql.clone(),
            first_line: 1,
            first_column: 0,
            span: span.clone(),
            label: String::new(),
        })
    }
}

/// Reads the file at `path` and parses it; errors and reports name it as `shown`.
///
/// **Errors**: [`Error::Request`] if it cannot be read, is not UTF-8, or has settings that are wrong.
pub fn load(path: &Path, shown: &Path) -> Result<SavedQuery> {
    parse(shown, document::read(path)?)
}

/// The saved query that the file at `path` holds if its text is `text`. Reads nothing.
///
/// **Errors**: [`Error::Request`] if the name cannot name an output or the settings are wrong. A text without a
/// statement is none of them: what a statement is, SQL decides.
pub fn parse(path: &Path, text: String) -> Result<SavedQuery> {
    let name = name_of(path)?;
    let (settings, places) = settings_of(&path.display().to_string(), &text)?;
    Ok(SavedQuery { name, path: path.to_owned(), sql: text, settings, places })
}

/// The parameters that the `--@` lines of a text declare; errors name it as `name`.
///
/// **Errors**: [`Error::Request`] if the settings are wrong.
pub fn params(name: &str, text: &str) -> Result<Vec<Parameter>> {
    settings_of(name, text).map(|(settings, _)| settings.params)
}

fn settings_of(name: &str, text: &str) -> Result<(Settings, Places)> {
    Header::of(name, text)?.settings(name, text)
}

/// The name of the query in the file at `path`.
///
/// **Errors**: [`Error::Request`] if there is none, it is not UTF-8, or it starts with a dot, which hides an output.
pub fn name_of(path: &Path) -> Result<String> {
    let stem = path.file_stem().ok_or_else(|| Error::request(format!("`{}` names no file", path.display())))?;
    match stem.to_str() {
        Some(name) if !name.starts_with('.') => Ok(name.to_owned()),
        Some(_) => Err(Error::request(format!("`{}` has no name before its extension", path.display()))
            .with_hint("the output is named after the query: call it for example `daily.sql`")),
        None => Err(Error::request(format!("the name of {path:?} is not UTF-8"))
            .with_hint("the output is named after the query: rename it")),
    }
}

/// The saved queries in the folder `dir`: its `*.sql` files, sorted by name in byte order.
///
/// Hidden files and folders are skipped. Names that differ in case only are two queries, as the files are two.
///
/// **Errors**: [`Error::Request`] if the folder is missing or cannot be read, or if a `*.sql` in it is no file or has
/// a name that is not UTF-8.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |source| {
        Error::request(format!("cannot read the folder `{}` of saved queries", dir.display()))
            .with_source(source)
            .with_hint("a saved query is a file `queries/<name>.sql` beside `tidemill.toml`, or in the current folder")
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || path.extension().is_none_or(|extension| extension != "sql") || path.is_dir() {
            continue;
        }
        name_of(&path)?;
        // A link that leads nowhere stays in the list, so that reading it says so. A pipe would wait for ever.
        if path.exists() && !path.is_file() {
            return Err(Error::request(format!("`{}` is no regular file", path.display()))
                .with_hint("only files and folders may be called `*.sql` here"));
        }
        paths.push(path);
    }
    paths.sort();
    Ok(paths)
}

/// The settings of a query as one TOML text, and where each of its lines stands in the file.
struct Header {
    toml: String,
    /// Per line: its start in `toml`, its start in the file.
    starts: Vec<(usize, usize)>,
}

impl Header {
    fn of(name: &str, text: &str) -> Result<Self> {
        let mut header = Self { toml: String::new(), starts: Vec::new() };
        let mut in_sql = false;
        let mut start = 0;
        for line in text.split_inclusive('\n') {
            // A byte order mark is left to those who gave the text; it is no reason to overlook a setting.
            let code = line.trim_start_matches('\u{feff}').trim_start();
            let at = start + line.len() - code.len();
            start += line.len();
            match code.strip_prefix("--@") {
                Some(_) if in_sql => {
                    let message = "settings stand before the SQL\nmove this line to the top of the file";
                    return Err(document::fault(name, text, at..at + code.trim_end().len(), message));
                }
                Some(setting) => header.push(setting, at + "--@".len()),
                None => in_sql |= !code.is_empty() && !code.starts_with("--"),
            }
        }
        Ok(header)
    }

    fn push(&mut self, line: &str, at: usize) {
        let setting = line.strip_prefix(' ').unwrap_or(line);
        self.starts.push((self.toml.len(), at + line.len() - setting.len()));
        self.toml.push_str(setting);
    }

    /// The bytes of the file at which `span` of the TOML text stands.
    fn place(&self, span: Range<usize>) -> Range<usize> {
        let of = |offset: usize| {
            let line = self.starts.partition_point(|(start, _)| *start <= offset).saturating_sub(1);
            self.starts.get(line).map_or(0, |(start, place)| place + offset - start)
        };
        // The end is taken from the last byte inside: the byte behind it may be on another line of the file.
        let last = if span.is_empty() { of(span.start) } else { of(span.end - 1) + 1 };
        of(span.start)..last
    }

    fn settings(&self, name: &str, text: &str) -> Result<(Settings, Places)> {
        let whole = 0..self.toml.len();
        let written: Written = toml::from_str(&self.toml)
            .map_err(|error| document::fault(name, text, self.place(error.span().unwrap_or(whole)), error.message()))?;
        let mut places = Places::new();
        let mut take = |setting: &'static str, value: Option<Spanned<String>>| -> Result<Option<String>> {
            let Some(value) = value else { return Ok(None) };
            let place = self.place(value.span());
            if value.get_ref().is_empty() {
                return Err(document::fault(name, text, place, &format!("`{setting}` is empty")));
            }
            places.push((setting, place));
            Ok(Some(value.into_inner()))
        };
        let format = take("format", written.format)?;
        let output = take("output", written.output)?.map(PathBuf::from);
        let compression = take("compression", written.compression)?;
        let (mode, on_rewrite) = (take("mode", written.mode)?, take("on_rewrite", written.on_rewrite)?);
        let key = self.place_in(&mut places, "key", written.key).unwrap_or_default();
        let settings = Settings {
            format,
            output,
            increment: Increment {
                mode,
                on_rewrite,
                key,
                keep: self.place_in(&mut places, "keep", written.keep).map(|Outputs(count)| count),
            },
            files: Files {
                compression,
                shards: self.place_in(&mut places, "shards", written.shards).map(|Shards(count)| count),
                target_file_size: self
                    .place_in(&mut places, "target_file_size", written.target_file_size)
                    .map(|Bytes(bytes)| bytes),
                partition_by: self.place_in(&mut places, "partition_by", written.partition_by).unwrap_or_default(),
                order_by: self.place_in(&mut places, "order_by", written.order_by).unwrap_or_default(),
                row_group_rows: self
                    .place_in(&mut places, "row_group_rows", written.row_group_rows)
                    .map(|Rows(rows)| rows),
            },
            params: self.params(name, text, written.params)?,
        };
        Ok((settings, places))
    }

    /// The value of a setting; its place is noted.
    fn place_in<T>(&self, places: &mut Places, setting: &'static str, value: Option<Spanned<T>>) -> Option<T> {
        let value = value?;
        places.push((setting, self.place(value.span())));
        Some(value.into_inner())
    }

    fn params(&self, name: &str, text: &str, written: WrittenParams) -> Result<Vec<Parameter>> {
        let fault = |span, message: &str| Err(document::fault(name, text, self.place(span), message));
        let mut params = Vec::with_capacity(written.len());
        for (param, WrittenParam { data_type, default }) in written {
            let span = param.span();
            let param = param.into_inner();
            let is_word = |word: &str| {
                word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
                    && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
            };
            if !is_word(&param) {
                return fault(span, "a parameter is called by a word\nletters, digits and `_`, and no digit first");
            }
            if BUILT_IN.contains(&param.as_str()) {
                return fault(span, &format!("`{param}` is there without being declared\ntake another name"));
            }
            let kind = match data_type.get_ref().parse::<ParameterType>() {
                Ok(kind) => kind,
                Err(error) => return fault(data_type.span(), &format!("{error}\n{}", error.hint())),
            };
            let default = match default {
                Some(value) => {
                    let span = value.span();
                    let value = match value.into_inner() {
                        toml::Value::String(value) => value,
                        other => other.to_string(),
                    };
                    if !kind.holds(&value) {
                        return fault(span, &format!("`{value}` is no {kind}"));
                    }
                    Some(value)
                }
                None => None,
            };
            params.push(Parameter { name: param, data_type: kind, default });
        }
        Ok(params)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    format: Option<Spanned<String>>,
    output: Option<Spanned<String>>,
    shards: Option<Spanned<Shards>>,
    target_file_size: Option<Spanned<Bytes>>,
    partition_by: Option<Spanned<Vec<String>>>,
    order_by: Option<Spanned<Vec<String>>>,
    compression: Option<Spanned<String>>,
    row_group_rows: Option<Spanned<Rows>>,
    mode: Option<Spanned<String>>,
    on_rewrite: Option<Spanned<String>>,
    key: Option<Spanned<Vec<String>>>,
    keep: Option<Spanned<Outputs>>,
    #[serde(default)]
    params: WrittenParams,
}

#[derive(Deserialize)]
struct Shards(#[serde(deserialize_with = "shards")] usize);

#[derive(Deserialize)]
struct Bytes(#[serde(deserialize_with = "bytes")] usize);

#[derive(Deserialize)]
struct Rows(#[serde(deserialize_with = "rows")] usize);

#[derive(Deserialize)]
struct Outputs(#[serde(deserialize_with = "number::outputs")] usize);

fn shards<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=10_000, deserializer)
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::size(1 << 10..=1 << 50, deserializer)
}

fn rows<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    number::whole(1..=1 << 31, deserializer)
}

type WrittenParams = BTreeMap<Spanned<String>, WrittenParam>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "a parameter, as in `{ type = \"date\" }`")]
struct WrittenParam {
    #[serde(rename = "type")]
    data_type: Spanned<String>,
    default: Option<Spanned<toml::Value>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> SavedQuery {
        parse(Path::new("queries/daily.sql"), text.to_owned()).unwrap()
    }

    /// Settings as `format`, `output`.
    fn check(text: &str, format: Option<&str>, output: Option<&str>) {
        let query = query(text);
        assert_eq!(query.sql, text);
        assert_eq!(query.settings.format.as_deref(), format, "{text}");
        assert_eq!(query.settings.output.as_deref(), output.map(Path::new), "{text}");
    }

    /// The error's message and hint, and the bytes that it points at.
    fn fails(text: &str, expected: &str, pointed: &str) {
        let error = parse(Path::new("daily.sql"), text.to_owned()).unwrap_err();
        let problem = error.problem().unwrap();
        let excerpt = problem.excerpt.as_ref().unwrap();
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        assert_eq!(format!("{error}{hint}"), expected, "{text}");
        assert_eq!(&excerpt.text[excerpt.span.clone()], pointed, "{text}");
        assert_eq!((excerpt.text.as_str(), excerpt.name.as_str(), error.kind()), (text, "daily.sql", "request"));
    }

    #[test]
    fn settings_are_optional() {
        check("SELECT 1", None, None);
        check("", None, None);
        check("-- only a comment\n", None, None);
        check("--@ format = \"parquet\"\nSELECT 1", Some("parquet"), None);
        check("--@format='csv'\n--@ output = \"x/y.csv\"\nSELECT 1", Some("csv"), Some("x/y.csv"));
        check("--@\n--@ # a remark\nSELECT 1", None, None);
    }

    #[test]
    fn other_lines_may_stand_between() {
        check("\n-- about it\n  --@ format = \"csv\"\n\n-- more\n--@ output = \"o\"\nSELECT 1", Some("csv"), Some("o"));
        check("--@ format = \"csv\"\r\n--@ output = \"o\"\r\nSELECT 1\r\n", Some("csv"), Some("o"));
        check("\u{feff}--@ format = \"csv\"\nSELECT 1", Some("csv"), None);
    }

    #[test]
    fn a_value_may_span_lines() {
        check("--@ output = \"\"\"\\\n-- between\n--@    a.csv\"\"\"\nSELECT 1", None, Some("a.csv"));
    }

    #[test]
    fn faults_are_shown_at_their_place_in_the_file() {
        fails(
            "-- é\n\n--@ frmat = \"csv\"\nSELECT 1",
            "`daily.sql`: unknown key `frmat` (did you mean `format`?)",
            "frmat",
        );
        fails(
            "--@ format = \"csv\"\n-- between\n   --@  output = 7\nSELECT 1",
            "`daily.sql`: invalid type: integer `7`, expected a string",
            "7",
        );
        fails("--@ format = \"csv\"\n-- x\n--@ format = \"json\"\n", "`daily.sql`: duplicate key", "format");
        fails("-- x\n--@ output = \"\"\n", "`daily.sql`: `output` is empty", "\"\"");
        fails(
            "--@ [queue]\n",
            "`daily.sql`: unknown key `queue` (keys are `format`, `output`, `shards`, `target_file_size`, `partition_by`, `order_by`, `compression`, `row_group_rows`, `mode`, `on_rewrite`, `key`, `keep`, `params`)",
            "queue",
        );
    }

    #[test]
    fn a_setting_that_breaks_off_is_shown_at_its_end() {
        let error = parse(Path::new("daily.sql"), "--@ format =\n\nSELECT 1".to_owned()).unwrap_err();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!(excerpt.span.start, "--@ format =".len(), "{error}");
    }

    #[test]
    fn parameters_have_a_type_and_perhaps_a_default() {
        let query = query(
            "--@ params.day = { type = \"date\", default = 2024-01-18 }\n--@ params.most = { type = \"bigint\" }\n--@ params.a = { type = \"varchar\", default = \"\" }\nSELECT 1",
        );
        let shown: Vec<_> = query
            .settings
            .params
            .iter()
            .map(|p| (p.name.as_str(), p.data_type.to_string(), p.default.as_deref()))
            .collect();
        assert_eq!(
            shown,
            [
                ("a", "varchar".into(), Some("")),
                ("day", "date".into(), Some("2024-01-18")),
                ("most", "bigint".into(), None)
            ]
        );
        let fails =
            |text: &str, expected: &str, pointed: &str| fails(text, &format!("`daily.sql`: {expected}"), pointed);
        fails(
            "--@ params.day = { type = \"dat\" }",
            "there is no type `dat` of parameters (types are boolean, bigint, double, decimal(p, s), varchar, date, timestamp(s|ms|us|ns), interval)",
            "\"dat\"",
        );
        fails("--@ params.n = { type = \"bigint\", default = 1.5 }", "`1.5` is no bigint", "1.5");
        fails(
            "--@ params.run_at = { type = \"date\" }",
            "`run_at` is there without being declared (take another name)",
            "run_at",
        );
        fails(
            "--@ params.\"a b\" = { type = \"date\" }",
            "a parameter is called by a word (letters, digits and `_`, and no digit first)",
            "\"a b\"",
        );
        let expected = "invalid type: string \"date\", expected a parameter, as in `{ type = \"date\" }`";
        fails("--@ params.a = \"date\"", expected, "\"date\"");
        fails("--@ params.a = { typ = \"date\" }", "unknown key `typ` (did you mean `type`?)", "typ");
    }

    #[test]
    fn settings_behind_sql_are_refused() {
        let expected = "`daily.sql`: settings stand before the SQL (move this line to the top of the file)";
        fails("SELECT 1\n  --@ format = \"csv\" \r\n", expected, "--@ format = \"csv\"");
        fails("/* licence */\n--@ format = \"csv\"", expected, "--@ format = \"csv\"");
    }

    #[test]
    fn the_place_of_a_setting_is_kept() {
        let query = query("-- x\n--@ format = \"prquet\"\nSELECT 1");
        let excerpt = query.place_of("format").unwrap();
        assert_eq!(&excerpt.text[excerpt.span], "\"prquet\"");
        assert_eq!(query.place_of("output"), None);
    }

    #[test]
    fn the_name_is_the_stem() {
        assert_eq!(name_of(Path::new("q/a.b.sql")).unwrap(), "a.b");
        assert_eq!(name_of(Path::new("q/plain")).unwrap(), "plain");
        for nameless in [".sql", "q/.sql", ".hidden.sql", "/", ".."] {
            assert_eq!(name_of(Path::new(nameless)).unwrap_err().kind(), "request", "{nameless}");
        }
    }

    #[test]
    fn a_folder_is_listed_by_name() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.sql", "a.sql", "B.sql", ".hidden.sql", ".sql", "readme.md", "sql"] {
            fs::File::create(dir.path().join(name)).unwrap();
        }
        fs::create_dir(dir.path().join("folder.sql")).unwrap();
        std::os::unix::fs::symlink("nowhere", dir.path().join("dangling.sql")).unwrap();
        let names: Vec<String> = list(dir.path()).unwrap().iter().map(|path| name_of(path).unwrap()).collect();
        assert_eq!(names, ["B", "a", "b", "dangling"]);
    }

    #[test]
    fn a_missing_folder_and_what_is_no_query_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let missing = list(&dir.path().join("queries")).unwrap_err();
        assert!(missing.chain().contains("queries` of saved queries: No such file"), "{}", missing.chain());
        assert!(missing.problem().unwrap().hint.is_some());
        std::os::unix::fs::symlink("/dev/null", dir.path().join("device.sql")).unwrap();
        assert!(list(dir.path()).unwrap_err().to_string().ends_with("device.sql` is no regular file"));
    }
}
