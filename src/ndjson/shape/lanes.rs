//! Many lines along the turns that were learned, one turn at a time: the hot path of every scan.
//!
//! Keys have an [order](super::order), in which lines mostly have them. Lines go from key to key in that order, and all lines
//! that come to a key, by whichever way, go on from there together: what depends on the key alone is looked up once for
//! all of them, and the work on one line does not wait for that on another. Back in the order lines go only for the next
//! element of an array. A line that goes back otherwise, or is where none of many turns leads on, is walked by itself, as few
//! lines are. It knows nothing of blocks, nor of what becomes of lines that fall.

mod run;
mod step;

use super::super::class::Class;
use super::super::rows::{Rows, Span};
use super::turn::{Brace, Turn};
use super::walk::Walk;
use super::{END, Key, ROOT, Shapes, Text, UNWANTED};
pub(super) use run::number;
use run::{Likely, Run, Scratch};
use step::{FEW, Step};

/// For how many calls lines are walked at most, before they are led together again.
const MOST_PAUSE: u32 = 15;

/// One line of so many that goes back makes it worth a look whether another order of keys has all go forward.
const MANY_GO_BACK: usize = 16;

/// So rarely is that looked, but for the first times: where there are many keys, it takes as long as leading some lines.
const JUDGED: u32 = 8;

/// A line on its way.
#[derive(Debug, Default, Clone, Copy)]
struct Lane {
    /// Number of its row.
    row: u32,
    /// How far it was read.
    at: u32,
}

/// Room that is used again for other lines.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// By key: lines that have come there.
    come: Vec<Vec<Lane>>,
    /// Keys to which lines have come, a bit each by rank.
    reached: Vec<u64>,
    /// Rows of lines that are walked: those that went back in the order of keys, or were lost, or are few.
    strays: Vec<u32>,
    /// How many went back.
    went_back: usize,
    /// The rows and keys of values that are `""`.
    empty: Vec<(u32, u32)>,
    scratch: Scratch,
    others: Vec<Lane>,
    walk: Walk,
    /// How often it was worth a look whether there is another order of keys.
    judged: u32,
    /// Calls for which all lines are walked, and for how many they were the last time.
    rest: u32,
    pause: u32,
}

impl Lanes {
    fn make_room(&mut self, keys: usize) {
        if self.come.len() < keys {
            self.come.resize_with(keys, Vec::new);
            self.reached.resize(keys.div_ceil(64), 0);
        }
    }

    #[cfg(any(test, feature = "internals"))]
    pub(super) fn walk_always(&mut self) {
        self.rest = u32::MAX;
    }

    #[cfg(test)]
    pub(super) fn are_walked(&self) -> bool {
        self.pause > 0
    }

    /// The lowest rank that lines have reached, which they leave.
    fn next(&mut self) -> Option<usize> {
        let word = self.reached.iter().position(|bits| *bits != 0)?;
        let rank = word * 64 + self.reached[word].trailing_zeros() as usize;
        self.reached[word] &= self.reached[word] - 1;
        Some(rank)
    }

    /// Has lines come to a key.
    fn reach(&mut self, key: u32, rank: u32, lanes: &mut Vec<Lane>) {
        self.reached[rank as usize / 64] |= 1 << (rank % 64);
        let come = &mut self.come[key as usize];
        if come.is_empty() { std::mem::swap(come, lanes) } else { come.append(lanes) }
    }
}

/// What becomes of lines.
struct Fate<'a> {
    rows: &'a mut Rows,
    scratch: &'a mut Scratch,
    empty: &'a mut Vec<(u32, u32)>,
    /// Rows of lines that the careful reader has to look at.
    fallen: &'a mut Vec<u32>,
}

