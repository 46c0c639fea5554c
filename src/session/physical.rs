//! Rules of physical plans: the engine's own, where they are right, and those that make them so.
//!
//! It knows nothing of what plans compute.

use std::collections::HashSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::physical_plan::joins::HashJoinExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::{ExecutionPlan, Partitioning, replace_children_if_necessary};

use super::varying::ConstantsEndAtOuterJoins;

type Rule = Arc<dyn PhysicalOptimizerRule + Send + Sync>;

/// The rule of the engine that moves filters towards scans.
const MOVES_FILTERS: &str = "FilterPushdown";

/// The rules, in their order.
pub(super) fn rules() -> Vec<Rule> {
    let mended =
        |rule: Rule| if rule.name().starts_with(MOVES_FILTERS) { Arc::new(WhereNamesTell(rule)) } else { rule };
    std::iter::once(Arc::new(ConstantsEndAtOuterJoins) as Rule)
        .chain(PhysicalOptimizer::new().rules.into_iter().map(mended))
        .chain([Arc::new(WideBatchesStayShort) as Rule])
        .collect()
}

/// A rule that finds columns by their names, in those parts of a plan whose columns have different names. Below a join of two tables
/// that each have an `id`, it takes the first for the other's.
#[derive(Debug)]
struct WhereNamesTell(Rule);

impl PhysicalOptimizerRule for WhereNamesTell {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, config: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        // What a join itself hands down is in terms of its sides.
        let tells =
            if plan.is::<HashJoinExec>() { plan.children().into_iter().all(tells_apart) } else { tells_apart(&plan) };
        if tells {
            return self.0.optimize(plan, config);
        }
        let children = plan.children().into_iter().map(|child| self.optimize(Arc::clone(child), config));
        let children = children.collect::<Result<Vec<_>>>()?;
        replace_children_if_necessary(plan, children)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// Takes away what deals batches of one stream to several, where rows have very many values: it puts short batches together until
/// they have as many rows as others.
#[derive(Debug)]
struct WideBatchesStayShort;

impl PhysicalOptimizerRule for WideBatchesStayShort {
    fn optimize(&self, plan: Arc<dyn ExecutionPlan>, _: &ConfigOptions) -> Result<Arc<dyn ExecutionPlan>> {
        let done = plan.transform_up(|plan| {
            let deals = plan
                .downcast_ref::<RepartitionExec>()
                .is_some_and(|dealer| matches!(dealer.partitioning(), Partitioning::RoundRobinBatch(_)));
            let is_wide = || plan.schema().fields().iter().map(|field| leaves(field.data_type())).sum::<usize>() > WIDE;
            Ok(match plan.children().as_slice() {
                [input] if deals && is_wide() => Transformed::yes(Arc::clone(input)),
                _ => Transformed::no(plan),
            })
        })?;
        Ok(done.data)
    }

    fn name(&self) -> &'static str {
        "wide_batches_stay_short"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// Values of a row, as far as its type tells, from which on batches of usual length are too large.
const WIDE: usize = 256;

fn leaves(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|field| leaves(field.data_type())).sum(),
        DataType::List(element) => leaves(element.data_type()),
        _ => 1,
    }
}

/// Whether all columns of `plan`, and of each plan below it, have different names.
fn tells_apart(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let schema = plan.schema();
    let names: HashSet<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    names.len() == schema.fields().len() && plan.children().into_iter().all(tells_apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rules_that_are_mended_are_there() {
        let names = |rules: &[Rule]| rules.iter().map(|rule| rule.name().to_owned()).collect::<Vec<_>>();
        let (ours, theirs) = (rules(), PhysicalOptimizer::new().rules);
        assert_eq!(names(&ours)[1..=theirs.len()], names(&theirs));
        assert_eq!(ours.iter().filter(|rule| format!("{rule:?}").starts_with("WhereNamesTell")).count(), 2);
    }
}
