//! The loop: batches in, a trained model out, and an event whenever something happened.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use burn::{module::Module, optim::GradientsParams, prelude::*};
use rekindle_metrics::Values;

use crate::{
    Accumulator, BatchSource, Callback, Epoch, Error, FitConfig, FitData, HeldOut, LOSS, Objective,
    Rates, Schedule, State, TensorBatch, TrainEvent, clip_global_norm,
    event::tell,
    gradients::{Compute, Here, Trained, floats},
};

/// How to train for a number of epochs.
#[derive(Debug, Clone)]
pub struct Fit {
    /// Name in events and histories, unlike those of the other phases of the run.
    pub phase: String,
    /// Epochs to train for.
    pub epochs: usize,
    /// Learning rates at the schedule's factor of one.
    pub rates: Rates,
    /// The factor of each step.
    pub schedule: Schedule,
    /// What is the same in all phases.
    pub settings: FitConfig,
}

/// How a phase ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// After its last epoch.
    Complete,
    /// Early, since the monitored metric stood still.
    Stopped,
    /// A callback broke off the run.
    Broken,
}

impl Fit {
    /// Trains the model of `state`, which lives on an autodiff device, and measures it after each epoch.
    ///
    /// Epochs of this phase that are in the state's history already are not trained again: a state that was
    /// saved after any of them goes on as if nothing had happened, to the last bit on a CPU.
    ///
    /// # Errors
    ///
    /// If a batch cannot be had, the loss is NaN, or a callback fails.
    pub fn run<M: Module, I, O: Objective<M, I>>(
        &self,
        state: State<M>,
        objective: &O,
        data: impl FitData<I, O::Target>,
        callbacks: &mut [&mut dyn Callback<M>],
    ) -> Result<(State<M>, End), Error> {
        self.run_by(&mut Here(objective), state, objective, &data, callbacks)
    }

    /// [`Fit::run`], wherever gradients are computed.
    pub(crate) fn run_by<M: Module, I, O: Objective<M, I>>(
        &self,
        compute: &mut impl Compute<M, I, O::Target>,
        mut state: State<M>,
        objective: &O,
        data: &impl FitData<I, O::Target>,
        callbacks: &mut [&mut dyn Callback<M>],
    ) -> Result<(State<M>, End), Error> {
        self.settings.monitor.check(&objective.values(&objective.scores()))?;
        let done = state.history.iter().filter(|epoch| epoch.phase == self.phase).count();
        let first = state.history.len() - done;
        // That before the first step, if it was measured, was not trained.
        let untrained = state.history.len() - state.epochs();
        let steps = data.train().batches().div_ceil(self.batches_a_step(compute.devices()));
        if done < self.epochs {
            let epochs = [state.epochs() + 1, first - untrained + self.epochs];
            let event = TrainEvent::Phase { phase: &self.phase, epochs, steps };
            if tell(callbacks, &event).map_err(Error::Listener)?.is_break() {
                return Ok((state, End::Broken));
            }
        }
        for number in state.epochs()..first - untrained + self.epochs {
            let history = self.settings.monitor.history(state.history[first..].iter());
            if self.is_over(&history) {
                return Ok((state, End::Stopped));
            }
            let place = Place { first, epoch: number };
            let (broken, next) = self.epoch(compute, state, objective, data, callbacks, place)?;
            state = next;
            if broken {
                return Ok((state, End::Broken));
            }
        }
        let history = self.settings.monitor.history(state.history[first..].iter());
        Ok((state, if self.is_over(&history) { End::Stopped } else { End::Complete }))
    }

    fn is_over(&self, history: &[f64]) -> bool {
        let direction = self.settings.monitor.direction;
        self.settings.stopping.as_ref().is_some_and(|rule| rule.stops(history, direction))
    }

    fn batches_a_step(&self, devices: &[Device]) -> usize {
        self.settings.accumulate.max(1) * devices.len().max(1)
    }

