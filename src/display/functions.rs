//! What functions do, in words.

use crate::error::{Error, Result};
use crate::functions::Function;
use crate::suggest;

/// The functions of that name: one, or an aggregate and a window function.
///
/// **Errors**: `Request`, with the nearest name, if there is none.
pub fn named<'a>(all: &'a [Function], name: &str) -> Result<Vec<&'a Function>> {
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

/// A line for each.
pub fn list(functions: &[&Function]) -> String {
    let width = functions.iter().map(|function| function.syntax.chars().count()).max().unwrap_or(0);
    let line = |function: &&Function| format!("{:width$}  {}\n", function.syntax, function.summary());
    functions.iter().map(line).collect()
}

/// What there is to say about each.
pub fn text(functions: &[&Function]) -> String {
    functions.iter().map(|function| page(function)).collect::<Vec<_>>().join("\n")
}

fn page(function: &Function) -> String {
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
