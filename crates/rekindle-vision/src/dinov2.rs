//! DINOv2. Oquab et al. 2023, "Learning Robust Visual Features without Supervision", <https://arxiv.org/abs/2304.07193>, and
//! with registers, Darcet et al. 2023, <https://arxiv.org/abs/2309.16588>; the network is in `vision_transformer.rs`, here are
//! its rows.

use crate::{
    variant::Variant,
    vision_transformer::{self as plain, Positions, VisionTransformerConfig as Row},
};

/// One row per network. None has a classifier: they were trained on pictures alone.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<Row>] = &[
    Variant("vit_small_patch14_dinov2", 22_056_192, Row { patch: 14, size: 518, ..SMALL }),
    Variant("vit_base_patch14_dinov2", 86_579_712, Row { patch: 14, size: 518, ..BASE }),
    Variant("vit_large_patch14_dinov2", 304_367_616, Row { patch: 14, size: 518, ..LARGE }),
    Variant("vit_small_patch14_reg4_dinov2", 22_057_344, Row { patch: 14, size: 518, registers: 4, positions: Positions::Patches, ..SMALL }),
    Variant("vit_base_patch14_reg4_dinov2", 86_582_016, Row { patch: 14, size: 518, registers: 4, positions: Positions::Patches, ..BASE }),
    Variant("vit_large_patch14_reg4_dinov2", 304_370_688, Row { patch: 14, size: 518, registers: 4, positions: Positions::Patches, ..LARGE }),
];

const SMALL: Row = Row { layer_scale: Some(1e-5), ..plain::SMALL };
const BASE: Row = Row { layer_scale: Some(1e-5), ..plain::BASE };
const LARGE: Row = Row { layer_scale: Some(1e-5), ..plain::LARGE };
