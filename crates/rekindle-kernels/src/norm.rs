//! Batch norms as they are asked for, and by Burn's operations.

use burn::{
    backend::{Dispatch, tensor::FloatTensor},
    prelude::*,
    tensor::module::{batch_norm, batch_norm_train},
};

use crate::ops::{Given, NormKind};

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

impl Norm {
    /// Its vectors.
    pub(crate) fn vectors(&self) -> Vec<&Tensor<1>> {
        match self {
            Self::None => vec![],
            Self::Running { gamma, beta, mean, variance, .. } => vec![gamma, beta, mean, variance],
            Self::Batch { gamma, beta, .. } => vec![gamma, beta],
        }
    }

    /// Its kind, and factor, addend, mean and variance as the kernels take them.
    pub(crate) fn into_parts(self) -> (NormKind, [Given<Dispatch>; 4]) {
        let some = |tensor: Tensor<1>| Given::Some(tensor.into_dispatch());
        let none = || Given::None;
        match self {
            Self::None => (NormKind::None, [none(), none(), none(), none()]),
            Self::Running { gamma, beta, mean, variance, epsilon } => {
                let vectors = [some(gamma), some(beta), some(mean), some(variance)];
                (NormKind::Running { epsilon }, vectors)
            }
            Self::Batch { gamma, beta, epsilon } => {
                (NormKind::Batch { epsilon }, [some(gamma), some(beta), none(), none()])
            }
        }
    }
}

impl Statistics {
    /// Mean and variance that the kernels found, where the norm is the batch's.
    pub(crate) fn found(
        norm: NormKind,
        [mean, variance]: [FloatTensor<Dispatch>; 2],
        count: usize,
    ) -> Option<Self> {
        matches!(norm, NormKind::Batch { .. }).then(|| Self {
            mean: Tensor::from_dispatch(mean),
            variance: Tensor::from_dispatch(variance),
            count,
        })
    }
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
