//! The loops compiled for processors with AVX2 and the bit manipulations that came with it, for those with AVX-512, and for
//! all others with SSE2, which every x86-64 has: the same code in fewer instructions, with the ends of digits found by few.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (VPCMPUB, VPMAXUB, VPMOVMSKB).
#![expect(unsafe_code, reason = "vector instructions; held to the portable loops by property tests")]

use std::arch::x86_64::{
    __m256i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_set1_epi8, _mm_sub_epi8,
    _mm256_cmpeq_epi8, _mm256_cmpgt_epu8_mask, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
    _mm256_set1_epi8, _mm256_sub_epi8,
};

use super::super::super::turn::Turn;
use super::values::{Digits, WINDOW};
use super::{Kernel, Lane, Likely, Parting, Run, Span};

/// The best for this processor.
pub(super) fn kernel() -> Kernel {
    if has_avx512() {
        return avx512;
    }
    if has_avx2() { avx2 } else { sse2 }
}

/// That for AVX-512 would not be faster.
pub(super) fn parting() -> Parting {
    if has_avx2() { part_avx2 } else { super::part_each }
}

#[cfg(test)]
pub(super) fn kernels() -> Vec<Kernel> {
    let avx512 = has_avx512().then_some(avx512 as Kernel);
    let avx2 = has_avx2().then_some(avx2 as Kernel);
    avx512.into_iter().chain(avx2).chain([sse2 as Kernel]).collect()
}

#[cfg(test)]
pub(super) fn partings() -> Vec<Parting> {
    has_avx2().then_some(part_avx2 as Parting).into_iter().collect()
}

#[cfg(test)]
pub(super) fn others() -> Vec<fn(&[u8; WINDOW]) -> u32> {
    let avx512 = has_avx512().then_some(Avx512::others as fn(&[u8; WINDOW]) -> u32);
    let avx2 = has_avx2().then_some(Avx2::others as fn(&[u8; WINDOW]) -> u32);
    avx512.into_iter().chain(avx2).chain([Sse2::others as fn(&[u8; WINDOW]) -> u32]).collect()
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("bmi1") && is_x86_feature_detected!("bmi2")
}

fn has_avx512() -> bool {
    has_avx2() && is_x86_feature_detected!("avx512bw") && is_x86_feature_detected!("avx512vl")
}

fn avx512(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    assert!(has_avx512(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, BMI1, BMI2, AVX-512BW and AVX-512VL, as was just asserted.
    unsafe { with_avx512(likely, run, lanes, places, column) }
}

#[target_feature(enable = "avx2,bmi1,bmi2,avx512bw,avx512vl")]
fn with_avx512(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    super::by_kind::<Avx512>(likely, run, lanes, places, column)
}

fn avx2(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    assert!(has_avx2(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, BMI1 and BMI2, as was just asserted.
    unsafe { with_avx2(likely, run, lanes, places, column) }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn with_avx2(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    super::by_kind::<Avx2>(likely, run, lanes, places, column)
}

fn part_avx2(text: &[u8], turn: &Turn, lanes: &mut [Lane], others: &mut [Lane]) -> usize {
    assert!(has_avx2(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, BMI1 and BMI2, as was just asserted.
    unsafe { part_with_avx2(text, turn, lanes, others) }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
fn part_with_avx2(text: &[u8], turn: &Turn, lanes: &mut [Lane], others: &mut [Lane]) -> usize {
    super::part_each(text, turn, lanes, others)
}

fn sse2(likely: Likely, run: &Run<'_>, lanes: &mut [Lane], places: &mut [u32], column: &mut [Span]) -> usize {
    super::by_kind::<Sse2>(likely, run, lanes, places, column)
}

/// Only named by the loop that is compiled for it, and by tests that asked.
#[derive(Clone, Copy)]
struct Avx512;

impl Digits for Avx512 {
    #[inline(always)]
    fn others(window: &[u8; WINDOW]) -> u32 {
        // SAFETY: whoever names this type has made sure of the instructions.
        unsafe { others_with_avx512(window) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2,avx512bw,avx512vl")]
#[inline]
fn others_with_avx512(window: &[u8; WINDOW]) -> u32 {
    _mm256_cmpgt_epu8_mask(above_zero(window), _mm256_set1_epi8(9))
}

/// Only named by the loop that is compiled for it, and by tests that asked.
#[derive(Clone, Copy)]
struct Avx2;

impl Digits for Avx2 {
    #[inline(always)]
    fn others(window: &[u8; WINDOW]) -> u32 {
        // SAFETY: whoever names this type has made sure of the instructions.
        unsafe { others_with_avx2(window) }
    }
}

#[target_feature(enable = "avx2,bmi1,bmi2")]
#[inline]
fn others_with_avx2(window: &[u8; WINDOW]) -> u32 {
    let nine = _mm256_set1_epi8(9);
    // There is no unsigned comparison: what is at most a limit does not raise it.
    let digits = _mm256_cmpeq_epi8(_mm256_max_epu8(above_zero(window), nine), nine);
    !_mm256_movemask_epi8(digits).cast_unsigned()
}

/// By how much bytes are above `0`, modulo 256.
#[target_feature(enable = "avx2")]
#[inline]
fn above_zero(window: &[u8; WINDOW]) -> __m256i {
    // SAFETY: a window has 32 bytes, and the load needs no alignment.
    let bytes = unsafe { _mm256_loadu_si256(window.as_ptr().cast()) };
    _mm256_sub_epi8(bytes, _mm256_set1_epi8(b'0'.cast_signed()))
}

/// What every processor has.
pub(super) type Always = Sse2;

#[derive(Clone, Copy)]
pub(super) struct Sse2;

impl Digits for Sse2 {
    #[inline(always)]
    fn others(window: &[u8; WINDOW]) -> u32 {
        // SAFETY: SSE2 is part of the architecture.
        unsafe { others_with_sse2(window) }
    }
}

#[target_feature(enable = "sse2")]
#[inline]
fn others_with_sse2(window: &[u8; WINDOW]) -> u32 {
    let (low, high) = window.split_at(WINDOW / 2);
    // SAFETY: half a window has 16 bytes, and the load needs no alignment.
    let [low, high] = [low, high].map(|half| unsafe { _mm_loadu_si128(half.as_ptr().cast()) });
    let [low, high] = [low, high].map(|bytes| {
        let above_zero = _mm_sub_epi8(bytes, _mm_set1_epi8(b'0'.cast_signed()));
        let nine = _mm_set1_epi8(9);
        // As with AVX2.
        _mm_movemask_epi8(_mm_cmpeq_epi8(_mm_max_epu8(above_zero, nine), nine)).cast_unsigned()
    });
    !(low | (high << 16))
}
