//! The rule that takes the calls that say where windows stand out of a plan, and puts the windows there.
//!
//! `GROUP BY visitor, session(at, gap)` becomes a grouping by two columns, over a step that gives rows their sessions per
//! visitor. It stands behind the engine's own rules, which make types fit, and before ours.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchema, Result, internal_err};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprSchemable, Extension, GroupingSet, LogicalPlan, Projection, cast as cast_expr,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use std::sync::Arc;

use super::functions::{Marker, Place, event_time, flawed};
use super::grid::{self, Grid};
use super::node::{Kind, WindowAssign, end_of};

/// The rule that places windows.
#[derive(Debug)]
pub struct PlaceWindows;

impl AnalyzerRule for PlaceWindows {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(in_plan).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "place_windows"
    }
}

fn in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let Some(first) = first_call(&plan)? else { return Ok(Transformed::no(plan)) };
    match &plan {
        LogicalPlan::Aggregate(aggregate) => in_aggregate(aggregate).map(Transformed::yes),
        LogicalPlan::Projection(projection) => in_projection(projection).map(Transformed::yes),
        _ => Err(misplaced(first)),
    }
}

fn misplaced(place: Place) -> datafusion::common::DataFusionError {
    let word = place.word();
    place.misuse(
        format!("`{word}` stands where there is no window"),
        format!("group by it, and ask for {word}_START and {word}_END where a value may stand"),
    )
}

/// What the first call that stands in the expressions of a step is for.
fn first_call(plan: &LogicalPlan) -> Result<Option<Place>> {
    let mut found = None;
    plan.apply_expressions(|expr| {
        found = calls(expr)?.first().map(|call| call.place);
        Ok(if found.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })?;
    Ok(found)
}

/// A call that says where a window stands.
#[derive(Debug, Clone, PartialEq)]
struct Call {
    place: Place,
    args: Vec<Expr>,
}

impl Call {
    fn of(expr: &Expr) -> Option<Self> {
        let Expr::ScalarFunction(call) = expr else { return None };
        let marker = call.func.inner().downcast_ref::<Marker>()?;
        Some(Self { place: marker.place, args: call.args.clone() })
    }

    /// Whether both are answered by one step.
    fn is_of(&self, other: &Self) -> bool {
        self.place.word() == other.place.word() && self.args == other.args
    }

    fn is_session(&self) -> bool {
        matches!(self.place, Place::Session | Place::SessionEnd)
    }
}

/// The calls within an expression.
fn calls(expr: &Expr) -> Result<Vec<Call>> {
    let mut found = Vec::new();
    expr.apply(|expr| {
        let Some(call) = Call::of(expr) else { return Ok(TreeNodeRecursion::Continue) };
        for arg in &call.args {
            if let Some(inner) = calls(arg)?.first() {
                return Err(inner.place.misuse(
                    format!("`{}` stands within another window", inner.place.word()),
                    "group by the inner window in a query of its own, and its rows by the other one",
                ));
            }
        }
        found.push(call);
        Ok(TreeNodeRecursion::Jump)
    })?;
    Ok(found)
}

/// The calls within expressions, each once.
fn windows_of<'a>(exprs: impl IntoIterator<Item = &'a Expr>) -> Result<Vec<Call>> {
    let mut windows: Vec<Call> = Vec::new();
    for call in exprs.into_iter().map(calls).collect::<Result<Vec<_>>>()?.concat() {
        if !windows.iter().any(|window| window.is_of(&call)) {
            windows.push(call);
        }
    }
    Ok(windows)
}

fn in_aggregate(aggregate: &Aggregate) -> Result<LogicalPlan> {
    let Aggregate { input, group_expr, aggr_expr, schema, .. } = aggregate;
    if let Some(call) = windows_of(aggr_expr)?.first() {
        return Err(misplaced(call.place));
    }
    let mut windows = windows_of(group_expr)?;
    // Sessions are those of the other keys, other windows among them.
    windows.sort_by_key(Call::is_session);
    let mut plan = Arc::unwrap_or_clone(Arc::clone(input));
    let mut groups = group_expr.clone();
    for (number, window) in windows.iter().enumerate() {
        if window.is_session() && number + 1 < windows.len() {
            return Err(window.place.misuse(
                "there is more than one `SESSION` in GROUP BY".into(),
                "group by one, in a query whose rows another groups by the next",
            ));
        }
        let keys = if window.is_session() { keys_beside(window, &groups)? } else { Vec::new() };
        plan = assign(plan, window, keys, number)?;
        groups = replaced(groups, window, number)?;
    }
    let grouped = Aggregate::try_new(Arc::new(plan), groups, aggr_expr.clone())?;
    called_as(LogicalPlan::Aggregate(grouped), schema)
}

fn in_projection(projection: &Projection) -> Result<LogicalPlan> {
    let Projection { input, expr, schema, .. } = projection;
    let mut plan = Arc::unwrap_or_clone(Arc::clone(input));
    let mut exprs = expr.clone();
    for (number, window) in windows_of(expr)?.iter().enumerate() {
        let keys = if window.is_session() { window.args[2..].to_vec() } else { Vec::new() };
        plan = assign(plan, window, keys, number)?;
        exprs = replaced(exprs, window, number)?;
    }
    called_as(LogicalPlan::Projection(Projection::try_new(exprs, Arc::new(plan))?), schema)
}

