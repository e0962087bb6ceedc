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
    Given, Knowledge, NormKind, Operands, Plan,
    backward::gradients,
    forward::{Forward, Keep, forward},
    tensor::{FlexReal, contiguous, extent, tensor_of},
    typed,
};
use crate::{
    cpu::{Activation, Convolution, Extent},
    memory::Buffer,
    profile::Cost,
};

/// Tensors of operands that gradients are taken of, in the order of the graph's parents.
pub(super) const X: usize = 0;
pub(super) const WEIGHT: usize = 1;
pub(super) const BIAS: usize = 2;
pub(super) const GAMMA: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const RESIDUAL: usize = 5;

type Tracked<C> = FloatTensor<Autodiff<Flex, C>>;
type Outputs = (FlexTensor, FlexTensor, FlexTensor);

/// The convolution of an input and a weight.
pub(super) fn shapes(x: &FlexTensor, weight: &FlexTensor, plan: &Plan) -> Convolution {
    let channels_out = extent(weight).batch;
    Convolution { input: extent(x), channels_out, groups: plan.groups, window: plan.window }
}

/// What a convolution or a gradient of it costs.
pub(super) fn cost<E>(convolution: &Convolution) -> Cost {
    let Convolution { input, .. } = convolution;
    let numbers = input.len() + convolution.output().len() + convolution.weights();
    Cost {
        shape: convolution.to_string(),
        flops: convolution.flops(),
        bytes: (numbers * size_of::<E>()) as f64,
    }
}

/// What a pass over so many maps of this shape costs.
pub(super) fn pass<E>(map: Extent, maps: usize) -> Cost {
    Cost { shape: map.to_string(), flops: 0.0, bytes: (maps * map.len() * size_of::<E>()) as f64 }
}

/// What packing weights costs.
pub(super) fn packing<E>(convolution: &Convolution) -> Cost {
    let bytes = (2 * convolution.weights() * size_of::<E>()) as f64;
    Cost { shape: convolution.to_string(), flops: 0.0, bytes }
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

/// What the way back needs.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) plan: Plan,
    pub(super) convolution: Convolution,
    pub(super) x: Option<FlexTensor>,
    pub(super) weight: Option<FlexTensor>,
    pub(super) bias: Option<FlexTensor>,
    pub(super) gamma: Option<FlexTensor>,
    pub(super) beta: Option<FlexTensor>,
    pub(super) mean: Option<FlexTensor>,
    pub(super) variance: Option<FlexTensor>,
    /// The norm's input, or the activation's argument.
    pub(super) kept: Option<FlexTensor>,
    /// The output, where the slope is told from it.
    pub(super) value: Option<FlexTensor>,
    /// What was added, where the slope can only be told from it.
    pub(super) residual: Option<FlexTensor>,
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
        let Knowledge { x, residual } = ops.state.plan.known.clone();
        let wanted = ops.parents.each_ref().map(Option::is_some);
        // What the input's other readers found is taken out, and comes back with ours added.
        let before = ops.parents[X].as_ref().filter(|_| x.get());
        let before = before.map(|parent| grads.consume::<Flex>(parent));
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
