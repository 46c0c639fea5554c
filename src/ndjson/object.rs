//! The keys of objects as slots: which value of this object stands for which known key.
//!
//! Objects of one place mostly have the keys of the one before in the same order, so the expected key is compared
//! first and looked up only if it is another. The last of several equal keys wins, as most readers do.

use std::collections::HashMap;
use std::sync::Arc;

use super::tape::{Kind, Tape};
use super::text;

/// No value: the key is missing from the object. The root is never a value of a key, so its index is free.
const ABSENT: u32 = 0;

/// Known keys, numbered. A copy of them costs nothing until one of both learns another.
#[derive(Debug, Default, Clone)]
pub(crate) struct Slots {
    keys: Arc<Keys>,
    spare: Vec<u32>,
}

#[derive(Debug, Default, Clone)]
struct Keys {
    names: Vec<Box<str>>,
    index: HashMap<Box<str>, usize>,
}

/// The values of one object by slot.
#[derive(Debug)]
pub(crate) struct Values {
    nodes: Vec<u32>,
    /// Keys that a later equal key replaced.
    pub(crate) duplicates: u64,
    /// The first key that is not known, as a node; never set by [`Slots::assign_growing`].
    pub(crate) unknown: Option<u32>,
}

impl Values {
    /// The node of the value in `slot`; `None` where the object lacks the key.
    pub(crate) fn get(&self, slot: usize) -> Option<u32> {
        self.nodes.get(slot).copied().filter(|node| *node != ABSENT)
    }

    /// Slots that have a value, with its node.
    pub(crate) fn taken(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        self.nodes.iter().copied().enumerate().filter(|(_, node)| *node != ABSENT)
    }
}

impl Slots {
    pub(crate) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut slots = Self::default();
        for name in names {
            slots.find_or_add(name);
        }
        slots
    }

    pub(crate) fn len(&self) -> usize {
        self.keys.names.len()
    }

    pub(crate) fn name(&self, slot: usize) -> &str {
        &self.keys.names[slot]
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.keys.index.get(name).copied()
    }

    pub(crate) fn find_or_add(&mut self, name: &str) -> usize {
        if let Some(slot) = self.find(name) {
            return slot;
        }
        let keys = Arc::make_mut(&mut self.keys);
        keys.names.push(name.into());
        keys.index.insert(name.into(), keys.names.len() - 1);
        keys.names.len() - 1
    }

    /// The values of `object` by slot; keys that are not known are noted and left out.
    pub(crate) fn assign(&mut self, object: u32, line: &[u8], tape: &Tape) -> Values {
        self.assign_with(object, line, tape, |slots, key| slots.find(key))
    }

    /// The values of `object` by slot; keys that are not known get one.
    pub(crate) fn assign_growing(&mut self, object: u32, line: &[u8], tape: &Tape) -> Values {
        self.assign_with(object, line, tape, |slots, key| Some(slots.find_or_add(key)))
    }

    fn assign_with(
        &mut self,
        object: u32,
        line: &[u8],
        tape: &Tape,
        find: impl Fn(&mut Self, &str) -> Option<usize>,
    ) -> Values {
        let mut nodes = std::mem::take(&mut self.spare);
        nodes.clear();
        nodes.resize(self.keys.names.len(), ABSENT);
        let mut values = Values { nodes, duplicates: 0, unknown: None };
        let mut expected = 0;
        for key in tape.children(object) {
            let Some(slot) = self.slot(key, expected, line, tape, &find) else {
                values.unknown.get_or_insert(key);
                continue;
            };
            if slot >= values.nodes.len() {
                values.nodes.resize(slot + 1, ABSENT);
            }
            values.duplicates += u64::from(values.nodes[slot] != ABSENT);
            values.nodes[slot] = key + 1;
            expected = slot + 1;
        }
        values
    }

    fn slot(
        &mut self,
        key: u32,
        expected: usize,
        line: &[u8],
        tape: &Tape,
        find: &impl Fn(&mut Self, &str) -> Option<usize>,
    ) -> Option<usize> {
        let node = tape.node(key);
        let bytes = &line[node.start as usize + 1..node.end as usize - 1];
        if node.kind == Kind::Plain && self.keys.names.get(expected).is_some_and(|known| known.as_bytes() == bytes) {
            return Some(expected);
        }
        find(self, &text::string(node, line))
    }

    /// Takes the allocation back for the next object.
    pub(crate) fn give_back(&mut self, values: Values) {
        self.spare = values.nodes;
    }
}
