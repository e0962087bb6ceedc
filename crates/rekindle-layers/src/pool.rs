//! Pools as layers, so that a list of layers counts as the checkpoint's does.

use burn::prelude::*;
use rekindle_kernels::{
    Activation, Convolve, FeatureMap, Norm, Window, average_pool, convolve, max_pool,
};
pub use rekindle_kernels::{Divisor, global_mean};

/// The greatest of each window.
#[derive(Module, Debug)]
pub struct MaxPool {
    #[module(skip)]
    window: Window,
}

/// The average of each window.
#[derive(Module, Debug)]
pub struct AveragePool {
    #[module(skip)]
    window: Window,
    #[module(skip)]
    edge: Edge,
    #[module(skip)]
    divisor: Divisor,
}

/// What is at the lower and right edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edge {
    /// A window may hang over it.
    Hanging,
    /// What no whole window covers is left out.
    Whole,
}

impl MaxPool {
    /// Windows of `kernel` pixels a side, `stride` apart, in `padding` on all sides.
    pub fn new(kernel: usize, stride: usize, padding: usize) -> Self {
        Self { window: Window::square(kernel, stride, padding) }
    }

    /// `[batch, channels, height, width]` in and out.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        max_pool(x, self.window)
    }
}

impl AveragePool {
    /// Windows of `kernel` pixels a side, `stride` apart, over the pixels that exist; one that hangs over the lower or
    /// right edge counts.
    pub fn new(kernel: usize, stride: usize) -> Self {
        let window = Window::square(kernel, stride, 0);
        Self { window, edge: Edge::Hanging, divisor: Divisor::Pixels }
    }

    /// Whole windows of `kernel` pixels a side, `stride` apart, in `padding` on all sides.
    pub fn padded(kernel: usize, stride: usize, padding: usize, divisor: Divisor) -> Self {
        Self { window: Window::square(kernel, stride, padding), edge: Edge::Whole, divisor }
    }

    /// `[batch, channels, height, width]` in and out.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let (Window { kernel: [kernel, _], stride: [stride, _], .. }, [_, _, height, width]) =
            (self.window, x.dims());
        if self.edge == Edge::Whole {
            return average_pool(x, self.window, self.divisor);
        }
        // As far as the last window that begins within the map reaches.
        let over = [height, width].map(|size| {
            let last = size.saturating_sub(kernel).div_ceil(stride);
            let last = last.min(size.saturating_sub(1) / stride);
            (last * stride + kernel).saturating_sub(size)
        });
        average_pool(x, Window { after: over, ..self.window }, self.divisor)
    }
}

/// Averages of 2x2 pixels, an odd last row or column left out: `[batch, channels, height, width]` to `[batch, channels,
/// height / 2, width / 2]`, where one pixel stays one.
pub fn half_average(x: FeatureMap) -> FeatureMap {
    let [_, _, height, width] = x.dims();
    let after = [height, width].map(|size| 2_usize.saturating_sub(size));
    average_pool(x, Window { after, ..Window::square(2, 2, 0) }, Divisor::Pixels)
}

/// Every second pixel of the map blurred by the binomial filter of 3x3 pixels, zeros around it: `[batch, channels, height,
/// width]` to half of both, rounded up. Zhang 2019, "Making Convolutional Networks Shift-Invariant Again",
/// <https://arxiv.org/abs/1904.11486>.
pub fn half_blur(x: FeatureMap) -> FeatureMap {
    let ([_, channels, ..], device) = (x.dims(), x.device());
    let row = Tensor::<1>::from_data([0.25, 0.5, 0.25], (&device, x.dtype()));
    let filter = row.clone().reshape([1, 1, 3, 1]) * row.reshape([1, 1, 1, 3]);
    let with = Convolve {
        weight: filter.repeat_dim(0, channels),
        bias: None,
        window: Window::square(3, 2, 1),
        groups: channels,
        norm: Norm::None,
        shortcut: None,
        dropout: 0.0,
        activation: Activation::Identity,
        packed: None,
    };
    convolve(x, with).0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `torch.nn.AvgPool2d(2, 2, ceil_mode=True, count_include_pad=False)` on arange(9).reshape(3, 3).
    #[test]
    fn the_last_window_averages_what_there_is() {
        let x = Tensor::<1, Int>::arange(0..9, &Device::flex()).float().reshape([1, 1, 3, 3]);
        let y = AveragePool::new(2, 2).forward(FeatureMap::new(x)).into_tensor();
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [2.0, 3.5, 6.5, 8.0]);
    }

    /// `torch.nn.AvgPool2d(3, 2, 1)` on arange(16).reshape(4, 4), and with `count_include_pad=False`.
    #[test]
    fn padding_counts_where_it_is_to() {
        for (divisor, expected) in [
            (Divisor::Positions, [10.0 / 9.0, 24.0 / 9.0, 51.0 / 9.0, 10.0]),
            (Divisor::Pixels, [2.5, 4.0, 8.5, 10.0]),
        ] {
            let x = Tensor::<1, Int>::arange(0..16, &Device::flex()).float();
            let x = FeatureMap::new(x.reshape([1, 1, 4, 4]));
            let y = AveragePool::padded(3, 2, 1, divisor).forward(x).into_tensor();
            let y = y.into_data().try_to_vec::<f32>().unwrap();
            assert!(
                y.iter().zip(expected).all(|(y, e)| (y - e).abs() < 1e-5),
                "{divisor:?}: {y:?}"
            );
        }
    }

    #[test]
    fn a_window_begins_within_the_map() {
        let x = Tensor::<1, Int>::arange(0..16, &Device::flex()).float().reshape([1, 1, 4, 4]);
        let y = AveragePool::new(1, 2).forward(FeatureMap::new(x)).into_tensor();
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [0.0, 2.0, 8.0, 10.0]);
    }

    /// `torch.nn.AvgPool2d(2)` and timm's `BlurPool2d(2, pad_mode="constant")` on arange(12).reshape(3, 4).
    #[test]
    fn halves_are_of_windows_of_two_and_three() {
        let x = Tensor::<1, Int>::arange(0..24, &Device::flex()).float().reshape([1, 2, 3, 4]);
        let first = |y: FeatureMap| {
            y.into_tensor().slice([0..1, 0..1]).into_data().try_to_vec::<f32>().unwrap()
        };
        assert_eq!(first(half_average(FeatureMap::new(x.clone()))), [2.5, 4.5]);
        assert_eq!(first(half_blur(FeatureMap::new(x))), [0.9375, 2.5, 3.9375, 6.5]);
        let one = FeatureMap::new(Tensor::ones([1, 2, 1, 1], &Device::flex()));
        assert_eq!(first(half_average(one)), [1.0]);
    }

    /// `torch.nn.MaxPool2d(3, 2, 1)` on arange(16).reshape(4, 4).
    #[test]
    fn padding_is_never_the_greatest() {
        let x =
            Tensor::<1, Int>::arange(0..16, &Device::flex()).float().reshape([1, 1, 4, 4]) - 20.0;
        let y = MaxPool::new(3, 2, 1).forward(FeatureMap::new(x)).into_tensor();
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [-15.0, -13.0, -7.0, -5.0]);
    }
}
