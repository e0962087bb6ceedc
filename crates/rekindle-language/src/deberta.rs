//! DeBERTa, versions 2 and 3. He et al. 2020, <https://arxiv.org/abs/2006.03654>, and 2021, <https://arxiv.org/abs/2111.09543>.
//!
//! Tokens are not told where they are; attention is, by a table of distances that all layers share: what a token looks for
//! meets what others offer, how far they are, and the other way round.
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, Embedding},
    prelude::*,
    tensor::TensorData,
};
use rekindle_layers::{
    Activation, Backbone, LayerNorm, Projection, Rows, Rules, Sequence, Stage, TextFlow, TextPool,
    Tokens, attention, embedding, split_heads,
};

use crate::{
    EncoderConfig,
    bert::{RULES, stages},
    block::{Block, Intermediate, Output, Parts, dropped},
};

/// DeBERTa without a head.
#[derive(Module, Debug)]
pub struct Deberta {
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
    token_type_embeddings: Option<Embedding>,
    LayerNorm: LayerNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
    rel_embeddings: Embedding,
    LayerNorm: Option<LayerNorm>,
    #[module(skip)]
    distances: Distances,
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
    self_: SelfAttention,
    output: Output,
}

#[derive(Module, Debug)]
struct SelfAttention {
    query_proj: Projection,
    key_proj: Projection,
    value_proj: Projection,
}

/// How distances become rows of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Distances {
    /// Buckets that grow with the distance; 0 where each distance has a row.
    buckets: usize,
    /// Distances from here on are one.
    most: usize,
}

impl Distances {
    /// Rows to each side.
    fn span(self) -> usize {
        if self.buckets > 0 { self.buckets } else { self.most }
    }

    /// A distance, or the bucket that it is in, between `-span` and `span`.
    fn bucket(self, distance: i64) -> i64 {
        let Self { buckets, most } = self;
        let middle = (buckets / 2) as i64;
        let far = distance.abs();
        if buckets == 0 || far <= middle {
            return distance;
        }
        // In float32, as the paper's code: a distance at the edge of two buckets falls into the same.
        let wide = (far as f32 / middle as f32).ln() / ((most as f32 - 1.0) / middle as f32).ln();
        distance.signum() * ((wide * (middle - 1) as f32).ceil() as i64 + middle)
    }

    /// The row for each pair of places, for what a token looks for and what others are, or the other way round.
    fn rows(self, length: usize, turned: bool, device: &Device) -> Tensor<2, Int> {
        let span = self.span() as i64;
        let of = |(row, column): (i64, i64)| {
            let distance = self.bucket(row - column);
            let distance = if turned { -distance } else { distance };
            (distance + span).clamp(0, 2 * span - 1)
        };
        let length = length as i64;
        let places = (0..length).flat_map(|row| (0..length).map(move |column| (row, column)));
        let rows: Vec<i64> = places.map(of).collect();
        Tensor::from_data(TensorData::new(rows, [length as usize; 2]), device)
    }
}

impl Deberta {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { hidden_size, intermediate_size, .. } = *config;
        let parts = Parts { config, device };
        let layer = |_| Layer {
            attention: Attention {
                self_: SelfAttention {
                    query_proj: parts.square(),
                    key_proj: parts.square(),
                    value_proj: parts.square(),
                },
                output: parts.output(hidden_size),
            },
            intermediate: parts.intermediate(),
            output: parts.output(intermediate_size),
            dropout: parts.dropout(),
            attention_dropout: config.attention_dropout,
            heads: config.num_attention_heads,
            activation: config.activation,
        };
        let distances =
            Distances { buckets: config.position_buckets, most: config.max_relative_positions };
        Self {
            embeddings: Embeddings {
                word_embeddings: parts.table(config.vocab_size, hidden_size),
                token_type_embeddings: (config.type_vocab_size > 0)
                    .then(|| parts.table(config.type_vocab_size, hidden_size)),
                LayerNorm: parts.norm(hidden_size),
                dropout: parts.dropout(),
            },
            encoder: Encoder {
                layer: (0..config.num_hidden_layers).map(layer).collect(),
                rel_embeddings: parts.table(2 * distances.span(), hidden_size),
                LayerNorm: config.norm_relative.then(|| parts.norm(hidden_size)),
                distances,
            },
            dropout: config.classifier_dropout,
            channels: hidden_size,
            pool: config.pool,
        }
    }
}

