//! Values in JSON text: the functions and operators of `datafusion-functions-json`, with what is to be told about them,
//! and as text where they leave a statement.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Column, DFSchema, Result};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::expr::{Cast, ScalarFunction, TryCast};
use datafusion::logical_expr::expr_rewriter::FunctionRewrite;
use datafusion::logical_expr::{Documentation, Expr, ExprSchemable, LogicalPlan, Projection};
use datafusion::optimizer::AnalyzerRule;
use datafusion_functions_json::JSON_UNION_DATA_TYPE;
use datafusion_functions_json::functions::json_union_to_text;
use datafusion_functions_json::udfs::json_as_text_udf;

use super::{documented, rewrite_expressions};

/// Makes the functions and the operators `->`, `->>`, `#>` and `#>>` known.
pub(super) fn register(state: &mut SessionState) -> Result<()> {
    // Before those of the crate, whose casts it takes over.
    state.register_function_rewrite(Arc::new(CastFromText))?;
    datafusion_functions_json::register_all(state)?;
    state.add_analyzer_rule(Arc::new(CastsOfTheEngine));
    state.add_analyzer_rule(Arc::new(TextAtTheTop));
    Ok(())
}

/// What the engine calls the type of a value that is kept with its JSON type.
pub fn json_type() -> &'static str {
    static NAME: LazyLock<String> = LazyLock::new(|| JSON_UNION_DATA_TYPE.to_string());
    &NAME
}

/// What is to be told about the function `name`, if it is one of these: the crate has no documentation that SQL shows.
pub(super) fn documentation(name: &str) -> Option<&'static Documentation> {
    static ALL: LazyLock<Vec<(&str, Documentation)>> =
        LazyLock::new(|| PATHS.into_iter().map(of_path).chain(OTHERS.into_iter().map(of_value)).collect());
    ALL.iter().find(|(known, _)| *known == name).map(|(_, documentation)| documentation)
}

/// Name, description, and an example, of those that take a JSON text and a path into it.
const PATHS: [(&str, &str, &str); 11] = [
    (
        "json_get",
        "The value at a path in JSON text; `json -> key` is the same. It is kept with its JSON type, so that a cast takes \
         a number for a number: `CAST(json -> 'n' AS bigint)`. As a column of a result it is JSON text. An \
         integer of more than 64 bits is NULL; `->>` has its digits.",
        "SELECT '{\"a\":{\"n\":5}}' -> 'a' -> 'n'\n-- 5",
    ),
    (
        "json_as_text",
        "The value at a path in JSON text as text, a string without its quotes; `json ->> key` is the same.",
        "SELECT '{\"a\":{\"b\":\"x\"}}' -> 'a' ->> 'b'\n-- x",
    ),
    (
        "json_get_str",
        "The string at a path in JSON text. NULL where another type of value stands.",
        "SELECT json_get_str('{\"a\":[\"x\",\"y\"]}', 'a', 1)\n-- y",
    ),
    (
        "json_get_int",
        "The integer at a path in JSON text as a bigint. NULL where another type of value stands.",
        "SELECT json_get_int('{\"n\":5}', 'n')\n-- 5",
    ),
    (
        "json_get_float",
        "The number at a path in JSON text as a double. NULL where another type of value stands.",
        "SELECT json_get_float('{\"n\":1.5}', 'n')\n-- 1.5",
    ),
    (
        "json_get_bool",
        "The boolean at a path in JSON text. NULL where another type of value stands.",
        "SELECT json_get_bool('{\"ok\":true}', 'ok')\n-- true",
    ),
    (
        "json_get_json",
        "The value at a path in JSON text as JSON text, as it is written there.",
        "SELECT json_get_json('{\"a\":[1, \"x\"]}', 'a')\n-- [1, \"x\"]",
    ),
    (
        "json_get_array",
        "The array at a path in JSON text as a list of JSON texts. NULL where another type of value stands.",
        "SELECT json_get_array('{\"a\":[1,2]}', 'a')\n-- [\"1\",\"2\"]",
    ),
    (
        "json_contains",
        "Whether there is a value at a path in JSON text, if only `null`.",
        "SELECT json_contains('{\"a\":null}', 'a')\n-- true",
    ),
    (
        "json_length",
        "How many elements the array or object at a path in JSON text has. NULL where another type of value stands.",
        "SELECT json_length('{\"a\":[1,2,3]}', 'a')\n-- 3",
    ),
    (
        "json_object_keys",
        "The keys of the object at a path in JSON text as a list. NULL where another type of value stands.",
        "SELECT json_object_keys('{\"a\":1,\"b\":2}')\n-- [\"a\",\"b\"]",
    ),
];

