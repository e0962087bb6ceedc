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
        self.forward_rows(&Rows::new(x), Activation::Identity)
    }

    /// The same, with `shortcut` of the output's shape added.
    ///
    /// # Panics
    ///
    /// If the channels or the shapes differ.
    pub fn forward_add(&self, x: Tensor<3>, shortcut: Tensor<3>) -> Tensor<3> {
        let shortcut = Some(Rows::new(shortcut).map);
        self.run_rows(&Rows::new(x), Behind { shortcut, ..Behind::default() })
    }

    /// Of rows that others read too: `[batch, length, in]` to `[batch, length, out]`, then an activation.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward_rows(&self, x: &Rows, activation: Activation) -> Tensor<3> {
        self.run_rows(x, Behind { activation, ..Behind::default() })
    }

    /// `shortcut + dropout(x)`, dropped with this probability: `[batch, length, in]` to the shortcut's shape.
    ///
    /// # Panics
    ///
    /// If the channels or the shapes differ, or the probability is not in `[0, 1)`.
    pub fn forward_dropout_add(&self, x: Tensor<3>, dropout: f64, shortcut: &Rows) -> Tensor<3> {
        let shortcut = Some(shortcut.map.clone());
        self.run_rows(&Rows::new(x), Behind { dropout, shortcut, ..Behind::default() })
    }

    /// Where packed weights are kept.
    pub(crate) fn packed(&self) -> &PackedWeights {
        &self.packed
    }

    /// With this bias `[out]` in place of its own: `[batch, length, in]` to `[batch, length, out]`.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward_biased(&self, x: Tensor<3>, bias: Option<Tensor<1>>) -> Tensor<3> {
        projected(&Rows::new(x), (self.weight.val(), bias, &self.packed), Behind::default())
    }

    fn run_rows(&self, x: &Rows, behind: Behind) -> Tensor<3> {
        let bias = self.bias.as_ref().map(|bias| bias.val());
        projected(x, (self.weight.val(), bias, &self.packed), behind)
    }
}

/// Rows of numbers `[batch, length, channels]` that several projections read, or that are added behind one: those add up their
/// parts of the rows' gradient while they write them.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The rows are the pixels of one picture, one row high.
    map: FeatureMap,
    batch: usize,
    length: usize,
}

impl Rows {
    /// The rows of a sequence.
    pub fn new(x: Tensor<3>) -> Self {
        let [batch, length, channels] = x.dims();
        let map = x.reshape([1, 1, batch * length, channels]).permute([0, 3, 1, 2]);
        Self { map: FeatureMap::new(map), batch, length }
    }

    /// The sequence.
    fn into_tensor(self) -> Tensor<3> {
        let Self { map, batch, length } = self;
        let [_, channels, _, _] = map.dims();
        map.into_tensor().permute([0, 2, 3, 1]).reshape([batch, length, channels])
    }
}

/// A sequence `[batch, length, channels]` as a map one pixel wide.
pub(crate) fn as_map(x: Tensor<3>) -> FeatureMap {
    let [batch, length, channels] = x.dims();
    FeatureMap::new(x.reshape([batch, length, 1, channels]).permute([0, 3, 1, 2]))
}

/// A map one pixel wide as the sequence that it is.
pub(crate) fn as_sequence(map: FeatureMap) -> Tensor<3> {
    let [batch, channels, length, _] = map.dims();
    map.into_tensor().permute([0, 2, 3, 1]).reshape([batch, length, channels])
}

/// What follows the product.
#[derive(Debug)]
pub(crate) struct Behind {
    pub(crate) dropout: f64,
    pub(crate) shortcut: Option<FeatureMap>,
    pub(crate) activation: Activation,
}

impl Default for Behind {
    fn default() -> Self {
        Self { dropout: 0.0, shortcut: None, activation: Activation::Identity }
    }
}

/// `activation(dropout(x weight + bias) + shortcut)`: `[batch, length, in]` to `[batch, length, out]`, with a weight `[out, in]`.
///
/// # Panics
///
/// If the channels or the shapes differ.
pub(crate) fn projected(
    x: &Rows,
    (weight, bias, packed): (Tensor<2>, Option<Tensor<1>>, &PackedWeights),
    Behind { dropout, shortcut, activation }: Behind,
) -> Tensor<3> {
    let Rows { ref map, batch, length } = *x;
    let [_, channels, _, _] = map.dims();
    let [channels_out, channels_in] = weight.dims();
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
        dropout,
        shortcut,
        activation,
        packed: Some(packed),
    };
    let map = convolve(map.clone(), with).0;
    Rows { map, batch, length }.into_tensor()
}
