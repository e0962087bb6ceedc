//! Convolution, norm, addition and activation on Flex, and the way back.

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
    Given, NormKind, Operands, Plan,
    tensor::{FlexReal, contiguous, extent, map_in_place, numbers, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Activation, Convolution, Direction, Isa, Packed, Shared,
        dense::{self, Post},
        depthwise,
        norm::{self, Measure, Moments},
        scale,
        slope::{self, Argument, Rest, Sums},
        weight_gradient,
    },
    memory::Buffer,
};

/// Tensors of operands that gradients are taken of, in the order of the graph's parents.
const X: usize = 0;
const WEIGHT: usize = 1;
const BIAS: usize = 2;
const GAMMA: usize = 3;
const BETA: usize = 4;
const RESIDUAL: usize = 5;

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;
type Outputs = (FlexTensor, FlexTensor, FlexTensor);

/// The convolution of an input and a weight.
fn shapes(x: &FlexTensor, weight: &FlexTensor, plan: &Plan) -> Convolution {
    let channels_out = extent(weight).batch;
    Convolution { input: extent(x), channels_out, groups: plan.groups, window: plan.window }
}

/// What going forward leaves.
struct Forward {
    z: FlexTensor,
    /// What the slope of the activation is told from, if it is not `z`.
    kept: Option<FlexTensor>,
    /// Mean and variance of the batch.
    statistics: Option<[FlexTensor; 2]>,
}

/// Whether the way back will be taken.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Nothing,
    Slopes,
}

/// Without a graph.
pub(super) fn plain<E: FlexReal>(operands: Operands<Flex>, plan: &Plan) -> Outputs {
    outputs(forward::<E>(&in_order::<E>(operands), plan, Keep::Nothing)).0
}

/// The maps among the operands with their numbers in a row.
fn in_order<E: FlexReal>(operands: Operands<Flex>) -> Operands<Flex> {
    let residual = match operands.residual {
        Given::Some(residual) => Given::Some(contiguous::<E>(residual)),
        Given::None => Given::None,
    };
    Operands { x: contiguous::<E>(operands.x), residual, ..operands }
}

/// As the extension returns it: no statistics are empty ones.
fn outputs(forward: Forward) -> (Outputs, Option<FlexTensor>) {
    let none = || tensor_of(Buffer::<f32>::zeros(0), [0]);
    let [mean, variance] = forward.statistics.unwrap_or_else(|| [none(), none()]);
    ((forward.z, mean, variance), forward.kept)
}

/// A vector as numbers, if it is given.
fn given<E: FlexReal>(tensor: &Given<Flex>) -> Option<std::borrow::Cow<'_, [E]>> {
    match tensor {
        Given::Some(tensor) => Some(numbers::<E>(tensor)),
        Given::None => None,
    }
}

/// One over the standard deviation.
fn reciprocal_deviation<E: FlexReal>(variance: &[E], epsilon: f64) -> Buffer<E> {
    let mut r = Buffer::<E>::any(variance.len());
    for (r, variance) in r.iter_mut().zip(variance) {
        *r = E::of(1.0 / (variance.wide() + epsilon).sqrt());
    }
    r
}

