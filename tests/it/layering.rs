//! Who may import whom: the table in `src/lib.rs`, what the house style asks of each file, and what must keep up with the
//! engine's sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The modules, from the lowest to the highest; those of one row may import each other.
const LAYERS: [&[&str]; 11] = [
    &["error", "clock", "runtime", "suggest", "failpoint", "number", "paths"],
    &["document"],
    &["generate", "query", "dialect", "store"],
    &["ndjson", "sink", "functions", "windows", "ledger"],
    &["project"],
    &["catalog"],
    &["session", "intake"],
    &["run"],
    &["display"],
    &["repl"],
    &["cli"],
];

/// The modules that may name the engine's types: an upgrade of the engine touches these and no others.
const ENGINE: [&str; 9] = ["dialect", "ndjson", "sink", "functions", "windows", "project", "catalog", "session", "run"];

struct Source {
    path: PathBuf,
    /// The module under `crate` that it belongs to; empty for `lib.rs` and `main.rs`.
    module: String,
    /// Without its tests and comments.
    code: String,
    text: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let sources: Vec<Source> = paths.iter().map(|path| source(path, &root)).collect();
    assert!(sources.len() > 50, "the sources were not found");
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

fn source(path: &Path, root: &Path) -> Source {
    let text = fs::read_to_string(path).unwrap();
    let relative = path.strip_prefix(root).unwrap();
    let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
    let module = first.trim_end_matches(".rs");
    let module = if ["lib", "main"].contains(&module) { "" } else { module };
    let is_test =
        relative.components().any(|part| ["tests.rs", "testing.rs"].contains(&part.as_os_str().to_str().unwrap()));
    let code = if is_test { String::new() } else { code_of(&text) };
    Source { path: relative.to_owned(), module: module.to_owned(), code, text }
}

/// What stands before the tests, which are last in their file, without lines that are comments.
fn code_of(text: &str) -> String {
    let code = text.split("\nmod tests {").next().unwrap_or_default();
    let mut lines: Vec<&str> = code.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    if code.len() < text.len() {
        while lines.pop_if(|line| line.starts_with("#[")).is_some() {}
    }
    lines.join("\n")
}

fn rank(module: &str) -> usize {
    let rank = LAYERS.iter().position(|layer| layer.contains(&module));
    rank.unwrap_or_else(|| panic!("`{module}` is in no layer: add it to LAYERS here and to the table in src/lib.rs"))
}

/// The modules that follow `crate::`, also in `use crate::{a, b::c}`.
fn imports(code: &str) -> Vec<String> {
    let mut imports = Vec::new();
    for (at, _) in code.match_indices("crate::") {
        let is_own = !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        let rest = &code[at + "crate::".len()..];
        match rest.strip_prefix('{') {
            _ if !is_own => {}
            Some(list) => imports.extend(top_level(list)),
            None => imports.extend(word(rest)),
        }
    }
    imports
}

fn word(text: &str) -> Option<String> {
    let word: String = text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    (!word.is_empty()).then_some(word)
}

/// The first words of a list in braces.
fn top_level(list: &str) -> Vec<String> {
    let mut depth = 0;
    let mut items = vec![String::new()];
    for char in list.chars() {
        match char {
            '}' if depth == 0 => break,
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => items.push(String::new()),
            _ => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(char);
        }
    }
    items.iter().filter_map(|item| word(item.trim_start_matches([',', ' ', '\n']))).collect()
}

#[test]
fn a_module_imports_only_from_lower_ones() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !source.module.is_empty()) {
        for import in imports(&source.code) {
            if import != source.module && rank(&import) > rank(&source.module) {
                wrong.push(format!("{} imports `{import}`", source.path.display()));
            }
        }
    }
    assert_eq!(wrong, [""; 0], "lower modules do not know higher ones");
}

#[test]
fn the_table_in_the_documentation_has_these_modules() {
    let lib = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let documented: Vec<&str> = lib
        .lines()
        .filter(|line| line.starts_with("//! | "))
        .flat_map(|line| line.split('`').skip(1).step_by(2))
        .collect();
    let layered: Vec<&str> = LAYERS.concat();
    assert_eq!(documented, layered);
    let declared = lib.lines().filter(|line| line.starts_with("pub mod ") || line.starts_with("mod "));
    for line in declared {
        rank(line.trim_start_matches("pub ").trim_start_matches("mod ").trim_end_matches(';'));
    }
}

