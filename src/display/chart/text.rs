//! A chart in the characters of a terminal: a title, a legend, the picture, notes.
//!
//! The widgets draw into cells, and cells become lines of text; nothing here writes to a terminal or asks it anything.

mod bars;
mod grid;

use anstyle::{AnsiColor, Style};
use ratatui_core::buffer::{Buffer, CellWidth};
use ratatui_core::layout::Rect;
use ratatui_core::style::Color;
use unicode_width::UnicodeWidthStr;

use super::Chart;
use super::series::{Drawing, Series};
use crate::display::text::clean;

/// The least width that has room for a name, a value and a bar; a narrower terminal wraps or cuts the lines.
const LEAST_WIDTH: u16 = 20;
/// Rows that any picture needs: one of marks, an axis, its labels.
const LEAST_HEIGHT: u16 = 3;
/// No terminal is larger, and each cell takes memory.
const MOST: u16 = 1000;

/// Colours that are told from each other on dark and on light.
const COLOURS: [AnsiColor; 6] =
    [AnsiColor::Cyan, AnsiColor::Magenta, AnsiColor::Green, AnsiColor::Yellow, AnsiColor::Blue, AnsiColor::Red];
/// What marks the points of a series where colours cannot.
const MARKS: [char; 8] = ['•', 'x', '+', 'o', '*', '#', '%', '@'];

pub(super) fn draw(chart: &Chart, width: u16, height: u16, colour: bool) -> String {
    let width = width.clamp(LEAST_WIDTH, MOST);
    let bold = if colour { Style::new().bold() } else { Style::new() };
    let mut text = format!("{bold}{}{bold:#}\n", clean(&chart.title, Some(width.into())));
    let legend = match &chart.drawing {
        Drawing::Points(points) if points.series.len() > 1 => legend(&points.series, width, colour),
        _ => String::new(),
    };
    text.push_str(&legend);
    let taken = 1 + legend.lines().count() + chart.notes.len();
    let height = height.min(MOST).saturating_sub(u16::try_from(taken).unwrap_or(MOST)).max(LEAST_HEIGHT);
    let (picture, more) = match &chart.drawing {
        Drawing::Bars(bars) => bars::draw(bars, width, height),
        Drawing::Points(points) => (grid::points(points, width, height, colour), None),
        Drawing::Histogram(histogram) => (grid::histogram(histogram, width, height), None),
    };
    text.push_str(&lines(&picture, colour));
    let dim = if colour { Style::new().dimmed() } else { Style::new() };
    for note in chart.notes.iter().chain(&more) {
        text.push_str(&format!("{dim}{note}{dim:#}\n"));
    }
    text
}

/// The colour of a series.
fn colour_of(series: usize) -> Color {
    COLOURS[series % COLOURS.len()].into()
}

/// The mark of a series in a legend, and in the picture where there are no colours.
fn mark_of(series: usize) -> char {
    MARKS[series % MARKS.len()]
}

fn legend(series: &[Series], width: u16, colour: bool) -> String {
    let mut text = String::new();
    let mut used = 0;
    for (at, series) in series.iter().enumerate() {
        let name = clean(&series.name, Some(usize::from(width) - 2));
        let item = name.width() + 2;
        if used > 0 && used + 2 + item > width.into() {
            text.push('\n');
            used = 0;
        }
        let gap = if used > 0 { "  " } else { "" };
        let style = if colour { COLOURS[at % COLOURS.len()].on_default() } else { Style::new() };
        let mark = if colour { '●' } else { mark_of(at) };
        text.push_str(&format!("{gap}{style}{mark} {name}{style:#}"));
        used += gap.len() + item;
    }
    text.push('\n');
    text
}

fn empty(width: u16, height: u16) -> Buffer {
    Buffer::empty(Rect::new(0, 0, width, height))
}

/// The cells as lines without spaces at their ends.
fn lines(buffer: &Buffer, colour: bool) -> String {
    let mut text = String::new();
    for row in buffer.content.chunks(buffer.area.width.into()) {
        let end = row.iter().rposition(|cell| cell.symbol() != " ").map_or(0, |last| last + 1);
        let mut style = Style::new();
        let mut at = 0;
        while at < end {
            let cell = &row[at];
            let fg = AnsiColor::try_from(cell.fg).ok().filter(|_| colour && cell.symbol() != " ");
            let wanted = fg.map_or(Style::new(), AnsiColor::on_default);
            if wanted != style {
                text.push_str(&format!("{style:#}{wanted}"));
                style = wanted;
            }
            text.push_str(cell.symbol());
            // A wide character stands over the cells behind it.
            at += usize::from(cell.cell_width()).max(1);
        }
        text.push_str(&format!("{style:#}\n"));
    }
    text
}
