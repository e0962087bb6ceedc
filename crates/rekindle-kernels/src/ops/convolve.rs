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
    outputs(forward::<E>(&in_order::<E>(operands), plan, Keep::Nothing))
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
fn outputs(forward: Forward) -> Outputs {
    let none = || tensor_of(Buffer::<f32>::zeros(0), [0]);
    let [mean, variance] = forward.statistics.unwrap_or_else(|| [none(), none()]);
    (forward.z, mean, variance)
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
            let saved = Saved::new(operands, plan, wanted, &forward);
            let (z, mean, variance) = outputs(forward);
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
