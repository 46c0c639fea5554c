//! The kernel of 64-bit ARM: NEON, which every such processor has.
//!
//! Source: Arm Architecture Reference Manual, A-profile (CMHI, CMEQ, ADDP). Bits are gathered by adding up neighbours,
//! after each byte kept the one bit of its place.
#![expect(unsafe_code, reason = "vector instructions; each kernel is held to its portable twin by a property test")]

use std::arch::aarch64::{
    uint8x16_t, vandq_u8, vceqq_u8, vcltq_u8, vdupq_n_u8, vgetq_lane_u64, vld1q_u8, vorrq_u8, vpaddq_u8,
    vreinterpretq_u64_u8,
};

use super::{Bits, CHUNK, Word};

const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

pub(super) fn mark<'a>(text: &'a [u8], bits: &mut Bits) -> Option<&'a str> {
    bits.fill(0, text, |chunk| {
        // SAFETY: NEON is part of the architecture.
        unsafe { word(chunk) }
    });
    // Whoever needs to know checks for UTF-8, of which ASCII is a part.
    None
}

#[target_feature(enable = "neon")]
fn word(chunk: &[u8; CHUNK]) -> Word {
    let mut stops = [vdupq_n_u8(0); 4];
    let mut newlines = [vdupq_n_u8(0); 4];
    for (part, bytes) in chunk.chunks_exact(16).enumerate() {
        // SAFETY: a part has 16 bytes, and the load needs no alignment.
        let bytes = unsafe { vld1q_u8(bytes.as_ptr()) };
        let quote_or_backslash = vorrq_u8(vceqq_u8(bytes, vdupq_n_u8(b'"')), vceqq_u8(bytes, vdupq_n_u8(b'\\')));
        stops[part] = vorrq_u8(vcltq_u8(bytes, vdupq_n_u8(b' ')), quote_or_backslash);
        newlines[part] = vceqq_u8(bytes, vdupq_n_u8(b'\n'));
    }
    Word { stops: gather(stops), newlines: gather(newlines) }
}

/// One bit for each byte that is all ones.
#[target_feature(enable = "neon")]
fn gather(parts: [uint8x16_t; 4]) -> u64 {
    // SAFETY: the table has 16 bytes.
    let places = unsafe { vld1q_u8(PLACES.as_ptr()) };
    let [a, b, c, d] = parts.map(|part| vandq_u8(part, places));
    let halves = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    let sums = vpaddq_u8(halves, halves);
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(sums))
}
