//! Convolution, norm, addition and activation as one operation of a graph.

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
    Given, Knowledge, Operands, Plan,
    backward::gradients,
    forward::{Forward, Keep, forward},
    saved::{RESIDUAL, Saved, WEIGHT, X},
    tensor::{FlexReal, contiguous, tensor_of},
    typed,
};
use crate::memory::Buffer;

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;
type Outputs = (FlexTensor, FlexTensor, FlexTensor);

/// Without a graph.
pub(super) fn plain<E: FlexReal>(operands: Operands<Flex>, plan: &Plan) -> Outputs {
    let Forward { z, statistics, .. } = forward::<E>(&in_order::<E>(operands), plan, Keep::Nothing);
    outputs(z, statistics)
}

/// The maps among the operands with their numbers in a row.
fn in_order<E: FlexReal>(operands: Operands<Flex>) -> Operands<Flex> {
    let residual = Given::of(operands.residual.into_option().map(contiguous::<E>));
    Operands { x: contiguous::<E>(operands.x), residual, ..operands }
}

/// A map and a batch's mean and variance, as the extension returns them: no statistics are empty ones.
pub(super) fn outputs(z: FlexTensor, statistics: Option<[FlexTensor; 2]>) -> Outputs {
    let none = || tensor_of(Buffer::<f32>::zeros(0), [0]);
    let [mean, variance] = statistics.unwrap_or_else(|| [none(), none()]);
    (z, mean, variance)
}

/// With a graph.
pub(super) fn tracked<C: CheckpointStrategy>(
    operands: Operands<Autodiff<Flex, C>>,
    mut plan: Plan,
) -> (Tracked<C>, Tracked<C>, Tracked<C>) {
    // A parent that is not there is one that wants no gradient.
    let absent = Tracked::<C>::new(tensor_of(Buffer::<f32>::zeros(0), [0]));
    let parents = [
        operands.x.clone(),
        operands.weight.clone(),
        operands.bias.parent(&absent),
        operands.gamma.parent(&absent),
        operands.beta.parent(&absent),
        operands.residual.parent(&absent),
    ];
    let nodes = parents.each_ref().map(Tracked::<C>::node);
    let wanted = parents.each_ref().map(Tracked::<C>::is_tracked);
    drop(parents);
    let operands = Operands::<Flex> {
        x: operands.x.into_primitive(),
        weight: operands.weight.into_primitive(),
        bias: operands.bias.inner(),
        gamma: operands.gamma.inner(),
        beta: operands.beta.inner(),
        mean: operands.mean.inner(),
        variance: operands.variance.inner(),
        residual: operands.residual.inner(),
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
            let saved = Saved::new(operands, plan, wanted, &forward);
            let (z, mean, variance) = outputs(forward.z, forward.statistics);
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
        let [like_x, like_z] = ops.state.like.clone();
        let dz = like_z.check(grads.consume::<Flex>(&ops.node));
        let Knowledge { x, residual } = ops.state.plan.known.clone();
        let wanted = ops.parents.each_ref().map(Option::is_some);
        // What the input's other readers found is taken out, and comes back with ours added.
        let before = ops.parents[X].as_ref().filter(|_| x.get());
        let before = before.map(|parent| like_x.check(grads.consume::<Flex>(parent)));
        let found = typed!(dz, E => gradients::<E>(dz, ops.state, wanted, before));
        for (parent, gradient) in ops.parents.into_iter().zip(found) {
            if let (Some(parent), Some(gradient)) = (parent, gradient) {
                grads.register::<Flex>(parent.id, gradient);
            }
        }
        if wanted[X] {
            x.set();
        }
        if let (Some(residual), true) = (residual, wanted[RESIDUAL]) {
            residual.set();
        }
    }
}
