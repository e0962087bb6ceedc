//! The network that EfficientNet, MnasNet and MobileNet are rows of.
//!
//! ```text
//! image       [b,  3, h,    w   ]
//! 0 stem      [b,  c, h/2,  w/2 ]   conv_stem bn1
//! 1.. blocks  [b, .., h/32, w/32]   blocks.0, blocks.1, ...: a stage a row or more of the table
//! last head   [b,  d, h/32, w/32]   conv_head bn2, or conv_head norm_head after the pool (MobileNetV3, V4), or none (V1)
//! pool        [b,  d]
//! ```

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, BatchNorm, BatchNormConfig, Bias, Conv2d, Conv2dConfig, ConvNormAct,
    FeatureMap, Landmarks, Padding, Stage, global_mean,
};

pub use crate::{
    antialias::Antialias,
    widths::{Ends, Rounding},
};
use crate::{
    blocks::{BlockConfig, Blocks},
    inverted::Block,
    variant::Init,
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
    /// Whether the factors are for the ends, too.
    pub ends: Ends,
    /// What follows the blocks.
    pub head: Head,
    /// Activation of stem and head.
    pub activation: Activation,
    /// How convolutions pad.
    pub padding: Padding,
    /// What makes maps smaller, in place of the stride of inverted residuals.
    pub antialias: Antialias,
    /// Epsilon of every batch norm.
    pub epsilon: f64,
    /// What the factors of residual branches begin with, where there are any (MobileNetV4's with attention).
    pub layer_scale: Option<f64>,
    /// Dropout before the classifier.
    pub dropout: f64,
    /// Probability with which the last block is dropped; it falls linearly to none at the first.
    pub drop_path: f64,
}

/// What follows the blocks; widths are those of the embeddings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Head {
    /// Nothing (MobileNetV1).
    None,
    /// A convolution with batch norm, of a width that scales.
    Scaled(usize),
    /// The same, of a width that may only grow (MobileNetV2).
    Grown(usize),
    /// The same, of a fixed width.
    Fixed(usize),
    /// A convolution with bias after the pool (MobileNetV3's efficient last stage).
    Pooled(usize),
    /// The same with a batch norm in place of the bias (MobileNetV4).
    Normed(usize),
}

/// An EfficientNet or MobileNet without its classifier.
#[derive(Module, Debug)]
pub struct MobileNet {
    conv_stem: Conv2d,
    bn1: BatchNorm,
    blocks: Vec<Vec<Block>>,
    conv_head: Option<Conv2d>,
    bn2: Option<BatchNorm>,
    norm_head: Option<BatchNorm>,
    #[module(skip)]
    stages: Vec<Stage>,
    embed_dim: usize,
    dropout: f64,
    #[module(skip)]
    activation: Activation,
}

impl MobileConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> MobileNet {
        let Init { channels_in, regularization, .. } = *init;
        let norm = |channels| BatchNormConfig { channels, epsilon: self.epsilon }.init(device);
        let stem = match self.ends {
            Ends::Scaled => self.channels(self.stem),
            Ends::Fixed => self.stem,
        };
        let conv = |channels, kernel| Conv2dConfig {
            padding: self.padding,
            ..Conv2dConfig::new(channels, kernel)
        };
        let conv_stem = Conv2dConfig { stride: 2, ..conv([channels_in, stem], 3) }.init(device);
        let mut stages = vec![Stage::map("stem", &["conv_stem", "bn1"], stem, 2)];

        let rows = self.table.iter().enumerate();
        let rows = rows.flat_map(|(number, rows)| rows.iter().map(move |row| (number, row)));
        let total: usize = rows.map(|(number, row)| self.repeats(number, row)).sum();
        let drop_path = regularization.rate(self.drop_path);
        let (mut width, mut reduction, mut index) = (stem, 2, 0);
        let mut blocks = Vec::new();
        for (number, rows) in self.table.iter().enumerate() {
            let mut stage = Vec::new();
            for row in rows.iter() {
                for repeat in 0..self.repeats(number, row) {
                    let config = BlockConfig {
                        row: *row,
                        channels_in: width,
                        channels_out: self.channels(row.channels),
                        stride: if repeat == 0 { row.stride } else { 1 },
                        drop_path: drop_path * index as f64 / total as f64,
                        padding: self.padding,
                        epsilon: self.epsilon,
                        antialias: self.antialias,
                        layer_scale: self.layer_scale,
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

        let embed_dim = match self.head {
            Head::None => width,
            Head::Scaled(base) => self.channels(base),
            Head::Grown(base) => self.channels(base).max(base),
            Head::Fixed(embed_dim) | Head::Pooled(embed_dim) | Head::Normed(embed_dim) => embed_dim,
        };
        let head = |bias| Conv2dConfig { bias, ..conv([width, embed_dim], 1) }.init(device);
        let (conv_head, bn2, norm_head) = match self.head {
            Head::None => (None, None, None),
            Head::Scaled(_) | Head::Grown(_) | Head::Fixed(_) => {
                stages.push(Stage::map("head", &["conv_head", "bn2"], embed_dim, reduction));
                (Some(head(Bias::None)), Some(norm(embed_dim)), None)
            }
            Head::Pooled(_) => {
                stages.push(Stage::vector("head", &["conv_head"], embed_dim));
                (Some(head(Bias::Learned)), None, None)
            }
            Head::Normed(_) => {
                stages.push(Stage::vector("head", &["conv_head", "norm_head"], embed_dim));
                (Some(head(Bias::None)), None, Some(norm(embed_dim)))
            }
        };
        MobileNet {
            conv_stem,
            bn1: norm(stem),
            blocks,
            conv_head,
            bn2,
            norm_head,
            stages,
            embed_dim,
            dropout: regularization.rate(self.dropout),
            activation: self.activation,
        }
    }

    fn channels(&self, base: usize) -> usize {
        self.rounding.round(base as f64 * self.width)
    }

    /// How often a row of the stage of this number is repeated.
    fn repeats(&self, number: usize, row: &Blocks) -> usize {
        let is_end = number == 0 || number + 1 == self.table.len();
        match self.ends {
            Ends::Fixed if is_end => row.repeats,
            _ => (row.repeats as f64 * self.depth).ceil() as usize,
        }
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
        let y = match index.checked_sub(1).map(|index| self.blocks.get(index)) {
            None => ConvNormAct::new(&self.conv_stem, &self.bn1, self.activation).forward(x),
            Some(Some(blocks)) => blocks.iter().fold(x, |x, block| block.forward(x)),
            Some(None) => self.head(x),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.embed_dim
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv_stem", classifier: "classifier" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

impl MobileNet {
    /// What follows the blocks: of a map, or of its mean.
    fn head(&self, x: FeatureMap) -> FeatureMap {
        let Some(conv_head) = &self.conv_head else { panic!("no stage follows the blocks") };
        let x = match &self.bn2 {
            Some(_) => x,
            None => FeatureMap::new(global_mean(x).unsqueeze_dims(&[2, 3])),
        };
        let norm = self.bn2.as_ref().or(self.norm_head.as_ref());
        ConvNormAct::new(conv_head, norm, self.activation).forward(x)
    }
}
