//! The network that EfficientNet, MobileNetV2 and MobileNetV3 are rows of.
//!
//! ```text
//! image       [b,  3, h,    w   ]
//! 0 stem      [b,  c, h/2,  w/2 ]   conv_stem bn1
//! 1.. blocks  [b, .., h/32, w/32]   blocks.0, blocks.1, ...: a stage a row or more of the table
//! last head   [b,  d, h/32, w/32]   conv_head bn2, or conv_head after the pool (MobileNetV3)
//! pool        [b,  d]
//! ```

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, BatchNorm, BatchNormConfig, Bias, Conv2d, Conv2dConfig, ConvNormAct,
    FeatureMap, Landmarks, Padding, Stage, StageOutput, global_mean,
};

use crate::{
    inverted::{Block, BlockConfig, Blocks},
    variant::Init,
    widths::{multiple_of_8, nearest_multiple_of_8},
};

/// What tells one network from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MobileConfig {
    /// The stages, each of one or more rows.
    pub table: &'static [&'static [Blocks]],
    /// Factor on every channel count.
    pub width: f64,
    /// Factor on every repeat count.
    pub depth: f64,
    /// How scaled channel counts are rounded.
    pub rounding: Rounding,
    /// Channels of the stem, before the width factor.
    pub stem: usize,
    /// What follows the blocks.
    pub head: Head,
    /// Activation of stem and head.
    pub activation: Activation,
    /// How convolutions pad.
    pub padding: Padding,
    /// Epsilon of every batch norm.
    pub epsilon: f64,
    /// Dropout before the classifier.
    pub dropout: f64,
    /// Probability with which the last block is dropped; it falls linearly to none at the first.
    pub drop_path: f64,
}

/// How scaled channel counts are rounded to a multiple of 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rounding {
    /// Never below nine tenths.
    NineTenths,
    /// To the nearest (EfficientNetV2's base models).
    Nearest,
}

/// What follows the blocks; widths are those of the embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// A convolution with batch norm, of a width that scales.
    Scaled(usize),
    /// The same, of a width that may only grow (MobileNetV2).
    Grown(usize),
    /// The same, of a fixed width.
    Fixed(usize),
    /// A convolution with bias after the pool (MobileNetV3's efficient last stage).
    Pooled(usize),
}

/// An EfficientNet or MobileNet without its classifier.
#[derive(Module, Debug)]
pub struct MobileNet {
    conv_stem: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Vec<Block>>,
    conv_head: Conv2d,
    bn2: Option<BatchNorm>,
    #[module(skip)]
    stages: Vec<Stage>,
    dropout: f64,
    #[module(skip)]
    activation: Activation,
}

impl MobileConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> MobileNet {
        let Init { channels_in, regularization, .. } = *init;
        let norm = |channels| BatchNormConfig { channels, epsilon: self.epsilon }.init(device);
        let stem = self.channels(self.stem);
        let conv = |channels, kernel| Conv2dConfig {
            padding: self.padding,
            ..Conv2dConfig::new(channels, kernel)
        };
        let conv_stem = Conv2dConfig { stride: 2, ..conv([channels_in, stem], 3) }.init(device);
        let mut stages = vec![Stage::map("stem", &["conv_stem", "bn1"], stem, 2)];

        let depth = |rows: &[Blocks]| rows.iter().map(|row| self.repeats(row)).sum::<usize>();
        let total: usize = self.table.iter().map(|rows| depth(rows)).sum();
        let drop_path = regularization.rate(self.drop_path);
        let (mut width, mut reduction, mut index) = (stem, 2, 0);
        let mut blocks = Vec::new();
        for (number, rows) in self.table.iter().enumerate() {
            let mut stage = Vec::new();
            for row in rows.iter() {
                for repeat in 0..self.repeats(row) {
                    let config = BlockConfig {
                        row: *row,
                        channels_in: width,
                        channels_out: self.channels(row.channels),
                        stride: if repeat == 0 { row.stride } else { 1 },
                        drop_path: drop_path * index as f64 / total as f64,
                        padding: self.padding,
                        epsilon: self.epsilon,
                    };
                    stage.push(config.init(device));
                    width = config.channels_out;
                    reduction *= config.stride;
                    index += 1;
                }
            }
            let name = format!("blocks.{number}");
            stages.push(Stage::map(&name, &[&name], width, reduction));
            blocks.push(stage);
        }

        let (embed_dim, pooled) = match self.head {
            Head::Scaled(width) => (self.channels(width), false),
            Head::Grown(width) => (self.channels(width).max(width), false),
            Head::Fixed(width) => (width, false),
            Head::Pooled(width) => (width, true),
        };
        let mut head = Stage::map("head", &["conv_head", "bn2"], embed_dim, reduction);
        if pooled {
            head.output = StageOutput::Vector;
        }
        stages.push(head);
        let bias = if pooled { Bias::Learned } else { Bias::None };
        let conv_head = Conv2dConfig { bias, ..conv([width, embed_dim], 1) }.init(device);
        MobileNet {
            conv_stem,
            bn1: norm(stem),
            blocks,
            conv_head,
            bn2: (!pooled).then(|| norm(embed_dim)),
            stages,
            dropout: regularization.rate(self.dropout),
            activation: self.activation,
        }
    }

    fn channels(&self, base: usize) -> usize {
        let scaled = base as f64 * self.width;
        match self.rounding {
            Rounding::NineTenths => multiple_of_8(scaled),
            Rounding::Nearest => nearest_multiple_of_8(scaled),
        }
    }

    fn repeats(&self, row: &Blocks) -> usize {
        (row.repeats as f64 * self.depth).ceil() as usize
    }
}

impl Backbone for MobileNet {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        self.stages.clone()
    }

    fn depth(&self) -> usize {
        self.stages.len()
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let y = match (index.checked_sub(1).map(|index| self.blocks.get(index)), &self.bn2) {
            (None, _) => ConvNormAct::new(&self.conv_stem, &self.bn1, self.activation).forward(x),
            (Some(Some(blocks)), _) => blocks.iter().fold(x, |x, block| block.forward(x)),
            (Some(None), Some(bn2)) => {
                ConvNormAct::new(&self.conv_head, bn2, self.activation).forward(x)
            }
            (Some(None), None) => {
                let pooled = FeatureMap::new(self.pool(x.into_tensor()).unsqueeze_dims(&[2, 3]));
                ConvNormAct::new(&self.conv_head, None, self.activation).forward(pooled)
            }
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.conv_head.channels_out()
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv_stem", classifier: "classifier" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}
