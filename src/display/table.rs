//! A table in a box: names, types under them, a line per row.
//!
//! Which columns it shows and how wide they are is decided once, by the rows that were there by then; what is longer is
//! cut.

use anstyle::Style;

use super::cell::{Cell, Heading};
use super::fit::{Need, Slot, fit, fits};
use super::layout::Layout;
use super::line::{DIM, Line, NAME};
use super::text::{cut, width, wrap};

/// What a column keeps of a text: four characters and the `…`.
const LEAST_TEXT: usize = 5;
/// What a table has to keep of each text, or else blocks are easier to read.
const LEAST_TEXT_OR_BLOCKS: usize = 12;
/// Numbers and timestamps are shown whole up to here: a part of one is a wrong one. The longest timestamp has 35.
const LEAST_NUMBER: usize = 35;
/// A type makes a column no wider than this.
const WIDEST_TYPE: usize = 24;

/// The corners and crossings of a line between rows.
struct Rule(char, char, char);

const TOP: Rule = Rule('┌', '┬', '┐');
const MIDDLE: Rule = Rule('├', '┼', '┤');
const BOTTOM: Rule = Rule('└', '┴', '┘');

/// Whether a table of `rows` fits well enough that blocks are not easier to read.
pub(super) fn is_readable(headings: &[Heading], rows: &[Vec<Cell>], layout: &Layout) -> bool {
    fits(&needs(headings, rows, LEAST_TEXT_OR_BLOCKS), layout.width)
}

fn needs(headings: &[Heading], rows: &[Vec<Cell>], least_text: usize) -> Vec<Need> {
    let need = |(index, heading): (usize, &Heading)| {
        let values = rows.iter().map(|row| row[index].width).max().unwrap_or_default();
        let name = width(&heading.name);
        let natural = values.max(name).max(width(&heading.kind).min(WIDEST_TYPE));
        let least_value = if heading.is_right { values.min(LEAST_NUMBER) } else { 0 };
        Need { natural, least: least_value.max(natural.min(least_text)) }
    };
    headings.iter().enumerate().map(need).collect()
}

/// The columns that are shown of a table that starts with `rows`, and their widths.
pub(super) fn slots(headings: &[Heading], rows: &[Vec<Cell>], layout: &Layout) -> Vec<Slot> {
    fit(&needs(headings, rows, LEAST_TEXT), layout.width)
}

/// A table whose columns have their widths.
pub(super) struct Table<'a> {
    pub(super) headings: &'a [Heading],
    pub(super) slots: &'a [Slot],
    pub(super) layout: &'a Layout,
}

impl Table<'_> {
    /// Names and types.
    pub(super) fn head(&self, out: &mut String) {
        self.rule(&TOP, out);
        self.line(|column| (&self.headings[column].name, NAME), out);
        self.line(|column| (&self.headings[column].kind, DIM), out);
        self.rule(&MIDDLE, out);
    }

    /// One row.
    pub(super) fn row(&self, row: &[Cell], out: &mut String) {
        self.line(|column| (&row[column].text, row[column].style()), out);
    }

    /// The end, and how many columns were left out.
    pub(super) fn foot(&self, out: &mut String) {
        self.rule(&BOTTOM, out);
        if self.slots.contains(&Slot::Gap) {
            let (shown, all) = (self.slots.len() - 1, self.headings.len());
            let note = format!("{shown} of {all} columns shown; \\x shows all");
            for part in wrap(&note, self.layout.width.unwrap_or(usize::MAX)) {
                Line::new(self.layout).styled(DIM, part).end(out);
            }
        }
    }

    fn rule(&self, Rule(left, crossing, right): &Rule, out: &mut String) {
        let mut line = Line::new(self.layout);
        for (at, slot) in self.slots.iter().enumerate() {
            line.repeat(if at == 0 { *left } else { *crossing }, 1).repeat('─', slot.width() + 2);
        }
        line.repeat(*right, 1).end(out);
    }

    /// `piece` yields the text of a column.
    fn line<'b>(&self, piece: impl Fn(usize) -> (&'b String, Style), out: &mut String) {
        let mut line = Line::new(self.layout);
        for slot in self.slots {
            line.put("│ ");
            match slot {
                Slot::Gap => line.styled(DIM, "…"),
                Slot::Column { index, width } => {
                    let (text, style) = piece(*index);
                    put(&mut line, text, style, *width, self.headings[*index].is_right)
                }
            };
            line.put(" ");
        }
        line.put("│").end(out);
    }
}

