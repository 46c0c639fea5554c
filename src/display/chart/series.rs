//! What is drawn: bars, points or the values of a histogram, and notes on what is not.
//!
//! It reads whole columns and knows no kind of picture.

use std::collections::HashMap;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;

use super::choose::Plan;
use super::request::Kind;
use super::scale::{Axis, Scale, Unit};
use super::values;
use crate::display::text::clean;
use crate::error::{Error, Result};

/// Bars that are kept: more than any picture has room for.
const BARS: usize = 1000;
/// Series that are told apart, by colour or mark.
const SERIES: usize = 8;
/// Columns of a terminal that a name may take: longer ones are cut.
const NAME_WIDTH: usize = 60;

/// A chart's data.
pub(super) enum Drawing {
    Bars(Bars),
    Points(Points),
    Histogram(Histogram),
}

/// Names with a value of each series, or none.
pub(super) struct Bars {
    /// What the names are.
    pub name: String,
    pub names: Vec<String>,
    /// How many names there are, also those that are not kept.
    pub total: usize,
    pub values: Axis,
    pub series: Vec<(String, Vec<Option<f64>>)>,
}

/// Points in series, joined by lines or not.
pub(super) struct Points {
    pub joined: bool,
    pub x: Axis,
    pub y: Axis,
    pub series: Vec<Series>,
}

/// Points of one colour; those of a line are in the order of x.
pub(super) struct Series {
    pub name: String,
    pub points: Vec<(f64, f64)>,
}

/// Values that are counted by where they stand.
pub(super) struct Histogram {
    pub x: Axis,
    pub values: Vec<f64>,
}

impl Drawing {
    /// The names of what is drawn.
    pub fn title(&self) -> String {
        match self {
            Self::Bars(Bars { name, values, .. }) => format!("{} by {name}", values.name),
            Self::Points(Points { x, y, .. }) => format!("{} by {}", y.name, x.name),
            Self::Histogram(Histogram { x, .. }) => format!("rows by {}", x.name),
        }
    }
}

impl Histogram {
    /// The steps of `scale`, with how many values are in each; an end between two steps belongs to the second.
    pub fn counts(&self, scale: &Scale) -> Vec<u64> {
        let bins = (scale.ticks.len() - 1).max(1);
        let mut counts = vec![0; bins];
        for value in &self.values {
            let at = scale.ticks.partition_point(|tick| tick.value <= *value);
            counts[at.saturating_sub(1).min(bins - 1)] += 1;
        }
        counts
    }

    /// The axis of how many values are in each interval.
    pub fn rows(&self, counts: &[u64]) -> Axis {
        Axis::of("rows".to_owned(), Unit::Whole, counts.iter().map(|count| *count as f64)).with_zero()
    }
}

/// Reads what a plan draws, with notes on what it does not.
pub(super) fn read(schema: &Schema, batches: &[&RecordBatch], plan: &Plan) -> Result<(Drawing, Vec<String>)> {
    if batches.iter().all(|batch| batch.num_rows() == 0) {
        let error = Error::request("the result has no rows, so there is nothing to draw");
        return Err(error.with_hint("run a statement that has some, then \\chart again"));
    }
    let mut reader = Reader { schema, batches, notes: Vec::new() };
    if plan.undrawn > 0 {
        let (drawn, all) = (plan.ys.len(), plan.ys.len() + plan.undrawn);
        reader.notes.push(format!("the first {drawn} of {all} columns are drawn; name others to draw them"));
    }
    let drawing = match plan.kind {
        Kind::Histogram => Drawing::Histogram(reader.histogram(plan.x)?),
        Kind::Bar if plan.ys.is_empty() => Drawing::Bars(reader.counts(plan.x)?),
        Kind::Bar => Drawing::Bars(reader.bars(plan)?),
        Kind::Line | Kind::Scatter => Drawing::Points(reader.points(plan)?),
    };
    Ok((drawing, reader.notes))
}

