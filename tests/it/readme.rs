//! The examples of README.md and of the pages in docs/ do what they show.
//!
//! A block marked `console` is a session in a copy of the example project: lines that start with `$ ` are typed, and those
//! below that start with `> ` with them; what stands below is the beginning of what they print. `cargo` is not called from a test; those lines must be the two that CI
//! and the newcomer know.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::project::Project;
use crate::stores::{Bucket, endpoint, environment};

/// The commands that build: run by hand and by CI.
const BUILDS: [&str; 2] = ["cargo run --release -- run", "cargo test"];

struct Example {
    command: String,
    output: Vec<String>,
}

fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    for block in readme.split("```console\n").skip(1) {
        let block = block.split("```").next().unwrap();
        for line in block.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                examples.push(Example { command: command.to_owned(), output: Vec::new() });
                continue;
            }
            let example = examples.last_mut().unwrap();
            match line.strip_prefix("> ") {
                Some(more) => example.command.extend(["\n", more]),
                None => example.output.push(line.to_owned()),
            }
        }
    }
    examples
}

/// Times differ from run to run.
fn without_seconds(line: &str) -> String {
    match line.split_once(" in ").and_then(|(before, rest)| Some((before, rest.split_once(" s -> ")?))) {
        Some((before, (_, after))) => format!("{before} in … s -> {after}"),
        None => line.to_owned(),
    }
}

/// Types what a page shows into a shell, and compares what comes out. Returns the commands that build.
fn check(page: &Path, at_least: usize) -> Vec<String> {
    let project = Project::sample();
    let binary = Path::new(env!("CARGO_BIN_EXE_tidemill"));
    let path = format!("{}:{}", binary.parent().unwrap().display(), std::env::var("PATH").unwrap());
    let examples = examples(&fs::read_to_string(page).unwrap());
    assert!(examples.len() >= at_least, "{} has lost its examples", page.display());
    // The page about stores has one.
    let store = page.ends_with("stores.md").then(|| Bucket::called("demo-bucket"));
    let mut builds = Vec::new();
    for Example { command, output } in examples {
        if command.starts_with("cargo") {
            builds.push(command);
            continue;
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", &format!("exec 2>&1\n{command}")]).current_dir(project.root()).env("PATH", &path);
        if store.is_some() {
            shell.envs(environment(&endpoint()));
        }
        let run = shell.output().unwrap();
        let printed = String::from_utf8(run.stdout).unwrap();
        let page = page.file_name().unwrap().display();
        // What is shown as an error is one.
        let fails = output.iter().any(|line| line.starts_with("error: "));
        assert_eq!(run.status.success(), !fails, "{page}: {command}: {printed}");
        let printed: Vec<String> = printed.lines().map(without_seconds).collect();
        let shown: Vec<String> = output.iter().map(|line| without_seconds(line)).collect();
        assert_eq!(printed[..shown.len().min(printed.len())], shown, "{page}: {command}");
    }
    builds
}

#[test]
fn the_examples_of_the_readme_do_what_they_show() {
    assert_eq!(check(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"), 8), BUILDS);
}

#[test]
fn the_examples_of_the_pages_do_what_they_show() {
    let pages = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs")).unwrap();
    let pages = pages.map(|page| page.unwrap().path()).filter(|page| page.extension().is_some_and(|end| end == "md"));
    for page in pages {
        assert!(check(&page, 1).is_empty(), "a page builds nothing");
    }
}

/// What a project file may say is what it says itself when it is asked for something else.
#[test]
fn the_page_about_settings_has_each_of_them() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/settings.md")).unwrap();
    for (section, row) in [
        ("sources.x", "| `"),
        ("limits", "| `[limits] "),
        ("history", "| `[history] "),
        ("outputs", "| `[outputs] "),
        ("rejects", "| `[rejects] "),
    ] {
        let project = Project::new(&[("tidemill.toml", &format!("[{section}]\nno_such_setting = 1\n"))]);
        let told = String::from_utf8(project.run(&["sql", "SELECT 1"]).stderr).unwrap();
        let keys = told.split("hint: keys are ").nth(1).unwrap_or_else(|| panic!("{told}"));
        for key in keys.trim().split(", ").map(|key| key.trim_matches('`')) {
            assert!(page.contains(&format!("{row}{key}`")), "docs/settings.md lacks `{key}` of [{section}]");
        }
    }
}
