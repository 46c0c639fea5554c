//! What was found of a source's files, range by range, by any number of threads, until all of it is known.
//!
//! A survey fills an account on purpose; a scan fills one by the way. Ranges come in any order, each counts once, and
//! what no scan has gone through is surveyed at the end. It reads no lines.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

use super::bounds::Block;
use super::careful::{FirstReject, Found, SHOWN_REJECTS};
use super::facts::{Blocks, FileFacts, Gathering, Taught};
use super::layout::Layout;
use super::listing::{Compression, InputFile};
use super::reject::Reject;
use super::seen::{Earlier, Fields};
use super::survey::{Counts, Survey, check_count};
use super::{Settings, input};
use crate::clock;
use crate::error::{Excerpt, Result};

/// A file by number, and a range of its bytes.
pub(crate) type Part = (u32, Range<u64>);

/// The account of one source's files.
#[derive(Debug)]
pub struct Account {
    files: Arc<[InputFile]>,
    /// Numbers of the files, by path.
    index: HashMap<PathBuf, u32>,
    settings: Arc<Settings>,
    /// When reading may have begun.
    begun: DateTime<Utc>,
    state: Mutex<State>,
}

/// What is known of files without a look at them: an account of them begins with it.
#[derive(Debug, Clone, Default)]
pub struct Known(State);

#[derive(Debug, Clone, Default)]
struct State {
    /// Starts of the ranges that are done with, by file.
    done: HashSet<(u32, u64)>,
    parts: Vec<(Part, u64)>,
    counts: Counts,
    fields: Fields,
    rejects: Vec<((u32, u64), FirstReject)>,
    /// Whether files teach.
    learns: bool,
    /// Numbers of the files of which all was known before.
    remembered: HashSet<u32>,
    /// Files that were gone through in part.
    gathering: HashMap<u32, Gathering>,
    /// What files taught that were gone through whole.
    taught: HashMap<u32, Taught>,
    /// The blocks of files that were remembered.
    blocks: HashMap<u32, Arc<[Block]>>,
}

impl Known {
    /// Nothing yet, but an account that begins with it has files teach.
    pub fn learning() -> Self {
        Self(State { learns: true, ..State::default() })
    }

    /// Adds what was kept of the whole file number `index` of `files`. What is none is passed over, and so is that of a file that is not
    /// what was listed, or cannot be read.
    ///
    /// **Errors**: `Data`, if all files together have more keys than `max_columns`.
    pub fn add(&mut self, files: &[InputFile], index: usize, kept: &[u8], settings: &Settings) -> Result<()> {
        let (file, Some(facts)) = (&files[index], FileFacts::from_bytes(kept)) else { return Ok(()) };
        let (index, range) = (index as u32, file.window.bytes.clone());
        if !file.is_whole() || !input::is_as_listed(file) || !self.0.remembered.insert(index) {
            return Ok(());
        }
        let state = &mut self.0;
        let start = (index, range.start);
        state.parts.push(((index, range), facts.counts.lines));
        state.counts.add(&facts.counts);
        state.fields.merge(facts.fields(index));
        state.rejects.extend(facts.first_rejects().map(|reject| (start, reject)));
        check_count(&state.fields, settings, file, facts.new_key_at)?;
        state.blocks.insert(index, facts.into_blocks());
        Ok(())
    }
}

impl Account {
    /// An account in which nothing is entered yet.
    pub fn new(files: Arc<[InputFile]>, settings: Arc<Settings>) -> Self {
        Self::knowing(files, settings, &Earlier::default(), &Known::default())
    }

    /// An account in which only those columns are entered that lines had which are not in these files, and what is known of
    /// some of these.
    pub fn knowing(files: Arc<[InputFile]>, settings: Arc<Settings>, earlier: &Earlier, known: &Known) -> Self {
        let index = files.iter().enumerate().map(|(index, file)| (file.path.clone(), index as u32)).collect();
        let mut state = known.0.clone();
        let mut fields = earlier.fields();
        fields.merge(std::mem::take(&mut state.fields));
        state.fields = fields;
        Self { files, index, settings, begun: clock::now(), state: Mutex::new(state) }
    }

    /// Whether no file of it can have changed without a trace.
    pub fn is_settled(&self) -> bool {
        self.files.iter().all(|file| self.settles(file))
    }

    fn settles(&self, file: &InputFile) -> bool {
        file.object.is_none() && file.identity.is_settled(self.settings.facts_after, self.begun)
    }

    pub(crate) fn files(&self) -> &[InputFile] {
        &self.files
    }

    pub(crate) fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// The number of a file.
    pub(crate) fn index_of(&self, path: &Path) -> Option<u32> {
        self.index.get(path).copied()
    }

    /// Whether all of a file was known before.
    pub(crate) fn remembers(&self, index: u32) -> bool {
        self.state().remembered.contains(&index)
    }

    /// Enters what was found in a range. A range that was entered before is not entered again. Returns whether types may be others by
    /// it than they were after the range before.
    ///
    /// **Errors**: `Data`, if all ranges together have more keys than `max_columns`.
    pub(crate) fn enter(&self, part: Part, found: Found) -> Result<bool> {
        let mut state = self.state();
        let start = (part.0, part.1.start);
        let is_first = state.done.is_empty();
        if !state.done.insert(start) || state.remembered.contains(&part.0) {
            return Ok(is_first);
        }
        let file = &self.files[part.0 as usize];
        if self.settles(file) {
            state.gather(&part, file, &found, &self.settings);
        }
        state.parts.push((part, found.counts.lines));
        state.counts.add(&found.counts);
        let is_new = state.fields.merge(found.fields) || is_first;
        state.rejects.extend(found.first_rejects.into_iter().map(|reject| (start, reject)));
        if is_new {
            check_count(&state.fields, &self.settings, file, found.new_key_at)?;
        }
        Ok(is_new)
    }

