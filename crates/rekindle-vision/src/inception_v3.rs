//! Inception v3. Szegedy et al. 2015, "Rethinking the Inception Architecture for Computer Vision",
//! <https://arxiv.org/abs/1512.00567>.
//!
//! ```text
//! image      [b,    3, h,    w   ]
//! 0 stem     [b,   64, h/2,  w/2 ]   three 3x3 convolutions; without padding, so that maps are some pixels smaller
//! 1 deep     [b,  192, h/4,  w/4 ]   pool, 1x1 and 3x3 convolutions
//! 2 mixed_5  [b,  288, h/8,  w/8 ]   pool, three blocks of branches of 1x1, 5x5, 3x3 and a pool (Figure 5)
//! 3 mixed_6  [b,  768, h/16, w/16]   a block that halves the size (Figure 10), four of 1x7 and 7x1 (Figure 6)
//! 4 mixed_7  [b, 2048, h/32, w/32]   a block that halves the size, two of 1x3 and 3x1 (Figure 7)
//! pool       [b, 2048]
//! ```
#![allow(non_snake_case, reason = "fields carry the checkpoint's names")]

use burn::prelude::*;
use rekindle_layers::{Backbone, FeatureMap, Landmarks, Rule, Rules, Stage, global_mean};

use crate::{
    inception::{LEAST, chain, halved, unit, valid},
    least::at_least,
    mixed::{Forked, Mixed},
    unit::ConvNorm,
    variant::{Init, Variant},
};

/// The network of Table 1 of the paper, as the checkpoints of TensorFlow and torchvision have it.
pub const VARIANTS: &[Variant<InceptionV3Config>] =
    &[Variant("inception_v3", 23_834_568, InceptionV3Config)];

/// torchvision's checkpoint has the auxiliary classifier, too.
const RULES: &[Rule] =
    &[Rule::Unused { file: "AuxLogits", reason: "a classifier for training from scratch" }];

/// Inception v3, which has no siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InceptionV3Config;

/// Inception v3 without its classifier.
#[derive(Module, Debug)]
pub struct InceptionV3 {
    Conv2d_1a_3x3: ConvNorm,
    Conv2d_2a_3x3: ConvNorm,
    Conv2d_2b_3x3: ConvNorm,
    Conv2d_3b_1x1: ConvNorm,
    Conv2d_4a_3x3: ConvNorm,
    Mixed_5b: Mixed,
    Mixed_5c: Mixed,
    Mixed_5d: Mixed,
    Mixed_6a: Mixed,
    Mixed_6b: Mixed,
    Mixed_6c: Mixed,
    Mixed_6d: Mixed,
    Mixed_6e: Mixed,
    Mixed_7a: Mixed,
    Mixed_7b: Forked,
    Mixed_7c: Forked,
}

impl InceptionV3Config {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> InceptionV3 {
        InceptionV3 {
            Conv2d_1a_3x3: valid([init.channels_in, 32], 3, 2, device),
            Conv2d_2a_3x3: valid([32, 32], 3, 1, device),
            Conv2d_2b_3x3: unit([32, 64], [3, 3], device),
            Conv2d_3b_1x1: unit([64, 80], [1, 1], device),
            Conv2d_4a_3x3: valid([80, 192], 3, 1, device),
            Mixed_5b: Mixed::fives(192, 32, device),
            Mixed_5c: Mixed::fives(256, 64, device),
            Mixed_5d: Mixed::fives(288, 64, device),
            Mixed_6a: Mixed::first_halving(288, device),
            Mixed_6b: Mixed::sevens(768, 128, device),
            Mixed_6c: Mixed::sevens(768, 160, device),
            Mixed_6d: Mixed::sevens(768, 160, device),
            Mixed_6e: Mixed::sevens(768, 192, device),
            Mixed_7a: Mixed::second_halving(768, device),
            Mixed_7b: Forked::new(1280, device),
            Mixed_7c: Forked::new(2048, device),
        }
    }
}

impl Backbone for InceptionV3 {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::map("stem", &["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"], 64, 2),
            Stage::map("deep", &["Conv2d_3b_1x1", "Conv2d_4a_3x3"], 192, 4),
            Stage::map("mixed_5", &["Mixed_5b", "Mixed_5c", "Mixed_5d"], 288, 8),
            Stage::map(
                "mixed_6",
                &["Mixed_6a", "Mixed_6b", "Mixed_6c", "Mixed_6d", "Mixed_6e"],
                768,
                16,
            ),
            Stage::map("mixed_7", &["Mixed_7a", "Mixed_7b", "Mixed_7c"], 2048, 32),
        ]
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        at_least(images, LEAST)
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let mixed = |blocks: &[&Mixed], x| blocks.iter().fold(x, |x, block| block.forward(x));
        let y = match index {
            0 => chain([&self.Conv2d_1a_3x3, &self.Conv2d_2a_3x3, &self.Conv2d_2b_3x3], x),
            1 => chain([&self.Conv2d_3b_1x1, &self.Conv2d_4a_3x3], halved(x)),
            2 => mixed(&[&self.Mixed_5b, &self.Mixed_5c, &self.Mixed_5d], halved(x)),
            3 => {
                let x = self.Mixed_6a.forward(x);
                mixed(&[&self.Mixed_6b, &self.Mixed_6c, &self.Mixed_6d, &self.Mixed_6e], x)
            }
            4 => self.Mixed_7c.forward(self.Mixed_7b.forward(self.Mixed_7a.forward(x))),
            _ => panic!("Inception v3 has 5 stages, there is no stage {index}"),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        2048
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "Conv2d_1a_3x3.conv", classifier: "fc" }
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }
}
