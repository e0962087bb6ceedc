//! The pre-activation blocks of ResNetV2: a norm and an activation come before each convolution. He et al. 2016, Figure 4 (e).

use burn::prelude::*;
use rekindle_layers::{
    Activation, AveragePool, BatchNorm, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, GroupNorm,
    GroupNormConfig, Weights,
};

use crate::residual::{Block, Shortcut, norm};

/// What normalizes, and with which weights a network convolves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Normalization {
    /// Batch norm.
    Batch,
    /// Norms of 32 groups of channels.
    Group,
    /// The same, with standardized weights (BiT).
    Standardized,
}

/// Groups of a group norm.
const GROUPS: usize = 32;
/// Added to the variance of standardized weights.
const STANDARD: Weights = Weights::Standardized { epsilon: 1e-8 };

/// A norm of either kind.
#[derive(Module, Debug)]
pub(crate) enum Norm {
    Batch(BatchNorm),
    Group(GroupNorm),
}

/// What a [`PreActivation`] is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PreActivationConfig {
    pub(crate) block: Block,
    pub(crate) channels: [usize; 2],
    pub(crate) stride: usize,
    pub(crate) shortcut: Shortcut,
    pub(crate) normalization: Normalization,
    /// Whether it is the first of its stage.
    pub(crate) place: Place,
}

/// Where in its stage a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    First,
    Later,
}

/// A pre-activation block; `norm3` and `conv3` exist in bottlenecks only.
#[derive(Module, Debug)]
pub(crate) struct PreActivation {
    downsample: Option<Downsample>,
    norm1: Norm,
    conv1: Conv2d,
    norm2: Norm,
    conv2: Conv2d,
    norm3: Option<Norm>,
    conv3: Option<Conv2d>,
}

#[derive(Module, Debug)]
struct Downsample {
    pool: Option<AveragePool>,
    conv: Conv2d,
}

impl Normalization {
    /// A norm of so many channels.
    pub(crate) fn norm(self, channels: usize, device: &Device) -> Norm {
        match self {
            Self::Batch => Norm::Batch(norm(channels, device)),
            Self::Group | Self::Standardized => {
                let config = GroupNormConfig { channels, groups: GROUPS, epsilon: 1e-5 };
                Norm::Group(config.init(device))
            }
        }
    }

    /// A convolution.
    pub(crate) fn conv(
        self,
        channels: [usize; 2],
        kernel: usize,
        stride: usize,
        device: &Device,
    ) -> Conv2d {
        let weights = match self {
            Self::Batch | Self::Group => Weights::Plain,
            Self::Standardized => STANDARD,
        };
        Conv2dConfig { stride, weights, ..Conv2dConfig::new(channels, kernel) }.init(device)
    }
}

impl Norm {
    /// The norm and a ReLU.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        match self {
            Self::Batch(norm) => norm.forward(x, Activation::Relu),
            Self::Group(norm) => norm.forward(x, Activation::Relu),
        }
    }

    /// A convolution, the norm and a ReLU.
    pub(crate) fn behind(&self, conv: &Conv2d, x: FeatureMap) -> FeatureMap {
        match self {
            Self::Batch(norm) => ConvNormAct::new(conv, norm, Activation::Relu).forward(x),
            Self::Group(norm) => norm.forward(alone(conv).forward(x), Activation::Relu),
        }
    }
}

/// A convolution with nothing behind.
pub(crate) fn alone(conv: &Conv2d) -> ConvNormAct<'_> {
    ConvNormAct::new(conv, None, Activation::Identity)
}

impl PreActivationConfig {
    pub(crate) fn init(&self, device: &Device) -> PreActivation {
        let Self { block, channels, stride, normalization, .. } = *self;
        let [channels_in, channels_out] = channels;
        let inside = channels_out / block.expansion();
        let norm = |channels| normalization.norm(channels, device);
        let conv = |channels, kernel, stride| normalization.conv(channels, kernel, stride, device);
        let smaller = stride != 1 || channels_in != channels_out;
        let (projected, conv1, conv2, conv3) = match block {
            Block::Basic => {
                let conv1 = conv([channels_in, inside], 3, stride);
                (smaller, conv1, conv([inside, channels_out], 3, 1), None)
            }
            Block::Bottleneck => (
                self.place == Place::First,
                conv([channels_in, inside], 1, 1),
                conv([inside, inside], 3, stride),
                Some(conv([inside, channels_out], 1, 1)),
            ),
        };
        let first = self.place == Place::First && projected;
        let (pool, step) = match self.shortcut {
            Shortcut::Strided => (None, stride),
            Shortcut::Average => ((stride != 1).then(|| AveragePool::new(2, stride)), 1),
        };
        PreActivation {
            downsample: first.then(|| Downsample { pool, conv: conv(channels, 1, step) }),
            norm1: norm(channels_in),
            conv1,
            norm2: norm(inside),
            norm3: conv3.is_some().then(|| norm(inside)),
            conv2,
            conv3,
        }
    }
}

impl PreActivation {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = self.norm1.forward(x.clone());
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(y.clone()),
            None => x,
        };
        let y = self.norm2.behind(&self.conv1, y);
        match (&self.norm3, &self.conv3) {
            (Some(norm3), Some(conv3)) => {
                alone(conv3).forward_add(norm3.behind(&self.conv2, y), shortcut)
            }
            _ => alone(&self.conv2).forward_add(y, shortcut),
        }
    }
}

impl Downsample {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = match &self.pool {
            Some(pool) => pool.forward(x),
            None => x,
        };
        alone(&self.conv).forward(x)
    }
}
