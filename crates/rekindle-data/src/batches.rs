//! Batches prepared by threads, the same whatever their number.
//!
//! Each picture is one task. Threads take tasks in order, never more than a few batches ahead of the caller; the caller puts
//! the results together. What a task gives depends on (seed, epoch, index) alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

mod config;
mod recipe;

pub use config::{LoaderConfig, Order, Remainder, Views};
use recipe::{Input, Recipe};

use crate::cache::Cache;
use crate::{Error, Preprocess, Random, Sample};

/// Inputs of several pictures, with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<L = usize> {
    /// The inputs, `[batch, channels, height, width]`.
    pub images: Vec<f32>,
    /// Batch, channels, height and width.
    pub shape: [usize; 4],
    /// The label of each input.
    pub labels: Vec<L>,
    /// How much each input counts in training.
    pub weights: Vec<f32>,
    /// The place of each input in the loader's samples.
    pub indices: Vec<usize>,
}

/// Samples and how to make batches of them, over as many epochs as wanted.
#[derive(Debug, Clone)]
pub struct Loader<L = usize> {
    recipe: Arc<Recipe<L>>,
    config: LoaderConfig,
}

impl<L: Clone + Ord + Send + Sync + 'static> Loader<L> {
    /// Checks the configuration; nothing is decoded yet.
    ///
    /// # Errors
    ///
    /// [`Error::Batches`] without samples, with a batch size of 0, with a weight below 0, or where every batch would be dropped;
    /// [`Error::Augment`] for an augmentation outside its range.
    pub fn new(
        samples: Vec<Sample<L>>,
        preprocess: &Preprocess,
        config: &LoaderConfig,
    ) -> Result<Self, Error> {
        let problem = |problem: &str| Err(Error::Batches { problem: problem.to_owned() });
        if samples.is_empty() {
            return problem("there are no samples; check the folder that they come from");
        }
        if config.batch_size == 0 {
            return problem("the batch size is 0; make it at least 1");
        }
        if config.remainder == Remainder::Dropped && samples.len() < config.batch_size {
            return problem(
                "fewer samples than a batch, and what does not fill one is dropped; make the batch smaller",
            );
        }
        config.augment.validate()?;
        let counts = |sample: &Sample<L>| sample.weight.is_finite() && sample.weight >= 0.0;
        if let Some(place) = samples.iter().position(|sample| !counts(sample)) {
            let weight = samples[place].weight;
            return problem(&format!("sample {place} weighs {weight}; give 0 or more"));
        }
        let recipe = Recipe {
            samples,
            preprocess: preprocess.clone(),
            augment: config.augment.clone(),
            seed: config.seed,
            cache: Cache::new(config.cache_bytes),
            disk: config.disk.clone(),
        };
        Ok(Self { recipe: Arc::new(recipe), config: config.clone() })
    }

    /// The samples that batches are made of.
    pub fn samples(&self) -> &[Sample<L>] {
        &self.recipe.samples
    }

    /// Batches in an epoch.
    pub fn batches(&self) -> usize {
        let (samples, size) = (self.recipe.samples.len(), self.config.batch_size);
        match self.config.remainder {
            Remainder::Kept => samples.div_ceil(size),
            Remainder::Dropped => samples / size,
        }
    }

    /// The batches of an epoch; its number draws the order and the augmentation.
    pub fn epoch(&self, epoch: u64) -> Batches<L> {
        self.batches_of(self.order(epoch), self.config.view_of(epoch))
    }

    /// The inputs of one view of the samples at these places, in batches.
    ///
    /// # Panics
    ///
    /// If there is no sample at one of the places.
    pub fn view(&self, places: Vec<usize>, view: u64) -> Batches<L> {
        let samples = self.samples().len();
        assert!(places.iter().all(|&place| place < samples), "a place beyond {samples} samples");
        self.batches_of(places, view)
    }

    /// The places of the samples in an epoch, in order; batches are cut from it.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let samples = &self.recipe.samples;
        let mut order: Vec<usize> = (0..samples.len()).collect();
        // No picture has this index, so that no picture shares the stream.
        let mut random = Random::new(self.config.seed, epoch, u64::MAX);
        match self.config.order {
            Order::Kept => {}
            Order::Shuffled => random.shuffle(&mut order),
            Order::Balanced => order = balanced(samples, &mut random),
        }
        order.truncate(self.batches().saturating_mul(self.config.batch_size));
        order
    }

    /// Channels, height and width of an input.
    pub fn shape(&self) -> [usize; 3] {
        self.recipe.preprocess.shape()
    }

    /// How pictures become inputs.
    pub fn preprocessing(&self) -> &rekindle_cards::Preprocessing {
        self.recipe.preprocess.config()
    }

    /// How samples become batches.
    pub fn config(&self) -> &LoaderConfig {
        &self.config
    }

    fn batches_of(&self, order: Vec<usize>, view: u64) -> Batches<L> {
        let size = self.config.batch_size;
        let input = self.shape().iter().product::<usize>() * size_of::<f32>();
        let fits = self.config.prefetch_bytes / input.max(1);
        let ahead = self.config.prefetch.max(1).saturating_mul(size).min(fits.max(1));
        let shared = Arc::new(Shared {
            recipe: Arc::clone(&self.recipe),
            order,
            view,
            ahead,
            state: Mutex::default(),
            turn: Condvar::new(),
        });
        // A system that grants no thread leaves the work to the caller.
        let workers = (0..self.config.workers.min(shared.order.len())).map_while(|number| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("pictures {number}"))
                .spawn(move || shared.work())
                .ok()
        });
        let workers = workers.collect();
        Batches { shared, workers, size, position: 0 }
    }
}

