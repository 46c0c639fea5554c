//! The kernels of x86-64: 64 bytes in one register with AVX-512, in two with AVX2, in four with SSE2, which every such
//! processor has.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (VPCMPUB, VPCMPEQB, VPMAXUB, VPSUBB, VPMOVMSKB).
#![expect(
    unsafe_code,
    reason = "vector instructions; each kernel, and what it says of ASCII, is held to its portable twin by a property test"
)]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128,
    _mm_set1_epi8, _mm_sub_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8,
    _mm256_or_si256, _mm256_set1_epi8, _mm256_sub_epi8, _mm512_cmpeq_epi8_mask, _mm512_cmple_epu8_mask,
    _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_movepi8_mask, _mm512_or_si512, _mm512_set1_epi8,
    _mm512_sub_epi8,
};

use super::{Bits, CHUNK, Kernel, Word};

/// The widest kernel of this processor.
pub(super) fn kernel() -> Kernel {
    if has_avx512() {
        return avx512;
    }
    if has_avx2() { avx2 } else { sse2 }
}

#[cfg(any(test, feature = "internals"))]
pub(super) fn kernels() -> Vec<(&'static str, Kernel)> {
    let avx512 = has_avx512().then_some(("avx512", avx512 as Kernel));
    let avx2 = has_avx2().then_some(("avx2", avx2 as Kernel));
    avx512.into_iter().chain(avx2).chain([("sse2", sse2 as Kernel)]).collect()
}

fn has_avx2() -> bool {
    is_x86_feature_detected!("avx2")
}

fn has_avx512() -> bool {
    is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")
}

fn avx512(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    assert!(has_avx512(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX-512F and BW, as was just asserted.
    unsafe { with_avx512(first, text, bits) }
}

fn avx2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    assert!(has_avx2(), "only handed out where the processor has it");
    // SAFETY: the processor has AVX2, as was just asserted.
    unsafe { with_avx2(first, text, bits) }
}

fn sse2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    // SAFETY: SSE2 is part of the architecture.
    unsafe { with_sse2(first, text, bits) }
}

#[target_feature(enable = "avx512f,avx512bw")]
fn with_avx512(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let of = |byte: u8| _mm512_set1_epi8(byte.cast_signed());
    let (space, quote, backslash, newline) = (of(b' '), of(b'"'), of(b'\\'), of(b'\n'));
    // SAFETY: a chunk has 64 bytes, and the load needs no alignment.
    let load = |chunk: &[u8; CHUNK]| -> __m512i { unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) } };
    let mut all = of(0);
    let word = |chunk: &[u8; CHUNK]| {
        let bytes = load(chunk);
        all = _mm512_or_si512(all, bytes);
        Word {
            stops: _mm512_cmplt_epu8_mask(bytes, space) | _mm512_cmpeq_epi8_mask(bytes, quote),
            backslashes: _mm512_cmpeq_epi8_mask(bytes, backslash),
            newlines: _mm512_cmpeq_epi8_mask(bytes, newline),
        }
    };
    let within = |chunk: &[u8; CHUNK], low: u8, high: u8| {
        _mm512_cmple_epu8_mask(_mm512_sub_epi8(load(chunk), of(low)), of(high - low))
    };
    bits.fill(first, text, word, within);
    _mm512_movepi8_mask(all) == 0
}

#[target_feature(enable = "avx2")]
fn with_avx2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let of = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
    let is = |bytes: __m256i, byte: u8| _mm256_cmpeq_epi8(bytes, of(byte));
    // There is no unsigned comparison: what is at most a limit does not raise it.
    let at_most = |bytes: __m256i, limit: u8| is(_mm256_max_epu8(bytes, of(limit)), limit);
    let mask = |[low, high]: [__m256i; 2]| {
        let [low, high] = [low, high].map(|part| u64::from(_mm256_movemask_epi8(part).cast_unsigned()));
        low | high << 32
    };
    let mut all = of(0);
    let word = |chunk: &[u8; CHUNK]| {
        let halves = halves(chunk);
        all = _mm256_or_si256(all, _mm256_or_si256(halves[0], halves[1]));
        Word {
            stops: mask(halves.map(|half| _mm256_or_si256(at_most(half, 0x1f), is(half, b'"')))),
            backslashes: mask(halves.map(|half| is(half, b'\\'))),
            newlines: mask(halves.map(|half| is(half, b'\n'))),
        }
    };
    let within = |chunk: &[u8; CHUNK], low: u8, high: u8| {
        mask(halves(chunk).map(|half| at_most(_mm256_sub_epi8(half, of(low)), high - low)))
    };
    bits.fill(first, text, word, within);
    _mm256_movemask_epi8(all) == 0
}

#[target_feature(enable = "avx2")]
#[inline]
fn halves(chunk: &[u8; CHUNK]) -> [__m256i; 2] {
    // SAFETY: each half has 32 bytes, and the load needs no alignment.
    std::array::from_fn(|half| unsafe { _mm256_loadu_si256(chunk[32 * half..].as_ptr().cast()) })
}

#[target_feature(enable = "sse2")]
fn with_sse2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let of = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let is = |bytes: __m128i, byte: u8| _mm_cmpeq_epi8(bytes, of(byte));
    // As with AVX2.
    let at_most = |bytes: __m128i, limit: u8| is(_mm_max_epu8(bytes, of(limit)), limit);
    let mask = |parts: [__m128i; 4]| {
        let parts = parts.map(|part| u64::from(_mm_movemask_epi8(part).cast_unsigned()));
        parts[0] | parts[1] << 16 | parts[2] << 32 | parts[3] << 48
    };
    let mut all = of(0);
    let word = |chunk: &[u8; CHUNK]| {
        let quarters = quarters(chunk);
        all = quarters.into_iter().fold(all, |all, part| _mm_or_si128(all, part));
        Word {
            stops: mask(quarters.map(|part| _mm_or_si128(at_most(part, 0x1f), is(part, b'"')))),
            backslashes: mask(quarters.map(|part| is(part, b'\\'))),
            newlines: mask(quarters.map(|part| is(part, b'\n'))),
        }
    };
    let within = |chunk: &[u8; CHUNK], low: u8, high: u8| {
        mask(quarters(chunk).map(|part| at_most(_mm_sub_epi8(part, of(low)), high - low)))
    };
    bits.fill(first, text, word, within);
    _mm_movemask_epi8(all) == 0
}

#[target_feature(enable = "sse2")]
#[inline]
fn quarters(chunk: &[u8; CHUNK]) -> [__m128i; 4] {
    // SAFETY: each quarter has 16 bytes, and the load needs no alignment.
    std::array::from_fn(|part| unsafe { _mm_loadu_si128(chunk[16 * part..].as_ptr().cast()) })
}
