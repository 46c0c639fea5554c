//! Rejects of a query that reads each line once: kept when they are found, and read again when they were corrected.
//!
//! A correction is a line of JSON with the number of the reject and the line as it should have been. The corrected lines are read
//! as if they stood in the file that they come from, by one more run of the query. It knows nothing of how a line is judged.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{BufRead, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::Int64Type;
use futures::StreamExt;
use serde::Deserialize;

use super::Mode;
use super::increment::{Extent, Increment};
use crate::catalog::{Look, Scope, Source};
use crate::dialect::{self, Given, Script};
use crate::error::{Error, Result};
use crate::intake::Intake;
use crate::ledger::{self, Recorded, RejectedLine, Rejects};
use crate::ndjson::listing::{Identity, InputFile};
use crate::ndjson::survey::Earlier;
use crate::project::{OnReject, Project};
use crate::query::SavedQuery;
use crate::session::Session;

/// How much of a line is kept: what is longer is cut.
const RAW_BYTES: usize = 1 << 20;

/// A reject, as it should have been.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Correction {
    /// Its number.
    pub reject: i64,
    /// The line; an empty one makes no row.
    pub raw: String,
}

/// Where corrected lines stand while they are read.
#[derive(Debug)]
pub(super) struct Replay {
    /// The files of each source, in which they stand in the order of their numbers.
    files: BTreeMap<String, Vec<InputFile>>,
    /// Their numbers, by source, file and line.
    places: HashMap<(String, String, u64), i64>,
    /// What is worth telling; one line each.
    notes: Vec<String>,
    /// The folder of these files.
    folder: PathBuf,
}

/// The corrections in `text`, called `name`: a line of JSON for each, of which the keys `reject` and `raw` matter.
///
/// **Errors**: `Request` with the line, if it is none, corrects what another corrects, or makes two lines of one.
pub fn corrections(name: &str, text: impl BufRead) -> Result<Vec<Correction>> {
    let mut corrections: Vec<Correction> = Vec::new();
    let mut seen = HashSet::new();
    for (at, line) in text.lines().enumerate() {
        let refused = |what: &str| Error::request(format!("line {} of `{name}` {what}", at + 1));
        let line = line.map_err(|error| refused("cannot be read").with_source(error))?;
        if line.trim().is_empty() {
            continue;
        }
        let correction: Correction = serde_json::from_str(&line).map_err(|error| {
            refused("is no reject")
                .with_source(error)
                .with_hint("write them out, and correct what `raw` says: tidemill rejects QUERY --json > rejects.json")
        })?;
        if correction.raw.contains('\n') {
            return Err(refused("makes two lines of one").with_hint("leave `\\n` out of `raw`"));
        }
        if !seen.insert(correction.reject) {
            return Err(refused(&format!("corrects reject {} a second time", correction.reject)));
        }
        corrections.push(correction);
    }
    Ok(corrections)
}

/// Whether a run of a query can read corrections, if it is to.
///
/// **Errors**: `Request`, if it reads all lines anyway.
pub(super) fn check_mode(query: &SavedQuery, mode: Mode, extent: &Extent) -> Result<()> {
    match mode {
        _ if extent.corrections.is_none() => Ok(()),
        Mode::Append | Mode::Merge => Ok(()),
        Mode::Replace | Mode::ReplacePartitions => {
            Err(Error::request(format!("`{}` makes its result of all lines of its files", query.name)).with_hint(
                "mend the lines where they stand, and run it; replay is for mode = \"append\" and \"merge\"",
            ))
        }
    }
}

impl Replay {
    /// What is read of a source: corrections, as if they stood in the files that they come from. With the `first` source comes
    /// what is worth telling of all.
    pub(super) fn intake(&self, source: &str, files: Vec<InputFile>, earlier: Earlier, first: bool) -> Intake {
        let read = self.files.get(source).cloned().unwrap_or_default();
        let all = files.into_iter().chain(read.iter().cloned()).collect();
        let (whole, same) = (Vec::new(), Vec::new());
        let (missing, rewritten, gone) = (Vec::new(), Vec::new(), Vec::new());
        let notes = if first { self.notes.clone() } else { Vec::new() };
        Intake { scope: Scope { all, read, earlier }, whole, missing, rewritten, notes, gone, same }
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        // What stays is removed by the next.
        let _ = fs::remove_dir_all(&self.folder);
    }
}

