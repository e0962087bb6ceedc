//! Batch norms as they are asked for, and by Burn's operations.

use burn::{
    prelude::*,
    tensor::module::{batch_norm, batch_norm_train},
};

/// What normalizes each channel; all vectors are `[out]`.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "one lives at a time")]
pub enum Norm {
    /// Nothing.
    None,
    /// A batch norm by statistics that are given.
    Running {
        /// Factor.
        gamma: Tensor<1>,
        /// Addend.
        beta: Tensor<1>,
        /// Mean.
        mean: Tensor<1>,
        /// Variance.
        variance: Tensor<1>,
        /// Added to the variance.
        epsilon: f64,
    },
    /// A batch norm by the batch's own statistics, which are given back.
    Batch {
        /// Factor.
        gamma: Tensor<1>,
        /// Addend.
        beta: Tensor<1>,
        /// Added to the variance.
        epsilon: f64,
    },
}

/// What a batch norm found in a batch.
#[derive(Debug, Clone)]
pub struct Statistics {
    /// Mean of each channel `[out]`.
    pub mean: Tensor<1>,
    /// Biased variance of each channel `[out]`.
    pub variance: Tensor<1>,
    /// Values of each channel.
    pub count: usize,
}

/// The norm of `[batch, channels, height, width]`, by Burn's operations.
pub(crate) fn normed(y: Tensor<4>, norm: Norm, count: usize) -> (Tensor<4>, Option<Statistics>) {
    match norm {
        Norm::None => (y, None),
        Norm::Running { gamma, beta, mean, variance, epsilon } => {
            (batch_norm(y, gamma, beta, mean, variance, epsilon), None)
        }
        Norm::Batch { gamma, beta, epsilon } => {
            let normed = batch_norm_train(y, gamma, beta, epsilon);
            let (mean, variance) = (normed.mean.detach(), normed.variance.detach());
            (normed.output, Some(Statistics { mean, variance, count }))
        }
    }
}
