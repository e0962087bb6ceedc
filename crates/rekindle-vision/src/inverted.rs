//! The trunk that EfficientNet and MobileNet share: inverted residuals, Sandler et al. 2018,
//! "MobileNetV2: Inverted Residuals and Linear Bottlenecks", <https://arxiv.org/abs/1801.04381>.

use burn::prelude::*;
use rekindle_layers::{
    Activation, BatchNorm, BatchNormConfig, Bias, Conv2d, Conv2dConfig, DropPath, Map, Padding,
    Unit, squeeze_excite,
};

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

/// The four blocks of the families.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A convolution; EfficientNetV2 starts with residual ones, MobileNetV3 ends with a plain one.
    Convolution(Skip),
    /// Depthwise, then pointwise.
    Depthwise,
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

/// How narrow the middle of squeeze and excitation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Squeeze {
    /// There is none.
    None,
    /// A quarter of the block's input (EfficientNet).
    Input,
    /// A quarter of the block's inside, a multiple of 8, with ReLU and a hard gate (MobileNetV3).
    Inside,
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

/// One block; which convolutions it has, and what they are called, depends on its kind.
#[derive(Module, Debug)]
pub(crate) struct Block {
    conv: Option<Conv2d>,
    conv_exp: Option<Conv2d>,
    conv_pw: Option<Conv2d>,
    bn1: BatchNorm,
    conv_dw: Option<Conv2d>,
    bn2: Option<BatchNorm>,
    se: Option<SqueezeExcite>,
    conv_pwl: Option<Conv2d>,
    bn3: Option<BatchNorm>,
    drop_path: DropPath,
    residual: bool,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct SqueezeExcite {
    conv_reduce: Conv2d,
    conv_expand: Conv2d,
    #[module(skip)]
    activations: [Activation; 2],
}

/// A multiple of 8 near `channels`, never below nine tenths of it.
pub(crate) fn multiple_of_8(channels: f64) -> usize {
    let rounded = nearest_multiple_of_8(channels);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// The multiple of 8 nearest to `channels`, at least 8.
pub(crate) fn nearest_multiple_of_8(channels: f64) -> usize {
    ((channels + 4.0) as usize / 8 * 8).max(8)
}

impl BlockConfig {
    pub(crate) fn init(&self, device: &Device) -> Block {
        let Self { row, channels_in, channels_out, stride, .. } = *self;
        let Blocks { kind, kernel, expand, .. } = row;
        let inside = match kind {
            Kind::Depthwise | Kind::Convolution(_) => channels_in,
            Kind::Inverted | Kind::Fused => multiple_of_8(channels_in as f64 * expand),
        };
        let conv = |channels, kernel, stride, groups| {
            let conv = Conv2dConfig::new(channels, kernel);
            Some(Conv2dConfig { stride, padding: self.padding, groups, ..conv }.init(device))
        };
        let norm = |channels| BatchNormConfig { channels, epsilon: self.epsilon }.init(device);
        let residual =
            stride == 1 && channels_in == channels_out && kind != Kind::Convolution(Skip::None);
        let mut block = Block {
            conv: None,
            conv_exp: None,
            conv_pw: None,
            bn1: norm(inside),
            conv_dw: None,
            bn2: None,
            se: SqueezeExcite::new(&row, channels_in, inside, device),
            conv_pwl: None,
            bn3: None,
            drop_path: DropPath::new(if residual { self.drop_path } else { 0.0 }),
            residual,
            activation: row.activation,
        };
        match kind {
            Kind::Convolution(_) => {
                block.conv = conv([channels_in, channels_out], kernel, stride, 1);
                block.bn1 = norm(channels_out);
            }
            Kind::Depthwise => {
                block.conv_dw = conv([inside, inside], kernel, stride, inside);
                block.conv_pw = conv([inside, channels_out], 1, 1, 1);
                block.bn2 = Some(norm(channels_out));
            }
            Kind::Inverted => {
                block.conv_pw = conv([channels_in, inside], 1, 1, 1);
                block.conv_dw = conv([inside, inside], kernel, stride, inside);
                block.bn2 = Some(norm(inside));
                block.conv_pwl = conv([inside, channels_out], 1, 1, 1);
                block.bn3 = Some(norm(channels_out));
            }
            Kind::Fused => {
                block.conv_exp = conv([channels_in, inside], kernel, stride, 1);
                block.conv_pwl = conv([inside, channels_out], 1, 1, 1);
                block.bn2 = Some(norm(channels_out));
            }
        }
        block
    }
}

impl Block {
    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    pub(crate) fn forward(&self, x: Map) -> Map {
        let shortcut = self.residual.then(|| x.clone());
        let linear = Activation::Identity;
        let unit = |conv, norm| Unit::new(conv, norm, self.activation);
        // Which layers there are is what tells the kinds apart.
        let (y, last) = match self {
            Self { conv: Some(conv), .. } => {
                // The shortcut is added behind the activation.
                let y = unit(conv, &self.bn1).forward(x);
                return match shortcut {
                    Some(shortcut) => self.drop_path.add(y, shortcut),
                    None => y,
                };
            }
            Self { conv_exp: Some(conv_exp), conv_pwl: Some(conv_pwl), bn2: Some(bn2), .. } => {
                let y = self.squeeze(unit(conv_exp, &self.bn1).forward(x));
                (y, Unit::new(conv_pwl, bn2, linear))
            }
            Self {
                conv_pw: Some(conv_pw),
                conv_dw: Some(conv_dw),
                bn2: Some(bn2),
                conv_pwl: Some(conv_pwl),
                bn3: Some(bn3),
                ..
            } => {
                let y = unit(conv_pw, &self.bn1).forward(x);
                let y = self.squeeze(unit(conv_dw, bn2).forward(y));
                (y, Unit::new(conv_pwl, bn3, linear))
            }
            Self { conv_dw: Some(conv_dw), conv_pw: Some(conv_pw), bn2: Some(bn2), .. } => {
                let y = self.squeeze(unit(conv_dw, &self.bn1).forward(x));
                (y, Unit::new(conv_pw, bn2, linear))
            }
            _ => unreachable!("a block of no kind"),
        };
        match shortcut {
            Some(shortcut) => self.drop_path.forward_add(&last, y, shortcut),
            None => last.forward(y),
        }
    }

    fn squeeze(&self, x: Map) -> Map {
        match &self.se {
            Some(se) => squeeze_excite(x, [&se.conv_reduce, &se.conv_expand], se.activations),
            None => x,
        }
    }
}

impl SqueezeExcite {
    fn new(row: &Blocks, channels_in: usize, inside: usize, device: &Device) -> Option<Self> {
        let (squeezed, activations) = match row.squeeze {
            Squeeze::None => return None,
            Squeeze::Input => (channels_in / 4, [row.activation, Activation::Sigmoid]),
            Squeeze::Inside => {
                (multiple_of_8(inside as f64 / 4.0), [Activation::Relu, Activation::HardSigmoid])
            }
        };
        let conv = |channels| {
            Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new(channels, 1) }.init(device)
        };
        Some(Self {
            conv_reduce: conv([inside, squeezed]),
            conv_expand: conv([squeezed, inside]),
            activations,
        })
    }
}