impl Shapes {
    /// Goes over the lines of `lines`, which are rows whose values are all absent, and puts there what is wanted.
    /// `fallen` gets the rows of lines that the careful reader has to look at, in order; they may hold anything.
    pub(crate) fn lead(
        &mut self,
        text: Text<'_>,
        lines: impl ExactSizeIterator<Item = u32>,
        rows: &mut Rows,
        fallen: &mut Vec<u32>,
    ) {
        let mut lanes = std::mem::take(&mut self.lanes);
        lanes.make_room(self.keys.len());
        fallen.clear();
        self.chosen.clear();
        let num_lines = lines.len();
        let are_walked = lanes.rest > 0 || num_lines <= FEW;
        lanes.rest = lanes.rest.saturating_sub(1);
        if are_walked {
            lanes.strays.extend(lines);
        } else {
            self.lead_together(text, lines, &mut lanes, rows, fallen);
        }
        let mut strays = std::mem::take(&mut lanes.strays);
        strays.sort_unstable();
        fallen.sort_unstable();
        let is_left_out = |row: u32| fallen.binary_search(&row).is_ok() || strays.binary_search(&row).is_ok();
        self.count_empties_of(&mut lanes.empty, is_left_out);
        let mut walked = 0;
        for row in &strays {
            if !are_walked {
                rows.blank(*row as usize);
            }
            let end = self.walk(text, *row, &mut lanes.walk, rows, &mut lanes.empty);
            let has_fallen = end.is_none_or(|at| self.is_too_long(*row, at, rows));
            self.count_empties_of(&mut lanes.empty, |_| has_fallen);
            fallen.extend(has_fallen.then_some(*row));
            walked += usize::from(!has_fallen);
        }
        if !are_walked {
            self.judge(num_lines, walked, &mut lanes);
        }
        strays.clear();
        lanes.strays = strays;
        fallen.sort_unstable();
        self.lanes = lanes;
    }

    /// Leads lines from key to key, in the order of keys.
    fn lead_together(
        &mut self,
        text: Text<'_>,
        lines: impl Iterator<Item = u32>,
        lanes: &mut Lanes,
        rows: &mut Rows,
        fallen: &mut Vec<u32>,
    ) {
        self.leads = self.leads.wrapping_add(1);
        lanes.went_back = 0;
        let mut first = std::mem::take(&mut lanes.come[ROOT as usize]);
        first.extend(lines.map(|row| Lane { row, at: rows.starts()[row as usize] }));
        lanes.reach(ROOT, 0, &mut first);
        while let Some(rank) = lanes.next() {
            self.lead_on(text, self.order[rank], lanes, rows, fallen);
        }
    }

    /// Finds another order of keys if lines went back: a key that came later need not stand where it was put at first. Where lines have
    /// their keys in any order, there is none; as long as most lines can be walked, they are led together less and less often.
    fn judge(&mut self, together: usize, walked: usize, lanes: &mut Lanes) {
        let mut has_changed = false;
        if lanes.went_back > together / MANY_GO_BACK {
            lanes.judged = lanes.judged.wrapping_add(1);
            let is_due = lanes.judged.is_power_of_two() || lanes.judged.is_multiple_of(JUDGED);
            has_changed = is_due && self.reorder();
        }
        if has_changed || walked <= together / 2 {
            lanes.pause = 0;
            return;
        }
        lanes.pause = (lanes.pause * 2 + 1).min(MOST_PAUSE);
        lanes.rest = lanes.pause;
    }

    fn count_empties_of(&mut self, empty: &mut Vec<(u32, u32)>, is_left_out: impl Fn(u32) -> bool) {
        for (_, key) in empty.drain(..).filter(|(row, _)| !is_left_out(*row)) {
            self.keys[key as usize].empties += 1;
        }
    }

