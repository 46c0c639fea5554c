//! Which rows of a block a scan keeps: a predicate evaluated on the columns that it needs, before others are decoded.
//!
//! The predicate is the engine's, and so is its meaning: a row is kept where it is true, not where it is NULL.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::Result as EngineResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::{Column, DynamicFilterPhysicalExpr};

use super::gather::{Gatherer, Misfit};
use super::layout::Layout;
use super::needs::{self, Needs};
use super::rows::Wanted;
use super::unit::Gathered;
use crate::error::Error;

/// A predicate over the columns that it needs, numbered anew.
#[derive(Debug, Clone)]
pub(super) struct Filter {
    predicate: Arc<dyn PhysicalExpr>,
    needs: Needs,
}

/// Why rows cannot be told apart.
pub(super) enum Failure {
    /// A value has no place in its column.
    Misfit(Misfit),
    /// The predicate cannot be evaluated.
    Engine(datafusion::error::DataFusionError),
    /// Ours.
    Ours(Error),
}

impl Filter {
    /// `predicate` is in terms of the columns of a table that starts with those of `layout`.
    pub(super) fn new(predicate: &Arc<dyn PhysicalExpr>, layout: &Layout) -> EngineResult<Self> {
        let needs = needs::of([predicate].into_iter(), layout);
        let renumbered = Arc::clone(predicate).transform(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else { return Ok(Transformed::no(expr)) };
            let place = needs.keys().position(|known| *known == column.index()).expect("all of its columns are needed");
            Ok(Transformed::yes(Arc::new(Column::new(column.name(), place)) as Arc<dyn PhysicalExpr>))
        })?;
        Ok(Self { predicate: renumbered.data, needs })
    }

    /// The same for the rows of one file. What it needs is added to `wanted`.
    pub(super) fn start(&self, layout: &Layout, file_schema: &SchemaRef, file: &str, wanted: &mut Wanted) -> Running {
        let columns = Gatherer::new(&self.needs, layout, file_schema, file, wanted);
        Running { predicate: Arc::clone(&self.predicate), columns, selected: Vec::new() }
    }
}

/// A filter at work.
pub(super) struct Running {
    predicate: Arc<dyn PhysicalExpr>,
    columns: Gatherer,
    selected: Vec<u32>,
}

impl Running {
    /// The rows of `block` that are kept.
    pub(super) fn select(&mut self, block: &Gathered<'_>, empty_as_null: bool) -> Result<&[u32], Failure> {
        self.columns.add(block, None, empty_as_null).map_err(Failure::Misfit)?;
        let batch = self.columns.finish().map_err(Failure::Ours)?;
        let truth = self.predicate.evaluate(&batch).and_then(|value| value.into_array(batch.num_rows()));
        let truth = truth.map_err(Failure::Engine)?;
        let Some(truth) = truth.as_boolean_opt() else {
            return Err(Failure::Ours(Error::internal(format!("a filter is of type {}", truth.data_type()))));
        };
        self.selected.clear();
        let kept = match truth.nulls() {
            None => truth.values().clone(),
            Some(nulls) => truth.values() & nulls.inner(),
        };
        self.selected.extend(kept.set_indices_u32());
        Ok(&self.selected)
    }
}

/// Whether the filters in `filter` that get narrower while a query runs still mean the same where their columns have other numbers,
/// and leave out nothing that is wanted.
///
/// The engine numbers the columns of such a filter anew from the inside: where one of its expressions stands within another, as
/// in `ORDER BY q - p, p`, the outer one is no longer found, and asks for wrong columns. And values that hold others are in another
/// order to the aggregates that find its bounds than to the comparisons with these, where there are NULLs in them.
pub(super) fn can_move(filter: &Arc<dyn PhysicalExpr>, schema: &Schema) -> bool {
    let mut is_whole = true;
    let walked = filter.apply(|part| {
        if part.is::<DynamicFilterPhysicalExpr>() {
            let children = part.children();
            let holds_another = |outer: &Arc<dyn PhysicalExpr>| {
                let inner = outer.children();
                inner.into_iter().any(|inner| inner.exists(|part| Ok(children.contains(&part))).unwrap_or(true))
            };
            let is_nested = |child: &Arc<dyn PhysicalExpr>| child.data_type(schema).is_ok_and(|kind| kind.is_nested());
            is_whole &= !children.iter().any(|child| holds_another(child) || is_nested(child));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.is_ok() && is_whole
}
