//! Squeeze and excitation on Flex, and the way back.

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
    Excitement,
    costs::pass,
    tensor::{FlexReal, Like, contiguous, extent, numbers, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Isa,
        gate::{self, Gate},
        mean, scale,
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// The layers of a gate as slices.
fn with_gate<E: FlexReal, T>(
    operands: &Excitement<Flex>,
    activations: [Activation; 2],
    run: impl FnOnce(&Gate<'_, E>) -> T,
) -> T {
    let shape = operands.x.layout().shape();
    let (batch, channels) = (shape[0], shape[shape.num_dims() - 1]);
    let [reduce, reduce_bias, expand, expand_bias] =
        [&operands.reduce, &operands.reduce_bias, &operands.expand, &operands.expand_bias]
            .map(|tensor| numbers::<E>(tensor));
    run(&Gate {
        batch,
        channels,
        squeezed: reduce_bias.len(),
        reduce: &reduce,
        reduce_bias: &reduce_bias,
        expand: &expand,
        expand_bias: &expand_bias,
        activations,
    })
}

pub(super) fn plain<E: FlexReal>(
    operands: &Excitement<Flex>,
    activations: [Activation; 2],
) -> FlexTensor {
    forward::<E>(operands, activations).0
}

/// The output, the means, and what the gate computed from them.
fn forward<E: FlexReal>(
    operands: &Excitement<Flex>,
    activations: [Activation; 2],
) -> (FlexTensor, [Buffer<E>; 2]) {
    let isa = Isa::best();
    let input = extent(&operands.x);
    let x = contiguous::<E>(operands.x.clone());
    let x = slice::<E>(&x);
    let mut y = Buffer::<E>::any(input.len());
    let (means, factors) = measure(
        "excite",
        || pass::<E>(input, 3),
        || {
            let means = mean::mean(isa, input, x);
            let factors = with_gate(operands, activations, |gate| gate.forward(isa, &means));
            scale::scale(isa, input, x, &factors, None, None, &mut y);
            (means, factors)
        },
    );
    (tensor_of(y, input.dims()), [means, factors])
}

/// What goes back through squeeze and excitation. The gate is computed again: it is small.
#[derive(Debug, Clone)]
struct Excited {
    x: FlexTensor,
    reduce: FlexTensor,
    reduce_bias: FlexTensor,
    expand: FlexTensor,
    expand_bias: FlexTensor,
    means: FlexTensor,
    activations: [Activation; 2],
}

pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Excitement<Autodiff<Flex, C>>,
    activations: [Activation; 2],
) -> Tracked<C> {
    let Excitement { x, reduce, reduce_bias, expand, expand_bias } = operands;
    let parts = [x, reduce, reduce_bias, expand, expand_bias].map(Tracked::<C>::into_parts);
    let [(x, a), (reduce, b), (reduce_bias, c), (expand, d), (expand_bias, e)] = parts;
    let operands = Excitement::<Flex> { x, reduce, reduce_bias, expand, expand_bias };
    match Excite.prepare::<C>([a, b, c, d, e]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (y, means) = typed!(operands.x, E => {
                let input = extent(&operands.x);
                let (y, [means, _]) = forward::<E>(&operands, activations);
                (y, tensor_of(means, [input.batch, input.channels]))
            });
            let Excitement { x, reduce, reduce_bias, expand, expand_bias } = operands;
            let saved = Excited { x, reduce, reduce_bias, expand, expand_bias, means, activations };
            prep.finish(saved, y)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(typed!(operands.x, E => plain::<E>(&operands, activations)))
        }
    }
}

#[derive(Debug)]
struct Excite;

impl Backward<Flex, 5> for Excite {
    type State = Excited;

    fn backward(self, ops: Ops<Excited, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        // The output is of the input's shape.
        let dy = Like::of(&ops.state.x).check(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents[0].is_some();
        let map = extent(&ops.state.x);
        let found = typed!(dy, E => {
            measure("excite back", || pass::<E>(map, 4), || {
                excite_gradients::<E>(dy, ops.state, wanted)
            })
        });
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

fn excite_gradients<E: FlexReal>(
    dy: FlexTensor,
    saved: Excited,
    wanted: bool,
) -> [Option<FlexTensor>; 5] {
    let isa = Isa::best();
    let input = extent(&saved.x);
    let x = contiguous::<E>(saved.x);
    let (x, dy) = (slice::<E>(&x), contiguous::<E>(dy));
    let dy = slice::<E>(&dy);
    let shapes = [&saved.reduce, &saved.reduce_bias, &saved.expand, &saved.expand_bias]
        .map(|tensor| tensor.layout().shape().clone());
    let operands = Excitement::<Flex> {
        x: saved.means.clone(),
        reduce: saved.reduce,
        reduce_bias: saved.reduce_bias,
        expand: saved.expand,
        expand_bias: saved.expand_bias,
    };
    let means = slice::<E>(&saved.means);
    let products = scale::products(isa, input, x, dy);
    let gate::Gradients { factors, means: dmeans, weights } =
        with_gate(&operands, saved.activations, |gate| gate.backward(isa, means, &products));
    let dx = wanted.then(|| {
        // The mean of a channel is a share of each of its pixels.
        let share = E::of(1.0 / (input.height * input.width).max(1) as f64);
        let mut constants = dmeans;
        constants.iter_mut().for_each(|constant| *constant = *constant * share);
        let mut dx = Buffer::<E>::any(input.len());
        scale::scale(isa, input, dy, &factors, Some(&constants), None, &mut dx);
        tensor_of(dx, input.dims())
    });
    let [a, b, c, d] = weights;
    let mut found = [dx, None, None, None, None];
    for ((found, gradient), shape) in found[1..].iter_mut().zip([a, b, c, d]).zip(shapes) {
        let len = gradient.len();
        *found = Some(tensor_of(gradient, [len]).reshape(shape));
    }
    found
}
