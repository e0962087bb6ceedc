//! What sequences are computed with on Flex, and the way back: norms of rows, attention.

use burn::{
    backend::{
        Autodiff, Flex,
        autodiff::{
            checkpoint::{base::Checkpointer, strategy::CheckpointStrategy},
            grads::Gradients,
            ops::{Backward, Ops, OpsKind},
        },
        tensor::FloatTensor,
    },
    tensor::Shape,
};
use burn_flex::FlexTensor;

use super::{
    Attended, Given, Weighed,
    costs::pass,
    tensor::{FlexReal, numbers, slice, tensor_in, tensor_of},
    typed,
};
use crate::{
    cpu::{Extent, Isa, Real, attention, layer_norm},
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// A tensor whose numbers lie in a row, whatever its shape.
pub(super) fn in_a_row(x: FlexTensor) -> FlexTensor {
    if x.is_contiguous() { x } else { x.to_contiguous() }
}

/// A tensor of rows, as a map one row high.
pub(super) fn rows(shape: &Shape) -> Extent {
    let channels = shape.to_vec().last().copied().unwrap_or(1);
    Extent::new([1, 1, shape.num_elements() / channels.max(1), channels])
}

/// The norm of each row, and mean and reciprocal deviation of each.
fn normed<E: FlexReal>(
    x: &FlexTensor,
    gamma: &FlexTensor,
    beta: Option<&FlexTensor>,
    epsilon: f64,
) -> (FlexTensor, FlexTensor) {
    let shape = x.layout().shape().clone();
    let mut y = Buffer::<E>::any(shape.num_elements());
    let (gamma, beta) = (numbers::<E>(gamma), beta.map(numbers::<E>));
    let kept = measure(
        "layer norm",
        || pass::<E>(rows(&shape), 2),
        || {
            layer_norm::forward(
                Isa::best(),
                slice::<E>(x),
                &gamma,
                beta.as_deref(),
                epsilon,
                &mut y,
            )
        },
    );
    let count = kept.len();
    (tensor_in(y, shape), tensor_of(kept, [count]))
}

pub(super) fn layer_norm(
    x: FlexTensor,
    gamma: &FlexTensor,
    beta: Option<&FlexTensor>,
    epsilon: f64,
) -> FlexTensor {
    let x = in_a_row(x);
    typed!(x, E => normed::<E>(&x, gamma, beta, epsilon).0)
}

pub(super) fn tracked_layer_norm<C: CheckpointStrategy>(
    x: Tracked<C>,
    gamma: Tracked<C>,
    beta: Option<Tracked<C>>,
    epsilon: f64,
) -> Tracked<C> {
    let ((x, a), (gamma, b)) = (x.into_parts(), gamma.into_parts());
    let x = in_a_row(x);
    let Some((beta, c)) = beta.map(FloatTensor::<Autodiff<Flex, C>>::into_parts) else {
        return match NormOfRows.prepare::<C>([a, b]).compute_bound().stateful() {
            OpsKind::Tracked(prep) => {
                let (y, kept) = typed!(x, E => normed::<E>(&x, &gamma, None, epsilon));
                prep.finish((x, gamma, kept), y)
            }
            OpsKind::UnTracked(prep) => prep.finish(layer_norm(x, &gamma, None, epsilon)),
        };
    };
    match NormOfRows.prepare::<C>([a, b, c]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => {
            let (y, kept) = typed!(x, E => normed::<E>(&x, &gamma, Some(&beta), epsilon));
            prep.finish((x, gamma, kept), y)
        }
        OpsKind::UnTracked(prep) => prep.finish(layer_norm(x, &gamma, Some(&beta), epsilon)),
    }
}

#[derive(Debug)]
struct NormOfRows;

impl<const N: usize> Backward<Flex, N> for NormOfRows {
    type State = (FlexTensor, FlexTensor, FlexTensor);

    fn backward(self, ops: Ops<Self::State, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let (x, gamma, kept) = ops.state;
        assert_eq!(dy.layout().shape(), x.layout().shape(), "a gradient of another shape");
        let found = typed!(x, E => {
            let gamma = numbers::<E>(&gamma);
            let shape = x.layout().shape().clone();
            let found = measure("layer norm back", || pass::<E>(rows(&shape), 3), || {
                layer_norm::backward(Isa::best(), slice::<E>(&x), &gamma, slice::<E>(&kept), slice::<E>(&dy))
            });
            let channels = [gamma.len()];
            [tensor_in(found.x, shape), tensor_of(found.gamma, channels), tensor_of(found.beta, channels)]
        });
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, found);
            }
        }
    }
}

/// What attention keeps for the way back.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    parts: [FlexTensor; 3],
    bias: Option<FlexTensor>,
    lengths: Vec<usize>,
    shape: attention::Shape,
    sums: FlexTensor,
}

