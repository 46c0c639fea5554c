//! The kernels of x86-64: 64 bytes in one register with AVX-512, in two with AVX2, in four with SSE2, which every such
//! processor has.
//!
//! Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2 (VPCMPUB, VPCMPEQB, VPMOVMSKB).
#![expect(
    unsafe_code,
    reason = "vector instructions; each kernel, and what it says of ASCII, is held to its portable twin by a property test"
)]

use std::arch::x86_64::{
    __m128i, __m256i, __m512i, _mm_cmpeq_epi8, _mm_loadu_si128, _mm_max_epu8, _mm_movemask_epi8, _mm_or_si128,
    _mm_set1_epi8, _mm256_cmpeq_epi8, _mm256_loadu_si256, _mm256_max_epu8, _mm256_movemask_epi8, _mm256_or_si256,
    _mm256_set1_epi8, _mm512_cmpeq_epi8_mask, _mm512_cmplt_epu8_mask, _mm512_loadu_si512, _mm512_movepi8_mask,
    _mm512_or_si512, _mm512_set1_epi8,
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
    let mut all = of(0);
    bits.fill(first, text, |chunk| {
        // SAFETY: a chunk has 64 bytes, and the load needs no alignment.
        let bytes: __m512i = unsafe { _mm512_loadu_si512(chunk.as_ptr().cast()) };
        all = _mm512_or_si512(all, bytes);
        Word {
            stops: _mm512_cmplt_epu8_mask(bytes, space)
                | _mm512_cmpeq_epi8_mask(bytes, quote)
                | _mm512_cmpeq_epi8_mask(bytes, backslash),
            newlines: _mm512_cmpeq_epi8_mask(bytes, newline),
        }
    });
    _mm512_movepi8_mask(all) == 0
}

#[target_feature(enable = "avx2")]
fn with_avx2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let mut all = _mm256_set1_epi8(0);
    bits.fill(first, text, |chunk| {
        let (low, high) = chunk.split_at(CHUNK / 2);
        // SAFETY: half a chunk has 32 bytes, and the load needs no alignment.
        let [low, high] = [low, high].map(|half| unsafe { _mm256_loadu_si256(half.as_ptr().cast()) });
        all = _mm256_or_si256(all, _mm256_or_si256(low, high));
        let (low, high) = (half(low), half(high));
        let [stops, newlines] = std::array::from_fn(|kind| u64::from(low[kind]) | (u64::from(high[kind]) << 32));
        Word { stops, newlines }
    });
    _mm256_movemask_epi8(all) == 0
}

/// Stops and newlines of 32 bytes.
#[target_feature(enable = "avx2")]
#[inline]
fn half(bytes: __m256i) -> [u32; 2] {
    let of = |byte: u8| _mm256_set1_epi8(byte.cast_signed());
    let mask = |bytes: __m256i| _mm256_movemask_epi8(bytes).cast_unsigned();
    // There is no unsigned comparison: what is at most a limit does not raise it.
    let control = _mm256_cmpeq_epi8(_mm256_max_epu8(bytes, of(0x1f)), of(0x1f));
    let quote_or_backslash = _mm256_or_si256(_mm256_cmpeq_epi8(bytes, of(b'"')), _mm256_cmpeq_epi8(bytes, of(b'\\')));
    let newline = _mm256_cmpeq_epi8(bytes, of(b'\n'));
    [mask(_mm256_or_si256(control, quote_or_backslash)), mask(newline)]
}

#[target_feature(enable = "sse2")]
fn with_sse2(first: usize, text: &[u8], bits: &mut Bits) -> bool {
    let mut all = _mm_set1_epi8(0);
    bits.fill(first, text, |chunk| {
        let mut word = Word { stops: 0, newlines: 0 };
        for (part, bytes) in chunk.chunks_exact(16).enumerate() {
            // SAFETY: a part has 16 bytes, and the load needs no alignment.
            let bytes = unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) };
            all = _mm_or_si128(all, bytes);
            let [stops, newlines] = quarter(bytes).map(|bits| u64::from(bits) << (16 * part));
            word.stops |= stops;
            word.newlines |= newlines;
        }
        word
    });
    _mm_movemask_epi8(all) == 0
}

/// Stops and newlines of 16 bytes.
#[target_feature(enable = "sse2")]
#[inline]
fn quarter(bytes: __m128i) -> [u32; 2] {
    let of = |byte: u8| _mm_set1_epi8(byte.cast_signed());
    let mask = |bytes: __m128i| _mm_movemask_epi8(bytes).cast_unsigned();
    // As with AVX2.
    let control = _mm_cmpeq_epi8(_mm_max_epu8(bytes, of(0x1f)), of(0x1f));
    let quote_or_backslash = _mm_or_si128(_mm_cmpeq_epi8(bytes, of(b'"')), _mm_cmpeq_epi8(bytes, of(b'\\')));
    let newline = _mm_cmpeq_epi8(bytes, of(b'\n'));
    [mask(_mm_or_si128(control, quote_or_backslash)), mask(newline)]
}
