//! How a strided convolution is kept from missing what lies between its pixels.

use rekindle_layers::{FeatureMap, half_average, half_blur};

/// What takes every second pixel, behind a convolution that then has no stride.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Antialias {
    /// Nothing: the convolution has the stride.
    None,
    /// Averages of 2x2 pixels.
    Average,
    /// A blur: Zhang 2019, <https://arxiv.org/abs/1904.11486>.
    Blur,
}

impl Antialias {
    /// `[batch, channels, height, width]` to half of both, or to the same where it is nothing.
    pub(crate) fn forward(self, x: FeatureMap) -> FeatureMap {
        match self {
            Self::None => x,
            Self::Average => half_average(x),
            Self::Blur => half_blur(x),
        }
    }
}
