//! `tidemill functions`: what statements may call, and how.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::display::functions::{list, named, text};
use crate::display::standard::print;
use crate::error::Result;
use crate::functions::Function;
use crate::project::Project;
use crate::session::{Access, Session};

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
        Some(_) => print(&text(&shown)),
        None => print(&list(&shown)),
    }
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
