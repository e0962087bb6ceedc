//! DenseNet-BC for 32x32 pictures. Huang et al. 2016, section 3, <https://arxiv.org/abs/1608.06993>.
//!
//! ```text
//! image          [b,   3, h,   w  ]
//! 0 stem         [b,  24, h,   w  ]   3x3 convolution
//! 1 denseblock1  [b, 216, h,   w  ]   16 layers of 1x1 and 3x3 that add 12 channels each
//! 2 denseblock2  [b, 300, h/2, w/2]   half the channels, half the size, then 16 layers
//! 3 denseblock3  [b, 342, h/4, w/4]   and a norm behind
//! pool           [b, 342]
//! ```

use crate::{
    dense::{DenseNetConfig, Stem},
    variant::Variant,
};

/// The paper's network of depth 100 and growth rate 12 (Table 2), with ten classes.
pub const VARIANTS: &[Variant<DenseNetConfig>] = &[Variant(
    "densenet_bc_cifar",
    769_162,
    DenseNetConfig { growth: 12, depths: &[16, 16, 16], stem: Stem::Small },
)];
