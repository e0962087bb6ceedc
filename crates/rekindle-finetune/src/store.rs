//! The feature cache: what frozen stages make of an item is computed once, not once an epoch.
//!
//! | a change of | computes again |
//! |---|---|
//! | the architecture, the frozen weights, their number of stages, how items are prepared, the precision, the device | everything |
//! | what an item holds | the views of that item |
//! | what is drawn, the seed | all views but the first, which is as the evaluation sees it |
//! | the head, rates, epochs, labels | nothing |
//!
//! What an earlier run kept is believed where a sample of it, computed anew, is what was kept; else all of it is computed.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{module::Module, prelude::*};
use rekindle_base::spots;
use rekindle_data::{Prepare, Views};
use rekindle_layers::{Backbone, Flow};
use rekindle_train::{Train, Validation};
use rekindle_transfer::{
    Classifier, Phase,
    features::{self, FeatureStore, Key, Opened, bytes_needed, key},
};

use crate::{
    CachePlace, CacheReport, EngineConfig, Error, FromPrepared, TransferTask,
    data::{Data, Part},
    data_loader::{DataLoader, Features, Kept, Keys, Prepared},
    fingerprint::digest,
};

/// Where a phase's batches come from.
#[derive(Debug)]
pub(crate) struct Feeds<B: Backbone, P: Prepare, T: TransferTask> {
    pub(crate) train: Train<DataLoader<B, P, T>>,
    pub(crate) val: Validation<DataLoader<B, P, T>>,
    pub(crate) report: CacheReport,
}

/// A network, and the average of it that is evaluated in its place where there is one.
#[derive(Clone, Copy)]
pub(crate) struct Networks<'a, B: Backbone> {
    pub(crate) trained: &'a Classifier<B>,
    pub(crate) average: Option<&'a Classifier<B>>,
}

/// A phase, and which of the run's epochs it has.
pub(crate) struct Of<'a> {
    pub(crate) phase: &'a Phase,
    pub(crate) epochs: Range<usize>,
}

impl<B, P, T> Feeds<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// Items to measure on, as they are.
    pub(crate) fn plain(part: &Part<P, T>) -> Validation<DataLoader<B, P, T>> {
        Validation(DataLoader::Prepared(Prepared::plain(part.clone())))
    }

    /// Features where the phase freezes stages and the same inputs come again in its epochs, else inputs.
    pub(crate) fn new(
        networks: Networks<'_, B>,
        Of { phase, epochs }: Of<'_>,
        config: &EngineConfig<B, P, T>,
        data: &Data<P, T>,
        folder: Option<&Path>,
    ) -> Result<Self, Error> {
        let network = networks.trained;
        let cut = network.frozen();
        let part = data.train.for_phase(phase);
        let loader = &part.loader;
        let draws = loader.prepare().draws();
        let comes_again = !draws || loader.config().views != Views::Fresh;
        let mixes = config.draws.as_ref().is_some_and(|draws| !draws.is_none());
        let mut off = match () {
            () if config.cache.place == CachePlace::Off => Some("it was turned off"),
            () if cut == 0 => Some("nothing is frozen"),
            () if !network.backbone().same_shapes(cut) => {
                Some("items are of different sizes, and some stages train")
            }
            () if !comes_again => Some("every epoch draws new views of each item"),
            () if mixes => Some("items are mixed anew in every step"),
            () if config.teacher.is_some() => Some("the teacher looks at the items"),
            () if !networks.share(cut) => Some("the average's frozen stages are others"),
            () => None,
        };
        let mut kept = None;
        if off.is_none() {
            let found = kept_of(network, cut, &data.val)?;
            // Only what the epochs of the phase show.
            let passes = epochs.flat_map(|epoch| part.passes_of(epoch));
            let views: BTreeSet<u64> = passes.map(|pass| loader.view_of(pass)).collect();
            let items = data.train.len().saturating_mul(views.len().max(1));
            let items = items.saturating_add(data.val.len());
            if bytes_needed(items, found.width(), config.cache.precision) > config.cache.budget {
                off = Some("the features would take more than the budget");
            }
            kept = Some((found, views));
        }
        let mut report = CacheReport {
            phase: phase.name.clone(),
            off,
            cut,
            found: 0,
            computed: 0,
            an_epoch: data.train.len() * part.passes + data.val.len(),
            filling: Duration::ZERO,
            rebuilt: data.doubted.then(|| WRONG_DIGESTS.to_owned()),
        };
        let Some((kept, views)) = kept.filter(|_| off.is_none()) else {
            let train =
                Prepared { part, draws: config.draws.clone(), teacher: config.teacher.clone() };
            let val = Self::plain(&data.val);
            return Ok(Self { train: Train(DataLoader::Prepared(train)), val, report });
        };
        let start = Instant::now();
        let mut store = open(network, config, &kept, folder, data)?;
        let filler = Filler { network: network.valid(), kept: &kept };
        let [train_keys, val_keys] =
            [Arc::new(Keys::new(&data.train, config)?), Arc::new(Keys::new(&data.val, config)?)];
        let views: Vec<u64> = views.into_iter().collect();
        let why = match &store.opened {
            Opened::Rebuilt(reason) => Some(reason.clone()),
            Opened::Busy => Some("another run has it open".to_owned()),
            Opened::Fresh => None,
            Opened::Kept => {
                let right = filler.is_right(&store, &data.train, &train_keys, &views)?
                    && filler.is_right(&store, &data.val, &val_keys, &[Views::PLAIN])?;
                (!right).then(|| WRONG_FEATURES.to_owned())
            }
        };
        if why.as_deref() == Some(WRONG_FEATURES) {
            store.forget()?;
        }
        let whys = report.rebuilt.take().into_iter().chain(why).collect::<Vec<_>>();
        report.rebuilt = (!whys.is_empty()).then(|| whys.join("; "));
        for view in views {
            filler.fill(&mut store, &data.train, &train_keys, view, &mut report)?;
        }
        filler.fill(&mut store, &data.val, &val_keys, Views::PLAIN, &mut report)?;
        store.flush()?;
        report.filling = start.elapsed();
        let store = Arc::new(store);
        let feed = |part: &Part<P, T>, keys| {
            let (part, store, shape) = (part.clone(), Arc::clone(&store), kept.clone());
            DataLoader::Features(Features { part, store, keys, shape })
        };
        Ok(Self {
            train: Train(feed(&part, train_keys)),
            val: Validation(feed(&data.val, val_keys)),
            report,
        })
    }
}

