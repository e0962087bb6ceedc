//! MobileNet, Howard et al. 2017, <https://arxiv.org/abs/1704.04861>, MobileNetV2, Sandler et al. 2018,
//! <https://arxiv.org/abs/1801.04381>, and MobileNetV3, Howard et al. 2019, <https://arxiv.org/abs/1905.02244>.
//! The trunk is in `mobile.rs`; here are its rows.

use rekindle_layers::{Activation, Padding};

use crate::{
    blocks::{Blocks, Kind, Skip, Squeeze},
    mobile::{Antialias, Ends, Head, MobileConfig, Rounding},
    variant::Variant,
};

/// One row per network; V1's and V2's width is the papers' multiplier.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<MobileConfig>] = &[
    Variant("mobilenetv1_100", 4_231_976, MobileConfig { width: 1.0, ..V1 }),
    Variant("mobilenetv1_100h", 5_282_600, MobileConfig { width: 1.0, head: Head::Grown(1024), ..V1 }),
    Variant("mobilenetv1_125", 6_270_840, MobileConfig { width: 1.25, ..V1 }),
    Variant("mobilenetv2_050", 1_968_680, MobileConfig { width: 0.5, ..V2 }),
    Variant("mobilenetv2_100", 3_504_872, MobileConfig { width: 1.0, ..V2 }),
    Variant("mobilenetv2_140", 6_108_776, MobileConfig { width: 1.4, ..V2 }),
    Variant("mobilenetv3_small_100", 2_542_856, MobileConfig { table: SMALL, head: Head::Pooled(1024), ..V3 }),
    Variant("mobilenetv3_large_100", 5_483_032, MobileConfig { table: LARGE, head: Head::Pooled(1280), ..V3 }),
    Variant("tf_mobilenetv3_small_100", 2_542_856, MobileConfig { table: SMALL, head: Head::Pooled(1024), ..TF_V3 }),
    Variant("tf_mobilenetv3_large_100", 5_483_032, MobileConfig { table: LARGE, head: Head::Pooled(1280), ..TF_V3 }),
];

const V1: MobileConfig = MobileConfig { table: SEPARABLE, head: Head::None, ..V2 };
const V2: MobileConfig = MobileConfig {
    table: INVERTED,
    width: 1.0,
    depth: 1.0,
    rounding: Rounding::NineTenths,
    stem: 32,
    ends: Ends::Scaled,
    head: Head::Grown(1280),
    activation: Activation::Relu6,
    padding: Padding::Symmetric,
    antialias: Antialias::None,
    epsilon: 1e-5,
    layer_scale: None,
    // No paper drops paths; 0.2 is V3's section 6.1.1, and TensorFlow's for V2.
    dropout: 0.2,
    drop_path: 0.0,
};
const V3: MobileConfig = MobileConfig { stem: 16, activation: Activation::HardSwish, ..V2 };
const TF_V3: MobileConfig = MobileConfig { padding: Padding::Same, epsilon: 1e-3, ..V3 };

/// Table 1 of the MobileNet paper.
const SEPARABLE: &[&[Blocks]] =
    &[&[v1(1, 1, 64)], &[v1(2, 2, 128)], &[v1(2, 2, 256)], &[v1(6, 2, 512)], &[v1(2, 2, 1024)]];

/// Table 2 of the MobileNetV2 paper.
const INVERTED: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..v2(1, 1, 1.0, 16) }],
    &[v2(2, 2, 6.0, 24)],
    &[v2(3, 2, 6.0, 32)],
    &[v2(4, 2, 6.0, 64)],
    &[v2(3, 1, 6.0, 96)],
    &[v2(3, 2, 6.0, 160)],
    &[v2(1, 1, 6.0, 320)],
];

/// Table 2 of the MobileNetV3 paper.
const SMALL: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..squeezed(relu(v3(1, 3, 2, 1.0, 16))) }],
    &[relu(v3(1, 3, 2, 4.5, 24)), relu(v3(1, 3, 1, 3.67, 24))],
    &[squeezed(v3(1, 5, 2, 4.0, 40)), squeezed(v3(2, 5, 1, 6.0, 40))],
    &[squeezed(v3(2, 5, 1, 3.0, 48))],
    &[squeezed(v3(3, 5, 2, 6.0, 96))],
    &[last(576)],
];

/// Table 1 of the MobileNetV3 paper.
const LARGE: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..relu(v3(1, 3, 1, 1.0, 16)) }],
    &[relu(v3(1, 3, 2, 4.0, 24)), relu(v3(1, 3, 1, 3.0, 24))],
    &[squeezed(relu(v3(3, 5, 2, 3.0, 40)))],
    &[v3(1, 3, 2, 6.0, 80), v3(1, 3, 1, 2.5, 80), v3(2, 3, 1, 2.3, 80)],
    &[squeezed(v3(2, 3, 1, 6.0, 112))],
    &[squeezed(v3(3, 5, 2, 6.0, 160))],
    &[last(960)],
];

const fn v1(repeats: usize, stride: usize, channels: usize) -> Blocks {
    Blocks { kind: Kind::Separable, ..v2(repeats, stride, 1.0, channels) }
}

const fn v2(repeats: usize, stride: usize, expand: f64, channels: usize) -> Blocks {
    Blocks { activation: Activation::Relu6, ..v3(repeats, 3, stride, expand, channels) }
}

const fn v3(repeats: usize, kernel: usize, stride: usize, expand: f64, channels: usize) -> Blocks {
    Blocks {
        kind: Kind::Inverted,
        repeats,
        kernel,
        stride,
        expand,
        channels,
        squeeze: Squeeze::None,
        activation: Activation::HardSwish,
    }
}

const fn relu(row: Blocks) -> Blocks {
    Blocks { activation: Activation::Relu, ..row }
}

const fn squeezed(row: Blocks) -> Blocks {
    Blocks { squeeze: Squeeze::Inside, ..row }
}

/// The 1x1 convolution that ends the blocks.
const fn last(channels: usize) -> Blocks {
    Blocks { kind: Kind::Convolution(Skip::None), ..v3(1, 1, 1, 1.0, channels) }
}
