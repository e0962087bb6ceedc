//! AVX2 with FMA, and AVX-512.

use std::arch::x86_64::*;

use super::{Kernel, Simd};

/// Sixteen `f32`.
#[derive(Clone, Copy)]
pub(super) struct Single16;

/// Eight `f32`.
#[derive(Clone, Copy)]
pub(super) struct Single8;

/// Four `f64`.
#[derive(Clone, Copy)]
pub(super) struct Double4;

/// Runs `kernel` compiled with AVX-512.
///
/// # Safety
///
/// The machine has AVX-512 F and DQ, AVX2 and FMA, and the pointers that the kernel holds are valid.
#[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
pub(super) unsafe fn avx512<S: Simd, K: Kernel<S::E>>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions and the kernel's pointers.
    unsafe { kernel.run::<S>() }
}

/// Runs `kernel` compiled with AVX2 and FMA.
///
/// # Safety
///
/// The machine has both, and the pointers that the kernel holds are valid.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn avx2<S: Simd, K: Kernel<S::E>>(kernel: K) -> K::Output {
    // SAFETY: the caller vouches for the instructions and the kernel's pointers.
    unsafe { kernel.run::<S>() }
}

/// One method from one expression over intrinsics.
macro_rules! method {
    ($name:ident($($arg:ident: $ty:ty),*) -> $out:ty = $body:expr) => {
        #[inline(always)]
        unsafe fn $name($($arg: $ty),*) -> $out {
            // SAFETY: instructions and pointers are the caller's, by the contract of the trait.
            unsafe { $body }
        }
    };
}

// SAFETY: each method is the instruction of that name.
unsafe impl Simd for Single16 {
    type E = f32;
    type V = __m512;
    const LANES: usize = 16;
    method!(splat(value: f32) -> __m512 = _mm512_set1_ps(value));
    method!(load(p: *const f32) -> __m512 = _mm512_loadu_ps(p));
    method!(load_part(p: *const f32, n: usize) -> __m512 = _mm512_maskz_loadu_ps(first(n), p));
    method!(store(p: *mut f32, v: __m512) -> () = _mm512_storeu_ps(p, v));
    method!(store_part(p: *mut f32, v: __m512, n: usize) -> () = _mm512_mask_storeu_ps(p, first(n), v));
    method!(add(a: __m512, b: __m512) -> __m512 = _mm512_add_ps(a, b));
    method!(sub(a: __m512, b: __m512) -> __m512 = _mm512_sub_ps(a, b));
    method!(mul(a: __m512, b: __m512) -> __m512 = _mm512_mul_ps(a, b));
    method!(div(a: __m512, b: __m512) -> __m512 = _mm512_div_ps(a, b));
    method!(fma(a: __m512, b: __m512, c: __m512) -> __m512 = _mm512_fmadd_ps(a, b, c));
    method!(max(a: __m512, b: __m512) -> __m512 = _mm512_max_ps(a, b));
    method!(min(a: __m512, b: __m512) -> __m512 = _mm512_min_ps(a, b));
    method!(sqrt(a: __m512) -> __m512 = _mm512_sqrt_ps(a));
    method!(select_gt(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 =
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GT_OQ>(a, b), no, yes));
    method!(select_ge(a: __m512, b: __m512, yes: __m512, no: __m512) -> __m512 =
        _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b), no, yes));
    method!(exp2_whole(n: __m512) -> __m512 = _mm512_scalef_ps(_mm512_set1_ps(1.0), n));
    method!(exp(x: __m512) -> __m512 = super::exp_f32::<Self>(x));
    method!(erf(x: __m512) -> __m512 = super::erf_f32::<Self>(x));
    method!(sum(v: __m512) -> f64 = {
        let low = _mm512_cvtps_pd(_mm512_castps512_ps256(v));
        let sums = _mm512_add_pd(low, _mm512_cvtps_pd(_mm512_extractf32x8_ps::<1>(v)));
        let low = _mm512_castpd512_pd256(sums);
        sum_4(_mm256_add_pd(low, _mm512_extractf64x4_pd::<1>(sums)))
    });
    method!(greatest(v: __m512) -> f32 = {
        greatest_8(_mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps::<1>(v)))
    });
}

