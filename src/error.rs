//! Failures, sorted by who must act, with what a person needs to act: what, where, why, what next.
//!
//! A message is a lower-case fragment that names the thing in backticks; the cause stays a `source` and is joined
//! by the printer. Nothing here prints, and nothing here knows the engine: its errors become these in `session`.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use serde::Serialize;

/// A result whose error is an [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done. The variant says who must act, and so the exit code.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong: arguments, settings, names of queries. Exit code 2.
    #[error(transparent)]
    Request(Box<Problem>),
    /// The SQL is wrong. Exit code 2.
    #[error(transparent)]
    Sql(Box<Problem>),
    /// An input is missing, unreadable or broken as a whole. Exit code 3.
    #[error(transparent)]
    Input(Box<Problem>),
    /// The statement ran, and the data stopped it: rejects over the budget, a value that an expression cannot take. Exit code 1.
    #[error(transparent)]
    Data(Box<Problem>),
    /// The machine stopped it: a full disk, a folder that cannot be written, memory. Exit code 1.
    #[error(transparent)]
    Machine(Box<Problem>),
    /// A fault of tidemill's own. Exit code 70.
    #[error(transparent)]
    Internal(Box<Problem>),
    /// A signal asked to stop. Exit code 128 + its number.
    #[error("stopped by signal {0}")]
    Interrupted(u8),
    /// Whoever waited for the work went away, so it was not finished. Nobody is left to be told.
    #[error("nobody waits for it any more")]
    Stopped,
    /// The columns that were guessed from a sample are not those of the whole input. Whoever guessed tries again.
    #[error("the columns are others than a sample showed")]
    Drift,
    /// A failure that was told already; only its exit code is left to give.
    #[error("told before")]
    Told(u8),
    /// The reader of standard output went away, as `head` does. Not a failure: exit code 0.
    #[error("standard output was closed")]
    ClosedPipe,
}

/// What is told about a failure.
#[derive(Debug)]
pub struct Problem {
    /// A lower-case fragment without full stop; does not repeat `source`.
    pub message: String,
    /// The place in a text that the user wrote or fed.
    pub excerpt: Option<Excerpt>,
    /// What to do next.
    pub hint: Option<String>,
    /// The cause.
    pub source: Option<Box<dyn StdError + Send + Sync>>,
    /// What became of the result.
    pub fate: Fate,
}

/// What became of the result of a run that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was not put in its place.
    #[default]
    Unpublished,
    /// It stands in its place nonetheless.
    InPlace,
    /// Nobody has said whether it stands in its place.
    Unknown,
}

