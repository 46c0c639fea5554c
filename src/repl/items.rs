//! Lines that are typed, pasted or read, as what they ask: commands of the shell, and statements of SQL.
//!
//! A command is a line that starts with `\` or `.` where no statement is open, or what follows a `\` at a statement's end. What
//! ends a statement, and whether a `\` is one and no part of a text, is for the parser's tokens to say. It knows no command.

use crate::dialect::{self, Completeness};

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// A command with what it takes.
    Command(String),
    /// One statement, with its `;` if it has one.
    Statement(String),
    /// A statement that ends with a command.
    Both(String, String),
}

/// An item and the place of its first character in all that was read, both 0-based; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Placed {
    pub(super) item: Item,
    pub(super) line: usize,
    pub(super) column: usize,
}

/// Takes lines, and gives what is complete.
#[derive(Debug, Default)]
pub(super) struct Items {
    open: String,
    /// Bytes of `open` in which nothing ends, and that need not be looked at again; whether they are more than blank.
    settled: usize,
    is_begun: bool,
    /// Where `open` starts.
    line: usize,
    column: usize,
}

impl Items {
    /// The items that this line, whose end may be missing, completes.
    pub(super) fn push(&mut self, line: &str) -> Vec<Placed> {
        let mut found = Vec::new();
        if is_command(line) && self.is_blank_to(self.open.len()) {
            let blank = std::mem::take(&mut self.open);
            self.begin_anew();
            self.step_over(&blank);
            found.push(self.placed(Item::Command(line.trim().to_owned())));
            self.step_over(&ended(line));
            return found;
        }
        self.open.push_str(&ended(line));
        // Without one of these the line completes nothing, and the open text need not be looked at again.
        if line.contains([';', '\\']) {
            while let Some(item) = self.take() {
                found.push(item);
            }
        }
        found
    }

    /// What is left when nothing more comes: a statement whose `;` is missing, if it is one.
    pub(super) fn finish(mut self) -> Option<Placed> {
        if self.is_blank_to(self.open.len()) {
            return None;
        }
        self.skip_space();
        Some(self.placed(Item::Statement(self.open.trim_end().to_owned())))
    }

    /// Whether the open text asks nothing up to this byte.
    fn is_blank_to(&self, end: usize) -> bool {
        !self.is_begun && dialect::completeness(&self.open[self.settled..end]) == Completeness::Blank
    }

    /// The first item of the open text, if it is complete.
    fn take(&mut self) -> Option<Placed> {
        self.skip_space();
        let new = &self.open[self.settled..];
        let statement = dialect::statement_end(new, self.is_begun).map(|end| self.settled + end);
        let end = statement.unwrap_or(self.open.len());
        let (item, end) = match (dialect::first_backslash(&self.open[self.settled..end]), statement) {
            (Some(at), _) => {
                let at = self.settled + at;
                let end = self.open[at..].find('\n').map_or(self.open.len(), |length| at + length);
                let command = self.open[at..end].trim().to_owned();
                let item = if self.is_blank_to(at) {
                    Item::Command(command)
                } else {
                    Item::Both(self.open[..at].trim_end().to_owned(), command)
                };
                (item, end)
            }
            (None, Some(end)) => (Item::Statement(self.open[..end].to_owned()), end),
            (None, None) => {
                let (settled, is_begun) = dialect::settled(new);
                self.is_begun |= is_begun;
                self.settled += settled;
                return None;
            }
        };
        let placed = self.placed(item);
        let rest = self.open.split_off(end);
        let taken = std::mem::replace(&mut self.open, rest);
        self.begin_anew();
        self.step_over(&taken);
        Some(placed)
    }

    fn begin_anew(&mut self) {
        (self.settled, self.is_begun) = (0, false);
    }

    fn skip_space(&mut self) {
        let space = self.open.len() - self.open.trim_start().len();
        self.settled = self.settled.saturating_sub(space);
        let rest = self.open.split_off(space);
        let space = std::mem::replace(&mut self.open, rest);
        self.step_over(&space);
    }

