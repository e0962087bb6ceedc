//! Recurrent layers: one layer, in one direction or both, over all steps.

use burn::{
    backend::Dispatch,
    prelude::*,
    tensor::activation::{sigmoid, tanh},
};

use crate::{
    cpu::count,
    ops::{Kernels, Recurring, Reverse, Weights},
    ours::is_ours,
    packed_weights::PackedWeights,
    recurrence::Recurrence,
};

/// What recurrent layers remember, each `[directions, batch, units]`, one layer behind the other.
#[derive(Debug, Clone)]
pub struct RecurrentState {
    /// What the next step is told.
    pub hidden: Tensor<3>,
    /// What an LSTM keeps to itself; of other kinds it means nothing.
    pub cell: Tensor<3>,
}

/// A direction's parameters.
#[derive(Debug, Clone)]
pub struct RecurrentWeights {
    /// `[gates units, in]`
    pub weight_ih: Tensor<2>,
    /// `[gates units, units]`
    pub weight_hh: Tensor<2>,
    /// `[gates units]`, added to the product with the input.
    pub bias_ih: Tensor<1>,
    /// `[gates units]`, added to the product with the state.
    pub bias_hh: Tensor<1>,
    /// Where `weight_ih` is kept packed from one call to the next.
    pub packed: PackedWeights,
}

/// A layer.
#[derive(Debug, Clone)]
pub struct Recur<'a> {
    /// Which kind.
    pub kind: Recurrence,
    /// From the first step to the last and, if there is a second, from the last to the first.
    pub directions: Vec<RecurrentWeights>,
    /// Where it begins, if that is not with zeros.
    pub state: Option<RecurrentState>,
    /// 1 for a step, 0 for padding, which is behind: `[batch, time]`. Padding changes no state, and its outputs are 0.
    pub mask: Option<&'a Tensor<2>>,
}

/// Runs a layer over `x` `[batch, time, in]`: outputs `[batch, time, directions * units]`, and the states at the end.
///
/// On Flex both directions run at the same time.
///
/// # Panics
///
/// If there are not one or two directions, or the shapes do not fit each other.
pub fn recurrent(x: Tensor<3>, with: Recur<'_>) -> (Tensor<3>, RecurrentState) {
    let [batch, time, inputs] = x.dims();
    let directions = with.directions.len();
    assert!((1..=2).contains(&directions), "a recurrent layer of {directions} directions");
    let [rows, units] = with.directions[0].weight_hh.dims();
    count(&[batch, time, inputs]);
    count(&[batch, time, rows, directions]);
    count(&[batch, time, units, 2 * directions]);
    count(&[rows, units]);
    count(&[rows, inputs]);
    let gates = with.kind.gates();
    for of in &with.directions {
        assert!(
            rows == gates * units
                && of.weight_hh.dims() == [rows, units]
                && of.weight_ih.dims() == [rows, inputs],
            "{gates} gates of {units} units over {inputs} numbers"
        );
        assert!(
            [&of.bias_ih, &of.bias_hh].iter().all(|bias| bias.dims() == [rows]),
            "a bias of other gates"
        );
    }
    let options = (&x.device(), x.dtype());
    let state = with.state.unwrap_or_else(|| {
        let zeros = Tensor::zeros([directions, batch, units], options);
        RecurrentState { hidden: zeros.clone(), cell: zeros }
    });
    let RecurrentState { hidden, cell } = &state;
    assert!(
        [hidden, cell].iter().all(|state| state.dims() == [directions, batch, units]),
        "a state of another shape"
    );
    assert!(with.mask.is_none_or(|mask| mask.dims() == [batch, time]), "a mask of another batch");
    if batch * time * units == 0 {
        return (Tensor::zeros([batch, time, directions * units], options), state);
    }
    let mut tensors = vec![(hidden.device(), hidden.dtype()), (cell.device(), cell.dtype())];
    for RecurrentWeights { weight_ih, weight_hh, bias_ih, bias_hh, .. } in &with.directions {
        tensors.extend([weight_ih, weight_hh].map(|weight| (weight.device(), weight.dtype())));
        tensors.extend([bias_ih, bias_hh].map(|bias| (bias.device(), bias.dtype())));
    }
    tensors.push((x.device(), x.dtype()));
    let with = Recur { state: None, ..with };
    if is_ours(&tensors) { ours(x, with, state) } else { composed(x, with, &state) }
}

