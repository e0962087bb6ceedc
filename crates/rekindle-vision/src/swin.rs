//! Swin Transformer. Liu et al. 2021, "Swin Transformer: Hierarchical Vision Transformer using Shifted Windows",
//! <https://arxiv.org/abs/2103.14030>.
//!
//! ```text
//! image         [b,  3, h,    w   ]
//! 0 patch_embed [b,  c, h/4,  w/4 ]   4x4 convolution with stride 4; norm
//! 1 layers.0    [b,  c, h/4,  w/4 ]   depths[0] blocks: attention within windows, every second time within shifted ones
//! 2 layers.1    [b, 2c, h/8,  w/8 ]   four patches become one; depths[1] blocks
//! 3 layers.2    [b, 4c, h/16, w/16]
//! 4 layers.3    [b, 8c, h/32, w/32]   and a norm
//! pool          [b, 8c]
//! ```
//!
//! Windows are those of the size of square pictures that a network is made for, no larger than its maps; other pictures have more
//! of them, or fewer, the last of them filled up with zeros.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, Bias, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, Landmarks,
    LayerNorm, LayerNormConfig, Padding, Projection, ProjectionConfig, Rule, Rules, Stage,
    global_mean,
};

use crate::{
    relative::resample_relative,
    swin_block::{Block, DEVIATION, EPSILON},
    variant::{Init, Variant},
    windows::{Windows, merged},
};

/// One row per network: Section 3.3; stochastic depth of Appendix A2.1, for pictures of 384 that of its fine-tuning.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<SwinConfig>] = &[
    Variant("swin_tiny_patch4_window7_224", 28_288_354, SwinConfig { ..TINY }),
    Variant("swin_small_patch4_window7_224", 49_606_258, SwinConfig { depths: [2, 2, 18, 2], drop_path: 0.3, ..TINY }),
    Variant("swin_base_patch4_window7_224", 87_768_224, SwinConfig { drop_path: 0.5, ..BASE }),
    Variant("swin_base_patch4_window12_384", 87_903_584, SwinConfig { size: 384, window: 12, drop_path: 0.1, ..BASE }),
    Variant("swin_large_patch4_window7_224", 196_532_476, SwinConfig { drop_path: 0.2, ..LARGE }),
    Variant("swin_large_patch4_window12_384", 196_735_516, SwinConfig { size: 384, window: 12, drop_path: 0.1, ..LARGE }),
];

const TINY: SwinConfig = SwinConfig {
    size: 224,
    window: 7,
    width: 96,
    depths: [2, 2, 6, 2],
    heads: [3, 6, 12, 24],
    drop_path: 0.2,
};
const BASE: SwinConfig =
    SwinConfig { width: 128, depths: [2, 2, 18, 2], heads: [4, 8, 16, 32], ..TINY };
const LARGE: SwinConfig = SwinConfig { width: 192, heads: [6, 12, 24, 48], ..BASE };

/// Pixels of a patch's side.
const PATCH: usize = 4;
/// Where checkpoints differ.
const RULES: &[Rule] = &[
    Rule::Resampled { parameter: "relative_position_bias_table", by: resample_relative },
    Rule::Unused { file: "relative_position_index", reason: "it is counted" },
    Rule::Unused { file: "attn_mask", reason: "it is that of one size of picture" },
];

/// What tells one Swin Transformer from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SwinConfig {
    /// Height and width of the pictures.
    pub size: usize,
    /// Patches of a window's side.
    pub window: usize,
    /// Channels of the first stage; each other has twice those of the one before.
    pub width: usize,
    /// Blocks in each stage.
    pub depths: [usize; 4],
    /// Heads of attention in each stage.
    pub heads: [usize; 4],
    /// Probability with which the last block's branches are dropped; it falls linearly to none at the first.
    pub drop_path: f64,
}

/// A Swin Transformer without its classifier.
#[derive(Module, Debug)]
pub struct Swin {
    patch_embed: PatchEmbed,
    layers: Vec<Layer>,
    norm: LayerNorm,
    width: usize,
}

#[derive(Module, Debug)]
struct PatchEmbed {
    proj: Conv2d,
    norm: LayerNorm,
}

/// Blocks of one width.
#[derive(Module, Debug)]
struct Layer {
    downsample: Option<PatchMerging>,
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct PatchMerging {
    norm: LayerNorm,
    reduction: Projection,
}

impl SwinConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> Swin {
        // A table of distances says how many there are, and not of how many rows: windows are squares, as timm's of pictures of
        // another size than a network is built for.
        let size = match init.size {
            Some([height, width]) if height == width => height,
            _ => self.size,
        };
        let norm = |channels| LayerNormConfig::new(channels, EPSILON).init(device);
        let drop_path = init.regularization.rate(self.drop_path);
        let last = self.depths.iter().sum::<usize>().saturating_sub(1).max(1);
        let (mut index, mut grid) = (0, (size / PATCH).max(1));
        let layers = (0..4).map(|layer| {
            let channels = self.width << layer;
            let downsample = (layer > 0).then(|| {
                grid = grid.div_ceil(2);
                let reduction =
                    ProjectionConfig { channels: [2 * channels, channels], bias: false };
                PatchMerging { norm: norm(2 * channels), reduction: reduction.init(device) }
            });
            let blocks = (0..self.depths[layer]).map(|place| {
                let windows = Windows::new(self.window, grid, place % 2 == 1);
                let rate = drop_path * index as f64 / last as f64;
                index += 1;
                Block::new((channels, self.heads[layer]), windows, rate, device)
            });
            Layer { blocks: blocks.collect(), downsample }
        });
        let patches = Conv2dConfig {
            stride: PATCH,
            padding: Padding::Valid,
            bias: Bias::Learned,
            ..Conv2dConfig::new([init.channels_in, self.width], PATCH)
        };
        Swin {
            layers: layers.collect(),
            patch_embed: PatchEmbed {
                proj: patches.init(device).normal(DEVIATION),
                norm: norm(self.width),
            },
            norm: norm(self.width << 3),
            width: self.width,
        }
    }
}

impl Backbone for Swin {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let mut stages = vec![Stage::map("patch_embed", &["patch_embed"], self.width, PATCH)];
        stages.extend((0..4).map(|index| {
            let name = format!("layers.{index}");
            let modules: &[&str] = if index == 3 { &[&name, "norm"] } else { &[&name] };
            Stage::map(&name, modules, self.width << index, PATCH << index)
        }));
        stages
    }

    fn depth(&self) -> usize {
        5
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let Some(layer) = index.checked_sub(1) else {
            let PatchEmbed { proj, norm } = &self.patch_embed;
            let proj = ConvNormAct::new(proj, None, Activation::Identity);
            return norm.forward_map(proj.forward(x)).into_tensor();
        };
        let Some(Layer { downsample, blocks }) = self.layers.get(layer) else {
            panic!("a Swin Transformer has 5 stages, there is no stage {index}")
        };
        let x = match downsample {
            Some(merging) => merging.forward(x),
            None => x,
        };
        let x = blocks.iter().fold(x, |x, block| block.forward(x));
        let x = if layer == 3 { self.norm.forward_map(x) } else { x };
        x.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.width << 3
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "patch_embed.proj", classifier: "head.fc" }
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }
}

impl PatchMerging {
    /// `[batch, channels, height, width]` to `[batch, 2 * channels, height / 2, width / 2]`, rounded up.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = self.norm.forward_map(merged(x));
        ConvNormAct::new(&self.reduction, None, Activation::Identity).forward(x)
    }
}
