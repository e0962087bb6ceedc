//! Densely connected layers, which DenseNet for ImageNet and for 32x32 pictures are made of: each reads the channels of all
//! before it.

use burn::prelude::*;
use rekindle_layers::{
    Activation, AveragePool, Backbone, BatchNorm, Conv2d, Conv2dConfig, ConvNormAct, Divisor,
    FeatureMap, GrowingMap, Landmarks, MaxPool, Stage, global_mean,
};

use crate::{least::at_least, residual::norm, variant::Init};

/// What tells one DenseNet from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenseNetConfig {
    /// Channels that a layer adds (the paper's k).
    pub growth: usize,
    /// Layers in each block.
    pub depths: &'static [usize],
    /// How the image is read.
    pub stem: Stem,
}

/// How the image is read; twice as many channels as a layer adds leave it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stem {
    /// A 7x7 convolution, a norm and a pool, four times smaller.
    Large,
    /// A 3x3 convolution alone.
    Small,
}

/// Channels inside of a layer, in those that it adds.
const INSIDE: usize = 4;

/// A DenseNet without its classifier.
#[derive(Module, Debug)]
pub struct DenseNet {
    features: Features,
    /// Pixels a side of the smallest picture of which something is left.
    least: usize,
    #[module(skip)]
    stages: Vec<Stage>,
}

#[derive(Module, Debug)]
struct Features {
    conv0: Conv2d,
    norm0: Option<BatchNorm>,
    pool0: MaxPool,
    denseblock_n: Vec<DenseBlock>,
    transition_n: Vec<Transition>,
    norm5: BatchNorm,
}

#[derive(Module, Debug)]
struct DenseBlock {
    denselayer_n: Vec<DenseLayer>,
    channels_out: usize,
}

#[derive(Module, Debug)]
struct DenseLayer {
    norm1: BatchNorm,
    conv1: Conv2d,
    norm2: BatchNorm,
    conv2: Conv2d,
}

/// Half the channels, and half the height and width.
#[derive(Module, Debug)]
struct Transition {
    norm: BatchNorm,
    conv: Conv2d,
    pool: AveragePool,
}

impl DenseNetConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> DenseNet {
        let mut channels = 2 * self.growth;
        let (kernel, stride) = match self.stem {
            Stem::Large => (7, 2),
            Stem::Small => (3, 1),
        };
        let conv0 =
            Conv2dConfig { stride, ..Conv2dConfig::new([init.channels_in, channels], kernel) };
        let norm0 = (self.stem == Stem::Large).then(|| norm(channels, device));
        let mut reduction = if self.stem == Stem::Large { 4 } else { 1 };
        let modules: &[&str] = match self.stem {
            Stem::Large => &["features.conv0", "features.norm0"],
            Stem::Small => &["features.conv0"],
        };
        let mut stages = vec![Stage::map("stem", modules, channels, reduction)];
        let (mut blocks, mut transitions) = (Vec::new(), Vec::new());
        for (index, &depth) in self.depths.iter().enumerate() {
            let (block, transition) = (
                format!("features.denseblock{}", index + 1),
                format!("features.transition{index}"),
            );
            let mut modules = vec![block.as_str()];
            if index > 0 {
                transitions.push(Transition::new(channels, device));
                (channels, reduction) = (channels / 2, 2 * reduction);
                modules.push(&transition);
            }
            if index + 1 == self.depths.len() {
                modules.push("features.norm5");
            }
            blocks.push(DenseBlock::new(channels, self.growth, depth, device));
            channels += depth * self.growth;
            stages.push(Stage::map(
                &format!("denseblock{}", index + 1),
                &modules,
                channels,
                reduction,
            ));
        }
        let features = Features {
            conv0: conv0.init(device),
            norm0,
            pool0: MaxPool::new(3, 2, 1),
            denseblock_n: blocks,
            transition_n: transitions,
            norm5: norm(channels, device),
        };
        // The first two halvings round up, the others down.
        let least = if self.stem == Stem::Large { reduction - 3 } else { reduction };
        DenseNet { features, least, stages }
    }
}

impl Backbone for DenseNet {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        self.stages.clone()
    }

    fn depth(&self) -> usize {
        self.stages.len()
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        at_least(images, self.least)
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        self.features.stage(index, FeatureMap::new(x)).into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.stages.last().map_or(0, |stage| stage.channels)
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "features.conv0", classifier: "classifier" }
    }
}

impl Features {
    fn stage(&self, index: usize, x: FeatureMap) -> FeatureMap {
        let Some(index) = index.checked_sub(1) else {
            return match &self.norm0 {
                Some(norm0) => {
                    let x = ConvNormAct::new(&self.conv0, norm0, Activation::Relu).forward(x);
                    self.pool0.forward(x)
                }
                None => ConvNormAct::new(&self.conv0, None, Activation::Identity).forward(x),
            };
        };
        let x = match index.checked_sub(1) {
            Some(before) => self.transition_n[before].forward(x),
            None => x,
        };
        let x = self.denseblock_n[index].forward(x);
        let is_last = index + 1 == self.denseblock_n.len();
        if is_last { self.norm5.forward(x, Activation::Relu) } else { x }
    }
}

impl DenseBlock {
    fn new(channels: usize, growth: usize, depth: usize, device: &Device) -> Self {
        let layer = |index| DenseLayer::new(channels + index * growth, growth, device);
        let channels_out = channels + depth * growth;
        Self { denselayer_n: (0..depth).map(layer).collect(), channels_out }
    }

    /// `[batch, channels, height, width]` to the same channels and those that layers add.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let grown = GrowingMap::new(x, self.channels_out);
        let grow = |grown: GrowingMap, layer: &DenseLayer| {
            let y = layer.forward(grown.map());
            grown.push(y)
        };
        self.denselayer_n.iter().fold(grown, grow).into_map()
    }
}

impl DenseLayer {
    fn new(channels: usize, growth: usize, device: &Device) -> Self {
        let inside = INSIDE * growth;
        Self {
            norm1: norm(channels, device),
            conv1: Conv2dConfig::new([channels, inside], 1).init(device),
            norm2: norm(inside, device),
            conv2: Conv2dConfig::new([inside, growth], 3).init(device),
        }
    }

    /// `[batch, channels, height, width]` to the channels that the layer adds.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = self.norm1.forward(x, Activation::Relu);
        let y = ConvNormAct::new(&self.conv1, &self.norm2, Activation::Relu).forward(y);
        ConvNormAct::new(&self.conv2, None, Activation::Identity).forward(y)
    }
}

impl Transition {
    fn new(channels: usize, device: &Device) -> Self {
        Self {
            norm: norm(channels, device),
            conv: Conv2dConfig::new([channels, channels / 2], 1).init(device),
            pool: AveragePool::padded(2, 2, 0, Divisor::Pixels),
        }
    }

    /// `[batch, channels, height, width]` to `[batch, channels / 2, height / 2, width / 2]`.
    ///
    /// An average of a 1x1 convolution is the convolution of the average, at a quarter of the cost.
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = self.pool.forward(self.norm.forward(x, Activation::Relu));
        ConvNormAct::new(&self.conv, None, Activation::Identity).forward(y)
    }
}
