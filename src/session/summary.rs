//! `SUMMARIZE`: a row for each column of a query, with what its values are like. The query is read once.
//!
//! **Shape**: `column_name`, `column_type`, `min`, `max`, `approx_unique`, `avg`, `std`, `q25`, `q50`, `q75`, `count`,
//! `null_percentage`, as in DuckDB; one row per column, in their order. What is of the column's own type is text; `count`
//! is of rows. Objects and lists have the last two only, texts no figures. Quantiles and unique values are estimates.
//!
//! The engine aggregates; that one row becomes many by one call, since plans of expressions for each column take minutes to
//! be optimized where there are some hundreds.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, ListArray, StringArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::cast as cast_array;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Column, DataFusionError, Result, internal_datafusion_err, internal_err, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_aggregate::expr_fn::{approx_distinct, approx_percentile_cont, avg, count, max, min, stddev};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, cast, col, lit,
};

use super::types::type_name;

/// The column with all rows as one list.
const ROWS: &str = "rows";
/// The shares of values below each quantile.
const QUANTILES: [f64; 3] = [0.25, 0.5, 0.75];

/// The plan that summarizes what `plan` answers.
pub(super) fn of(plan: LogicalPlan) -> Result<LogicalPlan> {
    let columns = plan.schema().iter().map(|(table, field)| {
        let column = Expr::Column(Column::from((table, field.as_ref())));
        (column, Summarized { name: field.name().clone(), data_type: field.data_type().clone() })
    });
    let (columns, summarized): (Vec<Expr>, Vec<Summarized>) = columns.unzip();
    if columns.is_empty() {
        return plan_err!("there is no column to summarize");
    }
    // By their places: columns of two tables may have one name.
    let placed = columns.into_iter().enumerate().map(|(at, column)| column.alias(format!("c{at}")));
    let asked = |(at, column): (usize, &Summarized)| column.aggregates(&col(format!("c{at}")));
    let aggregates = std::iter::once(count(lit(1_i64))).chain(summarized.iter().enumerate().flat_map(asked));
    let aggregates: Vec<Expr> = aggregates.enumerate().map(|(at, expr)| expr.alias(format!("a{at}"))).collect();
    let found = (0..aggregates.len()).map(|at| col(format!("a{at}"))).collect();
    let signature = Signature::any(aggregates.len(), Volatility::Immutable);
    let function = Arc::new(ScalarUDF::from(Rows { columns: summarized, signature }));
    let rows = Expr::ScalarFunction(ScalarFunction::new_udf(function, found));
    let answers =
        fields().iter().map(|field| get_field(col(ROWS), field.name()).alias(field.name())).collect::<Vec<_>>();
    LogicalPlanBuilder::from(plan)
        .project(placed.collect::<Vec<_>>())?
        .aggregate(Vec::<Expr>::new(), aggregates)?
        .project([rows.alias(ROWS)])?
        .unnest_column(ROWS)?
        .project(answers)?
        .build()
}

/// What a summary has of each column.
fn fields() -> Fields {
    let text = |name| Field::new(name, DataType::Utf8, true);
    let whole = |name| Field::new(name, DataType::Int64, true);
    let figure = |name| Field::new(name, DataType::Float64, true);
    Fields::from(vec![
        text("column_name"),
        text("column_type"),
        text("min"),
        text("max"),
        whole("approx_unique"),
        figure("avg"),
        figure("std"),
        text("q25"),
        text("q50"),
        text("q75"),
        whole("count"),
        figure("null_percentage"),
    ])
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

/// A column that is summarized.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Summarized {
    name: String,
    data_type: DataType,
}

/// What was found of a column: of each figure the one value.
#[derive(Default)]
struct Found {
    min: Option<String>,
    max: Option<String>,
    unique: Option<i64>,
    quantiles: [Option<String>; 3],
    mean: Option<f64>,
    deviation: Option<f64>,
    filled: i64,
}

impl Summarized {
    /// What is asked of its `values`, in the order in which [`found`](Self::found) takes the answers.
    fn aggregates(&self, values: &Expr) -> Vec<Expr> {
        let kind = Kind::of(&self.data_type);
        let mut asked = vec![count(values.clone())];
        if kind != Kind::Nested {
            asked.extend([min(values.clone()), max(values.clone()), approx_distinct(self.countable(values))]);
        }
        if matches!(kind, Kind::Number | Kind::Instant) {
            let figure = self.figure(values).sort(true, false);
            asked.extend(QUANTILES.map(|share| approx_percentile_cont(figure.clone(), lit(share), None)));
        }
        if kind == Kind::Number {
            let figures = cast(values.clone(), DataType::Float64);
            asked.extend([avg(figures.clone()), stddev(figures)]);
        }
        asked
    }

