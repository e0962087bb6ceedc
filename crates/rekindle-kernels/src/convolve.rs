//! A convolution and what follows it.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::{DType, module::conv2d, ops::ConvOptions},
};

use crate::{
    Activation, PackedWeights, Window,
    cpu::{Convolution, Extent},
    dropout::{drawn, dropout},
    feature_map::{FeatureMap, Order},
    norm::{Norm, Statistics, normed},
    ops::{Given, Kernels, Knowledge, Operands, Plan},
};

/// A convolution, and the norm, the addition and the activation that follow it, in this order.
#[derive(Debug, Clone)]
pub struct Convolve<'a> {
    /// `[out, in / groups, height, width]`
    pub weight: Tensor<4>,
    /// `[out]`
    pub bias: Option<Tensor<1>>,
    /// Kernel, stride, dilation and padding.
    pub window: Window,
    /// Parts of the channels that do not see each other.
    pub groups: usize,
    /// What normalizes each channel.
    pub norm: Norm,
    /// The share of numbers that are dropped, before anything is added; the others grow by as much. Only behind windows of one
    /// pixel in one group, without a norm and an activation.
    pub dropout: f64,
    /// What is added, `[batch, out, height', width']`.
    pub shortcut: Option<FeatureMap>,
    /// Applied last.
    pub activation: Activation,
    /// Where packed weights are kept from one call to the next.
    pub packed: Option<&'a PackedWeights>,
}

/// Computes `activation(norm(convolution(x)) + shortcut)`: `[batch, in, height, width]` to `[batch, out,
/// height', width']`, and the statistics of [`Norm::Batch`].
///
/// # Panics
///
/// If the channels of `x`, the weights and the groups do not fit each other, if numbers are dropped where they cannot be, if the bias or a vector of the
/// norm is not `[out]`, if the shortcut is not of the output's shape, if, on Flex, types of numbers differ, or if the
/// window is not such as [`Window::count`] takes.
pub fn convolve(x: FeatureMap, with: Convolve<'_>) -> (FeatureMap, Option<Statistics>) {
    let [batch, channels, height, width] = x.dims();
    let [out, seen, kernel_height, kernel_width] = with.weight.dims();
    let Window { kernel, .. } = with.window;
    assert_eq!([kernel_height, kernel_width], kernel, "a kernel and weights of different sizes");
    assert!(
        with.groups > 0
            && seen.checked_mul(with.groups) == Some(channels)
            && out.is_multiple_of(with.groups),
        "a convolution of {seen} channels in each of {} groups to {out} was given {channels} channels",
        with.groups,
    );
    let input = Extent::new([batch, height, width, channels]);
    let output = Convolution::new(input, out, with.groups, with.window).output();
    let [_, height, width, _] = output.dims();
    let count = output.pixels();
    assert!((0.0..1.0).contains(&with.dropout), "a share of {} is dropped", with.dropout);
    assert!(
        with.dropout == 0.0
            || (with.window.is_pointwise()
                && with.groups == 1
                && matches!(with.norm, Norm::None)
                && with.activation == Activation::Identity),
        "dropout behind more than a matrix"
    );
    let dtype = x.dtype();
    let same = |other: DType| x.order() == Order::ChannelsFirst || other == dtype;
    assert!(same(with.weight.dtype()), "weights and a map of different types");
    for vector in with.norm.vectors().into_iter().chain(&with.bias) {
        assert_eq!(
            vector.dims(),
            [out],
            "a bias or a norm of other channels than the convolution's"
        );
        assert!(same(vector.dtype()), "a bias or a norm and a map of different types");
    }
    if let Some(shortcut) = &with.shortcut {
        assert_eq!(shortcut.dims(), [batch, out, height, width], "a shortcut of another shape");
        assert!(same(shortcut.dtype()), "a shortcut and a map of different types");
    }
    match x.order() {
        Order::ChannelsLast => ours(x, with, count),
        Order::ChannelsFirst => composed(x, with, count),
    }
}

fn ours(x: FeatureMap, with: Convolve<'_>, count: usize) -> (FeatureMap, Option<Statistics>) {
    let (norm, [gamma, beta, mean, variance]) = with.norm.into_parts();
    let known = Knowledge { x: x.known(), residual: with.shortcut.as_ref().map(FeatureMap::known) };
    let operands = Operands {
        x: x.into_inner().into_dispatch(),
        weight: with.weight.into_dispatch(),
        bias: Given::of(with.bias.map(Tensor::into_dispatch)),
        gamma,
        beta,
        mean,
        variance,
        residual: Given::of(
            with.shortcut.map(|map| map.ordered(Order::ChannelsLast).into_dispatch()),
        ),
    };
    let plan = Plan {
        window: with.window,
        groups: with.groups,
        norm,
        activation: with.activation,
        dropout: (with.dropout > 0.0).then(|| drawn(with.dropout)),
        packed: with.packed.cloned(),
        known,
    };
    let (y, mean, variance) = <Dispatch as Kernels>::convolve(operands, plan);
    let statistics = Statistics::found(norm, [mean, variance], count);
    (FeatureMap::last(Tensor::from_dispatch(y)), statistics)
}

/// Burn's operations, one after the other.
fn composed(x: FeatureMap, with: Convolve<'_>, count: usize) -> (FeatureMap, Option<Statistics>) {
    let Window { stride, dilation, before, after, .. } = with.window;
    let padding = [(before[0], after[0]), (before[1], after[1])];
    let options = ConvOptions::new_with_padding(stride, padding, dilation, with.groups);
    let y = conv2d(x.into_inner(), with.weight, with.bias, options);
    let (y, statistics) = normed(y, with.norm, count);
    let y = dropout(y, with.dropout);
    let y = match with.shortcut {
        Some(shortcut) => y + shortcut.into_tensor(),
        None => y,
    };
    (FeatureMap::first(with.activation.forward(y)), statistics)
}
