//! Inception-ResNet v2. Szegedy et al. 2016, "Inception-v4, Inception-ResNet and the Impact of Residual Connections on
//! Learning", <https://arxiv.org/abs/1602.07261>.
//!
//! ```text
//! image      [b,    3, h,    w   ]
//! 0 stem     [b,   64, h/2,  w/2 ]   three 3x3 convolutions; without padding, so that maps are some pixels smaller
//! 1 deep     [b,  192, h/4,  w/4 ]   pool, 1x1 and 3x3 convolutions
//! 2 mixed_5  [b,  320, h/8,  w/8 ]   pool, branches side by side, ten residual blocks of 3x3
//! 3 mixed_6  [b, 1088, h/16, w/16]   a block that halves the size, twenty residual blocks of 1x7 and 7x1
//! 4 mixed_7  [b, 1536, h/32, w/32]   a block that halves the size, ten residual blocks of 1x3 and 3x1, 1x1 convolution
//! pool       [b, 1536]
//! ```

use burn::prelude::*;
use rekindle_layers::{
    Activation, AveragePool, Backbone, Bias, Conv2d, Conv2dConfig, ConvNormAct, Divisor,
    FeatureMap, Landmarks, Stage, global_mean,
};

use crate::{
    inception::{LEAST, chain, halved, unit, valid},
    least::at_least,
    unit::ConvNorm,
    variant::{Init, Variant},
};

/// The network of Figure 15 of the paper.
pub const VARIANTS: &[Variant<InceptionResNetV2Config>] =
    &[Variant("inception_resnet_v2", 55_843_464, InceptionResNetV2Config)];

/// Figure 15.
const DROPOUT: f64 = 0.2;
/// Blocks between those that halve the size.
const REPEATS: [usize; 3] = [10, 20, 9];
/// What each block's branches are multiplied by before they are added, section 3.3, as the checkpoints were trained.
const SCALES: [f64; 3] = [0.17, 0.1, 0.2];

/// Inception-ResNet v2, which has no siblings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InceptionResNetV2Config;

/// Inception-ResNet v2 without its classifier.
#[derive(Module, Debug)]
pub struct InceptionResNetV2 {
    conv2d_1a: ConvNorm,
    conv2d_2a: ConvNorm,
    conv2d_2b: ConvNorm,
    conv2d_3b: ConvNorm,
    conv2d_4a: ConvNorm,
    mixed_5b: Mixed,
    repeat: Vec<Residual>,
    mixed_6a: Mixed,
    repeat_1: Vec<Residual>,
    mixed_7a: Mixed,
    repeat_2: Vec<Residual>,
    block8: Residual,
    conv2d_7b: ConvNorm,
    dropout: f64,
}

/// Branches side by side; the last is a pool, alone or before a convolution.
#[derive(Module, Debug)]
struct Mixed {
    branch0: Branch,
    branch1: Vec<ConvNorm>,
    branch2: Vec<ConvNorm>,
    branch3: Option<(AveragePool, ConvNorm)>,
}

#[derive(Module, Debug)]
#[allow(clippy::large_enum_variant, reason = "a network has three")]
enum Branch {
    One(ConvNorm),
    Several(Vec<ConvNorm>),
}

/// Branches side by side, whose channels a convolution makes those that are added to the input.
#[derive(Module, Debug)]
struct Residual {
    branch0: ConvNorm,
    branch1: Vec<ConvNorm>,
    branch2: Vec<ConvNorm>,
    conv2d: Conv2d,
    scale: f64,
    #[module(skip)]
    activation: Activation,
}

impl InceptionResNetV2Config {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> InceptionResNetV2 {
        let unit = |channels, kernel: usize| unit(channels, [kernel; 2], device);
        let valid = |channels, stride| valid(channels, 3, stride, device);
        let [fives, sixes, sevens] = REPEATS;
        let [of_fives, of_sixes, of_sevens] = SCALES;
        let small = |_| Residual::square(of_fives, device);
        let middle = |_| Residual::crossed(1088, [128, 160, 192], 7, of_sixes, device);
        let large = |scale| Residual::crossed(2080, [192, 224, 256], 3, scale, device);
        InceptionResNetV2 {
            conv2d_1a: valid([init.channels_in, 32], 2),
            conv2d_2a: valid([32, 32], 1),
            conv2d_2b: unit([32, 64], 3),
            conv2d_3b: unit([64, 80], 1),
            conv2d_4a: valid([80, 192], 1),
            mixed_5b: Mixed {
                branch0: Branch::One(unit([192, 96], 1)),
                branch1: vec![unit([192, 48], 1), unit([48, 64], 5)],
                branch2: vec![unit([192, 64], 1), unit([64, 96], 3), unit([96, 96], 3)],
                branch3: Some((AveragePool::padded(3, 1, 1, Divisor::Pixels), unit([192, 64], 1))),
            },
            repeat: (0..fives).map(small).collect(),
            mixed_6a: Mixed {
                branch0: Branch::One(valid([320, 384], 2)),
                branch1: vec![unit([320, 256], 1), unit([256, 256], 3), valid([256, 384], 2)],
                branch2: vec![],
                branch3: None,
            },
            repeat_1: (0..sixes).map(middle).collect(),
            mixed_7a: Mixed {
                branch0: Branch::Several(vec![unit([1088, 256], 1), valid([256, 384], 2)]),
                branch1: vec![unit([1088, 256], 1), valid([256, 288], 2)],
                branch2: vec![unit([1088, 256], 1), unit([256, 288], 3), valid([288, 320], 2)],
                branch3: None,
            },
            repeat_2: (0..sevens).map(|_| large(of_sevens)).collect(),
            block8: Residual { activation: Activation::Identity, ..large(1.0) },
            conv2d_7b: unit([2080, 1536], 1),
            dropout: init.regularization.rate(DROPOUT),
        }
    }
}

