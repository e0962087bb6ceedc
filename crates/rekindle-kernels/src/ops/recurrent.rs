//! Recurrent layers on Flex, and the way back.

use burn::backend::{
    Autodiff, Backend, Flex,
    autodiff::{
        checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
        grads::Gradients,
        ops::{Backward, Ops, OpsKind},
    },
    tensor::FloatTensor,
};
use burn_flex::FlexTensor;

use super::{
    Recurring, Reverse,
    costs::{cost, packing, pass},
    forward::product,
    sequence::{in_a_row, lengths},
    tensor::{FlexReal, Like, own, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Convolution, Direction, Extent, Isa, Packed, Post, Window, dense,
        norm::Measure,
        recurrent::{self, Given, Keep, Run, Weights},
        slope::{Argument, sums},
        weight_gradient::weight_gradient,
    },
    memory::Buffer,
    packed_weights::PackedWeights,
    profile::measure,
    recurrence::Recurrence,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// The operands: input, first states, first cells, and then those of each direction.
const X: usize = 0;
const HIDDEN: usize = 1;
const CELL: usize = 2;
const OF_ALL: usize = 3;
/// A direction's: what the input is multiplied by, what the state is, and what is added to each.
const WEIGHT_IH: usize = 0;
const WEIGHT_HH: usize = 1;
const BIAS_IH: usize = 2;
const BIAS_HH: usize = 3;
const OF_ONE: usize = 4;
/// The most there are.
const OPERANDS: usize = OF_ALL + 2 * OF_ONE;

/// A direction's operand.
fn of(direction: usize, which: usize) -> usize {
    OF_ALL + direction * OF_ONE + which
}

impl<B: Backend> Recurring<B> {
    /// The operands in their order, and the mask.
    pub(super) fn into_list(self) -> (Vec<FloatTensor<B>>, FloatTensor<B>) {
        let Self { x, hidden, cell, mask, forward, reverse } = self;
        let mut list = vec![x, hidden, cell];
        let reverse = match reverse {
            Reverse::Some(reverse) => Some(reverse),
            Reverse::None => None,
        };
        for of in std::iter::once(forward).chain(reverse) {
            list.extend([of.weight_ih, of.weight_hh, of.bias_ih, of.bias_hh]);
        }
        (list, mask)
    }
}

/// What the way back needs.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    operands: Vec<FlexTensor>,
    lengths: Vec<usize>,
    run: Run,
    /// Outputs with the last states and cells.
    outputs: FlexTensor,
    /// Of each direction.
    gates: Vec<FlexTensor>,
    /// Of each direction, what is inside of a step.
    inner: Vec<FlexTensor>,
}

fn run_of(operands: &[FlexTensor], kind: Recurrence) -> Run {
    let shape = operands[X].layout().shape().to_vec();
    let (batch, time) = match shape.as_slice() {
        &[batch, time, _] => (batch, time),
        other => panic!("a recurrent layer over {other:?}"),
    };
    let [_, units] = operands[of(0, WEIGHT_HH)].layout().shape().dims();
    Run { kind, batch, time, units, directions: (operands.len() - OF_ALL) / OF_ONE }
}

/// The products of rows and weights, as a convolution over pictures of one pixel.
fn products(run: Run, inputs: usize) -> Convolution {
    let input = Extent::new([1, 1, run.batch * run.time, inputs]);
    Convolution::new(input, run.width(), 1, Window::square(1, 1, 0))
}

fn weights<'a, E: FlexReal>(operands: &'a [FlexTensor], run: Run) -> Vec<Weights<'a, E>> {
    let one = |direction| Weights {
        weight: slice::<E>(&operands[of(direction, WEIGHT_HH)]),
        bias: slice::<E>(&operands[of(direction, BIAS_HH)]),
    };
    (0..run.directions).map(one).collect()
}

