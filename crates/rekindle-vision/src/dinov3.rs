//! DINOv3. Siméoni et al. 2025, <https://arxiv.org/abs/2508.10104>.
//!
//! ```text
//! image        [b, 3, h, w]
//! 0 embeddings [b, 5 + t, c]   patch_embed cls_token reg_token: class token, four registers, h/16 * w/16 patches
//! 1 blocks.0   [b, 5 + t, c]   norm, attention with rotary positions in two axes, add; norm, two or three matrices, add
//! ...
//!   norm       [b, 5 + t, c]
//! pool         [b, c]          the mean of the patches
//! ```
//!
//! There is no table of positions: the angles by which queries and keys are turned are computed for any grid.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_layers::{
    Activation, Backbone, Bias, Landmarks, LayerNorm, LayerNormConfig, Projection,
    ProjectionConfig, Rotary, Rows, Stage,
};

use crate::{
    encoder_block::{Mlp, attend, scaled, thirds},
    flow::{Patches, VisionFlow},
    patch_angles::Angles,
    patch_embed::{DEVIATION, PatchEmbed, behind_tokens, stages, tokens},
    variant::{Init, Variant},
};

/// One row per network; `qkvb` has a bias of queries and values.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<DinoV3Config>] = &[
    Variant("vit_tiny_patch16_dinov3_qkvb", 5_489_664, DinoV3Config { qkv_bias: true, ..sized(192, 12, 3) }),
    Variant("vit_small_patch16_dinov3", 21_586_944, sized(384, 12, 6)),
    Variant("vit_small_patch16_dinov3_qkvb", 21_596_160, DinoV3Config { qkv_bias: true, ..sized(384, 12, 6) }),
    Variant("vit_small_plus_patch16_dinov3", 28_683_264, DinoV3Config { feed: Feed::Gated, ..sized(384, 12, 6) }),
    Variant("vit_small_plus_patch16_dinov3_qkvb", 28_692_480, DinoV3Config { feed: Feed::Gated, qkv_bias: true, ..sized(384, 12, 6) }),
    Variant("vit_base_patch16_dinov3", 85_641_216, sized(768, 12, 12)),
    Variant("vit_base_patch16_dinov3_qkvb", 85_659_648, DinoV3Config { qkv_bias: true, ..sized(768, 12, 12) }),
    Variant("vit_large_patch16_dinov3", 303_079_424, sized(1024, 24, 16)),
    Variant("vit_large_patch16_dinov3_qkvb", 303_128_576, DinoV3Config { qkv_bias: true, ..sized(1024, 24, 16) }),
];

const PATCH: usize = 16;
const REGISTERS: usize = 4;
const EPSILON: f64 = 1e-5;
/// What factors of branches begin with.
const LAYER_SCALE: f64 = 1e-5;

/// What tells one network from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DinoV3Config {
    /// Numbers of a token.
    pub embed_dim: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// Whether queries and values have a bias.
    pub qkv_bias: bool,
    /// What is behind attention.
    pub feed: Feed,
}

/// What is behind attention in a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feed {
    /// Two matrices with a GELU between them.
    Plain,
    /// SwiGLU: a third matrix gates. Shazeer 2020, <https://arxiv.org/abs/2002.05202>.
    Gated,
}

const fn sized(embed_dim: usize, depth: usize, heads: usize) -> DinoV3Config {
    DinoV3Config { embed_dim, depth, heads, qkv_bias: false, feed: Feed::Plain }
}

/// A DINOv3.
#[derive(Module, Debug)]
pub struct DinoV3 {
    patch_embed: PatchEmbed,
    cls_token: Param<Tensor<3>>,
    reg_token: Param<Tensor<3>>,
    blocks: Vec<Block>,
    norm: LayerNorm,
    channels: usize,
    #[module(skip)]
    angles: Angles,
}

#[derive(Module, Debug)]
struct Block {
    norm1: LayerNorm,
    attn: Attention,
    gamma_1: Param<Tensor<1>>,
    norm2: LayerNorm,
    mlp: Inner,
    gamma_2: Param<Tensor<1>>,
}

