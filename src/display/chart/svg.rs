//! A chart as SVG, drawn by plotters.
//!
//! Values become places from 0 to 1 before plotters sees them: so its axes have our ticks, and no value is too large.

use std::ops::Range;

use plotters::chart::{ChartBuilder, ChartContext};
use plotters::coord::Shift;
use plotters::coord::cartesian::Cartesian2d;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::drawing::{DrawingArea, DrawingAreaErrorKind};
use plotters::prelude::{
    BLACK, Circle, Color, IntoDrawingArea, LineSeries, PathElement, RGBColor, Rectangle, SVGBackend,
    SeriesLabelPosition, WHITE,
};
use plotters::style::IntoFont;
use unicode_width::UnicodeWidthStr;

use super::Chart;
use super::scale::Scale;
use super::series::{Bars, Drawing, Histogram, Points};
use super::thin::thinned;
use crate::display::text::clean;
use crate::error::{Error, Result};

/// Pixels of a picture; bars make it as high as they need.
const SIZE: (u32, u32) = (960, 540);
/// Bars that are shown: more make a picture that is scrolled.
const BARS: usize = 100;
const BAR_HEIGHT: u32 = 26;
const NOTE_HEIGHT: u32 = 20;
/// Columns of text that a name beside a bar, and the title, may take.
const NAME_WIDTH: usize = 28;
const TITLE_WIDTH: usize = 90;
/// Told from each other also by most who see few colours (Okabe and Ito, 2008).
const COLOURS: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xb2),
    RGBColor(0xe6, 0x9f, 0x00),
    RGBColor(0x00, 0x9e, 0x73),
    RGBColor(0xcc, 0x79, 0xa7),
    RGBColor(0xd5, 0x5e, 0x00),
    RGBColor(0x56, 0xb4, 0xe9),
    RGBColor(0x44, 0x44, 0x44),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Picture<'a, 'b> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<Side, Side>>;
type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<std::io::Error>>;

pub(super) fn draw(chart: &Chart) -> Result<String> {
    let mut notes = chart.notes.clone();
    let mut height = SIZE.1;
    if let Drawing::Bars(bars) = &chart.drawing {
        let shown = bars.names.len().min(BARS);
        if bars.total > shown {
            notes.push(format!("the first {shown} of {} bars are shown", bars.total));
        }
        height = (shown * bars.series.len()) as u32 * BAR_HEIGHT + 130;
    }
    height += notes.len() as u32 * NOTE_HEIGHT;
    let mut svg = String::new();
    let drawn = paint(chart, &notes, SVGBackend::with_string(&mut svg, (SIZE.0, height)).into_drawing_area());
    drawn.map_err(|error| Error::internal("the picture cannot be drawn").with_source(error))?;
    Ok(svg)
}

fn paint(chart: &Chart, notes: &[String], root: Area<'_>) -> Drawn {
    root.fill(&WHITE)?;
    let (_, height) = root.dim_in_pixel();
    let (above, below) = root.split_vertically(height - notes.len() as u32 * NOTE_HEIGHT);
    match &chart.drawing {
        Drawing::Bars(bars) => paint_bars(bars, &chart.title, &above)?,
        Drawing::Points(points) => paint_points(points, &chart.title, &above)?,
        Drawing::Histogram(histogram) => paint_histogram(histogram, &chart.title, &above)?,
    }
    let style = ("sans-serif", 15).into_font().color(&BLACK.mix(0.6));
    for (at, note) in notes.iter().enumerate() {
        below.draw_text(note, &style, (16, at as i32 * NOTE_HEIGHT as i32))?;
    }
    root.present()
}

fn colour(series: usize) -> RGBColor {
    COLOURS[series % COLOURS.len()]
}

/// The two axes with their names and ticks.
fn axes<'a, 'b>(
    area: &'a Area<'b>,
    title: &str,
    (x_name, x): (&str, &Scale),
    (y_name, y): (&str, &Scale),
) -> Drawn<Picture<'a, 'b>> {
    let widest = y.ticks.iter().map(|tick| tick.label.width()).max().unwrap_or(0);
    let mut picture = ChartBuilder::on(area)
        .caption(clean(title, Some(TITLE_WIDTH)), ("sans-serif", 22))
        .margin(14)
        .margin_right(40)
        .x_label_area_size(48)
        .y_label_area_size(widest as u32 * 9 + if y_name.is_empty() { 14 } else { 34 })
        .build_cartesian_2d(Side(x.clone()), Side(y.clone()))?;
    picture
        .configure_mesh()
        .x_desc(x_name)
        .y_desc(y_name)
        .label_style(("sans-serif", 15))
        .axis_desc_style(("sans-serif", 16))
        .bold_line_style(BLACK.mix(0.12))
        .axis_style(BLACK.mix(0.5))
        .draw()?;
    Ok(picture)
}

