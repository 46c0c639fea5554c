//! One pattern: which path to start from, and which paths below it are meant.
//!
//! It sees names only, never a file system.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

use super::is_event_file;
use crate::error::{Error, Excerpt, Result};

/// Linux's `PATH_MAX`: a longer pattern names nothing.
const MAX_BYTES: usize = 4096;

/// A pattern taken apart.
pub(super) struct Pattern {
    /// The path before the first part that has a wildcard; relative to the root, or absolute.
    pub fixed: PathBuf,
    /// What is meant at or below `fixed`.
    pub names: Names,
}

/// What a pattern means at its fixed path.
pub(super) enum Names {
    /// The file or folder at that path.
    Exactly,
    /// What matches below it.
    Matching(Below),
}

/// Which paths below a folder are meant; all paths here are relative to it.
pub(super) struct Below {
    /// The deepest that a file can be.
    pub max_depth: usize,
    whole: GlobSet,
    /// For the outer folders, whose depth is known: what the name of each must match.
    levels: Vec<GlobSet>,
    /// What a name that starts with a dot must match.
    hidden: GlobSet,
    /// The last part holds wildcards only: it asks for event files, not for each file.
    by_extension: bool,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self> {
        if text.is_empty() || text.contains('\0') || text.len() > MAX_BYTES {
            let message = format!("a pattern has 1 to {MAX_BYTES} bytes and no NUL");
            return Err(Error::request(message).with_hint("the default is `inputs/*.out`"));
        }
        let mut fixed = PathBuf::from(if text.starts_with('/') { "/" } else { "" });
        let mut parts = text.split('/').filter(|part| !matches!(*part, "" | "."));
        let mut rest: Vec<&str> = Vec::new();
        for part in parts.by_ref() {
            if part.contains(['*', '?', '[', '{', '}', '\\']) {
                rest.push(part);
                break;
            }
            fixed.push(part);
        }
        rest.extend(parts);
        if rest.is_empty() {
            return Ok(Self { fixed, names: Names::Exactly });
        }
        if rest.contains(&"..") {
            return Err(not_a_pattern(text, text.rfind("..").unwrap_or(0), "`..` stands behind a wildcard"));
        }
        if text.ends_with('/') {
            rest.push("**");
        }
        match Below::compile(&rest) {
            Ok(below) => Ok(Self { fixed, names: Names::Matching(below) }),
            Err(error) => Err(not_a_pattern(text, culprit(text), &reason(&error))),
        }
    }

    /// What a folder means.
    pub(super) fn everything_below() -> Below {
        Below::compile(&["**"]).expect("`**` is a pattern")
    }
}

impl Below {
    fn compile(parts: &[&str]) -> Result<Self, globset::Error> {
        let text = parts.join("/");
        // A part that is none by itself is one half of braces that hold a `/`; from there on, depths are not known.
        let levels = parts.iter().take_while(|part| !part.contains("**")).map_while(|part| set([*part]).ok()).collect();
        let dots = parts.iter().copied().filter(|part| part.starts_with('.') && glob(part).is_ok());
        Ok(Self {
            max_depth: if text.contains("**") { usize::MAX } else { parts.len() },
            whole: set([text.as_str()])?,
            levels,
            hidden: set(dots)?,
            by_extension: parts.last().is_some_and(|last| last.bytes().all(|byte| matches!(byte, b'*' | b'?'))),
        })
    }

    /// Whether an entry is to be looked at: `depth` is 1 for what stands in the folder itself.
    pub(super) fn admits(&self, depth: usize, name: &OsStr, is_folder: bool) -> bool {
        if name.as_encoded_bytes().starts_with(b".") && !self.hidden.is_match(name) {
            return false;
        }
        !is_folder || depth.checked_sub(1).and_then(|n| self.levels.get(n)).is_none_or(|level| level.is_match(name))
    }

    /// Whether a file with this path is meant, as far as its names tell.
    pub(super) fn means(&self, path: &Path) -> bool {
        let count = path.iter().count();
        count <= self.max_depth
            && path.iter().enumerate().all(|(n, name)| self.admits(n + 1, name, n + 1 < count))
            && self.matches(path)
    }

    /// Whether a file with this path is meant; its folders have been admitted.
    pub(super) fn matches(&self, path: &Path) -> bool {
        self.whole.is_match(path) && (!self.by_extension || is_event_file(path))
    }
}

fn glob(text: &str) -> Result<Glob, globset::Error> {
    GlobBuilder::new(text).literal_separator(true).empty_alternates(true).build()
}

/// A set even of one: `Glob::compile_matcher` panics where the pattern is too large, a set gives an error.
fn set<'a>(globs: impl IntoIterator<Item = &'a str>) -> Result<GlobSet, globset::Error> {
    let mut builder = GlobSetBuilder::new();
    for text in globs {
        builder.add(glob(text)?);
    }
    builder.build()
}

/// The byte that a fault begins at: what follows the longest beginning that is a pattern. `globset` does not tell.
fn culprit(text: &str) -> usize {
    text.char_indices().map(|(at, _)| at).rev().find(|at| glob(&text[..*at]).is_ok()).unwrap_or(0)
}

fn reason(error: &globset::Error) -> String {
    match error.kind() {
        globset::ErrorKind::UnclosedClass => "this `[` is not closed".to_owned(),
        globset::ErrorKind::UnclosedAlternates => "this `{` is not closed".to_owned(),
        globset::ErrorKind::UnopenedAlternates => "this `}` closes nothing".to_owned(),
        globset::ErrorKind::DanglingEscape => "nothing follows the `\\`".to_owned(),
        globset::ErrorKind::InvalidRange(from, to) => format!("`{from}` stands behind `{to}`"),
        // The words of the regex engine would be about a text that nobody wrote.
        _ => "it is too large".to_owned(),
    }
}

