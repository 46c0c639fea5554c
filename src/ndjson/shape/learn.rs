//! From a line that was accepted to turns.

use super::super::class::Class;
use super::super::tape::{self, Kind, Tape};
use super::super::text;
use super::turn::{Brace, Turn};
use super::{Check, END, Key, ROOT, Shapes};

/// Most turns from one value: lines whose keys come in any order have many, and searching them costs time.
pub(super) const MAX_TURNS_FROM_ONE: usize = 24;

const _: () = assert!(MAX_TURNS_FROM_ONE <= u32::BITS as usize, "each has a bit of those that were taken");

/// Most turns of all, and most keys: where keys are data there is no end of them.
const MAX_TURNS: usize = 1 << 16;
const MAX_KEYS: usize = 1 << 14;

/// After so many lines that taught nothing only one of some is learned, until one does teach something. Where no more turns have
/// room, only one of some lines that take none of them is learned, and its turn takes the place of one that no line has taken for long.
const PATIENCE: u32 = 64;
// A prime: lines of two kinds may alternate.
const RARELY: u32 = 17;

/// How far a line was learned.
struct Way<'a> {
    /// With its newline.
    line: &'a [u8],
    tape: &'a Tape,
    /// The key of the value before, and where that value ends.
    from: u32,
    at: usize,
    /// Braces since then.
    braces: Vec<Brace>,
    /// The key of an array whose next element comes.
    again: Option<u32>,
    /// The key that was met last.
    last: u32,
}

impl Way<'_> {
    fn pass_brace(&mut self, key: u32, kind: Kind, place: u32, opens: bool) {
        self.braces.push(Brace { key, kind, at: place - self.at as u32, opens });
    }
}

impl Shapes {
    /// Learns the way of an accepted line in which no key comes twice. `line` may go on behind its newline.
    ///
    /// From here on, values of the same classes at the same keys are known in this range. Where lines have taught nothing for long,
    /// most are not learned: where keys are data, there is nothing to learn. `row` is that which the line was led by.
    pub(crate) fn learn(&mut self, row: u32, line: &[u8], tape: &Tape) {
        #[cfg(any(test, feature = "internals"))]
        if self.learns_nothing {
            return;
        }
        if self.idle >= PATIENCE && !self.idle.is_multiple_of(RARELY) && !self.chosen.contains(&row) {
            self.idle = self.idle.wrapping_add(1);
            return;
        }
        let lessons = self.lessons;
        self.learn_line(line, tape);
        self.idle = if self.lessons == lessons { self.idle.wrapping_add(1) } else { 0 };
    }

    fn learn_line(&mut self, line: &[u8], tape: &Tape) {
        let root = tape.node(tape::ROOT);
        let mut way = Way { line, tape, from: ROOT, at: 0, braces: Vec::new(), again: None, last: ROOT };
        let rest = &line[root.end as usize..];
        if self.learn_object(tape::ROOT, ROOT, &mut way).is_some()
            && let Some(newline) = memchr::memchr(b'\n', rest)
        {
            let end = root.end as usize + newline + 1;
            self.add_turn(&mut way, end, END);
        }
    }

    /// `None` at a key that is one too many: the line is not learned from there on. Recurses as deep as lines are accepted.
    fn learn_object(&mut self, object: u32, parent: u32, way: &mut Way<'_>) -> Option<()> {
        let tape = way.tape;
        for name in tape.children(object) {
            let text = text::string(tape.node(name), way.line);
            let known = self.names.find(parent, text.as_bytes());
            let key = known.or_else(|| self.has_room().then(|| self.add(parent, Some(&text))))?;
            self.learn_value(name + 1, key, way)?;
        }
        Some(())
    }

