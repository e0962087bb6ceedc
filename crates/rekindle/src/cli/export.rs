//! `rekindle export`: a model as ONNX.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use anyhow::bail;
use clap::Args;
use rekindle::ExportConfig;
use serde_json::json;

use super::{
    Common,
    kind::{Kind, of_kind},
    numbers, output,
    weights::{OpenedWeights, WeightsArguments},
};

#[cfg(feature = "verify")]
mod int8;

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
        let (kind, weights) = self.weights.opened_kind()?;
        of_kind!(kind, self.export(&weights))
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
        let written = exported.save(&self.out)?;
        let operators = exported.onnx.operators();
        let nodes: usize = operators.values().sum();
        if self.common.json {
            #[allow(unused_mut, reason = "without the runtime there is nothing to add")]
            let mut line = json!({
                "out": written.onnx,
                "check": written.check,
                "tokenizer": written.tokenizer,
                "nodes": nodes,
                "operators": operators,
                "bytes": exported.onnx.bytes(),
                "length": exported.length,
                "seconds": start.elapsed().as_secs_f64(),
            });
            #[cfg(feature = "verify")]
            if let Some(cost) = cost {
                line["int8"] = json!({
                    "metric": cost.metric,
                    "before": cost.before,
                    "after": cost.after,
                });
            }
            output::json(&line)?;
            return Ok(ExitCode::SUCCESS);
        }
        let megabytes = exported.onnx.bytes() as f64 / 1e6;
        say!("{}: {nodes} nodes, {megabytes:.1} MB of weights", self.out.display());
        #[cfg(feature = "verify")]
        if let Some(cost) = cost {
            say!("{}", cost.line);
        }
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
