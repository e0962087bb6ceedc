//! The convolutions of the families: initialized as He et al. 2015 do, padded by name.

use burn::nn::{Initializer, PaddingConfig2d, conv::Conv2dConfig};

/// How a convolution pads its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// The same number of pixels on each side, whatever the input: PyTorch's habit.
    Symmetric,
    /// TensorFlow's SAME: as many as this input and stride need, the odd one last.
    Same,
}

/// A square convolution from `channels[0]` to `channels[1]` without bias that keeps the grid, up to
/// its stride.
///
/// Weights are drawn with `fan_out` ("Delving Deep into Rectifiers", <https://arxiv.org/abs/1502.01852>),
/// as in the recipes of the families.
pub fn convolution(
    channels: [usize; 2],
    kernel: usize,
    stride: usize,
    padding: Padding,
) -> Conv2dConfig {
    // Also timm's rule for even kernels: ((stride - 1) + (kernel - 1)) / 2.
    let pad = ((stride - 1) + (kernel - 1)) / 2;
    let padding = match padding {
        Padding::Symmetric => PaddingConfig2d::Explicit(pad, pad, pad, pad),
        Padding::Same => PaddingConfig2d::Same,
    };
    Conv2dConfig::new(channels, [kernel, kernel])
        .with_stride([stride, stride])
        .with_padding(padding)
        .with_bias(false)
        .with_initializer(Initializer::KaimingNormal {
            gain: std::f64::consts::SQRT_2,
            fan_out_only: true,
        })
}
