//! What `rekindle finetune` is asked for, and what it means.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    CacheConfig, CachePlace, FinetuneConfig, HeadStart, ModelOf, NetworkOf, SetOf,
    checkpoint::CheckpointFile,
    data::{MixConfig, Order, TargetKind, Views},
    is_scratch,
    metrics::Direction,
    train::{EarlyStopping, EmaConfig, EmaWarmUp, Monitor, Plateau},
    transfer::{Plan, Recipe, features::Precision},
};

use super::{
    super::{
        answers::{Answers, LossOptions, NumberLoss},
        augment::Augmentation,
        kind::Kind,
        numbers, read_plan,
        weights::{check_licenses, policy},
    },
    Arguments,
};

/// The recipe that needs no weights.
const SCRATCH: &str = "scratch";

/// Epochs, and items a step, where nothing else is usual.
pub(super) const EPOCHS: usize = 5;
const BATCH: usize = 32;

/// What is usual for a table of so many rows; chosen on validation rows of insurance.csv and of California's housing.
struct OfTable {
    epochs: usize,
    lr: f64,
    batch: usize,
}

impl OfTable {
    fn of(rows: usize) -> Self {
        // As many steps for a few rows as for a thousand, and as many rows for many as for fifty thousand.
        let epochs = match rows {
            ..=50_000 => (40_000 / rows.max(1)).clamp(40, 400),
            _ => (2_000_000 / rows).max(5),
        };
        let batch = (rows / 128).next_power_of_two().clamp(BATCH, 256);
        Self { epochs, lr: 0.01, batch }
    }
}

/// What is trained when.
#[derive(Args)]
pub(super) struct What {
    /// What is trained when: head, gradual, full, fine-tune (the head, then everything), lora, scratch, setfit (by pairs, for a few examples a label), probe (solved,
    /// not trained) or as-is (the weights' own labels, measured only). [default: head, of texts with --shots setfit; scratch
    /// for the networks that begin from nothing]
    #[arg(long, conflicts_with = "plan")]
    pub(super) recipe: Option<String>,
    /// Begin with the words' vectors of this file (GloVe, word2vec, safetensors), for networks of texts from nothing.
    #[arg(long, value_name = "FILE")]
    pub(super) vectors: Option<PathBuf>,
    /// A plan of phases in TOML, instead of a recipe.
    #[arg(long)]
    pub(super) plan: Option<PathBuf>,
    /// Epochs of a recipe in all. [default: 5; of a table 40, but more of fewer than 1,000 rows, and fewer of more than 50,000]
    #[arg(long, conflicts_with = "plan", value_parser = numbers::epochs)]
    pub(super) epochs: Option<usize>,
    /// Learning rate of a recipe's head; stages learn at a fraction of it. [default: 0.01 of pictures and tables; 0.001 of
    /// texts, of rows and of setfit, but 0.0003 where all of an encoder of texts learns, and 0.003 of what begins from nothing]
    #[arg(long, conflicts_with = "plan", value_parser = numbers::rate)]
    pub(super) lr: Option<f64>,
    /// Change the plan: KEY=VALUE for all phases, PHASE.KEY=VALUE for one, in TOML, as in `decay=0.7`,
    /// `upper.frozen="before layer3"`, `schedule=constant`, `lora.rank=4`. As often as needed.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) changes: Vec<String>,
    /// Draws the head, the order, the augmentation and dropout.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
}

