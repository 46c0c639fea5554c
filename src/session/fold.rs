//! Groups that are added to: what a statement's aggregate holds of new lines, and of all lines before, from a file.
//!
//! The engine makes an aggregate of two halves: one gathers states of groups from rows, the other makes results of states. Here
//! the states of new rows are joined with those that a file holds, and written to another; results are made of that one. So
//! whatever the engine can divide into halves is what it would be over all lines. It knows nothing of which lines are new.

mod file;

use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::union::UnionExec;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::StreamExt;

use super::{Planned, Running, Session, failure, guarded};
use crate::error::{Error, Result};
use crate::failpoint;

/// Where the states of groups are.
#[derive(Debug, Clone)]
pub struct Fold {
    /// Those of lines before.
    pub before: Option<PathBuf>,
    /// Where those of all lines are written.
    pub after: PathBuf,
}

/// What must not be done to a statement whose groups are kept: it would leave groups out, or count by others.
const OPTIONS: [(&str, &str); 3] = [
    ("datafusion.optimizer.enable_dynamic_filter_pushdown", "false"),
    ("datafusion.optimizer.enable_topk_aggregation", "false"),
    ("datafusion.optimizer.enable_distinct_aggregation_soft_limit", "false"),
];
const RULE: &str = "single_distinct_aggregation_to_group_by";

impl Session {
    /// The same session, for statements that are started by [`Session::start_fold`].
    ///
    /// **Errors**: those of [`Session::with_options`].
    pub fn folding(&self) -> Result<Self> {
        let session = self.with_options(&OPTIONS.map(|(name, value)| (name.to_owned(), value.to_owned())))?;
        session.engine.remove_optimizer_rule(RULE);
        Ok(session)
    }

    /// Starts a statement over new lines and the groups of those before. When it returns, the groups of all are written.
    ///
    /// **Errors**: as [`Session::start`]; `Request`, if what is kept of groups has other types; `Machine`, if it cannot be read
    /// or written.
    pub async fn start_fold(
        &self,
        planned: Planned,
        fold: &Fold,
        begun: impl FnOnce(Arc<dyn ExecutionPlan>) + Send,
    ) -> Result<Running> {
        let script = planned.script.clone();
        guarded(&script, self.fold(planned, fold, begun)).await
    }

    async fn fold(
        &self,
        planned: Planned,
        fold: &Fold,
        begun: impl FnOnce(Arc<dyn ExecutionPlan>) + Send,
    ) -> Result<Running> {
        let Planned { script, statement, plan, .. } = planned;
        let failed = |error| failure::misplanned(error, &script, &statement, &self.engine);
        let plan = self.physical(plan).await.map_err(failed)?;
        let halves = Halves::of(&plan).map_err(failed)?;
        let gathered = halves.gathered(fold.before.as_deref())?.map_err(failed)?;
        begun(Arc::clone(&gathered));
        let mut states = execute_stream(Arc::clone(&gathered), self.engine.task_ctx()).map_err(failed)?;
        let mut file = file::Writer::create(&fold.after, &states.schema())?;
        while let Some(batch) = states.next().await {
            let batch = batch.map_err(|error| failure::explain(error, &script, &statement, &self.engine))?;
            file.write(&batch)?;
        }
        file.finish()?;
        failpoint::pass("gathered");
        let plan = halves.finished(&plan, file::scan(&fold.after, &halves.schema)?).map_err(failed)?;
        let running = self.stream(plan, script, statement)?;
        // What was read is told by the first half.
        Ok(Running { plan: gathered, ..running })
    }
}

/// The lowest aggregate of a plan, divided.
struct Halves {
    /// What stands in the plan.
    whole: Arc<dyn ExecutionPlan>,
    mode: AggregateMode,
    /// The first half of it.
    first: Arc<AggregateExec>,
    /// Of states.
    schema: SchemaRef,
}

impl Halves {
    fn of(plan: &Arc<dyn ExecutionPlan>) -> Result<Self, DataFusionError> {
        let mut lowest = None;
        let mut node = Arc::clone(plan);
        loop {
            if node.downcast_ref::<AggregateExec>().is_some() {
                lowest = Some(Arc::clone(&node));
            }
            let child = match node.children().as_slice() {
                [child] => Arc::clone(child),
                _ => break,
            };
            node = child;
        }
        let nothing = || DataFusionError::NotImplemented("groups that are kept, in a plan without groups".to_owned());
        let whole = lowest.ok_or_else(nothing)?;
        let aggregate = whole.downcast_ref::<AggregateExec>().ok_or_else(nothing)?;
        let mode = *aggregate.mode();
        let first = AggregateExec::try_new(
            AggregateMode::Partial,
            groups(aggregate),
            aggregate.aggr_expr().to_vec(),
            aggregate.filter_expr().to_vec(),
            Arc::clone(aggregate.input()),
            aggregate.input_schema(),
        )?;
        let schema = first.schema();
        Ok(Self { mode, first: Arc::new(first), schema, whole })
    }

    /// The states of new rows, and of those before.
    fn gathered(&self, before: Option<&std::path::Path>) -> Result<Result<Arc<dyn ExecutionPlan>, DataFusionError>> {
        let first = Arc::clone(&self.first) as Arc<dyn ExecutionPlan>;
        let all = match before {
            Some(before) => UnionExec::try_new(vec![file::scan(before, &self.schema)?, first]),
            None => Ok(first),
        };
        Ok(all.and_then(|all| self.half(AggregateMode::PartialReduce, all)))
    }

    /// `plan` with states in the place of the rows that they were gathered from.
    fn finished(
        &self,
        plan: &Arc<dyn ExecutionPlan>,
        states: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let below = match self.mode {
            AggregateMode::Partial => states,
            _ => self.half(AggregateMode::Final, states)?,
        };
        let replaced = Arc::clone(plan).transform_down(|node| {
            Ok(if Arc::ptr_eq(&node, &self.whole) {
                Transformed::complete(Arc::clone(&below))
            } else {
                Transformed::no(node)
            })
        })?;
        Ok(replaced.data)
    }

    /// An aggregate of the same groups, over states.
    fn half(
        &self,
        mode: AggregateMode,
        states: Arc<dyn ExecutionPlan>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let (groups, exprs) = (groups(&self.first).as_final(), self.first.aggr_expr().to_vec());
        let filters = vec![None; exprs.len()];
        let states = Arc::new(CoalescePartitionsExec::new(states));
        Ok(Arc::new(AggregateExec::try_new(mode, groups, exprs, filters, states, self.first.input_schema())?))
    }
}

fn groups(aggregate: &AggregateExec) -> PhysicalGroupBy {
    aggregate.group_expr().clone()
}

/// What is kept cannot be used.
fn unusable(path: &std::path::Path, what: &str) -> Error {
    Error::request(format!("what is kept of groups in `{}` {what}", path.display()))
        .with_hint("compute everything again: --full-refresh")
}
