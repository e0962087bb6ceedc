//! Pools as layers, so that a list of layers counts as the checkpoint's does.

use burn::prelude::*;
pub use rekindle_kernels::global_mean;
use rekindle_kernels::{FeatureMap, Window, average_pool, max_pool};

/// The greatest of each window.
#[derive(Module, Debug)]
pub struct MaxPool {
    #[module(skip)]
    window: Window,
}

/// The average of each window over the pixels that exist; a window that hangs over the lower or right
/// edge counts.
#[derive(Module, Debug)]
pub struct AveragePool {
    kernel: usize,
    stride: usize,
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
    /// Windows of `kernel` pixels a side, `stride` apart.
    pub fn new(kernel: usize, stride: usize) -> Self {
        Self { kernel, stride }
    }

    /// `[batch, channels, height, width]` in and out.
    pub fn forward(&self, x: FeatureMap) -> FeatureMap {
        let [_, _, height, width] = x.dims();
        // As far as the last window that begins within the map reaches.
        let over = [height, width].map(|size| {
            let last = size.saturating_sub(self.kernel).div_ceil(self.stride);
            let last = last.min(size.saturating_sub(1) / self.stride);
            (last * self.stride + self.kernel).saturating_sub(size)
        });
        average_pool(x, Window { after: over, ..Window::square(self.kernel, self.stride, 0) })
    }
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

    #[test]
    fn a_window_begins_within_the_map() {
        let x = Tensor::<1, Int>::arange(0..16, &Device::flex()).float().reshape([1, 1, 4, 4]);
        let y = AveragePool::new(1, 2).forward(FeatureMap::new(x)).into_tensor();
        assert_eq!(y.into_data().try_to_vec::<f32>().unwrap(), [0.0, 2.0, 8.0, 10.0]);
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
