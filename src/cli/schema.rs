//! `tidemill schema`: the columns of sources, and where each type comes from.

use std::sync::Arc;

use serde_json::{Value, json};

use super::block_on;
use crate::catalog::{Look, Source};
use crate::display::progress::shown;
use crate::display::standard::{print, say};
use crate::error::Result;
use crate::ndjson::declared::Declared;
use crate::project::Project;
use crate::run::{self, Progress};
use crate::session::{Access, Session};

/// Show the columns of sources, and where each type comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill schema events")]
pub(super) struct Args {
    /// The source; all of them without it
    source: Option<String>,

    /// Print one JSON object
    #[arg(long, conflicts_with = "toml")]
    json: bool,

    /// Print the columns as they are declared in tidemill.toml, to replace the source's `columns` there
    #[arg(long)]
    toml: bool,
}

/// Characters of a name or type that the text shows.
const WIDEST: usize = 48;

/// One column, as it is shown.
struct Row {
    name: String,
    type_name: String,
    origin: &'static str,
    detail: String,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let names = match &args.source {
        Some(name) => vec![name.clone()],
        None => project.sources.iter().map(|source| source.name.clone()).collect(),
    };
    let threads = project.limits.num_threads();
    let session = Session::new(project, Access::ReadOnly)?;
    let sources = block_on(threads, async {
        let mut sources = Vec::with_capacity(names.len());
        for name in &names {
            let progress = Arc::new(Progress::default());
            sources.push(shown(name, &progress, session.catalog().open(name, Look::Whole, progress.watch())).await?);
        }
        Ok(sources)
    })?;
    if args.json {
        let sources: Vec<Value> = sources.iter().map(|source| as_json(source)).collect();
        return print(&format!("{}\n", json!({ "version": 1, "sources": sources })));
    }
    let texts: Vec<String> =
        sources.iter().map(|source| if args.toml { as_toml(source) } else { as_text(source) }).collect();
    let notes = session.catalog().take_notes();
    notes.iter().chain(&run::warnings(&sources)).for_each(|warning| say(&format!("warning: {warning}")));
    print(&texts.join("\n"))
}

fn rows(source: &Source) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for column in source.survey.columns() {
        let first = column.first.as_ref().map(|(file, offset)| format!("first in {file} at byte {offset}"));
        let detail = match (column.declared, first) {
            (_, None) => "in no line".to_owned(),
            (true, Some(first)) => first,
            (false, Some(first)) if column.seen.is_empty() => format!("only null, {first}"),
            (false, Some(first)) => format!("{}, {first}", column.seen),
        };
        let origin = if column.declared { "declared" } else { "inferred" };
        rows.push(Row { name: column.name.clone(), type_name: column.type_name.clone(), origin, detail });
    }
    for (name, type_name) in source.folder_columns() {
        rows.push(Row { name, type_name, origin: "folder", detail: "from folder names".into() });
    }
    for name in source.hidden_columns() {
        let type_name = if name == crate::ndjson::source::FILE_COLUMN { "varchar" } else { "bigint" };
        let detail = "not in SELECT *".to_owned();
        rows.push(Row { name: name.to_owned(), type_name: type_name.to_owned(), origin: "hidden", detail });
    }
    rows
}

fn as_text(source: &Source) -> String {
    let counts = &source.survey.counts;
    let (name, files) = (&source.config.name, source.files.len());
    let files_word = if files == 1 { "file" } else { "files" };
    let mut text = format!(
        "{name}: {files} {files_word}, {} lines = {} rows + {} rejects + {} blank{}\n",
        counts.lines,
        counts.rows,
        counts.rejects(),
        counts.blank,
        remembered(source)
    );
    let rows = rows(source);
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0).min(WIDEST);
    let (names, types) = (width(|row| &row.name), width(|row| &row.type_name));
    for Row { name, type_name, origin, detail } in &rows {
        let (name, type_name) = (shorten(name), shorten(type_name));
        text.push_str(&format!("  {name:names$}  {type_name:types$}  {origin:8}  {detail}\n"));
    }
    text
}

/// How many of the files were not read for this.
fn remembered(source: &Source) -> String {
    match (source.survey.remembered, source.files.len()) {
        (0, _) => String::new(),
        (some, all) if some == all => "; nothing was read: all of it was known".to_owned(),
        (some, all) => format!("; {some} of {all} files were not read: theirs was known"),
    }
}

/// A name or type that fits its column: structs can be longer than any screen. `--json` has them whole.
fn shorten(text: &str) -> String {
    let shown: String = text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).take(WIDEST).collect();
    match text.chars().nth(WIDEST) {
        None => shown,
        Some(_) => shown.chars().take(WIDEST - 1).chain(['…']).collect(),
    }
}

fn as_json(source: &Source) -> Value {
    let counts = &source.survey.counts;
    let columns: Vec<Value> = rows(source)
        .into_iter()
        .map(|row| json!({ "name": row.name, "type": row.type_name, "origin": row.origin, "detail": row.detail }))
        .collect();
    json!({
        "source": source.config.name,
        "files": source.files.len(),
        "bytes": counts.bytes,
        "lines": counts.lines,
        "rows": counts.rows,
        "rejects": counts.rejects(),
        "blank": counts.blank,
        "files_remembered": source.survey.remembered,
        "columns": columns,
    })
}

fn as_toml(source: &Source) -> String {
    let mut text = format!("[sources.{}.columns]\n", source.config.name);
    for (name, declared) in source.survey.declarations() {
        let line = declared.map(|declared| declared.to_toml()).and_then(|declared| declaration(&name, &declared));
        match line {
            Some(line) => text.push_str(&line),
            None => text.push_str(&format!("# {name:?} has no declaration: its type is found each time\n")),
        }
    }
    text
}

/// The line, if it reads back as a declaration.
fn declaration(name: &str, declared: &str) -> Option<String> {
    let key = toml::Table::from_iter([(name.to_owned(), toml::Value::Boolean(true))]);
    // An inline table writes any key on one line.
    let key = toml::Value::Table(key).to_string();
    let key = key.strip_prefix("{ ")?.strip_suffix(" = true }")?.to_owned();
    let line = format!("{key} = {declared}\n");
    let hidden = [crate::ndjson::source::FILE_COLUMN, crate::ndjson::source::OFFSET_COLUMN];
    let reads_back = toml::from_str::<std::collections::HashMap<String, Declared>>(&line).is_ok();
    (reads_back && !hidden.contains(&name)).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_key_is_written_on_one_line() {
        for name in ["a", "a b", "", "a.b", "\"", "\n", "ä", "'"] {
            let line = declaration(name, "\"bigint\"").unwrap();
            assert_eq!(line.lines().count(), 1, "{line}");
            assert!(toml::from_str::<toml::Table>(&line).unwrap().contains_key(name), "{line}");
        }
        assert_eq!(declaration("_file", "\"varchar\""), None);
    }

    #[test]
    fn long_names_are_cut() {
        assert_eq!(shorten(&"x".repeat(100_000)).chars().count(), WIDEST);
        assert_eq!(shorten("bigint"), "bigint");
    }
}
