//! Keys by number, and their numbers by parent and name.
//!
//! It knows nothing of values.

use std::hash::{BuildHasher, Hash, Hasher};

use hashbrown::{DefaultHashBuilder, HashTable};

use super::super::seen::Inside;
use super::ROOT;

/// Bytes of a name that are compared at once.
pub(super) const SHORT: usize = 16;

/// By length: which of these bytes are a name's, the first one's bits lowest.
const MASKS: [u128; SHORT + 1] = {
    let mut masks = [0; SHORT + 1];
    let mut length = 1;
    while length <= SHORT {
        masks[length] = u128::MAX >> (8 * (SHORT - length));
        length += 1;
    }
    masks
};

/// The names of keys, at their numbers.
#[derive(Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    /// Of those with few bytes the numbers.
    short: HashTable<(Short, u32)>,
    /// Those of the others; those of elements are in neither.
    long: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

/// A key as it is named.
#[derive(Debug)]
struct Name {
    parent: u32,
    /// None for the elements of the parent's arrays.
    text: Option<Box<str>>,
}

impl Name {
    fn bytes(&self) -> Option<&[u8]> {
        self.text.as_deref().map(str::as_bytes)
    }

    fn is(&self, parent: u32, name: &[u8]) -> bool {
        self.parent == parent && self.bytes() == Some(name)
    }

    /// What a key with a name of many bytes is found by.
    fn hash(hasher: &DefaultHashBuilder, parent: u32, name: &[u8]) -> u64 {
        hasher.hash_one((parent, name))
    }
}

/// A key with a name of few bytes. Which they are and how many takes no jump to compare: names are guessed wrong where keys stand in
/// any order.
#[derive(Debug, Clone, Copy)]
struct Short {
    bytes: [u64; 2],
    parent: u32,
    length: u32,
}

impl Short {
    /// Of the first bytes of a window; there are at most as many.
    #[inline(always)]
    fn new(parent: u32, window: &[u8; SHORT], length: usize) -> Self {
        let bytes = u128::from_le_bytes(*window) & MASKS[length];
        Self { bytes: [bytes as u64, (bytes >> u64::BITS) as u64], parent, length: length as u32 }
    }

    /// Of a whole name; `None` if it is longer.
    fn of(parent: u32, name: &[u8]) -> Option<Self> {
        let mut window = [0; SHORT];
        window.get_mut(..name.len())?.copy_from_slice(name);
        Some(Self::new(parent, &window, name.len()))
    }

    #[inline(always)]
    fn place(self) -> u64 {
        u64::from(self.parent) << 32 | u64::from(self.length)
    }

    #[inline(always)]
    fn is(self, other: Self) -> bool {
        let ([low, high], [other_low, other_high]) = (self.bytes, other.bytes);
        (low ^ other_low) | (high ^ other_high) | (self.place() ^ other.place()) == 0
    }
}

impl Hash for Short {
    #[inline(always)]
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        // Two words are hashed at once: the others are put into one.
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        hasher.write_u64(self.bytes[0]);
        hasher.write_u64(self.bytes[1] ^ self.place().wrapping_mul(ODD));
    }
}

impl Names {
    /// The number of the key that has this name in the objects of `parent`.
    #[inline(never)]
    pub(super) fn find(&self, parent: u32, name: &[u8]) -> Option<u32> {
        match Short::of(parent, name) {
            Some(name) => self.find_it(name),
            None => {
                let is_it = |key: &u32| self.names[*key as usize].is(parent, name);
                self.long.find(Name::hash(&self.hasher, parent, name), is_it).copied()
            }
        }
    }

    /// The same for a name of few bytes, which stands first in a window.
    #[inline(always)]
    pub(super) fn find_short(&self, parent: u32, window: &[u8; SHORT], length: usize) -> Option<u32> {
        self.find_it(Short::new(parent, window, length))
    }

    #[inline(always)]
    fn find_it(&self, name: Short) -> Option<u32> {
        self.short.find(self.hasher.hash_one(name), |(known, _)| known.is(name)).map(|(_, key)| *key)
    }

    /// Adds one that is not known; with a text it is found by it.
    pub(super) fn add(&mut self, parent: u32, text: Option<&str>) -> u32 {
        let key = u32::try_from(self.names.len()).expect("the number of keys is bounded");
        self.names.push(Name { parent, text: text.map(Box::from) });
        let Self { names, short, long, hasher } = self;
        if let Some(name) = text.map(str::as_bytes) {
            match Short::of(parent, name) {
                Some(name) => {
                    short.insert_unique(hasher.hash_one(name), (name, key), |(name, _)| hasher.hash_one(name));
                }
                None => {
                    let hash_of = |key: &u32| {
                        let known = &names[*key as usize];
                        Name::hash(hasher, known.parent, known.bytes().unwrap_or_default())
                    };
                    long.insert_unique(Name::hash(hasher, parent, name), key, hash_of);
                }
            }
        }
        key
    }

    /// The way from a line's object to the values of a key.
    pub(super) fn path(&self, key: u32) -> Vec<Inside<'_>> {
        let mut path: Vec<Inside<'_>> = std::iter::successors(Some(key), |key| Some(self.names[*key as usize].parent))
            .take_while(|key| *key != ROOT)
            .map(|key| self.names[key as usize].text.as_deref().map_or(Inside::Items, Inside::Key))
            .collect();
        path.reverse();
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_by_its_whole_name_and_its_parent() {
        let long = "k".repeat(40);
        let names = [1, 7, 8, 9, 15, 16, 17, 40].map(|length| &long[..length]);
        let names: Vec<&str> = names.into_iter().chain(["", "\0", "k\0", "\0k", "é"]).collect();
        let mut known = Names::default();
        assert_eq!(known.add(ROOT, None), ROOT);
        let keys: Vec<u32> = (0..3)
            .flat_map(|parent| names.iter().map(move |name| (parent, *name)))
            .map(|(parent, name)| {
                assert_eq!(known.find(parent, name.as_bytes()), None, "{parent} {name:?}");
                known.add(parent, Some(name))
            })
            .collect();
        let mut keys = keys.into_iter();
        for parent in 0..3 {
            for name in &names {
                let key = keys.next();
                assert_eq!(known.find(parent, name.as_bytes()), key, "{parent} {name:?}");
                if name.len() <= SHORT {
                    let mut window = [b'x'; SHORT];
                    window[..name.len()].copy_from_slice(name.as_bytes());
                    assert_eq!(known.find_short(parent, &window, name.len()), key, "{parent} {name:?}");
                }
            }
        }
        assert_eq!((known.find(3, b"k"), known.find(0, b"kk"), known.find(0, &[b'k'; 39])), (None, None, None));
    }
}
