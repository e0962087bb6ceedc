//! What the layers of BERT and its kin have in common: attention, two matrices, and a norm behind each.
#![allow(non_snake_case, reason = "fields have the checkpoints' names")]

use burn::{
    nn::{Dropout, DropoutConfig, Embedding, EmbeddingConfig},
    prelude::*,
};
use rekindle_layers::{
    Activation, Attention, LayerNorm, LayerNormConfig, Projection, ProjectionConfig, Rows,
    Sequence, attention, dropout, pad, unpad,
};

use crate::EncoderConfig;

/// Makes the parts of an encoder with a config's norms and dropout.
#[derive(Clone, Copy)]
pub(crate) struct Parts<'a> {
    pub(crate) config: &'a EncoderConfig,
    pub(crate) device: &'a Device,
}

impl Parts<'_> {
    pub(crate) fn norm(self, channels: usize) -> LayerNorm {
        LayerNormConfig::new(channels, self.config.layer_norm_eps).init(self.device)
    }

    pub(crate) fn dense(self, channels_in: usize, channels_out: usize) -> Projection {
        ProjectionConfig::new(channels_in, channels_out).init(self.device)
    }

    /// From as many numbers to as many as a token has.
    pub(crate) fn square(self) -> Projection {
        self.dense(self.config.hidden_size, self.config.hidden_size)
    }

    pub(crate) fn table(self, rows: usize, channels: usize) -> Embedding {
        EmbeddingConfig::new(rows, channels).init(self.device)
    }

    pub(crate) fn dropout(self) -> Dropout {
        DropoutConfig::new(self.config.hidden_dropout).init()
    }

    /// The first of a layer's two matrices.
    pub(crate) fn intermediate(self) -> Intermediate {
        let EncoderConfig { hidden_size, intermediate_size, .. } = *self.config;
        Intermediate { dense: self.dense(hidden_size, intermediate_size) }
    }

    /// A matrix back to as many numbers as a token has, and the norm behind it.
    pub(crate) fn output(self, channels_in: usize) -> Output {
        let channels = self.config.hidden_size;
        Output { dense: self.dense(channels_in, channels), LayerNorm: self.norm(channels) }
    }
}

#[derive(Module, Debug)]
pub(crate) struct Intermediate {
    pub(crate) dense: Projection,
}

#[derive(Module, Debug)]
pub(crate) struct Output {
    pub(crate) dense: Projection,
    pub(crate) LayerNorm: LayerNorm,
}

/// One layer with its norms behind, whatever its family calls the parts.
pub(crate) struct Block<'a> {
    pub(crate) query: &'a Projection,
    pub(crate) key: &'a Projection,
    pub(crate) value: &'a Projection,
    pub(crate) output: &'a Projection,
    pub(crate) attention_norm: &'a LayerNorm,
    pub(crate) up: &'a Projection,
    pub(crate) down: &'a Projection,
    pub(crate) norm: &'a LayerNorm,
    pub(crate) activation: Activation,
    pub(crate) heads: usize,
    pub(crate) dropout: &'a Dropout,
    /// Of what tokens look at.
    pub(crate) attention_dropout: f64,
}

impl Block<'_> {
    /// Runs the layer; `bias` is added to the scores of attention. Padding goes through nothing.
    pub(crate) fn forward(&self, x: Sequence, bias: Option<Tensor<4>>) -> Sequence {
        x.with(|x, mask| {
            let trains = bias.as_ref().is_some_and(Tensor::is_tracked);
            match if trains { None } else { unpad(&x, mask) } {
                Some(tokens) => pad(self.over(tokens, mask, bias), mask),
                None => self.over(x, mask, bias),
            }
        })
    }

    fn over(&self, x: Tensor<3>, mask: &Tensor<2>, bias: Option<Tensor<4>>) -> Tensor<3> {
        let scale = ((x.dims()[2] / self.heads) as f64).sqrt().recip();
        let dropout = self.attention_share(&x);
        let heads = self.heads;
        let x = Rows::new(x);
        let parts = [self.query, self.key, self.value]
            .map(|part| part.forward_rows(&x, Activation::Identity));
        let attended = attention(parts, Attention { heads, mask, bias, scale, dropout });
        self.behind(&x, attended)
    }

    /// The share that is dropped of what these tokens look at.
    pub(crate) fn attention_share(&self, x: &Tensor<3>) -> f64 {
        share(self.dropout, self.attention_dropout, x)
    }

    /// What follows attention.
    pub(crate) fn behind(&self, x: &Rows, attended: Tensor<3>) -> Tensor<3> {
        let x = self.attention_norm.forward(self.added(self.output, attended, x));
        let x = Rows::new(x);
        let inner = self.up.forward_rows(&x, self.activation);
        self.norm.forward(self.added(self.down, inner, &x))
    }

    /// `shortcut + dropout(projection(x))`
    fn added(&self, projection: &Projection, x: Tensor<3>, shortcut: &Rows) -> Tensor<3> {
        let dropout = share(self.dropout, self.dropout.prob, &x);
        projection.forward_dropout_add(x, dropout, shortcut)
    }
}

/// Whether numbers are dropped, as Burn's dropout decides it.
fn drops<const D: usize>(dropout: &Dropout, x: &Tensor<D>) -> bool {
    dropout.training.is_enabled() && x.device().is_autodiff()
}

/// The share that is dropped where a layer's dropout, which freezing turns off, would drop some.
pub(crate) fn share<const D: usize>(layer: &Dropout, share: f64, x: &Tensor<D>) -> f64 {
    if drops(layer, x) { share } else { 0.0 }
}

/// Dropout as Burn has it, by the kernels.
pub(crate) fn dropped<const D: usize>(layer: &Dropout, x: Tensor<D>) -> Tensor<D> {
    if drops(layer, &x) { dropout(x, layer.prob) } else { x }
}
