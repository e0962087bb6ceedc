//! ConvNeXt. Liu et al. 2022, "A ConvNet for the 2020s", <https://arxiv.org/abs/2201.03545>; ConvNeXt V2, Woo et al. 2023,
//! "Co-designing and Scaling ConvNets with Masked Autoencoders", <https://arxiv.org/abs/2301.00808>.
//!
//! ```text
//! image      [b,  3, h,    w   ]
//! 0 stem     [b,  c, h/4,  w/4 ]   4x4 convolution with stride 4, or two of 3x3 with stride 2; norm
//! 1 stages.0 [b,  c, h/4,  w/4 ]   depths[0] blocks
//! 2 stages.1 [b, 2c, h/8,  w/8 ]   norm, 2x2 convolution with stride 2, depths[1] blocks
//! 3 stages.2 [b, 4c, h/16, w/16]
//! 4 stages.3 [b, 8c, h/32, w/32]
//! 5 head     [b, 8c]               mean over the pixels, norm
//! ```
//!
//! A block is a depthwise convolution, a norm of each pixel, two pointwise layers, and the block's input.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, Conv2d, ConvNormAct, FeatureMap, Landmarks, LayerNorm, LayerNormConfig,
    Rule, Rules, Stage, global_mean,
};

use crate::{
    convnext_block::{Block, BlockConfig},
    convnext_stem::{StemLayers, patches},
    variant::{Init, Variant},
};
pub use crate::{
    convnext_block::{Pointwise, Version},
    convnext_stem::Stem,
};

/// One row per network: Section 3 of the papers; sizes below tiny are timm's, without stochastic depth in the first version.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<ConvNeXtConfig>] = &[
    Variant("convnext_atto", 3_695_520, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [40, 80, 160, 320], ..SMALL }),
    Variant("convnext_atto_ols", 3_702_912, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [40, 80, 160, 320], stem: Stem::Tiered, ..SMALL }),
    Variant("convnext_femto", 5_217_784, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [48, 96, 192, 384], ..SMALL }),
    Variant("convnext_femto_ols", 5_226_520, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [48, 96, 192, 384], stem: Stem::Tiered, ..SMALL }),
    Variant("convnext_pico", 9_045_672, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [64, 128, 256, 512], ..SMALL }),
    Variant("convnext_pico_ols", 9_061_928, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [64, 128, 256, 512], stem: Stem::Tiered, ..SMALL }),
    Variant("convnext_nano", 15_593_560, ConvNeXtConfig { depths: [2, 2, 8, 2], widths: [80, 160, 320, 640], ..SMALL }),
    Variant("convnext_nano_ols", 15_649_560, ConvNeXtConfig { depths: [2, 2, 8, 2], widths: [80, 160, 320, 640], stem: Stem::Overlapping, ..SMALL }),
    Variant("convnext_tiny", 28_589_128, ConvNeXtConfig { drop_path: 0.1, ..LARGE }),
    Variant("convnext_small", 50_223_688, ConvNeXtConfig { depths: [3, 3, 27, 3], drop_path: 0.4, ..LARGE }),
    Variant("convnext_base", 88_591_464, ConvNeXtConfig { depths: [3, 3, 27, 3], widths: [128, 256, 512, 1024], drop_path: 0.5, ..LARGE }),
    Variant("convnext_large", 197_767_336, ConvNeXtConfig { depths: [3, 3, 27, 3], widths: [192, 384, 768, 1536], drop_path: 0.5, ..LARGE }),
    Variant("convnext_xlarge", 350_196_968, ConvNeXtConfig { depths: [3, 3, 27, 3], widths: [256, 512, 1024, 2048], drop_path: 0.2, ..LARGE }),
    Variant("convnextv2_atto", 3_708_400, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [40, 80, 160, 320], drop_path: 0.1, ..SECOND_SMALL }),
    Variant("convnextv2_femto", 5_233_240, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [48, 96, 192, 384], drop_path: 0.1, ..SECOND_SMALL }),
    Variant("convnextv2_pico", 9_066_280, ConvNeXtConfig { depths: [2, 2, 6, 2], widths: [64, 128, 256, 512], drop_path: 0.1, ..SECOND_SMALL }),
    Variant("convnextv2_nano", 15_623_800, ConvNeXtConfig { depths: [2, 2, 8, 2], widths: [80, 160, 320, 640], drop_path: 0.1, ..SECOND_SMALL }),
    Variant("convnextv2_tiny", 28_635_496, ConvNeXtConfig { drop_path: 0.2, ..SECOND_LARGE }),
    Variant("convnextv2_base", 88_717_800, ConvNeXtConfig { depths: [3, 3, 27, 3], widths: [128, 256, 512, 1024], drop_path: 0.1, ..SECOND_LARGE }),
    Variant("convnextv2_large", 197_956_840, ConvNeXtConfig { depths: [3, 3, 27, 3], widths: [192, 384, 768, 1536], drop_path: 0.2, ..SECOND_LARGE }),
    Variant("test_convnext", 272_128, ConvNeXtConfig { depths: [1, 2, 4, 2], widths: [24, 32, 48, 64], ..TEST }),
    Variant("test_convnext2", 477_800, ConvNeXtConfig { ..TEST }),
    Variant("test_convnext3", 468_840, ConvNeXtConfig { kernels: [7, 5, 5, 3], activation: Activation::Silu, ..TEST }),
];

