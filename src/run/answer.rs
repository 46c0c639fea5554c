//! The rows of one statement for someone who reads them as they come: none is shown before its types are certain.

use std::sync::Arc;

use futures::StreamExt;

use super::{Progress, start, warnings};
use crate::catalog::{Look, Source};
use crate::dialect::{Script, Statement};
use crate::error::{Error, Result};
use crate::session::{Planned, RecordBatch, Running, Session};

/// Rows that are held until it is certain what their types are. A result of more is begun again when all lines were
/// read, and then shown as it comes.
const HELD_BYTES: usize = 64 << 20;

/// The answer to a statement.
pub struct Answer {
    /// Whether it answers with rows; else it made something.
    pub answers: bool,
    /// The rows.
    pub running: Running,
}

/// Starts a statement whose rows are to be shown. What is to be told before, also where the statement fails then, goes to
/// `tell`, a line at a time.
///
/// **Errors**: those of [`Session::plan`] and [`Session::start`], and of the rows that are read before any is shown.
pub async fn answer(
    session: &Session,
    script: &Script,
    statement: &Statement,
    progress: &Progress,
    tell: impl Fn(&str),
) -> Result<Answer> {
    let planned = session.plan(script, statement, Look::Guess, progress.watch()).await?;
    if planned.sources.iter().all(|source| source.survey.is_whole) {
        return by_what_is_so(session, planned, progress, tell).await;
    }
    let sources = planned.sources.clone();
    let held = hold(session, planned, progress).await;
    let settled = session.settle(&sources, progress.watch()).await?;
    match held {
        Ok(Some(running)) if settled.drift.is_empty() => {
            warn(session, &settled.sources, &tell);
            Ok(Answer { answers: true, running })
        }
        Err(error) if settled.drift.is_empty() && !matches!(error, Error::Drift) => {
            warn(session, &settled.sources, &tell);
            Err(error)
        }
        // Too much to hold, or read by types that are not so.
        _ => {
            let planned = session.plan(script, statement, Look::Whole, progress.watch()).await?;
            by_what_is_so(session, planned, progress, tell).await
        }
    }
}

async fn by_what_is_so(
    session: &Session,
    planned: Planned,
    progress: &Progress,
    tell: impl Fn(&str),
) -> Result<Answer> {
    warn(session, &planned.sources, &tell);
    let answers = planned.answers;
    Ok(Answer { answers, running: start(session, planned, progress).await? })
}

fn warn(session: &Session, sources: &[Arc<Source>], tell: impl Fn(&str)) {
    session.catalog().take_notes().iter().chain(&warnings(sources)).for_each(|warning| tell(warning));
}

/// All rows of a statement, if they are not too many to be held.
async fn hold(session: &Session, planned: Planned, progress: &Progress) -> Result<Option<Running>> {
    let mut running = start(session, planned, progress).await?;
    let mut held: Vec<Result<RecordBatch>> = Vec::new();
    let mut bytes = 0;
    while let Some(batch) = running.batches.next().await {
        let batch = batch?;
        bytes += batch.get_array_memory_size();
        held.push(Ok(batch));
        if bytes > HELD_BYTES {
            return Ok(None);
        }
    }
    let (schema, plan) = (Arc::clone(&running.schema), Arc::clone(&running.plan));
    Ok(Some(Running { schema, plan, batches: futures::stream::iter(held).boxed() }))
}
