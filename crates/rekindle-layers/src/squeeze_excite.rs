//! Squeeze and excitation. Hu et al. 2017, "Squeeze-and-Excitation Networks",
//! <https://arxiv.org/abs/1709.01507>.

use burn::prelude::*;
use rekindle_kernels::{self as kernels, FeatureMap};

use crate::{Activation, Conv2d};

/// Scales each channel of `x` by what the average of all channels says of it.
///
/// `[batch, channels, height, width]` in and out. The two 1x1 convolutions with bias (to fewer channels and
/// back) belong to the caller, because checkpoints name them differently from family to family.
///
/// # Panics
///
/// If the channels differ.
pub fn squeeze_excite(
    x: FeatureMap,
    [reduce, expand]: [&Conv2d; 2],
    activations: [Activation; 2],
) -> FeatureMap {
    let bias = |conv: &Conv2d| match &conv.bias {
        Some(bias) => bias.val(),
        None => Tensor::zeros([conv.channels_out()], (&x.device(), conv.weight.val().dtype())),
    };
    let with = kernels::SqueezeExcite {
        reduce: reduce.weight.val(),
        reduce_bias: bias(reduce),
        expand: expand.weight.val(),
        expand_bias: bias(expand),
        activations,
    };
    kernels::squeeze_excite(x, with)
}
