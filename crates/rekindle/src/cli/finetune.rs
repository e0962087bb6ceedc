//! `rekindle finetune`: make a pretrained model yours.

use std::{io::IsTerminal, path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use rekindle::{
    Finetune, FinetuneEvent, Model, Outcome,
    data::{Augment, ImageFolder, RandomCrop, Split},
    epoch_json, finetune,
    layers::{Backbone, parameters},
    train::{Epoch, OptimizerConfig, Schedule},
    transfer::Plan,
};
use serde_json::json;

use super::{Common, percent};

/// Fine-tune a model on labelled pictures.
#[derive(Args)]
pub(super) struct Arguments {
    /// One folder per label, or train/ and val/ (or test/) of those.
    #[arg(long)]
    data: PathBuf,
    /// An architecture or checkpoint; not needed where the weights say what they are.
    #[arg(long)]
    model: Option<String>,
    /// Weights to start from: a file, or a folder with config.json and model.safetensors. Without,
    /// training starts from nothing.
    #[arg(long)]
    weights: Option<PathBuf>,
    /// Folder for best.safetensors and log.jsonl.
    #[arg(long)]
    out: PathBuf,
    /// What is trained when: the head alone, stage by stage, or everything.
    #[arg(long, default_value = "head")]
    recipe: Recipe,
    /// Epochs in all.
    #[arg(long, default_value_t = 5)]
    epochs: usize,
    /// Pictures a step.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    /// Learning rate of the head; stages learn at a fraction of it.
    #[arg(long, default_value_t = 0.01)]
    lr: f64,
    /// Draws the head, the order and the augmentation.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// What is drawn anew for each picture in each epoch.
    #[arg(long, default_value = "flip")]
    augment: Augmentation,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Recipe {
    Head,
    Gradual,
    Full,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Augmentation {
    /// The evaluation's crop.
    None,
    /// The evaluation's crop, mirrored half of the time.
    Flip,
    /// A random crop of at least a third of the picture, mirrored half of the time.
    Crop,
    /// A random crop of at least a twelfth, as ImageNet is trained on.
    Standard,
}

impl Augmentation {
    fn rows(self) -> Augment {
        match self {
            Self::None => Augment::NONE,
            Self::Flip => Augment::FLIP,
            Self::Crop => Augment {
                crop: Some(RandomCrop { area: [0.35, 1.0], ..RandomCrop::STANDARD }),
                flip: 0.5,
            },
            Self::Standard => Augment::STANDARD,
        }
    }
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?.autodiff();
        device.seed(self.seed);
        let folder = ImageFolder::open(&self.data, &Split { seed: self.seed, ..Split::default() })?;
        let (model, report) = Model::for_labels(
            self.model.as_deref(),
            self.weights.as_deref(),
            &folder.classes,
            &device,
        )?;
        let recipe = format!("{:?}", self.recipe).to_lowercase();
        let Some(plan) = Plan::recipe(&recipe, self.epochs, self.lr) else {
            anyhow::bail!("unknown recipe `{recipe}`; known are {}", Plan::RECIPES.join(", "));
        };
        let config = Finetune {
            plan,
            optimizer: OptimizerConfig::default(),
            schedule: Schedule::Cosine { warmup: 0.1 },
            batch: self.batch,
            augment: self.augment.rows(),
            seed: self.seed,
        };
        if !self.common.json {
            say!(
                "{}: {} labels, {} pictures to train on, {} to validate on",
                self.data.display(),
                folder.classes.len(),
                folder.train.len(),
                folder.val.len()
            );
            match &report {
                Some(report) => say!("{}: {report}", model.config.name()),
                None => say!("{}: no weights, training from nothing", model.config.name()),
            }
            print_plan(&model, &config.plan);
        }
        let progress = Progress::new(self.common.json);
        let samples = [folder.train, folder.val];
        let (_, outcome) = finetune(model, samples, &config, Some(&self.out), |event| {
            progress.show(&event);
        })?;
        progress.end(&outcome);
        Ok(ExitCode::SUCCESS)
    }
}

/// A line a phase: how long, what trains, how fast.
fn print_plan(model: &Model, plan: &Plan) {
    let backbone = model.network.backbone();
    let stages = backbone.stages();
    let parameters = parameters(backbone);
    say!("{:<8} {:>6} {:>10}  trained stages and their rates", "phase", "epochs", "trainable");
    for phase in &plan.phases {
        let rates = phase.rates(stages.len());
        let trained: Vec<_> = stages.iter().zip(&rates).filter(|(_, rate)| **rate > 0.0).collect();
        let backbone: usize = parameters
            .iter()
            .filter(|p| p.learned && trained.iter().any(|(stage, _)| stage.owns(&p.name)))
            .map(|p| p.count())
            .sum();
        let head = (model.network.backbone().embed_dim() + 1) * model.network.classes();
        let names: Vec<_> =
            trained.iter().map(|(stage, rate)| format!("{} {rate:.1e}", stage.name)).collect();
        let names =
            if names.is_empty() { String::new() } else { format!("{}, ", names.join(", ")) };
        let (epochs, lr) = (phase.epochs, phase.lr);
        say!("{:<8} {epochs:>6} {:>10}  {names}head {lr:.1e}", phase.name, backbone + head);
    }
}

/// A bar on a terminal, plain lines elsewhere, JSON where it was asked for.
struct Progress {
    json: bool,
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new(json: bool) -> Self {
        let bar = (!json && std::io::stderr().is_terminal()).then(|| {
            let style = ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} {per_sec} {eta}");
            ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        Self { json, bar }
    }

    fn show(&self, event: &FinetuneEvent<'_>) {
        match event {
            FinetuneEvent::Step { phase, epoch, step, steps, loss } => {
                if let Some(bar) = &self.bar {
                    bar.set_length(*steps as u64);
                    bar.set_position(*step as u64);
                    bar.set_message(format!("epoch {epoch} {phase} loss {loss:.3}"));
                }
            }
            FinetuneEvent::Epoch { phase, epoch } => self.epoch(phase, epoch),
            _ => {}
        }
    }

    fn epoch(&self, phase: &str, epoch: &Epoch) {
        let line = if self.json {
            epoch_json(phase, epoch).to_string()
        } else {
            format!(
                "epoch {:>3}  {phase:<8} train loss {:.4}  val loss {:.4}  val accuracy {:>6}  {:.1} s",
                epoch.number,
                epoch.train.loss,
                epoch.val.loss,
                percent(epoch.val.accuracy),
                epoch.duration.as_secs_f64()
            )
        };
        match &self.bar {
            Some(bar) => bar.suspend(|| say!("{line}")),
            None => say!("{line}"),
        }
    }

    fn end(&self, Outcome { best, weights, duration }: &Outcome) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        let seconds = duration.as_secs_f64();
        if self.json {
            say!(
                "{}",
                json!({
                    "best_val_accuracy": best.val.accuracy,
                    "weights": weights,
                    "seconds": seconds,
                })
            );
        } else {
            let weights = weights.as_ref().map(|path| path.display().to_string());
            say!(
                "best: epoch {}, val accuracy {}, saved as {}, {seconds:.1} s",
                best.number,
                percent(best.val.accuracy),
                weights.unwrap_or_default()
            );
        }
    }
}
