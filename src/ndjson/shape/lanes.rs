//! Many lines along the turns that were learned, one turn at a time: the hot path of every scan.
//!
//! Lines that took the same turns so far go on as a group. What depends on the turn alone is looked up once for all of
//! them, and the work on one line does not wait for that on another. Where lines go different ways, the group divides. It
//! knows nothing of blocks, nor of what becomes of lines that fall.

mod run;
mod step;

use super::super::class::Class;
use super::super::rows::{Rows, Span};
use super::super::tape::Kind;
use super::turn::{Brace, Turn};
use super::{END, Empty, Key, Name, ROOT, Shapes, Text, UNWANTED};
use run::{Likely, Run, Scratch};
use step::Step;

/// A line on its way.
#[derive(Debug, Default, Clone, Copy)]
struct Lane {
    /// Number of its row.
    row: u32,
    /// How far it was read.
    at: u32,
}

/// Lines that took the same turns so far.
#[derive(Debug, Default)]
struct Group {
    /// The key whose value was read last.
    from: u32,
    lanes: Vec<Lane>,
    /// Keys that were met.
    met: Met,
}

/// A set of keys, a bit each.
#[derive(Debug, Default, Clone)]
struct Met(Vec<u64>);

impl Met {
    /// False if it was there before.
    fn insert(&mut self, key: u32) -> bool {
        let (word, bit) = (key as usize / 64, 1 << (key % 64));
        if word >= self.0.len() {
            self.0.resize(word + 1, 0);
        }
        let is_new = self.0[word] & bit == 0;
        self.0[word] |= bit;
        is_new
    }
}

/// Room that is used again for other lines.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Groups that are still to be led on.
    groups: Vec<Group>,
    spare: Vec<Group>,
    /// The values that are `""`, with their rows.
    empty: Vec<(u32, Empty)>,
    scratch: Scratch,
}

/// What becomes of lines.
struct Fate<'a> {
    rows: &'a mut Rows,
    scratch: &'a mut Scratch,
    empty: &'a mut Vec<(u32, Empty)>,
    /// Rows of lines that the careful reader has to look at.
    fallen: &'a mut Vec<u32>,
}

impl Shapes {
    /// Goes over the lines of `lines`, which are rows whose values are all absent, and puts there what is wanted.
    /// `fallen` gets the rows of lines that the careful reader has to look at, in order; they may hold anything.
    pub(crate) fn lead(
        &mut self,
        text: Text<'_>,
        lines: impl Iterator<Item = u32>,
        rows: &mut Rows,
        fallen: &mut Vec<u32>,
    ) {
        let mut lanes = std::mem::take(&mut self.lanes);
        fallen.clear();
        let mut group = lanes.spare.pop().unwrap_or_default();
        group.from = ROOT;
        group.met.0.clear();
        group.lanes.extend(lines.map(|row| Lane { row, at: rows.starts()[row as usize] }));
        let mut fate = Fate { rows, scratch: &mut lanes.scratch, empty: &mut lanes.empty, fallen };
        loop {
            self.lead_on(text, group, &mut lanes.groups, &mut lanes.spare, &mut fate);
            let Some(next) = lanes.groups.pop() else { break };
            group = next;
        }
        fallen.sort_unstable();
        for (row, empty) in lanes.empty.drain(..) {
            if fallen.binary_search(&row).is_err() {
                empty.count(&mut self.names);
            }
        }
        self.lanes = lanes;
    }

    /// Leads a group over one turn for each of its lines, which makes a group of each turn.
    fn lead_on(
        &mut self,
        text: Text<'_>,
        mut group: Group,
        groups: &mut Vec<Group>,
        spare: &mut Vec<Group>,
        fate: &mut Fate<'_>,
    ) {
        while let Some(lane) = group.lanes.first() {
            let Some(number) = self.keys[group.from as usize].turn(text.bytes, lane.at as usize) else {
                fate.fallen.push(group.lanes.swap_remove(0).row);
                continue;
            };
            let turn = &self.keys[group.from as usize].turns[number];
            let mut others = spare.pop().unwrap_or_default();
            self.take(text, turn, &mut group.lanes, &mut others.lanes, fate);
            if !others.lanes.is_empty() {
                others.from = group.from;
                others.met.clone_from(&group.met);
            }
            // A key that comes twice in one line is the careful reader's matter.
            if turn.keys().any(|key| !group.met.insert(key)) {
                fate.fallen.extend(group.lanes.drain(..).map(|lane| lane.row));
            }
            group.from = turn.to;
            if group.lanes.is_empty() {
                spare.push(group)
            } else {
                groups.push(group)
            }
            group = others;
        }
        spare.push(group);
    }

    /// Takes lines over a turn and over the value behind it. Left in `lanes` are those that go on, moved to `others`
    /// those that do not take the turn.
    fn take(&self, text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>, fate: &mut Fate<'_>) {
        if turn.braces.iter().any(|brace| self.keys[brace.key as usize].wanted != UNWANTED) {
            let taking = lanes.iter().filter(|lane| turn.fits(text.bytes, lane.at as usize));
            taking.for_each(|lane| self.put_objects(*lane, &turn.braces, fate.rows));
        }
        if turn.to == END {
            return self.end(text, turn, lanes, others, fate);
        }
        let key = &self.keys[turn.to as usize];
        Step { text, turn, key, empty_as_null: self.empty_as_null }.values(lanes, others, fate);
    }

    /// Takes lines over the turn that ends them.
    fn end(&self, text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>, fate: &mut Fate<'_>) {
        let odd = &mut fate.scratch.odd;
        match turn.is_long() {
            true => odd.append(lanes),
            false => run::kernel()(Likely::Nothing, &Run { text, turn, known: Class::default() }, lanes, odd, &mut []),
        }
        for lane in odd.drain(..) {
            match turn.fits(text.bytes, lane.at as usize) {
                true => lanes.push(Lane { at: lane.at + turn.len() as u32, ..lane }),
                false => others.push(lane),
            }
        }
        let starts = fate.rows.starts();
        for lane in lanes.drain(..) {
            // The newline is not one of the line's bytes.
            if (lane.at - 1 - starts[lane.row as usize]) as usize > self.max_line_bytes {
                fate.fallen.push(lane.row);
            }
        }
    }

    /// Objects that open and close on a turn.
    fn put_objects(&self, lane: Lane, braces: &[Brace], rows: &mut Rows) {
        for brace in braces {
            let wanted = self.keys[brace.key as usize].wanted;
            if wanted != UNWANTED {
                let place = lane.at + brace.at;
                let span = &mut rows.column_mut(wanted)[lane.row as usize];
                *span = Span { start: if brace.opens { place } else { span.start }, end: place, kind: Kind::Object };
            }
        }
    }
}

impl Key {
    /// The number of the turn that the text takes.
    fn turn(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let last = usize::from(self.last);
        if self.turns.get(last).is_some_and(|turn| turn.fits(text, at)) {
            return Some(last);
        }
        let taken = self.turns.iter().position(|turn| turn.fits(text, at))?;
        self.last = taken as u16;
        Some(taken)
    }
}

impl Empty {
    fn count(self, names: &mut [Name]) {
        match self {
            Self::Value(key) => names[key as usize].empties += 1,
            Self::Item(key) => names[key as usize].empty_items += 1,
        }
    }
}