/// What is grouped by beside a session.
fn keys_beside(window: &Call, groups: &[Expr]) -> Result<Vec<Expr>> {
    if groups.iter().any(|group| {
        matches!(group, Expr::GroupingSet(GroupingSet::Cube(_) | GroupingSet::Rollup(_) | GroupingSet::GroupingSets(_)))
    }) {
        return Err(window.place.misuse(
            "`SESSION` has no place in ROLLUP, CUBE or GROUPING SETS: it would be another for each of them".into(),
            "group by the session first, in a query whose rows another groups again",
        ));
    }
    let mut keys = Vec::new();
    for group in groups {
        if !calls(group)?.iter().any(|call| call.is_of(window)) {
            keys.push(group.clone());
        }
    }
    Ok(keys)
}

fn column(number: usize) -> String {
    format!("__window_{number}")
}

/// The expressions with columns where the calls for `window` stand.
fn replaced(exprs: Vec<Expr>, window: &Call, number: usize) -> Result<Vec<Expr>> {
    let replace = |expr: Expr| {
        expr.transform_up(|expr| match Call::of(&expr) {
            Some(call) if call.is_of(window) => {
                let start = column(number);
                let name = if call.place == Place::SessionEnd { end_of(&start) } else { start };
                Ok(Transformed::yes(Expr::Column(Column::from_name(name))))
            }
            _ => Ok(Transformed::no(expr)),
        })
        .map(|done| done.data)
    };
    exprs.into_iter().map(replace).collect()
}

/// The plan with the start of the window behind its columns.
fn assign(input: LogicalPlan, window: &Call, keys: Vec<Expr>, number: usize) -> Result<LogicalPlan> {
    let place = window.place;
    let time = window.args[0].clone();
    let Some(of_window) = event_time(&time.get_type(input.schema())?) else { return Err(misplaced(place)) };
    let DataType::Timestamp(unit, zone) = &of_window else { return internal_err!("windows have a start") };
    let lengths: Vec<_> = window.args.iter().skip(1).take(3).collect();
    let lengths =
        |count: usize| lengths.iter().take(count).map(|length| constant(place, length)).collect::<Result<Vec<_>>>();
    let zero = IntervalMonthDayNano::ZERO;
    let kind = match (place, window.args.len()) {
        (Place::Session | Place::SessionEnd, _) => {
            let gap = lengths(1)?[0];
            grid::positive(gap, *unit).map_err(|flaw| flawed(place, flaw))?;
            Kind::Session { gap }
        }
        (Place::Tumble, count) => {
            let lengths = lengths(count - 1)?;
            Kind::Hopping { slide: lengths[0], size: lengths[0], offset: *lengths.get(1).unwrap_or(&zero) }
        }
        (Place::Hop, count) => {
            let lengths = lengths(count - 1)?;
            Kind::Hopping { slide: lengths[0], size: lengths[1], offset: *lengths.get(2).unwrap_or(&zero) }
        }
    };
    if let Kind::Hopping { slide, size, offset } = kind {
        let grid = Grid::new(slide, size, offset, *unit).map_err(|flaw| flawed(place, flaw))?;
        if zone.is_some() && matches!(grid, Grid::Calendar { .. }) {
            return Err(place.misuse(
                "windows of months need an event time without a zone, since months begin at other times elsewhere"
                    .into(),
                "say whose months: to_local_time(… AT TIME ZONE 'Europe/Berlin')",
            ));
        }
    }
    let time = if time.get_type(input.schema())? == of_window { time } else { cast_expr(time, of_window) };
    let node = WindowAssign::try_new(kind, time, keys, input, column(number))?;
    Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
}

/// The interval that an expression is, whatever the row.
fn constant(place: Place, length: &Expr) -> Result<IntervalMonthDayNano> {
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().with_schema(Arc::new(DFSchema::empty())).build());
    let wide = DataType::Interval(IntervalUnit::MonthDayNano);
    let of_rows = length.any_column_refs();
    match if of_rows { length.clone() } else { simplifier.simplify(length.clone())? } {
        Expr::Literal(value, _) if !value.is_null() => {
            let value = cast(&value.to_array()?, &wide)?;
            Ok(value.as_primitive::<IntervalMonthDayNanoType>().value(0))
        }
        _ => Err(place.misuse(
            format!("the lengths that `{}` takes are the same for all rows", place.word()),
            "write an interval: INTERVAL '1' MINUTE",
        )),
    }
}

/// A plan whose columns have the names of `schema`.
fn called_as(plan: LogicalPlan, schema: &DFSchema) -> Result<LogicalPlan> {
    let columns = schema.iter().zip(plan.schema().iter()).map(|((qualifier, field), (own, found))| {
        let column = Expr::Column(Column::from((own, found.as_ref())));
        if (qualifier, field.name()) == (own, found.name()) {
            return column;
        }
        column.alias_qualified(qualifier.cloned(), field.name())
    });
    let columns = columns.collect();
    Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)
}
