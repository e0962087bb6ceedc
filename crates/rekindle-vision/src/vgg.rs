//! VGG. Simonyan & Zisserman 2014, "Very Deep Convolutional Networks for Large-Scale Image
//! Recognition", <https://arxiv.org/abs/1409.1556>.
//!
//! ```text
//! image      [b,    3, h,    w   ]
//! 0 stage1   [b,   64, h/2,  w/2 ]   depths[i] times (3x3 convolution, norm?, relu), then a 2x2 pool
//! 1 stage2   [b,  128, h/4,  w/4 ]
//! 2 stage3   [b,  256, h/8,  w/8 ]
//! 3 stage4   [b,  512, h/16, w/16]
//! 4 stage5   [b,  512, h/32, w/32]
//! 5 hidden   [b, 4096, h',   w'  ]   the two hidden layers of the paper as convolutions, 7x7 and 1x1
//! pool       [b, 4096]
//! ```
//!
//! `features` lists every layer, the parameterless ones too, so that indices equal the checkpoint's.

use burn::{
    nn::{Dropout, DropoutConfig, Relu},
    prelude::*,
    tensor::module::adaptive_avg_pool2d,
};
use rekindle_layers::{
    Activation, Backbone, BatchNorm, BatchNormConfig, Bias, Conv2d, Conv2dConfig, ConvNormAct,
    FeatureMap, Landmarks, MaxPool, Padding, Stage, StageOutput, global_mean,
};

use crate::{
    least::at_least,
    variant::{Init, Variant},
};

/// One row per network: Table 1 of the paper, configurations A, B, D and E.
pub const VARIANTS: &[Variant<VggConfig>] = &[
    Variant("vgg11", 132_863_336, VggConfig { depths: [1, 1, 2, 2, 2], norm: Norm::None }),
    Variant("vgg13", 133_047_848, VggConfig { depths: [2, 2, 2, 2, 2], norm: Norm::None }),
    Variant("vgg16", 138_357_544, VggConfig { depths: [2, 2, 3, 3, 3], norm: Norm::None }),
    Variant("vgg19", 143_667_240, VggConfig { depths: [2, 2, 4, 4, 4], norm: Norm::None }),
    Variant("vgg11_bn", 132_868_840, VggConfig { depths: [1, 1, 2, 2, 2], norm: Norm::Batch }),
    Variant("vgg13_bn", 133_053_736, VggConfig { depths: [2, 2, 2, 2, 2], norm: Norm::Batch }),
    Variant("vgg16_bn", 138_365_992, VggConfig { depths: [2, 2, 3, 3, 3], norm: Norm::Batch }),
    Variant("vgg19_bn", 143_678_248, VggConfig { depths: [2, 2, 4, 4, 4], norm: Norm::Batch }),
];

const WIDTHS: [usize; 5] = [64, 128, 256, 512, 512];
/// Width of both hidden layers.
const HIDDEN: usize = 4096;
/// Pixels a side of the smallest picture of which five pools leave something.
const LEAST: usize = 32;
/// Height and width that the first hidden layer reads.
const GRID: usize = 7;
/// Section 3.1.
const DROPOUT: f64 = 0.5;

/// What tells one VGG from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VggConfig {
    /// Convolutions in each of the five stages.
    pub depths: [usize; 5],
    /// What follows each of them.
    pub norm: Norm,
}

/// What normalizes the output of a convolution.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Norm {
    /// Nothing, as in the paper.
    None,
    /// A batch norm.
    Batch,
}

/// A VGG without its classifier.
#[derive(Module, Debug)]
pub struct Vgg {
    features: Vec<Layer>,
    pre_logits: PreLogits,
    dropout: f64,
}

#[derive(Module, Debug)]
enum Layer {
    Conv(Conv2d),
    Norm(BatchNorm),
    Relu(Relu),
    Pool(MaxPool),
}

#[derive(Module, Debug)]
struct PreLogits {
    fc1: Conv2d,
    fc2: Conv2d,
    drop: Dropout,
}