impl<B: Backbone> Networks<'_, B> {
    /// Whether what the first stages make of an item is the same in both.
    fn share(&self, cut: usize) -> bool {
        let of = |network: &Classifier<B>| digest(&network.valid(), prefix(network, cut));
        self.average.is_none_or(|average| of(average) == of(self.trained))
    }
}

/// What the frozen stages make of one item, found out with the first.
fn kept_of<B, P, T>(network: &Classifier<B>, cut: usize, part: &Part<P, T>) -> Result<Kept, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    if cut == network.backbone().depth() {
        return Ok(Kept::Embedding(network.backbone().embed_dim()));
    }
    let device = device_of(network);
    let mut shapes = Vec::new();
    if let Some(batch) = part.loader.view(vec![0], Views::PLAIN).next() {
        let input = B::Input::from_prepared(batch.map_err(Error::data)?.input, &device);
        shapes = network.valid().prefix(cut, input).shapes();
    }
    Ok(Kept::Flow { cut, shapes })
}

/// The plain device of a network.
pub(crate) fn device_of<B: Backbone>(network: &Classifier<B>) -> Device {
    network.devices().into_iter().next().unwrap_or_default().inner()
}

/// The store of what these frozen weights make of items.
fn open<B: Backbone, P: Prepare, T: TransferTask>(
    network: &Classifier<B>,
    config: &EngineConfig<B, P, T>,
    kept: &Kept,
    folder: Option<&Path>,
    data: &Data<P, T>,
) -> Result<FeatureStore, Error> {
    let (cut, precision) = (network.frozen(), config.cache.precision);
    let Some(folder) = folder.filter(|_| config.cache.place == CachePlace::File) else {
        return Ok(FeatureStore::memory(kept.width(), precision));
    };
    // A file a cut, so that phases do not make each other's anew.
    let (name, shapes) = match kept {
        Kept::Embedding(width) => ("embeddings.bin".to_owned(), vec![vec![*width]]),
        Kept::Flow { shapes, .. } => (format!("features-{cut}.bin"), shapes.clone()),
    };
    let device = format!("{:?}", device_of(network));
    let key = key(&[
        digest(&network.valid(), prefix(network, cut)).as_bytes(),
        rekindle_data::canonical(&(cut, shapes, precision)).as_bytes(),
        device.as_bytes(),
        data.identity.as_bytes(),
        data.val.loader.prepare().describe_plain().as_bytes(),
    ]);
    Ok(FeatureStore::open(&folder.join(name), &key, kept.width(), precision)?)
}

/// Whether a parameter is in the first stages.
fn prefix<B: Backbone>(network: &Classifier<B>, cut: usize) -> impl Fn(&str) -> bool {
    let stages = network.backbone().stages();
    move |name| Classifier::<B>::owned(name, &stages[..cut])
}

impl Keys {
    fn new<B: Backbone, P: Prepare, T: TransferTask>(
        part: &Part<P, T>,
        config: &EngineConfig<B, P, T>,
    ) -> Result<Self, Error> {
        let drawn = part.loader.prepare().describe_drawn();
        Ok(Self { contents: part.contents()?, drawn, seed: config.seed })
    }

    pub(crate) fn key(&self, sample: usize, view: u64) -> Key {
        let content = &self.contents[sample];
        if view == Views::PLAIN {
            return key(&[content]);
        }
        // What is drawn depends on all of these.
        let drawn = [self.seed, sample as u64, view].map(u64::to_le_bytes).concat();
        key(&[content, self.drawn.as_bytes(), &drawn])
    }
}

/// What a report says of files that were not what they should be.
const WRONG_FEATURES: &str = "some of its features were not what these weights make of the items";
const WRONG_DIGESTS: &str = "digests.bin held others' digests for some files";

