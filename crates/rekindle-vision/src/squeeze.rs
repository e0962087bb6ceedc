//! Squeeze and excitation with biases, under the names of EfficientNet and MobileNetV3, and under those of ResNet and
//! RegNet: Hu et al. 2017, <https://arxiv.org/abs/1709.01507>.

use burn::prelude::*;
use rekindle_layers::{Activation, Bias, Conv2d, Conv2dConfig, FeatureMap, squeeze_excite};

use crate::widths::multiple_of_8;

/// How narrow the middle of squeeze and excitation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squeeze {
    /// There is none.
    None,
    /// A quarter of the block's input (EfficientNet).
    Input,
    /// A quarter of the block's inside, a multiple of 8, with ReLU and a hard gate (MobileNetV3).
    Inside,
}

/// Weighs channels by what their means say.
#[derive(Module, Debug)]
pub(crate) struct SqueezeExcite {
    conv_reduce: Conv2d,
    conv_expand: Conv2d,
    #[module(skip)]
    activations: [Activation; 2],
}

impl Squeeze {
    /// For a block of so many channels, and so many inside of it, with this activation.
    pub(crate) fn init(
        self,
        [channels_in, inside]: [usize; 2],
        activation: Activation,
        device: &Device,
    ) -> Option<SqueezeExcite> {
        let (middle, activations) = match self {
            Self::None => return None,
            Self::Input => (channels_in / 4, [activation, Activation::Sigmoid]),
            Self::Inside => {
                (multiple_of_8(inside as f64 / 4.0), [Activation::Relu, Activation::HardSigmoid])
            }
        };
        let conv = |channels| {
            Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new(channels, 1) }.init(device)
        };
        let conv_reduce = conv([inside, middle]);
        Some(SqueezeExcite { conv_reduce, conv_expand: conv([middle, inside]), activations })
    }
}

impl SqueezeExcite {
    /// `[batch, channels, height, width]` to the same.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        squeeze_excite(x, [&self.conv_reduce, &self.conv_expand], self.activations)
    }
}

/// The same with ReLU, where checkpoints number the layers.
#[derive(Module, Debug)]
pub(crate) struct NumberedSqueezeExcite {
    fc1: Conv2d,
    fc2: Conv2d,
}

impl NumberedSqueezeExcite {
    /// For so many channels, and so many in the middle.
    pub(crate) fn new([channels, middle]: [usize; 2], device: &Device) -> Self {
        let conv = |channels| {
            Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new(channels, 1) }.init(device)
        };
        Self { fc1: conv([channels, middle]), fc2: conv([middle, channels]) }
    }

    /// `[batch, channels, height, width]` to the same.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        squeeze_excite(x, [&self.fc1, &self.fc2], [Activation::Relu, Activation::Sigmoid])
    }
}
