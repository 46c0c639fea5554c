//! The accepted lines of a range as record batches.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::error::Result as EngineResult;

use super::super::filter::{Failure, Running};
use super::super::gather::Gatherer;
use super::super::layout::Layout;
use super::super::rows::{BATCH_VALUES, most_bytes};
use super::super::unit::Gathered;
use super::{BATCH_BYTES, Opened, State, engine_error};
use crate::error::Error;

/// Accepted lines on their way into batches.
pub(super) struct Rows {
    range: Opened,
    filter: Option<Running>,
    gatherer: Gatherer,
    layout: Arc<Layout>,
    /// How many values an element of a list becomes at most.
    element_leaves: usize,
    ready: VecDeque<RecordBatch>,
}

/// More values of one line are not made: as doubles, they take 1 GiB.
const LINE_VALUES: usize = 1 << 27;

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
    pub(super) fn new(
        range: Opened,
        filter: Option<Running>,
        gatherer: Gatherer,
        layout: Arc<Layout>,
        element_leaves: usize,
    ) -> Self {
        Self { range, filter, gatherer, layout, element_leaves, ready: VecDeque::new() }
    }

    /// Reads until there are rows for a batch.
    fn fill(&mut self) -> EngineResult<()> {
        let most_rows = (BATCH_VALUES / self.gatherer.width().max(1)).max(1);
        let batch_size = self.range.scan.batch_size.min(most_rows);
        let most_bytes = most_bytes(self.element_leaves).min(BATCH_BYTES);
        let mut bytes = 0;
        while self.gatherer.num_rows() < batch_size && bytes < most_bytes {
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
        let gathered = check_values(&block, self.element_leaves)
            .and_then(|()| gather(&block, &mut self.filter, &mut self.gatherer, empty_as_null));
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

/// Refuses a line that would become values without bound. It is the last of a block: the lines before it are few bytes.
fn check_values(block: &Gathered<'_>, element_leaves: usize) -> Result<(), Failure> {
    let starts = block.rows.starts();
    let (Some(first), Some(last)) = (starts.first(), starts.last()) else { return Ok(()) };
    let end = (*first as usize + block.bytes).min(block.text.len());
    let line = &block.text.as_bytes()[*last as usize..end.max(*last as usize)];
    if line.len().saturating_mul(element_leaves) <= LINE_VALUES {
        return Ok(());
    }
    let objects = memchr::memchr_iter(b'{', line).count();
    if objects.saturating_mul(element_leaves) <= LINE_VALUES {
        return Ok(());
    }
    let offset = block.offset + u64::from(*last);
    Err(Failure::Ours(
        Error::data(format!(
            "the line at byte {offset} has about {objects} objects, and those of lists have {element_leaves} keys between them: too many values \
             for columns"
        ))
        .with_hint("declare the list as json in tidemill.toml, among the columns of its source, and take from it what is needed"),
    ))
}
