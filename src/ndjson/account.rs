//! What was found of a source's files, range by range, by any number of threads, until all of it is known.
//!
//! A survey fills an account on purpose; a scan fills one by the way. Ranges come in any order, each counts once, and
//! what no scan has gone through is surveyed at the end. It reads nothing.

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Settings;
use super::careful::{FirstReject, Found, SHOWN_REJECTS};
use super::layout::Layout;
use super::listing::{Compression, InputFile};
use super::reject::Reject;
use super::seen::{Earlier, Fields};
use super::survey::{Counts, Survey, check_count};
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
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Starts of the ranges that are done with, by file.
    done: HashSet<(u32, u64)>,
    parts: Vec<(Part, u64)>,
    counts: Counts,
    fields: Fields,
    rejects: Vec<((u32, u64), FirstReject)>,
}

impl Account {
    /// An account in which nothing is entered yet.
    pub fn new(files: Arc<[InputFile]>, settings: Arc<Settings>) -> Self {
        Self::knowing(files, settings, &Earlier::default())
    }

    /// An account in which only those columns are entered that lines had which are not in these files.
    pub fn knowing(files: Arc<[InputFile]>, settings: Arc<Settings>, earlier: &Earlier) -> Self {
        let index = files.iter().enumerate().map(|(index, file)| (file.path.clone(), index as u32)).collect();
        let state = State { fields: earlier.fields(), ..State::default() };
        Self { files, index, settings, state: Mutex::new(state) }
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

    /// Enters what was found in a range. A range that was entered before is not entered again.
    ///
    /// **Errors**: `Data`, if all ranges together have more keys than `max_columns`.
    pub(crate) fn enter(&self, part: Part, found: Found) -> Result<()> {
        let mut state = self.state();
        if !state.done.insert((part.0, part.1.start)) {
            return Ok(());
        }
        let start = (part.0, part.1.start);
        let file = &self.files[part.0 as usize];
        state.parts.push((part, found.counts.lines));
        state.counts.add(&found.counts);
        state.fields.merge(found.fields);
        state.rejects.extend(found.first_rejects.into_iter().map(|reject| (start, reject)));
        check_count(&state.fields, &self.settings, file, found.new_key_at)
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
            is_whole,
        }
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
