//! A convolution with its norm and activation, as the families call it.

use rekindle_kernels::{Convolve, FeatureMap, Norm, convolve};

use crate::{Activation, BatchNorm, Conv2d, LayerScale};

/// A convolution with the norm and the activation behind it, computed in one pass over the map.
#[derive(Debug, Clone, Copy)]
pub struct ConvNormAct<'a> {
    conv: &'a Conv2d,
    norm: Option<&'a BatchNorm>,
    scale: Option<&'a LayerScale>,
    activation: Activation,
}

impl<'a> ConvNormAct<'a> {
    /// `conv`, then `norm` if there is one, then `activation`.
    pub fn new(
        conv: &'a Conv2d,
        norm: impl Into<Option<&'a BatchNorm>>,
        activation: Activation,
    ) -> Self {
        Self { conv, norm: norm.into(), scale: None, activation }
    }

    /// The same, with the channels scaled behind the norm.
    pub fn scaled(self, scale: Option<&'a LayerScale>) -> Self {
        Self { scale, ..self }
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
        let norm = self.norm.map_or(Norm::None, |norm| norm.norm(&device));
        let with = Convolve {
            weight: self.conv.weight.val(),
            bias: self.conv.bias.as_ref().map(|bias| bias.val()),
            window: self.conv.window([height, width]),
            groups: self.conv.groups(),
            norm: match self.scale {
                Some(scale) => scale.behind(norm),
                None => norm,
            },
            shortcut,
            dropout: 0.0,
            activation: self.activation,
            packed: Some(self.conv.packed()),
        };
        let (y, statistics) = convolve(x, with);
        if let (Some(norm), Some(statistics)) = (self.norm, statistics) {
            norm.update(statistics);
        }
        y
    }
}