impl Backbone for InceptionResNetV2 {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        let last = ["mixed_7a", "repeat_2", "block8", "conv2d_7b"];
        vec![
            Stage::map("stem", &["conv2d_1a", "conv2d_2a", "conv2d_2b"], 64, 2),
            Stage::map("deep", &["conv2d_3b", "conv2d_4a"], 192, 4),
            Stage::map("mixed_5", &["mixed_5b", "repeat"], 320, 8),
            Stage::map("mixed_6", &["mixed_6a", "repeat_1"], 1088, 16),
            Stage::map("mixed_7", &last, 1536, 32),
        ]
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        at_least(images, LEAST)
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let repeat = |blocks: &[Residual], x| blocks.iter().fold(x, |x, block| block.forward(x));
        let y = match index {
            0 => chain([&self.conv2d_1a, &self.conv2d_2a, &self.conv2d_2b], x),
            1 => chain([&self.conv2d_3b, &self.conv2d_4a], halved(x)),
            2 => repeat(&self.repeat, self.mixed_5b.forward(halved(x))),
            3 => repeat(&self.repeat_1, self.mixed_6a.forward(x)),
            4 => {
                let x = repeat(&self.repeat_2, self.mixed_7a.forward(x));
                chain([&self.conv2d_7b], self.block8.forward(x))
            }
            _ => panic!("Inception-ResNet v2 has 5 stages, there is no stage {index}"),
        };
        y.into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        self.conv2d_7b.channels_out()
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv2d_1a.conv", classifier: "classif" }
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

impl Mixed {
    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let first = match &self.branch0 {
            Branch::One(unit) => chain([unit], x.clone()),
            Branch::Several(units) => chain(units, x.clone()),
        };
        let mut maps = vec![first, chain(&self.branch1, x.clone())];
        if !self.branch2.is_empty() {
            maps.push(chain(&self.branch2, x.clone()));
        }
        maps.push(match &self.branch3 {
            Some((pool, unit)) => chain([unit], pool.forward(x)),
            None => halved(x),
        });
        FeatureMap::concat(maps)
    }
}

impl Residual {
    /// A block of square kernels (Figure 16 of the paper).
    fn square(scale: f64, device: &Device) -> Self {
        let unit = |channels, kernel: usize| unit(channels, [kernel; 2], device);
        Self {
            branch0: unit([320, 32], 1),
            branch1: vec![unit([320, 32], 1), unit([32, 32], 3)],
            branch2: vec![unit([320, 32], 1), unit([32, 48], 3), unit([48, 64], 3)],
            conv2d: Self::joining([128, 320], device),
            scale,
            activation: Activation::Relu,
        }
    }

    /// A block with a kernel of one row, then one of one column (Figures 17 and 19).
    fn crossed(x: usize, widths: [usize; 3], kernel: usize, scale: f64, device: &Device) -> Self {
        let [first, second, third] = widths;
        let wide = unit([first, second], [1, kernel], device);
        let high = unit([second, third], [kernel, 1], device);
        Self {
            branch0: unit([x, 192], [1, 1], device),
            branch1: vec![unit([x, first], [1, 1], device), wide, high],
            branch2: vec![],
            conv2d: Self::joining([192 + third, x], device),
            scale,
            activation: Activation::Relu,
        }
    }

    fn joining(channels: [usize; 2], device: &Device) -> Conv2d {
        Conv2dConfig { bias: Bias::Learned, ..Conv2dConfig::new(channels, 1) }.init(device)
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let mut maps = vec![chain([&self.branch0], x.clone()), chain(&self.branch1, x.clone())];
        if !self.branch2.is_empty() {
            maps.push(chain(&self.branch2, x.clone()));
        }
        let joined = ConvNormAct::new(&self.conv2d, None, self.activation).times(self.scale);
        joined.forward_add(FeatureMap::concat(maps), x)
    }
}
