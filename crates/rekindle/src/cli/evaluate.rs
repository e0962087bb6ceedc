//! `rekindle evaluate`: how often a model is right.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use rekindle::{Model, TestViews, metrics::Classification};
use serde_json::json;

use super::{Common, percent};

/// Measure a model on labelled pictures.
#[derive(Args)]
pub(super) struct Arguments {
    /// An architecture or checkpoint; not needed where the weights say what they are.
    #[arg(long)]
    model: Option<String>,
    /// A weights file, or a folder with config.json and model.safetensors.
    #[arg(long)]
    weights: PathBuf,
    /// One folder per label, or val/ (or test/) of those.
    #[arg(long)]
    data: PathBuf,
    /// Look at each picture mirrored too, and average the answers.
    #[arg(long)]
    mirror: bool,
    /// Pictures a step.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let device = self.common.device.open()?;
        let (model, _) = Model::open(self.model.as_deref(), &self.weights, &device)?;
        let views = if self.mirror { TestViews::Mirrored } else { TestViews::One };
        let predictions = rekindle::evaluate(&model, &self.data, self.batch, views)?;
        let metrics = Classification::of(&predictions);
        if self.common.json {
            say!(
                "{}",
                json!({
                    "images": metrics.examples,
                    "accuracy": metrics.accuracy,
                    "top5": metrics.top5,
                    "loss": metrics.log_loss,
                    "interval": [metrics.interval.low, metrics.interval.high],
                    "auroc": metrics.auroc,
                    "calibration_error": metrics.calibration_error,
                    "confusion": metrics.confusion,
                })
            );
        } else {
            say!(
                "{} pictures: accuracy {} ({} to {} at 95%), top-5 {}, loss {:.4}, {:.1} s",
                metrics.examples,
                percent(metrics.accuracy),
                percent(metrics.interval.low),
                percent(metrics.interval.high),
                percent(metrics.top5),
                metrics.log_loss,
                start.elapsed().as_secs_f64()
            );
        }
        Ok(ExitCode::SUCCESS)
    }
}
