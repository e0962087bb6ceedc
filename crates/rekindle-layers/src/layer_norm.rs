//! Layer normalization. Ba, Kiros & Hinton 2016, <https://arxiv.org/abs/1607.06450>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::{FeatureMap, layer_norm};

/// Normalizes the numbers of each token.
///
/// Struct and field names are Burn's, so store adapters know it.
#[derive(Module, Debug)]
pub struct LayerNorm {
    /// Scale `[channels]`; `weight` in checkpoints.
    pub gamma: Param<Tensor<1>>,
    /// Shift `[channels]`; `bias` in checkpoints.
    pub beta: Option<Param<Tensor<1>>>,
    epsilon: f64,
}

/// What a [`LayerNorm`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LayerNormConfig {
    /// Numbers of a token.
    pub channels: usize,
    /// Added to the variance: 1e-12 in BERT, 1e-7 in DeBERTa, 1e-5 in PyTorch.
    pub epsilon: f64,
    /// Whether something is added to each.
    pub bias: bool,
}

impl LayerNormConfig {
    /// A norm with a shift.
    pub fn new(channels: usize, epsilon: f64) -> Self {
        Self { channels, epsilon, bias: true }
    }

    /// A layer that only normalizes until it is trained or loaded.
    pub fn init(&self, device: &Device) -> LayerNorm {
        LayerNorm {
            gamma: Initializer::Ones.init([self.channels], device),
            beta: self.bias.then(|| Initializer::Zeros.init([self.channels], device)),
            epsilon: self.epsilon,
        }
    }
}

impl LayerNorm {
    /// `[.., channels]` to the same shape.
    pub fn forward<const D: usize>(&self, x: Tensor<D>) -> Tensor<D> {
        let beta = self.beta.as_ref().map(|beta| beta.val());
        layer_norm(x, self.gamma.val(), beta, self.epsilon)
    }

    /// The norm of the channels of each pixel: `[batch, channels, height, width]` to the same shape.
    ///
    /// Nothing is moved where the channels of a pixel lie side by side.
    pub fn forward_map(&self, x: FeatureMap) -> FeatureMap {
        let rows = x.into_tensor().permute([0, 2, 3, 1]);
        FeatureMap::new(self.forward(rows).permute([0, 3, 1, 2]))
    }
}
