//! A norm and an activation of a map by themselves: where they come before a convolution, not behind it.

use burn::{backend::Dispatch, prelude::*};

use crate::{
    Activation,
    feature_map::{FeatureMap, Order},
    norm::{Norm, Statistics, normed},
    ops::{Kernels, Normed},
};

/// `activation(norm(x))`, `[batch, channels, height, width]` in and out, and the statistics of [`Norm::Batch`].
///
/// # Panics
///
/// If a vector of the norm is not `[channels]` or, on Flex, types of numbers differ.
pub fn normalize(
    x: FeatureMap,
    norm: Norm,
    activation: Activation,
) -> (FeatureMap, Option<Statistics>) {
    let [batch, channels, height, width] = x.dims();
    for vector in norm.vectors() {
        assert_eq!(vector.dims(), [channels], "a norm of other channels than the map's");
        assert!(
            x.order() == Order::ChannelsFirst || vector.dtype() == x.dtype(),
            "a norm and a map of different types"
        );
    }
    match x.order() {
        Order::ChannelsLast => ours(x, norm, activation, batch * height * width),
        Order::ChannelsFirst => composed(x, norm, activation, batch * height * width),
    }
}

/// `activation(x)`, `[batch, channels, height, width]` in and out.
pub fn activate(x: FeatureMap, activation: Activation) -> FeatureMap {
    normalize(x, Norm::None, activation).0
}

fn ours(
    x: FeatureMap,
    norm: Norm,
    activation: Activation,
    count: usize,
) -> (FeatureMap, Option<Statistics>) {
    let (kind, [gamma, beta, mean, variance]) = norm.into_parts();
    let x = x.into_inner().into_dispatch();
    let operands = Normed { x, gamma, beta, mean, variance };
    let (z, mean, variance) = <Dispatch as Kernels>::normalize(operands, kind, activation);
    let statistics = Statistics::found(kind, [mean, variance], count);
    (FeatureMap::last(Tensor::from_dispatch(z)), statistics)
}

/// Burn's operations, one after the other.
fn composed(
    x: FeatureMap,
    norm: Norm,
    activation: Activation,
    count: usize,
) -> (FeatureMap, Option<Statistics>) {
    let (y, statistics) = normed(x.into_inner(), norm, count);
    (FeatureMap::first(activation.forward(y)), statistics)
}