fn not_a_pattern(text: &str, at: usize, reason: &str) -> Error {
    let width = text[at..].chars().next().map_or(0, char::len_utf8);
    let excerpt = Excerpt {
        name: "pattern".to_owned(),
        text: text.to_owned(),
        first_line: 1,
        first_column: 0,
        span: at..at + width,
        label: reason.to_owned(),
    };
    Error::request(format!("`{text}` is not a pattern: {reason}"))
        .with_hint("put a `\\` before a character that stands for itself")
        .with_excerpt(excerpt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pattern: &str, path: &str, expected: bool) {
        let Pattern { fixed, names } = Pattern::parse(pattern).unwrap();
        let matches = match (&names, Path::new(path).strip_prefix(fixed)) {
            (Names::Exactly, Ok(path)) => path == Path::new(""),
            (Names::Matching(below), Ok(path)) => below.means(path),
            (_, Err(_)) => false,
        };
        assert_eq!(matches, expected, "{pattern} and {path}");
    }

    fn fails(pattern: &str, expected: &str, pointed: &str) {
        let error = Pattern::parse(pattern).err().unwrap();
        let excerpt = error.problem().unwrap().excerpt.clone().unwrap();
        assert_eq!(error.to_string(), format!("`{pattern}` is not a pattern: {expected}"));
        assert_eq!((&pattern[excerpt.span.start..], error.kind()), (pointed, "request"), "{pattern}");
    }

    #[test]
    fn wildcards_do_not_cross_folders() {
        check("inputs/*.out", "inputs/a.out", true);
        check("inputs/*.out", "inputs/a.out.gz", false);
        check("inputs/*.out", "inputs/x/a.out", false);
        check("inputs/?.out", "inputs/a.out", true);
        check("inputs/a?b.out", "inputs/a/b.out", false);
        check("inputs/[ab].out", "inputs/b.out", true);
        check("inputs/[!ab].out", "inputs/b.out", false);
        check("*.out", "a.out", true);
        check("/data/*/a.out", "/data/x/a.out", true);
    }

    #[test]
    fn two_stars_do() {
        check("inputs/**/*.out", "inputs/a.out", true);
        check("inputs/**/*.out", "inputs/x/y/a.out", true);
        check("**/*.out", "inputs/x/y/a.out", true);
        check("inputs/**/y/*.out", "inputs/x/z/a.out", false);
        check("inputs/a**.out", "inputs/ax/b.out", false);
    }

    #[test]
    fn braces_choose() {
        check("inputs/*.out{,.gz}", "inputs/a.out", true);
        check("inputs/*.out{,.gz}", "inputs/a.out.gz", true);
        check("inputs/{a,b}/*.out", "inputs/b/1.out", true);
        check("inputs/{a/1,b}.out", "inputs/a/1.out", true);
        check("inputs/{a/1,b}.out", "inputs/c/1.out", false);
        check("inputs/x{a/1,b}/{c,d/e}.out", "inputs/xa/1/d/e.out", true);
    }

    #[test]
    fn wildcards_alone_ask_for_event_files() {
        for all in ["inputs/*", "inputs/**", "inputs/**/*", "inputs/?????*", "*/"] {
            check(all, "inputs/a.JSON", true);
            check(all, "inputs/a.jsonl.gz", true);
            check(all, "inputs/readme.md", false);
            check(all, "inputs/out", false);
            check(all, "inputs/a.log.gz", false);
        }
        check("inputs/part-*", "inputs/part-0001", true);
        check("inputs/*.*", "inputs/a.log", true);
    }

    #[test]
    fn dots_are_named_or_hidden() {
        check("inputs/*.out", "inputs/.a.out", false);
        check("inputs/**", "inputs/.stage1/a.out", false);
        check("inputs/.*.out", "inputs/.a.out", true);
        check("inputs/.stage1/*.out", "inputs/.stage1/a.out", true);
        check("inputs/.stage1/*.out", "inputs/.stage1/.a.out", false);
        check("**/.cache/*.out", "x/.cache/a.out", true);
        check("**/.cache/*.out", ".git/.cache/a.out", false);
        check("inputs/.a.out", "inputs/.a.out", true);
    }

    #[test]
    fn spelling_of_paths_does_not_matter() {
        check("./inputs//*.out", "inputs/a.out", true);
        check("inputs/", "inputs", true);
        check("../x/*.out", "../x/a.out", true);
        check("inputs/\\*.out", "inputs/*.out", true);
        check("inputs/\\*.out", "inputs/a.out", false);
        check("inputs/*/./a.out", "inputs/x/a.out", true);
    }

    #[test]
    fn faults_are_pointed_at() {
        fails("inputs/a[b", "this `[` is not closed", "[b");
        fails("inputs/{a}{b,c", "this `{` is not closed", "{b,c");
        fails("inputs/a}b{", "this `}` closes nothing", "}b{");
        fails("é/a\\", "nothing follows the `\\`", "\\");
        fails("a/[z-a]", "`z` stands behind `a`", "[z-a]");
        fails("a/*/../b", "`..` stands behind a wildcard", "../b");
    }

    #[test]
    fn hostile_patterns_are_refused() {
        for pattern in [String::new(), "a\0b".into(), "x".repeat(5000)] {
            assert_eq!(Pattern::parse(&pattern).err().unwrap().kind(), "request");
        }
        let deep = format!("{}{}", "{".repeat(2048), "}".repeat(2048));
        let wide = "[!a]".repeat(1024);
        for pattern in [deep, wide, "{".repeat(4096), "?".repeat(4096), "{a,".repeat(1300), "**/".repeat(1300)] {
            // Accepted or not: without a panic, and in time.
            let _ = Pattern::parse(&pattern);
        }
    }
}
