//! The operations with their gradients: each in the file of its kind, where what is kept for the way back is.

use burn::backend::{
    Autodiff, Flex, TensorMetadata, autodiff::checkpoint::strategy::CheckpointStrategy,
    ops::FloatTensorOps, tensor::FloatTensor,
};

use super::{
    Affine, Attended, Excitement, Groups, Kernels, NormKind, Normed, Operands, Padding, Plan,
    Recurring, Weighed, add, convolve, dropout, embedding, excite, group_norm, normalize,
    over_time, padding, pool, recurrent, response, sequence,
};
use crate::{
    cpu::{Activation, Divisor, Window, dropout::Dropout},
    packed_weights::PackedWeights,
    recurrence::Recurrence,
};

impl<C: CheckpointStrategy> Kernels for Autodiff<Flex, C> {
    fn convolve(
        operands: Operands<Self>,
        plan: Plan,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        convolve::tracked(operands, plan)
    }

    fn normalize(
        operands: Normed<Self>,
        norm: NormKind,
        activation: Activation,
    ) -> (FloatTensor<Self>, FloatTensor<Self>, FloatTensor<Self>) {
        normalize::tracked(operands, norm, activation)
    }

    fn group_norm(
        x: FloatTensor<Self>,
        gamma: FloatTensor<Self>,
        beta: FloatTensor<Self>,
        groups: Groups,
        activation: Activation,
    ) -> FloatTensor<Self> {
        group_norm::tracked::<C>(x, [gamma, beta], groups, activation)
    }

    fn max_pool(x: FloatTensor<Self>, window: Window) -> FloatTensor<Self> {
        pool::tracked_maximum::<C>(x, window)
    }

    fn average_pool(x: FloatTensor<Self>, window: Window, divisor: Divisor) -> FloatTensor<Self> {
        pool::tracked_average::<C>(x, window, divisor)
    }

    fn global_mean(x: FloatTensor<Self>) -> FloatTensor<Self> {
        pool::tracked_mean::<C>(x)
    }

    fn squeeze_excite(
        operands: Excitement<Self>,
        activations: [Activation; 2],
    ) -> FloatTensor<Self> {
        excite::tracked(operands, activations)
    }

    fn response_norm(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        epsilon: f64,
    ) -> FloatTensor<Self> {
        response::tracked::<C>(x, weight, bias, epsilon)
    }

    fn linear(
        x: FloatTensor<Self>,
        weight: FloatTensor<Self>,
        bias: FloatTensor<Self>,
        _: PackedWeights,
    ) -> FloatTensor<Self> {
        let out = bias.shape().num_elements();
        let bias = Self::float_reshape(bias, [1, out].into());
        Self::float_add(Self::float_matmul(x, weight), bias)
    }

    fn add(
        x: FloatTensor<Self>,
        added: FloatTensor<Self>,
        activation: Activation,
    ) -> FloatTensor<Self> {
        add::tracked::<C>(x, added, activation)
    }

    fn add_scaled(
        x: FloatTensor<Self>,
        factors: FloatTensor<Self>,
        added: FloatTensor<Self>,
    ) -> FloatTensor<Self> {
        add::tracked_add_scaled::<C>(x, factors, added)
    }

    fn layer_norm(x: FloatTensor<Self>, affine: Affine<Self>, epsilon: f64) -> FloatTensor<Self> {
        sequence::tracked_layer_norm::<C>(x, affine.gamma, affine.beta.into_option(), epsilon)
    }

    fn attention(operands: Attended<Self>, with: Weighed) -> FloatTensor<Self> {
        sequence::tracked_attention::<C>(operands, with)
    }

    fn pad(x: FloatTensor<Self>, mask: FloatTensor<Self>, padding: Padding) -> FloatTensor<Self> {
        padding::tracked::<C>(x, padding::Texts::of(&mask.into_primitive()), padding)
    }

    fn first_steps(x: FloatTensor<Self>, steps: usize) -> FloatTensor<Self> {
        let texts = padding::Texts::first(&x.shape(), steps);
        padding::tracked::<C>(x, texts, Padding::Removed)
    }

    fn embedding(table: FloatTensor<Self>, ids: Vec<usize>) -> FloatTensor<Self> {
        embedding::tracked::<C>(table, ids)
    }

    fn max_over_time(x: FloatTensor<Self>, mask: FloatTensor<Self>) -> FloatTensor<Self> {
        over_time::tracked::<C>(x, &mask.into_primitive())
    }

    fn drop_rows(x: FloatTensor<Self>, dropout: Dropout) -> FloatTensor<Self> {
        dropout::tracked::<C>(x, dropout)
    }

    fn recurrent(
        operands: Recurring<Self>,
        packed: Vec<PackedWeights>,
        kind: Recurrence,
    ) -> FloatTensor<Self> {
        let (operands, mask) = operands.into_list();
        recurrent::tracked::<C>(operands, &mask.into_primitive(), &packed, kind)
    }
}
