//! A batch on its way: from the host to the network, and as far as it has come through it.

use burn::{prelude::*, tensor::TensorData};
use rekindle_data::{Dense, TokenBatch};
use rekindle_layers::{Backbone, Input, Tokens};
use rekindle_transfer::Classifier;

/// What a network reads, made of a batch that was prepared on the host.
pub trait FromPrepared<H>: Input {
    /// The batch on a device.
    fn from_prepared(batch: H, device: &Device) -> Self;
}

impl<const D: usize> FromPrepared<Dense> for Tensor<D> {
    /// # Panics
    ///
    /// If the batch has another number of axes.
    fn from_prepared(Dense { values, shape }: Dense, device: &Device) -> Self {
        Self::from_data(TensorData::new(values, shape), device)
    }
}

impl FromPrepared<TokenBatch> for Tokens {
    fn from_prepared(TokenBatch { ids, types, mask, shape }: TokenBatch, device: &Device) -> Self {
        let ids: Vec<i64> = ids.into_iter().map(i64::from).collect();
        let types: Vec<i64> = types.into_iter().map(i64::from).collect();
        let mask: Vec<f32> = mask.into_iter().map(f32::from).collect();
        Self {
            ids: Tensor::from_data(TensorData::new(ids, shape), device),
            types: Tensor::from_data(TensorData::new(types, shape), device),
            mask: Tensor::from_data(TensorData::new(mask, shape), device),
        }
    }
}

impl<X, Y, A: FromPrepared<X>, B: FromPrepared<Y>> FromPrepared<(X, Y)> for (A, B) {
    fn from_prepared((left, right): (X, Y), device: &Device) -> Self {
        (A::from_prepared(left, device), B::from_prepared(right, device))
    }
}

impl<X, A: FromPrepared<X>> FromPrepared<Vec<X>> for Vec<A> {
    fn from_prepared(parts: Vec<X>, device: &Device) -> Self {
        parts.into_iter().map(|part| A::from_prepared(part, device)).collect()
    }
}

/// A batch, as far as it has come through the network.
#[derive(Debug, Clone)]
#[allow(clippy::large_enum_variant, reason = "all hold tensors, which are small")]
pub enum Partial<B: Backbone> {
    /// As the network reads it.
    Input(B::Input),
    /// What the first stages made of it.
    Flow {
        /// How many stages.
        cut: usize,
        /// What they made.
        flow: B::Flow,
    },
    /// What all stages made of it, pooled: `[batch, embed_dim]`.
    Embeddings(Tensor<2>),
}

impl<B: Backbone> Partial<B> {
    /// Embeddings `[batch, embed_dim]`, through what is left of the backbone.
    pub fn embeddings(network: &Classifier<B>, partial: Self) -> Tensor<2> {
        match partial {
            Self::Input(input) => network.embed(input),
            Self::Flow { cut, flow } => network.embed_from(cut, flow),
            Self::Embeddings(embeddings) => embeddings,
        }
    }

    /// Outputs `[batch, outputs]`, through what is left of the network.
    pub fn outputs(network: &Classifier<B>, partial: Self) -> Tensor<2> {
        match partial {
            Self::Input(input) => network.forward(input),
            Self::Flow { cut, flow } => network.forward_from(cut, flow),
            Self::Embeddings(embeddings) => network.classify(embeddings),
        }
    }
}
