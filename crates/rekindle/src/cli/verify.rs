//! `rekindle verify`: whether a graph of ONNX computes what it must.

use std::{path::PathBuf, process::ExitCode, time::Instant};

use clap::Args;
use rekindle::onnx::{check_path, verify};
use serde_json::json;

use super::output;

/// Run a graph that `rekindle export` wrote, and compare what it gives with what the model gave: FILE.check.safetensors.
///
/// Another program runs it: rten, which is Rust and knows nothing of this one. The exit code is 1 where a number is further off
/// than --tolerance.
#[derive(Args)]
pub(super) struct Arguments {
    /// The graph.
    #[arg(value_name = "FILE.onnx")]
    file: PathBuf,
    /// The greatest difference that is none, relative to the greatest number of an output and at least to one. [default: what
    /// FILE.check.safetensors says: 1e-4, 1e-2 of weights in float16, 2e-2 where pictures are resized, 0.1 of products in 8 bits]
    #[arg(long)]
    tolerance: Option<f64>,
    /// Print one JSON object.
    #[arg(long)]
    json: bool,
}

impl Arguments {
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let start = Instant::now();
        let found = verify(&self.file)?;
        let tolerance = self.tolerance.unwrap_or(found.tolerance);
        let holds = found.difference <= tolerance;
        if self.json {
            output::json(&json!({
                "file": self.file,
                "batches": found.batches,
                "difference": found.difference,
                "tolerance": tolerance,
                "holds": holds,
                "seconds": start.elapsed().as_secs_f64(),
            }))?;
        } else {
            let (apart, path) = (found.difference, self.file.display());
            let verdict =
                if holds { "computes what the model does" } else { "computes something else" };
            say!(
                "{path}: {verdict}; the greatest difference of {} batches is {apart:.1e}",
                found.batches
            );
            if !holds {
                say!(
                    "more than {tolerance:.0e}: export it again, or see {}",
                    check_path(&self.file).display()
                );
            }
        }
        Ok(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
