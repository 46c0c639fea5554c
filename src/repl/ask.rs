//! Statements: asked, shown as their rows come, and kept.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::StreamExt;
use indicatif::{HumanBytes, HumanCount};
use tokio::sync::mpsc::channel;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::shell::{LAST, Shell, size};
use super::{output::Output, pager};
use crate::dialect::{self, Deed, Script, Step};
use crate::display::layout::Layout;
use crate::display::progress::Meter;
use crate::display::report;
use crate::display::rows::Rows;
use crate::display::standard::say;
use crate::error::Result;
use crate::run::{self, Progress, Report, Target};
use crate::runtime;
use crate::session::{Keeping, Running, Session};

/// How long rows wait for more to be shown with, once there are some.
const PATIENCE: Duration = Duration::from_millis(300);

/// What came of a statement that was shown.
struct Shown {
    rows: Option<Rows>,
    kept: Option<Keeping>,
    /// What is to go through the pager, if it is more than the terminal holds.
    held: Option<String>,
}

impl Shown {
    fn show(&mut self, text: String, output: &mut Output) -> Result<()> {
        match &mut self.held {
            Some(held) => {
                *held += &text;
                Ok(())
            }
            None => output.write(&text),
        }
    }
}

impl Shell {
    /// Has the statements of a script answered.
    ///
    /// **Errors**: those of [`run::answer`] and [`run::publish`]; `Interrupted`.
    pub(super) fn ask(&mut self, script: &Script) -> Result<()> {
        self.steps(script, true, |shell, script, step, session| match dialect::deed(&step.statement) {
            Deed::Copy => shell.publish(session, script, step, None),
            _ => shell.show(session, script, step, true),
        })
    }

    /// Shows what a statement answers that nobody typed: it does not count as the last one.
    ///
    /// **Errors**: as [`Shell::ask`].
    pub(super) fn ask_aside(&mut self, sql: &str) -> Result<()> {
        let script = Script { name: "command".to_owned(), text: sql.to_owned() };
        self.steps(&script, false, |shell, script, step, session| shell.show(session, script, step, false))
    }

    /// Has a script's rows published at `path`, whole or not at all; its extension tells the format.
    ///
    /// **Errors**: as [`Shell::ask`].
    pub(super) fn ask_into(&mut self, script: &Script, path: &Path) -> Result<()> {
        let target = Target::at(path, None)?;
        self.steps(script, false, |shell, script, step, session| shell.publish(session, script, step, Some(&target)))
    }

    fn steps(
        &mut self,
        script: &Script,
        is_typed: bool,
        mut act: impl FnMut(&mut Self, &Script, &Step, &Session) -> Result<()>,
    ) -> Result<()> {
        let given = self.given.only(&dialect::parameters_in(script));
        let steps = run::parameters(script, &given)
            .and_then(|parameters| dialect::continued(script, &parameters, &mut self.definitions));
        // One that failed is worth mending, and one that only defines things is nothing to ask again.
        if is_typed && !steps.as_ref().is_ok_and(Vec::is_empty) {
            self.statement = Some(script.clone());
        }
        let steps = steps?;
        if steps.is_empty() {
            self.note("done");
            return Ok(());
        }
        for step in &steps {
            let session = self.session.with_options(&step.options)?;
            act(self, script, step, &session)?;
        }
        Ok(())
    }

    fn publish(&mut self, session: &Session, script: &Script, step: &Step, target: Option<&Target>) -> Result<()> {
        let progress = Arc::new(Progress::default());
        let (session, script, statement) = (session.clone(), script.clone(), step.statement.clone());
        let (target, counts) = (target.cloned(), Arc::clone(&progress));
        self.report(&progress, async move {
            run::publish(&session, LAST, &script, &statement, target.as_ref(), None, &counts).await
        })
    }

