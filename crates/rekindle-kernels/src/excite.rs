//! Squeeze and excitation on any backend.

use burn::{backend::Dispatch, prelude::*, tensor::module::conv2d, tensor::ops::ConvOptions};

use crate::{
    Activation,
    feature_map::{FeatureMap, Order},
    ops::{Excitement, Kernels},
};

/// Two 1x1 convolutions, to fewer channels and back, and the activation behind each.
#[derive(Debug, Clone)]
pub struct SqueezeExcite {
    /// `[squeezed, channels, 1, 1]`
    pub reduce: Tensor<4>,
    /// `[squeezed]`
    pub reduce_bias: Tensor<1>,
    /// `[channels, squeezed, 1, 1]`
    pub expand: Tensor<4>,
    /// `[channels]`
    pub expand_bias: Tensor<1>,
    /// Behind the first and behind the second.
    pub activations: [Activation; 2],
}

/// Multiplies each channel by what the means of all channels say of it, `[batch, channels, height, width]`
/// in and out. Hu et al. 2017, <https://arxiv.org/abs/1709.01507>.
///
/// # Panics
///
/// If the channels differ or, on Flex, the types of numbers.
pub fn squeeze_excite(x: FeatureMap, with: SqueezeExcite) -> FeatureMap {
    let [_, channels, ..] = x.dims();
    let squeezed = with.reduce_bias.dims()[0];
    assert_eq!(
        with.reduce.dims(),
        [squeezed, channels, 1, 1],
        "channels of squeeze and excitation"
    );
    assert_eq!(
        with.expand.dims(),
        [channels, squeezed, 1, 1],
        "channels of squeeze and excitation"
    );
    assert_eq!(with.expand_bias.dims(), [channels], "channels of squeeze and excitation");
    let types = [
        with.reduce.dtype(),
        with.reduce_bias.dtype(),
        with.expand.dtype(),
        with.expand_bias.dtype(),
    ];
    let same = x.order() == Order::ChannelsFirst || types == [x.dtype(); 4];
    assert!(same, "squeeze and excitation and a map of different types");
    let SqueezeExcite { reduce, reduce_bias, expand, expand_bias, activations } = with;
    match x.order() {
        Order::ChannelsLast => {
            let operands = Excitement {
                x: x.into_inner().into_dispatch(),
                reduce: reduce.into_dispatch(),
                reduce_bias: reduce_bias.into_dispatch(),
                expand: expand.into_dispatch(),
                expand_bias: expand_bias.into_dispatch(),
            };
            let y = <Dispatch as Kernels>::squeeze_excite(operands, activations);
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let x = x.into_inner();
            let [first, second] = activations;
            let layer = |x, weight, bias| {
                conv2d(x, weight, Some(bias), ConvOptions::new([1, 1], [0, 0], [1, 1], 1))
            };
            let squeezed = x.clone().mean_dims(&[2, 3]);
            let squeezed = first.forward(layer(squeezed, reduce, reduce_bias));
            FeatureMap::first(x * second.forward(layer(squeezed, expand, expand_bias)))
        }
    }
}
