//! Fine-tuning by a plan: freeze, train, measure, keep the best, and go on after an interruption.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use burn::prelude::*;
use rekindle_data::{LoaderConfig, Order, Views};
use rekindle_images::{Augment, DiskCache, Loader, PictureConfig, PreparePictures, Sample};
use rekindle_metrics::Predictions;
use rekindle_train::{
    Best, Callback, Classify, CrossEntropy, Ema, EmaConfig, End, Epoch, Fit, MixConfig, RateRange,
    Rates, Settings, State, Sweep, TimeBudget, Train, Validation, predict, sweep,
};
use rekindle_transfer::{Phase, Plan, features::Key};

use crate::{Error, Model, Network};

mod baseline;
mod cache;
mod folder;
mod input;
mod phases;
mod probe;

use cache::Feeds;
pub use cache::{CacheConfig, CachePlace, CacheReport};
use folder::OpenRun;
pub use folder::{RunFolder, Start};
pub use input::Input;
pub(crate) use input::{Feed, Pictures, uneven};
use phases::Trained;
pub use probe::{Probed, probe};

/// How to fine-tune.
#[derive(Debug, Clone)]
pub struct Finetune {
    /// Phases, checked before the first step.
    pub plan: Plan,
    /// Pictures a step.
    pub batch: usize,
    /// What is drawn for each picture.
    pub augment: Augment,
    /// Whether every epoch draws anew, or a few draws take turns so that what frozen stages make of them is kept.
    pub views: Views,
    /// Which pictures come how often.
    pub order: Order,
    /// What is blended out of several pictures.
    pub mix: MixConfig,
    /// The loss to train by.
    pub loss: CrossEntropy,
    /// A network with the same labels whose answers are learned along with the right ones.
    pub teacher: Option<Arc<Network>>,
    /// Where the features of frozen stages are kept.
    pub cache: CacheConfig,
    /// Where decoded pictures are kept that do not fit into memory.
    pub disk: Option<DiskCache>,
    /// How the average of all weights, which is evaluated and kept, follows them; no average without.
    pub ema: Option<EmaConfig>,
    /// Accumulation, clipping, when to stop, what to compare models by. Its seed is [`Finetune::seed`].
    pub settings: Settings,
    /// Ends the run after the epoch in which the time is up.
    pub time: Option<Duration>,
    /// Every how many epochs a model is kept besides the best, and how many of those.
    pub every: Option<(NonZeroUsize, usize)>,
    /// Whether a probe of the embeddings that it begins with is measured, as what training must beat; of no use where
    /// training begins from nothing.
    pub probe: bool,
    /// Draws the head, the order, the augmentation and dropout.
    pub seed: u64,
}

/// What came out of fine-tuning.
#[derive(Debug)]
pub struct Outcome {
    /// The best epoch's model, in validation.
    pub model: Model,
    /// The best epoch.
    pub best: Epoch,
    /// All epochs.
    pub history: Vec<Epoch>,
    /// What the best model predicts on the validation data, in its order.
    pub predictions: Predictions,
    /// Where the best model was saved, if it was.
    pub weights: Option<PathBuf>,
    /// How the last phase ended.
    pub end: End,
    /// What was kept of frozen stages, a row a phase.
    pub cache: Vec<CacheReport>,
    /// From the first step to the last, of this part of the run.
    pub duration: Duration,
}

/// Pictures to train on and to validate on, in the order of their loaders.
struct Data {
    /// Networks of the same weights may compute differently.
    architecture: String,
    train: Loader,
    val: Loader,
    /// Digests of the pictures, once they were asked for.
    contents: OnceLock<[Arc<Vec<Key>>; 2]>,
}