    fn step_over(&mut self, text: &str) {
        self.line += text.matches('\n').count();
        match text.rsplit_once('\n') {
            Some((_, last)) => self.column = last.chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    fn placed(&self, item: Item) -> Placed {
        Placed { item, line: self.line, column: self.column }
    }
}

/// Whether a line is a command where no statement is open.
pub(super) fn is_command(line: &str) -> bool {
    let mut chars = line.trim_start().chars();
    match chars.next() {
        Some('\\') => true,
        Some('.') => chars.next().is_some_and(|c| c.is_ascii_alphabetic()),
        _ => false,
    }
}

/// Whether a text that is being typed can be done as it is.
pub(super) fn is_complete(text: &str) -> bool {
    let mut items = Items::default();
    text.lines().for_each(|line| drop(items.push(line)));
    items.finish().is_none() || is_farewell(text)
}

/// What other shells take for `\q`.
pub(super) fn is_farewell(text: &str) -> bool {
    matches!(text.trim().trim_end_matches(';').to_lowercase().as_str(), "quit" | "exit")
}

fn ended(line: &str) -> String {
    format!("{}\n", line.trim_end_matches(['\n', '\r']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, usize, usize)]) {
        let mut items = Items::default();
        let mut found: Vec<Placed> = text.lines().flat_map(|line| items.push(line)).collect();
        found.extend(items.finish());
        let found: Vec<_> = found
            .iter()
            .map(|Placed { item, line, column }| match item {
                Item::Command(text) | Item::Statement(text) => (text.clone(), *line, *column),
                Item::Both(text, command) => (format!("{text} | {command}"), *line, *column),
            })
            .collect();
        let found: Vec<_> = found.iter().map(|(text, line, column)| (text.as_str(), *line, *column)).collect();
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn lines_are_commands_and_statements() {
        check("SELECT 1;", &[("SELECT 1;", 0, 0)]);
        check("SELECT 1; SELECT\n 2;", &[("SELECT 1;", 0, 0), ("SELECT\n 2;", 0, 10)]);
        check("\\d events\n.tables\nSELECT\n1", &[("\\d events", 0, 0), (".tables", 1, 0), ("SELECT\n1", 2, 0)]);
        check("-- a\n\\x\n", &[("\\x", 1, 0)]);
        check("\n\n  SELECT 1;\n", &[("SELECT 1;", 2, 2)]);
        check(" \n;;\n", &[]);
    }

    #[test]
    fn a_backslash_ends_a_statement_where_it_is_one() {
        check("SELECT 1 \\g out.csv\nSELECT 2;", &[("SELECT 1 | \\g out.csv", 0, 0), ("SELECT 2;", 1, 0)]);
        check("SELECT 1\n\\g", &[("SELECT 1 | \\g", 0, 0)]);
        check("SELECT 1; \\x", &[("SELECT 1;", 0, 0), ("\\x", 0, 10)]);
        check("SELECT '\\g;', \"a\\b\";", &[("SELECT '\\g;', \"a\\b\";", 0, 0)]);
        check("SELECT ';\n\\x\n';", &[("SELECT ';\n\\x\n';", 0, 0)]);
    }

    #[test]
    fn a_long_statement_takes_time_in_proportion() {
        // Each line has a `;` that ends nothing; looking at all of them again for each would take minutes.
        let lines: String = (0..20_000).map(|n| format!("({n}, 'a; b'),\n")).collect();
        let text = format!("SELECT * FROM (VALUES\n{lines}(0, ''));\nSELECT 2;\n");
        let mut items = Items::default();
        let found: Vec<Placed> = text.lines().flat_map(|line| items.push(line)).collect();
        assert_eq!(found.iter().map(|placed| placed.line).collect::<Vec<_>>(), [0, 20_002]);
        assert!(is_complete(&text));
    }

    #[test]
    fn what_can_be_done_is_complete() {
        for text in ["", "  ", "-- a", "SELECT 1;", "\\d", ".help", "SELECT 1\n\\g", "quit", "EXIT;", "SELECT 1 \\gx"] {
            assert!(is_complete(text), "{text}");
        }
        for text in ["SELECT 1", "SELECT ';", "SELECT 1; SELECT", ".5 + 1", "/* ;"] {
            assert!(!is_complete(text), "{text}");
        }
    }
}
