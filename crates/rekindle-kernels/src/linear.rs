//! A linear layer on any backend.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::{DType, module},
};

use crate::{ops::Kernels, packed_weights::PackedWeights};

/// `x weight + bias`: `[batch, in]`, `[in, out]` and `[out]` to `[batch, out]`.
///
/// A row's result is the same bits in any batch.
///
/// # Panics
///
/// If the shapes do not fit each other.
pub fn linear(
    x: Tensor<2>,
    weight: Tensor<2>,
    bias: Tensor<1>,
    packed: &PackedWeights,
) -> Tensor<2> {
    let ([batch, channels], [inputs, outputs]) = (x.dims(), weight.dims());
    assert_eq!(channels, inputs, "a linear layer of {inputs} channels was given {channels}");
    assert_eq!(bias.dims(), [outputs], "a bias of other channels than the linear layer's");
    let flex = [Device::flex(), Device::flex(), Device::flex()];
    let types = [x.dtype(), weight.dtype(), bias.dtype()];
    if types == [DType::F32; 3] && [x.device(), weight.device(), bias.device()] == flex {
        let [x, weight] = [x, weight].map(Tensor::into_dispatch);
        let bias = bias.into_dispatch();
        let y = <Dispatch as Kernels>::linear(x, weight, bias, packed.clone());
        return Tensor::from_dispatch(y);
    }
    // Weights that train are others at the next step.
    packed.clear();
    // A single row would go through a product of its own, summed in another order than a row among others.
    match batch {
        1 => module::linear(x.repeat_dim(0, 2), weight, Some(bias)).narrow(0, 0, 1),
        _ => module::linear(x, weight, Some(bias)),
    }
}
