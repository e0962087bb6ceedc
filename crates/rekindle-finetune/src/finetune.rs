//! The run as a whole: from a network and data to the best epoch's network.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use burn::{module::Module, prelude::*};
use rekindle_data::{DrawBatch, LoaderConfig, Order, Prepare, Views};
use rekindle_layers::Backbone;
use rekindle_metrics::Values;
use rekindle_train::{
    Best, Callback, Ema, EmaConfig, End, Epoch, Fit, Learn, OptimizerConfig, Rates, Settings,
    State, TimeBudget, Train, Validation, predict,
};
use rekindle_transfer::{Classifier, Phase, Plan};

use crate::{
    CacheConfig, CacheReport, Effort, Error, FromPrepared, HeadStart, Items, Partial, RunFolder,
    TransferTask,
    data::{Data, Part, even_out, on_this_pool},
    phases::Trained,
    run_folder::OpenRun,
    store::Feeds,
};

/// How to fine-tune.
#[derive(Debug)]
pub struct Finetune<B: Backbone, P: Prepare, T> {
    /// Phases, checked before the first step.
    pub plan: Plan,
    /// What outputs mean, and what is minimized.
    pub task: T,
    /// Items a step.
    pub batch: usize,
    /// Whether every epoch draws anew, or a few draws take turns so that what frozen stages make of them is kept.
    pub views: Views,
    /// Which items come how often.
    pub order: Order,
    /// What is drawn for whole batches, such as mixup.
    pub draws: Option<Arc<dyn DrawBatch<P::Batch>>>,
    /// A network for the same task whose answers are learned along with the right ones.
    pub teacher: Option<Arc<Classifier<B>>>,
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
    /// What the head is before the first step.
    pub head: HeadStart,
    /// Whether a probe of the embeddings that it begins with is measured, as what training must beat; of no use where
    /// training begins from nothing.
    pub probe: bool,
    /// Draws the head, the order, the augmentation and dropout.
    pub seed: u64,
}

/// Whatever prepares items need not be copied for that.
impl<B: Backbone, P: Prepare, T: Clone> Clone for Finetune<B, P, T> {
    fn clone(&self) -> Self {
        Self {
            plan: self.plan.clone(),
            task: self.task.clone(),
            draws: self.draws.clone(),
            teacher: self.teacher.clone(),
            settings: self.settings.clone(),
            ..*self
        }
    }
}

/// The network that is fine-tuned.
#[derive(Debug)]
pub struct Trainee<B: Backbone> {
    /// On whichever device. Clones of it stay as they are.
    pub network: Classifier<B>,
    /// All that its outputs depend on besides its weights: the architecture, what outputs are called. Runs and kept features
    /// of another identity are not gone on from.
    pub identity: String,
}

impl<B: Backbone> Trainee<B> {
    /// A network of this identity, on whichever device.
    pub fn new(network: Classifier<B>, identity: impl Into<String>) -> Self {
        Self { network, identity: identity.into() }
    }

    /// The same on a device with autodiff, and with running statistics of its own: a network shares its with its clones, which
    /// would move along.
    pub(crate) fn ready(self) -> Self {
        Self { network: self.network.valid().train(), ..self }
    }
}

/// What came out of fine-tuning.
#[derive(Debug)]
pub struct Outcome<B: Backbone, T: TransferTask> {
    /// The best epoch's network, in validation.
    pub network: Classifier<B>,
    /// The task as it was fitted and calibrated: what outputs mean.
    pub task: T,
    /// The best epoch; number 0 is the head that was solved for, before any step.
    pub best: Epoch,
    /// All epochs.
    pub history: Vec<Epoch>,
    /// What the best network predicts on the validation data, in its order.
    pub scores: T::Scores,
    /// The same measured before the task was calibrated.
    pub uncalibrated: Values,
    /// What a probe of the weights it began with reached on the validation data, where it was measured.
    pub probe: Option<f64>,
    /// Where the best network was saved, if it was.
    pub weights: Option<PathBuf>,
    /// How the last phase ended.
    pub end: End,
    /// What was kept of frozen stages, a row a phase.
    pub cache: Vec<CacheReport>,
    /// From the first step to the last, of this part of the run.
    pub duration: Duration,
}

