//! The loop: batches in, a trained model out, and an event whenever something happened.

use std::{
    error::Error as StdError,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use burn::{optim::GradientsParams, prelude::*};

use crate::{
    Error, Metrics, Optimizer, Rates, Schedule,
    metrics::{cross_entropy, hits},
};

/// Inputs and the label of each.
#[derive(Debug, Clone)]
pub struct Batch<I> {
    /// The inputs, on the device of the model that takes them.
    pub input: I,
    /// The place of each right answer among the classes.
    pub labels: Vec<usize>,
}

/// Where batches come from.
pub trait Source<I> {
    /// What goes wrong with them.
    type Error: Into<Box<dyn StdError + Send + Sync>>;

    /// Batches in each epoch.
    fn batches(&self) -> usize;

    /// The batches of an epoch, counted from zero, on `device`.
    fn epoch(
        &self,
        epoch: usize,
        device: &Device,
    ) -> impl Iterator<Item = Result<Batch<I>, Self::Error>>;
}

/// What is to be learned, and from what.
#[derive(Debug, Clone, Copy)]
pub struct Task<'a, F, T, V> {
    /// From a model and inputs to logits `[batch, classes]`.
    pub forward: F,
    /// What is learned from.
    pub train: &'a T,
    /// What is measured on.
    pub val: &'a V,
}

/// What happened. `M` is the model.
#[derive(Debug)]
#[non_exhaustive]
pub enum Event<'a, M> {
    /// A step was taken.
    Step {
        /// The epoch, counted from one.
        epoch: usize,
        /// The step in it, counted from one.
        step: usize,
        /// Steps in the epoch.
        steps: usize,
        /// Mean loss of the epoch so far.
        loss: f64,
    },
    /// An epoch was trained and evaluated.
    Epoch {
        /// What came out.
        epoch: &'a Epoch,
        /// The model as it was evaluated: in validation.
        model: &'a M,
    },
}

/// What came out of an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Epoch {
    /// Counted from one over all phases.
    pub number: usize,
    /// On the batches trained on, as they were trained on.
    pub train: Metrics,
    /// On the validation data, after the epoch.
    pub val: Metrics,
    /// Training and evaluation together.
    pub duration: Duration,
}

/// How to train for a number of epochs.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Epochs that came before, in earlier phases.
    pub first_epoch: usize,
    /// Epochs to train for.
    pub epochs: usize,
    /// Learning rates at the schedule's factor of one.
    pub rates: Rates,
    /// The factor of each step.
    pub schedule: Schedule,
}

impl Fit {
    /// Trains `model`, which lives on an autodiff device.
    ///
    /// `listen` hears of every step and epoch; with `Break` it ends training after the epoch at hand.
    ///
    /// # Errors
    ///
    /// If a batch cannot be had, the loss is no number, or `listen` fails.
    pub fn run<M, I, F, T, V, L>(
        &self,
        mut model: M,
        optimizer: &mut Optimizer,
        task: &Task<'_, F, T, V>,
        mut listen: L,
    ) -> Result<M, Error>
    where
        M: Module,
        F: Fn(&M, I) -> Tensor<2>,
        T: Source<I>,
        V: Source<I>,
        L: FnMut(Event<'_, M>) -> Result<ControlFlow<()>, Box<dyn StdError + Send + Sync>>,
    {
        let Task { forward, train, val } = task;
        let device = autodiff_device(&model);
        let steps = train.batches();
        for epoch in self.first_epoch..self.first_epoch + self.epochs {
            let start = Instant::now();
            let mut metrics = Metrics::default();
            let mut stop = false;
            for (step, batch) in train.epoch(epoch, &device).enumerate() {
                let Batch { input, labels } = batch.map_err(|error| Error::Data(error.into()))?;
                let done = (epoch - self.first_epoch) * steps + step;
                let factor = self.schedule.factor(done, self.epochs * steps);

                let logits = forward(&model, input);
                let right = hits(&floats(logits.clone()), &labels);
                let loss = cross_entropy(logits, &labels);
                let value = f64::from(loss.clone().into_scalar::<f32>());
                if !value.is_finite() {
                    let (epoch, step) = (epoch + 1, step + 1);
                    return Err(Error::Diverged { epoch, step, loss: value });
                }
                let gradients = GradientsParams::from_grads(loss.backward(), &model);
                model = optimizer.step(&self.rates, factor, model, gradients);

                metrics.add(labels.len(), value, right);
                let (epoch, step) = (epoch + 1, step + 1);
                let event = Event::Step { epoch, step, steps, loss: metrics.loss };
                stop |= listen(event).map_err(Error::Listener)?.is_break();
            }
            let snapshot = model.valid();
            let epoch = Epoch {
                number: epoch + 1,
                train: metrics,
                val: evaluate(&snapshot, forward, *val)?,
                duration: start.elapsed(),
            };
            let event = Event::Epoch { epoch: &epoch, model: &snapshot };
            stop |= listen(event).map_err(Error::Listener)?.is_break();
            if stop {
                break;
            }
        }
        Ok(model)
    }
}

/// Measures a model in validation on every batch of the first epoch of `source`.
///
/// # Errors
///
/// If a batch cannot be had.
pub fn evaluate<M, I, F, S>(model: &M, forward: F, source: &S) -> Result<Metrics, Error>
where
    M: Module,
    F: Fn(&M, I) -> Tensor<2>,
    S: Source<I>,
{
    let device = autodiff_device(model).inner();
    let mut metrics = Metrics::default();
    for batch in source.epoch(0, &device) {
        let Batch { input, labels } = batch.map_err(|error| Error::Data(error.into()))?;
        let logits = forward(model, input);
        let right = hits(&floats(logits.clone()), &labels);
        let loss = f64::from(cross_entropy(logits, &labels).into_scalar::<f32>());
        metrics.add(labels.len(), loss, right);
    }
    Ok(metrics)
}

/// The device of the model's parameters, with autodiff; the default where it has none.
fn autodiff_device<M: Module>(model: &M) -> Device {
    model.devices().into_iter().next().unwrap_or_default().inner().autodiff()
}

fn floats(logits: Tensor<2>) -> Vec<f32> {
    logits.into_data().iter::<f32>().collect()
}
