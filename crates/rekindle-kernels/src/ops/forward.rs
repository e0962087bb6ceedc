//! Convolution, norm, addition and activation on Flex, forward.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::{
    Given, NormKind, Operands, Plan,
    costs::{cost, packing, pass, shapes},
    tensor::{FlexReal, numbers, slice, tensor_of},
};
use crate::{
    cpu::{
        Activation, Convolution, Direction, Isa, Packed, Pixels, Post, Shared, dense, depthwise,
        norm::{self, Measure, Moments},
    },
    memory::Buffer,
    profile::measure,
};

/// What going forward leaves.
pub(super) struct Forward {
    pub(super) z: FlexTensor,
    /// What the slope of the activation is told from, if it is not `z`.
    pub(super) kept: Option<FlexTensor>,
    /// Mean and variance of the batch.
    pub(super) statistics: Option<[FlexTensor; 2]>,
}

/// Whether the way back will be taken.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Keep {
    Nothing,
    Slopes,
}

/// A vector as numbers, if it is given.
fn given<E: FlexReal>(tensor: &Given<Flex>) -> Option<std::borrow::Cow<'_, [E]>> {
    tensor.get().map(numbers::<E>)
}

/// One over the standard deviation.
pub(super) fn reciprocal_deviation<E: FlexReal>(variance: &[E], epsilon: f64) -> Buffer<E> {
    let mut r = Buffer::<E>::any(variance.len());
    for (r, variance) in r.iter_mut().zip(variance) {
        *r = E::of(1.0 / (variance.wide() + epsilon).sqrt());
    }
    r
}

/// The factor of a norm.
pub(super) fn times<E: FlexReal>(gamma: &[E], r: &[E]) -> Buffer<E> {
    let mut scale = Buffer::copy(gamma);
    scale.iter_mut().zip(r).for_each(|(scale, &r)| *scale = *scale * r);
    scale
}

/// Factor and addend of a norm: `gamma * r` and `beta + (bias - mean) * gamma * r`.
fn fold<E: FlexReal>(
    gamma: &[E],
    beta: &[E],
    mean: &[E],
    r: &[E],
    bias: Option<&[E]>,
) -> [Buffer<E>; 2] {
    let mut scale = Buffer::<E>::any(gamma.len());
    let mut shift = Buffer::<E>::any(gamma.len());
    for c in 0..gamma.len() {
        let factor = gamma[c].wide() * r[c].wide();
        let apart = bias.map_or(0.0, |bias| bias[c].wide()) - mean[c].wide();
        scale[c] = E::of(factor);
        shift[c] = E::of(beta[c].wide() + apart * factor);
    }
    [scale, shift]
}

