//! The residual blocks of ResNet and its kin; Figure 5 of He et al. 2015.

use burn::{
    nn::{
        conv::{Conv2d, Conv2dConfig},
        pool::{AvgPool2d, AvgPool2dConfig},
    },
    prelude::*,
    tensor::activation::relu,
};
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Padding, convolution, squeeze_excite,
};

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
    se: Option<SqueezeExcite>,
    downsample: Option<Downsample>,
}

/// Tuples count the parameterless layers too, so that indices equal the checkpoint's.
#[derive(Module, Debug)]
enum Downsample {
    Strided((Conv2d, BatchNorm)),
    Average((Option<AvgPool2d>, Conv2d, BatchNorm)),
}

#[derive(Module, Debug)]
struct SqueezeExcite {
    fc1: Conv2d,
    fc2: Conv2d,
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
            convolution(channels, kernel, stride, Padding::Symmetric)
                .with_groups(groups)
                .init(device)
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
        let inner = conv2.weight.shape()[0];
        let bottleneck = conv3.is_some();
        Residual {
            conv1,
            bn1: norm(inner, device),
            conv2,
            bn2: norm(inner, device),
            conv3,
            bn3: bottleneck.then(|| norm(channels_out, device)),
            se: (self.attention == Attention::SqueezeExcite)
                .then(|| SqueezeExcite::new(channels_out, device)),
            downsample: (stride != 1 || channels_in != channels_out).then(|| {
                Downsample::new(self.shortcut, [channels_in, channels_out], stride, device)
            }),
        }
    }
}

impl Residual {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(x.clone()),
            None => x.clone(),
        };
        let y = relu(self.bn1.forward(self.conv1.forward(x)));
        let y = self.bn2.forward(self.conv2.forward(y));
        let y = match (&self.conv3, &self.bn3) {
            (Some(conv), Some(bn)) => bn.forward(conv.forward(relu(y))),
            _ => y,
        };
        let y = match &self.se {
            Some(se) => {
                squeeze_excite(y, [&se.fc1, &se.fc2], [Activation::Relu, Activation::Sigmoid])
            }
            None => y,
        };
        relu(y + shortcut)
    }
}

impl Downsample {
    fn new(shortcut: Shortcut, channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let conv = |stride| convolution(channels, 1, stride, Padding::Symmetric).init(device);
        let bn = norm(channels[1], device);
        match shortcut {
            Shortcut::Strided => Self::Strided((conv(stride), bn)),
            Shortcut::Average => {
                // A window that hangs over the edge averages the pixels it has.
                let pool = AvgPool2dConfig::new([2, 2])
                    .with_strides([2, 2])
                    .with_ceil_mode(true)
                    .with_count_include_pad(false);
                Self::Average(((stride != 1).then(|| pool.init()), conv(1), bn))
            }
        }
    }

    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        match self {
            Self::Strided((conv, bn)) => bn.forward(conv.forward(x)),
            Self::Average((pool, conv, bn)) => {
                let x = match pool {
                    Some(pool) => pool.forward(x),
                    None => x,
                };
                bn.forward(conv.forward(x))
            }
        }
    }
}

impl SqueezeExcite {
    fn new(channels: usize, device: &Device) -> Self {
        // A sixteenth, rounded to a multiple of 8 as timm does.
        let squeezed = ((channels / 16 + 4) / 8 * 8).max(8);
        let conv = |channels| Conv2dConfig::new(channels, [1, 1]).init(device);
        Self { fc1: conv([channels, squeezed]), fc2: conv([squeezed, channels]) }
    }
}

pub(crate) fn norm(channels: usize, device: &Device) -> BatchNorm {
    BatchNormConfig { channels, epsilon: 1e-5 }.init(device)
}
