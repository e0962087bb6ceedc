//! The trunk that EfficientNet and MobileNet share: inverted residuals, Sandler et al. 2018,
//! "MobileNetV2: Inverted Residuals and Linear Bottlenecks", <https://arxiv.org/abs/1801.04381>.

use burn::prelude::*;
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Conv2d, Conv2dConfig, ConvNormAct, DropPath, FeatureMap,
};

use crate::{
    antialias::Antialias,
    blocks::{BlockConfig, Blocks, Kind, residual},
    multi_query::MobileAttention,
    squeeze::SqueezeExcite,
    universal::Universal,
    widths::multiple_of_8,
};

/// One block, of the layers that its kind has; `drop_path` is there where the block is residual.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "most blocks are of the largest kind")]
pub(crate) enum Block {
    Convolution(Convolution),
    Depthwise(Depthwise),
    Inverted(Inverted),
    Fused(Fused),
    Universal(Universal),
    Attention(MobileAttention),
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
    #[module(skip)]
    antialias: Antialias,
}

impl BlockConfig {
    pub(crate) fn init(&self, device: &Device) -> Block {
        let Self { row, channels_in, channels_out, stride, .. } = *self;
        let Blocks { kind, kernel, expand, activation, .. } = row;
        let inside = match kind {
            Kind::Inverted | Kind::Fused => multiple_of_8(channels_in as f64 * expand),
            _ => channels_in,
        };
        let conv = |channels, kernel, stride, groups| {
            let conv = Conv2dConfig::new(channels, kernel);
            Conv2dConfig { stride, padding: self.padding, groups, ..conv }.init(device)
        };
        let depthwise = || conv([inside, inside], kernel, stride, inside);
        let pointwise = |channels| conv(channels, 1, 1, 1);
        let norm = |channels| BatchNormConfig { channels, epsilon: self.epsilon }.init(device);
        let se = row.squeeze.init([channels_in, inside], activation, device);
        let drop_path = self.drop_path();
        match kind {
            Kind::Universal { start } => Block::Universal(Universal::new(self, start, device)),
            Kind::Attention(of) => Block::Attention(MobileAttention::new(self, of, device)),
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
                conv_exp: conv([channels_in, inside], kernel, self.strided(), 1),
                bn1: norm(inside),
                bn2: norm(channels_out),
                se,
                conv_pwl: pointwise([inside, channels_out]),
                drop_path,
                activation,
                antialias: self.halving(),
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
            Self::Fused(block) => {
                let Fused { conv_exp, bn1, bn2, se, conv_pwl, .. } = block;
                let wide = |x| {
                    let y = ConvNormAct::new(conv_exp, bn1, block.activation).forward(x);
                    squeeze(se, block.antialias.forward(y))
                };
                let last = ConvNormAct::new(conv_pwl, bn2, linear);
                residual(block.drop_path.as_ref(), x, wide, &last)
            }
            Self::Universal(block) => block.forward(x),
            Self::Attention(block) => block.forward(x),
        }
    }
}

fn squeeze(se: &Option<SqueezeExcite>, x: FeatureMap) -> FeatureMap {
    match se {
        Some(se) => se.forward(x),
        None => x,
    }
}
