//! Where runs end in a text: a bit per byte for what ends a string's plain run, another for what is no digit.
//!
//! With them the end of a string or a number is found by counting zeros instead of looking at bytes. The bits are made
//! 64 bytes at a time by the widest kernel that the processor has; each kernel is held to [`portable`] by a property
//! test. This is the only place of the crate with `unsafe`. It knows nothing of JSON beyond these bytes.

#[cfg(target_arch = "aarch64")]
mod aarch64;
mod portable;
#[cfg(target_arch = "x86_64")]
mod x86_64;

/// Bytes that one word of bits stands for.
const WORD: usize = 64;

/// The bits of 64 bytes, the first byte's lowest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Word {
    /// Quotes, backslashes and control bytes: a run of a string's plain bytes ends there.
    stops: u64,
    /// Bytes that are no digit.
    others: u64,
}

/// A kernel: one word for each 64 bytes; the length is a multiple of 64.
type Kernel = fn(&[u8], &mut Vec<Word>);

/// The bits of one text.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    words: Vec<Word>,
}

impl Marks {
    /// Makes the bits of `text`, in place of those that were there.
    pub(crate) fn read(&mut self, text: &[u8]) {
        self.words.clear();
        let (whole, rest) = text.split_at(text.len() - text.len() % WORD);
        kernel()(whole, &mut self.words);
        // Zeros behind the end are control bytes and no digits: every run ends there at the latest.
        let mut padded = [0; WORD];
        padded[..rest.len()].copy_from_slice(rest);
        portable::mark(&padded, &mut self.words);
        self.words.push(Word { stops: u64::MAX, others: u64::MAX });
    }

    /// Place of the first quote, backslash or control byte at or behind `from`; the text's length at the earliest if
    /// there is none. `from` may be the text's length.
    #[inline]
    pub(crate) fn stop(&self, from: usize) -> usize {
        self.first(from, |word| word.stops)
    }

    /// How many digits stand at `from`.
    #[inline]
    pub(crate) fn digits(&self, from: usize) -> usize {
        self.first(from, |word| word.others) - from
    }

    #[inline(always)]
    fn first(&self, from: usize, bits: impl Fn(Word) -> u64) -> usize {
        let (word, shift) = (from / WORD, from % WORD);
        // The 64 bits from `from` on out of two words: most runs end within them, wherever they begin.
        let (low, high) = (bits(self.words[word]), bits(self.words[word + 1]));
        let window = (low >> shift) | ((high << 1) << (WORD - 1 - shift));
        if window != 0 {
            return from + window.trailing_zeros() as usize;
        }
        self.far(word + 1, bits)
    }

    /// The first bit from a word on; the last word has all bits.
    #[cold]
    #[inline(never)]
    fn far(&self, from: usize, bits: impl Fn(Word) -> u64) -> usize {
        let found = self.words[from..].iter().position(|word| bits(*word) != 0);
        let word = from + found.expect("all bits of the last word are set");
        word * WORD + bits(self.words[word]).trailing_zeros() as usize
    }
}

/// The widest kernel of this processor.
fn kernel() -> Kernel {
    #[cfg(target_arch = "x86_64")]
    if let Some(kernel) = x86_64::kernel() {
        return kernel;
    }
    #[cfg(target_arch = "aarch64")]
    return aarch64::mark;
    #[cfg(not(target_arch = "aarch64"))]
    portable::mark
}

/// Every kernel that this processor has, by name.
#[cfg(test)]
fn kernels() -> Vec<(&'static str, Kernel)> {
    #[cfg(target_arch = "x86_64")]
    return x86_64::kernels();
    #[cfg(target_arch = "aarch64")]
    return vec![("neon", aarch64::mark)];
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    Vec::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &[u8]) {
        let mut marks = Marks::default();
        marks.read(text);
        for from in 0..=text.len() {
            let run = |ends: fn(u8) -> bool| text[from..].iter().take_while(|byte| !ends(**byte)).count();
            let stop = from + run(|byte| byte < 0x20 || matches!(byte, b'"' | b'\\'));
            assert_eq!(marks.stop(from), stop, "{} from {from}", text.escape_ascii());
            assert_eq!(marks.digits(from), run(|byte| !byte.is_ascii_digit()), "{} from {from}", text.escape_ascii());
        }
    }

    #[test]
    fn runs_end_where_they_end() {
        check(b"");
        check(b"\"");
        check(b"12345");
        check(&[b'x'; 64]);
        check(&[b'7'; 200]);
        check(br#"{"a":"x\"y","b":-12.5e3}"#);
        check(&[&[b'x'; 63], b"\"".as_slice(), &[b'0'; 65], b"\\\x1f\x20\x7f\x80\xff"].concat());
    }

    #[test]
    fn each_byte_is_judged_alike_by_every_kernel() {
        let bytes: Vec<u8> = (0..=255).collect();
        check(&bytes);
        for (name, kernel) in kernels() {
            let (mut found, mut expected) = (Vec::new(), Vec::new());
            kernel(&bytes, &mut found);
            portable::mark(&bytes, &mut expected);
            assert_eq!(found, expected, "{name}");
        }
    }

    proptest! {
        #[test]
        fn kernels_are_their_portable_twin(
            words in proptest::collection::vec(proptest::array::uniform32(any::<[u8; 2]>()), 0..12),
        ) {
            let text = words.as_flattened().as_flattened();
            let mut expected = Vec::new();
            portable::mark(text, &mut expected);
            for (name, kernel) in kernels() {
                let mut found = Vec::new();
                kernel(text, &mut found);
                prop_assert_eq!(&found, &expected, "{}", name);
            }
        }

        #[test]
        fn runs_of_any_text_end_where_they_end(text in proptest::collection::vec(
            prop_oneof![3 => Just(b'x'), 3 => b'0'..=b'9', 1 => Just(b'"'), 1 => any::<u8>()], 0..300,
        )) {
            check(&text);
        }
    }
}
