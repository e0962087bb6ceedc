//! Batches prepared by threads, the same whatever their number.
//!
//! Each item is one task. Threads take tasks in order, never more than a few batches ahead of the caller; the caller puts
//! the results together. What a task gives depends on (seed, epoch, index) alone.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

mod config;

pub use config::{LoaderConfig, Order, Remainder, Views};

use crate::error::panic_message;
use crate::{Dense, Error, Prepare, Random, Sample, View};

/// The inputs of several samples, with their labels.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch<L = usize, B = Dense> {
    /// The inputs together.
    pub input: B,
    /// The label of each input.
    pub labels: Vec<L>,
    /// How much each input counts in training.
    pub weights: Vec<f32>,
    /// The place of each input in the loader's samples.
    pub indices: Vec<usize>,
}

/// Samples and how to make batches of them, over as many epochs as wanted.
#[derive(Debug)]
pub struct Loader<P: Prepare, L = usize> {
    recipe: Arc<Recipe<P, L>>,
    config: LoaderConfig,
}

/// Samples, and how each becomes an input.
#[derive(Debug)]
struct Recipe<P: Prepare, L> {
    samples: Vec<Sample<L, P::Item>>,
    prepare: P,
    seed: u64,
}

/// Both share the samples, and what is kept of them.
impl<P: Prepare, L> Clone for Loader<P, L> {
    fn clone(&self) -> Self {
        Self { recipe: Arc::clone(&self.recipe), config: self.config.clone() }
    }
}

impl<P: Prepare, L: Clone + Ord + Send + Sync + 'static> Loader<P, L> {
    /// Checks the configuration; nothing is prepared yet.
    ///
    /// # Errors
    ///
    /// [`Error::Batches`] without samples, with a batch size of 0, with a weight below 0, or where every batch would be dropped.
    pub fn new(
        samples: Vec<Sample<L, P::Item>>,
        prepare: P,
        config: &LoaderConfig,
    ) -> Result<Self, P::Error> {
        let problem = |problem: &str| Err(Error::Batches { problem: problem.to_owned() }.into());
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
        let counts =
            |sample: &Sample<L, P::Item>| sample.weight.is_finite() && sample.weight >= 0.0;
        if let Some(place) = samples.iter().position(|sample| !counts(sample)) {
            let weight = samples[place].weight;
            return problem(&format!("sample {place} weighs {weight}; give 0 or more"));
        }
        let recipe = Recipe { samples, prepare, seed: config.seed };
        Ok(Self { recipe: Arc::new(recipe), config: config.clone() })
    }

    /// The samples that batches are made of.
    pub fn samples(&self) -> &[Sample<L, P::Item>] {
        &self.recipe.samples
    }

    /// How items become inputs.
    pub fn prepare(&self) -> &P {
        &self.recipe.prepare
    }

    /// The view of each sample that an epoch shows: always the plain one where nothing is drawn.
    pub fn view_of(&self, epoch: u64) -> u64 {
        if self.prepare().draws() { self.config.views.of(epoch) } else { Views::PLAIN }
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
    pub fn epoch(&self, epoch: u64) -> Batches<P, L> {
        self.batches_of(self.order(epoch), self.view_of(epoch))
    }

    /// The inputs of one view of the samples at these places, in batches.
    ///
    /// # Panics
    ///
    /// If there is no sample at one of the places.
    pub fn view(&self, places: Vec<usize>, view: u64) -> Batches<P, L> {
        let samples = self.samples().len();
        assert!(places.iter().all(|&place| place < samples), "a place beyond {samples} samples");
        self.batches_of(places, view)
    }

    /// The places of the samples in an epoch, in order; batches are cut from it.
    pub fn order(&self, epoch: u64) -> Vec<usize> {
        let samples = &self.recipe.samples;
        let mut order: Vec<usize> = (0..samples.len()).collect();
        // No sample has this place, so that none shares the stream.
        let mut random = Random::new(self.config.seed, epoch, u64::MAX);
        match self.config.order {
            Order::Kept => {}
            Order::Shuffled => random.shuffle(&mut order),
            Order::Balanced => order = balanced(samples, &mut random),
            Order::PerLabel(count) => order = per_label(samples, count.get(), &mut random),
        }
        order.truncate(self.batches().saturating_mul(self.config.batch_size));
        order
    }

    /// The same samples, and what is kept of them, in another order.
    pub fn with_order(self, order: Order) -> Self {
        Self { config: LoaderConfig { order, ..self.config }, ..self }
    }

    /// How samples become batches.
    pub fn config(&self) -> &LoaderConfig {
        &self.config
    }

    fn batches_of(&self, order: Vec<usize>, view: u64) -> Batches<P, L> {
        let size = self.config.batch_size;
        let fits = self.config.prefetch_bytes / self.prepare().input_bytes().max(1);
        let ahead = self.config.prefetch.max(1).saturating_mul(size).min(fits.max(1));
        let shared = Arc::new(Shared {
            recipe: Arc::clone(&self.recipe),
            order,
            view,
            ahead,
            state: Mutex::default(),
            turn: Condvar::new(),
        });
        let workers = if self.prepare().is_quick() { 0 } else { self.config.workers };
        // A system that grants no thread leaves the work to the caller.
        let workers = (0..workers.min(shared.order.len())).map_while(|number| {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name(format!("samples {number}"))
                .spawn(move || shared.work())
                .ok()
        });
        let workers = workers.collect();
        Batches { shared, workers, size, position: 0, inputs: Vec::new() }
    }
}

