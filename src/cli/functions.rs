//! `tidemill functions`: what statements may call, and how.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::display::standard::print;
use crate::error::{Error, Result};
use crate::functions::Function;
use crate::project::Project;
use crate::session::{Access, Session};
use crate::suggest;

/// Show the functions for event data, or what any function does.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: tidemill functions approx_top_k")]
pub(super) struct Args {
    /// The function, ours or the engine's; without it, ours are listed
    name: Option<String>,

    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args, project: Arc<Project>) -> Result<()> {
    let all = Session::new(project, Access::ReadOnly)?.functions()?;
    let shown: Vec<&Function> = match &args.name {
        Some(name) => named(&all, name)?,
        None => all.iter().filter(|function| function.is_ours).collect(),
    };
    if args.json {
        let functions: Vec<Value> = shown.into_iter().map(as_json).collect();
        return print(&format!("{}\n", json!({ "version": 1, "functions": functions })));
    }
    match args.name {
        Some(_) => print(&shown.into_iter().map(as_text).collect::<Vec<_>>().join("\n")),
        None => print(&as_list(&shown)),
    }
}

/// The functions of that name: one, or an aggregate and a window function.
fn named<'a>(all: &'a [Function], name: &str) -> Result<Vec<&'a Function>> {
    let name = name.split('(').next().unwrap_or_default().to_lowercase();
    let is_it = |function: &&Function| function.name == name || function.aliases.contains(&name);
    let found: Vec<&Function> = all.iter().filter(is_it).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let names = all.iter().flat_map(|function| function.aliases.iter().chain([&function.name]));
    let failure = Error::request(format!("there is no function `{name}`"));
    Err(match suggest::nearest(&name, names.map(String::as_str)) {
        Some(near) => failure.with_hint(format!("did you mean `{near}`?")),
        None => failure.with_hint("SHOW FUNCTIONS lists those that there are"),
    })
}

fn as_list(functions: &[&Function]) -> String {
    let width = functions.iter().map(|function| function.syntax.chars().count()).max().unwrap_or(0);
    let line = |function: &&Function| format!("{:width$}  {}\n", function.syntax, function.summary());
    functions.iter().map(line).collect()
}

fn as_text(function: &Function) -> String {
    let mut text = format!("{}\n", function.syntax);
    if !function.description.is_empty() {
        text.push_str(&format!("\n{}\n", function.description));
    }
    if !function.arguments.is_empty() {
        let width = function.arguments.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let lines = function.arguments.iter().map(|(name, what)| format!("  {name:width$}  {}\n", what.trim()));
        text.push_str(&format!("\narguments:\n{}", lines.collect::<String>()));
    }
    if let Some(example) = &function.example {
        let lines = example.lines().map(|line| format!("  {line}").trim_end().to_owned() + "\n");
        text.push_str(&format!("\nexample:\n{}", lines.collect::<String>()));
    }
    if !function.aliases.is_empty() {
        text.push_str(&format!("\nalso: {}\n", function.aliases.join(", ")));
    }
    text
}

fn as_json(function: &Function) -> Value {
    let arguments = function.arguments.iter().map(|(name, what)| json!({ "name": name, "description": what }));
    json!({
        "name": function.name,
        "aliases": function.aliases,
        "kind": function.kind,
        "ours": function.is_ours,
        "signature": function.syntax,
        "summary": function.summary(),
        "description": function.description,
        "arguments": arguments.collect::<Vec<_>>(),
        "example": function.example,
    })
}
