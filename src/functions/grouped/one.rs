//! The only group, where there is no `GROUP BY`, kept as groups are.
//!
//! It knows nothing of what is kept.

use std::fmt::{self, Debug, Formatter};
use std::sync::{Mutex, PoisonError};

use datafusion::arrow::array::{ArrayRef, new_empty_array};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

/// What can be asked for the first group alone. Windows ask again and again; whoever is not within any may take out what it has.
pub(super) trait OnlyGroup: GroupsAccumulator {
    /// **Errors**: the engine's.
    fn result(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.evaluate(EmitTo::All)?, 0)
    }

    /// What is passed between stages. Frames that slide ask for it again and again.
    ///
    /// **Errors**: the engine's.
    fn states(&mut self) -> Result<Vec<ScalarValue>> {
        let states = self.state(EmitTo::All)?;
        states.iter().map(|state| ScalarValue::try_from_array(state, 0)).collect()
    }
}

/// One group. The lock is there since the engine shares its accumulators of one group, and not those of all; nobody waits for it.
pub(super) struct OneGroup(Mutex<Box<dyn OnlyGroup>>);

impl OneGroup {
    /// **Errors**: the engine's, for arguments whose type it does not know.
    pub(super) fn try_new(mut groups: Box<dyn OnlyGroup>, args: &AccumulatorArgs<'_>) -> Result<Self> {
        let keys = args.order_bys.iter().map(|by| by.expr.data_type(args.schema)).collect::<Result<Vec<_>>>()?;
        let types = args.expr_fields.iter().map(|field| field.data_type()).chain(&keys);
        // It is there also if it has no rows.
        groups.update_batch(&types.map(new_empty_array).collect::<Vec<_>>(), &[], None, 1)?;
        Ok(Self(Mutex::new(groups)))
    }

    fn groups(&mut self) -> &mut dyn OnlyGroup {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut()
    }
}

impl Accumulator for OneGroup {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.groups().update_batch(values, &of(values), None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.groups().result()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.groups().states()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.groups().merge_batch(states, &of(states), 1)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.0.lock().unwrap_or_else(PoisonError::into_inner).size()
    }
}

impl Debug for OneGroup {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.debug_struct("OneGroup").finish_non_exhaustive()
    }
}

/// The group of each row.
fn of(rows: &[ArrayRef]) -> Vec<usize> {
    vec![0; rows.first().map_or(0, |first| first.len())]
}