const SMALL: ConvNeXtConfig = ConvNeXtConfig { pointwise: Pointwise::Convolution, ..LARGE };
const SECOND_SMALL: ConvNeXtConfig = ConvNeXtConfig { version: Version::Second, ..SMALL };
const SECOND_LARGE: ConvNeXtConfig = ConvNeXtConfig { version: Version::Second, ..LARGE };
const TEST: ConvNeXtConfig = ConvNeXtConfig {
    depths: [1; 4],
    widths: [32, 64, 96, 128],
    activation: Activation::GeluTanh,
    epsilon: 1e-5,
    ..LARGE
};
const LARGE: ConvNeXtConfig = ConvNeXtConfig {
    depths: [3, 3, 9, 3],
    widths: [96, 192, 384, 768],
    kernels: [7; 4],
    stem: Stem::Patches,
    pointwise: Pointwise::Linear,
    version: Version::First,
    activation: Activation::Gelu,
    epsilon: 1e-6,
    drop_path: 0.0,
};

/// What tells one ConvNeXt from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConvNeXtConfig {
    /// Blocks in each stage.
    pub depths: [usize; 4],
    /// Channels of each stage.
    pub widths: [usize; 4],
    /// Kernel of the depthwise convolutions of each stage.
    pub kernels: [usize; 4],
    /// How the image is read.
    pub stem: Stem,
    /// What the pointwise layers are in the checkpoint.
    pub pointwise: Pointwise,
    /// What blocks are made of.
    pub version: Version,
    /// Between the pointwise layers.
    pub activation: Activation,
    /// Added to the variance in every norm.
    pub epsilon: f64,
    /// Probability with which the last block is dropped; it falls linearly to none at the first.
    pub drop_path: f64,
}

/// A ConvNeXt without its classifier.
#[derive(Module, Debug)]
pub struct ConvNeXt {
    stem: StemLayers,
    stages: Vec<Group>,
    head: Head,
    #[module(skip)]
    widths: [usize; 4],
}

/// Blocks of one width.
#[derive(Module, Debug)]
struct Group {
    downsample: Option<(LayerNorm, Conv2d)>,
    blocks: Vec<Block>,
}

#[derive(Module, Debug)]
struct Head {
    norm: LayerNorm,
}

/// Where checkpoints differ: those of masked autoencoders were never asked for an embedding.
const RULES: &[Rule] = &[Rule::Optional {
    parameters: "head.norm",
    reason: "masked autoencoders have no head: it begins as a norm that only normalizes",
}];

impl ConvNeXtConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> ConvNeXt {
        let norm = |channels| LayerNormConfig::new(channels, self.epsilon).init(device);
        let drop_path = init.regularization.rate(self.drop_path);
        let last = self.depths.iter().sum::<usize>().saturating_sub(1).max(1);
        let mut index = 0;
        let mut group = |stage: usize| {
            let blocks = (0..self.depths[stage]).map(|_| {
                let config = BlockConfig {
                    channels: self.widths[stage],
                    kernel: self.kernels[stage],
                    pointwise: self.pointwise,
                    version: self.version,
                    activation: self.activation,
                    epsilon: self.epsilon,
                    drop_path: drop_path * index as f64 / last as f64,
                };
                index += 1;
                config.init(device)
            });
            let blocks = blocks.collect();
            let downsample = stage.checked_sub(1).map(|before| {
                let channels = [self.widths[before], self.widths[stage]];
                (norm(channels[0]), patches(channels, 2, device))
            });
            Group { downsample, blocks }
        };
        ConvNeXt {
            stages: (0..4).map(&mut group).collect(),
            stem: self.stem.init([init.channels_in, self.widths[0]], self.epsilon, device),
            head: Head { norm: norm(self.widths[3]) },
            widths: self.widths,
        }
    }
}

impl Backbone for ConvNeXt {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let mut stages = vec![Stage::map("stem", &["stem"], self.widths[0], 4)];
        stages.extend(self.widths.iter().enumerate().map(|(index, &width)| {
            let name = format!("stages.{index}");
            Stage::map(&name, &[&name], width, 4 << index)
        }));
        stages.push(Stage::vector("head", &["head.norm"], self.embed_dim()));
        stages
    }

    fn depth(&self) -> usize {
        6
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let y = match (index, self.stages.get(index.wrapping_sub(1))) {
            (0, _) => self.stem.forward(x),
            (_, Some(group)) => group.forward(x),
            (5, None) => return self.head.norm.forward(global_mean(x)).unsqueeze_dims(&[2, 3]),
            _ => panic!("a ConvNeXt has 6 stages, there is no stage {index}"),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.widths[3]
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "stem.0", classifier: "head.fc" }
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }
}

impl Group {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let x = match &self.downsample {
            Some((norm, conv)) => {
                let conv = ConvNormAct::new(conv, None, Activation::Identity);
                conv.forward(norm.forward_map(x))
            }
            None => x,
        };
        self.blocks.iter().fold(x, |x, block| block.forward(x))
    }
}