/// Puts `text` into a slot of `room` columns.
fn put<'a>(line: &'a mut Line, text: &str, style: Style, room: usize, is_right: bool) -> &'a mut Line {
    let text = cut(text, room);
    let padding = room.saturating_sub(width(&text));
    let (before, after) = if is_right { (padding, 0) } else { (0, padding) };
    line.repeat(' ', before).styled(style, &text).repeat(' ', after)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Array, RecordBatch, TimestampMillisecondArray};

    use super::super::mode::Mode;
    use super::super::testing::{batch, integers, shown, texts};
    use super::*;

    fn pages() -> RecordBatch {
        batch([
            ("page", texts([Some("/"), Some("/documentation/installation"), None])),
            ("views", integers([6017, 12, 3])),
            ("at", Arc::new(TimestampMillisecondArray::from(vec![Some(1_704_164_645_678), None, Some(0)]))),
        ])
    }

    fn check(width: Option<usize>, rows: &RecordBatch, expected: &str) {
        let layout = Layout { width, ..Layout::default() };
        let text = shown(Mode::Table, layout, std::slice::from_ref(rows)).unwrap();
        assert_eq!(text, expected.trim_start_matches('\n'), "\n{text}");
    }

    #[test]
    fn numbers_and_timestamps_stand_on_the_right() {
        let expected = "
┌─────────────────────────────┬────────┬─────────────────────────┐
│ page                        │  views │                      at │
│ varchar                     │ bigint │           timestamp(ms) │
├─────────────────────────────┼────────┼─────────────────────────┤
│ /                           │   6017 │ 2024-01-02T03:04:05.678 │
│ /documentation/installation │     12 │                    NULL │
│ NULL                        │      3 │     1970-01-01T00:00:00 │
└─────────────────────────────┴────────┴─────────────────────────┘
";
        check(None, &pages(), expected);
        check(Some(66), &pages(), expected);
    }

    #[test]
    fn texts_are_cut_before_numbers() {
        check(
            Some(50),
            &pages(),
            "
┌─────────────┬────────┬─────────────────────────┐
│ page        │  views │                      at │
│ varchar     │ bigint │           timestamp(ms) │
├─────────────┼────────┼─────────────────────────┤
│ /           │   6017 │ 2024-01-02T03:04:05.678 │
│ /documenta… │     12 │                    NULL │
│ NULL        │      3 │     1970-01-01T00:00:00 │
└─────────────┴────────┴─────────────────────────┘
",
        );
    }

    #[test]
    fn the_middle_is_left_out_where_there_is_no_room() {
        check(
            Some(40),
            &pages().slice(0, 1),
            "
┌────────┬───┬─────────────────────────┐
│ page   │ … │                      at │
│ varch… │ … │           timestamp(ms) │
├────────┼───┼─────────────────────────┤
│ /      │ … │ 2024-01-02T03:04:05.678 │
└────────┴───┴─────────────────────────┘
2 of 3 columns shown; \\x shows all
",
        );
    }

    #[test]
    fn wide_characters_keep_columns_straight() {
        let names = texts([Some("日本語"), Some("e\u{301}te\u{301}"), Some("👩‍👩‍👧"), Some("a\tb\nc"), Some("\x1b[31m")]);
        let floats = Float64Array::from(vec![0.5, 1e300, f64::NAN, f64::INFINITY, -0.0]);
        check(
            None,
            &batch([("名", names), ("f", Arc::new(floats))]),
            "
┌─────────┬────────┐
│ 名      │      f │
│ varchar │ double │
├─────────┼────────┤
│ 日本語  │    0.5 │
│ e\u{301}te\u{301}     │ 1e+300 │
│ 👩‍👩‍👧      │    NaN │
│ a␉b␊c   │    inf │
│ ␛[31m   │   -0.0 │
└─────────┴────────┘
",
        );
    }

    #[test]
    fn names_alone_say_what_there_would_be() {
        let head = "
┌─────────┬────────┬───────────────┐
│ page    │  views │            at │
│ varchar │ bigint │ timestamp(ms) │
├─────────┼────────┼───────────────┤
└─────────┴────────┴───────────────┘
";
        check(None, &pages().slice(0, 0), head);
    }

    #[test]
    fn null_is_told_from_its_text_by_colour() {
        let layout = Layout { colour: true, ..Layout::default() };
        let text = shown(Mode::Table, layout, &[batch([("a", texts([Some("NULL"), None]))])]).unwrap();
        assert!(text.contains("│ NULL    │\n│ \x1b[2mNULL\x1b[0m    │\n"), "{text:?}");
        assert!(text.contains("│ \x1b[1ma\x1b[0m       │\n│ \x1b[2mvarchar\x1b[0m │\n"), "{text:?}");
    }
}