/// `[batch, time + 2, directions * units]`: outputs, then the last states, then the last cells; and what the way back needs.
fn forward<E: FlexReal>(
    operands: Vec<FlexTensor>,
    mask: &FlexTensor,
    packed: &[PackedWeights],
    (kind, keep): (Recurrence, Keep),
) -> (FlexTensor, Kept) {
    let operands: Vec<FlexTensor> = operands.into_iter().map(in_a_row).collect();
    let run = run_of(&operands, kind);
    let [_, _, inputs] = operands[X].layout().shape().dims();
    let convolution = products(run, inputs);
    let isa = Isa::best();
    let x = slice::<E>(&operands[X]);
    let mut gates: Vec<Buffer<E>> = (0..run.directions)
        .map(|direction| {
            let mut gates = Buffer::<E>::any(convolution.output().len());
            let shift = Some(slice::<E>(&operands[of(direction, BIAS_IH)]));
            let post = Post { shift, ..Post::default() };
            let weight = &operands[of(direction, WEIGHT_IH)];
            let packed = packed.get(direction);
            let what = Measure::Nothing;
            product(isa, &convolution, x, weight, packed, &post, &mut gates, what);
            gates
        })
        .collect();
    let lengths = lengths(mask);
    let weights = weights::<E>(&operands, run);
    let given = Given {
        weights: &weights,
        hidden: slice::<E>(&operands[HIDDEN]),
        cell: slice::<E>(&operands[CELL]),
        lengths: &lengths,
    };
    let found = measure(
        "recurrent",
        || cost::<E>(&products(run, run.outputs())),
        || recurrent::forward(isa, run, given, &mut gates, keep),
    );
    drop(weights);
    let outputs = tensor_of(found.outputs, [run.batch, run.time + 2, run.outputs()]);
    let tensors = |buffers: Vec<Buffer<E>>| -> Vec<FlexTensor> {
        let one = |buffer: Buffer<E>| {
            let count = buffer.len();
            tensor_of(buffer, [count])
        };
        buffers.into_iter().map(one).collect()
    };
    let (gates, inner) = (tensors(gates), tensors(found.inner));
    (outputs.clone(), Kept { operands, lengths, run, outputs, gates, inner })
}

pub(super) fn plain(
    operands: Vec<FlexTensor>,
    mask: &FlexTensor,
    packed: &[PackedWeights],
    kind: Recurrence,
) -> FlexTensor {
    typed!(operands[X], E => forward::<E>(operands, mask, packed, (kind, Keep::Nothing)).0)
}

pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Vec<Tracked<C>>,
    mask: &FlexTensor,
    packed: &[PackedWeights],
    kind: Recurrence,
) -> Tracked<C> {
    // A parent that is not there is one that wants no gradient.
    let absent = Tracked::<C>::new(tensor_of(Buffer::<f32>::zeros(0), [0]));
    let parent = |index: usize| operands.get(index).unwrap_or(&absent).clone();
    let nodes = std::array::from_fn::<_, OPERANDS, _>(|index| parent(index).node());
    // Weights that train are others at the next step.
    let mut packed = packed;
    if (0..2).any(|direction| parent(of(direction, WEIGHT_IH)).is_tracked()) {
        packed.iter().for_each(PackedWeights::clear);
        packed = &[];
    }
    let operands: Vec<FlexTensor> =
        operands.into_iter().map(Tracked::<C>::into_primitive).collect();
    match Recurred.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (out, kept) = typed!(operands[X], E => {
                forward::<E>(operands, mask, packed, (kind, Keep::Gates))
            });
            prep.finish(kept, out)
        }
        OpsKind::UnTracked(prep) => prep.finish(plain(operands, mask, packed, kind)),
    }
}

#[derive(Debug)]
struct Recurred;

impl Backward<Flex, OPERANDS> for Recurred {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, OPERANDS>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Flex>(&ops.node);
        let dy = in_a_row(Like::of(&ops.state.outputs).check(dy));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = typed!(dy, E => gradients::<E>(&dy, ops.state, wanted));
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(found)) = (parent, found) {
                grads.register::<Flex>(parent.id, found);
            }
        }
    }
}

