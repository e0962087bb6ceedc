//! Vectors, chosen at run time: AVX-512, AVX2 with FMA, or whatever the compiler makes of plain code.
//!
//! A kernel is written once over [`Simd`] and entered through [`Real::dispatch`], which compiles it for
//! each set of instructions. Everything below the entry is `#[inline(always)]`, so that it is compiled
//! with the entry's instructions.

mod portable;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::{
    fmt::Debug,
    ops::{Add, Div, Mul, Sub},
    sync::OnceLock,
};

/// A set of instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Isa {
    /// 512 bits, 32 registers.
    Avx512,
    /// 256 bits, 16 registers, fused multiply-add.
    Avx2,
    /// 128 bits as the compiler can: SSE2 on x86-64, NEON on aarch64.
    Portable,
}

impl Isa {
    /// The best this machine has; `REKINDLE_ISA=avx2` or `portable` asks for less.
    pub fn best() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| {
            let available = Self::available();
            let asked = std::env::var("REKINDLE_ISA").unwrap_or_default();
            let wanted =
                available.iter().find(|isa| format!("{isa:?}").eq_ignore_ascii_case(&asked));
            *wanted.unwrap_or(&available[0])
        })
    }

    /// All that this machine has, the best first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        // Miri knows few instructions, so it runs plain code.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        {
            let fma = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            if fma && is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512dq") {
                found.push(Self::Avx512);
            }
            if fma {
                found.push(Self::Avx2);
            }
        }
        found.push(Self::Portable);
        found
    }

    /// Rows and vectors of a register tile: as many sums as fit the registers beside one row of weights
    /// and one value of the input.
    pub(crate) fn tile(self) -> (usize, usize) {
        match self {
            Self::Avx512 => (12, 2),
            Self::Avx2 | Self::Portable => (6, 2),
        }
    }
}

/// The numbers that kernels compute with: `f32`, and `f64` to prove the same code right.
pub(crate) trait Real:
    Copy
    + Default
    + Debug
    + Send
    + Sync
    + PartialOrd
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + 'static
{
    /// 0
    const ZERO: Self;
    /// 1
    const ONE: Self;
    /// The nearest number.
    fn of(value: f64) -> Self;
    /// The same number.
    fn wide(self) -> f64;
    /// Numbers in a vector of `isa`.
    fn lanes(isa: Isa) -> usize;
    /// Runs `kernel` with the instructions of `isa`.
    ///
    /// # Safety
    ///
    /// The pointers the kernel holds are valid, and `isa` is one of [`Isa::available`].
    unsafe fn dispatch<K: Kernel<Self>>(isa: Isa, kernel: K) -> K::Output;
}

/// Something to compute with any instructions.
pub(crate) trait Kernel<E: Real> {
    /// What comes out.
    type Output;

    /// Computes it; must be `#[inline(always)]`.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `S`, and the pointers the kernel holds are valid.
    unsafe fn run<S: Simd<E = E>>(self) -> Self::Output;
}

