//! ResNetV2 and BiT: He et al. 2016, "Identity Mappings in Deep Residual Networks", <https://arxiv.org/abs/1603.05027>, and
//! Kolesnikov et al. 2019, "Big Transfer", <https://arxiv.org/abs/1912.11370>.
//!
//! ```text
//! image      [b,    3, h,    w   ]
//! 0 stem     [b,   64, h/4,  w/4 ]   convolution and pool, neither norm nor activation
//! 1 stages.0 [b,  64e, h/4,  w/4 ]   e = 1 for basic blocks, 4 for bottlenecks; BiT multiplies all widths
//! 2 stages.1 [b, 128e, h/8,  w/8 ]
//! 3 stages.2 [b, 256e, h/16, w/16]
//! 4 stages.3 [b, 512e, h/32, w/32]   and a norm behind
//! pool       [b, 512e]
//! ```

use burn::prelude::*;
use rekindle_layers::{
    Backbone, Conv2d, FeatureMap, Landmarks, MaxPool, Rule, Rules, Stage, global_mean,
};

use crate::{
    preactivation::{Norm, Normalization, Place, PreActivation, PreActivationConfig, alone},
    residual::{Block, Shortcut},
    variant::{Init, Variant},
};

/// One row per network: those of ResNet, and Table 5 of the BiT paper.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<ResNetV2Config>] = &[
    Variant("resnetv2_18", 11_687_720, ResNetV2Config { depths: [2, 2, 2, 2], block: Block::Basic, ..V2 }),
    Variant("resnetv2_34", 21_795_880, ResNetV2Config { depths: [3, 4, 6, 3], block: Block::Basic, ..V2 }),
    Variant("resnetv2_50", 25_549_352, ResNetV2Config { depths: [3, 4, 6, 3], ..V2 }),
    Variant("resnetv2_101", 44_541_480, ResNetV2Config { depths: [3, 4, 23, 3], ..V2 }),
    Variant("resnetv2_18d", 11_706_952, ResNetV2Config { depths: [2, 2, 2, 2], block: Block::Basic, ..BAG_OF_TRICKS }),
    Variant("resnetv2_34d", 21_815_112, ResNetV2Config { depths: [3, 4, 6, 3], block: Block::Basic, ..BAG_OF_TRICKS }),
    Variant("resnetv2_50d_gn", 25_568_584, ResNetV2Config { depths: [3, 4, 6, 3], normalization: Normalization::Group, ..BAG_OF_TRICKS }),
    Variant("resnetv2_50x1_bit", 25_549_352, ResNetV2Config { depths: [3, 4, 6, 3], ..BIT }),
    Variant("resnetv2_50x3_bit", 217_319_080, ResNetV2Config { depths: [3, 4, 6, 3], width: 3, ..BIT }),
    Variant("resnetv2_101x1_bit", 44_541_480, ResNetV2Config { depths: [3, 4, 23, 3], ..BIT }),
    Variant("resnetv2_101x3_bit", 387_934_888, ResNetV2Config { depths: [3, 4, 23, 3], width: 3, ..BIT }),
    Variant("resnetv2_152x2_bit", 236_335_208, ResNetV2Config { depths: [3, 8, 36, 3], width: 2, ..BIT }),
    Variant("resnetv2_152x4_bit", 936_533_224, ResNetV2Config { depths: [3, 8, 36, 3], width: 4, ..BIT }),
];

const V2: ResNetV2Config = ResNetV2Config {
    depths: [0; 4],
    block: Block::Bottleneck,
    width: 1,
    stem: Stem::Plain,
    shortcut: Shortcut::Strided,
    normalization: Normalization::Batch,
};
const BAG_OF_TRICKS: ResNetV2Config =
    ResNetV2Config { stem: Stem::Deep, shortcut: Shortcut::Average, ..V2 };
const BIT: ResNetV2Config =
    ResNetV2Config { stem: Stem::Framed, normalization: Normalization::Standardized, ..V2 };

/// Channels of the stem.
const STEM: usize = 64;

/// What tells one ResNetV2 from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetV2Config {
    /// Blocks in each stage.
    pub depths: [usize; 4],
    /// Their kind.
    pub block: Block,
    /// Factor on every channel count.
    pub width: usize,
    /// How the image is read.
    pub stem: Stem,
    /// How a shortcut becomes smaller.
    pub shortcut: Shortcut,
    /// What normalizes.
    pub normalization: Normalization,
}

/// How the image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// A 7x7 convolution, and a pool.
    Plain,
    /// Three 3x3 convolutions, and a pool.
    Deep,
    /// A 7x7 convolution, and a pool to which what is around the map is zero.
    Framed,
}

