//! The loops of processors that have none of their own, and the twin that all others must equal.

use super::values::{Digits, WINDOW};
use super::{Kernel, Lane, Likely, Parting, Run, Span};

pub(super) fn kernel() -> Kernel {
    portable
}

pub(super) fn parting() -> Parting {
    super::part_each
}

/// None to hold to it, where it is the only one.
#[cfg(all(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn kernels() -> Vec<Kernel> {
    Vec::new()
}

#[cfg(all(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn partings() -> Vec<Parting> {
    Vec::new()
}

#[cfg(all(test, not(any(target_arch = "x86_64", target_arch = "aarch64"))))]
pub(super) fn others() -> Vec<fn(&[u8; WINDOW]) -> u32> {
    Vec::new()
}

fn portable(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    super::by_kind::<Scalar>(likely, run, lanes, places, column)
}

/// What every processor has.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) type Always = Scalar;

#[derive(Clone, Copy)]
pub(super) struct Scalar;

impl Digits for Scalar {
    #[inline(always)]
    fn others(window: &[u8; WINDOW]) -> u32 {
        window.iter().enumerate().fold(0, |bits, (at, byte)| bits | (u32::from(!byte.is_ascii_digit()) << at))
    }
}
