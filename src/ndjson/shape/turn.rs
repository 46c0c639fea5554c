//! From one value over some bytes to the next value.

use super::END;

/// Bytes that are compared at once; of longer ones the rest is compared by itself.
pub(super) const WINDOW: usize = 32;

/// Longest literal that is learned: keys that are longer hold data.
const MAX_BYTES: usize = 512;

/// What comes between two values, as it stood in a line before.
#[derive(Debug)]
pub(super) struct Turn {
    words: [u64; 4],
    masks: [u64; 4],
    literal: Box<[u8]>,
    /// The key whose value comes then, or [`END`].
    pub(super) to: u32,
    /// Whether there are any.
    pub(super) has_braces: bool,
    /// Objects with keys that open and close on the way, in their order.
    pub(super) braces: Box<[Brace]>,
}

/// A brace within a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Brace {
    /// The key whose value is the object.
    pub(super) key: u32,
    /// Of an opening brace its place, of a closing one the place behind it.
    pub(super) at: u32,
    pub(super) opens: bool,
}

impl Turn {
    /// `None` for a literal that is too long to be one.
    pub(super) fn new(literal: &[u8], to: u32, braces: &[Brace]) -> Option<Self> {
        if literal.len() > MAX_BYTES {
            return None;
        }
        let (mut bytes, mut mask) = ([0; WINDOW], [0; WINDOW]);
        let head = literal.len().min(WINDOW);
        bytes[..head].copy_from_slice(&literal[..head]);
        mask[..head].fill(0xff);
        let (words, masks) = (words(&bytes), words(&mask));
        Some(Self { words, masks, literal: literal.into(), to, has_braces: !braces.is_empty(), braces: braces.into() })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.literal.len()
    }

    pub(super) fn is(&self, literal: &[u8], to: u32) -> bool {
        self.to == to && *self.literal == *literal
    }

    /// Whether `text` goes on with these bytes at `at`, and then with the value or the end that is due: not with an
    /// object that has keys, which is another turn's.
    #[inline]
    pub(super) fn fits(&self, text: &[u8], at: usize) -> bool {
        let Some(window) = text.get(at..at + WINDOW) else { return self.fits_near_end(text, at) };
        let found = words(window.try_into().expect("it has as many bytes"));
        let differ = |word: usize| (found[word] ^ self.words[word]) & self.masks[word];
        let same = (differ(0) | differ(1) | differ(2) | differ(3)) == 0;
        same && (self.len() <= WINDOW || self.tail_fits(text, at)) && !self.opens_object(text, at)
    }

    #[cold]
    fn fits_near_end(&self, text: &[u8], at: usize) -> bool {
        text[at..].starts_with(&self.literal) && !self.opens_object(text, at)
    }

    fn tail_fits(&self, text: &[u8], at: usize) -> bool {
        text[at + WINDOW..].starts_with(&self.literal[WINDOW..])
    }

    #[inline]
    fn opens_object(&self, text: &[u8], at: usize) -> bool {
        let next = at + self.len();
        self.to != END && text.get(next) == Some(&b'{') && text.get(next + 1) != Some(&b'}')
    }
}

#[inline(always)]
fn words(bytes: &[u8; WINDOW]) -> [u64; 4] {
    std::array::from_fn(|word| {
        u64::from_le_bytes(bytes[word * 8..word * 8 + 8].try_into().expect("a word has eight bytes"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(literal: &str, text: &str, expected: bool) {
        let turn = Turn::new(literal.as_bytes(), 1, &[]).unwrap();
        assert_eq!(turn.fits(text.as_bytes(), 0), expected, "{literal} in {text}");
        // Far from the end it is compared another way.
        let padded = format!("{text}{}", "\n".repeat(2 * WINDOW));
        assert_eq!(turn.fits(padded.as_bytes(), 0), expected, "{literal} in {text}…");
    }

    #[test]
    fn a_literal_is_compared_whole() {
        check(",\"a\":", ",\"a\":1", true);
        check(",\"a\":", ",\"b\":1", false);
        check(",\"a\":", ",\"a\"", false);
        let long = format!(",\"{}\":", "k".repeat(60));
        check(&long, &format!("{long}1"), true);
        check(&long, &format!("{}x", &long[..60]), false);
        assert!(Turn::new(&[b' '; MAX_BYTES + 1], 1, &[]).is_none());
    }

    #[test]
    fn an_object_with_keys_is_another_turn() {
        check(",\"a\":", ",\"a\":{\"b\":1}", false);
        check(",\"a\":", ",\"a\":{}", true);
        check(",\"a\":{\"b\":", ",\"a\":{\"b\":1}", true);
    }
}
