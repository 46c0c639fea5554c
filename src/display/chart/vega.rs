//! A chart as a specification of Vega-Lite, which its editors and notebooks take.
//!
//! **Source**: the schema of Vega-Lite 5, <https://vega.github.io/schema/vega-lite/v5.json>. Fields have fixed names,
//! since a `.` or `[` in one would be taken for a path; the columns' own names are the titles of axes.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::Chart;
use super::scale::{Axis, Unit};
use super::series::{Bars, Drawing, Histogram, Points};
use super::thin::thinned;

/// Bars in a specification.
const BARS: usize = 200;
/// Pixels that points are told apart by, and bins that values are counted in: finer than any screen.
const PIXELS: (usize, usize) = (2000, 1000);

pub(super) fn specification(chart: &Chart) -> Value {
    let mut notes = chart.notes.clone();
    let drawn = match &chart.drawing {
        Drawing::Bars(drawn) => bars(drawn, &mut notes),
        Drawing::Points(drawn) => points(drawn, &mut notes),
        Drawing::Histogram(drawn) => histogram(drawn),
    };
    let mut specification = Map::new();
    specification.insert("$schema".to_owned(), "https://vega.github.io/schema/vega-lite/v5.json".into());
    specification.insert("title".to_owned(), json!({ "text": chart.title, "subtitle": notes }));
    specification.insert("width".to_owned(), 800.into());
    if let Value::Object(drawn) = drawn {
        specification.extend(drawn);
    }
    Value::Object(specification)
}

/// What is encoded by a number or a time of an axis.
fn encoded(field: &str, axis: &Axis) -> Value {
    match axis.unit {
        Unit::Whole | Unit::Number => {
            json!({ "field": field, "type": "quantitative", "title": axis.name, "scale": { "zero": false } })
        }
        Unit::Instant => {
            json!({ "field": field, "type": "temporal", "title": axis.name, "scale": { "type": "utc" } })
        }
        Unit::TimeOfDay => json!({
            "field": field, "type": "temporal", "title": axis.name, "scale": { "type": "utc" },
            "axis": { "format": "%H:%M" },
        }),
    }
}

fn points(points: &Points, notes: &mut Vec<String>) -> Value {
    let scales = (points.x.scale(8), points.y.scale(8));
    let (mut values, mut all) = (Vec::new(), 0);
    for series in &points.series {
        all += series.points.len();
        for (x, y) in thinned(points, series, (&scales.0, &scales.1), PIXELS) {
            values.push(json!({ "x": x, "y": y, "series": series.name }));
        }
    }
    if values.len() < all {
        notes.push(format!("{} of {all} points are in this picture; the others fall on them", values.len()));
    }
    let mut encoding = json!({ "x": encoded("x", &points.x), "y": encoded("y", &points.y) });
    if points.series.len() > 1 {
        encoding["color"] = json!({ "field": "series", "type": "nominal", "sort": null, "title": null });
    }
    // A line of one point would not be seen.
    let mark = if points.joined {
        json!({ "type": "line", "point": points.series.iter().any(|series| series.points.len() == 1), "tooltip": true })
    } else {
        json!({ "type": "point", "tooltip": true })
    };
    json!({ "height": 400, "data": { "values": values }, "mark": mark, "encoding": encoding })
}

fn histogram(histogram: &Histogram) -> Value {
    let scale = histogram.x.scale_of_steps(20);
    let counts = histogram.counts(&scale);
    let values: Vec<Value> = (scale.ticks.windows(2).zip(counts))
        .map(|(ends, rows)| json!({ "from": ends[0].value, "to": ends[1].value, "rows": rows }))
        .collect();
    let mut x = encoded("from", &histogram.x);
    // The intervals were counted here, so that the data need not be in the picture.
    if matches!(histogram.x.unit, Unit::Whole | Unit::Number) {
        x["bin"] = json!("binned");
    }
    let y = json!({ "field": "rows", "type": "quantitative" });
    let encoding = json!({ "x": x, "x2": { "field": "to" }, "y": y });
    json!({ "height": 400, "data": { "values": values }, "mark": { "type": "bar", "tooltip": true }, "encoding": encoding })
}

fn bars(bars: &Bars, notes: &mut Vec<String>) -> Value {
    let names = distinct(bars.names.iter().take(BARS));
    if bars.total > names.len() {
        notes.push(format!("the first {} of {} bars are shown", names.len(), bars.total));
    }
    let mut values = Vec::new();
    for (place, name) in names.iter().enumerate() {
        for (series, of_series) in &bars.series {
            values.push(json!({ "name": name, "value": of_series[place], "series": series }));
        }
    }
    let name = json!({ "field": "name", "type": "nominal", "sort": null, "title": bars.name });
    let value = json!({ "field": "value", "type": "quantitative", "title": bars.values.name });
    let mut encoding = json!({ "y": name, "x": value });
    if bars.series.len() > 1 {
        encoding["color"] = json!({ "field": "series", "type": "nominal", "sort": null, "title": null });
        encoding["yOffset"] = json!({ "field": "series", "sort": null });
    }
    json!({ "data": { "values": values }, "mark": { "type": "bar", "tooltip": true }, "encoding": encoding })
}

/// Names that differ, since bars of one name would be put on each other.
fn distinct<'a>(names: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut taken = HashSet::new();
    let mut distinct = Vec::new();
    for name in names {
        let others = (2..).map(|count| format!("{name} ({count})"));
        let free = std::iter::once(name.clone()).chain(others).find(|name| !taken.contains(name));
        let free = free.unwrap_or_default();
        taken.insert(free.clone());
        distinct.push(free);
    }
    distinct
}
