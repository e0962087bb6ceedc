//! Convolutions, initialized as He et al. 2015 do, padded by name.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::{PackedWeights, Window, layer_norm};

/// What a [`Conv2d`] is made of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conv2dConfig {
    /// Channels of input and output.
    pub channels: [usize; 2],
    /// Height and width of the kernel.
    pub kernel: [usize; 2],
    /// Pixels from one window to the next.
    pub stride: usize,
    /// What is around the input.
    pub padding: Padding,
    /// Parts of the channels that do not see each other.
    pub groups: usize,
    /// Whether something is added to each channel.
    pub bias: Bias,
    /// What becomes of the weights before they are used.
    pub weights: Weights,
}

/// What becomes of a convolution's weights before they are used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Weights {
    /// Nothing.
    Plain,
    /// Those of each output channel get a mean of 0 and a variance of 1: Qiao et al. 2019,
    /// <https://arxiv.org/abs/1903.10520>.
    Standardized {
        /// Added to the variance.
        epsilon: f64,
    },
}

/// How a convolution pads its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding {
    /// Not at all.
    Valid,
    /// The same number of pixels on each side, whatever the input: PyTorch's habit.
    Symmetric,
    /// TensorFlow's SAME: as many as this input and stride need, the odd one last.
    Same,
    /// As many as SAME, all of them below and to the right: pictures that are no multiple of their patches.
    Behind,
}

/// Whether a convolution adds something to each channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bias {
    /// A norm that follows does.
    None,
    /// It begins with zeros.
    Learned,
}

/// A convolution.
///
/// Struct and field names are Burn's, so store adapters know it.
#[derive(Module, Debug)]
pub struct Conv2d {
    /// `[channels_out, channels_in / groups, height, width]`
    pub weight: Param<Tensor<4>>,
    /// `[channels_out]`
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    groups: usize,
    #[module(skip)]
    padding: Padding,
    #[module(skip)]
    weights: Weights,
    #[module(skip)]
    packed: PackedWeights,
}

impl Conv2dConfig {
    /// A convolution that keeps the grid, of a square kernel, without bias, from `channels[0]` to `channels[1]`.
    pub fn new(channels: [usize; 2], kernel: usize) -> Self {
        let padding = Padding::Symmetric;
        let (bias, weights) = (Bias::None, Weights::Plain);
        Self { channels, kernel: [kernel; 2], stride: 1, padding, groups: 1, bias, weights }
    }

    /// Builds the layer with untrained parameters.
    ///
    /// Weights are drawn by the fan out ("Delving Deep into Rectifiers",
    /// <https://arxiv.org/abs/1502.01852>), as in the recipes of the families.
    ///
    /// # Panics
    ///
    /// If the channels are no multiples of the groups.
    pub fn init(&self, device: &Device) -> Conv2d {
        let Self { channels: [channels_in, channels_out], kernel, stride, groups, .. } = *self;
        assert!(
            groups > 0 && channels_in % groups == 0 && channels_out % groups == 0,
            "{channels_in} channels to {channels_out} in {groups} groups"
        );
        let he = Initializer::KaimingNormal { gain: std::f64::consts::SQRT_2, fan_out_only: true };
        let [height, width] = kernel;
        let shape = [channels_out, channels_in / groups, height, width];
        let area = height * width;
        let (fan_in, fan_out) = (channels_in / groups * area, channels_out / groups * area);
        Conv2d {
            weight: he.init_with(shape, Some(fan_in), Some(fan_out), device),
            bias: match self.bias {
                Bias::None => None,
                Bias::Learned => Some(Initializer::Zeros.init([channels_out], device)),
            },
            stride,
            groups,
            padding: self.padding,
            weights: self.weights,
            packed: PackedWeights::default(),
        }
    }
}

