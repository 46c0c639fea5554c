//! The different values of all groups, and `count(DISTINCT …)` of any type: each pair of a group and a value is kept once, in the
//! engine's own table of groups.
//!
//! It knows nothing of where groups come from.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Int64Array, ListArray, UInt32Array, UInt64Array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{self, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema, UInt64Type};
use datafusion::common::{Result, ScalarValue, exec_datafusion_err, internal_datafusion_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_plan::aggregates::group_values::{GroupValues, new_group_values};
use datafusion::physical_plan::aggregates::order::GroupOrdering;

use super::one::OnlyGroup;
use super::{comes_back, groups_of_values, mask};

/// Whether values are of a type that the table takes, and gives back as it is.
pub(super) fn takes(args: &AccumulatorArgs<'_>) -> bool {
    args.expr_fields.first().is_some_and(|value| comes_back(value.data_type()))
}

/// The different values of all groups.
pub(super) struct Different {
    value: FieldRef,
    /// Columns `group`, `value`.
    seen: Box<dyn GroupValues>,
    /// Of each group, how many are in `seen`.
    counts: Vec<usize>,
    /// Room for the places of rows in `seen`.
    places: Vec<usize>,
    /// Whether NULL is a value.
    keeps_nulls: bool,
}

impl Different {
    /// **Errors**: the engine's, for a type that its tables do not take.
    pub(super) fn try_new(args: &AccumulatorArgs<'_>, keeps_nulls: bool) -> Result<Self> {
        let value = args.expr_fields.first().ok_or_else(|| internal_datafusion_err!("no value"))?;
        let value = Arc::new(Field::new_list_field(value.data_type().clone(), true));
        Ok(Self { seen: table(&value)?, value, counts: Vec::new(), places: Vec::new(), keeps_nulls })
    }

    /// Takes in the values of rows that a `FILTER` lets through.
    pub(super) fn update(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.resize(num_groups);
        let Some(mask) = mask(values, filter, !self.keeps_nulls) else { return self.see(values, groups) };
        let groups = groups.iter().zip(mask.values()).filter(|(_, is)| *is).map(|(group, _)| *group);
        self.see(&compute::filter(values, &mask)?, &groups.collect::<Vec<_>>())
    }

    /// Takes in what [`Self::state`] gave.
    pub(super) fn merge(&mut self, lists: &ArrayRef, groups: &[usize], num_groups: usize) -> Result<()> {
        self.resize(num_groups);
        let lists = lists.as_list::<i32>();
        let groups = groups_of_values(lists, groups);
        let first = lists.value_offsets().first().copied().and_then(|first| usize::try_from(first).ok());
        self.see(&lists.values().slice(first.unwrap_or_default(), groups.len()), &groups)
    }

    /// The values of each group; of those without any, the list is empty.
    pub(super) fn state(&mut self, emit_to: EmitTo) -> Result<ListArray> {
        let (counts, values) = self.take_out(emit_to)?;
        self.lists(counts, values)
    }

    /// Each row as a state of its own.
    pub(super) fn states(&self, values: &ArrayRef, filter: Option<&BooleanArray>) -> Result<ListArray> {
        match mask(values, filter, !self.keeps_nulls) {
            Some(mask) => self.lists(mask.values().iter().map(usize::from).collect(), compute::filter(values, &mask)?),
            None => self.lists(vec![1; values.len()], Arc::clone(values)),
        }
    }

    pub(super) fn size(&self) -> usize {
        self.seen.size() + (self.counts.capacity() + self.places.capacity()) * size_of::<usize>()
    }

    fn see(&mut self, values: &ArrayRef, groups: &[usize]) -> Result<()> {
        let before = self.seen.len();
        let column: UInt64Array = groups.iter().map(|group| *group as u64).collect();
        self.seen.intern(&[Arc::new(column), Arc::clone(values)], &mut self.places)?;
        let mut is_counted = vec![false; self.seen.len() - before];
        for (place, group) in self.places.iter().zip(groups) {
            if let Some(is_counted) = place.checked_sub(before).and_then(|new| is_counted.get_mut(new))
                && !std::mem::replace(is_counted, true)
            {
                self.counts[*group] += 1;
            }
        }
        Ok(())
    }

    fn resize(&mut self, num_groups: usize) {
        self.counts.resize(num_groups.max(self.counts.len()), 0);
    }

    /// Takes out how many values each of the groups has that are emitted.
    fn count(&mut self, emit_to: EmitTo) -> Result<Vec<usize>> {
        if emit_to == EmitTo::All {
            self.seen = table(&self.value)?;
            return Ok(std::mem::take(&mut self.counts));
        }
        self.take_out(emit_to).map(|(counts, _)| counts)
    }

    /// Takes out the values of the groups that are emitted, those of one group beside each other.
    ///
    /// **Shape**: how many each group has; the values.
    fn take_out(&mut self, emit_to: EmitTo) -> Result<(Vec<usize>, ArrayRef)> {
        let counts = emit_to.take_needed(&mut self.counts);
        let columns = self.seen.emit(EmitTo::All)?;
        let [groups, values] = columns.as_slice() else {
            return Err(internal_datafusion_err!("a pair has two columns"));
        };
        let groups = groups.as_primitive::<UInt64Type>().values();
        let mut ends = Vec::with_capacity(counts.len());
        let mut end = 0;
        for count in &counts {
            ends.push(end);
            end += count;
        }
        let (mut ours, mut rest, mut groups_of_rest) = (vec![0; end], Vec::new(), Vec::new());
        for (row, group) in (0_u32..).zip(groups) {
            let group = usize::try_from(*group).unwrap_or(usize::MAX);
            match ends.get_mut(group) {
                Some(place) => {
                    ours[*place] = row;
                    *place += 1;
                }
                None => {
                    rest.push(row);
                    groups_of_rest.push(group - counts.len());
                }
            }
        }
        let ours = take(values, &UInt32Array::from(ours), None)?;
        self.seen = table(&self.value)?;
        if !rest.is_empty() {
            let rest = take(values, &UInt32Array::from(rest), None)?;
            self.counts.fill(0);
            self.see(&rest, &groups_of_rest)?;
        }
        Ok((counts, ours))
    }

    fn lists(&self, lengths: Vec<usize>, values: ArrayRef) -> Result<ListArray> {
        i32::try_from(values.len())
            .map_err(|_| exec_datafusion_err!("DISTINCT of too many values at once: {}", values.len()))?;
        Ok(ListArray::try_new(Arc::clone(&self.value), OffsetBuffer::from_lengths(lengths), values, None)?)
    }
}

/// An empty one.
fn table(value: &Field) -> Result<Box<dyn GroupValues>> {
    let group = Field::new("group", DataType::UInt64, false);
    let value = value.clone().with_name("value");
    new_group_values(Arc::new(Schema::new(vec![group, value])), &GroupOrdering::None)
}

/// How many different values all groups have.
pub(super) struct DistinctCounts(pub(super) Different);

impl GroupsAccumulator for DistinctCounts {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.0.update(&values[0], groups, opt_filter, num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let counts = self.0.count(emit_to)?.into_iter().map(|count| i64::try_from(count).unwrap_or(i64::MAX));
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.0.state(emit_to)?)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        self.0.merge(&values[0], groups, num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.0.states(&values[0], opt_filter)?)])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl OnlyGroup for DistinctCounts {
    fn result(&mut self) -> Result<ScalarValue> {
        let count = self.0.counts.first().map(|count| i64::try_from(*count).unwrap_or(i64::MAX));
        Ok(ScalarValue::Int64(count))
    }
}
