//! `rekindle finetune`: make a pretrained model yours.

use std::{
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use clap::Args;
use rekindle::{
    About, CacheConfig, CachePlace, Finetune, Model, Outcome, RunFolder, Shown, Start, TestViews,
    as_is, cache_notes,
    data::{ImageFolder, Order, Sample, Unusable, Views, quarantine},
    finetune, measure,
    metrics::{Classification, Direction, Predictions},
    probe,
    train::{
        Distill, EarlyStopping, EmaConfig, EmaWarmUp, Monitor, Plateau, Test, Train, Validation,
    },
    transfer::{Frozen, Plan, Recipe, features::Precision},
    write_report,
};

use super::{
    Common,
    augment::Augmentation,
    data::{DataArguments, Pictures},
    progress::Progress,
    with_interval,
};

/// Fine-tune a model on labelled pictures.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    data: DataArguments,
    /// An architecture or checkpoint; not needed where the weights say what they are.
    #[arg(long)]
    model: Option<String>,
    /// Weights to start from: a file, or a folder with config.json and model.safetensors. Without,
    /// training starts from nothing.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Folder for the best weights, the state, the logs and the report.
    #[arg(long)]
    out: PathBuf,
    /// Go on with the run that was interrupted in this folder, to the same bits; start where there is none.
    #[arg(long)]
    resume: bool,
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    pictures: PictureArguments,
    #[command(flatten)]
    steps: StepArguments,
    #[command(flatten)]
    keep: KeepArguments,
    #[command(flatten)]
    pub(super) common: Common,
}

