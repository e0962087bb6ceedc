//! Xception. Chollet 2016, "Xception: Deep Learning with Depthwise Separable Convolutions",
//! <https://arxiv.org/abs/1610.02357>.
//!
//! ```text
//! image    [b,    3, h,    w   ]
//! 0 stem   [b,   64, h/2,  w/2 ]   two 3x3 convolutions without padding
//! 1 block1 [b,  128, h/4,  w/4 ]   two separable convolutions and a pool, beside a strided 1x1 convolution
//! 2 block2 [b,  256, h/8,  w/8 ]
//! 3 block3 [b,  728, h/16, w/16]
//! 4 middle [b,  728, h/16, w/16]   block4 to block11: three separable convolutions each
//! 5 exit   [b, 2048, h/32, w/32]   block12, two separable convolutions
//! pool     [b, 2048]
//! ```

use burn::{nn::Relu, prelude::*};
use rekindle_layers::{
    Activation, Backbone, BatchNorm, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap, Landmarks,
    MaxPool, Padding, Stage, activate, add, global_mean,
};

use crate::{
    least::at_least,
    residual::norm,
    variant::{Init, Variant},
};

/// The network of Figure 5 of the paper.
pub const VARIANTS: &[Variant<XceptionConfig>] =
    &[Variant("legacy_xception", 22_855_952, XceptionConfig)];

/// Section 4.5.2: before the classifier.
const DROPOUT: f64 = 0.5;
/// Pixels a side of the smallest picture of which something is left.
const LEAST: usize = 7;
/// Channels of the middle flow.
const MIDDLE: usize = 728;
/// Blocks of the entry flow and of the middle flow.
const FLOWS: [usize; 2] = [3, 8];

/// Xception, which has no siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct XceptionConfig;

/// Xception without its classifier.
#[derive(Module, Debug)]
pub struct Xception {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    block_n: Vec<Block>,
    conv3: Separable,
    bn3: BatchNorm,
    conv4: Separable,
    bn4: BatchNorm,
    dropout: f64,
}

/// A convolution of each channel by itself, then one of each pixel by itself.
#[derive(Module, Debug)]
struct Separable {
    conv1: Conv2d,
    pointwise: Conv2d,
}

/// `rep` lists every layer, the parameterless ones too, so that indices equal the checkpoint's.
#[derive(Module, Debug)]
struct Block {
    skip: Option<Conv2d>,
    skipbn: Option<BatchNorm>,
    rep: Vec<Layer>,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "most are the largest")]
enum Layer {
    Relu(Relu),
    Separable(Separable),
    Norm(BatchNorm),
    Pool(MaxPool),
}

/// Whether a block begins with an activation.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    Relu,
    Convolution,
}

impl XceptionConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> Xception {
        let valid = |channels, stride| {
            let padding = Padding::Valid;
            Conv2dConfig { stride, padding, ..Conv2dConfig::new(channels, 3) }.init(device)
        };
        let mut blocks = vec![
            Block::new(&[64, 128, 128], 2, Start::Convolution, device),
            Block::new(&[128, 256, 256], 2, Start::Relu, device),
            Block::new(&[256, MIDDLE, MIDDLE], 2, Start::Relu, device),
        ];
        let [_, middle] = FLOWS;
        blocks.extend((0..middle).map(|_| Block::new(&[MIDDLE; 4], 1, Start::Relu, device)));
        blocks.push(Block::new(&[MIDDLE, MIDDLE, 1024], 2, Start::Relu, device));
        Xception {
            conv1: valid([init.channels_in, 32], 2),
            bn1: norm(32, device),
            conv2: valid([32, 64], 1),
            bn2: norm(64, device),
            block_n: blocks,
            conv3: Separable::new([1024, 1536], device),
            bn3: norm(1536, device),
            conv4: Separable::new([1536, 2048], device),
            bn4: norm(2048, device),
            dropout: init.regularization.rate(DROPOUT),
        }
    }
}

