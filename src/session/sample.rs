//! The first rows of a source by a guess at its columns, for who wants to know what it is like and waits for no more.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use futures::StreamExt;

use super::{RecordBatch, Session};
use crate::catalog::Look;
use crate::dialect::Script;
use crate::error::{Error, Result};
use crate::ndjson::survey::Watch;

impl Session {
    /// The columns of a source, and some of its rows if it has any. Both may be wrong: they are those of a sample.
    ///
    /// **Errors**: those of [`Session::plan`] and [`Session::start`].
    pub async fn sample(&self, source: &str) -> Result<(SchemaRef, Option<RecordBatch>)> {
        let quoted = source.replace('"', "\"\"");
        let script = Script { name: "sample".to_owned(), text: format!("SELECT * FROM \"{quoted}\"") };
        let statement = script.parse()?.pop().ok_or_else(|| Error::internal("a SELECT is no statement"))?;
        let planned = self.plan(&script, &statement, Look::Guess, &Arc::<Watch>::default()).await?;
        let mut running = self.start(planned).await?;
        let first = running.batches.next().await.transpose();
        // A guess that was wrong still says what there is.
        Ok((running.schema, first.unwrap_or_default()))
    }
}
