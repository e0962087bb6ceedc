//! The ResNets for 32x32 pictures. He et al. 2015, section 4.2, <https://arxiv.org/abs/1512.03385>.
//!
//! ```text
//! image     [b,  3, h,   w  ]
//! 0 stem    [b, 16, h,   w  ]   conv1 bn1 relu
//! 1 layer1  [b, 16, h,   w  ]   n = (depth - 2) / 6 blocks of two 3x3 convolutions
//! 2 layer2  [b, 32, h/2, w/2]
//! 3 layer3  [b, 64, h/4, w/4]
//! pool      [b, 64]
//! ```
//!
//! Shortcuts have no parameters (the paper's option A): where a map shrinks, every second pixel is
//! taken, and zero channels are added in equal parts before and after, as the authors of the
//! checkpoints we load do.

use burn::prelude::*;
use rekindle_layers::{
    Activation, AveragePool, Backbone, BatchNorm, Conv2d, Conv2dConfig, ConvNormAct, FeatureMap,
    Landmarks, Stage, global_mean,
};

use crate::{
    residual::norm,
    variant::{Init, Variant},
};

/// One row per network: Table 6 of the paper, with ten classes.
pub const VARIANTS: &[Variant<CifarResNetConfig>] = &[
    Variant("resnet20_cifar", 269_722, CifarResNetConfig { blocks: 3 }),
    Variant("resnet32_cifar", 464_154, CifarResNetConfig { blocks: 5 }),
    Variant("resnet44_cifar", 658_586, CifarResNetConfig { blocks: 7 }),
    Variant("resnet56_cifar", 853_018, CifarResNetConfig { blocks: 9 }),
];

const WIDTHS: [usize; 3] = [16, 32, 64];

/// What tells one CIFAR ResNet from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CifarResNetConfig {
    /// Blocks in each of the three layers (the paper's n).
    pub blocks: usize,
}

/// A CIFAR ResNet without its classifier.
#[derive(Module, Debug)]
pub struct CifarResNet {
    conv1: Conv2d,
    bn1: BatchNorm,
    layer1: Vec<Residual>,
    layer2: Vec<Residual>,
    layer3: Vec<Residual>,
}

#[derive(Module, Debug)]
struct Residual {
    conv1: Conv2d,
    bn1: BatchNorm,
    conv2: Conv2d,
    bn2: BatchNorm,
    stride: usize,
}

impl CifarResNetConfig {
    /// Builds the network with untrained parameters.
    pub fn init(&self, init: &Init, device: &Device) -> CifarResNet {
        let layer = |index: usize| {
            let width = WIDTHS[index];
            let first = if index == 0 { (width, 1) } else { (WIDTHS[index - 1], 2) };
            (0..self.blocks)
                .map(|position| if position == 0 { first } else { (width, 1) })
                .map(|(channels_in, stride)| Residual::new([channels_in, width], stride, device))
                .collect()
        };
        CifarResNet {
            conv1: conv([init.channels_in, WIDTHS[0]], 1, device),
            bn1: norm(WIDTHS[0], device),
            layer1: layer(0),
            layer2: layer(1),
            layer3: layer(2),
        }
    }
}

impl Backbone for CifarResNet {
    type Input = Tensor<4>;
    type Flow = Tensor<4>;

    fn stages(&self) -> Vec<Stage> {
        vec![
            Stage::map("stem", &["conv1", "bn1"], WIDTHS[0], 1),
            Stage::map("layer1", &["layer1"], WIDTHS[0], 1),
            Stage::map("layer2", &["layer2"], WIDTHS[1], 2),
            Stage::map("layer3", &["layer3"], WIDTHS[2], 4),
        ]
    }

    fn depth(&self) -> usize {
        4
    }

    fn enter(&self, images: Tensor<4>) -> Tensor<4> {
        images
    }

    fn stage(&self, index: usize, x: Tensor<4>) -> Tensor<4> {
        let x = FeatureMap::new(x);
        let layer = match index {
            0 => {
                let stem = ConvNormAct::new(&self.conv1, &self.bn1, Activation::Relu);
                return stem.forward(x).into_tensor();
            }
            1 => &self.layer1,
            2 => &self.layer2,
            3 => &self.layer3,
            _ => panic!("a CIFAR ResNet has 4 stages, there is no stage {index}"),
        };
        layer.iter().fold(x, |x, block| block.forward(x)).into_tensor()
    }

    fn pool(&self, x: Tensor<4>) -> Tensor<2> {
        global_mean(FeatureMap::new(x))
    }

    fn embed_dim(&self) -> usize {
        WIDTHS[2]
    }

    fn landmarks(&self) -> Landmarks {
        Landmarks { first_convolution: "conv1", classifier: "linear" }
    }
}

impl Residual {
    fn new(channels: [usize; 2], stride: usize, device: &Device) -> Self {
        let [_, width] = channels;
        Self {
            conv1: conv(channels, stride, device),
            bn1: norm(width, device),
            conv2: conv([width, width], 1, device),
            bn2: norm(width, device),
            stride,
        }
    }

    fn forward(&self, x: FeatureMap) -> FeatureMap {
        let y = ConvNormAct::new(&self.conv1, &self.bn1, Activation::Relu).forward(x.clone());
        let shortcut = if self.stride == 1 { x } else { self.shortcut(x) };
        ConvNormAct::new(&self.conv2, &self.bn2, Activation::Relu).forward_add(y, shortcut)
    }

    /// Every second pixel, between zero channels.
    fn shortcut(&self, x: FeatureMap) -> FeatureMap {
        let [_, channels, ..] = x.dims();
        let zeros = (self.conv2.channels_out() - channels) / 2;
        // A pool of one pixel with a stride takes some pixels and leaves others.
        AveragePool::new(1, self.stride).forward(x).pad_channels(zeros, zeros)
    }
}

fn conv(channels: [usize; 2], stride: usize, device: &Device) -> Conv2d {
    Conv2dConfig { stride, ..Conv2dConfig::new(channels, 3) }.init(device)
}
