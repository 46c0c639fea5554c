//! The scripts in `tests/sql`: what SQL over event files means. They run over the project in `tests/sql/data`.

use std::path::Path;
use std::sync::Arc;

use arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::StreamExt;
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};
use tidemill::catalog::Look;
use tidemill::dialect::Script;
use tidemill::error::{Error, Result};
use tidemill::ndjson::survey::Watch;
use tidemill::project::Project;
use tidemill::session::{Access, RecordBatch, Session};
use tokio::runtime::Runtime;

struct Mill {
    runtime: Runtime,
    session: Session,
}

impl Mill {
    fn new(project: &Path) -> Self {
        let project = Arc::new(Project::open(project).unwrap());
        Self { runtime: Runtime::new().unwrap(), session: Session::new(project, Access::ReadOnly).unwrap() }
    }

    async fn rows(session: &Session, sql: &str) -> Result<(usize, Vec<RecordBatch>)> {
        let script = Script { name: "script".into(), text: sql.into() };
        let statement = script.parse()?.remove(0);
        let planned = session.plan(&script, &statement, Look::Whole, &Arc::<Watch>::default()).await?;
        let running = session.start(planned).await?;
        let width = running.schema.fields().len();
        let batches: Vec<Result<RecordBatch>> = running.batches.collect().await;
        Ok((width, batches.into_iter().collect::<Result<_>>()?))
    }
}

impl DB for Mill {
    type Error = Error;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>> {
        let (width, batches) = self.runtime.block_on(Self::rows(&self.session, sql))?;
        let rows = batches.iter().flat_map(texts).collect();
        Ok(DBOutput::Rows { types: vec![DefaultColumnType::Text; width], rows })
    }
}

fn texts(batch: &RecordBatch) -> Vec<Vec<String>> {
    let options = FormatOptions::default().with_null("NULL");
    let columns: Vec<ArrayFormatter<'_>> =
        batch.columns().iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
    let text = |column: &ArrayFormatter<'_>, row| match column.value(row).to_string() {
        empty if empty.is_empty() => "(empty)".to_owned(),
        text => text,
    };
    (0..batch.num_rows()).map(|row| columns.iter().map(|column| text(column, row)).collect()).collect()
}

#[test]
fn the_scripts_hold() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sql");
    let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut scripts: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "slt")).collect();
    scripts.sort();
    assert!(scripts.len() >= 9, "{scripts:?}");
    for script in scripts {
        let mut runner = Runner::new(|| async { Ok(Mill::new(&folder.join("data"))) });
        runner.run_file(&script).unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    }
}