impl Excerpt {
    /// Line and column of the place within `name`, both 1-based; columns count characters.
    pub fn line_and_column(&self) -> (usize, usize) {
        let before = &self.text[..self.span.start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let lines = before.matches('\n').count();
        let cut = if lines == 0 { self.first_column } else { 0 };
        (self.first_line + lines, cut + before[line_start..].chars().count() + 1)
    }
}

/// A place in a text, with enough of the text around it to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file's path, or what else the text came from.
    pub name: String,
    /// The text: a whole file where it is small, or the one line that matters.
    pub text: String,
    /// Number of the first line of `text` within `name`, 1-based.
    pub first_line: usize,
    /// Characters of that line that stand before `text`.
    pub first_column: usize,
    /// The bytes of `text` to point at; may be empty.
    pub span: Range<usize>,
    /// A few words to stand under the caret; may be empty.
    pub label: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl StdError for Problem {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

impl Problem {
    fn boxed(message: String) -> Box<Self> {
        Box::new(Self { message, excerpt: None, hint: None, source: None, fate: Fate::default() })
    }
}

impl Error {
    /// See [`Error::Request`].
    pub fn request(message: impl Into<String>) -> Self {
        Self::Request(Problem::boxed(message.into()))
    }

    /// See [`Error::Sql`].
    pub fn sql(message: impl Into<String>) -> Self {
        Self::Sql(Problem::boxed(message.into()))
    }

    /// See [`Error::Input`].
    pub fn input(message: impl Into<String>) -> Self {
        Self::Input(Problem::boxed(message.into()))
    }

    /// See [`Error::Data`].
    pub fn data(message: impl Into<String>) -> Self {
        Self::Data(Problem::boxed(message.into()))
    }

    /// See [`Error::Machine`].
    pub fn machine(message: impl Into<String>) -> Self {
        Self::Machine(Problem::boxed(message.into()))
    }

    /// See [`Error::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(Problem::boxed(message.into()))
    }

    /// The file at `path` could not be read.
    pub fn unreadable(path: &Path, source: std::io::Error) -> Self {
        Self::input(format!("cannot read `{}`", path.display())).with_source(source)
    }

    /// The file at `path` could not be written.
    pub fn unwritable(path: &Path, source: std::io::Error) -> Self {
        Self::machine(format!("cannot write `{}`", path.display())).with_source(source)
    }

    /// Says what became of the result.
    #[must_use]
    pub fn with_fate(mut self, fate: Fate) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.fate = fate;
        }
        self
    }

    /// What became of the result.
    pub fn fate(&self) -> Fate {
        self.problem().map_or(Fate::default(), |problem| problem.fate)
    }

    /// Says what to do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.hint = Some(hint.into());
        }
        self
    }

    /// Says what to do next, if that is known.
    #[must_use]
    pub fn with_hint_if(self, hint: Option<String>) -> Self {
        match hint {
            Some(hint) => self.with_hint(hint),
            None => self,
        }
    }

    /// Says where.
    #[must_use]
    pub fn with_excerpt(mut self, excerpt: Excerpt) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.excerpt = Some(excerpt);
        }
        self
    }

    /// Says where, if that is known.
    #[must_use]
    pub fn at(self, excerpt: Option<Excerpt>) -> Self {
        match excerpt {
            Some(excerpt) => self.with_excerpt(excerpt),
            None => self,
        }
    }

    /// The same failure where its place, in a text called `name`, is one in a longer text: so many lines, and so many
    /// characters of the first, stand before.
    #[must_use]
    pub fn moved(mut self, name: &str, lines: usize, characters: usize) -> Self {
        let excerpt = self.problem_mut().and_then(|problem| problem.excerpt.as_mut());
        if let Some(excerpt) = excerpt.filter(|excerpt| excerpt.name == name) {
            if excerpt.first_line == 1 {
                excerpt.first_column += characters;
            }
            excerpt.first_line += lines;
        }
        self
    }

    /// Says more in the message, behind what it says.
    #[must_use]
    pub fn with_more(mut self, more: &str) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.message.push_str(more);
        }
        self
    }

    /// Keeps the cause.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        if let Some(problem) = self.problem_mut() {
            problem.source = Some(source.into());
        }
        self
    }

    /// What is told about it; `None` for the variants that are no failure of anything.
    pub fn problem(&self) -> Option<&Problem> {
        match self {
            Self::Request(p) | Self::Sql(p) | Self::Input(p) | Self::Data(p) | Self::Machine(p) | Self::Internal(p) => {
                Some(p)
            }
            Self::Interrupted(_) | Self::Stopped | Self::Drift | Self::Told(_) | Self::ClosedPipe => None,
        }
    }

    fn problem_mut(&mut self) -> Option<&mut Problem> {
        match self {
            Self::Request(p) | Self::Sql(p) | Self::Input(p) | Self::Data(p) | Self::Machine(p) | Self::Internal(p) => {
                Some(p)
            }
            Self::Interrupted(_) | Self::Stopped | Self::Drift | Self::Told(_) | Self::ClosedPipe => None,
        }
    }

    /// The process's exit code: part of the interface.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::ClosedPipe => 0,
            Self::Data(_) | Self::Machine(_) => 1,
            Self::Request(_) | Self::Sql(_) => 2,
            Self::Input(_) => 3,
            Self::Internal(_) | Self::Stopped | Self::Drift => 70,
            Self::Interrupted(signal) => 128 + signal,
            Self::Told(exit_code) => *exit_code,
        }
    }

    /// The same failure once more, for an owner that only lent it: its causes are folded into the message.
    #[must_use]
    pub fn told_again(&self) -> Self {
        let told = || {
            let mut told = Problem::boxed(self.chain());
            if let Some(Problem { excerpt, hint, fate, .. }) = self.problem() {
                *told = Problem { excerpt: excerpt.clone(), hint: hint.clone(), fate: *fate, ..*told };
            }
            told
        };
        match self {
            Self::Request(_) => Self::Request(told()),
            Self::Sql(_) => Self::Sql(told()),
            Self::Input(_) => Self::Input(told()),
            Self::Data(_) => Self::Data(told()),
            Self::Machine(_) => Self::Machine(told()),
            Self::Internal(_) => Self::Internal(told()),
            Self::Interrupted(signal) => Self::Interrupted(*signal),
            Self::Stopped => Self::Stopped,
            Self::Drift => Self::Drift,
            Self::Told(exit_code) => Self::Told(*exit_code),
            Self::ClosedPipe => Self::ClosedPipe,
        }
    }

    /// One word for who must act, for machines that read the report.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Request(_) => "request",
            Self::Sql(_) => "sql",
            Self::Input(_) => "input",
            Self::Data(_) => "data",
            Self::Machine(_) => "machine",
            Self::Internal(_) => "internal",
            Self::Interrupted(_) => "interrupted",
            Self::Stopped => "stopped",
            Self::Drift => "drift",
            Self::Told(_) => "told",
            Self::ClosedPipe => "closed-pipe",
        }
    }

    /// The message and its causes on one line, joined by `: `; a cause that its effect already repeats is left out.
    pub fn chain(&self) -> String {
        let mut text = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let message = error.to_string();
            if !text.contains(&message) {
                text = format!("{text}: {message}");
            }
            cause = error.source();
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_joins_causes_once() {
        let io = std::io::Error::other("the disk is on fire");
        let error = Error::unwritable(Path::new("outputs/a.json"), io);
        assert_eq!(error.chain(), "cannot write `outputs/a.json`: the disk is on fire");
        assert_eq!(error.exit_code(), 1);
    }

    #[test]
    fn signals_exit_as_shells_expect() {
        assert_eq!(Error::Interrupted(2).exit_code(), 130);
        assert_eq!(Error::Interrupted(15).exit_code(), 143);
        assert_eq!(Error::ClosedPipe.exit_code(), 0);
    }
}