/// How far a row may be from the one that was kept, as a share of its length: batches of another size and instructions of
/// another machine round otherwise, and half precision keeps eleven bits.
const ROUNDING: f64 = 0.01;

struct Filler<'a, B: Backbone> {
    network: Classifier<B>,
    kept: &'a Kept,
}

impl<B: Backbone> Filler<'_, B> {
    /// Computes what the store lacks of a view.
    fn fill<P: Prepare, T: TransferTask>(
        &self,
        store: &mut FeatureStore,
        part: &Part<P, T>,
        keys: &Keys,
        view: u64,
        report: &mut CacheReport,
    ) -> Result<(), Error>
    where
        B::Input: FromPrepared<P::Batch>,
    {
        let lacking = (0..part.len()).filter(|&sample| !store.contains(&keys.key(sample, view)));
        let lacking: Vec<usize> = lacking.collect();
        report.found += part.len() - lacking.len();
        report.computed += lacking.len();
        self.compute(
            part,
            lacking,
            view,
            |sample, row| Ok(store.put(&keys.key(sample, view), row)?),
        )
    }

    /// Whether what is kept of these views is what the network makes of a few of the samples; see [`spots`].
    fn is_right<P: Prepare, T: TransferTask>(
        &self,
        store: &FeatureStore,
        part: &Part<P, T>,
        keys: &Keys,
        views: &[u64],
    ) -> Result<bool, Error>
    where
        B::Input: FromPrepared<P::Batch>,
    {
        let all = views.iter().flat_map(|&view| (0..part.len()).map(move |sample| (view, sample)));
        let kept: Vec<(u64, usize)> =
            all.filter(|&(view, sample)| store.contains(&keys.key(sample, view))).collect();
        let mut chosen: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
        for (view, sample) in spots(kept.len()).into_iter().map(|place| kept[place]) {
            chosen.entry(view).or_default().push(sample);
        }
        let mut right = true;
        let mut found = vec![0.0; self.kept.width()];
        for (view, samples) in chosen {
            self.compute(part, samples, view, |sample, row| {
                match store.get_into(&keys.key(sample, view), &mut found) {
                    Ok(()) => right &= is_near(&found, row),
                    // Damaged since, so that it is computed anyway.
                    Err(features::Error::Absent) => {}
                    Err(error) => return Err(error.into()),
                }
                Ok(())
            })?;
        }
        Ok(right)
    }

    /// What the network makes of a view of these samples, row by row.
    fn compute<P: Prepare, T: TransferTask>(
        &self,
        part: &Part<P, T>,
        samples: Vec<usize>,
        view: u64,
        mut row_of: impl FnMut(usize, &[f32]) -> Result<(), Error>,
    ) -> Result<(), Error>
    where
        B::Input: FromPrepared<P::Batch>,
    {
        let device = device_of(&self.network);
        for batch in part.loader.view(samples, view) {
            let rekindle_data::Batch { input, indices, .. } = batch.map_err(Error::data)?;
            let input = B::Input::from_prepared(input, &device);
            let values = match self.kept {
                Kept::Embedding(_) => self.network.embed(input).into_rows(),
                Kept::Flow { cut, .. } => self.network.prefix(*cut, input).into_rows(),
            };
            let width = self.kept.width();
            for (&sample, row) in indices.iter().zip(values.chunks_exact(width.max(1))) {
                row_of(sample, row)?;
            }
        }
        Ok(())
    }
}

/// Whether two rows are the same but for rounding.
fn is_near(kept: &[f32], computed: &[f32]) -> bool {
    let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|x| x * x).sum::<f64>().sqrt();
    let pairs = kept.iter().zip(computed);
    let off = norm(&mut pairs.map(|(one, other)| f64::from(*one) - f64::from(*other)));
    // Half precision has no smaller steps than 2^-24.
    let least = (computed.len() as f64).sqrt() * 2.0_f64.powi(-24);
    off <= ROUNDING * norm(&mut computed.iter().map(|x| f64::from(*x))) + least
}

#[cfg(test)]
mod tests {
    use super::is_near;

    #[test]
    fn rows_are_near_up_to_rounding() {
        for (kept, computed, near) in [
            ([1.0, -2.0, 2.0], [1.0, -2.0, 2.0], true),
            ([1.0, -2.0, 2.01], [1.0, -2.0, 2.0], true),
            ([1.0, -2.0, 2.1], [1.0, -2.0, 2.0], false),
            ([1.0, 2.0, 2.0], [1.0, -2.0, 2.0], false),
            ([0.0; 3], [0.0; 3], true),
            ([6e-8, 0.0, 0.0], [9e-8, 0.0, 0.0], true),
            ([0.0; 3], [1e-3, 0.0, 0.0], false),
            ([1e30, 0.0, 0.0], [0.0; 3], false),
            ([f32::NAN, 0.0, 0.0], [0.0; 3], false),
            ([0.0; 3], [f32::NAN, 0.0, 0.0], false),
        ] {
            assert_eq!(is_near(&kept, &computed), near, "{kept:?} {computed:?}");
        }
    }
}