impl Increment<'_> {
    /// The project, with whole lines in the tables of rejects. Corrections may be as wrong as what they correct.
    pub(super) fn with_rejects(&self, project: &Project) -> Arc<Project> {
        let mut project = project.clone();
        for source in &mut project.sources {
            source.raw_bytes = RAW_BYTES;
            if self.extent.corrections.is_some() {
                (source.max_rejects, source.max_reject_ratio, source.on_reject) = (None, 1.0, OnReject::Keep);
            }
        }
        Arc::new(project)
    }

    /// Lays corrected lines ready to be read, if this run is to read some.
    ///
    /// **Errors**: `Request`, if one corrects no reject of the query; `Machine`, if they cannot be written.
    pub(super) fn replay(&self, recorded: &Recorded<'_>) -> Result<Option<Replay>> {
        let Some(corrections) = &self.extent.corrections else { return Ok(None) };
        let query = &self.query.name;
        if corrections.is_empty() {
            return Err(Error::request("there is no correction")
                .with_hint(format!("write rejects out, and correct `raw` in them: tidemill rejects {query} --json")));
        }
        let kept = recorded.kept_rejects(query)?;
        let kept: HashMap<i64, _> = kept.iter().map(|kept| (kept.reject, kept)).collect();
        let (mut lines, mut same, mut done) = (BTreeMap::<(String, String), Vec<_>>::new(), 0, 0);
        for correction in corrections {
            let Some(reject) = kept.get(&correction.reject) else {
                if recorded.has_forgotten(correction.reject)? {
                    let what = format!("reject {} of `{query}` is no longer remembered", correction.reject);
                    return Err(Error::request(what).with_hint(
                        "it was replayed before, or is older than [history] days; take its line out of the file, and the others are read",
                    ));
                }
                return Err(Error::request(format!("`{query}` has no reject {}", correction.reject))
                    .with_hint(format!("see those that it has: tidemill rejects {query}")));
            };
            match reject.replayed_by {
                Some(_) => done += 1,
                None if reject.raw == correction.raw => same += 1,
                None if reject.lossy && correction.raw.contains(char::REPLACEMENT_CHARACTER) => {
                    return Err(not_corrected(correction.reject));
                }
                None => lines.entry((reject.source.clone(), reject.file.clone())).or_default().push(correction),
            }
        }
        let folder = ledger::replays(&self.session.catalog().project().root, query)?;
        let (files, places, notes) = (BTreeMap::new(), HashMap::new(), Vec::new());
        let mut replay = Replay { files, places, notes, folder };
        for (number, ((source, file), corrections)) in lines.into_iter().enumerate() {
            let path = replay.folder.join(format!("{number:05}.out"));
            let laid = lay(&path, &file, &corrections).map_err(|error| Error::unwritable(&path, error))?;
            for (at, correction) in corrections.iter().enumerate() {
                replay.places.insert((source.clone(), file.clone(), at as u64 + 1), correction.reject);
            }
            replay.files.entry(source).or_default().push(laid);
        }
        replay.notes.extend(counted(
            same,
            "line is as it was, and stays a reject",
            "lines are as they were, and stay rejects",
        ));
        replay.notes.extend(counted(done, "line was replayed before", "lines were replayed before"));
        Ok(Some(replay))
    }

    /// What is to be noted of rejects once `sources` were read in this `session`: those that are kept, besides the lines and bytes
    /// that are `held` of runs before, or that a `replay` has done with.
    ///
    /// **Errors**: those of the statements that ask for rejects.
    pub(super) async fn rejects(
        &self,
        held: (u64, u64),
        session: &Session,
        sources: &[Arc<Source>],
        replay: Option<&Replay>,
        notes: &mut Vec<String>,
    ) -> Result<Rejects> {
        let with_rejects = sources.iter().filter(|source| source.survey.counts.rejects() > 0);
        let names: Vec<&str> = with_rejects.map(|source| source.config.name.as_str()).collect();
        match replay {
            Some(replay) => self.replayed(session, &names, replay, notes).await,
            None if names.is_empty() => Ok(Rejects::default()),
            None => self.found(held, session, &names, notes).await,
        }
    }

    /// Rejects as many as there is room for.
    async fn found(
        &self,
        held: (u64, u64),
        session: &Session,
        sources: &[&str],
        notes: &mut Vec<String>,
    ) -> Result<Rejects> {
        let query = &self.query.name;
        let bounds = &self.session.catalog().project().rejects;
        // What is found anew is in the place of what was found before.
        let (mut lines, mut bytes) = if self.extent.full_refresh { (0, 0) } else { held };
        let mut rejects = Rejects::default();
        for source in sources {
            self.each_reject(session, source, |reject| {
                let size = (reject.raw.len() + reject.bytes.as_ref().map_or(0, Vec::len)) as u64;
                if lines < bounds.lines && bytes + size <= bounds.bytes {
                    lines += 1;
                    bytes += size;
                    rejects.found.push(reject);
                } else {
                    rejects.not_kept += 1;
                }
            })
            .await?;
        }
        let see = format!("kept: tidemill rejects {query}");
        notes.extend(counted(rejects.found.len() as u64, &format!("reject is {see}"), &format!("rejects are {see}")));
        let over = "over the bounds of [rejects], and not kept";
        notes.extend(counted(rejects.not_kept, &format!("reject is {over}"), &format!("rejects are {over}")));
        Ok(rejects)
    }

    /// Corrected lines that are rows now.
    async fn replayed(
        &self,
        session: &Session,
        sources: &[&str],
        replay: &Replay,
        notes: &mut Vec<String>,
    ) -> Result<Rejects> {
        let mut left: HashMap<&(String, String, u64), i64> =
            replay.places.iter().map(|(place, n)| (place, *n)).collect();
        for source in sources {
            self.each_reject(session, source, |reject| {
                left.remove(&(reject.source, reject.file, reject.line));
            })
            .await?;
        }
        let mut replayed: Vec<i64> = left.into_values().collect();
        replayed.sort_unstable();
        let still = replay.places.len() - replayed.len();
        notes.extend(counted(replayed.len() as u64, "reject is replayed", "rejects are replayed"));
        notes.extend(counted(
            still as u64,
            "line is still no row, and stays a reject",
            "lines are still no rows, and stay rejects",
        ));
        Ok(Rejects { replayed, ..Rejects::default() })
    }

    /// Goes through the rejects of a source, in the order of files and lines.
    async fn each_reject(&self, session: &Session, source: &str, mut each: impl FnMut(RejectedLine)) -> Result<()> {
        let text = format!("SELECT * FROM rejects.{source} ORDER BY file, line");
        let script = Script { name: "rejects".to_owned(), text };
        let steps = dialect::program(&script, &super::parameters(&script, &Given::default())?, None)?;
        for step in steps {
            let planned = session.plan(&script, &step.statement, Look::Guess, self.progress.watch()).await?;
            let mut running = session.start(planned).await?;
            while let Some(batch) = running.batches.next().await {
                rejects_of(source, &batch?)?.into_iter().for_each(&mut each);
            }
        }
        Ok(())
    }
}

