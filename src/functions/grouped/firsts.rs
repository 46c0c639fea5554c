//! `first_value` and `last_value`: the first row of each group in an order, as encoded rows; `min` and `max` of objects and lists, which
//! are ordered by themselves.
//!
//! The engine looks at all groups again for each batch, and keeps whole batches for each object. It knows nothing of where groups come
//! from.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, UInt32Array, new_null_array};
use datafusion::arrow::compute::{SortOptions, take};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::row::{OwnedRow, Row, RowConverter, Rows, SortField};
use datafusion::common::{Result, ScalarValue, internal_datafusion_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::PhysicalSortExpr;

use super::one::OnlyGroup;
use super::{comes_back, passes};

/// Whether values and keys are of types that come back from encoded rows as they were.
pub(super) fn takes(args: &AccumulatorArgs<'_>) -> bool {
    comes_back(args.return_field.data_type())
        && args.order_bys.iter().all(|by| by.expr.data_type(args.schema).is_ok_and(|key| comes_back(&key)))
}

/// The first rows of all groups.
pub(super) struct FirstRows {
    value_type: DataType,
    values: RowConverter,
    /// `None` without an order: the first row that is seen is the first.
    keys: Option<Keys>,
    is_last: bool,
    ignores_nulls: bool,
    held: Vec<Option<Held>>,
    /// Bytes of the rows in `held`.
    bytes: usize,
    /// For each group, one more than the row of the batch that is its first; 0 where there is none.
    candidates: Vec<u32>,
}

struct Keys {
    converter: RowConverter,
    types: Vec<DataType>,
}

/// What is held of a group.
struct Held {
    key: Option<OwnedRow>,
    value: OwnedRow,
}

impl Held {
    fn bytes(&self) -> usize {
        self.value.as_ref().len() + self.key.as_ref().map_or(0, |key| key.as_ref().len())
    }
}

impl FirstRows {
    /// **Errors**: the engine's, for types that it does not encode.
    pub(super) fn try_new(args: &AccumulatorArgs<'_>, is_last: bool) -> Result<Self> {
        let key = |by: &PhysicalSortExpr| Ok((by.expr.data_type(args.schema)?, by.options));
        let keys = args.order_bys.iter().map(key).collect::<Result<Vec<_>>>()?;
        Self::by(args.return_field.data_type(), keys, is_last, args.ignore_nulls)
    }

    fn by(
        value_type: &DataType,
        keys: Vec<(DataType, SortOptions)>,
        is_last: bool,
        ignores_nulls: bool,
    ) -> Result<Self> {
        let (types, options): (Vec<_>, Vec<_>) = keys.into_iter().unzip();
        let fields = types.iter().zip(options);
        let fields = fields.map(|(key, options)| SortField::new_with_options(key.clone(), options)).collect();
        let keys = match types.is_empty() {
            true => None,
            false => Some(Keys { converter: RowConverter::new(fields)?, types }),
        };
        Ok(Self {
            values: RowConverter::new(vec![SortField::new(value_type.clone())])?,
            value_type: value_type.clone(),
            keys,
            is_last,
            ignores_nulls,
            held: Vec::new(),
            bytes: 0,
            candidates: Vec::new(),
        })
    }

    /// Takes in the rows that `counts` lets through.
    ///
    /// **Shape**: `columns` are the values and their keys.
    fn see(
        &mut self,
        columns: &[ArrayRef],
        groups: &[usize],
        num_groups: usize,
        counts: impl Fn(usize) -> bool,
    ) -> Result<()> {
        self.held.resize_with(num_groups.max(self.held.len()), || None);
        self.candidates.resize(self.held.len(), 0);
        let (values, keys) = columns.split_first().ok_or_else(|| internal_datafusion_err!("no value"))?;
        let keys = self.keys.as_ref().map(|of| of.converter.convert_columns(keys)).transpose()?;
        let nulls = self.ignores_nulls.then(|| values.logical_nulls()).flatten();
        let mut touched = Vec::new();
        for (row, group) in groups.iter().enumerate() {
            if !counts(row) || nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
                continue;
            }
            let candidate = self.candidates[*group] as usize;
            if candidate == 0 {
                touched.push(*group);
            } else if !self.goes_before(key(keys.as_ref(), row), key(keys.as_ref(), candidate - 1)) {
                continue;
            }
            self.candidates[*group] =
                u32::try_from(row + 1).map_err(|_| internal_datafusion_err!("a batch is too long"))?;
        }
        let mut winners = Vec::with_capacity(touched.len());
        for group in touched {
            let row = std::mem::take(&mut self.candidates[group]) - 1;
            let held = self.held[group].as_ref();
            if held.is_none_or(|held| {
                self.goes_before(key(keys.as_ref(), row as usize), held.key.as_ref().map(OwnedRow::row))
            }) {
                winners.push((group, row));
            }
        }
        self.hold(&winners, values, keys.as_ref())
    }

    fn hold(&mut self, winners: &[(usize, u32)], values: &ArrayRef, keys: Option<&Rows>) -> Result<()> {
        let places: UInt32Array = winners.iter().map(|(_, row)| *row).collect();
        let values = self.values.convert_columns(&[take(values, &places, None)?])?;
        for (value, (group, row)) in values.iter().zip(winners) {
            let held = Held { key: key(keys, *row as usize).map(|key| key.owned()), value: value.owned() };
            self.bytes += held.bytes();
            let before = self.held[*group].replace(held);
            self.bytes -= before.map_or(0, |before| before.bytes());
        }
        Ok(())
    }

    /// Whether a row that comes later takes the place of one that was seen before.
    fn goes_before(&self, later: Option<Row<'_>>, seen: Option<Row<'_>>) -> bool {
        match (later, seen) {
            (Some(later), Some(seen)) if self.is_last => later > seen,
            (Some(later), Some(seen)) => later < seen,
            _ => self.is_last,
        }
    }

    fn take_out(&mut self, emit_to: EmitTo) -> Vec<Option<Held>> {
        let held = emit_to.take_needed(&mut self.held);
        self.bytes -= held.iter().flatten().map(Held::bytes).sum::<usize>();
        self.candidates.truncate(self.held.len());
        held
    }

    /// The values of groups; NULL where none was seen.
    fn values_of(&self, held: &[Option<Held>]) -> Result<ArrayRef> {
        let none = self.values.convert_columns(&[new_null_array(&self.value_type, 1)])?;
        let rows = held.iter().map(|held| held.as_ref().map_or(none.row(0), |held| held.value.row()));
        let columns = self.values.convert_rows(rows)?;
        columns.into_iter().next().ok_or_else(|| internal_datafusion_err!("no column"))
    }
}

