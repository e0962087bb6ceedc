//! Group normalization and an activation on Flex, and the way back: a picture after the other, each with statistics of its own.

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
    Groups,
    costs::pass,
    tensor::{FlexReal, Like, contiguous, extent, numbers, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Extent, Isa, Pixels, Written, norm,
        slope::{self, Argument},
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// What a picture's channels are normalized by, that of a group for each of its channels.
struct Statistics<E> {
    mean: Buffer<E>,
    deviation: Buffer<E>,
    scale: Buffer<E>,
}

fn statistics<E: FlexReal>(picture: &[E], gamma: &[E], groups: Groups) -> Statistics<E> {
    let channels = gamma.len();
    let pixels = picture.len() / channels;
    let map = Pixels::new(picture, channels);
    let [mut mean, mut deviation] = norm::moments(Isa::best(), map, channels, pixels).join();
    let width = channels / groups.count;
    for (means, variances) in mean.chunks_exact_mut(width).zip(deviation.chunks_exact_mut(width)) {
        let middle = means.iter().map(|mean| mean.wide()).sum::<f64>() / width as f64;
        let spread = means.iter().zip(variances.iter()).map(|(mean, variance)| {
            let apart = mean.wide() - middle;
            variance.wide() + apart * apart
        });
        let variance = spread.sum::<f64>() / width as f64;
        means.fill(E::of(middle));
        variances.fill(E::of(1.0 / (variance + groups.epsilon).sqrt()));
    }
    let scale = super::forward::times(gamma, &deviation);
    Statistics { mean, deviation, scale }
}

/// Numbers of a picture; a map without any has none of them.
fn picture(input: Extent) -> usize {
    (input.len() / input.batch.max(1)).max(1)
}

fn forward<E: FlexReal>(
    x: &FlexTensor,
    [gamma, beta]: [&FlexTensor; 2],
    groups: Groups,
    activation: Activation,
) -> FlexTensor {
    let input = extent(x);
    let (gamma, beta) = (numbers::<E>(gamma), numbers::<E>(beta));
    let mut z = Buffer::<E>::any(input.len());
    let run = || {
        let len = picture(input);
        for (x, z) in slice::<E>(x).chunks_exact(len).zip(z.chunks_exact_mut(len)) {
            let Statistics { mean, scale, .. } = statistics(x, &gamma, groups);
            let vectors = [&mean[..], &scale, &beta];
            let map = Pixels::new(x, input.channels);
            norm::apply(Isa::best(), map, vectors, None, activation, z);
        }
    };
    measure("group norm", || pass::<E>(input, 3), run);
    tensor_of(z, input.dims())
}

/// Without a graph.
pub(super) fn plain<E: FlexReal>(
    x: FlexTensor,
    affine: [&FlexTensor; 2],
    groups: Groups,
    activation: Activation,
) -> FlexTensor {
    forward::<E>(&contiguous::<E>(x), affine, groups, activation)
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    x: FlexTensor,
    affine: [FlexTensor; 2],
    groups: Groups,
    activation: Activation,
}

#[derive(Debug)]
struct GroupNorm;

impl Backward<Flex, 3> for GroupNorm {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dz = Like::of(&ops.state.x).check(grads.consume::<Flex>(&ops.node));
        let found = typed!(dz, E => gradients::<E>(dz, &ops.state));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// The gradients of the map, the factor and what is added.
fn gradients<E: FlexReal>(dz: FlexTensor, saved: &Saved) -> [FlexTensor; 3] {
    let Saved { x, affine: [gamma, beta], groups, activation } = saved;
    let (input, dz) = (extent(x), contiguous::<E>(dz));
    let channels = input.channels;
    let (gamma, beta) = (numbers::<E>(gamma), numbers::<E>(beta));
    let mut dx = Buffer::<E>::any(input.len());
    let mut vectors = [Buffer::<E>::zeros(channels), Buffer::<E>::zeros(channels)];
    let run = || {
        let len = picture(input);
        let pictures = slice::<E>(x).chunks_exact(len).zip(slice::<E>(&dz).chunks_exact(len));
        for ((x, dz), dx) in pictures.zip(dx.chunks_exact_mut(len)) {
            let Statistics { mean, deviation, scale } = statistics(x, &gamma, *groups);
            let argument =
                Argument::Normed { y: x, scale: &scale, shift: &beta, mean: &mean, rest: None };
            let isa = Isa::best();
            let sums = slope::sums(isa, *activation, argument, channels, dz);
            // With the group's means of `gamma * g` and `gamma * g * xhat` taken off, as a layer's norm does it.
            let mut constant = Buffer::<E>::any(channels);
            let mut factor = Buffer::<E>::any(channels);
            let width = channels / groups.count;
            let count = (width * (len / channels)) as f64;
            for group in (0..channels).step_by(width) {
                let own = group..group + width;
                let r = deviation[group].wide();
                let total = |of: &[E]| {
                    let weighed = own.clone().map(|c| gamma[c].wide() * of[c].wide());
                    weighed.sum::<f64>() / count
                };
                constant[own.clone()].fill(E::of(r * total(&sums.gradient)));
                factor[own.clone()].fill(E::of(r * r * r * total(&sums.product)));
            }
            let [of_gamma, of_beta] = &mut vectors;
            for c in 0..channels {
                of_gamma[c] = of_gamma[c] + sums.product[c] * deviation[c];
                of_beta[c] = of_beta[c] + sums.gradient[c];
            }
            let map = Written::To { from: dz, to: dx };
            slope::through(isa, *activation, argument, map, [&constant, &factor]);
        }
    };
    measure("group norm back", || pass::<E>(input, 5), run);
    let [gamma, beta] = vectors.map(|vector| tensor_of(vector, [channels]));
    [tensor_of(dx, input.dims()), gamma, beta]
}

/// With a graph.
pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked<C>,
    [gamma, beta]: [Tracked<C>; 2],
    groups: Groups,
    activation: Activation,
) -> Tracked<C> {
    let ((x, a), (gamma, b), (beta, c)) = (x.into_parts(), gamma.into_parts(), beta.into_parts());
    match GroupNorm.prepare::<C>([a, b, c]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (x, z) = typed!(x, E => {
                let x = contiguous::<E>(x);
                let z = forward::<E>(&x, [&gamma, &beta], groups, activation);
                (x, z)
            });
            prep.finish(Saved { x, affine: [gamma, beta], groups, activation }, z)
        }
        OpsKind::UnTracked(prep) => {
            prep.finish(typed!(x, E => plain::<E>(x, [&gamma, &beta], groups, activation)))
        }
    }
}
