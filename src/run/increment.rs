//! A query that reads only the lines that it has not read yet, and adds their rows to what it has published.
//!
//! What was read and what was published are remembered together, in one step with the run (`ledger::memory`): whatever is
//! interrupted, each line is in the output once. It knows nothing of how files are told apart (`intake`) or written (`sink`).

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

use chrono::{DateTime, Utc};

use super::columns::Columns;
use super::history::{self, History};
use super::rejects::{Correction, Replay};
use super::standing::{check_pieces, check_present, state_of};
use super::{Mode, Outcome, Progress, Report, Target, Work, Written};
use crate::catalog::{Scope, Source};
use crate::dialect::{BUILT_IN, Key, Parameters, Script, Statement, parameters_in};
use crate::error::{Error, Result};
use crate::failpoint;
use crate::intake::Intake;
use crate::ledger::{self, Change, Definition, Finished, Memory, Recorded};
use crate::ndjson::listing;
use crate::ndjson::survey::Earlier;
use crate::query::SavedQuery;
use crate::session::{Access, Fold, Planned, Session, Unfoldable};
use crate::sink::Placing;

/// Of what a run makes its result.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// Whether all lines count as new.
    pub full_refresh: bool,
    /// The first time: files that were last changed before count as read.
    pub since: Option<DateTime<Utc>>,
    /// Whether it only looks at what there is to do.
    pub dry_run: bool,
    /// Rejects that it reads, corrected, and nothing else.
    pub corrections: Option<Vec<Correction>>,
}

/// A query that adds to its output.
pub(super) struct Increment<'a> {
    pub session: &'a Session,
    pub query: &'a SavedQuery,
    pub script: &'a Script,
    pub statement: &'a Statement,
    pub options: &'a [(String, String)],
    pub parameters: &'a Parameters,
    pub target: &'a Target,
    pub extent: Extent,
    pub progress: &'a Progress,
}

/// Where groups are kept, and the name of the file that this run makes.
struct States {
    fold: Fold,
    name: String,
}

/// What is new, by source.
pub(super) type Intakes = BTreeMap<String, Intake>;

