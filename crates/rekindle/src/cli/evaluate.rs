//! `rekindle evaluate`: how often a model is right.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use rekindle::{
    Model, TestViews,
    data::Part,
    metrics::{Classification, Predictions, majority},
};
use serde_json::json;

use super::{Common, percent, weights::WeightsArguments};

/// Measure a model on labelled pictures.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// One folder per label, or test/ (or val/) of those.
    #[arg(long)]
    data: PathBuf,
    /// What to measure on. [default: test/ where there is one, else val/, else all]
    #[arg(long)]
    part: Option<Which>,
    /// Look at each picture mirrored too, and average the answers.
    #[arg(long)]
    mirror: bool,
    /// Pictures a step.
    #[arg(long, default_value_t = 32)]
    batch: usize,
    #[command(flatten)]
    pub(super) common: Common,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Which {
    Train,
    Val,
    Test,
}

impl From<Which> for Part {
    fn from(which: Which) -> Self {
        match which {
            Which::Train => Self::Train,
            Which::Val => Self::Val,
            Which::Test => Self::Test,
        }
    }
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let device = self.common.device.open()?;
        let weights = self.weights.find()?;
        let (model, report) = Model::open(self.weights.model.as_deref(), &weights.path, &device)?;
        report.notes().iter().for_each(|note| eprintln!("{}: {note}", weights.path.display()));
        let views = if self.mirror { TestViews::Mirrored } else { TestViews::One };
        let part = self.part.map(Part::from);
        let (part, predictions) = rekindle::evaluate(&model, &self.data, part, self.batch, views)?;
        say(&model, part, &predictions, self.common.json, start);
        Ok(ExitCode::SUCCESS)
    }
}

/// What came out, and what always answering the most frequent label would give.
pub(super) fn say(
    model: &Model,
    part: Part,
    predictions: &Predictions,
    as_json: bool,
    start: Instant,
) {
    let metrics = Classification::of(predictions);
    let (most, always) = majority(predictions.labels(), predictions.labels());
    let label = model.config.label(most).unwrap_or_default();
    if as_json {
        let mut found = json!({
            "images": metrics.examples,
            "part": part.name(),
            "interval": [metrics.interval.low, metrics.interval.high],
            "majority": always,
            "probe_val_accuracy": model.probe,
            "confusion": metrics.confusion,
            "seconds": start.elapsed().as_secs_f64(),
        });
        for (name, value) in metrics.values().iter() {
            found[name] = value.into();
        }
        say!("{found}");
        return;
    }
    let [accuracy, low, high, top5, always] =
        [metrics.accuracy, metrics.interval.low, metrics.interval.high, metrics.top5, always]
            .map(percent);
    say!(
        "{} pictures ({}): accuracy {accuracy} ({low} to {high} at 95%), top-5 {top5}, loss {:.4}, {:.1} s",
        metrics.examples,
        part.name(),
        metrics.log_loss,
        start.elapsed().as_secs_f64()
    );
    let probe = model.probe.map_or_else(String::new, |probe| {
        format!("; when it was trained, a probe of the weights it began with had {} on its validation pictures", percent(probe))
    });
    say!("to beat: always `{label}`: {always}{probe}");
}
