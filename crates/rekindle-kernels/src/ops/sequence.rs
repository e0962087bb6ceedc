//! What sequences are computed with on Flex, and the way back: norms of rows, attention.

use burn::{
    backend::{
        Autodiff, Backend, Flex,
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
    Attended, Looked, LookedAt, Weighed,
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
    /// Queries, keys and values, or all in one.
    parts: Vec<FlexTensor>,
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

impl Kept {
    fn operands<E: FlexReal>(&self) -> attention::Operands<'_, E> {
        let parts = match self.parts.as_slice() {
            [query, key, value] => attention::Parts::Apart([query, key, value].map(slice::<E>)),
            all => attention::Parts::Together(slice::<E>(&all[0])),
        };
        let bias = self.bias.as_ref().map(|bias| {
            let shape = bias.layout().shape().to_vec();
            attention::Bias { values: slice::<E>(bias), texts: shape[0], heads: shape[1] }
        });
        attention::Operands { parts, lengths: &self.lengths, bias }
    }

    /// The shape of what comes out.
    fn out(&self) -> Shape {
        let [rows, tokens] = [0, 1].map(|axis| self.parts[0].layout().shape()[axis]);
        Shape::from([rows, tokens, self.shape.heads * self.shape.width])
    }

    /// What each token gets; what the way back takes is kept where there is one.
    fn attended<E: FlexReal>(&mut self, way_back: bool) -> FlexTensor {
        let attention::Shape { batch, length, heads, .. } = self.shape;
        let shape = self.out();
        let mut out = Buffer::<E>::any(shape.num_elements());
        let sums = measure(
            "attention",
            || pass::<E>(rows(&shape), 4),
            || {
                attention::forward(
                    Isa::best(),
                    self.shape,
                    self.operands::<E>(),
                    &mut out,
                    way_back,
                )
            },
        );
        if way_back {
            self.sums = tensor_of(sums, [batch, heads, length]);
        }
        tensor_in(out, shape)
    }
}

/// Everything but the sums, which come with the result.
fn opened(
    parts: Vec<FlexTensor>,
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
    let together = if parts.len() == 1 { 3 } else { 1 };
    let width = channels / together / heads.max(1);
    let shape = attention::Shape { batch, length, heads, width, scale, rows, dropout };
    let parts = parts.into_iter().map(in_a_row).collect();
    Kept { parts, bias: bias.map(in_a_row), lengths: tokens, shape, sums }
}

/// Queries, keys and values in a list, or all in one.
fn listed<B: Backend>(query: FloatTensor<B>, others: LookedAt<B>) -> Vec<FloatTensor<B>> {
    match others {
        LookedAt::Some(Looked { key, value }) => vec![query, key, value],
        LookedAt::None => vec![query],
    }
}

pub(super) fn attention(operands: Attended<Flex>, with: Weighed) -> FlexTensor {
    let Attended { query, others, mask, bias } = operands;
    let parts = listed::<Flex>(query, others);
    let mut kept = opened(parts, &mask, bias.into_option(), with);
    typed!(kept.parts[0], E => kept.attended::<E>(false))
}

pub(super) fn tracked_attention<C: CheckpointStrategy>(
    operands: Attended<Autodiff<Flex, C>>,
    with: Weighed,
) -> Tracked<C> {
    let Attended { query, others, mask, bias } = operands;
    let parts = listed::<Autodiff<Flex, C>>(query, others);
    let mask = mask.into_primitive();
    // As many parents as there are tensors that may train.
    match (parts.len(), bias.into_option()) {
        (1, None) => attend::<C, 1>(parts, None, &mask, with),
        (1, bias) => attend::<C, 2>(parts, bias, &mask, with),
        (_, None) => attend::<C, 3>(parts, None, &mask, with),
        (_, bias) => attend::<C, 4>(parts, bias, &mask, with),
    }
}

/// Of `N` tensors, the bias included.
fn attend<C: CheckpointStrategy, const N: usize>(
    mut parts: Vec<Tracked<C>>,
    bias: Option<Tracked<C>>,
    mask: &FlexTensor,
    with: Weighed,
) -> Tracked<C> {
    let has_bias = bias.is_some();
    parts.extend(bias);
    let Ok(parts) = <[Tracked<C>; N]>::try_from(parts) else { unreachable!("{N} tensors") };
    let (mut tensors, mut nodes) = (Vec::new(), Vec::new());
    for part in parts {
        let (tensor, node) = part.into_parts();
        tensors.push(tensor);
        nodes.push(node);
    }
    let Ok(nodes) = <[_; N]>::try_from(nodes) else { unreachable!("{N} tensors") };
    let bias = if has_bias { tensors.pop() } else { None };
    let mut kept = opened(tensors, mask, bias, with);
    let out = typed!(kept.parts[0], E => kept.attended::<E>(true));
    match Attend.prepare::<C>(nodes).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish(kept, out),
        OpsKind::UnTracked(prep) => prep.finish(out),
    }
}

#[derive(Debug)]
struct Attend;

/// Parents are the parts, and the bias where there is one.
impl<const N: usize> Backward<Flex, N> for Attend {
    type State = Kept;

    fn backward(self, ops: Ops<Kept, N>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let kept = ops.state;
        assert_eq!(*dy.layout().shape(), kept.out(), "a gradient of another shape");
        let bias = kept.bias.as_ref().map(|bias| bias.layout().shape().clone());
        let trains = bias.is_some() && ops.parents.last().is_some_and(Option::is_some);
        let found = typed!(dy, E => {
            let given = (slice::<E>(&kept.sums), slice::<E>(&dy));
            let found = measure(
                "attention back",
                || pass::<E>(rows(&kept.out()), 8),
                || attention::backward(Isa::best(), kept.shape, kept.operands::<E>(), given, trains),
            );
            let attention::Found { parts, bias: of_bias } = found;
            let parts = parts.into_iter().zip(&kept.parts);
            let parts = parts.map(|(found, part)| tensor_in(found, part.layout().shape().clone()));
            let of_bias = of_bias.zip(bias).map(|(found, shape)| tensor_in(found, shape));
            parts.chain(of_bias).collect::<Vec<_>>()
        });
        for (parent, found) in ops.parents.into_iter().zip(found) {
            if let Some(parent) = parent {
                grads.register::<Flex>(parent.id, found);
            }
        }
    }
}
