//! The kernel of 64-bit ARM: NEON, which every such processor has.
//!
//! Source: Arm Architecture Reference Manual, A-profile (CMHI, CMEQ, UMAXV).
#![expect(unsafe_code, reason = "vector instructions; each kernel is held to its portable twin by a property test")]

use std::arch::aarch64::{uint8x16_t, vceqq_u8, vcltq_u8, vdupq_n_u8, vld1q_u8, vmaxvq_u8, vorrq_u8};

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
    bits.fill(first, text, |chunk| word(chunk, &mut all));
    vmaxvq_u8(all) < 0x80
}

#[target_feature(enable = "neon")]
#[inline]
fn word(chunk: &[u8; CHUNK], all: &mut uint8x16_t) -> Word {
    let mut stops = [vdupq_n_u8(0); 4];
    let mut newlines = [vdupq_n_u8(0); 4];
    for (part, bytes) in chunk.chunks_exact(16).enumerate() {
        // SAFETY: a part has 16 bytes, and the load needs no alignment.
        let bytes = unsafe { vld1q_u8(bytes.as_ptr()) };
        *all = vorrq_u8(*all, bytes);
        let quote_or_backslash = vorrq_u8(vceqq_u8(bytes, vdupq_n_u8(b'"')), vceqq_u8(bytes, vdupq_n_u8(b'\\')));
        stops[part] = vorrq_u8(vcltq_u8(bytes, vdupq_n_u8(b' ')), quote_or_backslash);
        newlines[part] = vceqq_u8(bytes, vdupq_n_u8(b'\n'));
    }
    Word { stops: gather(stops), newlines: gather(newlines) }
}
