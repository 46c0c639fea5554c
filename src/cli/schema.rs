//! `tidemill schema`: the columns of sources, and where each type comes from.

use std::sync::Arc;

use serde_json::{Value, json};

use super::progress::shown;
use super::{block_on, print, say};
use crate::catalog::Source;
use crate::error::Result;
use crate::project::Project;
use crate::run::{self, Progress};
use crate::session::{Access, Session};

/// Show the columns of sources, and where each type comes from.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill schema events --toml >> tidemill.toml")]
pub(super) struct Args {
    /// The source; all of them without it
    source: Option<String>,

    /// Print one JSON object
    #[arg(long, conflicts_with = "toml")]
    json: bool,

    /// Print the columns as they are declared in tidemill.toml
    #[arg(long)]
    toml: bool,
}

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
    let session = Session::new(project, Access::ReadOnly)?;
    let sources = block_on(async {
        let mut sources = Vec::with_capacity(names.len());
        for name in &names {
            let progress = Progress::default();
            sources.push(shown(name, &progress, session.catalog().open(name, progress.watch())).await?);
        }
        Ok(sources)
    })?;
    if args.json {
        let sources: Vec<Value> = sources.iter().map(|source| as_json(source)).collect();
        return print(&format!("{}\n", json!({ "version": 1, "sources": sources })));
    }
    let texts: Vec<String> =
        sources.iter().map(|source| if args.toml { as_toml(source) } else { as_text(source) }).collect();
    run::warnings(&sources).iter().for_each(|warning| say(&format!("warning: {warning}")));
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
    let mut text = format!(
        "{name}: {files} files, {} lines = {} rows + {} rejects + {} blank\n",
        counts.lines,
        counts.rows,
        counts.rejects(),
        counts.blank
    );
    let rows = rows(source);
    let width = |of: fn(&Row) -> &str| rows.iter().map(|row| of(row).chars().count()).max().unwrap_or(0);
    let (names, types) = (width(|row| &row.name), width(|row| &row.type_name));
    for Row { name, type_name, origin, detail } in &rows {
        text.push_str(&format!("  {name:names$}  {type_name:types$}  {origin:8}  {detail}\n"));
    }
    text
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
        "columns": columns,
    })
}

fn as_toml(source: &Source) -> String {
    let declarations = source.survey.declarations();
    let mut text = format!("[sources.{}.columns]\n", source.config.name);
    for (name, declared) in declarations {
        let key = toml::Value::String(name.clone());
        let bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let key = if bare { name } else { key.to_string() };
        match declared {
            Some(declared) => text.push_str(&format!("{key} = {}\n", declared.to_toml())),
            None => text.push_str(&format!("# {key}: its type cannot be declared\n")),
        }
    }
    text
}
