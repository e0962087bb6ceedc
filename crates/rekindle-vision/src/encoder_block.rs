//! What the blocks of vision transformers are made of: attention of all tokens to all, and a matrix up and one down, each
//! behind a norm and beside a shortcut.

use burn::{module::Param, prelude::*};
use rekindle_layers::{
    Activation, Attention as Options, ConvNormAct, DropPath, LayerNorm, LayerNormConfig,
    LayerScale, Projection, ProjectionConfig, Rows, attention, self_attention,
};

/// One block.
#[derive(Module, Debug)]
pub(crate) struct Block {
    norm1: LayerNorm,
    attn: Attention,
    ls1: Option<LayerScale>,
    norm2: LayerNorm,
    mlp: Mlp,
    ls2: Option<LayerScale>,
    drop_path: DropPath,
}

/// What a [`Block`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct BlockConfig {
    pub(crate) channels: usize,
    pub(crate) heads: usize,
    /// Numbers between the two matrices.
    pub(crate) hidden: usize,
    pub(crate) qkv_bias: bool,
    pub(crate) qk_norm: bool,
    /// What factors of a branch's channels begin with, where it has any.
    pub(crate) layer_scale: Option<f64>,
    pub(crate) epsilon: f64,
    pub(crate) activation: Activation,
    pub(crate) drop_path: f64,
}

/// Attention with one matrix for queries, keys and values.
#[derive(Module, Debug)]
struct Attention {
    qkv: Projection,
    q_norm: Option<LayerNorm>,
    k_norm: Option<LayerNorm>,
    proj: Projection,
    heads: usize,
}

/// Two matrices with an activation between them.
#[derive(Module, Debug)]
pub(crate) struct Mlp {
    fc1: Projection,
    pub(crate) fc2: Projection,
    #[module(skip)]
    activation: Activation,
}

impl BlockConfig {
    pub(crate) fn init(&self, device: &Device) -> Block {
        let Self { channels, heads, epsilon, .. } = *self;
        let norm = |channels| LayerNormConfig::new(channels, epsilon).init(device);
        let head_norm = || self.qk_norm.then(|| norm(channels / heads));
        let scale = || self.layer_scale.map(|value| LayerScale::new(channels, value, device));
        let qkv = ProjectionConfig { channels: [channels, 3 * channels], bias: self.qkv_bias };
        Block {
            norm1: norm(channels),
            attn: Attention {
                qkv: qkv.init(device),
                q_norm: head_norm(),
                k_norm: head_norm(),
                proj: ProjectionConfig::new(channels, channels).init(device),
                heads,
            },
            ls1: scale(),
            norm2: norm(channels),
            mlp: Mlp::new(channels, self.hidden, self.activation, device),
            ls2: scale(),
            drop_path: DropPath::new(self.drop_path),
        }
    }
}

impl Block {
    /// `[batch, tokens, channels]` in and out.
    pub(crate) fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let [scale1, scale2] = [&self.ls1, &self.ls2].map(|ls| ls.as_ref().map(|ls| &ls.gamma));
        let seen = self.attn.forward(self.norm1.forward(x.clone()));
        let x = self.drop_path.forward_sequence_add(&scaled(&self.attn.proj, scale1), seen, x);
        let inner = self.mlp.inner(self.norm2.forward(x.clone()));
        self.drop_path.forward_sequence_add(&scaled(&self.mlp.fc2, scale2), inner, x)
    }
}

impl Attention {
    /// What each token has seen, before the last matrix.
    fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        let all = self.qkv.forward(x);
        if self.q_norm.is_none() && self.k_norm.is_none() {
            // As they lie, without a copy.
            let channels = all.dims()[2] / 3;
            return over_all(&all.clone(), (channels, self.heads), |with| {
                self_attention(all, with)
            });
        }
        let [query, key, value] = thirds(all);
        let query = per_head(&self.q_norm, query, self.heads);
        let key = per_head(&self.k_norm, key, self.heads);
        attend([query, key, value], self.heads)
    }
}

/// A matrix with a learned factor for each channel behind it, where there is one.
pub(crate) fn scaled<'a>(
    last: &'a Projection,
    scale: Option<&'a Param<Tensor<1>>>,
) -> ConvNormAct<'a> {
    ConvNormAct::new(last, None, Activation::Identity).scaled(scale)
}

