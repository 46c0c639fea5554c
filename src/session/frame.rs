//! Sources as the engine's `DataFrame`, for programs that compute without SQL.

use std::sync::Arc;

use datafusion::common::{DataFusionError, TableReference};
use datafusion::dataframe::DataFrame;
use datafusion::physical_plan::execute_stream;
use futures::StreamExt;

use super::{CATALOG, Running, SOURCES, Session, engine, failure, guarded};
use crate::catalog::Look;
use crate::dialect::Script;
use crate::error::Result;
use crate::ndjson::survey::Watch;

impl Session {
    /// All rows of a source.
    ///
    /// **Shape**: its columns, with the types that all of its lines make; no order. **Errors**: those of
    /// [`Catalog::open`](crate::catalog::Catalog::open); `Data` for a source over its budget of rejects.
    pub async fn frame(&self, source: &str) -> Result<DataFrame> {
        let opened = self.catalog().open(source, Look::Whole, &Arc::<Watch>::default()).await?;
        opened.check_budget()?;
        // What is laid ready is for one statement at a time.
        let _turn = self.planning.lock().await;
        self.sources.lay_rows(&opened, false);
        let table = self.engine.table(TableReference::full(CATALOG, SOURCES, source)).await;
        self.sources.clear();
        table.map_err(|error| failure::of_frame(error, &self.engine))
    }

    /// The rows of a frame that was made of others, or the first failure on the way there.
    ///
    /// **Errors**: as [`Session::plan`] and [`Session::start`] for a statement, but without places.
    pub async fn run_frame(&self, frame: Result<DataFrame, DataFusionError>) -> Result<Running> {
        let script = Script { name: "frame".to_owned(), text: String::new() };
        let work = async {
            let plan = engine::physical(frame?).await?;
            let stream = execute_stream(Arc::clone(&plan), self.engine.task_ctx())?;
            Ok((plan, stream))
        };
        let engine = self.engine.clone();
        let started = guarded(&script, async { work.await.map_err(|error| failure::of_frame(error, &engine)) });
        let (plan, stream) = started.await?;
        let schema = stream.schema();
        let engine = self.engine.clone();
        let batches = stream.map(move |batch| batch.map_err(|error| failure::of_frame(error, &engine))).boxed();
        Ok(Running { schema, plan, batches })
    }
}
