//! Activation functions and their slopes, over vectors.

use super::simd::Simd;

/// A function of one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activation {
    /// `x`
    Identity,
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x sigmoid(x)`
    Silu,
    /// `x relu6(x + 3) / 6`
    HardSwish,
    /// `x (1 + erf(x / sqrt(2))) / 2`
    Gelu,
    /// `x sigmoid(sqrt(8 / pi) (x + 0.044715 x^3))`, PyTorch's GELU with `approximate="tanh"`
    GeluTanh,
    /// `x sigmoid(1.702 x)`, CLIP's
    QuickGelu,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `relu6(x + 3) / 6`
    HardSigmoid,
}

/// How much steeper the sigmoid of [`Activation::QuickGelu`] is (<https://arxiv.org/abs/1606.08415>, section 2).
pub(crate) const QUICK: f64 = 1.702;

impl Activation {
    /// The least and the greatest value, if that is all that the function does.
    pub(crate) fn clamp(self) -> Option<(f64, f64)> {
        match self {
            Self::Identity => Some((f64::NEG_INFINITY, f64::INFINITY)),
            Self::Relu => Some((0.0, f64::INFINITY)),
            Self::Relu6 => Some((0.0, 6.0)),
            _ => None,
        }
    }

    /// Whether the slope can be told from the value, so that the argument need not be kept.
    pub(crate) fn slope_from_value(self) -> bool {
        self.clamp().is_some()
    }

    /// The function.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn value<S: Simd>(self, x: S::V) -> S::V {
        // SAFETY: by contract. A minimum or maximum with a number first keeps what is NaN.
        unsafe {
            match self {
                Self::Identity => x,
                Self::Relu => S::max(S::zero(), x),
                Self::Relu6 => S::max(S::zero(), S::min(S::constant(6.0), x)),
                Self::Silu => S::div(x, S::add(S::constant(1.0), S::exp(S::sub(S::zero(), x)))),
                Self::HardSwish => S::mul(x, hard_sigmoid::<S>(x)),
                Self::Gelu => S::mul(S::mul(x, S::constant(0.5)), normal_2::<S>(x)),
                Self::GeluTanh => S::mul(x, sigmoid::<S>(tanh_argument::<S>(x))),
                Self::QuickGelu => S::mul(x, sigmoid::<S>(S::mul(x, S::constant(QUICK)))),
                Self::Sigmoid => sigmoid::<S>(x),
                Self::HardSigmoid => hard_sigmoid::<S>(x),
            }
        }
    }

    /// The function's slope. Where the function has a corner it is PyTorch's.
    ///
    /// # Safety
    ///
    /// The machine has the instructions of `S`.
    #[inline(always)]
    pub(crate) unsafe fn slope<S: Simd>(self, x: S::V) -> S::V {
        // SAFETY: by contract.
        unsafe {
            let (zero, one) = (S::zero(), S::constant(1.0));
            match self {
                Self::Identity => one,
                Self::Relu => S::select_gt(x, zero, one, zero),
                Self::Relu6 => between::<S>(x, 0.0, 6.0, one),
                Self::Silu => {
                    let s = sigmoid::<S>(x);
                    S::mul(s, S::fma(x, S::sub(one, s), one))
                }
                Self::HardSwish => {
                    let inside = S::fma(x, S::constant(1.0 / 3.0), S::constant(0.5));
                    let upper = S::select_gt(S::constant(3.0), x, inside, one);
                    S::select_gt(x, S::constant(-3.0), upper, zero)
                }
                Self::Gelu => {
                    let square = S::mul(S::mul(x, x), S::constant(-0.5));
                    let density = S::mul(S::exp(square), S::constant(0.398_942_280_401_432_7));
                    S::fma(x, density, S::mul(S::constant(0.5), normal_2::<S>(x)))
                }
                Self::GeluTanh => {
                    let s = sigmoid::<S>(tanh_argument::<S>(x));
                    let rise = S::fma(
                        S::mul(x, x),
                        S::constant(3.0 * ROOT_8_OVER_PI * CUBIC),
                        S::constant(ROOT_8_OVER_PI),
                    );
                    S::mul(s, S::fma(S::mul(x, rise), S::sub(one, s), one))
                }
                Self::QuickGelu => {
                    let scaled = S::mul(x, S::constant(QUICK));
                    let s = sigmoid::<S>(scaled);
                    S::mul(s, S::fma(scaled, S::sub(one, s), one))
                }
                Self::Sigmoid => {
                    let s = sigmoid::<S>(x);
                    S::mul(s, S::sub(one, s))
                }
                Self::HardSigmoid => between::<S>(x, -3.0, 3.0, S::constant(1.0 / 6.0)),
            }
        }
    }
}

/// `inside` where `low < x < high`, else zero.
#[inline(always)]
unsafe fn between<S: Simd>(x: S::V, low: f64, high: f64, inside: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let above = S::select_gt(x, S::constant(low), inside, S::zero());
        S::select_gt(S::constant(high), x, above, S::zero())
    }
}

/// `1 / (1 + exp(-x))`
#[inline(always)]
pub(super) unsafe fn sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let one = S::constant(1.0);
        S::div(one, S::add(one, S::exp(S::sub(S::zero(), x))))
    }
}

#[inline(always)]
unsafe fn hard_sigmoid<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let y = S::fma(x, S::constant(1.0 / 6.0), S::constant(0.5));
        S::max(S::zero(), S::min(S::constant(1.0), y))
    }
}

/// `sqrt(8 / pi)`
const ROOT_8_OVER_PI: f64 = 1.595_769_121_605_730_7;
/// The share of the cube in the argument of GELU's tanh.
const CUBIC: f64 = 0.044715;

/// `sqrt(8 / pi) (x + 0.044715 x^3)`: twice the argument of GELU's tanh.
#[inline(always)]
unsafe fn tanh_argument<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let cubic = S::constant(ROOT_8_OVER_PI * CUBIC);
        S::mul(x, S::fma(S::mul(x, x), cubic, S::constant(ROOT_8_OVER_PI)))
    }
}

/// Twice the normal distribution, `1 + erf(x / sqrt(2))`.
#[inline(always)]
unsafe fn normal_2<S: Simd>(x: S::V) -> S::V {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let scaled = S::mul(x, S::constant(std::f64::consts::FRAC_1_SQRT_2));
        S::add(S::constant(1.0), S::erf(scaled))
    }
}