/// As many places as there are samples, in random order, every label as often as the others.
fn balanced<L: Ord>(samples: &[Sample<L>], random: &mut Random) -> Vec<usize> {
    let mut labels: BTreeMap<&L, Vec<usize>> = BTreeMap::new();
    for (place, sample) in samples.iter().enumerate() {
        labels.entry(&sample.label).or_default().push(place);
    }
    let mut labels: Vec<Vec<usize>> = labels.into_values().collect();
    labels.iter_mut().for_each(|places| random.shuffle(places));
    // Which labels get one more where they do not divide evenly is chance, too.
    random.shuffle(&mut labels);
    let mut order: Vec<usize> = (0..samples.len())
        .map(|turn| {
            let places = &labels[turn % labels.len()];
            places[turn / labels.len() % places.len()]
        })
        .collect();
    random.shuffle(&mut order);
    order
}

/// The batches of one epoch, in order; ends after the first error. Dropping it stops its threads.
#[derive(Debug)]
pub struct Batches<L = usize> {
    shared: Arc<Shared<L>>,
    workers: Vec<JoinHandle<()>>,
    size: usize,
    position: usize,
}

impl<L: Clone> Iterator for Batches<L> {
    type Item = Result<Batch<L>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.shared.order[self.position..];
        let indices = rest[..rest.len().min(self.size)].to_vec();
        if indices.is_empty() {
            return None;
        }
        let batch = self.gather(indices);
        if batch.is_err() {
            self.position = self.shared.order.len();
            self.shared.stop();
        }
        Some(batch)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.shared.order.len() - self.position).div_ceil(self.size);
        (usize::from(left > 0), Some(left))
    }
}

impl<L: Clone> std::iter::FusedIterator for Batches<L> {}

impl<L: Clone> Batches<L> {
    fn gather(&mut self, indices: Vec<usize>) -> Result<Batch<L>, Error> {
        let recipe = Arc::clone(&self.shared.recipe);
        let [channels, height, width] = recipe.preprocess.shape();
        let mut images = Vec::with_capacity(indices.len() * channels * height * width);
        for &index in &indices {
            let input = match self.workers.is_empty() {
                true => {
                    let spare = self.shared.lock().spare();
                    recipe.prepare_or_report(index, self.shared.view, spare)
                }
                false => self.shared.take(self.position),
            }?;
            images.extend_from_slice(input.values());
            if let Input::Drawn(buffer) = input {
                self.shared.lock().spares.push(buffer);
            }
            self.position += 1;
        }
        let of = |&index: &usize| &recipe.samples[index];
        let labels = indices.iter().map(of).map(|sample| sample.label.clone()).collect();
        let weights = indices.iter().map(of).map(|sample| sample.weight).collect();
        let shape = [indices.len(), channels, height, width];
        Ok(Batch { images, shape, labels, weights, indices })
    }
}

impl<L> Drop for Batches<L> {
    fn drop(&mut self) {
        self.shared.stop();
        for worker in self.workers.drain(..) {
            // A worker reports its panics as errors; there is nothing left to learn from it.
            drop(worker.join());
        }
    }
}

/// What the caller and the threads of one epoch share.
#[derive(Debug)]
struct Shared<L> {
    recipe: Arc<Recipe<L>>,
    order: Vec<usize>,
    view: u64,
    /// How many pictures the threads may be ahead of the caller.
    ahead: usize,
    state: Mutex<State>,
    /// Rung whenever the state moves on.
    turn: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// The next position that no thread has taken.
    next: usize,
    /// The position that the caller waits for.
    wanted: usize,
    ready: BTreeMap<usize, Result<Input, Error>>,
    /// Buffers of inputs that are in their batch.
    spares: Vec<Vec<f32>>,
    stopped: bool,
}

impl State {
    fn spare(&mut self) -> Vec<f32> {
        self.spares.pop().unwrap_or_default()
    }
}

impl<L> Shared<L> {
    /// A thread's life: take a position, prepare it, hand it over.
    fn work(&self) {
        while let Some((position, spare)) = self.claim() {
            let input = self.recipe.prepare_or_report(self.order[position], self.view, spare);
            self.lock().ready.insert(position, input);
            self.turn.notify_all();
        }
    }

    fn claim(&self) -> Option<(usize, Vec<f32>)> {
        let full = |state: &mut State| {
            !state.stopped && state.next >= state.wanted.saturating_add(self.ahead)
        };
        let mut state =
            self.turn.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        let position = state.next;
        if state.stopped || position >= self.order.len() {
            return None;
        }
        state.next += 1;
        Some((position, state.spare()))
    }

    /// Waits for the input at a position.
    fn take(&self, position: usize) -> Result<Input, Error> {
        let mut state = self.lock();
        state.wanted = position;
        self.turn.notify_all();
        loop {
            if let Some(input) = state.ready.remove(&position) {
                return input;
            }
            state = self.turn.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn stop(&self) {
        self.lock().stopped = true;
        self.turn.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
