//! MobileNetV4. Qin et al. 2024, "MobileNetV4: Universal Models for the Mobile Ecosystem", <https://arxiv.org/abs/2404.10518>.
//! The trunk is in `mobile.rs`, its blocks in `universal.rs` and `multi_query.rs`; here are its rows.

use rekindle_layers::{Activation, Padding};

use crate::{
    blocks::{Blocks, Kind, MultiQueryConfig, Skip, Squeeze},
    mobile::{Antialias, Ends, Head, MobileConfig, Rounding},
    variant::Variant,
};

/// One row per network; `aa` and `blur` are timm's.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<MobileConfig>] = &[
    Variant("mobilenetv4_conv_small_050", 2_238_952, MobileConfig { width: 0.5, ends: Ends::Fixed, ..V4 }),
    Variant("mobilenetv4_conv_small", 3_774_024, V4),
    Variant("mobilenetv4_conv_medium", 9_715_512, MobileConfig { table: MEDIUM, ..V4 }),
    Variant("mobilenetv4_conv_blur_medium", 9_715_512, MobileConfig { table: MEDIUM, antialias: Antialias::Blur, ..V4 }),
    Variant("mobilenetv4_conv_large", 32_590_864, MobileConfig { table: LARGE, stem: 24, ..V4 }),
    Variant("mobilenetv4_conv_aa_large", 32_590_864, MobileConfig { table: LARGE, stem: 24, antialias: Antialias::Average, ..V4 }),
    Variant("mobilenetv4_hybrid_medium", 11_074_648, MobileConfig { table: HYBRID_MEDIUM, ..HYBRID }),
    Variant("mobilenetv4_hybrid_large", 37_764_624, MobileConfig { table: HYBRID_LARGE, stem: 24, activation: Activation::Gelu, ..HYBRID }),
];

const V4: MobileConfig = MobileConfig {
    table: SMALL,
    width: 1.0,
    depth: 1.0,
    rounding: Rounding::NineTenths,
    stem: 32,
    ends: Ends::Scaled,
    head: Head::Normed(1280),
    activation: Activation::Relu,
    padding: Padding::Symmetric,
    antialias: Antialias::None,
    epsilon: 1e-5,
    layer_scale: None,
    dropout: 0.2,
    drop_path: 0.0,
};
const HYBRID: MobileConfig = MobileConfig { layer_scale: Some(1e-5), ..V4 };

/// Conv-S of the paper.
const SMALL: &[&[Blocks]] = &[
    &[conv(3, 2, 32), conv(1, 1, 32)],
    &[conv(3, 2, 96), conv(1, 1, 64)],
    &[uib(1, [5, 5], 2, 3, 96), uib(4, [0, 3], 1, 2, 96), uib(1, [3, 0], 1, 4, 96)],
    &[
        uib(1, [3, 3], 2, 6, 128),
        uib(1, [5, 5], 1, 4, 128),
        uib(1, [0, 5], 1, 4, 128),
        uib(1, [0, 5], 1, 3, 128),
        uib(2, [0, 3], 1, 4, 128),
    ],
    &[conv(1, 1, 960)],
];

/// Conv-M of the paper.
const MEDIUM: &[&[Blocks]] = &[
    &[fused(1, 2, 4, 48)],
    &[uib(1, [3, 5], 2, 4, 80), uib(1, [3, 3], 1, 2, 80)],
    &[
        uib(1, [3, 5], 2, 6, 160),
        uib(2, [3, 3], 1, 4, 160),
        uib(1, [3, 5], 1, 4, 160),
        uib(1, [3, 3], 1, 4, 160),
        uib(1, [3, 0], 1, 4, 160),
        uib(1, [0, 0], 1, 2, 160),
        uib(1, [3, 0], 1, 4, 160),
    ],
    &[
        uib(1, [5, 5], 2, 6, 256),
        uib(1, [5, 5], 1, 4, 256),
        uib(2, [3, 5], 1, 4, 256),
        uib(1, [0, 0], 1, 4, 256),
        uib(1, [3, 0], 1, 4, 256),
        uib(1, [3, 5], 1, 2, 256),
        uib(1, [5, 5], 1, 4, 256),
        uib(2, [0, 0], 1, 4, 256),
        uib(1, [5, 0], 1, 2, 256),
    ],
    &[conv(1, 1, 960)],
];

/// Conv-L of the paper.
const LARGE: &[&[Blocks]] = &[
    &[fused(1, 2, 4, 48)],
    &[uib(1, [3, 5], 2, 4, 96), uib(1, [3, 3], 1, 4, 96)],
    &[
        uib(1, [3, 5], 2, 4, 192),
        uib(3, [3, 3], 1, 4, 192),
        uib(1, [3, 5], 1, 4, 192),
        uib(5, [5, 3], 1, 4, 192),
        uib(1, [3, 0], 1, 4, 192),
    ],
    &[
        uib(4, [5, 5], 2, 4, 512),
        uib(1, [5, 0], 1, 4, 512),
        uib(1, [5, 3], 1, 4, 512),
        uib(2, [5, 0], 1, 4, 512),
        uib(1, [5, 3], 1, 4, 512),
        uib(1, [5, 5], 1, 4, 512),
        uib(3, [5, 0], 1, 4, 512),
    ],
    &[conv(1, 1, 960)],
];

