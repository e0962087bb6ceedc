//! A convolution and its norm under the names that timm gives them nearly everywhere.

use burn::prelude::*;
use rekindle_layers::{Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct};

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

    /// Both, with an activation behind them.
    pub(crate) fn unit(&self, activation: Activation) -> ConvNormAct<'_> {
        ConvNormAct::new(&self.conv, &self.bn, activation)
    }
}
