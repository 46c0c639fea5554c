//! `array_agg` and `string_agg` with an `ORDER BY` or `DISTINCT`: the engine's lists of all groups, of what is listed and what orders
//! it, or the different values of all groups, put in order once they are whole.
//!
//! It knows nothing of where groups come from.

use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, LargeStringBuilder, ListArray, StructArray, UInt32Array,
};
use datafusion::arrow::buffer::{NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::{LexicographicalComparator, SortColumn, SortOptions, cast, filter, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields};
use datafusion::common::{Result, internal_datafusion_err};
use datafusion::functions_aggregate::array_agg::array_agg_udaf;
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use datafusion::physical_expr::expressions::Literal;

use super::compact::{compacted, trimmed};
use super::distinct::Different;
use super::one::OnlyGroup;
use super::{again, mask};

/// Whether a `DISTINCT` is in an order of what is listed, or in none.
pub(super) fn is_by_itself(args: &AccumulatorArgs<'_>) -> bool {
    match (args.order_bys, args.exprs.first()) {
        ([], _) => true,
        ([by], Some(listed)) => by.expr.eq(listed),
        _ => false,
    }
}

/// The lists of all groups, of different values.
pub(super) struct DistinctLists {
    different: Different,
    options: Option<SortOptions>,
    is_reversed: bool,
    delimiter: Option<String>,
}

impl DistinctLists {
    /// **Errors**: the engine's, for values whose type its tables do not take.
    pub(super) fn try_new(args: &AccumulatorArgs<'_>, is_text: bool) -> Result<Self> {
        Ok(Self {
            different: Different::try_new(args, !args.ignore_nulls && !is_text)?,
            options: args.order_bys.first().map(|by| by.options),
            is_reversed: args.is_reversed,
            delimiter: is_text.then(|| delimiter(args)).transpose()?,
        })
    }
}

impl GroupsAccumulator for DistinctLists {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        self.different.update(&values[0], groups, opt_filter, num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let lists = self.different.state(emit_to)?;
        let values = lists.values();
        let values = match &self.options {
            Some(options) => take(values, &places(&lists, [(values, options)].into_iter(), self.is_reversed)?, None)?,
            None => Arc::clone(values),
        };
        let is_some: NullBuffer = ranges(&lists).map(|range| !range.is_empty()).collect::<Vec<_>>().into();
        let (field, offsets, ..) = lists.into_parts();
        finished(ListArray::try_new(field, offsets, values, Some(is_some))?, self.delimiter.as_deref())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.different.state(emit_to)?)])
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        self.different.merge(&values[0], groups, num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        Ok(vec![Arc::new(self.different.states(&values[0], opt_filter)?)])
    }

    fn size(&self) -> usize {
        self.different.size()
    }
}

impl OnlyGroup for DistinctLists {}

/// The lists of all groups, in an order.
pub(super) struct OrderedLists {
    /// The engine's lists of structs: what is listed, and behind it the keys of the order.
    pairs: Box<dyn GroupsAccumulator>,
    listed: FieldRef,
    keys: Fields,
    options: Vec<SortOptions>,
    /// Whether the order is the other way around than what is asked for.
    is_reversed: bool,
    skips_nulls: bool,
    /// What stands between texts that are put together.
    delimiter: Option<String>,
}

