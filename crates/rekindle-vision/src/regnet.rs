//! RegNet X and Y. Radosavovic et al. 2020, "Designing Network Design Spaces", <https://arxiv.org/abs/2003.13678>.
//!
//! ```text
//! image   [b,  3, h,    w   ]
//! 0 stem  [b, 32, h/2,  w/2 ]   3x3 convolution
//! 1 s1    [b, w1, h/4,  w/4 ]   blocks of 1x1, 3x3 in groups, squeeze and excitation (Y), 1x1
//! 2 s2    [b, w2, h/8,  w/8 ]
//! 3 s3    [b, w3, h/16, w/16]
//! 4 s4    [b, w4, h/32, w/32]
//! pool    [b, w4]
//! ```
//!
//! The widths of a network's blocks lie on a line, rounded to powers of a multiplier; blocks of equal width are a stage
//! (equations 2 to 4 of the paper).

use burn::prelude::*;
use rekindle_layers::{
    Activation, Backbone, Conv2dConfig, FeatureMap, Landmarks, Stage, global_mean,
};

use crate::{
    squeeze::NumberedSqueezeExcite,
    unit::ConvNorm,
    variant::{Init, Variant},
};

/// One row per network: Tables 6 and 7 of the paper. torchvision (`tv`) rounds widths to groups in another way.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<RegNetConfig>] = &[
    Variant("regnetx_002", 2_684_792, RegNetConfig { initial: 24, slope: 36.44, multiplier: 2.49, group: 8, depth: 13, ..X }),
    Variant("regnetx_004", 5_157_512, RegNetConfig { initial: 24, slope: 24.48, multiplier: 2.54, group: 16, depth: 22, ..X }),
    Variant("regnetx_004_tv", 5_495_976, RegNetConfig { initial: 24, slope: 24.48, multiplier: 2.54, group: 16, depth: 22, fit: Fit::NineTenths, ..X }),
    Variant("regnetx_006", 6_196_040, RegNetConfig { initial: 48, slope: 36.97, multiplier: 2.24, group: 24, depth: 16, ..X }),
    Variant("regnetx_008", 7_259_656, RegNetConfig { initial: 56, slope: 35.73, multiplier: 2.28, group: 16, depth: 16, ..X }),
    Variant("regnetx_016", 9_190_136, RegNetConfig { initial: 80, slope: 34.01, multiplier: 2.25, group: 24, depth: 18, ..X }),
    Variant("regnetx_032", 15_296_552, RegNetConfig { initial: 88, slope: 26.31, multiplier: 2.25, group: 48, depth: 25, ..X }),
    Variant("regnetx_040", 22_118_248, RegNetConfig { initial: 96, slope: 38.65, multiplier: 2.43, group: 40, depth: 23, ..X }),
    Variant("regnetx_064", 26_209_256, RegNetConfig { initial: 184, slope: 60.83, multiplier: 2.07, group: 56, depth: 17, ..X }),
    Variant("regnetx_080", 39_572_648, RegNetConfig { initial: 80, slope: 49.56, multiplier: 2.88, group: 120, depth: 23, ..X }),
    Variant("regnetx_120", 46_106_056, RegNetConfig { initial: 168, slope: 73.36, multiplier: 2.37, group: 112, depth: 19, ..X }),
    Variant("regnetx_160", 54_278_536, RegNetConfig { initial: 216, slope: 55.59, multiplier: 2.1, group: 128, depth: 22, ..X }),
    Variant("regnety_002", 3_162_996, RegNetConfig { initial: 24, slope: 36.44, multiplier: 2.49, group: 8, depth: 13, ..Y }),
    Variant("regnety_004", 4_344_144, RegNetConfig { initial: 48, slope: 27.89, multiplier: 2.09, group: 8, depth: 16, ..Y }),
    Variant("regnety_006", 6_055_160, RegNetConfig { initial: 48, slope: 32.54, multiplier: 2.32, group: 16, depth: 15, ..Y }),
    Variant("regnety_008", 6_263_168, RegNetConfig { initial: 56, slope: 38.84, multiplier: 2.4, group: 16, depth: 14, ..Y }),
    Variant("regnety_008_tv", 6_432_512, RegNetConfig { initial: 56, slope: 38.84, multiplier: 2.4, group: 16, depth: 14, fit: Fit::NineTenths, ..Y }),
    Variant("regnety_016", 11_202_430, RegNetConfig { initial: 48, slope: 20.71, multiplier: 2.65, group: 24, depth: 27, ..Y }),
    Variant("regnety_032", 19_436_338, RegNetConfig { initial: 80, slope: 42.63, multiplier: 2.66, group: 24, depth: 21, ..Y }),
    Variant("regnety_040", 20_646_656, RegNetConfig { initial: 96, slope: 31.41, multiplier: 2.24, group: 64, depth: 22, ..Y }),
    Variant("regnety_064", 30_583_252, RegNetConfig { initial: 112, slope: 33.22, multiplier: 2.27, group: 72, depth: 25, ..Y }),
    Variant("regnety_080", 39_180_068, RegNetConfig { initial: 192, slope: 76.82, multiplier: 2.19, group: 56, depth: 17, ..Y }),
    Variant("regnety_080_tv", 39_381_472, RegNetConfig { initial: 192, slope: 76.82, multiplier: 2.19, group: 56, depth: 17, fit: Fit::NineTenths, ..Y }),
    Variant("regnety_120", 51_822_544, RegNetConfig { initial: 168, slope: 73.36, multiplier: 2.37, group: 112, depth: 19, ..Y }),
    Variant("regnety_160", 83_590_140, RegNetConfig { initial: 200, slope: 106.23, multiplier: 2.48, group: 112, depth: 18, ..Y }),
];

