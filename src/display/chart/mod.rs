//! A result as a picture: bars, lines, a histogram or points, in the terminal, as SVG or as a page.
//!
//! The life of a chart is the module list: `request` is what was asked, `choose` settles kind and columns by their types,
//! `values` reads the columns, `series` makes what is drawn of them, `scale` says where a value stands; `text`, `svg`,
//! `vega` and `html` draw. Nothing here knows where the result came from or where the picture goes.
//!
//! ```
//! # use std::sync::Arc;
//! # use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
//! use tidemill::display::chart::{Chart, Request};
//!
//! let country: ArrayRef = Arc::new(StringArray::from(vec!["de", "fr"]));
//! let events: ArrayRef = Arc::new(Int64Array::from(vec![20, 10]));
//! let batch = RecordBatch::try_from_iter([("country", country), ("events", events)])?;
//! let chart = Chart::of(&batch.schema(), [&batch], &Request::default())?;
//! assert_eq!(chart.text(30, 4, false), "events by country\nde 20 ████████████████████████\nfr 10 ████████████▌\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod choose;
mod html;
mod request;
mod scale;
mod series;
mod svg;
mod text;
mod thin;
mod values;
mod vega;

#[cfg(test)]
mod tests;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;

pub use self::request::{Kind, Request};
use self::series::Drawing;
use crate::error::Result;

/// A result, read and ready to be drawn.
pub struct Chart {
    title: String,
    drawing: Drawing,
    /// What of the result is not in the picture.
    notes: Vec<String>,
}

impl Chart {
    /// The chart that was asked of a result; what was not asked is chosen by the types of the columns.
    ///
    /// A time and numbers become lines, texts and numbers bars, two numbers points, one number a histogram, and a text
    /// alone bars of how often each value is there. Rows without a value are left out, and a note says how many.
    ///
    /// **Units**: times are UTC; durations are seconds. Numbers are doubles here, which is as exact as a picture.
    /// **Errors**: [`crate::error::Error::Request`] if the result has no rows or no columns that such a chart can show.
    pub fn of<'a>(
        schema: &SchemaRef,
        batches: impl IntoIterator<Item = &'a RecordBatch>,
        request: &Request,
    ) -> Result<Self> {
        let plan = choose::plan(schema, request)?;
        let batches: Vec<&RecordBatch> = batches.into_iter().collect();
        let (drawing, notes) = series::read(schema, &batches, &plan)?;
        let title = request.title.clone().unwrap_or_else(|| drawing.title());
        Ok(Self { title, drawing, notes })
    }

    /// What of the result is not in any picture of it: rows without a value, and columns or groups that are too many.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// The chart in the characters of a terminal, in lines that end with a line break.
    ///
    /// It is as wide as `width` and as high as `height`, or smaller, but for the notes, which are never left out, and for
    /// the three rows that any chart needs. Without `colour` series are told by their marks.
    pub fn text(&self, width: u16, height: u16, colour: bool) -> String {
        text::draw(self, width, height, colour)
    }

    /// The chart as a file of SVG.
    pub fn svg(&self) -> Result<String> {
        svg::draw(self)
    }

    /// The chart as a specification of Vega-Lite 5, with the data in it.
    pub fn vega_lite(&self) -> serde_json::Value {
        vega::specification(self)
    }

    /// The chart as a page: drawn by Vega where its scripts can be loaded, and the SVG where not.
    pub fn html(&self) -> Result<String> {
        html::page(self)
    }
}
