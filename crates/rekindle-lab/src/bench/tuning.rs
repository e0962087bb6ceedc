//! A step of fine-tuning an encoder of texts.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, ensure};
use burn::{
    module::Module,
    nn::{Linear, LinearConfig, loss::CrossEntropyLossConfig},
    prelude::*,
    tensor::Distribution,
};
use clap::Args;
use rekindle_checkpoint::{CheckpointFile, HeadPolicy, Naming, load};
use rekindle_kernels::profile::Operation;
use rekindle_language::{EncoderConfig, TextBackbone};
use rekindle_layers::{Backbone, Tokens};
use serde_json::json;

use super::{pool, step};

/// An encoder, and how many texts of how many tokens at once.
#[derive(Debug, Args)]
pub struct TuningStep {
    /// The encoder's folder, as the Hub has it.
    folder: PathBuf,
    #[arg(long, default_value_t = 16)]
    batch: usize,
    /// Tokens of each text.
    #[arg(long, default_value_t = 64)]
    length: usize,
    #[arg(long, default_value_t = 2)]
    threads: usize,
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    /// What the time is spent on.
    #[arg(long)]
    profile: bool,
}

/// What texts are told apart into.
const CLASSES: usize = 2;

#[derive(Module, Debug)]
struct Tuned {
    network: TextBackbone,
    head: Linear,
}

impl TuningStep {
    /// Measures, a line.
    ///
    /// # Errors
    ///
    /// If the encoder cannot be read, or `out` cannot be written.
    pub fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self { batch, length, .. } = *self;
        ensure!(batch * length > 0, "a batch of no tokens");
        let (seconds, recorded) = pool::in_pool(self.threads, || self.times())??;
        let milliseconds = (seconds * 1e5).round() / 100.0;
        if self.json {
            let row = json!({"what": "tune", "peer": "rekindle", "batch": batch, "length": length,
                "train_ms": milliseconds});
            writeln!(out, "{row}")?;
        } else {
            writeln!(out, "{batch} x {length}: a step {milliseconds} ms")?;
        }
        if self.profile {
            step::show(&recorded, out)?;
        }
        Ok(())
    }

    /// The median of some steps in seconds, and what one more did.
    fn times(&self) -> anyhow::Result<(f64, Vec<Operation>)> {
        let Self { batch, length, .. } = *self;
        let file = CheckpointFile::open(&self.folder)?;
        let config = file.config_json().context("the folder has no config.json")?;
        let config = EncoderConfig::from_json(config)?;
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let network = TextBackbone::new(&config, &device);
        let naming = Naming::of(&network, "", "");
        let (network, _) = load(network, &file, &naming, HeadPolicy::Fresh)?;
        let head = LinearConfig::new(network.embed_dim(), CLASSES).init(&device);
        let range = Distribution::Uniform(1.0, config.vocab_size as f64);
        let drawn = Tensor::<2>::random([batch, length], range, &plain);
        let tokens = Tokens {
            ids: Tensor::from_inner(drawn.int()),
            types: Tensor::zeros([batch, length], &device),
            mask: Tensor::ones([batch, length], &device),
        };
        step::times(self.runs, Tuned { network, head }, |tuned| {
            let targets = Tensor::<1, Int>::zeros([batch], &device);
            let logits = tuned.head.forward(tuned.network.embed(tokens.clone()));
            CrossEntropyLossConfig::new().init(&device).forward(logits, targets)
        })
    }
}