/// The places of the samples of each label, shuffled.
fn by_label<L: Ord, I>(samples: &[Sample<L, I>], random: &mut Random) -> Vec<Vec<usize>> {
    let mut labels: BTreeMap<&L, Vec<usize>> = BTreeMap::new();
    for (place, sample) in samples.iter().enumerate() {
        labels.entry(&sample.label).or_default().push(place);
    }
    let mut labels: Vec<Vec<usize>> = labels.into_values().collect();
    labels.iter_mut().for_each(|places| random.shuffle(places));
    labels
}

/// As many places as there are samples, in random order, every label as often as the others.
fn balanced<L: Ord, I>(samples: &[Sample<L, I>], random: &mut Random) -> Vec<usize> {
    let mut labels = by_label(samples, random);
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

/// As many places as there are samples: rounds of all labels, each in an order of its own, with `count` of each label.
fn per_label<L: Ord, I>(samples: &[Sample<L, I>], count: usize, random: &mut Random) -> Vec<usize> {
    let mut labels: Vec<_> =
        by_label(samples, random).into_iter().map(|places| (places, 0)).collect();
    let mut order = Vec::with_capacity(samples.len());
    while order.len() < samples.len() {
        random.shuffle(&mut labels);
        for (places, next) in &mut labels {
            let taken = count.min(places.len());
            order.extend((*next..*next + taken).map(|turn| places[turn % places.len()]));
            *next += taken;
        }
    }
    order.truncate(samples.len());
    order
}

/// The batches of one epoch, in order; ends after the first error. Dropping it stops its threads.
#[derive(Debug)]
pub struct Batches<P: Prepare, L = usize> {
    shared: Arc<Shared<P, L>>,
    workers: Vec<JoinHandle<()>>,
    size: usize,
    position: usize,
    /// Those of the batch that is being put together.
    inputs: Vec<P::Input>,
}

/// A batch of inputs that one prepares, or why there is none.
type Gathered<P, L> = Result<Batch<L, <P as Prepare>::Batch>, <P as Prepare>::Error>;

impl<P: Prepare, L: Clone> Iterator for Batches<P, L> {
    type Item = Gathered<P, L>;

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

impl<P: Prepare, L: Clone> std::iter::FusedIterator for Batches<P, L> {}

impl<P: Prepare, L: Clone> Batches<P, L> {
    fn gather(&mut self, indices: Vec<usize>) -> Gathered<P, L> {
        let recipe = Arc::clone(&self.shared.recipe);
        for &index in &indices {
            let input = match self.workers.is_empty() {
                true => {
                    let spare = self.shared.lock().spares.pop();
                    recipe.prepare_or_report(index, self.shared.view, spare)
                }
                false => self.shared.take(self.position),
            }?;
            self.inputs.push(input);
            self.position += 1;
        }
        let input = recipe.prepare.collate(&mut self.inputs)?;
        self.shared.lock().spares.append(&mut self.inputs);
        let of = |&index: &usize| &recipe.samples[index];
        let labels = indices.iter().map(of).map(|sample| sample.label.clone()).collect();
        let weights = indices.iter().map(of).map(|sample| sample.weight).collect();
        Ok(Batch { input, labels, weights, indices })
    }
}

impl<P: Prepare, L> Recipe<P, L> {
    fn prepare_or_report(
        &self,
        index: usize,
        view: u64,
        spare: Option<P::Input>,
    ) -> Result<P::Input, P::Error> {
        let prepare = || {
            let view = View { seed: self.seed, number: view, place: index as u64 };
            self.prepare.prepare(&self.samples[index].item, view, spare)
        };
        catch_unwind(AssertUnwindSafe(prepare)).unwrap_or_else(|panic| {
            let name = self.samples.get(index).and_then(|sample| self.prepare.name(&sample.item));
            let name = name.unwrap_or_else(|| format!("sample {index}"));
            Err(Error::Panicked { name, message: panic_message(&*panic) }.into())
        })
    }
}

impl<P: Prepare, L> Drop for Batches<P, L> {
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
struct Shared<P: Prepare, L> {
    recipe: Arc<Recipe<P, L>>,
    order: Vec<usize>,
    view: u64,
    /// How many samples the threads may be ahead of the caller.
    ahead: usize,
    state: Mutex<State<P>>,
    /// Rung whenever the state moves on.
    turn: Condvar,
}

#[derive(Debug)]
struct State<P: Prepare> {
    /// The next position that no thread has taken.
    next: usize,
    /// The position that the caller waits for.
    wanted: usize,
    ready: BTreeMap<usize, Result<P::Input, P::Error>>,
    /// Inputs that are in their batch, and of no use but their memory.
    spares: Vec<P::Input>,
    stopped: bool,
}

impl<P: Prepare> Default for State<P> {
    fn default() -> Self {
        let (ready, spares) = (BTreeMap::new(), Vec::new());
        Self { next: 0, wanted: 0, ready, spares, stopped: false }
    }
}

impl<P: Prepare, L> Shared<P, L> {
    /// A thread's life: take a position, prepare it, hand it over.
    fn work(&self) {
        while let Some((position, spare)) = self.claim() {
            let input = self.recipe.prepare_or_report(self.order[position], self.view, spare);
            self.lock().ready.insert(position, input);
            self.turn.notify_all();
        }
    }

    fn claim(&self) -> Option<(usize, Option<P::Input>)> {
        let full = |state: &mut State<P>| {
            !state.stopped && state.next >= state.wanted.saturating_add(self.ahead)
        };
        let mut state =
            self.turn.wait_while(self.lock(), full).unwrap_or_else(PoisonError::into_inner);
        let position = state.next;
        if state.stopped || position >= self.order.len() {
            return None;
        }
        state.next += 1;
        Some((position, state.spares.pop()))
    }

    /// Waits for the input at a position.
    fn take(&self, position: usize) -> Result<P::Input, P::Error> {
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

    fn lock(&self) -> MutexGuard<'_, State<P>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