/// What is trained when.
#[derive(Args)]
struct What {
    /// What is trained when: head, gradual, full, lora, scratch, probe (solved, not trained) or as-is (the weights' own
    /// labels, measured only).
    #[arg(long, default_value = "head", conflicts_with = "plan")]
    recipe: String,
    /// A plan of phases in TOML, instead of a recipe.
    #[arg(long)]
    plan: Option<PathBuf>,
    /// Epochs of a recipe in all.
    #[arg(long, default_value_t = 5, conflicts_with = "plan")]
    epochs: usize,
    /// Learning rate of a recipe's head; stages learn at a fraction of it.
    #[arg(long, default_value_t = 0.01, conflicts_with = "plan")]
    lr: f64,
    /// Change the plan: KEY=VALUE for all phases, PHASE.KEY=VALUE for one, in TOML, as in `decay=0.7`,
    /// `upper.frozen="before layer3"`, `schedule=constant`, `lora.rank=4`. As often as needed.
    #[arg(long = "set", value_name = "KEY=VALUE")]
    changes: Vec<String>,
    /// Draws the head, the order, the augmentation and dropout.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// What pictures are made of them.
#[derive(Args)]
struct PictureArguments {
    /// Pictures a step.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// What is drawn for each picture.
    #[arg(long, default_value = "flip")]
    augment: Augmentation,
    /// How many views of a picture epochs take turns with, the first being as evaluation sees it; frozen stages compute
    /// each once. [default: 1 where all phases freeze everything but the head, else other views in every epoch]
    #[arg(long)]
    views: Option<usize>,
    /// Show every label equally often.
    #[arg(long)]
    balanced: bool,
    /// Blend pairs of pictures: the parameter of the Beta distribution of their shares.
    #[arg(long, default_value_t = 0.0)]
    mixup: f64,
    /// Paste a part of one picture into another: the parameter of the Beta distribution of its share.
    #[arg(long, default_value_t = 0.0)]
    cutmix: f64,
}

/// What a step does.
#[derive(Args)]
struct StepArguments {
    /// Share of the target that all labels get.
    #[arg(long, default_value_t = 0.0)]
    smoothing: f64,
    /// Weigh labels by how rare they are.
    #[arg(long)]
    class_weights: bool,
    /// Focus on hard pictures: the exponent of the focal loss.
    #[arg(long, default_value_t = 0.0)]
    focal: f64,
    /// A fine-tuned model with the same labels to learn from.
    #[arg(long)]
    teacher: Option<PathBuf>,
    /// Batches a step: their mean gradient.
    #[arg(long, default_value_t = 1)]
    accumulate: usize,
    /// The largest norm of all gradients together.
    #[arg(long)]
    clip: Option<f64>,
    /// Evaluate and keep an average of the weights, of which each step keeps this share.
    #[arg(long)]
    ema: Option<f64>,
    /// Divide the rates by ten after so many epochs without a better model.
    #[arg(long)]
    plateau: Option<usize>,
}

/// What is kept, and when it ends.
#[derive(Args)]
struct KeepArguments {
    /// The metric of the validation pictures by which models are compared.
    #[arg(long, default_value = "accuracy")]
    monitor: String,
    /// End a phase after so many epochs without a better model.
    #[arg(long)]
    patience: Option<usize>,
    /// How much better a model must be to count as better.
    #[arg(long, default_value_t = 0.0)]
    min_delta: f64,
    /// End the run after the epoch in which so many minutes are over.
    #[arg(long)]
    minutes: Option<f64>,
    /// Keep a model every so many epochs.
    #[arg(long)]
    every: Option<NonZeroUsize>,
    /// How many of those to keep.
    #[arg(long, default_value_t = 3)]
    last: usize,
    /// The least seconds between two states on disk.
    #[arg(long, default_value_t = 10.0)]
    state_seconds: f64,
    /// Where the features of frozen stages are kept: file, memory or off.
    #[arg(long, default_value = "file")]
    cache: Place,
    /// Keep features in 16 bits.
    #[arg(long)]
    half: bool,
    /// Do not solve for a probe of the weights as they come, which training must beat.
    #[arg(long)]
    no_probe: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Place {
    File,
    Memory,
    Off,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?.autodiff();
        device.seed(self.what.seed);
        let recipe = self.recipe()?;
        if recipe == Recipe::AsIs {
            return self.as_is();
        }
        let Pictures { folder, unusable } = self.data.open()?;
        let left_out = self.set_aside(&unusable)?;
        let (model, report) = Model::for_labels(
            self.model.as_deref(),
            self.weights.as_deref(),
            &folder.classes,
            &device,
        )?;
        if !self.common.json {
            say!(
                "{}: {} labels, {} pictures to train on, {} to validate on, {} to test on",
                self.data.data.display(),
                folder.classes.len(),
                folder.train.len(),
                folder.val.len(),
                folder.test.len()
            );
            left_out.iter().for_each(|line| say!("{line}"));
            match &report {
                Some(report) => say!("{}: {report}", model.config.name()),
                None => say!("{}: no weights, training from nothing", model.config.name()),
            }
        }
        let plan = match recipe {
            Recipe::Train(plan) => plan.with(&self.what.changes)?,
            Recipe::Probe | Recipe::AsIs => return self.probe(model, folder),
        };
        plan.check(&model.network.layout())?;
        let model = model.adapted(&plan)?;
        if !self.common.json {
            say!("{}", plan.table(&model.network.layout())?);
        }
        let config = self.config(plan, &folder, &model, &device)?;
        let run = RunFolder {
            path: &self.out,
            start: if self.resume { Start::Resume } else { Start::Fresh },
            interval: Duration::try_from_secs_f64(self.keep.state_seconds)
                .context("--state-seconds is no time")?,
        };
        let mut progress = Progress::new(self.common.json);
        let (train, val) = (folder.train.clone(), folder.val.clone());
        let data = (Train(train.clone()), Validation(val.clone()));
        let outcome = finetune(model, data, &config, Some(&run), &mut [&mut progress])?;
        let mut about = self.about(&outcome);
        about.notes.extend(left_out);
        let test = self.test(&outcome.model, &folder.test)?;
        let test = test.as_ref().map(|predictions| (folder.test.as_slice(), predictions));
        let shown = Shown { train: &train, val: &val, test };
        write_report(&self.out, &about, &config, &outcome, shown)?;
        progress.end(&outcome, &train, test.map(|test| test.1));
        Ok(ExitCode::SUCCESS)
    }

    /// Lists the pictures that are left out in the run's folder, and says so.
    fn set_aside(&self, unusable: &[Unusable]) -> anyhow::Result<Option<String>> {
        if unusable.is_empty() {
            return Ok(None);
        }
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let list = self.out.join("bad_files.csv");
        quarantine(&list, unusable)?;
        Ok(Some(format!(
            "{} pictures cannot be read and are left out; {} says why",
            unusable.len(),
            list.display()
        )))
    }

    /// What the best model answers to the test pictures, if there are any: once, after everything was chosen.
    fn test(&self, model: &Model, samples: &[Sample]) -> anyhow::Result<Option<Predictions>> {
        if samples.is_empty() {
            return Ok(None);
        }
        let samples = Test(samples.to_vec());
        Ok(Some(measure(model, samples, self.pictures.batch.max(1), TestViews::One)?))
    }

