//! Convolutions over time, computed as those over pictures one pixel high.

use burn::{
    module::{Initializer, Param},
    prelude::*,
};
use rekindle_kernels::{Activation, Convolve, FeatureMap, Norm, PackedWeights, Window, convolve};

/// What a [`Conv1d`] is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Conv1dConfig {
    /// Channels of input and output.
    pub channels: [usize; 2],
    /// Steps that it sees.
    pub kernel: usize,
    /// Steps from one window to the next.
    pub stride: usize,
    /// Steps from one that it sees to the next.
    pub dilation: usize,
    /// Parts of the channels that do not see each other.
    pub groups: usize,
    /// What is around the input.
    pub padding: Padding1d,
}

/// How a convolution over time pads its input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Padding1d {
    /// Steps before and after.
    Explicit(usize, usize),
    /// As many outputs as inputs at stride 1, the odd step last: PyTorch's and Keras' `same`.
    Same,
    /// All of it before, so that no output sees what comes later: Keras' `causal`.
    Causal,
}

/// A convolution over time. Names and layout are PyTorch's.
#[derive(Module, Debug)]
pub struct Conv1d {
    /// `[channels_out, channels_in / groups, kernel]`
    pub weight: Param<Tensor<3>>,
    /// `[channels_out]`
    pub bias: Option<Param<Tensor<1>>>,
    stride: usize,
    dilation: usize,
    groups: usize,
    #[module(skip)]
    padding: Padding1d,
    #[module(skip)]
    packed: PackedWeights,
}

impl Conv1dConfig {
    /// A convolution that keeps the length, from `channels[0]` to `channels[1]`.
    pub fn new(channels: [usize; 2], kernel: usize) -> Self {
        Self { channels, kernel, stride: 1, dilation: 1, groups: 1, padding: Padding1d::Same }
    }

    /// Builds the layer with untrained parameters, uniform in ±1/√fan-in as PyTorch draws them.
    ///
    /// # Panics
    ///
    /// If the channels are no multiples of the groups, or kernel, stride or dilation is zero.
    pub fn init(&self, device: &Device) -> Conv1d {
        let Self {
            channels: [channels_in, channels_out],
            kernel,
            stride,
            dilation,
            groups,
            padding,
        } = *self;
        assert!(
            groups > 0 && channels_in % groups == 0 && channels_out % groups == 0,
            "{channels_in} channels to {channels_out} in {groups} groups"
        );
        assert!(kernel * stride * dilation > 0, "kernel, stride and dilation are at least 1");
        let fan_in = (channels_in / groups * kernel).max(1);
        let bound = 1.0 / (fan_in as f64).sqrt();
        let uniform = Initializer::Uniform { min: -bound, max: bound };
        Conv1d {
            weight: uniform.init([channels_out, channels_in / groups, kernel], device),
            bias: Some(uniform.init([channels_out], device)),
            stride,
            dilation,
            groups,
            padding,
            packed: PackedWeights::default(),
        }
    }
}

impl Conv1d {
    /// `[batch, time, channels_in]` to `[batch, time', channels_out]`, then the activation.
    ///
    /// # Panics
    ///
    /// If the channels differ.
    pub fn forward(&self, x: Tensor<3>, activation: Activation) -> Tensor<3> {
        let [channels_out, seen, kernel] = self.weight.lazy_shape().dims();
        let total = self.dilation * (kernel - 1);
        let (before, after) = match self.padding {
            Padding1d::Explicit(before, after) => (before, after),
            Padding1d::Same => (total / 2, total - total / 2),
            Padding1d::Causal => (total, 0),
        };
        let window = Window {
            kernel: [1, kernel],
            stride: [1, self.stride],
            dilation: [1, self.dilation],
            before: [0, before],
            after: [0, after],
        };
        let [batch, length, channels] = x.dims();
        let map = FeatureMap::new(x.reshape([batch, 1, length, channels]).permute([0, 3, 1, 2]));
        let with = Convolve {
            weight: self.weight.val().reshape([channels_out, seen, 1, kernel]),
            bias: self.bias.as_ref().map(|bias| bias.val()),
            window,
            groups: self.groups,
            norm: Norm::None,
            shortcut: None,
            dropout: 0.0,
            activation,
            packed: Some(&self.packed),
        };
        let y = convolve(map, with).0.into_tensor();
        let steps = y.dims()[3];
        y.permute([0, 2, 3, 1]).reshape([batch, steps, channels_out])
    }
}
