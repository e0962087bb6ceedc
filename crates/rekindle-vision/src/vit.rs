//! ViT. Dosovitskiy et al. 2020, "An Image is Worth 16x16 Words", <https://arxiv.org/abs/2010.11929>; the network is in
//! `vision_transformer.rs`, here are its rows.
//!
//! The same networks were trained in many ways: on labels (Steiner et al. 2021, <https://arxiv.org/abs/2106.10270>), on texts
//! (CLIP, Radford et al. 2021, <https://arxiv.org/abs/2103.00020>), on themselves (DINO, Caron et al. 2021,
//! <https://arxiv.org/abs/2104.14294>; MAE, He et al. 2021, <https://arxiv.org/abs/2111.06377>). `gap` and `reg` are timm's own
//! searches for small ones: the mean of the patches instead of a class token, with registers.

use rekindle_layers::Activation;

use crate::{
    variant::Variant,
    vision_transformer::{
        BASE, LARGE as PLAIN_LARGE, Pool, Positions, SMALL, TINY, VisionTransformerConfig as Row,
    },
};

/// One row per network: Table 1 of the paper, and timm's smaller ones.
#[rustfmt::skip]
pub const VARIANTS: &[Variant<Row>] = &[
    Variant("vit_tiny_patch16_224", 5_717_416, Row { patch: 16, size: 224, ..TINY }),
    Variant("vit_tiny_patch16_384", 5_790_376, Row { patch: 16, size: 384, ..TINY }),
    Variant("vit_small_patch32_224", 22_878_952, Row { patch: 32, size: 224, ..SMALL }),
    Variant("vit_small_patch32_384", 22_915_432, Row { patch: 32, size: 384, ..SMALL }),
    Variant("vit_small_patch16_224", 22_050_664, Row { patch: 16, size: 224, ..SMALL }),
    Variant("vit_small_patch16_384", 22_196_584, Row { patch: 16, size: 384, ..SMALL }),
    Variant("vit_base_patch32_224", 88_224_232, Row { patch: 32, size: 224, ..BASE }),
    Variant("vit_base_patch32_384", 88_297_192, Row { patch: 32, size: 384, ..BASE }),
    Variant("vit_base_patch16_224", 86_567_656, Row { patch: 16, size: 224, ..BASE }),
    Variant("vit_base_patch16_384", 86_859_496, Row { patch: 16, size: 384, ..BASE }),
    Variant("vit_base_patch8_224", 86_576_872, Row { patch: 8, size: 224, ..BASE }),
    Variant("vit_base_patch16_224_miil", 86_540_008, Row { patch: 16, size: 224, qkv_bias: false, ..BASE }),
    Variant("vit_large_patch32_384", 306_632_680, Row { patch: 32, size: 384, ..LARGE }),
    Variant("vit_large_patch16_224", 304_326_632, Row { patch: 16, size: 224, ..LARGE }),
    Variant("vit_large_patch16_384", 304_715_752, Row { patch: 16, size: 384, ..LARGE }),
    Variant("vit_wee_patch16_reg1_gap_256", 13_422_568, Row { patch: 16, size: 256, registers: 1, ..WEE }),
    Variant("vit_little_patch16_reg4_gap_256", 22_516_008, Row { patch: 16, size: 256, registers: 4, ..LITTLE }),
    Variant("vit_medium_patch16_gap_256", 38_861_288, Row { patch: 16, size: 256, ..GAP }),
    Variant("vit_medium_patch16_gap_384", 39_025_128, Row { patch: 16, size: 384, ..GAP }),
    Variant("vit_medium_patch16_reg1_gap_256", 38_880_232, Row { patch: 16, size: 256, registers: 1, ..MEDIUM }),
    Variant("vit_medium_patch16_reg4_gap_256", 38_881_768, Row { patch: 16, size: 256, registers: 4, ..MEDIUM }),
    Variant("vit_mediumd_patch16_reg4_gap_256", 64_109_032, Row { patch: 16, size: 256, depth: 20, registers: 4, ..MEDIUM }),
    Variant("vit_mediumd_patch16_reg4_gap_384", 64_272_872, Row { patch: 16, size: 384, depth: 20, registers: 4, ..MEDIUM }),
    Variant("vit_betwixt_patch16_reg1_gap_256", 60_396_520, Row { patch: 16, size: 256, registers: 1, ..BETWIXT }),
    Variant("vit_betwixt_patch16_reg4_gap_256", 60_398_440, Row { patch: 16, size: 256, registers: 4, ..BETWIXT }),
    Variant("vit_betwixt_patch16_reg4_gap_384", 60_603_240, Row { patch: 16, size: 384, registers: 4, ..BETWIXT }),
    Variant("vit_base_patch32_clip_224", 88_225_000, Row { patch: 32, size: 224, ..CLIP }),
    Variant("vit_base_patch32_clip_384", 88_297_960, Row { patch: 32, size: 384, ..CLIP }),
    Variant("vit_base_patch32_clip_448", 88_337_896, Row { patch: 32, size: 448, ..CLIP }),
    Variant("vit_base_patch16_clip_224", 86_568_424, Row { patch: 16, size: 224, ..CLIP }),
    Variant("vit_base_patch16_clip_384", 86_860_264, Row { patch: 16, size: 384, ..CLIP }),
    Variant("vit_large_patch14_clip_224", 304_204_776, Row { patch: 14, size: 224, ..CLIP_LARGE }),
    Variant("vit_large_patch14_clip_336", 304_532_456, Row { patch: 14, size: 336, ..CLIP_LARGE }),
    Variant("test_vit", 371_240, Row { patch: 16, size: 160, ..TEST }),
    Variant("test_vit2", 455_720, Row { patch: 16, size: 160, depth: 8, pool: Pool::NormedMean, registers: 1, layer_scale: Some(1e-5), ..TEST }),
    Variant("test_vit3", 930_280, Row { patch: 16, size: 160, embed_dim: 96, depth: 9, heads: 3, mlp_ratio: 2.0, pool: Pool::Attention, registers: 1, layer_scale: Some(1e-5), ..TEST }),
];