    /// Waits for something to be published, and says what was.
    ///
    /// **Errors**: those of `work`; `Interrupted`.
    pub(super) fn report(
        &mut self,
        progress: &Arc<Progress>,
        work: impl Future<Output = Result<Report>> + Send + 'static,
    ) -> Result<()> {
        let meter = Meter::new("publishing", progress);
        let done = self.runtime.block_on(self.interrupts.end(meter.during(runtime::apart(work))))?;
        say(&report::text(&done, &self.surroundings.here));
        Ok(())
    }

    /// Shows the rows of one statement, which are the last result then if they are to be kept.
    fn show(&mut self, session: &Session, script: &Script, step: &Step, is_kept: bool) -> Result<()> {
        let begun = Instant::now();
        let progress = Arc::new(Progress::default());
        let (mode, layout) = (self.settings.mode, self.layout());
        let is_paged = is_kept && self.is_paged();
        let asked = (session.clone(), script.clone(), step.statement.clone(), Arc::clone(&progress));
        let Self { runtime, interrupts, output, .. } = self;
        let work = async {
            let meter = Meter::new("reading", &progress);
            let answer = runtime::apart(async move {
                let (session, script, statement, progress) = asked;
                run::answer(&session, &script, &statement, &progress, warn).await
            });
            let answer = meter.during(answer).await?;
            let mut shown = Shown { rows: None, kept: None, held: is_paged.then(String::new) };
            let schema = Arc::clone(&answer.running.schema);
            if answer.answers {
                shown.rows = Some(Rows::new(&schema, mode, layout)?);
                shown.kept = is_kept.then(|| Keeping::new(&schema));
            }
            stream(answer.running, &mut shown, &meter, output).await?;
            run::windowless(progress.null_event_times()).iter().for_each(|note| warn(note));
            Ok(shown)
        };
        let shown = runtime.block_on(interrupts.end(work))?;
        self.conclude(shown, &progress, begun)
    }

    fn conclude(&mut self, shown: Shown, progress: &Progress, begun: Instant) -> Result<()> {
        let seconds = begun.elapsed().as_secs_f64();
        let Some(mut rows) = shown.rows else {
            self.note("done");
            return Ok(());
        };
        let is_kept = match shown.kept.map(Keeping::finish) {
            Some(Ok(kept)) => {
                let kept = Arc::new(kept);
                self.session.keep(LAST, &kept)?;
                self.result = Some(kept);
                true
            }
            Some(Err(why)) => {
                self.session.forget(LAST);
                self.result = None;
                say(&format!("the result is not kept as `{LAST}`: {why}"));
                false
            }
            None => false,
        };
        let is_held = shown.held.is_some();
        let mut text = shown.held.unwrap_or_default();
        text += &rows.finish()?;
        if self.settings.mode.is_for_people() {
            let is_cut = rows.rows_shown() < rows.rows_seen();
            let more = if is_cut && is_kept { " (\\more shows all)" } else { "" };
            text += &format!("{}{more}\n", rows.count_line());
        }
        if is_held && is_kept && text.lines().count() >= size().1 {
            self.page_last()?;
        } else {
            self.output.write(&text)?;
        }
        if self.settings.timing {
            say(&timing(seconds, progress));
        }
        Ok(())
    }

    /// Whether a result goes to the pager where the terminal does not hold it.
    fn is_paged(&self) -> bool {
        self.settings.pager
            && self.settings.mode.is_for_people()
            && self.surroundings.is_interactive
            && !self.output.is_file()
    }

    /// Shows the last result once more, in the mode that is set.
    pub(super) fn show_last(&mut self) -> Result<()> {
        let kept = self.last_result()?;
        let mut rows = Rows::new(&kept.schema, self.settings.mode, self.layout())?;
        let screen = self.is_paged().then(|| size().1);
        let mut text = String::new();
        for batch in kept.batches() {
            text += &rows.push(&batch?)?;
            match screen {
                Some(screen) if text.lines().count() >= screen => return self.page_last(),
                Some(_) => {}
                None => self.output.write(&std::mem::take(&mut text))?,
            }
        }
        text += &rows.finish()?;
        text += &self.counted(&rows);
        if screen.is_some_and(|screen| text.lines().count() >= screen) {
            return self.page_last();
        }
        self.output.write(&text)
    }

