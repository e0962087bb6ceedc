//! Additions on any backend.

use burn::{backend::Dispatch, prelude::*};

use crate::{
    Activation,
    feature_map::{FeatureMap, Order},
    ops::Kernels,
};

/// `activation(x + added)`, all `[batch, channels, height, width]`.
///
/// # Panics
///
/// If the shapes or the types of numbers differ.
pub fn add(x: FeatureMap, added: FeatureMap, activation: Activation) -> FeatureMap {
    assert_eq!(x.dims(), added.dims(), "maps of different shapes");
    assert_eq!(x.dtype(), added.dtype(), "maps of different types");
    match x.order() {
        Order::ChannelsLast => {
            let added = added.ordered(Order::ChannelsLast).into_dispatch();
            let y = <Dispatch as Kernels>::add(x.into_inner().into_dispatch(), added, activation);
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            FeatureMap::first(activation.forward(x.into_inner() + added.into_tensor()))
        }
    }
}

/// `factors[picture] * x + added`, maps `[batch, channels, height, width]` and factors `[batch]`. No
/// gradient is taken of the factors.
///
/// # Panics
///
/// If the shapes or the types of numbers differ.
pub fn add_scaled(x: FeatureMap, factors: Tensor<1>, added: FeatureMap) -> FeatureMap {
    assert_eq!(x.dims(), added.dims(), "maps of different shapes");
    assert_eq!(x.dtype(), added.dtype(), "maps of different types");
    let [batch, ..] = x.dims();
    assert_eq!(factors.dims(), [batch], "a factor for each picture");
    assert_eq!(factors.dtype(), x.dtype(), "factors and a map of different types");
    match x.order() {
        Order::ChannelsLast => {
            let added = added.ordered(Order::ChannelsLast).into_dispatch();
            let x = x.into_inner().into_dispatch();
            let y = <Dispatch as Kernels>::add_scaled(x, factors.into_dispatch(), added);
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let factors = factors.detach().reshape([batch, 1, 1, 1]);
            FeatureMap::first(x.into_inner() * factors + added.into_tensor())
        }
    }
}
