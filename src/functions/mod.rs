//! Functions that event data asks for, beside those of the engine: JSON in text, epochs, web logs, addresses, places and
//! what is most frequent. And what is to be told about any function, ours or the engine's.
//!
//! It knows the engine's types, and nothing of sources, statements or projects.

mod counters;
mod described;
mod frequent;
mod geo;
mod grouped;
mod json;
mod network;
mod numbers;
mod scalar;
mod text;
mod time;
mod web;

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{AggregateUDF, DocSection, Documentation, Expr, LogicalPlan};

pub use described::{Function, all};
pub use json::json_type;

/// Where the documentation of a function of ours stands; what is not in this section is the engine's.
const EVENT_DATA: DocSection = DocSection { include: true, label: "Event Data Functions", description: None };

/// Makes our functions known to an engine.
///
/// **Errors**: the engine's, if it takes no more functions.
pub fn register(state: &mut SessionState) -> Result<()> {
    json::register(state)?;
    let scalars =
        [time::epoch_ms(), web::parse_request(), web::parse_url(), web::parse_user_agent(), network::ip_network()];
    for function in scalars.into_iter().chain([network::ip_is_private(), geo::geo_distance_km()]) {
        state.register_udf(Arc::new(function.into()))?;
    }
    // As other databases call it.
    let sign = datafusion::functions::math::signum().as_ref().clone().with_aliases(["sign"]);
    state.register_udf(Arc::new(sign))?;
    state.register_function_rewrite(Arc::new(numbers::NvlOfNumbers))?;
    state.register_udaf(Arc::new(AggregateUDF::from(frequent::ApproxTopK::new())))?;
    grouped::register(state)
}

/// The plan with each of its expressions rewritten, from the inside; a column keeps its name. `rewrite` is told the columns
/// that stand below.
pub fn rewrite_expressions(
    plan: LogicalPlan,
    rewrite: impl Fn(Expr, &DFSchema) -> Result<Transformed<Expr>>,
) -> Result<Transformed<LogicalPlan>> {
    let schema = merge_schema(&plan.inputs());
    // A column is called after its expression, which is about to change.
    let names = NamePreserver::new(&plan);
    let named = |expr: Expr| {
        let name = names.save(&expr);
        let expr = expr.transform_up(|expr| rewrite(expr, &schema))?;
        Ok(expr.update_data(|expr| name.restore(expr)))
    };
    plan.map_expressions(|expr| match expr {
        // Each of its parts is a column.
        Expr::GroupingSet(_) => expr.map_children(named),
        expr => named(expr),
    })?
    .map_data(LogicalPlan::recompute_schema)
}

/// What is told about a function of ours. The first sentence of `description` stands for it in lists.
fn documented(syntax: &str, description: &str, arguments: &[(&str, &str)], example: &str) -> Documentation {
    let builder = Documentation::builder(EVENT_DATA, description, syntax).with_sql_example(example);
    arguments.iter().fold(builder, |builder, (name, what)| builder.with_argument(*name, *what)).build()
}
