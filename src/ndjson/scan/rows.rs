//! The accepted lines of a range as record batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::Result as EngineResult;

use super::super::filter::{Failure, Running};
use super::super::gather::Gatherer;
use super::super::layout::Layout;
use super::super::unit::Gathered;
use super::{BATCH_BYTES, BATCH_VALUES, Opened, State, engine_error};

/// Accepted lines on their way into batches.
pub(super) struct Rows {
    range: Opened,
    filter: Option<Running>,
    gatherer: Gatherer,
    layout: Arc<Layout>,
    ready: VecDeque<RecordBatch>,
}

impl Iterator for Rows {
    type Item = EngineResult<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ready.is_empty()
            && !self.range.is_done()
            && let Err(error) = self.fill()
        {
            // After an error there is nothing more to come.
            self.range.state = State::Done;
            return Some(Err(error));
        }
        self.ready.pop_front().map(Ok)
    }
}

impl Rows {
    pub(super) fn new(range: Opened, filter: Option<Running>, gatherer: Gatherer, layout: Arc<Layout>) -> Self {
        Self { range, filter, gatherer, layout, ready: VecDeque::new() }
    }

    /// Reads until there are rows for a batch.
    fn fill(&mut self) -> EngineResult<()> {
        let most_rows = (BATCH_VALUES / self.gatherer.width().max(1)).max(1);
        let batch_size = self.range.scan.batch_size.min(most_rows);
        let mut bytes = 0;
        while self.gatherer.num_rows() < batch_size && bytes < BATCH_BYTES {
            let Some(more) = self.block()? else { break };
            bytes += more;
        }
        let batch = self.gatherer.finish().map_err(engine_error)?;
        if batch.num_rows() == 0 && !self.range.is_done() {
            self.ready.push_back(batch);
            return Ok(());
        }
        let starts = (0..batch.num_rows()).step_by(batch_size);
        self.ready.extend(starts.map(|start| batch.slice(start, batch_size.min(batch.num_rows() - start))));
        Ok(())
    }

    /// Takes the rows of some more lines in; how many bytes they have. `None` behind the last.
    fn block(&mut self) -> EngineResult<Option<usize>> {
        let (decoding, empty_as_null) =
            (self.range.scan.metrics.decoding.clone(), self.range.scan.settings.empty_as_null);
        let Some(unit) = self.range.unit().map_err(engine_error)? else { return Ok(None) };
        let Some(block) = unit.next().map_err(engine_error)? else {
            if let Some(found) = self.range.finish().map_err(engine_error)? {
                self.range.scan.enter(found, &self.layout).map_err(engine_error)?;
            }
            return Ok(None);
        };
        let bytes = block.bytes;
        let timer = decoding.timer();
        let gathered = gather(&block, &mut self.filter, &mut self.gatherer, empty_as_null);
        timer.done();
        gathered.map_err(|failure| match failure {
            Failure::Misfit(misfit) => engine_error(self.range.scan.misfit(misfit)),
            Failure::Engine(error) => error,
            Failure::Ours(error) => engine_error(error),
        })?;
        self.range.count(bytes);
        self.range.check().map_err(engine_error)?;
        Ok(Some(bytes))
    }
}

fn gather(
    block: &Gathered<'_>,
    filter: &mut Option<Running>,
    gatherer: &mut Gatherer,
    empty_as_null: bool,
) -> Result<(), Failure> {
    let selected = match filter {
        Some(filter) => Some(filter.select(block, empty_as_null)?),
        None => None,
    };
    gatherer.add(block, selected, empty_as_null).map_err(Failure::Misfit)
}
