//! From one value over some bytes to the next value.

use super::super::tape::Kind;
use super::END;

/// Bytes that are compared at once; of longer turns what comes before is compared by itself.
const WINDOW: usize = 32;

/// Longest tail: a quote behind it is compared with it.
pub(super) const MAX_TAIL: usize = WINDOW - 1;

/// Longest turn that is learned: keys that are longer hold data.
const MAX_BYTES: usize = 512;

/// What comes between two values, as it stood in a line before.
///
/// It never begins with what a number could go on with: it stands behind a whole value, or begins a line. So numbers may
/// be taken without a look at whether they end.
#[derive(Debug)]
pub(super) struct Turn {
    /// All but its last 31 bytes; of most turns nothing.
    pub(super) head: Box<[u8]>,
    /// Its last bytes; of most turns all of them.
    pub(super) tail: Tail,
    /// The same with the quote that a string begins with.
    pub(super) quoted: Tail,
    /// The key whose value comes then, or [`END`].
    pub(super) to: u32,
    /// Whether no other turn leads into what comes then: the end, or a value nothing in which counts.
    pub(super) takes_any: bool,
    /// Objects and arrays whose values stand behind turns of their own, and that open and close on the way, in their order.
    pub(super) braces: Box<[Brace]>,
    /// The key whose array goes on with its next element.
    pub(super) again: Option<u32>,
}

/// The last bytes of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tail {
    words: [u64; 4],
    masks: [u64; 4],
    length: usize,
}

/// A brace or bracket within a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Brace {
    /// The key whose value is the object or array.
    pub(super) key: u32,
    /// Which of the two it is.
    pub(super) kind: Kind,
    /// Of an opening brace its place, of a closing one the place behind it; from the turn's start on.
    pub(super) at: u32,
    pub(super) opens: bool,
}

impl Turn {
    /// `None` for bytes that are too many to be one.
    pub(super) fn new(bytes: &[u8], to: u32, is_opaque: bool, braces: &[Brace], again: Option<u32>) -> Option<Self> {
        if bytes.len() > MAX_BYTES {
            return None;
        }
        let (head, tail) = bytes.split_at(bytes.len().saturating_sub(MAX_TAIL));
        let (tail, quoted) = (Tail::new(tail), Tail::new(&[tail, b"\""].concat()));
        Some(Self {
            head: head.into(),
            tail,
            quoted,
            to,
            takes_any: to == END || is_opaque,
            braces: braces.into(),
            again,
        })
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.head.len() + self.tail.length
    }

    /// The keys that are met on the way.
    pub(super) fn keys(&self) -> impl Iterator<Item = u32> {
        let opened = self.braces.iter().filter(|brace| brace.opens).map(|brace| brace.key);
        opened.chain((self.to != END).then_some(self.to))
    }

    pub(super) fn is(&self, bytes: &[u8], to: u32) -> bool {
        self.to == to && self.len() == bytes.len() && self.stands_at(bytes, 0)
    }

    /// Whether `text` goes on with these bytes at `at`, and then with the value or the end that is due: not with an
    /// object or array that is [deep](Self::is_deep), which is another turn's.
    #[inline]
    pub(super) fn fits(&self, text: &[u8], at: usize) -> bool {
        self.stands_at(text, at) && (self.takes_any || !Self::is_deep(text, at + self.len()))
    }

    /// Whether an object with keys begins at `at`, or an array whose first element is one or is an array: then turns lead
    /// into it.
    pub(super) fn is_deep(text: &[u8], at: usize) -> bool {
        let has_keys = |at: usize| text.get(at) == Some(&b'{') && text.get(at + 1) != Some(&b'}');
        let is_array = |at: usize| text.get(at) == Some(&b'[');
        has_keys(at) || is_array(at) && (is_array(at + 1) || has_keys(at + 1))
    }

    /// Whether `text` goes on with these bytes at `at`. That takes no jump that depends on them.
    // Where many turns are tried, this is most of the time.
    #[inline(always)]
    pub(super) fn stands_at(&self, text: &[u8], at: usize) -> bool {
        let tail = at + self.head.len();
        if !self.head.is_empty() && text.get(at..tail) != Some(&self.head) {
            return false;
        }
        match text.get(tail..tail + WINDOW).and_then(|text| text.first_chunk()) {
            Some(window) => self.tail.stands_in(window),
            None => self.tail.stands_near_end(&text[tail..]),
        }
    }
}

impl Tail {
    fn new(text: &[u8]) -> Self {
        let (mut bytes, mut mask) = ([0; WINDOW], [0; WINDOW]);
        bytes[..text.len()].copy_from_slice(text);
        mask[..text.len()].fill(0xff);
        Self { words: words(&bytes), masks: words(&mask), length: text.len() }
    }

    #[inline(always)]
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Whether these bytes begin with it.
    #[inline(always)]
    pub(super) fn stands_in(&self, window: &[u8; WINDOW]) -> bool {
        let found = words(window);
        let differ = |word: usize| (found[word] ^ self.words[word]) & self.masks[word];
        (differ(0) | differ(1) | differ(2) | differ(3)) == 0
    }

    /// The same for fewer bytes.
    #[cold]
    fn stands_near_end(&self, rest: &[u8]) -> bool {
        let mut window = [0; WINDOW];
        window[..rest.len()].copy_from_slice(rest);
        rest.len() >= self.length && self.stands_in(&window)
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
        let turn = Turn::new(literal.as_bytes(), 1, false, &[], None).unwrap();
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
        check(&long, &format!(";{}1", &long[1..]), false);
        check(&long, &long[..40], false);
        assert!(Turn::new(&[b' '; MAX_BYTES + 1], 1, false, &[], None).is_none());
    }

    #[test]
    fn an_object_with_keys_is_another_turn() {
        check(",\"a\":", ",\"a\":{\"b\":1}", false);
        check(",\"a\":", ",\"a\":{}", true);
        check(",\"a\":{\"b\":", ",\"a\":{\"b\":1}", true);
    }

    #[test]
    fn an_array_that_begins_with_one_is_another_turn() {
        check(",\"a\":", ",\"a\":[1]", true);
        check(",\"a\":", ",\"a\":[]", true);
        check(",\"a\":", ",\"a\":[{}]", true);
        check(",\"a\":", ",\"a\":[{\"b\":1}]", false);
        check(",\"a\":", ",\"a\":[[1]]", false);
        check(",\"a\":[", ",\"a\":[[1]]", true);
        check(",\"a\":[", ",\"a\":[[[1]]]", false);
    }
}