impl OrderedLists {
    /// **Errors**: the engine's, for keys whose type it does not know.
    pub(super) fn try_new(args: &AccumulatorArgs<'_>, is_text: bool) -> Result<Self> {
        let value = args.expr_fields.first().ok_or_else(|| internal_datafusion_err!("nothing is listed"))?;
        let key = |by: &datafusion::physical_expr::PhysicalSortExpr| {
            let data_type = by.expr.data_type(args.schema)?;
            // So the engine calls them in what it passes between stages.
            Ok(Field::new(by.expr.to_string(), data_type, true))
        };
        let keys = args.order_bys.iter().map(key).collect::<Result<Fields>>()?;
        let listed = Arc::new(Field::new_list_field(value.data_type().clone(), true));
        let pair = Arc::new(Field::new_list_field(DataType::Struct(fields(&listed, &keys)), true));
        let expr_fields = [pair];
        let pairs = array_agg_udaf().create_groups_accumulator(AccumulatorArgs {
            order_bys: &[],
            ignore_nulls: false,
            expr_fields: &expr_fields,
            ..again(args)
        })?;
        Ok(Self {
            pairs,
            options: args.order_bys.iter().map(|by| by.options).collect(),
            is_reversed: args.is_reversed,
            skips_nulls: args.ignore_nulls || is_text,
            delimiter: is_text.then(|| delimiter(args)).transpose()?,
            listed,
            keys,
        })
    }

    fn fields(&self) -> Fields {
        fields(&self.listed, &self.keys)
    }

    /// What is listed and its keys, out of the arguments.
    fn pairs_of(&self, values: &[ArrayRef]) -> Result<ArrayRef> {
        let keys = values.len().checked_sub(self.keys.len()).filter(|keys| *keys > 0);
        let keys = keys.ok_or_else(|| internal_datafusion_err!("keys are missing"))?;
        let columns = values[..1].iter().chain(&values[keys..]).map(compacted).collect::<Result<_>>()?;
        Ok(Arc::new(StructArray::try_new(self.fields(), columns, None)?))
    }

    /// The lists without their keys, in their order.
    fn ordered(&self, lists: &ListArray) -> Result<ListArray> {
        let pairs = lists.values().as_struct();
        let keys = pairs.columns()[1..].iter().zip(&self.options);
        let places = places(lists, keys, self.is_reversed)?;
        let listed = take(pairs.column(0), &places, None)?;
        Ok(ListArray::try_new(Arc::clone(&self.listed), lists.offsets().clone(), listed, lists.nulls().cloned())?)
    }

    /// Lists of what is listed and lists of keys, as the engine passes them.
    fn apart(&self, lists: &ListArray) -> Result<Vec<ArrayRef>> {
        let pairs = lists.values().as_struct();
        let listed = Arc::clone(pairs.column(0));
        let listed =
            ListArray::try_new(Arc::clone(&self.listed), lists.offsets().clone(), listed, lists.nulls().cloned())?;
        let keys = StructArray::try_new(self.keys.clone(), pairs.columns()[1..].to_vec(), None)?;
        let field = Arc::new(Field::new_list_field(DataType::Struct(self.keys.clone()), true));
        let keys = ListArray::try_new(field, lists.offsets().clone(), Arc::new(keys), None)?;
        Ok(vec![Arc::new(listed), Arc::new(keys)])
    }

    /// The reverse of [`Self::apart`].
    fn together(&self, state: &[ArrayRef]) -> Result<ArrayRef> {
        let (listed, keys) = (trimmed(state[0].as_list())?, trimmed(state[1].as_list())?);
        if listed.offsets() != keys.offsets() {
            return Err(internal_datafusion_err!("lists and their keys are not of one length"));
        }
        let columns = keys.values().as_struct().columns();
        let columns = std::iter::once(listed.values()).chain(columns).cloned().collect();
        let pairs = StructArray::try_new(self.fields(), columns, None)?;
        let field = Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true));
        let offsets = listed.offsets().clone();
        Ok(Arc::new(ListArray::try_new(field, offsets, Arc::new(pairs), listed.nulls().cloned())?))
    }
}

fn fields(listed: &FieldRef, keys: &Fields) -> Fields {
    std::iter::once(listed).chain(keys).cloned().collect()
}

