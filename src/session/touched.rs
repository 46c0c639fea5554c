//! Which folders of a result new lines belong to, and a statement over the rows of some folders alone.
//!
//! It knows nothing of files: a folder is the values of the last columns of a plan.

use std::collections::HashSet;

use datafusion::arrow::array::{ArrayRef, RecordBatch};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, DataFusionError, ScalarValue};
use datafusion::logical_expr::{Distinct, Expr, LogicalPlan, LogicalPlanBuilder, lit};
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use super::increment::{asks_others, below, chain, changing, has_sessions};
use super::{Planned, Session, Unfoldable, failure, guarded};
use crate::catalog::is_source;
use crate::error::{Error, Result};

/// So many values of a column are asked for by name; where there are more, all are.
const NAMED_VALUES: usize = 1000;

/// The folders that are computed again: for each of the last columns its values, or none, which is any.
#[derive(Debug, Clone)]
pub struct Touched {
    values: Vec<Option<HashSet<ScalarValue>>>,
}

impl Touched {
    /// Whether there is no such folder.
    pub fn is_empty(&self) -> bool {
        self.values.iter().any(|values| values.as_ref().is_some_and(HashSet::is_empty))
    }

    /// Values of each column, as an array.
    ///
    /// **Errors**: `Internal`, if the values of a column are of several types.
    pub fn arrays(&self) -> Result<Vec<Option<ArrayRef>>> {
        let array = |values: &Option<HashSet<ScalarValue>>| {
            let Some(values) = values else { return Ok(None) };
            ScalarValue::iter_to_array(values.iter().cloned()).map(Some)
        };
        let arrays: std::result::Result<_, DataFusionError> = self.values.iter().map(array).collect();
        arrays.map_err(|error| Error::internal("folders have values of several types").with_source(error))
    }
}

impl Session {
    /// The folders that the rows of a statement belong to, whatever becomes of the rows above its groups. Its last columns, so
    /// many, are for folders.
    ///
    /// **Errors**: as [`Session::start`] and its batches.
    pub async fn touched(&self, planned: Planned, folders: usize) -> Result<Touched> {
        let script = planned.script.clone();
        guarded(&script, async {
            let Planned { script, statement, plan, .. } = planned;
            let failed = |error| failure::misplanned(error, &script, &statement, &self.engine);
            let keys = keys(&plan, folders).map_err(failed)?;
            let plan = self.physical(keys).await.map_err(failed)?;
            let mut batches = execute_stream(plan, self.engine.task_ctx()).map_err(failed)?;
            let mut touched = Touched { values: vec![Some(HashSet::new()); folders] };
            while let Some(batch) = batches.next().await {
                let batch = batch.map_err(|error| failure::explain(error, &script, &statement, &self.engine))?;
                touched.add(&batch).map_err(failed)?;
            }
            Ok(touched)
        })
        .await
    }
}

impl Touched {
    fn add(&mut self, batch: &RecordBatch) -> std::result::Result<(), DataFusionError> {
        for (values, column) in self.values.iter_mut().zip(batch.columns()) {
            let Some(known) = values else { continue };
            for row in 0..batch.num_rows() {
                let value = ScalarValue::try_from_array(column, row)?;
                known.extend(other_zero(&value));
                known.insert(value);
            }
            if known.len() > NAMED_VALUES {
                *values = None;
            }
        }
        Ok(())
    }
}

impl Planned {
    /// Whether each folder can be computed without the rows of others, and which new lines belong to is told by them alone. The
    /// last columns, so many, are for folders.
    ///
    /// **Errors**: `Internal`, if the plan cannot be walked.
    pub fn undivided(&self, folders: usize) -> Result<Option<Unfoldable>> {
        let no = |what: String| Ok(Some(Unfoldable { what, hint: FROM_ALL.to_owned() }));
        let (chain, lowest) = chain(&self.plan);
        let above = lowest.map_or(chain.as_slice(), |lowest| &chain[..=lowest]);
        for node in above {
            match node {
                _ if has_sessions(node) => return no("its sessions may reach over the end of a folder".to_owned()),
                _ if asks_others(node) => return no("a subquery has other folders' lines in it".to_owned()),
                LogicalPlan::Limit(_) => return no("LIMIT counts the rows of all folders".to_owned()),
                LogicalPlan::Sort(sort) if sort.fetch.is_some() => {
                    return no("LIMIT counts the rows of all folders".to_owned());
                }
                LogicalPlan::Window(_) => return no("OVER looks at the rows of all folders".to_owned()),
                LogicalPlan::Join(_) => return no("a join may pair lines of several folders".to_owned()),
                LogicalPlan::Projection(_)
                | LogicalPlan::Filter(_)
                | LogicalPlan::Sort(_)
                | LogicalPlan::SubqueryAlias(_)
                | LogicalPlan::Distinct(Distinct::All(_))
                | LogicalPlan::Aggregate(_)
                | LogicalPlan::Unnest(_)
                | LogicalPlan::Union(_) => {}
                LogicalPlan::TableScan(scan) if is_source(scan) => {}
                _ => return no("its rows may come of lines of several folders".to_owned()),
            }
        }
        // Where the plan forks, each branch is one of rows.
        let base = lowest.unwrap_or(chain.len() - 1);
        for input in chain[base].inputs() {
            if let Some((what, why)) = below(input)? {
                return no(format!("it is made of {what}: {why}"));
            }
        }
        if let Some(what) = changing(&self.plan) {
            return no(format!("its rows are made by {what}, which is another at each run"));
        }
        if lowest.is_some() && keys(&self.plan, folders).is_err() {
            return no("a folder is told by what its groups hold, and not by what they are told by".to_owned());
        }
        Ok(None)
    }

