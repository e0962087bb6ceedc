//! The residual blocks of ResNet and its kin; Figure 5 of He et al. 2015.

use burn::prelude::*;
use rekindle_layers::{
    Activation, AveragePool, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct,
    FeatureMap, add,
};

use crate::{squeeze::NumberedSqueezeExcite, widths::nearest_multiple_of_8};

/// The two residual blocks of the paper (Figure 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Two 3x3 convolutions.
    Basic,
    /// 1x1, 3x3, 1x1; the last widens four times.
    Bottleneck,
}

/// How a shortcut becomes smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shortcut {
    /// The 1x1 convolution has the stride.
    Strided,
    /// A 2x2 average comes first (ResNet-D's D tweak).
    Average,
}

/// What weighs channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Nothing.
    None,
    /// Squeeze and excitation, 16 times narrower.
    SqueezeExcite,
}

/// What a [`Residual`] is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResidualConfig {
    pub(crate) block: Block,
    pub(crate) channels_in: usize,
    pub(crate) width: usize,
    pub(crate) stride: usize,
    pub(crate) cardinality: usize,
    pub(crate) base_width: usize,
    pub(crate) shortcut: Shortcut,
    pub(crate) attention: Attention,
}

/// A residual block; `conv3` and `bn3` exist in bottlenecks only.
#[derive(Module, Debug)]
pub(crate) struct Residual {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    conv3: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    se: Option<NumberedSqueezeExcite>,
    downsample: Option<Downsample>,
}

/// Tuples count the parameterless layers too, so that indices equal the checkpoint's.
#[derive(Module, Debug)]
enum Downsample {
    Strided((Conv2d, BatchNorm)),
    Average((Option<AveragePool>, Conv2d, BatchNorm)),
}

impl Block {
    /// How many times wider than its layer's width the output is.
    pub(crate) const fn expansion(self) -> usize {
        match self {
            Self::Basic => 1,
            Self::Bottleneck => 4,
        }
    }
}

impl ResidualConfig {
    pub(crate) fn init(&self, device: &Device) -> Residual {
        let Self { block, channels_in, width, stride, cardinality, base_width, .. } = *self;
        let channels_out = width * block.expansion();
        let conv = |channels, kernel, stride, groups| {
            Conv2dConfig { stride, groups, ..Conv2dConfig::new(channels, kernel) }.init(device)
        };
        let (conv1, conv2, conv3) = match block {
            Block::Basic => {
                (conv([channels_in, width], 3, stride, 1), conv([width, width], 3, 1, 1), None)
            }
            Block::Bottleneck => {
                let inner = width * base_width / 64 * cardinality;
                (
                    conv([channels_in, inner], 1, 1, 1),
                    conv([inner, inner], 3, stride, cardinality),
                    Some(conv([inner, channels_out], 1, 1, 1)),
                )
            }
        };
        let inner = conv2.channels_out();
        let bottleneck = conv3.is_some();
        Residual {
            conv1,
            bn1: norm(inner, device),
            conv2,
            bn2: norm(inner, device),
            conv3,
            bn3: bottleneck.then(|| norm(channels_out, device)),
            se: (self.attention == Attention::SqueezeExcite)
                // A sixteenth, rounded to a multiple of 8 as timm does.
                .then(|| {
                    let squeezed = nearest_multiple_of_8(channels_out as f64 / 16.0);
                    NumberedSqueezeExcite::new([channels_out, squeezed], device)
                }),
            downsample: (stride != 1 || channels_in != channels_out).then(|| {
                Downsample::new(self.shortcut, [channels_in, channels_out], stride, device)
            }),
        }
    }
}

impl Residual {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(x.clone()),
            None => x.clone(),
        };
        let y = ConvNormAct::new(&self.conv1, &self.bn1, Activation::Relu).forward(x);
        let (y, conv, bn) = match (&self.conv3, &self.bn3) {
            (Some(conv3), Some(bn3)) => {
                (ConvNormAct::new(&self.conv2, &self.bn2, Activation::Relu).forward(y), conv3, bn3)
            }
            _ => (y, &self.conv2, &self.bn2),
        };
        match &self.se {
            Some(se) => {
                let y = ConvNormAct::new(conv, bn, Activation::Identity).forward(y);
                add(se.forward(y), shortcut, Activation::Relu)
            }
            None => ConvNormAct::new(conv, bn, Activation::Relu).forward_add(y, shortcut),
        }
    }
}

impl Downsample {
    fn new(shortcut: Shortcut, channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let conv = |stride| Conv2dConfig { stride, ..Conv2dConfig::new(channels, 1) }.init(device);
        let bn = norm(channels[1], device);
        match shortcut {
            Shortcut::Strided => Self::Strided((conv(stride), bn)),
            Shortcut::Average => {
                Self::Average(((stride != 1).then(|| AveragePool::new(2, 2)), conv(1), bn))
            }
        }
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let (x, conv, bn) = match self {
            Self::Strided((conv, bn)) => (x, conv, bn),
            Self::Average((Some(pool), conv, bn)) => (pool.forward(x), conv, bn),
            Self::Average((None, conv, bn)) => (x, conv, bn),
        };
        ConvNormAct::new(conv, bn, Activation::Identity).forward(x)
    }
}

pub(crate) fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig { channels, epsilon: 1e-5 }.init(device)
}
