//! Statements by themselves: what a fuzzer throws texts at. Compiled only with the feature `internals`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use tempfile::TempDir;

use super::{Access, Session};
use crate::catalog::Look;
use crate::clock;
use crate::dialect::{self, Parameters, Script};
use crate::error::{Error, Result};
use crate::ndjson::survey::Watch;
use crate::project::Project;

/// As the command line plans on.
const STACK_BYTES: usize = 64 << 20;

/// Events with a column of each kind.
const EVENTS: &str = r#"{"id":"1","n":1,"x":0.5,"ok":true,"at":"2024-03-01T00:00:00.000","o":{"a":1,"b":["c"]},"z":null}
{"id":"2","n":-1,"x":null,"ok":false,"at":"2024-03-01T00:01:00.000","o":{"a":2,"b":[]},"late":1}
"#;

const SETTINGS: &str =
    "[sources.events]\npath = \"events.out\"\ncolumns = { at = \"timestamp(ms)\" }\n[limits]\nthreads = 2\n";

struct Bench {
    session: Session,
    _folder: TempDir,
}

static BENCH: LazyLock<Bench> = LazyLock::new(|| Bench::new().unwrap_or_else(|error| panic!("{}", error.chain())));

impl Bench {
    fn new() -> Result<Self> {
        let failed = |error| Error::machine("cannot make a project").with_source(error);
        let folder = TempDir::new().map_err(failed)?;
        for (name, text) in [("events.out", EVENTS), ("tidemill.toml", SETTINGS)] {
            std::fs::OpenOptions::new()
                .create(true)
                .write(true)
                .truncate(true)
                .open(folder.path().join(name))
                .and_then(|mut file| std::io::Write::write_all(&mut file, text.as_bytes()))
                .map_err(failed)?;
        }
        let session = Session::new(Arc::new(Project::open(folder.path())?), Access::ReadOnly)?;
        Ok(Self { session, _folder: folder })
    }

    /// Plans each statement of a text, down to the steps that would run.
    async fn plan(&self, text: &str) -> Result<()> {
        let script = Script { name: "fuzz".to_owned(), text: text.to_owned() };
        let parameters = Parameters::new(&[], &BTreeMap::new(), clock::now())?;
        for step in dialect::program(&script, &parameters, Some("events"))? {
            let session = self.session.with_options(&step.options)?;
            let watch = Arc::<Watch>::default();
            let planned = session.plan(&script, &step.statement, Look::Whole, &watch).await?;
            drop(session.start(planned).await?);
        }
        Ok(())
    }
}

/// Any text is planned, or refused with words for it that are not of a fault of ours.
pub fn check_statements(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let plan = || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.map(|runtime| runtime.block_on(BENCH.plan(text)))
    };
    let planned = std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, plan);
        thread.map(|thread| thread.join())
    });
    if let Ok(Ok(Ok(Err(error @ Error::Internal(_))))) = planned {
        panic!("a fault of ours for {text:?}: {}", error.chain());
    }
}
