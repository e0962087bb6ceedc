//! MPNet. Song et al. 2020, <https://arxiv.org/abs/2004.09297>: BERT's layers, with a score for how far apart two tokens are that
//! all layers share.
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, Embedding},
    prelude::*,
    tensor::TensorData,
};
use rekindle_layers::{
    Activation, Backbone, LayerNorm, Projection, Rules, Sequence, Stage, TextFlow, TextPool,
    Tokens, embedding,
};

use crate::{
    EncoderConfig,
    bert::{RULES, positions, stages},
    block::{Block, Intermediate, Output, Parts, dropped},
};

/// Relative positions further apart than this share the last bucket: the paper's code, which is T5's.
const FARTHEST: f32 = 128.0;

/// MPNet without a head.
#[derive(Module, Debug)]
pub struct Mpnet {
    embeddings: Embeddings,
    encoder: Encoder,
    dropout: f64,
    channels: usize,
    #[module(skip)]
    pool: TextPool,
}

#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    LayerNorm: LayerNorm,
    dropout: Dropout,
    /// The first token's position.
    first: usize,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
    relative_attention_bias: Embedding,
}

#[derive(Module, Debug)]
struct Layer {
    attention: Attention,
    intermediate: Intermediate,
    output: Output,
    dropout: Dropout,
    /// Of what tokens look at.
    attention_dropout: f64,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct Attention {
    attn: SelfAttention,
    LayerNorm: LayerNorm,
}

#[derive(Module, Debug)]
struct SelfAttention {
    q: Projection,
    k: Projection,
    v: Projection,
    o: Projection,
}

impl Mpnet {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { hidden_size, intermediate_size, num_attention_heads: heads, .. } =
            *config;
        let parts = Parts { config, device };
        let layer = |_| Layer {
            attention: Attention {
                attn: SelfAttention {
                    q: parts.square(),
                    k: parts.square(),
                    v: parts.square(),
                    o: parts.square(),
                },
                LayerNorm: parts.norm(hidden_size),
            },
            intermediate: parts.intermediate(),
            output: parts.output(intermediate_size),
            dropout: parts.dropout(),
            attention_dropout: config.attention_dropout,
            heads,
            activation: config.activation,
        };
        Self {
            embeddings: Embeddings {
                word_embeddings: parts.table(config.vocab_size, hidden_size),
                position_embeddings: parts.table(config.max_position_embeddings, hidden_size),
                LayerNorm: parts.norm(hidden_size),
                dropout: parts.dropout(),
                first: config.pad_token_id + 1,
            },
            encoder: Encoder {
                layer: (0..config.num_hidden_layers).map(layer).collect(),
                relative_attention_bias: parts.table(config.position_buckets, heads),
            },
            dropout: config.classifier_dropout,
            channels: hidden_size,
            pool: config.pool,
        }
    }
}

/// The bucket of each pair of places: as many for tokens before as for those behind, half of them for distances one by one, the
/// others ever wider.
fn bucket(query: usize, key: usize, buckets: usize) -> usize {
    let side = buckets / 2;
    let exact = side / 2;
    let distance = query.abs_diff(key);
    let behind = if key > query { side } else { 0 };
    if distance < exact {
        return behind + distance;
    }
    // In float32, as the paper's code: a distance at the edge of two buckets falls into the same.
    let exact_f = exact.max(1) as f32;
    let wide = (distance as f32 / exact_f).ln() / (FARTHEST / exact_f).ln();
    let wide = exact + (wide * (side - exact) as f32) as usize;
    behind + wide.min(side.saturating_sub(1))
}

impl Embeddings {
    fn forward(&self, Tokens { ids, mask, .. }: Tokens) -> Sequence {
        let positions = positions(self.first, ids.dims()[1], &ids.device());
        let x = embedding(self.word_embeddings.weight.val(), ids)
            + embedding(self.position_embeddings.weight.val(), positions);
        Sequence { hidden: dropped(&self.dropout, self.LayerNorm.forward(x)), mask }
    }
}

impl Encoder {
    /// `[1, heads, length, length]`
    fn bias(&self, length: usize, device: &Device) -> Tensor<4> {
        let [buckets, _] = self.relative_attention_bias.weight.lazy_shape().dims();
        let places = (0..length).flat_map(|query| (0..length).map(move |key| (query, key)));
        let rows: Vec<i64> =
            places.map(|(query, key)| bucket(query, key, buckets) as i64).collect();
        let rows = Tensor::<2, Int>::from_data(TensorData::new(rows, [length, length]), device);
        self.relative_attention_bias.forward(rows).permute([2, 0, 1]).unsqueeze::<4>()
    }
}

impl Layer {
    fn block(&self) -> Block<'_> {
        let SelfAttention { q, k, v, o } = &self.attention.attn;
        Block {
            query: q,
            key: k,
            value: v,
            output: o,
            attention_norm: &self.attention.LayerNorm,
            up: &self.intermediate.dense,
            down: &self.output.dense,
            norm: &self.output.LayerNorm,
            activation: self.activation,
            heads: self.heads,
            dropout: &self.dropout,
            attention_dropout: self.attention_dropout,
        }
    }
}

impl Backbone for Mpnet {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        // All layers read the scores of distances: they belong to what comes first.
        let first = ["embeddings", "encoder.relative_attention_bias"];
        stages(&first, ("encoder.layer", self.encoder.layer.len()), &[], self.channels)
    }

    fn depth(&self) -> usize {
        1 + self.encoder.layer.len()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        if index == 0 {
            return TextFlow::Sequence(self.embeddings.forward(x.tokens()));
        }
        let x = x.sequence();
        let bias = self.encoder.bias(x.mask.dims()[1], &x.hidden.device());
        TextFlow::Sequence(self.encoder.layer[index - 1].block().forward(x, Some(bias)))
    }

    fn pool(&self, x: TextFlow) -> Tensor<2> {
        self.pool.forward(x.sequence())
    }

    fn embed_dim(&self) -> usize {
        self.channels
    }

    fn rules(&self) -> Rules {
        RULES.into()
    }

    fn dropout(&self) -> f64 {
        self.dropout
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What T5's formula gives for 32 buckets and distances up to 128.
    #[test]
    fn distances_fall_into_their_buckets() {
        for (query, key, expected) in [
            (5, 5, 0),
            (5, 4, 1),
            (9, 2, 7),
            (8, 0, 8),
            (20, 8, 9),
            (127, 0, 15),
            (500, 0, 15),
            (4, 5, 17),
            (0, 8, 24),
            (0, 500, 31),
        ] {
            assert_eq!(bucket(query, key, 32), expected, "{query} to {key}");
        }
    }
}