    /// Measures the weights on their own labels.
    fn as_is(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let weights =
            self.weights.as_ref().context("as-is measures weights: name them with --weights")?;
        let device = self.common.device.open()?;
        let (model, _) = Model::open(self.model.as_deref(), weights, &device)?;
        let (part, predictions) = as_is(&model, &self.data.data, self.pictures.batch)?;
        super::evaluate::say(&model, part, &predictions, self.common.json, start);
        Ok(ExitCode::SUCCESS)
    }

    fn about(&self, outcome: &Outcome) -> About {
        let arguments =
            std::env::args_os().skip(1).map(|argument| quoted(&argument.to_string_lossy()));
        About {
            command: std::iter::once("rekindle".to_owned())
                .chain(arguments)
                .collect::<Vec<_>>()
                .join(" "),
            folder: self.data.data.display().to_string(),
            origin: self
                .weights
                .as_ref()
                .map_or_else(String::new, |path| path.display().to_string()),
            device: self.common.device.to_string(),
            notes: cache_notes(outcome),
            baselines: outcome
                .probe
                .map(|accuracy| ("a probe of the features".to_owned(), accuracy))
                .into_iter()
                .collect(),
        }
    }

    /// Solves for the head instead of training it.
    fn probe(&self, model: Model, folder: ImageFolder) -> anyhow::Result<ExitCode> {
        std::fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        let config = Finetune {
            batch: self.pictures.batch,
            cache: self.cache(),
            seed: self.what.seed,
            ..Finetune::new(Plan::new(Vec::new()))
        };
        let data = (Train(folder.train.clone()), Validation(folder.val.clone()));
        let found = probe(model, data, &config, Some(&RunFolder::new(&self.out)))?;
        let path = self.out.join("best.safetensors");
        // The state of an older run there would go on from another best model than its own.
        match std::fs::remove_file(self.out.join("last.state")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error)
                    .with_context(|| self.out.join("last.state").display().to_string());
            }
            _ => {}
        }
        found.model.save(&path, None)?;
        let test = self.test(&found.model, &folder.test)?.as_ref().map(Classification::of);
        let measured = Classification::of(&found.predictions);
        if self.common.json {
            say!(
                "{}",
                serde_json::json!({
                    "best_val_accuracy": measured.accuracy,
                    "strength": found.strength,
                    "test_accuracy": test.as_ref().map(|test| test.accuracy),
                    "weights": path.display().to_string(),
                    "seconds": found.seconds,
                })
            );
        } else {
            say!(
                "probe of strength {}: val accuracy {}, saved as {}, {:.1} s",
                found.strength,
                with_interval(&measured),
                path.display(),
                found.seconds
            );
            if let Some(test) = test {
                say!("test accuracy {}, of {} pictures", with_interval(&test), test.examples);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

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

    fn recipe(&self) -> anyhow::Result<Recipe> {
        let What { recipe, plan, epochs, lr, .. } = &self.what;
        Ok(match plan {
            Some(path) => {
                let text = std::fs::read_to_string(path);
                let text = text.with_context(|| format!("{}: cannot be read", path.display()))?;
                Recipe::Train(Plan::from_toml(&text).with_context(|| path.display().to_string())?)
            }
            None => Recipe::named(recipe, *epochs, *lr)?,
        })
    }

    fn config(
        &self,
        plan: Plan,
        folder: &ImageFolder,
        model: &Model,
        device: &rekindle::Device,
    ) -> anyhow::Result<Finetune> {
        let (pictures, steps, keep) = (&self.pictures, &self.steps, &self.keep);
        let head_only = plan.phases.iter().all(|phase| phase.frozen == Frozen::Backbone);
        let views = match pictures.views {
            Some(count) => {
                Views::Cycled(NonZeroUsize::new(count).context("--views 0 leaves nothing to see")?)
            }
            None if head_only => Views::Cycled(NonZeroUsize::MIN),
            None => Views::Fresh,
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
                if teacher.config.preprocessing != model.config.preprocessing {
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
        config.augment = pictures.augment.rows();
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
        config.probe = self.weights.is_some() && !keep.no_probe;
        config.every = keep.every.map(|every| (every, keep.last));
        config.seed = self.what.seed;
        Ok(config)
    }
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./=:,@%+-".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

/// A weight for each label, the inverse of its share of the training pictures; one on average over pictures.
fn rarity(folder: &ImageFolder) -> Vec<f32> {
    let mut counts = vec![0_usize; folder.classes.len()];
    folder.train.iter().for_each(|sample| counts[sample.label] += 1);
    let all = folder.train.len() as f32;
    counts.iter().map(|&count| all / (folder.classes.len() * count.max(1)) as f32).collect()
}
