//! A result on its way to whoever asked: batches in, text out as soon as there is some.
//!
//! ```
//! # use std::sync::Arc;
//! # use arrow::array::{Int64Array, RecordBatch};
//! # use tidemill::display::{layout::Layout, mode::Mode, rows::Rows};
//! let batch = RecordBatch::try_from_iter([("answer", Arc::new(Int64Array::from(vec![42])) as _)]).unwrap();
//! let mut rows = Rows::new(&batch.schema(), Mode::Table, Layout::default())?;
//! let mut text = rows.push(&batch)?;
//! text += &rows.finish()?;
//! text += &rows.count_line();
//! assert_eq!(text, "\
//! ┌────────┐
//! │ answer │
//! │ bigint │
//! ├────────┤
//! │     42 │
//! └────────┘
//! 1 row");
//! # Ok::<(), tidemill::error::Error>(())
//! ```

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use indicatif::HumanCount;

use super::encoded::{Encoded, JsonArray};
use super::grid::Grid;
use super::insert::Insert;
use super::layout::Layout;
use super::markup::{Html, Markdown};
use super::mode::Mode;
use super::plan::Plan;
use super::text::clean;
use super::tsv::Tsv;
use crate::error::Result;
use crate::sink::Format;

/// Makes text of batches of one schema.
pub(super) trait Look: Send {
    /// What can be shown with the rows of `batch`.
    fn push(&mut self, batch: &RecordBatch) -> Result<String>;

    /// What waits to be shown, though more may come.
    fn show(&mut self) -> Result<String> {
        Ok(String::new())
    }

    /// What is left to show, and the end.
    fn finish(&mut self) -> Result<String>;
}

/// A result in some [`Mode`].
///
/// A table is shown when the rows are there that it shows, or a thousand, and at the end otherwise; all other modes show
/// rows as they come. For people (see [`Mode::is_for_people`]) values hold nothing that would steer a terminal, no line
/// is wider than it (but of a plan, as `EXPLAIN` answers), and only the first [`Layout::max_rows`] are shown. The modes for programs have every row, and values
/// as they are.
pub struct Rows {
    look: Box<dyn Look>,
    max_rows: usize,
    seen: usize,
    shown: usize,
    is_finished: bool,
    /// Whether what would steer a terminal must be taken out of the text: of modes for programs, shown to a person.
    is_cleaned: bool,
}

impl Rows {
    /// For batches of `schema`.
    ///
    /// **Errors**: [`Error::Sql`](crate::error::Error::Sql) if the mode cannot hold the type of a column, or if two have
    /// one name and it is for programs.
    pub fn new(schema: &SchemaRef, mode: Mode, layout: Layout) -> Result<Self> {
        let max_rows = layout.max_rows.filter(|_| mode.is_for_people()).unwrap_or(usize::MAX);
        let is_cleaned = layout.for_terminal && !mode.is_for_people();
        let plan = Plan::new(schema, &layout).filter(|_| matches!(mode, Mode::Table | Mode::Expanded));
        let look: Box<dyn Look> = match (mode, plan) {
            (_, Some(plan)) => Box::new(plan),
            (Mode::Table, _) => Box::new(Grid::new(schema, false, layout)),
            (Mode::Expanded, _) => Box::new(Grid::new(schema, true, layout)),
            (Mode::Ndjson, _) => Box::new(Encoded::new(Format::Json, schema)?),
            (Mode::Json, _) => Box::new(JsonArray::new(schema)?),
            (Mode::Csv, _) => Box::new(Encoded::new(Format::Csv, schema)?),
            (Mode::Tsv, _) => Box::new(Tsv::new(schema)?),
            (Mode::Markdown, _) => Box::new(Markdown::new(schema, &layout)),
            (Mode::Html, _) => Box::new(Html::new(schema, &layout)),
            (Mode::Insert, _) => Box::new(Insert::new(schema, &layout)?),
        };
        Ok(Self { look, max_rows, seen: 0, shown: 0, is_finished: false, is_cleaned })
    }