/// The rows of a table of rejects.
fn rejects_of(source: &str, batch: &RecordBatch) -> Result<Vec<RejectedLine>> {
    let other = || Error::internal("the table of rejects has other columns");
    let column = |name: &str| batch.column_by_name(name).ok_or_else(other);
    let texts = |name: &str| column(name)?.as_string_view_opt().ok_or_else(other);
    let numbers = |name: &str| column(name)?.as_primitive_opt::<Int64Type>().ok_or_else(other);
    let (file, reason, detail, raw) = (texts("file")?, texts("reason")?, texts("detail")?, texts("raw")?);
    let (line, offset) = (numbers("line")?, numbers("offset")?);
    let bytes = column("bytes")?.as_binary_view_opt().ok_or_else(other)?;
    let cut = column("cut")?.as_boolean_opt().ok_or_else(other)?;
    let reject = |row: usize| RejectedLine {
        source: source.to_owned(),
        file: file.value(row).to_owned(),
        line: line.value(row).cast_unsigned(),
        offset: offset.value(row).cast_unsigned(),
        reason: reason.value(row).to_owned(),
        detail: detail.value(row).to_owned(),
        raw: raw.value(row).to_owned(),
        bytes: bytes.is_valid(row).then(|| bytes.value(row).to_owned()),
        cut: cut.value(row),
    };
    Ok((0..batch.num_rows()).map(reject).collect())
}

/// What a correction is refused with that would put U+FFFD where other bytes were.
fn not_corrected(reject: i64) -> Error {
    Error::request(format!(
        "the correction of reject {reject} has `\u{fffd}`, and that line has bytes that are not UTF-8"
    ))
    .with_hint(format!(
        "write what should stand there, or \\ufffd; the bytes are: \
             tidemill sql \"SELECT bytes FROM tidemill.rejects WHERE reject = {reject}\""
    ))
}

/// What should be said of rejects that were replayed, once all is read anew from files in which they stand as they stood.
pub(super) fn taken_back(replayed: u64) -> Option<String> {
    counted(
        replayed,
        "line that was replayed is a reject again: correct it in its file, or replay it again",
        "lines that were replayed are rejects again: correct them in their files, or replay them again",
    )
}

/// A note of so many things; none of none.
fn counted(count: u64, one: &str, more: &str) -> Option<String> {
    (count > 0).then(|| format!("{count} {}", if count == 1 { one } else { more }))
}

/// Writes lines to the file at `path`, to be read as the file that is shown as `shown`.
fn lay(path: &Path, shown: &str, lines: &[&Correction]) -> std::io::Result<InputFile> {
    let mut out = BufWriter::new(File::create_new(path)?);
    for line in lines {
        writeln!(out, "{}", line.raw)?;
    }
    out.flush()?;
    let metadata = fs::metadata(path)?;
    Ok(InputFile::whole(path.to_owned(), shown.to_owned(), Identity::from(&metadata)))
}
