//! What the layers of BERT and its kin have in common: attention, two matrices, and a norm behind each.

use burn::{nn::Dropout, prelude::*};
use rekindle_layers::{Activation, Attention, LayerNorm, Projection, Sequence, attention};

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
}

impl Block<'_> {
    /// Runs the layer; `bias` is added to the scores of attention.
    pub(crate) fn forward(&self, x: Sequence, bias: Option<Tensor<4>>) -> Sequence {
        x.with(|x, mask| {
            let parts = [self.query, self.key, self.value].map(|part| part.forward(x.clone()));
            let scale = ((x.dims()[2] / self.heads) as f64).sqrt().recip();
            let with = Attention { heads: self.heads, mask, bias, scale };
            let attended = attention(parts, with);
            self.behind(x, attended)
        })
    }

    /// What follows attention.
    pub(crate) fn behind(&self, x: Tensor<3>, attended: Tensor<3>) -> Tensor<3> {
        let x = self.attention_norm.forward(self.added(self.output, attended, x));
        let inner = self.up.forward_act(x.clone(), self.activation);
        self.norm.forward(self.added(self.down, inner, x))
    }

    /// `shortcut + dropout(projection(x))`
    fn added(&self, projection: &Projection, x: Tensor<3>, shortcut: Tensor<3>) -> Tensor<3> {
        // As Burn's dropout decides.
        if self.dropout.prob == 0.0 || !x.device().is_autodiff() {
            return projection.forward_add(x, shortcut);
        }
        self.dropout.forward(projection.forward(x)) + shortcut
    }
}
