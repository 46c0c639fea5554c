//! Plans of the engine, as `EXPLAIN` answers: trees whose shape is in their lines, which a table would break.
//!
//! It knows no plan from the inside. Lines are not cut: what stands at their end is often what one looks for.

use arrow::array::{RecordBatch, StringViewArray};
use arrow::datatypes::{DataType, SchemaRef};

use super::layout::Layout;
use super::line::NAME;
use super::rows::Look;
use super::text::clean;
use crate::error::{Error, Result};

/// The columns of an answer to `EXPLAIN`: which plan, and its tree.
const COLUMNS: [&str; 2] = ["plan_type", "plan"];

/// Plans one under the other.
pub(super) struct Plan {
    colour: bool,
}

impl Plan {
    /// For batches of `schema`, if they hold plans.
    pub(super) fn new(schema: &SchemaRef, layout: &Layout) -> Option<Self> {
        let is_text =
            |data_type: &DataType| matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
        let names = schema.fields().iter().map(|field| field.name().as_str());
        let is_plan =
            names.eq(COLUMNS) && schema.fields().iter().all(|field| is_text(field.data_type()) && !field.is_nullable());
        is_plan.then_some(Self { colour: layout.colour })
    }
}

impl Look for Plan {
    fn push(&mut self, batch: &RecordBatch) -> Result<String> {
        let (names, plans) = (texts(batch, 0)?, texts(batch, 1)?);
        let mut out = String::new();
        for (name, plan) in names.iter().zip(&plans) {
            let (name, plan) = (name.unwrap_or_default(), plan.unwrap_or_default());
            let name = clean(name, None);
            out += &if self.colour { format!("{NAME}{name}{NAME:#}\n") } else { format!("{name}\n") };
            for line in plan.lines() {
                out += &format!("  {}\n", clean(line, None));
            }
        }
        Ok(out)
    }

    fn finish(&mut self) -> Result<String> {
        Ok(String::new())
    }
}

fn texts(batch: &RecordBatch, column: usize) -> Result<StringViewArray> {
    let cast = arrow::compute::cast(batch.column(column), &DataType::Utf8View);
    let cast = cast.map_err(|error| Error::internal("a plan is no text").with_source(error))?;
    Ok(arrow::array::AsArray::as_string_view(&cast).clone())
}

#[cfg(test)]
mod tests {
    use super::super::mode::Mode;
    use super::super::testing::{shown, texts};
    use super::*;

    #[test]
    fn a_tree_keeps_its_lines() {
        let names = texts([Some("logical_plan"), Some("physical_plan")]);
        let plans = texts([Some("Sort\n  Scan: a\tb"), Some("SortExec")]);
        let plans =
            RecordBatch::try_from_iter_with_nullable([("plan_type", names, false), ("plan", plans, false)]).unwrap();
        let text = shown(Mode::Table, Layout { width: Some(8), ..Layout::default() }, &[plans]).unwrap();
        assert_eq!(text, "logical_plan\n  Sort\n    Scan: a␉b\nphysical_plan\n  SortExec\n");
    }
}
