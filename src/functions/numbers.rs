//! `nvl(x, y)` of numbers, which the engine's own makes 32-bit floats of where one is unsigned or a decimal.
//!
//! `coalesce` means the same and finds a type that holds both. Values of other types are left to the engine's own.

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, Result};
use datafusion::functions::core::coalesce;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Expr, ExprSchemable};

#[derive(Debug)]
pub(super) struct NvlOfNumbers;

impl FunctionRewrite for NvlOfNumbers {
    fn name(&self) -> &'static str {
        "nvl_of_numbers"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::ScalarFunction(call) if call.func.name() == "nvl" && of_numbers(&call.args, schema)? => {
                let call = ScalarFunction::new_udf(coalesce(), call.args);
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

fn of_numbers(args: &[Expr], schema: &DFSchema) -> Result<bool> {
    let [_, _] = args else { return Ok(false) };
    for arg in args {
        if !arg.get_type(schema)?.is_numeric() {
            return Ok(false);
        }
    }
    Ok(true)
}
