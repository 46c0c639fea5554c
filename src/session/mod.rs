//! The engine, set up: the one place that builds a `SessionContext` and turns its failures into ours.
//!
//! A statement goes through here on its way from text to a stream of record batches. It writes nothing anywhere.

mod aside;
mod checked;
mod coarse;
mod compare;
mod copy;
mod describe;
mod engine;
mod exactly;
mod example;
mod existence;
mod failure;
mod fields;
mod first_rows;
mod fold;
mod frame;
mod increment;
#[cfg(feature = "internals")]
pub mod internals;
mod kept;
mod membership;
mod names;
mod physical;
mod results;
mod sample;
mod sliding;
mod sort_keys;
mod spans;
mod summary;
mod sums;
mod tables;
mod touched;
mod types;
mod varying;

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProvider, MemoryCatalogProvider};
use datafusion::common::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt};
use tokio::sync::Mutex;

pub use compare::{ResultFiles, RowsApart, rows_apart};
pub use copy::CopyTarget;
pub use datafusion::arrow::array::RecordBatch;
pub use fold::Fold;
pub use increment::{Unfoldable, reads};
pub use kept::{Keeping, Kept};
pub use touched::Touched;
pub use types::type_name;

use crate::catalog::{Catalog, HistorySchema, Listed, Look, Scope, Source, SourceSchema, sources_of};
use crate::dialect::{self, Deed, Script};
use crate::error::{Error, Result};
use crate::functions::{self, Function};
use crate::ndjson::source::{FILE_COLUMN, OFFSET_COLUMN};
use crate::ndjson::survey::Watch;
use crate::project::Project;

const CATALOG: &str = "tidemill";
/// The schema of sources, which need no qualifier.
const SOURCES: &str = "public";
/// The schema of the tables of rejects.
const REJECTS: &str = "rejects";
/// The schema of the ledger.
const HISTORY: &str = "tidemill";

/// What statements may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Ask, and nothing else.
    ReadOnly,
    /// Also create tables for the session, and `COPY … TO` a file.
    Writes,
}

/// The engine over the sources of a project. A clone is the same session.
#[derive(Clone)]
pub struct Session {
    engine: SessionContext,
    catalog: Arc<Catalog>,
    sources: Arc<SourceSchema>,
    rejects: Arc<SourceSchema>,
    planning: Arc<Mutex<()>>,
    access: Access,
}

/// A statement, planned.
pub struct Planned {
    /// The sources that it reads rows of.
    pub sources: Vec<Arc<Source>>,
    /// Where its rows are to go, if it is a `COPY`.
    pub copy_to: Option<CopyTarget>,
    /// Whether it answers with rows; else it makes something.
    pub answers: bool,
    script: Script,
    statement: Statement,
    plan: LogicalPlan,
}

/// Sources as all of their lines make them.
pub struct Settled {
    /// In the order in which they were asked for.
    pub sources: Vec<Arc<Source>>,
    /// Names of those that are not what a guess said, with the first difference in words.
    pub drift: Vec<(String, String)>,
}

/// A statement under way.
pub struct Running {
    /// The columns of the batches.
    pub schema: SchemaRef,
    /// The engine's plan, for its metrics.
    pub plan: Arc<dyn ExecutionPlan>,
    /// The rows. Dropping it ends the statement.
    pub batches: BoxStream<'static, Result<RecordBatch>>,
}

impl Session {
    /// **Errors**: `Internal`, if the engine cannot be set up.
    pub fn new(project: Arc<Project>, access: Access) -> Result<Self> {
        Self::scoped(project, access, HashMap::new())
    }

