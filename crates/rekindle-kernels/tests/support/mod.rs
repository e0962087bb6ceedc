//! Random operands, and how far results are from those of Burn.

use burn::{
    prelude::*,
    tensor::{DType, TensorData},
};

/// SplitMix64: the same numbers every time.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn range(&mut self, low: usize, high: usize) -> usize {
        low + (self.next() % (high - low + 1) as u64) as usize
    }

    /// A tensor of numbers that `f32` and `f64` both have.
    pub(crate) fn tensor<const D: usize>(
        &mut self,
        shape: [usize; D],
        low: f32,
        high: f32,
    ) -> TensorData {
        let unit = |bits: u64| (bits >> 40) as f32 / (1_u64 << 24) as f32;
        let count = shape.iter().product();
        let values: Vec<f32> = (0..count).map(|_| low + (high - low) * unit(self.next())).collect();
        TensorData::new(values, shape)
    }
}

/// A tensor on an autodiff device, in double precision or not, of which gradients are taken.
pub(crate) fn leaf<const D: usize>(data: &TensorData, dtype: DType) -> Tensor<D> {
    let plain = Tensor::<D>::from_data(data.clone(), &Device::flex()).cast(dtype);
    Tensor::from_inner(plain).require_grad()
}

#[allow(dead_code, reason = "a test that reads gradients alone has no tensors")]
pub(crate) fn wide<const D: usize>(x: Tensor<D>) -> Vec<f64> {
    x.into_data().iter::<f64>().collect()
}

/// The largest difference relative to the largest number.
pub(crate) fn apart(found: &[f64], expected: &[f64]) -> f64 {
    assert_eq!(found.len(), expected.len());
    let scale = expected.iter().fold(1e-3, |most, x| f64::max(most, x.abs()));
    let differences = found.iter().zip(expected).map(|(a, b)| (a - b).abs() / scale);
    differences.fold(0.0, |most, x| if x.is_nan() { f64::INFINITY } else { f64::max(most, x) })
}
