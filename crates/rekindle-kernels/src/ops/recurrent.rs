//! Recurrent layers on Flex, and the way back.

use burn::backend::{
    Autodiff, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;

use super::{
    Recurring,
    sequence::{in_a_row, lengths},
    tensor::{FlexReal, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Convolution, Extent, Isa, Window,
        recurrent::{self, Given, Keep, Run},
        slope::{Argument, sums},
        weight_gradient::weight_gradient,
    },
    memory::Buffer,
    profile::measure,
    recurrence::Recurrence,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

const X: usize = 0;
const WEIGHT: usize = 1;
const BIAS: usize = 2;
const HIDDEN: usize = 3;
const CELL: usize = 4;

/// What the way back needs.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    /// Input, weight, bias, first state, first cell.
    operands: [FlexTensor; 5],
    lengths: Vec<usize>,
    run: Run,
    /// Outputs with the last state and cell, gates, and what is inside of a step.
    found: [FlexTensor; 3],
}

fn run_of(x: &FlexTensor, kind: Recurrence, reverse: bool) -> Run {
    let shape = x.layout().shape().to_vec();
    let (batch, time, width) = match shape.as_slice() {
        &[batch, time, width] => (batch, time, width),
        other => panic!("a recurrent layer over {other:?}"),
    };
    Run { kind, batch, time, units: width / kind.gates(), reverse }
}

fn given<'a, E: FlexReal>(operands: &'a [FlexTensor; 5], lengths: &'a [usize]) -> Given<'a, E> {
    let [x, weight, bias, hidden, cell] = operands.each_ref().map(|operand| slice::<E>(operand));
    Given { x, weight, bias, hidden, cell, lengths }
}

/// `[batch, time + 2, units]`: outputs, then the last state, then the last cell; and what the way back needs, if it is taken.
fn forward<E: FlexReal>(
    operands: [FlexTensor; 5],
    mask: &FlexTensor,
    run: Run,
    keep: Keep,
) -> (FlexTensor, Kept) {
    let lengths = lengths(mask);
    let Run { batch, time, units, kind, .. } = run;
    let found = measure(
        "recurrent",
        || super::costs::cost::<E>(&products(batch * time, units, kind)),
        || recurrent::forward(Isa::best(), run, given::<E>(&operands, &lengths), keep),
    );
    let out = tensor_of(found.outputs, [batch, time + 2, units]);
    let [gates, inner] = [found.gates, found.inner].map(|kept| {
        let count = kept.len();
        tensor_of(kept, [count])
    });
    let found = [out.clone(), gates, inner];
    (out, Kept { operands, lengths, run, found })
}

/// The products of states and weights, as a convolution over pictures of one pixel.
fn products(rows: usize, units: usize, kind: Recurrence) -> Convolution {
    let input = Extent::new([1, 1, rows, units]);
    Convolution::new(input, units * kind.gates(), 1, Window::square(1, 1, 0))
}

pub(super) fn plain(operands: Recurring<Flex>, kind: Recurrence, reverse: bool) -> FlexTensor {
    let Recurring { x, weight, bias, hidden, cell, mask } = operands;
    let operands = [x, weight, bias, hidden, cell].map(in_a_row);
    let run = run_of(&operands[X], kind, reverse);
    typed!(operands[X], E => forward::<E>(operands, &mask, run, Keep::Nothing).0)
}

pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Recurring<Autodiff<Flex, C>>,
    kind: Recurrence,
    reverse: bool,
) -> Tracked<C> {
    let Recurring { x, weight, bias, hidden, cell, mask } = operands;
    let [(x, a), (weight, b), (bias, c), (hidden, d), (cell, e)] =
        [x, weight, bias, hidden, cell].map(FloatTensor::<Autodiff<Flex, C>>::into_parts);
    let operands = [x, weight, bias, hidden, cell].map(in_a_row);
    let run = run_of(&operands[X], kind, reverse);
    let mask = mask.into_primitive();
    match Recurred.prepare::<C>([a, b, c, d, e]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (out, kept) =
                typed!(operands[X], E => forward::<E>(operands, &mask, run, Keep::Gates));
            prep.finish(kept, out)
        }
        OpsKind::UnTracked(prep) => prep
            .finish(typed!(operands[X], E => forward::<E>(operands, &mask, run, Keep::Nothing).0)),
    }
}

#[derive(Debug)]
struct Recurred;

impl Backward<Flex, 5> for Recurred {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = typed!(dy, E => gradients::<E>(&dy, &ops.state, wanted));
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                grads.register::<Flex>(parent.id, found);
            }
        }
    }
}

fn gradients<E: FlexReal>(
    dy: &FlexTensor,
    kept: &Kept,
    wanted: [bool; 5],
) -> [Option<FlexTensor>; 5] {
    let Kept { operands, lengths, run, found } = kept;
    let Run { batch, time, units, kind, .. } = *run;
    assert_eq!(
        dy.layout().shape().to_vec(),
        [batch, time + 2, units],
        "a gradient of another shape"
    );
    let [outputs, gates, inner] = found.each_ref().map(|found| slice::<E>(found));
    let found = recurrent::Kept { outputs, gates, inner };
    let convolution = products(batch * time, units, kind);
    let isa = Isa::best();
    let back = measure(
        "recurrent back",
        || super::costs::cost::<E>(&convolution),
        || recurrent::backward(isa, *run, given::<E>(operands, lengths), found, slice::<E>(dy)),
    );
    let width = units * kind.gates();
    let fed = back.fed.as_deref().unwrap_or(&back.x);
    let weight = wanted[WEIGHT].then(|| {
        let mut weight = Buffer::<E>::any(width * units);
        measure(
            "weight gradient",
            || super::costs::cost::<E>(&convolution),
            || weight_gradient(isa, &convolution, &back.before, fed, &mut weight),
        );
        tensor_of(weight, [width, units])
    });
    let bias = wanted[BIAS].then(|| {
        let sums = measure(
            "slopes",
            || super::costs::pass::<E>(Extent::new([1, 1, batch * time, width]), 1),
            || sums(isa, Activation::Identity, Argument::Kept(fed), width, fed),
        );
        tensor_of(sums.gradient, [width])
    });
    [
        wanted[X].then(|| tensor_of(back.x, [batch, time, width])),
        weight,
        bias,
        wanted[HIDDEN].then(|| tensor_of(back.hidden, [batch, units])),
        wanted[CELL].then(|| tensor_of(back.cell, [batch, units])),
    ]
}
