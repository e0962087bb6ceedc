//! `rekindle predict`: what is in a picture.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context;
use clap::Args;
use rekindle::{Guess, Model, data};
use serde_json::json;

use super::{Common, weights::WeightsArguments};

/// Name what is in pictures.
#[derive(Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    weights: WeightsArguments,
    /// Labels to show for each picture.
    #[arg(long, default_value_t = 5)]
    top: usize,
    #[command(flatten)]
    pub(super) common: Common,
    /// Pictures.
    #[arg(required = true)]
    images: Vec<PathBuf>,
}

impl Arguments {
    /// A picture that cannot be read is said, the others are still named, and the exit code is 1.
    pub(super) fn run(&self) -> anyhow::Result<ExitCode> {
        let device = self.common.device.open()?;
        let weights = self.weights.find()?;
        let (model, report) = Model::open(self.weights.model.as_deref(), &weights.path, &device)?;
        report.notes().iter().for_each(|note| eprintln!("{}: {note}", weights.path.display()));
        let mut failed = 0;
        for image in &self.images {
            match name(&model, image) {
                Ok(guesses) => self.print(image, &guesses[..self.top.min(guesses.len())]),
                Err(error) => {
                    eprintln!("error: {error:#}");
                    failed += 1;
                }
            }
        }
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn print(&self, image: &Path, guesses: &[Guess]) {
        if self.common.json {
            let top: Vec<_> = guesses
                .iter()
                .map(|Guess { index, label, probability }| {
                    json!({ "label": label, "index": index, "probability": probability })
                })
                .collect();
            say!("{}", json!({ "image": image, "top": top }));
        } else {
            say!("{}", image.display());
            for guess in guesses {
                say!("  {:>5.1}%  {}", 100.0 * guess.probability, guess.label);
            }
        }
    }
}

fn name(model: &Model, image: &Path) -> anyhow::Result<Vec<Guess>> {
    let picture = data::decode(image)?;
    let mut guesses = model.predict(&[picture])?;
    guesses.pop().context("a picture without an answer")
}