impl Backbone for Xception {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let [entry, middle] = FLOWS;
        let names: Vec<String> = (1..=self.block_n.len()).map(|n| format!("block{n}")).collect();
        let of = |blocks: std::ops::Range<usize>| -> Vec<&str> {
            names[blocks].iter().map(String::as_str).collect()
        };
        let mut exit = of(entry + middle..names.len());
        exit.extend(["conv3", "bn3", "conv4", "bn4"]);
        vec![
            Stage::map("stem", &["conv1", "bn1", "conv2", "bn2"], 64, 2),
            Stage::map("block1", &of(0..1), 128, 4),
            Stage::map("block2", &of(1..2), 256, 8),
            Stage::map("block3", &of(2..3), MIDDLE, 16),
            Stage::map("middle", &of(entry..entry + middle), MIDDLE, 16),
            Stage::map("exit", &exit, 2048, 32),
        ]
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        at_least(images, LEAST)
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let [entry, middle] = FLOWS;
        let unit = |conv, norm, x| ConvNormAct::new(conv, norm, Activation::Relu).forward(x);
        let y = match index {
            0 => unit(&self.conv2, &self.bn2, unit(&self.conv1, &self.bn1, x)),
            1..=3 => self.block_n[index - 1].forward(x),
            4 => {
                let blocks = &self.block_n[entry..entry + middle];
                blocks.iter().fold(x, |x, block| block.forward(x))
            }
            5 => {
                let x = self.block_n[entry + middle].forward(x);
                let x = self.conv3.forward(x, &self.bn3, Activation::Relu);
                self.conv4.forward(x, &self.bn4, Activation::Relu)
            }
            _ => panic!("Xception has 6 stages, there is no stage {index}"),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.conv4.pointwise.channels_out()
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv1", classifier: "fc" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

impl Separable {
    fn new([channels_in, channels_out]: [usize; 2], device: &Device) -> Self {
        let conv1 = Conv2dConfig {
            groups: channels_in,
            ..Conv2dConfig::new([channels_in, channels_in], 3)
        };
        let pointwise = Conv2dConfig::new([channels_in, channels_out], 1);
        Self { conv1: conv1.init(device), pointwise: pointwise.init(device) }
    }

    /// With the norm and the activation behind it.
    fn forward(&self, x: FeatureMap, norm: &BatchNorm, activation: Activation) -> FeatureMap {
        let x = ConvNormAct::new(&self.conv1, None, Activation::Identity).forward(x);
        ConvNormAct::new(&self.pointwise, norm, activation).forward(x)
    }
}

impl Block {
    /// With these channels before, between and behind its separable convolutions.
    fn new(channels: &[usize], stride: usize, start: Start, device: &Device) -> Self {
        let mut rep = Vec::new();
        for (index, pair) in channels.windows(2).enumerate() {
            let pair = [pair[0], pair[1]];
            if index > 0 || start == Start::Relu {
                rep.push(Layer::Relu(Relu::new()));
            }
            rep.push(Layer::Separable(Separable::new(pair, device)));
            rep.push(Layer::Norm(norm(pair[1], device)));
        }
        if stride != 1 {
            rep.push(Layer::Pool(MaxPool::new(3, stride, 1)));
        }
        let ends = [channels[0], channels[channels.len() - 1]];
        let skip = || Conv2dConfig { stride, ..Conv2dConfig::new(ends, 1) }.init(device);
        let projected = stride != 1 || ends[0] != ends[1];
        Self { skip: projected.then(skip), skipbn: projected.then(|| norm(ends[1], device)), rep }
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let shortcut = match (&self.skip, &self.skipbn) {
            (Some(conv), Some(norm)) => {
                ConvNormAct::new(conv, norm, Activation::Identity).forward(x.clone())
            }
            _ => x.clone(),
        };
        add(forward(&self.rep, x), shortcut, Activation::Identity)
    }
}

/// A convolution is computed with the norm and the activation that follow it in the list.
fn forward(layers: &[Layer], x: FeatureMap) -> FeatureMap {
    match layers {
        [] => x,
        [Layer::Relu(_), rest @ ..] => forward(rest, activate(x, Activation::Relu)),
        [Layer::Separable(conv), Layer::Norm(norm), Layer::Relu(_), rest @ ..] => {
            forward(rest, conv.forward(x, norm, Activation::Relu))
        }
        [Layer::Separable(conv), Layer::Norm(norm), rest @ ..] => {
            forward(rest, conv.forward(x, norm, Activation::Identity))
        }
        [Layer::Pool(pool), rest @ ..] => forward(rest, pool.forward(x)),
        [Layer::Norm(_) | Layer::Separable(_), ..] => panic!("a norm behind no convolution"),
    }
}
