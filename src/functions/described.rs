//! What is to be told about the functions that an engine knows.

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;
use datafusion::logical_expr::Documentation;

use super::{EVENT_DATA, json};

/// A function as a person reads about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// As statements call it.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// `scalar`, `aggregate` or `window`.
    pub kind: &'static str,
    /// Whether it is one of ours, and not one that the engine brings.
    pub is_ours: bool,
    /// The call, as `ip_network(address, bits)`.
    pub syntax: String,
    /// Sentences, in Markdown; empty where nothing is known.
    pub description: String,
    /// Names of the arguments, and what they are.
    pub arguments: Vec<(String, String)>,
    /// A statement, perhaps with what it returns.
    pub example: Option<String>,
}

impl Function {
    /// The first sentence of the description, without its full stop.
    pub fn summary(&self) -> &str {
        let line = self.description.lines().next().unwrap_or_default();
        line.split_once(". ").map_or(line, |(first, _)| first).trim_end_matches('.')
    }

    fn new(kind: &'static str, name: &str, aliases: &[String], documentation: Option<&Documentation>) -> Self {
        let told = documentation.map(|told| (told.description.trim().to_owned(), told.syntax_example.clone()));
        let (description, syntax) = told.unwrap_or_else(|| (String::new(), format!("{name}(…)")));
        Self {
            name: name.to_owned(),
            aliases: aliases.iter().filter(|alias| *alias != name).cloned().collect(),
            kind,
            is_ours: documentation.is_some_and(|told| told.doc_section == EVENT_DATA),
            syntax,
            description,
            arguments: documentation.and_then(|told| told.arguments.clone()).unwrap_or_default(),
            example: documentation.and_then(|told| told.sql_example.as_deref()).map(unfenced),
        }
    }
}

/// The functions that `engine` knows, by name and then kind.
///
/// **Errors**: the engine's, if it does not know what it says it knows.
pub fn all(engine: &dyn FunctionRegistry) -> Result<Vec<Function>> {
    let mut functions = Vec::new();
    for name in engine.udfs() {
        let udf = engine.udf(&name)?;
        let told = udf.documentation().or_else(|| json::documentation(udf.name()));
        functions.push(Function::new("scalar", udf.name(), udf.aliases(), told));
    }
    for name in engine.higher_order_function_names() {
        let function = engine.higher_order_function(&name)?;
        functions.push(Function::new("scalar", function.name(), function.aliases(), function.documentation()));
    }
    for name in engine.udafs() {
        let udaf = engine.udaf(&name)?;
        functions.push(Function::new("aggregate", udaf.name(), udaf.aliases(), udaf.documentation()));
    }
    for name in engine.udwfs() {
        let udwf = engine.udwf(&name)?;
        functions.push(Function::new("window", udwf.name(), udwf.aliases(), udwf.documentation()));
    }
    // One that has aliases is there under each of them.
    functions.sort_by(|a, b| (&a.name, a.kind).cmp(&(&b.name, b.kind)));
    functions.dedup();
    Ok(functions)
}

/// The example without the fence that marks it as code.
fn unfenced(example: &str) -> String {
    let lines = example.trim().lines().filter(|line| !line.trim_start().starts_with("```"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use datafusion::execution::SessionStateBuilder;

    use super::*;

    fn functions() -> Vec<Function> {
        let mut state = SessionStateBuilder::new().with_default_features().build();
        let engines = all(&state).unwrap();
        super::super::register(&mut state).unwrap();
        let with_ours = all(&state).unwrap();
        let is_engines =
            |function: &Function| engines.iter().any(|of| (&of.name, of.kind) == (&function.name, function.kind));
        let added = with_ours.iter().filter(|function| !is_engines(function)).count();
        assert_eq!(added, with_ours.iter().filter(|function| function.is_ours).count(), "one is not documented");
        with_ours
    }

    #[test]
    fn ours_are_told_about() {
        for function in functions().iter().filter(|function| function.is_ours) {
            let Function { name, syntax, description, arguments, example, .. } = function;
            assert!(syntax.starts_with(&format!("{name}(")) && description.ends_with('.'), "{function:?}");
            assert!(!arguments.is_empty() && example.is_some(), "{function:?}");
            assert!(arguments.iter().all(|(name, what)| syntax.contains(name) && what.ends_with('.')), "{function:?}");
            assert!(function.summary().chars().count() <= 110, "{}", function.summary());
        }
    }

    #[test]
    fn a_name_stands_once_for_each_kind() {
        let functions = functions();
        let mut names: Vec<_> = functions.iter().map(|function| (&function.name, function.kind)).collect();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert!(names.contains(&(&"sum".to_owned(), "aggregate")) && names.contains(&(&"lead".to_owned(), "window")));
    }
}
