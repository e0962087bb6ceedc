//! The feature cache: what frozen stages make of a picture is computed once, not once an epoch.
//!
//! | a change of | computes again |
//! |---|---|
//! | the architecture, the frozen weights, their number of stages, the preprocessing, the precision | everything |
//! | a picture's bytes | the views of that picture |
//! | the augmentation, the seed | all views but the first, which is as the evaluation sees it |
//! | the head, rates, epochs, labels | nothing |

use std::{
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_data::{Loader, Sample, Source as Place, Views};
use rekindle_layers::Backbone;
use rekindle_metrics::Predictions;
use rekindle_train::{Batch, Source, Train, Validation};
use rekindle_transfer::features::{
    FeatureStore, Key, Opened, Precision, bytes_needed, digest_file, key,
};
use rekindle_transfer::{Examples, Probe, ProbeConfig};

use super::{
    Data, Finetune, Input,
    input::{Features, Feed, Keys, Pictures},
};
use crate::{Error, Network, digest::digest};

/// Where the features of frozen stages are kept.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CacheConfig {
    /// Where.
    pub place: CachePlace,
    /// How precisely.
    pub precision: Precision,
    /// Above this many bytes, nothing is kept.
    pub budget: u64,
}

/// Where the features of frozen stages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CachePlace {
    /// Nowhere: every epoch computes them again.
    Off,
    /// In memory.
    Memory,
    /// In a file in the run's folder, for later runs too; in memory where the run has no folder.
    File,
}

impl Default for CacheConfig {
    /// In the run's folder, exactly, up to four gibibytes.
    fn default() -> Self {
        Self { place: CachePlace::File, precision: Precision::F32, budget: 4 << 30 }
    }
}

/// What the cache did for a phase.
#[derive(Debug, Clone, PartialEq)]
pub struct CacheReport {
    /// The phase.
    pub phase: String,
    /// Why nothing was kept, where nothing was.
    pub off: Option<&'static str>,
    /// Frozen stages whose output is kept.
    pub cut: usize,
    /// Features that were there already.
    pub found: usize,
    /// Features that were computed.
    pub computed: usize,
    /// What computing them took.
    pub filling: Duration,
    /// What was wrong with an older file, so that it was made anew.
    pub rebuilt: Option<String>,
}

impl CacheReport {
    /// What it saved, in a line; nothing where nothing was kept.
    pub fn line(&self, epochs: usize) -> Option<String> {
        let Self { off: None, found, computed, filling, rebuilt, cut, .. } = self else {
            return None;
        };
        let seconds = filling.as_secs_f64();
        // What was found, and every further epoch, would have taken as long for each picture.
        let each = if *computed == 0 { 0.0 } else { seconds / *computed as f64 };
        let pictures = found + computed;
        let saved = each * (pictures * epochs).saturating_sub(*computed) as f64;
        let why = rebuilt
            .as_ref()
            .map_or_else(String::new, |why| format!("; an older file was not used: {why}"));
        Some(format!(
            "features of {cut} frozen stages: {computed} computed in {seconds:.1} s, {found} found; saved about {saved:.0} s over {epochs} epochs{why}"
        ))
    }
}

/// Where a phase's batches come from.
#[derive(Debug)]
pub(super) struct Feeds {
    pub(super) train: Train<Feed>,
    pub(super) val: Validation<Feed>,
    pub(super) report: CacheReport,
}

impl Feeds {
    /// Pictures to measure on, as they are.
    pub(super) fn plain(loader: &Loader) -> Validation<Feed> {
        Validation(Feed::Pictures(Pictures::plain(loader.clone())))
    }