impl Conv2d {
    /// The same layer with weights from a normal distribution of this deviation, as transformers' recipes draw them.
    pub fn normal(mut self, deviation: f64) -> Self {
        let initializer = Initializer::Normal { mean: 0.0, std: deviation };
        let shape = self.weight.lazy_shape().dims::<4>();
        self.weight = initializer.init(shape, &self.weight.lazy_device());
        self
    }

    /// Channels of the output.
    pub fn channels_out(&self) -> usize {
        self.weight.lazy_shape()[0]
    }

    /// Parts of the channels that do not see each other.
    pub(crate) fn groups(&self) -> usize {
        self.groups
    }

    /// The weights as they are used.
    pub(crate) fn weights(&self) -> Tensor<4> {
        let weight = self.weight.val();
        let Weights::Standardized { epsilon } = self.weights else { return weight };
        let [out, seen, height, width] = weight.dims();
        let count = seen * height * width;
        let ones = Tensor::ones([count], (&weight.device(), weight.dtype()));
        layer_norm(weight.reshape([out, count]), ones, None, epsilon)
            .reshape([out, seen, height, width])
    }

    /// Where packed weights are kept, if they are the same at each call.
    pub(crate) fn packed(&self) -> Option<&PackedWeights> {
        (self.weights == Weights::Plain).then_some(&self.packed)
    }

    /// The window over an input of this height and width.
    pub(crate) fn window(&self, size: [usize; 2]) -> Window {
        let kernel = [2, 3].map(|axis| self.weight.lazy_shape()[axis]);
        let stride = self.stride;
        let sides = [0, 1].map(|axis| match self.padding {
            Padding::Valid => (0, 0),
            Padding::Symmetric => {
                // Also timm's rule for even kernels: ((stride - 1) + (kernel - 1)) / 2.
                let side = ((stride - 1) + (kernel[axis] - 1)) / 2;
                (side, side)
            }
            Padding::Same | Padding::Behind => {
                let covered = size[axis].div_ceil(stride).saturating_sub(1) * stride + kernel[axis];
                let total = covered.saturating_sub(size[axis]);
                let before = if self.padding == Padding::Same { total / 2 } else { 0 };
                (before, total - before)
            }
        });
        Window {
            kernel,
            stride: [stride; 2],
            dilation: [1; 2],
            before: sides.map(|(before, _)| before),
            after: sides.map(|(_, after)| after),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_follows_its_name() {
        let device = Device::flex();
        for (padding, kernel, stride, size, before, after, count) in [
            (Padding::Valid, 3, 1, 7, 0, 0, 5),
            (Padding::Symmetric, 3, 2, 8, 1, 1, 4),
            (Padding::Symmetric, 7, 2, 224, 3, 3, 112),
            (Padding::Same, 3, 2, 8, 0, 1, 4),
            (Padding::Same, 3, 2, 9, 1, 1, 5),
            (Padding::Same, 5, 2, 8, 1, 2, 4),
            (Padding::Same, 1, 2, 8, 0, 0, 4),
            (Padding::Behind, 16, 16, 33, 0, 15, 3),
            (Padding::Behind, 4, 4, 8, 0, 0, 2),
        ] {
            let config = Conv2dConfig { stride, padding, ..Conv2dConfig::new([2, 2], kernel) };
            let window = config.init(&device).window([size, size]);
            assert_eq!(
                (window.before[0], window.after[1]),
                (before, after),
                "{config:?} at {size}"
            );
            assert_eq!(window.count([size, size]), [count; 2], "{config:?} at {size}");
        }
    }

    #[test]
    fn each_side_of_a_kernel_has_its_own_padding() {
        let config = Conv2dConfig { kernel: [1, 7], ..Conv2dConfig::new([2, 3], 1) };
        let conv = config.init(&Device::flex());
        assert_eq!(conv.weight.lazy_shape().to_vec(), [3, 2, 1, 7]);
        let window = conv.window([5, 9]);
        assert_eq!((window.before, window.after), ([0, 3], [0, 3]));
        assert_eq!(window.count([5, 9]), [5, 9]);
    }
}
