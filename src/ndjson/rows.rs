//! Rows of a block as places of their values: what is between finding lines and decoding columns.
//!
//! It knows nothing of how a line was read, nor of what its values become.

use super::layout::{Layout, Reading};
use super::object::{Slots, Values};
use super::shape::Shapes;
use super::tape::{Kind, Node, ROOT, Tape};

/// A value's place in a block; absent by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    /// No value ends where a block starts: zero where there is none.
    pub(crate) end: u32,
    pub(crate) kind: Kind,
}

impl Span {
    pub(super) const ABSENT: Self = Self { start: 0, end: 0, kind: Kind::Null };

    /// As a node of the block's bytes; `None` where there is no value, or null.
    #[inline(always)]
    pub(crate) fn node(self) -> Option<Node> {
        let Self { start, end, kind } = self;
        (kind != Kind::Null).then_some(Node { kind, start, end, next: 0 })
    }
}

/// The rows of one block: of each the place of its line, and of the values that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    /// By place: the values of all rows.
    columns: Vec<Vec<Span>>,
    starts: Vec<u32>,
}

impl Rows {
    /// For rows of `width` values.
    pub(crate) fn new(width: usize) -> Self {
        Self { columns: vec![Vec::new(); width], starts: Vec::new() }
    }

    pub(crate) fn clear(&mut self) {
        self.truncate(0);
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Values that are held.
    pub(crate) fn held(&self) -> usize {
        self.columns.len() * self.starts.len()
    }

    /// Places of the lines in the block.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The values at `place` of all rows.
    pub(crate) fn column(&self, place: usize) -> &[Span] {
        &self.columns[place]
    }

    pub(super) fn column_mut(&mut self, place: u32) -> &mut [Span] {
        &mut self.columns[place as usize]
    }

    /// Begins rows whose lines start where `starts` puts, all of their values absent.
    pub(super) fn begin<T>(&mut self, starts: impl FnOnce(&mut Vec<u32>) -> T) -> T {
        let told = starts(&mut self.starts);
        for column in &mut self.columns {
            column.resize(self.starts.len(), Span::ABSENT);
        }
        told
    }

    /// Makes all values of a row absent.
    pub(super) fn blank(&mut self, row: usize) {
        self.columns.iter_mut().for_each(|column| column[row] = Span::ABSENT);
    }

    pub(super) fn set(&mut self, row: usize, place: usize, span: Span) {
        self.columns[place][row] = span;
    }

    /// Takes back all rows but the first `rows`.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.starts.truncate(rows);
        self.columns.iter_mut().for_each(|column| column.truncate(rows));
    }

    /// Takes back the rows `dropped`, which are in order.
    pub(super) fn drop(&mut self, dropped: &[u32]) {
        let Some(first) = dropped.first().map(|row| *row as usize) else { return };
        keep_others(&mut self.starts, first, dropped);
        self.columns.iter_mut().for_each(|column| keep_others(column, first, dropped));
    }
}

/// Removes from `values` those numbered `dropped`, the first of which is `first`.
fn keep_others<T: Copy>(values: &mut Vec<T>, first: usize, dropped: &[u32]) {
    let (mut kept, mut dropped) = (first, dropped.iter().peekable());
    for number in first..values.len() {
        if dropped.next_if(|dropped| **dropped as usize == number).is_none() {
            values[kept] = values[number];
            kept += 1;
        }
    }
    values.truncate(kept);
}

/// Values after which a batch ends early: where lines, or elements of lists, have few of very many keys, the rest are NULLs that
/// take room too.
pub(crate) const BATCH_VALUES: usize = 2 << 20;

/// As many keys of elements make no batch that is too large: blocks are short.
const FEW_LEAVES: usize = 64;

/// Bytes of `{},`.
const SHORTEST_ELEMENT: usize = 3;