    /// A session that reads of some sources, by name, no more than their scopes say.
    ///
    /// **Errors**: as [`Session::new`].
    pub fn scoped(project: Arc<Project>, access: Access, scopes: HashMap<String, Scope>) -> Result<Self> {
        let threads = project.limits.num_threads();
        let engine =
            engine::set_up(&project.limits).map_err(|error| failure::internal("the engine cannot be set up", error))?;
        let history = Arc::new(HistorySchema::new(project.root.clone()));
        let catalog = Arc::new(Catalog::new(project, threads, scopes));
        let sources = Arc::new(SourceSchema::of_rows(Arc::clone(&catalog)));
        let schemas = MemoryCatalogProvider::new();
        let rejects = Arc::new(SourceSchema::of_rejects(Arc::clone(&catalog)));
        schemas
            .register_schema(SOURCES, Arc::clone(&sources) as _)
            .and_then(|_| schemas.register_schema(REJECTS, Arc::clone(&rejects) as _))
            .and_then(|_| schemas.register_schema(HISTORY, history))
            .map_err(|error| failure::internal("the engine's catalog cannot be set up", error))?;
        engine.register_catalog(CATALOG, Arc::new(schemas));
        Ok(Self { engine, catalog, sources, rejects, planning: Arc::default(), access })
    }

    /// The same session, for statements under other options of the engine.
    ///
    /// **Errors**: `Sql`, for a value that an option does not take.
    pub fn with_options(&self, options: &[(String, String)]) -> Result<Self> {
        let mut session = self.clone();
        if !options.is_empty() {
            session.engine = engine::with_options(&self.engine, options)?;
        }
        Ok(session)
    }

    /// The functions that statements may call, by name.
    ///
    /// **Errors**: `Internal`, if the engine does not know its own functions.
    pub fn functions(&self) -> Result<Vec<Function>> {
        functions::all(&self.engine).map_err(|error| failure::internal("the functions cannot be listed", error))
    }

    /// The sources.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// Plans one statement of `script`: lists its sources as they are now, and looks at them as well as `look` asks.
    ///
    /// **Errors**: `Sql` with the place for what the statement gets wrong; `Request` if it would write and may not;
    /// those of [`Catalog::open`] for its sources.
    pub async fn plan(
        &self,
        script: &Script,
        statement: &Statement,
        look: Look,
        watch: &Arc<Watch>,
    ) -> Result<Planned> {
        self.permit(script, statement)?;
        guarded(script, self.plan_permitted(script, statement, look, watch)).await
    }

    async fn plan_permitted(
        &self,
        script: &Script,
        statement: &Statement,
        look: Look,
        watch: &Arc<Watch>,
    ) -> Result<Planned> {
        // What is made of a source outlives the statement, and a guess does not.
        let look = if dialect::deed(statement) == Deed::Make { Look::Whole } else { look };
        let (statement, copy_to) = self.prepare(script, statement)?;
        // What is laid ready is for one statement at a time.
        let _turn = self.planning.lock().await;
        let first = self.plan_laid(script, statement.clone(), look, watch).await;
        let is_read = |plan: &LogicalPlan, opened: &[Arc<Source>]| {
            let read = sources_of(plan).unwrap_or_default();
            opened.iter().all(|source| source.survey.is_whole || read.iter().any(|read| Arc::ptr_eq(read, source)))
        };
        let (statement, plan) = match first {
            Ok((statement, plan, opened)) if is_read(&plan, &opened) => (statement, plan),
            // It shows what a source is without reading it, as DESCRIBE does.
            Ok((.., opened)) => {
                self.settle(&opened, watch).await?;
                let planned = self.plan_laid(script, statement, Look::Whole, watch).await;
                planned.map(|(statement, plan, _)| (statement, plan)).map_err(|(error, _)| error)?
            }
            Err((error, opened)) if opened.iter().all(|source| source.survey.is_whole) => return Err(error),
            // The sample may lack a column, or show another type.
            Err((_, opened)) => {
                self.settle(&opened, watch).await?;
                let planned = self.plan_laid(script, statement, Look::Whole, watch).await;
                planned.map(|(statement, plan, _)| (statement, plan)).map_err(|(error, _)| error)?
            }
        };
        let sources = sources_of(&plan).map_err(|error| self.explain(error, script, &statement))?;
        let answers = !matches!(plan, LogicalPlan::Ddl(_));
        Ok(Planned { sources, copy_to, answers, script: script.clone(), statement, plan })
    }

    /// A statement as the engine takes it, and where its rows go if it says so. Nothing is listed for that.
    fn prepare(&self, script: &Script, statement: &Statement) -> Result<(Statement, Option<CopyTarget>)> {
        let (mut statement, copy_to) = copy::take(statement.clone())?;
        self.supply_from(script, &mut statement)?;
        self.name_pcollection(&mut statement);
        dialect::list_tables(&mut statement)?;
        dialect::rewrite(script, &mut statement)?;
        Ok((statement, copy_to))
    }

