//! Attention. Vaswani et al. 2017, <https://arxiv.org/abs/1706.03762>.

use burn::{
    module::{Initializer, Param},
    prelude::*,
    tensor::{DType, TensorData},
};
use rekindle_kernels::{Attention, PackedWeights, self_attention};

use crate::{
    Projection, ProjectionConfig, Rows,
    projection::{Behind, projected},
    sequence::FAR,
};

/// `[batch, length, channels]` to `[batch, heads, length, channels / heads]`.
///
/// # Panics
///
/// If the channels are no multiple of the heads.
pub fn split_heads(x: Tensor<3>, heads: usize) -> Tensor<4> {
    let [batch, length, channels] = x.dims();
    assert!(heads > 0 && channels.is_multiple_of(heads), "{channels} channels for {heads} heads");
    x.reshape([batch, length, heads, channels / heads]).swap_dims(1, 2)
}

/// What tokens may look at no further than `reach` places away: `[1, 1, length, length]`, to be added to scores.
pub fn local_window(length: usize, reach: usize, device: &Device) -> Tensor<4> {
    let far =
        |(row, column): (usize, usize)| if row.abs_diff(column) > reach { FAR as f32 } else { 0.0 };
    let places = (0..length).flat_map(|row| (0..length).map(move |column| (row, column)));
    let values: Vec<f32> = places.map(far).collect();
    Tensor::from_data(TensorData::new(values, [1, 1, length, length]), device)
}

/// Rotary positions. Su et al. 2021, <https://arxiv.org/abs/2104.09864>; halves of a head's channels are the pairs, as in GPT-NeoX.
#[derive(Debug, Clone)]
pub struct Rotary {
    cos: Tensor<4>,
    sin: Tensor<4>,
}

impl Rotary {
    /// The angles of `length` places for heads of `channels` channels: place times `base ^ (-2 i / channels)`.
    pub fn new(
        length: usize,
        channels: usize,
        base: f64,
        (device, dtype): (&Device, DType),
    ) -> Self {
        // In float64: far places have large angles.
        let angle = |place, i| place as f64 * base.powf(-2.0 * i as f64 / channels as f64);
        Self::of_angles([length, channels / 2], angle, (device, dtype))
    }

    /// The angles of `length` places for so many pairs of channels, by place and pair.
    pub fn of_angles(
        [length, pairs]: [usize; 2],
        angle: impl Fn(usize, usize) -> f64,
        (device, dtype): (&Device, DType),
    ) -> Self {
        let places = (0..length).flat_map(|place| (0..pairs).map(move |pair| (place, pair)));
        let angles: Vec<f64> = places.map(|(place, pair)| angle(place, pair)).collect();
        let table = |of: fn(f64) -> f64| {
            let rows = angles.chunks(pairs.max(1));
            let values: Vec<f64> =
                rows.flat_map(|row| row.iter().chain(row)).map(|angle| of(*angle)).collect();
            let data = TensorData::new(values, [1, length, 1, 2 * pairs]);
            Tensor::<4>::from_data(data.convert_dtype(dtype), (device, dtype))
        };
        Self { cos: table(f64::cos), sin: table(f64::sin) }
    }

    /// Turns the channels of each place of each head by its angles: `[batch, length, heads * channels]`.
    ///
    /// # Panics
    ///
    /// If the channels are no multiple of the heads.
    pub fn turn(&self, x: Tensor<3>, heads: usize) -> Tensor<3> {
        let [batch, length, channels] = x.dims();
        assert!(
            heads > 0 && channels.is_multiple_of(heads),
            "{channels} channels for {heads} heads"
        );
        let half = channels / heads / 2;
        let x = x.reshape([batch, length, heads, channels / heads]);
        let (left, right) = (x.clone().narrow(3, 0, half), x.clone().narrow(3, half, half));
        let across = Tensor::cat(vec![right.neg(), left], 3);
        let turned = x * self.cos.clone() + across * self.sin.clone();
        turned.reshape([batch, length, channels])
    }
}

/// Attention of a sequence to itself with one matrix for queries, keys and values: PyTorch's `MultiheadAttention`.
#[derive(Module, Debug)]
pub struct MultiheadAttention {
    /// `[3 channels, channels]`: queries, keys, values.
    pub in_proj_weight: Param<Tensor<2>>,
    /// `[3 channels]`
    pub in_proj_bias: Param<Tensor<1>>,
    out_proj: Projection,
    heads: usize,
    #[module(skip)]
    packed: PackedWeights,
}

impl MultiheadAttention {
    /// With untrained parameters, drawn as PyTorch draws them.
    ///
    /// # Panics
    ///
    /// If the channels are no multiple of the heads.
    pub fn new(channels: usize, heads: usize, device: &Device) -> Self {
        assert!(
            heads > 0 && channels.is_multiple_of(heads),
            "{channels} channels for {heads} heads"
        );
        let xavier = Initializer::XavierUniform { gain: 1.0 };
        let shape = [3 * channels, channels];
        Self {
            in_proj_weight: xavier.init_with(shape, Some(channels), Some(3 * channels), device),
            in_proj_bias: Initializer::Zeros.init([3 * channels], device),
            out_proj: ProjectionConfig::new(channels, channels).init(device),
            heads,
            packed: PackedWeights::default(),
        }
    }

    /// `[batch, length, channels]` to the same shape; tokens that `mask` `[batch, length]` has as 0 are looked at by none.
    pub fn forward(&self, x: Tensor<3>, mask: &Tensor<2>) -> Tensor<3> {
        let [_, _, channels] = x.dims();
        let with = (self.in_proj_weight.val(), Some(self.in_proj_bias.val()), &self.packed);
        let all = projected(&Rows::new(x), with, Behind::default());
        let scale = ((channels / self.heads) as f64).sqrt().recip();
        let with = Attention { heads: self.heads, mask, bias: None, scale, dropout: 0.0 };
        self.out_proj.forward(self_attention(all, with))
    }
}