#[derive(Module, Debug)]
struct Attention {
    qkv: Projection,
    q_bias: Option<Param<Tensor<1>>>,
    v_bias: Option<Param<Tensor<1>>>,
    proj: Projection,
    heads: usize,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has a handful of blocks")]
enum Inner {
    Plain(Mlp),
    Gated(Gated),
}

#[derive(Module, Debug)]
struct Gated {
    fc1_g: Projection,
    fc1_x: Projection,
    fc2: Projection,
}

impl DinoV3Config {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> DinoV3 {
        let Self { embed_dim, heads, .. } = *self;
        let norm = || LayerNormConfig::new(embed_dim, EPSILON).init(device);
        let constant = |value| Initializer::Constant { value }.init([embed_dim], device);
        let bias = || self.qkv_bias.then(|| constant(0.0));
        let matrix = |from, to| ProjectionConfig::new(from, to).init(device);
        let hidden = 4 * embed_dim;
        let block = |_| Block {
            norm1: norm(),
            attn: Attention {
                qkv: ProjectionConfig { channels: [embed_dim, 3 * embed_dim], bias: false }
                    .init(device),
                q_bias: bias(),
                v_bias: bias(),
                proj: matrix(embed_dim, embed_dim),
                heads,
            },
            gamma_1: constant(LAYER_SCALE),
            norm2: norm(),
            mlp: match self.feed {
                Feed::Plain => Inner::Plain(Mlp::new(embed_dim, hidden, Activation::Gelu, device)),
                Feed::Gated => Inner::Gated(Gated {
                    fc1_g: matrix(embed_dim, hidden),
                    fc1_x: matrix(embed_dim, hidden),
                    fc2: matrix(hidden, embed_dim),
                }),
            },
            gamma_2: constant(LAYER_SCALE),
        };
        let channels = [init.channels_in, embed_dim];
        DinoV3 {
            patch_embed: PatchEmbed::new(channels, PATCH, Bias::Learned, device),
            cls_token: tokens(1, embed_dim, DEVIATION, device),
            reg_token: tokens(REGISTERS, embed_dim, DEVIATION, device),
            blocks: (0..self.depth).map(block).collect(),
            norm: norm(),
            channels: embed_dim,
            angles: Angles::default(),
        }
    }
}

impl Block {
    fn forward(&self, x: Tensor<3>, rotary: &Rotary) -> Tensor<3> {
        let seen = self.attn.forward(self.norm1.forward(x.clone()), rotary);
        let x = scaled(&self.attn.proj, Some(&self.gamma_1)).forward_sequence_add(seen, x);
        let normed = self.norm2.forward(x.clone());
        let (inner, last) = match &self.mlp {
            Inner::Plain(mlp) => (mlp.inner(normed), &mlp.fc2),
            Inner::Gated(gated) => (gated.inner(normed), &gated.fc2),
        };
        scaled(last, Some(&self.gamma_2)).forward_sequence_add(inner, x)
    }
}

impl Attention {
    fn forward(&self, x: Tensor<3>, rotary: &Rotary) -> Tensor<3> {
        let bias = self.q_bias.as_ref().zip(self.v_bias.as_ref()).map(|(query, value)| {
            let (query, value) = (query.val(), value.val());
            Tensor::cat(vec![query.clone(), query.detach().zeros_like(), value], 0)
        });
        let [query, key, value] = thirds(self.qkv.forward_biased(x, bias));
        let turned = |x| rotary.turn(x, self.heads);
        attend([turned(query), turned(key), value], self.heads)
    }
}

impl Gated {
    fn inner(&self, x: Tensor<3>) -> Tensor<3> {
        let x = Rows::new(x);
        self.fc1_g.forward_rows(&x, Activation::Silu)
            * self.fc1_x.forward_rows(&x, Activation::Identity)
    }
}

impl Backbone for DinoV3 {
    type Input = Tensor<4>;
    type Flow = VisionFlow;

    fn stages(&self) -> Vec<Stage> {
        let tables = ["patch_embed", "cls_token", "reg_token"];
        let mut stages = stages(&tables, self.blocks.len(), [self.channels, PATCH]);
        stages.push(Stage::map("norm", &["norm"], self.channels, PATCH));
        stages
    }

    fn depth(&self) -> usize {
        self.blocks.len() + 2
    }

    fn enter(&self, images: Tensor<4>) -> VisionFlow {
        images.into()
    }

    fn stage(&self, index: usize, x: VisionFlow) -> VisionFlow {
        VisionFlow::Patches(match (index, self.blocks.get(index.wrapping_sub(1))) {
            (0, _) => {
                let (patches, grid) = self.patch_embed.forward(x.into(), None);
                let tokens = Tensor::cat(vec![self.cls_token.val(), self.reg_token.val()], 1);
                behind_tokens(patches, Some(tokens), grid)
            }
            (_, Some(block)) => {
                let x: Patches = x.patches();
                let width = self.channels / block.attn.heads;
                let rotary = self.angles.of(&x, width);
                x.with(|x| block.forward(x, &rotary))
            }
            (_, None) => x.patches().with(|x| self.norm.forward(x)),
        })
    }

    fn pool(&self, x: VisionFlow) -> Tensor<2> {
        x.mean()
    }

    fn embed_dim(&self) -> usize {
        self.channels
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "patch_embed.proj", classifier: "head" }
    }
}