/// What inputs are made of items.
#[derive(Args)]
pub(super) struct PictureArguments {
    /// Items a step. [default: 32; of a table of more than 4,096 rows more, up to 256]
    #[arg(long, value_parser = numbers::batch)]
    pub(super) batch: Option<usize>,
    /// What is drawn for each picture. [default: flip; none where numbers are learned, or of several inputs]
    #[arg(long)]
    pub(super) augment: Option<Augmentation>,
    /// How many views of a picture epochs take turns with, the first being as evaluation sees it; frozen stages compute
    /// each once. [default: 1 where all phases freeze everything but the head, else other views in every epoch]
    #[arg(long, value_parser = numbers::nonzero)]
    pub(super) views: Option<NonZeroUsize>,
    /// Show every label equally often.
    #[arg(long)]
    pub(super) balanced: bool,
    /// Blend pairs of pictures: the parameter of the Beta distribution of their shares.
    #[arg(long, default_value_t = 0.0)]
    pub(super) mixup: f64,
    /// Paste a part of one picture into another: the parameter of the Beta distribution of its share.
    #[arg(long, default_value_t = 0.0)]
    pub(super) cutmix: f64,
}

/// What a step does.
#[derive(Args)]
pub(super) struct StepArguments {
    /// Share of the target that all labels get.
    #[arg(long, default_value_t = 0.0)]
    pub(super) smoothing: f64,
    /// Weigh labels by how rare they are.
    #[arg(long)]
    pub(super) class_weights: bool,
    /// Focus on hard pictures: the exponent of the focal loss.
    #[arg(long, default_value_t = 0.0)]
    pub(super) focal: f64,
    /// The loss of numbers. [default: mse; of a table mae, which is what its models are compared by]
    #[arg(long)]
    pub(super) loss: Option<NumberLoss>,
    /// Where the head begins: solved for on the features of the weights as they came, or drawn at random. [default: solved,
    /// but random where training begins from nothing]
    #[arg(long)]
    pub(super) head: Option<HeadArgument>,
    /// A fine-tuned model with the same labels to learn from.
    #[arg(long)]
    pub(super) teacher: Option<PathBuf>,
    /// Batches a step: their mean gradient.
    #[arg(long, default_value_t = 1, value_parser = numbers::count_or_none)]
    pub(super) accumulate: usize,
    /// The largest norm of all gradients together.
    #[arg(long)]
    pub(super) clip: Option<f64>,
    /// Evaluate and keep an average of the weights, of which each step keeps this share.
    #[arg(long)]
    pub(super) ema: Option<f64>,
    /// Divide the rates by ten after so many epochs without a better model.
    #[arg(long, value_parser = numbers::count_or_none)]
    pub(super) plateau: Option<usize>,
}

/// What is kept, and when it ends.
#[derive(Args)]
pub(super) struct KeepArguments {
    /// The metric of the validation pictures by which models are compared. [default: accuracy; of several labels map, of
    /// numbers mae]
    #[arg(long)]
    pub(super) monitor: Option<String>,
    /// End a phase after so many epochs without a better model.
    #[arg(long, value_parser = numbers::count_or_none)]
    pub(super) patience: Option<usize>,
    /// How much better a model must be to count as better.
    #[arg(long, default_value_t = 0.0, value_parser = numbers::amount)]
    pub(super) min_delta: f64,
    /// End the run after the epoch in which so many minutes are over.
    #[arg(long, value_parser = numbers::amount)]
    pub(super) minutes: Option<f64>,
    /// Keep a model every so many epochs.
    #[arg(long, value_parser = numbers::nonzero)]
    pub(super) every: Option<NonZeroUsize>,
    /// How many of those to keep.
    #[arg(long, default_value_t = 3, value_parser = numbers::count_or_none)]
    pub(super) last: usize,
    /// The least seconds between two states on disk.
    #[arg(long, default_value_t = 10.0, value_parser = numbers::amount)]
    pub(super) state_seconds: f64,
    /// Where the features of frozen stages are kept: file, memory or off.
    #[arg(long, default_value = "file")]
    pub(super) cache: Place,
    /// Keep decoded pictures that do not fit into memory in this folder, which runs may share.
    #[arg(long, value_name = "DIR")]
    pub(super) pixels: Option<PathBuf>,
    /// The most gigabytes of them.
    #[arg(long, default_value_t = 20.0, requires = "pixels", value_parser = numbers::amount)]
    pub(super) pixels_gb: f64,
    /// Keep features in 16 bits.
    #[arg(long)]
    pub(super) half: bool,
    /// Do not solve for a probe of the weights as they come, which training must beat.
    #[arg(long)]
    pub(super) no_probe: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum Place {
    File,
    Memory,
    Off,
}

/// Where the head begins.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub(super) enum HeadArgument {
    Solved,
    Random,
}

