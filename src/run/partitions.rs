//! A query of which only those folders are computed again that new lines belong to; the others are taken over as they are.
//!
//! It knows nothing of how folders are told (`session::touched`) or taken over (`sink`).

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use datafusion::arrow::datatypes::Schema;

use super::columns::Columns;
use super::history;
use super::increment::{Increment, Intakes, told};
use super::{Report, Work, Written};
use crate::catalog::{Look, Scope, Source};
use crate::dialect::Key;
use crate::error::{Error, Result};
use crate::failpoint;
use crate::intake::Intake;
use crate::ledger::{Definition, Finished, Memory, Recorded};
use crate::ndjson::survey::Earlier;
use crate::session::Touched;
use crate::sink::{Placing, contents, folder_names};

impl Increment<'_> {
    /// Finds what is new, and publishes all folders: those that it belongs to computed again from all their lines.
    ///
    /// **Errors**: those of [`Increment::run`]; `Input`, if lines are in no file any more that a folder may have been made of.
    pub(super) async fn run_partitions(&self, recorded: &mut Recorded<'_>) -> Result<Report> {
        let begun = Instant::now();
        let memory = recorded.memory(&self.query.name)?;
        let (memory, intakes, mut change) = self.look(memory, None)?;
        let is_whole = self.stands(recorded, memory.as_ref())? && is_whole(&self.target.path, memory.as_ref());
        if self.is_idle(memory.as_ref(), is_whole, &intakes) {
            return self.stay(recorded, change, &intakes, memory.is_none(), begun);
        }
        check_present(&intakes)?;
        let mut notes = told(&intakes);
        // A folder that is not what was published is not taken over.
        let touched = if is_whole { Some(self.touched(&intakes).await?) } else { None };
        if let Some((touched, reads, sources)) = &touched {
            let now = Columns { reads: reads.clone(), ..Columns::default() };
            change.columns.add(now, true)?;
            if touched.is_empty() {
                sources.iter().try_for_each(|source| source.check_budget())?;
                self.remember(&mut change, &intakes, sources)?;
                let held = recorded.rejects_held(&self.query.name)?;
                let rejects = self.rejects(held, &self.scoped(&intakes)?, sources, None, &mut notes).await?;
                let finished = Finished { rejects, ..history::finished(None, sources) };
                recorded.prepare(&finished, None, Some(&change))?;
                notes.push("its new lines belong to no folder".to_owned());
                let report = Report::of(&self.query.name, self.target, begun, None, sources, self.progress);
                return Ok(Report { notes, ..report });
            }
        }
        let whole = |intake: &Intake| Scope {
            all: intake.scope.all.clone(),
            read: intake.whole.clone(),
            earlier: Earlier::default(),
        };
        let scopes = intakes.iter().map(|(source, intake)| (source.clone(), whole(intake)));
        let session = self.session_over(scopes.collect())?;
        let Self { script, statement, progress, .. } = *self;
        let work = Work {
            only: touched.as_ref().map(|(touched, ..)| touched),
            ..Work::of(&session, script, statement, Some(self.target), &Placing::Whole, progress)
        };
        let written = work.write(|planned| self.check(planned)).await?;
        let Written { mut staged, target, schema, reads, sources, notes: reread } = written;
        notes.extend(reread);
        if let Some((touched, ..)) = &touched {
            let names = self.target.keys.iter().map(Key::name);
            let named: Vec<_> = names.zip(touched.arrays()?).collect();
            let carried = staged.carry(&folder_names(&named)?)?;
            notes.push(format!("{carried} files of other folders are as they were"));
        } else {
            // Nothing of before is left.
            change.columns = Columns::default();
        }
        notes.extend(change.columns.add(Columns::of(&schema, self.target, reads, &sources), true)?);
        let read = touched.as_ref().map_or(&sources, |(.., read)| read);
        self.remember(&mut change, &intakes, read)?;
        let held = recorded.rejects_held(&self.query.name)?;
        let rejects = self.rejects(held, &self.scoped(&intakes)?, read, None, &mut notes).await?;
        let sealed = staged.seal().await?;
        failpoint::pass("sealed");
        change.state = Some(state_of(recorded.run(), sealed.contents));
        let finished = Finished { rejects, ..history::finished(Some(&sealed), &sources) };
        recorded.prepare(&finished, Some(&history::placed(&target.place(), sealed.identity)), Some(&change))?;
        failpoint::pass("prepared");
        let published = staged.publish(sealed).await?;
        failpoint::pass("published");
        Ok(Report { notes, ..Report::of(&self.query.name, &target, begun, Some(&published), &sources, progress) })
    }

    /// The folders that new lines belong to, what is read to know that, and the sources as those lines make them.
    async fn touched(&self, intakes: &Intakes) -> Result<(Touched, Definition, Vec<Arc<Source>>)> {
        let session = self.scoped(intakes)?;
        let planned = session.plan(self.script, self.statement, Look::Whole, self.progress.watch()).await?;
        self.check(&planned)?;
        let (sources, reads) = (planned.sources.clone(), session.reads(&planned).await?);
        let reads = Columns::of(&Schema::empty(), self.target, reads, &sources).reads;
        Ok((session.touched(planned, self.target.keys.len()).await?, reads, sources))
    }
}

/// Whether the folder at `path` holds all that was published, and nothing else, as far as their number and sizes tell.
fn is_whole(path: &Path, memory: Option<&Memory>) -> bool {
    let state = memory.and_then(|memory| memory.state.as_deref()).and_then(|state| state.split_once(": "));
    state.is_some_and(|(_, known)| contents(path).is_ok_and(|contents| told_contents(contents) == known))
}

/// What is kept of a folder that a run published.
fn state_of(run: i64, contents: (u64, u64)) -> String {
    format!("run {run}: {}", told_contents(contents))
}

/// Whether that is kept of what this run published.
pub(super) fn is_state_of(state: &str, run: i64) -> bool {
    state.starts_with(&format!("run {run}: "))
}

fn told_contents((files, bytes): (u64, u64)) -> String {
    format!("{files} files of {bytes} bytes")
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
