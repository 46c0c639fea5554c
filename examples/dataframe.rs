//! A source as a DataFusion `DataFrame`: filter, select, a computed column, an aggregate, and a result that is published whole.
//!
//!     cargo run --example dataframe [PROJECT]
//!
//! What it computes is `SELECT age_bracket, count(*), sum(file_size_bytes + 1000) … GROUP BY age_bracket` of the events of a
//! project, by default of the sample here.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::prelude::{col, lit};
use futures::StreamExt;
use tidemill::error::Result;
use tidemill::project::Project;
use tidemill::session::{Access, Session};
use tidemill::sink::{Format, Staged};

#[tokio::main]
async fn main() -> Result<()> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).to_owned();
    let root = std::env::args_os().nth(1).map_or(here, PathBuf::from);
    let project = Arc::new(Project::open(&root)?);
    let target = project.outputs_dir.join("by_age.json");
    let session = Session::new(project, Access::ReadOnly)?;

    // Its columns have the types of all lines of its files, and a source with too many rejects gives none.
    let events = session.frame("events").await?;
    let by_age = events
        .filter(col("opted_into_marketing"))
        .and_then(|frame| frame.select_columns(&["age_bracket", "file_size_bytes"]))
        .and_then(|frame| frame.with_column("padded_bytes", col("file_size_bytes") + lit(1000)))
        .and_then(|frame| {
            let sums = vec![count(lit(1)).alias("visits"), sum(col("padded_bytes")).alias("bytes")];
            frame.aggregate(vec![col("age_bracket")], sums)
        })
        .and_then(|frame| frame.sort_by(vec![col("age_bracket")]));

    let mut running = session.run_frame(by_age).await?;
    let mut staged = Staged::create(&target, Format::Json, &running.schema, 2)?;
    while let Some(batch) = running.batches.next().await {
        staged.write(&batch?)?;
    }
    let sealed = staged.seal()?;
    let published = staged.publish(sealed)?;
    println!("{} rows, {} bytes -> {}", published.rows, published.bytes, published.path.display());
    Ok(())
}
