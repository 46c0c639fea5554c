//! What lines mostly look like: after the value of one key, which bytes come before the next value.
//!
//! Lines of a file mostly have the keys of the lines before, in the same order and with the same spaces, so the bytes
//! between two values are compared and not parsed. What was learned of a line is a set of [`Turn`]s: from one key's
//! value over some bytes (a comma, closing and opening brackets, the next key) to the next value. Lines of several kinds
//! that interleave, and keys that come and go, are several turns from one place; from one element of an array to the next
//! it is a turn that leads back. Many lines are led over them at once.
//!
//! A line is accepted here only if the careful reader would accept it, and would see nothing in it that it has not seen
//! in its range before; any other line is left to the careful reader. So a prediction that fails costs time and never
//! an answer. It knows nothing of columns but which values are wanted.

mod due;
mod lanes;
mod learn;
mod names;
mod order;
mod turn;
mod value;
mod walk;

use std::cell::Cell;

use super::Settings;
use super::bounds::{Bounds, Extent};
use super::class::Class;
use super::declared::Declared;
use super::layout::Reading;
use super::marks::Marks;
use super::seen::Fields;
use super::tape::Node;
use lanes::Lanes;
use names::Names;
use turn::Turn;

/// The line's own object, where every line starts.
const ROOT: u32 = 0;

/// Behind the line's newline.
const END: u32 = u32::MAX;

/// A value that nobody reads.
const UNWANTED: u32 = u32::MAX;

/// A text with its marks.
#[derive(Clone, Copy)]
pub(crate) struct Text<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) marks: &'a Marks,
}

/// What was learned of the lines of a source.
#[derive(Debug)]
pub(crate) struct Shapes {
    keys: Vec<Key>,
    names: Names,
    turns: usize,
    /// How often there was a turn that was not there before, and how often when the order was found.
    changes: usize,
    ordered: usize,
    /// How often lines were led together.
    leads: u32,
    /// Of the lines that are led, rows of those that are to be learned although most like them are not.
    chosen: Vec<u32>,
    most_turns_from_one: usize,
    /// Keys by rank: in the order of the lines that they were learned from.
    order: Vec<u32>,
    /// How often something new was learned.
    lessons: u64,
    /// Lines since something new was learned.
    idle: u32,
    lanes: Lanes,
    /// The keys of time columns, in the order of the declaration.
    times: Vec<u32>,
    max_line_bytes: usize,
    max_depth: usize,
    empty_as_null: bool,
    #[cfg(any(test, feature = "internals"))]
    learns_nothing: bool,
}

/// A key at its place, as lines that are led on need it. The elements of its arrays are the values of a key of their own.
#[derive(Debug)]
struct Key {
    /// Classes of its values in the accepted lines of this range, but for objects and arrays that turns lead into.
    known: Class,
    /// Where in a row its value goes.
    wanted: u32,
    /// Its place in the order of keys; zero if it has none yet.
    rank: u32,
    /// The turn that was taken last, and a bit for each that was taken lately.
    last: u16,
    taken: u32,
    /// When that was forgotten last: how often lines had been led together.
    forgot: u32,
    /// Lines that took no turn from here since the last was learned that replaced another.
    lost: u32,
    /// Whether the lines that came here last parted: whether many did not take the turn of the first.
    parts: bool,
    check: Check,
    /// The key of the elements of its arrays, if there are any or may be.
    item: Option<u32>,
    /// The number of the object, of the lines that are walked, that it was met in last.
    met: Cell<u64>,
    /// How many of its values were `""`.
    empties: u64,
    /// Of a time column: bounds of its values since the last block.
    bounds: Option<Box<Cell<Bounds>>>,
    turns: Vec<Turn>,
}

/// What a declaration asks of a value.
#[derive(Debug, Clone)]
enum Check {
    /// Nothing is declared.
    Anything,
    /// Any value is one text, and nothing in it counts: objects and arrays may be so many levels deep.
    Opaque(usize),
    Array,
    Object,
    Scalar(Box<Reading>),
}

impl Check {
    /// Of a value that may hold so many levels of objects and arrays.
    fn of(declared: &Declared, levels: usize) -> Self {
        match declared {
            Declared::Varchar | Declared::Json => Self::Opaque(levels),
            Declared::List(_) => Self::Array,
            Declared::Struct(_) => Self::Object,
            scalar => Self::Scalar(Box::new(Reading::of_declared(scalar))),
        }
    }

    /// Whether any value will do.
    fn asks_nothing(&self) -> bool {
        matches!(self, Self::Anything | Self::Opaque(_))
    }
}

