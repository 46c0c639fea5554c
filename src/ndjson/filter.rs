//! Which rows of a block a scan keeps: a predicate evaluated on the columns that it needs, before others are decoded.
//!
//! The predicate is the engine's, and so is its meaning: a row is kept where it is true, not where it is NULL.

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::SchemaRef;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result as EngineResult;
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::expressions::Column;

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
