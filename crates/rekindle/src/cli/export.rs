//! `rekindle export`: a model as ONNX.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use anyhow::bail;
use clap::Args;
use rekindle::{ExportConfig, Exported, export_forecaster, forecast::Forecaster};
use serde_json::{Value, json};

use super::{
    Common,
    kind::{Kind, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

#[cfg(feature = "verify")]
mod int8;

/// Where a file of weights says how it forecasts.
const FORECASTER: &str = "rekindle.forecast";

/// Write a model as ONNX, for programs in any language.
///
/// Batches may be of any size, and texts of any length up to the model's longest. Outputs are `logits`, and `probabilities` as
/// `rekindle predict` has them (`values` of numbers, `embeddings` of a model without a head). Labels, preprocessing and license
/// are in its metadata. Beside it NAME.check.safetensors holds inputs and what they must give, which `rekindle verify` looks at,
/// and NAME.tokenizer.json what cuts texts into tokens. `rekindle predict` needs no ONNX: it takes the weights themselves.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// The file to write, over an older one if there is one.
    #[arg(long, value_name = "FILE.onnx")]
    out: PathBuf,
    /// Keep weights in float16: half as large. What is computed stays in float32.
    #[arg(long)]
    half: bool,
    /// Give embeddings too.
    #[arg(long)]
    embeddings: bool,
    /// So many tokens for every text, padding among them. [default: any number, but of networks that take a step a token]
    #[arg(long, value_parser = numbers::count)]
    length: Option<usize>,
    /// Let the graph resize, crop and normalize pictures: it takes `pixels`, [batch, height, width, channels] in 8 bits.
    #[arg(long)]
    with_preprocessing: bool,
    #[cfg(feature = "verify")]
    #[command(flatten)]
    int8: int8::Int8,
    #[command(flatten)]
    pub(super) common: Common,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        if self.out.extension().is_none_or(|ending| ending != "onnx") {
            bail!("{}: does not end in .onnx; name a file that does", self.out.display());
        }
        let weights = self.weights.opened()?;
        if weights.file.metadata().contains_key(FORECASTER) {
            return self.forecaster(weights.file.path());
        }
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.export(&weights))
    }

    /// What `rekindle forecast` wrote.
    fn forecaster(&self, path: &Path) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let refused = [
            (self.embeddings, "--embeddings"),
            (self.length.is_some(), "--length"),
            (self.with_preprocessing, "--with-preprocessing"),
        ];
        if let Some((_, option)) = refused.iter().find(|(asked, _)| *asked) {
            bail!("{option}: is not for what forecasts; leave it out");
        }
        let forecaster = Forecaster::open(path, &self.common.device.open()?)?;
        let exported = export_forecaster(&forecaster)?;
        let exported = if self.half { exported.half() } else { exported };
        self.say(&exported, &Value::Null, start)
    }

    fn export<M: Kind>(&self, weights: &OpenedWeights) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let device = self.common.device.open()?;
        let model = weights.model::<M>(&device)?;
        let config = ExportConfig {
            embeddings: self.embeddings,
            length: self.length,
            preprocessing: self.with_preprocessing,
        };
        let exported = model.export(&config)?;
        let exported = if self.half { exported.half() } else { exported };
        #[cfg(feature = "verify")]
        let (exported, cost) = match self.int8.int8 {
            true => {
                self.int8.quantized(&model, exported).map(|(graph, cost)| (graph, Some(cost)))?
            }
            false => (exported, None),
        };
        #[cfg(feature = "verify")]
        let int8 = cost.map_or(Value::Null, |cost| {
            say_unless(self.common.json, &cost.line);
            json!({ "metric": cost.metric, "before": cost.before, "after": cost.after })
        });
        #[cfg(not(feature = "verify"))]
        let int8 = Value::Null;
        self.say(&exported, &int8, start)
    }

    fn say(&self, exported: &Exported, int8: &Value, start: Instant) -> anyhow::Result<ExitCode> {
        let written = exported.save(&self.out)?;
        let operators = exported.onnx.operators();
        let nodes: usize = operators.values().sum();
        if self.common.json {
            output::json(&json!({
                "out": written.onnx,
                "check": written.check,
                "tokenizer": written.tokenizer,
                "nodes": nodes,
                "operators": operators,
                "bytes": exported.onnx.bytes(),
                "length": exported.length,
                "int8": int8,
                "seconds": start.elapsed().as_secs_f64(),
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        let megabytes = exported.onnx.bytes() as f64 / 1e6;
        say!("{}: {nodes} nodes, {megabytes:.1} MB of weights", self.out.display());
        if let Some(length) = exported.length {
            say!("texts are of {length} tokens each, with padding behind");
        }
        say!("{}: what it must compute; `rekindle verify` looks", written.check.display());
        if let Some(tokenizer) = written.tokenizer {
            say!("{}: what cuts texts into tokens", tokenizer.display());
        }
        Ok(ExitCode::SUCCESS)
    }
}

#[cfg(feature = "verify")]
fn say_unless(quiet: bool, line: &str) {
    if !quiet {
        say!("{line}");
    }
}
