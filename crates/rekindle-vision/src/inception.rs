//! What Inception v3 and Inception-ResNet v2 have in common: branches side by side.

use burn::prelude::*;
use rekindle_layers::{Activation, Conv2dConfig, FeatureMap, MaxPool, Padding};

use crate::unit::ConvNorm;

/// A convolution with norm and ReLU that keeps the grid; a kernel's height and width may differ.
pub(crate) fn unit(channels: [usize; 2], kernel: [usize; 2], device: &Device) -> ConvNorm {
    ConvNorm::new(Conv2dConfig { kernel, ..Conv2dConfig::new(channels, 1) }, EPSILON, device)
}

/// The same without padding, `stride` pixels apart.
pub(crate) fn valid(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    device: &Device,
) -> ConvNorm {
    let padding = Padding::Valid;
    let config = Conv2dConfig { stride, padding, ..Conv2dConfig::new(channels, kernel) };
    ConvNorm::new(config, EPSILON, device)
}

/// Pixels a side of the smallest picture of which something is left.
pub(crate) const LEAST: usize = 75;
/// Added to the variance of every norm.
const EPSILON: f64 = 1e-3;

/// Convolutions with norm and ReLU one after the other.
pub(crate) fn chain<'a>(
    units: impl IntoIterator<Item = &'a ConvNorm>,
    x: FeatureMap,
) -> FeatureMap {
    units.into_iter().fold(x, |x, unit| unit.forward(x, Activation::Relu))
}

/// The pool that halves height and width without padding.
pub(crate) fn halved(x: FeatureMap) -> FeatureMap {
    MaxPool::new(3, 2, 0).forward(x)
}
