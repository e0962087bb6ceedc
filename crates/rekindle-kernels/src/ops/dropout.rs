//! Dropout by itself on Flex, and the way back.

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
    sequence::{in_a_row, rows},
    tensor::{FlexReal, Like, slice, tensor_in},
    typed,
};
use crate::{
    cpu::{
        Isa,
        dropout::{Dropout, drop_rows},
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

/// Rows of the last axis, some of whose numbers are dropped.
pub(super) fn dropped<E: FlexReal>(x: &FlexTensor, dropout: Dropout) -> FlexTensor {
    let shape = x.layout().shape().clone();
    let map = rows(&shape);
    let mut y = Buffer::<E>::any(map.len());
    if !y.is_empty() {
        measure(
            "dropout",
            || pass::<E>(map, 2),
            || drop_rows(Isa::best(), dropout, map.channels, slice::<E>(x), &mut y),
        );
    }
    tensor_in(y, shape)
}

pub(super) fn plain(x: FlexTensor, dropout: Dropout) -> FlexTensor {
    let x = in_a_row(x);
    typed!(x, E => dropped::<E>(&x, dropout))
}

pub(super) fn tracked<C: CheckpointStrategy>(x: Tracked<C>, dropout: Dropout) -> Tracked<C> {
    let (x, node) = x.into_parts();
    let y = plain(x, dropout);
    match Drop.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((dropout, Like::of(&y)), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Debug)]
struct Drop;

impl Backward<Flex, 1> for Drop {
    type State = (Dropout, Like);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (dropout, like) = ops.state;
        let dy = like.check(grads.consume::<Flex>(&ops.node));
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            grads.register::<Flex>(parent.id, plain(dy, dropout));
        }
    }
}