#[test]
fn the_engine_is_known_in_few_modules() {
    for source in sources() {
        let names_it = ["datafusion::", "use datafusion"].iter().any(|name| source.code.contains(name));
        let allowed = ENGINE.contains(&source.module.as_str());
        assert!(!names_it || allowed, "{} names the engine", source.path.display());
        if ["cli", "project"].contains(&source.module.as_str()) {
            let beyond =
                source.code.lines().find(|line| line.contains("datafusion::") && !line.contains("datafusion::sql::"));
            assert_eq!(beyond, None, "{} names more of the engine than its parser", source.path.display());
        }
    }
}

#[test]
fn each_file_says_what_it_is_for() {
    for source in sources() {
        assert!(source.text.starts_with("//! "), "{} does not open with `//!`", source.path.display());
    }
}

#[test]
fn files_stay_small() {
    /// Where the house style thinks again.
    const LINES: usize = 400;
    for source in sources() {
        let lines = code_of(&source.text).lines().count();
        assert!(
            lines <= LINES,
            "{} has {lines} lines without its tests and comments: split it by theme",
            source.path.display()
        );
    }
}

/// An upgrade of the parser may bring answers of the generic dialect that ours has to give too.
#[test]
fn our_grammar_answers_as_the_generic_dialect() {
    let generic = fs::read_to_string(source_of("sqlparser").join("src/dialect/generic.rs")).unwrap();
    let ours = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/dialect/grammar.rs")).unwrap();
    let methods = methods_of(&generic, "impl Dialect for GenericDialect");
    assert!(methods.len() > 50, "the methods were not found");
    let is_missing = |method: &&&str| {
        !ours.contains(&format!("fn {method}(")) && !ours.lines().any(|line| line.trim() == format!("{method},"))
    };
    assert_eq!(methods.iter().find(is_missing), None);
}

/// A hook that an upgrade of the parser brings would never be called.
#[test]
fn the_walk_hands_on_all_hooks_of_the_parser() {
    let visitor = fs::read_to_string(source_of("sqlparser").join("src/ast/visitor.rs")).unwrap();
    let ours = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/src/dialect/walk.rs")).unwrap();
    for name in ["Visitor", "VisitorMut"] {
        let hooks = methods_of(&visitor, &format!("pub trait {name}"));
        assert!(hooks.len() >= 14, "the hooks were not found");
        assert_eq!(hooks.iter().find(|hook| !ours.contains(&format!("{hook}: "))), None);
    }
}

/// The names of the methods in the block that `head` begins.
fn methods_of<'a>(source: &'a str, head: &str) -> Vec<&'a str> {
    let block = source.split(&format!("\n{head} {{")).nth(1).and_then(|rest| rest.split("\n}").next()).unwrap();
    block.lines().filter_map(|line| line.strip_prefix("    fn ")?.split('(').next()).collect()
}

/// The folder of a dependency.
fn source_of(package: &str) -> PathBuf {
    let output = |command: &mut Command| {
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let version = output(Command::new("rustc").arg("-vV"));
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let arguments = ["metadata", "--format-version=1", "--locked", "--offline", "--filter-platform", host];
    let metadata = output(Command::new(env!("CARGO")).args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")));
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let found = metadata["packages"].as_array().unwrap().iter().find(|found| found["name"] == package).unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

#[test]
fn imports_are_found_however_they_are_written() {
    let code = "use crate::error::{Error, Result};\nuse crate::{ndjson::{a, b}, sink};\nlet x = crate::run::query(y);
        $crate::no; mycrate::no; // crate::seen";
    assert_eq!(imports(&code_of(code)), ["error", "ndjson", "sink", "run", "seen"]);
    let attributes = "#[cfg(test)]\n#[expect(dead_code)]\n";
    assert_eq!(imports(&code_of(&format!("// crate::run\n{attributes}mod tests {{ use crate::run; }}"))), [""; 0]);
    assert_eq!(code_of(&format!("fn f() {{}}\n\n{attributes}mod tests {{ fn g() {{}} }}")).trim(), "fn f() {}");
}