    /// Leads all lines that have come to a key over one turn each.
    fn lead_on(&mut self, text: Text<'_>, from: u32, lanes: &mut Lanes, rows: &mut Rows, fallen: &mut Vec<u32>) {
        let mut going = std::mem::take(&mut lanes.come[from as usize]);
        let mut others = std::mem::take(&mut lanes.others);
        let parts = std::mem::take(&mut self.keys[from as usize].parts);
        while let Some(lane) = going.first() {
            let Some(number) = self.keys[from as usize].turn(text.bytes, lane.at as usize) else {
                let row = going.swap_remove(0).row;
                if self.choose(row, from) {
                    fallen.push(row)
                } else {
                    lanes.strays.push(row)
                }
                continue;
            };
            let turn = &self.keys[from as usize].turns[number];
            if parts {
                run::part(text, turn, &mut going, &mut others);
            }
            let Lanes { scratch, empty, .. } = lanes;
            self.take(text, turn, &mut going, &mut others, &mut Fate { rows, scratch, empty, fallen });
            if turn.to == END {
                fallen.extend(
                    going.drain(..).filter(|lane| self.is_too_long(lane.row, lane.at, rows)).map(|lane| lane.row),
                );
            } else if self.goes_forward(from, turn) {
                lanes.reach(turn.to, self.keys[turn.to as usize].rank, &mut going);
            } else {
                lanes.went_back += going.len();
                lanes.strays.extend(going.drain(..).map(|lane| lane.row));
            }
            self.keys[from as usize].parts |= others.len() > FEW;
            std::mem::swap(&mut going, &mut others);
        }
        // Whichever has room is used again.
        lanes.others = others;
        if lanes.come[from as usize].capacity() == 0 {
            lanes.come[from as usize] = going;
        }
    }

    /// Takes lines over a turn and over the value behind it. Left in `lanes` are those that go on, moved to `others`
    /// those that do not take the turn.
    fn take(&self, text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>, fate: &mut Fate<'_>) {
        if turn.braces.iter().any(|brace| self.keys[brace.key as usize].wanted != UNWANTED) {
            let taking = lanes.iter().filter(|lane| turn.fits(text.bytes, lane.at as usize));
            taking.for_each(|lane| self.put_objects(*lane, &turn.braces, fate.rows));
        }
        if turn.to == END {
            pass(text, turn, lanes, others, fate.scratch)
        } else {
            Step { turn, due: self.due(text, turn.to) }.values(lanes, others, fate)
        }
    }

    /// Whether a line behind whose newline stands `at` is longer than lines may be.
    fn is_too_long(&self, row: u32, at: u32, rows: &Rows) -> bool {
        // The newline is not one of its bytes.
        (at - 1 - rows.starts()[row as usize]) as usize > self.max_line_bytes
    }

    /// Objects and arrays that open and close on a turn.
    fn put_objects(&self, lane: Lane, braces: &[Brace], rows: &mut Rows) {
        for brace in braces {
            let wanted = self.keys[brace.key as usize].wanted;
            if wanted != UNWANTED {
                let place = lane.at + brace.at;
                let span = &mut rows.column_mut(wanted)[lane.row as usize];
                *span = Span { start: if brace.opens { place } else { span.start }, end: place, kind: brace.kind };
            }
        }
    }
}

/// Takes lines over a turn behind which no value is due.
fn pass(text: Text<'_>, turn: &Turn, lanes: &mut Vec<Lane>, others: &mut Vec<Lane>, scratch: &mut Scratch) {
    let odd = &mut scratch.odd;
    match turn.head.is_empty() {
        true => run::take(
            Likely::Nothing,
            &Run { text, turn, known: Class::default(), items: Class::default(), bounds: None },
            lanes,
            odd,
            &mut [],
        ),
        // Rare: so many objects seldom end together.
        false => odd.lanes.append(lanes),
    }
    for lane in odd.lanes.drain(..) {
        match turn.fits(text.bytes, lane.at as usize) {
            true => lanes.push(Lane { at: lane.at + turn.len() as u32, ..lane }),
            false => others.push(lane),
        }
    }
}

impl Key {
    /// The number of the turn that the text takes.
    fn turn(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let last = usize::from(self.last);
        let is_last = self.turns.get(last).is_some_and(|turn| turn.fits(text, at));
        let taken = if is_last { last } else { self.turns.iter().position(|turn| turn.fits(text, at))? };
        self.last = taken as u16;
        self.taken |= 1 << taken;
        Some(taken)
    }
}