impl Shapes {
    /// Nothing learned yet, but what is declared and wanted.
    pub(crate) fn new(settings: &Settings) -> Self {
        let Settings { declared, max_line_bytes, max_depth, empty_as_null, .. } = settings;
        let mut shapes = Self {
            keys: Vec::new(),
            names: Names::default(),
            turns: 0,
            changes: 0,
            ordered: 0,
            leads: 0,
            chosen: Vec::new(),
            most_turns_from_one: learn::MAX_TURNS_FROM_ONE,
            order: vec![ROOT],
            lessons: 0,
            idle: 0,
            lanes: Lanes::default(),
            times: Vec::new(),
            max_line_bytes: *max_line_bytes,
            max_depth: *max_depth,
            empty_as_null: *empty_as_null,
            #[cfg(any(test, feature = "internals"))]
            learns_nothing: false,
        };
        // The line's own object is the value of no key: it is not found by a name, not even by `""`.
        shapes.add(ROOT, None);
        shapes.keys[ROOT as usize].check = Check::Object;
        shapes.declare(ROOT, declared);
        shapes.watch_times(declared);
        shapes
    }

    fn declare(&mut self, parent: u32, declared: &[(String, Declared)]) {
        for (name, declared) in declared {
            let key = self.key(parent, name);
            self.declare_key(key, declared);
        }
    }

    /// Recurses into declared structs and lists, whose depth the project file's parser bounds.
    fn declare_key(&mut self, key: u32, declared: &Declared) {
        let levels = self.max_depth.saturating_sub(self.names.path(key).len());
        self.keys[key as usize].check = Check::of(declared, levels);
        match declared {
            Declared::Struct(fields) => self.declare(key, fields),
            Declared::List(item) => {
                let key = self.item(key);
                self.declare_key(key, item);
            }
            _ => {}
        }
    }

    fn watch_times(&mut self, declared: &[(String, Declared)]) {
        for (name, _) in declared.iter().filter(|(_, declared)| declared.is_time()) {
            let key = self.key(ROOT, name);
            self.keys[key as usize].bounds = Some(Box::default());
            self.times.push(key);
        }
    }

    /// Takes in the value of a time column of a line that was left to the careful reader.
    pub(crate) fn take_time(&mut self, column: usize, node: Node, line: &[u8]) {
        let key = &self.keys[self.times[column] as usize];
        if let (Check::Scalar(reading), Some(bounds)) = (&key.check, &key.bounds) {
            let mut taken = bounds.get();
            taken.take(reading, node, line, self.empty_as_null);
            bounds.set(taken);
        }
    }

    /// Bounds of the time columns since the last call.
    pub(crate) fn take_bounds(&mut self) -> Vec<Extent> {
        let bounds = |key: &u32| match &self.keys[*key as usize] {
            Key { check: Check::Scalar(reading), bounds: Some(bounds), .. } => bounds.take().extent(reading),
            _ => None,
        };
        self.times.iter().map(bounds).collect()
    }

    /// Has the value at `path` put into a row at `place`.
    pub(crate) fn want(&mut self, path: &[&str], place: usize) {
        let key = path.iter().fold(ROOT, |parent, name| self.key(parent, name));
        self.keys[key as usize].wanted = u32::try_from(place).expect("no layout has so many columns");
    }

    /// How often something new was learned: while it stays, a line that was left to the careful reader would be again.
    pub(crate) fn lessons(&self) -> u64 {
        self.lessons
    }

    /// Whether lines are walked for now, since no turns led most of them through.
    #[cfg(test)]
    pub(super) fn are_walked(&self) -> bool {
        self.lanes.are_walked()
    }

    /// From now on every line is left to the careful reader.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn learn_nothing(&mut self) {
        self.learns_nothing = true;
    }

    /// From now on every line is walked.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn walk_always(&mut self) {
        self.lanes.walk_always();
    }

    /// From now on so few turns are learned from one value.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn learn_few_turns(&mut self, most: usize) {
        self.most_turns_from_one = most;
    }

    /// Before another range: what was seen of values holds for one range only, what was learned of lines for all.
    pub(crate) fn start_range(&mut self) {
        self.idle = 0;
        for key in &mut self.keys {
            (key.known, key.empties) = (Class::default(), 0);
        }
    }

    /// Adds the `""` that were counted in this range to what was seen in it.
    pub(crate) fn count_empties(&self, fields: &mut Fields) {
        for (key, counted) in (0..).zip(&self.keys).filter(|(_, key)| key.empties > 0) {
            fields.add_empties(&self.names.path(key), counted.empties);
        }
    }

    fn key(&mut self, parent: u32, name: &str) -> u32 {
        self.names.find(parent, name.as_bytes()).unwrap_or_else(|| self.add(parent, Some(name)))
    }

    /// The key of the elements of a key's arrays.
    fn item(&mut self, key: u32) -> u32 {
        let known = self.keys[key as usize].item;
        known.unwrap_or_else(|| {
            let item = self.add(key, None);
            self.keys[key as usize].item = Some(item);
            item
        })
    }

    /// Adds a key that is not known.
    fn add(&mut self, parent: u32, name: Option<&str>) -> u32 {
        self.keys.push(Key {
            known: Class::default(),
            wanted: UNWANTED,
            rank: 0,
            last: 0,
            taken: 0,
            forgot: 0,
            lost: 0,
            parts: false,
            check: Check::Anything,
            item: None,
            met: Cell::new(0),
            empties: 0,
            bounds: None,
            turns: Vec::new(),
        });
        self.names.add(parent, name)
    }
}
