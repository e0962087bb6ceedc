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
        Convolution, Extent, Isa, Window,
        recurrent::{self, Found, Given, Incoming, Run},
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
    /// Outputs, gates, and what is inside of a step.
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

/// `[batch, time + 2, units]`: outputs, then the last state, then the last cell.
fn joined<E: FlexReal>(run: Run, found: &Found<E>) -> FlexTensor {
    let Run { batch, time, units, .. } = run;
    let mut all = Buffer::<E>::any(batch * (time + 2) * units);
    let row = time * units;
    for (text, all) in all.chunks_exact_mut((row + 2 * units).max(1)).enumerate() {
        all[..row].copy_from_slice(&found.outputs[text * row..][..row]);
        let last = text * units;
        all[row..row + units].copy_from_slice(&found.hidden[last..last + units]);
        all[row + units..].copy_from_slice(&found.cell[last..last + units]);
    }
    tensor_of(all, [batch, time + 2, units])
}

fn forward<E: FlexReal>(
    operands: [FlexTensor; 5],
    mask: &FlexTensor,
    run: Run,
) -> (FlexTensor, Kept) {
    let lengths = lengths(mask);
    let Run { batch, time, units, kind, .. } = run;
    let found = measure(
        "recurrent",
        || super::costs::cost::<E>(&products(batch * time, units, kind)),
        || recurrent::forward(Isa::best(), run, given::<E>(&operands, &lengths)),
    );
    let out = joined(run, &found);
    let width = units * kind.gates();
    let found = [
        tensor_of(found.outputs, [batch, time, units]),
        tensor_of(found.gates, [batch, time, width]),
        tensor_of(found.inner, [batch, time, units]),
    ];
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
    typed!(operands[X], E => forward::<E>(operands, &mask, run).0)
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
    let (out, kept) = typed!(operands[X], E => forward::<E>(operands, &mask.into_primitive(), run));
    match Recurred.prepare::<C>([a, b, c, d, e]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
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
    let row = time * units;
    let mut outputs = Buffer::<E>::any(batch * row);
    let [mut hidden, mut cell] = [(); 2].map(|()| Buffer::<E>::any(batch * units));
    for (text, dy) in slice::<E>(dy).chunks_exact((row + 2 * units).max(1)).enumerate() {
        outputs[text * row..][..row].copy_from_slice(&dy[..row]);
        hidden[text * units..][..units].copy_from_slice(&dy[row..row + units]);
        cell[text * units..][..units].copy_from_slice(&dy[row + units..]);
    }
    let [of_outputs, gates, inner] = found.each_ref().map(|found| Buffer::copy(slice::<E>(found)));
    let found = Found {
        outputs: of_outputs,
        gates,
        inner,
        hidden: Buffer::zeros(0),
        cell: Buffer::zeros(0),
    };
    let incoming = Incoming { outputs: &outputs, hidden: Some(&hidden), cell: Some(&cell) };
    let convolution = products(batch * time, units, kind);
    let isa = Isa::best();
    let back = measure(
        "recurrent back",
        || super::costs::cost::<E>(&convolution),
        || recurrent::backward(isa, *run, given::<E>(operands, lengths), &found, incoming),
    );
    let width = units * kind.gates();
    let fed = back.fed.as_deref().unwrap_or(&back.x);
    let weight = wanted[WEIGHT].then(|| {
        let mut weight = Buffer::<E>::zeros(width * units);
        measure(
            "weight gradient",
            || super::costs::cost::<E>(&convolution),
            || weight_gradient(isa, &convolution, &back.before, fed, &mut weight),
        );
        tensor_of(weight, [width, units])
    });
    let bias = wanted[BIAS].then(|| {
        let mut bias = Buffer::<E>::zeros(width);
        for step in fed.chunks_exact(width.max(1)) {
            bias.iter_mut().zip(step).for_each(|(bias, step)| *bias = *bias + *step);
        }
        tensor_of(bias, [width])
    });
    [
        wanted[X].then(|| tensor_of(back.x, [batch, time, width])),
        weight,
        bias,
        wanted[HIDDEN].then(|| tensor_of(back.hidden, [batch, units])),
        wanted[CELL].then(|| tensor_of(back.cell, [batch, units])),
    ]
}
