//! A command line in words, as a shell of the operating system would read them.

use crate::error::{Error, Result};

/// A command and what it is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words {
    name: String,
    rest: String,
}

impl Words {
    /// Of a line that starts with a command's name. A `;` at the end is what fingers do by themselves.
    pub(super) fn of(line: &str) -> Self {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        Self { name: name.to_owned(), rest: rest.trim().to_owned() }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// All behind the name, as it was typed.
    pub(super) fn rest(&self) -> &str {
        &self.rest
    }

    /// The words behind the name; quotes hold what has spaces.
    ///
    /// **Errors**: `Request`, for a quote that has no end.
    pub(super) fn args(&self) -> Result<Vec<String>> {
        let words = split(&self.rest);
        words.ok_or_else(|| Error::request(format!("`{}`: a quote has no end", self.name)))
    }

    /// The one word behind the name, if there is any.
    ///
    /// **Errors**: `Request`, for more of them.
    pub(super) fn one(&self, what: &str) -> Result<Option<String>> {
        let mut args = self.args()?;
        match args.len() {
            0 | 1 => Ok(args.pop()),
            _ => Err(Error::request(format!("`{}` takes {what}, and that is more than one word", self.name))
                .with_hint("put quotes around what has spaces")),
        }
    }

    /// The one word behind the name.
    ///
    /// **Errors**: `Request`, for more or less of them.
    pub(super) fn the_one(&self, what: &str) -> Result<String> {
        let missing = || Error::request(format!("`{}` takes {what}", self.name));
        self.one(what)?.ok_or_else(missing)
    }
}

/// The words of a text, in which `#` begins no comment; `None` for a quote that has no end.
fn split(text: &str) -> Option<Vec<String>> {
    /// For private use, by Unicode; a shell's word has no meaning for it.
    const HASH: &str = "\u{f8ff}";
    let words = shlex::split(&text.replace('#', HASH))?;
    Some(words.into_iter().map(|word| word.replace(HASH, "#")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let words = Words::of("  \\o  'a b.csv' ;");
        assert_eq!((words.name(), words.rest()), ("\\o", "'a b.csv'"));
        assert_eq!(words.the_one("a file").unwrap(), "a b.csv");
        assert_eq!(Words::of("\\set c #fff").args().unwrap(), ["c", "#fff"]);
        assert_eq!(Words::of("\\x").one("a word").unwrap(), None);
        assert!(Words::of("\\x a b").one("a word").is_err());
        assert!(Words::of("\\o 'a").args().is_err());
    }
}
