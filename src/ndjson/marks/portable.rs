//! The twin that every kernel must equal, and the kernel of processors that have none.

use super::{Bits, CHUNK, Word};

pub(super) fn mark<'a>(text: &'a [u8], bits: &mut Bits) -> Option<&'a str> {
    bits.fill(0, text, word);
    // Whoever needs to know checks for UTF-8, of which ASCII is a part.
    None
}

pub(super) fn word(chunk: &[u8; CHUNK]) -> Word {
    let bits =
        |is: fn(u8) -> bool| chunk.iter().enumerate().fold(0, |word, (at, byte)| word | (u64::from(is(*byte)) << at));
    Word { stops: bits(|byte| byte < 0x20 || byte == b'"' || byte == b'\\'), newlines: bits(|byte| byte == b'\n') }
}
