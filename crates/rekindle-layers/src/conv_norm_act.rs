//! A convolution or linear layer with its norm and activation, as the families call it.

use burn::{module::Param, prelude::*};
use rekindle_kernels::{Convolve, FeatureMap, Norm, PackedWeights, Window, convolve};

use crate::{
    Activation, BatchNorm, Conv2d, Projection,
    layer_scale::behind,
    projection::{as_map, as_sequence},
};

/// A convolution with the norm and the activation behind it, computed in one pass over the map.
#[derive(Debug, Clone, Copy)]
pub struct ConvNormAct<'a> {
    matrix: Matrix<'a>,
    norm: Option<&'a BatchNorm>,
    factor: Factor<'a>,
    activation: Activation,
}

/// What a map is multiplied by.
#[derive(Debug, Clone, Copy)]
pub enum Matrix<'a> {
    /// Windows of it.
    Convolution(&'a Conv2d),
    /// Its pixels: a linear layer is a convolution whose windows are of one pixel.
    Linear(&'a Projection),
}

/// What the norm's output is multiplied by.
#[derive(Debug, Clone, Copy)]
enum Factor<'a> {
    Nothing,
    /// A factor for each channel.
    Learned(&'a Param<Tensor<1>>),
    /// One for all of them.
    Fixed(f64),
}

impl<'a> From<&'a Conv2d> for Matrix<'a> {
    fn from(conv: &'a Conv2d) -> Self {
        Self::Convolution(conv)
    }
}

impl<'a> From<&'a Projection> for Matrix<'a> {
    fn from(linear: &'a Projection) -> Self {
        Self::Linear(linear)
    }
}

impl Matrix<'_> {
    /// `[channels_out, channels_in / groups, height, width]`, and what is added to each channel.
    fn weights(&self) -> (Tensor<4>, Option<Tensor<1>>) {
        let value = |bias: &Option<Param<Tensor<1>>>| bias.as_ref().map(|bias| bias.val());
        match self {
            Self::Convolution(conv) => (conv.weights(), value(&conv.bias)),
            Self::Linear(linear) => {
                (linear.weight.val().unsqueeze_dims(&[2, 3]), value(&linear.bias))
            }
        }
    }

    /// The window over a map of this height and width, and the groups.
    fn window(&self, size: [usize; 2]) -> (Window, usize) {
        match self {
            Self::Convolution(conv) => (conv.window(size), conv.groups()),
            Self::Linear(_) => (Window::square(1, 1, 0), 1),
        }
    }

    fn packed(&self) -> Option<&PackedWeights> {
        match self {
            Self::Convolution(conv) => conv.packed(),
            Self::Linear(linear) => Some(linear.packed()),
        }
    }
}

impl<'a> ConvNormAct<'a> {
    /// `matrix`, then `norm` if there is one, then `activation`.
    pub fn new(
        matrix: impl Into<Matrix<'a>>,
        norm: impl Into<Option<&'a BatchNorm>>,
        activation: Activation,
    ) -> Self {
        let (matrix, norm) = (matrix.into(), norm.into());
        Self { matrix, norm, factor: Factor::Nothing, activation }
    }

    /// The same, with a learned factor for each channel behind the norm, `[channels_out]`, where there is one: LayerScale,
    /// Touvron et al. 2021, <https://arxiv.org/abs/2103.17239>.
    pub fn scaled(self, scale: Option<&'a Param<Tensor<1>>>) -> Self {
        Self { factor: scale.map_or(Factor::Nothing, Factor::Learned), ..self }
    }

    /// The same, multiplied by a number before anything is added: residual scaling, Szegedy et al. 2016, section 3.3.
    pub fn times(self, factor: f64) -> Self {
        Self { factor: Factor::Fixed(factor), ..self }
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

    /// The same of a sequence, `[batch, length, channels_in]` to the shortcut's `[batch, length, channels_out]`.
    ///
    /// # Panics
    ///
    /// If the channels or the shapes differ.
    pub fn forward_sequence_add(&self, x: Tensor<3>, shortcut: Tensor<3>) -> Tensor<3> {
        as_sequence(self.forward_add(as_map(x), as_map(shortcut)))
    }

    fn run(&self, x: FeatureMap, shortcut: Option<FeatureMap>) -> FeatureMap {
        let [_, _, height, width] = x.dims();
        let device = x.device();
        let (weight, bias) = self.matrix.weights();
        let (window, groups) = self.matrix.window([height, width]);
        let norm = self.norm.map_or(Norm::None, |norm| norm.norm(&device));
        let norm = match self.factor {
            Factor::Nothing => norm,
            Factor::Learned(scale) => behind(norm, scale.val()),
            Factor::Fixed(factor) => {
                let options = (&device, weight.dtype());
                behind(norm, Tensor::full([weight.dims()[0]], factor, options))
            }
        };
        let with = Convolve {
            weight,
            bias,
            window,
            groups,
            norm,
            shortcut,
            dropout: 0.0,
            activation: self.activation,
            packed: self.matrix.packed(),
        };
        let (y, statistics) = convolve(x, with);
        if let (Some(norm), Some(statistics)) = (self.norm, statistics) {
            norm.update(statistics);
        }
        y
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
        let unit = ConvNormAct::new(&conv, None, Activation::Relu).times(0.5);
        let y = unit.forward_add(full(1.0), full(-1.5)).into_tensor();
        assert!(y.into_data().iter::<f32>().all(|y| (y - 0.5).abs() < 1e-6));
    }
}
