//! Fine-tuning by a plan: freeze, train, measure, keep the best, and go on after an interruption.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{module::Module, prelude::*, tensor::TensorData};
use rekindle_data::{Augment, Loader, LoaderConfig, Order, Sample, Views};
use rekindle_metrics::Predictions;
use rekindle_train::{
    Best, Callback, Classify, CrossEntropy, Ema, EmaConfig, End, Epoch, Fit, MixConfig, RateRange,
    Rates, Settings, State, Sweep, TimeBudget, Train, Validation, predict, sweep,
};
use rekindle_transfer::{BatchNormPolicy, Phase, Plan};

use crate::{Error, Model, Network};

mod cache;
mod folder;
mod input;
mod probe;

use cache::Feeds;
pub use cache::{CacheConfig, CachePlace, CacheReport};
pub use folder::{RunFolder, Start};
pub use input::Input;
pub(crate) use input::{Feed, Pictures};
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
    /// How the average of all weights, which is evaluated and kept, follows them; no average without.
    pub ema: Option<EmaConfig>,
    /// Accumulation, clipping, when to stop, what to compare models by. Its seed is [`Finetune::seed`].
    pub settings: Settings,
    /// Ends the run after the epoch in which the time is up.
    pub time: Option<Duration>,
    /// Every how many epochs a model is kept besides the best, and how many of those.
    pub every: Option<(NonZeroUsize, usize)>,
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
    /// The accuracy on the validation data of a probe of the embeddings it began with, where a phase kept them: what
    /// training must beat.
    pub probe: Option<f64>,
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
    config.plan.check(&model.network.layout())?;
    let data = config.data(&model, train.0, val.0)?;
    let Model { network, config: about } = model;
    let classes = network.classes();

    let mut run = folder.map(|folder| folder.open(config, &data, &network, &about)).transpose()?;
    let mut state = State::new(network, &config.optimizer(0));
    state.ema = config.ema.map(|average| Ema::new(&state.model, average));
    if let Some(run) = &mut run {
        state = run.resume(config, state)?;
    }
    let path = folder.map(|folder| folder.path);
    let mut best = Best::new(config.settings.monitor.clone());
    let mut budget = config.time.map(TimeBudget::new);
    let mut listeners: Vec<&mut dyn Callback<Network>> = vec![&mut best];
    listeners.extend(budget.as_mut().map(|budget| budget as _));
    listeners.extend(callbacks.iter_mut().map(|callback| &mut **callback as _));
    if let Some(run) = &mut run {
        listeners.extend(run.callbacks());
    }

    let objective = Classify { forward: Input::logits, classes, loss: config.loss.clone() };
    let (mut reports, mut baseline) = (Vec::new(), None);
    let mut last = None;
    let first = config.phase_of(&state);
    for (index, phase) in config.plan.phases.iter().enumerate().skip(first) {
        let begun = state.history.iter().any(|epoch| epoch.phase == phase.name);
        state.model = state.model.prepare(phase)?;
        if !begun && index > 0 {
            state.optimizer = state.optimizer.turn_into(&config.optimizer(index));
        }
        let feeds = Feeds::new(&state.model, &phase.name, config, (&data, path))?;
        if !begun && phase.batch_norm == BatchNormPolicy::Reestimated {
            state.model = reestimate(state.model, &data)?;
        }
        if index == 0 && feeds.has_embeddings() {
            baseline = Some(feeds.probe(&state.model)?.1.top(1));
        }
        let fit = config.fit(phase, &state.model)?;
        let sources = (&feeds.train, &feeds.val);
        let (next, end) = fit.run(state, &objective, sources, &mut listeners)?;
        state = next;
        reports.push(feeds.report.clone());
        last = Some((feeds, end));
        if end == End::Broken {
            break;
        }
    }
    drop(listeners);
    let duration = start.elapsed();
    let Some((feeds, end)) = last else { unreachable!("a checked plan has phases") };
    let place = config.settings.monitor.best(&state.history).ok_or(Error::NoEpoch)?;
    if let Some(run) = &mut run {
        run.finish(&state)?;
    }
    let network = match (best.model(), &run) {
        (Some(model), _) => model.clone(),
        (None, Some(run)) => run.best(&state.model)?,
        (None, None) => state.evaluated(),
    };
    let best = state.history[place].clone();
    // Features of the last phase are those of its frozen stages, which an earlier one may have trained since.
    let same = state.history.last().is_some_and(|epoch| epoch.phase == best.phase);
    let predictions = match same {
        true => predict(&network, &objective, &feeds.val)?,
        false => predict(&network, &objective, &Feeds::plain(&data.val))?,
    };
    Ok(Outcome {
        model: Model { network, config: about },
        best,
        history: state.history,
        predictions,
        probe: baseline,
        weights: run.map(|run| run.weights()),
        end,
        cache: reports,
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
    config.plan.check(&model.network.layout())?;
    let data = config.data(&model, train.0.clone(), train.0)?;
    let Some(phase) = config.plan.phases.first() else { return Err(Error::NoEpoch) };
    let network = model.network.prepare(phase)?;
    let fit = config.fit(phase, &network)?;
    let feeds = Feeds::new(&network, &phase.name, config, (&data, None))?;
    let classes = network.classes();
    let objective = Classify { forward: Input::logits, classes, loss: config.loss.clone() };
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
            ema: None,
            settings: Settings { monitor: accuracy(), ..Settings::default() },
            time: None,
            every: None,
            seed: 0,
        }
    }

    fn data(&self, model: &Model, train: Vec<Sample>, val: Vec<Sample>) -> Result<Data, Error> {
        let preprocess = model.preprocess()?;
        let loader = LoaderConfig {
            batch_size: self.batch,
            order: self.order,
            augment: self.augment.clone(),
            views: self.views,
            seed: self.seed,
            ..on_this_pool()
        };
        Ok(Data {
            architecture: model.config.architecture.clone(),
            train: Loader::new(train, &preprocess, &loader)?,
            val: Loader::new(val, &preprocess, &on_this_pool())?,
        })
    }

    fn optimizer(&self, phase: usize) -> rekindle_train::OptimizerConfig {
        self.plan.phases.get(phase).map(|phase| phase.optimizer).unwrap_or_default()
    }

    /// The phase that a state is in.
    fn phase_of(&self, state: &State<Network>) -> usize {
        let last = state.history.last().map(|epoch| &epoch.phase);
        let place = |name: &String| self.plan.phases.iter().position(|phase| phase.name == *name);
        last.and_then(place).unwrap_or(0)
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

/// Statistics of batch norms from the training pictures as evaluation sees them.
fn reestimate(network: Network, data: &Data) -> Result<Network, Error> {
    let device = network.devices().into_iter().next().unwrap_or_default();
    let places = (0..data.train.samples().len()).collect();
    network.reestimate(data.train.view(places, Views::PLAIN).map(|batch| {
        let rekindle_data::Batch { images, shape, .. } = batch?;
        Ok(Tensor::from_data(TensorData::new(images, shape), &device))
    }))
}

/// Accuracy, and the loss where it is equal.
fn accuracy() -> rekindle_train::Monitor {
    rekindle_train::Monitor::new("accuracy", rekindle_metrics::Direction::Higher)
}

/// As many threads to prepare pictures as there are to compute on, so that one number bounds both.
pub(crate) fn on_this_pool() -> LoaderConfig {
    LoaderConfig { workers: rayon::current_num_threads().min(8), ..LoaderConfig::default() }
}
