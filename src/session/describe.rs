//! `DESCRIBE`: columns, their types in the words in which they are declared, and whether they may be NULL.

use datafusion::common::Result;
use datafusion::logical_expr::{DescribeTable, EmptyRelation, LogicalPlan, LogicalPlanBuilder, col, lit};

use super::types::type_name;

/// The plan, with the answer of a `DESCRIBE` in our words; any other as it is.
pub(super) fn in_our_words(plan: LogicalPlan) -> Result<LogicalPlan> {
    let LogicalPlan::DescribeTable(DescribeTable { schema, output_schema }) = plan else { return Ok(plan) };
    if schema.fields().is_empty() {
        return Ok(LogicalPlan::EmptyRelation(EmptyRelation { produce_one_row: false, schema: output_schema }));
    }
    let rows = schema.fields().iter().map(|field| {
        let nullable = if field.is_nullable() { "YES" } else { "NO" };
        vec![lit(field.name().clone()), lit(type_name(field.data_type())), lit(nullable)]
    });
    let names = output_schema.fields().iter().enumerate();
    let columns: Vec<_> = names.map(|(at, field)| col(format!("column{}", at + 1)).alias(field.name())).collect();
    LogicalPlanBuilder::values(rows.collect())?.project(columns)?.build()
}
