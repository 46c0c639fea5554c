//! `array_agg` in no order: the engine's lists, over values that share no bytes with others.
//!
//! It knows nothing of where groups, or frames, come from.

use datafusion::arrow::array::{ArrayRef, BooleanArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use super::compact::compacted;
use super::one::OnlyGroup;

/// The engine's lists of all groups, over values that share nothing with others.
pub(super) struct CompactLists(pub(super) Box<dyn GroupsAccumulator>);

impl GroupsAccumulator for CompactLists {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.0.update_batch(&[compacted(&values[0])?], groups, opt_filter, num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        self.0.state(emit_to)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        self.0.merge_batch(&[compacted(&values[0])?], groups, num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        self.0.convert_to_state(values, opt_filter)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl OnlyGroup for CompactLists {}

/// The engine's list of one group or frame. Where frames slide, each row has a list: of texts, each would hold on to the bytes of all
/// batches that were sorted.
#[derive(Debug)]
pub(super) struct CompactList(pub(super) Box<dyn Accumulator>);

impl Accumulator for CompactList {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(&[compacted(&values[0])?])
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.state()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.0.merge_batch(&[compacted(&states[0])?])
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.retract_batch(values)
    }

    fn supports_retract_batch(&self) -> bool {
        self.0.supports_retract_batch()
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
