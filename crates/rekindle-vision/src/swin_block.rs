//! The block of Swin Transformers: Figure 3 of Liu et al. 2021, <https://arxiv.org/abs/2103.14030>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_layers::{
    Activation, Attention as Options, ConvNormAct, DropPath, FeatureMap, LayerNorm,
    LayerNormConfig, Projection, ProjectionConfig, self_attention,
};

use crate::windows::Windows;

/// PyTorch's.
pub(crate) const EPSILON: f64 = 1e-5;
/// Deviation of weights and tables at the beginning: timm's.
pub(crate) const DEVIATION: f64 = 0.02;
/// How many times wider the middle of a block is.
const EXPANSION: usize = 4;

/// Attention within windows, and two matrices, each behind a norm and beside a shortcut.
#[derive(Module, Debug)]
pub(crate) struct Block {
    norm1: LayerNorm,
    attn: Attention,
    norm2: LayerNorm,
    mlp: Mlp,
    drop_path: DropPath,
}

#[derive(Module, Debug)]
struct Attention {
    /// `[(2 * side - 1)², heads]` of a window's side.
    relative_position_bias_table: Param<Tensor<2>>,
    qkv: Projection,
    proj: Projection,
    heads: usize,
    #[module(skip)]
    windows: Windows,
}

#[derive(Module, Debug)]
struct Mlp {
    fc1: Projection,
    fc2: Projection,
}

impl Block {
    /// A block of so many channels and heads over these windows.
    pub(crate) fn new(
        (channels, heads): (usize, usize),
        windows: Windows,
        drop_path: f64,
        device: &Device,
    ) -> Self {
        let norm = || LayerNormConfig::new(channels, EPSILON).init(device);
        let linear = |from, to| ProjectionConfig::new(from, to).init(device);
        let table = Initializer::Normal { mean: 0.0, std: DEVIATION };
        Self {
            norm1: norm(),
            attn: Attention {
                relative_position_bias_table: table.init([windows.distances(), heads], device),
                qkv: linear(channels, 3 * channels),
                proj: linear(channels, channels),
                heads,
                windows,
            },
            norm2: norm(),
            mlp: Mlp {
                fc1: linear(channels, EXPANSION * channels),
                fc2: linear(EXPANSION * channels, channels),
            },
            drop_path: DropPath::new(drop_path),
        }
    }

    /// `[batch, channels, height, width]` to the same shape.
    pub(crate) fn forward(&self, x: FeatureMap) -> FeatureMap {
        let unit = |linear, activation| ConvNormAct::new(linear, None, activation);
        let seen = self.attn.forward(self.norm1.forward_map(x.clone()));
        let proj = unit(&self.attn.proj, Activation::Identity);
        let x = self.drop_path.forward_add(&proj, seen, x);
        let inside = unit(&self.mlp.fc1, Activation::Gelu);
        let inside = inside.forward(self.norm2.forward_map(x.clone()));
        self.drop_path.forward_add(&unit(&self.mlp.fc2, Activation::Identity), inside, x)
    }
}

impl Attention {
    /// What each patch has seen of its window, before the last matrix: `[batch, channels, height, width]` to the same shape.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let [_, channels, height, width] = x.dims();
        let split = self.windows.split([height, width]);
        let qkv = self.qkv.forward(split.apart(x));
        let [count, length, _] = qkv.dims();
        let options = (&qkv.device(), qkv.dtype());
        let scale = ((channels / self.heads) as f64).sqrt().recip();
        let with = Options {
            heads: self.heads,
            mask: &Tensor::ones([count, length], options),
            bias: Some(self.windows.bias(self.relative_position_bias_table.val(), [height, width])),
            scale,
            dropout: 0.0,
        };
        split.together(self_attention(qkv, with))
    }
}
