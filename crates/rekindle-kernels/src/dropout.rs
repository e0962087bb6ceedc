//! Dropout on any backend.

use burn::{backend::Dispatch, prelude::*, tensor::Distribution};

use crate::{cpu::dropout::Dropout, ops::Kernels, ours::is_ours};

/// `x` with each number dropped with this probability, and the others grown by as much: to the shape of `x`.
///
/// Which are dropped depends on the seed of the device. On Flex they are another choice than Burn's, made on all threads, and
/// nothing is kept for the way back.
///
/// # Panics
///
/// If the probability is not in `[0, 1)`.
pub fn dropout<const D: usize>(x: Tensor<D>, probability: f64) -> Tensor<D> {
    assert!((0.0..1.0).contains(&probability), "a share of {probability} is dropped");
    if probability == 0.0 {
        return x;
    }
    if !is_ours(&[(x.device(), x.dtype())]) {
        let kept = x.random_like(Distribution::Bernoulli(1.0 - probability));
        return x * kept * (1.0 / (1.0 - probability));
    }
    let x = x.into_dispatch();
    Tensor::from_dispatch(<Dispatch as Kernels>::drop_rows(x, drawn(probability)))
}

/// What a single dropout drops, as the device's seed has it.
pub(crate) fn drawn(probability: f64) -> Dropout {
    /// Whole numbers below are all there in `f32`.
    const RANGE: f64 = (1 << 24) as f64;
    let drawn = Tensor::<1>::random([3], Distribution::Uniform(0.0, RANGE), &Device::flex());
    let key = drawn.into_data().iter::<f64>().fold(0_u64, |key, x| (key << 22) ^ x as u64);
    Dropout::new(key, probability)
}
