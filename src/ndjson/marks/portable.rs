//! The twin that every kernel must equal, and the kernel of processors that have none.

use super::{WORD, Word};

pub(super) fn mark(text: &[u8], words: &mut Vec<Word>) {
    words.extend(text.chunks_exact(WORD).map(|chunk| {
        let bits = |ends: fn(u8) -> bool| {
            chunk.iter().enumerate().fold(0, |word, (at, byte)| word | (u64::from(ends(*byte)) << at))
        };
        Word {
            stops: bits(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'),
            others: bits(|byte| !byte.is_ascii_digit()),
        }
    }));
}