/// Name, argument, its description, description of the function, and an example, of those without a path.
const OTHERS: [(&str, &str, &str, &str, &str); 2] = [
    (
        "json_from_scalar",
        "value",
        "A boolean, number or text.",
        "A value with its JSON type, as `json_get` returns it.",
        "SELECT json_from_scalar('x')\n-- \"x\"",
    ),
    (
        "json_union_to_text",
        "value",
        "What `json_get` or `->` returns.",
        "The JSON text of a value that has its JSON type. NULL for the JSON `null`.",
        "SELECT json_union_to_text('{\"a\":\"x\"}' -> 'a')\n-- \"x\"",
    ),
];

fn of_path((name, description, example): (&'static str, &str, &str)) -> (&'static str, Documentation) {
    let arguments = [
        ("json", "JSON text. What is not JSON has no value at any path."),
        (
            "path",
            "Keys of objects, and indices of arrays from 0; negative ones count from the end. None: the value itself.",
        ),
    ];
    (name, documented(&format!("{name}(json, path, …)"), description, &arguments, example))
}

fn of_value(
    (name, argument, what, description, example): (&'static str, &str, &str, &str, &str),
) -> (&'static str, Documentation) {
    (name, documented(&format!("{name}({argument})"), description, &[(argument, what)], example))
}

/// The rule that makes text of the columns of a result that would have a type for each of their rows: no format holds
/// such unions.
#[derive(Debug)]
struct TextAtTheTop;

impl AnalyzerRule for TextAtTheTop {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        at_the_top(plan)
    }

    fn name(&self) -> &'static str {
        "json_text_at_the_top"
    }
}

fn at_the_top(plan: LogicalPlan) -> Result<LogicalPlan> {
    // Their columns are made elsewhere; the plan that they hold comes by itself.
    let is_result = !matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::Ddl(_));
    let is_union = |field: &Field| field.data_type() == &*JSON_UNION_DATA_TYPE;
    if !is_result || !plan.schema().fields().iter().any(|field| is_union(field)) {
        return Ok(plan);
    }
    let columns = plan.schema().iter().map(|(qualifier, field)| {
        let column = Expr::Column(Column::from((qualifier, field.as_ref())));
        if is_union(field) {
            json_union_to_text(column).alias_qualified(qualifier.cloned(), field.name())
        } else {
            column
        }
    });
    let columns = columns.collect();
    Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)
}

/// The rewrite that casts values with their JSON type by way of their text. The engine and the crate would give NULL for a
/// date, for a text that is no number, or for a number that is to be text; and read decimals as doubles, which have fewer
/// digits.
#[derive(Debug)]
struct CastFromText;

impl FunctionRewrite for CastFromText {
    fn name(&self) -> &'static str {
        "json_cast_from_text"
    }

    fn rewrite(&self, expr: Expr, schema: &DFSchema, _: &ConfigOptions) -> Result<Transformed<Expr>> {
        match expr {
            Expr::Cast(Cast { expr, field }) => {
                let expr = as_text(expr, field.data_type(), schema)?;
                Ok(expr.update_data(|expr| Expr::Cast(Cast { expr, field })))
            }
            Expr::TryCast(TryCast { expr, field }) => {
                let expr = as_text(expr, field.data_type(), schema)?;
                Ok(expr.update_data(|expr| Expr::TryCast(TryCast { expr, field })))
            }
            other => Ok(Transformed::no(other)),
        }
    }
}

/// The text of `expr`, a string without its quotes, if it has its JSON type and another is `wanted`.
fn as_text(expr: Box<Expr>, wanted: &DataType, schema: &DFSchema) -> Result<Transformed<Box<Expr>>> {
    if *wanted == *JSON_UNION_DATA_TYPE || expr.get_type(schema)? != *JSON_UNION_DATA_TYPE {
        return Ok(Transformed::no(expr));
    }
    let args = match expr.unalias() {
        Expr::ScalarFunction(call) if call.func.name() == "json_get" => call.args,
        other => vec![json_union_to_text(other)],
    };
    Ok(Transformed::yes(Box::new(Expr::ScalarFunction(ScalarFunction::new_udf(json_as_text_udf(), args)))))
}

/// The rule that does the same for the casts that the engine puts in itself, as for `||`.
#[derive(Debug)]
struct CastsOfTheEngine;

impl AnalyzerRule for CastsOfTheEngine {
    fn analyze(&self, plan: LogicalPlan, config: &ConfigOptions) -> Result<LogicalPlan> {
        let rewrite = |plan| rewrite_expressions(plan, |expr, schema| CastFromText.rewrite(expr, schema, config));
        plan.transform_up_with_subqueries(rewrite).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "json_casts_of_the_engine"
    }
}