/// The networks whose checkpoints have no classifier: trained without labels.
#[rustfmt::skip]
pub const WITHOUT_CLASSES: &[Variant<Row>] = &[
    Variant("vit_small_patch8_224", 21_670_272, Row { patch: 8, size: 224, ..SMALL }),
    Variant("vit_large_patch32_224", 305_510_400, Row { patch: 32, size: 224, ..LARGE }),
];

/// The networks whose checkpoints know ImageNet-12k's 11,821 classes first.
#[rustfmt::skip]
pub const IN12K: &[Variant<Row>] = &[
    Variant("vit_little_patch16_reg1_gap_256", 25_988_589, Row { patch: 16, size: 256, registers: 1, ..LITTLE }),
    Variant("vit_medium_patch16_gap_240", 44_396_589, Row { patch: 16, size: 240, ..GAP }),
];

/// CLIP's whose checkpoints all end in embeddings of 512 numbers, to be compared with those of texts.
#[rustfmt::skip]
pub const CLIP_512: &[Variant<Row>] = &[
    Variant("vit_xsmall_patch16_clip_224", 8_277_504, Row { patch: 16, size: 224, embed_dim: 256, depth: 10, heads: 4, ..CLIP }),
    Variant("vit_base_patch32_clip_256", 87_861_248, Row { patch: 32, size: 256, ..CLIP }),
    Variant("vit_base_patch32_clip_quickgelu_224", 87_849_728, Row { patch: 32, size: 224, activation: Activation::QuickGelu, ..CLIP }),
    Variant("vit_base_patch16_clip_quickgelu_224", 86_193_152, Row { patch: 16, size: 224, activation: Activation::QuickGelu, ..CLIP }),
];

/// The same of 640 numbers.
#[rustfmt::skip]
pub const CLIP_640: &[Variant<Row>] = &[
    Variant("vit_base_patch16_plus_clip_240", 117_214_464, Row { patch: 16, size: 240, embed_dim: 896, heads: 14, ..CLIP }),
];

/// The same of 768 numbers.
#[rustfmt::skip]
pub const CLIP_768: &[Variant<Row>] = &[
    Variant("vit_large_patch14_clip_quickgelu_224", 303_966_976, Row { patch: 14, size: 224, activation: Activation::QuickGelu, ..CLIP_LARGE }),
    Variant("vit_large_patch14_clip_quickgelu_336", 304_294_656, Row { patch: 14, size: 336, activation: Activation::QuickGelu, ..CLIP_LARGE }),
];

/// Large networks alone were trained with stochastic depth (Steiner et al., the published checkpoints).
const LARGE: Row = Row { drop_path: 0.1, ..PLAIN_LARGE };
const CLIP: Row = Row { pre_norm: true, epsilon: 1e-5, ..BASE };
const CLIP_LARGE: Row = Row { pre_norm: true, epsilon: 1e-5, ..PLAIN_LARGE };
/// The mean of patches that are each normalized.
const GAP: Row =
    Row { pool: Pool::Mean, qkv_bias: false, layer_scale: Some(1e-6), ..sized(512, 12, 8) };
const WEE: Row = Row { mlp_ratio: 5.0, ..registered(256, 14, 4) };
const LITTLE: Row = Row { mlp_ratio: 5.6, ..registered(320, 14, 5) };
const MEDIUM: Row = registered(512, 12, 8);
const BETWIXT: Row = registered(640, 12, 10);
const TEST: Row = Row { mlp_ratio: 3.0, ..sized(64, 6, 2) };

const fn sized(embed_dim: usize, depth: usize, heads: usize) -> Row {
    Row { embed_dim, depth, heads, ..BASE }
}

/// With registers that have no positions, and the norm of the mean.
const fn registered(embed_dim: usize, depth: usize, heads: usize) -> Row {
    Row {
        pool: Pool::NormedMean,
        positions: Positions::Patches,
        layer_scale: Some(1e-5),
        ..sized(embed_dim, depth, heads)
    }
}
