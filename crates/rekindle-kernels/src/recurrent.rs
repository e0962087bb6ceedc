//! Recurrent layers: one direction of one layer over all steps.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::{
        DType,
        activation::{sigmoid, tanh},
    },
};

use crate::{
    cpu::count,
    ops::{Kernels, Recurring},
    recurrence::Recurrence,
};

/// What a recurrent layer remembers, each `[batch, units]`.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// What the next step is told.
    pub hidden: Tensor<2>,
    /// What an LSTM keeps to itself; of other kinds it means nothing.
    pub cell: Tensor<2>,
}

/// One direction of one layer.
#[derive(Debug, Clone)]
pub struct Recur<'a> {
    /// Which kind.
    pub kind: Recurrence,
    /// `[gates units, units]`
    pub weight: Tensor<2>,
    /// `[gates units]`, added to the product with the state.
    pub bias: Option<Tensor<1>>,
    /// Where it begins.
    pub state: RecurrentState,
    /// 1 for a step, 0 for padding, which is behind: `[batch, time]`. Padding changes no state, and its outputs are 0.
    pub mask: Option<&'a Tensor<2>>,
    /// Whether it goes from the last step to the first.
    pub reverse: bool,
}

/// Runs a layer over `x` `[batch, time, gates units]`, which the input's weights were applied to: outputs `[batch, time, units]`,
/// and the state at the end.
///
/// # Panics
///
/// If the shapes do not fit each other.
pub fn recurrent(x: Tensor<3>, with: Recur<'_>) -> (Tensor<3>, RecurrentState) {
    let [batch, time, width] = x.dims();
    let [rows, units] = with.weight.dims();
    let gates = with.kind.gates();
    count(&[batch, time, width]);
    count(&[batch, time, units, 2]);
    count(&[rows, units]);
    assert_eq!([width, rows], [gates * units; 2], "{gates} gates of {units} units");
    let RecurrentState { hidden, cell } = &with.state;
    assert!(
        hidden.dims() == [batch, units] && cell.dims() == [batch, units],
        "a state of another shape"
    );
    assert!(with.bias.as_ref().is_none_or(|bias| bias.dims() == [rows]), "a bias of other gates");
    assert!(with.mask.is_none_or(|mask| mask.dims() == [batch, time]), "a mask of another batch");
    if batch * time * units == 0 {
        return (Tensor::zeros([batch, time, units], (&x.device(), x.dtype())), with.state);
    }
    let tensors = [
        (x.device(), x.dtype()),
        (with.weight.device(), with.weight.dtype()),
        (hidden.device(), hidden.dtype()),
        (cell.device(), cell.dtype()),
    ];
    let is_ours = tensors.iter().all(|(device, dtype)| {
        device.clone().inner() == Device::flex()
            && matches!(dtype, DType::F32 | DType::F64)
            && *dtype == x.dtype()
    });
    if is_ours && with.bias.as_ref().is_none_or(|bias| bias.dtype() == x.dtype()) {
        return ours(x, with);
    }
    composed(x, with)
}

/// By our kernels.
fn ours(x: Tensor<3>, with: Recur<'_>) -> (Tensor<3>, RecurrentState) {
    let [batch, time, width] = x.dims();
    let units = with.weight.dims()[1];
    let options = (&x.device(), x.dtype());
    let operands = Recurring {
        bias: with.bias.unwrap_or_else(|| Tensor::zeros([width], options)).into_dispatch(),
        mask: match with.mask {
            Some(mask) => mask.clone().cast(x.dtype()).into_dispatch(),
            None => Tensor::<2>::ones([batch, time], options).into_dispatch(),
        },
        x: x.into_dispatch(),
        weight: with.weight.into_dispatch(),
        hidden: with.state.hidden.into_dispatch(),
        cell: with.state.cell.into_dispatch(),
    };
    let all = <Dispatch as Kernels>::recurrent(operands, with.kind, with.reverse);
    let all: Tensor<3> = Tensor::from_dispatch(all);
    let last = |place: usize| all.clone().narrow(1, time + place, 1).reshape([batch, units]);
    let state = RecurrentState { hidden: last(0), cell: last(1) };
    let outputs = <Dispatch as Kernels>::first_steps(all.into_dispatch(), time);
    (Tensor::<3>::from_dispatch(outputs).reshape([batch, time, units]), state)
}

/// By Burn's operations, step by step.
fn composed(x: Tensor<3>, with: Recur<'_>) -> (Tensor<3>, RecurrentState) {
    let [batch, time, width] = x.dims();
    let [rows, units] = with.weight.dims();
    let weight = with.weight.swap_dims(0, 1);
    let bias = with.bias.map(|bias| bias.reshape([1, rows]));
    let RecurrentState { mut hidden, mut cell } = with.state;
    let mut outputs = Vec::with_capacity(time);
    for step in 0..time {
        let step = if with.reverse { time - 1 - step } else { step };
        let now = x.clone().narrow(1, step, 1).reshape([batch, width]);
        let fed = hidden.clone().matmul(weight.clone());
        let fed = match &bias {
            Some(bias) => fed + bias.clone(),
            None => fed,
        };
        let gate = |from: &Tensor<2>, index: usize| from.clone().narrow(1, index * units, units);
        let (next, kept) = match with.kind {
            Recurrence::Lstm => {
                let all = now + fed;
                let [i, f, o] = [0, 1, 3].map(|index| sigmoid(gate(&all, index)));
                let kept = f * cell.clone() + i * tanh(gate(&all, 2));
                (o * tanh(kept.clone()), kept)
            }
            Recurrence::Gru => {
                let [r, z] = [0, 1].map(|index| sigmoid(gate(&now, index) + gate(&fed, index)));
                let n = tanh(gate(&now, 2) + r * gate(&fed, 2));
                (n.clone() + z * (hidden.clone() - n), cell.clone())
            }
            Recurrence::Rnn => (tanh(now + fed), cell.clone()),
        };
        let output = match with.mask {
            None => {
                (hidden, cell) = (next.clone(), kept);
                next
            }
            Some(mask) => {
                let there = mask.clone().narrow(1, step, 1).cast(next.dtype());
                let moved =
                    |old: Tensor<2>, new: Tensor<2>| old.clone() + (new - old) * there.clone();
                let output = next.clone() * there.clone();
                hidden = moved(hidden, next);
                cell = moved(cell, kept);
                output
            }
        };
        outputs.push(output.reshape([batch, 1, units]));
    }
    if with.reverse {
        outputs.reverse();
    }
    (Tensor::cat(outputs, 1), RecurrentState { hidden, cell })
}