/// The factor of a norm.
fn times<E: FlexReal>(gamma: &[E], r: &[E]) -> Buffer<E> {
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

fn forward<E: FlexReal>(operands: &Operands<Flex>, plan: &Plan, keep: Keep) -> Forward {
    let convolution = shapes(&operands.x, &operands.weight, plan);
    let output = convolution.output();
    let isa = Isa::best();
    let residual = match &operands.residual {
        Given::Some(residual) => Some(slice::<E>(residual)),
        Given::None => None,
    };
    let [bias, gamma, beta] =
        [&operands.bias, &operands.gamma, &operands.beta].map(|tensor| given::<E>(tensor));
    let (bias, gamma, beta) = (bias.as_deref(), gamma.as_deref(), beta.as_deref());
    let product = |post: &Post<'_, E>, measure: Measure| {
        let mut y = Buffer::<E>::any(output.len());
        let packed = plan.packed.as_ref();
        let x = slice::<E>(&operands.x);
        let moments =
            product(isa, &convolution, x, &operands.weight, packed, post, &mut y, measure);
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
        norm::apply(isa, &y, [&mean, &scale, beta], residual, activation, &mut z);
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
    if keep == Keep::Slopes && !activation.slope_from_value() {
        let post = Post { scale, shift, residual, activation: Activation::Identity };
        let (u, _) = product(&post, Measure::Nothing);
        let ones = Buffer::<E>::filled(output.channels, E::ONE);
        let zeros = Buffer::<E>::zeros(output.channels);
        let mut z = Buffer::<E>::any(u.len());
        norm::apply(isa, &u, [&zeros, &ones, &zeros], None, activation, &mut z);
        return Forward { z: finish(z), kept: Some(finish(u)), statistics: None };
    }
    let (z, _) = product(&Post { scale, shift, residual, activation }, Measure::Nothing);
    Forward { z: finish(z), kept: None, statistics: None }
}

/// The convolution itself, whichever kernel it takes.
#[allow(clippy::too_many_arguments, reason = "the two kernels side by side")]
fn product<E: FlexReal>(
    isa: Isa,
    convolution: &Convolution,
    x: &[E],
    weight: &FlexTensor,
    packed: Option<&crate::PackedWeights>,
    post: &Post<'_, E>,
    y: &mut [E],
    measure: Measure,
) -> Option<Moments<E>> {
    let weights = numbers::<E>(weight);
    if convolution.is_depthwise() {
        return depthwise::forward(isa, convolution, x, &weights, post, y, measure);
    }
    if let (Some(cache), Some(values)) = (packed, weight.as_slice::<f32>()) {
        let kept = cache.get(isa, convolution, weight, values);
        // The weights are `f32`, and so is `E`: this only tells the compiler.
        if let Some(kept) = (&*kept as &dyn std::any::Any).downcast_ref::<Packed<E>>() {
            return dense::forward(convolution, x, kept, post, y, measure);
        }
    }
    let packed = Packed::new(isa, convolution, Direction::Forward, &weights, None);
    dense::forward(convolution, x, &packed, post, y, measure)
}

/// What the way back needs.
#[derive(Debug, Clone)]
struct Saved {
    plan: Plan,
    convolution: Convolution,
    x: Option<FlexTensor>,
    weight: Option<FlexTensor>,
    bias: Option<FlexTensor>,
    gamma: Option<FlexTensor>,
    beta: Option<FlexTensor>,
    mean: Option<FlexTensor>,
    variance: Option<FlexTensor>,
    /// The norm's input, or the activation's argument.
    kept: Option<FlexTensor>,
    /// The output, where the slope is told from it.
    value: Option<FlexTensor>,
    /// What was added, where the slope can only be told from it.
    residual: Option<FlexTensor>,
}

impl Saved {
    fn new(
        operands: Operands<Flex>,
        plan: Plan,
        wanted: [bool; 6],
        (outputs, kept): (&Outputs, Option<FlexTensor>),
    ) -> Self {
        let convolution = shapes(&operands.x, &operands.weight, &plan);
        let batch = matches!(plan.norm, NormKind::Batch { .. });
        // The gradient of the factor is told from that of the weights.
        let weights = wanted[WEIGHT] || (!batch && wanted[GAMMA]);
        let added = matches!(operands.residual, Given::Some(_));
        let activation = plan.activation;
        let curved = activation != Activation::Identity;
        let from_value = curved && activation.slope_from_value() && (!batch || added);
        let from_residual = curved && batch && added && !activation.slope_from_value();
        let keep = |tensor: Given<Flex>| match tensor {
            Given::Some(tensor) => Some(tensor),
            Given::None => None,
        };
        let (mean, variance) = if batch {
            (Some(outputs.1.clone()), Some(outputs.2.clone()))
        } else {
            (keep(operands.mean), keep(operands.variance))
        };
        Self {
            convolution,
            x: weights.then_some(operands.x),
            weight: (wanted[X] || weights).then_some(operands.weight),
            bias: keep(operands.bias),
            gamma: keep(operands.gamma),
            beta: keep(operands.beta),
            mean,
            variance,
            kept,
            value: from_value.then(|| outputs.0.clone()),
            residual: if from_residual { keep(operands.residual) } else { None },
            plan,
        }
    }
}

/// With a graph.
pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Operands<Autodiff<Flex, C>>,
    mut plan: Plan,
) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
    // A parent that is not there is one that wants no gradient.
    let absent = Tracked::<C>::new(tensor_of(Buffer::<f32>::zeros(0), [0]));
    let parent = |tensor: &Given<Autodiff<Flex, C>>| match tensor {
        Given::Some(tensor) => tensor.clone(),
        Given::None => absent.clone(),
    };
    let parents = [
        operands.x.clone(),
        operands.weight.clone(),
        parent(&operands.bias),
        parent(&operands.gamma),
        parent(&operands.beta),
        parent(&operands.residual),
    ];
    let nodes = parents.each_ref().map(Tracked::<C>::node);
    let wanted = parents.each_ref().map(Tracked::<C>::is_tracked);
    drop(parents);
    let inner = |tensor: Given<Autodiff<Flex, C>>| match tensor {
        Given::Some(tensor) => Given::Some(tensor.into_primitive()),
        Given::None => Given::None,
    };
    let operands = Operands::<Flex> {
        x: operands.x.into_primitive(),
        weight: operands.weight.into_primitive(),
        bias: inner(operands.bias),
        gamma: inner(operands.gamma),
        beta: inner(operands.beta),
        mean: inner(operands.mean),
        variance: inner(operands.variance),
        residual: inner(operands.residual),
    };
    if wanted[WEIGHT] {
        // Weights that train are others at the next step.
        if let Some(packed) = plan.packed.take() {
            packed.clear();
        }
    }
    let constant = |tensor: FlexTensor| Tracked::<C>::new(tensor);
    match Unit.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (operands, forward) = typed!(operands.x, E => {
                let operands = in_order::<E>(operands);
                let forward = forward::<E>(&operands, &plan, Keep::Slopes);
                (operands, forward)
            });
            let (outputs, kept) = outputs(forward);
            let saved = Saved::new(operands, plan, wanted, (&outputs, kept));
            let (z, mean, variance) = outputs;
            (prep.finish(saved, z), constant(mean), constant(variance))
        }
        OpsKind::UnTracked(prep) => {
            let (z, mean, variance) = typed!(operands.x, E => plain::<E>(operands, &plan));
            (prep.finish(z), constant(mean), constant(variance))
        }
    }
}

