//! Additions on any backend.

use burn::{backend::Dispatch, prelude::*};

use crate::{
    Activation,
    map::{Map, Order},
    ops::Kernels,
};

/// `activation(x + added)`, all `[batch, channels, height, width]`.
///
/// # Panics
///
/// If the shapes differ.
pub fn add(x: Map, added: Map, activation: Activation) -> Map {
    assert_eq!(x.dims(), added.dims(), "maps of different shapes");
    match x.order() {
        Order::ChannelsLast => {
            let added = added.ordered(Order::ChannelsLast).into_dispatch();
            let y = <Dispatch as Kernels>::add(x.into_inner().into_dispatch(), added, activation);
            Map::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            Map::first(activation.forward(x.into_inner() + added.into_tensor()))
        }
    }
}

/// `factors[picture] * x + added`, maps `[batch, channels, height, width]` and factors `[batch]`. No
/// gradient is taken of the factors.
///
/// # Panics
///
/// If the shapes differ.
pub fn add_scaled(x: Map, factors: Tensor<1>, added: Map) -> Map {
    assert_eq!(x.dims(), added.dims(), "maps of different shapes");
    let [batch, ..] = x.dims();
    assert_eq!(factors.dims(), [batch], "a factor for each picture");
    assert_eq!(factors.dtype(), x.dtype(), "factors and a map of different types");
    match x.order() {
        Order::ChannelsLast => {
            let added = added.ordered(Order::ChannelsLast).into_dispatch();
            let x = x.into_inner().into_dispatch();
            let y = <Dispatch as Kernels>::add_scaled(x, factors.into_dispatch(), added);
            Map::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let factors = factors.detach().reshape([batch, 1, 1, 1]);
            Map::first(x.into_inner() * factors + added.into_tensor())
        }
    }
}