impl VggConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> Vgg {
        let mut features = Vec::new();
        let mut width_in = init.channels_in;
        for (width, depth) in WIDTHS.into_iter().zip(self.depths) {
            for _ in 0..depth {
                let conv = Conv2dConfig::new([width_in, width], 3);
                let conv = Conv2dConfig { bias: Bias::Learned, ..conv };
                features.push(Layer::Conv(conv.init(device)));
                if self.norm == Norm::Batch {
                    let norm = BatchNormConfig { channels: width, epsilon: 1e-5 };
                    features.push(Layer::Norm(norm.init(device)));
                }
                features.push(Layer::Relu(Relu::new()));
                width_in = width;
            }
            features.push(Layer::Pool(MaxPool::new(2, 2, 0)));
        }
        let dropout = init.regularization.rate(DROPOUT);
        let hidden = |channels, kernel| {
            let conv = Conv2dConfig::new(channels, kernel);
            Conv2dConfig { padding: Padding::Valid, bias: Bias::Learned, ..conv }.init(device)
        };
        let pre_logits = PreLogits {
            fc1: hidden([width_in, HIDDEN], GRID),
            fc2: hidden([HIDDEN, HIDDEN], 1),
            drop: DropoutConfig::new(dropout).init(),
        };
        Vgg { features, pre_logits, dropout }
    }
}

impl Backbone for Vgg {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let mut next = 0;
        let mut stages: Vec<_> = self
            .slices()
            .zip(WIDTHS)
            .enumerate()
            .map(|(index, (layers, channels))| {
                let modules = (next..next + layers.len()).map(|i| format!("features.{i}"));
                next += layers.len();
                Stage {
                    name: format!("stage{}", index + 1),
                    modules: modules.collect(),
                    channels,
                    output: StageOutput::FeatureMap { reduction: 2 << index },
                }
            })
            .collect();
        stages.push(Stage::vector("hidden", &["pre_logits"], HIDDEN));
        stages
    }

    fn depth(&self) -> usize {
        self.slices().count() + 1
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        at_least(images, LEAST)
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        match self.slices().nth(index) {
            Some(layers) => forward(layers, FeatureMap::new(x)).into_tensor(),
            None => self.pre_logits.forward(x),
        }
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        HIDDEN
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "features.0", classifier: "head.fc" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

impl Vgg {
    /// The layers of each stage; a pool ends a stage.
    fn slices(&self) -> impl Iterator<Item = &[Layer]> {
        self.features.split_inclusive(|layer| matches!(layer, Layer::Pool(_)))
    }
}

/// A convolution is computed with the norm and the activation that follow it in the list.
fn forward(layers: &[Layer], x: FeatureMap) -> FeatureMap {
    match layers {
        [] => x,
        [Layer::Conv(conv), Layer::Norm(norm), Layer::Relu(_), rest @ ..] => {
            forward(rest, ConvNormAct::new(conv, norm, Activation::Relu).forward(x))
        }
        [Layer::Conv(conv), rest @ ..] => {
            let relu = matches!(rest, [Layer::Relu(_), ..]);
            let activation = if relu { Activation::Relu } else { Activation::Identity };
            forward(&rest[usize::from(relu)..], ConvNormAct::new(conv, None, activation).forward(x))
        }
        [Layer::Pool(pool), rest @ ..] => forward(rest, pool.forward(x)),
        [Layer::Norm(_) | Layer::Relu(_), ..] => panic!("a norm or a ReLU behind no convolution"),
    }
}

impl PreLogits {
    /// A map smaller than 7x7 is stretched to it; a larger one is slid over, and pooled later.
    fn forward(&self, x: Tensor<4>) -> Tensor<4> {
        let [_, _, height, width] = x.dims();
        let x = if height < GRID || width < GRID {
            adaptive_avg_pool2d(x, [height.max(GRID), width.max(GRID)])
        } else {
            x
        };
        let hidden =
            |conv, x| ConvNormAct::new(conv, None, Activation::Relu).forward(FeatureMap::new(x));
        let x = self.drop.forward(hidden(&self.fc1, x).into_tensor());
        hidden(&self.fc2, x).into_tensor()
    }
}
