//! What is made of a text: its queries, their tables and names, and in which clause each piece stands.

use std::collections::{HashMap, HashSet};

/// What a statement is made of.
#[derive(Debug, Default)]
pub(in crate::repl::assist) struct Parsed {
    /// The first is the statement's own.
    pub selects: Vec<Select>,
    /// One for each word.
    pub places: Vec<Place>,
    /// The view or table that it makes.
    pub creates: Option<String>,
    /// Whether names in it may be what is not known here.
    pub is_strange: bool,
}

/// A SELECT.
#[derive(Debug, Default)]
pub(in crate::repl::assist) struct Select {
    /// The query around it.
    pub parent: Option<usize>,
    /// Whether columns of the query around are seen in it.
    pub sees_parent: bool,
    /// The one before it in a UNION.
    pub sibling: Option<usize>,
    /// Whether its FROM is written.
    pub has_from: bool,
    /// Whether its SELECT is written.
    pub has_items: bool,
    pub relations: Vec<Relation>,
    /// What it gives.
    pub items: Vec<Item>,
    /// Names that it gives to expressions and to windows, in small letters.
    pub aliases: HashSet<String>,
    /// By name in small letters.
    pub ctes: HashMap<String, Cte>,
}

/// What a SELECT reads.
#[derive(Debug, Default)]
pub(in crate::repl::assist) struct Relation {
    /// In small letters; empty for a query.
    pub path: Vec<String>,
    pub alias: Option<String>,
    pub origin: Origin,
    /// Names that are given to its first columns.
    pub renamed: Vec<String>,
    /// Whether it has windows.
    pub is_windowed: bool,
}

impl Relation {
    /// The name by which its columns are qualified.
    pub fn name(&self) -> Option<&String> {
        self.alias.as_ref().or_else(|| self.path.last())
    }
}

/// Where the rows of a relation come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::repl::assist) enum Origin {
    /// What its path says.
    #[default]
    Named,
    Query(usize),
    /// It is not known what columns there are.
    Unknown,
}

/// A query with a name.
#[derive(Debug, Default)]
pub(in crate::repl::assist) struct Cte {
    pub query: Option<usize>,
    pub renamed: Vec<String>,
}

/// What a SELECT gives.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::repl::assist) enum Item {
    /// All columns, of one relation or of all.
    Star(Option<String>),
    /// A column under its own name.
    Column(Vec<String>),
    /// Something that is given a name, as it is written.
    Named(String),
    /// Something that the engine names: perhaps after one of these words in it.
    Unnamed(HashSet<String>),
    /// Columns that are not known.
    Anything,
}

/// What a word is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repl::assist) struct Place {
    pub select: usize,
    pub clause: Clause,
    pub part: Part,
    /// The word before the bracket that it stands in.
    pub call: Option<usize>,
}

/// The part of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::repl::assist) enum Clause {
    /// Before anything is told.
    Start,
    With,
    Select,
    From,
    On,
    Where,
    Group,
    Having,
    Qualify,
    Window,
    Order,
    Limit,
    /// A statement that is about a table.
    Table,
    Set,
    /// What is not looked into.
    Other,
}

/// How a word stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::repl::assist) enum Part {
    Expression,
    /// A part of a table's name.
    Table,
    /// A name that is given.
    Alias,
}
