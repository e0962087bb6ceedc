//! DeiT. Touvron et al. 2020, "Training data-efficient image transformers", <https://arxiv.org/abs/2012.12877>, and DeiT III,
//! Touvron et al. 2022, <https://arxiv.org/abs/2204.07118>; the network is in `vision_transformer.rs`, here are its rows.

use crate::{
    variant::Variant,
    vision_transformer::{self as plain, Pool, Positions, VisionTransformerConfig as Row},
};

/// One row per network: Table 1 of the first paper, Table 1 of the second.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<Row>] = &[
    Variant("deit_tiny_patch16_224", 5_717_416, Row { patch: 16, size: 224, ..TINY }),
    Variant("deit_small_patch16_224", 22_050_664, Row { patch: 16, size: 224, ..SMALL }),
    Variant("deit_base_patch16_224", 86_567_656, Row { patch: 16, size: 224, ..BASE }),
    Variant("deit_base_patch16_384", 86_859_496, Row { patch: 16, size: 384, ..BASE }),
    Variant("deit_tiny_distilled_patch16_224", 5_910_800, Row { patch: 16, size: 224, pool: Pool::Distilled, ..TINY }),
    Variant("deit_small_distilled_patch16_224", 22_436_432, Row { patch: 16, size: 224, pool: Pool::Distilled, ..SMALL }),
    Variant("deit_base_distilled_patch16_224", 87_338_192, Row { patch: 16, size: 224, pool: Pool::Distilled, ..BASE }),
    Variant("deit_base_distilled_patch16_384", 87_630_032, Row { patch: 16, size: 384, pool: Pool::Distilled, ..BASE }),
    Variant("deit3_small_patch16_224", 22_059_496, Row { patch: 16, size: 224, ..SMALL3 }),
    Variant("deit3_small_patch16_384", 22_205_416, Row { patch: 16, size: 384, ..SMALL3 }),
    Variant("deit3_medium_patch16_224", 38_849_512, Row { patch: 16, size: 224, ..MEDIUM3 }),
    Variant("deit3_base_patch16_224", 86_585_320, Row { patch: 16, size: 224, ..BASE3 }),
    Variant("deit3_base_patch16_384", 86_877_160, Row { patch: 16, size: 384, ..BASE3 }),
    Variant("deit3_large_patch16_224", 304_374_760, Row { patch: 16, size: 224, ..LARGE3 }),
    Variant("deit3_large_patch16_384", 304_763_880, Row { patch: 16, size: 384, ..LARGE3 }),
];

// Stochastic depth of Table 9.
const TINY: Row = Row { drop_path: 0.1, ..plain::TINY };
const SMALL: Row = Row { drop_path: 0.1, ..plain::SMALL };
const BASE: Row = Row { drop_path: 0.1, ..plain::BASE };

// Stochastic depth of the authors' commands.
const SMALL3: Row = third(0.05, plain::SMALL);
const MEDIUM3: Row = third(0.1, Row { embed_dim: 512, heads: 8, ..plain::BASE });
const BASE3: Row = third(0.2, plain::BASE);
const LARGE3: Row = third(0.45, plain::LARGE);

/// DeiT III: factors of branches, and no position for the class token.
const fn third(drop_path: f64, size: Row) -> Row {
    Row { drop_path, layer_scale: Some(1e-6), positions: Positions::Patches, ..size }
}