    /// Features where the phase freezes stages and the same inputs come again, else pictures.
    pub(super) fn new(
        network: &Network,
        phase: &str,
        config: &Finetune,
        (data, folder): (&Data, Option<&Path>),
    ) -> Result<Self, Error> {
        let cut = network.frozen();
        let plan = Shape::of(network, cut, data.val.shape());
        let views = match config.views {
            Views::Cycled(count) => count.get() as u64,
            Views::Fresh if config.augment.is_none() => 1,
            Views::Fresh => 0,
        };
        let items = data.train.samples().len() as u64 * views + data.val.samples().len() as u64;
        let bytes =
            bytes_needed(items as usize, plan.per_picture.iter().product(), config.cache.precision);
        let off = match () {
            () if config.cache.place == CachePlace::Off => Some("it was turned off"),
            () if cut == 0 => Some("nothing is frozen"),
            () if views == 0 => Some("every epoch draws new views of each picture"),
            () if !config.mix.is_none() => Some("pictures are mixed anew in every step"),
            () if config.teacher.is_some() => Some("the teacher looks at the pictures"),
            () if bytes > config.cache.budget => {
                Some("the features would take more than the budget")
            }
            () => None,
        };
        let mut report = CacheReport {
            phase: phase.to_owned(),
            off,
            cut,
            found: 0,
            computed: 0,
            filling: Duration::ZERO,
            rebuilt: None,
        };
        if off.is_some() {
            let train = Pictures {
                loader: data.train.clone(),
                mix: config.mix,
                teacher: config.teacher.clone(),
            };
            return Ok(Self {
                train: Train(Feed::Pictures(train)),
                val: Self::plain(&data.val),
                report,
            });
        }
        let start = Instant::now();
        let preprocessing = format!("{} {:?}", data.architecture, data.val.preprocessing());
        let mut store = open(network, config, &plan, folder, &preprocessing)?;
        match &store.opened {
            Opened::Rebuilt(reason) => report.rebuilt = Some(reason.clone()),
            Opened::Busy => report.rebuilt = Some("another run has it open".to_owned()),
            Opened::Fresh | Opened::Kept => {}
        }
        let train_keys = Arc::new(PictureKeys::new(&data.train, config)?);
        let val_keys = Arc::new(PictureKeys::new(&data.val, config)?);
        let filler = Filler { network: network.valid(), cut, embedded: plan.embedded };
        // Only as many views as there are epochs are ever seen.
        let views = views.min(config.plan.epochs() as u64);
        for view in 0..views {
            filler.fill(&mut store, &data.train, &*train_keys, view, &mut report)?;
        }
        filler.fill(&mut store, &data.val, &*val_keys, Views::PLAIN, &mut report)?;
        store.flush()?;
        report.filling = start.elapsed();
        let store = Arc::new(store);
        let feed = |loader: &Loader, keys| {
            Feed::Features(Features {
                loader: loader.clone(),
                store: Arc::clone(&store),
                keys,
                cut,
                shape: plan.per_picture.clone(),
            })
        };
        Ok(Self {
            train: Train(feed(&data.train, train_keys)),
            val: Validation(feed(&data.val, val_keys)),
            report,
        })
    }
}

impl Feeds {
    /// Whether what is kept are embeddings, so that a probe of them costs next to nothing.
    pub(super) fn has_embeddings(&self) -> bool {
        matches!(&self.train.0, Feed::Features(features) if features.shape.len() == 1)
    }

    /// A probe of the training pictures' embeddings, and what it answers to the validation pictures.
    pub(super) fn probe(&self, network: &Network) -> Result<(Probe, Predictions), Error> {
        let (features, labels) = self.embeddings(network, &self.train.0)?;
        let examples =
            Examples { features: &features, labels: &labels, classes: network.classes() };
        let probe = Probe::chosen(&examples, &ProbeConfig::default());
        let (features, labels) = self.embeddings(network, &self.val.0)?;
        let mut predictions = Predictions::new(network.classes());
        predictions.add(&probe.logits(&features), &labels);
        Ok((probe, predictions))
    }

    /// The embedding of each picture as evaluation sees it, and its label.
    fn embeddings(&self, network: &Network, feed: &Feed) -> Result<(Vec<f32>, Vec<usize>), Error> {
        let device = network.devices().into_iter().next().unwrap_or_default().inner();
        let network = network.valid();
        let (mut features, mut labels) = (Vec::new(), Vec::new());
        for batch in feed.epoch(0, &device) {
            let Batch { input, target, .. } = batch?;
            let embeddings = match input {
                Input::Images(images) => network.embed(images),
                Input::Maps { cut, maps } => network.embed_from(cut, maps),
                Input::Embeddings(embeddings) => embeddings,
            };
            features.extend(embeddings.into_data().iter::<f32>());
            labels.extend(target.labels);
        }
        Ok((features, labels))
    }
}

/// What the frozen stages make of one picture.
struct Shape {
    per_picture: Vec<usize>,
    embedded: bool,
}