fn gradients<E: FlexReal>(
    dy: &FlexTensor,
    kept: Kept,
    wanted: [bool; OPERANDS],
) -> [Option<FlexTensor>; OPERANDS] {
    let Kept { operands, lengths, run, outputs, gates, inner } = kept;
    let [_, _, inputs] = operands[X].layout().shape().dims();
    let mut found = [const { None }; OPERANDS];
    let isa = Isa::best();
    let mut gates: Vec<FlexTensor> = gates.into_iter().map(own::<E>).collect();
    let weights = weights::<E>(&operands, run);
    let given = Given {
        weights: &weights,
        hidden: slice::<E>(&operands[HIDDEN]),
        cell: slice::<E>(&operands[CELL]),
        lengths: &lengths,
    };
    let inner: Vec<&[E]> = inner.iter().map(slice::<E>).collect();
    let inside = products(run, run.units);
    let mut of_gates: Vec<&mut [E]> = gates.iter_mut().map(FlexTensor::storage_mut::<E>).collect();
    let back = measure(
        "recurrent back",
        || cost::<E>(&products(run, run.outputs())),
        || {
            let kept = recurrent::Kept { outputs: slice::<E>(&outputs), inner: &inner };
            recurrent::backward(isa, run, given, &mut of_gates, kept, slice::<E>(dy))
        },
    );
    let convolution = products(run, inputs);
    let gradient_of = |shape: &Convolution, x: &[E], dy: &[E]| {
        let mut weight = Buffer::<E>::any(shape.weights());
        measure(
            "weight gradient",
            || cost::<E>(shape),
            || weight_gradient(isa, shape, x, dy, &mut weight),
        );
        tensor_of(weight, [run.width(), shape.input.channels])
    };
    let summed = |dy: &[E]| {
        let sums = measure(
            "slopes",
            || pass::<E>(convolution.output(), 1),
            || sums(isa, Activation::Identity, Argument::Kept(dy), run.width(), dy),
        );
        tensor_of(sums.gradient, [run.width()])
    };
    let mut dx: Option<Buffer<E>> = None;
    for (direction, dy) in of_gates.iter().enumerate() {
        let place = |which: usize| of(direction, which);
        let fed: &[E] = back.fed.get(direction).map_or(&**dy, |fed| &fed[..]);
        if wanted[place(WEIGHT_HH)] {
            found[place(WEIGHT_HH)] = Some(gradient_of(&inside, &back.before[direction], fed));
        }
        if wanted[place(WEIGHT_IH)] {
            found[place(WEIGHT_IH)] = Some(gradient_of(&convolution, slice::<E>(&operands[X]), dy));
        }
        if wanted[place(BIAS_HH)] {
            found[place(BIAS_HH)] = Some(summed(fed));
        }
        if wanted[place(BIAS_IH)] {
            // What is added to the same sum has the same gradient.
            let same = found[place(BIAS_HH)].clone().filter(|_| back.fed.is_empty());
            found[place(BIAS_IH)] = Some(same.unwrap_or_else(|| summed(dy)));
        }
        if wanted[X] {
            let values = slice::<E>(&operands[place(WEIGHT_IH)]);
            let packed = measure(
                "packing",
                || packing::<E>(&convolution),
                || Packed::new(isa, &convolution, Direction::Backward, values, None),
            );
            let mut sum = Buffer::<E>::any(convolution.input.len());
            measure(
                "input gradient",
                || cost::<E>(&convolution),
                || dense::input_gradient(&convolution, dy, &packed, dx.as_deref(), &mut sum),
            );
            dx = Some(sum);
        }
    }
    let states = [run.directions, run.batch, run.units];
    found[X] = dx.map(|dx| tensor_of(dx, [run.batch, run.time, inputs]));
    found[HIDDEN] = wanted[HIDDEN].then(|| tensor_of(back.hidden, states));
    found[CELL] = wanted[CELL].then(|| tensor_of(back.cell, states));
    found
}
