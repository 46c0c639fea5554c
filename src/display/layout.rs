//! What whoever shows a result says about how it is to look. It knows no terminal: somebody else has asked it.

/// How results are laid out.
#[derive(Debug, Clone)]
pub struct Layout {
    /// Columns of the terminal; `None` where there is no limit, as in a file.
    pub width: Option<usize>,
    /// Rows of a table, or blocks, that are shown; those beyond are counted. `None` shows all.
    pub max_rows: Option<usize>,
    /// The widest that a value is shown; what is longer is cut.
    pub max_cell: Option<usize>,
    /// What stands for NULL where people read.
    pub null: String,
    /// Whether a terminal shows it, which values must not steer, in the modes for programs, too.
    pub for_terminal: bool,
    /// Whether there is a terminal that shows colours.
    pub colour: bool,
    /// Whether a table becomes blocks, one line per column.
    pub expanded: Expanded,
    /// The table that `INSERT` statements name, as it is written in SQL.
    pub table_name: String,
}

/// Whether a table becomes blocks, one line per column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expanded {
    /// Never: columns that do not fit are left out, and a line says how many.
    Off,
    /// Always.
    On,
    /// Where the table does not fit with at least 12 characters of each value that has as many.
    Auto,
}

impl Default for Layout {
    /// Without a limit of width: 40 rows, `NULL`, no colours.
    fn default() -> Self {
        Self {
            width: None,
            max_rows: Some(40),
            max_cell: None,
            null: "NULL".to_owned(),
            for_terminal: false,
            colour: false,
            expanded: Expanded::Off,
            table_name: "result".to_owned(),
        }
    }
}
