//! Group normalization on any backend.

use burn::{backend::Dispatch, prelude::*};

use crate::{
    Activation,
    feature_map::{FeatureMap, Order},
    ops::{Groups, Kernels},
};

/// A norm of groups of a picture's channels.
#[derive(Debug, Clone)]
pub struct GroupNorm {
    /// A factor for each channel, `[channels]`.
    pub gamma: Tensor<1>,
    /// What is added for each channel, `[channels]`.
    pub beta: Tensor<1>,
    /// Groups, which divide the channels.
    pub groups: usize,
    /// Added to the variance.
    pub epsilon: f64,
}

/// `activation(norm(x))`, `[batch, channels, height, width]` in and out: each picture's groups of channels are normalized by
/// their own mean and variance. Wu & He 2018, <https://arxiv.org/abs/1803.08494>.
///
/// # Panics
///
/// If the groups do not divide the channels, if a vector is not `[channels]` or, on Flex, types of numbers differ.
pub fn group_norm(x: FeatureMap, with: GroupNorm, activation: Activation) -> FeatureMap {
    let GroupNorm { gamma, beta, groups, epsilon } = with;
    let [_, channels, ..] = x.dims();
    assert!(
        groups > 0 && channels > 0 && channels.is_multiple_of(groups),
        "{channels} channels in {groups} groups"
    );
    for vector in [&gamma, &beta] {
        assert_eq!(vector.dims(), [channels], "a norm of other channels than the map's");
        assert!(
            x.order() == Order::ChannelsFirst || vector.dtype() == x.dtype(),
            "a norm and a map of different types"
        );
    }
    match x.order() {
        Order::ChannelsLast => {
            let x = x.into_inner().into_dispatch();
            let groups = Groups { count: groups, epsilon };
            let (gamma, beta) = (gamma.into_dispatch(), beta.into_dispatch());
            let y = <Dispatch as Kernels>::group_norm(x, gamma, beta, groups, activation);
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let x = x.into_inner();
            let [batch, channels, height, width] = x.dims();
            let rows = x.reshape([batch, groups, channels / groups * height * width]);
            let apart = rows.clone() - rows.mean_dim(2);
            let variance = (apart.clone() * apart.clone()).mean_dim(2);
            let y = (apart / (variance + epsilon).sqrt()).reshape([batch, channels, height, width]);
            let [gamma, beta] = [gamma, beta].map(|vector| vector.reshape([1, channels, 1, 1]));
            FeatureMap::first(activation.forward(y * gamma + beta))
        }
    }
}
