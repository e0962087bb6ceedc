//! What `rekindle finetune` is asked for, and what it means.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    CacheConfig, CachePlace, Finetune, Model,
    data::{DiskCache, ImageFolder, Order, Views},
    metrics::Direction,
    train::{Distill, EarlyStopping, EmaConfig, EmaWarmUp, Monitor, Plateau},
    transfer::{Plan, Recipe, features::Precision},
};

use super::{
    super::{augment::Augmentation, read_plan},
    Arguments,
};

/// What is trained when.
#[derive(Args)]
pub(super) struct What {
    /// What is trained when: head, gradual, full, lora, scratch, probe (solved, not trained) or as-is (the weights' own
    /// labels, measured only).
    #[arg(long, default_value = "head", conflicts_with = "plan")]
    pub(super) recipe: String,
    /// A plan of phases in TOML, instead of a recipe.
    #[arg(long)]
    pub(super) plan: Option<PathBuf>,
    /// Epochs of a recipe in all.
    #[arg(long, default_value_t = 5, conflicts_with = "plan")]
    pub(super) epochs: usize,
    /// Learning rate of a recipe's head; stages learn at a fraction of it.
    #[arg(long, default_value_t = 0.01, conflicts_with = "plan")]
    pub(super) lr: f64,
    /// Change the plan: KEY=VALUE for all phases, PHASE.KEY=VALUE for one, in TOML, as in `decay=0.7`,
    /// `upper.frozen="before layer3"`, `schedule=constant`, `lora.rank=4`. As often as needed.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    pub(super) changes: Vec<String>,
    /// Draws the head, the order, the augmentation and dropout.
    #[arg(long, default_value_t = 0)]
    pub(super) seed: u64,
}

/// What pictures are made of them.
#[derive(Args)]
pub(super) struct PictureArguments {
    /// Pictures a step.
    #[arg(long, default_value_t = 32)]
    pub(super) batch: usize,
    /// What is drawn for each picture.
    #[arg(long, default_value = "flip")]
    pub(super) augment: Augmentation,
    /// How many views of a picture epochs take turns with, the first being as evaluation sees it; frozen stages compute
    /// each once. [default: 1 where all phases freeze everything but the head, else other views in every epoch]
    #[arg(long)]
    pub(super) views: Option<usize>,
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
    /// A fine-tuned model with the same labels to learn from.
    #[arg(long)]
    pub(super) teacher: Option<PathBuf>,
    /// Batches a step: their mean gradient.
    #[arg(long, default_value_t = 1)]
    pub(super) accumulate: usize,
    /// The largest norm of all gradients together.
    #[arg(long)]
    pub(super) clip: Option<f64>,
    /// Evaluate and keep an average of the weights, of which each step keeps this share.
    #[arg(long)]
    pub(super) ema: Option<f64>,
    /// Divide the rates by ten after so many epochs without a better model.
    #[arg(long)]
    pub(super) plateau: Option<usize>,
}

