//! What a comparison of vectors gives on 64-bit ARM, as bits: NEON has no instruction for that.
//!
//! Source: Arm Architecture Reference Manual, A-profile (ADDP). Bits are gathered by adding up neighbours, after each byte kept
//! the one bit of its place. It knows nothing of what was compared.
#![expect(unsafe_code, reason = "vector instructions; who calls this is held to a portable twin by property tests")]

use std::arch::aarch64::{uint8x16_t, vandq_u8, vgetq_lane_u64, vld1q_u8, vpaddq_u8, vreinterpretq_u64_u8};

const PLACES: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];

/// One bit for each byte that is all ones, the first one's lowest; the others are zero.
#[target_feature(enable = "neon")]
#[inline]
pub(super) fn gather(parts: [uint8x16_t; 4]) -> u64 {
    // SAFETY: the table has 16 bytes.
    let places = unsafe { vld1q_u8(PLACES.as_ptr()) };
    let [a, b, c, d] = parts.map(|part| vandq_u8(part, places));
    let halves = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    let sums = vpaddq_u8(halves, halves);
    vgetq_lane_u64::<0>(vreinterpretq_u64_u8(sums))
}
