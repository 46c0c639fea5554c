//! The engine, set up: its options, its memory, and the rules, functions and formats that are ours.
//!
//! It knows no sources.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::optimizer::OptimizerRule;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::{CATALOG, SOURCES, checked, exactly, failure, fields, membership, physical, sort_keys, sums};
use crate::error::{Error, Result};
use crate::functions;
use crate::ndjson::format::NdjsonFormatFactory;
use crate::project::Limits;
use crate::windows::{self, PlaceWindows, WindowPlanner};

/// How many of the largest consumers a failure for want of memory names.
const NAMED_CONSUMERS: NonZeroUsize = NonZeroUsize::new(3).expect("three is not zero");

/// The engine within these limits.
pub(super) fn set_up(limits: &Limits) -> datafusion::error::Result<SessionContext> {
    let mut config = SessionConfig::new()
        .with_target_partitions(limits.num_threads())
        .with_information_schema(true)
        .with_default_catalog_and_schema(CATALOG, SOURCES)
        .with_create_default_catalog_and_schema(false);
    let options = config.options_mut();
    // Places in errors.
    options.sql_parser.collect_spans = true;
    // Wrong where several aggregates have a filter each and one of them has seen no value yet: it is passed over, and the
    // rows that it waits for are filtered away (apache/datafusion#24816, #25147).
    options.optimizer.enable_aggregate_dynamic_filter_pushdown = false;
    // A listing that is kept would hide new files.
    let pool = TrackConsumersPool::new(FairSpillPool::new(limits.memory_bytes), NAMED_CONSUMERS);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_max_temp_directory_size(limits.spill_bytes)
        .with_object_list_cache_limit(0)
        .build_arc()?;
    let mut state = SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_expr_planners(vec![Arc::new(fields::FieldPlanner)])
        .with_default_features()
        .with_query_planner(Arc::new(WindowPlanner))
        .with_optimizer_rules(optimizer_rules())
        .with_physical_optimizer_rules(physical::rules())
        .with_analyzer_rule(Arc::new(PlaceWindows))
        .with_analyzer_rule(Arc::new(checked::CheckedArithmetic))
        .with_analyzer_rule(Arc::new(sums::CheckedSums))
        .build();
    functions::register(&mut state)?;
    for format in NdjsonFormatFactory::all() {
        state.register_file_format(format, true)?;
    }
    windows::register(&mut state)?;
    Ok(SessionContext::new_with_state(state))
}

fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules = windows::optimizer_rules().into_iter().map(membership::mended);
    [Arc::new(exactly::ExactComparisons) as _, Arc::new(sort_keys::SortKeys) as _].into_iter().chain(rules).collect()
}

/// The engine under other options.
///
/// **Errors**: `Sql`, for a value that an option does not take.
pub(super) fn with_options(engine: &SessionContext, options: &[(String, String)]) -> Result<SessionContext> {
    let mut state = engine.state();
    for (name, value) in options {
        let set = state.config_mut().options_mut().set(name, value);
        set.map_err(|error| {
            Error::sql(format!("option `{name}` does not take `{value}`: {}", failure::reason(&error)))
        })?;
    }
    // Some functions are made for the options, as `now` is for the time zone.
    let config = Arc::clone(state.config_options());
    let functions: Vec<_> = state.scalar_functions().values().cloned().collect();
    for function in functions.iter().filter_map(|function| function.inner().with_updated_config(&config)) {
        let registered = state.register_udf(Arc::new(function));
        registered.map_err(|error| failure::internal("an option cannot be set", error))?;
    }
    Ok(SessionContext::new_with_state(state))
}