/// What is kept, and when it ends.
#[derive(Args)]
pub(super) struct KeepArguments {
    /// The metric of the validation pictures by which models are compared.
    #[arg(long, default_value = "accuracy")]
    pub(super) monitor: String,
    /// End a phase after so many epochs without a better model.
    #[arg(long)]
    pub(super) patience: Option<usize>,
    /// How much better a model must be to count as better.
    #[arg(long, default_value_t = 0.0)]
    pub(super) min_delta: f64,
    /// End the run after the epoch in which so many minutes are over.
    #[arg(long)]
    pub(super) minutes: Option<f64>,
    /// Keep a model every so many epochs.
    #[arg(long)]
    pub(super) every: Option<NonZeroUsize>,
    /// How many of those to keep.
    #[arg(long, default_value_t = 3)]
    pub(super) last: usize,
    /// The least seconds between two states on disk.
    #[arg(long, default_value_t = 10.0)]
    pub(super) state_seconds: f64,
    /// Where the features of frozen stages are kept: file, memory or off.
    #[arg(long, default_value = "file")]
    pub(super) cache: Place,
    /// Keep decoded pictures that do not fit into memory in this folder, which runs may share.
    #[arg(long, value_name = "DIR")]
    pub(super) pixels: Option<PathBuf>,
    /// The most gigabytes of them.
    #[arg(long, default_value_t = 20.0, requires = "pixels")]
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

/// A weight for each label, the inverse of its share of the training pictures; one on average over pictures.
fn rarity(folder: &ImageFolder) -> Vec<f32> {
    let mut counts = vec![0_usize; folder.classes.len()];
    folder.train.iter().for_each(|sample| counts[sample.label] += 1);
    let all = folder.train.len() as f32;
    counts.iter().map(|&count| all / (folder.classes.len() * count.max(1)) as f32).collect()
}

impl Arguments {
    pub(super) fn cache(&self) -> CacheConfig {
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

    pub(super) fn recipe(&self) -> anyhow::Result<Recipe> {
        let What { recipe, plan, epochs, lr, .. } = &self.what;
        Ok(match plan {
            Some(path) => Recipe::Train(read_plan(path)?),
            None => Recipe::named(recipe, *epochs, *lr)?,
        })
    }

    pub(super) fn config(
        &self,
        plan: Plan,
        folder: &ImageFolder,
        model: &Model,
        device: &rekindle::Device,
    ) -> anyhow::Result<Finetune> {
        let (pictures, steps, keep) = (&self.pictures, &self.steps, &self.keep);
        let views = match pictures.views {
            Some(count) => {
                Views::Cycled(NonZeroUsize::new(count).context("--views 0 leaves nothing to see")?)
            }
            None => Finetune::usual_views(&plan),
        };
        let teacher = match &steps.teacher {
            Some(path) => {
                let (teacher, _) = Model::open(None, path, &device.clone().inner())?;
                if teacher.config.labels != folder.classes {
                    bail!(
                        "{}: the teacher's labels are [{}], the folder's [{}]; give one that was fine-tuned on these",
                        path.display(),
                        teacher.config.labels.join(", "),
                        folder.classes.join(", ")
                    );
                }
                // It is shown the inputs of the network that learns from it.
                if teacher.config.input != model.config.input {
                    bail!(
                        "{}: the teacher wants its pictures prepared otherwise than {} does; give one that was fine-tuned at the same size, mean and deviation",
                        path.display(),
                        model.config.name()
                    );
                }
                Some(Arc::new(teacher.network))
            }
            None => None,
        };
        let monitor =
            Monitor { metric: keep.monitor.clone(), direction: Direction::of(&keep.monitor)? };
        let mut config = Finetune::new(plan);
        config.batch = pictures.batch;
        config.augment = pictures.augment.rows(&model.config.tag)?;
        config.views = views;
        config.order = if pictures.balanced { Order::Balanced } else { Order::Shuffled };
        config.mix.mixup = pictures.mixup;
        config.mix.cutmix = pictures.cutmix;
        config.loss.smoothing = steps.smoothing;
        config.loss.focal = steps.focal;
        if steps.class_weights {
            config.loss.class_weights = Some(rarity(folder));
        }
        config.loss.distill = teacher.is_some().then_some(Distill { temperature: 2.0, share: 0.5 });
        config.teacher = teacher;
        config.cache = self.cache();
        config.disk = match &keep.pixels {
            Some(folder) => Some(DiskCache::open(folder, (keep.pixels_gb * 1e9) as u64)?),
            None => None,
        };
        config.ema = steps.ema.map(|decay| EmaConfig { decay, warm_up: EmaWarmUp::default() });
        config.settings.accumulate = steps.accumulate;
        config.settings.clip = steps.clip;
        config.settings.plateau =
            steps.plateau.map(|patience| Plateau { patience, ..Plateau::default() });
        config.settings.stopping =
            keep.patience.map(|patience| EarlyStopping { patience, min_delta: keep.min_delta });
        config.settings.monitor = monitor;
        config.time = match keep.minutes {
            Some(minutes) => {
                Some(Duration::try_from_secs_f64(60.0 * minutes).context("--minutes is no time")?)
            }
            None => None,
        };
        config.probe = !self.is_untrained() && !keep.no_probe;
        config.every = keep.every.map(|every| (every, keep.last));
        config.seed = self.what.seed;
        Ok(config)
    }
}
