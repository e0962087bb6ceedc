//! Pretrains the starter that `first_light` begins with: a ResNet-20 on 24 classes of doodles.
//!
//! ```sh
//! cargo xtask train-starter           # writes runs/starter/best.safetensors
//! cp runs/starter/best.safetensors weights/resnet20_cifar.doodles.safetensors
//! ```
//!
//! Expected: 93% of 1,200 validation pictures right after 8 epochs.
#![allow(clippy::print_stdout, reason = "an example shows what it does")]

mod support;

use std::path::PathBuf;

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device, Finetune, FinetuneEvent, Model,
    data::{Augment, RandomCrop},
    finetune,
    train::{OptimizerConfig, Schedule},
    transfer::{Frozen, Phase, Plan, Statistics},
};
use rekindle_doodles::Task;

/// Pretrains the starter checkpoint.
#[derive(Parser)]
struct Arguments {
    /// Epochs.
    #[arg(long, default_value_t = 8)]
    epochs: usize,
    /// Pictures of each class to train on.
    #[arg(long, default_value_t = 500)]
    per_class: usize,
    /// Folder for best.safetensors and log.jsonl.
    #[arg(long, default_value = "runs/starter")]
    out: PathBuf,
}

fn main() -> Result<()> {
    let Arguments { epochs, per_class, out } = Arguments::parse();
    let device = Device::flex().autodiff();
    device.seed(0);
    let labels = support::labels(Task::Source);
    let (model, _) = Model::for_labels(Some("resnet20_cifar"), None, &labels, &device)?;
    let phase = Phase {
        name: "pretrain".to_owned(),
        epochs,
        frozen: Frozen::Nothing,
        lr: 0.1,
        decay: 1.0,
        statistics: Statistics::Updated,
    };
    let config = Finetune {
        plan: Plan { phases: vec![phase] },
        optimizer: OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 5e-4 },
        schedule: Schedule::Cosine { warmup: 0.1 },
        batch: 64,
        augment: Augment {
            crop: Some(RandomCrop { area: [0.7, 1.0], ..RandomCrop::STANDARD }),
            flip: 0.5,
        },
        seed: 0,
    };
    let samples =
        [support::doodles(Task::Source, per_class, 0)?, support::doodles(Task::Source, 50, 1)?];
    let model = support::expect_doodles(model);
    let (_, outcome) = finetune(model, samples, &config, Some(&out), |event| match event {
        FinetuneEvent::Step { epoch, step, steps, loss, .. } if step % 20 == 0 => {
            println!("epoch {epoch} step {step}/{steps} loss {loss:.3}");
        }
        FinetuneEvent::Epoch { epoch, .. } => println!(
            "epoch {}: val loss {:.3}, val accuracy {:.1}%, {:.0} s",
            epoch.number,
            epoch.val.loss,
            100.0 * epoch.val.accuracy,
            epoch.duration.as_secs_f64()
        ),
        _ => {}
    })?;
    println!("best epoch {}: {:.1}%", outcome.best.number, 100.0 * outcome.best.val.accuracy);
    Ok(())
}
