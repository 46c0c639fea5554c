//! `SUMMARIZE`: a row for each column of a query, with what its values are like. The query is read once.
//!
//! **Shape**: `column_name`, `column_type`, `min`, `max`, `approx_unique`, `avg`, `std`, `q25`, `q50`, `q75`, `count`,
//! `null_percentage`, as in DuckDB; one row per column, in their order. What is of the column's own type is text; `count`
//! is of rows. Objects and lists have the last two only, texts no figures. Quantiles and unique values are estimates.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, Result, ScalarValue, plan_err};
use datafusion::functions::core::expr_fn::{coalesce, get_field, named_struct, nullif};
use datafusion::functions::math::expr_fn::{abs, round};
use datafusion::functions_aggregate::expr_fn::{approx_distinct, approx_percentile_cont, avg, count, max, min, stddev};
use datafusion::functions_nested::expr_fn::make_array;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, col, lit, try_cast, when};

use super::types::type_name;

const NAMES: [&str; 12] = [
    "column_name",
    "column_type",
    "min",
    "max",
    "approx_unique",
    "avg",
    "std",
    "q25",
    "q50",
    "q75",
    "count",
    "null_percentage",
];
/// The column with all rows as one list, and the one with the count of rows.
const ROWS: &str = "rows";
const COUNT: &str = "count";

/// The plan that summarizes what `plan` answers.
pub(super) fn of(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns: Vec<(Expr, String, DataType)> = plan
        .schema()
        .iter()
        .map(|(table, field)| {
            let column = Expr::Column(Column::from((table, field.as_ref())));
            (column, field.name().clone(), field.data_type().clone())
        })
        .collect();
    if columns.is_empty() {
        return plan_err!("there is no column to summarize");
    }
    let mut aggregates = vec![count(lit(1_i64)).alias(COUNT)];
    let mut rows = Vec::with_capacity(columns.len());
    // By their places: columns of two tables may have one name.
    for (at, (_, name, data_type)) in columns.iter().enumerate() {
        let values = Values { column: col(place(at)), data_type, at };
        rows.push(values.row(name, &mut aggregates)?);
    }
    let placed = columns.into_iter().enumerate().map(|(at, (column, ..))| column.alias(place(at)));
    let answers = NAMES.map(|name| get_field(col(ROWS), name).alias(name));
    LogicalPlanBuilder::from(plan)
        .project(placed.collect::<Vec<_>>())?
        .aggregate(Vec::<Expr>::new(), aggregates)?
        .project([make_array(rows).alias(ROWS)])?
        .unnest_column(ROWS)?
        .project(answers)?
        .build()
}

/// A figure that got too large for a double is none: not every format holds it.
fn finite(figure: Expr) -> Result<Expr> {
    when(abs(figure.clone()).lt(lit(f64::INFINITY)), figure).end()
}

fn place(at: usize) -> String {
    format!("c{at}")
}

/// What a summary says of a type, beside how many there are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    /// An instant or a day: a number that is one again when it has been found.
    Instant,
    Ordered,
    Nested,
}

impl Kind {
    fn of(data_type: &DataType) -> Self {
        match data_type {
            data_type if data_type.is_numeric() => Self::Number,
            DataType::Timestamp(_, _) | DataType::Date32 => Self::Instant,
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Boolean => Self::Ordered,
            _ => Self::Nested,
        }
    }
}

/// The values of the column at a place.
struct Values<'a> {
    column: Expr,
    data_type: &'a DataType,
    at: usize,
}

impl Values<'_> {
    /// The row that says what they are like, out of `aggregates`, to which it adds what it needs.
    fn row(&self, name: &str, aggregates: &mut Vec<Expr>) -> Result<Expr> {
        let mut aggregate = |what: &str, expr: Expr| {
            let name = format!("{what}{}", self.at);
            aggregates.push(expr.alias(&name));
            col(name)
        };
        let kind = Kind::of(self.data_type);
        let column = || self.column.clone();
        let text = |expr: Expr| cast(expr, DataType::Utf8);
        let no_text = || lit(ScalarValue::Utf8(None));
        let no_number = || lit(ScalarValue::Float64(None));
        let ordered = kind != Kind::Nested;
        let figures = || cast(column(), DataType::Float64);
        let quantile = |what: &str, share: f64, aggregate: &mut dyn FnMut(&str, Expr) -> Expr| match kind {
            Kind::Number | Kind::Instant => {
                let found = aggregate(what, approx_percentile_cont(self.figure().sort(true, false), lit(share), None));
                // The nearest double of a large integer may be out of its type.
                let whole = match self.data_type {
                    DataType::Date32 => try_cast(found.clone(), DataType::Int32),
                    _ => found.clone(),
                };
                let of_type = text(try_cast(whole, self.data_type.clone()));
                coalesce(vec![of_type, text(found)])
            }
            Kind::Ordered | Kind::Nested => no_text(),
        };
        let filled = aggregate("n", count(column()));
        let min = if ordered { text(aggregate("min", min(column()))) } else { no_text() };
        let max = if ordered { text(aggregate("max", max(column()))) } else { no_text() };
        let unique = match ordered {
            true => cast(aggregate("unique", approx_distinct(self.countable())), DataType::Int64),
            false => lit(ScalarValue::Int64(None)),
        };
        let is_number = kind == Kind::Number;
        let mean = if is_number { finite(aggregate("avg", avg(figures())))? } else { no_number() };
        let deviation = if is_number { finite(aggregate("std", stddev(figures())))? } else { no_number() };
        let q25 = quantile("q25_", 0.25, &mut aggregate);
        let q50 = quantile("q50_", 0.5, &mut aggregate);
        let q75 = quantile("q75_", 0.75, &mut aggregate);
        let count = col(COUNT);
        let share = cast(filled, DataType::Float64) / nullif(cast(count.clone(), DataType::Float64), lit(0.0));
        let nulls = round(vec![lit(100.0) - lit(100.0) * share, lit(2_i64)]);
        let told =
            [lit(name), lit(type_name(self.data_type)), min, max, unique, mean, deviation, q25, q50, q75, count, nulls];
        Ok(named_struct(NAMES.into_iter().zip(told).flat_map(|(name, value)| [lit(name), value]).collect()))
    }

    /// The values as the engine counts different ones, which it does not do for doubles.
    fn countable(&self) -> Expr {
        match self.data_type.is_floating() {
            true => cast(self.column.clone(), DataType::Utf8),
            false => self.column.clone(),
        }
    }

    /// A number for each value, of which a quantile is asked.
    fn figure(&self) -> Expr {
        match self.data_type {
            DataType::Timestamp(_, _) => cast(self.column.clone(), DataType::Int64),
            DataType::Date32 => cast(self.column.clone(), DataType::Int32),
            _ => cast(self.column.clone(), DataType::Float64),
        }
    }
}
