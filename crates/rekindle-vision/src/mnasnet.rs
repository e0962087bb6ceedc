//! MnasNet. Tan et al. 2018, "MnasNet: Platform-Aware Neural Architecture Search for Mobile",
//! <https://arxiv.org/abs/1807.11626>. The trunk is in `mobile.rs`; here are its rows.
//!
//! `mnasnet` is the paper's B1, without squeeze and excitation, and `semnasnet` its A1.

use rekindle_layers::{Activation, Padding};

use crate::{
    blocks::{Blocks, Kind, Squeeze},
    mobile::{Antialias, Ends, Head, MobileConfig, Rounding},
    variant::Variant,
};

/// One row per network; the width is the paper's multiplier.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<MobileConfig>] = &[
    Variant("mnasnet_small", 2_030_264, MobileConfig { table: SMALL, stem: 8, ..MNASNET }),
    Variant("mnasnet_100", 4_383_312, MobileConfig { table: B1, ..MNASNET }),
    Variant("semnasnet_075", 2_912_278, MobileConfig { table: A1, width: 0.75, ..MNASNET }),
    Variant("semnasnet_100", 3_887_038, MobileConfig { table: A1, ..MNASNET }),
];

const MNASNET: MobileConfig = MobileConfig {
    table: B1,
    width: 1.0,
    depth: 1.0,
    rounding: Rounding::NineTenths,
    stem: 32,
    ends: Ends::Scaled,
    head: Head::Fixed(1280),
    activation: Activation::Relu,
    padding: Padding::Symmetric,
    antialias: Antialias::None,
    epsilon: 1e-5,
    layer_scale: None,
    // Section 5.1.
    dropout: 0.2,
    drop_path: 0.0,
};

/// Figure 7 of the paper.
const A1: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..mb(1, 3, 1, 1, 16) }],
    &[mb(2, 3, 2, 6, 24)],
    &[squeezed(mb(3, 5, 2, 3, 40))],
    &[mb(4, 3, 2, 6, 80)],
    &[squeezed(mb(2, 3, 1, 6, 112))],
    &[squeezed(mb(3, 5, 2, 6, 160))],
    &[mb(1, 3, 1, 6, 320)],
];

/// B1 of the authors' code.
const B1: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..mb(1, 3, 1, 1, 16) }],
    &[mb(3, 3, 2, 3, 24)],
    &[mb(3, 5, 2, 3, 40)],
    &[mb(3, 5, 2, 6, 80)],
    &[mb(2, 3, 1, 6, 96)],
    &[mb(4, 5, 2, 6, 192)],
    &[mb(1, 3, 1, 6, 320)],
];

/// The small network of the authors' code.
const SMALL: &[&[Blocks]] = &[
    &[Blocks { kind: Kind::Depthwise, ..mb(1, 3, 1, 1, 8) }],
    &[mb(1, 3, 2, 3, 16)],
    &[mb(2, 3, 2, 6, 16)],
    &[squeezed(mb(4, 5, 2, 6, 32))],
    &[squeezed(mb(3, 3, 1, 6, 32))],
    &[squeezed(mb(3, 5, 2, 6, 88))],
    &[mb(1, 3, 1, 6, 144)],
];

const fn mb(repeats: usize, kernel: usize, stride: usize, expand: u8, channels: usize) -> Blocks {
    Blocks {
        kind: Kind::Inverted,
        repeats,
        kernel,
        stride,
        expand: expand as f64,
        channels,
        squeeze: Squeeze::None,
        activation: Activation::Relu,
    }
}

const fn squeezed(row: Blocks) -> Blocks {
    Blocks { squeeze: Squeeze::Input, ..row }
}
