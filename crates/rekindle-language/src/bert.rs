//! BERT and what has its layers: Devlin et al. 2018, <https://arxiv.org/abs/1810.04805>; RoBERTa, Liu et al. 2019,
//! <https://arxiv.org/abs/1907.11692>; XLM-RoBERTa, Conneau et al. 2019, <https://arxiv.org/abs/1911.02116>; ELECTRA, Clark et
//! al. 2020, <https://arxiv.org/abs/2003.10555>.
//!
//! ```text
//! tokens       [b, t]       numbers
//! 0 embeddings [b, t, e]    tables of tokens, positions and texts of a pair, added; norm; in ELECTRA a matrix to c
//! 1 layer0     [b, t, c]    attention, add, norm; two matrices, add, norm
//! ...
//! pool         [b, c]
//! ```
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, Embedding},
    prelude::*,
};
use rekindle_layers::{
    Activation, Backbone, LayerNorm, Projection, Rule, Rules, Sequence, Stage, StageOutput,
    TextFlow, TextPool, Tokens, embedding,
};

use crate::{
    EncoderConfig, Family,
    block::{Block, Intermediate, Output, Parts, dropped},
};

/// BERT, RoBERTa, XLM-RoBERTa or ELECTRA without a head.
#[derive(Module, Debug)]
pub struct Bert {
    embeddings: Embeddings,
    embeddings_project: Option<Projection>,
    encoder: Encoder,
    dropout: f64,
    channels: usize,
    #[module(skip)]
    pool: TextPool,
}

/// The tables.
#[derive(Module, Debug)]
struct Embeddings {
    word_embeddings: Embedding,
    position_embeddings: Embedding,
    token_type_embeddings: Option<Embedding>,
    LayerNorm: LayerNorm,
    dropout: Dropout,
    /// The first token's position.
    first: usize,
}

#[derive(Module, Debug)]
struct Encoder {
    layer: Vec<Layer>,
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
    query: Projection,
    key: Projection,
    value: Projection,
}

/// What a checkpoint may have more or less than the network.
pub(crate) const RULES: &[Rule] = &[
    Rule::Unused { file: "pooler", reason: "a layer that only the pretraining's own task reads" },
    Rule::Unused { file: "embeddings.position_ids", reason: "they count from zero" },
    Rule::Unused { file: "embeddings.token_type_ids", reason: "they are zeros" },
    Rule::Unused { file: "cls.", reason: "the head of the pretraining's own task" },
    Rule::Unused { file: "lm_head", reason: "the head of the pretraining's own task" },
    Rule::Unused {
        file: "discriminator_predictions",
        reason: "the head of the pretraining's own task",
    },
    Rule::Unused { file: "generator_", reason: "the head of the pretraining's own task" },
];

impl Bert {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { hidden_size, embedding_size, intermediate_size, .. } = *config;
        let parts = Parts { config, device };
        let counted_behind_padding = matches!(config.family, Family::Roberta | Family::XlmRoberta);
        let embeddings = Embeddings {
            word_embeddings: parts.table(config.vocab_size, embedding_size),
            position_embeddings: parts.table(config.max_position_embeddings, embedding_size),
            token_type_embeddings: (config.type_vocab_size > 0)
                .then(|| parts.table(config.type_vocab_size, embedding_size)),
            LayerNorm: parts.norm(embedding_size),
            dropout: parts.dropout(),
            first: if counted_behind_padding { config.pad_token_id + 1 } else { 0 },
        };
        let layer = |_| Layer {
            attention: Attention {
                self_: SelfAttention {
                    query: parts.square(),
                    key: parts.square(),
                    value: parts.square(),
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
        Self {
            embeddings,
            embeddings_project: (embedding_size != hidden_size)
                .then(|| parts.dense(embedding_size, hidden_size)),
            encoder: Encoder { layer: (0..config.num_hidden_layers).map(layer).collect() },
            dropout: config.classifier_dropout,
            channels: hidden_size,
            pool: config.pool,
        }
    }
}

/// Numbers of positions `[1, length]` from `first` on, as token numbers are.
pub(crate) fn positions(first: usize, length: usize, device: &Device) -> Tensor<2, Int> {
    Tensor::<1, Int>::arange(first as i64..(first + length) as i64, device).unsqueeze::<2>()
}

/// The stages of an encoder: its tables, then layer by layer.
pub(crate) fn stages(
    embeddings: &[&str],
    layers: (&str, usize),
    last: &[&str],
    channels: usize,
) -> Vec<Stage> {
    let (module, count) = layers;
    let mut stages = vec![Stage::new("embeddings", embeddings, channels, StageOutput::Sequence)];
    stages.extend((0..count).map(|index| {
        let own = format!("{module}.{index}");
        let more = if index + 1 == count { last } else { &[] };
        let modules: Vec<&str> =
            std::iter::once(own.as_str()).chain(more.iter().copied()).collect();
        Stage::new(&format!("layer{index}"), &modules, channels, StageOutput::Sequence)
    }));
    stages
}

impl Embeddings {
    fn forward(&self, Tokens { ids, types, mask }: Tokens) -> Sequence {
        let [_, length] = ids.dims();
        let positions = positions(self.first, length, &ids.device());
        let x = embedding(self.word_embeddings.weight.val(), ids)
            + embedding(self.position_embeddings.weight.val(), positions);
        let x = match &self.token_type_embeddings {
            Some(table) => x + embedding(table.weight.val(), types),
            None => x,
        };
        Sequence { hidden: dropped(&self.dropout, self.LayerNorm.forward(x)), mask }
    }
}

impl Layer {
    fn block(&self) -> Block<'_> {
        let SelfAttention { query, key, value } = &self.attention.self_;
        Block {
            query,
            key,
            value,
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
}

impl Backbone for Bert {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        let tables = ["embeddings", "embeddings_project"];
        stages(&tables, ("encoder.layer", self.encoder.layer.len()), &[], self.channels)
    }

    fn depth(&self) -> usize {
        1 + self.encoder.layer.len()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        match index {
            0 => {
                let x = self.embeddings.forward(x.tokens());
                TextFlow::Sequence(match &self.embeddings_project {
                    Some(project) => x.with(|x, _| project.forward(x)),
                    None => x,
                })
            }
            _ => TextFlow::Sequence(
                self.encoder.layer[index - 1].block().forward(x.sequence(), None),
            ),
        }
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
