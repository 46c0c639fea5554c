//! Horizontal bars behind a name and a value, one row each.
//!
//! They are drawn on a canvas since the widget for bars knows no negative values and no half cells.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Style;
use ratatui_core::symbols::Marker;
use ratatui_core::widgets::Widget;
use ratatui_widgets::canvas::{Canvas, Line};
use unicode_width::UnicodeWidthStr;

use super::super::scale::Scale;
use super::super::series::Bars;
use crate::display::text::clean;

/// The bars that fit into so many rows, and a note if there are more.
pub(super) fn draw(bars: &Bars, width: u16, height: u16) -> (Buffer, Option<String>) {
    let each = bars.series.len();
    let fits = |rows: u16| (usize::from(rows) / each).max(1);
    let (shown, note) = if bars.total <= fits(height) {
        (bars.names.len(), None)
    } else {
        // The note takes a row.
        let shown = fits(height - 1).min(bars.names.len());
        (shown, Some(format!("the first {shown} of {} bars are shown", bars.total)))
    };
    let rows = rows(bars, shown);
    let mut buffer = super::empty(width, u16::try_from(rows.len()).unwrap_or(u16::MAX));
    let widths = [column(&rows, |row| row.name, width / 3), column(&rows, |row| row.series, width / 4)];
    let values = column(&rows, |row| &row.text, width / 4);
    let scale = bars.values.exact();
    for (y, row) in (0..buffer.area.height).zip(&rows) {
        let mut x = 0;
        for (text, room) in [&row.name, &row.series].into_iter().zip(widths) {
            buffer.set_stringn(x, y, clean(text, Some(room.into())), room.into(), Style::new());
            x += room + u16::from(room > 0);
        }
        let text = clean(&row.text, Some(values.into()));
        let indent = values.saturating_sub(text.width() as u16);
        buffer.set_stringn(x + indent, y, text, values.into(), Style::new());
        x += values + u16::from(values > 0);
        let area = Rect::new(x, y, width.saturating_sub(x), 1);
        bar(row, &scale, area, &mut buffer);
    }
    (buffer, note)
}

struct Row<'a> {
    name: &'a str,
    series: &'a str,
    text: String,
    value: Option<f64>,
    at: usize,
}

fn rows(bars: &Bars, shown: usize) -> Vec<Row<'_>> {
    let mut rows = Vec::new();
    for (place, name) in bars.names.iter().take(shown).enumerate() {
        for (at, (series, values)) in bars.series.iter().enumerate() {
            let value = values[place];
            let text = value.map_or(String::new(), |value| bars.values.value(value));
            let name = if at == 0 { name.as_str() } else { "" };
            let series = if bars.series.len() > 1 { series.as_str() } else { "" };
            rows.push(Row { name, series, text, value, at });
        }
    }
    rows
}

/// The width of a column of texts, of at most `most`.
fn column<'a>(rows: &'a [Row<'a>], text: impl Fn(&'a Row<'a>) -> &'a str, most: u16) -> u16 {
    let widest = rows.iter().map(|row| text(row).width()).max().unwrap_or(0);
    u16::try_from(widest).unwrap_or(most).min(most)
}

fn bar(row: &Row<'_>, scale: &Scale, area: Rect, buffer: &mut Buffer) {
    let Some(value) = row.value.filter(|value| *value != 0.0) else { return };
    let (from, to) = (scale.place(0.0), scale.place(value));
    let canvas = Canvas::default().marker(Marker::Quadrant).x_bounds([0.0, 1.0]).y_bounds([0.0, 1.0]);
    let canvas = canvas.paint(|context| {
        // Both rows of dots in a cell.
        for y in [0.0, 1.0] {
            context.draw(&Line::new(from, y, to, y, super::colour_of(row.at)));
        }
    });
    canvas.render(area, buffer);
}
