//! Batch normalization that agrees with PyTorch in training too. Ioffe & Szegedy 2015,
//! <https://arxiv.org/abs/1502.03167>.

use burn::{
    module::{Flag, Initializer, Param, RunningState},
    prelude::*,
};
use rekindle_kernels::{Activation, FeatureMap, Norm, Statistics, normalize};

/// What a [`BatchNorm`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BatchNormConfig {
    /// Channels of the input.
    pub channels: usize,
    /// Added to the variance; 1e-5 in PyTorch, 1e-3 in TensorFlow's EfficientNets.
    pub epsilon: f64,
}

/// Normalizes each channel: by the batch in training, by the running statistics otherwise.
///
/// Burn's layer of the same name feeds its running variance the biased variance of the batch. This
/// one feeds it the unbiased one, as PyTorch does, so that a network trained here evaluates as it
/// would there. Struct and field names are Burn's, so store adapters know it.
#[derive(Module, Debug)]
pub struct BatchNorm {
    /// Scale `[channels]`; `weight` in checkpoints.
    pub gamma: Param<Tensor<1>>,
    /// Shift `[channels]`; `bias` in checkpoints.
    pub beta: Param<Tensor<1>>,
    /// Whether training normalizes by the batch. Off where the layer is frozen or in validation:
    /// running statistics are used and do not move. The name is this layer's alone, so that a plan
    /// can turn it off and leave dropout as it is.
    pub batch_statistics: Param<Flag>,
    /// Mean `[channels]` over the batches seen.
    pub running_mean: RunningState<Tensor<1>>,
    /// Unbiased variance `[channels]` over the batches seen.
    pub running_var: RunningState<Tensor<1>>,
    /// Added to the variance.
    pub epsilon: f64,
}

impl BatchNormConfig {
    /// A layer that changes nothing until it is trained or loaded.
    pub fn init(&self, device: &Device) -> BatchNorm {
        let shape = [self.channels];
        BatchNorm {
            gamma: Initializer::Ones.init(shape, device),
            beta: Initializer::Zeros.init(shape, device),
            batch_statistics: Param::from_bool(true),
            running_mean: RunningState::new(Tensor::zeros(shape, device)),
            running_var: RunningState::new(Tensor::ones(shape, device)),
            epsilon: self.epsilon,
        }
    }
}

impl BatchNorm {
    /// Share of a new batch in the running statistics; PyTorch's and timm's default.
    pub const MOMENTUM: f64 = 0.1;

    /// Normalizes a map that no convolution stands before, then activates it: `[batch, channels, height, width]` in and out.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward(&self, x: FeatureMap, activation: Activation) -> FeatureMap {
        let norm = self.norm(&x.device());
        let (y, statistics) = normalize(x, norm, activation);
        if let Some(statistics) = statistics {
            self.update(statistics);
        }
        y
    }

    /// What normalizes a map on this device.
    pub(crate) fn norm(&self, device: &Device) -> Norm {
        let (gamma, beta, epsilon) = (self.gamma.val(), self.beta.val(), self.epsilon);
        if device.is_autodiff() && self.batch_statistics.is_enabled() {
            return Norm::Batch { gamma, beta, epsilon };
        }
        let mean = self.running_mean.value().to_device(device);
        let variance = self.running_var.value().to_device(device);
        Norm::Running { gamma, beta, mean, variance, epsilon }
    }

    /// The factor and the addend of each channel that it is outside of training.
    pub(crate) fn affine(&self) -> (Tensor<1>, Tensor<1>) {
        let deviation = (self.running_var.value() + self.epsilon).sqrt();
        let factor = self.gamma.val() / deviation;
        let addend = self.beta.val() - self.running_mean.value() * factor.clone();
        (factor, addend)
    }

    /// Moves the running statistics towards a batch's.
    pub(crate) fn update(&self, batch: Statistics) {
        let device = batch.mean.device();
        // Only on a device that builds graphs does a batch normalize itself; the small operations here stay outside
        // of the graph, where a node would take longer than they do.
        let blend = |running: &RunningState<Tensor<1>>, new: Tensor<1>| {
            let old = running.value_sync().to_device(&device).inner();
            running.update(Tensor::from_inner(old * (1.0 - Self::MOMENTUM) + new * Self::MOMENTUM));
        };
        blend(&self.running_mean, batch.mean.inner());
        // One value a channel has no variance; PyTorch stops there, we leave the statistic as it is.
        if batch.count > 1 {
            let unbiased = batch.count as f64 / (batch.count - 1) as f64;
            blend(&self.running_var, batch.variance.inner() * unbiased);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forward(norm: &BatchNorm, x: Tensor<4>) -> Tensor<4> {
        norm.forward(FeatureMap::new(x), Activation::Identity).into_tensor()
    }

    fn values(x: Tensor<1>) -> Vec<f32> {
        x.into_data().try_to_vec().unwrap()
    }

    /// `torch.nn.BatchNorm2d(2)` on arange(16).reshape(2, 2, 2, 2): running mean 0.1 * [5.5, 9.5] and
    /// variance 0.9 + 0.1 * 138/7 (unbiased; the biased variance is 17.25).
    #[test]
    fn running_statistics_follow_pytorch() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig { channels: 2, epsilon: 1e-5 }.init(&device);
        let x = Tensor::<1, Int>::arange(0..16, &device).float().reshape([2, 2, 2, 2]);
        forward(&norm, x);
        let norm = norm.valid();
        let mean = values(norm.running_mean.value());
        let variance = values(norm.running_var.value());
        let expected = (0.9 + 0.1 * 138.0 / 7.0) as f32;
        assert!((mean[0] - 0.55).abs() < 1e-6 && (mean[1] - 0.95).abs() < 1e-6, "{mean:?}");
        assert!(variance.iter().all(|v| (v - expected).abs() < 1e-5), "{variance:?}");
    }

    #[test]
    fn a_frozen_layer_does_not_move() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig { channels: 2, epsilon: 1e-5 }.init(&device).freeze();
        let x = Tensor::<4>::ones([2, 2, 3, 5], &device) * 3.0;
        let y = forward(&norm, x);
        let norm = norm.valid();
        assert_eq!(values(norm.running_mean.value()), [0.0, 0.0]);
        assert_eq!(values(norm.running_var.value()), [1.0, 1.0]);
        assert!((y.max().into_scalar::<f32>() - 3.0).abs() < 1e-4);
    }

    #[test]
    fn one_value_a_channel_is_no_nan() {
        let device = Device::flex().autodiff();
        let norm = BatchNormConfig { channels: 2, epsilon: 1e-5 }.init(&device);
        let y = forward(&norm, Tensor::ones([1, 2, 1, 1], &device));
        assert!(!y.is_nan().any().into_scalar::<bool>());
        assert_eq!(values(norm.valid().running_var.value()), [1.0, 1.0]);
    }
}
