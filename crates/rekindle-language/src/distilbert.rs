//! DistilBERT. Sanh et al. 2019, <https://arxiv.org/abs/1910.01108>: BERT's layers under other names, without texts of a pair.
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, Embedding},
    prelude::*,
};
use rekindle_layers::{
    Activation, Backbone, LayerNorm, Projection, Rule, Rules, Sequence, Stage, TextFlow, TextPool,
    Tokens, embedding,
};

use crate::{
    EncoderConfig,
    bert::{positions, stages},
    block::{Block, Parts, dropped},
};

/// DistilBERT without a head.
#[derive(Module, Debug)]
pub struct DistilBert {
    embeddings: Embeddings,
    transformer: Transformer,
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
}

#[derive(Module, Debug)]
struct Transformer {
    layer: Vec<Layer>,
}

#[derive(Module, Debug)]
struct Layer {
    attention: Attention,
    sa_layer_norm: LayerNorm,
    ffn: FeedForward,
    output_layer_norm: LayerNorm,
    dropout: Dropout,
    /// Of what tokens look at.
    attention_dropout: f64,
    heads: usize,
    #[module(skip)]
    activation: Activation,
}

#[derive(Module, Debug)]
struct Attention {
    q_lin: Projection,
    k_lin: Projection,
    v_lin: Projection,
    out_lin: Projection,
}

#[derive(Module, Debug)]
struct FeedForward {
    lin1: Projection,
    lin2: Projection,
}

/// What a checkpoint may have more than the network.
const RULES: &[Rule] = &[
    Rule::Unused { file: "embeddings.position_ids", reason: "they count from zero" },
    Rule::Unused { file: "vocab_", reason: "the head of the pretraining's own task" },
    Rule::Unused { file: "pre_classifier", reason: "a layer that only another task's head reads" },
];

impl DistilBert {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { hidden_size, intermediate_size, .. } = *config;
        let parts = Parts { config, device };
        let layer = |_| Layer {
            attention: Attention {
                q_lin: parts.square(),
                k_lin: parts.square(),
                v_lin: parts.square(),
                out_lin: parts.square(),
            },
            sa_layer_norm: parts.norm(hidden_size),
            ffn: FeedForward {
                lin1: parts.dense(hidden_size, intermediate_size),
                lin2: parts.dense(intermediate_size, hidden_size),
            },
            output_layer_norm: parts.norm(hidden_size),
            dropout: parts.dropout(),
            attention_dropout: config.attention_dropout,
            heads: config.num_attention_heads,
            activation: config.activation,
        };
        Self {
            embeddings: Embeddings {
                word_embeddings: parts.table(config.vocab_size, hidden_size),
                position_embeddings: parts.table(config.max_position_embeddings, hidden_size),
                LayerNorm: parts.norm(hidden_size),
                dropout: parts.dropout(),
            },
            transformer: Transformer { layer: (0..config.num_hidden_layers).map(layer).collect() },
            dropout: config.classifier_dropout,
            channels: hidden_size,
            pool: config.pool,
        }
    }
}

impl Embeddings {
    fn forward(&self, Tokens { ids, mask, .. }: Tokens) -> Sequence {
        let positions = positions(0, ids.dims()[1], &ids.device());
        let x = embedding(self.word_embeddings.weight.val(), ids)
            + embedding(self.position_embeddings.weight.val(), positions);
        Sequence { hidden: dropped(&self.dropout, self.LayerNorm.forward(x)), mask }
    }
}

impl Layer {
    fn block(&self) -> Block<'_> {
        Block {
            query: &self.attention.q_lin,
            key: &self.attention.k_lin,
            value: &self.attention.v_lin,
            output: &self.attention.out_lin,
            attention_norm: &self.sa_layer_norm,
            up: &self.ffn.lin1,
            down: &self.ffn.lin2,
            norm: &self.output_layer_norm,
            activation: self.activation,
            heads: self.heads,
            dropout: &self.dropout,
            attention_dropout: self.attention_dropout,
        }
    }
}

impl Backbone for DistilBert {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        let layers = ("transformer.layer", self.transformer.layer.len());
        stages(&["embeddings"], layers, &[], self.channels)
    }

    fn depth(&self) -> usize {
        1 + self.transformer.layer.len()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        TextFlow::Sequence(match index {
            0 => self.embeddings.forward(x.tokens()),
            _ => self.transformer.layer[index - 1].block().forward(x.sequence(), None),
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
