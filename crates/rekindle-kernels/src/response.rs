//! Global response normalization on any backend. Woo et al. 2023, "ConvNeXt V2", <https://arxiv.org/abs/2301.00808>.

use burn::{backend::Dispatch, prelude::*};

use crate::{
    feature_map::{FeatureMap, Order},
    ops::Kernels,
};

/// `x + weight * x * length / (mean length + epsilon) + bias`, `[batch, channels, height, width]` in and out, where a length is
/// the Euclidean one of a channel of a picture, and the mean is over the picture's channels. Weight and bias are `[channels]`.
///
/// # Panics
///
/// If the channels differ or, on Flex, the types of numbers.
pub fn response_norm(
    x: FeatureMap,
    weight: Tensor<1>,
    bias: Tensor<1>,
    epsilon: f64,
) -> FeatureMap {
    let [_, channels, ..] = x.dims();
    for vector in [&weight, &bias] {
        assert_eq!(vector.dims(), [channels], "a norm of other channels than its input's");
        let same = x.order() == Order::ChannelsFirst || vector.dtype() == x.dtype();
        assert!(same, "a norm and a map of different types");
    }
    match x.order() {
        Order::ChannelsLast => {
            let y = <Dispatch as Kernels>::response_norm(
                x.into_inner().into_dispatch(),
                weight.into_dispatch(),
                bias.into_dispatch(),
                epsilon,
            );
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let x = x.into_inner();
            let squares = x.clone().square().sum_dims(&[2, 3]);
            // The slope of a root has no bounds at zero.
            let silent = squares.clone().equal_elem(0.0);
            let lengths = squares.mask_fill(silent.clone(), 1.0).sqrt().mask_fill(silent, 0.0);
            let shares = lengths.clone() / (lengths.mean_dim(1) + epsilon);
            let [weight, bias] = [weight, bias].map(|v| v.reshape([1, channels, 1, 1]));
            FeatureMap::first(x * (shares * weight + 1.0) + bias)
        }
    }
}