const X: RegNetConfig = RegNetConfig {
    initial: 0,
    slope: 0.0,
    multiplier: 0.0,
    group: 0,
    depth: 0,
    fit: Fit::Nearest,
    attention: Attention::None,
};
const Y: RegNetConfig = RegNetConfig { attention: Attention::SqueezeExcite, ..X };

/// Channels of the stem.
const STEM: usize = 32;
/// What widths are multiples of.
const QUANTUM: f64 = 8.0;

/// What tells one RegNet from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RegNetConfig {
    /// Width of the first block (the paper's w_0).
    pub initial: usize,
    /// How much wider each block is than the one before (w_a).
    pub slope: f64,
    /// How much wider a stage is than the one before (w_m).
    pub multiplier: f64,
    /// Channels of a group (g).
    pub group: usize,
    /// Blocks of all stages (d).
    pub depth: usize,
    /// How widths become multiples of a group.
    pub fit: Fit,
    /// What weighs the channels of a block's inside.
    pub attention: Attention,
}

/// How widths become multiples of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// To the nearest.
    Nearest,
    /// To the nearest, never below nine tenths.
    NineTenths,
}

/// What weighs the channels of a block's inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Nothing (RegNet X).
    None,
    /// Squeeze and excitation, in the middle a quarter of the block's input (RegNet Y).
    SqueezeExcite,
}

/// A RegNet without its classifier.
#[derive(Module, Debug)]
pub struct RegNet {
    stem: ConvNorm,
    s_n: Vec<Blocks>,
}

#[derive(Module, Debug)]
struct Blocks {
    b_n: Vec<Block>,
}
#[derive(Module, Debug)]
struct Block {
    conv1: ConvNorm,
    conv2: ConvNorm,
    se: Option<NumberedSqueezeExcite>,
    conv3: ConvNorm,
    downsample: Option<ConvNorm>,
}

impl RegNetConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> RegNet {
        let stem = Conv2dConfig { stride: 2, ..Conv2dConfig::new([init.channels_in, STEM], 3) };
        let mut channels = STEM;
        let stages = self.stages().into_iter().map(|(width, depth)| {
            let blocks = (0..depth).map(|position| {
                let stride = if position == 0 { 2 } else { 1 };
                let block = self.block([channels, width], stride, device);
                channels = width;
                block
            });
            Blocks { b_n: blocks.collect() }
        });
        RegNet { s_n: stages.collect(), stem: ConvNorm::new(stem, 1e-5, device) }
    }

    /// Width and number of blocks of each stage.
    fn stages(&self) -> Vec<(usize, usize)> {
        let initial = self.initial as f64;
        let mut stages: Vec<(usize, usize)> = Vec::new();
        for block in 0..self.depth {
            let line = initial + self.slope * block as f64;
            let exponent = ((line / initial).ln() / self.multiplier.ln()).round_ties_even();
            let width = initial * self.multiplier.powf(exponent);
            let width = self.fitted(((width / QUANTUM).round_ties_even() * QUANTUM) as usize);
            match stages.last_mut() {
                Some((last, depth)) if *last == width => *depth += 1,
                _ => stages.push((width, 1)),
            }
        }
        stages
    }

    /// The multiple of a group that is used instead of a width.
    fn fitted(&self, width: usize) -> usize {
        let group = self.group.min(width);
        let ratio = width as f64 / group as f64;
        match self.fit {
            Fit::Nearest => ratio.round_ties_even() as usize * group,
            Fit::NineTenths => {
                let rounded = (ratio + 0.5) as usize * group;
                if (rounded as f64) < 0.9 * width as f64 { rounded + group } else { rounded }
            }
        }
    }

    fn block(&self, channels: [usize; 2], stride: usize, device: &Device) -> Block {
        let [narrow, width] = channels;
        let unit = |config| ConvNorm::new(config, 1e-5, device);
        let groups = width / self.group.min(width);
        let downsample = Conv2dConfig { stride, ..Conv2dConfig::new(channels, 1) };
        Block {
            conv1: unit(Conv2dConfig::new(channels, 1)),
            conv2: unit(Conv2dConfig { stride, groups, ..Conv2dConfig::new([width; 2], 3) }),
            se: (self.attention == Attention::SqueezeExcite)
                .then(|| NumberedSqueezeExcite::new([width, narrow / 4], device)),
            conv3: unit(Conv2dConfig::new([width; 2], 1)),
            downsample: (stride != 1 || narrow != width).then(|| unit(downsample)),
        }
    }
}

impl Block {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let shortcut = match &self.downsample {
            Some(downsample) => downsample.forward(x.clone(), Activation::Identity),
            None => x.clone(),
        };
        let y = self.conv2.forward(self.conv1.forward(x, Activation::Relu), Activation::Relu);
        let y = match &self.se {
            Some(se) => se.forward(y),
            None => y,
        };
        self.conv3.forward_add(y, shortcut, Activation::Relu)
    }
}

impl Backbone for RegNet {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let mut stages = vec![Stage::map("stem", &["stem"], STEM, 2)];
        stages.extend(self.s_n.iter().enumerate().map(|(index, blocks)| {
            let name = format!("s{}", index + 1);
            let channels = blocks.b_n.last().map_or(0, |block| block.conv3.channels_out());
            Stage::map(&name, &[&name], channels, 4 << index)
        }));
        stages
    }

    fn depth(&self) -> usize {
        1 + self.s_n.len()
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let y = match index.checked_sub(1) {
            None => self.stem.forward(x, Activation::Relu),
            Some(index) => self.s_n[index].b_n.iter().fold(x, |x, block| block.forward(x)),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.stages().last().map_or(STEM, |stage| stage.channels)
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "stem.conv", classifier: "head.fc" }
    }
}
