//! EfficientNet. Tan & Le 2019, <https://arxiv.org/abs/1905.11946>, and EfficientNetV2, Tan & Le
//! 2021, <https://arxiv.org/abs/2104.00298>. The trunk is in `mobile.rs`; here are its rows. EfficientNet-Lite, of the
//! authors' code, is without squeeze and excitation and Swish, for devices that are slow at either.
//!
//! `tf_` networks carry TensorFlow's weights, and with them its SAME padding and its epsilon.

use rekindle_layers::{Activation, Padding};

use crate::{
    blocks::{Blocks, Kind, Skip, Squeeze},
    mobile::{Antialias, Ends, Head, MobileConfig, Rounding},
    variant::Variant,
};

/// One row per network: width and depth of the compound scaling (V1, section 3.3, and V2's base
/// models), dropout of the authors' code.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<MobileConfig>] = &[
    Variant("efficientnet_b0", 5_288_548, MobileConfig { width: 1.0, depth: 1.0, dropout: 0.2, ..V1 }),
    Variant("efficientnet_b1", 7_794_184, MobileConfig { width: 1.0, depth: 1.1, dropout: 0.2, ..V1 }),
    Variant("efficientnet_b2", 9_109_994, MobileConfig { width: 1.1, depth: 1.2, dropout: 0.3, ..V1 }),
    Variant("efficientnet_b3", 12_233_232, MobileConfig { width: 1.2, depth: 1.4, dropout: 0.3, ..V1 }),
    Variant("efficientnet_b4", 19_341_616, MobileConfig { width: 1.4, depth: 1.8, dropout: 0.4, ..V1 }),
    Variant("efficientnet_b5", 30_389_784, MobileConfig { width: 1.6, depth: 2.2, dropout: 0.4, ..V1 }),
    Variant("tf_efficientnet_b0", 5_288_548, MobileConfig { width: 1.0, depth: 1.0, dropout: 0.2, ..TF_V1 }),
    Variant("tf_efficientnet_b1", 7_794_184, MobileConfig { width: 1.0, depth: 1.1, dropout: 0.2, ..TF_V1 }),
    Variant("tf_efficientnet_b2", 9_109_994, MobileConfig { width: 1.1, depth: 1.2, dropout: 0.3, ..TF_V1 }),
    Variant("tf_efficientnet_b3", 12_233_232, MobileConfig { width: 1.2, depth: 1.4, dropout: 0.3, ..TF_V1 }),
    Variant("tf_efficientnet_b4", 19_341_616, MobileConfig { width: 1.4, depth: 1.8, dropout: 0.4, ..TF_V1 }),
    Variant("tf_efficientnet_b5", 30_389_784, MobileConfig { width: 1.6, depth: 2.2, dropout: 0.4, ..TF_V1 }),
    Variant("tf_efficientnet_b6", 43_040_704, MobileConfig { width: 1.8, depth: 2.6, dropout: 0.5, ..TF_V1 }),
    Variant("tf_efficientnet_b7", 66_347_960, MobileConfig { width: 2.0, depth: 3.1, dropout: 0.5, ..TF_V1 }),
    Variant("efficientnet_lite0", 4_652_008, MobileConfig { width: 1.0, depth: 1.0, dropout: 0.2, ..LITE }),
    Variant("tf_efficientnet_lite0", 4_652_008, MobileConfig { width: 1.0, depth: 1.0, dropout: 0.2, ..TF_LITE }),
    Variant("tf_efficientnet_lite1", 5_416_680, MobileConfig { width: 1.0, depth: 1.1, dropout: 0.2, ..TF_LITE }),
    Variant("tf_efficientnet_lite2", 6_092_072, MobileConfig { width: 1.1, depth: 1.2, dropout: 0.3, ..TF_LITE }),
    Variant("tf_efficientnet_lite3", 8_197_096, MobileConfig { width: 1.2, depth: 1.4, dropout: 0.3, ..TF_LITE }),
    Variant("tf_efficientnet_lite4", 13_006_568, MobileConfig { width: 1.4, depth: 1.8, dropout: 0.3, ..TF_LITE }),
    Variant("tf_efficientnetv2_b0", 7_139_704, MobileConfig { width: 1.0, depth: 1.0, dropout: 0.2, ..V2_BASE }),
    Variant("tf_efficientnetv2_b1", 8_141_052, MobileConfig { width: 1.0, depth: 1.1, dropout: 0.2, ..V2_BASE }),
    Variant("tf_efficientnetv2_b2", 10_096_086, MobileConfig { width: 1.1, depth: 1.2, dropout: 0.3, ..V2_BASE }),
    Variant("tf_efficientnetv2_b3", 14_358_406, MobileConfig { width: 1.2, depth: 1.4, dropout: 0.3, ..V2_BASE }),
    Variant("tf_efficientnetv2_s", 21_458_488, MobileConfig { table: S, stem: 24, head: Head::Fixed(1280), dropout: 0.2, ..V2_BASE }),
    Variant("tf_efficientnetv2_m", 54_139_356, MobileConfig { table: M, stem: 24, head: Head::Fixed(1280), dropout: 0.3, ..V2_BASE }),
    Variant("tf_efficientnetv2_l", 118_515_272, MobileConfig { table: L, stem: 32, head: Head::Fixed(1280), dropout: 0.4, ..V2_BASE }),
    Variant("efficientnetv2_rw_t", 13_649_388, MobileConfig { table: S, stem: 24, width: 0.8, depth: 0.9, dropout: 0.2, ..V1 }),
    Variant("efficientnetv2_rw_s", 23_941_296, MobileConfig { table: RW_S, stem: 24, head: Head::Scaled(1792), dropout: 0.2, ..V1 }),
    Variant("test_efficientnet", 356_196, MobileConfig { table: TEST, stem: 24, head: Head::Scaled(256), rounding: Rounding::Nearest, ..V1 }),
];

