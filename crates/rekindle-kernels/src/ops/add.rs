//! Additions on Flex, and the way back.

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
    costs::pass,
    tensor::{FlexReal, Like, contiguous, extent, map_in_place, numbers, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Extent, Isa, Pixels, norm, scale,
        slope::{self, Argument},
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// `activation(x + added)`
fn sum<E: FlexReal>(x: FlexTensor, added: FlexTensor, activation: Activation) -> FlexTensor {
    let input = extent(&x);
    let (x, added) = (contiguous::<E>(x), contiguous::<E>(added));
    let ones = Buffer::<E>::filled(input.channels, E::ONE);
    let zeros = Buffer::<E>::zeros(input.channels);
    let mut y = Buffer::<E>::any(input.len());
    let (x, added) = (slice::<E>(&x), slice::<E>(&added));
    measure(
        "add",
        || pass::<E>(input, 3),
        || {
            let vectors = [&zeros[..], &ones, &zeros];
            norm::apply(
                Isa::best(),
                Pixels::new(x, input.channels),
                vectors,
                Some(added),
                activation,
                &mut y,
            );
        },
    );
    tensor_of(y, input.dims())
}

pub(super) fn plain(x: FlexTensor, added: FlexTensor, activation: Activation) -> FlexTensor {
    typed!(x, E => sum::<E>(x, added, activation))
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked<C>,
    added: Tracked<C>,
    activation: Activation,
) -> Tracked<C> {
    let ((x, a), (added, b)) = (x.into_parts(), added.into_parts());
    match Sum.prepare::<C>([a, b]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let kept = if activation.slope_from_value() {
                plain(x, added, activation)
            } else {
                plain(x, added, Activation::Identity)
            };
            let y = if activation.slope_from_value() {
                kept.clone()
            } else {
                let zeros = typed!(kept, E => {
                    let input = extent(&kept);
                    tensor_of(Buffer::<E>::zeros(input.len()), input.dims())
                });
                plain(kept.clone(), zeros, activation)
            };
            prep.finish((kept, activation), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(plain(x, added, activation)),
    }
}

#[derive(Debug)]
struct Sum;

impl Backward<Flex, 2> for Sum {
    type State = (FlexTensor, Activation);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (kept, activation) = ops.state;
        let dy = Like::of(&kept).check(grads.consume::<Flex>(&ops.node));
        let g = match activation {
            Activation::Identity => dy,
            _ => typed!(dy, E => {
                let channels = extent(&dy).channels;
                map_in_place::<E>(dy, |dy| {
                    let argument = Argument::Kept(slice::<E>(&kept));
                    slope::slopes(Isa::best(), activation, argument, channels, dy);
                })
            }),
        };
        let [x, added] = ops.parents;
        for parent in [x, added].into_iter().flatten() {
            grads.register::<Flex>(parent.id, g.clone());
        }
    }
}

/// `factors[picture] * x + added`
pub(super) fn add_scaled<E: FlexReal>(
    x: FlexTensor,
    factors: &FlexTensor,
    added: FlexTensor,
) -> FlexTensor {
    let input = extent(&x);
    let (x, added) = (contiguous::<E>(x), contiguous::<E>(added));
    let mut y = Buffer::<E>::any(input.len());
    let factors = spread::<E>(factors, input);
    let (x, added) = (slice::<E>(&x), slice::<E>(&added));
    scale::scale(Isa::best(), input, x, &factors, None, Some(added), &mut y);
    tensor_of(y, input.dims())
}

/// The factor of a picture for each of its channels.
fn spread<E: FlexReal>(factors: &FlexTensor, input: Extent) -> Buffer<E> {
    let mut spread = Buffer::<E>::any(input.batch * input.channels);
    let factors = numbers::<E>(factors);
    for (spread, &factor) in spread.chunks_exact_mut(input.channels.max(1)).zip(factors.iter()) {
        spread.fill(factor);
    }
    spread
}

pub(super) fn tracked_add_scaled<C: CheckpointStrategy>(
    x: Tracked<C>,
    factors: Tracked<C>,
    added: Tracked<C>,
) -> Tracked<C> {
    let ((x, a), (added, b)) = (x.into_parts(), added.into_parts());
    let factors = factors.into_primitive();
    let run = |x: FlexTensor, added| typed!(x, E => add_scaled::<E>(x, &factors, added));
    match AddScaled.prepare::<C>([a, b]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let y = run(x, added);
            prep.finish((factors.clone(), Like::of(&y)), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(run(x, added)),
    }
}

#[derive(Debug)]
struct AddScaled;

impl Backward<Flex, 2> for AddScaled {
    type State = (FlexTensor, Like);

    fn backward(self, ops: Ops<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (factors, like) = ops.state;
        let dy = like.check(grads.consume::<Flex>(&ops.node));
        let [x, added] = ops.parents;
        if let Some(x) = x {
            let dx = typed!(dy, E => {
                let input = extent(&dy);
                let factors = spread::<E>(&factors, input);
                let dy = contiguous::<E>(dy.clone());
                let mut dx = Buffer::<E>::any(input.len());
                let dy = slice::<E>(&dy);
                scale::scale(Isa::best(), input, dy, &factors, None, None, &mut dx);
                tensor_of(dx, input.dims())
            });
            grads.register::<Flex>(x.id, dx);
        }
        if let Some(added) = added {
            grads.register::<Flex>(added.id, dy);
        }
    }
}