impl Embeddings {
    fn forward(&self, Tokens { ids, types, mask }: Tokens) -> Sequence {
        let x = embedding(self.word_embeddings.weight.val(), ids);
        let x = match &self.token_type_embeddings {
            Some(table) => x + embedding(table.weight.val(), types),
            None => x,
        };
        Sequence { hidden: dropped(&self.dropout, self.LayerNorm.forward(x)), mask }
    }
}

impl Encoder {
    /// The table of distances `[1, 2 span, channels]`.
    fn relative(&self) -> Tensor<3> {
        let table = self.rel_embeddings.weight.val().unsqueeze::<3>();
        match &self.LayerNorm {
            Some(norm) => norm.forward(table),
            None => table,
        }
    }
}

impl Layer {
    fn block(&self) -> Block<'_> {
        let SelfAttention { query_proj, key_proj, value_proj } = &self.attention.self_;
        Block {
            query: query_proj,
            key: key_proj,
            value: value_proj,
            output: &self.attention.output.dense,
            attention_norm: &self.attention.output.LayerNorm,
            up: &self.intermediate.dense,
            down: &self.output.dense,
            norm: &self.output.LayerNorm,
            activation: self.activation,
            heads: self.heads,
            dropout: &self.dropout,
            attention_dropout: self.attention_dropout,
        }
    }

    fn forward(&self, x: Sequence, relative: Tensor<3>, distances: Distances) -> Sequence {
        let block = self.block();
        x.with(|x, mask| {
            let [batch, length, channels] = x.dims();
            let device = x.device();
            let dropout = block.attention_share(&x);
            let x = Rows::new(x);
            let parts = [block.query, block.key, block.value]
                .map(|part| part.forward_rows(&x, Activation::Identity));
            let [query, key, _] =
                parts.each_ref().map(|part| split_heads(part.clone(), self.heads));
            // What attention is the sum of: tokens to tokens, tokens to distances, distances to tokens.
            let scale = ((3 * channels / self.heads) as f64).sqrt().recip();
            let scores = |of: &Tensor<4>, table: &Projection, turned: bool| {
                let table = split_heads(table.forward(relative.clone()), self.heads);
                let rows = distances.rows(length, turned, &device);
                let rows = rows.unsqueeze::<4>().expand([batch, self.heads, length, length]);
                let [_, _, spans, _] = table.dims();
                let table = table.expand([batch, self.heads, spans, channels / self.heads]);
                of.clone().matmul(table.swap_dims(2, 3)).gather(3, rows)
            };
            let forward = scores(&query, block.key, false);
            let back = scores(&key, block.query, true).swap_dims(2, 3);
            let bias = (forward + back).mul_scalar(scale);
            let with = rekindle_layers::Attention {
                heads: self.heads,
                mask,
                bias: Some(bias),
                scale,
                dropout,
            };
            let attended = attention(parts, with);
            block.behind(&x, attended)
        })
    }
}

impl Backbone for Deberta {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        // All layers read the table of distances: it belongs to what comes first.
        let first = ["embeddings", "encoder.rel_embeddings", "encoder.LayerNorm"];
        stages(&first, ("encoder.layer", self.encoder.layer.len()), &[], self.channels)
    }

    fn depth(&self) -> usize {
        1 + self.encoder.layer.len()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        TextFlow::Sequence(match index {
            0 => self.embeddings.forward(x.tokens()),
            _ => {
                let (relative, distances) = (self.encoder.relative(), self.encoder.distances);
                self.encoder.layer[index - 1].forward(x.sequence(), relative, distances)
            }
        })
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
