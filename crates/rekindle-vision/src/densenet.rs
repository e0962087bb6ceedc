//! DenseNet-BC for ImageNet. Huang et al. 2016, "Densely Connected Convolutional Networks",
//! <https://arxiv.org/abs/1608.06993>.
//!
//! ```text
//! image          [b,   3, h,    w   ]
//! 0 stem         [b,  2k, h/4,  w/4 ]   7x7 convolution, norm, pool; k is what a layer adds
//! 1 denseblock1  [b,  8k, h/4,  w/4 ]   6 layers of 1x1 and 3x3; each reads all before it
//! 2 denseblock2  [b, 16k, h/8,  w/8 ]   half the channels, half the size, then 12 layers
//! 3 denseblock3  [b,  c3, h/16, w/16]
//! 4 denseblock4  [b,  c4, h/32, w/32]   and a norm behind
//! pool           [b,  c4]
//! ```

use crate::{
    dense::{DenseNetConfig, Stem},
    variant::Variant,
};

/// One row per network: Table 1 of the paper.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<DenseNetConfig>] = &[
    Variant("densenet121", 7_978_856, DenseNetConfig { growth: 32, depths: &[6, 12, 24, 16], stem: Stem::Large }),
    Variant("densenet161", 28_681_000, DenseNetConfig { growth: 48, depths: &[6, 12, 36, 24], stem: Stem::Large }),
    Variant("densenet169", 14_149_480, DenseNetConfig { growth: 32, depths: &[6, 12, 32, 32], stem: Stem::Large }),
    Variant("densenet201", 20_013_928, DenseNetConfig { growth: 32, depths: &[6, 12, 48, 32], stem: Stem::Large }),
];