/// The classifier is a convolution in the file.
const RULES: &[Rule] = &[Rule::Pointwise { parameter: "head.fc.weight" }];

/// A ResNetV2 without its classifier.
#[derive(Module, Debug)]
pub struct ResNetV2 {
    stem: StemLayers,
    stages: Vec<Blocks>,
    norm: Norm,
    #[module(skip)]
    config: ResNetV2Config,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one")]
enum StemLayers {
    Plain(PlainStem),
    Deep(DeepStem),
}

#[derive(Module, Debug)]
struct PlainStem {
    conv: Conv2d,
}

#[derive(Module, Debug)]
struct DeepStem {
    conv1: Conv2d,
    norm1: Norm,
    conv2: Conv2d,
    norm2: Norm,
    conv3: Conv2d,
}

#[derive(Module, Debug)]
struct Blocks {
    blocks: Vec<PreActivation>,
}

impl ResNetV2Config {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> ResNetV2 {
        let mut channels = self.width * STEM;
        let stem = self.stem(init.channels_in, channels, device);
        let stages = (0..self.depths.len()).map(|index| {
            let width = self.channels_out(index);
            let blocks = (0..self.depths[index]).map(|position| {
                let is_first = position == 0;
                let config = PreActivationConfig {
                    block: self.block,
                    channels: [channels, width],
                    stride: if index > 0 && is_first { 2 } else { 1 },
                    shortcut: self.shortcut,
                    normalization: self.normalization,
                    place: if is_first { Place::First } else { Place::Later },
                };
                channels = width;
                config.init(device)
            });
            Blocks { blocks: blocks.collect() }
        });
        let stages = stages.collect();
        let norm = self.normalization.norm(self.channels_out(3), device);
        ResNetV2 { stem, stages, norm, config: *self }
    }

    fn stem(&self, channels_in: usize, channels: usize, device: &Device) -> StemLayers {
        let conv =
            |channels, kernel, stride| self.normalization.conv(channels, kernel, stride, device);
        let half = channels / 2;
        match self.stem {
            Stem::Plain | Stem::Framed => {
                StemLayers::Plain(PlainStem { conv: conv([channels_in, channels], 7, 2) })
            }
            Stem::Deep => StemLayers::Deep(DeepStem {
                conv1: conv([channels_in, half], 3, 2),
                norm1: self.normalization.norm(half, device),
                conv2: conv([half, half], 3, 1),
                norm2: self.normalization.norm(half, device),
                conv3: conv([half, channels], 3, 1),
            }),
        }
    }

    /// Channels of a stage's output.
    fn channels_out(&self, index: usize) -> usize {
        (self.width * STEM * self.block.expansion()) << index
    }
}

impl Backbone for ResNetV2 {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let mut stages = vec![Stage::map("stem", &["stem"], self.config.width * STEM, 4)];
        let channels = |index| self.config.channels_out(index);
        stages.extend((0..self.stages.len()).map(|index| {
            let name = format!("stages.{index}");
            let is_last = index + 1 == self.stages.len();
            let modules: &[&str] = if is_last { &[&name, "norm"] } else { &[&name] };
            Stage::map(&name, modules, channels(index), 4 << index)
        }));
        stages
    }

    fn depth(&self) -> usize {
        1 + self.stages.len()
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let Some(index) = index.checked_sub(1) else {
            let x = self.stem.forward(x);
            let x = match self.config.stem {
                Stem::Plain | Stem::Deep => MaxPool::new(3, 2, 1).forward(x),
                Stem::Framed => MaxPool::new(3, 2, 0).forward(x.pad_pixels(1)),
            };
            return x.into_tensor();
        };
        let x = self.stages[index].blocks.iter().fold(x, |x, block| block.forward(x));
        let is_last = index + 1 == self.stages.len();
        let x = if is_last { self.norm.forward(x) } else { x };
        x.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.config.channels_out(3)
    }

    fn landmarks(&self) -> Landmarks {
        let first_convolution = match self.config.stem {
            Stem::Plain | Stem::Framed => "stem.conv",
            Stem::Deep => "stem.conv1",
        };
        Landmarks { first_convolution, classifier: "head.fc" }
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }
}

impl StemLayers {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        match self {
            Self::Plain(PlainStem { conv }) => alone(conv).forward(x),
            Self::Deep(DeepStem { conv1, norm1, conv2, norm2, conv3 }) => {
                alone(conv3).forward(norm2.behind(conv2, norm1.behind(conv1, x)))
            }
        }
    }
}
