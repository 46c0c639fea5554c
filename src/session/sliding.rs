//! Aggregates over frames that slide, without taking anything back.
//!
//! The engine takes the rows that leave a frame out of what it has added up. Of doubles that leaves the rounding of rows that are long
//! gone: 1e17, 1.5 and 1.5 two at a time are 0 in the end, and variances fall below nothing. Others cannot take back at all. Here
//! aggregates of parts are put together instead: the rows that came since, and for each older row those from it on. It knows nothing
//! of what they compute.

use std::collections::VecDeque;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::datatypes::{DataType, FieldRef, Schema};
use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::Transformed;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr, ExprSchemable, LogicalPlan, ReversedUDAF, Signature, Window,
    WindowFunctionDefinition,
};
use datafusion::optimizer::AnalyzerRule;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};

/// Those that the engine takes back from doubles.
const OF_DOUBLES: [&str; 18] = [
    "sum",
    "avg",
    "var",
    "var_pop",
    "stddev",
    "stddev_pop",
    "covar_samp",
    "covar_pop",
    "corr",
    "regr_avgx",
    "regr_avgy",
    "regr_intercept",
    "regr_r2",
    "regr_slope",
    "regr_sxx",
    "regr_sxy",
    "regr_syy",
    "regr_count",
];
/// Those that cannot take back, or not what was NULL.
const OF_BITS: [&str; 5] = ["bool_and", "bool_or", "bit_and", "bit_or", "bit_xor"];

/// The rule that makes them so. It stands behind the engine's own, which make types fit.
#[derive(Debug)]
pub(super) struct SlidingFrames;

impl AnalyzerRule for SlidingFrames {
    fn analyze(&self, plan: LogicalPlan, _: &ConfigOptions) -> Result<LogicalPlan> {
        plan.transform_up_with_subqueries(in_plan).map(|done| done.data)
    }

    fn name(&self) -> &'static str {
        "sliding_frames"
    }
}

fn in_plan(plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let LogicalPlan::Window(Window { input, window_expr, .. }) = &plan else { return Ok(Transformed::no(plan)) };
    let mut any = false;
    let mut put_together = |expr: &Expr| {
        let (_, name) = expr.qualified_name();
        let mut changed = expr.clone().unalias();
        match &mut changed {
            Expr::WindowFunction(window) if takes_back(window, input)? => {
                let WindowFunctionDefinition::AggregateUDF(function) = &window.fun else { return Ok(expr.clone()) };
                let function = AggregateUDF::from(PutTogether(Arc::clone(function)));
                window.fun = WindowFunctionDefinition::AggregateUDF(Arc::new(function));
                any = true;
                Ok(changed.alias(name))
            }
            _ => Ok(expr.clone()),
        }
    };
    let window_expr = window_expr.iter().map(&mut put_together).collect::<Result<Vec<_>>>()?;
    match any {
        true => Ok(Transformed::yes(LogicalPlan::Window(Window::try_new(window_expr, Arc::clone(input))?))),
        false => Ok(Transformed::no(plan)),
    }
}

/// Whether rows leave the frame of an aggregate that had better not take them back.
fn takes_back(window: &WindowFunction, input: &LogicalPlan) -> Result<bool> {
    let WindowFunction { fun: WindowFunctionDefinition::AggregateUDF(function), params } = window else {
        return Ok(false);
    };
    if params.distinct || params.window_frame.start_bound.is_unbounded() {
        return Ok(false);
    }
    let is_of = |is: fn(&DataType) -> bool| -> Result<bool> {
        let types = params.args.iter().map(|arg| arg.get_type(input.schema())).collect::<Result<Vec<_>>>()?;
        Ok(types.iter().any(is))
    };
    match function.name() {
        // Lists of objects are all the same to the engine.
        "min" | "max" => is_of(DataType::is_nested),
        name if OF_DOUBLES.contains(&name) => is_of(DataType::is_floating),
        name => Ok(OF_BITS.contains(&name)),
    }
}

/// The same aggregate, whose frames are put together of parts.
#[derive(Debug, PartialEq, Eq, Hash)]
struct PutTogether(Arc<AggregateUDF>);

impl AggregateUDFImpl for PutTogether {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn signature(&self) -> &Signature {
        self.0.signature()
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.0.coerce_types(types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.0.return_type(types)
    }