/// The forward pass of whatever a batch has become.
pub(crate) type Forward<B> = fn(&Classifier<B>, Partial<B>) -> Tensor<2>;

/// Fine-tunes a network, and restores the best epoch whether or not the run stopped early.
///
/// # Errors
///
/// If the plan cannot be carried out, an item cannot be read, the loss is no number, the run's folder cannot be
/// written, or holds the state of another run.
pub fn finetune<B, P, T>(
    trainee: Trainee<B>,
    data: (Train<Items<P, T>>, Validation<Items<P, T>>),
    config: Finetune<B, P, T>,
    folder: Option<&RunFolder<'_, P, T>>,
    callbacks: &mut [&mut dyn Callback<Classifier<B>>],
) -> Result<Outcome<B, T>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let start = Instant::now();
    let (config, network, data) = config.open(trainee, data)?;
    let mut run = folder.map(|folder| folder.open(&config, &data, &network)).transpose()?;
    let mut state = State::new(network, &config.optimizer(0));
    state.ema = config.ema.map(|average| Ema::new(&state.model, average));
    if let Some(run) = &mut run {
        state = run.resume(&config, state, &data)?;
    }
    let path = folder.map(|folder| folder.path);

    let mut best = Best::new(config.settings.monitor.clone());
    let mut budget = config.time.map(TimeBudget::new);
    let mut ready = None;
    let mut probed = run.as_ref().and_then(OpenRun::probe);
    let mut first = None;
    if state.history.is_empty() && (config.probe || config.head == HeadStart::Solved) {
        // Of the weights as they came, before anything moves.
        let (model, feeds) = config.begin(state.model, &state.ema, (0, 0), &data, path)?;
        state.model = model;
        if let Some(found) = feeds.solve(&state.model, &data, &config.task, Effort::Seconds)? {
            let values = config.task.values(&found.val);
            probed = values.get(&config.task.monitor().metric);
            if let (Some(run), Some(value)) = (&mut run, probed) {
                run.note_probe(value);
            }
            if config.head == HeadStart::Solved {
                let began = Instant::now();
                state.model = state.model.with_head(found.solved.weight, found.solved.bias);
                state.ema = config.ema.map(|average| Ema::new(&state.model, average));
                let val =
                    config.task.values(&predict(&state.evaluated(), &config.learn(), &feeds.val)?);
                let mut train = Values::default();
                // As they are in all other epochs: the loss first of all by its place.
                found.train.iter().for_each(|(name, value)| train.set(name, value));
                first = Some(Epoch {
                    number: 0,
                    phase: SOLVED.to_owned(),
                    train,
                    val,
                    rates: Vec::new(),
                    seconds: began.elapsed().as_secs_f64(),
                    waiting: 0.0,
                });
            }
        }
        ready = Some(feeds);
    }

    let mut listeners: Vec<&mut dyn Callback<Classifier<B>>> = vec![&mut best];
    listeners.extend(budget.as_mut().map(|budget| budget as _));
    listeners.extend(callbacks.iter_mut().map(|callback| &mut **callback as _));
    if let Some(run) = &mut run {
        listeners.extend(run.callbacks());
    }
    if let Some(epoch) = first {
        rekindle_train::begin(&mut state, epoch, &mut listeners)?;
    }
    let trained = config.train(state, ready, &data, path, &mut listeners);
    drop(listeners);
    let trained = trained.map_err(|error| {
        let error = error.name_items(&data);
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
    // Features are those of a phase's frozen stages, which another one may have trained.
    let scores = match feeds.report.phase == best.phase {
        true => predict(&network, &config.learn(), &feeds.val)?,
        false => predict(&network, &config.learn(), &Feeds::<B, P, T>::plain(&data.val))?,
    };
    let uncalibrated = config.task.values(&scores);
    let (task, scores) = config.task.clone().calibrated(scores);
    if let Some(run) = &mut run {
        run.show_wrong(state.history.len(), &task.most_wrong(&scores), &data)?;
        run.rewrite(&network, &task)?;
    }
    Ok(Outcome {
        network,
        task,
        best,
        history: state.history,
        scores,
        uncalibrated,
        probe: probed,
        weights: run.map(|run| run.weights()),
        end,
        cache,
        duration,
    })
}

/// The phase of the epoch before the first: what the head that was solved for reaches.
const SOLVED: &str = "solved head";

/// Always the one that evaluation sees.
pub(crate) const ONE_VIEW: Views = Views::Cycled(NonZeroUsize::MIN);

pub(crate) fn labels<P: Prepare, T: TransferTask>(items: &Items<P, T>) -> Vec<T::Label> {
    items.samples.iter().map(|sample| sample.label.clone()).collect()
}

impl<B, P, T> Finetune<B, P, T>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    /// A plan for a task, with everything else as it is usual.
    pub fn new(plan: Plan, task: T) -> Self {
        Self {
            settings: Settings { monitor: task.monitor(), ..Settings::default() },
            plan,
            task,
            batch: 32,
            views: Views::Fresh,
            order: Order::Shuffled,
            draws: None,
            teacher: None,
            cache: CacheConfig::default(),
            ema: None,
            time: None,
            every: None,
            head: HeadStart::Solved,
            probe: true,
            seed: 0,
        }
    }

    /// Checks everything that can be known to be wrong before the first step, and opens the data.
    pub(crate) fn open(
        self,
        trainee: Trainee<B>,
        (Train(train), Validation(val)): (Train<Items<P, T>>, Validation<Items<P, T>>),
    ) -> Result<(Self, Classifier<B>, Data<P, T>), Error> {
        let Trainee { network, identity } = trainee.ready();
        let network = match &self.plan.lora {
            Some(lora) if !network.layout().is_adapted() => network.adapt(lora)?,
            _ => network,
        };
        let mut config = self;
        config.task = config.task.fitted(&labels(&train));
        let mut samples = train.samples;
        even_out(&mut samples);
        config.check(&network)?;
        let plain = LoaderConfig { views: ONE_VIEW, ..on_this_pool() };
        let data = Data {
            identity,
            train: Part::new(samples, train.prepare, &config.loader())?,
            val: Part::new(val.samples, val.prepare, &plain)?,
        };
        Ok((config, network, data))
    }

    pub(crate) fn loader(&self) -> LoaderConfig {
        LoaderConfig {
            batch_size: self.batch,
            order: self.order,
            views: self.views,
            seed: self.seed,
            ..on_this_pool()
        }
    }

    pub(crate) fn check(&self, network: &Classifier<B>) -> Result<(), Error> {
        self.plan.check(&network.layout())?;
        self.settings.monitor.check(&self.task.values(&self.task.scores()))?;
        let mut problems = Vec::new();
        let mut add = |of: &str, found: Result<(), String>| {
            problems.extend(found.err().map(|problem| format!("{of}: {problem}")));
        };
        add("steps", self.settings.check());
        add("loss", self.task.check());
        let (outputs, classes) = (self.task.outputs(), network.classes());
        if outputs != classes {
            add("task", Err(format!("it has {outputs} outputs, the network {classes}")));
        }
        if let Some(average) = &self.ema {
            add("average", average.check());
        }
        if let Some(teacher) = &self.teacher {
            let count = teacher.classes();
            if count != classes {
                add("teacher", Err(format!("it knows {count} labels, the data has {classes}")));
            }
            if !self.task.is_teachable() {
                add("teacher", Err("this task learns from none; leave it out".to_owned()));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(Error::Settings(problems)) }
    }

    pub(crate) fn learn(&self) -> Learn<T, Forward<B>> {
        Learn { task: self.task.clone(), forward: Partial::outputs }
    }

    pub(crate) fn optimizer(&self, phase: usize) -> OptimizerConfig {
        self.plan.phases.get(phase).map(|phase| phase.optimizer).unwrap_or_default()
    }

    pub(crate) fn fit(&self, phase: &Phase, network: &Classifier<B>) -> Result<Fit, Error> {
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
    /// Says which items a loss was no number on, where only their places were known.
    fn name_items<P: Prepare, T: TransferTask>(self, data: &Data<P, T>) -> Self {
        match self {
            Self::Train(rekindle_train::Error::Diverged { epoch, step, loss, examples }) => {
                let items = examples.iter().map(|place| data.train.name(*place)).collect();
                Self::Diverged { epoch, step, loss, items }
            }
            other => other,
        }
    }
}
