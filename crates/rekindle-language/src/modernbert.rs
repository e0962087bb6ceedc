//! ModernBERT. Warner et al. 2024, <https://arxiv.org/abs/2412.13663>.
//!
//! ```text
//! tokens       [b, t]       numbers
//! 0 embeddings [b, t, c]    table of tokens, norm
//! 1 layer0     [b, t, c]    norm (but in the first), attention with rotary positions, add; norm, gated matrices, add
//! ...                       two layers of three look at near tokens alone; behind the last is one more norm
//! pool         [b, c]
//! ```
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig},
    prelude::*,
};
use rekindle_layers::{
    Activation, Attention, Backbone, LayerNorm, LayerNormConfig, Projection, ProjectionConfig,
    Rotary, Rule, Rules, Sequence, Stage, TextFlow, TextPool, Tokens, attention, embedding,
    local_window,
};

use crate::{
    EncoderConfig,
    bert::stages,
    block::{dropped, share},
};

/// ModernBERT without a head.
#[derive(Module, Debug)]
pub struct ModernBert {
    embeddings: Embeddings,
    layers: Vec<Layer>,
    final_norm: LayerNorm,
    dropout: f64,
    channels: usize,
    #[module(skip)]
    pool: TextPool,
}

#[derive(Module, Debug)]
struct Embeddings {
    tok_embeddings: Embedding,
    norm: LayerNorm,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct Layer {
    attn_norm: Option<LayerNorm>,
    attn: SelfAttention,
    mlp_norm: LayerNorm,
    mlp: Gated,
    dropout: Dropout,
}

#[derive(Module, Debug)]
struct SelfAttention {
    Wqkv: Projection,
    Wo: Projection,
    heads: usize,
    /// Of what tokens look at.
    attention_dropout: f64,
    /// The base of its rotary positions.
    base: f64,
    /// How far it looks, where not at all tokens.
    reach: Option<usize>,
}

/// Half of what the first matrix gives, through the activation, times the other half.
#[derive(Module, Debug)]
struct Gated {
    Wi: Projection,
    Wo: Projection,
    #[module(skip)]
    activation: Activation,
}

/// What a checkpoint may have more than the network.
const RULES: &[Rule] = &[
    Rule::Unused { file: "head.", reason: "the head of the pretraining's own task" },
    Rule::Unused { file: "decoder.", reason: "the head of the pretraining's own task" },
];

impl ModernBert {
    /// Builds the network with untrained parameters.
    pub fn new(config: &EncoderConfig, device: &Device) -> Self {
        let EncoderConfig { hidden_size, intermediate_size, matrix_bias: bias, .. } = *config;
        let norm = || {
            let epsilon = config.layer_norm_eps;
            LayerNormConfig { channels: hidden_size, epsilon, bias: config.norm_bias }.init(device)
        };
        let dense = |from, to| ProjectionConfig { channels: [from, to], bias }.init(device);
        let dropout = || DropoutConfig::new(config.hidden_dropout).init();
        let [far, near] = config.rotary_bases;
        let layer = |index: usize| {
            let global = index.is_multiple_of(config.global_attention_every);
            Layer {
                attn_norm: (index > 0).then(norm),
                attn: SelfAttention {
                    Wqkv: dense(hidden_size, 3 * hidden_size),
                    Wo: dense(hidden_size, hidden_size),
                    heads: config.num_attention_heads,
                    attention_dropout: config.attention_dropout,
                    base: if global { far } else { near },
                    reach: (!global).then_some(config.local_attention / 2),
                },
                mlp_norm: norm(),
                mlp: Gated {
                    Wi: dense(hidden_size, 2 * intermediate_size),
                    Wo: dense(intermediate_size, hidden_size),
                    activation: config.activation,
                },
                dropout: dropout(),
            }
        };
        Self {
            embeddings: Embeddings {
                tok_embeddings: EmbeddingConfig::new(config.vocab_size, hidden_size).init(device),
                norm: norm(),
                dropout: dropout(),
            },
            layers: (0..config.num_hidden_layers).map(layer).collect(),
            final_norm: norm(),
            dropout: config.classifier_dropout,
            channels: hidden_size,
            pool: config.pool,
        }
    }
}

impl SelfAttention {
    /// With a share of what tokens look at dropped.
    fn forward(&self, x: Tensor<3>, mask: &Tensor<2>, dropout: f64) -> Tensor<3> {
        let [_, length, channels] = x.dims();
        let (device, dtype) = (x.device(), x.dtype());
        let all = self.Wqkv.forward(x);
        let part = |index: usize| all.clone().narrow(2, index * channels, channels);
        let width = channels / self.heads;
        let rotary = Rotary::new(length, width, self.base, (&device, dtype));
        let turned = |index| rotary.turn(part(index), self.heads);
        let near = self.reach.filter(|reach| reach + 1 < length);
        let bias = near.map(|reach| local_window(length, reach, &device).cast(dtype));
        let scale = (width as f64).sqrt().recip();
        attention(
            [turned(0), turned(1), part(2)],
            Attention { heads: self.heads, mask, bias, scale, dropout },
        )
    }
}

impl Layer {
    fn forward(&self, x: Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        let normed = match &self.attn_norm {
            Some(norm) => norm.forward(x.clone()),
            None => x.clone(),
        };
        let dropout = share(&self.dropout, self.attn.attention_dropout, &x);
        let x = self.attn.Wo.forward_add(self.attn.forward(normed, mask, dropout), x);
        let inner = self.mlp.Wi.forward(self.mlp_norm.forward(x.clone()));
        let half = inner.dims()[2] / 2;
        let (input, gate) = (inner.clone().narrow(2, 0, half), inner.narrow(2, half, half));
        let gated = dropped(&self.dropout, self.mlp.activation.forward(input) * gate);
        self.mlp.Wo.forward_add(gated, x)
    }
}

impl Backbone for ModernBert {
    type Input = Tokens;
    type Flow = TextFlow;

    fn stages(&self) -> Vec<Stage> {
        stages(&["embeddings"], ("layers", self.layers.len()), &["final_norm"], self.channels)
    }

    fn depth(&self) -> usize {
        1 + self.layers.len()
    }

    fn enter(&self, tokens: Tokens) -> TextFlow {
        TextFlow::Tokens(tokens)
    }

    fn stage(&self, index: usize, x: TextFlow) -> TextFlow {
        if index == 0 {
            let Tokens { ids, mask, .. } = x.tokens();
            let Embeddings { tok_embeddings, norm, dropout } = &self.embeddings;
            let hidden = norm.forward(embedding(tok_embeddings.weight.val(), ids));
            let hidden = dropped(dropout, hidden);
            return TextFlow::Sequence(Sequence { hidden, mask });
        }
        let layer = &self.layers[index - 1];
        TextFlow::Sequence(x.sequence().with(|x, mask| {
            let x = layer.forward(x, mask);
            if index == self.layers.len() { self.final_norm.forward(x) } else { x }
        }))
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