    /// What the sources are, once they have been read by a guess, and how a guess was wrong.
    ///
    /// **Errors**: those of [`Catalog::settle`].
    pub async fn settle(&self, sources: &[Arc<Source>], watch: &Arc<Watch>) -> Result<Settled> {
        let mut settled = Settled { sources: Vec::with_capacity(sources.len()), drift: Vec::new() };
        for source in sources {
            let whole = self.catalog.settle(source, watch).await?;
            let difference = whole.survey.difference(&source.survey);
            settled.drift.extend(difference.map(|what| (source.config.name.clone(), what)));
            settled.sources.push(whole);
        }
        Ok(settled)
    }

    /// Lays the sources ready and plans; the sources as they were opened come with the plan, or with the failure.
    async fn plan_laid(
        &self,
        script: &Script,
        mut statement: Statement,
        look: Look,
        watch: &Arc<Watch>,
    ) -> Result<(Statement, LogicalPlan, Vec<Arc<Source>>), (Error, Vec<Arc<Source>>)> {
        let is_summary = dialect::take_summarized(&mut statement);
        let mut opened =
            self.lay_sources(script, &mut statement, look, watch).await.map_err(|error| (error, Vec::new()))?;
        let plan = self.plan_names(script, &mut statement, &mut opened, look, watch).await;
        self.sources.clear();
        self.rejects.clear();
        // What `permit` did not see in the syntax.
        let plan = plan.and_then(|plan| self.options().verify_plan(&plan).map(|()| plan));
        let plan = plan.and_then(if is_summary { summary::of } else { describe::in_our_words });
        match plan {
            Ok(plan) => Ok((statement, plan, opened)),
            Err(error) => {
                // Columns may be missing because the lines that have them were rejected: that is what to tell.
                let over_budget = opened.iter().find_map(|source| source.check_budget().err());
                Err((over_budget.unwrap_or_else(|| self.explain(error, script, &statement)), opened))
            }
        }
    }

    /// Starts a planned statement.
    ///
    /// **Errors**: as the batches': `Data` for values that an expression cannot take, `Machine` for want of memory,
    /// `Input` for a file that is not what it was.
    pub async fn start(&self, planned: Planned) -> Result<Running> {
        let script = planned.script.clone();
        guarded(&script, self.start_planned(planned)).await
    }

    async fn start_planned(&self, planned: Planned) -> Result<Running> {
        let Planned { script, statement, plan, .. } = planned;
        let plan = self.physical(plan).await;
        let plan = plan.map_err(|error| failure::misplanned(error, &script, &statement, &self.engine))?;
        self.stream(plan, script, statement)
    }

