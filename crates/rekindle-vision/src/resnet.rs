//! ResNet and its kin: He et al. 2015 <https://arxiv.org/abs/1512.03385>, ResNeXt
//! <https://arxiv.org/abs/1611.05431>, Wide ResNet <https://arxiv.org/abs/1605.07146>, SE-ResNet
//! <https://arxiv.org/abs/1709.01507>, and ResNet-D <https://arxiv.org/abs/1812.01187>.
//!
//! ```text
//! image     [b,    3, h,    w   ]
//! 0 stem    [b,   64, h/4,  w/4 ]   conv1 bn1 relu maxpool
//! 1 layer1  [b,  64e, h/4,  w/4 ]   e = 1 for basic blocks, 4 for bottlenecks
//! 2 layer2  [b, 128e, h/8,  w/8 ]
//! 3 layer3  [b, 256e, h/16, w/16]
//! 4 layer4  [b, 512e, h/32, w/32]
//! pool      [b, 512e]
//! ```
//!
//! The stride of a bottleneck sits on its 3x3 convolution ("v1.5"), as in every checkpoint we load.

use burn::{nn::Relu, prelude::*};
use rekindle_layers::{
    Activation, Backbone, BatchNorm, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, Landmarks,
    MaxPool, Stage, global_mean,
};

use crate::{
    residual::{Attention, Block, Residual, ResidualConfig, Shortcut, norm},
    variant::{Init, Variant},
};

/// One row per network: Table 1 of the ResNet paper, Table 1 of ResNeXt, section 3 of Wide ResNet.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<ResNetConfig>] = &[
    Variant("resnet18", 11_689_512, ResNetConfig { depths: [2, 2, 2, 2], ..BASIC }),
    Variant("resnet34", 21_797_672, ResNetConfig { depths: [3, 4, 6, 3], ..BASIC }),
    Variant("resnet26", 15_995_176, ResNetConfig { depths: [2, 2, 2, 2], ..BOTTLENECK }),
    Variant("resnet50", 25_557_032, ResNetConfig { depths: [3, 4, 6, 3], ..BOTTLENECK }),
    Variant("resnet101", 44_549_160, ResNetConfig { depths: [3, 4, 23, 3], ..BOTTLENECK }),
    Variant("resnet152", 60_192_808, ResNetConfig { depths: [3, 8, 36, 3], ..BOTTLENECK }),
    Variant("resnet26d", 16_014_408, ResNetConfig { depths: [2, 2, 2, 2], ..BAG_OF_TRICKS }),
    Variant("resnet50d", 25_576_264, ResNetConfig { depths: [3, 4, 6, 3], ..BAG_OF_TRICKS }),
    Variant("resnext50_32x4d", 25_028_904, ResNetConfig { depths: [3, 4, 6, 3], cardinality: 32, base_width: 4, ..BOTTLENECK }),
    Variant("resnext101_32x8d", 88_791_336, ResNetConfig { depths: [3, 4, 23, 3], cardinality: 32, base_width: 8, ..BOTTLENECK }),
    Variant("wide_resnet50_2", 68_883_240, ResNetConfig { depths: [3, 4, 6, 3], base_width: 128, ..BOTTLENECK }),
    Variant("wide_resnet101_2", 126_886_696, ResNetConfig { depths: [3, 4, 23, 3], base_width: 128, ..BOTTLENECK }),
    Variant("seresnet50", 28_088_024, ResNetConfig { depths: [3, 4, 6, 3], attention: Attention::SqueezeExcite, ..BOTTLENECK }),
    Variant("seresnext50_32x4d", 27_559_896, ResNetConfig { depths: [3, 4, 6, 3], cardinality: 32, base_width: 4, attention: Attention::SqueezeExcite, ..BOTTLENECK }),
    Variant("test_resnet", 469_688, ResNetConfig { depths: [1; 4], blocks: [Block::Basic, Block::Basic, Block::Bottleneck, Block::Basic], widths: [32, 48, 48, 96], stem: Stem::Deep(16), ..BAG_OF_TRICKS }),
];

const BASIC: ResNetConfig = ResNetConfig { blocks: [Block::Basic; 4], ..BOTTLENECK };
const BAG_OF_TRICKS: ResNetConfig =
    ResNetConfig { stem: Stem::Deep(32), shortcut: Shortcut::Average, ..BOTTLENECK };
const BOTTLENECK: ResNetConfig = ResNetConfig {
    blocks: [Block::Bottleneck; 4],
    depths: [0; 4],
    widths: [64, 128, 256, 512],
    cardinality: 1,
    base_width: 64,
    stem: Stem::Plain,
    shortcut: Shortcut::Strided,
    attention: Attention::None,
};

