//! What a network is fed while it is fine-tuned: pictures, or what its frozen stages made of them.

use std::sync::Arc;

use burn::{prelude::*, tensor::TensorData};
use rekindle_images::Loader;
use rekindle_train::{Batch, Classes, Draw, MixConfig, Source};
use rekindle_transfer::features::{FeatureStore, Key};

use crate::{Error, Network};

/// A batch, as far as it has come through the network.
#[derive(Debug, Clone)]
pub enum Input {
    /// Pictures `[batch, channels, height, width]`.
    Images(Tensor<4>),
    /// What the first stages made of them, `[batch, channels, height, width]`.
    Maps {
        /// How many stages.
        cut: usize,
        /// What they made.
        maps: Tensor<4>,
    },
    /// What all stages made of them, pooled: `[batch, embed_dim]`.
    Embeddings(Tensor<2>),
}

impl Input {
    /// Logits `[batch, classes]`, through what is left of the network.
    pub fn logits(network: &Network, input: Self) -> Tensor<2> {
        match input {
            Self::Images(images) => network.forward(images),
            Self::Maps { cut, maps } => network.forward_from(cut, maps),
            Self::Embeddings(embeddings) => network.classify(embeddings),
        }
    }
}

/// Where the batches of a phase come from.
#[derive(Debug)]
pub(crate) enum Feed {
    Pictures(Pictures),
    Features(Features),
}

/// Batches of pictures, with what only training does to them.
#[derive(Debug)]
pub(crate) struct Pictures {
    pub(crate) loader: Loader,
    pub(crate) mix: MixConfig,
    /// Knows better, and is learned from.
    pub(crate) teacher: Option<Arc<Network>>,
}

/// Batches of what the frozen stages made of pictures, from a store that has all of it.
#[derive(Debug)]
pub(crate) struct Features {
    pub(crate) loader: Loader,
    pub(crate) store: Arc<FeatureStore>,
    /// How each sample is found, in each view.
    pub(crate) keys: Arc<dyn Keys>,
    pub(crate) cut: usize,
    /// Of one picture: channels, height and width of a map, or the width of an embedding alone.
    pub(crate) shape: Vec<usize>,
}

/// How features are found in a store.
pub(crate) trait Keys: std::fmt::Debug + Send + Sync {
    fn key(&self, sample: usize, view: u64) -> Key;
}

impl Source<Input, Classes> for Feed {
    type Error = Error;

    fn batches(&self) -> usize {
        match self {
            Self::Pictures(pictures) => pictures.loader.batches(),
            Self::Features(features) => features.loader.batches(),
        }
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<Batch<Input, Classes>, Error>> {
        let device = device.clone();
        let batches: Box<dyn Iterator<Item = _> + '_> = match self {
            Self::Pictures(pictures) => Box::new(pictures.epoch(epoch, device)),
            Self::Features(features) => Box::new(features.epoch(epoch, device)),
        };
        batches
    }
}

impl Pictures {
    /// Nothing done to them.
    pub(crate) fn plain(loader: Loader) -> Self {
        Self { loader, mix: MixConfig::NONE, teacher: None }
    }

    fn epoch(
        &self,
        epoch: usize,
        device: Device,
    ) -> impl Iterator<Item = Result<Batch<Input, Classes>, Error>> {
        let seed = self.loader.config().seed;
        self.loader.epoch(epoch as u64).enumerate().map(move |(step, batch)| {
            let rekindle_data::Batch { input, labels, weights, indices } = batch?;
            let images = Tensor::from_data(TensorData::new(input.values, input.shape), &device);
            let draw = Draw { seed, epoch, step };
            let (images, mix) = self.mix.apply(images, draw);
            let teacher = self.teacher.as_ref().map(|teacher| {
                let logits = teacher.forward(if device.is_autodiff() {
                    images.clone().inner()
                } else {
                    images.clone()
                });
                if device.is_autodiff() { Tensor::from_inner(logits) } else { logits }
            });
            Ok(Batch {
                input: Input::Images(images),
                target: Classes { labels, weights: uneven(weights), mix, teacher },
                indices,
            })
        })
    }
}

impl Features {
    fn epoch(
        &self,
        epoch: usize,
        device: Device,
    ) -> impl Iterator<Item = Result<Batch<Input, Classes>, Error>> {
        let config = self.loader.config();
        let view = self.loader.view_of(epoch as u64);
        let order = self.loader.order(epoch as u64);
        let size = config.batch_size;
        let width: usize = self.shape.iter().product();
        (0..self.loader.batches()).map(move |step| {
            let indices = order[step * size..order.len().min((step + 1) * size)].to_vec();
            let mut values = vec![0.0; indices.len() * width];
            for (&index, row) in indices.iter().zip(values.chunks_exact_mut(width)) {
                self.store.get_into(&self.keys.key(index, view), row)?;
            }
            let samples = indices.iter().map(|&index| &self.loader.samples()[index]);
            let (labels, weights) = samples.map(|sample| (sample.label, sample.weight)).unzip();
            let input = match *self.shape {
                [dim] => Input::Embeddings(Tensor::from_data(
                    TensorData::new(values, [indices.len(), dim]),
                    &device,
                )),
                [channels, height, width] => Input::Maps {
                    cut: self.cut,
                    maps: Tensor::from_data(
                        TensorData::new(values, [indices.len(), channels, height, width]),
                        &device,
                    ),
                },
                _ => unreachable!("a map or an embedding"),
            };
            let target = Classes { weights: uneven(weights), ..Classes::new(labels) };
            Ok(Batch { input, target, indices })
        })
    }
}

/// The weights of a batch, where they are not all one.
pub(crate) fn uneven(weights: Vec<f32>) -> Option<Vec<f32>> {
    weights.iter().any(|&weight| weight != 1.0).then_some(weights)
}