    async fn physical(&self, plan: LogicalPlan) -> std::result::Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        engine::physical(self.engine.execute_logical_plan(plan).await?).await
    }

    /// The rows of a plan, with failures in our words.
    fn stream(&self, plan: Arc<dyn ExecutionPlan>, script: Script, statement: Statement) -> Result<Running> {
        let stream: SendableRecordBatchStream = execute_stream(Arc::clone(&plan), self.engine.task_ctx())
            .map_err(|error| failure::misplanned(error, &script, &statement, &self.engine))?;
        let schema = stream.schema();
        let told = Arc::new((self.clone(), script, statement));
        let batches = stream.then(move |batch| {
            let told = Arc::clone(&told);
            async move {
                let error = match batch {
                    Ok(batch) => return Ok(batch),
                    Err(error) => error,
                };
                let (session, script, statement) = told.as_ref();
                let example = example::find(session, statement, &error).await;
                let failure = failure::explain(error, script, statement, &session.engine);
                Err(match example {
                    Some((file, offset)) => failure.with_more(&format!(", as in `{file}` at byte {offset}")),
                    None => failure,
                })
            }
        });
        Ok(Running { schema, plan, batches: batches.boxed() })
    }

    fn options(&self) -> SQLOptions {
        // INSERT would go through the engine's sinks, which publish half of a file when they fail.
        let options = SQLOptions::new().with_allow_dml(false).with_allow_statements(false);
        options.with_allow_ddl(self.access == Access::Writes)
    }

    fn permit(&self, script: &Script, statement: &Statement) -> Result<()> {
        let verb = dialect::verb(statement);
        let refused = |error: Error| error.at(dialect::word(script, &verb, ""));
        if let Some((clause, instead)) = dialect::ignored_clause(statement) {
            let error =
                Error::sql(format!("{clause} is not done here, and the rows would be others")).with_hint(instead);
            let word = clause.split(' ').next().unwrap_or(clause);
            return Err(error.at(dialect::word(script, word, "")));
        }
        match dialect::deed(statement) {
            Deed::Ask => Ok(()),
            Deed::Make | Deed::Copy if self.access == Access::Writes => Ok(()),
            Deed::Make => Err(refused(Error::request(format!("{verb} is not allowed: statements only read here")))
                .with_hint("let them make tables for this session, and COPY to files: --allow-writes")),
            Deed::Copy => Err(refused(Error::request("COPY is not allowed: statements only read here"))
                .with_hint("publish the rows of a SELECT with --output FILE, or allow COPY with --allow-writes")),
            Deed::Other => Err(refused(Error::sql(format!("{verb} is not done here")))
                .with_hint("statements ask: SELECT, WITH, VALUES, EXPLAIN, DESCRIBE and SHOW; with --allow-writes also CREATE TABLE … AS, DROP TABLE and COPY")),
        }
    }

    /// Lays the tables ready that the statement names, each listed once.
    async fn lay_sources(
        &self,
        script: &Script,
        statement: &mut Statement,
        look: Look,
        watch: &Arc<Watch>,
    ) -> Result<Vec<Arc<Source>>> {
        let references = self
            .engine
            .state()
            .resolve_table_references(statement)
            .map_err(|error| self.explain(error, script, statement))?;
        let hidden = dialect::names_any(statement, &[FILE_COLUMN, OFFSET_COLUMN]);
        let named = |schema: &str| -> Vec<String> {
            let resolved = references.iter().map(|reference| reference.clone().resolve(CATALOG, SOURCES));
            let ours = resolved.filter(|table| &*table.catalog == CATALOG && &*table.schema == schema);
            ours.map(|table| table.table.to_string()).filter(|name| self.is_source(name)).collect()
        };
        let mut sources = Vec::new();
        for name in named(SOURCES) {
            let source = self.catalog.open(&name, look, watch).await?;
            self.sources.lay_rows(&source, hidden);
            sources.push(source);
        }
        for name in named(REJECTS) {
            let opened = sources.iter().find(|source| source.config.name == name);
            let listed = match opened {
                Some(source) => Listed::clone(source),
                None => self.catalog.list(&name).await?,
            };
            self.rejects.lay_rejects(listed);
        }
        if hidden {
            dialect::hide(script, statement, &|name| {
                let source = sources.iter().find(|source| source.config.name == name);
                source.map_or_else(Vec::new, |source| source.hidden_columns())
            })?;
        }
        Ok(sources)
    }

    fn is_source(&self, name: &str) -> bool {
        self.catalog.project().sources.iter().any(|source| source.name == name)
    }

    fn explain(&self, error: DataFusionError, script: &Script, statement: &Statement) -> Error {
        match self.unknown_table(&error, script, statement) {
            Some(unknown) => unknown,
            None => failure::misplanned(error, script, statement, &self.engine),
        }
    }
}

/// Does `work`, and makes an error of a panic: what a person types ends no process.
fn guarded<'a, T: 'a>(
    script: &'a Script,
    work: impl Future<Output = Result<T>> + Send + 'a,
) -> impl Future<Output = Result<T>> + Send + 'a {
    // Planning has a large state, which those who wait for it need not hold.
    AssertUnwindSafe(Box::pin(work)).catch_unwind().map(|done| {
        done.unwrap_or_else(|_| {
            Err(Error::internal(format!("the engine came to grief over `{}`", script.name))
                .with_hint("this is a fault of tidemill or its engine, not of your data; please report it"))
        })
    })
}
