//! What is trained and validated on: loaders, what is right for each sample, and digests of both.

use std::{
    num::NonZeroUsize,
    ops::Range,
    sync::{Arc, OnceLock},
};

use rayon::prelude::*;
use rekindle_base::spots;
use rekindle_data::{Digests, Loader, LoaderConfig, Order, Prepare, Sample};
use rekindle_train::{Train, Validation};
use rekindle_transfer::{Phase, PhaseLoss, features::Key};
use sha2::{Digest, Sha256};

use crate::{Error, TransferTask, task::label_text};

/// Samples of a task.
pub type Labelled<P, T> = Vec<Sample<<T as rekindle_train::Task>::Label, <P as Prepare>::Item>>;

/// Samples, and how each becomes an input.
#[derive(Debug)]
pub struct Items<P: Prepare, T: TransferTask> {
    /// What there is, and what is right for each.
    pub samples: Labelled<P, T>,
    /// How an item becomes an input.
    pub prepare: P,
}

/// What a run learns from, and what it chooses by.
pub type Sets<P, T> = (Train<Items<P, T>>, Validation<Items<P, T>>);

/// One part of the data: inputs by place, and what is right for each.
#[derive(Debug)]
pub(crate) struct Part<P: Prepare, T: TransferTask> {
    pub(crate) loader: Loader<P>,
    pub(crate) labels: Arc<Vec<T::Label>>,
    /// How often an epoch goes through the samples; each time is an epoch of the loader.
    pub(crate) passes: usize,
    contents: Arc<OnceLock<Arc<Vec<Key>>>>,
    files: Arc<Digests>,
}

/// The most samples of a label that follow each other where pairs of them are learned from: what a batch of 16 or 32 has of
/// four or eight labels.
const MOST_OF_A_LABEL: usize = 4;

/// Samples of a label that follow each other where pairs of them are learned from: a batch has two labels at least.
fn of_a_label(batch: usize) -> NonZeroUsize {
    NonZeroUsize::new(MOST_OF_A_LABEL.min(batch / 2)).unwrap_or(NonZeroUsize::MIN)
}

impl<P: Prepare, T: TransferTask> Clone for Part<P, T> {
    fn clone(&self) -> Self {
        Self {
            loader: self.loader.clone(),
            labels: Arc::clone(&self.labels),
            passes: self.passes,
            contents: Arc::clone(&self.contents),
            files: Arc::clone(&self.files),
        }
    }
}

impl<P: Prepare, T: TransferTask> Part<P, T> {
    pub(crate) fn new(
        samples: Labelled<P, T>,
        prepare: P,
        config: &LoaderConfig,
    ) -> Result<Self, Error> {
        let labels = samples.iter().map(|sample| sample.label.clone()).collect();
        let placed = samples.into_iter().map(|sample| Sample {
            label: T::stratum(&sample.label),
            item: sample.item,
            weight: sample.weight,
        });
        let loader = Loader::new(placed.collect(), prepare, config).map_err(Error::data)?;
        let labels = Arc::new(labels);
        let (contents, files) = Default::default();
        Ok(Self { loader, labels, passes: 1, contents, files })
    }

    /// The same as a phase goes through it.
    pub(crate) fn for_phase(&self, phase: &Phase) -> Self {
        let part = Self { passes: phase.passes.get(), ..self.clone() };
        match phase.loss {
            PhaseLoss::Task => part,
            PhaseLoss::Contrastive => {
                let order = Order::PerLabel(of_a_label(part.loader.config().batch_size));
                Self { loader: part.loader.with_order(order), ..part }
            }
        }
    }

    /// Batches of an epoch.
    pub(crate) fn batches(&self) -> usize {
        self.loader.batches() * self.passes
    }

    /// The epochs of the loader that an epoch is made of.
    pub(crate) fn passes_of(&self, epoch: usize) -> Range<u64> {
        (epoch * self.passes) as u64..((epoch + 1) * self.passes) as u64
    }