    /// One epoch of training and its evaluation; whether a callback broke off.
    fn epoch<M: Module, I, O: Objective<M, I>>(
        &self,
        compute: &mut impl Compute<M, I, O::Target>,
        mut state: State<M>,
        objective: &O,
        data: &impl FitData<I, O::Target>,
        callbacks: &mut [&mut dyn Callback<M>],
        Place { first, epoch }: Place,
    ) -> Result<(bool, State<M>), Error> {
        let FitConfig { clip, plateau, monitor, seed, .. } = &self.settings;
        let start = Instant::now();
        let device = autodiff_device(&state.model);
        for device in std::iter::once(&device).chain(compute.devices()) {
            device.seed(epoch_seed(*seed, epoch));
        }
        let begin = epoch - (state.history.len() - first);
        let history = monitor.history(state.history[first..].iter());
        let slower = plateau.as_ref().map_or(1.0, |rule| rule.factor(&history, monitor.direction));
        let at_once = compute.devices().len().max(1);
        let step_batches = self.batches_a_step(compute.devices());
        let steps = data.train().batches().div_ceil(step_batches);

        let mut scores = objective.scores();
        let mut mean = Mean::default();
        let mut gathered = Accumulator::default();
        let mut broken = false;
        let mut factor = slower;
        let mut taken = 0;
        // Those of the step at hand.
        let mut examples = Vec::new();
        let waited = Cell::new(Duration::ZERO);
        let batches = Timed { inner: data.train().epoch(epoch, &device), waited: &waited };
        let mut batches = batches.peekable();
        while batches.peek().is_some() {
            let step = taken / step_batches;
            let done = (epoch - begin) * steps + step;
            factor = slower * self.schedule.factor(done, self.epochs * steps);

            let next = batches.by_ref().take(at_once).collect::<Result<Vec<_>, _>>();
            let next = next.map_err(|error| Error::Data(error.into()))?;
            taken += next.len();
            let (mut last, mut gradients) = (f64::NAN, GradientsParams::new());
            for part in compute.compute(&state.model, next)? {
                let Trained { loss, outputs, target, indices, gradients: new } = part;
                if !loss.is_finite() {
                    let (epoch, step) = (epoch + 1, step + 1);
                    return Err(Error::Diverged { epoch, step, loss, examples: indices });
                }
                objective.score(&mut scores, &outputs, &target);
                mean.add(loss, indices.len());
                examples.extend_from_slice(&indices);
                last = loss;
                if step_batches > 1 {
                    gathered.add(&state.model, new, indices.len());
                } else {
                    gradients = new;
                }
            }
            if step_batches > 1 {
                if taken % step_batches != 0 && batches.peek().is_some() {
                    continue;
                }
                gradients = gathered.take();
            }
            if let Some(largest) = clip {
                let norm = clip_global_norm(&state.model, &mut gradients, *largest);
                if !norm.is_finite() {
                    let (epoch, step) = (epoch + 1, step + 1);
                    return Err(Error::Diverged { epoch, step, loss: norm, examples });
                }
            }
            examples.clear();
            state.model = state.optimizer.step(&self.rates, factor, state.model, gradients);
            if let Some(ema) = &mut state.ema {
                ema.update(&state.model);
            }
            let event = TrainEvent::Step {
                phase: &self.phase,
                epoch: epoch + 1,
                step: step + 1,
                steps,
                loss: last,
                examples: mean.examples,
                waiting: waited.get().as_secs_f64() / start.elapsed().as_secs_f64().max(1e-9),
                factor,
            };
            broken |= tell(callbacks, &event).map_err(Error::Listener)?.is_break();
        }
        drop(batches);

        let (settled, answers) = objective.settle(state.model).map_err(Error::Settle)?;
        state.model = settled;
        let snapshot = match &state.ema {
            Some(ema) => objective.settle(ema.model()).map_err(Error::Settle)?.0,
            None => state.model.valid(),
        };
        let mut learned = objective.values(&answers.unwrap_or(scores));
        learned.set(LOSS, mean.value);
        let rates =
            std::iter::once(self.rates.base).chain(self.rates.groups.iter().map(|group| group.1));
        state.history.push(Epoch {
            number: epoch + 1,
            phase: self.phase.clone(),
            train: learned,
            val: evaluate(&snapshot, objective, data.validation())?,
            rates: rates.map(|rate| rate * factor).collect(),
            seconds: start.elapsed().as_secs_f64(),
            waiting: waited.get().as_secs_f64(),
        });
        let event = TrainEvent::Epoch { model: &snapshot, state: &state };
        broken |= tell(callbacks, &event).map_err(Error::Listener)?.is_break();
        Ok((broken, state))
    }
}

