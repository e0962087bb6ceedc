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
use rekindle_language::{EncoderConfig, TextBackbone};
use rekindle_layers::{Backbone, Tokens};
use serde_json::json;

use super::step::{self, StepOptions, Times};

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
    #[command(flatten)]
    step: StepOptions,
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
        let row = json!({"what": "tune", "batch": batch, "length": length});
        self.step.measure(out, (format!("{batch} x {length}"), row), |runs| self.times(runs))
    }

    fn times(&self, runs: usize) -> anyhow::Result<Times> {
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
        step::times(runs, Tuned { network, head }, |tuned| {
            let targets = Tensor::<1, Int>::zeros([batch], &device);
            let logits = tuned.head.forward(tuned.network.embed(tokens.clone()));
            CrossEntropyLossConfig::new().init(&device).forward(logits, targets)
        })
    }
}
