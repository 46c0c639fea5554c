//! The engine, set up: its options, its memory, and the rules, functions and formats that are ours.
//!
//! It knows no sources.

use std::num::NonZeroUsize;
use std::sync::Arc;

use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::disk_manager::DiskManagerBuilder;
use datafusion::execution::memory_pool::{FairSpillPool, TrackConsumersPool};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::{FunctionRegistry, SessionStateBuilder};
use datafusion::optimizer::{Analyzer, AnalyzerRule, OptimizerRule};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::aside::Aside;
use super::{
    CATALOG, SOURCES, checked, exactly, existence, failure, fields, first_rows, membership, physical, sliding,
    sort_keys, spans, sums,
};
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
    let disk = DiskManagerBuilder::default().with_temp_file_factory(Arc::new(Aside::new(limits.spill_bytes)));
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(pool))
        .with_disk_manager_builder(disk)
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
        .with_analyzer_rules(analyzer_rules())
        .build();
    functions::register(&mut state)?;
    for format in NdjsonFormatFactory::all() {
        state.register_file_format(format, true)?;
    }
    windows::register(&mut state)?;
    Ok(SessionContext::new_with_state(state))
}

fn analyzer_rules() -> Vec<Arc<dyn AnalyzerRule + Send + Sync>> {
    let first = std::iter::once(Arc::new(spans::Spans) as _);
    let last: [Arc<dyn AnalyzerRule + Send + Sync>; 4] = [
        Arc::new(PlaceWindows),
        Arc::new(checked::CheckedArithmetic),
        Arc::new(sums::CheckedSums),
        Arc::new(sliding::SlidingFrames),
    ];
    first.chain(Analyzer::new().rules).chain(last).collect()
}

fn optimizer_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    let rules = windows::optimizer_rules().into_iter().map(membership::mended);
    let first = [Arc::new(exactly::ExactComparisons) as _, Arc::new(sort_keys::SortKeys) as _];
    let last = [Arc::new(first_rows::FirstRows) as _, Arc::new(existence::AskedOnce) as _];
    first.into_iter().chain(rules).chain(last).collect()
}

/// The steps that answer what a frame asks for.
///
/// Fields that the engine brings down to where they are read are looked for under other names in some joins
/// (`lower(a.o.b) = b.o.b`). Such a frame is planned once more, with fields read where they are asked for.
pub(super) async fn physical(frame: DataFrame) -> datafusion::error::Result<Arc<dyn ExecutionPlan>> {
    let (mut state, plan) = frame.into_parts();
    match state.create_physical_plan(&plan).await {
        Err(error) if loses_fields(&error) => {
            state.config_mut().options_mut().optimizer.enable_leaf_expression_pushdown = false;
            state.create_physical_plan(&plan).await
        }
        planned => planned,
    }
}

fn loses_fields(error: &DataFusionError) -> bool {
    let told = error.to_string();
    told.contains("__datafusion_extracted") || told.contains("have different type in inputs")
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
