//! The loops of 64-bit ARM, with the ends of digits found by NEON, which every such processor has.
//!
//! Source: Arm Architecture Reference Manual, A-profile (CMHI).
#![expect(unsafe_code, reason = "vector instructions; held to the portable loops by property tests")]

use std::arch::aarch64::{uint8x16_t, vcgtq_u8, vdupq_n_u8, vld1q_u8, vsubq_u8};

use super::super::super::super::neon::gather;
use super::values::{Digits, WINDOW};
use super::{Kernel, Lane, Likely, Parting, Run, Span};

pub(super) fn kernel() -> Kernel {
    neon
}

pub(super) fn parting() -> Parting {
    super::part_each
}

#[cfg(test)]
pub(super) fn kernels() -> Vec<Kernel> {
    vec![neon]
}

#[cfg(test)]
pub(super) fn partings() -> Vec<Parting> {
    Vec::new()
}

#[cfg(test)]
pub(super) fn others() -> Vec<fn(&[u8; WINDOW]) -> u32> {
    vec![Neon::others]
}

fn neon(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    super::by_kind::<Neon>(likely, run, lanes, places, column)
}

/// What every processor has.
pub(super) type Always = Neon;

#[derive(Clone, Copy)]
pub(super) struct Neon;

impl Digits for Neon {
    #[inline(always)]
    fn others(window: &[u8; WINDOW]) -> u32 {
        // SAFETY: NEON is part of the architecture.
        unsafe { others_with_neon(window) }
    }
}

#[target_feature(enable = "neon")]
#[inline]
fn others_with_neon(window: &[u8; WINDOW]) -> u32 {
    let (low, high) = window.split_at(WINDOW / 2);
    // SAFETY: half a window has 16 bytes, and the load needs no alignment.
    let [low, high] = [low, high].map(|half| unsafe { vld1q_u8(half.as_ptr()) });
    let nothing = vdupq_n_u8(0);
    gather([no_digits(low), no_digits(high), nothing, nothing]) as u32
}

/// Which bytes are no digits.
#[target_feature(enable = "neon")]
#[inline]
fn no_digits(bytes: uint8x16_t) -> uint8x16_t {
    vcgtq_u8(vsubq_u8(bytes, vdupq_n_u8(b'0')), vdupq_n_u8(9))
}