    /// Takes rows, and returns the text that can be shown now: whole lines, but for a JSON array, whose last line waits for
    /// what comes behind it.
    ///
    /// **Errors**: [`Error::Data`](crate::error::Error::Data) for a value that the mode cannot hold. Then the result is at
    /// its end.
    pub fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        self.seen += batch.num_rows();
        let room = batch.num_rows().min(self.max_rows - self.shown);
        if self.is_finished {
            return Ok(String::new());
        }
        self.shown += room;
        let mut text = self.look.push(&batch.slice(0, room))?;
        if self.is_cleaned {
            text = text.split_inclusive(['\n', '\t']).map(cleaned).collect();
        }
        if self.shown == self.max_rows {
            text += &self.finish()?;
        }
        Ok(text)
    }

    /// The text of the rows that wait for more to be shown with: for someone who has waited long enough.
    ///
    /// **Errors**: as [`Rows::push`].
    pub fn show(&mut self) -> Result<String> {
        if self.is_finished { Ok(String::new()) } else { self.look.show() }
    }

    /// The text that is left. The line that counts rows is apart, see [`Rows::count_line`].
    ///
    /// **Errors**: as [`Rows::push`].
    pub fn finish(&mut self) -> Result<String> {
        if std::mem::replace(&mut self.is_finished, true) { Ok(String::new()) } else { self.look.finish() }
    }

    /// Rows that were pushed.
    pub fn rows_seen(&self) -> usize {
        self.seen
    }

    /// Rows of them that are shown.
    pub fn rows_shown(&self) -> usize {
        self.shown
    }

    /// [`count_line`] of these rows.
    pub fn count_line(&self) -> String {
        count_line(self.seen, self.shown)
    }
}

/// A piece of text with the line break or tab that may end it.
fn cleaned(piece: &str) -> String {
    let end = if piece.ends_with(['\n', '\t']) { &piece[piece.len() - 1..] } else { "" };
    clean(&piece[..piece.len() - end.len()], None) + end
}

/// How many rows there are, and how many of them are shown, without an end of the line.
pub fn count_line(rows: usize, shown: usize) -> String {
    let count = |rows: usize| HumanCount(rows as u64);
    let word = if rows == 1 { "row" } else { "rows" };
    match shown {
        _ if shown >= rows => format!("{} {word}", count(rows)),
        0 => format!("… {} {word}, none shown", count(rows)),
        1 => format!("… {} {word}, the first shown", count(rows)),
        shown => format!("… {} {word}, the first {} shown", count(rows), count(shown)),
    }
}

#[cfg(test)]
mod tests {
    use arrow::array::RecordBatchOptions;
    use proptest::prelude::*;
    use unicode_width::UnicodeWidthStr;

    use super::super::layout::Expanded;
    use super::super::testing::{KINDS, batch, batches, integers, shown};
    use super::*;

    fn numbers(rows: i64) -> RecordBatch {
        batch([("n", integers(0..rows))])
    }

    #[test]
    fn rows_are_counted_in_words() {
        let check = |rows, shown, expected: &str| assert_eq!(count_line(rows, shown), expected);
        check(0, 0, "0 rows");
        check(1, 1, "1 row");
        check(6017, 6017, "6,017 rows");
        check(6017, 40, "… 6,017 rows, the first 40 shown");
        check(1, 0, "… 1 row, none shown");
        check(2, 1, "… 2 rows, the first shown");
        check(2_000_000, 1000, "… 2,000,000 rows, the first 1,000 shown");
    }

    #[test]
    fn a_table_is_shown_as_soon_as_its_rows_are_there() {
        let mut rows = Rows::new(&numbers(0).schema(), Mode::Table, Layout::default()).unwrap();
        assert_eq!(rows.push(&numbers(30)).unwrap(), "");
        let text = rows.push(&numbers(30)).unwrap();
        assert_eq!(text.lines().count(), 4 + 40 + 1);
        assert!(text.ends_with("│      9 │\n└────────┘\n"), "{text}");
        assert_eq!(rows.push(&numbers(6000)).unwrap() + &rows.show().unwrap() + &rows.finish().unwrap(), "");
        assert_eq!(rows.count_line(), "… 6,060 rows, the first 40 shown");
    }