pub(super) fn forward<E: FlexReal>(operands: &Operands<Flex>, plan: &Plan, keep: Keep) -> Forward {
    let convolution = shapes(&operands.x, &operands.weight, plan);
    let output = convolution.output();
    let isa = Isa::best();
    let residual = operands.residual.get().map(slice::<E>);
    let [bias, gamma, beta] =
        [&operands.bias, &operands.gamma, &operands.beta].map(|tensor| given::<E>(tensor));
    let (bias, gamma, beta) = (bias.as_deref(), gamma.as_deref(), beta.as_deref());
    let product = |post: &Post<'_, E>, what: Measure| {
        let mut y = Buffer::<E>::any(output.len());
        let packed = plan.packed.as_ref();
        let x = slice::<E>(&operands.x);
        let moments = product(isa, &convolution, x, &operands.weight, packed, post, &mut y, what);
        (y, moments)
    };
    let finish = |y: Buffer<E>| tensor_of(y, output.dims());
    let activation = plan.activation;

    if let (NormKind::Batch { epsilon }, Some(gamma), Some(beta)) = (plan.norm, gamma, beta) {
        let post = Post { shift: bias, ..Post::default() };
        let (y, moments) = product(&post, Measure::Channels);
        let [mean, variance] = moments
            .as_ref()
            .map(Moments::join)
            .unwrap_or_else(|| [Buffer::zeros(output.channels), Buffer::zeros(output.channels)]);
        let r = reciprocal_deviation(&variance, epsilon);
        let scale = times(gamma, &r);
        let mut z = Buffer::<E>::any(y.len());
        measure(
            "norm",
            || pass::<E>(output, 2),
            || {
                norm::apply(
                    isa,
                    Pixels::new(&y, output.channels),
                    [&mean, &scale, beta],
                    residual,
                    activation,
                    &mut z,
                );
            },
        );
        let channels = [output.channels];
        return Forward {
            z: finish(z),
            kept: (keep == Keep::Slopes).then(|| finish(y)),
            statistics: Some([tensor_of(mean, channels), tensor_of(variance, channels)]),
        };
    }
    let [mean, variance] = [&operands.mean, &operands.variance].map(|tensor| given::<E>(tensor));
    let folded = match (plan.norm, gamma, beta, &mean, &variance) {
        (NormKind::Running { epsilon }, Some(gamma), Some(beta), Some(mean), Some(variance)) => {
            let r = reciprocal_deviation(variance, epsilon);
            Some(fold(gamma, beta, mean, &r, bias))
        }
        _ => None,
    };
    let (scale, shift) = match &folded {
        Some([scale, shift]) => (Some(&scale[..]), Some(&shift[..])),
        None => (None, bias),
    };
    let post = Post { scale, shift, residual, activation, ..Post::default() };
    if keep == Keep::Slopes && !activation.slope_from_value() {
        if dense::is_direct(&convolution) {
            let mut u = Buffer::<E>::any(output.len());
            let post = Post { argument: Some(Shared::new(&mut u)), ..post };
            let (z, _) = product(&post, Measure::Nothing);
            return Forward { z: finish(z), kept: Some(finish(u)), statistics: None };
        }
        let post = Post { activation: Activation::Identity, ..post };
        let (u, _) = product(&post, Measure::Nothing);
        let ones = Buffer::<E>::filled(output.channels, E::ONE);
        let zeros = Buffer::<E>::zeros(output.channels);
        let mut z = Buffer::<E>::any(u.len());
        measure(
            "activation",
            || pass::<E>(output, 2),
            || {
                norm::apply(
                    isa,
                    Pixels::new(&u, output.channels),
                    [&zeros, &ones, &zeros],
                    None,
                    activation,
                    &mut z,
                );
            },
        );
        return Forward { z: finish(z), kept: Some(finish(u)), statistics: None };
    }
    let (z, _) = product(&Post { dropout: plan.dropout, ..post }, Measure::Nothing);
    Forward { z: finish(z), kept: None, statistics: None }
}

/// The convolution itself, whichever kernel it takes.
#[allow(clippy::too_many_arguments, reason = "the two kernels side by side")]
pub(super) fn product<E: FlexReal>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    weight: &FlexTensor,
    packed: Option<&crate::PackedWeights>,
    post: &Post<'_, E>,
    y: &mut [E],
    what: Measure,
) -> Option<Moments<E>> {
    let weights = numbers::<E>(weight);
    let timed = |run: &mut dyn FnMut() -> Option<Moments<E>>| {
        measure("convolution", || cost::<E>(convolution), run)
    };
    if convolution.is_depthwise() {
        return timed(&mut || depthwise::forward(isa, convolution, x, &weights, post, y, what));
    }
    if let (Some(cache), Some(values)) = (packed, weight.as_slice::<f32>()) {
        let kept = cache.get(isa, convolution, weight, || {
            Packed::new(isa, convolution, Direction::Forward, values, None)
        });
        // The weights are `f32`, and so is `E`: this only tells the compiler.
        if let Some(kept) = (&*kept as &dyn std::any::Any).downcast_ref::<Packed<E>>() {
            return timed(&mut || dense::forward(convolution, x, kept, post, y, what));
        }
    }
    let packed = measure(
        "packing",
        || packing::<E>(convolution),
        || Packed::new(isa, convolution, Direction::Forward, &weights, None),
    );
    timed(&mut || dense::forward(convolution, x, &packed, post, y, what))
}
