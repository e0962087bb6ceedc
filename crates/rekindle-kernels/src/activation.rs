//! Activations of tensors of any shape, on any backend.

use burn::{
    prelude::*,
    tensor::activation::{gelu, gelu_approximate, relu, sigmoid, silu},
};

pub use crate::cpu::Activation;
use crate::cpu::QUICK;

impl Activation {
    /// Applies the function to every element, by Burn's operations.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Identity => x,
            Self::Relu => relu(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Silu => silu(x),
            Self::HardSwish => x.clone() * Self::HardSigmoid.forward(x),
            Self::Gelu => gelu(x),
            Self::GeluTanh => gelu_approximate(x),
            Self::QuickGelu => x.clone() * sigmoid(x * QUICK),
            Self::Sigmoid => sigmoid(x),
            Self::HardSigmoid => (x + 3.0).clamp(0.0, 6.0) / 6.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values at -4, -1, 0, 2 and 7, from the formulas in float64.
    #[test]
    fn values_follow_the_formulas() {
        for (activation, expected) in [
            (Activation::Identity, [-4.0, -1.0, 0.0, 2.0, 7.0]),
            (Activation::Relu, [0.0, 0.0, 0.0, 2.0, 7.0]),
            (Activation::Relu6, [0.0, 0.0, 0.0, 2.0, 6.0]),
            (Activation::Silu, [-0.07194484, -0.26894143, 0.0, 1.7615942, 6.993623]),
            (Activation::HardSwish, [0.0, -1.0 / 3.0, 0.0, 5.0 / 3.0, 7.0]),
            (Activation::Gelu, [-0.000126685, -0.15865526, 0.0, 1.9544997, 7.0]),
            (Activation::GeluTanh, [-0.000070246, -0.15880801, 0.0, 1.9545977, 7.0]),
            (Activation::QuickGelu, [-0.00441472, -0.15420423, 0.0, 1.9356588, 6.999953]),
            (Activation::Sigmoid, [0.01798621, 0.26894143, 0.5, 0.880797, 0.999089]),
            (Activation::HardSigmoid, [0.0, 1.0 / 3.0, 0.5, 5.0 / 6.0, 1.0]),
        ] {
            let x = Tensor::<1>::from_floats([-4.0, -1.0, 0.0, 2.0, 7.0], &Device::flex());
            let y = activation.forward(x).into_data().try_to_vec::<f32>().unwrap();
            for (y, expected) in y.iter().zip(expected) {
                assert!((y - expected).abs() < 1e-5, "{activation:?}: {y} against {expected}");
            }
        }
    }
}
