//! Pooling on any backend.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::{
        module::{avg_pool2d, max_pool2d},
        ops::{AvgPoolOptions, MaxPoolOptions},
    },
};

use crate::{
    Divisor, Window,
    feature_map::{FeatureMap, Order},
    ops::Kernels,
};

/// The greatest number of each window, `[batch, channels, height, width]` to `[batch, channels, height',
/// width']`.
///
/// # Panics
///
/// If a window may be padding alone: the padding is more than half of it, or its positions lie further apart
/// than the map is large. Or if the window is not such as [`Window::count`] takes.
pub fn max_pool(x: FeatureMap, window: Window) -> FeatureMap {
    let Window { kernel, stride, dilation, before, after } = window;
    let [_, _, height, width] = x.dims();
    let map = [height, width];
    window.check(map);
    let fits = (0..2).all(|axis| {
        2 * before[axis].max(after[axis]) <= kernel[axis] && dilation[axis] <= map[axis]
    });
    assert!(fits, "a window of {kernel:?} that may be padding alone, over a map of {map:?}");
    match x.order() {
        Order::ChannelsLast => {
            let y = <Dispatch as Kernels>::max_pool(x.into_inner().into_dispatch(), window);
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let options = MaxPoolOptions {
                kernel_size: kernel,
                stride,
                padding: [(before[0], after[0]), (before[1], after[1])],
                dilation,
                ceil_mode: false,
            };
            FeatureMap::first(max_pool2d(x.into_inner(), options))
        }
    }
}

/// The sum of each window over the pixels that exist, divided. A window may hang over the lower and right edge by less
/// than its stride: `after` padding.
///
/// # Panics
///
/// If there is dilation, or if the window is not such as [`Window::count`] takes.
pub fn average_pool(x: FeatureMap, window: Window, divisor: Divisor) -> FeatureMap {
    let Window { kernel, stride, dilation, before, after } = window;
    let [_, _, height, width] = x.dims();
    window.check([height, width]);
    assert_eq!(dilation, [1; 2], "an average pool of pixels that are apart");
    match x.order() {
        Order::ChannelsLast => {
            let y = <Dispatch as Kernels>::average_pool(
                x.into_inner().into_dispatch(),
                window,
                divisor,
            );
            FeatureMap::last(Tensor::from_dispatch(y))
        }
        Order::ChannelsFirst => {
            let options = AvgPoolOptions {
                kernel_size: kernel,
                stride,
                padding: [(before[0], after[0]), (before[1], after[1])],
                count_include_pad: divisor == Divisor::Positions,
                ceil_mode: false,
            };
            FeatureMap::first(avg_pool2d(x.into_inner(), options))
        }
    }
}

/// The mean over all pixels: `[batch, channels, height, width]` to `[batch, channels]`.
pub fn global_mean(x: FeatureMap) -> Tensor<2> {
    match x.order() {
        Order::ChannelsLast => Tensor::from_dispatch(<Dispatch as Kernels>::global_mean(
            x.into_inner().into_dispatch(),
        )),
        Order::ChannelsFirst => x.into_inner().mean_dims(&[2, 3]).flatten(1, 3),
    }
}
