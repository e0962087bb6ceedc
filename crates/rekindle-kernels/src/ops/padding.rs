//! Texts of a batch without the padding between them, and with it again, on Flex.

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
    costs::pass,
    sequence::in_a_row,
    tensor::{FlexReal, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{Extent, Shared, tasks},
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// Which way rows are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Padding {
    /// `[batch, length, channels]` to `[1, tokens of all texts, channels]`.
    Removed,
    /// The other way; padding is zeros.
    Added,
}

impl Padding {
    fn back(self) -> Self {
        match self {
            Self::Removed => Self::Added,
            Self::Added => Self::Removed,
        }
    }
}

/// Tokens of each text, and rows of each where there is padding.
#[derive(Debug, Clone)]
pub(super) struct Texts {
    lengths: Vec<usize>,
    length: usize,
}

impl Texts {
    pub(super) fn of(mask: &FlexTensor) -> Self {
        let length = mask.layout().shape().to_vec().last().copied().unwrap_or(0);
        Self { lengths: super::sequence::lengths(mask), length }
    }

    /// As many steps of each row of `[batch, time, channels]`.
    pub(super) fn first(shape: &Shape, steps: usize) -> Self {
        let shape = shape.to_vec();
        let length = shape.get(1).copied().unwrap_or(0);
        Self { lengths: vec![steps.min(length); shape[0]], length }
    }

    fn tokens(&self) -> usize {
        self.lengths.iter().sum()
    }
}

fn copied<E: FlexReal>(x: &FlexTensor, texts: &Texts, padding: Padding) -> FlexTensor {
    let Texts { lengths, length } = texts;
    let channels = x.layout().shape().to_vec().last().copied().unwrap_or(0);
    let [with, without] = [[lengths.len(), *length, channels], [1, texts.tokens(), channels]];
    let (from, to) = match padding {
        Padding::Removed => (with, without),
        Padding::Added => (without, with),
    };
    assert_eq!(x.layout().shape(), &Shape::from(from), "tokens of another shape");
    let starts: Vec<usize> = lengths
        .iter()
        .scan(0, |next, tokens| Some(std::mem::replace(next, *next + tokens)))
        .collect();
    let x = slice::<E>(x);
    let mut out = Buffer::<E>::any(to.iter().product());
    let target = Shared::new(&mut out);
    measure(
        "padding",
        || pass::<E>(Extent::new([1, 1, texts.tokens(), channels]), 2),
        || {
            tasks(lengths.len(), |text| {
                let (dense, padded) = (starts[text] * channels, text * length * channels);
                let (tokens, rows) = (lengths[text] * channels, length * channels);
                let (from, to, len) = match padding {
                    Padding::Removed => (padded, dense, tokens),
                    Padding::Added => (dense, padded, rows),
                };
                // SAFETY: a text's rows are one task's, and together they are the output, which is as long as its shape.
                let target = unsafe { std::slice::from_raw_parts_mut(target.get().add(to), len) };
                target[..tokens].copy_from_slice(&x[from..from + tokens]);
                target[tokens..].fill(E::ZERO);
            });
        },
    );
    tensor_of(out, to)
}

pub(super) fn plain(x: FlexTensor, texts: Texts, padding: Padding) -> FlexTensor {
    let x = in_a_row(x);
    typed!(x, E => copied::<E>(&x, &texts, padding))
}

pub(super) fn tracked<C: CheckpointStrategy>(
    x: Tracked<C>,
    texts: Texts,
    padding: Padding,
) -> Tracked<C> {
    let (x, node) = x.into_parts();
    let x = in_a_row(x);
    let y = typed!(x, E => copied::<E>(&x, &texts, padding));
    match Repad.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((texts, padding.back()), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Debug)]
struct Repad;

impl Backward<Flex, 1> for Repad {
    type State = (Texts, Padding);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = in_a_row(grads.consume::<Flex>(&ops.node));
        let (texts, padding) = ops.state;
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let found = typed!(dy, E => copied::<E>(&dy, &texts, padding));
            grads.register::<Flex>(parent.id, found);
        }
    }
}