/// By our kernels, from a state on.
fn ours(
    x: Tensor<3>,
    with: Recur<'_>,
    RecurrentState { hidden, cell }: RecurrentState,
) -> (Tensor<3>, RecurrentState) {
    let [batch, time, _] = x.dims();
    let directions = with.directions.len();
    let units = with.directions[0].weight_hh.dims()[1];
    let mask = match with.mask {
        Some(mask) => mask.clone().cast(x.dtype()),
        None => Tensor::<2>::ones([batch, time], (&x.device(), x.dtype())),
    };
    let packed = with.directions.iter().map(|of| of.packed.clone()).collect();
    let mut all = with.directions.into_iter().map(|of| Weights {
        weight_ih: of.weight_ih.into_dispatch(),
        weight_hh: of.weight_hh.into_dispatch(),
        bias_ih: of.bias_ih.into_dispatch(),
        bias_hh: of.bias_hh.into_dispatch(),
    });
    let (Some(forward), reverse) = (all.next(), all.next()) else {
        unreachable!("a recurrent layer of no directions")
    };
    let operands = Recurring {
        hidden: hidden.into_dispatch(),
        cell: cell.into_dispatch(),
        x: x.into_dispatch(),
        mask: mask.into_dispatch(),
        forward,
        reverse: reverse.map_or(Reverse::None, Reverse::Some),
    };
    let all = <Dispatch as Kernels>::recurrent(operands, packed, with.kind);
    let all: Tensor<3> = Tensor::from_dispatch(all);
    let last = |place: usize| {
        let last = all.clone().narrow(1, time + place, 1);
        last.reshape([batch, directions, units]).swap_dims(0, 1)
    };
    let state = RecurrentState { hidden: last(0), cell: last(1) };
    let outputs = <Dispatch as Kernels>::first_steps(all.into_dispatch(), time);
    (Tensor::<3>::from_dispatch(outputs).reshape([batch, time, directions * units]), state)
}

/// By Burn's operations, from a state on.
fn composed(x: Tensor<3>, with: Recur<'_>, begin: &RecurrentState) -> (Tensor<3>, RecurrentState) {
    let (mut outputs, mut hidden, mut cell) = (Vec::new(), Vec::new(), Vec::new());
    for (direction, of) in with.directions.iter().enumerate() {
        let [rows, units] = of.weight_hh.dims();
        let [batch, time, inputs] = x.dims();
        let bias = of.bias_ih.clone().reshape([1, rows]);
        let fed = x.clone().reshape([batch * time, inputs]);
        let fed = fed.matmul(of.weight_ih.clone().swap_dims(0, 1)) + bias;
        let state = [&begin.hidden, &begin.cell]
            .map(|all| all.clone().narrow(0, direction, 1).reshape([batch, units]));
        let fed = fed.reshape([batch, time, rows]);
        let (y, state) = stepped(fed, (with.kind, direction > 0), of, state, with.mask);
        outputs.push(y);
        let [last, kept] = state.map(|state| state.unsqueeze::<3>());
        hidden.push(last);
        cell.push(kept);
    }
    let state = RecurrentState { hidden: Tensor::cat(hidden, 0), cell: Tensor::cat(cell, 0) };
    (Tensor::cat(outputs, 2), state)
}

/// A direction by Burn's operations, step by step, over the input's part of the gates.
fn stepped(
    x: Tensor<3>,
    (kind, reverse): (Recurrence, bool),
    of: &RecurrentWeights,
    [mut hidden, mut cell]: [Tensor<2>; 2],
    mask: Option<&Tensor<2>>,
) -> (Tensor<3>, [Tensor<2>; 2]) {
    let [batch, time, width] = x.dims();
    let [rows, units] = of.weight_hh.dims();
    let weight = of.weight_hh.clone().swap_dims(0, 1);
    let bias = of.bias_hh.clone().reshape([1, rows]);
    let mut outputs = Vec::with_capacity(time);
    for step in 0..time {
        let step = if reverse { time - 1 - step } else { step };
        let now = x.clone().narrow(1, step, 1).reshape([batch, width]);
        let fed = hidden.clone().matmul(weight.clone()) + bias.clone();
        let gate = |from: &Tensor<2>, index: usize| from.clone().narrow(1, index * units, units);
        let (next, kept) = match kind {
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
        let output = match mask {
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
    if reverse {
        outputs.reverse();
    }
    (Tensor::cat(outputs, 1), [hidden, cell])
}