struct Reader<'a> {
    schema: &'a Schema,
    batches: &'a [&'a RecordBatch],
    notes: Vec<String>,
}

impl Reader<'_> {
    fn name(&self, column: usize) -> String {
        clean(&values::name(self.schema.field(column)), Some(NAME_WIDTH))
    }

    fn unit(&self, column: usize) -> Unit {
        values::unit(self.schema.field(column).data_type())
    }

    /// The unit of several columns of numbers.
    fn units(&self, columns: &[usize]) -> Unit {
        let whole = columns.iter().all(|column| self.unit(*column) == Unit::Whole);
        if whole { Unit::Whole } else { Unit::Number }
    }

    fn joined_names(&self, columns: &[usize]) -> String {
        columns.iter().map(|column| self.name(*column)).collect::<Vec<_>>().join(", ")
    }

    /// The finite values of a column; of the others, `None`, and a note for those of rows that `counts` holds for.
    fn finite(&mut self, column: usize, counts: impl Fn(usize) -> bool) -> Result<Vec<Option<f64>>> {
        let mut numbers = values::numbers(self.batches, column)?;
        let (mut absent, mut endless) = (0, 0);
        for (row, number) in numbers.iter_mut().enumerate() {
            match number {
                Some(value) if value.is_finite() => {}
                Some(_) => {
                    *number = None;
                    endless += usize::from(counts(row));
                }
                None => absent += usize::from(counts(row)),
            }
        }
        let name = self.schema.field(column).name();
        let name = clean(name, Some(NAME_WIDTH));
        self.left_out(absent, &format!("without a value of `{name}`"));
        self.left_out(endless, &format!("where `{name}` is NaN or infinite"));
        Ok(numbers)
    }

    fn left_out(&mut self, rows: usize, which: &str) {
        match rows {
            0 => {}
            1 => self.notes.push(format!("1 row {which} is left out")),
            rows => self.notes.push(format!("{rows} rows {which} are left out")),
        }
    }

    fn histogram(&mut self, x: usize) -> Result<Histogram> {
        let values: Vec<f64> = self.finite(x, |_| true)?.into_iter().flatten().collect();
        if values.is_empty() {
            return Err(self.nothing(&[x]));
        }
        Ok(Histogram { x: Axis::of(self.name(x), self.unit(x), values.iter().copied()), values })
    }

    fn nothing(&self, columns: &[usize]) -> Error {
        let names: Vec<String> = columns.iter().map(|column| format!("`{}`", self.name(*column))).collect();
        let message = format!("no row has a finite value of {}, so there is nothing to draw", names.join(" and "));
        Error::request(message).with_hint("name other columns: \\chart KIND X Y")
    }

    /// How many rows have each value, the most frequent first.
    fn counts(&mut self, x: usize) -> Result<Bars> {
        let mut counts: HashMap<String, u64> = HashMap::new();
        values::each_name(self.batches, &[x], |name| *counts.entry(name).or_default() += 1)?;
        let total = counts.len();
        let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
        counts.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        counts.truncate(BARS);
        let rows: Vec<Option<f64>> = counts.iter().map(|(_, count)| Some(*count as f64)).collect();
        let names = counts.iter().map(|(name, _)| clean(name, Some(NAME_WIDTH))).collect();
        let axis = Axis::of("rows".to_owned(), Unit::Whole, rows.iter().flatten().copied()).with_zero();
        Ok(Bars { name: self.name(x), names, total, values: axis, series: vec![("rows".to_owned(), rows)] })
    }

    /// A bar for each row that has a value of any series.
    fn bars(&mut self, plan: &Plan) -> Result<Bars> {
        let columns: Vec<usize> = std::iter::once(plan.x).chain(plan.by.iter().copied()).collect();
        let numbers = plan.ys.iter().map(|y| self.finite(*y, |_| true)).collect::<Result<Vec<_>>>()?;
        let has_value = |row: usize| numbers.iter().any(|numbers| numbers[row].is_some());
        let (mut row, mut total, mut names, mut kept) = (0, 0, Vec::new(), Vec::new());
        values::each_name(self.batches, &columns, |name| {
            if has_value(row) {
                total += 1;
                if kept.len() < BARS {
                    names.push(clean(&name, Some(NAME_WIDTH)));
                    kept.push(row);
                }
            }
            row += 1;
        })?;
        if total == 0 {
            return Err(self.nothing(&plan.ys));
        }
        let of_kept = |numbers: Vec<Option<f64>>| kept.iter().map(|row| numbers[*row]).collect::<Vec<_>>();
        let numbers: Vec<Vec<Option<f64>>> = numbers.into_iter().map(of_kept).collect();
        let all = numbers.iter().flatten().flatten().copied();
        let values = Axis::of(self.joined_names(&plan.ys), self.units(&plan.ys), all).with_zero();
        let series = plan.ys.iter().map(|y| self.name(*y)).zip(numbers).collect();
        Ok(Bars { name: self.joined_names(&columns), names, total, values, series })
    }

    fn points(&mut self, plan: &Plan) -> Result<Points> {
        let xs = self.finite(plan.x, |_| true)?;
        let mut series = Vec::new();
        for y in &plan.ys {
            let ys = self.finite(*y, |row| xs[row].is_some())?;
            let points: Vec<Option<(f64, f64)>> = xs.iter().zip(&ys).map(|(x, y)| Some(((*x)?, (*y)?))).collect();
            match plan.by.as_slice() {
                [] => series.push(Series { name: self.name(*y), points: points.into_iter().flatten().collect() }),
                by => series.extend(self.parted(by, &points, plan)?),
            }
        }
        series.retain(|series| !series.points.is_empty());
        if series.is_empty() {
            let columns: Vec<usize> = std::iter::once(plan.x).chain(plan.ys.iter().copied()).collect();
            return Err(self.nothing(&columns));
        }
        let joined = plan.kind == Kind::Line;
        if joined {
            series.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.0.total_cmp(&b.0)));
        }
        let along = series.iter().flat_map(|series| &series.points).map(|point| point.0);
        let x = Axis::of(self.name(plan.x), self.unit(plan.x), along);
        let over = series.iter().flat_map(|series| &series.points).map(|point| point.1);
        let y = Axis::of(self.joined_names(&plan.ys), self.units(&plan.ys), over);
        Ok(Points { joined, x, y, series })
    }

    /// Points by the names of their rows: lines of the names with most of them, or one cloud if there are too many.
    fn parted(&mut self, by: &[usize], points: &[Option<(f64, f64)>], plan: &Plan) -> Result<Vec<Series>> {
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut series: Vec<Series> = Vec::new();
        let mut row = 0;
        values::each_name(self.batches, by, |name| {
            if let Some(point) = points[row] {
                let place = *places.entry(name).or_insert_with_key(|name| {
                    series.push(Series { name: clean(name, Some(NAME_WIDTH)), points: Vec::new() });
                    series.len() - 1
                });
                series[place].points.push(point);
            }
            row += 1;
        })?;
        if series.len() <= SERIES {
            return Ok(series);
        }
        if plan.kind == Kind::Scatter {
            let points = points.iter().flatten().copied().collect();
            return Ok(vec![Series { name: self.joined_names(&plan.ys), points }]);
        }
        let all = series.len();
        series.sort_by_key(|series| std::cmp::Reverse(series.points.len()));
        let rest: usize = series.drain(SERIES..).map(|series| series.points.len()).sum();
        let by = self.joined_names(by);
        self.notes.push(format!("the {SERIES} most frequent of {all} values of `{by}` are drawn"));
        self.left_out(rest, "with another value");
        Ok(series)
    }
}