/// Fine-tunes a model, and restores the best epoch whether or not the run stopped early.
///
/// The model must have been built on a device with autodiff.
///
/// # Errors
///
/// If the plan cannot be carried out, a picture cannot be read, the loss is no number, the run's folder cannot be
/// written, or holds the state of another run.
pub fn finetune(
    model: Model,
    (train, val): (Train<Vec<Sample>>, Validation<Vec<Sample>>),
    config: &Finetune,
    folder: Option<&RunFolder<'_>>,
    callbacks: &mut [&mut dyn Callback<Network>],
) -> Result<Outcome, Error> {
    let start = Instant::now();
    let model = model.adapted(&config.plan)?;
    config.check(&model)?;
    let data = config.data(&model, train.0, val.0)?;
    let Model { network, config: about, .. } = model;

    let mut run = folder.map(|folder| folder.open(config, &data, &network, &about)).transpose()?;
    let mut state = State::new(network, &config.optimizer(0));
    state.ema = config.ema.map(|average| Ema::new(&state.model, average));
    if let Some(run) = &mut run {
        state = run.resume(config, state, (&data, &about))?;
    }
    let path = folder.map(|folder| folder.path);

    let mut ready = None;
    let mut baseline = run.as_ref().and_then(OpenRun::baseline);
    if config.probe && state.history.is_empty() {
        // Of the weights as they came, before anything moves.
        let (model, feeds) = config.begin(state.model, &state.ema, 0, 0, (&data, path))?;
        baseline = feeds.baseline(&model, &data)?;
        state.model = model;
        ready = Some(feeds);
        if let (Some(run), Some(accuracy)) = (&mut run, baseline) {
            run.note_baseline(accuracy);
        }
    }

    let mut best = Best::new(config.settings.monitor.clone());
    let mut budget = config.time.map(TimeBudget::new);
    let mut listeners: Vec<&mut dyn Callback<Network>> = vec![&mut best];
    listeners.extend(budget.as_mut().map(|budget| budget as _));
    listeners.extend(callbacks.iter_mut().map(|callback| &mut **callback as _));
    if let Some(run) = &mut run {
        listeners.extend(run.callbacks());
    }
    let trained = config.train(state, ready, (&data, path), &mut listeners);
    drop(listeners);
    let trained = trained.map_err(|error| {
        let error = error.name_pictures(&data);
        // What was reached is not lost with what failed; if it cannot be written, the first error is the one to be told.
        match run.as_mut().map(OpenRun::rescue) {
            Some(Ok(Some((epoch, path)))) => {
                Error::Rescued { epoch, path, source: Box::new(error) }
            }
            _ => error,
        }
    });
    let Trained { state, feeds, end, cache } = trained?;
    let duration = start.elapsed();
    let place = config.settings.monitor.best(&state.history).ok_or(Error::NoEpoch)?;
    if let Some(run) = &mut run {
        run.finish(&state)?;
    }
    let network = match (best.model(), &run) {
        (Some(model), _) => model.clone().merge(),
        (None, Some(run)) => run.best(&state.model)?,
        (None, None) => state.evaluated().merge(),
    };
    let best = state.history[place].clone();
    let objective = config.objective(network.classes());
    // Features are those of a phase's frozen stages, which another one may have trained.
    let predictions = match feeds.report.phase == best.phase {
        true => predict(&network, &objective, &feeds.val)?,
        false => predict(&network, &objective, &Feeds::plain(&data.val))?,
    };
    if let Some(run) = &mut run {
        run.show_wrong(state.history.len(), &about, (&predictions, &data))?;
    }
    Ok(Outcome {
        model: Model { network, config: about, probe: baseline },
        best,
        history: state.history,
        predictions,
        weights: run.map(|run| run.weights()),
        end,
        cache,
        duration,
    })
}

/// Sweeps through learning rates in the first phase of a plan, whose rates count as relative to each other.
///
/// # Errors
///
/// If the plan cannot be carried out, or a picture cannot be read.
pub fn find_rate(
    model: Model,
    train: Train<Vec<Sample>>,
    config: &Finetune,
    range: &RateRange,
) -> Result<Sweep, Error> {
    let model = model.adapted(&config.plan)?;
    config.check(&model)?;
    // A sweep sees some of the pictures, once: features of all of them would not come to use.
    let config = &Finetune {
        cache: CacheConfig { place: CachePlace::Off, ..config.cache },
        ..config.clone()
    };
    let data = config.data(&model, train.0.clone(), train.0)?;
    let (network, feeds) = config.begin(model.network, &None, 0, 0, (&data, None))?;
    let Some(phase) = config.plan.phases.first() else { return Err(Error::NoEpoch) };
    let fit = config.fit(phase, &network)?;
    let objective = config.objective(network.classes());
    Ok(sweep(network, &phase.optimizer, &fit.rates, range, &objective, &feeds.train)?)
}

