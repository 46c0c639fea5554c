//! The loops compiled for processors with AVX2 and the bit manipulations that came with it: the same code, in half as
//! many instructions.
#![expect(unsafe_code, reason = "asks for instructions; held to the portable loops by a property test")]

use super::{Kernel, Lane, Likely, Run, Span};

/// `None` where the processor lacks them.
pub(super) fn kernel() -> Option<Kernel> {
    has_avx2().then_some(avx2 as Kernel)
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
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