/// What tells one ResNet from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResNetConfig {
    /// Kind of block in each layer.
    pub blocks: [Block; 4],
    /// Blocks in each layer.
    pub depths: [usize; 4],
    /// Channels of each layer, before a bottleneck widens them.
    pub widths: [usize; 4],
    /// Groups of a bottleneck's 3x3 convolution (ResNeXt's C).
    pub cardinality: usize,
    /// Channels of each group, for a layer of width 64 (ResNeXt's d).
    pub base_width: usize,
    /// How the image is read.
    pub stem: Stem,
    /// How a shortcut becomes smaller.
    pub shortcut: Shortcut,
    /// What weighs the channels of a bottleneck's output.
    pub attention: Attention,
}

/// How the image is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// One 7x7 convolution.
    Plain,
    /// Three 3x3 convolutions, the first two this wide (ResNet-D's C tweak).
    Deep(usize),
}

/// A ResNet without its classifier.
#[derive(Module, Debug)]
pub struct ResNet {
    conv1: StemConvolution,
    bn1: BatchNorm,
    maxpool: MaxPool,
    layer1: Vec<Residual>,
    layer2: Vec<Residual>,
    layer3: Vec<Residual>,
    layer4: Vec<Residual>,
    #[module(skip)]
    config: ResNetConfig,
}

/// A tuple counts the parameterless layers too, so that indices equal the checkpoint's.
#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has one")]
enum StemConvolution {
    Plain(Conv2d),
    Deep((Conv2d, BatchNorm, Relu, Conv2d, BatchNorm, Relu, Conv2d)),
}

impl ResNetConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> ResNet {
        let (conv1, mut channels) = StemConvolution::new(self.stem, init.channels_in, device);
        let stem = channels;
        let mut layer = |index: usize| {
            let block = self.blocks[index];
            let blocks = (0..self.depths[index]).map(|position| {
                let config = ResidualConfig {
                    block,
                    channels_in: channels,
                    width: self.widths[index],
                    stride: if index > 0 && position == 0 { 2 } else { 1 },
                    cardinality: self.cardinality,
                    base_width: self.base_width,
                    shortcut: self.shortcut,
                    attention: self.attention,
                };
                channels = self.widths[index] * block.expansion();
                config.init(device)
            });
            blocks.collect()
        };
        ResNet {
            conv1,
            bn1: norm(stem, device),
            maxpool: MaxPool::new(3, 2, 1),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
            layer4: layer(3),
            config: *self,
        }
    }

    /// Channels of a layer's output.
    fn channels_out(&self, index: usize) -> usize {
        self.widths[index] * self.blocks[index].expansion()
    }
}

impl Backbone for ResNet {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let stem = match self.config.stem {
            Stem::Plain => 64,
            Stem::Deep(width) => 2 * width,
        };
        let mut stages = vec![Stage::map("stem", &["conv1", "bn1"], stem, 4)];
        stages.extend(["layer1", "layer2", "layer3", "layer4"].iter().enumerate().map(
            |(index, name)| Stage::map(name, &[name], self.config.channels_out(index), 4 << index),
        ));
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
        let layer = match index {
            0 => {
                let x = self.conv1.forward(x, &self.bn1);
                return self.maxpool.forward(x).into_tensor();
            }
            1 => &self.layer1,
            2 => &self.layer2,
            3 => &self.layer3,
            4 => &self.layer4,
            _ => panic!("a ResNet has 5 stages, there is no stage {index}"),
        };
        layer.iter().fold(x, |x, block| block.forward(x)).into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.config.channels_out(3)
    }

    fn landmarks(&self) -> Landmarks {
        let first_convolution = match self.config.stem {
            Stem::Plain => "conv1",
            Stem::Deep(_) => "conv1.0",
        };
        Landmarks { first_convolution, classifier: "fc" }
    }
}

impl StemConvolution {
    /// The stem, and the channels of its output.
    fn new(stem: Stem, channels_in: usize, device: &Device) -> (Self, usize) {
        let conv = |channels, kernel, stride| {
            Conv2dConfig { stride, ..Conv2dConfig::new(channels, kernel) }.init(device)
        };
        match stem {
            Stem::Plain => (Self::Plain(conv([channels_in, 64], 7, 2)), 64),
            Stem::Deep(width) => {
                let layers = (
                    conv([channels_in, width], 3, 2),
                    norm(width, device),
                    Relu::new(),
                    conv([width, width], 3, 1),
                    norm(width, device),
                    Relu::new(),
                    conv([width, 2 * width], 3, 1),
                );
                (Self::Deep(layers), 2 * width)
            }
        }
    }

    /// The stem with the norm behind it.
    fn forward(&self, x: FeatureMap, norm: &BatchNorm) -> FeatureMap {
        let unit = |conv, norm| ConvNormAct::new(conv, norm, Activation::Relu);
        match self {
            Self::Plain(conv) => unit(conv, norm).forward(x),
            Self::Deep((conv1, bn1, _, conv2, bn2, _, conv3)) => {
                let x = unit(conv1, bn1).forward(x);
                let x = unit(conv2, bn2).forward(x);
                unit(conv3, norm).forward(x)
            }
        }
    }
}