impl Finetune {
    /// A plan on pictures as they are, with everything else as it is usual.
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            batch: 32,
            augment: Augment::NONE,
            views: Views::Fresh,
            order: Order::Shuffled,
            mix: MixConfig::NONE,
            loss: CrossEntropy::default(),
            teacher: None,
            cache: CacheConfig::default(),
            disk: None,
            ema: None,
            settings: Settings { monitor: accuracy(), ..Settings::default() },
            time: None,
            every: None,
            probe: true,
            seed: 0,
        }
    }

    /// The views that suit a plan: one where all of the backbone is frozen, since what it makes of a picture is then computed
    /// once; else other ones in every epoch.
    pub fn usual_views(plan: &Plan) -> Views {
        if plan.is_head_only() { Views::Cycled(NonZeroUsize::MIN) } else { Views::Fresh }
    }

    /// Everything that can be known to be wrong before the first step.
    fn check(&self, model: &Model) -> Result<(), Error> {
        self.plan.check(&model.network.layout())?;
        let classes = model.network.classes();
        self.settings.monitor.check(&Predictions::new(classes).values())?;
        let mut problems = Vec::new();
        let mut add = |of: &str, found: Result<(), String>| {
            problems.extend(found.err().map(|problem| format!("{of}: {problem}")));
        };
        add("steps", self.settings.check());
        add("loss", self.loss.check());
        if let Some(weights) = &self.loss.class_weights
            && weights.len() != classes
        {
            let count = weights.len();
            add("loss", Err(format!("{count} class weights for {classes} labels; give one each")));
        }
        if let Some(average) = &self.ema {
            add("average", average.check());
        }
        // Both off is no mixing, and the default.
        if !self.mix.is_none() {
            add("mixing", self.mix.check());
        }
        if let Some(teacher) = &self.teacher
            && teacher.classes() != classes
        {
            let count = teacher.classes();
            add("teacher", Err(format!("it knows {count} labels, the data has {classes}")));
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Settings(problems)) }
    }

    fn objective(&self, classes: usize) -> Classify<fn(&Network, Input) -> Tensor<2>> {
        Classify { forward: Input::logits, classes, loss: self.loss.clone() }
    }

    fn data(&self, model: &Model, mut train: Vec<Sample>, val: Vec<Sample>) -> Result<Data, Error> {
        even_out(&mut train);
        let preprocess = model.preprocess()?;
        let pictures = PictureConfig { disk: self.disk.clone(), ..PictureConfig::default() };
        let drawn = PictureConfig { augment: self.augment.clone(), ..pictures.clone() };
        let prepare = |config| PreparePictures::new(&preprocess, config);
        let plain = on_this_pool();
        let loader = LoaderConfig {
            batch_size: self.batch,
            order: self.order,
            views: self.views,
            seed: self.seed,
            ..plain.clone()
        };
        Ok(Data {
            architecture: model.config.architecture.clone(),
            train: Loader::new(train, prepare(&drawn)?, &loader)?,
            val: Loader::new(val, prepare(&pictures)?, &plain)?,
            contents: OnceLock::new(),
        })
    }

    fn optimizer(&self, phase: usize) -> rekindle_train::OptimizerConfig {
        self.plan.phases.get(phase).map(|phase| phase.optimizer).unwrap_or_default()
    }

    fn fit(&self, phase: &Phase, network: &Network) -> Result<Fit, Error> {
        Ok(Fit {
            phase: phase.name.clone(),
            epochs: phase.epochs,
            rates: Rates { base: phase.lr, groups: network.rates(phase)? },
            schedule: phase.schedule,
            settings: Settings { seed: self.seed, ..self.settings.clone() },
        })
    }
}

impl Error {
    /// Says which pictures a loss was no number on, where only their places were known.
    fn name_pictures(self, data: &Data) -> Self {
        let Self::Train(rekindle_train::Error::Diverged { epoch, step, loss, examples }) = self
        else {
            return self;
        };
        let name = |place: &usize| {
            let sample = data.train.samples().get(*place);
            let path = sample.and_then(Sample::path).map(|path| path.display().to_string());
            path.unwrap_or_else(|| format!("picture {place}"))
        };
        Self::Diverged { epoch, step, loss, pictures: examples.iter().map(name).collect() }
    }
}

/// Makes weights of pictures relative to each other: 1 on the average, so that rates mean what they mean without.
pub(crate) fn even_out<L>(samples: &mut [Sample<L>]) {
    let sum: f64 = samples.iter().map(|sample| f64::from(sample.weight)).sum();
    let mean = (sum / samples.len() as f64) as f32;
    if mean > 0.0 && mean != 1.0 {
        samples.iter_mut().for_each(|sample| sample.weight /= mean);
    }
}

/// Accuracy, and the loss where it is equal.
fn accuracy() -> rekindle_train::Monitor {
    rekindle_train::Monitor::new("accuracy", rekindle_metrics::Direction::Higher)
}

/// As many threads to prepare pictures as there are to compute on, so that one number bounds both.
pub(crate) fn on_this_pool() -> LoaderConfig {
    LoaderConfig { workers: rayon::current_num_threads().min(8), ..LoaderConfig::default() }
}
