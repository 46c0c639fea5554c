//! Rows of a block as places of their values: what is between finding lines and decoding columns.
//!
//! It knows nothing of how a line was read, nor of what its values become.

use super::layout::Layout;
use super::object::{Slots, Values};
use super::shape::Shapes;
use super::tape::{Kind, Node, ROOT, Tape};

/// A value's place in a block; absent by default.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) start: u32,
    /// No value ends where a block starts: zero where there is none.
    pub(crate) end: u32,
    pub(crate) kind: Kind,
}

impl Span {
    const ABSENT: Self = Self { start: 0, end: 0, kind: Kind::Null };

    /// As a node of the block's bytes; `None` where there is no value, or null.
    #[inline]
    pub(crate) fn node(self) -> Option<Node> {
        let Self { start, end, kind } = self;
        (kind != Kind::Null).then_some(Node { kind, start, end, next: 0 })
    }
}

/// The rows of one block: of each the place of its line, and of the values that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    width: usize,
    spans: Vec<Span>,
    starts: Vec<u32>,
}

impl Rows {
    /// For rows of `width` values.
    pub(crate) fn new(width: usize) -> Self {
        Self { width, ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.spans.clear();
        self.starts.clear();
    }

    pub(crate) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Values that are held.
    pub(crate) fn held(&self) -> usize {
        self.spans.len()
    }

    /// Places of the lines in the block.
    pub(crate) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// The value at `place` of one row.
    #[inline]
    pub(crate) fn span(&self, row: usize, place: usize) -> Span {
        self.spans[row * self.width + place]
    }

    /// Begins the row of the line at `start`, all of its values absent.
    #[inline]
    pub(super) fn begin(&mut self, start: usize) -> &mut [Span] {
        self.starts.push(start as u32);
        let before = self.spans.len();
        self.spans.resize(before + self.width, Span::ABSENT);
        &mut self.spans[before..]
    }

    /// Takes the last row back.
    pub(super) fn give_up(&mut self) {
        self.starts.pop();
        self.spans.truncate(self.spans.len() - self.width);
    }
}

/// Which values of a line are wanted, and where in a row they go.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    slots: Slots,
    /// By slot.
    keys: Vec<Key>,
    width: usize,
}

#[derive(Debug, Clone, Default)]
struct Key {
    place: Option<usize>,
    inside: Option<Box<Wanted>>,
}

impl Wanted {
    /// Nothing of the keys of `layout`, all of which are known.
    pub(crate) fn nothing_of(layout: &Layout) -> Self {
        Self { slots: layout.slots(), keys: vec![Key::default(); layout.fields().len()], width: 0 }
    }

    /// How many values a row has.
    pub(crate) fn width(&self) -> usize {
        self.width
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

    /// Puts the values of a parsed line, which starts at `shift` of the block, into `row`. The first key that is not
    /// known, as a node.
    pub(crate) fn find(&mut self, line: &[u8], tape: &Tape, shift: usize, row: &mut [Span]) -> Option<u32> {
        self.find_in(ROOT, line, tape, shift, row)
    }

    /// Recurses as deep as paths are long.
    fn find_in(&mut self, object: u32, line: &[u8], tape: &Tape, shift: usize, row: &mut [Span]) -> Option<u32> {
        let values: Values = self.slots.assign(object, line, tape);
        for (slot, value) in values.taken() {
            let key = &mut self.keys[slot];
            let node = tape.node(value);
            if let Some(place) = key.place {
                let (start, end) = (node.start + shift as u32, node.end + shift as u32);
                row[place] = Span { start, end, kind: node.kind };
            }
            if let (Some(inside), Kind::Object) = (&mut key.inside, node.kind) {
                inside.find_in(value, line, tape, shift, row);
            }
        }
        let unknown = values.unknown;
        self.slots.give_back(values);
        unknown
    }
}