/// Hybrid-M of the paper.
const HYBRID_MEDIUM: &[&[Blocks]] = &[
    &[fused(1, 2, 4, 48)],
    &[uib(1, [3, 5], 2, 4, 80), uib(1, [3, 3], 1, 2, 80)],
    &[
        uib(1, [3, 5], 2, 6, 160),
        uib(1, [0, 0], 1, 2, 160),
        uib(1, [3, 3], 1, 4, 160),
        uib(1, [3, 5], 1, 4, 160),
        mqa([4, 64], 2, 160),
        uib(1, [3, 3], 1, 4, 160),
        mqa([4, 64], 2, 160),
        uib(1, [3, 0], 1, 4, 160),
        mqa([4, 64], 2, 160),
        uib(1, [3, 3], 1, 4, 160),
        mqa([4, 64], 2, 160),
        uib(1, [3, 0], 1, 4, 160),
    ],
    &[
        uib(1, [5, 5], 2, 6, 256),
        uib(1, [5, 5], 1, 4, 256),
        uib(2, [3, 5], 1, 4, 256),
        uib(1, [0, 0], 1, 2, 256),
        uib(1, [3, 5], 1, 2, 256),
        uib(1, [0, 0], 1, 2, 256),
        uib(1, [0, 0], 1, 4, 256),
        mqa([4, 64], 1, 256),
        uib(1, [3, 0], 1, 4, 256),
        mqa([4, 64], 1, 256),
        uib(1, [5, 5], 1, 4, 256),
        mqa([4, 64], 1, 256),
        uib(1, [5, 0], 1, 4, 256),
        mqa([4, 64], 1, 256),
        uib(1, [5, 0], 1, 4, 256),
    ],
    &[conv(1, 1, 960)],
];

/// Hybrid-L of the paper.
const HYBRID_LARGE: &[&[Blocks]] = &[
    &[gelu(fused(1, 2, 4, 48))],
    &[gelu(uib(1, [3, 5], 2, 4, 96)), gelu(uib(1, [3, 3], 1, 4, 96))],
    &[
        gelu(uib(1, [3, 5], 2, 4, 192)),
        gelu(uib(3, [3, 3], 1, 4, 192)),
        gelu(uib(1, [3, 5], 1, 4, 192)),
        gelu(uib(2, [5, 3], 1, 4, 192)),
        gelu(mqa([8, 48], 2, 192)),
        gelu(uib(1, [5, 3], 1, 4, 192)),
        gelu(mqa([8, 48], 2, 192)),
        gelu(uib(1, [5, 3], 1, 4, 192)),
        gelu(mqa([8, 48], 2, 192)),
        gelu(uib(1, [5, 3], 1, 4, 192)),
        gelu(mqa([8, 48], 2, 192)),
        gelu(uib(1, [3, 0], 1, 4, 192)),
    ],
    &[
        gelu(uib(4, [5, 5], 2, 4, 512)),
        gelu(uib(1, [5, 0], 1, 4, 512)),
        gelu(uib(1, [5, 3], 1, 4, 512)),
        gelu(uib(2, [5, 0], 1, 4, 512)),
        gelu(uib(1, [5, 3], 1, 4, 512)),
        gelu(uib(1, [5, 5], 1, 4, 512)),
        gelu(mqa([8, 64], 1, 512)),
        gelu(uib(1, [5, 0], 1, 4, 512)),
        gelu(mqa([8, 64], 1, 512)),
        gelu(uib(1, [5, 0], 1, 4, 512)),
        gelu(mqa([8, 64], 1, 512)),
        gelu(uib(1, [5, 0], 1, 4, 512)),
        gelu(mqa([8, 64], 1, 512)),
        gelu(uib(1, [5, 0], 1, 4, 512)),
    ],
    &[gelu(conv(1, 1, 960))],
];

/// A convolution.
const fn conv(kernel: usize, stride: usize, channels: usize) -> Blocks {
    Blocks {
        kind: Kind::Convolution(Skip::None),
        repeats: 1,
        kernel,
        stride,
        expand: 1.0,
        channels,
        squeeze: Squeeze::None,
        activation: Activation::Relu,
    }
}

/// A fused inverted residual.
const fn fused(repeats: usize, stride: usize, expand: u8, channels: usize) -> Blocks {
    let expand = expand as f64;
    Blocks { kind: Kind::Fused, repeats, expand, ..conv(3, stride, channels) }
}

/// A universal inverted bottleneck, by the kernels of its depthwise convolutions.
const fn uib(
    repeats: usize,
    [start, kernel]: [usize; 2],
    stride: usize,
    expand: u8,
    channels: usize,
) -> Blocks {
    let kind = Kind::Universal { start };
    Blocks { kind, kernel, ..fused(repeats, stride, expand, channels) }
}

/// Attention of so many heads of so many channels, with keys and values of a map so many times smaller.
const fn mqa([heads, width]: [usize; 2], reduction: usize, channels: usize) -> Blocks {
    let kind = Kind::Attention(MultiQueryConfig { heads, width, reduction });
    Blocks { kind, ..conv(3, 1, channels) }
}

const fn gelu(row: Blocks) -> Blocks {
    Blocks { activation: Activation::Gelu, ..row }
}
