//! A convolution with its norm and activation, as the families call it.

use burn::{prelude::*, tensor::DType};
use rekindle_kernels::{Convolve, FeatureMap, Norm, convolve};

use crate::{Activation, BatchNorm, Conv2d};

/// A convolution with the norm and the activation behind it, computed in one pass over the map.
#[derive(Debug, Clone, Copy)]
pub struct ConvNormAct<'a> {
    conv: &'a Conv2d,
    norm: Option<&'a BatchNorm>,
    activation: Activation,
    factor: Option<f64>,
}

impl<'a> ConvNormAct<'a> {
    /// `conv`, then `norm` if there is one, then `activation`.
    pub fn new(
        conv: &'a Conv2d,
        norm: impl Into<Option<&'a BatchNorm>>,
        activation: Activation,
    ) -> Self {
        Self { conv, norm: norm.into(), activation, factor: None }
    }

    /// The same, multiplied by a number before anything is added: residual scaling, Szegedy et al. 2016, section 3.3.
    ///
    /// # Panics
    ///
    /// If there is a norm, which has factors of its own.
    pub fn scaled(self, factor: f64) -> Self {
        assert!(self.norm.is_none(), "a factor behind a norm");
        Self { factor: Some(factor), ..self }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height', width']`.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        self.run(x, None)
    }

    /// The same, with a shortcut of the output's shape added before the activation.
    ///
    /// # Panics
    ///
    /// If the channels or the shapes differ.
    pub fn forward_add(&self, x: FeatureMap, shortcut: FeatureMap) -> FeatureMap {
        self.run(x, Some(shortcut))
    }

    fn run(&self, x: FeatureMap, shortcut: Option<FeatureMap>) -> FeatureMap {
        let [_, _, height, width] = x.dims();
        let device = x.device();
        let with = Convolve {
            weight: self.conv.weights(),
            bias: self.conv.bias.as_ref().map(|bias| bias.val()),
            window: self.conv.window([height, width]),
            groups: self.conv.groups(),
            norm: match (self.norm, self.factor) {
                (Some(norm), _) => norm.norm(&device),
                (None, Some(factor)) => self.multiplication(factor, x.dtype(), &device),
                (None, None) => Norm::None,
            },
            shortcut,
            dropout: 0.0,
            activation: self.activation,
            packed: self.conv.packed(),
        };
        let (y, statistics) = convolve(x, with);
        if let (Some(norm), Some(statistics)) = (self.norm, statistics) {
            norm.update(statistics);
        }
        y
    }

    /// A norm that only multiplies.
    fn multiplication(&self, factor: f64, dtype: DType, device: &Device) -> Norm {
        let full = |value: f64| Tensor::full([self.conv.channels_out()], value, (device, dtype));
        let (gamma, variance) = (full(factor), full(1.0));
        Norm::Running { gamma, beta: full(0.0), mean: full(0.0), variance, epsilon: 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Bias, Conv2dConfig};

    #[test]
    fn a_factor_comes_before_what_is_added() {
        let device = Device::flex();
        let config = Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new([2, 2], 1) };
        let mut conv = config.init(&device);
        let identity = Tensor::<2>::eye(2, &device).reshape([2, 2, 1, 1]);
        conv.weight = burn::module::Param::from_tensor(identity);
        conv.bias = Some(burn::module::Param::from_tensor(Tensor::full([2], 3.0, &device)));
        let full = |value: f32| FeatureMap::new(Tensor::full([1, 2, 2, 2], value, &device));
        let unit = ConvNormAct::new(&conv, None, Activation::Relu).scaled(0.5);
        let y = unit.forward_add(full(1.0), full(-1.5)).into_tensor();
        assert!(y.into_data().iter::<f32>().all(|y| (y - 0.5).abs() < 1e-6));
    }
}
