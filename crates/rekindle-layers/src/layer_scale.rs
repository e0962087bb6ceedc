//! A learned factor for each channel of a residual branch: LayerScale of Touvron et al. 2021, <https://arxiv.org/abs/2103.17239>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::Norm;

/// Factors of the channels of a branch, computed with the convolution that ends it:
/// [`ConvNormAct::scaled`](crate::ConvNormAct::scaled).
#[derive(Module, Debug)]
pub struct LayerScale {
    /// `[channels]`
    pub gamma: Param<Tensor<1>>,
}

impl LayerScale {
    /// As many factors as channels, that begin with `initial`.
    pub fn new(channels: usize, initial: f64, device: &Device) -> Self {
        Self { gamma: Initializer::Constant { value: initial }.init([channels], device) }
    }
}

/// What normalizes and then multiplies each channel by its factor, `[channels]`.
pub(crate) fn behind(norm: Norm, scale: Tensor<1>) -> Norm {
    match norm {
        Norm::None => Norm::Running {
            beta: scale.zeros_like(),
            mean: scale.zeros_like(),
            variance: scale.ones_like(),
            gamma: scale,
            epsilon: 0.0,
        },
        Norm::Running { gamma, beta, mean, variance, epsilon } => {
            let (gamma, beta) = (gamma * scale.clone(), beta * scale);
            Norm::Running { gamma, beta, mean, variance, epsilon }
        }
        Norm::Batch { gamma, beta, epsilon } => {
            Norm::Batch { gamma: gamma * scale.clone(), beta: beta * scale, epsilon }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activation, BatchNormConfig, Conv2dConfig, ConvNormAct};
    use rekindle_kernels::FeatureMap;

    /// With a norm and without, in training and outside of it: as if it was multiplied afterwards, gradients too.
    #[test]
    fn scaled_is_multiplied_afterwards() {
        let factors = [0.5_f32, -2.0, 3.0];
        for device in [Device::flex(), Device::flex().autodiff()] {
            let x = Tensor::<1, Int>::arange(0..48, &device).float().sin().reshape([2, 2, 3, 4]);
            let conv = Conv2dConfig::new([2, 3], 3).init(&device);
            let mut norm = BatchNormConfig { channels: 3, epsilon: 1e-3 }.init(&device);
            norm.beta = Param::from_tensor(Tensor::from_floats([0.3, -0.2, 0.1], &device));
            let scale =
                LayerScale { gamma: Param::from_tensor(Tensor::from_floats(factors, &device)) };
            for norm in [None, Some(&norm)] {
                let run = |scale: Option<&LayerScale>| {
                    let tracks = device.is_autodiff();
                    let x = if tracks { x.clone().require_grad() } else { x.clone() };
                    let unit = ConvNormAct::new(&conv, norm, Activation::Identity)
                        .scaled(scale.map(|scale| &scale.gamma));
                    let mut y = unit.forward(FeatureMap::new(x.clone())).into_tensor();
                    if scale.is_none() {
                        y = y * Tensor::<1>::from_floats(factors, &device).reshape([1, 3, 1, 1]);
                    }
                    if !tracks {
                        return vec![y];
                    }
                    let gradients = (y.clone() * y.clone()).sum().backward();
                    vec![y.inner(), x.grad(&gradients).unwrap()]
                };
                for (ours, expected) in run(Some(&scale)).into_iter().zip(run(None)) {
                    let difference: f32 = (ours - expected).abs().max().into_scalar();
                    assert!(difference < 1e-4, "{difference}, a norm: {}", norm.is_some());
                }
            }
        }
    }
}
