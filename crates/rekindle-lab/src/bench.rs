//! How long networks take on this machine, and where the time goes.
//!
//! Each row is measured in a process of its own, so that its peak memory is its own. Times are medians.

mod cold;
mod forecast;
mod machine;
mod network;
mod pool;
mod report;
mod rows;
mod serve;
mod step;
mod texts;
mod tuning;

use std::io::Write;

use clap::Subcommand;

pub use cold::Cold;
pub use forecast::NBeatsStep;
pub use rows::Networks;
pub use serve::Serve;
pub use texts::{Embed, RecurrentLayers};
pub use tuning::TuningStep;

use network::Pass;

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Bench {
    /// Forward, without a graph.
    Infer(Networks),
    /// A training step: forward with the batch's statistics, backward, SGD with momentum.
    Train(Networks),
    /// A fresh process: open weights, decode a picture, predict.
    Cold(Cold),
    /// Embeddings of texts by a pretrained encoder, sorted by length: tokens and all.
    Embed(Embed),
    /// A training step, and going forward, of an embedding, a layer over time and a linear layer.
    Recurrent(RecurrentLayers),
    /// A step of fine-tuning a pretrained encoder of texts: every parameter, with AdamW.
    Tune(TuningStep),
    /// A server with many clients, beside the same model predicting in batches.
    Serve(Serve),
    /// A training step of N-BEATS.
    #[command(name = "nbeats")]
    NBeats(NBeatsStep),
    /// What the machine can do: arithmetic of `gemm`, and bandwidth.
    Machine {
        /// Threads to use.
        #[arg(long, default_value_t = 2)]
        threads: usize,
    },
}

impl Bench {
    /// Measures, and writes a line a row.
    ///
    /// # Errors
    ///
    /// If a network is unknown, a process of its own cannot be started or fails, or `out` cannot be written.
    pub fn run(&self, out: &mut impl Write) -> anyhow::Result<()> {
        match self {
            Self::Infer(networks) => networks.measure(Pass::Infer, out),
            Self::Train(networks) => networks.measure(Pass::Train, out),
            Self::Cold(cold) => cold.measure(out),
            Self::Embed(embed) => embed.measure(out),
            Self::Recurrent(layers) => layers.measure(out),
            Self::Tune(step) => step.measure(out),
            Self::Serve(serve) => serve.measure(out),
            Self::NBeats(step) => step.measure(out),
            Self::Machine { threads } => {
                let machine = pool::in_pool(*threads, machine::measure)?;
                let (flops, bandwidth) = (machine.flops / 1e9, machine.bandwidth / 1e9);
                writeln!(out, "{flops:.0} GFLOP/s, {bandwidth:.1} GB/s on {threads} threads")?;
                Ok(())
            }
        }
    }
}
