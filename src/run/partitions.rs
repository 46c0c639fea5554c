//! A query of which only those folders are computed again that new lines belong to; the others are taken over as they are.
//!
//! It knows nothing of how folders are told (`session::touched`) or taken over (`sink`).

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::history;
use super::increment::{Increment, Intakes, columns, told};
use super::{Report, Work, Written};
use crate::catalog::{Look, Scope, Source};
use crate::dialect::Key;
use crate::error::{Error, Result};
use crate::failpoint;
use crate::intake::Intake;
use crate::ledger::{Memory, Recorded};
use crate::ndjson::survey::Earlier;
use crate::session::Touched;
use crate::sink::{Placing, folder_names};

impl Increment<'_> {
    /// Finds what is new, and publishes all folders: those that it belongs to computed again from all their lines.
    ///
    /// **Errors**: those of [`Increment::run`]; `Input`, if lines are in no file any more that a folder may have been made of.
    pub(super) async fn run_partitions(&self, recorded: &mut Recorded<'_>) -> Result<Report> {
        let begun = Instant::now();
        let memory = recorded.memory(&self.query.name)?;
        let (memory, intakes, mut change) = self.look(memory)?;
        if self.is_idle(memory.as_ref(), &intakes) {
            return self.stay(recorded, change, &intakes, memory.is_none(), begun);
        }
        check_present(&intakes)?;
        let mut notes = told(&intakes);
        // A folder that is not what was published is not taken over.
        let touched = match &memory {
            Some(Memory { state: Some(state), .. }) if stands(&self.target.path).as_ref() == Some(state) => {
                Some(self.touched(&intakes).await?)
            }
            _ => None,
        };
        let whole = |intake: &Intake| Scope {
            all: intake.scope.all.clone(),
            read: intake.whole.clone(),
            earlier: Earlier::default(),
        };
        let scopes = intakes.iter().map(|(source, intake)| (source.clone(), whole(intake)));
        let session = self.session_over(scopes.collect())?;
        let Self { script, statement, progress, .. } = *self;
        let work = Work {
            only: touched.as_ref().map(|(touched, _)| touched),
            ..Work::of(&session, script, statement, Some(self.target), &Placing::Whole, progress)
        };
        let written = work.write(|planned| self.check(planned)).await?;
        let Written { mut staged, target, schema, sources, notes: reread } = written;
        notes.extend(reread);
        if let Some((touched, _)) = &touched {
            let names = self.target.keys.iter().map(Key::name);
            let named: Vec<_> = names.zip(touched.arrays()?).collect();
            let carried = staged.carry(&folder_names(&named)?)?;
            notes.push(format!("{carried} files of other folders are as they were"));
        }
        change.columns = columns(&schema, self.target);
        self.remember(&mut change, &intakes, touched.as_ref().map_or(&sources, |(_, read)| read))?;
        let sealed = staged.seal().await?;
        failpoint::pass("sealed");
        change.state = Some(state_of(sealed.identity));
        let finished = history::finished(Some(&sealed), &sources);
        recorded.prepare(&finished, Some(&history::placed(&target.place(), &sealed)), Some(&change))?;
        failpoint::pass("prepared");
        let published = staged.publish(sealed).await?;
        failpoint::pass("published");
        Ok(Report { notes, ..Report::of(&self.query.name, &target, begun, Some(&published), &sources, progress) })
    }

    /// The folders that new lines belong to, and the sources as those lines make them.
    async fn touched(&self, intakes: &Intakes) -> Result<(Touched, Vec<Arc<Source>>)> {
        let session = self.scoped(intakes)?;
        let planned = session.plan(self.script, self.statement, Look::Whole, self.progress.watch()).await?;
        self.check(&planned)?;
        let sources = planned.sources.clone();
        Ok((session.touched(planned, self.target.keys.len()).await?, sources))
    }
}

/// What tells the folder that stands at `path`.
fn stands(path: &Path) -> Option<String> {
    std::fs::metadata(path).ok().map(|folder| state_of((folder.dev(), folder.ino())))
}

fn state_of((device, inode): (u64, u64)) -> String {
    format!("{device}:{inode}")
}

fn check_present(intakes: &Intakes) -> Result<()> {
    let Some((source, intake)) = intakes.iter().find(|(_, intake)| !intake.missing.is_empty()) else { return Ok(()) };
    Err(Error::input(format!(
        "what was read of `{}` in source `{source}` is in no file any more, and folders may be made of it",
        intake.missing[0]
    ))
    .with_hint(
        "keep files for as long as lines of their folders may come; mode = \"append\" or \"merge\" needs none of them",
    ))
}
