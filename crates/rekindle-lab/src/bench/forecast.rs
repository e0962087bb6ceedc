//! A step of N-BEATS as a course on forecasting has it.

use std::io::Write;

use anyhow::ensure;
use burn::{prelude::*, tensor::Distribution};
use clap::Args;
use rekindle_forecast::{Family, ForecastBackbone, NetworkConfig};
use rekindle_layers::Backbone;
use serde_json::json;

use super::step::{self, StepOptions, Times};

/// Blocks of dense layers, generic, which see 7 values and say 1.
#[derive(Debug, Args)]
pub struct NBeatsStep {
    #[arg(long, default_value_t = 1024)]
    batch: usize,
    /// Blocks.
    #[arg(long, default_value_t = 30)]
    blocks: usize,
    /// Units of each of the four layers of a block.
    #[arg(long, default_value_t = 512)]
    width: usize,
    #[command(flatten)]
    step: StepOptions,
}

/// What is seen and what is said, of the course.
const WINDOW: usize = 7;
const HORIZON: usize = 1;

impl NBeatsStep {
    /// Measures, a line.
    ///
    /// # Errors
    ///
    /// If there is nothing to measure, or `out` cannot be written.
    pub fn measure(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let Self { batch, .. } = *self;
        ensure!(batch > 0, "a batch of no windows");
        let row = json!({"what": "nbeats", "batch": batch});
        let called = format!("N-BEATS, {batch} windows");
        self.step.measure(out, (called, row), |runs| self.times(runs))
    }

    fn times(&self, runs: usize) -> anyhow::Result<Times> {
        let plain = Device::flex();
        let device = plain.clone().autodiff();
        let Self { batch, blocks, width, .. } = *self;
        let config = NetworkConfig::new(Family::NBeats, WINDOW, HORIZON, 1);
        let config = NetworkConfig { blocks, width, ..config };
        let network = ForecastBackbone::new(&config, &device)?;
        let normal = Distribution::Normal(0.0, 1.0);
        let input = Tensor::from_inner(Tensor::<3>::random([batch, WINDOW, 1], normal, &plain));
        let right = Tensor::from_inner(Tensor::<2>::random([batch, HORIZON], normal, &plain));
        step::times(runs, network, |network| {
            (network.embed(input.clone()) - right.clone()).abs().mean()
        })
    }
}