/// Puts an epoch without a step at the beginning of a run's history, and tells it: what a model that was not trained yet is
/// worth. Its number is 0; the best epoch may be this one.
///
/// # Errors
///
/// If a callback fails.
///
/// # Panics
///
/// If there are epochs already.
pub fn begin<M: Module>(
    state: &mut State<M>,
    epoch: Epoch,
    callbacks: &mut [&mut dyn Callback<M>],
) -> Result<(), Error> {
    assert!(state.history.is_empty(), "a run begins once");
    let model = state.evaluated();
    state.history.push(Epoch { number: 0, ..epoch });
    let event = TrainEvent::Epoch { model: &model, state };
    // Whoever breaks off does so after the first epoch.
    tell(callbacks, &event).map(drop).map_err(Error::Listener)
}

/// Measures a model on every batch of validation or test data.
///
/// # Errors
///
/// If a batch cannot be had.
pub fn evaluate<M, I, O, D>(model: &M, objective: &O, data: &D) -> Result<Values, Error>
where
    M: Module,
    O: Objective<M, I>,
    D: HeldOut,
    D::Source: BatchSource<I, O::Target>,
{
    Ok(objective.values(&predict(model, objective, data)?))
}

/// Everything that a model predicts on validation or test data.
///
/// # Errors
///
/// If a batch cannot be had.
pub fn predict<M, I, O, D>(model: &M, objective: &O, data: &D) -> Result<O::Scores, Error>
where
    M: Module,
    O: Objective<M, I>,
    D: HeldOut,
    D::Source: BatchSource<I, O::Target>,
{
    let device = autodiff_device(model).inner();
    let mut scores = objective.scores();
    for batch in data.source().epoch(0, &device) {
        let TensorBatch { input, target, .. } = batch.map_err(|error| Error::Data(error.into()))?;
        objective.score(&mut scores, &floats(objective.outputs(model, input)), &target);
    }
    Ok(scores)
}

/// Which epoch of a run it is, and with which its phase began; both counted from zero.
struct Place {
    first: usize,
    epoch: usize,
}

/// Batches, and how long they were waited for.
struct Timed<'a, I> {
    inner: I,
    waited: &'a Cell<Duration>,
}

impl<I: Iterator> Iterator for Timed<'_, I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        let start = Instant::now();
        let next = self.inner.next();
        self.waited.set(self.waited.get() + start.elapsed());
        next
    }
}

/// A mean over examples, in batches of any size.
#[derive(Debug, Default)]
struct Mean {
    value: f64,
    examples: usize,
}

impl Mean {
    fn add(&mut self, value: f64, examples: usize) {
        self.examples += examples;
        self.value += (value - self.value) * examples as f64 / self.examples.max(1) as f64;
    }
}

/// The device of the model's parameters, with autodiff; the default where it has none.
pub(crate) fn autodiff_device<M: Module>(model: &M) -> Device {
    model.devices().into_iter().next().unwrap_or_default().inner().autodiff()
}

/// What the device draws in an epoch does not depend on what was drawn before it.
fn epoch_seed(seed: u64, epoch: usize) -> u64 {
    // As SplitMix64 steps: neighbours in either number are far apart.
    seed.wrapping_add(1).wrapping_mul(rekindle_base::STEP)
        ^ (epoch as u64).wrapping_mul(0xbf58_476d_1ce4_e5b9)
}