    fn return_field(&self, fields: &[FieldRef]) -> Result<FieldRef> {
        self.0.return_field(fields)
    }

    fn is_nullable(&self) -> bool {
        self.0.is_nullable()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.0.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        self.0.state_fields(args)
    }

    fn create_sliding_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let made = Made::new(Arc::clone(&self.0), &args);
        let came = made.accumulator()?;
        Ok(Box::new(Frame { made, came, rows: VecDeque::new(), from: Vec::new() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.0.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        match self.0.reverse_udf() {
            ReversedUDAF::Identical => ReversedUDAF::Identical,
            _ => ReversedUDAF::NotSupported,
        }
    }

    fn default_value(&self, data_type: &DataType) -> Result<ScalarValue> {
        self.0.default_value(data_type)
    }
}

/// What an accumulator is made of.
#[derive(Debug)]
struct Made {
    function: Arc<AggregateUDF>,
    return_field: FieldRef,
    schema: Schema,
    ignore_nulls: bool,
    order_bys: Vec<PhysicalSortExpr>,
    is_reversed: bool,
    name: String,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    expr_fields: Vec<FieldRef>,
}

impl Made {
    fn new(function: Arc<AggregateUDF>, args: &AccumulatorArgs<'_>) -> Self {
        Self {
            function,
            return_field: Arc::clone(&args.return_field),
            schema: args.schema.clone(),
            ignore_nulls: args.ignore_nulls,
            order_bys: args.order_bys.to_vec(),
            is_reversed: args.is_reversed,
            name: args.name.to_owned(),
            exprs: args.exprs.to_vec(),
            expr_fields: args.expr_fields.to_vec(),
        }
    }

    /// One that has seen nothing.
    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(AccumulatorArgs {
            return_field: Arc::clone(&self.return_field),
            schema: &self.schema,
            ignore_nulls: self.ignore_nulls,
            order_bys: &self.order_bys,
            is_reversed: self.is_reversed,
            name: &self.name,
            is_distinct: false,
            exprs: &self.exprs,
            expr_fields: &self.expr_fields,
        })
    }
}

/// The rows of a frame, in two parts: those that came since the older ones were last summed up, and the older ones.
#[derive(Debug)]
struct Frame {
    made: Made,
    /// Over the rows that came.
    came: Box<dyn Accumulator>,
    /// The rows that came, as they did.
    rows: VecDeque<Vec<ArrayRef>>,
    /// For each older row what it and the older ones behind it make, the oldest last.
    from: Vec<Vec<ScalarValue>>,
}

impl Frame {
    /// Makes the rows that came the older ones.
    fn turn(&mut self) -> Result<()> {
        let mut behind = self.made.accumulator()?;
        while let Some(values) = self.rows.pop_back() {
            for row in (0..values.first().map_or(0, |first| first.len())).rev() {
                let row: Vec<ArrayRef> = values.iter().map(|value| value.slice(row, 1)).collect();
                behind.update_batch(&row)?;
                self.from.push(behind.state()?);
            }
        }
        self.came = self.made.accumulator()?;
        Ok(())
    }
}

impl Accumulator for Frame {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.rows.push_back(values.to_vec());
        self.came.update_batch(values)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for _ in 0..values.first().map_or(0, |first| first.len()) {
            if self.from.is_empty() {
                self.turn()?;
            }
            self.from.pop();
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut whole = self.made.accumulator()?;
        merge(whole.as_mut(), self.from.last())?;
        merge(whole.as_mut(), Some(&self.came.state()?))?;
        whole.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let mut whole = self.made.accumulator()?;
        merge(whole.as_mut(), self.from.last())?;
        merge(whole.as_mut(), Some(&self.came.state()?))?;
        whole.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.came.merge_batch(states)
    }

    fn size(&self) -> usize {
        let rows = self.rows.iter().flatten().map(|value| value.get_array_memory_size()).sum::<usize>();
        let states = self.from.iter().map(ScalarValue::size_of_vec).sum::<usize>();
        size_of_val(self) + self.came.size() + rows + states
    }
}

fn merge(whole: &mut dyn Accumulator, state: Option<&Vec<ScalarValue>>) -> Result<()> {
    let Some(state) = state else { return Ok(()) };
    let state = state.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>()?;
    whole.merge_batch(&state)
}
