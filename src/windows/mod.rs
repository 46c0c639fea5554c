//! Windows over event time: tumbling, hopping and session, as Beam and Calcite have them.
//!
//! `dialect` makes calls of `tumble`, `hop` and `session` of all the ways in which a window can be written. Here they are
//! functions that nothing can compute for one row alone; a rule takes each call out of the plan and puts a
//! `WindowAssign` below it, which gives every row the start of its window as a column. A row that
//! belongs to several windows comes once for each, and a row without an event time belongs to none: it is counted.
//!
//! It looks into no SQL text and no event file; its errors say in SQL what to write.

mod assign;
mod exec;
mod functions;
mod grid;
mod intervals;
mod node;
mod planner;
mod pushdown;
mod rule;
mod session;

use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::FunctionRegistry;

pub use exec::NULL_EVENT_TIMES;
pub use planner::WindowPlanner;
pub use pushdown::optimizer_rules;
pub use rule::PlaceWindows;

/// A window that is not what its function takes. The call stands where `function` is named in the statement.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Misuse {
    /// The name as users write it, in capitals.
    pub function: &'static str,
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to write instead.
    pub hint: String,
}

/// Makes the functions known by which a plan says where windows stand.
///
/// **Errors**: those of the registry.
pub fn register(registry: &mut dyn FunctionRegistry) -> Result<()> {
    for function in functions::all() {
        registry.register_udf(Arc::new(function))?;
    }
    Ok(())
}
