//! What names there are: of tables, columns, functions, commands and all else that can be typed.
//!
//! Who knows them fills this in, as often as they change; it is read at each key, so it is shared and not copied.

use std::collections::HashSet;

use crate::functions::Function;

/// All names.
#[derive(Debug, Clone, Default)]
pub struct Known {
    /// What can be read.
    pub tables: Vec<Table>,
    /// The table that a `SELECT` without `FROM` reads.
    pub default_table: Option<String>,
    /// Saved queries, and a line about each.
    pub queries: Vec<(String, String)>,
    /// What can be called.
    pub functions: Vec<Function>,
    /// Parameters without their `$`, and a line about each.
    pub parameters: Vec<(String, String)>,
    /// Commands of the shell.
    pub commands: Vec<Command>,
}

impl Known {
    /// The table of that name, in any case.
    pub(super) fn table(&self, name: &str) -> Option<&Table> {
        let name = name.to_lowercase();
        self.tables.iter().find(|table| table.key == name)
    }

    /// What a `SELECT` without `FROM` reads.
    pub(super) fn default_table(&self) -> Option<&Table> {
        self.default_table.as_deref().and_then(|name| self.table(name))
    }
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    name: String,
    kind: TableKind,
    help: String,
    columns: Vec<Column>,
    /// In small letters, without quotes.
    key: String,
    /// The columns' names in small letters.
    names: HashSet<String>,
}

impl Table {
    /// A table by its name as it is to be written (`events`, `rejects.events`, `_`) and a line about it. No columns stand for
    /// columns that are not known.
    pub fn new(name: impl Into<String>, kind: TableKind, help: impl Into<String>, columns: Vec<Column>) -> Self {
        let name = name.into();
        let key = name.replace('"', "").to_lowercase();
        let names = columns.iter().map(|column| column.name.to_lowercase()).collect();
        Self { name, kind, help: help.into(), columns, key, names }
    }

    /// As it is to be written.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it is.
    pub fn kind(&self) -> TableKind {
        self.kind
    }

    /// A line about it.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Its columns, in order; none if they are not known.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// Whether there is a column of that name, which is in small letters.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// What a table is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// Of event files.
    Source,
    /// The lines of a source that are no rows.
    Rejects,
    /// What a statement before has answered.
    Result,
    /// A view.
    View,
    /// Made by a statement of this session.
    Created,
}

impl TableKind {
    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Rejects => "rejects",
            Self::Result => "result",
            Self::View => "view",
            Self::Created => "table",
        }
    }
}

/// A column, or a field of one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Column {
    /// Without quotes.
    pub name: String,
    /// In the words in which columns are declared.
    pub data_type: String,
    /// The fields of an object.
    pub fields: Vec<Column>,
    /// The few different values that were seen, as SQL literals; none if there are many.
    pub values: Vec<String>,
}

/// A command of the shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// With its `\` or `.`.
    pub name: String,
    /// What may stand behind it.
    pub takes: Takes,
    /// A line about it.
    pub help: String,
}

/// What a command takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Takes {
    /// Nothing that could be told.
    Nothing,
    /// The name of a table.
    Table,
    /// The name of a function.
    Function,
    /// The name of a saved query.
    Query,
    /// The path of a file.
    File,
    /// The name of a command.
    Command,
    /// One of these words, each with a line about it.
    Words(Vec<(String, String)>),
}
