//! What a network is fed while it is fine-tuned: inputs, or what its frozen stages made of them.

use std::sync::Arc;

use burn::prelude::*;
use rekindle_data::{Draw, DrawBatch, Loader, Prepare};
use rekindle_layers::{Backbone, Flow, Input};
use rekindle_train::{BatchSource, BatchTarget, Mix, TensorBatch};
use rekindle_transfer::{
    Classifier,
    features::{FeatureStore, Key},
};

use crate::{Error, FromPrepared, Partial, TransferTask, data::Part};

/// Where the batches of a phase come from.
#[derive(Debug)]
pub enum DataLoader<B: Backbone, P: Prepare, T: TransferTask> {
    /// Inputs as they are prepared.
    Prepared(Prepared<B, P, T>),
    /// What frozen stages made of them.
    Features(Features<P, T>),
}

/// Batches of inputs, with what only training does to them.
#[derive(Debug)]
pub struct Prepared<B: Backbone, P: Prepare, T: TransferTask> {
    pub(crate) part: Part<P, T>,
    pub(crate) draws: Option<Arc<dyn DrawBatch<P::Batch>>>,
    /// Knows better, and is learned from.
    pub(crate) teacher: Option<Arc<Classifier<B>>>,
}

/// Batches of what the frozen stages made of inputs, from a store that has all of it.
#[derive(Debug)]
pub struct Features<P: Prepare, T: TransferTask> {
    pub(crate) part: Part<P, T>,
    pub(crate) store: Arc<FeatureStore>,
    /// How each sample is found, in each view.
    pub(crate) keys: Arc<Keys>,
    pub(crate) shape: Kept,
}

/// What is kept of an item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kept {
    /// What the first stages made of it, as shapes of its tensors.
    Flow { cut: usize, shapes: Vec<Vec<usize>> },
    /// Its embedding, of so many numbers.
    Embedding(usize),
}

impl Kept {
    /// Numbers of an item.
    pub(crate) fn width(&self) -> usize {
        match self {
            Self::Flow { shapes, .. } => {
                shapes.iter().map(|shape| shape.iter().product::<usize>()).sum()
            }
            Self::Embedding(width) => *width,
        }
    }
}

/// How items are found in a store: by their content, and beyond the first view by what is drawn for them.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) contents: Arc<Vec<Key>>,
    /// What is drawn, as text.
    pub(crate) drawn: String,
    pub(crate) seed: u64,
}

impl<B: Backbone, P: Prepare, T: TransferTask> DataLoader<B, P, T> {
    /// The examples, and in which order they come.
    pub(crate) fn part(&self) -> &Part<P, T> {
        match self {
            Self::Prepared(prepared) => &prepared.part,
            Self::Features(features) => &features.part,
        }
    }
}

impl<B, P, T> BatchSource<Partial<B>, BatchTarget<T::Label>> for DataLoader<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    type Error = Error;

    fn batches(&self) -> usize {
        self.part().batches()
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Partial<B>, BatchTarget<T::Label>>, Error>> {
        let device = device.clone();
        let batches: Box<dyn Iterator<Item = _> + '_> = match self {
            Self::Prepared(prepared) => Box::new(prepared.epoch(epoch, device)),
            Self::Features(features) => Box::new(features.epoch(epoch, device)),
        };
        batches
    }
}

impl<B, P, T> Prepared<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// Nothing done to them.
    pub(crate) fn plain(part: Part<P, T>) -> Self {
        Self { part, draws: None, teacher: None }
    }

    fn epoch(
        &self,
        epoch: usize,
        device: Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Partial<B>, BatchTarget<T::Label>>, Error>> {
        let seed = self.part.loader.config().seed;
        let batches = self.part.passes_of(epoch).flat_map(move |pass| self.part.loader.epoch(pass));
        batches.enumerate().map(move |(step, batch)| {
            let rekindle_data::Batch { mut input, weights, indices, .. } =
                batch.map_err(Error::data)?;
            let draw = Draw { seed, epoch, step };
            let mixed = self.draws.as_ref().and_then(|draws| draws.draw(&mut input, draw));
            let mix = mixed.map(|mixed| Mix { places: mixed.places, share: mixed.share });
            let input = B::Input::from_prepared(input, &device);
            let teacher = self.teacher.as_ref().map(|teacher| {
                // A teacher has no device with autodiff.
                input.clone().without_graph(|input| teacher.forward(input))
            });
            let labels = indices.iter().map(|&place| self.part.labels[place].clone()).collect();
            let target = BatchTarget { labels, weights: uneven(weights), mix, teacher };
            Ok(TensorBatch { input: Partial::Input(input), target, indices })
        })
    }
}

impl<P: Prepare, T: TransferTask> Features<P, T> {
    fn epoch<B: Backbone>(
        &self,
        epoch: usize,
        device: Device,
    ) -> impl Iterator<Item = Result<TensorBatch<Partial<B>, BatchTarget<T::Label>>, Error>> {
        let loader: &Loader<P> = &self.part.loader;
        let size = loader.config().batch_size;
        let batches = self.part.passes_of(epoch).flat_map(move |pass| {
            let (order, view) = (loader.order(pass), loader.view_of(pass));
            let batches: Vec<Vec<usize>> = order.chunks(size).map(<[usize]>::to_vec).collect();
            batches.into_iter().map(move |indices| (indices, view))
        });
        batches.map(move |(indices, view)| {
            let rows = self.rows(&indices, view)?;
            let weights = indices.iter().map(|&index| loader.samples()[index].weight).collect();
            let labels = indices.iter().map(|&place| self.part.labels[place].clone()).collect();
            let input = match &self.shape {
                Kept::Embedding(width) => {
                    Partial::Embeddings(Tensor::from_rows(rows, &[vec![*width]], &device))
                }
                Kept::Flow { cut, shapes } => {
                    Partial::Flow { cut: *cut, flow: B::Flow::from_rows(rows, shapes, &device) }
                }
            };
            let target = BatchTarget { weights: uneven(weights), ..BatchTarget::new(labels) };
            Ok(TensorBatch { input, target, indices })
        })
    }

    /// What is kept of a view of these samples, row by row.
    pub(crate) fn rows(&self, places: &[usize], view: u64) -> Result<Vec<f32>, Error> {
        let width = self.shape.width();
        let mut values = vec![0.0; places.len() * width];
        for (&place, row) in places.iter().zip(values.chunks_exact_mut(width.max(1))) {
            self.store.get_into(&self.keys.key(place, view), row)?;
        }
        Ok(values)
    }
}

/// The weights of a batch, where they are not all one.
fn uneven(weights: Vec<f32>) -> Option<Vec<f32>> {
    weights.iter().any(|&weight| weight != 1.0).then_some(weights)
}
