//! The feature cache: what frozen stages make of a picture is computed once, not once an epoch.
//!
//! | a change of | computes again |
//! |---|---|
//! | the architecture, the frozen weights, their number of stages, the preprocessing, the precision, the device | everything |
//! | a picture's bytes | the views of that picture |
//! | the augmentation, the seed | all views but the first, which is as the evaluation sees it |
//! | the head, rates, epochs, labels | nothing |

use std::{
    collections::BTreeSet,
    ops::Range,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{module::Module, prelude::*, tensor::TensorData};
use rayon::prelude::*;
use rekindle_data::{Prepare, Views};
use rekindle_images::{Loader, Sample, Source as Place};
use rekindle_layers::Backbone;
use rekindle_train::{Train, Validation};
use rekindle_transfer::features::{
    FeatureStore, Key, Opened, Precision, bytes_needed, digest_file, key,
};

use super::{
    Data, Finetune,
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

/// A network, and the average of it that is evaluated in its place where there is one.
#[derive(Clone, Copy)]
pub(super) struct Networks<'a> {
    pub(super) trained: &'a Network,
    pub(super) average: Option<&'a Network>,
}

impl Feeds {
    /// Pictures to measure on, as they are.
    pub(super) fn plain(loader: &Loader) -> Validation<Feed> {
        Validation(Feed::Pictures(Pictures::plain(loader.clone())))
    }

    /// Features where the phase freezes stages and the same inputs come again in its epochs, else pictures.
    pub(super) fn new(
        networks: Networks<'_>,
        (phase, epochs): (&str, Range<usize>),
        config: &Finetune,
        (data, folder): (&Data, Option<&Path>),
    ) -> Result<Self, Error> {
        let network = networks.trained;
        let cut = network.frozen();
        let plan = Shape::of(network, cut, data.val.prepare().shape());
        let loader = data.train.config();
        // Only what the epochs of the phase show.
        let views: BTreeSet<u64> = epochs.map(|epoch| data.train.view_of(epoch as u64)).collect();
        let comes_again = !data.train.prepare().draws() || loader.views != Views::Fresh;
        let items = data.train.samples().len().saturating_mul(views.len().max(1));
        let items = items.saturating_add(data.val.samples().len());
        let bytes = bytes_needed(items, plan.per_picture.iter().product(), config.cache.precision);
        let off = match () {
            () if config.cache.place == CachePlace::Off => Some("it was turned off"),
            () if cut == 0 => Some("nothing is frozen"),
            () if !comes_again => Some("every epoch draws new views of each picture"),
            () if !config.mix.is_none() => Some("pictures are mixed anew in every step"),
            () if config.teacher.is_some() => Some("the teacher looks at the pictures"),
            () if bytes > config.cache.budget => {
                Some("the features would take more than the budget")
            }
            () if !networks.share(cut) => Some("the average's frozen stages are others"),
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
        let preprocessing =
            format!("{} {}", data.architecture, data.val.prepare().describe_plain());
        let mut store = open(network, config, &plan, folder, &preprocessing)?;
        match &store.opened {
            Opened::Rebuilt(reason) => report.rebuilt = Some(reason.clone()),
            Opened::Busy => report.rebuilt = Some("another run has it open".to_owned()),
            Opened::Fresh | Opened::Kept => {}
        }
        let [train_contents, val_contents] = data.contents()?;
        let train_keys = Arc::new(PictureKeys::new(train_contents, &data.train));
        let val_keys = Arc::new(PictureKeys::new(val_contents, &data.train));
        let filler = Filler { network: network.valid(), cut, embedded: plan.embedded };
        for view in views {
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

impl Networks<'_> {
    /// Whether what the first stages make of a picture is the same in both.
    fn share(&self, cut: usize) -> bool {
        let of = |network: &Network| digest(&network.valid(), prefix(network, cut));
        self.average.is_none_or(|average| of(average) == of(self.trained))
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
    let device = network.devices().into_iter().next().unwrap_or_default().inner();
    let key = key(&[
        digest(&network.valid(), prefix(network, cut)).as_bytes(),
        format!("{cut} {:?} {precision:?} {device:?}", shape.per_picture).as_bytes(),
        preprocessing.as_bytes(),
    ]);
    // A file a cut, so that phases do not make each other's anew.
    let name = match shape.embedded {
        true => "embeddings.bin".to_owned(),
        false => format!("features-{cut}.bin"),
    };
    Ok(FeatureStore::open(&folder.join(name), &key, width, precision)?)
}

/// Whether a parameter is in the first stages.
fn prefix(network: &Network, cut: usize) -> impl Fn(&str) -> bool {
    let stages = network.backbone().stages();
    move |name| {
        let inside = name.strip_prefix("backbone.").unwrap_or(name);
        stages[..cut].iter().any(|stage| stage.owns(inside))
    }
}

impl Data {
    /// Digests of what the training and the validation pictures hold; files are read once.
    fn contents(&self) -> Result<[Arc<Vec<Key>>; 2], Error> {
        let content = |sample: &Sample| match &sample.item {
            Place::File(path) => Ok(digest_file(path)?),
            Place::Memory(picture) => {
                let size = [picture.width(), picture.height()].map(usize::to_le_bytes).concat();
                Ok(key(&[&size, picture.pixels()]))
            }
        };
        let of = |loader: &Loader| -> Result<_, Error> {
            let keys: Result<Vec<Key>, Error> = loader.samples().par_iter().map(content).collect();
            Ok(Arc::new(keys?))
        };
        if let Some(found) = self.contents.get() {
            return Ok(found.clone());
        }
        let found = [of(&self.train)?, of(&self.val)?];
        Ok(self.contents.get_or_init(|| found).clone())
    }
}

/// How pictures are found: by their content, and beyond the first view by what is drawn for them.
#[derive(Debug)]
struct PictureKeys {
    contents: Arc<Vec<Key>>,
    augmentation: String,
    seed: u64,
}

impl PictureKeys {
    fn new(contents: Arc<Vec<Key>>, drawing: &Loader) -> Self {
        let (augmentation, seed) = (drawing.prepare().describe_drawn(), drawing.config().seed);
        Self { contents, augmentation, seed }
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
            let rekindle_data::Batch { input, indices, .. } = batch?;
            let images = Tensor::from_data(TensorData::new(input.values, input.shape), &device);
            let maps = self.network.prefix(self.cut, images);
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
