//! The library as a program uses it: a session over a project, statements in, JSON lines out.

use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use tidemill::catalog::{Look, Source};
use tidemill::dialect::Script;
use tidemill::error::Result;
use tidemill::ndjson::survey::Watch;
use tidemill::project::{Keep, Limits, Outputs, Project, RejectBounds, SourceConfig};
use tidemill::session::{Access, Planned, Session};
use tidemill::sink::{self, Format};

/// A session, and the threads that it works on.
pub(crate) struct Library {
    session: Session,
    runtime: tokio::runtime::Runtime,
}

/// A project without a file, with one source.
pub(crate) fn project(root: &Path, source: SourceConfig, threads: usize) -> Project {
    let (queries_dir, outputs_dir) = (root.join("queries"), root.join("outputs"));
    let limits = Limits { threads: Some(threads), ..Limits::default() };
    Project {
        root: root.to_owned(),
        file: None,
        sources: vec![source],
        queries_dir,
        outputs_dir,
        limits,
        history: Keep::default(),
        outputs: Outputs::default(),
        rejects: RejectBounds::default(),
        facts: true,
    }
}

impl Library {
    pub(crate) fn open(project: Project) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        Self { session: Session::new(Arc::new(project), Access::ReadOnly).unwrap(), runtime }
    }

    /// Lists and surveys the sources of a statement.
    pub(crate) fn plan(&self, sql: &str) -> Result<Planned> {
        let script = Script { name: "test".into(), text: sql.into() };
        let statement = script.parse()?.remove(0);
        self.runtime.block_on(self.session.plan(&script, &statement, Look::Whole, &Arc::<Watch>::default()))
    }

    /// The rows of a planned statement, each as JSON.
    pub(crate) fn rows(&self, planned: Planned) -> Result<Vec<String>> {
        let out = Shared::default();
        self.runtime.block_on(async {
            let mut running = self.session.start(planned).await?;
            let mut encoder = sink::encoder(Format::Json, &running.schema, 2, Box::new(out.clone()))?;
            while let Some(batch) = running.batches.next().await {
                encoder.write(&batch?)?;
            }
            encoder.finish()
        })?;
        let bytes = std::mem::take(&mut *out.0.lock().unwrap());
        Ok(String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect())
    }

    pub(crate) fn ask(&self, sql: &str) -> Result<Vec<String>> {
        self.rows(self.plan(sql)?)
    }

    /// The source `events` as it is now.
    pub(crate) fn events(&self) -> Result<Arc<Source>> {
        self.runtime.block_on(self.session.catalog().open("events", Look::Whole, &Arc::<Watch>::default()))
    }
}

/// A buffer that an encoder may own and the test still reads.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
