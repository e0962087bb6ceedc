//! Linear layers over the last axis of a sequence, with what follows them in one pass.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::{Activation, Convolve, FeatureMap, Norm, PackedWeights, Window, convolve};

/// A linear layer `[.., in]` to `[.., out]`, its weight `[out, in]` as checkpoints have it.
///
/// Burn's own has `[in, out]`. This one is computed by the kernels of 1x1 convolutions, which read rows of `[out, in]`, and
/// add a shortcut and apply an activation while they write.
#[derive(Module, Debug)]
pub struct Projection {
    /// `[out, in]`
    pub weight: Param<Tensor<2>>,
    /// `[out]`
    pub bias: Option<Param<Tensor<1>>>,
    #[module(skip)]
    packed: PackedWeights,
}

/// What a [`Projection`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProjectionConfig {
    /// Numbers that it reads and writes.
    pub channels: [usize; 2],
    /// Whether something is added to each.
    pub bias: bool,
}

/// Standard deviation of weights that are drawn: BERT's `initializer_range` (<https://arxiv.org/abs/1810.04805>, A.2).
const DEVIATION: f64 = 0.02;

impl ProjectionConfig {
    /// From `channels_in` to `channels_out` numbers, with a bias.
    pub fn new(channels_in: usize, channels_out: usize) -> Self {
        Self { channels: [channels_in, channels_out], bias: true }
    }

    /// Builds the layer with untrained parameters.
    pub fn init(&self, device: &Device) -> Projection {
        let [channels_in, channels_out] = self.channels;
        let normal = Initializer::Normal { mean: 0.0, std: DEVIATION };
        Projection {
            weight: normal.init([channels_out, channels_in], device),
            bias: self.bias.then(|| Initializer::Zeros.init([channels_out], device)),
            packed: PackedWeights::default(),
        }
    }
}

impl Projection {
    /// `[batch, length, in]` to `[batch, length, out]`.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward(&self, x: Tensor<3>) -> Tensor<3> {
        self.run(x, Activation::Identity, None)
    }

    /// The same, then an activation.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward_act(&self, x: Tensor<3>, activation: Activation) -> Tensor<3> {
        self.run(x, activation, None)
    }

    /// The same, with `shortcut` of the output's shape added.
    ///
    /// # Panics
    ///
    /// If the channels or the shapes differ.
    pub fn forward_add(&self, x: Tensor<3>, shortcut: Tensor<3>) -> Tensor<3> {
        self.run(x, Activation::Identity, Some(shortcut))
    }

    fn run(&self, x: Tensor<3>, activation: Activation, shortcut: Option<Tensor<3>>) -> Tensor<3> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        projected(x, (self.weight.val(), bias, &self.packed), activation, shortcut)
    }
}

/// `activation(x weight + bias + shortcut)`: `[batch, length, in]` to `[batch, length, out]`, with a weight `[out, in]`.
///
/// # Panics
///
/// If the channels or the shapes differ.
pub(crate) fn projected(
    x: Tensor<3>,
    (weight, bias, packed): (Tensor<2>, Option<Tensor<1>>, &PackedWeights),
    activation: Activation,
    shortcut: Option<Tensor<3>>,
) -> Tensor<3> {
    let [batch, length, channels] = x.dims();
    let [channels_out, channels_in] = weight.dims();
    // Rows are the pixels of one picture, one row high.
    let map = |x: Tensor<3>| {
        let width = x.dims()[2];
        FeatureMap::new(x.reshape([1, 1, batch * length, width]).permute([0, 3, 1, 2]))
    };
    assert_eq!(
        channels, channels_in,
        "a linear layer of {channels_in} channels was given {channels}"
    );
    let with = Convolve {
        weight: weight.reshape([channels_out, channels_in, 1, 1]),
        bias,
        window: Window::square(1, 1, 0),
        groups: 1,
        norm: Norm::None,
        shortcut: shortcut.map(map),
        activation,
        packed: Some(packed),
    };
    let y = convolve(map(x), with).0.into_tensor();
    y.permute([0, 2, 3, 1]).reshape([batch, length, channels_out])
}