    /// The same statement, over the rows of some folders.
    ///
    /// **Errors**: `Internal`, if the values are not of the columns' types.
    pub fn only(mut self, touched: &Touched) -> Result<Self> {
        let schema = self.plan.schema().clone();
        let first = schema.fields().len().saturating_sub(touched.values.len());
        let mut wanted = lit(true);
        for (at, values) in touched.values.iter().enumerate() {
            let Some(values) = values else { continue };
            let column = Expr::Column(Column::from(schema.qualified_field(first + at)));
            let named: Vec<Expr> = values.iter().filter(|value| !value.is_null()).cloned().map(lit_of).collect();
            let mut is_one = column.clone().in_list(named, false);
            if values.iter().any(ScalarValue::is_null) {
                is_one = is_one.or(column.is_null());
            }
            wanted = wanted.and(is_one);
        }
        let plan = LogicalPlanBuilder::from(self.plan.clone()).filter(wanted).and_then(LogicalPlanBuilder::build);
        self.plan = plan.map_err(|error| Error::internal("folders cannot be asked for").with_source(error))?;
        Ok(self)
    }
}

/// Zero has two names where there are fractions, which groups do not tell apart, and folders and lists of values do.
fn other_zero(value: &ScalarValue) -> Option<ScalarValue> {
    match value {
        ScalarValue::Float64(Some(zero)) if *zero == 0.0 => Some(ScalarValue::Float64(Some(-zero))),
        ScalarValue::Float32(Some(zero)) if *zero == 0.0 => Some(ScalarValue::Float32(Some(-zero))),
        _ => None,
    }
}

const FROM_ALL: &str = "leave `mode` out, and the result is computed from all lines";

fn lit_of(value: ScalarValue) -> Expr {
    Expr::Literal(value, None)
}

/// A plan of the values that the last columns of `plan` have, of the rows that its lowest aggregate takes in, if it has one.
fn keys(plan: &LogicalPlan, folders: usize) -> std::result::Result<LogicalPlan, DataFusionError> {
    let schema = plan.schema();
    let first = schema.fields().len().saturating_sub(folders);
    let columns = (first..schema.fields().len()).map(|at| Expr::Column(Column::from(schema.qualified_field(at))));
    let (chain, lowest) = chain(plan);
    let Some(lowest) = lowest else {
        return LogicalPlanBuilder::from(plan.clone()).project(columns)?.distinct()?.build();
    };
    let mut keys: Vec<Expr> = columns.collect();
    for node in &chain[..=lowest] {
        for key in &mut keys {
            *key = std::mem::take(key).transform_up(|part| below_step(part, node))?.data;
        }
    }
    let [input] = chain[lowest].inputs()[..] else {
        return Err(DataFusionError::Internal("an aggregate has one input".to_owned()));
    };
    let keys = keys.into_iter().enumerate().map(|(at, key)| key.alias(format!("folder {at}")));
    LogicalPlanBuilder::from(input.clone()).project(keys)?.distinct()?.build()
}

/// A column behind a step, in terms of what goes into the step.
fn below_step(part: Expr, node: &LogicalPlan) -> std::result::Result<Transformed<Expr>, DataFusionError> {
    let Expr::Column(column) = &part else { return Ok(Transformed::no(part)) };
    let at = |schema: &DFSchema| schema.index_of_column(column);
    let untold = || DataFusionError::Plan(format!("{column} is not told by the groups"));
    let below = match node {
        LogicalPlan::Projection(projection) => projection.expr[at(&projection.schema)?].clone().unalias(),
        LogicalPlan::Aggregate(aggregate) => {
            let expr = aggregate.group_expr.get(at(&aggregate.schema)?).ok_or_else(untold)?.clone().unalias();
            if matches!(expr, Expr::GroupingSet(_)) {
                return Err(untold());
            }
            expr
        }
        LogicalPlan::SubqueryAlias(alias) => {
            Expr::Column(Column::from(alias.input.schema().qualified_field(at(&alias.schema)?)))
        }
        LogicalPlan::Filter(_) | LogicalPlan::Sort(_) | LogicalPlan::Distinct(Distinct::All(_)) => {
            return Ok(Transformed::no(part));
        }
        _ => return Err(untold()),
    };
    Ok(Transformed::yes(below))
}
