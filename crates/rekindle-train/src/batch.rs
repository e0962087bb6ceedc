//! What a trainer is fed: batches, where they come from, and what each part of the data may be used for.

use std::error::Error as StdError;

use burn::prelude::*;

/// Inputs and what is right for them.
#[derive(Debug, Clone)]
pub struct TensorBatch<I, T> {
    /// The inputs, on the device of the model that takes them.
    pub input: I,
    /// What is right for them: labels or values.
    pub target: T,
    /// The place of each example in its data set, to name it by where something is wrong with it.
    pub indices: Vec<usize>,
}

/// Where batches come from.
pub trait BatchSource<I, T> {
    /// What goes wrong with them.
    type Error: Into<Box<dyn StdError + Send + Sync>>;

    /// Batches in each epoch.
    fn batches(&self) -> usize;

    /// The batches of an epoch, counted from zero, on `device`.
    ///
    /// They depend on the epoch's number alone, so that a run that goes on after an interruption sees what it
    /// would have seen.
    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<I, T>, Self::Error>>;
}

/// Data to learn from.
#[derive(Debug, Clone, Copy)]
pub struct Train<S>(pub S);

/// Data to choose by: the best epoch, when to stop, the learning rate.
#[derive(Debug, Clone, Copy)]
pub struct Validation<S>(pub S);

/// Data that nothing is chosen by, measured once at the end with [`evaluate`](crate::evaluate).
///
/// Its type is another than [`Validation`]'s, so that nothing that selects can be given it.
#[derive(Debug, Clone, Copy)]
pub struct Test<S>(pub S);

/// Data that a model can be measured on.
pub trait HeldOut {
    /// Where its batches come from.
    type Source;

    /// Where its batches come from.
    fn source(&self) -> &Self::Source;
}

impl<S> HeldOut for Validation<S> {
    type Source = S;

    fn source(&self) -> &S {
        &self.0
    }
}

impl<S> HeldOut for Test<S> {
    type Source = S;

    fn source(&self) -> &S {
        &self.0
    }
}

impl<S: BatchSource<I, T>, I, T> BatchSource<I, T> for &S {
    type Error = S::Error;

    fn batches(&self) -> usize {
        (*self).batches()
    }

    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<TensorBatch<I, T>, Self::Error>> {
        (*self).epoch(epoch, device)
    }
}

/// What a phase needs of its data: one part to learn from, and one to choose by.
///
/// A reference to each is such a pair, which keeps their bounds in one place.
pub trait FitData<I, T> {
    /// Where batches to learn from come from.
    fn train(&self) -> &impl BatchSource<I, T>;

    /// What is measured after each epoch.
    fn validation(&self) -> &Validation<impl BatchSource<I, T>>;
}

impl<I, T, A: BatchSource<I, T>, B: BatchSource<I, T>> FitData<I, T>
    for (&Train<A>, &Validation<B>)
{
    fn train(&self) -> &impl BatchSource<I, T> {
        &self.0.0
    }

    fn validation(&self) -> &Validation<impl BatchSource<I, T>> {
        self.1
    }
}
