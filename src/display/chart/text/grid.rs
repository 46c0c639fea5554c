//! Pictures between two axes: points, lines, and the bars of a histogram.

use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Alignment, Rect};
use ratatui_core::style::{Color, Style};
use ratatui_core::symbols::Marker;
use ratatui_core::widgets::Widget;
use ratatui_widgets::barchart::{Bar, BarChart};
use ratatui_widgets::chart::{Axis as Side, Chart, Dataset, GraphType};
use unicode_width::UnicodeWidthStr;

use super::super::scale::{Axis, Scale};
use super::super::series::{Histogram, Points};
use super::super::thin::thinned;
use crate::display::text::clean;

/// Intervals of a histogram where there is room: enough to see a shape, few enough to read.
const BINS: u16 = 20;

pub(super) fn points(points: &Points, width: u16, height: u16, colour: bool) -> Buffer {
    let (x, y) = (points.x.scale((width / 14).clamp(1, 10).into()), vertical(&points.y, height));
    // Braille has two columns and four rows of dots in a cell.
    let pixels = (usize::from(width) * 2, usize::from(height) * 4);
    let place = |point: &(f64, f64)| (x.place(point.0), y.place(point.1));
    let placed: Vec<Vec<(f64, f64)>> = (points.series.iter())
        .map(|series| thinned(points, series, (&x, &y), pixels).iter().map(place).collect())
        .collect();
    let marked = !colour && placed.len() > 1;
    let datasets = placed.iter().enumerate().map(|(at, data)| {
        let marker = if marked { Marker::Custom(super::mark_of(at)) } else { Marker::Braille };
        let kind = if points.joined { GraphType::Line } else { GraphType::Scatter };
        Dataset::default().data(data).marker(marker).graph_type(kind).style(super::colour_of(at))
    });
    let mut buffer = super::empty(width, height);
    let area = axes(&mut buffer, &y, datasets.collect());
    label(&mut buffer, &x, area.x, area.width - 1);
    buffer
}

pub(super) fn histogram(histogram: &Histogram, width: u16, height: u16) -> Buffer {
    let x = histogram.x.scale_of_steps((width.saturating_sub(8) / 2).clamp(1, BINS).into());
    let counts = histogram.counts(&x);
    let y = vertical(&histogram.rows(&counts), height);
    let mut buffer = super::empty(width, height);
    let area = axes(&mut buffer, &y, Vec::new());
    let each = (area.width / u16::try_from(counts.len()).unwrap_or(u16::MAX)).max(1);
    let gap = u16::from(each > 2);
    let top = y.ticks.last().map_or(0, |tick| tick.value as u64);
    // The number would stand in the bar; the axis has it.
    let bars: Vec<Bar<'_>> = counts.iter().map(|count| Bar::new(*count).text_value("")).collect();
    let bars = BarChart::vertical(bars).max(top).bar_width(each - gap).bar_gap(gap).bar_style(super::colour_of(0));
    bars.render(area, &mut buffer);
    label(&mut buffer, &x, area.x, each * counts.len() as u16);
    buffer
}

/// A scale with a tick on every few rows.
fn vertical(axis: &Axis, height: u16) -> Scale {
    axis.scale((height / 4).clamp(1, 8).into())
}

/// Draws two axes, the labels of the vertical one, and points in places from 0 to 1; the area between the axes.
fn axes(buffer: &mut Buffer, y: &Scale, datasets: Vec<Dataset<'_>>) -> Rect {
    let area = buffer.area;
    let room = area.width / 3;
    let labels: Vec<String> = y.ticks.iter().map(|tick| clean(&tick.label, Some(room.into()))).collect();
    let widest = labels.iter().map(|label| label.width() as u16).max().unwrap_or(0);
    // Empty labels make the widget draw the axis and leave a row below it; it would not write them where they belong.
    let below = Side::default().bounds([0.0, 1.0]).labels(["", ""]);
    let beside = Side::default().bounds([0.0, 1.0]).labels(labels).labels_alignment(Alignment::Right);
    Chart::new(datasets).x_axis(below).y_axis(beside).legend_position(None).render(area, buffer);
    let left = widest + 1;
    Rect::new(left, 0, area.width - left, area.height - 2)
}

/// Writes the labels of the horizontal axis under their places, as many as do not touch.
fn label(buffer: &mut Buffer, x: &Scale, left: u16, width: u16) {
    let (row, end) = (buffer.area.height - 1, usize::from(buffer.area.width));
    let mut free = 0;
    for tick in &x.ticks {
        let length = tick.label.width();
        let centre = usize::from(left) + (x.place(tick.value) * f64::from(width)).round() as usize;
        let start = centre.saturating_sub(length / 2).min(end.saturating_sub(length));
        if start >= free && start + length <= end {
            buffer.set_stringn(start as u16, row, &tick.label, length, Style::new().fg(Color::Reset));
            free = start + length + 1;
        }
    }
}