    /// The same where what files hold is known from earlier runs.
    pub(crate) fn knowing(self, files: &Arc<Digests>) -> Self {
        Self { files: Arc::clone(files), ..self }
    }

    pub(crate) fn len(&self) -> usize {
        self.loader.samples().len()
    }

    /// What the sample at a place is called.
    pub(crate) fn name(&self, place: usize) -> String {
        let sample = self.loader.samples().get(place);
        let name = sample.and_then(|sample| self.loader.prepare().name(&sample.item));
        name.unwrap_or_else(|| format!("sample {place}"))
    }

    /// Digests of what the samples hold; each is read once, and its file not even that where an earlier run did.
    pub(crate) fn contents(&self) -> Result<Arc<Vec<Key>>, Error> {
        if let Some(found) = self.contents.get() {
            return Ok(Arc::clone(found));
        }
        let prepare = self.loader.prepare();
        let samples = self.loader.samples();
        let found: Result<Vec<Key>, P::Error> =
            samples.par_iter().map(|sample| prepare.digest(&sample.item, &self.files)).collect();
        let found = Arc::new(found.map_err(Error::data)?);
        Ok(Arc::clone(self.contents.get_or_init(|| found)))
    }

    /// Whether a few samples hold what is remembered of their files; see [`spots`].
    pub(crate) fn is_remembered_right(&self) -> Result<bool, Error> {
        if self.files.remembered() == 0 {
            return Ok(true);
        }
        let (prepare, samples) = (self.loader.prepare(), self.loader.samples());
        let anew = Digests::in_memory();
        let right = |place: usize| -> Result<bool, P::Error> {
            let item = &samples[place].item;
            Ok(prepare.digest(item, &self.files)? == prepare.digest(item, &anew)?)
        };
        let found: Result<Vec<bool>, P::Error> =
            spots(samples.len()).into_par_iter().map(right).collect();
        Ok(found.map_err(Error::data)?.into_iter().all(|right| right))
    }

    /// What the samples hold, what is right for them and how much they count, as a digest; not where they lie.
    pub(crate) fn fingerprint(&self) -> Result<String, Error> {
        let mut hash = Sha256::new();
        let samples = self.loader.samples().iter().zip(self.labels.iter());
        for ((sample, label), content) in samples.zip(self.contents()?.iter()) {
            hash.update(content);
            hash.update(label_text(label).as_bytes());
            hash.update(sample.weight.to_le_bytes());
        }
        Ok(format!("{} of digest {:x}", self.len(), hash.finalize()))
    }
}

/// What a run learns from and chooses by.
#[derive(Debug)]
pub(crate) struct Data<P: Prepare, T: TransferTask> {
    /// All that a network's outputs depend on besides its weights and the input.
    pub(crate) identity: String,
    pub(crate) train: Part<P, T>,
    pub(crate) val: Part<P, T>,
    /// Whether earlier runs left digests of files that were not theirs.
    pub(crate) doubted: bool,
}

/// Makes weights of samples relative to each other: 1 on the average, so that rates mean what they mean without.
pub(crate) fn even_out<L, I>(samples: &mut [Sample<L, I>]) {
    let sum: f64 = samples.iter().map(|sample| f64::from(sample.weight)).sum();
    let mean = (sum / samples.len() as f64) as f32;
    if mean > 0.0 && mean != 1.0 {
        samples.iter_mut().for_each(|sample| sample.weight /= mean);
    }
}

/// Whether some samples count more than others.
pub fn weigh_differently<L, I>(samples: &[Sample<L, I>]) -> bool {
    samples.windows(2).any(|pair| pair[0].weight != pair[1].weight)
}

/// As many threads to prepare samples as there are to compute on, so that one number bounds both.
pub(crate) fn on_this_pool() -> LoaderConfig {
    LoaderConfig { workers: rayon::current_num_threads().min(8), ..LoaderConfig::default() }
}
