//! Global response normalization on Flex, and the way back.

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
    tensor::{FlexReal, Like, contiguous, extent, numbers, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{Extent, Isa, mean, scale},
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// What each channel of each picture is multiplied by: `1 + weight * length / (mean length + epsilon)`.
fn factors<E: FlexReal>(lengths: &[E], weight: &[E], epsilon: f64) -> Buffer<E> {
    let mut factors = Buffer::<E>::any(lengths.len());
    let pictures = factors.chunks_exact_mut(weight.len().max(1));
    for (factors, lengths) in pictures.zip(lengths.chunks_exact(weight.len().max(1))) {
        let least = mean(lengths) + epsilon;
        for ((factor, length), weight) in factors.iter_mut().zip(lengths).zip(weight) {
            *factor = E::of(1.0 + weight.wide() * length.wide() / least);
        }
    }
    factors
}

fn mean<E: FlexReal>(lengths: &[E]) -> f64 {
    lengths.iter().map(|length| length.wide()).sum::<f64>() / lengths.len().max(1) as f64
}

/// The output, the input with its numbers in a row, and the length of each channel of each picture.
fn forward<E: FlexReal>(
    x: FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    epsilon: f64,
) -> [FlexTensor; 3] {
    let isa = Isa::best();
    let input = extent(&x);
    let map = contiguous::<E>(x);
    let (x, weight, bias) = (slice::<E>(&map), numbers::<E>(weight), numbers::<E>(bias));
    let mut y = Buffer::<E>::any(input.len());
    let lengths = measure(
        "response norm",
        || pass::<E>(input, 3),
        || {
            let mut lengths = scale::products(isa, input, x, x);
            lengths.iter_mut().for_each(|length| *length = E::of(length.wide().sqrt()));
            let factors = factors(&lengths, &weight, epsilon);
            let mut constants = Buffer::<E>::any(factors.len());
            for constants in constants.chunks_exact_mut(bias.len().max(1)) {
                constants.copy_from_slice(&bias);
            }
            scale::scale(isa, input, x, &factors, Some(&constants), None, &mut y);
            lengths
        },
    );
    let lengths = tensor_of(lengths, [input.batch, input.channels]);
    [tensor_of(y, input.dims()), map, lengths]
}

pub(super) fn plain(
    x: FlexTensor,
    weight: &FlexTensor,
    bias: &FlexTensor,
    epsilon: f64,
) -> FlexTensor {
    let [y, ..] = typed!(x, E => forward::<E>(x, weight, bias, epsilon));
    y
}

/// What goes back.
#[derive(Debug, Clone)]
struct Normed {
    x: FlexTensor,
    weight: FlexTensor,
    lengths: FlexTensor,
    epsilon: f64,
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked<C>,
    weight: Tracked<C>,
    bias: Tracked<C>,
    epsilon: f64,
) -> Tracked<C> {
    let [(x, a), (weight, b), (bias, c)] = [x, weight, bias].map(Tracked::<C>::into_parts);
    match ResponseNorm.prepare::<C>([a, b, c]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let [y, x, lengths] = typed!(x, E => forward::<E>(x, &weight, &bias, epsilon));
            prep.finish(Normed { x, weight, lengths, epsilon }, y)
        }
        OpsKind::UnTracked(prep) => prep.finish(plain(x, &weight, &bias, epsilon)),
    }
}

#[derive(Debug)]
struct ResponseNorm;

impl Backward<Flex, 3> for ResponseNorm {
    type State = Normed;

    fn backward(self, ops: Ops<Normed, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        // The output is of the input's shape.
        let dy = Like::of(&ops.state.x).check(grads.consume::<Flex>(&ops.node));
        let map = extent(&ops.state.x);
        let wanted = ops.parents[0].is_some();
        let found = typed!(dy, E => measure("response norm back", || pass::<E>(map, 7), || {
            gradients::<E>(dy, &ops.state, map, wanted)
        }));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
    }
}

/// The gradients of input, weight and bias.
fn gradients<E: FlexReal>(
    dy: FlexTensor,
    saved: &Normed,
    map: Extent,
    wanted: bool,
) -> [Option<FlexTensor>; 3] {
    let isa = Isa::best();
    let dy = contiguous::<E>(dy);
    let (x, dy) = (slice::<E>(&saved.x), slice::<E>(&dy));
    let (weight, lengths) = (numbers::<E>(&saved.weight), slice::<E>(&saved.lengths));
    let channels = map.channels;
    let products = scale::products(isa, map, x, dy);
    let of_channels = |values: Vec<f64>| {
        let mut buffer = Buffer::<E>::any(channels);
        buffer.iter_mut().zip(values).for_each(|(to, value)| *to = E::of(value));
        Some(tensor_of(buffer, [channels]))
    };
    let pixels = (map.height * map.width) as f64;
    let (mut dweight, mut dbias) = (vec![0.0; channels], vec![0.0; channels]);
    for means in mean::mean(isa, map, dy).chunks_exact(channels.max(1)) {
        dbias.iter_mut().zip(means).for_each(|(sum, mean)| *sum += mean.wide() * pixels);
    }
    // What `x` is multiplied by to get what reaches it through the lengths.
    let mut through = Buffer::<E>::zeros(lengths.len());
    let pictures =
        through.chunks_exact_mut(channels.max(1)).zip(products.chunks_exact(channels.max(1)));
    for ((through, products), lengths) in pictures.zip(lengths.chunks_exact(channels.max(1))) {
        let least = mean(lengths) + saved.epsilon;
        // The mean is of all channels: it hears of what each of them is divided by.
        let mut shared = 0.0;
        for c in 0..channels {
            let product = products[c].wide() * lengths[c].wide() / least;
            dweight[c] += product;
            shared += product * weight[c].wide();
        }
        let shared = shared / least / channels as f64;
        for c in 0..channels {
            let length = lengths[c].wide();
            // A channel without a length has no slope: PyTorch's is zero too.
            if length > 0.0 {
                let dlength = weight[c].wide() * products[c].wide() / least - shared;
                through[c] = E::of(dlength / length);
            }
        }
    }
    let dx = wanted.then(|| {
        let factors = factors(lengths, &weight, saved.epsilon);
        let mut first = Buffer::<E>::any(map.len());
        scale::scale(isa, map, x, &through, None, None, &mut first);
        let mut dx = Buffer::<E>::any(map.len());
        scale::scale(isa, map, dy, &factors, None, Some(&first), &mut dx);
        tensor_of(dx, map.dims())
    });
    [dx, of_channels(dweight), of_channels(dbias)]
}
