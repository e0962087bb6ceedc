//! A pool that looks: attention of one learned query to all vectors, and two matrices. Zhai et al. 2021,
//! <https://arxiv.org/abs/2106.04560>, section 3.4.

use burn::{module::Param, prelude::*, tensor::activation::softmax};
use rekindle_layers::{
    Activation, LayerNorm, LayerNormConfig, Projection, ProjectionConfig, split_heads,
};

use crate::{
    encoder_block::Mlp,
    patch_embed::{DEVIATION, tokens},
};

/// timm's `AttentionPoolLatent`.
#[derive(Module, Debug)]
pub(crate) struct AttentionPool {
    latent: Param<Tensor<3>>,
    q: Projection,
    kv: Projection,
    proj: Projection,
    norm: LayerNorm,
    mlp: Mlp,
    heads: usize,
}

impl AttentionPool {
    pub(crate) fn new(
        [channels, hidden, heads]: [usize; 3],
        epsilon: f64,
        activation: Activation,
        device: &Device,
    ) -> Self {
        let matrix = |out| ProjectionConfig::new(channels, out).init(device);
        Self {
            latent: tokens(1, channels, DEVIATION, device),
            q: matrix(channels),
            kv: matrix(2 * channels),
            proj: matrix(channels),
            norm: LayerNormConfig::new(channels, epsilon).init(device),
            mlp: Mlp::new(channels, hidden, activation, device),
            heads,
        }
    }

    /// `[batch, tokens, channels]` to `[batch, channels]`.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<2> {
        let [batch, _, channels] = x.dims();
        let width = channels / self.heads;
        let query = split_heads(self.q.forward(self.latent.val()), self.heads);
        let query = query.expand([batch, self.heads, 1, width]);
        let both = self.kv.forward(x);
        let part =
            |index| split_heads(both.clone().narrow(2, index * channels, channels), self.heads);
        let scores = query.matmul(part(0).swap_dims(2, 3)) / (width as f64).sqrt();
        let seen = softmax(scores, 3).matmul(part(1)).swap_dims(1, 2);
        let x = self.proj.forward(seen.reshape([batch, 1, channels]));
        self.mlp.add(&self.norm, x).squeeze_dim(1)
    }
}