    /// Whether everything entered so far has the types of `layout`, which were found from `fields`.
    pub(crate) fn confirms(&self, layout: &Layout, fields: &Fields) -> bool {
        let mut all = fields.clone();
        all.merge(self.state().fields.clone());
        all.resolve(&self.settings.declared, self.settings.empty_as_null).has_types_of(layout)
    }

    /// How many lines were entered.
    pub(crate) fn lines(&self) -> u64 {
        self.state().counts.lines
    }

    /// What is not entered yet, in ranges of at most `range_bytes`.
    pub(crate) fn missing(&self, range_bytes: u64) -> Vec<Part> {
        let state = self.state();
        let mut done: Vec<Part> = state.parts.iter().map(|(part, _)| part.clone()).collect();
        done.sort_by_key(|(file, range)| (*file, range.start));
        let mut done = done.into_iter().peekable();
        let mut missing = Vec::new();
        for (index, file) in self.files.iter().enumerate() {
            let index = index as u32;
            let mut at = file.window.bytes.start;
            while let Some((_, range)) = done.next_if(|(of, _)| *of == index) {
                missing.extend(cut(file, index, at..range.start, range_bytes));
                at = range.end;
            }
            missing.extend(cut(file, index, at..file.window.bytes.end, range_bytes));
        }
        missing
    }

    /// What those files taught that were gone through whole and are certain to look otherwise after any change: to be kept, by
    /// the number of the file. Only once everything was entered; each is given once.
    pub fn take_taught(&self) -> Vec<(usize, Vec<u8>)> {
        let mut state = self.state();
        let taught =
            state.taught.iter_mut().map(|(index, taught)| (*index as usize, std::mem::take(&mut taught.bytes)));
        taught.filter(|(_, bytes)| !bytes.is_empty()).collect()
    }

    /// What the files hold, if everything was entered; else what is known so far.
    pub(crate) fn survey(&self, is_whole: bool) -> Survey {
        let mut state = self.state();
        state.rejects.sort_by_key(|(part, reject)| (*part, reject.line));
        state.rejects.truncate(SHOWN_REJECTS);
        let settings = &self.settings;
        let layout = state.fields.resolve(&settings.declared, settings.empty_as_null);
        Survey {
            empties: state.fields.empties(&layout),
            columns: state.fields.origins(&layout, &settings.declared, &self.files),
            counts: state.counts.clone(),
            first_rejects: state.rejects.iter().map(|(part, reject)| self.place(&state, *part, reject)).collect(),
            lines: state.lines_of(self.files.len()),
            fields: state.fields.clone(),
            layout: Arc::new(layout),
            remembered: state.remembered.len(),
            blocks: Arc::new(self.blocks(&state, is_whole)),
            is_whole,
        }
    }

    /// The blocks of files that were remembered, and if everything was entered of those that have taught.
    fn blocks(&self, state: &State, is_whole: bool) -> Blocks {
        let taught = state.taught.iter().filter(|_| is_whole).map(|(index, taught)| (index, &taught.blocks));
        let blocks = state.blocks.iter().chain(taught);
        let named = blocks.map(|(index, blocks)| (self.files[*index as usize].path.clone(), Arc::clone(blocks)));
        Blocks::new(&self.settings, named)
    }

    fn place(&self, state: &State, (index, start): (u32, u64), reject: &FirstReject) -> Reject {
        let before = state.parts.iter().filter(|((file, range), _)| *file == index && range.start < start);
        let file = &self.files[index as usize];
        let line = file.window.lines_before + before.map(|(_, lines)| lines).sum::<u64>() + reject.line;
        let shown = &file.shown;
        let excerpt = Excerpt { name: shown.clone(), first_line: line as usize, ..reject.excerpt.clone() };
        let detail = excerpt.label.clone();
        Reject { file: shown.clone(), line, offset: reject.offset, reason: reject.reason, detail, excerpt }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panics while it enters ends the run with it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Has a file teach what was found in a part of it, unless that was left in the middle.
    fn gather(&mut self, (index, range): &Part, file: &InputFile, found: &Found, settings: &Settings) {
        let is_left = settings.stop_at_reject && found.counts.rejects() > 0;
        if !self.learns || !file.is_whole() || is_left {
            return;
        }
        let gathering = self.gathering.entry(*index).or_default();
        gathering.add(range, found);
        if gathering.is_whole(file)
            && let Some(whole) = self.gathering.remove(index)
        {
            self.taught.insert(*index, whole.finish());
        }
    }

    /// How many lines were found in each of so many files.
    fn lines_of(&self, files: usize) -> Vec<u64> {
        let mut lines = vec![0; files];
        self.parts.iter().for_each(|((file, _), count)| lines[*file as usize] += count);
        lines
    }
}

fn cut(file: &InputFile, index: u32, range: Range<u64>, range_bytes: u64) -> Vec<Part> {
    if range.is_empty() {
        return Vec::new();
    }
    if file.compression != Compression::None {
        return vec![(index, range)];
    }
    let step = range_bytes.max(1);
    let starts = range.clone().step_by(usize::try_from(step).unwrap_or(usize::MAX));
    starts.map(|start| (index, start..start.saturating_add(step).min(range.end))).collect()
}
