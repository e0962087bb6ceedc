//! The run as a whole: from a network and data to the best epoch's network.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use rekindle_data::Prepare;
use rekindle_layers::Backbone;
use rekindle_metrics::Values;
use rekindle_train::{Best, Callback, Ema, End, Epoch, State, TimeBudget, predict};
use rekindle_transfer::Classifier;

use crate::{
    CacheReport, Effort, EngineConfig, EngineFolder, Error, FromPrepared, HeadStart, Sets, Trainee,
    TransferTask, data::Data, phases::Trained, run_folder::OpenRun, store::Feeds,
};

/// What came out of fine-tuning.
#[derive(Debug)]
pub struct EngineOutcome<B: Backbone, T: TransferTask> {
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

/// Fine-tunes a network, and restores the best epoch whether or not the run stopped early.
///
/// # Errors
///
/// If the plan cannot be carried out, an item cannot be read, the loss is NaN, the run's folder cannot be
/// written, or holds the state of another run.
pub fn finetune<B, P, T>(
    trainee: Trainee<B>,
    data: Sets<P, T>,
    config: EngineConfig<B, P, T>,
    folder: Option<&EngineFolder<'_, P, T>>,
    callbacks: &mut [&mut dyn Callback<Classifier<B>>],
) -> Result<EngineOutcome<B, T>, Error>
where
    B: Backbone<Input: FromPrepared<P::Batch>>,
    P: Prepare,
    T: TransferTask,
{
    let start = Instant::now();
    let path = folder.map(|folder| folder.path);
    let (config, network, data) = config.open(trainee, data, path)?;
    let mut run = folder.map(|folder| folder.open(&config, &data, &network)).transpose()?;
    let mut state = State::new(network, &config.optimizer(0));
    state.ema = config.ema.map(|average| Ema::new(&state.model, average));
    if let Some(run) = &mut run {
        state = run.resume(&config, state, &data)?;
    }

    let mut best = Best::new(config.settings.monitor.clone());
    let mut budget = config.time.map(TimeBudget::new);
    let mut ready = None;
    let mut probed = run.as_ref().and_then(OpenRun::probe);
    let mut first = None;
    if state.history.is_empty() && (config.probe || config.head == HeadStart::Solved) {
        // Of the weights as they came, before anything moves.
        let (model, feeds) = config.begin(state.model, &state.ema, (0, 0), &data, path)?;
        state.model = model;
        if let Some(found) = feeds.solve(&state.model, &config.task, Effort::Seconds)? {
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
    Ok(EngineOutcome {
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

impl Error {
    /// Says which items a loss was NaN on, where only their places were known.
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
