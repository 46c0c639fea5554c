//! Text that a kernel saw to be ASCII, as the text that it is.
//!
//! It knows nothing of vectors.
#![expect(unsafe_code, reason = "text of which each byte was looked at; a property test holds the kernels to it")]

use super::CHUNK;

/// The text if it is ASCII.
///
/// # Safety
/// `chunks_are_ascii` must be true only if all whole chunks are.
pub(super) unsafe fn text(text: &[u8], chunks_are_ascii: bool) -> Option<&str> {
    let is_ascii = chunks_are_ascii && text.as_chunks::<CHUNK>().1.is_ascii();
    // SAFETY: ASCII is UTF-8. The rest was looked at here, and the whole chunks are by contract.
    is_ascii.then(|| unsafe { str::from_utf8_unchecked(text) })
}
