//! A convolution and its norm under the names that timm gives them nearly everywhere.

use burn::prelude::*;
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap,
};

/// A convolution with the batch norm behind it.
#[derive(Module, Debug)]
pub(crate) struct ConvNorm {
    pub(crate) conv: Conv2d,
    pub(crate) bn: BatchNorm,
}

impl ConvNorm {
    /// Untrained.
    pub(crate) fn new(conv: Conv2dConfig, epsilon: f64, device: &Device) -> Self {
        let [_, channels] = conv.channels;
        Self { conv: conv.init(device), bn: BatchNormConfig { channels, epsilon }.init(device) }
    }

    /// Channels of the output.
    pub(crate) fn channels_out(&self) -> usize {
        self.conv.channels_out()
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height', width']`.
    pub(crate) fn forward(&self, x: FeatureMap, activation: Activation) -> FeatureMap {
        ConvNormAct::new(&self.conv, &self.bn, activation).forward(x)
    }

    /// The same, with a shortcut added before the activation.
    pub(crate) fn forward_add(
        &self,
        x: FeatureMap,
        shortcut: FeatureMap,
        activation: Activation,
    ) -> FeatureMap {
        ConvNormAct::new(&self.conv, &self.bn, activation).forward_add(x, shortcut)
    }

    /// Both, with an activation behind them.
    pub(crate) fn unit(&self, activation: Activation) -> ConvNormAct<'_> {
        ConvNormAct::new(&self.conv, &self.bn, activation)
    }
}
