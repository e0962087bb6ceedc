//! The transforms on one axis, for the points 0, ±2/3, ±3/2 and infinity.
//!
//! A polynomial product is known from its values at as many points as it has coefficients (Toom 1963,
//! Cook 1966); Winograd's convolution is the transpose of that. With the usual points, ±1 and ±2, the
//! error is four times that of the direct sum; with two whose product is one it is twice, since their powers stay
//! near one (compare Barabasz et al. 2020, <https://arxiv.org/abs/1803.10986>).
//! `tests/reference/winograd_points.py` measures it.

use crate::cpu::simd::Simd;

const A: f64 = 2.0 / 3.0;
const B: f64 = 3.0 / 2.0;
const A2: f64 = A * A;
const B2: f64 = B * B;
/// What the values of a window at ±A and at ±B are divided by; at 0 it is `(A * B)^2`, which is one.
const OVER_A: f64 = 1.0 / (2.0 * A2 * (A2 - B2));
const OVER_B: f64 = 1.0 / (2.0 * B2 * (B2 - A2));

/// Six pixels of a map: Bᵀ d.
#[inline(always)]
pub(super) unsafe fn pixels<S: Simd>(d: [S::V; 6]) -> [S::V; 6] {
    // SAFETY: the caller vouches for the instructions, here and below.
    unsafe {
        let both = S::constant(-(A2 + B2));
        let [near, far] = [S::constant(-B2), S::constant(-A2)];
        let even_a = S::fma(near, d[2], d[4]);
        let odd_a = S::mul(S::constant(A), S::fma(near, d[1], d[3]));
        let even_b = S::fma(far, d[2], d[4]);
        let odd_b = S::mul(S::constant(B), S::fma(far, d[1], d[3]));
        [
            S::fma(both, d[2], S::add(d[0], d[4])),
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            S::fma(both, d[3], S::add(d[1], d[5])),
        ]
    }
}

/// Four pixels of a map from six products: Aᵀ m.
#[inline(always)]
pub(super) unsafe fn sums<S: Simd>(m: [S::V; 6]) -> [S::V; 4] {
    // SAFETY: as above.
    unsafe {
        let [even_a, odd_a] = [S::add(m[1], m[2]), S::sub(m[1], m[2])];
        let [even_b, odd_b] = [S::add(m[3], m[4]), S::sub(m[3], m[4])];
        [
            S::add(S::add(m[0], even_a), even_b),
            S::fma(S::constant(A), odd_a, S::mul(S::constant(B), odd_b)),
            S::fma(S::constant(A2), even_a, S::mul(S::constant(B2), even_b)),
            S::fma(S::constant(A * A2), odd_a, S::fma(S::constant(B * B2), odd_b, m[5])),
        ]
    }
}

/// The way back through [`sums`]: A y.
#[inline(always)]
pub(super) unsafe fn gradients<S: Simd>(y: [S::V; 4]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let even_a = S::fma(S::constant(A2), y[2], y[0]);
        let odd_a = S::mul(S::constant(A), S::fma(S::constant(A2), y[3], y[1]));
        let even_b = S::fma(S::constant(B2), y[2], y[0]);
        let odd_b = S::mul(S::constant(B), S::fma(S::constant(B2), y[3], y[1]));
        [
            y[0],
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            y[3],
        ]
    }
}

/// Three weights of a window: G g.
#[inline(always)]
pub(super) unsafe fn weights<S: Simd>(g: [S::V; 3]) -> [S::V; 6] {
    // SAFETY: as above.
    unsafe {
        let even = |over: f64, square: f64| {
            S::fma(S::constant(over * square), g[2], S::mul(S::constant(over), g[0]))
        };
        let [even_a, even_b] = [even(OVER_A, A2), even(OVER_B, B2)];
        let odd_a = S::mul(S::constant(OVER_A * A), g[1]);
        let odd_b = S::mul(S::constant(OVER_B * B), g[1]);
        [
            g[0],
            S::add(even_a, odd_a),
            S::sub(even_a, odd_a),
            S::add(even_b, odd_b),
            S::sub(even_b, odd_b),
            g[2],
        ]
    }
}

/// The way back through [`weights`]: Gᵀ u.
#[inline(always)]
pub(super) unsafe fn weight_gradients<S: Simd>(u: [S::V; 6]) -> [S::V; 3] {
    // SAFETY: as above.
    unsafe {
        let [even_a, odd_a] = [S::add(u[1], u[2]), S::sub(u[1], u[2])];
        let [even_b, odd_b] = [S::add(u[3], u[4]), S::sub(u[3], u[4])];
        let even = |by: [f64; 2], rest| {
            S::fma(S::constant(by[0]), even_a, S::fma(S::constant(by[1]), even_b, rest))
        };
        [
            even([OVER_A, OVER_B], u[0]),
            S::fma(S::constant(OVER_A * A), odd_a, S::mul(S::constant(OVER_B * B), odd_b)),
            even([OVER_A * A2, OVER_B * B2], u[5]),
        ]
    }
}

/// Applies a transform along the rows of a square of vectors, and then along its columns: `$from` numbers
/// become `$to` on each axis.
///
/// A macro for the reason that [`vectors`](crate::cpu::simd::vectors) is one.
macro_rules! on_both_axes {
    ($S:ty, $transform:ident, $from:literal => $to:literal, $square:expr) => {{
        let square: [[_; $from]; $from] = $square;
        let mut half = [[<$S>::zero(); $to]; $from];
        for row in 0..$from {
            half[row] = $crate::cpu::winograd::points::$transform::<$S>(square[row]);
        }
        let mut whole = [[<$S>::zero(); $to]; $to];
        for column in 0..$to {
            let mut line = [<$S>::zero(); $from];
            for row in 0..$from {
                line[row] = half[row][column];
            }
            let line = $crate::cpu::winograd::points::$transform::<$S>(line);
            for row in 0..$to {
                whole[row][column] = line[row];
            }
        }
        whole
    }};
}
pub(super) use on_both_axes;
