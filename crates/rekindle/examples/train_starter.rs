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

use std::{ops::ControlFlow, path::PathBuf};

use anyhow::Result;
use clap::Parser;
use rekindle::{
    Device, FinetuneConfig, Model, Network, RunFolder,
    data::{Augment, RandomCrop},
    finetune,
    metrics::Values,
    train::{Classify, LOSS, OptimizerConfig, Train, TrainEvent, Validation},
    transfer::{BatchNormPolicy, Frozen, Phase, Plan},
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
        optimizer: OptimizerConfig::Sgd { momentum: 0.9, weight_decay: 5e-4 },
        batch_norm: BatchNormPolicy::Updated,
        ..Phase::new("pretrain", epochs, Frozen::Nothing, 0.1)
    };
    let task = Classify::new(labels.len());
    let mut config = FinetuneConfig::new(Plan::new(vec![phase]), task).from_nothing();
    config.inputs.augment = Augment {
        crop: Some(RandomCrop { area: [0.7, 1.0], ..RandomCrop::STANDARD }),
        ..Augment::FLIP
    };
    config.engine.batch = 64;
    let samples = (
        Train(support::doodles(Task::Source, per_class, 0)?),
        Validation(support::doodles(Task::Source, 50, 1)?),
    );
    let model = support::expect_doodles(model);
    let value = |values: &Values, name| values.get(name).unwrap_or(f64::NAN);
    let mut listen = |event: &TrainEvent<'_, Network>| {
        match event {
            TrainEvent::Step { epoch, step, steps, loss, .. } if step % 20 == 0 => {
                println!("epoch {epoch} step {step}/{steps} loss {loss:.3}");
            }
            TrainEvent::Epoch { state, .. } => {
                if let Some(epoch) = state.history.last() {
                    println!(
                        "epoch {}: val loss {:.3}, val accuracy {:.1}%, {:.0} s",
                        epoch.number,
                        value(&epoch.val, LOSS),
                        100.0 * value(&epoch.val, "accuracy"),
                        epoch.seconds
                    );
                }
            }
            _ => {}
        }
        Ok(ControlFlow::Continue(()))
    };
    let run = RunFolder::new(&out);
    let outcome = finetune(model, samples, &config, Some(&run), &mut [&mut listen])?;
    let accuracy = value(&outcome.best.val, "accuracy");
    println!("best epoch {}: {:.1}%", outcome.best.number, 100.0 * accuracy);
    Ok(())
}
