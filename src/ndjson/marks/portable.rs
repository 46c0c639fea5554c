//! The twin that every kernel must equal, and the kernel of processors that have none.

use super::{Bits, CHUNK, Kernel, Word};

pub(super) fn kernel() -> Kernel {
    mark
}

/// None to hold to it, where it is the only one.
#[cfg(all(any(test, feature = "internals"), not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn kernels() -> Vec<(&'static str, Kernel)> {
    Vec::new()
}

fn mark(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    bits.fill(first, text, word, |chunk, low, high| places(chunk, |byte| (low..=high).contains(&byte)));
    // Whoever needs to know checks for UTF-8, of which ASCII is a part.
    false
}

fn word(chunk: &[u8; CHUNK]) -> Word {
    Word {
        stops: places(chunk, |byte| byte < 0x20 || byte == b'"'),
        backslashes: places(chunk, |byte| byte == b'\\'),
        newlines: places(chunk, |byte| byte == b'\n'),
    }
}

fn places(chunk: &[u8; CHUNK], is: impl Fn(u8) -> bool) -> u64 {
    chunk.iter().enumerate().fold(0, |word, (at, byte)| word | (u64::from(is(*byte)) << at))
}