#[derive(Debug)]
struct Unit;

impl Backward<Flex, 6> for Unit {
    type State = Saved;

    fn backward(self, ops: Ops<Saved, 6>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dz = grads.consume::<Flex>(&ops.node);
        let wanted = ops.parents.each_ref().map(Option::is_some);
        let found = typed!(dz, E => gradients::<E>(dz, ops.state, wanted));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

type Found = [Option<FlexTensor>; 6];

fn gradients<E: FlexReal>(dz: FlexTensor, saved: Saved, wanted: [bool; 6]) -> Found {
    let mut found = Found::default();
    let isa = Isa::best();
    let output = saved.convolution.output();
    let (channels, len) = (output.channels, output.len());
    let activation = saved.plan.activation;
    let vector = |buffer: Buffer<E>| Some(tensor_of(buffer, [channels]));
    let dz = contiguous::<E>(dz);
    let of = |tensor: &Option<FlexTensor>| {
        tensor.as_ref().map(|tensor| numbers::<E>(tensor).into_owned())
    };

    if let NormKind::Batch { epsilon } = saved.plan.norm {
        let (gamma, beta) =
            (of(&saved.gamma).unwrap_or_default(), of(&saved.beta).unwrap_or_default());
        let (mean, variance) =
            (of(&saved.mean).unwrap_or_default(), of(&saved.variance).unwrap_or_default());
        let r = reciprocal_deviation(&variance, epsilon);
        let scale = times(&gamma, &r);
        let rest = match (&saved.value, &saved.residual) {
            (Some(value), _) => Some(Rest::Value(slice::<E>(value))),
            (_, Some(residual)) => Some(Rest::Residual(slice::<E>(residual))),
            _ => None,
        };
        let Some(y) = &saved.kept else { return found };
        let argument =
            Argument::Normed { y: slice::<E>(y), scale: &scale, shift: &beta, mean: &mean, rest };
        // The gradient of what was added is that of the activation's argument: it must be written.
        let (g, sums, activation) = if wanted[RESIDUAL] && activation != Activation::Identity {
            let mut sums = None;
            let g = map_in_place::<E>(dz, |dz, out| {
                sums = Some(slope::slopes(isa, activation, argument, channels, dz, len, Some(out)));
            });
            (g, sums, Activation::Identity)
        } else {
            let from = Shared::read(slice::<E>(&dz));
            let sums = slope::slopes(isa, activation, argument, channels, from, len, None);
            (dz, Some(sums), activation)
        };
        let Some(sums) = sums else { return found };
        if wanted[GAMMA] {
            let mut gamma = Buffer::<E>::any(channels);
            for (c, gamma) in gamma.iter_mut().enumerate() {
                *gamma = sums.product[c] * r[c];
            }
            found[GAMMA] = vector(gamma);
        }
        if wanted[BETA] {
            found[BETA] = vector(Buffer::copy(&sums.gradient));
        }
        if wanted[BIAS] {
            // Whatever is added to all pixels of a channel, the norm takes off again.
            found[BIAS] = vector(Buffer::zeros(channels));
        }
        if wanted[RESIDUAL] {
            found[RESIDUAL] = Some(g.clone());
        }
        if wanted[X] || wanted[WEIGHT] {
            let dy = map_in_place::<E>(g, |dz, out| {
                slope::through_norm(isa, activation, argument, [dz, out], len, &sums, &r);
            });
            convolution_gradients::<E>(&saved, &dy, None, wanted, &mut found);
        }
        return found;
    }

    let vectors = wanted[BIAS] || wanted[GAMMA] || wanted[BETA];
    let kept = saved.kept.as_ref().or(saved.value.as_ref());
    let mut sums: Option<Sums<E>> = None;
    let g = match kept {
        Some(kept) if activation != Activation::Identity => map_in_place::<E>(dz, |dz, out| {
            let argument = Argument::Kept(slice::<E>(kept));
            sums = Some(slope::slopes(isa, activation, argument, channels, dz, len, Some(out)));
        }),
        _ => {
            if vectors {
                let numbers = slice::<E>(&dz);
                let argument = Argument::Kept(numbers);
                let from = Shared::read(numbers);
                let identity = Activation::Identity;
                sums = Some(slope::slopes(isa, identity, argument, channels, from, len, None));
            }
            dz
        }
    };
    if wanted[RESIDUAL] {
        found[RESIDUAL] = Some(g.clone());
    }
    let NormKind::Running { epsilon } = saved.plan.norm else {
        if let (true, Some(sums)) = (wanted[BIAS], sums) {
            found[BIAS] = vector(sums.gradient);
        }
        convolution_gradients::<E>(&saved, &g, None, wanted, &mut found);
        return found;
    };
    let (gamma, mean) = (of(&saved.gamma).unwrap_or_default(), of(&saved.mean).unwrap_or_default());
    let r = reciprocal_deviation(&of(&saved.variance).unwrap_or_default(), epsilon);
    let bias = of(&saved.bias);
    let scale = times(&gamma, &r);
    let dots = convolution_gradients::<E>(&saved, &g, Some(&scale), wanted, &mut found);
    if let Some(sums) = sums {
        if let (true, Some(dots)) = (wanted[GAMMA], dots) {
            let mut gamma = Buffer::<E>::any(channels);
            for (c, gamma) in gamma.iter_mut().enumerate() {
                let apart = bias.as_ref().map_or(0.0, |bias| bias[c].wide()) - mean[c].wide();
                let total = dots[c].wide() + apart * sums.gradient[c].wide();
                *gamma = E::of(total * r[c].wide());
            }
            found[GAMMA] = vector(gamma);
        }
        if wanted[BIAS] {
            let mut bias = Buffer::<E>::any(channels);
            for (c, bias) in bias.iter_mut().enumerate() {
                *bias = sums.gradient[c] * scale[c];
            }
            found[BIAS] = vector(bias);
        }
        if wanted[BETA] {
            found[BETA] = vector(sums.gradient);
        }
    }
    found
}

/// The gradients of input and weights for that of `scale * convolution`; returned is that of the scale,
/// where weights are kept: the product of each output channel's weights and their gradient.
fn convolution_gradients<E: FlexReal>(
    saved: &Saved,
    g: &FlexTensor,
    factor: Option<&[E]>,
    wanted: [bool; 6],
    found: &mut Found,
) -> Option<Buffer<E>> {
    let convolution = &saved.convolution;
    let isa = Isa::best();
    let g = slice::<E>(g);
    let weight = saved.weight.as_ref()?;
    let weights = numbers::<E>(weight);
    let mut dots = None;
    if let Some(x) = &saved.x {
        let x = slice::<E>(x);
        let mut dw = Buffer::<E>::any(weights.len());
        if convolution.is_depthwise() {
            depthwise::weight_gradient(isa, convolution, x, g, &mut dw);
        } else {
            weight_gradient::weight_gradient(isa, convolution, x, g, &mut dw);
        }
        if let Some(factor) = factor {
            dots = Some(scale::dots(isa, &weights, &mut dw, factor));
        }
        if wanted[WEIGHT] {
            let shape = weight.layout().shape().to_vec();
            let shape = <[usize; 4]>::try_from(shape).unwrap_or_default();
            found[WEIGHT] = Some(tensor_of(dw, shape));
        }
    }
    if wanted[X] {
        let mut dx = Buffer::<E>::any(convolution.input.len());
        if convolution.is_depthwise() {
            depthwise::input_gradient(isa, convolution, g, &weights, factor, None, &mut dx);
        } else {
            let packed = Packed::new(isa, convolution, Direction::Backward, &weights, factor);
            dense::input_gradient(convolution, g, &packed, None, &mut dx);
        }
        found[X] = Some(tensor_of(dx, convolution.input.dims()));
    }
    dots
}
