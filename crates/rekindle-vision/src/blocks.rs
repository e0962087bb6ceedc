//! The rows of the tables of EfficientNet and MobileNet, and what their blocks have in common.

use burn::prelude::*;
use rekindle_layers::{Activation, ConvNormAct, DropPath, FeatureMap, LayerScale, Padding};

use crate::antialias::Antialias;
pub use crate::squeeze::Squeeze;

/// A row of a network's table of blocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blocks {
    /// Which block.
    pub kind: Kind,
    /// How often it is repeated; only the first repeat has the stride.
    pub repeats: usize,
    /// Kernel of its spatial convolution.
    pub kernel: usize,
    /// Stride of the first repeat.
    pub stride: usize,
    /// How many times wider than its input it is inside.
    pub expand: f64,
    /// Channels of its output, before the width factor.
    pub channels: usize,
    /// Whether channels are weighed.
    pub squeeze: Squeeze,
    /// Its activation.
    pub activation: Activation,
}

/// The blocks of the families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A convolution; EfficientNetV2 starts with residual ones, MobileNetV3 ends with a plain one.
    Convolution(Skip),
    /// Depthwise, then pointwise.
    Depthwise,
    /// The same with an activation behind both, and never residual (MobileNetV1).
    Separable,
    /// Pointwise, depthwise, pointwise (MBConv).
    Inverted,
    /// One full convolution in place of the first two (Fused-MBConv of EfficientNetV2).
    Fused,
    /// Inverted, with a depthwise convolution of `start` pixels before it (MobileNetV4). It may lack either depthwise
    /// convolution: one of no pixels.
    Universal {
        /// Kernel of the first depthwise convolution.
        start: usize,
    },
    /// Attention whose heads share keys and values (MobileNetV4).
    Attention(MultiQueryConfig),
}

/// What tells one attention from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MultiQueryConfig {
    /// Heads.
    pub heads: usize,
    /// Channels of a head.
    pub width: usize,
    /// How many times smaller than the map that of keys and values is, in each direction.
    pub reduction: usize,
}

/// Whether a plain convolution is residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Its input is added where the shapes agree.
    Residual,
    /// It is not.
    None,
}

/// What a block needs to know besides its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockConfig {
    pub(crate) row: Blocks,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) stride: usize,
    pub(crate) drop_path: f64,
    pub(crate) padding: Padding,
    pub(crate) epsilon: f64,
    pub(crate) antialias: Antialias,
    pub(crate) layer_scale: Option<f64>,
}

impl BlockConfig {
    /// Stride of the convolution that makes the map smaller, unless something behind it does.
    pub(crate) fn strided(&self) -> usize {
        if self.halving() == Antialias::None { self.stride } else { 1 }
    }

    /// What makes the map smaller behind that convolution.
    pub(crate) fn halving(&self) -> Antialias {
        if self.stride == 1 { Antialias::None } else { self.antialias }
    }

    /// Where the block is residual.
    pub(crate) fn drop_path(&self) -> Option<DropPath> {
        let plain = matches!(self.row.kind, Kind::Separable | Kind::Convolution(Skip::None));
        let residual = self.stride == 1 && self.channels_in == self.channels_out && !plain;
        residual.then(|| DropPath::new(self.drop_path))
    }

    /// Of the blocks of MobileNetV4.
    pub(crate) fn layer_scale(&self, device: &Device) -> Option<LayerScale> {
        self.layer_scale.map(|initial| LayerScale::new(self.channels_out, initial, device))
    }
}

/// What is inside a block, then its last unit, and its input added to that.
pub(crate) fn residual(
    drop_path: Option<&DropPath>,
    x: FeatureMap,
    inside: impl FnOnce(FeatureMap) -> FeatureMap,
    last: &ConvNormAct<'_>,
) -> FeatureMap {
    match drop_path {
        Some(drop_path) => drop_path.forward_add(last, inside(x.clone()), x),
        None => last.forward(inside(x)),
    }
}
