//! Fine-tuning by a plan: freeze, train, measure, keep the best.

use std::{
    io::Write,
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rekindle_data::{Augment, ImageFolder, Loader, LoaderConfig, Order, Sample};
use rekindle_layers::Backbone;
use rekindle_train::{
    Epoch, Event, Fit, Metrics, OptimizerConfig, Rates, Schedule, Task, evaluate as measure,
};
use rekindle_transfer::Plan;

use crate::{Error, Model, Network, Pictures};

/// How to fine-tune.
#[derive(Debug, Clone)]
pub struct Finetune {
    /// Phases, checked before the first step.
    pub plan: Plan,
    /// Which optimizer; its state outlives the phases.
    pub optimizer: OptimizerConfig,
    /// The learning rate's course over each phase.
    pub schedule: Schedule,
    /// Pictures a step.
    pub batch: usize,
    /// What is drawn anew for each picture in each epoch.
    pub augment: Augment,
    /// Draws the head, the order and the augmentation.
    pub seed: u64,
}

/// What happened while fine-tuning.
#[derive(Debug)]
#[non_exhaustive]
pub enum FinetuneEvent<'a> {
    /// A step was taken.
    Step {
        /// The phase's name.
        phase: &'a str,
        /// The epoch, counted from one over all phases.
        epoch: usize,
        /// The step in the epoch, counted from one.
        step: usize,
        /// Steps in the epoch.
        steps: usize,
        /// Mean loss of the epoch so far.
        loss: f64,
    },
    /// An epoch was trained and evaluated.
    Epoch {
        /// The phase's name.
        phase: &'a str,
        /// What came out.
        epoch: &'a Epoch,
    },
}

/// What came out of fine-tuning.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The best epoch's, by accuracy and then loss.
    pub best: Epoch,
    /// Where its model was saved, if it was.
    pub weights: Option<PathBuf>,
    /// From the first step to the last.
    pub duration: Duration,
}

/// Fine-tunes a model, and saves the best epoch as `best.safetensors` in `out`.
///
/// The model must have been built on a device with autodiff. It is returned as the last epoch left
/// it. `out` also gets `log.jsonl`, a line an epoch.
///
/// # Errors
///
/// If the plan cannot be carried out, a picture cannot be read, the loss is no number, or `out`
/// cannot be written.
pub fn finetune(
    mut model: Model,
    [train, val]: [Vec<Sample>; 2],
    config: &Finetune,
    out: Option<&Path>,
    mut listen: impl FnMut(FinetuneEvent<'_>),
) -> Result<(Model, Outcome), Error> {
    config.plan.check(&model.network.backbone().stages())?;
    let log = out.map(open_log).transpose()?;
    let preprocess = model.preprocess()?;
    let val = Pictures(Loader::new(val, &preprocess, &on_this_pool())?);
    let loader = LoaderConfig {
        batch_size: config.batch,
        order: Order::Shuffled,
        augment: config.augment.clone(),
        seed: config.seed,
        ..on_this_pool()
    };
    let train = Pictures(Loader::new(train, &preprocess, &loader)?);
    let task = Task { forward: Network::forward, train: &train, val: &val };

    let start = Instant::now();
    let mut optimizer = config.optimizer.init();
    let mut best: Option<Epoch> = None;
    let mut weights = None;
    let mut first_epoch = 0;
    for phase in &config.plan.phases {
        let network = model.network.prepare(phase);
        let rates = Rates { base: phase.lr, groups: network.rates(phase) };
        let fit = Fit { first_epoch, epochs: phase.epochs, rates, schedule: config.schedule };
        let shell = model.config;
        model.network = fit.run(network, &mut optimizer, &task, |event| {
            let phase = phase.name.as_str();
            match event {
                Event::Step { epoch, step, steps, loss } => {
                    listen(FinetuneEvent::Step { phase, epoch, step, steps, loss });
                }
                Event::Epoch { epoch, model: network } => {
                    if best.as_ref().is_none_or(|best| better(&epoch.val, &best.val)) {
                        best = Some(*epoch);
                        if let Some(out) = out {
                            let path = out.join("best.safetensors");
                            let model = Model { network: network.clone(), config: shell.clone() };
                            model.save(&path, Some(&config.plan))?;
                            weights = Some(path);
                        }
                    }
                    if let Some(log) = &log {
                        append(log, &epoch_json(phase, epoch).to_string())?;
                    }
                    listen(FinetuneEvent::Epoch { phase, epoch });
                }
                _ => {}
            }
            Ok(ControlFlow::Continue(()))
        })?;
        model.config = shell;
        first_epoch += phase.epochs;
    }
    let Some(best) = best else {
        return Err(rekindle_transfer::Error::Plan(vec!["it has no epochs".to_owned()]).into());
    };
    Ok((model, Outcome { best, weights, duration: start.elapsed() }))
}

/// Measures a model on the validation pictures of a folder, or on all where it has none apart.
///
/// # Errors
///
/// If the folder's labels are others than the checkpoint's, or a picture cannot be read.
pub fn evaluate(model: &Model, folder: &Path, batch: usize) -> Result<Metrics, Error> {
    if model.config.labels.is_empty() {
        return Err(Error::NoLabels);
    }
    let folder = ImageFolder::evaluation(folder)?.with_classes(&model.config.labels)?;
    let config = LoaderConfig { batch_size: batch, ..on_this_pool() };
    let source = Pictures(Loader::new(folder.val, &model.preprocess()?, &config)?);
    Ok(measure(&model.network, Network::forward, &source)?)
}

/// As many threads to prepare pictures as there are to compute on, so that one number bounds both.
fn on_this_pool() -> LoaderConfig {
    LoaderConfig { workers: rayon::current_num_threads().min(8), ..LoaderConfig::default() }
}

/// An epoch as a line of a log.
pub fn epoch_json(phase: &str, epoch: &Epoch) -> serde_json::Value {
    serde_json::json!({
        "epoch": epoch.number,
        "phase": phase,
        "train_loss": epoch.train.loss,
        "val_loss": epoch.val.loss,
        "val_accuracy": epoch.val.accuracy,
        "seconds": epoch.duration.as_secs_f64(),
    })
}

fn better(new: &Metrics, old: &Metrics) -> bool {
    (new.accuracy, -new.loss) > (old.accuracy, -old.loss)
}

fn open_log(out: &Path) -> Result<PathBuf, Error> {
    let log = out.join("log.jsonl");
    std::fs::create_dir_all(out)
        .and_then(|()| std::fs::write(&log, ""))
        .map_err(|source| Error::Write { path: out.to_owned(), source })?;
    Ok(log)
}

fn append(log: &Path, line: &str) -> Result<(), Error> {
    std::fs::OpenOptions::new()
        .append(true)
        .open(log)
        .and_then(|mut file| writeln!(file, "{line}"))
        .map_err(|source| Error::Write { path: log.to_owned(), source })
}