/// A vector of [`Simd::LANES`] numbers and what can be done with it.
///
/// # Safety
///
/// Every function may be called only where the machine has the instructions, and each pointer must be
/// valid for the lanes it is read or written for.
#[allow(clippy::missing_safety_doc, reason = "the trait says it once for all")]
pub(crate) unsafe trait Simd: Copy + 'static {
    /// A number.
    type E: Real;
    /// A vector.
    type V: Copy;
    /// Numbers in a vector.
    const LANES: usize;
    /// `value` in every lane.
    unsafe fn splat(value: Self::E) -> Self::V;
    /// `LANES` numbers from `p`.
    unsafe fn load(p: *const Self::E) -> Self::V;
    /// The first `n` numbers from `p`, zero in the other lanes.
    unsafe fn load_part(p: *const Self::E, n: usize) -> Self::V;
    /// Writes all lanes.
    unsafe fn store(p: *mut Self::E, v: Self::V);
    /// Writes the first `n` lanes.
    unsafe fn store_part(p: *mut Self::E, v: Self::V, n: usize);
    /// `a + b`
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// `a - b`
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b`
    unsafe fn mul(a: Self::V, b: Self::V) -> Self::V;
    /// `a / b`
    unsafe fn div(a: Self::V, b: Self::V) -> Self::V;
    /// `a * b + c`
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// The greater of each lane; `b` where one is NaN.
    unsafe fn max(a: Self::V, b: Self::V) -> Self::V;
    /// The smaller of each lane; `b` where one is NaN.
    unsafe fn min(a: Self::V, b: Self::V) -> Self::V;
    /// The square root.
    unsafe fn sqrt(a: Self::V) -> Self::V;
    /// `yes` in lanes where `a > b`, else `no`.
    unsafe fn select_gt(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// `yes` in lanes where `a >= b`, else `no`.
    unsafe fn select_ge(a: Self::V, b: Self::V, yes: Self::V, no: Self::V) -> Self::V;
    /// The error function.
    unsafe fn erf(x: Self::V) -> Self::V;
    /// `2^n` for whole `n` in `-126 ..= 127`.
    unsafe fn exp2_whole(n: Self::V) -> Self::V;
    /// `e^x` to the last place or two, for `x` in `-87 ..= 88` and no smaller or greater beyond.
    unsafe fn exp(x: Self::V) -> Self::V;

    /// Asks for the memory at `p`, which need not be there, to be brought to the second cache.
    #[inline(always)]
    unsafe fn prefetch(p: *const Self::E) {
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: part of SSE, which every x86-64 has; it never faults.
        unsafe {
            use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
            _mm_prefetch::<_MM_HINT_T1>(p.cast());
        }
        #[cfg(any(not(target_arch = "x86_64"), miri))]
        let _ = p;
    }

    /// [`Simd::load`], or [`Simd::load_part`] where fewer are left than a vector holds.
    #[inline(always)]
    unsafe fn load_up_to(p: *const Self::E, left: usize) -> Self::V {
        // SAFETY: `left` numbers by contract.
        unsafe { if left >= Self::LANES { Self::load(p) } else { Self::load_part(p, left) } }
    }

    /// [`Simd::store`], or [`Simd::store_part`] where fewer are left than a vector holds.
    #[inline(always)]
    unsafe fn store_up_to(p: *mut Self::E, v: Self::V, left: usize) {
        // SAFETY: `left` numbers by contract.
        unsafe {
            if left >= Self::LANES { Self::store(p, v) } else { Self::store_part(p, v, left) }
        }
    }

    /// Zero in every lane.
    #[inline(always)]
    unsafe fn zero() -> Self::V {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self::splat(Self::E::ZERO) }
    }

    /// `value` in every lane.
    #[inline(always)]
    unsafe fn constant(value: f64) -> Self::V {
        // SAFETY: the caller vouches for the instructions.
        unsafe { Self::splat(Self::E::of(value)) }
    }

    /// The sum of all lanes in double precision, in a fixed order: the second half of them is added to the first, until one is
    /// left, which is the shortest chain that there is.
    #[inline(always)]
    unsafe fn sum(v: Self::V) -> f64 {
        let mut lanes = [Self::E::ZERO; 16];
        // SAFETY: 16 lanes are the most there are.
        unsafe { Self::store(lanes.as_mut_ptr(), v) };
        let mut sums = lanes.map(Real::wide);
        let mut half = Self::LANES / 2;
        while half > 0 {
            (0..half).for_each(|lane| sums[lane] += sums[lane + half]);
            half /= 2;
        }
        sums[0]
    }

    /// The greatest of all lanes, none of which is NaN.
    #[inline(always)]
    unsafe fn greatest(v: Self::V) -> Self::E {
        let mut lanes = [Self::E::ZERO; 16];
        // SAFETY: 16 lanes are the most there are.
        unsafe { Self::store(lanes.as_mut_ptr(), v) };
        lanes[1..Self::LANES].iter().fold(lanes[0], |most, &x| if x > most { x } else { most })
    }
}

/// Runs `$body` with `$at` at each whole vector of `0..$len` and `$left` a vector's lanes, and once more
/// for what is left.
///
/// A macro rather than a closure: what is not inlined is not compiled for the instructions.
macro_rules! vectors {
    ($S:ty, $len:expr, |$at:ident, $left:ident| $body:block) => {{
        let len: usize = $len;
        let mut $at = 0;
        while $at + <$S>::LANES <= len {
            let $left = <$S>::LANES;
            $body
            $at += <$S>::LANES;
        }
        if $at < len {
            let $left = len - $at;
            $body
        }
    }};
}
pub(crate) use vectors;

/// `e^x` for the vectors of `f32`: Cody and Waite's reduction and the polynomial of Cephes' `expf`.
#[inline(always)]
unsafe fn exp_f32<S: Simd<E = f32>>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        // NaN stays NaN: where one is NaN, the second is the result.
        let x = S::max(S::splat(-87.0), S::min(S::splat(88.0), x));
        // Adding and subtracting 1.5 * 2^23 rounds to whole numbers.
        let magic = S::splat(12_582_912.0);
        let n = S::sub(S::fma(x, S::splat(std::f32::consts::LOG2_E), magic), magic);
        // x - n ln 2, with ln 2 in two parts.
        let r = S::fma(n, S::splat(-0.693_359_4), x);
        let r = S::fma(n, S::splat(2.121_944_4e-4), r);
        let mut p = S::splat(1.987_569_1e-4);
        for c in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 0.166_666_65, 0.5] {
            p = S::fma(p, r, S::splat(c));
        }
        let y = S::fma(S::mul(r, r), p, S::add(r, S::splat(1.0)));
        S::mul(y, S::exp2_whole(n))
    }
}

/// The error function for the vectors of `f32`, within 3e-7: `x p(x^2) / q(x^2)`, whose relative error up to 3.92 is least, and
/// which is 1 and a little more where it ends.
#[inline(always)]
unsafe fn erf_f32<S: Simd<E = f32>>(x: S::V) -> S::V {
    /// Highest power first.
    #[allow(clippy::approx_constant, reason = "the last one was fitted along with the others")]
    const P: [f32; 6] =
        [2.050_083_1e-6, 2.848_805_7e-4, 3.765_563_7e-3, 5.274_855_3e-2, 0.190_405_37, 1.128_379_1];
    const Q: [f32; 6] =
        [3.809_156_3e-5, 1.162_520_8e-3, 1.496_910_9e-2, 0.114_108_64, 0.502_075_1, 1.0];
    // SAFETY: the caller vouches for the instructions. NaN stays NaN: where one is NaN, the second is the result.
    unsafe {
        let bounded = |x, most: f32| S::max(S::splat(-most), S::min(S::splat(most), x));
        let x = bounded(x, 4.2);
        let square = S::mul(x, x);
        let (mut p, mut q) = (S::splat(P[0]), S::splat(Q[0]));
        for index in 1..P.len() {
            p = S::fma(p, square, S::splat(P[index]));
            q = S::fma(q, square, S::splat(Q[index]));
        }
        bounded(S::div(S::mul(x, p), q), 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Exp<'a, E>(&'a mut [E]);

    impl<E: Real> Kernel<E> for Exp<'_, E> {
        type Output = ();

        #[inline(always)]
        unsafe fn run<S: Simd<E = E>>(self) {
            for chunk in self.0.chunks_mut(S::LANES) {
                // SAFETY: no more than the chunk is read and written.
                unsafe {
                    let x = S::load_part(chunk.as_ptr(), chunk.len());
                    S::store_part(chunk.as_mut_ptr(), S::exp(x), chunk.len());
                }
            }
        }
    }

    fn check_exp<E: Real>(tolerance: f64) {
        for isa in Isa::available() {
            let x: Vec<f64> = (-8700..8800).map(|i| f64::from(i) / 100.0).collect();
            let mut y: Vec<E> = x.iter().map(|&x| E::of(x)).collect();
            // SAFETY: the kernel holds a slice, and the instructions are there.
            unsafe { E::dispatch(isa, Exp(&mut y)) };
            for (x, y) in x.iter().zip(&y) {
                let expected = E::of(*x).wide().exp();
                let error = (y.wide() - expected).abs() / expected;
                assert!(error < tolerance, "{isa:?}: exp({x}) is {y:?}, error {error:e}");
            }
        }
    }

    #[test]
    fn exponentials_are_right_to_the_last_places() {
        check_exp::<f32>(2.5e-7);
        check_exp::<f64>(1e-15);
    }

    #[test]
    fn an_exponential_of_no_number_is_none() {
        for isa in Isa::available() {
            let mut y = [f32::NAN, 1e9, -1e9];
            // SAFETY: as above.
            unsafe { f32::dispatch(isa, Exp(&mut y)) };
            assert!(y[0].is_nan() && y[1] > 1e38 && y[2] < 1e-37, "{isa:?}: {y:?}");
        }
    }
}