/// Where the elements of each list are, in the order of their keys; of equal ones, as they stand.
fn places<'a>(
    lists: &ListArray,
    keys: impl Iterator<Item = (&'a ArrayRef, &'a SortOptions)>,
    is_reversed: bool,
) -> Result<UInt32Array> {
    let column = |(values, options): (&ArrayRef, &SortOptions)| SortColumn {
        values: Arc::clone(values),
        options: Some(*options),
    };
    let order = LexicographicalComparator::try_new(&keys.map(column).collect::<Vec<_>>())?;
    let mut places: Vec<u32> = (0..).take(lists.values().len()).collect();
    for range in ranges(lists) {
        let list = &mut places[range];
        list.sort_by(|left, right| order.compare(*left as usize, *right as usize));
        if is_reversed {
            list.reverse();
        }
    }
    Ok(places.into())
}

/// Where each list stands.
fn ranges(lists: &ListArray) -> impl Iterator<Item = Range<usize>> {
    let at = |end: i32| usize::try_from(end).unwrap_or_default();
    lists.value_offsets().windows(2).map(move |ends| at(ends[0])..at(ends[1]))
}

/// What is to stand between texts.
fn delimiter(args: &AccumulatorArgs<'_>) -> Result<String> {
    let literal = args.exprs.get(1).and_then(|delimiter| delimiter.downcast_ref::<Literal>());
    let text = literal.and_then(|literal| literal.value().try_as_str());
    let missing = || datafusion::common::not_impl_datafusion_err!("string_agg delimiter must be a string literal");
    Ok(text.ok_or_else(missing)?.unwrap_or_default().to_owned())
}

/// The lists, or the text of each.
fn finished(lists: ListArray, delimiter: Option<&str>) -> Result<ArrayRef> {
    match delimiter {
        Some(delimiter) => joined(&lists, delimiter),
        None => Ok(Arc::new(lists)),
    }
}

/// The texts of each list with `delimiter` between them; NULL for a list without any.
fn joined(lists: &ListArray, delimiter: &str) -> Result<ArrayRef> {
    let texts = cast(lists.values(), &DataType::LargeUtf8)?;
    let texts = texts.as_string::<i64>();
    let mut all = LargeStringBuilder::with_capacity(lists.len(), texts.value_data().len());
    let mut one = String::new();
    for range in ranges(lists) {
        let mut texts = range.filter(|place| texts.is_valid(*place)).map(|place| texts.value(place));
        let Some(first) = texts.next() else {
            all.append_null();
            continue;
        };
        one.clear();
        one.push_str(first);
        for text in texts {
            one.push_str(delimiter);
            one.push_str(text);
        }
        all.append_value(&one);
    }
    Ok(Arc::new(all.finish()))
}

impl GroupsAccumulator for OrderedLists {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        opt_filter: Option<&BooleanArray>,
        num_groups: usize,
    ) -> Result<()> {
        let mask = mask(&values[0], opt_filter, self.skips_nulls);
        self.pairs.update_batch(&[self.pairs_of(values)?], groups, mask.as_ref(), num_groups)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let lists = self.pairs.evaluate(emit_to)?;
        let lists = self.ordered(lists.as_list())?;
        finished(lists, self.delimiter.as_deref())
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let lists = self.pairs.evaluate(emit_to)?;
        self.apart(lists.as_list())
    }

    fn merge_batch(&mut self, values: &[ArrayRef], groups: &[usize], num_groups: usize) -> Result<()> {
        self.pairs.merge_batch(&[self.together(values)?], groups, num_groups)
    }

    fn convert_to_state(&self, values: &[ArrayRef], opt_filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut pairs = self.pairs_of(values)?;
        let mask = mask(&values[0], opt_filter, self.skips_nulls);
        let lengths: Vec<usize> = match &mask {
            Some(mask) => mask.values().iter().map(usize::from).collect(),
            None => vec![1; pairs.len()],
        };
        if let Some(mask) = &mask {
            pairs = filter(&pairs, mask)?;
        }
        let field = Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true));
        self.apart(&ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), pairs, None)?)
    }

    fn size(&self) -> usize {
        self.pairs.size()
    }
}

impl OnlyGroup for OrderedLists {}
