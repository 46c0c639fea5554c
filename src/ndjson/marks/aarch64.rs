//! The kernel of 64-bit ARM: NEON, which every such processor has.
//!
//! Source: Arm Architecture Reference Manual, A-profile (CMHI, CMHS, CMEQ, UMAXV).
#![expect(unsafe_code, reason = "vector instructions; each kernel is held to its portable twin by a property test")]

use std::arch::aarch64::{
    uint8x16_t, vceqq_u8, vcleq_u8, vcltq_u8, vdupq_n_u8, vld1q_u8, vmaxvq_u8, vorrq_u8, vsubq_u8,
};

use super::super::neon::gather;
use super::{Bits, CHUNK, Kernel, Word};

pub(super) fn kernel() -> Kernel {
    neon
}

#[cfg(any(test, feature = "internals"))]
pub(super) fn kernels() -> Vec<(&'static str, Kernel)> {
    vec![("neon", neon)]
}

fn neon(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    // SAFETY: NEON is part of the architecture.
    unsafe { with_neon(first, text, bits) }
}

#[target_feature(enable = "neon")]
fn with_neon(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let mut all = vdupq_n_u8(0);
    bits.fill(first, text, |chunk| word(chunk, &mut all), |chunk, low, high| within(chunk, low, high));
    vmaxvq_u8(all) < 0x80
}

#[target_feature(enable = "neon")]
#[inline]
fn word(chunk: &[u8; CHUNK], all: &mut uint8x16_t) -> Word {
    let parts = parts(chunk);
    *all = parts.into_iter().fold(*all, |all, part| vorrq_u8(all, part));
    let is = |byte| parts.map(|part| vceqq_u8(part, vdupq_n_u8(byte)));
    let control = parts.map(|part| vcltq_u8(part, vdupq_n_u8(b' ')));
    let quotes = is(b'"');
    let stops = std::array::from_fn(|part| vorrq_u8(control[part], quotes[part]));
    Word { stops: gather(stops), backslashes: gather(is(b'\\')), newlines: gather(is(b'\n')) }
}

/// The places of bytes from `low` up to `high`.
#[target_feature(enable = "neon")]
#[inline]
fn within(chunk: &[u8; CHUNK], low: u8, high: u8) -> u64 {
    gather(parts(chunk).map(|part| vcleq_u8(vsubq_u8(part, vdupq_n_u8(low)), vdupq_n_u8(high - low))))
}

#[target_feature(enable = "neon")]
#[inline]
fn parts(chunk: &[u8; CHUNK]) -> [uint8x16_t; 4] {
    // SAFETY: each of the four parts has 16 bytes, and the load needs no alignment.
    std::array::from_fn(|part| unsafe { vld1q_u8(chunk[16 * part..].as_ptr()) })
}