    /// The same for one value of `key`.
    fn learn_value(&mut self, value: u32, key: u32, way: &mut Way<'_>) -> Option<()> {
        let tape = way.tape;
        let node = tape.node(value);
        self.rank(key, std::mem::replace(&mut way.last, key));
        let is_opaque = self.is_opaque(key);
        let is_deep = match node.kind {
            _ if is_opaque => false,
            Kind::Object => tape.children(value).next().is_some(),
            Kind::Array => Turn::is_deep(way.line, node.start as usize),
            _ => false,
        };
        if is_deep {
            way.pass_brace(key, node.kind, node.start, true);
            match node.kind {
                Kind::Object => self.learn_object(value, key, way)?,
                _ => self.learn_elements(value, key, way)?,
            }
            way.pass_brace(key, node.kind, node.end, false);
            return Some(());
        }
        self.add_turn(way, node.start as usize, key);
        let class = Class::of(node, way.line);
        let is_any = is_opaque && !class.has(Class::EMPTY);
        self.know(key, if is_any { Class::ALL_BUT_EMPTY } else { class });
        if node.kind == Kind::Array && !is_opaque {
            let items = tape.children(value).map(|item| Class::of(tape.node(item), way.line));
            let items = items.fold(Class::default(), |all, item| all | item);
            let item = self.item_if_room(key)?;
            self.know(item, items);
        }
        (way.from, way.at) = (key, node.end as usize);
        Some(())
    }

    /// The same for the elements of an array of `key`, each of which is the value of one and the same key.
    fn learn_elements(&mut self, array: u32, key: u32, way: &mut Way<'_>) -> Option<()> {
        let item = self.item_if_room(key)?;
        for (number, element) in way.tape.children(array).enumerate() {
            // The first one may be what an array further out goes on with.
            if number > 0 {
                way.again = Some(key);
            }
            self.learn_value(element, item, way)?;
        }
        Some(())
    }

    /// Whether nothing in the values of a key counts.
    fn is_opaque(&self, key: u32) -> bool {
        matches!(self.keys[key as usize].check, Check::Opaque(_))
    }

    fn has_room(&self) -> bool {
        self.keys.len() < MAX_KEYS
    }

    fn item_if_room(&mut self, key: u32) -> Option<u32> {
        let known = self.keys[key as usize].item;
        known.or_else(|| self.has_room().then(|| self.item(key)))
    }

    fn know(&mut self, key: u32, class: Class) {
        let key = &mut self.keys[key as usize];
        self.lessons += u64::from(!class.within(key.known));
        key.known |= class;
    }

    fn has_room_for_turns(&self, from: u32) -> bool {
        self.keys[from as usize].turns.len() < self.most_turns_from_one && self.turns < MAX_TURNS
    }

    /// Whether the line of `row`, which takes no turn from a key, is to be learned: always, or one of some where its turn could but
    /// replace another.
    pub(super) fn choose(&mut self, row: u32, from: u32) -> bool {
        if self.has_room_for_turns(from) {
            return true;
        }
        let lost = &mut self.keys[from as usize].lost;
        *lost = lost.wrapping_add(1);
        let is_chosen = lost.is_multiple_of(RARELY);
        self.chosen.extend(is_chosen.then_some(row));
        is_chosen
    }

    /// The turn from where the way stands to the value of `to`, which starts at `next`.
    fn add_turn(&mut self, way: &mut Way<'_>, next: usize, to: u32) {
        let literal = &way.line[way.at..next];
        let goes_on = |byte: &u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
        debug_assert!(!literal.first().is_none_or(goes_on), "a turn stands behind a whole value");
        let is_opaque = to != END && self.is_opaque(to);
        let leads = self.leads;
        let has_room = self.has_room_for_turns(way.from);
        let Key { turns, taken, forgot, lost, .. } = &mut self.keys[way.from as usize];
        let replaces = *lost >= PATIENCE && *forgot != leads;
        if (has_room || replaces)
            && turns.iter().all(|turn| !turn.is(literal, to))
            && let Some(turn) = Turn::new(literal, to, is_opaque, &way.braces, way.again)
        {
            if has_room {
                turns.push(turn);
                self.turns += 1;
                self.changes += 1;
                self.lessons += 1;
            } else if let Some(place) = turns.get_mut(taken.trailing_ones() as usize) {
                *place = turn;
                *lost = 0;
                self.changes += 1;
            } else {
                // Lines are led before one is replaced: those that are in use are known then.
                (*taken, *forgot) = (0, leads);
            }
        }
        way.braces.clear();
        way.again = None;
    }
}
