//! Group normalization. Wu & He 2018, <https://arxiv.org/abs/1803.08494>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::{self as kernels, Activation, FeatureMap};

/// What a [`GroupNorm`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct GroupNormConfig {
    /// Channels of the input.
    pub channels: usize,
    /// Parts of the channels that are normalized together.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

/// Normalizes groups of each picture's channels by their own mean and variance, in training and out of it.
///
/// Struct and field names are Burn's, so store adapters know it.
#[derive(Module, Debug)]
pub struct GroupNorm {
    /// Scale `[channels]`; `weight` in checkpoints.
    pub gamma: Param<Tensor<1>>,
    /// Shift `[channels]`; `bias` in checkpoints.
    pub beta: Param<Tensor<1>>,
    groups: usize,
    epsilon: f64,
}

impl GroupNormConfig {
    /// A layer that only normalizes until it is trained or loaded.
    ///
    /// # Panics
    ///
    /// If the groups do not divide the channels.
    pub fn init(&self, device: &Device) -> GroupNorm {
        let Self { channels, groups, epsilon } = *self;
        assert!(
            groups > 0 && channels.is_multiple_of(groups),
            "{channels} channels in {groups} groups"
        );
        GroupNorm {
            gamma: Initializer::Ones.init([channels], device),
            beta: Initializer::Zeros.init([channels], device),
            groups,
            epsilon,
        }
    }
}

impl GroupNorm {
    /// Normalizes, then activates: `[batch, channels, height, width]` in and out.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward(&self, x: FeatureMap, activation: Activation) -> FeatureMap {
        let with = kernels::GroupNorm {
            gamma: self.gamma.val(),
            beta: self.beta.val(),
            groups: self.groups,
            epsilon: self.epsilon,
        };
        kernels::group_norm(x, with, activation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.nn.GroupNorm(2, 4)` on arange(8).reshape(1, 4, 1, 2).
    #[test]
    fn groups_are_normalized_apart() {
        let config = GroupNormConfig { channels: 4, groups: 2, epsilon: 1e-5 };
        let norm = config.init(&Device::flex());
        let x = Tensor::<1, Int>::arange(0..8, &Device::flex()).float().reshape([1, 4, 1, 2]);
        let y = norm.forward(FeatureMap::new(x), Activation::Identity).into_tensor();
        let y: Vec<f32> = y.into_data().try_to_vec().unwrap();
        let expected = [-1.3416355, -0.4472118, 0.4472118, 1.3416355];
        for (y, expected) in y.iter().zip(expected.iter().cycle()) {
            assert!((y - expected).abs() < 1e-5, "{y} against {expected}");
        }
    }
}
