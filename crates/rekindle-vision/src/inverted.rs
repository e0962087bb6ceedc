//! The trunk that EfficientNet and MobileNet share: inverted residuals, Sandler et al. 2018,
//! "MobileNetV2: Inverted Residuals and Linear Bottlenecks", <https://arxiv.org/abs/1801.04381>.

use burn::prelude::*;
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct, DropPath,
    FeatureMap, Padding,
};

pub use crate::squeeze::Squeeze;
use crate::{squeeze::SqueezeExcite, widths::multiple_of_8};

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
}

/// Whether a plain convolution is residual.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skip {
    /// Its input is added where the shapes agree.
    Residual,
    /// It is not.
    None,
}

/// What a [`Block`] needs to know besides its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockConfig {
    pub(crate) row: Blocks,
    pub(crate) channels_in: usize,
    pub(crate) channels_out: usize,
    pub(crate) stride: usize,
    pub(crate) drop_path: f64,
    pub(crate) padding: Padding,
    pub(crate) epsilon: f64,
}

/// One block, of the layers that its kind has; `drop_path` is there where the block is residual.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "most blocks are of the largest kind")]
pub(crate) enum Block {
    Convolution(Convolution),
    Depthwise(Depthwise),
    Inverted(Inverted),
    Fused(Fused),
}

#[derive(Module, Debug)]
pub(crate) struct Convolution {
    conv: Conv2d,
    bn1: BatchNorm,
    drop_path: Option<DropPath>,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
pub(crate) struct Depthwise {
    conv_pw: Conv2d,
    bn1: BatchNorm,
    conv_dw: Conv2d,
    bn2: BatchNorm,
    se: Option<SqueezeExcite>,
    drop_path: Option<DropPath>,
    #[module(skip)]
    activations: [Activation; 2],
}

#[derive(Module, Debug)]
pub(crate) struct Inverted {
    conv_pw: Conv2d,
    bn1: BatchNorm,
    conv_dw: Conv2d,
    bn2: BatchNorm,
    se: Option<SqueezeExcite>,
    conv_pwl: Conv2d,
    bn3: BatchNorm,
    drop_path: Option<DropPath>,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
pub(crate) struct Fused {
    conv_exp: Conv2d,
    bn1: BatchNorm,
    bn2: BatchNorm,
    se: Option<SqueezeExcite>,
    conv_pwl: Conv2d,
    drop_path: Option<DropPath>,
    #[module(skip)]
    activation: Activation,
}

impl BlockConfig {
    pub(crate) fn init(&self, device: &Device) -> Block {
        let Self { row, channels_in, channels_out, stride, .. } = *self;
        let Blocks { kind, kernel, expand, activation, .. } = row;
        let inside = match kind {
            Kind::Depthwise | Kind::Separable | Kind::Convolution(_) => channels_in,
            Kind::Inverted | Kind::Fused => multiple_of_8(channels_in as f64 * expand),
        };
        let conv = |channels, kernel, stride, groups| {
            let conv = Conv2dConfig::new(channels, kernel);
            Conv2dConfig { stride, padding: self.padding, groups, ..conv }.init(device)
        };
        let depthwise = || conv([inside, inside], kernel, stride, inside);
        let pointwise = |channels| conv(channels, 1, 1, 1);
        let norm = |channels| BatchNormConfig { channels, epsilon: self.epsilon }.init(device);
        let se = row.squeeze.init([channels_in, inside], activation, device);
        let plain = matches!(kind, Kind::Separable | Kind::Convolution(Skip::None));
        let residual = stride == 1 && channels_in == channels_out && !plain;
        let drop_path = residual.then(|| DropPath::new(self.drop_path));
        match kind {
            Kind::Convolution(_) => Block::Convolution(Convolution {
                conv: conv([channels_in, channels_out], kernel, stride, 1),
                bn1: norm(channels_out),
                drop_path,
                activation,
            }),
            Kind::Depthwise | Kind::Separable => Block::Depthwise(Depthwise {
                conv_pw: pointwise([inside, channels_out]),
                bn1: norm(inside),
                conv_dw: depthwise(),
                bn2: norm(channels_out),
                se,
                drop_path,
                activations: match kind {
                    Kind::Separable => [activation; 2],
                    _ => [activation, Activation::Identity],
                },
            }),
            Kind::Inverted => Block::Inverted(Inverted {
                conv_pw: pointwise([channels_in, inside]),
                bn1: norm(inside),
                conv_dw: depthwise(),
                bn2: norm(inside),
                se,
                conv_pwl: pointwise([inside, channels_out]),
                bn3: norm(channels_out),
                drop_path,
                activation,
            }),
            Kind::Fused => Block::Fused(Fused {
                conv_exp: conv([channels_in, inside], kernel, stride, 1),
                bn1: norm(inside),
                bn2: norm(channels_out),
                se,
                conv_pwl: pointwise([inside, channels_out]),
                drop_path,
                activation,
            }),
        }
    }
}

impl Block {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let linear = Activation::Identity;
        match self {
            Self::Convolution(Convolution { conv, bn1, drop_path, activation }) => {
                // The shortcut is added behind the activation.
                let shortcut = drop_path.as_ref().map(|drop_path| (drop_path, x.clone()));
                let y = ConvNormAct::new(conv, bn1, *activation).forward(x);
                match shortcut {
                    Some((drop_path, x)) => drop_path.add(y, x),
                    None => y,
                }
            }
            Self::Depthwise(Depthwise {
                conv_dw,
                bn1,
                se,
                conv_pw,
                bn2,
                drop_path,
                activations: [first, second],
            }) => {
                let wide = |x| squeeze(se, ConvNormAct::new(conv_dw, bn1, *first).forward(x));
                residual(drop_path.as_ref(), x, wide, &ConvNormAct::new(conv_pw, bn2, *second))
            }
            Self::Inverted(block) => {
                let Inverted { conv_pw, bn1, conv_dw, bn2, se, conv_pwl, bn3, .. } = block;
                let wide = |x| {
                    let y = ConvNormAct::new(conv_pw, bn1, block.activation).forward(x);
                    squeeze(se, ConvNormAct::new(conv_dw, bn2, block.activation).forward(y))
                };
                let last = ConvNormAct::new(conv_pwl, bn3, linear);
                residual(block.drop_path.as_ref(), x, wide, &last)
            }
            Self::Fused(Fused { conv_exp, bn1, se, conv_pwl, bn2, drop_path, activation }) => {
                let wide = |x| squeeze(se, ConvNormAct::new(conv_exp, bn1, *activation).forward(x));
                residual(drop_path.as_ref(), x, wide, &ConvNormAct::new(conv_pwl, bn2, linear))
            }
        }
    }
}

/// What is inside a block, then its last unit, and its input added to that.
fn residual(
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

fn squeeze(se: &Option<SqueezeExcite>, x: FeatureMap) -> FeatureMap {
    match se {
        Some(se) => se.forward(x),
        None => x,
    }
}