impl Arguments {
    fn cache(&self) -> CacheConfig {
        CacheConfig {
            place: match self.keep.cache {
                Place::File => CachePlace::File,
                Place::Memory => CachePlace::Memory,
                Place::Off => CachePlace::Off,
            },
            precision: if self.keep.half { Precision::F16 } else { Precision::F32 },
            ..CacheConfig::default()
        }
    }

    /// Whether training begins with untrained parameters.
    pub(in super::super) fn is_untrained(&self) -> anyhow::Result<bool> {
        let scratch = self.what.recipe.as_deref() == Some(SCRATCH);
        let without = scratch || self.begins_from_nothing()?;
        Ok(self.untrained || self.start.weights.is_none() && without)
    }

    /// Whether the network that is named has no weights anywhere.
    fn begins_from_nothing(&self) -> anyhow::Result<bool> {
        match self.data.inputs()? {
            Some(inputs) => Ok(inputs.weights().next().is_none()),
            None => Ok(self.start.model.as_deref().is_some_and(is_scratch)),
        }
    }

    /// The recipe that was asked for, else the usual one.
    pub(super) fn recipe_name<M: Kind>(&self) -> anyhow::Result<&str> {
        Ok(match &self.what.recipe {
            Some(recipe) => recipe,
            None if self.begins_from_nothing()? => SCRATCH,
            None if self.data.draws_few() => M::FEW,
            None => "head",
        })
    }

    /// What is trained when, on a kind of input.
    pub(super) fn recipe<M: Kind>(&self) -> anyhow::Result<Recipe> {
        let What { plan, epochs, lr, .. } = &self.what;
        let table = self.data.found().map(|found| OfTable::of(found.rows));
        let epochs = epochs.unwrap_or_else(|| table.as_ref().map_or(EPOCHS, |it| it.epochs));
        let lr = lr.or_else(|| table.map(|it| it.lr));
        Ok(match plan {
            Some(path) => Recipe::Train(read_plan(path)?),
            None => M::recipe(self.recipe_name::<M>()?, epochs, lr)?,
        })
    }

    /// The plan of a recipe for a model, with the changes that were asked for; none where nothing is trained.
    pub(super) fn plan<M: Kind>(
        &self,
        recipe: Recipe,
        model: &ModelOf<M>,
    ) -> anyhow::Result<Option<Plan>> {
        // What a file says is taken as it is.
        let recipe = match self.what.plan {
            Some(_) => recipe,
            None => recipe.for_stages(model.network().layout().stages.len()),
        };
        let Recipe::Train(plan) = recipe else { return Ok(None) };
        let plan = model.modality().suited(model.network(), plan.with(&self.what.changes)?);
        plan.check(&model.network().layout())?;
        Ok(Some(plan))
    }

    /// Items a step.
    pub(super) fn batch(&self) -> usize {
        let table = || self.data.found().map(|found| OfTable::of(found.rows).batch);
        self.pictures.batch.or_else(table).unwrap_or(BATCH)
    }

