//! Rows for people, as a table or as blocks.
//!
//! Rows wait until there are enough to say how wide columns are, or until nobody wants to wait any longer; then they are
//! shown, and those after them at once.

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

use super::cell::{Cell, Cells, Heading};
use super::expanded;
use super::fit::Slot;
use super::layout::{Expanded, Layout};
use super::rows::Look;
use super::table::{self, Table};
use crate::error::Result;

/// Rows that wait at most. Columns of a longer table are as wide as these ask for.
const WAITING_ROWS: usize = 1000;

/// A result on its way to a person.
pub(super) struct Grid {
    cells: Cells,
    headings: Vec<Heading>,
    layout: Layout,
    waiting: Vec<Vec<Cell>>,
    form: Form,
    /// Rows that were shown.
    shown: usize,
}

/// What the result looks like.
enum Form {
    /// A table, or blocks if that does not fit.
    Open,
    Table(Vec<Slot>),
    Blocks,
}

impl Grid {
    /// Blocks, or what `layout` asks for.
    pub(super) fn new(schema: &SchemaRef, is_expanded: bool, layout: Layout) -> Self {
        let cells = Cells::new(schema);
        let form = if is_expanded || layout.expanded == Expanded::On { Form::Blocks } else { Form::Open };
        Self { headings: cells.headings(), cells, layout, waiting: Vec::new(), form, shown: 0 }
    }

    /// Where a table's values are cut before anything is known of its columns: `…` and what is before it would not be
    /// shown of a longer one.
    fn limit(&self) -> Option<usize> {
        let is_table = match self.form {
            Form::Open => self.layout.expanded == Expanded::Off,
            Form::Table(_) => true,
            Form::Blocks => false,
        };
        let width = self.layout.width.filter(|_| is_table);
        [width, self.layout.max_cell].into_iter().flatten().min()
    }

    /// Shows the rows that wait; the first time, with what stands over them.
    fn show_waiting(&mut self) -> String {
        let mut out = String::new();
        let rows = std::mem::take(&mut self.waiting);
        if let Form::Open = self.form {
            self.form = self.choose(&rows);
            if let Some(table) = self.table() {
                table.head(&mut out);
            }
        }
        for row in &rows {
            self.shown += 1;
            match self.table() {
                Some(table) => table.row(row, &mut out),
                None => expanded::block(&self.headings, self.shown, row, &self.layout, &mut out),
            }
        }
        out
    }

    fn choose(&self, rows: &[Vec<Cell>]) -> Form {
        let may_be_blocks = self.layout.expanded == Expanded::Auto && !rows.is_empty();
        if may_be_blocks && !table::is_readable(&self.headings, rows, &self.layout) {
            return Form::Blocks;
        }
        Form::Table(table::slots(&self.headings, rows, &self.layout))
    }

    /// The table, if it is one. Without columns there is nothing to put into a box.
    fn table(&self) -> Option<Table<'_>> {
        match &self.form {
            Form::Table(slots) => Some(Table { headings: &self.headings, slots, layout: &self.layout }),
            Form::Open | Form::Blocks => None,
        }
    }
}

impl Look for Grid {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        if self.headings.is_empty() {
            return Ok(String::new());
        }
        self.waiting.extend(self.cells.rows(batch, &self.layout.null, self.limit())?);
        let must_wait = matches!(self.form, Form::Open) && self.waiting.len() < WAITING_ROWS;
        Ok(if must_wait { String::new() } else { self.show_waiting() })
    }

    fn show(&mut self) -> Result<String> {
        Ok(if self.waiting.is_empty() { String::new() } else { self.show_waiting() })
    }

    fn finish(&mut self) -> Result<String> {
        if self.headings.is_empty() {
            return Ok(String::new());
        }
        let mut text = self.show_waiting();
        if let Some(table) = self.table() {
            table.foot(&mut text);
        }
        Ok(text)
    }
}