// SAFETY: each method is the instruction of that name.
unsafe impl Simd for Single8 {
    type E = f32;
    type V = __m256;
    const LANES: usize = 8;
    method!(splat(value: f32) -> __m256 = _mm256_set1_ps(value));
    method!(load(p: *const f32) -> __m256 = _mm256_loadu_ps(p));
    method!(load_part(p: *const f32, n: usize) -> __m256 = _mm256_maskload_ps(p, first_8(n)));
    method!(store(p: *mut f32, v: __m256) -> () = _mm256_storeu_ps(p, v));
    method!(store_part(p: *mut f32, v: __m256, n: usize) -> () = _mm256_maskstore_ps(p, first_8(n), v));
    method!(add(a: __m256, b: __m256) -> __m256 = _mm256_add_ps(a, b));
    method!(sub(a: __m256, b: __m256) -> __m256 = _mm256_sub_ps(a, b));
    method!(mul(a: __m256, b: __m256) -> __m256 = _mm256_mul_ps(a, b));
    method!(div(a: __m256, b: __m256) -> __m256 = _mm256_div_ps(a, b));
    method!(fma(a: __m256, b: __m256, c: __m256) -> __m256 = _mm256_fmadd_ps(a, b, c));
    method!(max(a: __m256, b: __m256) -> __m256 = _mm256_max_ps(a, b));
    method!(min(a: __m256, b: __m256) -> __m256 = _mm256_min_ps(a, b));
    method!(sqrt(a: __m256) -> __m256 = _mm256_sqrt_ps(a));
    method!(select_gt(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 =
        _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GT_OQ>(a, b)));
    method!(select_ge(a: __m256, b: __m256, yes: __m256, no: __m256) -> __m256 =
        _mm256_blendv_ps(no, yes, _mm256_cmp_ps::<_CMP_GE_OQ>(a, b)));
    method!(exp2_whole(n: __m256) -> __m256 = {
        let n = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
        _mm256_castsi256_ps(_mm256_slli_epi32::<23>(n))
    });
    method!(exp(x: __m256) -> __m256 = super::exp_f32::<Self>(x));
    method!(erf(x: __m256) -> __m256 = super::erf_f32::<Self>(x));
    method!(sum(v: __m256) -> f64 = {
        let low = _mm256_cvtps_pd(_mm256_castps256_ps128(v));
        sum_4(_mm256_add_pd(low, _mm256_cvtps_pd(_mm256_extractf128_ps::<1>(v))))
    });
    method!(greatest(v: __m256) -> f32 = greatest_8(v));
}

// SAFETY: each method is the instruction of that name.
unsafe impl Simd for Double4 {
    type E = f64;
    type V = __m256d;
    const LANES: usize = 4;
    method!(splat(value: f64) -> __m256d = _mm256_set1_pd(value));
    method!(load(p: *const f64) -> __m256d = _mm256_loadu_pd(p));
    method!(load_part(p: *const f64, n: usize) -> __m256d = _mm256_maskload_pd(p, first_4(n)));
    method!(store(p: *mut f64, v: __m256d) -> () = _mm256_storeu_pd(p, v));
    method!(store_part(p: *mut f64, v: __m256d, n: usize) -> () = _mm256_maskstore_pd(p, first_4(n), v));
    method!(add(a: __m256d, b: __m256d) -> __m256d = _mm256_add_pd(a, b));
    method!(sub(a: __m256d, b: __m256d) -> __m256d = _mm256_sub_pd(a, b));
    method!(mul(a: __m256d, b: __m256d) -> __m256d = _mm256_mul_pd(a, b));
    method!(div(a: __m256d, b: __m256d) -> __m256d = _mm256_div_pd(a, b));
    method!(fma(a: __m256d, b: __m256d, c: __m256d) -> __m256d = _mm256_fmadd_pd(a, b, c));
    method!(max(a: __m256d, b: __m256d) -> __m256d = _mm256_max_pd(a, b));
    method!(min(a: __m256d, b: __m256d) -> __m256d = _mm256_min_pd(a, b));
    method!(sqrt(a: __m256d) -> __m256d = _mm256_sqrt_pd(a));
    method!(select_gt(a: __m256d, b: __m256d, yes: __m256d, no: __m256d) -> __m256d =
        _mm256_blendv_pd(no, yes, _mm256_cmp_pd::<_CMP_GT_OQ>(a, b)));
    method!(select_ge(a: __m256d, b: __m256d, yes: __m256d, no: __m256d) -> __m256d =
        _mm256_blendv_pd(no, yes, _mm256_cmp_pd::<_CMP_GE_OQ>(a, b)));
    method!(exp2_whole(n: __m256d) -> __m256d = each(n, f64::exp2));
    method!(exp(x: __m256d) -> __m256d = each(x, f64::exp));
    method!(erf(x: __m256d) -> __m256d = each(x, libm::erf));
}

#[inline(always)]
unsafe fn each(x: __m256d, f: fn(f64) -> f64) -> __m256d {
    let mut lanes = [0.0_f64; 4];
    // SAFETY: the caller has AVX2, and the array has four lanes.
    unsafe {
        _mm256_storeu_pd(lanes.as_mut_ptr(), x);
        _mm256_loadu_pd(lanes.map(f).as_ptr())
    }
}

#[inline(always)]
unsafe fn sum_4(v: __m256d) -> f64 {
    // SAFETY: the caller has AVX2.
    unsafe {
        let sums = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        _mm_cvtsd_f64(_mm_add_sd(sums, _mm_unpackhi_pd(sums, sums)))
    }
}

#[inline(always)]
unsafe fn greatest_8(v: __m256) -> f32 {
    // SAFETY: the caller has AVX2.
    unsafe {
        let most = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let most = _mm_max_ps(most, _mm_movehl_ps(most, most));
        _mm_cvtss_f32(_mm_max_ss(most, _mm_movehdup_ps(most)))
    }
}

#[inline(always)]
fn first(n: usize) -> __mmask16 {
    ((1_u32 << n.min(16)) - 1) as __mmask16
}

#[inline(always)]
unsafe fn first_8(n: usize) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe {
        let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        _mm256_cmpgt_epi32(_mm256_set1_epi32(n.min(8) as i32), lanes)
    }
}

#[inline(always)]
unsafe fn first_4(n: usize) -> __m256i {
    // SAFETY: the caller has AVX2.
    unsafe {
        let lanes = _mm256_setr_epi64x(0, 1, 2, 3);
        _mm256_cmpgt_epi64(_mm256_set1_epi64x(n.min(4) as i64), lanes)
    }
}