    pub(super) fn config<M: Kind, L: Answers>(
        &self,
        plan: Plan,
        set: &SetOf<M, L>,
        model: &ModelOf<M>,
        device: &rekindle::Device,
    ) -> anyhow::Result<FinetuneConfig<L::Task, M>> {
        let (pictures, steps, keep) = (&self.pictures, &self.steps, &self.keep);
        let teacher = match &steps.teacher {
            Some(path) => {
                let file = CheckpointFile::open(path)?;
                check_licenses(&file, None, &policy(&self.start.accepted)?)?;
                Some(Arc::new(teacher::<M, L>(&file, set, model, device)?))
            }
            None => None,
        };
        let task = self.task::<M, L>(set)?;
        let views = match pictures.views {
            Some(count) => Views::Cycled(count),
            None => FinetuneConfig::<L::Task, M>::usual_views(&plan),
        };
        let mut config = FinetuneConfig::<L::Task, M>::of(plan, task);
        config.inputs = M::augmented(pictures.augment, L::KIND, model)?;
        if let Some(folder) = &keep.pixels {
            config.inputs = M::kept(config.inputs, model, folder, (keep.pixels_gb * 1e9) as u64)?;
        }
        let engine = &mut config.engine;
        if let Some(metric) = &keep.monitor {
            engine.settings.monitor = Monitor::new(metric, Direction::of(metric)?);
        }
        engine.batch = self.batch();
        engine.views = views;
        engine.order = if pictures.balanced { Order::Balanced } else { Order::Shuffled };
        let mix = MixConfig { mixup: pictures.mixup, cutmix: pictures.cutmix, ..MixConfig::NONE };
        engine.draws = M::draws(mix)?;
        engine.teacher = teacher;
        engine.cache = self.cache();
        engine.ema = steps.ema.map(|decay| EmaConfig { decay, warm_up: EmaWarmUp::default() });
        engine.settings.accumulate = steps.accumulate;
        engine.settings.clip = steps.clip;
        engine.settings.plateau =
            steps.plateau.map(|patience| Plateau { patience, ..Plateau::default() });
        engine.settings.stopping =
            keep.patience.map(|patience| EarlyStopping { patience, min_delta: keep.min_delta });
        engine.time = match keep.minutes {
            Some(minutes) => {
                Some(Duration::try_from_secs_f64(60.0 * minutes).context("--minutes is no time")?)
            }
            None => None,
        };
        engine.probe = !self.is_untrained()? && !keep.no_probe;
        engine.head = match steps.head {
            Some(HeadArgument::Solved) => HeadStart::Solved,
            Some(HeadArgument::Random) => HeadStart::AsItIs,
            None if self.is_untrained()? => HeadStart::AsItIs,
            None => HeadStart::Solved,
        };
        engine.every = keep.every.map(|every| (every, keep.last));
        engine.seed = self.what.seed;
        Ok(config)
    }

    /// What is learned of the items, and by which loss.
    pub(super) fn task<M: Kind, L: Answers>(&self, set: &SetOf<M, L>) -> anyhow::Result<L::Task> {
        let steps = &self.steps;
        let numbers_of_table = L::KIND == TargetKind::Numbers && self.data.found().is_some();
        let options = LossOptions {
            smoothing: steps.smoothing,
            focal: steps.focal,
            weights: steps.class_weights.then(|| set.balance()),
            taught: steps.teacher.is_some(),
            loss: steps.loss.or(numbers_of_table.then_some(NumberLoss::Mae)),
        };
        L::task(&set.names, options)
    }
}

/// A network that is learned from, if it knows the same.
fn teacher<M: Kind, L: Answers>(
    file: &CheckpointFile,
    set: &SetOf<M, L>,
    model: &ModelOf<M>,
    device: &rekindle::Device,
) -> anyhow::Result<NetworkOf<M>> {
    let (path, device) = (file.path(), device.clone().inner());
    let (teacher, _) = ModelOf::<M>::open_file(None, file, &device)?;
    if teacher.names() != set.names {
        bail!(
            "{}: the teacher's labels are [{}], the data's [{}]; give one that was fine-tuned on these",
            path.display(),
            teacher.names().join(", "),
            set.names.join(", ")
        );
    }
    // It is shown the inputs of the network that learns from it.
    let input = |model: &ModelOf<M>| model.modality().identity(model.config());
    if input(&teacher) != input(model) {
        bail!(
            "{}: the teacher wants its {} prepared otherwise than {} does; give one that was fine-tuned from the same weights",
            path.display(),
            M::MANY,
            model.config().name()
        );
    }
    Ok(teacher.into_network())
}