    #[test]
    fn rows_that_wait_can_be_asked_for() {
        let mut rows = Rows::new(&numbers(0).schema(), Mode::Table, Layout::default()).unwrap();
        assert_eq!(rows.show().unwrap(), "");
        assert_eq!(rows.push(&numbers(1)).unwrap(), "");
        let head = "┌────────┐\n│      n │\n│ bigint │\n├────────┤\n";
        assert_eq!(rows.show().unwrap(), format!("{head}│      0 │\n"));
        assert_eq!(rows.push(&numbers(1)).unwrap(), "│      0 │\n");
        assert_eq!(rows.show().unwrap() + &rows.finish().unwrap(), "└────────┘\n");
    }

    #[test]
    fn nothing_steers_a_terminal() {
        let batch = batch([("a\u{9b}", super::super::testing::texts([Some("\u{1b}]0;x\u{7}\u{9b}31m")]))]);
        for mode in Mode::ALL {
            let layout = Layout { for_terminal: true, ..Layout::default() };
            let text = shown(mode, layout, std::slice::from_ref(&batch)).unwrap();
            assert!(text.chars().all(|char| char == '\n' || !char.is_control()), "{mode}: {text:?}");
        }
    }

    #[test]
    fn modes_for_programs_have_every_row() {
        for mode in Mode::ALL {
            let text = shown(mode, Layout::default(), &[numbers(50), numbers(50)]).unwrap();
            assert_eq!(text.contains("49"), !mode.is_for_people(), "{mode}: {text}");
        }
    }

    #[test]
    fn what_has_no_rows_or_no_columns_is_no_failure() {
        let options = RecordBatchOptions::new().with_row_count(Some(2));
        let bare =
            RecordBatch::try_new_with_options(arrow::datatypes::Schema::empty().into(), vec![], &options).unwrap();
        for mode in Mode::ALL {
            shown(mode, Layout::default(), &[numbers(0)]).unwrap();
            let text = shown(mode, Layout::default(), std::slice::from_ref(&bare));
            assert_eq!(text.is_err(), mode == Mode::Insert, "{mode}");
        }
    }

    fn layout() -> impl Strategy<Value = Layout> {
        let expanded = prop::sample::select(vec![Expanded::Off, Expanded::On, Expanded::Auto]);
        let (width, max_cell) = (prop::option::weighted(0.9, 1..300_usize), prop::option::of(1..40_usize));
        (width, max_cell, prop::option::of(0..9_usize), any::<bool>(), expanded).prop_map(
            |(width, max_cell, max_rows, colour, expanded)| Layout {
                width,
                max_cell,
                max_rows,
                colour,
                expanded,
                ..Layout::default()
            },
        )
    }

    proptest! {
        #[test]
        fn people_see_no_line_that_is_too_wide(batches in batches((0..KINDS).collect()), layout in layout()) {
            for mode in [Mode::Table, Mode::Expanded] {
                let text = shown(mode, layout.clone(), &batches).unwrap();
                let plain = anstream::adapter::strip_str(&text).to_string();
                prop_assert_eq!(text == plain, !layout.colour || plain.is_empty());
                prop_assert!(plain.chars().all(|c| c == '\n' || !c.is_control()), "{:?}", plain);
                let widest = layout.width.unwrap_or(usize::MAX);
                for line in plain.lines() {
                    prop_assert!(super::super::text::width(line) <= widest && line.width() <= widest, "{}", plain);
                }
            }
        }

        #[test]
        fn batches_do_not_show(batches in batches((1..KINDS).collect()), layout in layout()) {
            let whole = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
            for mode in Mode::ALL {
                let told = |result: Result<String>| result.map_err(|error| error.chain());
                let once = told(shown(mode, layout.clone(), std::slice::from_ref(&whole)));
                prop_assert_eq!(told(shown(mode, layout.clone(), &batches)), once, "{}", mode);
            }
        }
    }
}