impl Shape {
    /// Finds it out with an empty picture.
    fn of(network: &Network, cut: usize, [channels, height, width]: [usize; 3]) -> Self {
        let embedded = cut == network.backbone().stages().len();
        if embedded {
            return Self { per_picture: vec![network.backbone().embed_dim()], embedded };
        }
        let device = network.devices().into_iter().next().unwrap_or_default().inner();
        let image = Tensor::zeros([1, channels, height, width], &device);
        let [_, channels, height, width] = network.prefix(cut, image).dims();
        Self { per_picture: vec![channels, height, width], embedded }
    }
}

/// The store of what these frozen weights make of pictures.
fn open(
    network: &Network,
    config: &Finetune,
    shape: &Shape,
    folder: Option<&Path>,
    preprocessing: &str,
) -> Result<FeatureStore, Error> {
    let (cut, precision) = (network.frozen(), config.cache.precision);
    let width = shape.per_picture.iter().product();
    let Some(folder) = folder.filter(|_| config.cache.place == CachePlace::File) else {
        return Ok(FeatureStore::memory(width, precision));
    };
    let stages = network.backbone().stages();
    let frozen = |name: &str| {
        let inside = name.strip_prefix("backbone.").unwrap_or(name);
        stages[..cut].iter().any(|stage| stage.owns(inside))
    };
    let key = key(&[
        digest(&network.valid(), frozen).as_bytes(),
        format!("{cut} {:?} {precision:?}", shape.per_picture).as_bytes(),
        preprocessing.as_bytes(),
    ]);
    Ok(FeatureStore::open(&folder.join("features.bin"), &key, width, precision)?)
}

/// How pictures are found: by their content, and beyond the first view by what is drawn for them.
#[derive(Debug)]
struct PictureKeys {
    contents: Vec<Key>,
    augmentation: String,
    seed: u64,
}

impl PictureKeys {
    fn new(loader: &Loader, config: &Finetune) -> Result<Self, Error> {
        let content = |sample: &Sample| match &sample.source {
            Place::File(path) => Ok(digest_file(path)?),
            Place::Memory(picture) => {
                let size = [picture.width(), picture.height()].map(usize::to_le_bytes).concat();
                Ok(key(&[&size, picture.pixels()]))
            }
        };
        let contents = loader.samples().iter().map(content).collect::<Result<_, Error>>()?;
        Ok(Self { contents, augmentation: format!("{:?}", config.augment), seed: config.seed })
    }
}

impl Keys for PictureKeys {
    fn key(&self, sample: usize, view: u64) -> Key {
        let content = &self.contents[sample];
        if view == Views::PLAIN {
            return key(&[content]);
        }
        // What is drawn depends on all of these.
        let drawn = [self.seed, sample as u64, view].map(u64::to_le_bytes).concat();
        key(&[content, self.augmentation.as_bytes(), &drawn])
    }
}

struct Filler {
    network: Network,
    cut: usize,
    embedded: bool,
}

impl Filler {
    /// Computes what the store lacks of a view.
    fn fill(
        &self,
        store: &mut FeatureStore,
        loader: &Loader,
        keys: &dyn Keys,
        view: u64,
        report: &mut CacheReport,
    ) -> Result<(), Error> {
        let lacking =
            (0..loader.samples().len()).filter(|&sample| !store.contains(&keys.key(sample, view)));
        let lacking: Vec<usize> = lacking.collect();
        report.found += loader.samples().len() - lacking.len();
        report.computed += lacking.len();
        let device = self.network.devices().into_iter().next().unwrap_or_default();
        for batch in loader.view(lacking, view) {
            let rekindle_data::Batch { images, shape, indices, .. } = batch?;
            let maps = self
                .network
                .prefix(self.cut, Tensor::from_data(TensorData::new(images, shape), &device));
            let values: Vec<f32> = match self.embedded {
                true => self.network.pool(maps).into_data().iter::<f32>().collect(),
                false => maps.into_data().iter::<f32>().collect(),
            };
            let width = values.len() / indices.len().max(1);
            for (&sample, row) in indices.iter().zip(values.chunks_exact(width)) {
                store.put(&keys.key(sample, view), row)?;
            }
        }
        Ok(())
    }
}
