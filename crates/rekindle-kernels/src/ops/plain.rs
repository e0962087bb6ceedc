//! The operations without a graph: each in the file of its kind.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::{
    Affine, Attended, Excitement, Groups, Kernels, NormKind, Normed, Operands, Padding, Plan,
    Recurring, Weighed, add, convolve, dropout, embedding, excite, group_norm, linear, normalize,
    over_time, padding, pool, recurrent, response, sequence, typed,
};
use crate::{
    cpu::{Activation, Divisor, Window, dropout::Dropout},
    packed_weights::PackedWeights,
    recurrence::Recurrence,
};

impl Kernels for Flex {
    fn convolve(operands: Operands<Self>, plan: Plan) -> (FlexTensor, FlexTensor, FlexTensor) {
        typed!(operands.x, E => convolve::plain::<E>(operands, &plan))
    }

    fn normalize(
        operands: Normed<Self>,
        norm: NormKind,
        activation: Activation,
    ) -> (FlexTensor, FlexTensor, FlexTensor) {
        typed!(operands.x, E => normalize::plain::<E>(operands, norm, activation))
    }

    fn group_norm(
        x: FlexTensor,
        gamma: FlexTensor,
        beta: FlexTensor,
        groups: Groups,
        activation: Activation,
    ) -> FlexTensor {
        typed!(x, E => group_norm::plain::<E>(x, [&gamma, &beta], groups, activation))
    }

    fn max_pool(x: FlexTensor, window: Window) -> FlexTensor {
        typed!(x, E => pool::maximum::<E>(x, window, pool::Places::Ignored).0)
    }

    fn average_pool(x: FlexTensor, window: Window, divisor: Divisor) -> FlexTensor {
        typed!(x, E => pool::average::<E>(x, window, divisor))
    }

    fn global_mean(x: FlexTensor) -> FlexTensor {
        typed!(x, E => pool::mean::<E>(x))
    }

    fn squeeze_excite(operands: Excitement<Self>, activations: [Activation; 2]) -> FlexTensor {
        typed!(operands.x, E => excite::plain::<E>(&operands, activations))
    }

    fn response_norm(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        epsilon: f64,
    ) -> FlexTensor {
        response::plain(x, &weight, &bias, epsilon)
    }

    fn linear(
        x: FlexTensor,
        weight: FlexTensor,
        bias: FlexTensor,
        packed: PackedWeights,
    ) -> FlexTensor {
        linear::plain(x, &weight, &bias, &packed)
    }

    fn add(x: FlexTensor, added: FlexTensor, activation: Activation) -> FlexTensor {
        add::plain(x, added, activation)
    }

    fn add_scaled(x: FlexTensor, factors: FlexTensor, added: FlexTensor) -> FlexTensor {
        typed!(x, E => add::add_scaled::<E>(x, &factors, added))
    }

    fn layer_norm(x: FlexTensor, affine: Affine<Self>, epsilon: f64) -> FlexTensor {
        sequence::layer_norm(x, &affine.gamma, affine.beta.get(), epsilon)
    }

    fn attention(operands: Attended<Self>, with: Weighed) -> FlexTensor {
        sequence::attention(operands, with)
    }

    fn pad(x: FlexTensor, mask: FlexTensor, padding: Padding) -> FlexTensor {
        padding::plain(x, padding::Texts::of(&mask), padding)
    }

    fn first_steps(x: FlexTensor, steps: usize) -> FlexTensor {
        let texts = padding::Texts::first(x.layout().shape(), steps);
        padding::plain(x, texts, Padding::Removed)
    }

    fn embedding(table: FlexTensor, ids: Vec<usize>) -> FlexTensor {
        embedding::plain(table, &ids)
    }

    fn max_over_time(x: FlexTensor, mask: FlexTensor) -> FlexTensor {
        over_time::plain(x, &mask)
    }

    fn drop_rows(x: FlexTensor, dropout: Dropout) -> FlexTensor {
        dropout::plain(x, dropout)
    }

    fn recurrent(
        operands: Recurring<Self>,
        packed: Vec<PackedWeights>,
        kind: Recurrence,
    ) -> FlexTensor {
        let (operands, mask) = operands.into_list();
        recurrent::plain(operands, &mask, &packed, kind)
    }
}