const V1: MobileConfig = MobileConfig {
    table: B0,
    width: 1.0,
    depth: 1.0,
    rounding: Rounding::NineTenths,
    stem: 32,
    ends: Ends::Scaled,
    head: Head::Scaled(1280),
    activation: Activation::Silu,
    padding: Padding::Symmetric,
    antialias: Antialias::None,
    epsilon: 1e-5,
    layer_scale: None,
    dropout: 0.2,
    // Survival probability 0.8 of the last block, V1 section 5.2.
    drop_path: 0.2,
};
const TF_V1: MobileConfig = MobileConfig { padding: Padding::Same, epsilon: 1e-3, ..V1 };
const LITE: MobileConfig = MobileConfig {
    table: LITE_B0,
    ends: Ends::Fixed,
    head: Head::Fixed(1280),
    activation: Activation::Relu6,
    ..V1
};
const TF_LITE: MobileConfig = MobileConfig { padding: Padding::Same, epsilon: 1e-3, ..LITE };
const V2_BASE: MobileConfig = MobileConfig { table: V2_B0, rounding: Rounding::Nearest, ..TF_V1 };

/// Table 1 of the paper.
const B0: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..mb(1, 3, 1, 1, 16) }],
    &[mb(2, 3, 2, 6, 24)],
    &[mb(2, 5, 2, 6, 40)],
    &[mb(3, 3, 2, 6, 80)],
    &[mb(3, 5, 1, 6, 112)],
    &[mb(4, 5, 2, 6, 192)],
    &[mb(1, 3, 1, 6, 320)],
];

/// Table 1 without squeeze and excitation, with ReLU6.
const LITE_B0: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..lite(1, 3, 1, 1, 16) }],
    &[lite(2, 3, 2, 6, 24)],
    &[lite(2, 5, 2, 6, 40)],
    &[lite(3, 3, 2, 6, 80)],
    &[lite(3, 5, 1, 6, 112)],
    &[lite(4, 5, 2, 6, 192)],
    &[lite(1, 3, 1, 6, 320)],
];

/// EfficientNetV2-B0 of the authors' code.
const V2_B0: &[&[Blocks]] = &[
    &[conv(1, 16)],
    &[fused(2, 2, 4, 32)],
    &[fused(2, 2, 4, 48)],
    &[mb(3, 3, 2, 4, 96)],
    &[mb(5, 3, 1, 6, 112)],
    &[mb(8, 3, 2, 6, 192)],
];

/// EfficientNetV2-S, Table 4 of the paper.
const S: &[&[Blocks]] = &[
    &[conv(2, 24)],
    &[fused(4, 2, 4, 48)],
    &[fused(4, 2, 4, 64)],
    &[mb(6, 3, 2, 4, 128)],
    &[mb(9, 3, 1, 6, 160)],
    &[mb(15, 3, 2, 6, 256)],
];

/// Wightman's S, made before the authors published theirs.
const RW_S: &[&[Blocks]] =
    &[&[fused(2, 1, 1, 24)], S[1], S[2], S[3], S[4], &[mb(15, 3, 2, 6, 272)]];

/// EfficientNetV2-M of the authors' code.
const M: &[&[Blocks]] = &[
    &[conv(3, 24)],
    &[fused(5, 2, 4, 48)],
    &[fused(5, 2, 4, 80)],
    &[mb(7, 3, 2, 4, 160)],
    &[mb(14, 3, 1, 6, 176)],
    &[mb(18, 3, 2, 6, 304)],
    &[mb(5, 3, 1, 6, 512)],
];

/// EfficientNetV2-L of the authors' code.
const L: &[&[Blocks]] = &[
    &[conv(4, 32)],
    &[fused(7, 2, 4, 64)],
    &[fused(7, 2, 4, 96)],
    &[mb(10, 3, 2, 4, 192)],
    &[mb(19, 3, 1, 6, 224)],
    &[mb(25, 3, 2, 6, 384)],
    &[mb(7, 3, 1, 6, 640)],
];

/// timm's tiny network for tests, which has real weights.
const TEST: &[&[Blocks]] = &[
    &[conv(1, 16)],
    &[fused(1, 2, 4, 24)],
    &[fused(1, 2, 4, 32)],
    &[mb(1, 3, 2, 4, 48)],
    &[mb(1, 3, 2, 4, 64)],
];

/// An inverted residual with squeeze and excitation.
const fn mb(repeats: usize, kernel: usize, stride: usize, expand: u8, channels: usize) -> Blocks {
    Blocks {
        kind: Kind::Inverted,
        repeats,
        kernel,
        stride,
        expand: expand as f64,
        channels,
        squeeze: Squeeze::Input,
        activation: Activation::Silu,
    }
}

/// An inverted residual of EfficientNet-Lite.
const fn lite(repeats: usize, kernel: usize, stride: usize, expand: u8, channels: usize) -> Blocks {
    Blocks {
        squeeze: Squeeze::None,
        activation: Activation::Relu6,
        ..mb(repeats, kernel, stride, expand, channels)
    }
}

/// A fused inverted residual.
const fn fused(repeats: usize, stride: usize, expand: u8, channels: usize) -> Blocks {
    Blocks { kind: Kind::Fused, squeeze: Squeeze::None, ..mb(repeats, 3, stride, expand, channels) }
}

/// A residual 3x3 convolution.
const fn conv(repeats: usize, channels: usize) -> Blocks {
    Blocks { kind: Kind::Convolution(Skip::Residual), ..fused(repeats, 1, 1, channels) }
}
