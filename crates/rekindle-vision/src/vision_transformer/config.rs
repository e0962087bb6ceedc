//! What tells one vision transformer from another, as data; sizes are those of the papers.

use rekindle_layers::Activation;

/// What tells one network from another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct VisionTransformerConfig {
    /// Height and width of a patch in pixels.
    pub patch: usize,
    /// Height and width of the pictures that the table of positions is for.
    pub size: usize,
    /// Numbers of a token.
    pub embed_dim: usize,
    /// Blocks.
    pub depth: usize,
    /// Heads of attention.
    pub heads: usize,
    /// How many times a token's numbers there are between the two matrices of a block.
    pub mlp_ratio: f64,
    /// What becomes an embedding.
    pub pool: Pool,
    /// Tokens that stand for nothing. Darcet et al. 2023, <https://arxiv.org/abs/2309.16588>.
    pub registers: usize,
    /// Which of the tokens have a row in the table of positions.
    pub positions: Positions,
    /// Whether queries, keys and values have a bias.
    pub qkv_bias: bool,
    /// Whether queries and keys are normalized, head by head.
    pub qk_norm: bool,
    /// What the factors of branches begin with, where there are any.
    pub layer_scale: Option<f64>,
    /// Whether the embeddings are normalized before the blocks, and patches have no bias (CLIP).
    pub pre_norm: bool,
    /// Epsilon of every norm.
    pub epsilon: f64,
    /// Activation between the two matrices of a block.
    pub activation: Activation,
    /// Probability with which the last block is dropped; it falls linearly to none at the first.
    pub drop_path: f64,
}

/// What becomes an embedding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pool {
    /// The class token, which these networks alone have.
    Class,
    /// The class token and, beside it, one that was trained to say what a teacher says; each has a classifier of its own.
    /// Touvron et al. 2020, <https://arxiv.org/abs/2012.12877>.
    Distilled,
    /// The mean of the patches, each normalized.
    Mean,
    /// The mean of the patches, then normalized.
    NormedMean,
    /// What a learned query sees in all tokens.
    Attention,
}

/// Which tokens have a row in the table of positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Positions {
    /// All.
    Tokens,
    /// Those of the picture.
    Patches,
}

/// ViT-B/16, Table 1 of the paper.
pub const BASE: VisionTransformerConfig = VisionTransformerConfig {
    patch: 16,
    size: 224,
    embed_dim: 768,
    depth: 12,
    heads: 12,
    mlp_ratio: 4.0,
    pool: Pool::Class,
    registers: 0,
    positions: Positions::Tokens,
    qkv_bias: true,
    qk_norm: false,
    layer_scale: None,
    pre_norm: false,
    epsilon: 1e-6,
    activation: Activation::Gelu,
    drop_path: 0.0,
};
/// ViT-L/16, Table 1 of the paper.
pub const LARGE: VisionTransformerConfig =
    VisionTransformerConfig { embed_dim: 1024, depth: 24, heads: 16, ..BASE };
/// DeiT-S, Table 1 of its paper (<https://arxiv.org/abs/2012.12877>).
pub const SMALL: VisionTransformerConfig =
    VisionTransformerConfig { embed_dim: 384, heads: 6, ..BASE };
/// DeiT-Ti, of the same table.
pub const TINY: VisionTransformerConfig =
    VisionTransformerConfig { embed_dim: 192, heads: 3, ..BASE };

impl VisionTransformerConfig {
    /// Tokens before the patches.
    pub(super) fn prefix(&self) -> usize {
        self.answering() + self.registers
    }

    /// Tokens that become embeddings.
    pub(super) fn answering(&self) -> usize {
        match self.pool {
            Pool::Class => 1,
            Pool::Distilled => 2,
            Pool::Mean | Pool::NormedMean | Pool::Attention => 0,
        }
    }

    /// Those that have a row in the table of positions.
    pub(super) fn table_tokens(&self) -> usize {
        if self.positions == Positions::Tokens { self.prefix() } else { 0 }
    }
}
