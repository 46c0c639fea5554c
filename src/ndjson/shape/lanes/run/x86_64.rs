//! The loops compiled for processors with AVX2 and the bit manipulations that came with it, and for those with AVX-512: the same code,
//! in fewer instructions.
#![expect(unsafe_code, reason = "asks for instructions; held to the portable loops by a property test")]

use super::{Kernel, Lane, Likely, Run, Span};

/// The best for this processor; `None` where it lacks both.
pub(super) fn kernel() -> Option<Kernel> {
    if has_avx512() {
        return Some(avx512);
    }
    has_avx2().then_some(avx2 as Kernel)
}

#[cfg(test)]
pub(super) fn kernels() -> Vec<Kernel> {
    let avx512 = has_avx512().then_some(avx512 as Kernel);
    avx512.into_iter().chain(has_avx2().then_some(avx2 as Kernel)).collect()
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
}

fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
}

fn avx512(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    assert!(has_avx512(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, BMI1, BMI2, AVX-512BW and AVX-512VL, as was just asserted.
    unsafe { with_avx512(likely, run, lanes, odd, column) }
}

#[target_feature(enable = "avx2,bmi1,bmi2,avx512bw,avx512vl")]
fn with_avx512(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    super::by_kind(likely, run, lanes, odd, column);
}

fn avx2(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    assert!(has_avx2(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, BMI1 and BMI2, as was just asserted.
    unsafe { with_avx2(likely, run, lanes, odd, column) }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn with_avx2(likely: Likely, run: &Run<'_>, lanes: &mut Vec<Lane>, odd: &mut Vec<Lane>, column: &mut [Span]) {
    super::by_kind(likely, run, lanes, odd, column);
}