    fn found<'a>(&self, answers: &mut impl Iterator<Item = &'a ArrayRef>) -> Result<Found> {
        let mut next = || answers.next().ok_or_else(|| internal_datafusion_err!("an aggregate is missing"));
        let kind = Kind::of(&self.data_type);
        let mut found = Found { filled: whole(next()?)?.unwrap_or(0), ..Found::default() };
        if kind != Kind::Nested {
            found.min = text(next()?)?;
            found.max = text(next()?)?;
            found.unique = whole(next()?)?;
        }
        if matches!(kind, Kind::Number | Kind::Instant) {
            for quantile in &mut found.quantiles {
                *quantile = self.quantile(next()?)?;
            }
        }
        if kind == Kind::Number {
            found.mean = figure(next()?)?;
            found.deviation = figure(next()?)?;
        }
        Ok(found)
    }

    /// The values as the engine counts different ones, which it does not do for doubles.
    fn countable(&self, values: &Expr) -> Expr {
        match self.data_type.is_floating() {
            true => cast(values.clone(), DataType::Utf8),
            false => values.clone(),
        }
    }

    /// A number for each value, of which a quantile is asked.
    fn figure(&self, values: &Expr) -> Expr {
        let figure = match self.data_type {
            DataType::Timestamp(_, _) => DataType::Int64,
            DataType::Date32 => DataType::Int32,
            _ => DataType::Float64,
        };
        cast(values.clone(), figure)
    }

    /// A quantile in the column's type; the nearest double of a large integer may be out of it.
    fn quantile(&self, found: &ArrayRef) -> Result<Option<String>> {
        let days = match self.data_type {
            DataType::Date32 => Some(cast_array(found, &DataType::Int32)?),
            _ => None,
        };
        let of_type = cast_array(days.as_ref().unwrap_or(found), &self.data_type)?;
        text(if of_type.is_valid(0) { &of_type } else { found })
    }
}

fn text(array: &ArrayRef) -> Result<Option<String>> {
    let array = cast_array(array, &DataType::Utf8)?;
    let texts = array.as_string::<i32>();
    Ok(texts.is_valid(0).then(|| texts.value(0).to_owned()))
}

fn whole(array: &ArrayRef) -> Result<Option<i64>> {
    let array = cast_array(array, &DataType::Int64)?;
    Ok(array.as_primitive::<Int64Type>().iter().next().flatten())
}

/// A figure; one that got too large for a double is none: not every format holds it.
fn figure(array: &ArrayRef) -> Result<Option<f64>> {
    let array = cast_array(array, &DataType::Float64)?;
    Ok(array.as_primitive::<Float64Type>().iter().next().flatten().filter(|figure| figure.is_finite()))
}

/// The rows of a summary as one list, from the count of rows and what was asked of each column.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Rows {
    columns: Vec<Summarized>,
    signature: Signature,
}

impl Rows {
    fn item() -> Field {
        Field::new_list_field(DataType::Struct(fields()), true)
    }

    /// A row for each column.
    fn rows(&self, answers: &[ArrayRef]) -> Result<StructArray> {
        let mut answers = answers.iter();
        let Some(all) = answers.next() else { return internal_err!("the count of rows is missing") };
        let all = whole(all)?.unwrap_or(0);
        let found = self.columns.iter().map(|column| column.found(&mut answers)).collect::<Result<Vec<_>>>()?;
        let texts = |of: &dyn Fn(&Found) -> Option<&String>| -> ArrayRef {
            Arc::new(found.iter().map(of).collect::<StringArray>())
        };
        let figures = |of: &dyn Fn(&Found) -> Option<f64>| -> ArrayRef {
            Arc::new(found.iter().map(of).collect::<Float64Array>())
        };
        let quantile = |at: usize| texts(&|found| found.quantiles[at].as_ref());
        let nulls = |found: &Found| {
            let share = 100.0 - 100.0 * (found.filled as f64 / all as f64);
            (all > 0).then_some((share * 100.0).round() / 100.0)
        };
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.columns.iter().map(|column| Some(&column.name)).collect::<StringArray>()),
            Arc::new(self.columns.iter().map(|column| Some(type_name(&column.data_type))).collect::<StringArray>()),
            texts(&|found| found.min.as_ref()),
            texts(&|found| found.max.as_ref()),
            Arc::new(found.iter().map(|found| found.unique).collect::<Int64Array>()),
            figures(&|found| found.mean),
            figures(&|found| found.deviation),
            quantile(0),
            quantile(1),
            quantile(2),
            Arc::new(Int64Array::from(vec![all; found.len()])),
            figures(&nulls),
        ];
        StructArray::try_new(fields(), columns, None).map_err(DataFusionError::from)
    }
}

impl ScalarUDFImpl for Rows {
    fn name(&self) -> &'static str {
        "summary_rows"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(Arc::new(Self::item())))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let answers = ColumnarValue::values_to_arrays(&args.args)?;
        if args.number_rows != 1 {
            return internal_err!("all rows together have one summary");
        }
        let rows = self.rows(&answers)?;
        let lengths = OffsetBuffer::from_lengths([rows.len()]);
        Ok(ColumnarValue::Array(Arc::new(ListArray::new(Arc::new(Self::item()), lengths, Arc::new(rows), None))))
    }
}