impl Keys {
    /// The keys of groups; NULL where none was seen.
    fn of(&self, held: &[Option<Held>]) -> Result<Vec<ArrayRef>> {
        let none: Vec<_> = self.types.iter().map(|key| new_null_array(key, 1)).collect();
        let none = self.converter.convert_columns(&none)?;
        let keys = held.iter().map(|held| held.as_ref().and_then(|held| held.key.as_ref()));
        Ok(self.converter.convert_rows(keys.map(|key| key.map_or_else(|| none.row(0), OwnedRow::row)))?)
    }
}

fn key(keys: Option<&Rows>, row: usize) -> Option<Row<'_>> {
    keys.map(|keys| keys.row(row))
}

impl GroupsAccumulator for FirstRows {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.see(values, groups, num_groups, |row| passes(opt_filter, row))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let held = self.take_out(emit_to);
        self.values_of(&held)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let held = self.take_out(emit_to);
        let mut columns = vec![self.values_of(&held)?];
        if let Some(keys) = &self.keys {
            columns.extend(keys.of(&held)?);
        }
        let is_set: BooleanArray = held.iter().map(|held| Some(held.is_some())).collect();
        columns.push(Arc::new(is_set));
        Ok(columns)
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        let (is_set, values) = values.split_last().ok_or_else(|| internal_datafusion_err!("no state"))?;
        let is_set = is_set.as_boolean();
        self.see(values, groups, num_groups, |row| passes(Some(is_set), row))
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let is_set: BooleanArray = (0..values[0].len()).map(|row| Some(passes(opt_filter, row))).collect();
        Ok(values.iter().cloned().chain([Arc::new(is_set) as ArrayRef]).collect())
    }

    fn size(&self) -> usize {
        self.bytes + self.held.capacity() * size_of::<Option<Held>>() + self.candidates.capacity() * size_of::<u32>()
    }
}

impl OnlyGroup for FirstRows {
    fn result(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.values_of(&self.held)?, 0)
    }
}

/// The least or greatest values of all groups, of objects and lists: by their parts one after the other, NULL behind all others.
pub(super) struct Extremes(FirstRows);

impl Extremes {
    /// **Errors**: the engine's, for types that it does not encode.
    pub(super) fn try_new(args: &AccumulatorArgs<'_>, is_max: bool) -> Result<Self> {
        let value_type = args.return_field.data_type();
        let options = SortOptions { descending: false, nulls_first: false };
        FirstRows::by(value_type, vec![(value_type.clone(), options)], is_max, true).map(Self)
    }

    fn see(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        num_groups: usize,
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let columns = [Arc::clone(&values[0]), Arc::clone(&values[0])];
        self.0.see(&columns, groups, num_groups, |row| passes(filter, row))
    }
}

impl GroupsAccumulator for Extremes {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.see(values, groups, num_groups, opt_filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        self.0.evaluate(emit_to)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.0.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        self.see(values, groups, num_groups, None)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let rows: UInt32Array =
            (0_u32..).take(values[0].len()).map(|row| passes(opt_filter, row as usize).then_some(row)).collect();
        Ok(vec![take(&values[0], &rows, None)?])
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}

impl OnlyGroup for Extremes {
    fn result(&mut self) -> Result<ScalarValue> {
        self.0.result()
    }

    fn states(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.result()?])
    }
}
