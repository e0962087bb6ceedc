//! Shapes of operations, and what they cost.

use burn_flex::FlexTensor;

use super::{Plan, tensor::extent};
use crate::{
    cpu::{Convolution, Extent},
    profile::Cost,
};

/// The convolution of an input and a weight.
pub(super) fn shapes(x: &FlexTensor, weight: &FlexTensor, plan: &Plan) -> Convolution {
    let channels_out = extent(weight).batch;
    Convolution::new(extent(x), channels_out, plan.groups, plan.window)
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