    /// The line that counts rows, where people read them.
    fn counted(&self, rows: &Rows) -> String {
        if self.settings.mode.is_for_people() { format!("{}\n", rows.count_line()) } else { String::new() }
    }

    /// All rows of the last result in the pager.
    pub(super) fn page_last(&mut self) -> Result<()> {
        let kept = self.last_result()?;
        if !self.surroundings.is_interactive {
            return self.show_last();
        }
        let layout = self.layout();
        // A person's own pager may go sideways. The one that is built in does not.
        let width = layout.width.filter(|_| self.surroundings.pager.is_none());
        let layout = Layout { width, max_rows: None, ..layout };
        let mut rows = Rows::new(&kept.schema, self.settings.mode, layout)?;
        let mut batches = kept.batches();
        let mut is_over = false;
        let texts = std::iter::from_fn(|| match batches.next() {
            Some(batch) => Some(batch.and_then(|batch| rows.push(&batch))),
            None if std::mem::replace(&mut is_over, true) => None,
            None => Some(rows.finish().map(|text| text + &self.counted(&rows))),
        });
        let done = pager::page(self.surroundings.pager.as_ref(), texts);
        self.interrupts.forget();
        done
    }
}

/// Hands the rows to where they are shown, as they come.
async fn stream(running: Running, shown: &mut Shown, meter: &Meter, output: &mut Output) -> Result<()> {
    // A step of a plan may take long to its next row.
    let (sender, mut batches) = channel(2);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut rows = running.batches;
        while let Some(batch) = rows.next().await {
            if sender.send(batch).await.is_err() {
                break;
            }
        }
    });
    let mut is_shown = false;
    loop {
        let next = meter.during(batches.recv());
        let has_waiting = !is_shown && shown.rows.as_ref().is_some_and(|rows| rows.rows_seen() > 0);
        let next = if has_waiting { timeout(PATIENCE, next).await } else { Ok(next.await) };
        let batch = match next {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(_) => {
                is_shown = true;
                let text = shown.rows.as_mut().map_or_else(|| Ok(String::new()), Rows::show)?;
                shown.show(text, output)?;
                continue;
            }
        };
        let batch = match batch {
            Ok(batch) => batch,
            Err(error) => {
                // What was read before it failed is still worth seeing.
                let seen = shown.rows.as_mut().filter(|rows| rows.rows_seen() > 0);
                let text = seen.map_or_else(|| Ok(String::new()), Rows::finish).unwrap_or_default();
                output.write(&(shown.held.take().unwrap_or_default() + &text))?;
                return Err(error);
            }
        };
        if let Some(kept) = &mut shown.kept {
            kept.add(&batch);
        }
        if let Some(rows) = &mut shown.rows {
            let text = rows.push(&batch)?;
            shown.show(text, output)?;
        }
    }
    match tasks.join_next().await {
        Some(Err(failure)) if failure.is_panic() => Err(runtime::panicked()),
        _ => Ok(()),
    }
}

fn warn(note: &str) {
    say(&format!("warning: {note}"));
}

/// How long a statement took, and how fast it read.
fn timing(seconds: f64, progress: &Progress) -> String {
    let now = progress.snapshot();
    if now.lines == 0 {
        return format!("{seconds:.3} s");
    }
    #[expect(clippy::cast_precision_loss, reason = "a rate needs no more than a double holds")]
    let (lines, bytes) = (now.lines as f64 / seconds.max(1e-9), now.bytes as f64 / seconds.max(1e-9));
    let (rate, speed) = (HumanCount(lines as u64), HumanBytes(bytes as u64));
    format!("{seconds:.3} s, {} lines read, {rate} lines/s, {speed}/s", HumanCount(now.lines))
}
