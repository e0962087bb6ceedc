//! The block of ConvNeXt: Figure 4 of Liu et al. 2022, <https://arxiv.org/abs/2201.03545>, and Figure 5 of Woo et al. 2023,
//! <https://arxiv.org/abs/2301.00808>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_layers::{
    Activation, Bias, Conv2d, Conv2dConfig, ConvNormAct, DropPath, FeatureMap, LayerNorm,
    LayerNormConfig, Matrix, Projection, ProjectionConfig, response_norm,
};

/// Deviation of weights at the beginning: Table 5 of the first paper.
const DEVIATION: f64 = 0.02;
/// LayerScale at the beginning: Table 5 of the first paper.
const SCALE: f64 = 1e-6;
/// Added to the mean length in global response normalization: Algorithm 1 of the second paper.
const RESPONSE_EPSILON: f64 = 1e-6;
/// How many times wider a block is inside.
const EXPANSION: usize = 4;

/// What the pointwise layers are in the checkpoint; they compute the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pointwise {
    /// 1x1 convolutions.
    Convolution,
    /// Linear layers.
    Linear,
}

/// Which of the two papers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// Blocks end in a factor for each channel (LayerScale).
    First,
    /// Blocks have global response normalization between the pointwise layers instead.
    Second,
}

/// What a [`Block`] is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BlockConfig {
    pub(crate) channels: usize,
    pub(crate) kernel: usize,
    pub(crate) pointwise: Pointwise,
    pub(crate) version: Version,
    pub(crate) activation: Activation,
    pub(crate) epsilon: f64,
    pub(crate) drop_path: f64,
}

/// A residual block.
#[derive(Module, Debug)]
pub(crate) struct Block {
    conv_dw: Conv2d,
    norm: LayerNorm,
    mlp: Mlp,
    gamma: Option<Param<Tensor<1>>>,
    drop_path: DropPath,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Layer,
    grn: Option<ResponseNorm>,
    fc2: Layer,
    #[module(skip)]
    activation: Activation,
}

/// A pointwise layer.
#[derive(Module, Debug)]
enum Layer {
    Convolution(Conv2d),
    Linear(Projection),
}

/// Global response normalization.
#[derive(Module, Debug)]
struct ResponseNorm {
    weight: Param<Tensor<1>>,
    bias: Param<Tensor<1>>,
}

impl BlockConfig {
    pub(crate) fn init(&self, device: &Device) -> Block {
        let Self { channels, kernel, .. } = *self;
        let inside = EXPANSION * channels;
        let depthwise =
            Conv2dConfig { groups: channels, ..Conv2dConfig::new([channels; 2], kernel) };
        let layer = |from, to| match self.pointwise {
            Pointwise::Convolution => {
                Layer::Convolution(convolved(Conv2dConfig::new([from, to], 1), device))
            }
            Pointwise::Linear => Layer::Linear(ProjectionConfig::new(from, to).init(device)),
        };
        let second = self.version == Version::Second;
        let scale = Initializer::Constant { value: SCALE };
        let zeros = || Initializer::Zeros.init([inside], device);
        Block {
            conv_dw: convolved(depthwise, device),
            norm: LayerNormConfig::new(channels, self.epsilon).init(device),
            mlp: Mlp {
                fc1: layer(channels, inside),
                grn: second.then(|| ResponseNorm { weight: zeros(), bias: zeros() }),
                fc2: layer(inside, channels),
                activation: self.activation,
            },
            gamma: (!second).then(|| scale.init([channels], device)),
            drop_path: DropPath::new(self.drop_path),
        }
    }
}

/// A convolution with a bias, as the papers begin.
pub(crate) fn convolved(config: Conv2dConfig, device: &Device) -> Conv2d {
    Conv2dConfig { bias: Bias::Learned, ..config }.init(device).normal(DEVIATION)
}

impl Block {
    /// `[batch, channels, height, width]` to the same shape.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let Mlp { fc1, grn, fc2, activation } = &self.mlp;
        let y = ConvNormAct::new(&self.conv_dw, None, Activation::Identity).forward(x.clone());
        let y = ConvNormAct::new(fc1, None, *activation).forward(self.norm.forward_map(y));
        let y = match grn {
            Some(ResponseNorm { weight, bias }) => {
                response_norm(y, weight.val(), bias.val(), RESPONSE_EPSILON)
            }
            None => y,
        };
        let last = ConvNormAct::new(fc2, None, Activation::Identity).scaled(self.gamma.as_ref());
        self.drop_path.forward_add(&last, y, x)
    }
}

impl<'a> From<&'a Layer> for Matrix<'a> {
    fn from(layer: &'a Layer) -> Self {
        match layer {
            Layer::Convolution(conv) => conv.into(),
            Layer::Linear(linear) => linear.into(),
        }
    }
}
