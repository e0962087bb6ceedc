//! Squeeze and excitation. Hu et al. 2017, "Squeeze-and-Excitation Networks",
//! <https://arxiv.org/abs/1709.01507>.

use burn::{nn::conv::Conv2d, prelude::*};

use crate::Activation;

/// Scales each channel of `x` by what the average of all channels says of it.
///
/// `[batch, channels, height, width]` in and out. The two 1x1 convolutions (to fewer channels and
/// back) belong to the caller, because checkpoints name them differently from family to family.
pub fn squeeze_excite(
    x: Tensor<4>,
    [reduce, expand]: [&Conv2d; 2],
    [activation, gate]: [Activation; 2],
) -> Tensor<4> {
    let squeezed = activation.forward(reduce.forward(x.clone().mean_dims(&[2, 3])));
    x * gate.forward(expand.forward(squeezed))
}
