//! The activations of the vision families, as data.

use burn::{
    prelude::*,
    tensor::activation::{relu, sigmoid, silu},
};

/// An activation function, chosen by a row of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// `max(x, 0)`
    Relu,
    /// `min(max(x, 0), 6)`
    Relu6,
    /// `x sigmoid(x)`, also called swish.
    Silu,
    /// `x relu6(x + 3) / 6`, MobileNetV3 (Howard et al. 2019, section 5.2).
    HardSwish,
    /// `1 / (1 + exp(-x))`
    Sigmoid,
    /// `relu6(x + 3) / 6`; Burn's default has another slope.
    HardSigmoid,
}

impl Activation {
    /// Applies the function to every element of a tensor of any shape.
    pub fn forward<const D: usize>(self, x: Tensor<D>) -> Tensor<D> {
        match self {
            Self::Relu => relu(x),
            Self::Relu6 => x.clamp(0.0, 6.0),
            Self::Silu => silu(x),
            Self::HardSwish => x.clone() * Self::HardSigmoid.forward(x),
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
            (Activation::Relu, [0.0, 0.0, 0.0, 2.0, 7.0]),
            (Activation::Relu6, [0.0, 0.0, 0.0, 2.0, 6.0]),
            (Activation::Silu, [-0.07194484, -0.26894143, 0.0, 1.7615942, 6.993623]),
            (Activation::HardSwish, [0.0, -1.0 / 3.0, 0.0, 5.0 / 3.0, 7.0]),
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
