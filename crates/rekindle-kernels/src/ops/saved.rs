//! What the way back needs of the way there.

use burn::backend::Flex;
use burn_flex::FlexTensor;

use super::{NormKind, Operands, Plan, costs::shapes, forward::Forward, tensor::Like};
use crate::cpu::{Activation, Convolution};

/// Tensors of operands that gradients are taken of, in the order of the graph's parents.
pub(super) const X: usize = 0;
pub(super) const WEIGHT: usize = 1;
pub(super) const BIAS: usize = 2;
pub(super) const GAMMA: usize = 3;
pub(super) const BETA: usize = 4;
pub(super) const RESIDUAL: usize = 5;

/// What the way back needs.
#[derive(Debug, Clone)]
pub(super) struct Saved {
    pub(super) plan: Plan,
    pub(super) convolution: Convolution,
    /// What the gradients of the input and of the output are to be like.
    pub(super) like: [Like; 2],
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
    /// Of what the way here was given and found.
    pub(super) fn new(
        operands: Operands<Flex>,
        plan: Plan,
        wanted: [bool; 6],
        forward: &Forward,
    ) -> Self {
        let convolution = shapes(&operands.x, &operands.weight, &plan);
        let batch = matches!(plan.norm, NormKind::Batch { .. });
        // The gradient of the factor is told from that of the weights.
        let weights = wanted[WEIGHT] || (!batch && wanted[GAMMA]);
        let added = operands.residual.get().is_some();
        let activation = plan.activation;
        let curved = activation != Activation::Identity;
        let from_value = curved && activation.slope_from_value() && (!batch || added);
        let from_residual = curved && batch && added && !activation.slope_from_value();
        let (mean, variance) = match &forward.statistics {
            Some([mean, variance]) => (Some(mean.clone()), Some(variance.clone())),
            None => (operands.mean.into_option(), operands.variance.into_option()),
        };
        Self {
            convolution,
            like: [Like::of(&operands.x), Like::of(&forward.z)],
            x: weights.then_some(operands.x),
            weight: (wanted[X] || weights).then_some(operands.weight),
            bias: operands.bias.into_option(),
            gamma: operands.gamma.into_option(),
            beta: operands.beta.into_option(),
            mean,
            variance,
            kept: forward.kept.clone(),
            value: from_value.then(|| forward.z.clone()),
            residual: if from_residual { operands.residual.into_option() } else { None },
            plan,
        }
    }
}
