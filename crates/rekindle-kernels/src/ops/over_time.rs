//! The maximum over time on Flex, and the way back.

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
    sequence::{in_a_row, lengths},
    tensor::{FlexReal, Like, slice, tensor_of},
    typed,
};
use crate::{
    cpu::{
        Extent, Isa,
        over_time::{self, Steps},
    },
    memory::Buffer,
    profile::measure,
};

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;

fn map(Steps { batch, time, channels }: Steps) -> Extent {
    Extent::new([batch, 1, time, channels])
}

/// The maxima, and where they were.
fn found<E: FlexReal>(x: &FlexTensor, lengths: &[usize]) -> (FlexTensor, Steps, FlexTensor) {
    let shape = x.layout().shape().to_vec();
    let (batch, time, channels) = match shape.as_slice() {
        &[batch, time, channels] => (batch, time, channels),
        other => panic!("a maximum over time of {other:?}"),
    };
    let steps = Steps { batch, time, channels };
    let mut y = Buffer::<E>::any(batch * channels);
    let mut places = Buffer::<E>::any(batch * channels);
    measure(
        "over time",
        || pass::<E>(map(steps), 1),
        || {
            let x = slice::<E>(x);
            over_time::maximum(Isa::best(), steps, lengths, x, &mut y, &mut places);
        },
    );
    (tensor_of(y, [batch, channels]), steps, tensor_of(places, [batch, channels]))
}

pub(super) fn plain(x: FlexTensor, mask: &FlexTensor) -> FlexTensor {
    let (x, lengths) = (in_a_row(x), lengths(mask));
    typed!(x, E => found::<E>(&x, &lengths).0)
}

pub(super) fn tracked<C: CheckpointStrategy>(x: Tracked<C>, mask: &FlexTensor) -> Tracked<C> {
    let (x, node) = x.into_parts();
    let (x, lengths) = (in_a_row(x), lengths(mask));
    let (y, steps, places) = typed!(x, E => found::<E>(&x, &lengths));
    match Maximum.prepare::<C>([node]).compute_bound().stateful() {
        OpsKind::Tracked(prep) => prep.finish((steps, places), y),
        OpsKind::UnTracked(prep) => prep.finish(y),
    }
}

#[derive(Debug)]
struct Maximum;

impl Backward<Flex, 1> for Maximum {
    type State = (Steps, FlexTensor);

    fn backward(self, ops: Ops<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let (steps, places) = ops.state;
        // The places are of the maxima's shape.
        let dy = in_a_row(Like::of(&places).check(grads.consume::<Flex>(&ops.node)));
        let [parent] = ops.parents;
        if let Some(parent) = parent {
            let dx = typed!(dy, E => {
                let mut dx = Buffer::<E>::any(map(steps).len());
                measure(
                    "over time back",
                    || pass::<E>(map(steps), 1),
                    || over_time::maximum_gradient(steps, slice::<E>(&dy), slice::<E>(&places), &mut dx),
                );
                tensor_of(dx, [steps.batch, steps.time, steps.channels])
            });
            grads.register::<Flex>(parent.id, dx);
        }
    }
}