/// Bytes of lines that may become as many values as a batch has at most, where an element of a list becomes so many.
pub(crate) fn most_bytes(element_leaves: usize) -> usize {
    match element_leaves {
        0..=FEW_LEAVES => usize::MAX,
        leaves => (BATCH_VALUES * SHORTEST_ELEMENT / leaves).max(1),
    }
}

/// Which values of a line are wanted, and where in a row they go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    slots: Slots,
    /// By slot.
    keys: Vec<Key>,
    width: usize,
    element_leaves: usize,
}

#[derive(Debug, Clone, Default)]
struct Key {
    place: Option<usize>,
    inside: Option<Box<Wanted>>,
}

impl Wanted {
    /// Nothing of the keys of `layout`, all of which are known.
    pub(crate) fn nothing_of(layout: &Layout) -> Self {
        Self { slots: layout.slots(), keys: vec![Key::default(); layout.fields().len()], ..Self::default() }
    }

    /// How many values a row has.
    pub(crate) fn width(&self) -> usize {
        self.width
    }

    /// How many values an element of a list becomes at most.
    pub(crate) fn element_leaves(&self) -> usize {
        self.element_leaves
    }

    /// Some of what is wanted is read so.
    pub(crate) fn read_by(&mut self, reading: &Reading) {
        self.element_leaves = self.element_leaves.max(reading.element_leaves());
    }

    /// Wants the value at `path` too; where in a row it goes.
    pub(crate) fn add(&mut self, path: &[&str]) -> usize {
        let place = self.place(path, self.width);
        self.width = self.width.max(place + 1);
        place
    }

    fn place(&mut self, path: &[&str], next: usize) -> usize {
        let (name, rest) = path.split_first().expect("a path names a key");
        let slot = self.slots.find_or_add(name);
        if slot == self.keys.len() {
            self.keys.push(Key::default());
        }
        let key = &mut self.keys[slot];
        match rest {
            [] => *key.place.get_or_insert(next),
            rest => key.inside.get_or_insert_default().place(rest, next),
        }
    }

    /// Has `shapes` look out for the same values.
    pub(crate) fn tell(&self, shapes: &mut Shapes) {
        self.tell_inside(&mut Vec::new(), shapes);
    }

    fn tell_inside<'a>(&'a self, path: &mut Vec<&'a str>, shapes: &mut Shapes) {
        for (slot, key) in self.keys.iter().enumerate() {
            path.push(self.slots.name(slot));
            if let Some(place) = key.place {
                shapes.want(path, place);
            }
            if let Some(inside) = &key.inside {
                inside.tell_inside(path, shapes);
            }
            path.pop();
        }
    }

    /// Puts the values of a parsed line, which starts at `shift` of the block, into row number `row`.
    /// A key that is not known, as a node.
    pub(crate) fn find(&mut self, line: &[u8], tape: &Tape, shift: usize, rows: &mut Rows, row: usize) -> Option<u32> {
        self.find_in(ROOT, true, line, tape, &mut |place, node| {
            let (start, end) = (node.start + shift as u32, node.end + shift as u32);
            rows.set(row, place, Span { start, end, kind: node.kind });
        })
    }

    /// A key that is not known counts in an object all of whose keys are known. Recurses as deep as paths are long.
    fn find_in(
        &mut self,
        object: u32,
        is_whole: bool,
        line: &[u8],
        tape: &Tape,
        put: &mut dyn FnMut(usize, Node),
    ) -> Option<u32> {
        let values: Values = self.slots.assign(object, line, tape);
        let mut unknown = values.unknown.filter(|_| is_whole);
        for (slot, value) in values.taken() {
            let key = &mut self.keys[slot];
            let node = tape.node(value);
            if let Some(place) = key.place {
                put(place, node);
            }
            if let (Some(inside), Kind::Object) = (&mut key.inside, node.kind) {
                let other = inside.find_in(value, key.place.is_some(), line, tape, put);
                unknown = unknown.or(other);
            }
        }
        self.slots.give_back(values);
        unknown
    }
}