/// How many tokens each text has, of a mask `[batch, length]` with 1 for those in front.
pub(super) fn lengths(mask: &FlexTensor) -> Vec<usize> {
    let shape = mask.layout().shape().to_vec();
    let &[batch, length] = shape.as_slice() else { return Vec::new() };
    typed!(mask, E => {
        let mask = numbers::<E>(mask);
        // The last that is there counts.
        let of = |row: &[E]| row.iter().rposition(|there| there.wide() > 0.0).map_or(0, |last| last + 1);
        (0..batch).map(|text| of(&mask[text * length..][..length])).collect()
    })
}

fn bias_of<E: FlexReal>(bias: Option<&FlexTensor>) -> Option<attention::Bias<'_, E>> {
    let bias = bias?;
    let shape = bias.layout().shape().to_vec();
    Some(attention::Bias { values: slice::<E>(bias), own: [shape[0] > 1, shape[1] > 1] })
}

fn attended<E: FlexReal>(kept: &mut Kept) -> FlexTensor {
    let attention::Shape { batch, length, heads, .. } = kept.shape;
    let shape = kept.parts[0].layout().shape().clone();
    let mut out = Buffer::<E>::any(shape.num_elements());
    let [query, key, value] = kept.parts.each_ref().map(|part| slice::<E>(part));
    let operands = attention::Operands {
        query,
        key,
        value,
        lengths: &kept.lengths,
        bias: bias_of::<E>(kept.bias.as_ref()),
    };
    let sums = measure(
        "attention",
        || pass::<E>(rows(&shape), 4),
        || attention::forward(Isa::best(), kept.shape, operands, &mut out),
    );
    kept.sums = tensor_of(sums, [batch, heads, length]);
    tensor_in(out, shape)
}

/// Everything but the sums, which come with the result.
fn opened(
    parts: [FlexTensor; 3],
    mask: &FlexTensor,
    bias: Option<FlexTensor>,
    with: Weighed,
) -> Kept {
    let Weighed { heads, scale, dropout } = with;
    let of = |tensor: &FlexTensor| tensor.layout().shape().to_vec();
    let tokens = lengths(mask);
    let (batch, length, channels, rows) = match (of(mask).as_slice(), of(&parts[0]).as_slice()) {
        (&[batch, length], &[a, b, channels]) if [a, b] == [batch, length] => {
            (batch, length, channels, attention::Rows::Padded)
        }
        (&[batch, length], &[1, rows, channels]) => {
            assert_eq!(tokens.iter().sum::<usize>(), rows, "a mask of other texts");
            (batch, length, channels, attention::Rows::Dense)
        }
        other => panic!("attention with a mask over {other:?}"),
    };
    let sums = parts[0].clone();
    let width = channels / heads.max(1);
    let shape = attention::Shape { batch, length, heads, width, scale, rows, dropout };
    Kept { parts: parts.map(in_a_row), bias: bias.map(in_a_row), lengths: tokens, shape, sums }
}

pub(super) fn attention(operands: Attended<Flex>, with: Weighed) -> FlexTensor {
    let Attended { query, key, value, mask, bias } = operands;
    let bias = match bias {
        Given::Some(bias) => Some(bias),
        Given::None => None,
    };
    let mut kept = opened([query, key, value], &mask, bias, with);
    typed!(kept.parts[0], E => attended::<E>(&mut kept))
}

pub(super) fn tracked_attention<C: CheckpointStrategy>(
    operands: Attended<Autodiff<Flex, C>>,
    with: Weighed,
) -> Tracked<C> {
    let Attended { query, key, value, mask, bias } = operands;
    let [(query, a), (key, b), (value, c)] =
        [query, key, value].map(FloatTensor::<Autodiff<Flex, C>>::into_parts);
    let bias = match bias {
        Given::Some(bias) => Some(bias.into_primitive()),
        Given::None => None,
    };
    let mut kept = opened([query, key, value], &mask.into_primitive(), bias, with);
    let out = typed!(kept.parts[0], E => attended::<E>(&mut kept));
    match Attend.prepare::<C>([a, b, c]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

#[derive(Debug)]
struct Attend;

impl Backward<Flex, 3> for Attend {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let Kept { parts, bias, lengths, shape, sums } = ops.state;
        assert_eq!(dy.layout().shape(), parts[0].layout().shape(), "a gradient of another shape");
        let found = typed!(dy, E => {
            let [query, key, value] = parts.each_ref().map(slice::<E>);
            let bias = bias_of::<E>(bias.as_ref());
            let operands = attention::Operands { query, key, value, lengths: &lengths, bias };
            let like = dy.layout().shape().clone();
            let found = measure(
                "attention back",
                || pass::<E>(rows(&like), 8),
                || attention::backward(Isa::best(), shape, operands, slice::<E>(&sums), slice::<E>(&dy)),
            );
            found.map(|found| tensor_in(found, like.clone()))
        });
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, found);
            }
        }
    }
}
