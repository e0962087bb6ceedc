//! RepVGG. Ding et al. 2021, "RepVGG: Making VGG-style ConvNets Great Again", <https://arxiv.org/abs/2101.03697>.
//!
//! ```text
//! image      [b,   3, h,    w   ]
//! 0 stem     [b,  c0, h/2,  w/2 ]   a block
//! 1 stages.0 [b,  c1, h/4,  w/4 ]   depths[i] blocks: 3x3 + 1x1 + the map itself, each with its norm, then relu
//! 2 stages.1 [b,  c2, h/8,  w/8 ]
//! 3 stages.2 [b,  c3, h/16, w/16]
//! 4 stages.3 [b,  c4, h/32, w/32]
//! pool       [b,  c4]
//! ```
//!
//! Outside of training a block is one 3x3 convolution, which [`Branches`] computes from its three branches and keeps.

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, BatchNorm, BatchNormConfig, Branches, Conv2dConfig, FeatureMap,
    FusedBranches, Landmarks, Rule, Rules, Stage, global_mean,
};

use crate::{
    unit::ConvNorm,
    variant::{Init, Variant},
};

/// One row per network: Table 2 of the paper, and Table 3's groups.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<RepVggConfig>] = &[
    Variant("repvgg_a0", 9_108_968, RepVggConfig { widths: [48, 96, 192, 1280], ..A }),
    Variant("repvgg_a1", 14_092_264, RepVggConfig { widths: [64, 128, 256, 1280], ..A }),
    Variant("repvgg_a2", 28_210_600, RepVggConfig { widths: [96, 192, 384, 1408], ..A }),
    Variant("repvgg_b0", 15_817_960, RepVggConfig { widths: [64, 128, 256, 1280], ..B }),
    Variant("repvgg_b1", 57_415_016, RepVggConfig { widths: [128, 256, 512, 2048], ..B }),
    Variant("repvgg_b1g4", 39_966_056, RepVggConfig { widths: [128, 256, 512, 2048], groups: 4, ..B }),
    Variant("repvgg_b2", 89_022_376, RepVggConfig { widths: [160, 320, 640, 2560], ..B }),
    Variant("repvgg_b2g4", 61_758_376, RepVggConfig { widths: [160, 320, 640, 2560], groups: 4, ..B }),
    Variant("repvgg_b3", 123_085_288, RepVggConfig { widths: [192, 384, 768, 2560], ..B }),
    Variant("repvgg_b3g4", 83_825_128, RepVggConfig { widths: [192, 384, 768, 2560], groups: 4, ..B }),
];

const A: RepVggConfig =
    RepVggConfig { depths: [2, 4, 14, 1], widths: [64, 128, 256, 1280], groups: 1 };
const B: RepVggConfig = RepVggConfig { depths: [4, 6, 16, 1], ..A };

/// The stem is no wider.
const STEM: usize = 64;

/// The other convolution that reads the picture.
const RULES: &[Rule] = &[Rule::FirstConvolution { parameter: "stem.conv_1x1.conv.weight" }];

/// What tells one RepVGG from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RepVggConfig {
    /// Blocks in each of the four stages.
    pub depths: [usize; 4],
    /// Channels of each stage.
    pub widths: [usize; 4],
    /// Parts of the channels that do not see each other, in every second block of a stage.
    pub groups: usize,
}

/// A RepVGG without its classifier.
#[derive(Module, Debug)]
pub struct RepVgg {
    stem: Block,
    stages: Vec<Vec<Block>>,
    #[module(skip)]
    widths: [usize; 5],
}

/// Three branches, two where the shapes differ.
#[derive(Module, Debug)]
struct Block {
    identity: Option<BatchNorm>,
    conv_kxk: ConvNorm,
    conv_1x1: ConvNorm,
    #[module(skip)]
    fused: FusedBranches,
}

impl RepVggConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> RepVgg {
        let [first, second, third, fourth] = self.widths;
        let widths = [first.min(STEM), first, second, third, fourth];
        let stages = (0..4).map(|stage| {
            let block = |index: usize| match index {
                0 => Block::new([widths[stage], widths[stage + 1]], 2, 1, device),
                _ => {
                    let groups = if index % 2 == 1 { self.groups } else { 1 };
                    Block::new([widths[stage + 1]; 2], 1, groups, device)
                }
            };
            (0..self.depths[stage]).map(block).collect()
        });
        let stem = Block::new([init.channels_in, widths[0]], 2, 1, device);
        RepVgg { stem, stages: stages.collect(), widths }
    }
}

impl Block {
    fn new(channels: [usize; 2], stride: usize, groups: usize, device: &Device) -> Self {
        let conv = |kernel| {
            let conv = Conv2dConfig::new(channels, kernel);
            ConvNorm::new(Conv2dConfig { stride, groups, ..conv }, EPSILON, device)
        };
        let norm = BatchNormConfig { channels: channels[1], epsilon: EPSILON };
        Self {
            identity: (stride == 1 && channels[0] == channels[1]).then(|| norm.init(device)),
            conv_kxk: conv(3),
            conv_1x1: conv(1),
            fused: FusedBranches::default(),
        }
    }

    /// `[batch, channels_in, height, width]` to `[batch, channels_out, height / stride, width / stride]`.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let branches = Branches {
            wide: (&self.conv_kxk.conv, &self.conv_kxk.bn),
            pointwise: (&self.conv_1x1.conv, &self.conv_1x1.bn),
            identity: self.identity.as_ref(),
            activation: Activation::Relu,
            fused: &self.fused,
        };
        branches.forward(x)
    }
}

const EPSILON: f64 = 1e-5;

impl Backbone for RepVgg {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let names = std::iter::once("stem".to_owned());
        let names = names.chain((0..self.stages.len()).map(|stage| format!("stages.{stage}")));
        let stages = names.zip(self.widths).enumerate();
        stages
            .map(|(index, (name, width))| Stage::map(&name, &[&name], width, 2 << index))
            .collect()
    }

    fn depth(&self) -> usize {
        self.widths.len()
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let y = match index.checked_sub(1) {
            None => self.stem.forward(x),
            Some(stage) => self.stages[stage].iter().fold(x, |x, block| block.forward(x)),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.widths[4]
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "stem.conv_kxk.conv", classifier: "head.fc" }
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }
}