/// Queries, keys and values, side by side in `[batch, tokens, 3 * channels]`.
pub(crate) fn thirds(all: Tensor<3>) -> [Tensor<3>; 3] {
    let channels = all.dims()[2] / 3;
    [0, 1, 2].map(|index| all.clone().narrow(2, index * channels, channels))
}

/// Attention of all tokens to all, three of `[batch, tokens, channels]` to one.
pub(crate) fn attend(parts: [Tensor<3>; 3], heads: usize) -> Tensor<3> {
    let query = parts[0].clone();
    let channels = query.dims()[2];
    over_all(&query, (channels, heads), |with| attention(parts, with))
}

/// Attention of all tokens of `x` to all, with so many channels and heads.
fn over_all(
    x: &Tensor<3>,
    (channels, heads): (usize, usize),
    run: impl FnOnce(Options<'_>) -> Tensor<3>,
) -> Tensor<3> {
    let [batch, length, _] = x.dims();
    let mask = Tensor::ones([batch, length], (&x.device(), x.dtype()));
    let scale = ((channels / heads) as f64).sqrt().recip();
    run(Options { heads, mask: &mask, bias: None, scale, dropout: 0.0 })
}

/// The norm of each head's channels, where there is one.
fn per_head(norm: &Option<LayerNorm>, x: Tensor<3>, heads: usize) -> Tensor<3> {
    let Some(norm) = norm else { return x };
    let [batch, length, channels] = x.dims();
    let x = norm.forward(x.reshape([batch, length, heads, channels / heads]));
    x.reshape([batch, length, channels])
}

impl Mlp {
    pub(crate) fn new(
        channels: usize,
        hidden: usize,
        activation: Activation,
        device: &Device,
    ) -> Self {
        Self {
            fc1: ProjectionConfig::new(channels, hidden).init(device),
            fc2: ProjectionConfig::new(hidden, channels).init(device),
            activation,
        }
    }

    /// What the second matrix reads.
    pub(crate) fn inner(&self, x: Tensor<3>) -> Tensor<3> {
        self.fc1.forward_rows(&Rows::new(x), self.activation)
    }

    /// `x + mlp(norm(x))`
    pub(crate) fn add(&self, norm: &LayerNorm, x: Tensor<3>) -> Tensor<3> {
        self.fc2.forward_add(self.inner(norm.forward(x.clone())), x)
    }
}

#[cfg(test)]
mod tests {
    use burn::tensor::{Distribution, Tolerance, activation::softmax};

    use super::*;

    /// Norms of queries and keys, against the definition with Burn's operations.
    #[test]
    fn queries_and_keys_are_normed_head_by_head() {
        let device = Device::flex();
        let config = BlockConfig {
            channels: 6,
            heads: 2,
            hidden: 6,
            qkv_bias: true,
            qk_norm: true,
            layer_scale: None,
            epsilon: 1e-6,
            activation: Activation::Gelu,
            drop_path: 0.0,
        };
        let mut attn = config.init(&device).attn;
        let draw = |shape| Tensor::<2>::random(shape, Distribution::Default, &device);
        attn.qkv.weight = Param::from_tensor(draw([18, 6]));
        let gamma = Tensor::<1>::from_floats([2.0, -1.0, 0.5], &device);
        attn.q_norm.as_mut().unwrap().gamma = Param::from_tensor(gamma.clone());
        let x = Tensor::<3>::random([2, 5, 6], Distribution::Default, &device);

        let heads = |x: Tensor<3>| x.reshape([2, 5, 2, 3]).swap_dims(1, 2);
        let [query, key, value] = thirds(attn.qkv.forward(x.clone())).map(heads);
        let normed = |x: Tensor<4>| {
            let centered = x.clone() - x.mean_dim(3);
            let variance = centered.clone().powi_scalar(2).mean_dim(3);
            centered / (variance + 1e-6).sqrt()
        };
        let query = normed(query) * gamma.reshape([1, 1, 1, 3]);
        let scores = query.matmul(normed(key).swap_dims(2, 3)) / 3.0_f64.sqrt();
        let expected = softmax(scores, 3).matmul(value).swap_dims(1, 2).reshape([2, 5, 6]);
        let found = attn.forward(x).into_data();
        found.assert_approx_eq::<f32>(&expected.into_data(), Tolerance::absolute(1e-5));
    }
}
