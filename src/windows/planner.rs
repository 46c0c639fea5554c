//! How the engine plans the step that gives rows their windows.

use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, Result};
use datafusion::execution::context::QueryPlanner;
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};

use super::exec::WindowExec;
use super::node::WindowAssign;

/// The engine's planner, and windows.
#[derive(Debug)]
pub struct WindowPlanner;

#[async_trait]
impl QueryPlanner for WindowPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, session: &dyn Session) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Windows)])
            .create_physical_plan(plan, session)
            .await
    }
}

struct Windows;

#[async_trait]
impl ExtensionPlanner for Windows {
    async fn plan_extension(
        &self,
        planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        session: &dyn Session,
        context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        let (Some(windows), [input]) = (node.as_any().downcast_ref::<WindowAssign>(), inputs) else { return Ok(None) };
        let schema: &DFSchema = windows.input.schema();
        let event_time = planner.create_physical_expr(&windows.event_time, schema, session, context)?;
        let keys = windows.keys.iter().map(|key| planner.create_physical_expr(key, schema, session, context));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let names = UserDefinedLogicalNodeCore::schema(windows);
        let added = names.fields().iter().skip(schema.fields().len()).cloned().collect();
        Ok(Some(Arc::new(WindowExec::new(windows.kind, event_time, keys, added, Arc::clone(input))?)))
    }
}
