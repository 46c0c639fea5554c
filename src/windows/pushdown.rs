//! What keeps conditions that come out anew each time, such as `random() < 0.1`, above the windows of rows: the engine's own rule
//! would compute them below, where a row less makes other sessions.
//!
//! Conditions on columns are for the windows to say: see `WindowAssign`.

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::optimizer::{ApplyOrder, Optimizer, OptimizerConfig, OptimizerRule};

use super::node::WindowAssign;

/// The rule of the engine that is held back.
const HELD_BACK: &str = "push_down_filter";

/// The engine's rules that make plans faster, of which none moves such a condition below windows.
pub fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let hold_back = |rule: Arc<dyn OptimizerRule + Send + Sync>| match rule.name() {
        HELD_BACK => Arc::new(KeepAbove(rule)) as _,
        _ => rule,
    };
    Optimizer::new().rules.into_iter().map(hold_back).collect()
}

#[derive(Debug)]
struct KeepAbove(Arc<dyn OptimizerRule + Send + Sync>);

impl OptimizerRule for KeepAbove {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.0.apply_order()
    }

    fn rewrite(&self, plan: LogicalPlan, config: &dyn OptimizerConfig) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::Filter(filter) = &plan
            && let LogicalPlan::Extension(extension) = filter.input.as_ref()
            && extension.node.as_any().is::<WindowAssign>()
            && filter.predicate.is_volatile()
        {
            return Ok(Transformed::no(plan));
        }
        self.0.rewrite(plan, config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_that_is_held_back_is_there() {
        let names = |rules: &[Arc<dyn OptimizerRule + Send + Sync>]| {
            rules.iter().map(|rule| rule.name().to_owned()).collect::<Vec<_>>()
        };
        let ours = optimizer_rules();
        assert_eq!(names(&ours), names(&Optimizer::new().rules));
        assert!(ours.iter().any(|rule| format!("{rule:?}").starts_with("KeepAbove")));
    }
}
