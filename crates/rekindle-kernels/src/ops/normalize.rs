//! A norm and an activation of a map by themselves, on Flex, and the way back.

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
    NormKind, Normed,
    convolve::outputs,
    costs::pass,
    forward::{reciprocal_deviation, times},
    tensor::{
        FlexReal, Like, contiguous, extent, has_pixels, map_in_place, numbers, pixels, slice,
        tensor_of,
    },
    typed,
};
use crate::{
    cpu::{
        Activation, Isa, norm,
        slope::{self, Argument},
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;
type Outputs<T> = (T, T, T);

/// What a norm takes off a channel, what it multiplies by and what it adds.
struct Vectors<E: FlexReal> {
    mean: Buffer<E>,
    /// One over the standard deviation.
    deviation: Buffer<E>,
    scale: Buffer<E>,
    shift: Buffer<E>,
}

/// Copies of the vectors; without a norm they change nothing.
fn vectors<E: FlexReal>(
    [gamma, beta, mean, variance]: [Option<&FlexTensor>; 4],
    norm: NormKind,
    channels: usize,
) -> Vectors<E> {
    let of = |tensor: Option<&FlexTensor>, otherwise: E| match tensor {
        Some(tensor) => Buffer::copy(&numbers::<E>(tensor)),
        None => Buffer::filled(channels, otherwise),
    };
    let deviation = match norm {
        NormKind::None => Buffer::filled(channels, E::ONE),
        NormKind::Running { epsilon } | NormKind::Batch { epsilon } => {
            reciprocal_deviation(&of(variance, E::ONE), epsilon)
        }
    };
    let scale = times(&of(gamma, E::ONE), &deviation);
    Vectors { mean: of(mean, E::ZERO), shift: of(beta, E::ZERO), deviation, scale }
}

/// The map, and mean and variance of a batch that normalizes itself.
fn forward<E: FlexReal>(
    operands: &Normed<Flex>,
    norm: NormKind,
    activation: Activation,
) -> (FlexTensor, Option<[FlexTensor; 2]>) {
    let isa = Isa::best();
    let input = extent(&operands.x);
    let channels = input.channels;
    let x = pixels::<E>(&operands.x);
    let statistics = matches!(norm, NormKind::Batch { .. }).then(|| {
        let run = || norm::moments(isa, x, channels, input.pixels()).join();
        measure("moments", || pass::<E>(input, 1), run).map(|vector| tensor_of(vector, [channels]))
    });
    let [mean, variance] = match &statistics {
        Some([mean, variance]) => [Some(mean), Some(variance)],
        None => [operands.mean.get(), operands.variance.get()],
    };
    let given = [operands.gamma.get(), operands.beta.get(), mean, variance];
    let Vectors { mean, scale, shift, .. } = vectors::<E>(given, norm, channels);
    let mut z = Buffer::<E>::any(input.len());
    let run = || norm::apply(isa, x, [&mean, &scale, &shift], None, activation, &mut z);
    measure("norm", || pass::<E>(input, 2), run);
    (tensor_of(z, input.dims()), statistics)
}

/// Without a graph.
pub(super) fn plain<E: FlexReal>(
    operands: Normed<Flex>,
    norm: NormKind,
    activation: Activation,
) -> Outputs<FlexTensor> {
    let (z, statistics) = forward::<E>(&in_place::<E>(operands), norm, activation);
    outputs(z, statistics)
}

/// The operands, the map copied if its pixels' numbers do not lie side by side.
fn in_place<E: FlexReal>(operands: Normed<Flex>) -> Normed<Flex> {
    let x = operands.x;
    let x = if has_pixels(&x) { x } else { contiguous::<E>(x) };
    Normed { x, ..operands }
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    x: FlexTensor,
    vectors: [Option<FlexTensor>; 4],
    norm: NormKind,
    activation: Activation,
    like: Like,
}

#[derive(Debug)]
struct Normalize;

impl Backward<Flex, 3> for Normalize {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dz = ops.state.like.check(grads.consume::<Flex>(&ops.node));
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = typed!(dz, E => gradients::<E>(dz, &ops.state, wanted));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// The gradients of the map, the factor and what is added.
fn gradients<E: FlexReal>(
    dz: FlexTensor,
    saved: &Saved,
    [wants_x, wants_gamma, wants_beta]: [bool; 3],
) -> [Option<FlexTensor>; 3] {
    let isa = Isa::best();
    let Saved { x, norm, activation, .. } = saved;
    let (input, activation) = (extent(x), *activation);
    let channels = input.channels;
    let given = saved.vectors.each_ref().map(Option::as_ref);
    let Vectors { mean, deviation, scale, shift } = vectors::<E>(given, *norm, channels);
    let argument = Argument::Normed {
        y: slice::<E>(x),
        scale: &scale,
        shift: &shift,
        mean: &mean,
        rest: None,
    };
    let dz = contiguous::<E>(dz);
    let run = || slope::sums(isa, activation, argument, channels, slice::<E>(&dz));
    let sums = measure("slopes", || pass::<E>(input, 2), run);
    let vector = |values: Buffer<E>| Some(tensor_of(values, [channels]));
    let gamma = || {
        let mut gamma = Buffer::copy(&sums.product);
        gamma.iter_mut().zip(deviation.iter()).for_each(|(gamma, &r)| *gamma = *gamma * r);
        gamma
    };
    let through = |dz: FlexTensor| {
        map_in_place::<E>(dz, |dz| {
            let run = || match norm {
                NormKind::Batch { .. } => {
                    slope::through_norm(isa, activation, argument, dz, &sums, &deviation);
                }
                NormKind::None | NormKind::Running { .. } => {
                    let nothing = Buffer::<E>::zeros(channels);
                    slope::through(isa, activation, argument, dz, [&nothing, &nothing]);
                }
            };
            measure("norm back", || pass::<E>(input, 3), run);
        })
    };
    let of_gamma = if wants_gamma { vector(gamma()) } else { None };
    let of_beta = if wants_beta { vector(Buffer::copy(&sums.gradient)) } else { None };
    [wants_x.then(|| through(dz)), of_gamma, of_beta]
}

/// With a graph.
pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Normed<Autodiff<Flex, C>>,
    norm: NormKind,
    activation: Activation,
) -> Outputs<Tracked<C>> {
    // A parent that is not there is one that wants no gradient.
    let absent = Tracked::<C>::new(tensor_of(Buffer::<f32>::zeros(0), [0]));
    let (gamma, beta) = (operands.gamma.parent(&absent), operands.beta.parent(&absent));
    let parents = [operands.x.clone(), gamma, beta];
    let nodes = parents.each_ref().map(Tracked::<C>::node);
    drop(parents);
    let operands = Normed::<Flex> {
        x: operands.x.into_primitive(),
        gamma: operands.gamma.inner(),
        beta: operands.beta.inner(),
        mean: operands.mean.inner(),
        variance: operands.variance.inner(),
    };
    let constant = |tensor: FlexTensor| Tracked::<C>::new(tensor);
    match Normalize.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (operands, (z, statistics)) = typed!(operands.x, E => {
                let x = contiguous::<E>(operands.x);
                let operands = Normed { x, ..operands };
                let found = forward::<E>(&operands, norm, activation);
                (operands, found)
            });
            let Normed { x, gamma, beta, mean, variance } = operands;
            let [mean, variance] = match statistics.clone() {
                Some(statistics) => statistics.map(Some),
                None => [mean.into_option(), variance.into_option()],
            };
            let vectors = [gamma.into_option(), beta.into_option(), mean, variance];
            let like = Like::of(&z);
            let saved = Saved { x, vectors, norm, activation, like };
            let (z, mean, variance) = outputs(z, statistics);
            (prep.finish(saved, z), constant(mean), constant(variance))
        }
        OpsKind::UnTracked(prep) => {
            let (z, mean, variance) =
                typed!(operands.x, E => plain::<E>(operands, norm, activation));
            (prep.finish(z), constant(mean), constant(variance))
        }
    }
}