/// A side of a picture: places from 0 to 1, with the ticks of a scale.
struct Side(Scale);

impl Ranged for Side {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, place: &f64, limit: (i32, i32)) -> i32 {
        limit.0 + (place * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // Without lines between the ticks.
        let ticks = if hint.weight().allow_light_points() { [].as_slice() } else { self.0.ticks.as_slice() };
        ticks.iter().map(|tick| self.0.place(tick.value)).collect()
    }

    fn range(&self) -> Range<f64> {
        0.0..1.0
    }
}

impl ValueFormatter<f64> for Side {
    /// The label of the tick at a place.
    fn format_ext(&self, place: &f64) -> String {
        let tick = self.0.ticks.iter().find(|tick| self.0.place(tick.value) == *place);
        tick.map_or(String::new(), |tick| tick.label.clone())
    }
}

fn paint_points(points: &Points, title: &str, area: &Area<'_>) -> Drawn {
    let (x, y) = (points.x.scale(7), points.y.scale(7));
    let mut picture = axes(area, title, (&points.x.name, &x), (&points.y.name, &y))?;
    for (at, series) in points.series.iter().enumerate() {
        let kept = thinned(points, series, (&x, &y), (SIZE.0 as usize, SIZE.1 as usize));
        let places = kept.iter().map(|point| (x.place(point.0), y.place(point.1)));
        let colour = colour(at);
        let drawn = if points.joined && kept.len() > 1 {
            picture.draw_series(LineSeries::new(places, colour.stroke_width(2)))?
        } else {
            picture.draw_series(places.map(|place| Circle::new(place, 3, colour.mix(0.7).filled())))?
        };
        if points.series.len() > 1 {
            drawn
                .label(clean(&series.name, Some(NAME_WIDTH)))
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 16, y)], colour.stroke_width(3)));
        }
    }
    legend(&mut picture, points.series.len())
}

fn legend<'b: 'a, 'a>(picture: &mut Picture<'a, 'b>, series: usize) -> Drawn {
    if series < 2 {
        return Ok(());
    }
    let mut labels = picture.configure_series_labels();
    let labels = labels.position(SeriesLabelPosition::UpperRight).background_style(WHITE.mix(0.85));
    labels.border_style(BLACK.mix(0.2)).label_font(("sans-serif", 15)).draw()
}

fn paint_histogram(histogram: &Histogram, title: &str, area: &Area<'_>) -> Drawn {
    let x = histogram.x.scale_of_steps(20);
    let counts = histogram.counts(&x);
    let y = histogram.rows(&counts).scale(6);
    let mut picture = axes(area, title, (&histogram.x.name, &x), ("rows", &y))?;
    let ends = x.ticks.windows(2).map(|ends| (x.place(ends[0].value), x.place(ends[1].value)));
    let bars = ends.zip(&counts).map(|((from, to), count)| {
        let mut bar = Rectangle::new([(from, 0.0), (to, y.place(*count as f64))], colour(0).mix(0.85).filled());
        bar.set_margin(0, 0, 1, 1);
        bar
    });
    picture.draw_series(bars)?;
    Ok(())
}

fn paint_bars(bars: &Bars, title: &str, area: &Area<'_>) -> Drawn {
    let shown = bars.names.len().min(BARS);
    let x = bars.values.scale(8);
    let names = bars.names.iter().take(shown).map(|name| clean(name, Some(NAME_WIDTH)));
    let y = Scale::of_names(names.collect());
    let mut picture = axes(area, title, (&bars.values.name, &x), ("", &y))?;
    // Of the height of a name, its bars take most.
    let each = 0.8 / shown as f64 / bars.series.len() as f64;
    for (at, (series, values)) in bars.series.iter().enumerate() {
        let of_name = y.ticks.iter().zip(values).filter_map(|(tick, value)| Some((y.place(tick.value), (*value)?)));
        let rectangles = of_name.map(|(centre, value)| {
            let top = centre + each * (bars.series.len() as f64 / 2.0 - at as f64);
            let ends = [(x.place(0.0), top), (x.place(value), top - each)];
            Rectangle::new(ends, colour(at).mix(0.85).filled())
        });
        let drawn = picture.draw_series(rectangles)?;
        if bars.series.len() > 1 {
            let of_series = colour(at).filled();
            drawn
                .label(clean(series, Some(NAME_WIDTH)))
                .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 12, y + 5)], of_series));
        }
    }
    legend(&mut picture, bars.series.len())
}