impl Increment<'_> {
    /// Reads what is new and publishes it.
    ///
    /// **Errors**: those of [`super::publish`]; `Request` where what is there was made in another way, or is not what was published.
    pub(super) async fn run(&self, recorded: &mut Recorded<'_>) -> Result<Report> {
        let begun = Instant::now();
        let memory = recorded.memory(&self.query.name)?;
        let replay = self.replay(recorded)?;
        let (memory, intakes, mut change) = self.look(memory, replay.as_ref())?;
        let is_first = memory.is_none();
        let stands = self.stands(recorded, memory.as_ref())?;
        if self.is_idle(memory.as_ref(), stands, &intakes) {
            return self.stay(recorded, change, &intakes, is_first, begun);
        }
        let run = recorded.run();
        let piece = format!("run-{run:08}");
        let placing = match self.target.mode {
            Mode::Append if is_first => Placing::First(piece.clone()),
            Mode::Append => Placing::More(piece.clone()),
            _ => Placing::Whole,
        };
        let states = self.states(memory.as_ref(), change.state.as_deref(), run)?;
        let session = self.scoped(&intakes)?;
        let fold = states.as_ref().map(|states| &states.fold);
        let Self { script, statement, progress, .. } = *self;
        let work = Work { fold, ..Work::of(&session, script, statement, Some(self.target), &placing, progress) };
        let written = work.write(|planned| self.check(planned)).await?;
        let Written { mut staged, target, schema, reads, sources, notes: reread } = written;
        let mut notes = told(&intakes);
        notes.extend(reread);
        if self.extent.full_refresh {
            notes.extend(super::rejects::taken_back(recorded.rejects_replayed(&self.query.name)?));
        }
        let now = Columns::of(&schema, self.target, reads, &sources);
        // A result that is made of states is that of all lines, whatever it was before.
        notes.extend(change.columns.add(now, self.target.mode == Mode::Append)?);
        change.state = states.as_ref().map(|states| states.name.clone());
        self.remember(&mut change, &intakes, &sources)?;
        let held = recorded.rejects_held(&self.query.name)?;
        let rejects = self.rejects(held, &session, &sources, replay.as_ref(), &mut notes).await?;
        let sealed = staged.seal().await?;
        failpoint::pass("sealed");
        if sealed.rows() == 0 && matches!(placing, Placing::More(_)) {
            let finished = Finished { rejects, ..history::finished(None, &sources) };
            recorded.prepare(&finished, None, Some(&change))?;
            let report = Report::of(&self.query.name, &target, begun, None, &sources, progress);
            return Ok(Report { notes, ..report });
        }
        change.piece = (placing != Placing::Whole).then(|| piece.clone());
        let place = target.place();
        let path = if matches!(placing, Placing::More(_)) { place.join(&piece) } else { place };
        let finished = Finished { rejects, ..history::finished(Some(&sealed), &sources) };
        recorded.prepare(&finished, Some(&history::placed(&path, sealed.identity)), Some(&change))?;
        failpoint::pass("prepared");
        let published = staged.publish(sealed).await?;
        failpoint::pass("published");
        let report = Report::of(&self.query.name, &target, begun, Some(&published), &sources, progress);
        let path = change.piece.map_or(report.path, |piece| target.path.join(piece));
        Ok(Report { path, notes, ..report })
    }

    /// Whether there is nothing to do, where what was published last `stands` in its place or does not.
    pub(super) fn is_idle(&self, memory: Option<&Memory>, stands: bool, intakes: &Intakes) -> bool {
        let is_there = self.target.mode == Mode::Append || stands;
        let has_files = intakes.values().any(|intake| !intake.scope.all.is_empty());
        let is_read = intakes.values().all(|intake| intake.scope.read.is_empty());
        is_read && if memory.is_none() { has_files } else { is_there }
    }

    /// Ends a run that has nothing to do.
    pub(super) fn stay(
        &self,
        recorded: &mut Recorded<'_>,
        mut change: Change,
        intakes: &Intakes,
        is_first: bool,
        begun: Instant,
    ) -> Result<Report> {
        super::sweep(&self.target.path, &ledger::uploads(&self.session.catalog().project().root))?;
        self.remember(&mut change, intakes, &[])?;
        // The first time something counts as read only where that was asked for.
        let is_worth = !is_first || self.extent.since.is_some();
        recorded.prepare(&history::finished(None, &[]), None, Some(&change).filter(|_| is_worth))?;
        Ok(Report { notes: told(intakes), ..self.report(begun) })
    }

    /// Where the groups are kept, for a query that adds to groups: those that were `published` until now, and those of this run.
    /// What no run knows of there is removed.
    fn states(&self, memory: Option<&Memory>, published: Option<&str>, run: i64) -> Result<Option<States>> {
        if self.target.mode != Mode::Merge {
            return Ok(None);
        }
        let folder = ledger::states(&self.session.catalog().project().root, &self.query.name, published)?;
        let name = state_of(run);
        let before = memory.and_then(|memory| memory.state.as_deref());
        let fold = Fold { before: before.map(|before| folder.join(before)), after: folder.join(&name) };
        Ok(Some(States { fold, name }))
    }

    /// What a run would read.
    ///
    /// **Errors**: as [`Increment::run`], as far as they can be told without reading.
    pub(super) fn dry_run(&self, history: &mut History) -> Result<Report> {
        let begun = Instant::now();
        let memory = match self.target.mode {
            Mode::Replace => None,
            _ => history.memory(&self.query.name)?,
        };
        let (_, intakes, _) = self.look(memory, None)?;
        let mut notes = Vec::new();
        for (source, intake) in &intakes {
            let files = intake.scope.read.len();
            let bytes = intake.bytes();
            notes.push(format!("{source}: {files} of {} files have new lines, {bytes} bytes", intake.scope.all.len()));
            let part = intake.scope.read.iter().filter(|file| file.window.bytes.start > 0);
            notes.extend(part.map(|file| format!("`{}` from byte {}", file.shown, file.window.bytes.start)));
            notes.extend(intake.notes.iter().cloned());
        }
        Ok(Report { status: Outcome::DryRun, notes, ..self.report(begun) })
    }

    fn report(&self, begun: Instant) -> Report {
        Report::of(&self.query.name, self.target, begun, None, &[], self.progress)
    }

    /// What is new, and the memory that it is new to, if that is to be added to.
    pub(super) fn look(
        &self,
        memory: Option<Memory>,
        replay: Option<&Replay>,
    ) -> Result<(Option<Memory>, Intakes, Change)> {
        let sources = self.sources()?;
        let definition = self.definition(&sources)?;
        let project = self.session.catalog().project();
        let refresh = self.extent.full_refresh;
        if !refresh && self.target.mode == Mode::Append {
            check_pieces(self.target, memory.as_ref())?;
        }
        if let Some(what) =
            memory.as_ref().filter(|_| !refresh).and_then(|memory| changed(&memory.definition, &definition))
        {
            return Err(Error::request(format!("`{}` was published by another {what}", self.query.name)).with_hint(
                "what is there cannot be added to: compute everything again with --full-refresh, or change it back",
            ));
        }
        let since = self.extent.since.map(|since| since.timestamp_nanos_opt().unwrap_or(i64::MAX));
        let before = memory.unwrap_or_default();
        let is_first = refresh || before.definition.is_empty();
        if since.is_some() && self.target.mode == Mode::ReplacePartitions {
            return Err(Error::request("--since leaves lines out, and folders are computed of all of their lines")
                .with_hint("filter by time in the query: WHERE …"));
        }
        if since.is_some() && !is_first {
            return Err(Error::request("--since is for the first run, and there was one")
                .with_hint("what was read is not read again anyway; begin again with --full-refresh --since"));
        }
        let mut intakes = Intakes::new();
        for source in &sources {
            let config = project.source(source)?;
            let files = listing::list(&project.root, &config.paths)?;
            let none = Vec::new();
            let taken = before.taken.get(source).unwrap_or(&none);
            if refresh {
                let mut missing = Intake::missing_of(&files, taken)?;
                missing.extend(before.lost.get(source).into_iter().flatten().cloned());
                check_present(source, &missing, self.target)?;
            }
            let intake = if is_first {
                Intake::anew(source, files, since)?
            } else {
                let learned = before.learned.get(source).map_or("[]", String::as_str);
                let earlier = serde_json::from_str::<Earlier>(learned).map_err(|error| {
                    Error::machine("the ledger holds columns that cannot be read")
                        .with_source(error)
                        .with_hint("compute everything again: --full-refresh")
                })?;
                match replay {
                    Some(replay) => replay.intake(source, files, earlier, intakes.is_empty()),
                    None => Intake::of(files, taken, earlier, self.target.on_rewrite)?,
                }
            };
            intakes.insert(source.clone(), intake);
        }
        if refresh && since.is_some() && intakes.values().all(|intake| intake.scope.read.is_empty()) {
            return Err(Error::request(
                "no file has changed since then, so nothing would take the place of what is there",
            )
            .with_hint("leave --since out, or name an earlier time"));
        }
        let (columns, lost) = match is_first {
            true => Default::default(),
            false => (before.columns.clone(), before.lost.clone()),
        };
        let state = before.state.clone();
        let change = Change { anew: is_first, definition, columns, state, lost, ..Change::default() };
        Ok(((!is_first).then_some(before), intakes, change))
    }

    /// Names of the sources that are read.
    fn sources(&self) -> Result<Vec<String>> {
        let (sources, others) = self.session.tables_named(self.script, self.statement)?;
        if self.target.mode == Mode::Replace {
            return Ok(sources);
        }
        let name = &self.query.name;
        let refused = match others.first() {
            Some(other) => Error::sql(format!("`{name}` reads `{other}`, which has no new lines")),
            None if sources.is_empty() => Error::sql(format!("`{name}` reads no source, so nothing is ever new")),
            None => return Ok(sources),
        };
        Err(refused.with_hint("leave `mode` out").at(self.query.place_of("mode")))
    }

    /// All that a result is made by, but for the lines.
    fn definition(&self, sources: &[String]) -> Result<Definition> {
        let hash = |text: &str| blake3::hash(text.as_bytes()).to_hex().to_string();
        let project = self.session.catalog().project();
        let mut definition = Definition::new();
        // Nothing that is published depends on this one.
        let is_setting = |line: &&str| {
            line.trim_start().strip_prefix("--@").is_some_and(|setting| setting.trim_start().starts_with("on_rewrite"))
        };
        let text: Vec<&str> = self.query.sql.lines().filter(|line| !is_setting(line)).collect();
        definition.insert("SQL text or settings".to_owned(), hash(&text.join("\n")));
        definition.insert("format".to_owned(), self.target.writing.format.to_string());
        let path = self.target.place();
        let path = path.strip_prefix(&project.root).unwrap_or(&path);
        definition.insert("place".to_owned(), path.to_string_lossy().into_owned());
        for source in sources {
            let text = project.source(source)?.definition();
            definition.insert(format!("declaration of source `{source}`"), hash(&text));
        }
        for (name, value) in self.parameters.values() {
            if !BUILT_IN.contains(&name.as_str()) {
                definition.insert(format!("value of parameter `{name}`"), value.clone());
            }
        }
        Ok(definition)
    }

    /// A session that reads what is new and nothing else.
    pub(super) fn scoped(&self, intakes: &Intakes) -> Result<Session> {
        self.session_over(intakes.iter().map(|(source, intake)| (source.clone(), intake.scope.clone())).collect())
    }

    pub(super) fn session_over(&self, scopes: HashMap<String, Scope>) -> Result<Session> {
        let project = self.session.catalog().project();
        let session = Session::scoped(self.with_rejects(project), Access::ReadOnly, scopes)?;
        let session = session.with_options(self.options)?;
        if self.target.mode == Mode::Merge { session.folding() } else { Ok(session) }
    }

    /// Whether the statement can be asked in this mode.
    pub(super) fn check(&self, planned: &Planned) -> Result<()> {
        if self.target.mode != Mode::Append {
            self.check_parameters()?;
        }
        let folders: Vec<&str> = self.target.keys.iter().map(Key::name).collect();
        let (cannot, setting) = match self.target.mode {
            Mode::Merge => (planned.unfoldable(&self.query.settings.increment.key, &folders)?, "key"),
            Mode::ReplacePartitions => (planned.undivided(folders.len())?, "partition_by"),
            _ => (
                planned.beyond_lines()?.map(|(what, why)| Unfoldable {
                    what: format!("it has {what}: {why}"),
                    hint: "mode = \"merge\" adds to groups; without `mode` the result is computed from all lines"
                        .to_owned(),
                }),
                "mode",
            ),
        };
        let Some(Unfoldable { what, hint }) = cannot else { return Ok(()) };
        let (name, mode) = (&self.query.name, self.target.mode.name());
        let place = self.query.place_of(setting).or_else(|| self.query.place_of("mode"));
        Err(Error::sql(format!("`{name}` cannot have mode = \"{mode}\": {what}")).with_hint(hint).at(place))
    }

    /// What was made by an instant of its own cannot be added to by a run of another.
    fn check_parameters(&self) -> Result<()> {
        let named = parameters_in(self.script);
        let Some(name) = named.iter().find(|name| BUILT_IN.contains(&name.as_str())) else { return Ok(()) };
        let (query, mode) = (&self.query.name, self.target.mode.name());
        let what = format!("`{query}` cannot have mode = \"{mode}\": `${name}` is another at each run");
        Err(Error::sql(what)
            .with_hint("leave `mode` out, and the result is computed from all lines")
            .at(self.query.place_of("mode")))
    }

    /// What is to be remembered once the run is over.
    pub(super) fn remember(&self, change: &mut Change, intakes: &Intakes, sources: &[Arc<Source>]) -> Result<()> {
        for (name, intake) in intakes {
            let read = sources.iter().find(|source| source.config.name == *name);
            let taken = match read {
                Some(_) if self.extent.corrections.is_some() => Vec::new(),
                Some(source) => intake.taken(source)?,
                // Nothing was read of it, for the plan needed none of its rows.
                None if !intake.scope.read.is_empty() && !sources.is_empty() => {
                    return Err(Error::sql(format!(
                        "the rows of `{}` do not depend on source `{name}`",
                        self.query.name
                    ))
                    .with_hint("leave it out, or leave `mode` out"));
                }
                None => intake.same.clone(),
            };
            if let Some(source) = read {
                let learned = serde_json::to_string(&source.survey.learned());
                let learned = learned.map_err(|error| Error::internal("columns cannot be kept").with_source(error))?;
                change.learned.insert(name.clone(), learned);
            }
            change.taken.insert(name.clone(), taken);
            change.gone.insert(name.clone(), intake.gone.clone());
            if !intake.rewritten.is_empty() {
                change.lost.entry(name.clone()).or_default().extend(intake.rewritten.iter().cloned());
            }
        }
        Ok(())
    }
}

/// What is worth telling of what is new.
pub(super) fn told(intakes: &Intakes) -> Vec<String> {
    intakes.values().flat_map(|intake| intake.notes.clone()).collect()
}

/// The first thing that is not what it was.
fn changed(before: &Definition, now: &Definition) -> Option<String> {
    let keys: BTreeSet<&String> = before.keys().chain(now.keys()).collect();
    keys.into_iter().find(|key| before.get(*key) != now.get(*key)).cloned()
}
